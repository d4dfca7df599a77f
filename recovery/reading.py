"""What is read from a journal: change sets, operations, images, history. Every method is one short transaction."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, tuple_

from connectors.contract import Image, Kind, Ref
from core import encoding
from core.errors import BadInput, NotFound
from core.text import N_, Text
from recovery import schema
from recovery.at_rest.concealing import load_sealed
from recovery.auditing.proofs import newest_proof
from recovery.hashing import HASHED_COLUMNS, hash_exception, hash_operation
from recovery.images import decode_image
from recovery.model import ChangeSet, Operation, PlanException, Purpose
from recovery.reversing.standing import count_already, standing_operations
from recovery.reversing.touching import change_sets_reversing, operations_made
from recovery.sql.columns import id_range, is_id
from recovery.sql.rows import read_change_set, read_operation
from recovery.states import ChangeSetState, OperationState

if TYPE_CHECKING:
    from connectors.proving import Proof
    from recovery.at_rest.vault import Vault
    from recovery.sql.database import Database

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


class JournalReader:
    """The reading half of a journal."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault

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


def _is_called(names: Collection[str]) -> ColumnElement[bool]:
    # A document that has a number is never found by its key: key 20 may be another document's number.
    wanted = list(names)
    return or_(
        _operation.c.number.in_(wanted),
        and_(_operation.c.number.is_(None), _operation.c.key.in_(wanted)),
    )
