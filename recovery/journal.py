"""The journal: everything that Storno did, means to do and can take back. Reads here, writes in `writing`."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import structlog
from sqlalchemy import ColumnElement, Select, and_, func, insert, or_, select

from connectors.contract import Fence, Image, Kind, Ref
from connectors.proving import Proof
from core import encoding
from core.crashpoint import crashpoint
from core.errors import BadInput, FenceLost, JournalBroken, NotFound
from core.events import Event
from core.text import N_, Text
from recovery import audit, locks, schema
from recovery.database import Database, IsHeld
from recovery.hashing import HASHED_COLUMNS, hash_exception, hash_operation
from recovery.images import ImageCodec, decode_image
from recovery.model import (
    ChangeSet,
    Draft,
    Operation,
    PlanException,
    PlannedOperation,
    Purpose,
)
from recovery.proofs import newest_proof
from recovery.rows import read_change_set, read_operation
from recovery.standing import count_already, standing_operations
from recovery.states import ChangeSetState, OperationState
from recovery.writing import JournalWriter

log = structlog.get_logger(__name__)

SHORTEST_PREFIX: Final = 4
READ_CHUNK: Final = 500

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

    def __init__(self, database: Database) -> None:
        self._database = database
        self._held: dict[str, IsHeld] = {}  # the change sets that this process runs
        self._seed = self._load_seed()
        self._codec = ImageCodec(self._seed)

    @classmethod
    def open(cls, url: str) -> Journal:
        """Open the journal at `url`, making or migrating it. Errors as `Database.open`."""
        database = Database.open(url)
        try:
            journal = cls(database)
        except BaseException:
            database.close()
            raise
        log.debug(Event.JOURNAL_OPENED, journal=journal.name)
        return journal

    @property
    def name(self) -> str:
        """The address without a password, for messages."""
        return self._database.name

    def close(self) -> None:
        """Close every connection."""
        self._database.close()

    def _load_seed(self) -> bytes:
        table = schema.journal_setting
        query = select(table.c.value).where(table.c.name == "image_key")
        with self._database.reading() as connection:
            stored = connection.execute(query).scalar()
        if stored is None:
            with self._database.writing() as connection:
                stored = connection.execute(query).scalar()
                if stored is None:
                    stored = secrets.token_hex(32)
                    connection.execute(insert(table).values(name="image_key", value=stored))
                    audit.start_chain(connection, bytes.fromhex(stored))
        return bytes.fromhex(stored)

    # --- writing --------------------------------------------------------------------------------

    @contextmanager
    def writing(self) -> Iterator[JournalWriter]:
        """One durable transaction with its audit line; nothing of it stays when the block raises."""
        with self._database.writing() as connection:
            writer = JournalWriter(connection, self._codec, self._database.dialect)
            yield writer
            writer.finish()

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
        return self._codec.hash(encoded).hex()

    # --- reading --------------------------------------------------------------------------------

    def change_set(self, wanted: str) -> ChangeSet:
        """Return the change set with this id, unique prefix of it, or `last`.

        Raises `NotFound`, and `BadInput` when the prefix is too short or fits several.
        """
        query = select(_set).order_by(_set.c.id.desc()).limit(2)
        if wanted != "last":
            prefix = wanted.strip().lower()
            if len(prefix) < SHORTEST_PREFIX or not set(prefix) <= set("0123456789abcdef-"):
                raise NotFound(what="change set", name=wanted)
            query = query.where(_set.c.id >= prefix, _set.c.id < prefix + "g")
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
            query = query.where(_set.c.reverses_id == reverses_id)
        if system is not None or number is not None:
            inner = select(_operation.c.change_set_id)
            if system is not None:
                inner = inner.where(_operation.c.system == system)
            if number is not None:
                inner = inner.where(_is_called([number]))
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
        found = self._fetch(select(_operation).where(_operation.c.id.in_(list(ids))))
        return {operation.id: operation for operation in found}

    def operations_on_record(self, change_set_id: str, ref: Ref) -> list[Operation]:
        """Return the confirmed operations of a change set whose footprint holds this record, newest first."""
        record = schema.operation_record
        touched = select(record.c.operation_id).where(
            record.c.model == ref.model, record.c.key == ref.key
        )
        return self._fetch(
            select(_operation)
            .where(
                _operation.c.change_set_id == change_set_id,
                _operation.c.state == OperationState.CONFIRMED.value,
                or_(
                    _operation.c.id.in_(touched),
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
            return [read_operation(row) for row in connection.execute(query)]

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
    def running(self, change_set_id: str) -> Iterator[None]:
        """Keep every other process from running this change set until the block, or this process, ends."""
        with self._database.held(change_set_id) as is_held:
            self._held[change_set_id] = is_held
            try:
                yield
            finally:
                del self._held[change_set_id]

    def fence(self, change_set_id: str) -> Fence:
        """Return what raises `FenceLost` when this process does not hold the change set any more.

        A connector asks it right before a write becomes permanent; several threads may.
        """

        def require_held() -> None:
            is_held = self._held.get(change_set_id)
            if is_held is None or not is_held():
                raise FenceLost(name=change_set_id[:13], problem=N_("its lock is gone"))
            with self._database.reading() as connection:
                locks.require_held(connection, change_set_id)

        return require_held

    def images(self, hashes: Collection[str | None]) -> dict[str, Image]:
        """Return images by their hash. Raises `JournalBroken` when one is missing or was altered."""
        wanted = sorted({found for found in hashes if found is not None})
        images: dict[str, Image] = {}
        table = schema.image
        with self._database.reading() as connection:
            for start in range(0, len(wanted), READ_CHUNK):
                chunk = [bytes.fromhex(found) for found in wanted[start : start + READ_CHUNK]]
                rows = connection.execute(select(table).where(table.c.hash.in_(chunk)))
                for row in rows:
                    images[bytes(row.hash).hex()] = self._decode(bytes(row.hash), row.content)
        if len(images) != len(wanted):
            raise JournalBroken(journal=self.name, problem="an image is missing")
        return images

    def _decode(self, found: bytes, content: bytes) -> Image:
        try:
            encoded = self._codec.decompress(bytes(content))
        except Exception as error:
            raise JournalBroken(journal=self.name, problem="an image cannot be unpacked") from error
        if self._codec.hash(encoded) != found:
            raise JournalBroken(journal=self.name, problem="an image was altered")
        return decode_image(encoded)

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
        from recovery.verification import verify_journal

        report = verify_journal(self._database, self._codec, self._seed, self.plan_hash)
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
