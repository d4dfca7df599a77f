"""The loop of a run: what is open, batch by batch, each after what had to come before it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from connectors.contract import Executor, Ref
from core import retry
from core.text import N_, Text
from recovery import doubt
from recovery.journal import Journal
from recovery.model import Operation
from recovery.running.batch import Batch
from recovery.running.batch_parts import BatchResult
from recovery.running.judgement import Systems, action_of
from recovery.running.outcome import Outcome
from recovery.running.predecessors import sort_by_predecessors
from recovery.running.reading_ahead import ReadingAhead
from recovery.running.run_options import RunOptions
from recovery.running.standstill import Standstill
from recovery.running.stop_rules import StopRules
from recovery.running.tally import Tally
from recovery.states import OperationState
from recovery.workers.polite import Gate

OPEN_STATES: Final = frozenset({OperationState.LOCKED, OperationState.CAPTURED})
READ_AHEAD: Final = 5000


class RunLoop:
    """Carries out the open operations of one change set."""

    def __init__(
        self,
        journal: Journal,
        systems: Systems,
        change_set_id: str,
        options: RunOptions,
        tally: Tally,
        rules: StopRules,
        gate: Gate,
        standstill: Standstill,
    ) -> None:
        self._journal = journal
        self._systems = systems
        self._change_set_id = change_set_id
        self._options = options
        self._tally = tally
        self._rules = rules
        self._gate = gate
        self._standstill = standstill
        self._held: dict[str, set[Ref]] = {}
        self._ahead = ReadingAhead()

    def run(self) -> bool:
        """Go on until nothing is open; return False when it was asked to stop before that, between two batches."""
        with self._ahead:
            return self._run()

    def _run(self) -> bool:
        cursor, moved_in_pass = 0, False
        chunk: list[Operation] = []
        should_stop = self._options.should_stop
        while True:
            if not chunk:
                chunk = self._journal.next_operations(
                    self._change_set_id, states=OPEN_STATES, after=cursor, limit=READ_AHEAD
                )
            if not chunk:
                if not moved_in_pass:
                    self._standstill.end()
                    return True
                cursor, moved_in_pass = 0, False
                self._held.clear()
                continue
            cursor = max(cursor, chunk[-1].position)
            chunk = self._standstill.without(chunk)
            if not chunk:
                continue
            if should_stop is not None and should_stop():
                return False
            system = chunk[0].system
            with self._standstill.watching(system):
                self._gate.admit(system)
                operations = self._same_batch(chunk)
                chunk = chunk[len(operations) :]
                ready, hopeless = sort_by_predecessors(
                    self._journal, self._change_set_id, operations
                )
                if hopeless:
                    self._drop_hopeless(hopeless)
                    moved_in_pass = True
                if ready:
                    has_moved, postponed = self._run_batch(ready, self._following(ready[0], chunk))
                    moved_in_pass = has_moved or moved_in_pass
                    # Before everything that comes later in the plan: they share records with it.
                    chunk = [*postponed, *chunk]
            # What it did before it stopped is what others may have waited for.
            moved_in_pass = moved_in_pass or self._standstill.has(system)

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

    def _following(self, first: Operation, chunk: Sequence[Operation]) -> list[Operation]:
        """Return the next batch, where it is one like that which begins with `first`."""
        # A system that is to be spared is asked when its turn has come.
        if not chunk or self._options.politeness.of(first.system).holds_back:
            return []
        is_alike = (chunk[0].system, chunk[0].step.action) == (first.system, first.step.action)
        return self._same_batch(chunk) if is_alike else []

    def _drop_hopeless(self, operations: Sequence[Operation]) -> None:
        reason = Text(N_("what had to come before it did not hold"))
        outcomes = [
            Outcome(operation, OperationState.DROPPED, reason=reason) for operation in operations
        ]
        with self._journal.writing() as writer:
            writer.settle(outcomes)
        self._tally.note(outcomes)

    def _run_batch(
        self, operations: Sequence[Operation], following: Sequence[Operation]
    ) -> tuple[bool, list[Operation]]:
        """Run one batch; return whether anything moved, and what shares a record with one of them."""
        first = operations[0]
        held = self._held.setdefault(first.system, set())
        batch = self._batch(first)
        positions = [operation.position for operation in operations]
        attempts, outcomes = list[BatchResult](), list[Outcome]()

        def attempt() -> None:
            left = list(operations)
            if attempts:
                # What the attempt before sent and could not read back is settled; the rest is as the journal
                # has it now.
                outcomes.extend(
                    doubt.settle(
                        self._journal,
                        self._systems,
                        self._change_set_id,
                        self._options.retry,
                        system=first.system,
                    )
                )
                self._tally.count_anew()
                left = list(
                    self._journal.operations(
                        self._change_set_id, states=OPEN_STATES, positions=positions
                    )
                )
            attempts.append(BatchResult(held=held))
            try:
                if left:
                    batch.run(left, attempts[-1], following)
            except BaseException:
                self._ahead.forget()
                raise
            finally:
                self._tally.note(attempts[-1].outcomes)
                outcomes.extend(attempts[-1].outcomes)

        retry.transient(attempt, self._options.retry)
        if attempts[-1].stop is not None:
            raise attempts[-1].stop
        self._rules.watch(first.system, outcomes)
        held |= self._touched_by(attempts[-1].outcomes)
        is_handed_out = first.executor is Executor.BY_PERSON
        has_moved = bool(outcomes) or is_handed_out or len(attempts) > 1
        return has_moved, attempts[-1].postponed

    def _touched_by(self, outcomes: Sequence[Outcome]) -> set[Ref]:
        """Return the records of what was sent, did not happen, and has its next turn in the next pass.

        A rollback goes the way of the plan backwards: of two operations on one record, the one that comes later in the
        plan must not be done first.
        """
        positions = [
            each.operation.position for each in outcomes if each.to is OperationState.CAPTURED
        ]
        if not positions:
            return set()
        operations = self._journal.operations(self._change_set_id, positions=positions)
        images = self._journal.images([operation.before_hash for operation in operations])
        return {ref for image in images.values() for ref in image.refs()}

    def _batch(self, first: Operation) -> Batch:
        system = self._systems(first.system)
        action = action_of(system, first.step.action)
        return Batch(self._journal, system, action, self._options.retry, self._ahead)
