"""A clock that moves only when somebody waits, and that somebody may set wrongly."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Final
from unittest.mock import patch

from core import clock

START: Final = datetime(2026, 3, 31, 22, 0, tzinfo=UTC)
GLANCE_SECONDS: Final = 0.001
"""Whoever looks at the clock has taken so long."""


class MovingTime:
    """Time as it really passes, and as this machine's clock shows it."""

    def __init__(self) -> None:
        self._passed = 0.0
        self._wrong = timedelta()
        self._lock = Lock()
        self.longest_sleep = 0.0
        self.meanwhile: Callable[[float], None] = lambda _seconds: None

    def true_moment(self) -> datetime:
        """Return the moment that everybody else's clock shows."""
        return START + timedelta(seconds=self._passed)

    def now(self) -> datetime:
        """Return the moment that our clock shows."""
        with self._lock:
            self._passed += GLANCE_SECONDS
            return self.true_moment() + self._wrong

    def monotonic(self) -> float:
        """Return seconds that nobody can set."""
        with self._lock:
            self._passed += GLANCE_SECONDS
            return self._passed

    def sleep(self, seconds: float) -> None:
        """Let so much time pass at once."""
        with self._lock:
            self._passed += max(seconds, 0.0)
            self.longest_sleep = max(self.longest_sleep, seconds)
        self.meanwhile(seconds)

    def jump(self, seconds: float) -> None:
        """Set our clock forwards or backwards; no time passes."""
        self._wrong += timedelta(seconds=seconds)

    @contextmanager
    def in_force(self) -> Iterator[None]:
        """Inside, Storno's clock is this one."""
        with (
            clock.fixed(self.now),
            patch.object(clock, "sleep", self.sleep),
            patch.object(clock, "monotonic", self.monotonic),
            patch.object(clock, "steady", self.monotonic),
        ):
            yield
