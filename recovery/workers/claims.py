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
from contextlib import suppress
from threading import Event as Flag
from threading import Thread
from typing import TYPE_CHECKING, Final

import structlog
from sqlalchemy import Connection, Float, Update, and_, bindparam, select, update

from core import clock
from core.errors import FenceLost, StornoError
from core.events import Event
from core.text import N_
from recovery.sql.process_lock import FreeLock, ProcessLock
from recovery.sql.schema_workers import claim as _claim
from recovery.sql.ticks import tick

if TYPE_CHECKING:
    from recovery.sql.database import Database

log = structlog.get_logger(__name__)

LEASE_SECONDS: Final = 30.0
"""How long a change set waits for a holder that gives no sign of life and is not known to be dead."""

_LOOKS_A_LEASE: Final = 6
_RENEWALS_A_LEASE: Final = 3


def worker_name() -> str:
    """Return what this process is called unless it was given a name: its machine and number."""
    return f"{platform.node() or 'localhost'}:{os.getpid()}"


class Claim:
    """A change set that this process holds. Made by `recovery.workers.taking.hold`; a thread of its own renews the lease."""

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
