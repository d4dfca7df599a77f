"""After a crash or a lost answer: read the system and settle every operation that may have happened."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import groupby

import structlog

from connectors.contract import Action, Executor, System
from core import clock, retry
from core.crashpoint import crashpoint
from core.errors import IllegalMove, NotAllowed, NotFound
from core.events import Event
from core.retry import RetryPolicy
from core.text import N_, Text
from recovery.images import differences, encode_image
from recovery.journal import Journal
from recovery.judgement import Judge, Systems, action_of
from recovery.model import Actor, Operation
from recovery.states import IN_FLIGHT, OperationState
from recovery.writing import Outcome

log = structlog.get_logger(__name__)


def store(journal: Journal, outcomes: Sequence[Outcome]) -> None:
    """Store outcomes in one commit; those for a person pass through in_doubt, as the moves table wants."""
    with journal.writing() as writer:
        doubtful = [
            replace(outcome, to=OperationState.IN_DOUBT, after=None, result=None)
            for outcome in outcomes
            if outcome.to is OperationState.NEEDS_PERSON
            and outcome.operation.state is not OperationState.IN_DOUBT
        ]
        if doubtful:
            writer.settle(doubtful)
        writer.settle(outcomes)


def settle(
    journal: Journal, systems: Systems, change_set_id: str, policy: RetryPolicy
) -> list[Outcome]:
    """Settle every operation of a change set that was sent and has no outcome.

    Waits until the ERP can no longer be working on it (settles-after), then reads. Operations of a worklist
    are read back without waiting; what the person has not done yet stays as it is.
    """
    outcomes: list[Outcome] = []
    in_flight = list(journal.operations(change_set_id, states=IN_FLIGHT))
    for (system_name, action_name, executor), members in groupby(
        in_flight, key=lambda op: (op.system, op.step.action, op.executor)
    ):
        system = systems(system_name)
        action = action_of(system, action_name)
        group = list(members)
        if executor is Executor.BY_PERSON:
            outcomes += read_worklist(journal, system, action, group, policy)
        else:
            outcomes += settle_group(journal, system, action, group, policy)
    return outcomes


def settle_group(
    journal: Journal,
    system: System,
    action: Action,
    operations: Sequence[Operation],
    policy: RetryPolicy,
    *,
    lost_at: datetime | None = None,
) -> list[Outcome]:
    """Settle operations of one action: wait, read their footprints, decide by the images alone."""
    _wait(operations, action.settles_after, lost_at)
    outcomes: list[Outcome] = []
    for start in range(0, len(operations), action.batch_size):
        chunk = operations[start : start + action.batch_size]
        before = journal.images([operation.before_hash for operation in chunk])
        images = [before[str(operation.before_hash)] for operation in chunk]
        after = retry.transient(
            lambda chunk=chunk, images=images: system.capture(  # type: ignore[misc]
                [operation.step for operation in chunk], images
            ),
            policy,
        )
        judge = Judge(journal, system, action, chunk)
        found = [judge.settle(operation, images[i], after[i]) for i, operation in enumerate(chunk)]
        crashpoint("settle.before_commit")
        with journal.writing() as writer:
            sent = [op for op in chunk if op.state is OperationState.SENT]
            if sent:
                reason = Text(N_("its answer was lost"))
                writer.settle(
                    [
                        Outcome(operation, OperationState.IN_DOUBT, reason=reason)
                        for operation in sent
                    ]
                )
            writer.settle(found)
        crashpoint("settle.after_commit")
        for outcome in found:
            log.info(
                Event.OPERATION_SETTLED,
                operation_id=outcome.operation.id,
                state=outcome.to.value,
                reason=str(outcome.reason or ""),
            )
        outcomes += found
    return outcomes


def read_worklist(
    journal: Journal,
    system: System,
    action: Action,
    operations: Sequence[Operation],
    policy: RetryPolicy,
) -> list[Outcome]:
    """Confirm what a person has done; leave what is untouched; name what is missing where it is half done."""
    before = journal.images([operation.before_hash for operation in operations])
    images = [before[str(operation.before_hash)] for operation in operations]
    after = retry.transient(
        lambda: system.capture([operation.step for operation in operations], images), policy
    )
    judge = Judge(journal, system, action, operations)
    outcomes = []
    for i, operation in enumerate(operations):
        # The trace counts here: what a person made may be all trace (a counter-document stays).
        if not differences(images[i], after[i]):
            continue
        if action.is_done(operation.step, images[i], after[i]):
            outcomes.append(judge.judge(operation, images[i], after[i], None))
    if outcomes:
        store(journal, outcomes)
    return outcomes


def untouched(systems: Systems, journal: Journal, operations: Sequence[Operation]) -> int:
    """Return how many of the operations the ERP shows as they were before."""
    count = 0
    for operation in operations:
        system = systems(operation.system)
        action = action_of(system, operation.step.action)
        before = journal.images([operation.before_hash])[str(operation.before_hash)]
        (now,) = system.capture([operation.step], [before])
        count += not differences(before, now, ignore=action.trace)
    return count


def decide(
    journal: Journal,
    systems: Systems,
    change_set_id: str,
    position: int,
    *,
    to: OperationState,
    actor: Actor,
    reason: str,
) -> Operation:
    """Let a named person settle one operation that reading could not: confirmed, refused or captured.

    `captured` says that it did not happen; the next `changes resume` sends it again. `confirmed` is read
    back like everything else: what the ERP shows now is the after image. Raises `NotFound`, `IllegalMove`
    when the operation does not wait for a person, `NotAllowed` when the ERP does not show it as done.
    """
    found = list(journal.operations(change_set_id, positions=[position]))
    if not found:
        raise NotFound(what="operation", name=position)
    if found[0].state is not OperationState.NEEDS_PERSON:
        raise IllegalMove(what="operation", name=position, to=to.value, state=found[0].state.value)
    said = Text(N_("decided by {person}: {reason}"), {"person": actor.name, "reason": reason})
    after = _read_as_done(journal, systems, found[0]) if to is OperationState.CONFIRMED else None
    with journal.writing() as writer:
        writer.settle(
            [Outcome(found[0], to, after=after, reason=said, result=dict(found[0].result))],
            actor=actor,
        )
    log.info(Event.OPERATION_SETTLED, operation_id=found[0].id, state=to.value, by=actor.name)
    return next(journal.operations(change_set_id, positions=[position]))


def _read_as_done(journal: Journal, systems: Systems, operation: Operation) -> bytes:
    system = systems(operation.system)
    action = action_of(system, operation.step.action)
    before = journal.images([operation.before_hash])[str(operation.before_hash)]
    (now,) = system.capture([operation.step], [before])
    if not action.is_done(operation.step, before, now):
        raise NotAllowed(reason=N_("the ERP does not show it as done"))
    return encode_image(now)


def _wait(
    operations: Iterable[Operation], settles_after: timedelta, lost_at: datetime | None
) -> None:
    # The ERP had been working until we stopped listening: its time begins then, not when we sent.
    sent = [operation.sent_at for operation in operations if operation.sent_at is not None]
    sent += [lost_at] if lost_at is not None else []
    if sent:
        left = max(sent) + settles_after - clock.now()
        clock.sleep(left.total_seconds())
