"""The images of the next batch, read while the journal stores what became of this one.

Only a reading goes on behind anybody's back, one at a time, and only where the call itself compares what it changes
with what was read (`has_compare_and_set`): there an image may be a moment older. Nobody else calls the system
meanwhile; whoever has to, lets the reading end first (`forget`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from connectors.contract import Image
    from recovery.model import Operation


class ReadingAhead:
    """At most one reading for the batch that is expected next."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="storno-ahead")
        self._operations: Sequence[Operation] = ()
        self._reading: Future[list[Image]] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def start(self, operations: Sequence[Operation], read: Callable[[], list[Image]]) -> None:
        """Read the images of these operations, when a reading before has ended; whatever that found is forgotten."""
        self._operations = operations
        # The thread logs with the change set's name, which stands in the context.
        self._reading = self._pool.submit(copy_context().run, read)

    def take(self, operations: Sequence[Operation]) -> list[Image] | None:
        """Return the images that were read for just these operations, None where others were expected.

        Raises what the reading met: it is met now, and not asked a second time.
        """
        if self._reading is None:
            return None
        is_expected = [each.id for each in operations] == [each.id for each in self._operations]
        if not is_expected:
            self.forget()
            return None
        reading, self._reading = self._reading, None
        return reading.result()

    def forget(self) -> None:
        """Let the reading end, and forget it. Raises nothing that it met."""
        reading, self._reading = self._reading, None
        if reading is not None and not reading.cancel():
            reading.exception()
