"""One batch, in the write-ahead order: capture, store the way back and the intent, call, read back, store.

Where action and system allow it, a batch is carried out by several calls at the same time. Capture, intent and
outcome stay what they are: no call begins before the way back of all is on disk, and no two share a record. While the
journal stores the outcome, the next batch may be captured already (`reading_ahead`).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import structlog

from connectors.contract import Action, Answer, Call, Executor, Image, System
from core import clock, retry
from core.crashpoint import crashpoint
from core.errors import (
    STOPS_THE_RUN,
    Frozen,
    OutcomeUnknown,
    RefusedError,
    StornoError,
    TransientError,
)
from core.events import Event
from core.retry import RetryPolicy
from core.text import N_, Text
from recovery import doubt
from recovery.at_rest.hidden_values import quieten
from recovery.journal import Journal
from recovery.model import Operation
from recovery.running.batch_parts import BatchResult, Captured, Ended
from recovery.running.capturing import Capturing
from recovery.running.judgement import Judge
from recovery.running.outcome import Outcome
from recovery.running.reading_ahead import ReadingAhead
from recovery.running.side_by_side import cut, side_by_side
from recovery.states import OperationState
from recovery.stopping.frozen import require_thawed

log = structlog.get_logger(__name__)


class Batch:
    """Runs operations of one system, action and executor.

    Raises `TransientError` when nothing happened to some of them for certain; they may be run again.
    """

    def __init__(
        self,
        journal: Journal,
        system: System,
        action: Action,
        policy: RetryPolicy,
        ahead: ReadingAhead,
    ) -> None:
        self._journal = journal
        self._system = system
        self._action = action
        self._policy = policy
        self._parallel_calls = system.parallel_calls if action.is_parallel else 1
        self._capturing = Capturing(
            journal, system, action, policy, ahead, parallel_calls=self._parallel_calls
        )

    @property
    def size(self) -> int:
        """How many operations are carried out at once."""
        return self._action.batch_size * self._parallel_calls

    def run(
        self,
        operations: Sequence[Operation],
        result: BatchResult,
        following: Sequence[Operation] = (),
    ) -> None:
        """Carry the operations out, in two commits unless the ERP refuses a call whole; tell it in `result`.

        What is told there holds also when an error is raised. Raises `Frozen` when a person froze one of them.
        `following`: operations of the same system and action that are expected to be the next batch.
        """
        require_thawed(self._journal, operations[0].change_set_id, operations)
        told = len(result.outcomes)
        captured = self._capturing.capture(operations, result)
        dropped = [o for o in result.outcomes[told:] if o.to is OperationState.DROPPED]
        if not captured.operations:
            with self._journal.writing() as writer:
                writer.settle(dropped)
            return
        with self._journal.writing() as writer:
            if dropped:
                writer.settle(dropped)
            writer.send(captured.operations, captured.encoded, captured.hashes)
        if self._journal.claim is not None:
            self._journal.claim.note_sent()
        log.info(Event.BATCH_SENT, action=self._action.name, count=len(captured.operations))
        crashpoint("apply.after_intent")
        if captured.operations[0].executor is Executor.BY_PERSON:
            log.info(Event.OPERATION_HANDED_OUT, count=len(captured.operations))
            return
        self._call(captured, result, following)

    # --- the call -------------------------------------------------------------------------------

    def _call(
        self, captured: Captured, result: BatchResult, following: Sequence[Operation]
    ) -> None:
        parts = [
            captured.part(place)
            for place in cut(
                len(captured.operations),
                size=self._action.batch_size,
                at_most=self._parallel_calls,
            )
        ]
        ends = side_by_side(
            [partial(self._carry_out, part) for part in parts], self._parallel_calls
        )
        crashpoint("apply.after_read_back")
        # What is known comes first: an error below must not make it doubtful again.
        told = list(zip(parts, ends, strict=True))
        if all(end.failed is None and end.unread is None for end in ends):
            self._capturing.read_ahead(following)
        for part, end in told:
            if end.failed is None and end.unread is None:
                self._confirm(part, end, result)
        for part, end in told:
            if end.failed is not None:
                self._failed(part, end.failed, result)
        for _, end in told:
            if end.unread is not None:
                raise end.unread
        for _, end in told:
            for error in (end.failed, *(answer.unsent for answer in end.answers)):
                if isinstance(error, TransientError | Frozen):
                    raise error

    def _carry_out(self, part: Captured) -> Ended:
        """Make one call and read back what it did. Runs beside others of its kind, so it touches no journal."""
        end = self._called(part)
        said = (end.failed, end.unread, *(answer.refused for answer in end.answers))
        quieten(self._journal.redaction, self._system.name, (*part.images, *end.after), said)
        return end

    def _called(self, part: Captured) -> Ended:
        calls = [
            Call(operation.id, operation.step, image)
            for operation, image in zip(part.operations, part.images, strict=True)
        ]
        change_set_id = part.operations[0].change_set_id
        require_held = self._journal.fence(change_set_id)

        def fence() -> None:
            # Both only read: whoever froze these records or took the change set over did so in a commit of its own.
            require_thawed(self._journal, change_set_id, part.operations)
            require_held()
            crashpoint("apply.after_fence")

        try:
            require_thawed(self._journal, change_set_id, part.operations)
            answers = self._system.apply(calls, fence)
        except (TransientError, Frozen) as error:
            return Ended(failed=error)
        except StornoError as error:
            crashpoint("apply.after_call")
            return Ended(failed=error)
        crashpoint("apply.after_call")
        try:
            return Ended(answers, self._read_back(part))
        except StornoError as error:
            return Ended(unread=error)

    def _read_back(self, part: Captured) -> list[Image]:
        steps = [operation.step for operation in part.operations]
        return retry.transient(lambda: self._system.capture(steps, part.images), self._policy)

    def _confirm(self, part: Captured, end: Ended, result: BatchResult) -> None:
        judge = Judge(self._journal, self._system, self._action, part.operations)
        outcomes = [
            judge.judge(operation, part.images[i], end.after[i], end.answers[i].refused)
            for i, operation in enumerate(part.operations)
            if end.answers[i].unsent is None
        ]
        doubt.store(self._journal, outcomes)
        self._keep_unsent(part, end, result)
        log.info(Event.BATCH_CONFIRMED, action=self._action.name, count=len(outcomes))
        crashpoint("apply.after_outcome")
        result.outcomes += outcomes
        for answer in end.answers:
            if isinstance(answer.refused, STOPS_THE_RUN):
                result.stop = answer.refused

    def _keep_unsent(self, part: Captured, end: Ended, result: BatchResult) -> None:
        """Put back what its call never came to: it is open, as it was before its batch."""
        unsent = [i for i, answer in enumerate(end.answers) if answer.unsent is not None]
        if not unsent:
            return
        error = end.answers[unsent[0]].unsent
        self._back_to_captured([part.operations[i] for i in unsent], _why_not(error))
        if isinstance(error, STOPS_THE_RUN):
            result.stop = error

    def _failed(self, part: Captured, error: StornoError, result: BatchResult) -> None:
        match error:
            case TransientError() | Frozen():
                self._back_to_captured(part.operations, _why_not(error))
            case OutcomeUnknown():
                self._doubt(part, error, result)
            case RefusedError():
                self._refused_whole(part, error, result)
            case _:
                raise error

    def _doubt(self, captured: Captured, error: OutcomeUnknown, result: BatchResult) -> None:
        lost_at = clock.monotonic()
        log.warning(
            Event.OPERATION_DOUBTED,
            count=len(captured.operations),
            code=error.code,
            error=str(error),
        )
        with self._journal.writing() as writer:
            writer.settle(
                [
                    Outcome(
                        operation,
                        OperationState.IN_DOUBT,
                        reason=error.text,
                        error_code=error.code,
                    )
                    for operation in captured.operations
                ]
            )
        operations = list(
            self._journal.operations(
                captured.operations[0].change_set_id,
                positions=[operation.position for operation in captured.operations],
            )
        )
        result.outcomes += doubt.settle_group(
            self._journal, self._system, self._action, operations, self._policy, lost_at=lost_at
        )

    # --- a batch that was refused whole ---------------------------------------------------------

    def _refused_whole(self, captured: Captured, error: RefusedError, result: BatchResult) -> None:
        operations = captured.operations
        if isinstance(error, STOPS_THE_RUN):
            self._back_to_captured(operations, error.text)
            result.stop = error
            return
        if len(operations) == 1:
            answers = [Answer(operations[0].id, error)]
            self._confirm(captured, Ended(answers, self._read_back(captured)), result)
            return
        parts = self._split(captured, error)
        log.info(
            Event.BATCH_HALVED,
            sizes=[len(part) for part in parts],
            code=error.code,
            error=str(error),
        )
        self._back_to_captured(
            operations, Text(N_("its batch was refused; it is sent again without the offender"))
        )
        for part in parts:
            self.run(part, result)
            if result.stop is not None:
                return

    def _split(self, captured: Captured, error: RefusedError) -> list[list[Operation]]:
        """Set apart who the ERP names, else who our own pre-check names, else halve."""
        operations = captured.operations
        named = set(error.offenders)
        if not named:
            named = {
                operation.id
                for operation, image in zip(operations, captured.images, strict=True)
                if self._action.problems(operation.step, image)
            }
        suspects = [operation for operation in operations if operation.id in named]
        others = [operation for operation in operations if operation.id not in named]
        if suspects and others:
            return [others, *([suspect] for suspect in suspects)]
        middle = len(operations) // 2
        return [list(operations[:middle]), list(operations[middle:])]

    def _back_to_captured(self, operations: Sequence[Operation], reason: Text) -> None:
        with self._journal.writing() as writer:
            writer.settle(
                [
                    Outcome(operation, OperationState.CAPTURED, reason=reason)
                    for operation in operations
                ]
            )


def _why_not(error: StornoError | None) -> Text:
    """Say why nothing was sent."""
    if error is None or isinstance(error, TransientError):
        return Text(N_("the system was busy; nothing happened"))
    return error.text
