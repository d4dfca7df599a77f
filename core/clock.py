"""The only source of time. Inside Storno every moment is an aware UTC `datetime`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

_source: Callable[[], datetime] | None = None


def now() -> datetime:
    """Return the present moment in UTC."""
    return datetime.now(UTC) if _source is None else _source()


def sleep(seconds: float) -> None:
    """Wait; every wait of ours goes through here, so that a test can replace it."""
    if seconds > 0:
        time.sleep(seconds)


def monotonic() -> float:
    """Seconds for measuring durations; never for a point in time."""
    return time.monotonic()


def steady() -> float:
    """Seconds of the machine's own steady clock: the same for all processes of one machine, until it starts anew.

    It never jumps, whatever is done to the time of day, so it says how old a lease is where all who ask are on one
    machine.
    """
    return time.monotonic()


@contextmanager
def fixed(moment: datetime | Callable[[], datetime]) -> Iterator[None]:
    """Replace the clock inside the block, for tests and for the demo's story."""
    global _source  # noqa: PLW0603 - the one replaceable clock of the process
    previous = _source
    _source = moment if callable(moment) else lambda: moment
    try:
        yield
    finally:
        _source = previous
