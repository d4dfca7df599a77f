"""Is the journal whole? A look at its newest line on every start, everything when somebody asks; and what is in it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import structlog
from sqlalchemy import Connection, func, inspect, select, text

from core.errors import JournalBroken
from core.events import Event
from core.text import N_, Text
from recovery import schema
from recovery.sql import schema_storage as tables
from recovery.sql.guards import guard_statements, missing_guards
from recovery.sql.tables import all_tables

if TYPE_CHECKING:
    from recovery.auditing.audit import AuditReport
    from recovery.journal import Journal
    from recovery.sql.database import Database

log = structlog.get_logger(__name__)

SHOWN: Final = 20


def newest_problem(connection: Connection) -> Text | None:
    """Return what is wrong with the newest line of the audit chain; the cost does not grow with the journal."""
    head = connection.execute(select(schema.audit_head)).one_or_none()
    if head is None:
        return Text(N_("the audit chain has no head"))
    table = schema.audit_line
    line = connection.execute(
        select(table.c.number, table.c.hash).order_by(table.c.number.desc()).limit(1)
    ).one_or_none()
    if line is None:
        return Text(N_("the audit chain has no lines")) if head.number else None
    if line.number != head.number or bytes(line.hash) != bytes(head.hash):
        return Text(
            N_("the audit chain ends at line {last}, but its head says {head}"),
            {"last": line.number, "head": head.number},
        )
    return None


@dataclass(frozen=True, slots=True)
class Health:
    """What a full check found; `problems` is empty when the journal is whole."""

    report: AuditReport
    problems: tuple[Text, ...]


def check(journal: Journal) -> Health:
    """Read everything: the database's own structures, guards, the audit chain, plans, every image."""
    problems = list(_database_problems(journal.database))
    with journal.reading() as connection:
        problems += [
            Text(
                N_(
                    "the guard {name} is missing or guards nothing, so rows could be changed:"
                    " storno journal compact puts it back"
                ),
                {"name": each},
            )
            for each in missing_guards(connection)
        ]
    report = journal.verify()
    return Health(report, (*problems, *report.problems))


def _database_problems(database: Database) -> list[Text]:
    """Return what SQLite finds wrong in its own file; PostgreSQL checks its pages itself when it reads them."""
    if database.dialect != "sqlite":
        return []
    with database.reading() as connection:
        found = connection.exec_driver_sql(f"PRAGMA integrity_check({SHOWN})").scalars().all()
        dangling = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchmany(SHOWN)
    problems = [
        Text(N_("the file is damaged: {problem}"), {"problem": each})
        for each in found
        if each != "ok"
    ]
    return problems + [
        Text(
            N_("a row of {table} refers to a row of {other} that is gone"),
            {"table": row[0], "other": row[2]},
        )
        for row in dangling
    ]


@dataclass(frozen=True, slots=True)
class KeyUse:
    """One key: whether it seals now, is configured, and how many images it seals. `name` is None for open images."""

    name: str | None
    is_active: bool
    is_configured: bool
    image_count: int


@dataclass(frozen=True, slots=True)
class Figures:
    """What is in a journal."""

    name: str
    revision: str
    dialect: str
    size_bytes: int
    free_bytes: int  # within it: used again before it grows
    counts: dict[str, int]
    image_bytes: int
    oldest: datetime | None
    newest: datetime | None
    keys: tuple[KeyUse, ...]
    pruned_count: int
    held_count: int


COUNTED: Final = (
    "change_set",
    "operation",
    "image",
    "image_dictionary",
    "plan_exception",
    "audit_line",
)


def figures(journal: Journal) -> Figures:
    """Count everything. Reads every row once."""
    change_set = schema.change_set
    by_name = {table.name: table for table in all_tables()}
    with journal.reading() as connection:
        counts = {
            name: connection.execute(select(func.count()).select_from(by_name[name])).scalar_one()
            for name in COUNTED
        }
        image_bytes = connection.execute(
            select(func.sum(func.length(tables.image.c.content)))
        ).scalar()
        oldest, newest = connection.execute(
            select(func.min(change_set.c.created_at), func.max(change_set.c.created_at))
        ).one()
        size, free = _sizes(connection, journal.database)
        return Figures(
            name=journal.name,
            revision=schema.HEAD,
            dialect=journal.database.dialect,
            size_bytes=size,
            free_bytes=free,
            counts=counts,
            image_bytes=int(image_bytes or 0),
            oldest=oldest,
            newest=newest,
            keys=_keys(connection, journal),
            pruned_count=connection.execute(
                select(func.count()).select_from(tables.pruned_change_set)
            ).scalar_one(),
            held_count=connection.execute(
                select(func.count()).select_from(tables.legal_hold)
            ).scalar_one(),
        )


def _keys(connection: Connection, journal: Journal) -> tuple[KeyUse, ...]:
    keys = journal.vault.keys
    names = {row.id: row.name for row in connection.execute(select(tables.journal_key))}
    used = {
        row[0]: row[1]
        for row in connection.execute(
            select(tables.image.c.key_id, func.count()).group_by(tables.image.c.key_id)
        )
    }
    found = [
        KeyUse(name, name == keys.active, name in keys.names, used.get(number, 0))
        for number, name in sorted(names.items())
    ]
    if used.get(None) or not names:
        found.insert(
            0, KeyUse(None, is_active=not names, is_configured=True, image_count=used.get(None, 0))
        )
    return tuple(found)


def _sizes(connection: Connection, database: Database) -> tuple[int, int]:
    if database.dialect != "sqlite":
        names = inspect(connection).get_table_names()
        query = text(
            "SELECT sum(pg_total_relation_size(quote_ident(name)::regclass))"
            " FROM unnest(CAST(:names AS text[])) AS name"
        )
        return int(connection.execute(query, {"names": names}).scalar() or 0), 0
    page_bytes = connection.exec_driver_sql("PRAGMA page_size").scalar_one()
    free = connection.exec_driver_sql("PRAGMA freelist_count").scalar_one() * page_bytes
    if database.path is None:
        return connection.exec_driver_sql("PRAGMA page_count").scalar_one() * page_bytes, free
    files = (database.path, Path(f"{database.path}-wal"), Path(f"{database.path}-shm"))
    return sum(each.stat().st_size for each in files if each.exists()), free


def compact(journal: Journal) -> tuple[int, int]:
    """Give space that is free within the journal back, and put missing guards back; return its size before and after.

    SQLite writes the whole file anew: others wait meanwhile, and it needs as much room again. On PostgreSQL only the
    statistics and the free space of each table are brought up to date.
    """
    database = journal.database
    with journal.reading() as connection:
        before, _ = _sizes(connection, database)
    database.vacuum([table.name for table in all_tables()])
    with database.writing() as connection:
        for statement in guard_statements(database.dialect):
            connection.exec_driver_sql(statement)
    with journal.reading() as connection:
        after, _ = _sizes(connection, database)
    log.info(Event.JOURNAL_COMPACTED, before_bytes=before, after_bytes=after)
    return before, after


def require_whole(health: Health, name: str) -> None:
    """Raise `JournalBroken` with the first problem of a check."""
    if health.problems:
        raise JournalBroken(journal=name, problem=str(health.problems[0]))
