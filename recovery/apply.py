"""Run a change set: plan -> before image -> intent -> call -> read back -> after image, batch by batch.

`run` starts, resumes and finishes; asking twice is harmless, because every move is guarded in the journal.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import structlog

from connectors.contract import Executor
from core import clock, retry
from core.collector import seldom_collected
from core.crashpoint import crashpoint
from core.errors import IllegalMove, NotAllowed, RefusedError, StornoError, TransientError
from core.events import Event
from core.retry import RetryPolicy
from core.text import N_, Text
from recovery import doubt, locks
from recovery.approval import require_unexpired
from recovery.batch import Batch, BatchResult
from recovery.journal import Journal
from recovery.judgement import Systems, action_of, patient
from recovery.model import Actor, ChangeSet, Operation
from recovery.rows import text_json
from recovery.standing import restate_reversed
from recovery.states import ALREADY, SETTLED, ChangeSetState, OperationState
from recovery.writing import Outcome

log = structlog.get_logger(__name__)

OPEN_STATES = frozenset({OperationState.LOCKED, OperationState.CAPTURED})
LARGEST_BATCH = 1000
_NAMES = re.compile(r"\"[^\"]*\"|'[^']*'|\d+")
"""What differs between two refusals of one kind: quoted names and numbers."""
LOGGED = {
    OperationState.DROPPED: Event.OPERATION_DROPPED,
    OperationState.REFUSED: Event.OPERATION_REFUSED,
}
READ_AHEAD = 1000


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is; `done` counts settled operations."""

    done: int
    total: int
    confirmed: int
    refused: int
    dropped: int
    in_doubt: int


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How a run behaves. `batch_size` is an upper limit; an action's own holds too."""

    batch_size: int = LARGEST_BATCH
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    stop_after_equal_refusals: int = 10
    stop_after_lost_answers: int = (
        3  # batches in a row whose answer was lost and that did not happen
    )


def run(
    journal: Journal,
    systems: Systems,
    change_set_id: str,
    *,
    actor: Actor,
    progress: Callable[[Progress], None] | None = None,
    options: RunOptions | None = None,
) -> ChangeSet:
    """Carry out an approved change set, or go on with one that was paused or whose process died.

    Returns it applied, partly applied, failed, or paused (a person is needed). Raises `PlanExpired`,
    `RecordLocked`, `IllegalMove` before anything is sent; a `TransientError` or a refusal that every document
    would meet pauses the change set and is raised.
    """
    found = journal.change_set(change_set_id)
    with journal.running(found.id), seldom_collected():
        return _Run(journal, systems, found.id, actor, progress, options or RunOptions()).run()


def stop(
    journal: Journal,
    systems: Systems,
    change_set_id: str,
    *,
    actor: Actor,
    reason: str,
    options: RunOptions | None = None,
) -> ChangeSet:
    """End a paused change set for good: what was not sent is dropped, what nobody did by hand is refused.

    What is in flight is settled first. Raises `IllegalMove` when it is not paused or running, `NotAllowed`
    while a person has to look at an operation (`changes settle`).
    """
    found = journal.change_set(change_set_id)
    with journal.running(found.id):
        return _Run(journal, systems, found.id, actor, None, options or RunOptions()).stop(reason)


class _Run:
    def __init__(
        self,
        journal: Journal,
        systems: Systems,
        change_set_id: str,
        actor: Actor,
        progress: Callable[[Progress], None] | None,
        options: RunOptions,
    ) -> None:
        self._journal = journal
        self._systems = patient(systems, options.retry)
        self._change_set = journal.change_set(change_set_id)
        self._actor = actor
        self._report = progress
        self._options = options
        self._counts: dict[OperationState, int] = {}
        self._last_refusal: tuple[str | None, str] | None = None
        self._equal_refusals = 0
        self._lost_answers = 0

    def run(self) -> ChangeSet:
        """Start or go on, settle what is in flight, run what is open, finish."""
        with structlog.contextvars.bound_contextvars(change_set=self._change_set.id):
            self._start()
            try:
                doubt.settle(self._journal, self._systems, self._change_set.id, self._options.retry)
                self._count_anew()
                self._run_open()
            except IllegalMove:
                # Another process moves these operations: the change set is that one's, not ours to pause.
                raise
            except StornoError as error:
                self._pause(error.text)
                raise
            except KeyboardInterrupt:
                self._pause(Text(N_("stopped from the keyboard")))
                raise
            return self._finish()

    def stop(self, reason: str) -> ChangeSet:
        """Settle what is in flight, give up the rest, finish."""
        if self._change_set.state not in {ChangeSetState.PAUSED, ChangeSetState.RUNNING}:
            raise IllegalMove(
                what="change set",
                name=self._change_set.short_id,
                to="stopped",
                state=self._change_set.state.value,
            )
        self._start()
        said = Text(
            N_("stopped by {person}: {reason}"), {"person": self._actor.name, "reason": reason}
        )
        try:
            doubt.settle(self._journal, self._systems, self._change_set.id, self._options.retry)
            self._give_up(said)
            if self._journal.counts(self._change_set.id).get(OperationState.NEEDS_PERSON):
                raise NotAllowed(
                    reason=N_("an operation waits for a person: storno changes settle")
                )
        except StornoError as error:
            self._pause(error.text)
            raise
        return self._finish()

    def _give_up(self, reason: Text) -> None:
        """Drop what was not sent; refuse what was handed out and is untouched in the ERP."""
        change_set_id = self._change_set.id
        unsent = list(self._journal.operations(change_set_id, states=OPEN_STATES))
        handed_out = list(self._journal.operations(change_set_id, states={OperationState.SENT}))
        outcomes = [Outcome(op, OperationState.DROPPED, reason=reason) for op in unsent]
        outcomes += [Outcome(op, OperationState.REFUSED, reason=reason) for op in handed_out]
        untouched = doubt.untouched(self._systems, self._journal, handed_out)
        if untouched < len(handed_out):
            raise NotAllowed(
                reason=N_(
                    "a person began an operation of the worklist: finish it, or put it back by hand"
                )
            )
        with self._journal.writing() as writer:
            writer.settle(outcomes, actor=self._actor)

    # --- start ----------------------------------------------------------------------------------

    def _start(self) -> None:
        change_set = self._change_set
        state = change_set.state
        if state is ChangeSetState.APPROVED:
            require_unexpired(self._journal, change_set)
        elif state not in (ChangeSetState.RUNNING, ChangeSetState.PAUSED):
            raise IllegalMove(
                what="change set",
                name=change_set.short_id,
                to=ChangeSetState.RUNNING.value,
                state=state.value,
            )
        self._journal.require_intact_plan(change_set)
        if state is ChangeSetState.RUNNING:
            log.info(Event.CHANGE_SET_RESUMED, state=state)
            return
        if state is ChangeSetState.PAUSED:
            with self._journal.writing() as writer:
                writer.move_change_set(
                    change_set.id, ChangeSetState.RUNNING, actor=self._actor, note=None
                )
            log.info(Event.CHANGE_SET_RESUMED, state=state)
            return
        with self._journal.writing() as writer:
            locks.lock_records(writer.connection, change_set.id)
            writer.lock_operations(change_set.id)
            writer.move_change_set(
                change_set.id,
                ChangeSetState.RUNNING,
                actor=self._actor,
                started_at=clock.now(),
            )
            crashpoint("start.before_commit")
        crashpoint("start.after_commit")
        log.info(Event.CHANGE_SET_STARTED, operations=change_set.operation_count)

    # --- the loop -------------------------------------------------------------------------------

    def _run_open(self) -> None:
        cursor, moved_in_pass = 0, False
        chunk: list[Operation] = []
        while True:
            if not chunk:
                chunk = self._journal.next_operations(
                    self._change_set.id, states=OPEN_STATES, after=cursor, limit=READ_AHEAD
                )
            if not chunk:
                if not moved_in_pass:
                    return
                cursor, moved_in_pass = 0, False
                continue
            operations = self._same_batch(chunk)
            chunk = chunk[len(operations) :]
            cursor = max(cursor, operations[-1].position)
            ready, hopeless = self._sort_by_predecessor(operations)
            if hopeless:
                self._drop_hopeless(hopeless)
                moved_in_pass = True
            if ready:
                has_moved, postponed = self._run_batch(ready)
                moved_in_pass = has_moved or moved_in_pass
                # Before everything that comes later in the plan: they share records with it.
                chunk = [*postponed, *chunk]

    def _same_batch(self, chunk: Sequence[Operation]) -> list[Operation]:
        first = chunk[0]
        limit = min(self._batch(first).size, self._options.batch_size)
        batch: list[Operation] = []
        for operation in chunk[:limit]:
            if (
                operation.system != first.system
                or operation.step.action != first.step.action
                or operation.executor is not first.executor
            ):
                break
            batch.append(operation)
        return batch

    def _sort_by_predecessor(
        self, operations: Sequence[Operation]
    ) -> tuple[list[Operation], list[Operation]]:
        """Return those that may go on, and those whose earlier step did not hold. The rest waits."""
        wanted = {op.after_position for op in operations if op.after_position is not None}
        if not wanted:
            return list(operations), []
        earlier = {
            op.position: op
            for op in self._journal.operations(self._change_set.id, positions=wanted)
        }
        ready, hopeless = [], []
        for operation in operations:
            before = earlier.get(operation.after_position or 0)
            if (
                before is None
                or before.state is OperationState.CONFIRMED
                or before.error_code == ALREADY
            ):
                ready.append(operation)
            elif before.state in SETTLED:
                hopeless.append(operation)
        return ready, hopeless

    def _drop_hopeless(self, operations: Sequence[Operation]) -> None:
        reason = Text(N_("what had to come before it did not hold"))
        outcomes = [
            Outcome(operation, OperationState.DROPPED, reason=reason) for operation in operations
        ]
        with self._journal.writing() as writer:
            writer.settle(outcomes)
        self._note(outcomes)

    def _run_batch(self, operations: Sequence[Operation]) -> tuple[bool, list[Operation]]:
        """Run one batch; return whether anything moved, and what shares a record with one of them."""
        first = operations[0]
        batch = self._batch(first)
        positions = [operation.position for operation in operations]
        attempts = list[BatchResult]()

        def attempt() -> None:
            left = list(operations)
            if attempts:
                # What the attempt before sent and could not read back is settled; the rest is as the journal
                # has it now.
                doubt.settle(self._journal, self._systems, self._change_set.id, self._options.retry)
                self._count_anew()
                left = list(
                    self._journal.operations(
                        self._change_set.id, states=OPEN_STATES, positions=positions
                    )
                )
            attempts.append(BatchResult())
            try:
                if left:
                    batch.run(left, attempts[-1])
            finally:
                self._note(attempts[-1].outcomes)

        retry.transient(attempt, self._options.retry)
        outcomes = [outcome for each in attempts for outcome in each.outcomes]
        if attempts[-1].stop is not None:
            raise attempts[-1].stop
        self._stop_on_equal_refusals(outcomes)
        self._stop_on_lost_answers(first.system, outcomes)
        is_handed_out = first.executor is Executor.BY_PERSON
        has_moved = bool(outcomes) or is_handed_out or len(attempts) > 1
        return has_moved, attempts[-1].postponed

    def _batch(self, first: Operation) -> Batch:
        system = self._systems(first.system)
        action = action_of(system, first.step.action)
        return Batch(self._journal, system, action, self._options.retry)

    def _stop_on_equal_refusals(self, outcomes: Sequence[Outcome]) -> None:
        for outcome in outcomes:
            if outcome.to is OperationState.CONFIRMED:
                self._last_refusal, self._equal_refusals = None, 0
            elif outcome.to is OperationState.REFUSED and outcome.reason is not None:
                said = (outcome.error_code, _NAMES.sub("", str(outcome.reason)))
                self._equal_refusals = self._equal_refusals + 1 if said == self._last_refusal else 1
                self._last_refusal = said
        if self._equal_refusals >= self._options.stop_after_equal_refusals:
            raise RefusedError(
                N_("{count} documents in a row were refused alike, so the run stopped: {said}"),
                count=self._equal_refusals,
                said=str(next(o.reason for o in reversed(outcomes) if o.reason is not None)),
                system="",
            )

    def _stop_on_lost_answers(self, system: str, outcomes: Sequence[Outcome]) -> None:
        """Give up on a system that never answers: each batch may be sent again, but not for ever."""
        ends = {outcome.to for outcome in outcomes}
        if ends & SETTLED:
            self._lost_answers = 0
        elif OperationState.CAPTURED in ends:
            self._lost_answers += 1
        if self._lost_answers >= self._options.stop_after_lost_answers:
            raise TransientError(
                N_("{system} lost the answer {count} times in a row; nothing happened there"),
                system=system,
                count=self._lost_answers,
            )

    # --- progress and end -----------------------------------------------------------------------

    def _note(self, outcomes: Sequence[Outcome]) -> None:
        for outcome in outcomes:
            if outcome.to in LOGGED:
                log.info(
                    LOGGED[outcome.to],
                    operation=outcome.operation.id,
                    code=outcome.error_code,
                    reason=str(outcome.reason),
                )
            self._counts[outcome.to] = self._counts.get(outcome.to, 0) + 1
        self._tell()

    def _count_anew(self) -> None:
        self._counts = dict(self._journal.counts(self._change_set.id))
        self._tell()

    def _tell(self) -> None:
        if self._report is None:
            return
        count = self._counts.get
        self._report(
            Progress(
                done=sum(count(state, 0) for state in SETTLED),
                total=self._change_set.operation_count,
                confirmed=count(OperationState.CONFIRMED, 0),
                refused=count(OperationState.REFUSED, 0),
                dropped=count(OperationState.DROPPED, 0),
                in_doubt=count(OperationState.IN_DOUBT, 0) + count(OperationState.NEEDS_PERSON, 0),
            )
        )

    def _pause(self, note: Text) -> None:
        with self._journal.writing() as writer:
            writer.move_change_set(
                self._change_set.id, ChangeSetState.PAUSED, actor=self._actor, note=text_json(note)
            )
        log.info(Event.CHANGE_SET_PAUSED, reason=str(note))

    def _finish(self) -> ChangeSet:
        change_set, counts = self._change_set, self._journal.counts(self._change_set.id)
        waiting = {state: n for state, n in counts.items() if state not in SETTLED}
        if waiting:
            people = waiting.get(OperationState.NEEDS_PERSON, 0)
            handed = waiting.get(OperationState.SENT, 0)
            self._pause(
                Text(
                    N_("waits for a person: {handed} on the worklist, {people} to look at"),
                    {"handed": handed, "people": people},
                )
            )
            return self._journal.change_set(change_set.id)
        confirmed = counts.get(OperationState.CONFIRMED, 0)
        already = self._journal.count_already(change_set.id)
        if (
            confirmed + already == change_set.operation_count
        ):  # a plan with nothing ready is done at once
            to = ChangeSetState.APPLIED
        else:
            to = ChangeSetState.PARTLY_APPLIED if confirmed else ChangeSetState.FAILED
        with self._journal.writing() as writer:
            locks.release_records(writer.connection, change_set.id)
            writer.move_change_set(
                change_set.id,
                to,
                detail={state.value: n for state, n in counts.items()},
                finished_at=clock.now(),
                note=None,
            )
            restate_reversed(writer, change_set.id)
            crashpoint("finish.before_commit")
        crashpoint("finish.after_commit")
        log.info(
            Event.CHANGE_SET_FINISHED, state=to.value, **{s.value: n for s, n in counts.items()}
        )
        return self._journal.change_set(change_set.id)
