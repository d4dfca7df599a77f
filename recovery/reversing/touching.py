"""Which operations of the journal work on which records, restate which, and belong to which span of time: reads only."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Select, and_, func, or_, select

from connectors.contract import Ref
from recovery import schema
from recovery.reversing.created import Created
from recovery.reversing.standing import reversed_operations
from recovery.sql.schema_rollback import created_document, reversal
from recovery.states import ALREADY, OperationState

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from recovery.reversing.rewinding import Place

CHUNK: Final = 500
_operation, _set, _record = schema.operation, schema.change_set, schema.operation_record
_CONFIRMED: Final = _operation.c.state == OperationState.CONFIRMED.value


def _chunks(values: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield the values a few hundred at a time: a database takes so many in one statement."""
    for start in range(0, len(values), CHUNK):
        yield values[start : start + CHUNK]


def operations_on(
    connection: Connection, places: Iterable[Place], *, since: str, known: Collection[str]
) -> list[str]:
    """Return the ids of confirmed operations whose document or footprint is one of these records.

    Only of change sets from `since` on (ids go up with time), and none of `known`.
    """
    wanted = set(places)
    keys = sorted({ref.key for _, ref in wanted})
    found: set[str] = set()
    of_documents = select(
        _operation.c.id, _operation.c.system, _operation.c.model, _operation.c.key
    ).where(_CONFIRMED, _operation.c.change_set_id >= since)
    of_footprints = (
        select(_operation.c.id, _operation.c.system, _record.c.model, _record.c.key)
        .join(_record, _record.c.operation_id == _operation.c.id)
        .where(_CONFIRMED, _operation.c.change_set_id >= since)
    )
    models = sorted({ref.model for _, ref in wanted})
    for chunk in _chunks(keys):
        of_chunk = (
            of_documents.where(_operation.c.key.in_(chunk)),
            # Both columns, so that the index of footprints is used.
            of_footprints.where(_record.c.model.in_(models), _record.c.key.in_(chunk)),
        )
        for query in of_chunk:
            found |= {
                row.id
                for row in connection.execute(query)
                if row.id not in known and (row.system, (row.model, row.key)) in wanted
            }
    return sorted(found)


def links_of(connection: Connection, chains: Collection[tuple[str, str, Ref]]) -> list[str]:
    """Return the ids of all confirmed operations of these chains: change set, system and document."""
    wanted = set(chains)
    found: list[str] = []
    sets = sorted({each[0] for each in wanted})
    for chunk in _chunks(sorted({each[2].key for each in wanted})):
        for some in _chunks(sets):
            rows = connection.execute(
                select(
                    _operation.c.id,
                    _operation.c.change_set_id,
                    _operation.c.system,
                    _operation.c.model,
                    _operation.c.key,
                ).where(
                    _CONFIRMED, _operation.c.change_set_id.in_(some), _operation.c.key.in_(chunk)
                )
            )
            found += [
                row.id
                for row in rows
                if (row.change_set_id, row.system, (row.model, row.key)) in wanted
            ]
    return found


def restatements(connection: Connection, operation_ids: Sequence[str]) -> dict[str, str]:
    """Return, for operations that stand because a rollback of theirs was taken back, what did that, the newest.

    What an operation holds now is what that one put there; a counter-document is another one since.
    """
    found: dict[str, str] = {}
    current = {operation_id: operation_id for operation_id in operation_ids}
    while current:
        first = _reversers(connection, current)
        second = _reversers(connection, first)
        gone = reversed_operations(connection, second) if second else frozenset()
        following: dict[str, str] = {}
        for newest, reverser in second.items():
            if newest not in gone:
                origin = current[first[reverser]]
                found[origin] = newest
                following[newest] = origin
        current = following
    return found


def _reversers(connection: Connection, ids: Iterable[str]) -> dict[str, str]:
    """Return the operations that took one of these back, or found it back, with which one."""
    found: dict[str, str] = {}
    for chunk in _chunks(sorted(ids)):
        rows = connection.execute(
            select(_operation.c.id, _operation.c.reverses_operation_id)
            .where(
                _operation.c.reverses_operation_id.in_(chunk),
                or_(_CONFIRMED, _operation.c.error_code == ALREADY),
            )
            .order_by(_operation.c.change_set_id, _operation.c.position)
        )
        found |= {row.id: row.reverses_operation_id for row in rows}
    return found


def change_sets_reversing(reverses_id: str) -> Select[Any]:
    """Return the query for the ids of change sets that take operations of this one back."""
    return select(reversal.c.change_set_id).where(reversal.c.reverses_id == reverses_id)


def parts_of_change_sets(connection: Connection, change_set_ids: Sequence[str]) -> list[str]:
    """Return the confirmed operations that may have taken lines of operations of these change sets back.

    Such an operation ends nothing, so it names no operation that it reverses: its details do.
    """
    found: set[str] = set()
    for chunk in _chunks(change_set_ids):
        reversing = select(reversal.c.change_set_id).where(reversal.c.reverses_id.in_(chunk))
        older = select(_set.c.id).where(_set.c.reverses_id.in_(chunk))
        query = select(_operation.c.id).where(
            or_(_operation.c.change_set_id.in_(reversing), _operation.c.change_set_id.in_(older)),
            _CONFIRMED,
            _operation.c.reverses_operation_id.is_(None),
            _operation.c.details.is_not(None),
            _operation.c.details.like('%"part_of"%'),
        )
        found |= set(connection.execute(query).scalars())
    return sorted(found)


def change_sets_reversed_by(connection: Connection, change_set_id: str) -> list[str]:
    """Return the change sets of which this one takes operations back, the newest first."""
    query = (
        select(reversal.c.reverses_id)
        .where(reversal.c.change_set_id == change_set_id)
        .order_by(reversal.c.reverses_id.desc())
    )
    return list(connection.execute(query).scalars())


def created_by(connection: Connection, operation_ids: Sequence[str]) -> dict[str, list[Created]]:
    """Return the documents with a number of their own that operations created, in the order of their keys."""
    found: dict[str, list[Created]] = {}
    for chunk in _chunks(operation_ids):
        rows = connection.execute(
            select(created_document)
            .where(created_document.c.operation_id.in_(chunk))
            .order_by(created_document.c.model, created_document.c.key)
        )
        for row in rows:
            found.setdefault(row.operation_id, []).append(
                Created(Ref(row.model, row.key), row.number)
            )
    return found


def counts_by_system(
    connection: Connection, change_set_id: str
) -> dict[str, dict[OperationState, int]]:
    """Return how many operations of a change set are in each state, per system, in the order of the plan."""
    rows = connection.execute(
        select(
            _operation.c.system,
            _operation.c.state,
            func.count(),
            func.min(_operation.c.position).label("first"),
        )
        .where(_operation.c.change_set_id == change_set_id)
        .group_by(_operation.c.system, _operation.c.state)
        .order_by("first")
    )
    found: dict[str, dict[OperationState, int]] = {}
    for system, state, count, _ in rows:
        found.setdefault(system, {})[OperationState(state)] = count
    return found


def operations_made(number: str) -> Select[Any]:
    """Return the query for the ids of operations that created a document of this number."""
    return select(created_document.c.operation_id).where(created_document.c.number == number)


def operations_creating(connection: Connection, numbers: Sequence[str]) -> dict[str, str]:
    """Return the operations that created a document with one of these numbers, with that number."""
    found: dict[str, str] = {}
    for chunk in _chunks(numbers):
        rows = connection.execute(
            select(created_document.c.operation_id, created_document.c.number).where(
                created_document.c.number.in_(chunk)
            )
        )
        found |= {row.operation_id: row.number for row in rows}
    return found


def operations_between(
    connection: Connection,
    since: datetime | None,
    until: datetime | None,
    change_set_ids: Collection[str],
) -> list[str]:
    """Return the ids of confirmed operations of these change sets that may have happened in the span."""
    span = [_CONFIRMED]
    if since is not None:
        span.append(_operation.c.settled_at >= since)
    if until is not None:
        span.append(_operation.c.sent_at < until)
    found: list[str] = []
    for chunk in _chunks(sorted(change_set_ids)):
        query = select(_operation.c.id).where(and_(*span), _operation.c.change_set_id.in_(chunk))
        found += connection.execute(query).scalars()
    return found


def change_sets_between(
    connection: Connection,
    since: datetime | None,
    until: datetime | None,
    by: str | None,
    system: str | None,
) -> list[Any]:
    """Return id, purpose and state of the change sets that ran in the span, oldest first."""
    query = (
        select(_set.c.id, _set.c.purpose, _set.c.state)
        .where(_set.c.started_at.is_not(None))
        .order_by(_set.c.id)
    )
    if since is not None:
        query = query.where(or_(_set.c.finished_at.is_(None), _set.c.finished_at >= since))
    if until is not None:
        query = query.where(_set.c.started_at < until)
    if by is not None:
        query = query.where(or_(_set.c.actor == by, _set.c.approved_by == by))
    if system is not None:
        # Of each change set one row is enough; the index of positions finds it.
        one = select(_operation.c.id).where(
            _operation.c.change_set_id == _set.c.id, _operation.c.system == system
        )
        query = query.where(one.exists())
    return list(connection.execute(query))
