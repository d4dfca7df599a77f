"""Every text for people is translated, and every marked text is found."""

from __future__ import annotations

import argparse
import ast
import inspect
from pathlib import Path
from typing import Final

import pytest

from service.catalogue import PACKAGES, ROOT, extract, main, places, problems
from service.cli.parser import ARGPARSE_WORDS

# Only a mistake of ours can bring these up; people never read them.
PROGRAMMERS_WORDS: Final = (
    ".__call__() not defined",
    "'required' is an invalid argument",
    "mutually exclusive arguments must be optional",
    "can't open",
    "cannot merge actions",
    "invalid option string",
    "dest= is required",
    "invalid conflict_resolution",
    "cannot have multiple subparser",
    "conflicting",
    'argument "-" with mode',
    "unknown parser",
    "unexpected option string",
    "is not callable",
    "%(prog)s: error",
    "expected %s argument",
)


def test_chinese_is_complete() -> None:
    """Nothing is missing, guessed, left over, or filled with other places; else: python -m service.text update."""
    assert list(problems("zh_CN")) == []


def test_texts_are_found() -> None:
    """The rooms' own templates are among the extracted ones, plurals and what recipes say too."""
    found = {message.id for message in extract()}

    assert {
        "{system} cannot be reached: {problem}",
        "it is closed already",
        "it is not audited (审核)",  # a recipe says it
        ("{count} row", "{count} rows"),
    } <= found


@pytest.mark.parametrize(
    "template, expected",
    [
        ("{name!r} and {count}", ["count", "name!r"]),
        ("invalid %(type)s value: %(value)r", ["%(type)s", "%(value)r"]),
        ("write ${{NAME}}", []),
        ("between ${ and }", []),
        ("$${", []),
    ],
)
def test_places(template: str, expected: list[str]) -> None:
    """Places of both kinds are counted; braces that are text are not."""
    assert expected == places(template)


def marked_inside_fstrings(source: str) -> list[int]:
    return [
        call.lineno
        for outer in ast.walk(ast.parse(source))
        if isinstance(outer, ast.JoinedStr)
        for call in ast.walk(outer)
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "N_"
    ]


@pytest.mark.parametrize("package", PACKAGES)
def test_no_marked_text_hides_in_an_fstring(package: str) -> None:
    """Babel does not look into f-strings, so a text there would stay English."""
    found = {
        path.relative_to(ROOT).as_posix(): lines
        for path in (ROOT / package).rglob("*.py")
        if (lines := marked_inside_fstrings(path.read_text(encoding="utf-8")))
    }

    assert found == {}


def test_the_rule_sees_an_fstring() -> None:
    """The rule above would find one."""
    assert marked_inside_fstrings("f'{say(N_(\"x\"))}'") == [1]


def test_argparse_says_nothing_that_we_do_not_know() -> None:
    """Every text that this Python's argparse translates is ours to translate, or no person reads it."""
    tree = ast.parse(inspect.getsource(argparse))
    said = {
        ast.literal_eval(call.args[0])
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id in {"_", "ngettext"}
        and isinstance(call.args[0], ast.Constant)
    }
    unknown = {
        text
        for text in said - set(ARGPARSE_WORDS)
        if not any(known in text for known in PROGRAMMERS_WORDS)
    }

    assert unknown == set()


def test_check_is_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    """The command for translators and CI: no word and 0 when all is well."""
    assert main(["check"]) == 0
    assert capsys.readouterr().out == ""


def test_unknown_words_show_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong word is answered with the right ones."""
    assert main(["frobnicate"]) == 2
    assert "extract|update|check|compile" in capsys.readouterr().out


def test_paths_are_portable() -> None:
    """The catalogue names files as every system writes them."""
    assert not any("\\" in place for message in extract() for place, _ in message.locations)
    assert Path(ROOT / "pyproject.toml").exists()
