"""`storno changes`: find change sets, show them, go on after a stop, settle what reading could not."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from core.errors import BadInput, NotFound, UsageError
from core.text import N_, text
from service.cli.change_document import change_document
from service.cli.change_view import show_head, show_history, show_operations
from service.cli.output import Column, Table
from service.cli.parser import Builder, Parser, one_of
from service.cli.queueing import add_queue, queue_up
from service.cli.running import (
    change_set_document,
    exit_of,
    operation_document,
    result_document,
    run_change_set,
    show_result,
)
from service.cli.session import Session
from service.problems import Exit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recovery.model import ChangeSet, Operation

DEFAULT_LIMIT: Final = 50
UNITS: Final = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_AGO: Final = re.compile(r"(\d{1,6})([mhdw])")
DECISIONS: Final = {"confirmed": "confirmed", "refused": "refused", "not_sent": "captured"}


def add(name: str, parser: Parser, builder: Builder) -> None:
    """Put the commands of the group into `parser`."""
    del name
    say = builder.translate
    commands = builder.group(parser)
    listed = builder.command(
        commands,
        "list",
        list_changes,
        summary=N_("find change sets, newest first"),
        examples=[
            "storno changes list --since 3h",
            "storno changes list --document PO0000001 --system practice",
        ],
    )
    listed.add_argument("--document", metavar="NUMBER", help=say(N_("that touched this document")))
    listed.add_argument(
        "--since", metavar="WHEN", help=say(N_("30m, 3h, 2d, 1w, or a date such as 2026-01-31"))
    )
    listed.add_argument("--by", metavar="NAME", help=say(N_("made or approved by this person")))
    listed.add_argument("--system", metavar="NAME", help=say(N_("in this system")))
    listed.add_argument(
        "--limit", type=int, default=DEFAULT_LIMIT, metavar="N", help=say(N_("at most so many"))
    )
    shown = builder.command(
        commands,
        "show",
        show_changes,
        summary=N_("show every field before and after"),
        description=N_(
            "Shows what was done, with before and after images field by field; what somebody else changed"
            " meanwhile; and what a rollback left behind. Without an id, --document finds the newest."
        ),
        examples=[
            "storno changes show 0199a2b3-4c5d",
            "storno changes show 0199a2b3-4c5d --document PO0000001",
            "storno changes show --document PO0000001",
        ],
    )
    shown.add_argument(
        "id", nargs="?", metavar="ID", help=say(N_("the beginning is enough; or `last`"))
    )
    shown.add_argument(
        "--trace",
        action="store_true",
        help=say(N_("also the fields that every write leaves: write date, last writer ...")),
    )
    shown.add_argument("--document", metavar="NUMBER", help=say(N_("only this document")))
    resumed = builder.command(
        commands,
        "resume",
        resume,
        summary=N_("go on with a change set that was paused or cut short"),
        description=N_(
            "First reads what became of operations that were sent, then goes on. Nothing is done twice."
        ),
        examples=["storno changes resume", "storno changes resume 0199a2b3-4c5d"],
    )
    resumed.add_argument(
        "id", nargs="?", metavar="ID", help=say(N_("not needed when only one waits"))
    )
    add_queue(resumed, builder)
    stopped = builder.command(
        commands,
        "stop",
        stop_change_set,
        summary=N_("end a change set that waits: what was not sent is left out for good"),
        description=N_(
            "What was done stays done and can be rolled back; what was not sent is left out; what nobody did"
            " of a worklist is refused. Its documents are free again."
        ),
        examples=['storno changes stop 0199a2b3-4c5d --reason "the supplier delivers after all"'],
    )
    stopped.add_argument("id", metavar="ID", help=say(N_("the change set")))
    stopped.add_argument(
        "--reason", required=True, metavar="TEXT", help=say(N_("why; kept in the journal"))
    )
    settled = builder.command(
        commands,
        "settle",
        settle,
        summary=N_("say what became of an operation that reading could not settle"),
        description=N_(
            "For operations in the state `a person must look`: look into the ERP, then say what you found."
        ),
        examples=[
            'storno changes settle 0199a2b3-4c5d 17 --as confirmed --reason "seen in the ERP"'
        ],
    )
    settled.add_argument("id", metavar="ID", help=say(N_("the change set")))
    settled.add_argument(
        "position", type=int, metavar="NO", help=say(N_("number of the operation in it"))
    )
    settled.add_argument(
        "--as",
        dest="decision",
        required=True,
        type=one_of(DECISIONS, "decision"),
        metavar="confirmed|refused|not-sent",
        help=say(N_("it happened; it did not and shall not; it did not and shall be sent again")),
    )
    settled.add_argument(
        "--reason", required=True, metavar="TEXT", help=say(N_("why; kept in the journal"))
    )


def list_changes(session: Session) -> int:
    """List change sets."""
    arguments, output = session.arguments, session.output
    since = None if arguments.since is None else read_since(session, arguments.since)
    found = session.journal.change_sets(
        since=since,
        by=arguments.by,
        system=arguments.system,
        number=arguments.document,
        limit=max(arguments.limit, 1),
    )
    language = (
        session.language
    )  # after the journal was opened: the reader's zone is known from then on
    if found:
        columns = [
            Column(language.say(N_("Id")), is_whole=True),
            Column(language.say(N_("When")), is_whole=True),
            Column(language.say(N_("Purpose")), is_whole=True),
            Column(language.say(N_("Title"))),
            Column(language.say(N_("State"))),
            Column(language.say(N_("Ops")), is_number=True),
            Column(language.say(N_("By")), is_whole=True, is_optional=True),
        ]
        rows = [
            [
                each.short_id,
                language.moment(each.created_at),
                language.word(each.purpose.value),
                language.word(each.title),
                language.word(each.state.value),
                str(each.operation_count),
                each.actor.name,
            ]
            for each in found
        ]
        output.table(Table(columns, rows))
    else:
        output.say(N_("There is no such change set."))
    output.document({"change_sets": [change_set_document(each) for each in found]})
    return Exit.DONE


def read_since(session: Session, written: str, option: str = "--since") -> datetime:
    """Return the moment that `3h` or a date means. Raises `BadInput`."""
    from core import clock

    ago = _AGO.fullmatch(written.strip().lower())
    if ago:
        return clock.now() - timedelta(**{UNITS[ago[2]]: int(ago[1])})
    try:
        moment = datetime.fromisoformat(written.strip())
    except ValueError:
        raise BadInput(
            source=option, problem=text(N_("neither like 3h or 2d, nor a date like 2026-01-31"))
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=session.settings.zone)


def show_changes(session: Session) -> int:
    """Show one change set, or what was done to one document."""
    arguments, output = session.arguments, session.output
    change_set = _wanted(session)
    operations = _operations(session, change_set)
    if output.is_json:
        output.document(change_document(session, change_set, operations))
        return Exit.DONE
    show_head(session, change_set)
    show_operations(session, change_set, operations)
    if arguments.document is None:
        show_history(session, change_set)
    return Exit.DONE


def _wanted(session: Session) -> ChangeSet:
    arguments = session.arguments
    if arguments.id is not None:
        return session.journal.change_set(arguments.id)
    if arguments.document is None:
        raise UsageError(N_("Name a change set by its id, or a document with --document."))
    found = session.journal.change_sets(number=arguments.document, limit=1)
    if not found:
        raise NotFound(
            N_("No change set touched a document {name!r}."),
            what="document",
            name=arguments.document,
        )
    return found[0]


def _operations(session: Session, change_set: ChangeSet) -> Iterator[Operation]:
    from recovery.reversing.touching import operations_made

    wanted = session.arguments.document
    operations = session.journal.operations(change_set.id)
    if wanted is None:
        return operations
    with session.journal.reading() as connection:
        made = set(connection.execute(operations_made(wanted)).scalars())
    found = [op for op in operations if wanted == op.called or op.id in made]
    if not found:
        raise NotFound(
            N_("Change set {change_set} did not touch a document {name!r}."),
            what="document",
            name=wanted,
            change_set=change_set.short_id,
        )
    return iter(found)


def resume(session: Session) -> int:
    """Settle what is in flight, then go on."""
    change_set = _resumable(session)
    if change_set is None:
        session.output.say(N_("No change set waits to be resumed."))
        session.output.document({"change_set": None})
        return Exit.DONE
    if session.arguments.queue:
        return queue_up(session, change_set)
    finished = run_change_set(
        session, change_set, text(N_("Going on with {name}"), name=change_set.short_id)
    )
    if not session.is_json:
        show_result(session, finished)
    session.output.document(result_document(session, finished))
    return exit_of(finished)


def _resumable(session: Session) -> ChangeSet | None:
    from recovery.states import ChangeSetState

    if session.arguments.id is not None:
        return session.journal.change_set(session.arguments.id)
    found = session.journal.change_sets(
        states={ChangeSetState.RUNNING, ChangeSetState.PAUSED}, limit=10
    )
    if len(found) > 1:
        raise UsageError(
            N_("Several change sets wait: {known}. Name one of them."),
            known=", ".join(each.short_id for each in found),
        )
    return found[0] if found else None


def stop_change_set(session: Session) -> int:
    """End a change set that waits."""
    from recovery.apply import stop

    change_set = session.journal.change_set(session.arguments.id)
    finished = stop(
        session.journal,
        session.services.system,
        change_set.id,
        actor=session.services.actor,
        reason=session.arguments.reason,
        options=session.services.run_options,
    )
    if not session.is_json:
        show_result(session, finished)
    session.output.document(result_document(session, finished))
    return Exit.DONE


def settle(session: Session) -> int:
    """Store what a person found in the ERP."""
    from recovery.doubt import decide
    from recovery.states import OperationState

    arguments, output = session.arguments, session.output
    change_set = session.journal.change_set(arguments.id)
    operation = decide(
        session.journal,
        session.services.system,
        change_set.id,
        arguments.position,
        to=OperationState(DECISIONS[arguments.decision]),
        actor=session.services.actor,
        reason=arguments.reason,
    )
    output.say(
        text(
            N_("Operation {position} is {state}."),
            position=operation.position,
            state=operation.state.value,
        )
    )
    output.command(f"storno changes resume {change_set.short_id}")
    output.document(
        {
            "change_set": change_set_document(session.journal.change_set(change_set.id)),
            "operation": operation_document(operation),
        }
    )
    return Exit.DONE
