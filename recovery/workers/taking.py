"""How a change set is taken: in one transaction, from nobody, from the dead, or from whoever let its lease lapse.

A claim that is held by somebody else is never taken half: either the fence went up and the process lock is ours, or
nothing changed and the error says who holds it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import structlog
from sqlalchemy import Connection, false, literal, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.exc import OperationalError

from core import clock
from core.errors import IllegalMove
from core.events import Event
from core.text import N_
from recovery.sql.process_lock import FileLock, FreeLock, ProcessLock, SessionLock
from recovery.sql.schema_workers import claim as _claim
from recovery.sql.ticks import tick
from recovery.workers.claims import Claim

if TYPE_CHECKING:
    from recovery.sql.database import Database

log = structlog.get_logger(__name__)

TakeLock = Callable[[int], ProcessLock | None]
"""Takes the process lock of one fence, or returns None when another process has it."""

_ROW_WAIT: Final = "2s"
"""Who holds a claim's row so long is in the middle of a commit, or frozen there: it is held."""

_LOCK_NOT_AVAILABLE: Final = "55P03"


@dataclass(frozen=True, slots=True)
class _Taken:
    """A claim that was taken: its fence, whether somebody had it before, and for how long nothing was committed."""

    fence: int
    was_held: bool
    idle_seconds: float | None


@contextmanager
def hold(
    database: Database, change_set_id: str, *, worker: str, lease_seconds: float
) -> Iterator[Claim]:
    """Hold a change set against every other process, until the block ends.

    Raises `IllegalMove` when another process holds it that is neither dead nor over its lease.
    """
    if database.dialect == "sqlite":
        claim = _take_sqlite(database, change_set_id, worker, lease_seconds)
        with _kept(claim):
            yield claim
        return
    # An advisory lock belongs to its session, so this one stays open, and is nobody else's.
    with database.session() as session:
        claim = _take_postgresql(database, session, change_set_id, worker, lease_seconds)
        with _kept(claim):
            yield claim


@contextmanager
def _kept(claim: Claim) -> Iterator[None]:
    try:
        claim.start()
        yield
    finally:
        claim.give_back()


def _take_sqlite(
    database: Database, change_set_id: str, worker: str, lease_seconds: float
) -> Claim:
    file = database.file

    def take_lock(fence: int) -> ProcessLock | None:
        return FreeLock() if file is None else FileLock.take(file, f"{fence}-{change_set_id}")

    taken: list[ProcessLock] = []
    try:
        # The transaction holds every other writer off, so what is seen is what is changed.
        with database.writing() as connection:
            found = _take(connection, change_set_id, worker, lease_seconds, take_lock, taken)
    except BaseException:
        for lock in taken:
            lock.release()
        raise
    return _made(database, taken, change_set_id, found, lease_seconds)


def _take_postgresql(
    database: Database,
    session: Connection,
    change_set_id: str,
    worker: str,
    lease_seconds: float,
) -> Claim:
    taken: list[ProcessLock] = []
    try:
        with session.begin():
            session.execute(text(f"SET LOCAL lock_timeout = '{_ROW_WAIT}'"))
            found = _take(
                session,
                change_set_id,
                worker,
                lease_seconds,
                lambda fence: SessionLock.take(session, f"{fence}-{change_set_id}"),
                taken,
            )
    except OperationalError as error:
        if getattr(error.orig, "sqlstate", None) == _LOCK_NOT_AVAILABLE:
            raise _is_held(change_set_id, None, None) from error
        raise
    # From now on each look at the lock is one statement; SQLAlchemy cannot change this of a connection of its own.
    driver: Any = session.connection.dbapi_connection
    driver.autocommit = True
    return _made(database, taken, change_set_id, found, lease_seconds)


def _made(
    database: Database,
    taken: list[ProcessLock],
    change_set_id: str,
    found: _Taken,
    lease_seconds: float,
) -> Claim:
    *proofs, lock = taken
    for proof in proofs:
        proof.release()
    claim = Claim(database, lock, change_set_id, found.fence, lease_seconds, found.idle_seconds)
    claim.is_taken_over = found.was_held
    if found.was_held:
        log.warning(Event.CHANGE_SET_TAKEN_OVER, change_set_id=change_set_id, fence=found.fence)
    return claim


def _take(
    connection: Connection,
    change_set_id: str,
    worker: str,
    lease_seconds: float,
    take_lock: TakeLock,
    taken: list[ProcessLock],
) -> _Taken:
    """Take the claim in the open transaction.

    `taken` gets the lock of the holder before, if that one is dead, and then our own: locks are named by fence, so that
    the lock of a frozen holder stands in nobody's way, and its death says nothing about whoever took over from it.
    """
    dialect = connection.dialect.name
    make = sqlite_insert if dialect == "sqlite" else postgresql_insert
    connection.execute(
        make(_claim).values(change_set_id=change_set_id, fence=0).on_conflict_do_nothing()
    )
    now = tick(dialect)
    seen = connection.execute(
        select(
            _claim,
            (_claim.c.lease_until - now).label("left"),
            (now - _claim.c.kept_at).label("idle"),
        ).where(_claim.c.change_set_id == change_set_id)
    ).one()
    is_dead = False
    if seen.worker is not None:
        proof = take_lock(seen.fence)
        if proof is not None:
            taken.append(proof)
            is_dead = True
    lock = take_lock(seen.fence + 1)
    if lock is None:
        raise _is_held(change_set_id, seen.worker, seen.left)
    taken.append(lock)
    done = connection.execute(
        update(_claim)
        .where(
            _claim.c.change_set_id == change_set_id,
            _claim.c.fence == seen.fence,
            or_(
                _claim.c.worker.is_(None),
                _claim.c.lease_until <= now,
                literal(True) if is_dead else false(),
            ),
        )
        .values(
            worker=worker,
            fence=_claim.c.fence + 1,
            claimed_at=clock.now(),
            lease_until=now + lease_seconds,
        )
    )
    if done.rowcount != 1:
        raise _is_held(change_set_id, seen.worker, seen.left)
    return _Taken(seen.fence + 1, seen.worker is not None, seen.idle)


def _is_held(change_set_id: str, worker: str | None, left_seconds: float | None) -> IllegalMove:
    if worker is None or left_seconds is None:
        return IllegalMove(
            N_(
                "Change set {name} is being run by another process. Wait for it, or end that process."
            ),
            what="change set",
            name=change_set_id[:13],
            to="running",
            state="running",
        )
    return IllegalMove(
        N_(
            "Change set {name} is being run by another process ({worker}). Wait for it, or end that process; if"
            " it hangs, others may take over in {seconds} s."
        ),
        what="change set",
        name=change_set_id[:13],
        to="running",
        state="running",
        worker=worker,
        seconds=max(0, round(left_seconds)),
    )
