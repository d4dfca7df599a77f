"""Put operations in the order in which an executor can work in batches: chains link by link."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Final

from connectors.contract import Ref
from recovery.model import PlannedOperation
from recovery.sql.positions import format_positions

NEEDS: Final = "needs"
"""In the details of an operation: positions of others of its change set that must hold before it is sent, as text."""

BLOCK: Final = 100
"""Documents whose first links run together before their second links do: a crash leaves at most this many
chains between two links."""


@dataclass(frozen=True, slots=True)
class Chain:
    """Every operation on one document, in order; `follows` is the index of a chain that must be done before.

    `needs` are indexes of more of them: every one must hold before the first operation of this chain is sent.
    """

    operations: tuple[PlannedOperation, ...]
    follows: int | None = None
    needs: frozenset[int] = frozenset()
    looks_at: frozenset[Ref] = frozenset()  # records of an evidence that the journal has already

    @property
    def shape(self) -> tuple[object, ...]:
        """What must be equal for two chains to share batches."""
        return tuple((op.system, op.step.action, op.executor) for op in self.operations)

    @property
    def refs(self) -> set[tuple[str, Ref]]:
        """Every record that it looks at, as far as the plan knows, with its system."""
        found = {
            (op.system, ref)
            for op in self.operations
            for ref in (op.step.ref, *(op.approved.refs() if op.approved is not None else ()))
        }
        return found | {(self.operations[0].system, ref) for ref in self.looks_at}


@dataclass(slots=True)
class _Group:
    """Chains of one shape, and every record that they look at."""

    shape: tuple[object, ...]
    chains: list[Chain]
    refs: set[tuple[str, Ref]]
    numbers: list[int]


def gather(chains: Sequence[Chain]) -> list[Chain]:
    """Return the chains with those of one shape side by side, so that they share batches.

    Two chains that look at a common record keep their order: what came first may be what the other rests on. So do
    a chain and those that it needs. For chains that follow no other one.
    """
    groups: list[_Group] = []
    group_of: dict[int, _Group] = {}
    for number, chain in enumerate(chains):
        refs, home = chain.refs, None
        needed = [group_of[each] for each in chain.needs]
        for group in reversed(groups):
            if group.shape == chain.shape:
                home = group
                break
            if not refs.isdisjoint(group.refs) or any(group is each for each in needed):
                break
        if home is None:
            home = _Group(chain.shape, [], set(), [])
            groups.append(home)
        home.chains.append(chain)
        home.refs |= refs
        home.numbers.append(number)
        group_of[number] = home
    place = {n: i for i, n in enumerate(n for group in groups for n in group.numbers)}
    return [
        replace(chain, needs=frozenset(place[n] for n in chain.needs)) if chain.needs else chain
        for group in groups
        for chain in group.chains
    ]


def arrange(chains: Sequence[Chain], *, block: int = BLOCK) -> Iterator[PlannedOperation]:
    """Yield the operations of all chains with their `after` set.

    Neighbouring chains of one shape go link by link in blocks of `block` documents; the order of the chains
    is kept otherwise. A chain that follows another, or needs others, waits for the last operation of each.
    """
    emitted = 0
    last_index: dict[int, int] = {}
    for part in _blocks(chains, block):
        for link in range(len(part[0][1].operations)):
            for number, chain in part:
                after = last_index.get(number) if link else None
                if link == 0 and chain.follows is not None:
                    after = last_index.get(chain.follows)
                operation = replace(chain.operations[link], after=after)
                if link == 0 and chain.needs:
                    # Positions count from 1.
                    needs = format_positions(sorted(last_index[n] + 1 for n in chain.needs))
                    operation = replace(operation, details={**operation.details, NEEDS: needs})
                yield operation
                last_index[number] = emitted
                emitted += 1


def _blocks(chains: Sequence[Chain], block: int) -> Iterator[list[tuple[int, Chain]]]:
    """Cut the chains into blocks of one shape; a chain never shares a block with one that it waits for."""
    for _, neighbours in groupby(enumerate(chains), key=lambda item: item[1].shape):
        part: list[tuple[int, Chain]] = []
        inside: set[int] = set()
        for number, chain in neighbours:
            waits_inside = chain.follows in inside or not inside.isdisjoint(chain.needs)
            if len(part) == block or waits_inside:
                yield part
                part, inside = [], set()
            part.append((number, chain))
            inside.add(number)
        yield part
