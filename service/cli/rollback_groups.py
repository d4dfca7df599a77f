"""The groups of a rollback: what was asked for, what comes along and why, what would have to; and per system."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from core.text import N_, text
from service.cli.output import Column, Table

if TYPE_CHECKING:
    from recovery.model import ChangeSet, Operation
    from recovery.reversing.rollback_item import Rest, RollbackItem, RollbackPreview
    from recovery.states import OperationState
    from service.cli.session import Session

SHOWN_STAYING: Final = 20


def show_companions(session: Session, found: RollbackPreview) -> None:
    """Show what comes along, and what would have to, each with what it rests on; then what stays half done."""
    output = session.output
    along = [item for item in found.items if not item.is_asked]
    if along:
        output.say()
        output.say(N_("Comes along, because it rests on that"), style="bold")
        _show_rests(session, along)
    if found.offered:
        output.say()
        output.say(N_("Rests on it, and was not asked for: --with-dependents"), style="bold")
        _show_rests(session, found.offered)
    for circle in found.circles:
        names = " - ".join(each.called for each in (*circle, circle[0]))
        output.say(text(N_("These rest on one another: {names}"), names=names), style="yellow")
    _show_staying(session, found.items)
    for note in found.notes:
        output.say(note)


def _show_rests(session: Session, items: Sequence[RollbackItem]) -> None:
    language = session.language
    has_systems = len({item.last.system for item in items}) > 1
    columns = [
        Column(language.say(N_("Number")), is_whole=True),
        Column(language.say(N_("Change set")), is_whole=True),
        Column(language.say(N_("No.")), is_number=True),
        *([Column(language.say(N_("System")), is_whole=True)] if has_systems else []),
        Column(language.say(N_("State"))),
        Column(language.say(N_("Rests on")), is_whole=True),
        Column(language.say(N_("Why"))),
    ]
    rows = [
        [
            item.last.called,
            item.last.change_set_id[:13],
            ", ".join(str(op.position) for op in item.operations),
            *([item.last.system] if has_systems else []),
            language.word(item.status.value)
            if item.reason is None
            else f"{language.word(item.status.value)}: {language.say(item.reason)}",
            "" if rest is None else rest.operation.called,
            "" if rest is None else language.say(rest.why),
        ]
        for item in items
        for rest in item.upon[:1] or (None,)
    ]
    session.output.table(Table(columns, rows))


def _show_staying(session: Session, items: Iterable[RollbackItem]) -> None:
    """Say which documents are left half done: that is never silent."""
    staying = [item for item in items if item.stay and item.status.value == "clean"]
    for item in staying[:SHOWN_STAYING]:
        session.output.say(
            text(
                N_("{number} is left half done: operations {positions} of it stand on"),
                number=item.last.called,
                positions=", ".join(str(op.position) for op in item.stay),
            ),
            style="yellow",
        )
    if len(staying) > SHOWN_STAYING:
        session.output.note(
            text(N_("{count} more; all of them: --json"), count=len(staying) - SHOWN_STAYING)
        )


def rest_document(rest: Rest) -> dict[str, Any]:
    """Return what a document rests on, or what rests on it, for `--json`."""
    return {
        "change_set_id": rest.operation.change_set_id,
        "position": rest.operation.position,
        "operation": rest.operation.id,
        "system": rest.operation.system,
        "number": rest.operation.number,
        "key": rest.operation.ref.key,
        "sign": rest.sign,
        "why": rest.why,
    }


def place_document(operation: Operation) -> dict[str, Any]:
    """Return where an operation stands, for `--json`."""
    return {
        "change_set_id": operation.change_set_id,
        "position": operation.position,
        "system": operation.system,
        "number": operation.number,
        "key": operation.ref.key,
    }


# --- per system --------------------------------------------------------------------------------------


def counts_by_system(
    session: Session, change_set: ChangeSet
) -> Mapping[str, Mapping[OperationState, int]]:
    """Return how many operations of a change set are in each state, per system, in the order of the plan."""
    from recovery.reversing.touching import counts_by_system as counted

    with session.journal.reading() as connection:
        return counted(connection, change_set.id)


def show_by_system(session: Session, change_set: ChangeSet) -> None:
    """Show what is done in each system, where there are several: one may be back while another one waits."""
    counts = counts_by_system(session, change_set)
    if len(counts) < 2:
        return
    from recovery.states import SETTLED, OperationState

    language = session.language
    columns = [
        Column(language.say(N_("System")), is_whole=True),
        Column(language.say(N_("Done")), is_number=True),
        Column(language.say(N_("Not done")), is_number=True),
        Column(language.say(N_("Waits")), is_number=True),
    ]
    rows = []
    for system, states in counts.items():
        done = states.get(OperationState.CONFIRMED, 0)
        settled = sum(count for state, count in states.items() if state in SETTLED)
        waits = sum(states.values()) - settled
        rows.append([system, str(done), str(settled - done), str(waits)])
    session.output.table(Table(columns, rows))
