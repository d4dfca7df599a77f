"""What waits to be carried out by a worker: rows of the journal, in the transaction of whoever wants it.

On PostgreSQL a job of Procrastinate is made in the same transaction, where its tables are there (`storno worker` makes
them): the job says only which change set, and a worker looks for rows without a job now and then. Nothing here imports
Procrastinate: `storno_defer` is a function in the database (`service.jobs`).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

import structlog
from sqlalchemy import Connection, delete, func, or_, select, text
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from core import clock
from core.errors import IllegalMove
from core.events import Event
from recovery.model import Actor
from recovery.schema import change_set as _set
from recovery.schema import operation as _operation
from recovery.sql.schema_workers import queue_entry as _entry
from recovery.states import ChangeSetState

if TYPE_CHECKING:
    from recovery.journal import Journal
    from recovery.writing import JournalWriter

log = structlog.get_logger(__name__)

QUEUE_SCHEMA: Final = "storno_queue"
"""Where the tables of Procrastinate are, beside the journal's own and away from them."""

ORDINARY: Final = 0
TOP: Final = 100
"""Priorities of jobs: what was cut short comes before everything new."""

RUNNABLE: Final = frozenset(
    {ChangeSetState.APPROVED, ChangeSetState.RUNNING, ChangeSetState.PAUSED}
)
_SEPARATOR: Final = "\n"


@dataclass(frozen=True, slots=True)
class Entry:
    """One change set that waits for a worker."""

    change_set_id: str
    systems: frozenset[str]
    queued_by: Actor
    queued_at: datetime
    not_before: datetime | None


def enqueue(
    writer: JournalWriter,
    change_set_id: str,
    actor: Actor,
    *,
    not_before: datetime | None = None,
    priority: int = ORDINARY,
) -> None:
    """Let a worker carry a change set out, in the caller's transaction; twice does no harm.

    Raises `IllegalMove` when it is neither approved, nor running, nor paused.
    """
    connection = writer.connection
    state = connection.execute(select(_set.c.state).where(_set.c.id == change_set_id)).scalar()
    if state not in RUNNABLE:
        raise IllegalMove(
            what="change set", name=change_set_id[:13], to="running", state=state or "?"
        )
    systems = systems_of(connection, change_set_id)
    make = sqlite_insert if connection.dialect.name == "sqlite" else postgresql_insert
    values = {
        "systems": _SEPARATOR.join(sorted(systems)),
        "queued_by": actor.name,
        "queued_how": actor.how,
        "queued_at": clock.now(),
        "not_before": not_before,
    }
    connection.execute(
        make(_entry)
        .values(change_set_id=change_set_id, **values)
        .on_conflict_do_update(
            index_elements=[_entry.c.change_set_id], set_={"not_before": not_before}
        )
    )
    defer(connection, change_set_id, systems, not_before=not_before, priority=priority)
    log.info(Event.CHANGE_SET_QUEUED, change_set_id=change_set_id)


def dequeue(connection: Connection, change_set_id: str) -> None:
    """Take a change set off: it came to its end, or waits for a person."""
    connection.execute(delete(_entry).where(_entry.c.change_set_id == change_set_id))


def entries(connection: Connection) -> list[Entry]:
    """Return everything that waits, oldest first."""
    query = select(_entry).order_by(_entry.c.queued_at, _entry.c.change_set_id)
    return [_read(row) for row in connection.execute(query)]


def due(connection: Connection, *, limit: int) -> list[Entry]:
    """Return what may be carried out now, oldest first."""
    query = (
        select(_entry)
        .join(_set, _set.c.id == _entry.c.change_set_id)
        .where(
            or_(_entry.c.not_before.is_(None), _entry.c.not_before <= clock.now()),
            _set.c.state.in_([ChangeSetState.APPROVED.value, ChangeSetState.PAUSED.value]),
        )
        .order_by(_entry.c.queued_at, _entry.c.change_set_id)
        .limit(limit)
    )
    return [_read(row) for row in connection.execute(query)]


def entry_of(connection: Connection, change_set_id: str) -> Entry | None:
    """Return how a change set waits, None when it does not."""
    row = connection.execute(
        select(_entry).where(_entry.c.change_set_id == change_set_id)
    ).one_or_none()
    return None if row is None else _read(row)


def systems_of(connection: Connection, change_set_id: str) -> frozenset[str]:
    """Return the systems in which a change set does something."""
    query = select(_operation.c.system).where(_operation.c.change_set_id == change_set_id)
    return frozenset(connection.execute(query.distinct()).scalars())


def queue_name(systems: Collection[str]) -> str:
    """Return the queue of change sets that need exactly these systems; a worker listens to those that it can serve."""
    return "+".join(sorted(systems))[:128]


def defer(
    connection: Connection,
    change_set_id: str,
    systems: Collection[str],
    *,
    not_before: datetime | None = None,
    priority: int = ORDINARY,
) -> bool:
    """Make the job, unless one waits already; return False where this database has no queue (yet)."""
    if connection.dialect.name == "sqlite":
        return False
    schema = schema_of(connection)
    if not connection.execute(_HAS_QUEUE, {"schema": schema}).scalar():
        return False
    row = {
        "queue": queue_name(systems),
        "change_set": change_set_id,
        "priority": priority,
        "at": not_before,
    }
    connection.execute(
        text(f'SELECT "{schema}".storno_defer(:queue, :change_set, :priority, :at)'), row
    )
    return True


def schema_of(connection: Connection) -> str:
    """Return the schema of the queue: one for each schema that holds a journal."""
    own = str(connection.execute(select(func.current_schema())).scalar())
    return QUEUE_SCHEMA if own == "public" else f"{own}_queue"


_HAS_QUEUE: Final = text(
    "SELECT EXISTS (SELECT 1 FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace"
    " WHERE n.nspname = :schema AND p.proname = 'storno_defer')"
)


def enqueue_now(
    journal: Journal, change_set_id: str, actor: Actor, *, not_before: datetime | None = None
) -> None:
    """Let a worker carry a change set out. Raises `IllegalMove` as `enqueue` does."""
    with journal.writing() as writer:
        enqueue(writer, change_set_id, actor, not_before=not_before)


def _read(row: object) -> Entry:
    found = row._mapping  # type: ignore[attr-defined]  # noqa: SLF001 - SQLAlchemy's public name
    return Entry(
        found["change_set_id"],
        frozenset(found["systems"].split(_SEPARATOR)),
        Actor(found["queued_by"], found["queued_how"]),
        found["queued_at"],
        found["not_before"],
    )
