"""Sales orders of the practice Odoo behave as those of the real versions were measured to."""

from __future__ import annotations

import pytest

from sandbox.odoo.engine import UserError
from tests.sandbox.odoo.desk import Desk
from tests.sandbox.odoo.office import INVOICE, MOVE, PICKING, SO, Office

LINE = "sale.order.line"
WORLD = (SO, LINE, PICKING, MOVE, "stock.quant", "account.move")


def _invoiced(office: Office, order: int) -> int:
    line = office.env[SO].get(order, "order_line")[0]
    invoice = {
        "move_type": "out_invoice",
        "partner_id": office.company.partners["customer"],
        "invoice_date": "2026-11-10",
        "invoice_line_ids": [
            (0, 0, {"name": "x", "price_unit": 1.0, "sale_line_ids": [(6, 0, [line])]})
        ],
    }
    return office.env[INVOICE].create(invoice)


def test_cancelling_asks_first_up_to_18(desk: Desk) -> None:
    """A confirmed order is not cancelled but answered with a wizard; 19 acts at once."""
    (order,) = desk.arrange(lambda office: office.sales())

    answer = desk.call(SO, "action_cancel", [order])

    if desk.version >= 19:
        assert answer is True
        assert "cancel" == desk.get(SO, order, "state")
    else:
        assert "sale.order.cancel" == answer["res_model"]
        assert "sale" == desk.get(SO, order, "state")


def test_cancelling_several_without_the_context_is_a_singleton_error_up_to_18(desk: Desk) -> None:
    """The wizard is for one order; several are Python's error."""
    ids = desk.arrange(lambda office: office.sales(2))

    if desk.version >= 19:
        assert True is desk.call(SO, "action_cancel", ids)
    else:
        with pytest.raises(ValueError, match="Expected singleton"):
            desk.call(SO, "action_cancel", ids)


def test_cancelling_takes_draft_invoices_along_and_leaves_posted_ones(desk: Desk) -> None:
    """Draft invoices are cancelled with the order and do not come back with it."""
    (order,) = desk.arrange(lambda office: office.sales())
    draft = desk.arrange(lambda office: _invoiced(office, order))
    posted = desk.arrange(lambda office: _invoiced(office, order))
    desk.call(INVOICE, "action_post", [posted])

    desk.call(SO, "action_cancel", [order], disable_cancel_warning=True)
    assert ("cancel", "posted") == tuple(
        desk.get(INVOICE, each, "state") for each in (draft, posted)
    )

    desk.call(SO, "action_draft", [order])
    desk.call(SO, "action_confirm", [order])
    assert "cancel" == desk.get(INVOICE, draft, "state")


def test_a_locked_order_refuses_protected_fields_by_their_labels(desk: Desk) -> None:
    """Quantity is protected everywhere, discount only in 19, the header nowhere."""
    (order,) = desk.arrange(lambda office: office.sales(state="locked"))
    line = min(desk.get(SO, order, "order_line"))

    with pytest.raises(UserError, match=r"locked order:\nQuantity$"):
        desk.call(LINE, "write", [line], {"product_uom_qty": 5})
    if desk.version >= 19:
        with pytest.raises(UserError, match="locked order"):
            desk.call(LINE, "write", [line], {"discount": 5})
    else:
        assert True is desk.call(LINE, "write", [line], {"discount": 5})
    assert True is desk.call(SO, "write", [order], {"client_order_ref": "X"})


def test_a_lock_leaves_a_message_but_not_in_17(desk: Desk) -> None:
    """17 does not track the flag."""
    (order,) = desk.arrange(lambda office: office.sales())
    before = len(desk.get(SO, order, "message_ids"))

    assert desk.call(SO, desk.lock_sale, [order]) is None

    expected = before + (0 if desk.version == 17 else 1)
    assert expected == len(desk.get(SO, order, "message_ids"))


def test_the_exact_restore_gives_back_every_stored_field(desk: Desk) -> None:
    """Moves to draft, the old delivery confirmed, the state written: only move lines are new."""
    desk.arrange(lambda office: office.env["stock.quant"].insert(
        {
            "product_id": office.company.products["goods"],
            "location_id": office.company.locations["stock"],
            "quantity": 5.0,
            "in_date": "2026-01-01 00:00:00",
        }
    ))  # fmt: skip
    (order,) = desk.arrange(lambda office: office.sales())
    before = desk.stored(*WORLD)
    (picking,) = desk.get(SO, order, "picking_ids")
    moves = list(desk.get(PICKING, picking, "move_ids"))
    desk.call(SO, "action_cancel", [order], disable_cancel_warning=True)
    assert before != desk.stored(*WORLD)

    desk.call(MOVE, "write", moves, {"state": "draft"})
    desk.call(PICKING, "action_confirm", [picking])
    desk.call(PICKING, "action_assign", [picking])
    desk.call(SO, "write", [order], {"state": "sale"})

    assert before == desk.stored(*WORLD)


def test_rewriting_an_unchanged_quantity_resets_the_price_up_to_17(desk: Desk) -> None:
    """A manual price is lost by writing back what stands there."""
    (order,) = desk.arrange(lambda office: office.sales())
    line = min(desk.get(SO, order, "order_line"))
    desk.call(LINE, "write", [line], {"price_unit": 199.0})

    desk.call(LINE, "write", [line], {"product_uom_qty": desk.get(LINE, line, "product_uom_qty")})

    expected = 199.0 if desk.version >= 18 else 250.0
    assert expected == desk.get(LINE, line, "price_unit")
    desk.call(LINE, "write", [line], {"price_unit": 199.0})
    desk.call(LINE, "write", [line], {"display_type": False})
    assert 250.0 == desk.get(LINE, line, "price_unit")


def test_the_price_list_of_a_confirmed_order_is_refused_from_17_on(desk: Desk) -> None:
    """16 takes it."""
    (order,) = desk.arrange(lambda office: office.sales())
    vals = {"pricelist_id": desk.get(SO, order, "pricelist_id")}

    if desk.version == 16:
        assert True is desk.call(SO, "write", [order], vals)
    else:
        with pytest.raises(UserError, match="pricelist"):
            desk.call(SO, "write", [order], vals)


def test_delivering_counts_and_makes_it_invoiceable(desk: Desk) -> None:
    """What was delivered can be invoiced; a return takes it back."""
    desk.arrange(lambda office: office.env["stock.quant"].insert(
        {
            "product_id": office.company.products["goods"],
            "location_id": office.company.locations["stock"],
            "quantity": 50.0,
            "in_date": "2026-01-01 00:00:00",
        }
    ))  # fmt: skip
    (order,) = desk.arrange(lambda office: office.sales())
    (picking,) = desk.get(SO, order, "picking_ids")
    desk.arrange(lambda office: office.fill(picking))

    assert True is desk.call(PICKING, "button_validate", [picking])

    lines = desk.get(SO, order, "order_line")
    assert [4.0, 2.0] == desk.all(LINE, lines, "qty_delivered")
    assert ("full", "to invoice") == (
        desk.get(SO, order, "delivery_status"),
        desk.get(SO, order, "invoice_status"),
    )
    (quant,) = desk.find(
        "stock.quant",
        ("product_id", "=", desk.company.products["goods"]),
        ("location_id", "=", desk.company.locations["stock"]),
    )
    assert (44.0, 0.0) == (
        desk.get("stock.quant", quant, "quantity"),
        desk.get("stock.quant", quant, "reserved_quantity"),
    )
