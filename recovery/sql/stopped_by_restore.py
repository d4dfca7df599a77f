"""What was on its way when a backup was made does not go on by itself in the journal that is filled from it.

Between the backup and the restore all of it may have been done: the ERP has it, and no journal says so. To carry it out
from the backup could do it twice, and where an operation leaves no trace, nothing that is read would tell. So:

* nothing waits for a worker, nobody holds a change set, and what a process of before still holds is nobody's fence;
* plans that were not begun expire: whoever plans anew looks at the documents as they are now;
* of what was begun, everything that was not sent by then is left out, and the change set waits for a person;
* what was in flight stays so, and is settled by reading when somebody goes on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, delete, func, select, update

from core import encoding
from core.text import N_, Text
from recovery import schema
from recovery.running.outcome import Outcome
from recovery.sql.rows import read_operation, text_json
from recovery.sql.schema_workers import call_place, claim, queue_entry, system_state
from recovery.states import ChangeSetState, OperationState
from recovery.writing import JournalWriter

if TYPE_CHECKING:
    from recovery.journal import Journal
    from recovery.model import Actor

AT_ONCE: Final = 500
_NOT_BEGUN: Final = (
    ChangeSetState.PLANNED,
    ChangeSetState.AWAITING_APPROVAL,
    ChangeSetState.APPROVED,
)
_NOT_SENT: Final = (OperationState.LOCKED, OperationState.CAPTURED)
_set, _operation = schema.change_set, schema.operation


def stop_everything(connection: Connection, backup: Journal, actor: Actor) -> None:
    """Stop what the backup says is on its way, in the transaction that fills the new journal; the chain tells of it."""
    for table in (queue_entry, call_place, system_state):
        connection.execute(delete(table))
    # Fences only go up, so that a process of before that still lives finds that it was taken over.
    connection.execute(update(claim).values(fence=claim.c.fence + 1, worker=None, lease_until=None))
    newest = connection.execute(select(func.max(schema.audit_line.c.written_at))).scalar()
    moment = "-" if newest is None else encoding.moment_text(newest)
    said = Text(
        N_(
            "restored from a backup that ends at {moment}: it may have been done since. Look into the ERP, and plan anew"
        ),
        {"moment": moment},
    )
    writer = JournalWriter(connection, backup.vault, backup.redaction)
    for state in _NOT_BEGUN:
        for change_set_id in _in_state(connection, state):
            writer.move_change_set(
                change_set_id, ChangeSetState.EXPIRED, actor=actor, note=text_json(said)
            )
    for state in (ChangeSetState.RUNNING, ChangeSetState.PAUSED):
        for change_set_id in _in_state(connection, state):
            _leave_out(connection, writer, change_set_id, said, actor)
            if state is ChangeSetState.RUNNING:
                writer.move_change_set(
                    change_set_id, ChangeSetState.PAUSED, actor=actor, note=text_json(said)
                )
    writer.finish()


def _in_state(connection: Connection, state: ChangeSetState) -> list[str]:
    query = select(_set.c.id).where(_set.c.state == state.value).order_by(_set.c.id)
    return list(connection.execute(query).scalars())


def _leave_out(
    connection: Connection, writer: JournalWriter, change_set_id: str, said: Text, actor: Actor
) -> None:
    query = (
        select(_operation)
        .where(
            _operation.c.change_set_id == change_set_id,
            _operation.c.state.in_([state.value for state in _NOT_SENT]),
        )
        .order_by(_operation.c.position)
        .limit(AT_ONCE)
    )
    while found := [read_operation(row) for row in connection.execute(query)]:
        left_out = [Outcome(each, OperationState.DROPPED, reason=said) for each in found]
        writer.settle(left_out, actor=actor)
