"""`storno audit`: is the journal what Storno wrote?"""

from __future__ import annotations

from core.text import N_, text
from service.cli.parser import Builder, Parser
from service.cli.session import Session
from service.problems import Exit


def add(name: str, parser: Parser, builder: Builder) -> None:
    """Put the commands of the group into `parser`."""
    del name
    commands = builder.group(parser)
    builder.command(
        commands,
        "verify",
        verify,
        summary=N_("check the audit chain, the plans and every image"),
        description=N_(
            "Finds a line that was edited, removed, inserted or put elsewhere, a plan that was edited after"
            " it was made, and an image that was altered."
        ),
        examples=["storno audit verify"],
    )


def verify(session: Session) -> int:
    """Verify the whole journal."""
    output = session.output
    report = session.journal.verify()
    if report.is_intact:
        output.say(N_("The audit chain is intact."), style="green")
    else:
        output.say(N_("The journal was changed by somebody else than Storno:"), style="red")
        for problem in report.problems:
            output.line(f"  {session.language.say(problem)}")
        output.say(N_("Keep this file as it is, and compare it with a backup."))
    output.say(
        text(
            N_("{lines} lines, {moves} moves, {images} images were checked."),
            lines=report.line_count,
            moves=report.move_count,
            images=report.image_count,
        )
    )
    output.document(
        {
            "is_intact": report.is_intact,
            "lines": report.line_count,
            "moves": report.move_count,
            "images": report.image_count,
            "problems": list(report.problems),
        }
    )
    return Exit.DONE if report.is_intact else Exit.PERSON_NEEDED
