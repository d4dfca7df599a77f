"""What `storno rollback` is asked for: its options, the selection that they make, and the command that says the same."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import BadInput, UsageError
from core.text import N_, text
from service.cli.parser import Builder, Parser

if TYPE_CHECKING:
    from recovery.reversing.selection import Selection
    from service.cli.session import Session


def add_asked(parser: Parser, builder: Builder) -> None:
    """Add the options that choose what is taken back."""
    say = builder.translate
    parser.add_argument(
        "id",
        nargs="?",
        metavar="ID",
        help=say(N_("the change set; the beginning is enough; or `last`")),
    )
    parser.add_argument(
        "--documents",
        nargs="+",
        metavar="NUMBER",
        default=[],
        help=say(
            N_("what Storno did last to these documents; a counter-document names what made it")
        ),
    )
    parser.add_argument(
        "--from",
        dest="file",
        metavar="FILE",
        type=Path,
        help=say(N_("the documents in this file: Excel, CSV, or one a line")),
    )
    parser.add_argument(
        "--since",
        metavar="WHEN",
        help=say(
            N_("what Storno did since then, in any change set: 30m, 3h, 2d, or a date and hour")
        ),
    )
    parser.add_argument(
        "--until", metavar="WHEN", help=say(N_("and until then; without it, until now"))
    )
    parser.add_argument(
        "--by", metavar="NAME", help=say(N_("of that time, what this person made or approved"))
    )
    parser.add_argument(
        "--only",
        nargs="+",
        metavar="NUMBER",
        default=[],
        help=say(N_("of the change set or the time, only these documents")),
    )
    parser.add_argument(
        "--operations",
        nargs="+",
        metavar="NO",
        default=[],
        help=say(N_("of the change set, only these operations: 3, 5-8")),
    )
    parser.add_argument(
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
    parser.add_argument("--system", metavar="NAME", help=say(N_("documents of this system")))
    parser.add_argument("--kind", metavar="KIND", help=say(N_("documents of this kind")))
    parser.add_argument(
        "--with-dependents",
        action="store_true",
        help=say(
            N_(
                "take back with it what rests on it, in whatever change set; without it, such a"
                " document is refused"
            )
        ),
    )


def selection_of(session: Session) -> Selection:
    """Return what the options choose. Raises `UsageError`, `BadInput`."""
    from recovery.reversing.selection import Selection
    from service.cli.changes import read_since
    from service.cli.documents import kind_of

    arguments = session.arguments
    numbers = list(arguments.documents)
    if arguments.file is not None:
        from closing.numbers import read_numbers

        numbers += read_numbers(arguments.file)
    has_span = arguments.since is not None or arguments.until is not None
    if sum((arguments.id is not None, bool(numbers), has_span)) != 1:
        raise UsageError(
            N_(
                "Name one of these: a change set, documents with --documents or --from FILE, or a time"
                " with --since and --until."
            )
        )
    if numbers and arguments.only:
        raise UsageError(N_("--only belongs to a change set; leave it out with --documents."))
    if arguments.operations and arguments.id is None:
        raise UsageError(N_("--operations are numbers in a change set: name it by its id."))
    if arguments.by is not None and not has_span:
        raise UsageError(N_("--by belongs to a time: --since and --until."))
    since, until = (
        None if written is None else read_since(session, written, option)
        for option, written in (("--since", arguments.since), ("--until", arguments.until))
    )
    if since is not None and until is not None and until <= since:
        raise BadInput(source="--until", problem=text(N_("is not after --since")))
    if arguments.id == "last":
        # What is shown now and what is typed next must be about the same one.
        arguments.id = session.journal.change_set("last").short_id
    return Selection(
        change_set_id=arguments.id,
        numbers=tuple(dict.fromkeys(numbers)),
        system=arguments.system,
        kind=None if arguments.kind is None else kind_of(arguments.kind),
        only=tuple(arguments.only),
        lines=tuple(arguments.lines),
        positions=_positions(arguments.operations),
        since=since,
        until=until,
        by=arguments.by,
        with_dependents=arguments.with_dependents,
    )


def _positions(written: list[str]) -> tuple[int, ...]:
    """Read `3`, `5-8` and `3,5-8`. Raises `BadInput`."""
    found: list[int] = []
    for part in ",".join(written).split(","):
        first, dash, last = part.partition("-")
        if not part:
            continue
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise BadInput(source="--operations", problem=text(N_("must be numbers: 3 or 5-8")))
        found += range(int(first), int(last or first) + 1)
    return tuple(dict.fromkeys(found))


def typed_asked(arguments: Any) -> list[str]:
    """Return the options as they were typed."""
    parts = [] if arguments.id is None else [arguments.id]
    for option, values in (
        ("--documents", arguments.documents),
        ("--only", arguments.only),
        ("--operations", arguments.operations),
        ("--lines", arguments.lines),
    ):
        parts += [option, *(_quoted(str(value)) for value in values)] if values else []
    for option, value in (
        ("--from", arguments.file),
        ("--since", arguments.since),
        ("--until", arguments.until),
        ("--by", arguments.by),
        ("--system", arguments.system),
        ("--kind", arguments.kind),
    ):
        parts += [] if value is None else [option, _quoted(str(value))]
    return [*parts, *(["--with-dependents"] if arguments.with_dependents else [])]


def _quoted(value: str) -> str:
    return f'"{value}"' if " " in value else value
