"""A copy of the journal while others go on writing: one SQLite file, checked before it gets its name.

Of a journal in SQLite it is made with SQLite's online backup; of one in PostgreSQL, row by row in one transaction that
sees one moment. So a backup can be opened, verified and searched on any machine, without a server.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

import structlog
from sqlalchemy import Connection, insert, select

from core.errors import JournalFull, UsageError
from core.events import Event
from core.text import N_
from recovery.journal import Journal
from recovery.sql import health
from recovery.sql.database import Database
from recovery.sql.guards import guard_statements
from recovery.sql.tables import all_tables

if TYPE_CHECKING:
    from recovery.sql.health import Health

log = structlog.get_logger(__name__)

ROWS_AT_ONCE: Final = 1000
_PART: Final = ".part"
_BESIDE: Final = ("-wal", "-shm", "-journal")


def back_up(
    journal: Journal,
    target: Path,
    *,
    replace: bool = False,
    progress: Callable[[str, int], None] | None = None,
) -> Health:
    """Write a backup to `target` and return what checking it found: nothing, or it would not be there.

    Raises `UsageError` when the file exists and `replace` was not said, `JournalFull` when it cannot be written,
    `JournalBroken` when the copy is not whole: then there is no file, and the journal itself needs a check.
    """
    if target.exists() and not replace:
        raise UsageError(
            N_("{file} exists already; name another file, or say --replace."), file=str(target)
        )
    part = target.with_name(target.name + _PART)
    with _written(part, target):
        _copy(journal.database, part, progress)
        with closing(Journal.open(url_of(part), keys=journal.vault.keys)) as copy:
            found = health.check(copy)
        health.require_whole(found, str(target))
        _close_up(part)
    log.info(Event.JOURNAL_BACKED_UP, file=str(target), lines=found.report.line_count)
    return found


def url_of(path: Path) -> str:
    """Return the address of a journal in a file."""
    return f"sqlite:///{path.absolute().as_posix()}"


@contextmanager
def _written(part: Path, target: Path) -> Iterator[None]:
    """Give the file its name when the block is through, durably; leave nothing behind when it is not."""
    _remove(part)
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        part.touch(mode=0o600)
        yield
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        part.replace(target)
        _sync_folder(target.parent)
    except (OSError, sqlite3.Error) as error:
        raise JournalFull(journal=str(target), problem=str(error)) from error
    finally:
        _remove(part)


def _remove(part: Path) -> None:
    for ending in ("", *_BESIDE):
        with suppress(OSError):
            Path(f"{part}{ending}").unlink()


def _sync_folder(folder: Path) -> None:
    if os.name != "nt":  # Windows has no such thing, and needs none
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _close_up(path: Path) -> None:
    """Make one file of it that can be read where nothing can be written."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")


def _copy(database: Database, part: Path, progress: Callable[[str, int], None] | None) -> None:
    if database.dialect == "sqlite":
        # In one step: SQLite begins anew whenever somebody writes between two, and a step stops no writer (WAL).
        with database.driver() as source, closing(sqlite3.connect(part)) as target:
            source.backup(target, pages=-1)
            # A journal whose guards somebody dropped has them in its backup.
            for statement in guard_statements("sqlite"):
                target.execute(statement)
            target.commit()
        return
    empty = Database.open(url_of(part))
    try:
        with database.reading() as old, empty.writing() as new:
            copy_rows(old, new, progress)
    finally:
        empty.close()


def copy_rows(
    old: Connection, new: Connection, progress: Callable[[str, int], None] | None
) -> None:
    """Copy every row of every table, those first to which others refer; rows of one table by their keys."""
    for table in all_tables():
        rows = old.execute(
            select(table)
            .order_by(*table.primary_key.columns)
            .execution_options(yield_per=ROWS_AT_ONCE)
        )
        count = 0
        for chunk in rows.mappings().partitions(ROWS_AT_ONCE):
            new.execute(insert(table), [dict(row) for row in chunk])
            count += len(chunk)
            if progress is not None:
                progress(table.name, count)
