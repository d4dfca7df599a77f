"""A closing may insist on a backup that is young enough."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from closing.backup import NO_BACKUP, backup_details, backup_problem
from connectors.contract import Backup, SystemCheck
from core import clock
from core.text import Text

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)


def check(backup: Backup | None) -> SystemCheck:
    return SystemCheck(
        product="U8",
        version="",
        target="",
        transport="ODBC",
        acting_as="storno",
        sees_everything=True,
        limits=(),
        kinds=(),
        actions=(),
        backup=backup,
    )


def taken(hours: float) -> Backup:
    return Backup(NOW - timedelta(hours=hours), Text("the log"))


@pytest.mark.parametrize(
    "backup, hours, words",
    [
        (taken(23), 24, None),
        (taken(24), 24, None),
        (taken(-0.5), 24, None),
        (taken(-720), 24, "dated 720 hours in the future (the log): check time_zone"),
        (taken(25), 24, "the last one is 25 hours old (the log)"),
        (Backup(None, Text("nobody keeps a log")), 24, "nobody knows when one was taken"),
        (None, 24, "tells of none"),
        (None, None, None),
        (taken(1000), None, None),
    ],
)
def test_how_old_it_may_be(backup: Backup | None, hours: int | None, words: str | None) -> None:
    """Older, unknown and not to be known are each said in their own words."""
    problem = backup_problem(check(backup), hours)

    assert (problem is None) == (words is None)
    if problem is not None:
        assert problem.code == NO_BACKUP
        assert str(words) in str(problem.text)


def test_the_plan_keeps_it() -> None:
    """Whoever approves the plan reads it there; a system that knows no backups says nothing."""
    kept = backup_details(check(taken(2)))["backup"]

    assert kept["taken_at"] == "2026-11-22T10:00:00+00:00"
    assert kept["source"]["text"] == "the log"
    assert backup_details(check(None)) == {}
