"""What had to come before: an operation is sent when everything that its plan lets it wait for holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from recovery.reversing.dependence import needed_positions
from recovery.states import ALREADY, SETTLED, OperationState

if TYPE_CHECKING:
    from recovery.journal import Journal
    from recovery.model import Operation


def sort_by_predecessors(
    journal: Journal, change_set_id: str, operations: Sequence[Operation]
) -> tuple[list[Operation], list[Operation]]:
    """Return those that may go on, and those before which something did not hold. The rest waits."""
    waits = {op.position: _waited_for(op) for op in operations}
    wanted = {position for each in waits.values() for position in each}
    if not wanted:
        return list(operations), []
    earlier = {op.position: op for op in journal.operations(change_set_id, positions=wanted)}
    ready, hopeless = [], []
    for operation in operations:
        before = [earlier[each] for each in waits[operation.position] if each in earlier]
        if all(_holds(each) for each in before):
            ready.append(operation)
        elif any(each.state in SETTLED and not _holds(each) for each in before):
            hopeless.append(operation)
    return ready, hopeless


def _waited_for(operation: Operation) -> tuple[int, ...]:
    link = () if operation.after_position is None else (operation.after_position,)
    details: Mapping[str, object] = operation.details
    return (*link, *needed_positions(details))


def _holds(operation: Operation) -> bool:
    return operation.state is OperationState.CONFIRMED or operation.error_code == ALREADY
