"""A line of the audit chain is hashed with everything that makes it this line."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from recovery.auditing.audit import genesis, line_hash, moves_hash

NOW = datetime(2026, 1, 31, 12, 0, 0, 1, tzinfo=UTC)
FIRST, OTHER = genesis(b"seed"), genesis(b"other")
LINE = (FIRST, 1, NOW, moves_hash([[1, "a"]]))


def test_a_line_depends_on_all_of_it() -> None:
    """The line before, its number, its time and its moves."""
    lines = [
        LINE,
        (OTHER, *LINE[1:]),
        (LINE[0], 2, *LINE[2:]),
        (*LINE[:2], NOW + timedelta(microseconds=1), LINE[3]),
        (*LINE[:3], moves_hash([[1, "b"]])),
    ]

    assert len(lines) == len({line_hash(*each) for each in lines})
    assert line_hash(*LINE) == line_hash(*LINE)


def test_moves_are_hashed_by_their_positions() -> None:
    """In whatever order two tables return them."""
    assert moves_hash([[1, "a"], [2, "b"]]) == moves_hash([[2, "b"], [1, "a"]])
    assert moves_hash([[1, "a"], [2, "b"]]) != moves_hash([[2, "a"], [1, "b"]])
