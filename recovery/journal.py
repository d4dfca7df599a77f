"""The journal: everything that Storno did, means to do and can take back. Read in `reading`, written in `writing`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from copy import copy
from typing import Final

import structlog
from sqlalchemy import Connection

from connectors.contract import Fence
from core import clock
from core.crashpoint import crashpoint
from core.errors import FenceLost, JournalBroken
from core.events import Event
from core.text import N_, Text
from recovery import locks
from recovery.at_rest.redaction import Redaction
from recovery.at_rest.sealing import Keys
from recovery.at_rest.unlocking import open_vault
from recovery.at_rest.vault import Vault
from recovery.auditing import audit
from recovery.model import (
    ChangeSet,
    Draft,
    PlanException,
    PlannedOperation,
)
from recovery.reading import JournalReader
from recovery.sql.database import Database
from recovery.sql.guards import missing_guards
from recovery.sql.health import newest_problem
from recovery.workers import claims, taking
from recovery.workers.claims import LEASE_SECONDS, Claim
from recovery.writing import JournalWriter

log = structlog.get_logger(__name__)

NO_KEYS: Final = Keys()
NOTHING_HIDDEN: Final = Redaction()


class Journal(JournalReader):
    """One journal. Every method is one short transaction; none is open while an ERP works."""

    def __init__(
        self, database: Database, keys: Keys = NO_KEYS, redaction: Redaction = NOTHING_HIDDEN
    ) -> None:
        super().__init__(database, open_vault(database, keys))
        self._claim: Claim | None = None
        self.redaction = redaction
        self._problem = self._look_at_newest()

    @classmethod
    def open(
        cls, url: str, *, keys: Keys = NO_KEYS, redaction: Redaction = NOTHING_HIDDEN
    ) -> Journal:
        """Open the journal at `url`, making or migrating it. Errors as `Database.open`, and `JournalKeyWrong`.

        With keys, everything that an image holds is sealed; what `redaction` hides is masked wherever it is shown.
        """
        database = Database.open(url)
        try:
            journal = cls(database, keys, redaction)
        except BaseException:
            database.close()
            raise
        log.debug(Event.JOURNAL_OPENED, journal=journal.name)
        return journal

    @property
    def name(self) -> str:
        """The address without a password, for messages."""
        return self._database.name

    @property
    def seed(self) -> bytes:
        """What makes this journal's audit chain and image hashes its own; never shown."""
        return self._vault.seed

    @property
    def database(self) -> Database:
        """The database, for modules of recovery that keep the journal itself (backup, retention, rotation)."""
        return self._database

    @property
    def vault(self) -> Vault:
        """Where images are kept."""
        return self._vault

    @property
    def is_shared(self) -> bool:
        """Whether processes on several machines may use it."""
        return self._database.dialect != "sqlite"

    def close(self) -> None:
        """Close every connection."""
        self._database.close()

    def _look_at_newest(self) -> Text | None:
        """Return what is wrong with the newest line: then the journal can be read and checked, and not written."""
        with self._database.reading() as connection:
            problem, missing = newest_problem(connection), missing_guards(connection)
        if problem is not None or missing:
            log.warning(
                Event.JOURNAL_DOUBTED,
                journal=self.name,
                problem=str(problem or ""),
                missing=missing,
            )
        return problem

    # --- writing --------------------------------------------------------------------------------

    @contextmanager
    def writing(self) -> Iterator[JournalWriter]:
        """One durable transaction with its audit line; nothing of it stays when the block raises.

        Raises `JournalBroken` where its newest line did not fit when it was opened: nothing is added to it.
        """
        if self._problem is not None:
            raise JournalBroken(journal=self.name, problem=self._problem)
        with self._database.writing() as connection:
            if self._claim is not None:
                self._claim.keep(connection)
            writer = JournalWriter(connection, self._vault, self.redaction)
            yield writer
            writer.finish()

    @contextmanager
    def aside(self) -> Iterator[Connection]:
        """One durable transaction for what is no history and belongs to no run: that an alarm was delivered."""
        with self._database.writing() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One read transaction that sees one moment, for modules of recovery with tables of their own."""
        with self._database.reading() as connection:
            yield connection

    def plan(
        self,
        draft: Draft,
        operations: Iterable[PlannedOperation],
        exceptions: Iterable[PlanException] = (),
    ) -> ChangeSet:
        """Store a plan in one commit and return it, planned and hashed."""
        with self.writing() as writer:
            change_set_id = writer.add_plan(draft, operations, exceptions)
        crashpoint("plan.after_commit")
        log.info(Event.CHANGE_SET_PLANNED, change_set_id=change_set_id)
        return self.change_set(change_set_id)

    def image_hash(self, encoded: bytes) -> str:
        """Return the keyed hash under which an encoded image is stored."""
        return self._vault.hash(encoded).hex()

    @contextmanager
    def running(
        self,
        change_set_id: str,
        *,
        worker: str | None = None,
        lease_seconds: float = LEASE_SECONDS,
    ) -> Iterator[Journal]:
        """Hold a change set against every other process until the block, or this process, ends.

        Yields the journal for the run: each of its transactions stores nothing but with the claim still ours, and
        raises `FenceLost` otherwise. Raises `IllegalMove` when another process holds the change set.
        """
        with taking.hold(
            self._database,
            change_set_id,
            worker=worker or claims.worker_name(),
            lease_seconds=lease_seconds,
        ) as claim:
            yield self._held_by(claim)

    def _held_by(self, claim: Claim) -> Journal:
        held = copy(self)
        vars(held)["_claim"] = claim
        return held

    @property
    def claim(self) -> Claim | None:
        """The claim of the run that this journal is for; None for everybody else."""
        return self._claim

    def fence(self, change_set_id: str) -> Fence:
        """Return what raises `FenceLost` when this process does not hold the change set any more.

        A connector asks it right before a write becomes permanent; several threads may.
        """

        def require_held() -> None:
            claim = self._claim
            if claim is None or claim.change_set_id != change_set_id:
                raise FenceLost(name=change_set_id[:13], problem=N_("its lock is gone"))
            while True:
                asked = clock.steady()
                with self._database.reading() as connection:
                    claim.require(connection)
                    locks.require_held(connection, change_set_id)
                # Frozen while it asked, it would hold an answer of long ago.
                if clock.steady() - asked < claim.lease_seconds / 4:
                    return

        return require_held

    # --- promises about itself ------------------------------------------------------------------

    def require_intact_plan(self, change_set: ChangeSet) -> None:
        """Raise `JournalBroken` when the plan's rows are not what was hashed when it was made."""
        if self.plan_hash(change_set.id) != change_set.plan_hash:
            raise JournalBroken(
                journal=self.name,
                problem=f"plan {change_set.short_id} was edited after it was made",
            )

    def verify(self) -> audit.AuditReport:
        """Verify the audit chain, the states that follow from it, the plans and every image."""
        from recovery.auditing.verification import verify_journal

        report = verify_journal(self._database, self._vault, self.plan_hash)
        log.info(
            Event.AUDIT_VERIFIED,
            lines=report.line_count,
            problems=[str(p) for p in report.problems],
        )
        return report
