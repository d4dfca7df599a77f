"""What a rollback was asked for: a change set, operations of it, documents, or what was done in a span of time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from core.errors import BadInput, IllegalMove, NotFound
from core.text import N_, Text
from recovery.model import Purpose
from recovery.reversing import touching
from recovery.states import ChangeSetState, OperationState

if TYPE_CHECKING:
    from connectors.contract import Ref
    from recovery.journal import Journal
    from recovery.model import Operation
    from recovery.reversing.selection import Selection

FINISHED: Final = frozenset(
    {
        ChangeSetState.APPLIED,
        ChangeSetState.PARTLY_APPLIED,
        ChangeSetState.PARTLY_ROLLED_BACK,
        ChangeSetState.ROLLED_BACK,
        ChangeSetState.FAILED,
    }
)


@dataclass(frozen=True, slots=True)
class Asked:
    """The standing operations that a selection names, and the one change set that was asked for, if it is one."""

    operations: tuple[Operation, ...]
    reverses_id: str | None
    notes: tuple[Text, ...] = ()  # what was left out on purpose


def ask(journal: Journal, selection: Selection) -> Asked:
    """Return what the selection names, as it stands now.

    What stands because its rollback was taken back is represented by the operations that did that: they hold
    what is there now. Raises `NotFound` when nothing that stands fits, `IllegalMove` when the change set is still
    running, `BadInput` for a number that does not name one thing.
    """
    notes: list[Text] = []
    made: set[str] = set()
    if selection.change_set_id is not None:
        reverses_id, found = _of_change_set(journal, selection)
    elif selection.numbers:
        reverses_id = None
        found, made = _of_documents(journal, selection)
    else:
        reverses_id, found = None, _of_span(journal, selection, notes)
    found = [
        operation
        for operation in found
        if (selection.kind is None or operation.kind is selection.kind)
        and (selection.system is None or operation.system == selection.system)
    ]
    standing = set(journal.standing([operation.id for operation in found]))
    found = [operation for operation in found if operation.id in standing]
    if selection.only:
        found = _only(found, selection.only)
    if selection.numbers:
        found = _newest_of_each(journal, found)
        _require_each(found, selection.numbers, made)
        sets = {operation.change_set_id for operation in found}
        reverses_id = sets.pop() if len(sets) == 1 else None
    if not found:
        raise NotFound(
            N_("There is nothing left to take back in {name!r}."),
            what="change set",
            name=_name(selection),
        )
    return Asked(tuple(restated(journal, found)), reverses_id, tuple(notes))


def _name(selection: Selection) -> str:
    if selection.change_set_id is not None:
        return selection.change_set_id[:13]
    if selection.numbers:
        return ", ".join(selection.numbers)
    return " - ".join(
        "" if each is None else str(each) for each in (selection.since, selection.until)
    )


def _of_change_set(journal: Journal, selection: Selection) -> tuple[str, list[Operation]]:
    change_set = journal.change_set(str(selection.change_set_id))
    if change_set.state not in FINISHED:
        raise IllegalMove(
            N_("Change set {name} is {state}: there is nothing finished to take back yet."),
            what="change set",
            name=change_set.short_id,
            to="rolled_back",
            state=change_set.state.value,
        )
    wanted = set(selection.positions)
    found = list(
        journal.operations(
            change_set.id, states={OperationState.CONFIRMED}, positions=wanted or None
        )
    )
    missing = wanted - {operation.position for operation in found}
    if missing:
        raise NotFound(
            N_("Change set {change_set} has no confirmed operation {name}."),
            what="operation",
            name=", ".join(map(str, sorted(missing))),
            change_set=change_set.short_id,
        )
    return change_set.id, found


def _of_documents(journal: Journal, selection: Selection) -> tuple[list[Operation], set[str]]:
    """Return what was done to the documents of these numbers, with what created such documents, and their numbers."""
    found = journal.operations_of_numbers(selection.numbers, system=selection.system)
    with journal.reading() as connection:
        made = touching.operations_creating(connection, selection.numbers)
    named = {operation.called for operation in found}
    # A counter-document on which nobody worked since stands for the operation that made it.
    makers = [
        operation
        for operation in operations_by_id(journal, sorted(set(made) - {op.id for op in found}))
        if operation.state is OperationState.CONFIRMED and made[operation.id] not in named
    ]
    return [*found, *makers], {made[operation.id] for operation in makers}


def operations_by_id(journal: Journal, ids: Sequence[str]) -> list[Operation]:
    """Return operations by their ids, however many, in the order of their change sets and positions."""
    found: list[Operation] = []
    for start in range(0, len(ids), touching.CHUNK):
        found += journal.operations_by_id(ids[start : start + touching.CHUNK]).values()
    return sorted(found, key=lambda each: (each.change_set_id, each.position))


def _of_span(journal: Journal, selection: Selection, notes: list[Text]) -> list[Operation]:
    with journal.reading() as connection:
        rows = touching.change_sets_between(
            connection, selection.since, selection.until, selection.by, selection.system
        )
        rollbacks = [row.id for row in rows if row.purpose == Purpose.ROLLBACK.value]
        open_ones = [row.id for row in rows if row.state not in {s.value for s in FINISHED}]
        wanted = {row.id for row in rows} - {*rollbacks, *open_ones}
        ids = touching.operations_between(connection, selection.since, selection.until, wanted)
    for left_out, template in (
        (
            rollbacks,
            N_("{count} rollbacks of that time are left out; name them by their id: {ids}"),
        ),
        (open_ones, N_("{count} change sets of that time still wait; finish them first: {ids}")),
    ):
        if left_out:
            named = ", ".join(each[:13] for each in left_out)
            notes.append(Text(template, {"count": len(left_out), "ids": named}))
    return operations_by_id(journal, ids)


def _only(found: Sequence[Operation], only: Iterable[str]) -> list[Operation]:
    wanted = set(only)
    kept = [operation for operation in found if operation.called in wanted]
    missing = wanted - {operation.called for operation in kept}
    if missing:
        raise NotFound(what="document", name=", ".join(sorted(missing)))
    return kept


def _newest_of_each(journal: Journal, found: Sequence[Operation]) -> list[Operation]:
    """Keep, per document, the operations of its newest change set alone, rollbacks left out."""
    kept: dict[tuple[str, str, str], str] = {}
    purposes: dict[str, Purpose] = {}
    result = []
    for operation in sorted(found, key=lambda op: (op.change_set_id, op.position), reverse=True):
        set_id = operation.change_set_id
        if set_id not in purposes:
            purposes[set_id] = journal.change_set(set_id).purpose
        if purposes[set_id] is Purpose.ROLLBACK:
            continue
        document = (operation.system, operation.ref.model, operation.ref.key)
        if kept.setdefault(document, set_id) == set_id:
            result.append(operation)
    return sorted(result, key=lambda op: (op.change_set_id, op.position))


def _require_each(found: Sequence[Operation], numbers: Sequence[str], made: set[str]) -> None:
    homes: dict[str, set[tuple[str, Ref]]] = {}
    for operation in found:
        homes.setdefault(operation.called, set()).add((operation.system, operation.ref))
    several = [name for name, documents in homes.items() if len(documents) > 1]
    if several:
        raise BadInput(
            source=", ".join(several),
            problem=N_("several documents have this number; say which with --system or --kind"),
        )
    missing = [number for number in numbers if number not in homes and number not in made]
    if missing:
        raise NotFound(
            N_("Nothing that stands was done by Storno to {name!r}."),
            what="document",
            name=", ".join(missing),
        )


def restated(journal: Journal, found: Sequence[Operation]) -> list[Operation]:
    """Put what took a rollback of an operation back in the place of that operation, with its whole chain."""
    with journal.reading() as connection:
        newest = touching.restatements(connection, [operation.id for operation in found])
    if not newest:
        return list(found)
    chain_of = {
        operation.id: (operation.change_set_id, operation.system, operation.ref)
        for operation in operations_by_id(journal, sorted(set(newest.values())))
    }
    chains = set(chain_of.values())
    restating = [
        operation
        for set_id in sorted({each[0] for each in chains})
        for operation in journal.operations(set_id, states={OperationState.CONFIRMED})
        if (set_id, operation.system, operation.ref) in chains
    ]
    standing = set(journal.standing([operation.id for operation in restating]))
    restating = [operation for operation in restating if operation.id in standing]
    held = {(op.change_set_id, op.system, op.ref) for op in restating}
    # A rollback that found everything back put nothing there: then the operation speaks for itself.
    kept = [op for op in found if op.id not in newest or chain_of[newest[op.id]] not in held]
    return [*kept, *restating]
