"""The only source of time."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from core import clock

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)


def test_now_is_aware_and_utc() -> None:
    """A moment is never naive, and always UTC."""
    before = datetime.now(UTC)

    assert timedelta(0) == clock.now().utcoffset()
    assert before <= clock.now() <= datetime.now(UTC)


def test_fixed_clock() -> None:
    """Inside the block the clock stands still, outside it goes on."""
    with clock.fixed(NEW_YEAR):
        assert clock.now() == NEW_YEAR

    assert clock.now() > NEW_YEAR


def test_fixed_clock_may_move_and_nest() -> None:
    """A function can move the clock, and an inner block gives way to the outer one again."""
    moments = iter([NEW_YEAR, NEW_YEAR + timedelta(hours=1)])

    with clock.fixed(lambda: next(moments)):
        assert clock.now() == NEW_YEAR
        with clock.fixed(NEW_YEAR + timedelta(days=9)):
            assert NEW_YEAR + timedelta(days=9) == clock.now()
        assert NEW_YEAR + timedelta(hours=1) == clock.now()


def test_fixed_clock_is_given_back_after_an_error() -> None:
    """A block that fails does not leave its clock behind."""
    with pytest.raises(LookupError), clock.fixed(NEW_YEAR):
        raise LookupError

    assert clock.now() > NEW_YEAR


def test_sleep(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wait waits as long as asked, and not at all for nothing."""
    waited: list[float] = []
    monkeypatch.setattr(time, "sleep", waited.append)
    for seconds in (0.5, 0, -1):
        clock.sleep(seconds)

    assert waited == [0.5]


def test_monotonic_never_goes_back() -> None:
    """Durations are measured with a clock that nobody sets."""
    first = clock.monotonic()

    assert first <= clock.monotonic()
