"""A rollback for a person before it is done: each document, what stands in its way, the totals per sort."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from core.text import N_, text
from service.cli.change_view import Labels, show_fields
from service.cli.output import Column, Table
from service.cli.session import Session

if TYPE_CHECKING:
    from recovery.model import FieldDifference
    from recovery.preview import RollbackItem, RollbackPreview
    from recovery.totals import Sort

SCREEN_ROWS: Final = 100
SCREEN_DETAILS: Final = 20


def show_preview(session: Session, found: RollbackPreview) -> None:
    """Show each document: what would happen, what stands in the way field by field, what stays; then the totals."""
    from recovery.preview import Status

    output, language = session.output, session.language
    items = found.items[:SCREEN_ROWS] if output.is_terminal else found.items
    columns = [
        Column(language.say(N_("Number")), is_whole=True),
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
            _status_text(session, item),
            language.word(item.reversibility.value),
            "" if item.reason is None else language.say(item.reason),
        ]
        for item in items
    ]
    output.table(Table(columns, rows, {n: style for n, style in styles.items() if style}))
    if len(items) < len(found.items):
        output.note(
            text(
                N_("{count} more documents; all of them: --json"),
                count=len(found.items) - len(items),
            )
        )
    _show_details(session, found)
    _show_totals(session, found)
    for note in dict.fromkeys(item.trace_note for item in found.items if item.trace_note):
        output.say(text(N_("Trace that stays: {note}"), note=text(note)))


def _status_text(session: Session, item: RollbackItem) -> str:
    from recovery.totals import sort_of

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
    from recovery.totals import totals

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
    output, language = session.output, session.language
    labels: Labels = (actions.get(item.last.step.action) or {}).get("labels") or {}
    output.say()
    output.line(item.last.called, style="bold")
    for later in item.later:
        output.line(f"  {language.say(later.text)} ({language.word(later.effect.value)})")
    if item.conflicts and item.status.value == "conflict":
        output.say(N_("Changed by somebody else after Storno:"))
        show_fields(
            session,
            [_conflict(each) for each in item.conflicts],
            ("before", "ours", "now"),
            labels,
        )
    if item.recomputed:
        output.say(N_("Worked out anew, from what is there now:"))
        show_fields(session, _changes(item.recomputed), ("before", "will_be"), labels)
    if item.kept:
        output.say(N_("Somebody else's, left alone:"))
        show_fields(session, _changes(item.kept), ("ours", "now"), labels)


def _conflict(conflict: Any) -> dict[str, Any]:
    return {
        "model": conflict.ref.model,
        "key": conflict.ref.key,
        **{
            name: getattr(conflict, name)
            for name in ("field", "before", "ours", "now", "changed_by", "changed_at")
        },
    }


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
    from recovery.preview import Status
    from recovery.totals import sort_of, totals

    return {
        "reverses": found.reverses_id,
        "statuses": {status.value: len(found.with_status(status)) for status in Status},
        "totals": [
            {name: getattr(each, name) for name in each.__slots__} for each in totals(found.items)
        ],
        "documents": [
            {
                "system": item.last.system,
                "kind": item.last.kind,
                "number": item.last.number,
                "model": item.last.ref.model,
                "key": item.last.ref.key,
                "lines": [ref.key for ref in item.lines],
                "status": item.status,
                "sort": sort_of(item),
                "reversibility": item.reversibility,
                "executor": item.executor,
                "reason": item.reason,
                "conflicts": [_conflict(conflict) for conflict in item.conflicts],
                "later_business": [
                    {"effect": later.effect, "text": later.text} for later in item.later
                ],
                "kept": _plain(item.kept),
                "recomputed": _plain(item.recomputed),
                "steps": [step.action for step, _ in item.steps],
            }
            for item in found.items
        ],
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
