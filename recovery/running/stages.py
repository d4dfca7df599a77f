"""How a run begins, pauses and ends: each one commit."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import structlog
from sqlalchemy import Connection, func, select

from core.crashpoint import crashpoint
from core.errors import HeldOff, IllegalMove, NotAllowed, RefusedError, StornoError
from core.events import Event
from core.text import N_, Text
from recovery import doubt, locks
from recovery.approval import require_unexpired
from recovery.auditing.audit import RUN_SUBJECT, TAKEN_OVER, PendingMove
from recovery.reversing.standing import restate_reversed
from recovery.running.outcome import Outcome
from recovery.running.run_loop import OPEN_STATES
from recovery.running.stop_rules import Ended
from recovery.schema import audit_line, move, operation
from recovery.sql.positions import parse_positions
from recovery.sql.rows import text_json
from recovery.states import ALREADY, SETTLED, ChangeSetState, OperationState
from recovery.stopping.alarms import AlarmKind, raise_alarm
from recovery.stopping.frozen import require_free, require_thawed
from recovery.workers import queue

if TYPE_CHECKING:
    from core.retry import RetryPolicy
    from recovery.journal import Journal
    from recovery.model import Actor, ChangeSet
    from recovery.running.judgement import Systems

log = structlog.get_logger(__name__)


def start(journal: Journal, change_set: ChangeSet, actor: Actor) -> None:
    """Lock the records and move to running, or go on where somebody stopped.

    Raises `PlanExpired`, `RecordLocked`, `IllegalMove`, `Frozen`, `JournalBroken`: then nothing was moved.
    """
    state = change_set.state
    if state is ChangeSetState.APPROVED:
        require_unexpired(journal, change_set)
        require_thawed(journal, change_set.id, runner=actor.name)
    elif state not in (ChangeSetState.RUNNING, ChangeSetState.PAUSED):
        raise IllegalMove(
            what="change set",
            name=change_set.short_id,
            to=ChangeSetState.RUNNING.value,
            state=state.value,
        )
    journal.require_intact_plan(change_set)
    if state is ChangeSetState.RUNNING:
        log.info(Event.CHANGE_SET_RESUMED, state=state)
        return
    if state is ChangeSetState.PAUSED:
        require_free(journal, change_set.id, actor.name)
        with journal.writing() as writer:
            writer.move_change_set(change_set.id, ChangeSetState.RUNNING, actor=actor, note=None)
        log.info(Event.CHANGE_SET_RESUMED, state=state)
        return
    with journal.writing() as writer:
        locks.lock_records(writer.connection, change_set.id)
        writer.lock_operations(change_set.id)
        writer.move_change_set(
            change_set.id,
            ChangeSetState.RUNNING,
            actor=actor,
            started_at=writer.moment,
        )
        crashpoint("start.before_commit")
    crashpoint("start.after_commit")
    log.info(Event.CHANGE_SET_STARTED, operations=change_set.operation_count)


def take_over(journal: Journal, change_set: ChangeSet, actor: Actor) -> None:
    """Let the chain say who goes on with a change set whose process died or handed it on.

    From then on a freeze of that person stops it before its next call, as one of whoever began it does.
    """
    with journal.writing() as writer:
        writer.record(PendingMove(change_set.id, RUN_SUBJECT, TAKEN_OVER, actor=actor.name))


def ended_so_far(journal: Journal, change_set: ChangeSet) -> dict[str, Ended]:
    """Return what has ended since the change set was last started or resumed, by system.

    That is what the stop rules of a run had counted whose process died; whoever resumes on purpose begins anew.
    """
    if change_set.state is not ChangeSetState.RUNNING:
        return {}
    with journal.reading() as connection:
        begun = connection.execute(
            select(audit_line.c.number, audit_line.c.written_at)
            .join(move, move.c.audit_number == audit_line.c.number)
            .where(
                move.c.change_set_id == change_set.id,
                move.c.subject == "change_set",
                move.c.to_state == ChangeSetState.RUNNING.value,
            )
            .order_by(audit_line.c.number.desc())
            .limit(1)
        ).one()
        columns = operation.c.system, operation.c.state, operation.c.error_code
        rows = connection.execute(
            select(*columns, func.count())
            .where(
                operation.c.change_set_id == change_set.id,
                operation.c.settled_at >= begun.written_at,
            )
            .group_by(*columns)
        ).all()
        waiting = _waiting_since(connection, change_set.id, begun.number)
    found: dict[str, Ended] = {}
    for system, state, code, count in rows:
        before = found.get(system, Ended())
        is_strange = state != OperationState.CONFIRMED.value and code != ALREADY
        found[system] = Ended(
            before.unexpected + (count if is_strange else 0), before.total + count
        )
    for system, count in waiting.items():
        before = found.get(system, Ended())
        found[system] = Ended(before.unexpected + count, before.total + count)
    return found


def _waiting_since(connection: Connection, change_set_id: str, number: int) -> Counter[str]:
    """Return how many operations wait for a person since that audit line, by system: they have no moment of their own."""
    query = select(operation.c.position, operation.c.system).where(
        operation.c.change_set_id == change_set_id,
        operation.c.state == OperationState.NEEDS_PERSON.value,
    )
    waiting = {row.position: row.system for row in connection.execute(query)}
    if not waiting:
        return Counter()
    moved = connection.execute(
        select(move.c.positions).where(
            move.c.change_set_id == change_set_id,
            move.c.audit_number > number,
            move.c.subject == "operation",
            move.c.to_state == OperationState.NEEDS_PERSON.value,
        )
    ).scalars()
    positions = {position for each in moved for position in parse_positions(each or "")}
    return Counter(system for position, system in waiting.items() if position in positions)


def pause(
    journal: Journal, change_set: ChangeSet, actor: Actor, note: Text, error: StornoError | None
) -> None:
    """Pause with a note for people; what waits for a moment is queued for it, in the same commit."""
    with journal.writing() as writer:
        writer.move_change_set(
            change_set.id, ChangeSetState.PAUSED, actor=actor, note=text_json(note)
        )
        if isinstance(error, HeldOff):
            queue.enqueue(writer, change_set.id, actor, not_before=error.details["until"])
        if isinstance(error, RefusedError):
            raise_alarm(
                writer.connection,
                AlarmKind.RUN_STOPPED,
                change_set_id=change_set.id,
                system=error.details.get("system") or None,
                count=error.details.get("count", 1),
            )
    log.info(Event.CHANGE_SET_PAUSED, reason=str(note))


def give_up_unsent(journal: Journal, change_set: ChangeSet, actor: Actor, reason: Text) -> None:
    """Drop what was never sent, forget that a worker was to go on, and pause: one commit.

    What was sent once and seemed not to have happened stays open: it is looked at before it is given up.
    """
    unsent = [
        Outcome(op, OperationState.DROPPED, reason=reason)
        for op in journal.operations(change_set.id, states=OPEN_STATES)
        if op.sent_at is None
    ]
    with journal.writing() as writer:
        queue.dequeue(writer.connection, change_set.id)
        if change_set.state is ChangeSetState.RUNNING:
            writer.move_change_set(
                change_set.id, ChangeSetState.PAUSED, actor=actor, note=text_json(reason)
            )
        writer.settle(unsent, actor=actor)


def end(journal: Journal, change_set: ChangeSet, actor: Actor) -> ChangeSet:
    """Finish a paused change set of which nothing is open any more."""
    with journal.writing() as writer:
        writer.move_change_set(change_set.id, ChangeSetState.RUNNING, actor=actor, note=None)
    return finish(journal, change_set, actor)


def give_up(
    journal: Journal,
    systems: Systems,
    change_set: ChangeSet,
    actor: Actor,
    reason: Text,
    policy: RetryPolicy,
) -> None:
    """Drop what was not done; refuse what was handed out and is untouched in the ERP.

    Raises `NotAllowed` when a person has begun an operation of the worklist, or has to look at one.
    """
    unsent = list(journal.operations(change_set.id, states=OPEN_STATES))
    moved = doubt.touched(systems, journal, [op for op in unsent if op.sent_at is not None])
    if moved:
        again = Text(N_("it was sent before, and the ERP shows a change since"))
        with journal.writing() as writer:
            writer.settle([Outcome(op, OperationState.IN_DOUBT, reason=again) for op in moved])
        doubt.settle(journal, systems, change_set.id, policy)
        unsent = list(journal.operations(change_set.id, states=OPEN_STATES))
    handed_out = list(journal.operations(change_set.id, states={OperationState.SENT}))
    outcomes = [Outcome(op, OperationState.DROPPED, reason=reason) for op in unsent]
    outcomes += [Outcome(op, OperationState.REFUSED, reason=reason) for op in handed_out]
    if doubt.touched(systems, journal, handed_out):
        raise NotAllowed(
            reason=N_(
                "a person began an operation of the worklist: finish it, put it back by hand, or say what became"
                " of it: storno changes settle"
            )
        )
    with journal.writing() as writer:
        writer.settle(outcomes, actor=actor)
    if journal.counts(change_set.id).get(OperationState.NEEDS_PERSON):
        raise NotAllowed(reason=N_("an operation waits for a person: storno changes settle"))


def finish(journal: Journal, change_set: ChangeSet, actor: Actor) -> ChangeSet:
    """Give the records back and say how it ended; pause where a person is needed."""
    counts = journal.counts(change_set.id)
    waiting = {state: n for state, n in counts.items() if state not in SETTLED}
    if waiting:
        people = waiting.get(OperationState.NEEDS_PERSON, 0)
        handed = waiting.get(OperationState.SENT, 0)
        said = Text(
            N_("waits for a person: {handed} on the worklist, {people} to look at"),
            {"handed": handed, "people": people},
        )
        pause(journal, change_set, actor, said, None)
        return journal.change_set(change_set.id)
    confirmed = counts.get(OperationState.CONFIRMED, 0)
    already = journal.count_already(change_set.id)
    if confirmed + already == change_set.operation_count:
        to = ChangeSetState.APPLIED  # a plan with nothing ready is done at once, too
    else:
        to = ChangeSetState.PARTLY_APPLIED if confirmed else ChangeSetState.FAILED
    with journal.writing() as writer:
        locks.release_records(writer.connection, change_set.id)
        queue.dequeue(writer.connection, change_set.id)
        writer.move_change_set(
            change_set.id,
            to,
            detail={state.value: n for state, n in counts.items()},
            finished_at=writer.moment,
            note=None,
        )
        restate_reversed(writer, change_set.id)
        crashpoint("finish.before_commit")
    crashpoint("finish.after_commit")
    log.info(Event.CHANGE_SET_FINISHED, state=to.value, **{s.value: n for s, n in counts.items()})
    return journal.change_set(change_set.id)
