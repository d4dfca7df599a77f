"""Who carries a change set out: a claim with a lease, and a fence whose number only goes up.

The number is the truth: every journal transaction of a run begins by keeping its claim (`Claim.keep`), which holds only
while the number is still its own, in that same transaction. So whoever was taken over can store nothing any more, and a
fence that is asked before a call (`Claim.require`) tells it so. The lease only says when others may take over:

* at once, when the holder is dead: its process lock (`recovery.sql.process_lock`) is gone with its process;
* when its lease is over, whatever the holder does: it may be frozen, and keep its lock for ever.

A holder whose lease lapsed and whom nobody took over has lost nothing: keeping the claim renews the lease.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Event as Flag
from threading import Thread
from typing import TYPE_CHECKING, Any, Final

import structlog
from sqlalchemy import (
    Connection,
    Float,
    Update,
    and_,
    bindparam,
    false,
    literal,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.exc import OperationalError

from core import clock
from core.errors import FenceLost, IllegalMove, StornoError
from core.events import Event
from core.text import N_
from recovery.sql.process_lock import FileLock, FreeLock, ProcessLock, SessionLock
from recovery.sql.schema_workers import claim as _claim
from recovery.sql.ticks import tick

if TYPE_CHECKING:
    from recovery.sql.database import Database

log = structlog.get_logger(__name__)

TakeLock = Callable[[int], ProcessLock | None]
"""Takes the process lock of one fence, or returns None when another process has it."""

LEASE_SECONDS: Final = 30.0
"""How long a change set waits for a holder that gives no sign of life and is not known to be dead."""

_LOOKS_A_LEASE: Final = 6
_RENEWALS_A_LEASE: Final = 3
_ROW_WAIT: Final = "2s"
"""Who holds a claim's row so long is in the middle of a commit, or frozen there: it is held."""

_LOCK_NOT_AVAILABLE: Final = "55P03"


@dataclass(frozen=True, slots=True)
class _Taken:
    """A claim that was taken: its fence, whether somebody had it before, and for how long nothing was committed."""

    fence: int
    was_held: bool
    idle_seconds: float | None


def worker_name() -> str:
    """Return what this process is called unless it was given a name: its machine and number."""
    return f"{platform.node() or 'localhost'}:{os.getpid()}"


class Claim:
    """A change set that this process holds. Made by `hold`; a thread of its own renews the lease."""

    def __init__(
        self,
        database: Database,
        lock: ProcessLock,
        change_set_id: str,
        fence: int,
        lease_seconds: float,
        idle_seconds: float | None = None,
    ) -> None:
        self.change_set_id = change_set_id
        self.fence = fence
        self.is_taken_over = False  # the process before died, or hung, while it held the change set
        self.database = database
        self._lock = lock
        self.lease_seconds = lease_seconds
        self._keep = _keep_statement(database.dialect)
        self._renewed = clock.steady()
        self._idle_seconds = (
            idle_seconds  # when it was taken, since the last commit of whoever held it before
        )
        self._taken = self._renewed
        self._sent: float | None = None
        self._ended = Flag()
        self._heart = Thread(target=self._beat, name="storno-lease", daemon=True)

    def keep(self, connection: Connection) -> None:
        """Renew the lease in the caller's transaction, or raise `FenceLost` when somebody took over.

        Whoever would take over waits for that transaction to end, and then finds what it stored.
        """
        row = {
            "b_id": self.change_set_id,
            "b_fence": self.fence,
            "b_lease": self.lease_seconds,
        }
        if self.database.dialect == "sqlite":
            row["b_tick"] = clock.steady()
        if connection.execute(self._keep, row).rowcount != 1:
            raise self._lost(N_("another process took it over"))
        self._renewed = clock.steady()

    def require(self, connection: Connection) -> None:
        """Raise `FenceLost` when this process does not hold the change set any more.

        When it returns, at least half of the lease is left for the call that follows.
        """
        if not self._lock.is_held():
            raise self._lost(N_("its lock is gone"))
        row = connection.execute(
            select(
                _claim.c.fence,
                (_claim.c.lease_until - tick(self.database.dialect)).label("left"),
            ).where(_claim.c.change_set_id == self.change_set_id)
        ).first()
        if row is None or row.fence != self.fence or row.left is None:
            raise self._lost(N_("another process took it over"))
        if row.left < self.lease_seconds / 2:
            self._renew()

    def note_sent(self) -> None:
        """Remember that something was sent just now."""
        self._sent = clock.steady()

    @property
    def silent_seconds(self) -> float | None:
        """How long nothing was sent for this change set, at least; None where the journal's clock does not know.

        No time of day counts in it: not that of the process before, and not ours.
        """
        if self._sent is not None:
            return clock.steady() - self._sent
        if (
            self._idle_seconds is None or self._idle_seconds < 0
        ):  # the machine, and with it its clock, began anew
            return None
        return self._idle_seconds + clock.steady() - self._taken

    def start(self) -> None:
        """Let the lease be renewed from now on."""
        if not isinstance(self._lock, FreeLock):
            self._heart.start()

    def give_back(self) -> None:
        """Let others have the change set at once."""
        self._ended.set()
        if self._heart.is_alive():
            self._heart.join()
        try:
            # Where that fails, others find out by themselves: the process lock is given back all the same.
            with suppress(StornoError), self.database.writing() as connection:
                connection.execute(
                    update(_claim)
                    .where(
                        _claim.c.change_set_id == self.change_set_id,
                        _claim.c.fence == self.fence,
                    )
                    .values(worker=None, lease_until=None)
                )
        finally:
            self._lock.release()

    def _renew(self) -> None:
        with self.database.writing() as connection:
            self.keep(connection)

    def _beat(self) -> None:
        while not self._ended.wait(self.lease_seconds / _LOOKS_A_LEASE):
            if clock.steady() - self._renewed < self.lease_seconds / _RENEWALS_A_LEASE:
                continue  # a commit of the run has renewed it
            try:
                self._renew()
            except FenceLost:
                return  # the run finds out by itself, before it stores or sends anything
            except StornoError as error:
                log.warning(
                    Event.LEASE_UNRENEWED, change_set_id=self.change_set_id, problem=str(error)
                )

    def _lost(self, problem: str) -> FenceLost:
        log.warning(
            Event.CLAIM_LOST, change_set_id=self.change_set_id, fence=self.fence, problem=problem
        )
        return FenceLost(name=self.change_set_id[:13], problem=problem)


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


def _keep_statement(dialect: str) -> Update:
    now = bindparam("b_tick", type_=Float) if dialect == "sqlite" else tick(dialect)
    return (
        update(_claim)
        .where(
            and_(
                _claim.c.change_set_id == bindparam("b_id"),
                _claim.c.fence == bindparam("b_fence"),
            )
        )
        .values(lease_until=now + bindparam("b_lease", type_=Float), kept_at=now)
    )


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
