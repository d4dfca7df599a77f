"""`storno init` and `storno demo`: the first commands that anybody types."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from core.text import N_, text
from service.cli.parser import Builder, Parser
from service.cli.session import Session
from service.problems import Exit


def add(name: str, parser: Parser, builder: Builder) -> None:
    """Put the options of `init` or `demo` into `parser`."""
    say = builder.translate
    if name == "init":
        parser.add_argument(
            "folder", nargs="?", metavar="DIR", default=".", help=say(N_("where; default: here"))
        )
        parser.set_defaults(run=init)
    else:
        parser.add_argument(
            "--dir",
            dest="folder",
            metavar="DIR",
            help=say(N_("where the practice company and the journal are kept")),
        )
        parser.add_argument(
            "--serve",
            action="store_true",
            help=say(N_("leave the practice ERP running until Ctrl-C")),
        )
        parser.set_defaults(run=demo)
    builder.examples(parser, "storno init closing" if name == "init" else "storno demo")


def init(session: Session) -> int:
    """Write a commented storno.yaml that works as it stands."""
    from config.example import write_example

    output = session.output
    folder = Path(session.arguments.folder)
    written = write_example(folder, language=session.language.code)
    for path in written:
        output.say(text(N_("Written: {file}"), file=str(path)))
    output.say(N_("It works as it stands, on a small ERP of Storno's own. Try:"))
    if folder != Path():
        output.command(f"cd {folder}")
    output.command("storno systems check practice")
    output.command("storno documents practice purchase_order")
    output.command("storno close plan stale-quotations")
    output.document({"files": [str(path) for path in written]})
    return Exit.DONE


def demo(session: Session) -> int:
    """Tell the whole story on a practice ERP."""
    # Looked up by name: the story is large, and nothing but this command needs it.
    run = import_module("service.cli.demo").run
    return int(run(session))
