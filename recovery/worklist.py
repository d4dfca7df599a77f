"""What people do in the ERP themselves: the lines of a change set that were handed out to them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from connectors.contract import Executor, Instruction, Kind
from recovery.journal import Journal
from recovery.judgement import Systems
from recovery.states import OperationState


@dataclass(frozen=True, slots=True)
class WorklistItem:
    """One line: the document and what to press there. `state` tells whether it was read back as done."""

    position: int
    system: str
    kind: Kind
    number: str | None
    key: str
    instruction: Instruction
    state: OperationState


def worklist(journal: Journal, systems: Systems, change_set_id: str) -> Iterator[WorklistItem]:
    """Yield the lines of a change set that a person carries out, in order."""
    for operation in journal.operations(change_set_id):
        if operation.executor is not Executor.BY_PERSON:
            continue
        action = systems(operation.system).actions()[operation.step.action]
        shown = operation.before_hash or operation.approved_hash
        if shown is None:
            continue
        image = journal.images([shown])[shown]
        yield WorklistItem(
            operation.position,
            operation.system,
            operation.kind,
            operation.number,
            operation.ref.key,
            action.instruction(operation.step, image),
            operation.state,
        )
