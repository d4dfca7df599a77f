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
