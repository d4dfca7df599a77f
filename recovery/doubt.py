"""After a crash or a lost answer: read the system and settle every operation that may have happened."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import groupby

import structlog

from connectors.contract import Action, Executor, System
from core import clock, retry
from core.crashpoint import crashpoint
from core.errors import IllegalMove, NotAllowed, NotFound
from core.events import Event
from core.retry import RetryPolicy
from core.text import N_, Text
from recovery.images import differences, encode_image, only
from recovery.journal import Journal
from recovery.model import Actor, Operation
from recovery.reversing.created import created_documents
from recovery.running.judgement import Judge, Systems, action_of
from recovery.running.outcome import Outcome
from recovery.states import IN_FLIGHT, OperationState

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
    journal: Journal,
    systems: Systems,
    change_set_id: str,
    policy: RetryPolicy,
    *,
    system: str | None = None,
) -> list[Outcome]:
    """Settle every operation of a change set that was sent and has no outcome; of one system alone where it is named.

    Waits until the ERP can no longer be working on it (settles-after), then reads. Operations of a worklist
    are read back without waiting; what the person has not done yet stays as it is.
    """
    outcomes: list[Outcome] = []
    in_flight = [
        operation
        for operation in journal.operations(change_set_id, states=IN_FLIGHT)
        if system in (None, operation.system)
    ]
    for (system_name, action_name, executor), members in groupby(
        in_flight, key=lambda op: (op.system, op.step.action, op.executor)
    ):
        found = systems(system_name)
        action = action_of(found, action_name)
        group = list(members)
        if executor is Executor.BY_PERSON:
            outcomes += read_worklist(journal, found, action, group, policy)
        else:
            outcomes += settle_group(journal, found, action, group, policy)
    return outcomes


def settle_group(
    journal: Journal,
    system: System,
    action: Action,
    operations: Sequence[Operation],
    policy: RetryPolicy,
    *,
    lost_at: float | None = None,
) -> list[Outcome]:
    """Settle operations of one action: wait, read their footprints, decide by the images alone.

    `lost_at` is when this process stopped waiting for the answer, in seconds of `clock.monotonic`.
    """
    silent = None if journal.claim is None else journal.claim.silent_seconds
    _wait(operations, action.settles_after, lost_at, silent)
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


def touched(systems: Systems, journal: Journal, operations: Sequence[Operation]) -> list[Operation]:
    """Return the operations of which something was done: what they set is not as it was, whoever wrote it."""
    found: list[Operation] = []
    for (system_name, action_name), members in groupby(
        operations, key=lambda op: (op.system, op.step.action)
    ):
        system = systems(system_name)
        action = action_of(system, action_name)
        group = list(members)
        for start in range(0, len(group), action.batch_size):
            chunk = group[start : start + action.batch_size]
            stored = journal.images([operation.before_hash for operation in chunk])
            before = [stored[str(operation.before_hash)] for operation in chunk]
            now = system.capture([operation.step for operation in chunk], before)
            found += [
                operation
                for operation, was, here in zip(chunk, before, now, strict=True)
                if only(differences(was, here), action.ours)
            ]
    return found


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
    back like everything else: what the ERP shows now is the after image. An operation of a worklist may be settled so
    while it is handed out. Raises `NotFound`, `IllegalMove` when the operation does not wait for a person, `NotAllowed`
    when the ERP does not show it as done.
    """
    found = list(journal.operations(change_set_id, positions=[position]))
    if not found:
        raise NotFound(what="operation", name=position)
    # What was handed out and cannot be finished any more waits for a person too: nobody else can end it.
    is_handed_out = (
        found[0].executor is Executor.BY_PERSON
        and found[0].state is OperationState.SENT
        and to is not OperationState.CAPTURED
    )
    if found[0].state is not OperationState.NEEDS_PERSON and not is_handed_out:
        raise IllegalMove(what="operation", name=position, to=to.value, state=found[0].state.value)
    said = Text(N_("decided by {person}: {reason}"), {"person": actor.name, "reason": reason})
    outcome = Outcome(found[0], to, reason=said, result=dict(found[0].result))
    if to is OperationState.CONFIRMED:
        outcome = _read_as_done(journal, systems, outcome)
    with journal.writing() as writer:
        writer.settle([outcome], actor=actor)
    log.info(Event.OPERATION_SETTLED, operation_id=found[0].id, state=to.value, by=actor.name)
    return next(journal.operations(change_set_id, positions=[position]))


def _read_as_done(journal: Journal, systems: Systems, outcome: Outcome) -> Outcome:
    operation = outcome.operation
    system = systems(operation.system)
    action = action_of(system, operation.step.action)
    before = journal.images([operation.before_hash])[str(operation.before_hash)]
    (now,) = system.capture([operation.step], [before])
    if not action.is_done(operation.step, before, now):
        raise NotAllowed(reason=N_("the ERP does not show it as done"))
    created = created_documents(action.creates, operation.ref, before, now)
    return replace(outcome, after=encode_image(now), created=tuple(created))


def _wait(
    operations: Iterable[Operation],
    settles_after: timedelta,
    lost_at: float | None,
    silent_seconds: float | None,
) -> None:
    longest = settles_after.total_seconds()
    # What the journal says was sent. A clock that was set back since must not let anybody wait for a day.
    waits = [
        min((operation.sent_at + settles_after - clock.now()).total_seconds(), longest)
        for operation in operations
        if operation.sent_at is not None
    ]
    if waits and silent_seconds is not None:
        # One that was set forward must not let anybody read too early: the journal's own clock knows when the process
        # that sent it last lived.
        waits.append(longest - silent_seconds)
    if lost_at is not None:
        # The ERP had been working until we stopped listening: its time begins then, not when we sent. That was in this
        # process, so it is told by the clock that nobody can set forward.
        waits.append(lost_at + longest - clock.monotonic())
    if waits:
        clock.sleep(max(waits))
