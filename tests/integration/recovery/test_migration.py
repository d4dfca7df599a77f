"""A journal of the first revision, with a whole story in it, goes on as if nothing had happened."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from typing import Any, Final

import pytest
from sqlalchemy import Connection, create_engine, inspect, text

from core.encoding import loads
from recovery import schema
from recovery.at_rest.rotation import repack
from recovery.journal import Journal
from recovery.migrations.upgrade import upgrade
from recovery.sql.guards import missing_guards
from recovery.sql.health import check
from recovery.states import ChangeSetState, OperationState
from tests.factories import ROOT

STORY: Final = ROOT / "tests" / "data" / "journal" / "0001.json"
"""Every row of a journal that the first revision's own code wrote: see the README beside it."""


@pytest.fixture(scope="module")
def story() -> dict[str, Any]:
    """Return the rows of the old journal, by table."""
    found: dict[str, Any] = loads(STORY.read_bytes())
    return found


def write_old(connection: Connection, story: dict[str, Any]) -> None:
    """Make a journal of revision 0001 and put the rows into it, as they were."""
    upgrade(connection, "0001")
    for table, content in story.items():
        columns = content["columns"]
        listed = ", ".join(f'"{each}"' for each in columns)
        places = ", ".join(f":{each}" for each in columns)
        statement = text(f'INSERT INTO "{table}" ({listed}) VALUES ({places})')  # noqa: S608 - named by the file
        for row in content["rows"]:
            values = [bytes.fromhex(v["hex"]) if isinstance(v, dict) else v for v in row]
            connection.execute(statement, dict(zip(columns, values, strict=True)))


@pytest.fixture
def old_url(empty_url: str, story: dict[str, Any]) -> str:
    """Return the address of a journal of revision 0001 with the story in it, on each database in turn."""
    engine = create_engine(empty_url)
    with engine.begin() as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA foreign_keys=ON")
        write_old(connection, story)
    engine.dispose()
    return empty_url


@pytest.fixture
def migrated(old_url: str) -> Iterator[Journal]:
    """Return the same journal, opened by this Storno."""
    with closing(Journal.open(old_url)) as journal:
        yield journal


def test_nothing_is_lost(migrated: Journal, story: dict[str, Any]) -> None:
    """Every row is there; the chain, the plans, the states and every image are as they were."""
    health = check(migrated)

    assert () == health.problems
    assert len(story["audit_line"]["rows"]) == health.report.line_count
    assert len(story["image"]["rows"]) == health.report.image_count


def test_ids_are_what_people_know(migrated: Journal, story: dict[str, Any]) -> None:
    """The same 36 characters, found by their beginning and by `last`."""
    ids = sorted(row[0] for row in story["change_set"]["rows"])
    operations = {row[0] for row in story["operation"]["rows"]}

    assert ids[::-1] == [each.id for each in migrated.change_sets()]
    assert ids[-1] == migrated.change_set("last").id
    assert ids[0] == migrated.change_set(ids[0][:18]).id
    assert operations == {op.id for each in ids for op in migrated.operations(each)}


def test_every_way_back_is_there(migrated: Journal, story: dict[str, Any]) -> None:
    """Both images of each operation can be read, and what was taken back is still known as such."""
    columns = story["operation"]["columns"]
    rows = [dict(zip(columns, row, strict=True)) for row in story["operation"]["rows"]]
    hashes = [
        row[name]["hex"] for row in rows for name in ("before_hash", "after_hash") if row[name]
    ]
    reversed_ids = {row["reverses_operation_id"] for row in rows} - {None}

    assert set(hashes) == set(migrated.images(hashes))
    assert [] == migrated.standing(sorted(reversed_ids))


def test_guards_stand_in_every_table(migrated: Journal) -> None:
    """The old ones that were made anew, and the new ones."""
    with migrated.reading() as connection:
        assert [] == missing_guards(connection)


def test_no_table_is_left_over(migrated: Journal) -> None:
    """What was put aside to be copied is gone."""
    with migrated.reading() as connection:
        assert [] == [t for t in inspect(connection).get_table_names() if t.startswith("old_")]


def test_every_table_is_known_alone(migrated: Journal) -> None:
    """To a process that imported nothing else: whoever copies all tables misses none."""
    asked = (
        "from recovery.sql.tables import all_tables; print(*(each.name for each in all_tables()))"
    )
    known = subprocess.run(
        [sys.executable, "-c", asked], capture_output=True, check=True, cwd=ROOT, text=True
    )
    with migrated.reading() as connection:
        there = set(inspect(connection).get_table_names())

    assert there - {"alembic_version"} == set(known.stdout.split())


def test_it_goes_on(migrated: Journal) -> None:
    """The next move stands in the same chain, and the state machine knows where everything was."""
    (waiting,) = migrated.change_sets(states={ChangeSetState.PLANNED})
    with migrated.writing() as writer:
        writer.move_change_set(waiting.id, ChangeSetState.EXPIRED)

    assert ChangeSetState.EXPIRED is migrated.change_set(waiting.id).state
    assert migrated.verify().is_intact


def test_locks_are_still_held(migrated: Journal) -> None:
    """A change set that waited for a person goes on holding its documents."""
    (paused,) = migrated.change_sets(states={ChangeSetState.PAUSED})
    with migrated.reading() as connection:
        held = connection.execute(schema.record_lock.select()).one()

    assert paused.id == held.change_set_id
    assert {OperationState.SENT: 1} == migrated.counts(paused.id)


def test_old_images_are_packed_anew(migrated: Journal) -> None:
    """What the first revision packed one by one; nothing else changes."""
    before = migrated.verify()
    repack(migrated)

    assert before == migrated.verify()


def test_migrating_twice_changes_nothing(migrated: Journal, old_url: str) -> None:
    """A second process that opens it finds it done."""
    with closing(Journal.open(old_url)) as again:
        assert migrated.verify() == again.verify()
