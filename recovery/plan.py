"""Put operations in the order in which an executor can work in batches: chains link by link."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Final

from connectors.contract import Ref
from recovery.model import PlannedOperation

BLOCK: Final = 100
"""Documents whose first links run together before their second links do: a crash leaves at most this many
chains between two links."""


@dataclass(frozen=True, slots=True)
class Chain:
    """Every operation on one document, in order; `follows` is the index of a chain that must be done before."""

    operations: tuple[PlannedOperation, ...]
    follows: int | None = None

    @property
    def shape(self) -> tuple[object, ...]:
        """What must be equal for two chains to share batches."""
        return tuple((op.system, op.step.action, op.executor) for op in self.operations)

    @property
    def refs(self) -> set[tuple[str, Ref]]:
        """Every record that it looks at, as far as the plan knows, with its system."""
        return {
            (op.system, ref)
            for op in self.operations
            for ref in (op.step.ref, *(op.approved.refs() if op.approved is not None else ()))
        }


@dataclass(slots=True)
class _Group:
    """Chains of one shape, and every record that they look at."""

    shape: tuple[object, ...]
    chains: list[Chain]
    refs: set[tuple[str, Ref]]


def gather(chains: Sequence[Chain]) -> list[Chain]:
    """Return the chains with those of one shape side by side, so that they share batches.

    Two chains that look at a common record keep their order: what came first may be what the other rests on.
    For chains that follow no other one.
    """
    groups: list[_Group] = []
    for chain in chains:
        refs, home = chain.refs, None
        for group in reversed(groups):
            if group.shape == chain.shape:
                home = group
                break
            if not refs.isdisjoint(group.refs):
                break
        if home is None:
            home = _Group(chain.shape, [], set())
            groups.append(home)
        home.chains.append(chain)
        home.refs |= refs
    return [chain for group in groups for chain in group.chains]


def arrange(chains: Sequence[Chain], *, block: int = BLOCK) -> Iterator[PlannedOperation]:
    """Yield the operations of all chains with their `after` set.

    Neighbouring chains of one shape go link by link in blocks of `block` documents; the order of the chains
    is kept otherwise. A chain that follows another waits for that one's last operation.
    """
    emitted = 0
    last_index: dict[int, int] = {}
    for part in _blocks(chains, block):
        for link in range(len(part[0][1].operations)):
            for number, chain in part:
                after = last_index.get(number) if link else None
                if link == 0 and chain.follows is not None:
                    after = last_index.get(chain.follows)
                yield replace(chain.operations[link], after=after)
                last_index[number] = emitted
                emitted += 1


def _blocks(chains: Sequence[Chain], block: int) -> Iterator[list[tuple[int, Chain]]]:
    """Cut the chains into blocks of one shape; a chain never shares a block with the one that it follows."""
    for _, neighbours in groupby(enumerate(chains), key=lambda item: item[1].shape):
        part: list[tuple[int, Chain]] = []
        for number, chain in neighbours:
            follows_inside = chain.follows is not None and any(
                chain.follows == other for other, _ in part
            )
            if len(part) == block or follows_inside:
                yield part
                part = []
            part.append((number, chain))
        yield part
