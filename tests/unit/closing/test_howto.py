"""The guide says what the code allows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from closing.rules import RuleBook
from closing.vocabulary import AGGREGATES, FUNCTIONS

GUIDE = Path(__file__).parents[3] / "docs" / "howto" / "write-a-closing.md"


@pytest.mark.parametrize("name", sorted((FUNCTIONS | AGGREGATES) - {"count_star"}))
def test_every_function_is_in_the_guide(name: str) -> None:
    """A function that a rule may use is one that a person can find."""
    assert f"`{name}" in GUIDE.read_text(encoding="utf-8")


def test_the_rules_of_the_guide_are_rules(book: RuleBook) -> None:
    """Whoever copies an example gets one that works."""
    written = re.findall(
        r"^\s*(?:when|holds|scope): (.+)$", GUIDE.read_text(encoding="utf-8"), re.MULTILINE
    )

    assert [book.read(sql, source="guide").sql for sql in written] == written
    assert len(written) == 5
