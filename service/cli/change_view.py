"""A change set for a person: what was done to each document, field by field, and what somebody else did."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations, islice
from typing import TYPE_CHECKING, Any, Final

from core.text import N_, text
from service.cli.created_view import show_created, taken_back
from service.cli.output import Column, Table
from service.cli.plan_view import action_titles
from service.cli.running import (
    counts_text,
    state_word,
)
from service.cli.session import Session

if TYPE_CHECKING:
    from connectors.contract import Image
    from recovery.at_rest.pruned import Pruned
    from recovery.at_rest.retention import Hold
    from recovery.model import ChangeSet, FieldDifference, Operation

SHOWN_ON_SCREEN: Final = 20
LOADED_AT_ONCE: Final = 200

Evidence = tuple["Operation", "Image | None", "Image | None"]


def value_text(session: Session, value: Any) -> str:
    """Return the value of an ERP's field as a person reads it; nothing and the empty text are told apart."""
    from datetime import datetime
    from decimal import Decimal

    match value:
        case None:
            return "-"
        case "":
            return '""'
        case Decimal():
            return format(value, "f")
        case datetime():
            return session.language.moment(value)
        case tuple():
            return ", ".join(str(part) for part in value)
        case bytes():
            return session.language.ngettext("{count} byte", "{count} bytes", len(value))
        case _:
            return str(value)


def value_texts(session: Session, values: Sequence[Any]) -> list[str]:
    """Return the values of one field side by side, texts in quotes where nobody would see what tells them apart.

    That is so where two differ in blanks alone, and where a text of nothing but blanks stands for nothing.
    """
    shown = [value_text(session, value) for value in values]
    bare = [each.strip() for each in shown]
    texts = [value for value in values if isinstance(value, str)]
    is_hidden = any(value and not value.strip() for value in texts) or any(
        a != b and c == d
        for (a, c), (b, d) in combinations(zip(values, bare, strict=True), 2)
        if isinstance(a, str) or isinstance(b, str)
    )
    if not is_hidden:
        return shown
    return [
        f'"{value}"' if isinstance(value, str) else text_
        for value, text_ in zip(values, shown, strict=True)
    ]


def with_images(session: Session, operations: Iterator[Operation]) -> Iterator[Evidence]:
    """Yield operations with their before and after images, a few hundred at a time; without them once pruned."""
    from recovery.at_rest.pruned import find_pruned

    journal = session.journal
    while chunk := list(islice(operations, LOADED_AT_ONCE)):
        pruned = find_pruned(journal, {op.change_set_id for op in chunk})
        kept = [op for op in chunk if op.change_set_id not in pruned]
        images = journal.images({h for op in kept for h in (op.before_hash, op.after_hash)})
        for operation in chunk:
            yield (
                operation,
                images.get(operation.before_hash or ""),
                images.get(operation.after_hash or ""),
            )


def show_head(session: Session, change_set: ChangeSet) -> None:
    """Show who did what when, and how far it came."""
    output, language = session.output, session.language
    counts = session.journal.counts(change_set.id)
    output.say(
        text(
            N_("Change set {name}: {title} ({state})"),
            name=change_set.short_id,
            title=session.language.word(change_set.title),
            state=change_set.state.value,
        ),
        style="bold",
    )
    approved = ""
    if change_set.approved_by is not None:
        approved = f"{change_set.approved_by.name} ({language.word(change_set.approved_by.how)})"
    output.facts(
        [
            (N_("Id"), change_set.id),
            (N_("Purpose"), language.word(change_set.purpose.value)),
            (N_("Made by"), f"{change_set.actor.name} ({language.word(change_set.actor.how)})"),
            (N_("Made at"), language.moment(change_set.created_at)),
            (N_("Reason"), change_set.reason or ""),
            (N_("Takes back"), ", ".join(each[:13] for each in taken_back(session, change_set))),
            (N_("Approved by"), approved),
            (N_("Began"), _moment(session, change_set.started_at)),
            (N_("Ended"), _moment(session, change_set.finished_at)),
            (N_("Operations"), counts_text(session, change_set, counts)),
            (N_("Note"), "" if change_set.note is None else language.say(change_set.note)),
        ]
    )
    _show_retention(session, change_set)
    later = session.journal.change_sets(reverses_id=change_set.id)
    for each in later:
        output.say(
            text(
                N_("Taken back by change set {name} ({state})."),
                name=each.short_id,
                state=each.state.value,
            )
        )


def retention_of(session: Session, change_set: ChangeSet) -> tuple[Pruned | None, Hold | None]:
    """Return when its images were pruned, and why they are held."""
    from recovery.at_rest.pruned import find_pruned
    from recovery.at_rest.retention import find_hold

    journal = session.journal
    return find_pruned(journal, [change_set.id]).get(change_set.id), find_hold(
        journal, change_set.id
    )


def _show_retention(session: Session, change_set: ChangeSet) -> None:
    pruned, held = retention_of(session, change_set)
    language, output = session.language, session.output
    if pruned is not None:
        said = text(
            N_(
                "Its images were pruned on {pruned_at} by {person}: fields cannot be shown any more, and it"
                " cannot be taken back."
            ),
            pruned_at=language.moment(pruned.pruned_at),
            person=pruned.pruned_by,
        )
        output.say(said, style="yellow")
    if held is not None:
        output.say(
            text(
                N_("Its images are held since {held_at} by {person}: {reason}"),
                held_at=language.moment(held.held_at),
                person=held.held_by,
                reason=held.reason,
            )
        )


def _moment(session: Session, moment: Any) -> str:
    return "" if moment is None else session.language.moment(moment)


def show_operations(
    session: Session, change_set: ChangeSet, operations: Iterator[Operation]
) -> None:
    """Show every operation: what was done, its state, each field before and after."""
    output = session.output
    limit = SHOWN_ON_SCREEN if output.is_terminal else None
    titles = action_titles(change_set.details)
    actions = change_set.details.get("actions") or {}
    has_trace = bool(getattr(session.arguments, "trace", False))
    every = _with_end(session, change_set, with_images(session, operations))
    for shown, (evidence, is_gone) in enumerate(every):
        if shown == limit:
            output.note(
                text(
                    N_(
                        "There are more; one document: storno changes show {name} --document NUMBER"
                    ),
                    name=change_set.short_id,
                )
            )
            return
        action = actions.get(evidence[0].step.action) or {}
        hidden = {} if has_trace else action.get("trace_fields") or {}
        _show_operation(session, evidence, titles, action, hidden, is_gone=is_gone)


def _with_end(
    session: Session, change_set: ChangeSet, found: Iterator[Evidence]
) -> Iterator[tuple[Evidence, bool]]:
    """Yield with each operation whether it was taken back, where only some of them were."""
    is_in_part = change_set.state.value == "partly_rolled_back"
    while chunk := list(islice(found, SHOWN_ON_SCREEN)):
        ids = [evidence[0].id for evidence in chunk if evidence[0].state.value == "confirmed"]
        gone = set(ids) - set(session.journal.standing(ids)) if is_in_part else set[str]()
        yield from ((evidence, evidence[0].id in gone) for evidence in chunk)


def _show_operation(
    session: Session,
    evidence: Evidence,
    titles: Mapping[str, Any],
    about: Mapping[str, Any],
    hidden: Mapping[str, Sequence[str]],
    *,
    is_gone: bool,
) -> None:
    labels: Labels = about.get("labels") or {}
    output, language = session.output, session.language
    operation, before, after = evidence
    action = operation.step.action
    said = language.say(titles[action]) if action in titles else action
    state = state_word(session, operation)
    if is_gone:
        state = ", ".join((state, language.say(N_("taken back"))))
    output.say()
    output.line(
        f"{operation.position}. {operation.called}: {said} [{state}]",
        style="bold",
    )
    if operation.reason is not None:
        output.line(f"   {language.say(operation.reason)}")
    show_created(session, evidence, about)
    every = field_changes(operation, before, after)
    found = [each for each in every if each[0].field not in hidden.get(each[0].ref.model, ())]
    if found:
        columns = [
            Column(language.say(N_("Record"))),
            Column(language.say(N_("Field")), is_whole=True),
            Column(language.say(N_("Before"))),
            Column(language.say(N_("After"))),
            Column(language.say(N_("Whose"))),
        ]
        rows = [
            [
                str(change.ref),
                field_text(labels, change.ref.model, change.field),
                *value_texts(
                    session,
                    [
                        output.shown(change.ref.model, change.field, value)
                        for value in (change.before, change.after)
                    ],
                ),
                language.say(N_("somebody else")) if is_foreign else "",
            ]
            for change, is_foreign in found
        ]
        if not any(row[-1] for row in rows):
            columns.pop()
            rows = [row[:-1] for row in rows]
        output.table(Table(columns, rows))
    if len(found) < len(every):
        count = len(every) - len(found)
        output.say(text(N_("and {count} fields of trace (all of them: --trace)"), count=count))
    elif before is not None and after is None:
        output.say(N_("The before image is stored; nothing was read afterwards."))
    _show_found(session, operation, labels)


def field_changes(
    operation: Operation, before: Image | None, after: Image | None
) -> list[tuple[FieldDifference, bool]]:
    """Return every field that differs, and whether it is somebody else's."""
    from recovery.images import differences

    if before is None or after is None:
        return []
    foreign = {
        (row["model"], row["key"], row["field"]) for row in operation.result.get("foreign") or ()
    }
    return [
        (change, (change.ref.model, change.ref.key, change.field) in foreign)
        for change in differences(before, after)
    ]


def _show_found(session: Session, operation: Operation, labels: Labels) -> None:
    """Show what a rollback left, and the conflicts that kept one from being taken back."""
    output, language = session.output, session.language
    result, details = operation.result, operation.details
    if result.get("is_exact"):
        output.say(N_("Exactly as it was before."))
    for name, heading in (
        ("residue", N_("Residue: differs from what it was before")),
        ("recomputed", N_("Recomputed by the ERP")),
        ("kept", N_("Somebody else's, left alone")),
    ):
        rows: Sequence[Mapping[str, Any]] = result.get(name) or ()
        if rows:
            output.line(f"   {language.say(heading)}:")
            show_fields(session, rows, ("before", "after"), labels)
    _show_resolved(session, details, labels)


def _show_resolved(session: Session, details: Mapping[str, Any], labels: Labels) -> None:
    """Show what somebody else had changed, and how each field was resolved, by whom and why."""
    from service.cli.resolving import show_conflicts

    resolutions, conflicts = details.get("resolutions"), details.get("conflicts")
    if resolutions:
        session.output.say(N_("Changed by somebody else, and resolved:"))
        show_conflicts(session, resolutions, labels)
    elif conflicts:
        show_conflicts(session, conflicts, labels)


HEADINGS: Final = {
    "before": N_("Before"),
    "after": N_("After"),
    "ours": N_("Ours"),
    "now": N_("Now"),
    "will_be": N_("Will be"),
    "changed_by": N_("By"),
}


Labels = Mapping[str, Mapping[str, str]]
"""Per model the ERP's own words for fields."""


def field_text(labels: Labels, model: str, name: str) -> str:
    """Return a field's name with the ERP's own word for it, where there is one."""
    label = (labels.get(model) or {}).get(name)
    return name if label is None else f"{name} {label}"


def show_fields(
    session: Session,
    rows: Sequence[Mapping[str, Any]],
    names: Sequence[str],
    labels: Labels | None = None,
) -> None:
    """Show fields in a table: the record, the field, and its values under their headings."""
    language = session.language
    about = ["changed_by"] if any(row.get("changed_by") for row in rows) else []
    columns = [
        Column(language.say(N_("Record"))),
        Column(language.say(N_("Field")), is_whole=True),
        *(Column(language.say(HEADINGS[name])) for name in (*names, *about)),
    ]
    cells = [
        [
            f"{row['model']},{row['key']}",
            field_text(labels or {}, str(row["model"]), str(row["field"])),
            *value_texts(session, _shown(session, row, names)),
            *(value_text(session, row.get(name)) for name in about),
        ]
        for row in rows
    ]
    session.output.table(Table(columns, cells))


def _shown(session: Session, row: Mapping[str, Any], names: Sequence[str]) -> list[Any]:
    """Return values of a row as they may be shown: hidden ones are masked."""
    model, field = str(row["model"]), str(row["field"])
    return [session.output.shown(model, field, row.get(name)) for name in names]


def show_history(session: Session, change_set: ChangeSet) -> None:
    """Show when the change set moved where, and by whom."""
    output, language = session.output, session.language
    output.say()
    output.say(N_("History"), style="bold")
    columns = [
        Column(language.say(N_("When")), is_whole=True),
        Column(language.say(N_("State"))),
        Column(language.say(N_("By"))),
    ]
    rows = [
        [language.moment(move.moved_at), language.word(move.to_state), move.actor or ""]
        for move in session.journal.history(change_set.id)
        if move.subject in ("change_set", "run")
    ]
    output.table(Table(columns, rows))
