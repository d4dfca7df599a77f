"""Promises of returning goods and of taking a return back, for the versions 16 to 19."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

import pytest

from connectors.contract import Image, Ref, Step
from core.encoding import Value
from tests.unit.connectors.odoo.document_scenes import (
    VERSIONS,
    action,
    but,
    codes,
    foreign,
    gone,
    image,
    row,
    sent,
)
from tests.unit.connectors.odoo.stock_scenes import FIRST, PICKING, SECOND, move, transfer

RETURN: Final = Step("goods_receipt.return", PICKING)


def received(version: int = 18) -> Image:
    """Return a done receipt of 5 pieces, counted in dozens: 60 of the product's own unit."""
    name = "quantity" if version >= 17 else "quantity_done"
    found = transfer(version, "done")
    found = but(found, FIRST, **{name: Decimal(5), "product_qty": Decimal(60)})
    return gone(found, SECOND)


def returned(version: int = 18, state: str = "assigned", *more: Any) -> Image:
    name = "quantity" if version >= 17 else "quantity_done"
    back: dict[str, Value] = {
        "state": state, "picking_id": 20, "origin_returned_move_id": 71, "product_uom_qty": Decimal(60),
        "product_qty": Decimal(60), name: Decimal(60) if state == "done" else Decimal(0),
    }  # fmt: skip
    return image(
        *received(version).records,
        row("stock.picking", 20, state=state, picking_type_code="outgoing"),
        move(201, version, **back),
        *more,
    )


@pytest.mark.parametrize("version", VERSIONS)
def test_a_return_is_a_chain(version: int) -> None:
    """The return is made, in 16 filled, and validated; each is one call that Odoo commits."""
    verbs = ["make_return", *(["fill_return"] if version == 16 else []), "validate_return"]
    steps = action(RETURN.action, version).steps(PICKING, {})
    assert [f"goods_receipt.{verb}" for verb in verbs] == [step.action for step in steps]


@pytest.mark.parametrize(
    "version, method", [(16, "create_returns"), (17, "create_returns"), (18, "action_create_returns")]
)  # fmt: skip
def test_a_return_is_made_of_what_came(version: int, method: str) -> None:
    """The quantity is sent in the product's own unit: the wizard of 18 fills in zero, that of 16 nothing."""
    step = Step("goods_receipt.make_return", PICKING)
    server = sent(step, received(version), version=version)
    (made, ran) = server.calls
    line = (0, 0, {"product_id": 3, "quantity": 60.0, "move_id": 71})
    assert [line] == made[2][0]["product_return_moves"]
    assert (version == 16) == ("location_id" in made[2][0])
    assert ("stock.return.picking", method, [[91]]) == ran
    assert [False, True] == server.writes  # the wizard itself is no document
    assert 7 == server.contexts[1]["active_id"]


def test_a_return_is_found_again_by_reading() -> None:
    """A new move that names the received one proves it; so does a second look after a lost answer."""
    step, before, after = Step("goods_receipt.make_return", PICKING), received(), returned()
    found = action(step.action)
    assert found.is_done(step, before, after)
    assert not found.is_done(step, after, after)
    assert not found.creates_untraceably
    assert [] == foreign(step.action, before, after)


def test_a_return_is_validated_when_its_transfer_is_done() -> None:
    """Odoo may answer with a question; only a transfer that is done counts."""
    step = Step("goods_receipt.validate_return", PICKING)
    server = sent(step, returned())
    assert [("stock.picking", "button_validate", [[20]])] == server.calls
    assert server.contexts[0]["skip_sms"] is True
    found = action(step.action)
    assert found.is_done(step, returned(), returned(18, "done"))
    assert not found.is_done(step, returned(), returned())


def test_a_return_is_taken_back_by_a_return_of_it() -> None:
    """The newest link is returned; the older one then has nothing left to do."""
    made, validated = (
        Step("goods_receipt.make_return", PICKING),
        Step("goods_receipt.validate_return", PICKING),
    )
    done = returned(18, "done")
    (again, *_) = action(validated.action).inverse(validated, returned(), done)
    assert ("goods_receipt.make_return", 20) == (again.action, again.arguments["picking"])
    (drop,) = action(made.action).inverse(made, received(), returned())
    assert ("goods_receipt.drop_return", 20) == (drop.action, drop.arguments["picking"])
    counter = move(
        301, state="done", picking_id=21, origin_returned_move_id=201, quantity=Decimal(60),
        product_uom_qty=Decimal(60), product_qty=Decimal(60),
    )  # fmt: skip
    taken = returned(18, "done", row("stock.picking", 21, state="done"), counter)
    found = action(drop.action)
    assert found.is_done(drop, taken, taken)
    assert not found.is_done(drop, done, done)
    assert [("stock.picking", "action_cancel", [[20]])] == sent(drop, returned()).calls


def test_what_was_returned_is_not_returned_twice() -> None:
    """An open return and one of everything are problems; what came back once more may go again."""
    assert {"return.open"} == codes(RETURN, returned())
    assert {"return.nothing"} == codes(RETURN, returned(18, "done"))
    assert {"state.assigned"} == codes(RETURN, transfer())
    assert set() == codes(RETURN, received())


STOCK: Final = 8  # the location in which the receipt put its goods


def at_hand(quantity: int, reserved: int = 0, *, version: int = 18, **more: Any) -> Image:
    """Return the receipt of 60 pieces and what is there of them now."""
    kept: dict[str, Value] = {"is_storable": True} if version >= 18 else {"type": "product"}
    line: dict[str, Value] = {"quantity_product_uom": Decimal(60)} if version >= 17 else {}
    return image(
        *received(version).records,
        row("stock.move.line", 711, move_id=71, location_dest_id=STOCK, lot_id=None, **line),
        row("stock.location", STOCK, **{"usage": "internal", "complete_name": "WH/Stock", **more}),
        row("product.product", 3, product_tmpl_id=30, default_code="B-1"),
        row("product.template", 30, name="Bolt", **{**kept, **more}),
        row(
            "stock.quant", 5, product_id=3, location_id=STOCK, lot_id=None,
            quantity=Decimal(quantity), reserved_quantity=Decimal(reserved),
        ),
        row(
            "stock.quant", 6, product_id=3, location_id=9, lot_id=None, quantity=Decimal(999),
            reserved_quantity=Decimal(0),
        ),
    )  # fmt: skip


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "quantity, reserved, found",
    [(60, 0, None), (100, 40, None), (59, 0, "59"), (60, 12, "48"), (0, 0, "0"), (10, 40, "0")],
)
def test_a_return_of_goods_that_are_not_there_is_told_before(
    version: int, quantity: int, reserved: int, found: str | None
) -> None:
    """What is gone, or promised to others, cannot go back; what lies elsewhere does not count."""
    stock = at_hand(quantity, reserved, version=version)
    told = action(RETURN.action, version).problems(RETURN, stock)
    assert ([] if found is None else [found]) == [problem.text.values["found"] for problem in told]
    assert {problem.code for problem in told} <= {"return.unavailable"}
    if found is not None:
        assert "[B-1] Bolt: 60 would go back" in str(told[0].text)
        assert "WH/Stock" in str(told[0].text)


def test_a_return_needs_the_lots_that_came() -> None:
    """More of one lot than it brought does not make up for another lot that is gone."""
    lots = image(
        *at_hand(200).records,
        row("stock.move.line", 712, move_id=71, location_dest_id=STOCK, lot_id=2,
            quantity_product_uom=Decimal(20)),
    )  # fmt: skip
    lots = but(lots, Ref("stock.move.line", "711"), quantity_product_uom=Decimal(40))
    (told,) = action(RETURN.action).problems(RETURN, lots)
    assert "40" == told.text.values["found"]


@pytest.mark.parametrize(
    "more", [{"usage": "customer"}, {"is_storable": False}, {"scrap_location": True}]
)
def test_where_odoo_reserves_nothing_nothing_can_be_missing(more: dict[str, Any]) -> None:
    """Goods come back from a customer, and goods of which no stock is kept are always there."""
    assert set() == codes(RETURN, at_hand(0, **more))


def test_stock_is_no_evidence_of_a_return() -> None:
    """Stock that moves between plan and run stops nothing: it is looked at, and all of it is trace."""
    found = action(RETURN.action)
    assert found.surroundings <= found.footprint.keys()
    for model in found.surroundings:
        assert found.footprint[model] <= found.trace[model]
    first = action("goods_receipt.make_return")
    assert first.footprint.keys().isdisjoint(found.surroundings)
