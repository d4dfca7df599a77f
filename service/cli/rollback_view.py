"""A rollback for a person before it is done: each document, what stands in its way, the totals per sort."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from core.text import N_, text
from service.cli.change_view import Labels, show_fields
from service.cli.output import Column, Table
from service.cli.resolving import show_conflicts
from service.cli.rollback_groups import place_document, rest_document, show_companions
from service.cli.session import Session

if TYPE_CHECKING:
    from recovery.model import FieldDifference
    from recovery.reversing.preview import RollbackItem, RollbackPreview
    from recovery.reversing.totals import Sort

SCREEN_ROWS: Final = 100
SCREEN_DETAILS: Final = 20


def show_preview(session: Session, found: RollbackPreview) -> None:
    """Show each document: what would happen, what stands in the way field by field, what stays; then the totals."""
    from recovery.reversing.preview import Status

    output, language = session.output, session.language
    asked = found.asked()
    items = asked[:SCREEN_ROWS] if output.is_terminal else asked
    several = {
        N_("System"): len({item.last.system for item in found.items}) > 1,
        N_("Change set"): len({item.last.change_set_id for item in asked}) > 1,
    }
    columns = [
        Column(language.say(N_("Number")), is_whole=True),
        *(Column(language.say(title), is_whole=True) for title, has in several.items() if has),
        Column(language.say(N_("What a rollback would do"))),
        Column(language.say(N_("Taken back")), is_whole=True),
        Column(language.say(N_("Reason"))),
    ]
    styles = {
        number: "" if item.status in {Status.CLEAN, Status.ALREADY_BACK} else "yellow"
        for number, item in enumerate(items)
    }
    rows = [
        [
            item.last.called,
            *([item.last.system] if several["System"] else []),
            *([item.last.change_set_id[:13]] if several["Change set"] else []),
            _status_text(session, item),
            _reversibility_text(session, item),
            "" if item.reason is None else language.say(item.reason),
        ]
        for item in items
    ]
    if found.offered or len(asked) < len(found.items):
        output.say(N_("Asked for"), style="bold")
    output.table(Table(columns, rows, {n: style for n, style in styles.items() if style}))
    if len(items) < len(asked):
        output.note(
            text(
                N_("{count} more documents; all of them: --json"),
                count=len(asked) - len(items),
            )
        )
    show_companions(session, found)
    _show_details(session, found)
    _show_totals(session, found)
    for note in dict.fromkeys(item.trace_note for item in found.items if item.trace_note):
        output.say(text(N_("Trace that stays: {note}"), note=text(note)))


def _reversibility_text(session: Session, item: RollbackItem) -> str:
    """Return how far a document comes back: not exactly, where a field is kept or added to."""
    language, count = session.language, item.resolved.otherwise_count
    said = language.word(item.reversibility.value)
    if not count or item.status.value != "clean":
        return said
    aside = language.ngettext("but for {count} field", "but for {count} fields", count)
    return f"{said}, {aside}"


def _status_text(session: Session, item: RollbackItem) -> str:
    from recovery.reversing.totals import sort_of

    language = session.language
    said = _sort_text(session, sort_of(item))
    if not item.lines:
        return said
    lines = text(N_("lines {lines}"), lines=", ".join(ref.key for ref in item.lines))
    return f"{said} ({language.say(lines)})"


def _sort_text(session: Session, sort: Sort) -> str:
    # Harmless business says for itself what happened; the document will be as it was.
    return session.language.word("as_before" if sort.value == "harmless" else sort.value)


def _show_totals(session: Session, found: RollbackPreview) -> None:
    """Show how many documents are of which sort, and what happened to them since."""
    from recovery.reversing.totals import totals

    output, language = session.output, session.language
    counted = totals(found.items)
    output.say()
    output.say(N_("Totals"), style="bold")
    columns = [
        Column(language.say(N_("What a rollback would do"))),
        Column(language.say(N_("What happened since"))),
        Column(language.say(N_("Documents")), is_number=True, is_whole=True),
        Column(language.say(N_("Other values than before")), is_number=True, is_whole=True),
    ]
    rows = [
        [
            _sort_text(session, each.sort),
            "; ".join(language.say(happened) for happened in each.happened),
            str(each.count),
            str(each.differing) if each.differing else "",
        ]
        for each in counted
    ]
    for place in (3, 1):
        if not any(row[place] for row in rows):
            columns.pop(place)
            rows = [[*row[:place], *row[place + 1 :]] for row in rows]
    output.table(Table(columns, rows))
    output.line(
        language.say(
            text(
                N_("{count} of {all} documents can be taken back."),
                count=sum(1 for item in found.items if item.status.value == "clean"),
                all=len(found.items),
            )
        )
    )


def _show_details(session: Session, found: RollbackPreview) -> None:
    output = session.output
    spoken = [
        item for item in found.items if item.conflicts or item.later or item.kept or item.recomputed
    ]
    # What a person must look at comes before what goes back anyhow.
    spoken.sort(key=lambda item: item.status.value == "clean")
    limit = SCREEN_DETAILS if output.is_terminal else len(spoken)
    for item in spoken[:limit]:
        _show_item(session, item, found.actions)
    if len(spoken) > limit:
        output.note(
            text(
                N_("{count} more documents with details; all of them: --json"),
                count=len(spoken) - limit,
            )
        )


def _show_item(session: Session, item: RollbackItem, actions: Mapping[str, Any]) -> None:
    from recovery.conflicts.targets import conflict_row

    output, language = session.output, session.language
    labels: Labels = (actions.get(item.last.step.action) or {}).get("labels") or {}
    output.say()
    output.line(item.last.called, style="bold")
    for later in item.later:
        output.line(f"  {language.say(later.text)} ({language.word(later.effect.value)})")
    if item.conflicts and (item.status.value != "clean" or item.resolved.decided):
        output.say(N_("Changed by somebody else after Storno:"))
        show_conflicts(session, [conflict_row(each) for each in item.conflicts], labels)
        _offer_ways(session, item)
    if item.recomputed:
        output.say(N_("Worked out anew, from what is there now:"))
        show_fields(session, _changes(item.recomputed), ("before", "will_be"), labels)
    if item.kept:
        output.say(N_("Somebody else's, left alone:"))
        show_fields(session, _changes(item.kept), ("ours", "now"), labels)


def _offer_ways(session: Session, item: RollbackItem) -> None:
    """Say how a document in conflict can be resolved."""
    if item.status.value != "conflict":
        return
    for each in item.conflicts:
        resolution = each.resolution
        if resolution is not None and resolution.problem is not None:
            said = text(N_("{field}: {problem}"), field=each.field, problem=resolution.problem)
            session.output.line(f"  {session.language.say(said)}")
        elif resolution is None or resolution.way.value == "ask":
            ways = ", ".join(f"--resolve {each.field}={way}" for way in each.ways if way != "ask")
            if ways:
                session.output.note(
                    text(N_("{field} can be resolved: {ways}"), field=each.field, ways=ways)
                )


def _changes(found: Iterable[FieldDifference]) -> Sequence[dict[str, Any]]:
    return [
        {
            "model": change.ref.model,
            "key": change.ref.key,
            "field": change.field,
            "before": change.before,
            "ours": change.before,
            "now": change.after,
            "will_be": change.after,
        }
        for change in found
    ]


def preview_document(found: RollbackPreview) -> dict[str, Any]:
    """Return a preview for `--json`."""
    from recovery.reversing.preview import Status
    from recovery.reversing.totals import totals

    return {
        "reverses": found.reverses_id,
        "statuses": {status.value: len(found.with_status(status)) for status in Status},
        "totals": [
            {name: getattr(each, name) for name in each.__slots__} for each in totals(found.items)
        ],
        "documents": [_item_document(item) for item in found.items],
        "offered": [_item_document(item) for item in found.offered],
        "notes": found.notes,
        "circles": [[place_document(each) for each in circle] for circle in found.circles],
    }


def _item_document(item: RollbackItem) -> dict[str, Any]:
    from recovery.conflicts.targets import conflict_row
    from recovery.reversing.totals import sort_of

    return {
        "system": item.last.system,
        "kind": item.last.kind,
        "number": item.last.number,
        "model": item.last.ref.model,
        "key": item.last.ref.key,
        "change_set_id": item.last.change_set_id,
        "operations": [operation.position for operation in item.operations],
        "is_asked": item.is_asked,
        "rests_on": [rest_document(each) for each in item.upon],
        "rest_on_it": [rest_document(each) for each in item.under],
        "stay": [place_document(each) for each in item.stay],
        "lines": [ref.key for ref in item.lines],
        "status": item.status,
        "sort": sort_of(item),
        "reversibility": item.reversibility,
        "executor": item.executor,
        "reason": item.reason,
        "conflicts": [conflict_row(conflict) for conflict in item.conflicts],
        "later_business": [{"effect": later.effect, "text": later.text} for later in item.later],
        "kept": _plain(item.kept),
        "recomputed": _plain(item.recomputed),
        "steps": [step.action for step, _ in item.steps],
    }


def _plain(found: Iterable[FieldDifference]) -> list[dict[str, Any]]:
    return [
        {
            "model": change.ref.model,
            "key": change.ref.key,
            "field": change.field,
            "before": change.before,
            "after": change.after,
        }
        for change in found
    ]
