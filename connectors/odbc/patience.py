"""Not waiting for ever: a driver's calls run on a thread of their own, and whoever asked goes on without an answer.

The server ends a statement that takes too long. But a firewall that drops packets in silence, and a server that hangs,
say nothing at all; a driver then waits for hours, and no signal wakes it. No driver keeps a limit of its own for that
on every call, so the waiting is done here, where it can end.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from queue import Empty, SimpleQueue
from typing import Any, Final, NamedTuple, TypeVar

Item = TypeVar("Item")

GRACE: Final = 5.0
"""Seconds beyond the server's own limit: it speaks first where it speaks at all."""


LAST_LOOK: Final = 1.0


class Silence(Exception):
    """No answer came in time. `seconds`: how long was waited."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"no answer within {seconds:g} s")
        self.seconds = seconds


class _Ended(NamedTuple):
    value: Any
    error: BaseException | None


_Asked = tuple[Callable[..., Any], tuple[Any, ...], SimpleQueue[_Ended]]


class Patience:
    """Runs the calls of one connection one after the other, and waits for each only so long."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._asked: SimpleQueue[_Asked | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def __call__(self, call: Callable[..., Any], *arguments: Any) -> Any:
        """Return what a call returns, or raise what it raises. Raises `Silence` when it does not come back in time."""
        return self._answer(self._ask(call, arguments))

    def each(self, items: Iterator[Item]) -> Iterator[Item]:
        """Yield the items of an iterator (none of them None), the next one on its way while one is worked with."""
        ended = self._ask(next, (items, None))
        while (item := self._answer(ended)) is not None:
            ended = self._ask(next, (items, None))
            yield item

    def _answer(self, ended: SimpleQueue[_Ended]) -> Any:
        try:
            value, error = ended.get(timeout=self.seconds)
        except Empty:
            try:
                # A machine that slept, or a process that was stopped, finds its time over and the answer lying there.
                value, error = ended.get(timeout=LAST_LOOK)
            except Empty:
                raise Silence(self.seconds) from None
        if error is not None:
            raise error
        return value

    def end(self, last: Callable[[], None], *, is_waiting: bool) -> None:
        """Run one last call after whatever is under way; wait for it where somebody needs it done. Never raises."""
        ended = self._ask(last, ())
        self._asked.put(None)
        if is_waiting:
            try:
                ended.get(timeout=GRACE)
            except Empty:
                return

    def _ask(self, call: Callable[..., Any], arguments: tuple[Any, ...]) -> SimpleQueue[_Ended]:
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="odbc", daemon=True)
            self._thread.start()
        ended: SimpleQueue[_Ended] = SimpleQueue()
        self._asked.put((call, arguments, ended))
        return ended

    def _work(self) -> None:
        while (asked := self._asked.get()) is not None:
            call, arguments, ended = asked
            try:
                found = _Ended(call(*arguments), None)
            except BaseException as error:  # noqa: BLE001 - it is raised again where the call was asked for
                found = _Ended(None, error)
            ended.put(found)
            # Nothing is kept alive until the next call comes.
            del asked, call, arguments, ended, found


class AtOnce(Patience):
    """Runs calls where they are asked for: a database in a file has nobody who could be silent."""

    def __init__(self) -> None:
        super().__init__(0)

    def __call__(self, call: Callable[..., Any], *arguments: Any) -> Any:
        return call(*arguments)

    def each(self, items: Iterator[Item]) -> Iterator[Item]:
        yield from items

    def end(self, last: Callable[[], None], *, is_waiting: bool) -> None:
        del is_waiting
        last()
