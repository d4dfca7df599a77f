"""What people do in the ERP themselves: the lines of a change set that were handed out to them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from connectors.contract import Executor, Instruction, Kind
from core import retry
from core.retry import RetryPolicy
from core.text import N_, Text
from recovery.at_rest.hidden_values import HiddenValues, hidden_values
from recovery.images import differences
from recovery.journal import Journal
from recovery.model import Operation
from recovery.running.judgement import Systems
from recovery.states import OperationState


@dataclass(frozen=True, slots=True)
class WorklistItem:
    """One line: the document, what to press there, and how far the ERP shows it to be.

    `seen` says what reading the ERP shows now: not begun, begun but not finished, finished.
    """

    position: int
    system: str
    kind: Kind
    number: str | None
    key: str
    instruction: Instruction
    state: OperationState
    seen: Text


def worklist(
    journal: Journal, systems: Systems, change_set_id: str, *, policy: RetryPolicy | None = None
) -> Iterator[WorklistItem]:
    """Yield the lines of a change set that a person carries out, in order, with what the ERP shows now."""
    lines = (op for op in journal.operations(change_set_id) if op.executor is Executor.BY_PERSON)
    for (system_name, action_name), members in groupby(
        lines, key=lambda op: (op.system, op.step.action)
    ):
        operations = list(members)
        system = systems(system_name)
        action = system.actions()[action_name]
        stored = journal.images([op.before_hash or op.approved_hash for op in operations])
        steps = [op.step for op in operations]
        before = [stored.get(op.before_hash or op.approved_hash or "") for op in operations]
        known = list(before)
        now = retry.transient(
            lambda system=system, steps=steps, known=known: system.capture(steps, known),  # type: ignore[misc]
            policy,
        )
        for operation, was, seen in zip(operations, before, now, strict=True):
            start = was if was is not None else seen
            hidden = hidden_values(journal.redaction, operation.system, start, seen)
            moved = differences(start, seen, ignore=action.trace)
            yield WorklistItem(
                operation.position,
                operation.system,
                operation.kind,
                operation.number,
                operation.ref.key,
                _shown(action.instruction(operation.step, start), hidden),
                operation.state,
                _seen(
                    operation, is_done=action.is_done(operation.step, start, seen), moved=len(moved)
                ),
            )


def _shown(said: Instruction, hidden: HiddenValues) -> Instruction:
    return Instruction(
        hidden.masked(said.screen), hidden.masked(said.press), hidden.masked(said.reason)
    )


def _seen(operation: Operation, *, is_done: bool, moved: int) -> Text:
    if operation.state is OperationState.CONFIRMED:
        return Text(N_("confirmed"))
    if is_done:
        return Text(N_("done in the ERP; resume to confirm it"))
    if moved:
        return Text(N_("begun but not finished: {count} fields changed"), {"count": moved})
    return Text(N_("not begun"))
