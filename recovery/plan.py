"""Put operations in the order in which an executor can work in batches: chains link by link."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Final

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


def arrange(chains: Sequence[Chain], *, block: int = BLOCK) -> Iterator[PlannedOperation]:
    """Yield the operations of all chains with their `after` set.

    Neighbouring chains of one shape go link by link in blocks of `block` documents; the order of the chains
    is kept otherwise. A chain that follows another waits for that one's last operation.
    """
    emitted = 0
    last_index: dict[int, int] = {}
    for _, neighbours in groupby(enumerate(chains), key=lambda item: item[1].shape):
        for part in _blocks(list(neighbours), block):
            for link in range(len(part[0][1].operations)):
                for number, chain in part:
                    after = last_index.get(number) if link else None
                    if link == 0 and chain.follows is not None:
                        after = last_index.get(chain.follows)
                    yield replace(chain.operations[link], after=after)
                    last_index[number] = emitted
                    emitted += 1


def _blocks(members: Sequence[tuple[int, Chain]], block: int) -> Iterator[list[tuple[int, Chain]]]:
    """Split neighbours of one shape into blocks; a chain never shares one with a longer chain that it follows.

    Link by link it would come before the last operation of that one, for which it has to wait.
    """
    part: list[tuple[int, Chain]] = []
    numbers: set[int] = set()
    for number, chain in members:
        would_overtake = chain.follows in numbers and len(chain.operations) > 1
        if len(part) == block or would_overtake:
            yield part
            part, numbers = [], set()
        part.append((number, chain))
        numbers.add(number)
    if part:
        yield part
