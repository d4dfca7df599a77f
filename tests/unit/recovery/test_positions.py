"""Positions of a whole batch fit in a short text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recovery.sql.positions import format_positions, parse_positions


@given(st.lists(st.integers(1, 60), unique=True))
def test_positions_come_back_in_their_order(positions: list[int]) -> None:
    """Hashes are matched to positions by their place, so the order matters."""
    assert positions == list(parse_positions(format_positions(positions)))


@pytest.mark.parametrize(
    "positions, written",
    [
        ([], ""),
        ([5], "5"),
        ([1, 2, 3], "1-3"),
        ([*range(1, 101), 105], "1-100,105"),
        ([3, 2, 1], "3,2,1"),
        ([7, 8, 3, 4, 9], "7-8,3-4,9"),
    ],
)
def test_written_form(positions: list[int], written: str) -> None:
    """Only what goes up by one is joined."""
    assert written == format_positions(positions)
