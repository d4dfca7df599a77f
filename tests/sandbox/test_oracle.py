"""The independent witness: it sees everything that differs between two databases, and nothing else."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from sandbox.tryton.oracle import Difference, compare, dump, load
from sandbox.tryton.venv import PracticeError

Change = Callable[[str], list[Difference]]


def _write(file: Path, statements: str) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(statements)


@pytest.fixture
def change(tmp_path: Path) -> Change:
    """Make a small database, dump it, change it with these statements, dump again and compare."""
    file = tmp_path / "small.sqlite"
    _write(
        file,
        """
        CREATE TABLE "order" (id INTEGER PRIMARY KEY, number TEXT, amount NUMERIC, note BLOB);
        INSERT INTO "order" VALUES (1, 'A-1', 10.5, NULL), (2, '苏州', 3, x'00ff');
        CREATE TABLE pair (one INTEGER, two INTEGER, word TEXT, PRIMARY KEY (one, two));
        INSERT INTO pair VALUES (1, 2, 'x');
        CREATE TABLE bare (word TEXT);
        INSERT INTO bare VALUES ('same'), ('same');
        """,
    )
    before = dump(file, tmp_path / "before.json")

    def run(statements: str) -> list[Difference]:
        _write(file, statements)
        return compare(before, dump(file, tmp_path / "after.json"))

    return run


def test_the_same_database_has_no_difference(change: Change) -> None:
    """Two dumps of one state are equal, byte for byte."""
    assert change("") == []


def test_a_changed_value_is_told_with_both_sides(change: Change) -> None:
    """Table, key, column, before and after are named."""
    found = change("UPDATE \"order\" SET number = 'A-9' WHERE id = 1")

    assert [Difference(table="order", key="1", column="number", before="A-1", after="A-9")] == found


def test_null_and_empty_text_differ(change: Change) -> None:
    """NULL, the empty text and zero are three things."""
    (found,) = change("UPDATE \"order\" SET note = '' WHERE id = 1")

    assert (found.before, found.after, found.kind) == (None, "", "changed")


def test_a_number_that_became_text_differs(change: Change) -> None:
    """The type counts: 3 and '3' and 3.0 are not the same."""
    (found,) = change("UPDATE \"order\" SET note = x'00fe' WHERE id = 2")

    assert (found.before, found.after) == ("\\x00ff", "\\x00fe")


def test_rows_that_came_and_went_are_told_whole(change: Change) -> None:
    """A new row and a lost row carry all their values."""
    found = change("DELETE FROM pair; INSERT INTO \"order\" VALUES (10, 'B', 1, NULL)")

    assert [(one.table, one.key, one.kind) for one in found] == [
        ("order", "10", "added"),
        ("pair", "1/2", "removed"),
    ]
    assert found[1].before == {"one": 1, "two": 2, "word": "x"}


def test_a_new_table_shows_its_rows(change: Change) -> None:
    """Nothing can hide in a table that was not there before."""
    found = change("CREATE TABLE late (id INTEGER PRIMARY KEY); INSERT INTO late VALUES (7)")

    assert [(one.table, one.key, one.kind) for one in found] == [("late", "7", "added")]


def test_equal_rows_without_a_key_are_counted(change: Change) -> None:
    """One of two equal rows that goes is missed."""
    found = change("DELETE FROM bare WHERE rowid = 1")

    assert [(one.table, one.kind) for one in found] == [("bare", "removed")]


def test_rows_not_yet_in_the_main_file_are_seen(tmp_path: Path) -> None:
    """The write-ahead log of a running server is read too."""
    file = tmp_path / "live.sqlite"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE live (id INTEGER PRIMARY KEY)")
        connection.execute("INSERT INTO live VALUES (1)")
        connection.commit()

        assert load(dump(file, tmp_path / "live.json"))["live"] == {"1": {"id": 1}}


def test_a_missing_database_is_an_error(tmp_path: Path) -> None:
    """No empty dump is made up."""
    with pytest.raises(PracticeError, match="no database file"):
        dump(tmp_path / "none.sqlite", tmp_path / "out.json")
