"""How old the last backup is: as the site says where to look, else as the server tells, else unknown; never guessed."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connectors.odbc.connection import Database
from connectors.odbc.dialect_names import dialect_of
from connectors.odbc.facts import QUESTIONS, collation_of, last_backup, place_of, server_of
from core import clock
from tests.integration.odbc.desk import Desk, desks

Opened = Callable[..., Database]


def test_nobody_knows(opened: Opened) -> None:
    """None of the three keeps a history of its own; what to write is told."""
    found = last_backup(opened())

    assert found.taken_at is None
    assert "backup_query" in str(found.source)


def test_a_query_tells(opened: Opened) -> None:
    """In the system's own time zone, where it names none."""
    question = "select max(taken) from (select '2026-11-21 03:00:00' as taken) as log"
    found = last_backup(opened(backup_query=question, time_zone="Asia/Shanghai"))

    assert found.taken_at == datetime(2026, 11, 20, 19, tzinfo=UTC)


@pytest.mark.parametrize(
    "question, words",
    [
        ("select taken from no_such_table", "it cannot be asked for"),
        ("select 'last night' as taken", "no moment"),
        ("select null as taken", "knows of none"),
    ],
)
def test_a_query_that_tells_nothing(opened: Opened, question: str, words: str) -> None:
    """It is unknown, and why is told; nothing else fails for it."""
    found = last_backup(opened(backup_query=question))

    assert found.taken_at is None
    assert words in str(found.source)


def test_the_newest_file_tells(opened: Opened, tmp_path: Path) -> None:
    """Of a folder, the newest file; a folder that is empty or gone is unknown."""
    folder = tmp_path / "backups"
    folder.mkdir()
    assert last_backup(opened(backup_file=folder)).taken_at is None
    for name, day in (("one.dump", 20), ("two.dump", 21)):
        (folder / name).touch()
        stamp = datetime(2026, 11, day, tzinfo=UTC).timestamp()
        os.utime(folder / name, (stamp, stamp))

    assert last_backup(opened(backup_file=folder)).taken_at == datetime(2026, 11, 21, tzinfo=UTC)
    assert last_backup(opened(backup_file=folder / "one.dump")).taken_at == datetime(
        2026, 11, 20, tzinfo=UTC
    )
    assert "missing" in str(last_backup(opened(backup_file=tmp_path / "missing")).source)


def test_sql_server_is_asked_for_its_own_history() -> None:
    """Compiled only: the last full backup of this database, in UTC; no such server has run it."""
    question = QUESTIONS["sqlserver"].last_backup

    assert question is not None
    assert "msdb.dbo.backupset" in question
    assert "db_name()" in question
    assert "getutcdate()" in question


@pytest.mark.parametrize("name", QUESTIONS)
def test_every_dialect_has_its_questions(name: str) -> None:
    """Each has as many places for values as it is given."""
    questions = QUESTIONS[name]

    assert dialect_of(name).name == name
    assert questions.triggers.count("?") == 1
    assert "?" not in questions.place + questions.collation


def test_what_a_server_tells_of_itself(opened: Opened) -> None:
    """The same over every connection, and another database is another place."""
    one, two = opened(), opened()

    assert place_of(one) == place_of(two)
    assert place_of(one).startswith(one.dialect.product)
    assert server_of(one).startswith(one.dialect.product)
    assert collation_of(one) != "-"
    if one.dialect.name == "postgresql":
        assert place_of(one) != place_of(opened(database="template1"))


# --- shown, and required --------------------------------------------------------------------------


def test_a_closing_that_requires_one(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """`systems check` and the plan show it; where it is too old every document is an exception that says so."""
    dumped = tmp_path / "nightly.dump"
    dumped.touch()
    with desks(request, "sqlite", tmp_path, monkeypatch, capsys) as made:
        desk = made.set_up("u8", 60, backup_file=str(dumped))
        settings = desk.folder / "storno.yaml"
        text = settings.read_text(encoding="utf-8")
        settings.write_text(
            text.replace(
                "scope: not is_closed", "scope: not is_closed\n    require_backup_hours: 24"
            ),
            encoding="utf-8",
        )
        assert str(dumped) in "".join(desk.done("systems", "check", "erp").out.split())
        planned(desk, is_young=True)
        old = (clock.now() - timedelta(hours=30)).timestamp()
        os.utime(dumped, (old, old))
        planned(desk, is_young=False)


def planned(desk: Desk, *, is_young: bool) -> None:
    answer = desk("close", "plan", "remainders", "--json").json
    ready = [row for row in answer["documents"] if row["is_ready"]]
    codes = {code for row in answer["documents"] for code in row["codes"]}

    assert bool(ready) == is_young
    assert ("no_backup" in codes) != is_young
    shown = " ".join(desk("close", "show", "last").out.split())
    assert "Last backup" in shown
    assert is_young or "the last one is 30 hours old" in shown
