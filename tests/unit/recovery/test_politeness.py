"""Quiet hours end when they say, in their own zone, over midnight and over a change of the clocks."""

from __future__ import annotations

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest

from recovery.workers.politeness import LONGEST_BREAKER_SECONDS, Manners, QuietHours

BERLIN = ZoneInfo("Europe/Berlin")
SHANGHAI = ZoneInfo("Asia/Shanghai")


def moment(written: str) -> datetime:
    """Return a moment in UTC."""
    return datetime.fromisoformat(written).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "now, until",
    [
        ("2026-11-23T00:59:59", None),
        ("2026-11-23T01:00:00", "2026-11-23T10:00:00"),  # a Monday, nine o'clock in Shanghai
        ("2026-11-23T09:59:59", "2026-11-23T10:00:00"),
        ("2026-11-23T10:00:00", None),
        ("2026-11-22T05:00:00", None),  # a Sunday
    ],
)
def test_of_the_day(now: str, until: str | None) -> None:
    """From the first moment to the last, on the days that were named."""
    hours = QuietHours(time(9), time(18), SHANGHAI, frozenset(range(5)))

    assert (None if until is None else moment(until)) == hours.until(moment(now))


@pytest.mark.parametrize(
    "now, until",
    [
        ("2026-11-27T14:00:00", "2026-11-27T22:00:00"),  # Friday, 22:00 in Shanghai
        ("2026-11-27T21:00:00", "2026-11-27T22:00:00"),  # Saturday morning: still Friday's
        ("2026-11-28T14:00:00", None),  # Saturday evening
    ],
)
def test_over_midnight(now: str, until: str | None) -> None:
    """They belong to the day on which they begin."""
    hours = QuietHours(time(22), time(6), SHANGHAI, frozenset({4}))

    assert (None if until is None else moment(until)) == hours.until(moment(now))


@pytest.mark.parametrize(
    "now, until",
    [
        ("2026-03-28T21:30:00", "2026-03-29T04:00:00"),  # the night has an hour less
        ("2026-10-24T20:30:00", "2026-10-25T05:00:00"),  # and an hour more
    ],
)
def test_when_the_clocks_change(now: str, until: str) -> None:
    """They end when the clock on the wall says so."""
    hours = QuietHours(time(22), time(6), BERLIN)

    assert moment(until) == hours.until(moment(now))


def test_all_day() -> None:
    """Midnight to midnight is a whole day."""
    hours = QuietHours(time(0), time(0), BERLIN, frozenset({6}))

    assert moment("2026-11-22T23:00:00") == hours.until(moment("2026-11-22T12:00:00"))
    assert hours.until(moment("2026-11-23T12:00:00")) is None


def test_one_after_the_other() -> None:
    """Where the next quiet hours begin as the first ones end, nothing is called between them."""
    manners = Manners(
        quiet_hours=(
            QuietHours(time(8), time(12), BERLIN),
            QuietHours(time(12), time(18), BERLIN),
        )
    )

    assert moment("2026-11-23T17:00:00") == manners.quiet_until(moment("2026-11-23T08:00:00"))
    assert manners.quiet_until(moment("2026-11-23T18:00:00")) is None


def test_longer_each_time() -> None:
    """A breaker that opens again stays open twice as long, up to a limit."""
    manners = Manners(breaker_after=5, breaker_seconds=60.0)

    assert [60.0, 120.0, 240.0] == [manners.breaker_wait(count) for count in (5, 6, 7)]
    assert LONGEST_BREAKER_SECONDS == manners.breaker_wait(500)


def test_what_holds_nobody_back() -> None:
    """Stop rules judge what became of operations; nothing is to be asked before a call."""
    assert not Manners(stop_after_unexpected=3).holds_back
    assert Manners(breaker_after=3).holds_back
