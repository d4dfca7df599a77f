"""Who may work on which record: one lock a record, held by a change set from its start to its end."""

from __future__ import annotations

from sqlalchemy import Connection, Subquery, delete, literal, select, union
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from core.errors import FenceLost, RecordLocked
from core.text import N_
from recovery import schema
from recovery.sql.columns import StornoId
from recovery.states import ChangeSetState, OperationState

_operation, _lock, _record = schema.operation, schema.record_lock, schema.operation_record


def lock_records(connection: Connection, change_set_id: str) -> None:
    """Lock every record in the footprints of the change set's planned operations, or raise `RecordLocked`.

    All locks are taken in the caller's one transaction, so two change sets cannot each hold half.
    """
    wanted = _wanted(change_set_id)
    _refuse_if_held(connection, wanted, change_set_id)
    make = sqlite_insert if connection.dialect.name == "sqlite" else postgresql_insert
    connection.execute(
        make(_lock)
        .from_select(
            ["system", "model", "key", "change_set_id"],
            # In one order for all, so that two change sets never wait for each other (PostgreSQL).
            select(wanted.c.system, wanted.c.model, wanted.c.key, literal(change_set_id, StornoId))
            .where(literal(True))
            .order_by(wanted.c.system, wanted.c.model, wanted.c.key),
        )
        .on_conflict_do_nothing()
    )
    # Another process may have taken one between the look and the insert (PostgreSQL): look again.
    _refuse_if_held(connection, wanted, change_set_id)


def release_records(connection: Connection, change_set_id: str) -> None:
    """Give back every lock of the change set."""
    connection.execute(delete(_lock).where(_lock.c.change_set_id == change_set_id))


def require_held(connection: Connection, change_set_id: str) -> None:
    """Raise `FenceLost` unless the change set still runs and still has its locks."""
    table = schema.change_set
    state = connection.execute(select(table.c.state).where(table.c.id == change_set_id)).scalar()
    if state != ChangeSetState.RUNNING:
        raise FenceLost(name=change_set_id[:13], problem=state)
    mine = select(_lock.c.key).where(_lock.c.change_set_id == change_set_id).limit(1)
    if connection.execute(mine).first() is None:
        raise FenceLost(name=change_set_id[:13], problem=N_("its locks were given back"))


def _refuse_if_held(connection: Connection, wanted: Subquery, change_set_id: str) -> None:
    held = connection.execute(
        select(_lock.c.model, _lock.c.key, _lock.c.change_set_id)
        .join(
            wanted,
            (wanted.c.system == _lock.c.system)
            & (wanted.c.model == _lock.c.model)
            & (wanted.c.key == _lock.c.key),
        )
        .where(_lock.c.change_set_id != change_set_id)
        .limit(1)
    ).first()
    if held is not None:
        raise RecordLocked(model=held.model, key=held.key, change_set=held.change_set_id[:13])


def _wanted(change_set_id: str) -> Subquery:
    planned = (
        _operation.c.change_set_id == change_set_id,
        _operation.c.state == OperationState.PLANNED.value,
    )
    return union(
        select(_operation.c.system, _operation.c.model, _operation.c.key).where(*planned),
        select(_operation.c.system, _record.c.model, _record.c.key)
        .join(_operation, _operation.c.id == _record.c.operation_id)
        .where(*planned),
    ).subquery()
