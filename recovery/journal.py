"""The journal: everything that Storno did, means to do and can take back. Reads here, writes in `writing`."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import structlog
from sqlalchemy import ColumnElement, Connection, Select, and_, func, or_, select, tuple_

from connectors.contract import Fence, Image, Kind, Ref
from connectors.proving import Proof
from core import clock, encoding
from core.crashpoint import crashpoint
from core.errors import BadInput, FenceLost, JournalBroken, NotFound
from core.events import Event
from core.text import N_, Text
from recovery import locks, schema
from recovery.at_rest.concealing import load_sealed
from recovery.at_rest.redaction import Redaction
from recovery.at_rest.sealing import Keys
from recovery.at_rest.unlocking import open_vault
from recovery.at_rest.vault import Vault
from recovery.auditing import audit
from recovery.auditing.proofs import newest_proof
from recovery.hashing import HASHED_COLUMNS, hash_exception, hash_operation
from recovery.images import decode_image
from recovery.model import (
    ChangeSet,
    Draft,
    Operation,
    PlanException,
    PlannedOperation,
    Purpose,
)
from recovery.reversing.standing import count_already, standing_operations
from recovery.reversing.touching import change_sets_reversing, operations_made
from recovery.sql.columns import id_range, is_id
from recovery.sql.database import Database
from recovery.sql.guards import missing_guards
from recovery.sql.health import newest_problem
from recovery.sql.rows import read_change_set, read_operation
from recovery.states import ChangeSetState, OperationState
from recovery.workers import claims
from recovery.workers.claims import LEASE_SECONDS, Claim
from recovery.writing import JournalWriter

log = structlog.get_logger(__name__)

SHORTEST_PREFIX: Final = 4
READ_CHUNK: Final = 500
NO_KEYS: Final = Keys()
NOTHING_HIDDEN: Final = Redaction()

_set, _operation = schema.change_set, schema.operation


@dataclass(frozen=True, slots=True)
class Move:
    """One entry of the history: what moved where, when, by whom."""

    audit_number: int
    moved_at: datetime
    subject: str
    to_state: str
    positions: str | None
    actor: str | None
    detail: dict[str, Any]


class Journal:
    """One journal. Every method is one short transaction; none is open while an ERP works."""

    def __init__(
        self, database: Database, keys: Keys = NO_KEYS, redaction: Redaction = NOTHING_HIDDEN
    ) -> None:
        self._database = database
        self._claim: Claim | None = None
        self._vault = open_vault(database, keys)
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

    # --- reading --------------------------------------------------------------------------------

    def change_set(self, wanted: str) -> ChangeSet:
        """Return the change set with this id, unique prefix of it, or `last`.

        Raises `NotFound`, and `BadInput` when the prefix is too short or fits several.
        """
        query = select(_set).order_by(_set.c.id.desc()).limit(2)
        if wanted != "last":
            prefix = wanted.strip().lower()
            ids = id_range(prefix) if len(prefix) >= SHORTEST_PREFIX else None
            if ids is None:
                raise NotFound(what="change set", name=wanted)
            query = query.where(_set.c.id.between(*ids))
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        if not rows:
            raise NotFound(what="change set", name=wanted)
        if wanted != "last" and len(rows) > 1:
            raise BadInput(
                N_(
                    "{source}: fits several change sets ({problem} and others); give more of the id."
                ),
                source=wanted,
                problem=", ".join(row.id for row in rows),
            )
        return read_change_set(rows[0])

    def change_sets(
        self,
        *,
        since: datetime | None = None,
        by: str | None = None,
        system: str | None = None,
        number: str | None = None,
        states: Collection[ChangeSetState] | None = None,
        purpose: Purpose | None = None,
        reverses_id: str | None = None,
        limit: int = 50,
    ) -> list[ChangeSet]:
        """Return change sets, newest first; `number` is what people call a document."""
        query = select(_set).order_by(_set.c.id.desc()).limit(limit)
        if since is not None:
            query = query.where(_set.c.created_at >= since)
        if by is not None:
            query = query.where(or_(_set.c.actor == by, _set.c.approved_by == by))
        if states is not None:
            query = query.where(_set.c.state.in_([state.value for state in states]))
        if purpose is not None:
            query = query.where(_set.c.purpose == purpose.value)
        if reverses_id is not None:
            query = query.where(
                or_(
                    _set.c.reverses_id == reverses_id,
                    _set.c.id.in_(change_sets_reversing(reverses_id)),
                )
            )
        if system is not None or number is not None:
            inner = select(_operation.c.change_set_id)
            if system is not None:
                inner = inner.where(_operation.c.system == system)
            if number is not None:
                # A counter-document is found by its own number, too.
                made = operations_made(number)
                inner = inner.where(or_(_is_called([number]), _operation.c.id.in_(made)))
            query = query.where(_set.c.id.in_(inner))
        with self._database.reading() as connection:
            return [read_change_set(row) for row in connection.execute(query)]

    def operations(
        self,
        change_set_id: str,
        *,
        states: Collection[OperationState] | None = None,
        positions: Collection[int] | None = None,
    ) -> Iterator[Operation]:
        """Yield operations in the order of their positions, READ_CHUNK at a time (memory stays flat)."""
        last = 0
        while True:
            chunk = self.next_operations(
                change_set_id, states=states, positions=positions, after=last, limit=READ_CHUNK
            )
            yield from chunk
            if len(chunk) < READ_CHUNK:
                return
            last = chunk[-1].position

    def next_operations(
        self,
        change_set_id: str,
        *,
        states: Collection[OperationState] | None = None,
        positions: Collection[int] | None = None,
        after: int = 0,
        limit: int = READ_CHUNK,
    ) -> list[Operation]:
        """Return up to `limit` operations whose position is above `after`."""
        query = (
            select(_operation)
            .where(_operation.c.change_set_id == change_set_id, _operation.c.position > after)
            .order_by(_operation.c.position)
            .limit(limit)
        )
        if states is not None:
            query = query.where(_operation.c.state.in_([state.value for state in states]))
        if positions is not None:
            query = query.where(_operation.c.position.in_(list(positions)))
        return self._fetch(query)

    def operations_of_numbers(
        self, numbers: Collection[str], *, system: str | None = None
    ) -> list[Operation]:
        """Return confirmed operations on the documents that people call so, newest first."""
        wanted, found = list(dict.fromkeys(numbers)), dict[str, Operation]()
        for start in range(0, len(wanted), READ_CHUNK):  # a database takes so many values at once
            chunk = wanted[start : start + READ_CHUNK]
            query = select(_operation).where(
                _is_called(chunk),
                _operation.c.state == OperationState.CONFIRMED.value,
            )
            if system is not None:
                query = query.where(_operation.c.system == system)
            found |= {operation.id: operation for operation in self._fetch(query)}
        return sorted(
            found.values(), key=lambda each: (each.change_set_id, each.position), reverse=True
        )

    def operations_by_id(self, ids: Collection[str]) -> dict[str, Operation]:
        """Return operations by their ids; unknown ones are left out."""
        known = [each for each in ids if is_id(each)]
        found = self._fetch(select(_operation).where(_operation.c.id.in_(known)))
        return {operation.id: operation for operation in found}

    def operations_on_record(self, change_set_id: str, ref: Ref) -> list[Operation]:
        """Return the confirmed operations of a change set whose footprint holds this record, newest first.

        Of a chain the plan knows the footprint of the first link; its later links work on the same document.
        """
        record = schema.operation_record
        touched = select(record.c.operation_id).where(
            record.c.model == ref.model, record.c.key == ref.key
        )
        documents = select(_operation.c.model, _operation.c.key).where(
            _operation.c.change_set_id == change_set_id, _operation.c.id.in_(touched)
        )
        return self._fetch(
            select(_operation)
            .where(
                _operation.c.change_set_id == change_set_id,
                _operation.c.state == OperationState.CONFIRMED.value,
                or_(
                    _operation.c.id.in_(touched),
                    tuple_(_operation.c.model, _operation.c.key).in_(documents),
                    and_(_operation.c.model == ref.model, _operation.c.key == ref.key),
                ),
            )
            .order_by(_operation.c.position.desc())
        )

    def standing(self, operation_ids: Sequence[str]) -> list[str]:
        """Return those of the operations that nothing took back, in the same order."""
        with self._database.reading() as connection:
            return standing_operations(connection, operation_ids)

    def _fetch(self, query: Select[Any]) -> list[Operation]:
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
            sealed = load_sealed(connection, self._vault, rows)
        return [read_operation(row, sealed) for row in rows]

    def exceptions(self, change_set_id: str) -> Iterator[PlanException]:
        """Yield the documents that were looked at and cannot be closed."""
        table = schema.plan_exception
        with self._database.reading() as connection:
            rows = connection.execute(
                select(table)
                .where(table.c.change_set_id == change_set_id)
                .order_by(table.c.position)
            ).all()
        for row in rows:
            ref = None if row.model is None else Ref(row.model, row.key)
            text = Text.from_dict(encoding.loads(row.text))
            yield PlanException(row.system, Kind(row.kind), row.number, ref, row.code, text)

    def counts(self, change_set_id: str) -> dict[OperationState, int]:
        """Return how many operations are in each state; states without any are left out."""
        query = (
            select(_operation.c.state, func.count())
            .where(_operation.c.change_set_id == change_set_id)
            .group_by(_operation.c.state)
        )
        with self._database.reading() as connection:
            return {OperationState(state): count for state, count in connection.execute(query)}

    def count_already(self, change_set_id: str) -> int:
        """Return how many operations were not sent because the ERP had already what they would do."""
        with self._database.reading() as connection:
            return count_already(connection, change_set_id)

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
        with claims.hold(
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

    def images(self, hashes: Collection[str | None]) -> dict[str, Image]:
        """Return images by their hash. Raises `JournalBroken` when one is missing or was altered."""
        wanted = {bytes.fromhex(found) for found in hashes if found is not None}
        if not wanted:
            return {}
        with self._database.reading() as connection:
            stored = self._vault.read(connection, wanted)
        return {found.hex(): decode_image(encoded) for found, encoded in stored.items()}

    def history(self, change_set_id: str) -> Iterator[Move]:
        """Yield every move of a change set and its operations, oldest first."""
        query = (
            select(schema.move, schema.audit_line.c.written_at)
            .join(schema.audit_line, schema.audit_line.c.number == schema.move.c.audit_number)
            .where(schema.move.c.change_set_id == change_set_id)
            .order_by(schema.move.c.audit_number, schema.move.c.position)
        )
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        for row in rows:
            yield Move(
                row.audit_number,
                row.written_at,
                row.subject,
                row.to_state,
                row.positions,
                row.actor,
                {} if row.detail is None else encoding.loads(row.detail),
            )

    def proof(self, system: str) -> Proof | None:
        """Return the newest proof that writing to a system was tried on a copy; None where there is none."""
        with self._database.reading() as connection:
            return newest_proof(connection, system)

    # --- promises about itself ------------------------------------------------------------------

    def plan_hash(self, change_set_id: str) -> str:
        """Compute the hash of a stored plan anew, from its rows."""
        hasher = hashlib.blake2b(digest_size=32)
        columns = [_operation.c[name] for name in HASHED_COLUMNS]
        table = schema.plan_exception
        with self._database.reading() as connection:
            rows = connection.execution_options(yield_per=READ_CHUNK).execute(
                select(*columns, _operation.c.approved_hash)
                .where(_operation.c.change_set_id == change_set_id)
                .order_by(_operation.c.position)
            )
            for row in rows.mappings():
                hash_operation(hasher, row)
            for row in connection.execute(
                select(table)
                .where(table.c.change_set_id == change_set_id)
                .order_by(table.c.position)
            ).mappings():
                hash_exception(hasher, row)
        return hasher.hexdigest()

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


def _is_called(names: Collection[str]) -> ColumnElement[bool]:
    # A document that has a number is never found by its key: key 20 may be another document's number.
    wanted = list(names)
    return or_(
        _operation.c.number.in_(wanted),
        and_(_operation.c.number.is_(None), _operation.c.key.in_(wanted)),
    )
