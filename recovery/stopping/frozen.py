"""What stands in the way of a write: the freezes in force, against the operations that are about to be sent."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select, true

from recovery import schema
from recovery.auditing.audit import RUN_SUBJECT
from recovery.freezes import Freeze, Scope, list_freezes, read_freeze
from recovery.model import ChangeSet, Operation, Purpose
from recovery.sql.rows import read_change_set, read_operation
from recovery.states import IN_FLIGHT, SETTLED, ChangeSetState, OperationState

if TYPE_CHECKING:
    from recovery.journal import Journal

CHUNK: Final = 500

_freeze, _operation, _set = schema.freeze, schema.operation, schema.change_set


def require_thawed(
    journal: Journal,
    change_set_id: str,
    operations: Sequence[Operation] | None = None,
    *,
    runner: str | None = None,
) -> None:
    """Raise `Frozen` when a freeze covers one of these operations, or of all that are not settled yet.

    `runner` is who is about to run them, where the journal does not know that yet. Costs one look at an index of the
    freezes in force while there are none.
    """
    with journal.reading() as connection:
        found = in_the_way(connection, change_set_id, operations, runner=runner)
    if found is not None:
        raise found.error()


def require_free(journal: Journal, change_set_id: str, runner: str) -> None:
    """Raise `Frozen` when it is only whoever is about to go on with a change set that is frozen, and not what is in it.

    Asked before the journal says that they run it: from then on their freeze would stop everybody else, too.
    """
    with journal.reading() as connection:
        if in_the_way(connection, change_set_id) is not None:
            return
        found = in_the_way(connection, change_set_id, runner=runner)
    if found is not None:
        raise found.error()


def in_the_way(
    connection: Connection,
    change_set_id: str,
    operations: Sequence[Operation] | None = None,
    *,
    runner: str | None = None,
) -> Freeze | None:
    """Return a freeze that covers one of the operations (of all that are not settled), None where none does."""
    in_force = [read_freeze(row) for row in connection.execute(_IN_FORCE)]
    for each in in_force:
        if operations is not None and not _may_fit(each.scope, change_set_id, operations):
            continue
        condition = _covered(connection, each, runner)
        for chosen in _chosen(change_set_id, operations):
            query = select(_operation.c.id).where(chosen, condition)
            if connection.execute(query.limit(1)).first() is not None:
                return each
    return None


def on_documents(
    journal: Journal,
    documents: Iterable[tuple[str, str, str | None]],
    *,
    person: str,
    takes_back: bool = False,
) -> list[Freeze]:
    """Return the freezes in force that new operations on documents (system, kind, number) would meet.

    `takes_back` says that they would be a rollback of what is no rollback itself.
    """
    in_force = [
        each
        for each in list_freezes(journal)
        if each.scope.change_set_id is None
        and each.scope.person in (None, person)
        and not (takes_back and each.spares_rollback)
    ]
    if not in_force:
        return []
    wanted = set(documents)
    return [
        each
        for each in in_force
        if any(
            each.scope.system in (None, system)
            and each.scope.kind in (None, kind)
            and each.scope.number in (None, number)
            for system, kind, number in wanted
        )
    ]


def in_flight(journal: Journal, scope: Scope, *, limit: int) -> tuple[int, list[Operation]]:
    """Return how many operations in a scope were sent and have no outcome, and the newest of them.

    Right after a freeze was stored nothing else of its scope can reach the ERP: intents are on disk before a process
    looks for freezes.
    """
    # Only a change set that has not ended has any of them, and those are found without reading every operation.
    is_open = _set.c.state.in_([ChangeSetState.RUNNING.value, ChangeSetState.PAUSED.value])
    states = {*IN_FLIGHT, OperationState.NEEDS_PERSON}
    return _found(journal, scope, states, limit, _of_change_sets(is_open))


def open_change_sets(journal: Journal, scope: Scope, *, limit: int) -> list[tuple[ChangeSet, int]]:
    """Return the change sets that may run, run or wait with something in a scope still to be written; how much."""
    open_states = [
        state.value
        for state in (ChangeSetState.APPROVED, ChangeSetState.RUNNING, ChangeSetState.PAUSED)
    ]
    unsent = [OperationState.PLANNED, OperationState.LOCKED, OperationState.CAPTURED]
    with journal.reading() as connection:
        query = (
            select(_set, func.count().label("open_count"))
            .join(_operation, _operation.c.change_set_id == _set.c.id)
            .where(
                _set.c.state.in_(open_states),
                _operation.c.state.in_([state.value for state in unsent]),
                _in_scope(connection, scope, None),
            )
            .group_by(*_set.c)
            .order_by(_set.c.id.desc())
            .limit(limit)
        )
        return [(read_change_set(row), row.open_count) for row in connection.execute(query)]


def touched(journal: Journal, scope: Scope, since: datetime, *, limit: int) -> list[Operation]:
    """Return the newest operations in a scope that were sent since then, and how they ended."""
    ran = and_(
        _set.c.started_at.is_not(None),
        or_(_set.c.finished_at.is_(None), _set.c.finished_at >= since),
    )
    return _found(journal, scope, None, limit, _of_change_sets(ran), _operation.c.sent_at >= since)[
        1
    ]


def _of_change_sets(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return _operation.c.change_set_id.in_(select(_set.c.id).where(condition))


def _found(
    journal: Journal,
    scope: Scope,
    states: Collection[OperationState] | None,
    limit: int,
    *conditions: ColumnElement[bool],
) -> tuple[int, list[Operation]]:
    wanted = list(conditions)
    if states is not None:
        wanted.append(_operation.c.state.in_([state.value for state in states]))
    newest = _operation.c.sent_at.desc(), _operation.c.id.desc()
    with journal.reading() as connection:
        wanted.append(_in_scope(connection, scope, None))
        rows = connection.execute(select(_operation).where(*wanted).order_by(*newest)).fetchmany(
            limit
        )
        ids = select(_operation.c.id).where(*wanted)
        count = len(rows) if len(rows) < limit else len(connection.execute(ids).all())
    return count, [read_operation(row) for row in rows]


_IN_FORCE: Final = (
    select(_freeze).where(_freeze.c.thawed_at.is_(None)).order_by(_freeze.c.frozen_at)
)


def _may_fit(scope: Scope, change_set_id: str, operations: Sequence[Operation]) -> bool:
    """Whether a scope can cover any of the operations, as far as they themselves tell; no query is asked for it."""
    return scope.change_set_id in (None, change_set_id) and any(
        scope.system in (None, each.system) and scope.kind in (None, each.kind.value)
        for each in operations
    )


def _chosen(
    change_set_id: str, operations: Sequence[Operation] | None
) -> Iterator[ColumnElement[bool]]:
    if operations is None:
        unsettled = _operation.c.state.not_in([state.value for state in SETTLED])
        yield and_(_operation.c.change_set_id == change_set_id, unsettled)
        return
    # By their ids alone: with the change set beside them a planner may read all of its operations.
    ids = [operation.id for operation in operations]
    for start in range(0, len(ids), CHUNK):
        yield _operation.c.id.in_(ids[start : start + CHUNK])


def _covered(connection: Connection, found: Freeze, runner: str | None) -> ColumnElement[bool]:
    condition = _in_scope(connection, found.scope, runner)
    if not found.spares_rollback:
        return condition
    return and_(condition, _operation.c.change_set_id.not_in(_TAKING_BACK))


def _in_scope(connection: Connection, scope: Scope, runner: str | None) -> ColumnElement[bool]:
    """Return the condition on operations that says that they are in the scope."""
    wanted: list[ColumnElement[bool]] = [true()]
    for column, value in (
        (_operation.c.system, scope.system),
        (_operation.c.kind, scope.kind),
        (_operation.c.change_set_id, scope.change_set_id),
    ):
        if value is not None:
            wanted.append(column == value)
    if scope.number is not None:
        wanted.append(_on_document(connection, scope.number, scope.system))
    if scope.person is not None and scope.person != runner:
        wanted.append(_operation.c.change_set_id.in_(_of_person(scope.person)))
    return and_(*wanted)


def _on_document(connection: Connection, number: str, system: str | None) -> ColumnElement[bool]:
    """Whether an operation is on a document of that number, or has one of its records in the footprint."""
    # By number alone, which has an index: a call must not wait for a search through years of operations.
    query = select(_operation.c.system, _operation.c.model, _operation.c.key).distinct()
    query = query.where(_operation.c.number == number)
    if system is not None:
        query = query.where(_operation.c.system == system)
    record = schema.operation_record
    touching: list[ColumnElement[bool]] = []
    for row in connection.execute(query.limit(MOST_RECORDS)):
        same = select(record.c.operation_id).where(
            record.c.model == row.model, record.c.key == row.key
        )
        on_it = and_(_operation.c.model == row.model, _operation.c.key == row.key)
        touching.append(
            and_(_operation.c.system == row.system, or_(on_it, _operation.c.id.in_(same)))
        )
    called = or_(
        _operation.c.number == number,
        and_(_operation.c.number.is_(None), _operation.c.key == number),
    )
    return or_(called, *touching)


MOST_RECORDS: Final = 100
"""A number names one document, or a few where numbers are not unique."""


def _of_person(person: str) -> Any:
    """Return the change sets that a person made, approved, ever ran or went on with."""
    move = schema.move
    ran = select(move.c.change_set_id).where(
        or_(
            and_(
                move.c.subject == "change_set",
                move.c.to_state == ChangeSetState.RUNNING.value,
            ),
            move.c.subject == RUN_SUBJECT,
        ),
        move.c.actor == person,
    )
    return select(_set.c.id).where(
        or_(_set.c.actor == person, _set.c.approved_by == person, _set.c.id.in_(ran))
    )


def _taking_back() -> Any:
    """Return the rollbacks of what was no rollback itself: taking a rollback back does the first thing again."""
    reversing, taken = _operation.alias("reversing"), _operation.alias("taken")
    origin = _set.alias("origin")
    again = (
        select(reversing.c.change_set_id)
        .join(taken, taken.c.id == reversing.c.reverses_operation_id)
        .join(origin, origin.c.id == taken.c.change_set_id)
        .where(origin.c.purpose == Purpose.ROLLBACK.value)
    )
    return select(_set.c.id).where(
        _set.c.purpose == Purpose.ROLLBACK.value, _set.c.id.not_in(again)
    )


_TAKING_BACK: Final = _taking_back()
