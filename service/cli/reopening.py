"""`storno close reopen`: open closed documents again, whoever closed them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.errors import BadInput
from core.text import N_, text
from service.cli.freeze_view import freezes_on
from service.cli.plan_view import show_rows, show_totals
from service.cli.progress import Progress
from service.cli.running import approve_and_carry_out, expiry, given_numbers, shown_by
from service.cli.session import Session
from service.problems import Exit

if TYPE_CHECKING:
    from closing.drawing import DrawnPlan


def reopen_documents(session: Session) -> int:
    """Open closed documents again: shown first, then one question, then done and read back."""
    from closing.report import rows, summarize

    arguments, output = session.arguments, session.output
    drawn = _draw_reopening(session)
    summary = summarize(drawn.draft.details)
    if not output.is_json:
        show_rows(session, rows(drawn.operations, drawn.exceptions), drawn.draft.details)
        show_totals(session, drawn.draft.details)
    in_the_way = freezes_on(session, drawn.operations)
    if arguments.preview or not summary.ready:
        if not arguments.preview:
            output.say(N_("None of these documents can be opened again now."))
        found = rows(drawn.operations, drawn.exceptions)
        output.document(
            {"summary": summary.as_dict(), "documents": (row.as_dict() for row in found)}
        )
        return Exit.PERSON_NEEDED if summary.exceptions else Exit.DONE
    if in_the_way:
        raise in_the_way[0].error()
    if not session.confirm(
        session.language.ngettext(
            "Open {count} document again?", "Open {count} documents again?", summary.ready
        )
    ):
        return Exit.PERSON_NEEDED
    code = approve_and_carry_out(session, drawn)
    return Exit.PERSON_NEEDED if summary.exceptions else code


def _draw_reopening(session: Session) -> DrawnPlan:
    from closing.plan import draw_reopening
    from service.cli.documents import kind_of

    arguments, services = session.arguments, session.services
    if not arguments.reason.strip():
        raise BadInput(source="--reason", problem=text(N_("a reason is needed")))
    kind = kind_of(arguments.kind)
    numbers = given_numbers(session)
    system = session.system(arguments.system)
    with Progress(session.output, N_("Looking at documents")) as progress:
        return draw_reopening(
            system,
            kind,
            actor=services.actor,
            reason=arguments.reason,
            today=services.today,
            numbers=numbers,
            where=arguments.where,
            lines=tuple(arguments.lines),
            expires_at=expiry(session),
            zone=str(session.settings.zone),
            progress=shown_by(progress),
            journal=session.journal,
        )
