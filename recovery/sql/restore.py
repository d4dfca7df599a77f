"""A journal filled from a backup. The backup itself is only read, so it may lie where nothing can be written."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, delete, select, text

from core.errors import JournalBroken, JournalFull, NotAllowed, UsageError
from core.text import N_
from recovery import schema
from recovery.at_rest.unlocking import KEY_SUBJECT
from recovery.journal import Journal
from recovery.sql import health
from recovery.sql.backup import copy_rows, url_of
from recovery.sql.database import Database
from recovery.sql.guards import UNDELETABLE, guard_statements
from recovery.sql.schema_storage import journal_key
from recovery.sql.schema_workers import system_state
from recovery.sql.stopped_by_restore import stop_everything
from recovery.sql.tables import all_tables

if TYPE_CHECKING:
    from recovery.at_rest.sealing import Keys
    from recovery.model import Actor
    from recovery.sql.health import Health

_OF_EVERY_JOURNAL: Final = {
    schema.journal_setting,
    schema.audit_head,
    schema.audit_line,
    schema.journal_move,
    journal_key,
    system_state,
}
"""Tables in which a journal has rows as soon as somebody opened it, or looked at a system."""


def restore(
    source: Path,
    url: str,
    *,
    keys: Keys,
    actor: Actor,
    progress: Callable[[str, int], None] | None = None,
) -> Health:
    """Fill a journal in which nothing was done yet from a backup, and check it.

    What was on its way when the backup was made does not go on: see `recovery.sql.stopped_by_restore`. Raises `NotAllowed` where the journal has anything in it, `JournalBroken` when the backup is not whole.
    """
    if not source.is_file():
        raise UsageError(N_("There is no file {file}."), file=str(source))
    with closing(Database.open(url)) as database:
        beside = None if database.path is None else database.path.absolute().parent
        with (
            _read_only_copy(source, beside) as copied,
            closing(Journal.open(url_of(copied), keys=keys)) as backup,
        ):
            health.require_whole(health.check(backup), str(source))
            with backup.database.reading() as old, database.writing() as new:
                _empty(new)
                copy_rows(old, new, progress)
                stop_everything(new, backup, actor)
    with closing(Journal.open(url, keys=keys)) as journal:
        found = health.check(journal)
        health.require_whole(found, journal.name)
    return found


@contextmanager
def _read_only_copy(source: Path, beside: Path | None) -> Iterator[Path]:
    """Yield a copy to work on: opening a journal writes to it (a key that is new, a newer revision, its own log)."""
    # Who has a log beside it is a journal that was opened; only what has none can be read where nothing may be written.
    is_alone = not any(Path(f"{source}{ending}").exists() for ending in ("-wal", "-journal"))
    uri = f"{source.absolute().as_uri()}?mode=ro{'&immutable=1' if is_alone else ''}"
    try:
        with TemporaryDirectory(prefix="storno-", dir=beside) as folder:  # for this user alone
            copied = Path(folder) / source.name
            with (
                closing(sqlite3.connect(uri, uri=True)) as old,
                closing(sqlite3.connect(copied)) as new,
            ):
                old.backup(new)
            yield copied
    except OSError as error:
        raise JournalFull(journal=str(source), problem=str(error)) from error
    except sqlite3.Error as error:
        raise JournalBroken(journal=str(source), problem=str(error)) from error


def _empty(connection: Connection) -> None:
    """Take out what opening a journal puts into it. Raises `NotAllowed` where there is more."""
    tables = all_tables()
    has_more = any(
        connection.execute(select(table).limit(1)).first() is not None
        for table in tables
        if table not in _OF_EVERY_JOURNAL
    )
    other = schema.journal_move.c.subject != KEY_SUBJECT
    if has_more or connection.execute(select(schema.journal_move).where(other)).first() is not None:
        raise NotAllowed(
            reason=N_("the journal has changes in it; a backup goes into an empty one")
        )
    dialect = connection.dialect.name
    for table in UNDELETABLE:
        place = "" if dialect == "sqlite" else f' ON "{table.name}"'
        connection.execute(text(f"DROP TRIGGER IF EXISTS guard_{table.name}_delete{place}"))
    for table in reversed(tables):
        connection.execute(delete(table))
    # In the same transaction: nobody ever sees the journal without its guards.
    for statement in guard_statements(dialect):
        connection.exec_driver_sql(statement)
