"""Purchase orders of the practice Odoo behave as those of the real versions were measured to."""

from __future__ import annotations

import pytest

from sandbox.odoo.engine import AccessError, UserError
from tests.sandbox.odoo.desk import Desk
from tests.sandbox.odoo.office import MOVE, PICKING, PO

LINE = "purchase.order.line"
WORLD = (PO, LINE, PICKING, MOVE, "stock.quant", "account.move")


def test_confirming_makes_a_receipt_with_a_move_for_each_line(desk: Desk) -> None:
    """A confirmed order has one receipt, ready, and three messages told of it."""
    (order,) = desk.arrange(lambda office: office.purchases())
    (picking,) = desk.get(PO, order, "picking_ids")

    assert ("purchase", "pending") == (
        desk.get(PO, order, "state"),
        desk.get(PO, order, "receipt_status"),
    )
    assert "assigned" == desk.get(PICKING, picking, "state")
    assert [5.0, 3.0, 2.0] == desk.all(
        MOVE, desk.get(PICKING, picking, "move_ids"), "product_uom_qty"
    )
    assert 2 == len(desk.get(PICKING, picking, "message_ids"))


def test_locking_takes_the_star_up_to_18_and_asks_for_no_state(desk: Desk) -> None:
    """Up to 18 a lock is a state and the star goes; 19 has a flag. A cancelled order is locked like any other."""
    (order,) = desk.arrange(lambda office: office.purchases(priority="1"))
    (cancelled,) = desk.arrange(lambda office: office.purchases(state="cancel"))

    assert desk.call(PO, desk.lock_order, [order, cancelled]) is None

    locked = ("purchase", "1") if desk.version >= 19 else ("done", "0")
    assert locked == (desk.get(PO, order, "state"), desk.get(PO, order, "priority"))
    expected = "cancel" if desk.version >= 19 else "done"
    assert expected == desk.get(PO, cancelled, "state")


def test_unlocking_a_locked_draft_makes_an_order_without_receipt_up_to_18(desk: Desk) -> None:
    """Draft, lock, unlock: up to 18 that is a confirmed order that nobody delivers."""
    (order,) = desk.arrange(lambda office: office.purchases(state="draft"))
    desk.call(PO, desk.lock_order, [order])

    desk.call(PO, "button_unlock", [order])

    expected = "draft" if desk.version >= 19 else "purchase"
    assert expected == desk.get(PO, order, "state")
    assert () == desk.get(PO, order, "picking_ids")


def test_the_exact_restore_gives_back_every_stored_field(desk: Desk) -> None:
    """Moves to draft, the old receipt confirmed, the state written: only the lines of the moves are new."""
    (order,) = desk.arrange(lambda office: office.purchases())
    before = desk.stored(*WORLD)
    (picking,) = desk.get(PO, order, "picking_ids")
    moves = desk.get(PICKING, picking, "move_ids")
    references = desk.get(PO, order, "reference_ids") if desk.version >= 19 else ()
    lines = desk.find("stock.move.line")
    desk.call(PO, "button_cancel", [order])
    assert [] == desk.find("stock.move.line")

    desk.call(MOVE, "write", list(moves), {"state": "draft"})
    desk.call(PICKING, "action_confirm", [picking])
    vals = {"state": "purchase"}
    if desk.version >= 19:
        vals["reference_ids"] = [(6, 0, list(references))]  # type: ignore[assignment]
    desk.call(PO, "write", [order], vals)

    assert before == desk.stored(*WORLD)
    assert len(lines) == len(desk.find("stock.move.line"))
    assert set(lines).isdisjoint(desk.find("stock.move.line"))


def test_draft_and_confirm_make_another_world(desk: Desk) -> None:
    """The methods bring a new receipt; the cancelled one stays."""
    (order,) = desk.arrange(lambda office: office.purchases(state="cancel"))

    assert {} == desk.call(PO, "button_draft", [order])
    assert True is desk.call(PO, "button_confirm", [order])

    states = desk.all(PICKING, desk.get(PO, order, "picking_ids"), "state")
    assert ["cancel", "assigned"] == states


def test_an_unchanged_quantity_resets_the_negotiated_price_up_to_18(desk: Desk) -> None:
    """Writing back what stands there already brings the vendor's price list back."""
    (order,) = desk.arrange(lambda office: office.purchases())
    line = min(desk.get(PO, order, "order_line"))
    now = desk.get(LINE, line, "product_qty")

    desk.call(LINE, "write", [line], {"product_qty": now})

    expected = 10.0 if desk.version >= 19 else 5.0
    assert expected == desk.get(LINE, line, "price_unit")


def test_an_explicit_price_wins_over_the_price_list(desk: Desk) -> None:
    """Quantity, price and date in one write stay as they were written."""
    (order,) = desk.arrange(lambda office: office.purchases())
    line = min(desk.get(PO, order, "order_line"))
    vals = {"product_qty": 6.0, "price_unit": 77.5, "date_planned": "2026-12-24 10:00:00"}

    desk.call(LINE, "write", [line], vals)

    assert (6.0, 77.5, "2026-12-24 10:00:00") == tuple(desk.get(LINE, line, name) for name in vals)


def test_writing_the_vendor_again_resets_prices_from_18_on(desk: Desk) -> None:
    """The same vendor on the header: 18 and 19 take every price from his list."""
    (order,) = desk.arrange(lambda office: office.purchases())
    line = min(desk.get(PO, order, "order_line"))

    desk.call(PO, "write", [order], {"partner_id": desk.get(PO, order, "partner_id")})

    expected = 5.0 if desk.version >= 18 else 10.0
    assert expected == desk.get(LINE, line, "price_unit")


def test_a_received_order_is_cancelled_only_in_19(desk: Desk) -> None:
    """Up to 18 a receipt stands in the way; 19 cancels the order and leaves the receipt done."""
    (order,) = desk.arrange(lambda office: office.purchases())
    picking = desk.arrange(lambda office: office.receive(order))

    if desk.version >= 19:
        desk.call(PO, "button_cancel", [order])
    else:
        with pytest.raises(UserError, match=desk.get(PO, order, "name")):
            desk.call(PO, "button_cancel", [order])

    assert "done" == desk.get(PICKING, picking, "state")
    expected = "cancel" if desk.version >= 19 else "purchase"
    assert expected == desk.get(PO, order, "state")


def test_full_receipt_says_nothing_of_quantities(desk: Desk) -> None:
    """Half is received, the rest is dropped: the status is full, the lines know better."""
    picking = desk.arrange(lambda office: office.transfer("short"))
    asked = desk.call(PICKING, "button_validate", [picking])
    wizard = desk.call(asked["res_model"], "create", {}, **asked["context"])

    assert True is desk.call(
        asked["res_model"], "process_cancel_backorder", [wizard], **asked["context"]
    )

    (order,) = desk.find(PO, ("picking_ids", "in", [picking]))
    assert "full" == desk.get(PO, order, "receipt_status")
    lines = desk.get(PO, order, "order_line")
    assert [2.5, 1.5, 1.0] == desk.all(LINE, lines, "qty_received")


def test_a_draft_bill_counts_as_billed(desk: Desk) -> None:
    """The order says billed as soon as a draft bill says so."""
    (order,) = desk.arrange(lambda office: office.purchases())
    desk.arrange(lambda office: office.receive(order))

    bill = desk.arrange(lambda office: office.bill(order))

    assert (bill,) == desk.get(PO, order, "invoice_ids")
    line = min(desk.get(PO, order, "order_line"))
    assert 1.0 == desk.get(LINE, line, "qty_invoiced")


def test_a_refused_batch_changes_nothing(desk: Desk) -> None:
    """One of two cannot be cancelled: the other is not cancelled either."""
    first, second = desk.arrange(lambda office: office.purchases(2))
    bill = desk.arrange(lambda office: office.bill(second))
    desk.call("account.move", "action_post", [bill])

    with pytest.raises(UserError):
        desk.call(PO, "button_cancel", [first, second])

    assert ["purchase", "purchase"] == desk.all(PO, (first, second), "state")


def test_somebody_without_rights_may_not_lock(desk: Desk) -> None:
    """Methods ask for the rights of the model."""
    (order,) = desk.arrange(lambda office: office.purchases())

    with pytest.raises(AccessError):
        desk.call(PO, desk.lock_order, [order], login="lim")

    assert "purchase" == desk.get(PO, order, "state")
    desk.call(PO, desk.lock_order, [order], login="buyer")


def test_a_setting_makes_confirming_lock(desk: Desk) -> None:
    """With the company's setting an order is locked as soon as it is confirmed."""
    desk.call("res.company", "write", [desk.company.company], {"po_lock": "lock"})

    (order,) = desk.arrange(lambda office: office.purchases())

    if desk.version >= 19:
        assert desk.get(PO, order, "locked") is True
    else:
        assert "done" == desk.get(PO, order, "state")
