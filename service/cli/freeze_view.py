"""Freezes on the screen: which there are, what they stop, what is under way, who else writes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from core.text import N_, Text, text
from service.cli.output import Column, Table
from service.cli.running import change_set_document, operation_document
from service.cli.session import Session

if TYPE_CHECKING:
    from recovery.freezes import Freeze, Scope
    from recovery.model import ChangeSet, Operation, PlannedOperation
    from recovery.stopping.recent import RecentChange, Unseen


def freeze_document(found: Freeze) -> dict[str, Any]:
    """Return a freeze for `--json`."""
    return {
        "id": found.id,
        "scope": {each.name: getattr(found.scope, each.name) for each in fields(found.scope)},
        "spares_rollback": found.spares_rollback,
        "reason": found.reason,
        "frozen_by": found.frozen_by.name,
        "frozen_at": found.frozen_at,
        "thawed_by": None if found.thawed_by is None else found.thawed_by.name,
        "thawed_reason": found.thawed_reason,
        "thawed_at": found.thawed_at,
    }


def show_freezes(session: Session, found: Sequence[Freeze]) -> None:
    """List freezes, with who and why."""
    language = session.language
    columns = [
        Column(language.say(N_("Id")), is_whole=True),
        Column(language.say(N_("Scope"))),
        Column(language.say(N_("By")), is_whole=True),
        Column(language.say(N_("Since")), is_whole=True),
        Column(language.say(N_("Reason"))),
    ]
    lifted = any(each.thawed_at is not None for each in found)
    if lifted:
        columns.append(Column(language.say(N_("Thawed"))))
    rows = []
    for each in found:
        scope = str(each.scope)
        if each.spares_rollback:
            spared = language.say(N_("rollbacks go on"))
            scope += f" ({spared})"
        row = [
            each.short_id,
            scope,
            each.frozen_by.name,
            language.moment(each.frozen_at),
            each.reason,
        ]
        if lifted:
            by = "" if each.thawed_by is None else each.thawed_by.name
            at = "" if each.thawed_at is None else language.moment(each.thawed_at)
            row.append(f"{at} {by} {each.thawed_reason or ''}".strip())
        rows.append(row)
    session.output.table(Table(columns, rows))


def show_waiting(session: Session, scope: Scope, *, limit: int) -> list[dict[str, Any]]:
    """Show the change sets that have something in the scope still to be written; return them for `--json`."""
    from recovery.stopping import frozen

    language = session.language
    found = frozen.open_change_sets(session.journal, scope, limit=limit)
    if found:
        session.output.title(N_("Change sets that it stops"))
        columns = [
            Column(language.say(N_("Id")), is_whole=True),
            Column(language.say(N_("Title"))),
            Column(language.say(N_("State"))),
            Column(language.say(N_("Not sent")), is_number=True),
            Column(language.say(N_("By")), is_whole=True),
        ]
        rows = [
            [
                each.short_id,
                language.word(each.title),
                language.word(each.state.value),
                str(count),
                each.actor.name,
            ]
            for each, count in found
        ]
        session.output.table(Table(columns, rows))
    else:
        session.output.say(N_("No change set has anything in it that waits to be sent."))
    return [{"change_set": change_set_document(each), "not_sent": count} for each, count in found]


@dataclass(frozen=True, slots=True)
class Flight:
    """What is in flight: the operations, and the same for `--json`."""

    found: list[Operation]
    shown: list[dict[str, Any]]


def show_flight(session: Session, scope: Scope, *, limit: int) -> tuple[int, Flight]:
    """Show what was sent and has no outcome: a freeze cannot call it back."""
    from recovery.stopping import frozen

    output, language = session.output, session.language
    count, operations = frozen.in_flight(session.journal, scope, limit=limit)
    if not operations:
        output.say(N_("Nothing is in flight."))
        return 0, Flight([], [])
    output.title(text(N_("In flight: {count}. A freeze cannot call them back."), count=count))
    columns = [
        Column(language.say(N_("Change set")), is_whole=True),
        Column(language.say(N_("No.")), is_number=True),
        Column(language.say(N_("Number")), is_whole=True),
        Column(language.say(N_("System")), is_whole=True),
        Column(language.say(N_("State"))),
        Column(language.say(N_("Sent at")), is_whole=True),
    ]
    rows = [
        [
            each.change_set_id[:13],
            str(each.position),
            each.called,
            each.system,
            _state(session, each),
            "" if each.sent_at is None else language.moment(each.sent_at),
        ]
        for each in operations
    ]
    output.table(Table(columns, rows))
    for change_set_id in sorted({each.change_set_id for each in operations}):
        output.command(
            f"storno changes show {change_set_id[:13]}",
            why=N_("what became of them, when it is read"),
        )
    return count, Flight(operations, [operation_document(each) for each in operations])


def _state(session: Session, operation: Operation) -> str:
    from connectors.contract import Executor

    if operation.executor is Executor.BY_PERSON:
        return session.language.say(N_("on a person's worklist"))
    return session.language.word(operation.state.value)


def show_changes(
    session: Session, changes: Sequence[RecentChange], unseen: Sequence[Unseen]
) -> list[dict[str, Any]]:
    """Show who changed documents lately as their ERP tells; return it for `--json`."""
    output, language = session.output, session.language
    if changes:
        output.title(N_("Who changed them last, as the ERP tells"))
        columns = [
            Column(language.say(N_("System")), is_whole=True),
            Column(language.say(N_("Kind")), is_optional=True),
            Column(language.say(N_("Number")), is_whole=True),
            Column(language.say(N_("By"))),
            Column(language.say(N_("When")), is_whole=True),
        ]
        rows = [
            [
                each.system,
                language.word(each.kind),
                each.number,
                each.changed_by or "-",
                "-" if each.changed_at is None else language.moment(each.changed_at),
            ]
            for each in changes
        ]
        output.table(Table(columns, rows))
    elif not unseen:
        output.say(N_("The ERP does not tell who changed these documents last."))
    for each in unseen:
        output.say(
            text(
                N_("{system} could not be asked: {problem}"),
                system=each.system,
                problem=each.problem,
            ),
            style="yellow",
        )
    return [{name.name: getattr(each, name.name) for name in fields(each)} for each in changes]


def freeze_in_the_way(found: Freeze) -> Text:
    """Return what a plan or a preview says about a freeze that it would meet."""
    return text(
        N_(
            "Frozen by {person} ({scope}): {said}. Nothing of it is sent before: storno thaw {freeze}"
        ),
        person=found.frozen_by.name,
        scope=str(found.scope),
        said=found.reason,
        freeze=found.short_id,
    )


def say_if_frozen(session: Session, change_set: ChangeSet) -> None:
    """Say that a freeze stands in the way of a plan; it may be made, shown and approved all the same."""
    from recovery.stopping.frozen import in_the_way

    with session.journal.reading() as connection:
        found = in_the_way(connection, change_set.id, runner=session.services.actor.name)
    if found is not None:
        session.output.say(freeze_in_the_way(found), style="yellow")


def freezes_on(
    session: Session,
    operations: Iterable[Operation | PlannedOperation],
    *,
    takes_back: bool = False,
) -> list[Freeze]:
    """Show the freezes that new operations like these would meet, and return them."""
    from recovery.stopping.frozen import on_documents

    documents = ((each.system, each.kind.value, _called(each)) for each in operations)
    found = on_documents(
        session.journal, documents, person=session.services.actor.name, takes_back=takes_back
    )
    for each in found:
        session.output.say(freeze_in_the_way(each), style="yellow")
    return found


def freezes_on_rollback(session: Session, operations: Sequence[Operation]) -> list[Freeze]:
    """Show the freezes that taking these operations back would meet, and return them."""
    from recovery.model import Purpose

    origins = {each.change_set_id for each in operations}
    purposes = {session.journal.change_set(each).purpose for each in origins}
    return freezes_on(session, operations, takes_back=Purpose.ROLLBACK not in purposes)


def _called(operation: Operation | PlannedOperation) -> str:
    return operation.step.ref.key if operation.number is None else operation.number
