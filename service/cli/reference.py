"""Writes docs/reference/cli.md from the parser itself: `python -m service.cli.reference`.

A test compares the file with what this module would write.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, cast

from service.cli.commands import GROUPS, build_parser
from service.cli.parser import Builder
from service.problems import EXIT_CODES, Exit
from service.text import Language

TARGET: Final = Path(__file__).parents[2] / "docs" / "reference" / "cli.md"
SHARED: Final = frozenset({"json", "config", "language", "verbose", "help"})

_HEAD: Final = """\
# The command line

<!-- Written by `python -m service.cli.reference` from the parser in service/cli/; do not edit. -->

`storno COMMAND --help` says the same as this page, in your language.

## What every command takes

{shared}

## Exit codes

| code | meaning |
| --- | --- |
{codes}

| family of the error | code |
| --- | --- |
{families}

Every other error is a bug of Storno and ends with {bug}, a Python that lacks a package too.
A command that was stopped from the keyboard ends with {interrupted}, the shell's own convention: what was running is paused, nothing is lost, and `storno changes resume` goes on.

## JSON

With `--json`, exactly one JSON document stands on standard output, and everything else on standard error.
It is the same in every language: codes and English texts, amounts and quantities as text, moments in UTC.
`change_set` is always an object with at least an `id`; where a change set is only named, its id stands under `change_set_id` (several: `change_sets`, `change_set_ids`).
A file that was written is `file` (several: `files`), and `null` where none was asked for.
An error is `{{"error": {{"code": "STO-0102", "message": "...", "details": {{...}}}}}}`; where it met a change set that stays open, `error.change_set` tells its `id`, `state` and how far it is.
Where the output cannot hold Unicode, characters beyond ASCII are written as `\\uXXXX`.
"""

MEANINGS: Final = {
    Exit.DONE: "done, all of it",
    Exit.PERSON_NEEDED: "a person is needed: exceptions, conflicts, refusals, something in doubt, partial sight",
    Exit.ASKED_WRONGLY: "asked wrongly: arguments, settings, a plan that expired, an approval that is missing",
    Exit.NOT_REACHED: "a system, or the journal's disk, cannot be reached; the same command may work later",
    Exit.BUG: "a bug of Storno",
    Exit.INTERRUPTED: "stopped from the keyboard",
}


def reference() -> str:
    """Return the whole page."""
    builder = Builder(Language())
    shared = [action for action in _actions(build_parser(builder, None)) if action.dest in SHARED]
    head = _HEAD.format(
        shared="\n".join(_argument(action) for action in shared),
        codes="\n".join(f"| {code.value} | {MEANINGS[code]} |" for code in Exit),
        families="\n".join(
            f"| `{family.__name__}` | {code.value} |" for family, code in EXIT_CODES.items()
        ),
        bug=Exit.BUG.value,
        interrupted=Exit.INTERRUPTED.value,
    )
    parts = [head]
    for name in GROUPS:
        group = _commands(build_parser(builder, name))[name]
        parts += _pages(group, f"storno {name}", "##")
    return "\n".join(parts)


def _actions(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    return parser._actions  # noqa: SLF001 - argparse lists its options nowhere else


def _commands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    for action in _actions(parser):
        if action.nargs == argparse.PARSER:
            return dict(cast("Mapping[str, argparse.ArgumentParser]", action.choices))
    return {}


def _pages(parser: argparse.ArgumentParser, name: str, level: str) -> Iterator[str]:
    lines = [f"{level} {name}", "", parser.description or "", ""]
    listed = [
        _argument(action)
        for action in _actions(parser)
        if action.dest not in SHARED and action.help is not None
    ]
    if listed:
        lines += [*listed, ""]
    if parser.epilog:
        _, *examples = parser.epilog.splitlines()
        lines += [f"    {example.strip()}" for example in examples] + [""]
    yield "\n".join(lines)
    for command, inner in _commands(parser).items():
        yield from _pages(inner, f"{name} {command}", f"{level}#")


def _argument(action: argparse.Action) -> str:
    value = action.metavar if isinstance(action.metavar, str) else ""
    if action.nargs == "*":
        value = f"[{value} ...]"
    elif action.nargs == "+":
        value = f"{value} ..."
    elif action.nargs == "?":
        value = f"[{value}]"
    names = ", ".join(action.option_strings)
    shown = f"{names} {value}".strip() if action.nargs != 0 else names
    required = ", required" if action.option_strings and action.required else ""
    return f"* `{shown}`{required}: {action.help}."


def main() -> int:
    """Write the page."""
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(reference(), encoding="utf-8", newline="\n")
    sys.stdout.write(f"{TARGET}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
