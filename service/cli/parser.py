"""argparse in the reader's language: errors are ours, help wraps by display width, options are shared.

argparse sends its own words through gettext; `speak` puts our catalogue there, and `ARGPARSE_WORDS`
lists them so that they are translated.
"""

from __future__ import annotations

import argparse
import difflib
import shutil
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final, NoReturn

from core.errors import UsageError
from core.text import N_
from service.text import Language, cell_width

if TYPE_CHECKING:
    from service.cli.session import Session

LONGEST_LINE: Final = 100
OPTIONS_WITH_VALUE: Final = frozenset({"--config", "--language"})
COMMAND: Final = "COMMAND"

Command = Callable[["Session"], int]

ARGPARSE_WORDS: Final = (
    N_("usage: "),
    N_("options"),
    N_("positional arguments"),
    N_("show this help message and exit"),
    N_("unrecognized arguments: %s"),
    N_("ambiguous option: %(option)s could match %(matches)s"),
    N_("invalid choice: %(value)r (choose from %(choices)s)"),
    N_("invalid %(type)s value: %(value)r"),
    N_("expected one argument"),
    N_("expected at most one argument"),
    N_("expected at least one argument"),
    N_("the following arguments are required: %s"),
    N_("one of the arguments %s is required"),
    N_("not allowed with argument %s"),
    N_("ignored explicit argument %r"),
    N_("argument %(argument_name)s: %(message)s"),
)
"""What people can be told by argparse; a test compares this with its source."""


def speak(language: Language) -> None:
    """Let argparse say its own words in this language."""
    vars(argparse)["_"] = language.translate


class Formatter(argparse.HelpFormatter):
    """Wraps by display width, so that Chinese help keeps to its column; lines that begin with blanks stay."""

    def __init__(self, prog: str) -> None:
        columns = shutil.get_terminal_size().columns
        super().__init__(prog, max_help_position=26, width=min(columns, LONGEST_LINE) - 2)

    def _split_lines(self, text: str, width: int) -> list[str]:
        return wrap(text, width)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        lines: list[str] = []
        for paragraph in text.splitlines():
            keep = not paragraph or paragraph.startswith(" ")
            lines += [paragraph] if keep else wrap(paragraph, width - len(indent))
        return "\n".join(indent + line if line else "" for line in lines)


NEVER_FIRST: Final = frozenset("，。、；：？！）》”’%")


def wrap(written: str, columns: int) -> list[str]:
    """Break text into lines of at most `columns`; Chinese between any two characters but before a comma."""
    lines: list[str] = []
    line = ""
    for piece, gap in _pieces(written):
        added = (gap if line else "") + piece
        if line and cell_width(line + added) > columns and piece not in NEVER_FIRST:
            lines.append(line)
            line = piece
        else:
            line += added
    return [*lines, line] if line else lines


def _pieces(written: str) -> Iterable[tuple[str, str]]:
    """Yield what may not be broken, each with the gap before it."""
    for word in written.split():
        gap, run = " ", ""
        for sign in word:
            if cell_width(sign) == 1:
                run += sign
                continue
            if run:
                yield run, gap
                gap, run = "", ""
            yield sign, gap
            gap = ""
        if run:
            yield run, gap


class Parser(argparse.ArgumentParser):
    """A parser whose errors are `UsageError`, so that they end like every other error (`--json` too)."""

    def __init__(self, *args: Any, **options: Any) -> None:
        options.setdefault("formatter_class", Formatter)
        options.setdefault("allow_abbrev", False)
        super().__init__(*args, **options)

    def error(self, message: str) -> NoReturn:
        """Raise instead of leaving the process."""
        raise UsageError(
            N_("{problem}. Help: {command}"), problem=message, command=f"{self.prog} --help"
        )

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        # "Did you mean" is worth more than a list of all choices.
        if action.choices is not None and value not in action.choices:
            suggest(str(value), [str(choice) for choice in action.choices], self.prog)
        super()._check_value(action, value)


def suggest(written: str, known: Iterable[str], program: str) -> None:
    """Raise `UsageError` naming the nearest known word, when there is one."""
    near = difflib.get_close_matches(written, list(known), n=1, cutoff=0.6)
    if near:
        raise UsageError(
            N_("There is no {name!r} here; did you mean {suggestion}? Help: {command}"),
            name=written,
            suggestion=near[0],
            command=f"{program} --help",
        )


class Builder:
    """Puts commands together: each with its help, an example, the shared options and what it runs."""

    def __init__(self, language: Language) -> None:
        self._language = language

    def translate(self, template: str) -> str:
        """Return help text; argparse itself fills `%` places, so ours have none."""
        return self._language.translate(template)

    def root(self, **options: Any) -> Parser:
        """Return the parser of `storno` itself."""
        return Parser("storno", add_help=False, **options)

    def group(
        self, parent: argparse.ArgumentParser, *, default: Command | None = None
    ) -> argparse._SubParsersAction[Parser]:
        """Let `parent` have commands; without `default` one must be named."""
        if default is not None:
            parent.set_defaults(run=default)
        parent.set_defaults(parser=parent)
        return parent.add_subparsers(
            metavar=COMMAND,
            title=self.translate(N_("commands")),
            parser_class=Parser,
            required=False,
        )

    def command(
        self,
        commands: argparse._SubParsersAction[Parser],
        name: str,
        run: Command | None,
        *,
        summary: str,
        description: str = "",
        examples: Iterable[str] = (),
    ) -> Parser:
        """Add a command. `summary` and `description` are marked templates; examples are typed as they stand.

        A group has no `run` of its own and is given the shared options (`share`) after its commands.
        """
        parser = commands.add_parser(
            name,
            add_help=False,
            help=self.translate(summary),
            description=self.translate(description or summary),
        )
        self.examples(parser, *examples)
        if run is not None:
            parser.set_defaults(run=run)
            self.share(parser)
        return parser

    def examples(self, parser: argparse.ArgumentParser, *typed: str) -> None:
        """Show commands as they are typed, below the options."""
        if typed:
            lines = [self.translate(N_("Example:")), *(f"  {example}" for example in typed)]
            parser.epilog = "\n".join(lines)

    def share(self, parser: argparse.ArgumentParser) -> None:
        """Add the options that every command takes, before or after its name."""
        say = self.translate
        shared = parser.add_argument_group(say(N_("for every command")))
        unset = argparse.SUPPRESS
        shared.add_argument(
            "--json",
            action="store_true",
            default=unset,
            help=say(N_("one JSON document on standard output, for programs")),
        )
        shared.add_argument(
            "--config",
            metavar="FILE",
            default=unset,
            help=say(N_("the settings; else what STORNO_CONFIG names, else ./storno.yaml")),
        )
        shared.add_argument(
            "--language",
            metavar="CODE",
            default=unset,
            help=say(N_("en or zh_CN; else as storno.yaml or the machine says")),
        )
        shared.add_argument(
            "-v",
            "--verbose",
            action="store_true",
            default=unset,
            help=say(N_("show the log on standard error")),
        )
        shared.add_argument(
            "-h", "--help", action="help", help=say(N_("show this help message and exit"))
        )


def one_of(values: Iterable[str], what: str) -> Callable[[str], str]:
    """Return a converter for argparse that accepts these values, dashes for underscores too."""
    known = tuple(values)

    def convert(written: str) -> str:
        value = written.replace("-", "_")
        if value in known:
            return value
        raise UsageError(
            N_("There is no {what} {name!r}. Known: {known}"),
            what=what,
            name=written,
            known=", ".join(known),
        )

    return convert
