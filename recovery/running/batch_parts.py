"""What a batch is made of while it runs: what was captured, how each call ended, what became of all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from connectors.contract import Answer, Image, Ref
    from core.errors import RefusedError, StornoError
    from recovery.model import Operation
    from recovery.running.outcome import Outcome


@dataclass(slots=True)
class BatchResult:
    """What became of a batch: settled outcomes, and operations left for a later batch."""

    outcomes: list[Outcome] = field(default_factory=list)
    postponed: list[Operation] = field(
        default_factory=list
    )  # share a record with one of this batch
    stop: RefusedError | None = None  # log-in or rights: every other document would meet it too
    # Records that an operation before these still has to change: what touches them waits for its turn.
    held: set[Ref] = field(default_factory=set)


@dataclass(slots=True)
class Captured:
    """The operations of a batch that will be sent, with their before images."""

    operations: list[Operation] = field(default_factory=list)
    images: list[Image] = field(default_factory=list)
    encoded: list[bytes] = field(default_factory=list)
    hashes: list[str] = field(default_factory=list)

    def add(self, operation: Operation, image: Image, encoded: bytes, found: str) -> None:
        """Add one; `found` is the hash of its image."""
        self.operations.append(operation)
        self.images.append(image)
        self.encoded.append(encoded)
        self.hashes.append(found)

    def part(self, place: slice) -> Captured:
        """Return some of them."""
        return Captured(
            self.operations[place], self.images[place], self.encoded[place], self.hashes[place]
        )


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of one call: its answers and what the ERP shows since, or why there is one of them missing."""

    answers: Sequence[Answer] = ()
    after: Sequence[Image] = ()
    failed: StornoError | None = None  # the call
    unread: StornoError | None = None  # the call worked; reading back did not
