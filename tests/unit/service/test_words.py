"""Headings say what a column holds, also where a kind of document means something else by it."""

from __future__ import annotations

import pytest

from service.words import heading


@pytest.mark.parametrize(
    "kind, name, said",
    [
        ("purchase_order", "ordered_quantity", "Ordered"),
        ("purchase_order", "reference", "Reference"),
        ("stock_balance", "ordered_quantity", "Quantity"),
        ("stock_balance", "reference", "Item, location"),
        ("stock_balance", "date", "Date"),
        ("stock_balance", "native.lot_id", None),
    ],
)
def test_headings(kind: str, name: str, said: str | None) -> None:
    """Nobody orders what lies in stock."""
    assert said == heading(kind, name)
