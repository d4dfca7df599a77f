"""Calls that ended in a transient error are tried again; nothing else is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
import structlog
from structlog.typing import EventDict

from core import clock
from core.errors import Busy, OutcomeUnknown, RateLimited, Rejected, StornoError, Unreachable
from core.retry import RetryPolicy, transient


@dataclass
class Time:
    """A clock that moves only when somebody sleeps."""

    seconds: float = 0.0
    sleeps: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.seconds += seconds


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    """Replace the clock's waiting and measuring."""
    time = Time()
    monkeypatch.setattr(clock, "sleep", time.sleep)
    monkeypatch.setattr(clock, "monotonic", lambda: time.seconds)
    return time


@pytest.fixture(autouse=True)
def events() -> Iterator[list[EventDict]]:
    """Collect what is logged."""
    collected: list[EventDict] = []

    def collect(_logger: object, _method: str, event: EventDict) -> EventDict:
        collected.append(dict(event))
        raise structlog.DropEvent

    structlog.configure(processors=[collect])
    yield collected
    structlog.reset_defaults()


def failing(*errors: StornoError) -> Callable[[], str]:
    """Return a call that raises these errors in turn and then succeeds."""
    left = list(errors)

    def call() -> str:
        if left:
            raise left.pop(0)
        return "done"

    return call


def test_success_needs_no_wait(time: Time) -> None:
    """What works at once is called once."""
    assert transient(failing()) == "done"
    assert time.sleeps == []


def test_transient_error_is_tried_again(time: Time) -> None:
    """An unreachable system is asked again, after waits that grow."""
    busy = [Busy(system="erp", problem="work") for _ in range(4)]

    assert transient(failing(*busy), RetryPolicy(first_wait_seconds=1)) == "done"
    assert len(time.sleeps) == 4
    assert all(low <= wait <= low + 1 for low, wait in zip((1, 2, 4, 8), time.sleeps, strict=True))


def test_retry_after_is_honoured(time: Time) -> None:
    """A system that asks for a pause gets at least that pause."""
    limited = RateLimited(system="erp", problem="many", retry_after=17)

    assert transient(failing(limited)) == "done"
    assert time.sleeps == [17.0]


def test_longest_wait(time: Time) -> None:
    """Waits stop growing."""
    busy = [Busy(system="erp", problem="work") for _ in range(12)]
    policy = RetryPolicy(deadline_seconds=10_000, first_wait_seconds=1, longest_wait_seconds=5)

    assert transient(failing(*busy), policy) == "done"
    assert max(time.sleeps) == 5


def test_deadline_is_never_waited_past(time: Time) -> None:
    """When the next try would come after the deadline, the last error is raised at once."""
    limited = RateLimited(system="erp", problem="many", retry_after=3600)

    with pytest.raises(RateLimited):
        transient(failing(Busy(system="erp", problem="work"), limited))
    assert len(time.sleeps) == 1


def test_deadline_ends_the_tries(time: Time) -> None:
    """A system that stays away is given up within the deadline."""

    def call() -> None:
        raise Unreachable(system="erp", problem="down")

    with pytest.raises(Unreachable):
        transient(call, RetryPolicy(deadline_seconds=10, first_wait_seconds=1))
    assert 0 < time.seconds <= 10


@pytest.mark.parametrize(
    "error",
    [
        OutcomeUnknown(system="erp", problem="lost"),
        Rejected(system="erp", said="no"),
        ValueError("ours"),
    ],
)
def test_every_other_error_passes_at_once(time: Time, error: Exception) -> None:
    """A write whose answer was lost is never sent again, and neither is a refusal or a bug."""
    calls = 0

    def call() -> None:
        nonlocal calls
        calls += 1
        raise error

    with pytest.raises(type(error)):
        transient(call)
    assert calls == 1
    assert time.sleeps == []


@pytest.mark.usefixtures("time")
def test_each_try_is_logged(events: list[EventDict]) -> None:
    """One event for each new try, with what went wrong and how long we wait."""
    transient(failing(RateLimited(system="erp", problem="many", retry_after=17)))

    assert events == [
        {
            "event": "call.retried",
            "attempt": 1,
            "wait_seconds": 17.0,
            "code": "STO-0204",
            "problem": "erp wants fewer requests: many",
        }
    ]
