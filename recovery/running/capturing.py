"""Before the call: what the operations of a batch look like now, and which of them will be sent."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from connectors.contract import Action, Image, Step, System
from core.crashpoint import crashpoint
from core.errors import STOPS_THE_RUN, RefusedError
from core.retry import RetryPolicy
from core.text import N_, Text
from recovery import doubt
from recovery.images import encode_image
from recovery.journal import Journal
from recovery.model import FieldDifference, Operation
from recovery.running.batch_parts import BatchResult, Captured
from recovery.running.evidence import known_images, moved_fields, moved_text, unmet_condition
from recovery.running.judgement import Judge
from recovery.running.outcome import Outcome
from recovery.running.reading_ahead import ReadingAhead
from recovery.running.side_by_side import cut, side_by_side
from recovery.states import OperationState


class Capturing:
    """Captures operations of one system and action, and drops what is not any more what was approved."""

    def __init__(
        self,
        journal: Journal,
        system: System,
        action: Action,
        policy: RetryPolicy,
        ahead: ReadingAhead,
        *,
        parallel_calls: int,
    ) -> None:
        self._journal = journal
        self._system = system
        self._action = action
        self._policy = policy
        self._ahead = ahead
        self._parallel_calls = parallel_calls

    def capture(self, operations: Sequence[Operation], result: BatchResult) -> Captured:
        """Return what will be sent; tell in `result` what became of the others."""
        steps = [operation.step for operation in operations]
        known = known_images(self._journal, self._system.actions(), operations)
        try:
            images = self._ahead.take(operations) or self._read(steps, known)
        except STOPS_THE_RUN:
            raise
        except RefusedError as error:
            return self._capture_apart(operations, error, result)
        crashpoint("apply.after_capture")
        encoded = [encode_image(image) for image in images]
        hashes = [self._journal.image_hash(each) for each in encoded]
        moved = moved_fields(self._journal, self._system.actions(), operations, images, hashes)
        captured, taken = Captured(), set[object]()
        late = self._arrived_late(operations, images, moved)
        if late:
            self._settle_late(late, result)
        for i, operation in enumerate(operations):
            if operation in late:
                continue
            refs = images[i].refs()
            if not result.held.isdisjoint(refs):
                result.held.update(refs)  # Nor may anything overtake this one.
            elif moved[i]:
                result.outcomes.append(
                    Outcome(
                        operation, OperationState.DROPPED, reason=self._told(operation, moved[i])
                    )
                )
            elif (unmet := unmet_condition(self._action, operation, images[i])) is not None:
                result.outcomes.append(
                    Outcome(
                        operation,
                        OperationState.DROPPED,
                        reason=self._journal.redaction.masked_text(unmet.text),
                        error_code=unmet.code,
                    )
                )
            elif not self._action.creates_untraceably and self._action.is_done(
                operation.step, images[i], images[i]
            ):
                judge = Judge(self._journal, self._system, self._action, [operation])
                result.outcomes.append(judge.already(operation, images[i], encoded[i]))
            elif taken.isdisjoint(refs):
                taken.update(refs)
                captured.add(operation, images[i], encoded[i], hashes[i])
            else:
                result.postponed.append(operation)
        return captured

    def read_ahead(self, following: Sequence[Operation]) -> None:
        """Begin to capture the next batch, where nothing but what is there now matters for it, and its call compares."""
        if (
            following
            and self._action.has_compare_and_set
            and all(each.approved_hash and each.sent_at is None for each in following)
        ):
            steps = [each.step for each in following]
            self._ahead.start(following, partial(self._read, steps, [None] * len(steps)))

    def _read(self, steps: Sequence[Step], known: Sequence[Image | None]) -> list[Image]:
        parts = [
            partial(self._system.capture, steps[place], known[place])
            for place in cut(len(steps), size=self._action.batch_size, at_most=self._parallel_calls)
        ]
        return [image for images in side_by_side(parts, self._parallel_calls) for image in images]

    def _told(self, operation: Operation, moved: Sequence[FieldDifference]) -> Text:
        redaction = self._journal.redaction
        return moved_text([redaction.shown_difference(operation.system, each) for each in moved])

    def _capture_apart(
        self, operations: Sequence[Operation], error: RefusedError, result: BatchResult
    ) -> Captured:
        """Halve until what the ERP does not let us read stands alone; that one is dropped with its words."""
        if len(operations) == 1:
            result.outcomes.append(
                Outcome(
                    operations[0], OperationState.DROPPED, reason=error.text, error_code=error.code
                )
            )
            return Captured()
        middle = len(operations) // 2
        both, taken = Captured(), set[object]()
        for part in (operations[:middle], operations[middle:]):
            found = self.capture(part, result)
            for each in zip(
                found.operations, found.images, found.encoded, found.hashes, strict=True
            ):
                if taken.isdisjoint(each[1].refs()):
                    taken.update(each[1].refs())
                    both.add(*each)
                else:
                    result.postponed.append(each[0])
        return both

    def _arrived_late(
        self, operations: Sequence[Operation], images: Sequence[Image], moved: Sequence[Any]
    ) -> list[Operation]:
        """Return those that were sent before, seemed not to have happened, and were changed by our own user since."""
        suspects = [
            i
            for i, op in enumerate(operations)
            if moved[i] and op.sent_at is not None and op.before_hash is not None
        ]
        before = self._journal.images([operations[i].before_hash for i in suspects])
        return [
            operations[i]
            for i in suspects
            if self._action.is_ours(before[str(operations[i].before_hash)], images[i]) is not False
        ]

    def _settle_late(self, late: Sequence[Operation], result: BatchResult) -> None:
        reason = Text(N_("what was sent before arrived late"))
        with self._journal.writing() as writer:
            writer.settle([Outcome(op, OperationState.IN_DOUBT, reason=reason) for op in late])
        doubtful = list(
            self._journal.operations(late[0].change_set_id, positions=[op.position for op in late])
        )
        result.outcomes += doubt.settle_group(
            self._journal, self._system, self._action, doubtful, self._policy
        )
