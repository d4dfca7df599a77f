"""How politely a system is treated: what may be asked of it, when, and when a run stops by itself."""

from __future__ import annotations

import re
from datetime import time
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field

from config.fields import Seconds, Section, Whole, Words, wrong
from config.secrets import FromOutside
from core.text import N_

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_QUIET: Final = re.compile(
    r"(?:(?P<first>[a-z]{3})(?:-(?P<last>[a-z]{3}))?\s+)?"
    r"(?P<from_h>\d\d?):(?P<from_m>\d\d)-(?P<to_h>\d\d?):(?P<to_m>\d\d)"
)
_MIDNIGHT: Final = ("24", "00")

QuietTimes = tuple[frozenset[int], time, time]
"""Days of the week on which quiet hours begin (0 is Monday), when they begin and when they end."""


def read_quiet_hours(written: str) -> QuietTimes:
    """Return what `mon-fri 08:00-18:00` means. Raises pydantic's error with a text for people."""
    found = _QUIET.fullmatch(written.strip().lower())
    problem = wrong(N_("must be hours such as 22:00-06:00, or with days: mon-fri 08:00-18:00"))
    if found is None:
        raise problem
    try:
        start = time(int(found["from_h"]), int(found["from_m"]))
        ends = (found["to_h"], found["to_m"])
        end = time(0) if ends == _MIDNIGHT else time(int(ends[0]), int(ends[1]))
        days = _days(found["first"], found["last"])
    except ValueError:
        raise problem from None
    return days, start, end


def _days(first: str | None, last: str | None) -> frozenset[int]:
    if first is None:
        return frozenset(range(len(DAYS)))
    begin = DAYS.index(first)
    end = begin if last is None else DAYS.index(last)
    # fri-mon goes over the end of the week.
    return frozenset((begin + day) % len(DAYS) for day in range((end - begin) % len(DAYS) + 1))


def _quiet_hours(written: str) -> str:
    read_quiet_hours(written)
    return written


def _time_zone(written: str) -> str:
    try:
        ZoneInfo(written)
    except (ValueError, OSError, KeyError):
        raise wrong(N_("must be a time zone such as Asia/Shanghai")) from None
    return written


def _rate(written: Any) -> Any:
    if isinstance(written, FromOutside):
        try:
            return float(Decimal(written))
        except InvalidOperation:
            return written
    return float(written) if isinstance(written, Decimal | int) else written


QuietHoursText = Annotated[str, AfterValidator(_quiet_hours)]
Rate = Annotated[float, BeforeValidator(_rate), Field(ge=0.001, le=10_000)]


class PolitenessSettings(Section):
    """How a system is treated while change sets are carried out, by all workers together."""

    calls_per_second: Rate | None = None
    """At most so many calls of Storno begin within a second; without it there is no limit."""
    calls_at_a_time: Whole | None = Field(default=None, ge=1, le=1_000)
    """At most so many calls at the same time, of all change sets; without it `parallel_calls` of each one."""
    quiet_hours: tuple[QuietHoursText, ...] = Field(default=(), strict=False)
    """When nothing is begun in it: `22:00-06:00`, or with days `mon-fri 08:00-18:00`."""
    time_zone: Annotated[Words, AfterValidator(_time_zone)] | None = None
    """Zone of the quiet hours; the default is the `time_zone` of the whole file."""
    breaker_after: Whole = Field(default=10, ge=2, le=10_000)
    """After so many calls in a row that failed without effect the system is left alone."""
    breaker_seconds: Seconds = 60.0
    """For so long at first; then one read tries it, and where that fails the time is doubled, up to 15 minutes."""
    stop_after_unexpected: Whole | None = Field(default=None, ge=1, le=1_000_000)
    """A run stops when so many operations ended otherwise than planned (refused, left out, for a person)."""
    stop_at_percent: Whole | None = Field(default=None, ge=1, le=100)
    """A run stops when so many per cent of its operations so far (of 20 at least) ended otherwise than planned."""


class PoliteSection(Section):
    """The options of a system, whatever its kind and its connector."""

    politeness: PolitenessSettings = PolitenessSettings()
    """How often, when, and how long at all it is called."""
