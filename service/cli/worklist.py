"""`storno close worklist`: what people have to do on the screens of the ERP."""

from __future__ import annotations

from core.text import N_, text
from service.cli.output import Column, Table
from service.cli.running import change_set_document
from service.cli.session import Session
from service.problems import Exit


def show_worklist(session: Session) -> int:
    """List what people have to do; also as an Excel file."""
    from recovery.worklist import worklist

    output, language = session.output, session.language
    change_set = session.journal.change_set(session.arguments.plan)
    items = list(worklist(session.journal, session.services.system, change_set.id))
    headings = [
        language.say(each)
        for each in (
            N_("No."),
            N_("Number"),
            N_("Where"),
            N_("What to press"),
            N_("Reason to type"),
            N_("State"),
        )
    ]
    rows = [
        [
            str(item.position),
            item.number or item.key,
            language.say(item.instruction.screen),
            language.say(item.instruction.press),
            language.say(item.instruction.reason),
            language.say(item.seen),
        ]
        for item in items
    ]
    path = session.arguments.xlsx
    if path is not None:
        from service.spreadsheet import write_xlsx

        count = write_xlsx(path, headings, rows)
        output.say(text(N_("Written: {file} ({count} rows)"), file=str(path), count=count))
    elif rows:
        columns = [
            Column(title, is_number=number == 0, is_whole=number == 1)
            for number, title in enumerate(headings)
        ]
        output.table(Table(columns, rows))
        if change_set.started_at is None:
            output.say(N_("The plan does not run yet: nothing may be pressed before it does."))
            output.command(f"storno close run {change_set.short_id}", why=N_("once it is approved"))
        else:
            output.command(
                f"storno changes resume {change_set.short_id}",
                why=N_("when it is done: reads back, and confirms or names what is missing"),
            )
    else:
        output.say(N_("No person has anything to do in this plan."))
    output.document(
        {
            "change_set": change_set_document(change_set),
            "worklist": [
                {
                    "position": item.position,
                    "system": item.system,
                    "kind": item.kind,
                    "number": item.number,
                    "key": item.key,
                    "screen": item.instruction.screen,
                    "press": item.instruction.press,
                    "reason": item.instruction.reason,
                    "state": item.state,
                    "seen": item.seen,
                }
                for item in items
            ],
        }
    )
    return Exit.DONE
