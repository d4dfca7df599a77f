"""Policies about conflicts: known kinds, fields and ways, and nothing that would force."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from config.settings import load
from core.errors import ConfigError
from core.text import Text

Write = Callable[[str], Path]
HEAD = "systems: {erp: {kind: fake}}\nrollback:\n  conflicts:\n"


def test_policies_are_read(write: Write) -> None:
    """Per kind and field, in the ERP's own words."""
    settings = load(
        write(
            HEAD + "    purchase_order:\n      note: keep_theirs\n"
            "      purchase.line.quantity: add_difference\n      '*': ask\n"
        )
    )

    assert {
        "purchase_order": {
            "note": "keep_theirs",
            "purchase.line.quantity": "add_difference",
            "*": "ask",
        }
    } == settings.rollback.conflicts


def test_without_policies_everything_is_asked(write: Write) -> None:
    """Nothing is resolved that nobody spoke of."""
    assert {} == load(write("systems: {erp: {kind: fake}}")).rollback.conflicts


@pytest.mark.parametrize(
    "lines, line, key, problem",
    [
        ("    purchase_ordr: {note: ask}\n", 4, "purchase_ordr", "must be one of: purchase_order"),
        ("    partner: {name: ask}\n", 4, "partner", "must be one of"),
        ("    project:\n      note: keep\n", 5, "project.note", "must be one of: ask, keep_theirs"),
        ("    project:\n      note: put_back\n", 5, "project.note", "second person each time"),
        ("    project:\n      'a b': ask\n", 5, "project.a b", "MODEL.FIELD"),
        ("    project:\n      'x.': ask\n", 5, "project.x.", "MODEL.FIELD"),
        ("    project: ask\n", 4, "project", "section"),
    ],
)
def test_what_is_wrong_is_named(
    write: Write, lines: str, line: int, key: str, problem: str
) -> None:
    """With file, line and key."""
    with pytest.raises(ConfigError, match=problem) as caught:
        load(write(HEAD + lines))

    assert f"line {line}: rollback.conflicts.{key}: " in str(caught.value)


def test_what_turns_out_wrong_later_is_named_too(write: Write) -> None:
    """A field that the ERP does not have is found when the ERP is asked: the line is still known."""
    settings = load(write(HEAD + "    project:\n      colour: ask\n"))
    error = settings.problem(
        ("rollback", "conflicts", "project", "colour"), Text("there is no such field")
    )

    assert "line 5: rollback.conflicts.project.colour: there is no such field" in str(error)
