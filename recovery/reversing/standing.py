"""Which operations still stand: an operation stands until a confirmed operation that stands took it back."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final

import structlog
from sqlalchemy import Connection, func, or_, select

from core.events import Event
from recovery import schema
from recovery.states import ALREADY, ChangeSetState, OperationState
from recovery.writing import JournalWriter

log = structlog.get_logger(__name__)

CHUNK: Final = 500
_operation, _set = schema.operation, schema.change_set
_CHAIN: Final = (
    _operation.c.change_set_id,
    _operation.c.system,
    _operation.c.model,
    _operation.c.key,
)
RESTATED: Final = {
    ChangeSetState.APPLIED.value,
    ChangeSetState.PARTLY_APPLIED.value,
    ChangeSetState.ROLLED_BACK.value,
    ChangeSetState.PARTLY_ROLLED_BACK.value,
}


def reversed_operations(connection: Connection, operation_ids: Collection[str]) -> frozenset[str]:
    """Return those of the operations that a standing operation took back.

    A rollback of a rollback makes the first operation stand again, to any depth.
    """
    wanted, reversers = list(operation_ids), dict[str, list[str]]()
    idle: list[Any] = []
    for start in range(0, len(wanted), CHUNK):
        rows = connection.execute(
            select(
                _operation.c.id,
                _operation.c.reverses_operation_id,
                _operation.c.state,
                *_CHAIN,
            ).where(
                _operation.c.reverses_operation_id.in_(wanted[start : start + CHUNK]),
                or_(
                    _operation.c.state == OperationState.CONFIRMED.value,
                    _operation.c.error_code == ALREADY,
                ),
            )
        )
        for row in rows:
            reversers.setdefault(row.reverses_operation_id, []).append(row.id)
            if row.state != OperationState.CONFIRMED.value:
                idle.append(row)
    if not reversers:
        return frozenset()
    taken_back = reversed_operations(connection, [i for ids in reversers.values() for i in ids])
    taken_back |= _gone_with_their_chain(connection, idle)
    return frozenset(
        operation_id
        for operation_id, ids in reversers.items()
        if any(each not in taken_back for each in ids)
    )


def _gone_with_their_chain(connection: Connection, idle: Sequence[Any]) -> frozenset[str]:
    """Return those that had nothing to do and whose chain was taken back: there is nothing of theirs to take back."""
    links: dict[str, list[str]] = {}
    for row in idle:
        same = (_operation.c[column.name] == getattr(row, column.name) for column in _CHAIN)
        confirmed = _operation.c.state == OperationState.CONFIRMED.value
        found = connection.execute(select(_operation.c.id).where(confirmed, *same)).scalars()
        links[row.id] = list(found)
    gone = reversed_operations(connection, [each for ids in links.values() for each in ids])
    return frozenset(
        operation_id for operation_id, ids in links.items() if ids and gone.issuperset(ids)
    )


def standing_operations(connection: Connection, operation_ids: Sequence[str]) -> list[str]:
    """Return those of the operations that nothing took back, in the same order."""
    gone = reversed_operations(connection, operation_ids)
    return [operation_id for operation_id in operation_ids if operation_id not in gone]


def restate_reversed(writer: JournalWriter, change_set_id: str) -> None:
    """Move every change set whose operations this one took back, and those below them, to their new states."""
    connection, seen = writer.connection, {change_set_id}
    frontier = [change_set_id]
    while frontier:
        reversed_sets = _reversed_sets(connection, frontier) - seen
        for each in sorted(reversed_sets, reverse=True):
            _restate(writer, each)
        seen |= reversed_sets
        frontier = sorted(reversed_sets)


def _reversed_sets(connection: Connection, change_set_ids: Sequence[str]) -> set[str]:
    reversing = _operation.alias("reversing")
    return set(
        connection.execute(
            select(_operation.c.change_set_id)
            .join(reversing, reversing.c.reverses_operation_id == _operation.c.id)
            .where(reversing.c.change_set_id.in_(change_set_ids))
            .distinct()
        ).scalars()
    )


def count_already(connection: Connection, change_set_id: str) -> int:
    """Return how many operations of a change set were dropped because the ERP had it already."""
    query = select(func.count()).where(
        _operation.c.change_set_id == change_set_id, _operation.c.error_code == ALREADY
    )
    return int(connection.execute(query).scalar_one())


def _restate(writer: JournalWriter, change_set_id: str) -> None:
    connection = writer.connection
    row = connection.execute(
        select(_set.c.state, _set.c.operation_count).where(_set.c.id == change_set_id)
    ).one()
    if row.state not in RESTATED:
        return
    confirmed = list(
        connection.execute(
            select(_operation.c.id).where(
                _operation.c.change_set_id == change_set_id,
                _operation.c.state == OperationState.CONFIRMED.value,
            )
        ).scalars()
    )
    gone = reversed_operations(connection, confirmed)
    if len(gone) == len(confirmed):
        to = ChangeSetState.ROLLED_BACK
    elif gone:
        to = ChangeSetState.PARTLY_ROLLED_BACK
    elif len(confirmed) + count_already(connection, change_set_id) == row.operation_count:
        to = ChangeSetState.APPLIED
    else:
        to = ChangeSetState.PARTLY_APPLIED
    if to.value != row.state:
        writer.move_change_set(change_set_id, to)
        log.info(Event.CHANGE_SET_ROLLED_BACK, change_set_id=change_set_id, state=to.value)
