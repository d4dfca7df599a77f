"""The lock of a process is held by one at a time, and whoever looks at it while it is given back sees no broken disk."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from core.errors import JournalFull
from recovery.sql.process_lock import FileLock


def test_lock_that_is_given_back_while_it_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its file goes between our opening it and our locking it: a new one is taken, nobody is told of a full disk."""
    connect, held = sqlite3.connect, FileLock.take(str(tmp_path / "journal.db"), "1-x")
    assert held is not None
    opened: list[Path] = []

    def connect_and_lose(file: Path, **given: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(file, **given)
        opened.append(file)
        if len(opened) == 1:
            connection.execute("PRAGMA schema_version")  # the file is really open
            held.release()
        return connection

    held._connection.rollback()
    monkeypatch.setattr(sqlite3, "connect", connect_and_lose)
    taken = FileLock.take(str(tmp_path / "journal.db"), "1-x")
    monkeypatch.undo()

    assert taken is not None
    assert 2 == len(opened)
    assert taken.is_held()
    assert FileLock.take(str(tmp_path / "journal.db"), "1-x") is None
    taken.release()


def test_lock_that_cannot_be_made(tmp_path: Path) -> None:
    """A folder that is not there is a journal that cannot be written, at once."""
    with pytest.raises(JournalFull):
        FileLock.take(str(tmp_path / "nowhere" / "journal.db"), "1-x")
