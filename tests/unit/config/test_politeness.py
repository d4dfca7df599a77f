"""What may be asked of a system, as people write it."""

from __future__ import annotations

from datetime import time

import pytest
from pydantic import ValidationError

from config.politeness import PolitenessSettings, read_quiet_hours

ALL = frozenset(range(7))


@pytest.mark.parametrize(
    "written, meant",
    [
        ("22:00-06:00", (ALL, time(22), time(6))),
        ("mon-fri 08:00-18:00", (frozenset(range(5)), time(8), time(18))),
        ("Fri-Mon 9:30-12:00", (frozenset({4, 5, 6, 0}), time(9, 30), time(12))),
        ("sun 00:00-24:00", (frozenset({6}), time(0), time(0))),
    ],
)
def test_quiet_hours(written: str, meant: object) -> None:
    """Hours alone are of every day; days go over the end of the week."""
    assert meant == read_quiet_hours(written)


@pytest.mark.parametrize("written", ["", "8-18", "25:00-26:00", "xyz 08:00-18:00", "08:00-18:60"])
def test_what_is_none(written: str) -> None:
    """It is told, and not guessed."""
    with pytest.raises(ValidationError):
        PolitenessSettings.model_validate({"quiet_hours": (written,)})


def test_defaults() -> None:
    """Nothing is limited, but a system that fails all the time is left alone."""
    found = PolitenessSettings()

    assert (None, None, ()) == (found.calls_per_second, found.calls_at_a_time, found.quiet_hours)
    assert (10, 60.0) == (found.breaker_after, found.breaker_seconds)
