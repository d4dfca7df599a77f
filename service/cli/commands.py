"""The table of commands: a group's module is imported when that group is named, not before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Final, Protocol, cast

from core.text import N_
from service.cli.parser import Builder, Parser


@dataclass(frozen=True, slots=True)
class Group:
    """One word after `storno`: what it is for, and the module that knows its options."""

    module: str
    summary: str
    description: str = ""


class AddsCommands(Protocol):
    """What the module of a group offers."""

    def add(self, name: str, parser: Parser, builder: Builder) -> None:
        """Put the options (and commands) of the group `name` into `parser`, and set what it runs."""


GROUPS: Final[Mapping[str, Group]] = {
    "demo": Group(
        "service.cli.start",
        N_("show the whole story on a practice ERP"),
        N_(
            "Starts a practice ERP on this machine, closes documents in it, takes them back and proves it."
            " Every step shows the command that a person would type."
        ),
    ),
    "init": Group(
        "service.cli.start",
        N_("write a commented storno.yaml"),
        N_("Writes settings that work as they stand, every key explained. Overwrites nothing."),
    ),
    "systems": Group(
        "service.cli.systems",
        N_("list systems and check what can be seen and done there"),
        N_("Lists the systems of storno.yaml. `check` reads only."),
    ),
    "documents": Group(
        "service.cli.documents",
        N_("list documents of a system, filter them, write them to a file"),
        N_(
            "Lists documents in canonical columns, the same for every ERP. --where takes one SQL condition"
            " over these columns, as the rules of closings do."
        ),
    ),
    "close": Group(
        "service.cli.close",
        N_("plan a closing, approve it, run it; open closed documents again"),
        N_(
            "A plan says which documents are ready, how they are closed, what is given up and what can be"
            " taken back; and of every other document, why it is not ready. Nothing runs before a plan was"
            " approved."
        ),
    ),
    "changes": Group(
        "service.cli.changes",
        N_("find and show what was changed, go on after a stop"),
        N_("Change sets are found by document, time, person and system."),
    ),
    "rollback": Group(
        "service.cli.rollback",
        N_("take a change set or single documents back"),
        N_(
            "Takes back what Storno did: reads what is there now, shows what stands in the way field by"
            " field, asks, writes back, and reads again. What somebody else changed meanwhile is left alone."
        ),
    ),
    "worker": Group(
        "service.cli.worker",
        N_("carry out what is queued; show who works on what"),
        N_(
            "A worker carries out change sets that were queued (--queue), takes over at once what a killed one"
            " left behind, and after its lease what a frozen one keeps. Any number of workers may share a journal"
            " in PostgreSQL; with SQLite they are all on its machine."
        ),
    ),
    "freeze": Group(
        "service.cli.freeze",
        N_("stop every write of Storno in a scope, at once"),
        N_(
            "Stops Storno alone: people and other programs go on. It holds before the next call of any process"
            " that works with this journal; what is in flight is listed. Change sets that meet it wait, and lose"
            " nothing."
        ),
    ),
    "thaw": Group(
        "service.cli.freeze",
        N_("lift a freeze"),
        N_("Lifts a freeze, with a reason. What waited for it goes on when somebody resumes it."),
    ),
    "notify": Group(
        "service.cli.notify",
        N_("whom Storno tells at once; what did not reach them"),
        N_(
            "Freezes, operations in doubt, stop rules and systems that fail are told to the people under"
            " `notify` in storno.yaml, by mail or chat. A message holds no data of a document."
        ),
    ),
    "journal": Group(
        "service.cli.journal",
        N_("what is in the journal, is it whole; backups, retention, keys"),
        N_(
            "The journal holds everything that Storno did and the way back. Keep a backup of it, apart from"
            " its keys."
        ),
    ),
    "audit": Group(
        "service.cli.audit",
        N_("verify that the journal was not tampered with; sign checkpoints and evidence"),
    ),
}


def build_parser(builder: Builder, named: str | None) -> Parser:
    """Return the parser of `storno`; only the group that was named knows its options."""
    parser = builder.root(
        description=builder.translate(
            N_(
                "Closes, compares and takes back documents in ERPs that other people own. Nothing is changed"
                " before the way back is on disk, and nothing is called done before it was read back."
            )
        ),
        epilog="\n".join(
            [
                builder.translate(N_("To begin:")),
                "  storno init",
                "  storno systems check practice",
                "  storno close plan stale-quotations",
                "",
                builder.translate(
                    N_(
                        "Exit codes: 0 done; 1 a person is needed; 2 asked wrongly; 3 a system cannot be"
                        " reached; 4 a bug of Storno."
                    )
                ),
            ]
        ),
    )
    parser.add_argument(
        "--version", action="store_true", help=builder.translate(N_("show the version and exit"))
    )
    commands = builder.group(parser)
    for name, group in GROUPS.items():
        added = builder.command(
            commands, name, None, summary=group.summary, description=group.description
        )
        if name == named:
            module_of(group).add(name, added, builder)
        builder.share(added)
    builder.share(parser)
    return parser


def module_of(group: Group) -> AddsCommands:
    """Import the module of a group."""
    return cast("AddsCommands", import_module(group.module))
