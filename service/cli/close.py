"""`storno close`: plan, approve, run; worklists; open closed documents again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from core.errors import IllegalMove, NotFound
from core.text import N_, text
from service.cli.freeze_view import say_if_frozen
from service.cli.output import Column, Table
from service.cli.parser import Builder, Parser
from service.cli.plan_view import show_plan, show_totals
from service.cli.progress import Progress
from service.cli.queueing import add_queue, queue_up
from service.cli.reopening import reopen_documents
from service.cli.running import (
    carry_out,
    change_set_document,
    expiry,
    given_numbers,
    require_approval,
    require_known_way,
    shown_by,
)
from service.cli.session import Session
from service.cli.worklist import show_worklist
from service.problems import Exit

if TYPE_CHECKING:
    from config.closings import ClosingSettings
    from recovery.model import ChangeSet

LISTED_PLANS: Final = 20


def add(name: str, parser: Parser, builder: Builder) -> None:
    """Put the commands of the group into `parser`."""
    del name
    say = builder.translate
    commands = builder.group(parser)
    builder.command(
        commands,
        "list",
        list_closings,
        summary=N_("list the closings of storno.yaml and the plans that are open"),
        examples=["storno close list"],
    )
    plan = builder.command(
        commands,
        "plan",
        plan_closing,
        summary=N_("find what is ready, and say of the rest why it is not"),
        description=N_(
            "Reads the ERP and changes nothing in it. Exit code 1 says that there are exceptions."
        ),
        examples=[
            "storno close plan stale-quotations",
            "storno close plan stale-quotations PO0000001 PO0000002",
            "storno close plan stale-quotations --from numbers.xlsx --xlsx plan.xlsx",
        ],
    )
    plan.add_argument("closing", metavar="CLOSING", help=say(N_("name in storno.yaml")))
    _add_numbers(plan, builder)
    _add_xlsx(plan, builder)

    shown = _command_on_plan(builder, commands, "show", show, N_("show a plan again"))
    _add_xlsx(shown, builder)
    _command_on_plan(builder, commands, "approve", approve, N_("let a plan run, under your name"))
    reject = _command_on_plan(
        builder,
        commands,
        "reject",
        reject_plan,
        N_("say that a plan shall never run"),
        'storno close reject 0199a2b3-4c5d --reason "wrong week"',
    )
    _add_reason(reject, builder)
    run = _command_on_plan(
        builder, commands, "run", run_plan, N_("carry an approved plan out, and read back")
    )
    _add_yes(run, builder)
    add_queue(run, builder)
    worklist = _command_on_plan(
        builder,
        commands,
        "worklist",
        show_worklist,
        N_("list what people have to do on the screens of the ERP"),
    )
    _add_xlsx(worklist, builder)

    reopen = builder.command(
        commands,
        "reopen",
        reopen_documents,
        summary=N_("open closed documents again, whoever closed them"),
        description=N_(
            "Opens documents by what the ERP offers. What Storno itself closed is better taken back with"
            " `storno rollback`, which gives more back."
        ),
        examples=[
            'storno close reopen practice purchase_order PO0000001 --reason "closed too early"',
            'storno close reopen u8 purchase_order PO0000001 --lines 2 --reason "still to come"',
        ],
    )
    reopen.add_argument("system", metavar="SYSTEM", help=say(N_("name in storno.yaml")))
    reopen.add_argument("kind", metavar="KIND", help=say(N_("such as purchase_order")))
    _add_numbers(reopen, builder)
    reopen.add_argument(
        "--where", metavar="SQL", help=say(N_("closed documents for which this condition holds"))
    )
    reopen.add_argument(
        "--lines",
        nargs="+",
        metavar="LINE",
        default=[],
        help=say(
            N_(
                "of the one document, only these lines: their positions or keys; what follows from"
                " lines is worked out anew"
            )
        ),
    )
    reopen.add_argument(
        "--preview", action="store_true", help=say(N_("show what would be done, and do nothing"))
    )
    _add_reason(reopen, builder)
    _add_yes(reopen, builder)


def _command_on_plan(
    builder: Builder, commands: Any, name: str, run: Any, summary: str, example: str = ""
) -> Parser:
    command = builder.command(
        commands,
        name,
        run,
        summary=summary,
        examples=[example or f"storno close {name} 0199a2b3-4c5d"],
    )
    command.add_argument(
        "plan",
        metavar="PLAN",
        help=builder.translate(N_("its id, the beginning of it, or `last`")),
    )
    return command


def _add_numbers(parser: Parser, builder: Builder) -> None:
    say = builder.translate
    parser.add_argument(
        "numbers", nargs="*", metavar="NUMBER", help=say(N_("only documents with these numbers"))
    )
    parser.add_argument(
        "--from",
        dest="file",
        metavar="FILE",
        type=Path,
        help=say(N_("only the numbers in this file: Excel, CSV, or one a line")),
    )


def _add_xlsx(parser: Parser, builder: Builder) -> None:
    parser.add_argument(
        "--xlsx",
        metavar="FILE",
        type=Path,
        help=builder.translate(N_("write an Excel file, too")),
    )


def _add_reason(parser: Parser, builder: Builder) -> None:
    parser.add_argument(
        "--reason",
        metavar="TEXT",
        required=True,
        help=builder.translate(N_("why; kept in the journal")),
    )


def _add_yes(parser: Parser, builder: Builder) -> None:
    parser.add_argument(
        "-y", "--yes", action="store_true", help=builder.translate(N_("do not ask"))
    )


# --- plans ----------------------------------------------------------------------------------------


def list_closings(session: Session) -> int:
    """List the closings, and the plans that wait for something."""
    from recovery.model import Purpose
    from recovery.states import ChangeSetState

    output, language = session.output, session.language
    closings = [
        {
            "name": name,
            "title": closing.title or name,
            "system": closing.system,
            "kind": closing.kind,
            "routes": [
                {"name": route.name, "action": route.action, "executor": route.executor}
                for route in closing.routes
            ],
        }
        for name, closing in session.settings.closings.items()
    ]
    waiting = {
        ChangeSetState.PLANNED,
        ChangeSetState.AWAITING_APPROVAL,
        ChangeSetState.APPROVED,
        ChangeSetState.RUNNING,
        ChangeSetState.PAUSED,
    }
    plans = session.journal.change_sets(states=waiting, purpose=Purpose.CLOSING, limit=LISTED_PLANS)
    if not closings:
        output.say(N_("storno.yaml names no closing."))
    else:
        titles = (N_("Closing"), N_("Title"), N_("System"), N_("Kind"))
        rows = [
            [str(c["name"]), str(c["title"]), str(c["system"]), language.word(str(c["kind"]))]
            for c in closings
        ]
        output.table(Table([Column(language.say(title)) for title in titles], rows))
    if plans:
        output.say()
        output.say(N_("Open plans"), style="bold")
        _show_plans(session, plans)
    output.document(
        {"closings": closings, "change_sets": [change_set_document(plan) for plan in plans]}
    )
    return Exit.DONE


def _show_plans(session: Session, plans: list[ChangeSet]) -> None:
    output, language = session.output, session.language
    columns = [
        Column(language.say(N_("Plan")), is_whole=True),
        Column(language.say(N_("Title"))),
        Column(language.say(N_("State")), is_whole=True),
        Column(language.say(N_("Operations")), is_number=True),
        Column(language.say(N_("Good until")), is_whole=True),
    ]
    rows = [
        [
            plan.short_id,
            language.word(plan.title),
            language.word(plan.state.value),
            str(plan.operation_count),
            "-" if plan.expires_at is None else language.moment(plan.expires_at),
        ]
        for plan in plans
    ]
    output.table(Table(columns, rows))


def plan_closing(session: Session) -> int:
    """Make a plan and show it."""
    from closing import plan as planning

    arguments, services = session.arguments, session.services
    settings = _closing(session, arguments.closing)
    numbers = given_numbers(session)
    system = session.system(settings.system)
    with Progress(session.output, N_("Looking at documents")) as progress:
        change_set = planning.plan_closing(
            session.journal,
            system,
            arguments.closing,
            settings,
            actor=services.actor,
            today=services.today,
            numbers=numbers,
            expires_at=expiry(session),
            zone=str(session.settings.zone),
            progress=shown_by(progress),
        )
    return _present(session, change_set)


def _closing(session: Session, name: str) -> ClosingSettings:
    closings = session.settings.closings
    if name not in closings:
        raise NotFound(
            N_("There is no closing {name!r} in storno.yaml. Known: {known}"),
            what="closing",
            name=name,
            known=", ".join(closings) or "-",
        )
    return closings[name]


def _present(session: Session, change_set: ChangeSet) -> int:
    """Show a plan, write its Excel file, tell by the exit code whether there are exceptions."""
    from closing.report import rows, summarize

    journal, output = session.journal, session.output

    def found() -> Any:
        return rows(journal.operations(change_set.id), journal.exceptions(change_set.id))

    if not output.is_json:
        show_plan(session, change_set)
        say_if_frozen(session, change_set)
    path = getattr(session.arguments, "xlsx", None)
    if path is not None:
        from closing.sheets import write_xlsx

        count = write_xlsx(found(), path, translate=session.language.translate)
        output.say(text(N_("Written: {file} ({count} rows)"), file=str(path), count=count))
    summary = summarize(change_set.details)
    output.document(
        {
            "change_set": change_set_document(change_set),
            "summary": summary.as_dict(),
            "documents": (row.as_dict() for row in found()),
            "file": path,
        }
    )
    return Exit.PERSON_NEEDED if summary.exceptions else Exit.DONE


def show(session: Session) -> int:
    """Show a plan again; nothing is read from the ERP."""
    return _present(session, session.journal.change_set(session.arguments.plan))


def approve(session: Session) -> int:
    """Approve a plan as it stands."""
    from recovery.approval import approve as approve_plan

    output = session.output
    change_set = session.journal.change_set(session.arguments.plan)
    if not change_set.operation_count:
        raise IllegalMove(
            N_("Plan {name} has nothing that is ready, so there is nothing to approve."),
            name=change_set.short_id,
        )
    approved = approve_plan(session.journal, change_set.id, session.services.actor)
    if not output.is_json:
        show_totals(session, approved.details, approved.expires_at, has_notes=False)
        output.say(
            text(
                N_("Plan {name} is approved by {person} (a claimed name)."),
                name=approved.short_id,
                person=session.services.actor.name,
            ),
            style="green",
        )
        output.command(f"storno close run {approved.short_id}")
    output.document({"change_set": change_set_document(approved)})
    return Exit.DONE


def reject_plan(session: Session) -> int:
    """Reject a plan; it will never run."""
    from recovery.approval import reject

    change_set = session.journal.change_set(session.arguments.plan)
    rejected = reject(
        session.journal, change_set.id, session.services.actor, session.arguments.reason
    )
    session.output.say(
        text(N_("Plan {name} is rejected and will never run."), name=rejected.short_id)
    )
    session.output.document({"change_set": change_set_document(rejected)})
    return Exit.DONE


def run_plan(session: Session) -> int:
    """Run an approved plan after one question."""
    from recovery.stopping.frozen import require_thawed

    change_set = session.journal.change_set(session.arguments.plan)
    require_known_way(session, change_set)
    require_thawed(session.journal, change_set.id, runner=session.services.actor.name)
    if not session.confirm(
        session.language.ngettext(
            "Carry out {count} operation in {system} as {user}?",
            "Carry out {count} operations in {system} as {user}?",
            change_set.operation_count,
            system=change_set.details.get("system", "-"),
            user=change_set.details.get("acting_as") or "-",
        )
    ):
        return Exit.PERSON_NEEDED
    approved = require_approval(session, change_set)
    return queue_up(session, approved) if session.arguments.queue else carry_out(session, approved)
