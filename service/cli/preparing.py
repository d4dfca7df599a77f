"""`storno systems prepare`: let Storno install in a system what makes its writes safer, or remove it again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.text import N_, text
from service.cli.plan_view import show_rows, show_totals
from service.cli.running import approve_and_carry_out
from service.cli.session import Session
from service.problems import Exit

if TYPE_CHECKING:
    from closing.preparation import Preparation


def prepare_system(session: Session) -> int:
    """Show what would be installed, ask, install it as a change set, read it back."""
    from closing.preparation import draw_preparation
    from closing.report import rows, summarize

    arguments, output, services = session.arguments, session.output, session.services
    system = session.system(arguments.name)
    found = draw_preparation(
        system, actor=services.actor, today=services.today, remove=arguments.remove
    )
    drawn = found.plan
    summary = summarize(drawn.draft.details)
    if not output.is_json:
        _show_contents(session, found)
        show_rows(session, rows(drawn.operations, drawn.exceptions), drawn.draft.details)
        show_totals(session, drawn.draft.details)
    if arguments.preview or not summary.ready:
        documents = [row.as_dict() for row in rows(drawn.operations, drawn.exceptions)]
        output.document(
            {"summary": summary.as_dict(), "contents": found.contents, "documents": documents}
        )
        return Exit.PERSON_NEEDED if summary.exceptions else Exit.DONE
    question = (
        N_("Remove this from {system}?") if arguments.remove else N_("Install this in {system}?")
    )
    if not session.confirm(session.language.say(text(question, system=system.name))):
        return Exit.PERSON_NEEDED
    return approve_and_carry_out(session, drawn)


def _show_contents(session: Session, found: Preparation) -> None:
    output = session.output
    for name, values in found.contents.items():
        output.line(name, style="bold")
        for key, value in values.items():
            output.line(f"{key}:")
            for line in str(value).splitlines():
                output.line(f"    {line}")
        output.say()
