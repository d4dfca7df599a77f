"""Transfers, returns and counts of the practice Odoo behave as those of the real versions were measured to."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.odoo.engine import UserError
from tests.sandbox.odoo.desk import Desk
from tests.sandbox.odoo.office import MOVE, PICKING, PO, QUANT

RETURN = "stock.return.picking"
RETURN_LINE = "stock.return.picking.line"


def _returned(desk: Desk, picking: int, quantity: float | None) -> int:
    context: dict[str, Any] = {
        "active_id": picking,
        "active_ids": [picking],
        "active_model": PICKING,
    }
    wizard = desk.call(RETURN, "create", {"picking_id": picking}, **context)
    if desk.version == 16:
        for move in sorted(desk.get(PICKING, picking, "move_ids")):
            vals = {"wizard_id": wizard, "move_id": move, "quantity": quantity or 1.0}
            desk.call(RETURN_LINE, "create", vals)
    elif quantity is not None:
        lines = list(desk.get(RETURN, wizard, "product_return_moves"))
        desk.call(RETURN_LINE, "write", lines, {"quantity": quantity})
    method = "action_create_returns" if desk.version >= 18 else "create_returns"
    opened = desk.call(RETURN, method, [wizard], **context)
    return int(opened["res_id"])


def test_a_short_receipt_asks_and_makes_a_backorder(desk: Desk) -> None:
    """Nothing happens before the wizard is answered; then the rest waits in a transfer of its own."""
    picking = desk.arrange(lambda office: office.transfer("short"))

    asked = desk.call(PICKING, "button_validate", [picking])
    assert ("stock.backorder.confirmation", "assigned") == (
        asked["res_model"],
        desk.get(PICKING, picking, "state"),
    )
    wizard = desk.call(asked["res_model"], "create", {}, **asked["context"])
    assert True is desk.call(asked["res_model"], "process", [wizard], **asked["context"])

    (rest,) = desk.find(PICKING, ("backorder_id", "=", picking))
    assert ["done", "assigned"] == desk.all(PICKING, [picking, rest], "state")
    moves = desk.get(PICKING, rest, "move_ids")
    assert [2.5, 1.5, 1.0] == desk.all(MOVE, moves, "product_uom_qty")
    (order,) = desk.find(PO, ("picking_ids", "in", [rest]))
    assert "partial" == desk.get(PO, order, "receipt_status")


def test_16_asks_whether_all_was_moved(desk: Desk) -> None:
    """Without a done quantity 16 asks; later what is reserved counts."""
    picking = desk.arrange(lambda office: office.transfer("assigned"))

    answer = desk.call(PICKING, "button_validate", [picking])

    if desk.version >= 17:
        assert answer is True
    else:
        assert "stock.immediate.transfer" == answer["res_model"]
        wizard = desk.call(answer["res_model"], "create", {}, **answer["context"])
        assert True is desk.call(answer["res_model"], "process", [wizard], **answer["context"])
    assert "done" == desk.get(PICKING, picking, "state")


def test_a_transfer_that_is_done_is_not_cancelled(desk: Desk) -> None:
    """Odoo points at the return."""
    picking = desk.arrange(lambda office: office.transfer("done"))

    with pytest.raises(UserError, match="Create a return"):
        desk.call(PICKING, "action_cancel", [picking])


def test_confirming_a_cancelled_transfer_does_nothing(desk: Desk) -> None:
    """It answers True all the same."""
    picking = desk.arrange(lambda office: office.transfer("assigned"))
    desk.call(PICKING, "action_cancel", [picking])

    assert True is desk.call(PICKING, "action_confirm", [picking])

    assert "cancel" == desk.get(PICKING, picking, "state")


def test_a_written_state_lies(desk: Desk) -> None:
    """The state of a transfer can be written; the stock knows nothing of it."""
    picking = desk.arrange(lambda office: office.transfer("done"))
    before = desk.stored(QUANT)

    assert True is desk.call(PICKING, "write", [picking], {"state": "assigned"})

    assert "assigned" == desk.get(PICKING, picking, "state")
    assert before == desk.stored(QUANT)


def test_a_return_takes_goods_out_again(desk: Desk) -> None:
    """The counter-transfer is a document of its own; received quantities go down when it is done."""
    picking = desk.arrange(lambda office: office.transfer("done"))
    (order,) = desk.find(PO, ("picking_ids", "in", [picking]))

    back = _returned(desk, picking, 1.0)
    assert "assigned" == desk.get(PICKING, back, "state")
    desk.arrange(lambda office: office.fill(back))
    assert True is desk.call(PICKING, "button_validate", [back])

    lines = desk.get(PO, order, "order_line")
    assert [4.0, 2.0, 1.0] == desk.all("purchase.order.line", lines, "qty_received")


def test_a_return_without_quantities_is_refused_but_in_17(desk: Desk) -> None:
    """18 and 19 offer nothing, 17 offers all that can be returned."""
    picking = desk.arrange(lambda office: office.transfer("done"))
    if desk.version == 16:
        pytest.skip("16 leaves the lines to the screen")

    if desk.version == 17:
        back = _returned(desk, picking, None)
        assert [5.0, 3.0, 2.0] == desk.all(
            MOVE, desk.get(PICKING, back, "move_ids"), "product_uom_qty"
        )
    else:
        with pytest.raises(UserError, match="at least one non-zero quantity"):
            _returned(desk, picking, None)


def test_a_count_is_applied_by_a_move(desk: Desk) -> None:
    """The quantity becomes what was counted, a done move says so, the count is forgotten."""
    quant = desk.arrange(lambda office: office.counted(10.0))

    assert desk.call(QUANT, "action_apply_inventory", [quant]) is None

    names = ("quantity", "inventory_quantity", "inventory_quantity_set", "user_id", "is_outdated")
    assert (10.0, 0.0, False, False, False) == tuple(desk.get(QUANT, quant, name) for name in names)
    (move,) = desk.find(MOVE, ("is_inventory", "=", True))
    assert ("done", 10.0) == (
        desk.get(MOVE, move, "state"),
        desk.get(MOVE, move, "product_uom_qty"),
    )


def test_a_second_count_back_is_the_undo(desk: Desk) -> None:
    """The same quant is counted again; two moves remain."""
    quant = desk.arrange(lambda office: office.counted(10.0))
    desk.call(QUANT, "action_apply_inventory", [quant])
    vals = {
        "product_id": desk.get(QUANT, quant, "product_id"),
        "location_id": desk.get(QUANT, quant, "location_id"),
        "inventory_quantity": 4.0,
    }

    assert quant == desk.call(QUANT, "create", vals, inventory_mode=True)
    desk.call(QUANT, "action_apply_inventory", [quant])

    assert 4.0 == desk.get(QUANT, quant, "quantity")
    assert 2 == len(desk.find(MOVE, ("is_inventory", "=", True)))


def test_a_count_that_is_outdated_is_not_applied(desk: Desk) -> None:
    """Stock moved since the count was entered: a wizard comes back, nothing is changed."""
    quant = desk.arrange(lambda office: office.counted(10.0))
    desk.call(QUANT, "write", [quant], {"quantity": 3.0})

    answer = desk.call(QUANT, "action_apply_inventory", [quant])

    assert ("stock.inventory.conflict", [quant]) == (
        answer["res_model"],
        answer["context"]["default_quant_to_fix_ids"],
    )
    assert 3.0 == desk.get(QUANT, quant, "quantity")


def test_the_derived_quantity_of_a_move_is_refused(desk: Desk) -> None:
    """Only the demand may be written."""
    picking = desk.arrange(lambda office: office.transfer("assigned"))
    (move, *_) = desk.get(PICKING, picking, "move_ids")

    with pytest.raises(UserError, match="product_uom_qty"):
        desk.call(MOVE, "write", [move], {"product_qty": 1.0})
