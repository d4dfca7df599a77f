"""Who holds what, as others see it: for people, and for workers that look for what nobody carries out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from sqlalchemy import ColumnElement, Connection, select, text

from recovery.schema import change_set as _change_set
from recovery.sql.process_lock import FileLock, SessionLock
from recovery.sql.schema_workers import claim as _claim
from recovery.sql.ticks import tick
from recovery.states import ChangeSetState

if TYPE_CHECKING:
    from recovery.sql.database import Database

_IS_LOCKED: Final = text(
    "SELECT EXISTS (SELECT 1 FROM pg_locks l JOIN pg_database d ON d.oid = l.database"
    " WHERE d.datname = current_database() AND l.locktype = 'advisory' AND l.granted AND l.objsubid = 1"
    " AND (l.classid::bigint << 32 | l.objid::bigint) = :key)"
)


@dataclass(frozen=True, slots=True)
class ClaimView:
    """One claim as others see it. `left_seconds` is negative when the lease is over."""

    change_set_id: str
    worker: str
    fence: int
    claimed_at: datetime
    left_seconds: float
    is_dead: bool  # its process is gone

    @property
    def is_free(self) -> bool:
        """Whether the change set may be taken over now."""
        return self.is_dead or self.left_seconds <= 0


def views(database: Database) -> list[ClaimView]:
    """Return every claim that is held, oldest first."""
    query = (
        select(_claim, (_claim.c.lease_until - tick(database.dialect)).label("left"))
        .where(_claim.c.worker.is_not(None))
        .order_by(_claim.c.claimed_at, _claim.c.change_set_id)
    )
    with database.reading() as connection:
        rows = connection.execute(query).all()
        return [
            ClaimView(
                row.change_set_id,
                row.worker,
                row.fence,
                row.claimed_at,
                row.left,
                is_dead=is_dead(database, connection, row.change_set_id, row.fence),
            )
            for row in rows
        ]


def abandoned(database: Database) -> list[str]:
    """Return the change sets that run and that nobody carries out: their holder is dead, hangs, or gave them back."""
    query = (
        select(_change_set.c.id, _claim.c.worker)
        .outerjoin(_claim, _claim.c.change_set_id == _change_set.c.id)
        .where(_change_set.c.state == ChangeSetState.RUNNING.value)
        .order_by(_change_set.c.id)
    )
    with database.reading() as connection:
        running = connection.execute(query).all()
    if not running:
        return []
    held = {view.change_set_id: view for view in views(database)}
    return [row.id for row in running if row.id not in held or held[row.id].is_free]


def is_alive(
    change_set_id: ColumnElement[str], fence: ColumnElement[int], dialect: str
) -> ColumnElement[bool]:
    """Return the condition that the claim of that number is the current one and its lease not over."""
    return (
        select(_claim.c.fence)
        .where(
            _claim.c.change_set_id == change_set_id,
            _claim.c.fence == fence,
            _claim.c.worker.is_not(None),
            _claim.c.lease_until > tick(dialect),
        )
        .exists()
    )


def is_dead(database: Database, connection: Connection, change_set_id: str, fence: int) -> bool:
    """Whether the process that took a claim is known to be gone, whatever its lease says.

    A lease alone is not enough: on SQLite it ends by a clock that begins anew with the machine, so one from before a
    power cut may seem to last for as long as the machine had been running.
    """
    name = f"{fence}-{change_set_id}"
    if database.dialect == "sqlite":
        if database.file is None:
            return False
        lock = FileLock.take(database.file, name)
        if lock is None:
            return False
        lock.release()
        return True
    key = SessionLock.key_of(name)
    return not connection.execute(_IS_LOCKED, {"key": key}).scalar()
