"""How a system of other people is treated: how often it is called, when not at all, and when it is left alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from core.text import N_, Text

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
ALL_DAYS: Final = frozenset(range(len(DAYS)))

BREAKER_AFTER: Final = 10
BREAKER_SECONDS: Final = 60.0
LONGEST_BREAKER_SECONDS: Final = 900.0
LONGEST_HOLD_SECONDS: Final = 3600.0
"""Nobody is left alone for longer at a time, whatever it asks for: what says more is a broken clock or answer."""

LONGEST_WAIT_SECONDS: Final = 60.0
"""A longer wait pauses the change set, so that its worker can do something else."""


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From `start` to `end`, on these days of the week in this zone; one that ends at or before it starts goes on
    into the next day.
    """

    start: time
    end: time
    zone: ZoneInfo
    days: frozenset[int] = ALL_DAYS  # 0 is Monday

    def until(self, now: datetime) -> datetime | None:
        """Return when the quiet hours end in which `now` is, None when it is in none."""
        local = now.astimezone(self.zone)
        # Those of yesterday may still last.
        for begun in (local.date() - timedelta(days=1), local.date()):
            if begun.weekday() not in self.days:
                continue
            ends_on = begun + timedelta(days=1) if self.end <= self.start else begun
            start = datetime.combine(begun, self.start, self.zone)
            end = datetime.combine(ends_on, self.end, self.zone)
            # In UTC: of two moments in one zone Python compares what the clocks on the wall show.
            if start.timestamp() <= now.timestamp() < end.timestamp():
                return end
        return None


@dataclass(frozen=True, slots=True)
class Manners:
    """What one system may be asked for."""

    calls_per_second: float | None = None
    concurrency: int | None = None  # calls at the same time, over all workers
    quiet_hours: tuple[QuietHours, ...] = ()
    breaker_after: int | None = None  # calls in a row that failed without effect
    breaker_seconds: float = BREAKER_SECONDS
    stop_after_unexpected: int | None = (
        None  # operations of a run that ended otherwise than planned
    )
    stop_at_percent: int | None = None  # of the operations of a run so far

    @property
    def holds_back(self) -> bool:
        """Whether anything is to be looked at before a call."""
        return bool(
            self.calls_per_second or self.concurrency or self.quiet_hours or self.breaker_after
        )

    def quiet_until(self, now: datetime) -> datetime | None:
        """Return when the system may be called again, None when it may be called now."""
        ends = [end for each in self.quiet_hours if (end := each.until(now)) is not None]
        if not ends:
            return None
        end = max(ends, key=datetime.timestamp)
        # Where the next quiet hours begin as these end, there is no gap to call in.
        later = (other for each in self.quiet_hours if (other := each.until(end)) is not None)
        return max((end, *later), key=datetime.timestamp)

    def breaker_wait(self, failures: int) -> float:
        """Return for how long the system is left alone: longer each time that the one read failed, too."""
        beyond = max(0, failures - (self.breaker_after or failures))
        return float(min(self.breaker_seconds * 2 ** min(beyond, 10), LONGEST_BREAKER_SECONDS))


@dataclass(frozen=True, slots=True)
class Politeness:
    """The manners for each system; those without any are not held back by anything."""

    systems: Mapping[str, Manners] = field(default_factory=dict)
    longest_wait_seconds: float = LONGEST_WAIT_SECONDS

    def of(self, system: str) -> Manners:
        """Return the manners for a system."""
        return self.systems.get(system, Manners())


QUIET: Final = Text(N_("these are its quiet hours"))
ASKED: Final = Text(N_("it asked for patience"))
"""What people read about a system that is left alone."""


def failed_text(count: int) -> Text:
    """Return what people read about a breaker that is open."""
    return Text(N_("{count} calls in a row failed"), {"count": count})


def busy_text(limit: int) -> Text:
    """Return what people read when other change sets use up the calls."""
    return Text(
        N_("other change sets make the {count} calls that it may get at a time"), {"count": limit}
    )
