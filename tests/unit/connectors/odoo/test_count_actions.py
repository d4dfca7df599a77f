"""Promises of applying counts and of counting back, for the versions 16 to 19."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Final

import pytest

from connectors.contract import Effect, Image, Ref, Step
from core.encoding import Value
from tests.unit.connectors.odoo.document_scenes import MODERN, action, codes, gone, image, row, sent

QUANT: Final = Ref("stock.quant", "5")
CONFIRM: Final = Step("stock_count.confirm", QUANT)


def count(**fields: Value) -> Image:
    return image(
        row(
            "stock.quant", 5,
            **{
                "quantity": Decimal(16), "inventory_quantity": Decimal("12.5"), "inventory_quantity_set": True,
                "is_outdated": False, "user_id": 2, "inventory_date": date(2026, 12, 31), **fields,
            },
        )
    )  # fmt: skip


def applied(quantity: str = "12.5") -> Image:
    return count(
        quantity=Decimal(quantity), inventory_quantity=Decimal(0), inventory_quantity_set=False, user_id=None
    )  # fmt: skip


def test_a_count_is_applied_when_the_stock_is_what_was_counted() -> None:
    """Odoo returns nothing, or a question and does nothing: only the quantity tells."""
    found = action(CONFIRM.action)
    assert found.is_done(CONFIRM, count(), applied())
    assert not found.is_done(CONFIRM, count(), count())
    assert not found.is_done(CONFIRM, count(), applied("16"))
    assert not found.is_done(CONFIRM, applied(), applied())
    zero = count(inventory_quantity=Decimal(0))
    assert found.is_done(CONFIRM, zero, gone(zero, QUANT))


@pytest.mark.parametrize(
    "fields, code",
    [({"inventory_quantity_set": False}, "count.incomplete"), ({"is_outdated": True}, "count.outdated")],
)  # fmt: skip
def test_counts_that_odoo_would_not_apply_are_problems(fields: dict[str, Value], code: str) -> None:
    """Nothing counted, and stock that moved since."""
    assert {code} == codes(CONFIRM, count(**fields))


def test_a_count_is_taken_back_by_a_counter_count() -> None:
    """The old quantity is counted and applied, then the entry stands as it was; the quantity is never written."""
    steps = action(CONFIRM.action).inverse(CONFIRM, count(), applied())
    assert ["enter", "confirm", "enter"] == [step.action.partition(".")[2] for step in steps]
    assert Decimal(16) == steps[0].arguments["quantity"]
    first = sent(steps[0], applied()).calls
    values = {"inventory_quantity": 16.0, "inventory_quantity_set": True}
    assert [("stock.quant", "write", [[5], values])] == first
    (_, _, (_, last)) = sent(steps[2], applied("16")).calls[0]
    assert {**values, "inventory_quantity": 12.5, "user_id": 2} == last


@pytest.mark.parametrize("version", MODERN)
def test_an_entry_is_cleared_by_the_method_of_the_version(version: int) -> None:
    """16 has another name for it."""
    step = Step("stock_count.clear", QUANT)
    assert "action_clear_inventory_quantity" == sent(step, count(), version=version).calls[0][1]
    old = sent(step, count(), version=16).calls[0][1]
    assert "action_set_inventory_quantity_to_zero" == old


def test_stock_that_moved_since_blocks_the_counter_count() -> None:
    """Counting the old quantity back would swallow what was received meanwhile."""
    found = action(CONFIRM.action)
    assert () == found.later_business(CONFIRM, applied(), applied())
    (later,) = found.later_business(CONFIRM, applied(), applied("20"))
    assert Effect.BLOCKS is later.effect
