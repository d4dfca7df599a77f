"""`storno worker`: carry out what is queued, take over what was cut short; show who works on what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from core.errors import NotFound, UsageError
from core.text import N_, text
from service.cli.output import Column, Table
from service.cli.parser import Builder, Parser
from service.cli.session import Session
from service.problems import Exit

if TYPE_CHECKING:
    from recovery.model import ChangeSet
    from recovery.workers.holders import ClaimView
    from recovery.workers.queue import Entry

MOST_AT_ONCE: Final = 64


def add(name: str, parser: Parser, builder: Builder) -> None:
    """Put the options and commands of the group into `parser`."""
    del name
    say = builder.translate
    parser.add_argument(
        "--concurrency",
        type=int,
        default=1,
        metavar="N",
        help=say(N_("change sets at the same time; each has its own log-in")),
    )
    parser.add_argument(
        "--system",
        action="append",
        dest="systems",
        default=[],
        metavar="NAME",
        help=say(N_("only change sets that need no other system; may be given several times")),
    )
    parser.add_argument(
        "--once", action="store_true", help=say(N_("end when nothing is left to do"))
    )
    parser.add_argument(
        "--name",
        metavar="NAME",
        help=say(N_("what the worker is called; else its machine and process number")),
    )
    builder.examples(
        parser,
        "storno worker --concurrency 4",
        "storno worker --system erp --once",
        "storno close run 0199a2b3-4c5d --queue --yes",
        "storno worker list",
    )
    commands = builder.group(parser, default=work)
    builder.command(
        commands,
        "list",
        list_work,
        summary=N_("who works on what, how long each lease lasts, and what waits"),
        examples=["storno worker list"],
    )
    builder.command(
        commands,
        "prepare",
        prepare,
        summary=N_("make or update the tables of the queue (PostgreSQL)"),
        description=N_(
            "A worker does that itself when it starts. By hand where only the owner of the database may make"
            " tables. Twice does no harm; nothing that waits is lost."
        ),
        examples=["storno worker prepare"],
    )


def work(session: Session) -> int:
    """Work until told to stop."""
    from dataclasses import replace

    from service.app import build
    from service.worker import Worker, WorkerOptions

    arguments, services, output = session.arguments, session.services, session.output
    if not 1 <= arguments.concurrency <= MOST_AT_ONCE:
        raise UsageError(N_("--concurrency must be between 1 and {count}."), count=MOST_AT_ONCE)
    for each in arguments.systems:
        if each not in session.settings.systems:
            raise NotFound(what="system", name=each)
    options = WorkerOptions(
        concurrency=arguments.concurrency,
        systems=frozenset(arguments.systems),
        is_once=arguments.once,
    )
    if arguments.name:
        options = replace(options, name=arguments.name)
    settings, made = session.settings, session.build or build
    worker = Worker(services, lambda: made(settings), options)
    if not session.is_json and not arguments.once:
        output.say(
            text(
                N_("Worker {name} looks for work. It ends with Ctrl-C, after the batch it is at."),
                name=worker.name,
            )
        )
        output.flush()
    worker.run()
    output.document({"worker": worker.name, "done": worker.done_count})
    output.say(
        text(
            N_("Worker {name} ended. Change sets carried on: {count}"),
            name=worker.name,
            count=worker.done_count,
        )
    )
    return Exit.DONE


def list_work(session: Session) -> int:
    """Show claims and what waits."""
    from recovery.workers import queue
    from recovery.workers.holders import views

    journal, output = session.journal, session.output
    held = views(journal.database)
    with journal.reading() as connection:
        waiting = queue.entries(connection)
    sets = {
        each: journal.change_set(each)
        for each in {*(v.change_set_id for v in held), *(w.change_set_id for w in waiting)}
    }
    if held:
        output.say(N_("At work"), style="bold")
        output.table(_held_table(session, held, sets))
    if waiting:
        output.say(N_("Waiting"), style="bold")
        output.table(_waiting_table(session, waiting, sets))
    if not held and not waiting:
        output.say(N_("Nobody works, and nothing waits."))
    if waiting and not held:
        output.command("storno worker", why=N_("carries out what waits"))
    output.document(
        {
            "claims": [
                {
                    "change_set_id": each.change_set_id,
                    "worker": each.worker,
                    "fence": each.fence,
                    "claimed_at": each.claimed_at,
                    "lease_seconds_left": round(each.left_seconds, 1),
                    "is_dead": each.is_dead,
                }
                for each in held
            ],
            "waiting": [
                {
                    "change_set_id": each.change_set_id,
                    "systems": sorted(each.systems),
                    "queued_by": each.queued_by.name,
                    "queued_at": each.queued_at,
                    "not_before": each.not_before,
                }
                for each in waiting
            ],
        }
    )
    return Exit.DONE


def _held_table(session: Session, held: list[ClaimView], sets: dict[str, ChangeSet]) -> Table:
    language = session.language
    titles = [
        Column(language.say(N_("Change set")), is_whole=True),
        Column(language.say(N_("Title"))),
        Column(language.say(N_("Worker")), is_whole=True),
        Column(language.say(N_("Since")), is_whole=True),
        Column(language.say(N_("Lease"))),
    ]
    rows = [
        [
            sets[each.change_set_id].short_id,
            language.word(sets[each.change_set_id].title),
            each.worker,
            language.moment(each.claimed_at),
            language.say(_lease(each)),
        ]
        for each in held
    ]
    return Table(titles, rows)


def _lease(view: ClaimView) -> Any:
    if view.is_dead:
        return text(N_("its process is dead: the next worker takes it over"))
    if view.left_seconds <= 0:
        return text(N_("over: the next worker takes it over"))
    return text(N_("{seconds} s left"), seconds=round(view.left_seconds))


def _waiting_table(session: Session, waiting: list[Entry], sets: dict[str, ChangeSet]) -> Table:
    language = session.language
    titles = [
        Column(language.say(N_("Change set")), is_whole=True),
        Column(language.say(N_("Title"))),
        Column(language.say(N_("State")), is_whole=True),
        Column(language.say(N_("Systems"))),
        Column(language.say(N_("By")), is_whole=True),
        Column(language.say(N_("Not before")), is_whole=True),
    ]
    rows = [
        [
            sets[each.change_set_id].short_id,
            language.word(sets[each.change_set_id].title),
            language.word(sets[each.change_set_id].state.value),
            ", ".join(sorted(each.systems)),
            each.queued_by.name,
            "-" if each.not_before is None else language.moment(each.not_before),
        ]
        for each in waiting
    ]
    return Table(titles, rows)


def prepare(session: Session) -> int:
    """Make the tables of the queue."""
    journal, output = session.journal, session.output
    if not journal.is_shared:
        output.say(
            N_(
                "An SQLite journal needs no tables of a queue: `storno worker` finds what waits by itself. For"
                " workers on several machines, put the journal into PostgreSQL."
            )
        )
        output.document({"schema": None})
        return Exit.DONE
    from service import jobs

    schema = jobs.install(journal)
    output.say(text(N_("The queue is ready, in the schema {name}."), name=schema), style="green")
    output.document({"schema": schema})
    return Exit.DONE
