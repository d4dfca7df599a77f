"""Promises of purchase and sales orders as canonical columns, in every version."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from connectors.contract import Kind
from connectors.odoo.order_sources import net_price
from tests.unit.connectors.odoo.stand_in import NOON, VERSIONS, Odoo, on

PURCHASES = Kind.PURCHASE_ORDER
SALES = Kind.SALES_ORDER


@pytest.fixture(params=VERSIONS)
def odoo(request: pytest.FixtureRequest) -> Odoo:
    return Odoo(request.param)


def order(odoo: Odoo, key: int = 1, *, state: str = "purchase", **values: Any) -> None:
    given: dict[str, Any] = {"partner_id": 5, "currency_id": 1, "user_id": 7, "state": state}
    odoo.add("purchase.order", key, name=f"P{key}", **(given | values))


def line(odoo: Odoo, key: int, order: int = 1, **values: Any) -> None:
    given: dict[str, Any] = {
        "product_id": 3, "product_uom": 1, "product_uom_id": 1, "product_qty": Decimal(10),
        "price_unit": Decimal(7), "qty_received_method": "stock_moves",
    }  # fmt: skip
    values = given | values
    subtotal = values["product_qty"] * values["price_unit"]
    odoo.add("purchase.order.line", key, order_id=order, **({"price_subtotal": subtotal} | values))


def billed(odoo: Odoo, key: int, line: int, quantity: int, **values: Any) -> None:
    given = {"parent_state": "posted", "move_type": "in_invoice", "product_uom_id": 1}
    odoo.add(
        "account.move.line",
        key,
        purchase_line_id=line,
        quantity=Decimal(quantity),
        **(given | values),
    )


def only(odoo: Odoo, kind: Kind = PURCHASES, **criteria: Any) -> dict[str, Any]:
    (row,) = odoo.documents(kind, **criteria)
    return row


def test_receipt_is_quantity_against_quantity(odoo: Odoo) -> None:
    """What was not received stays to be received, whatever became of the receipt; never below zero a line."""
    order(odoo)
    line(odoo, 1, qty_received=Decimal(4))
    line(odoo, 2, qty_received=Decimal(12))
    row = only(odoo)
    assert (Decimal(20), Decimal(16)) == (row["ordered_quantity"], row["received_quantity"])
    assert (Decimal(6), Decimal(42)) == (row["remaining_quantity"], row["remaining_amount"])


def test_only_posted_bills_count(odoo: Odoo) -> None:
    """A draft is not billed, a credit note takes off, and another unit is converted exactly."""
    order(odoo)
    line(odoo, 1, product_uom=2, product_uom_id=2)
    billed(odoo, 1, 1, 30)
    billed(odoo, 2, 1, 100, parent_state="draft")
    billed(odoo, 3, 1, 1, product_uom_id=2, move_type="in_refund")
    assert Decimal("1.5") == only(odoo)["invoiced_quantity"]
    (row,) = odoo.lines(PURCHASES)
    assert ("Dozen", Decimal("1.5")) == (row["unit"], row["invoiced_quantity"])


def test_twelve_bills_of_one_make_a_dozen(odoo: Odoo) -> None:
    """Parts of a unit are summed before they are rounded."""
    order(odoo)
    line(odoo, 1, product_uom=2, product_uom_id=2)
    for key in range(12):
        billed(odoo, key, 1, 1)
    assert Decimal(1) == only(odoo)["invoiced_quantity"]


def test_sections_and_down_payments_are_no_lines() -> None:
    """Nothing is ordered with them."""
    odoo = Odoo(18)
    order(odoo)
    line(odoo, 1)
    line(odoo, 2, display_type="line_section", product_qty=Decimal(0))
    line(odoo, 3, is_downpayment=True)
    assert Decimal(10) == only(odoo)["ordered_quantity"]
    assert [("1", 1)] == [(row["key"], row["position"]) for row in odoo.lines(PURCHASES)]


def test_lines_stand_in_their_order(odoo: Odoo) -> None:
    """Position is the place on the document, not the age of the line."""
    order(odoo)
    line(odoo, 1, sequence=20)
    line(odoo, 2, sequence=10)
    assert ["2", "1"] == [row["key"] for row in odoo.lines(PURCHASES)]


def test_who_and_when(odoo: Odoo) -> None:
    """Names are people's names, keys are ids, dates are days."""
    order(odoo, partner_ref="their 1", amount_total=Decimal(70), date_approve=None)
    line(odoo, 1)
    row = only(odoo)
    names = ("partner", "partner_key", "company", "owner", "changed_by", "reference", "currency")
    assert ["Azure", "5", "Storno Ltd", "Ada", "Ada", "their 1", "EUR"] == [row[n] for n in names]
    assert ("P1", "purchase", Decimal(70)) == (row["number"], row["state"], row["amount"])
    (item,) = odoo.lines(PURCHASES)
    assert ("CH", "3", "P1", "1") == tuple(
        item[n] for n in ("item", "item_key", "number", "document_key")
    )


# --- closed ---------------------------------------------------------------------------------------------


def make_states(odoo: Odoo) -> None:
    """Order 1 open and complete, 2 locked with a rest, 3 locked and complete, 4 cancelled, 5 a draft."""
    is_flag = odoo.version >= 19
    locked: dict[str, Any] = {"state": "purchase" if is_flag else "done", "locked": True}
    order(odoo, 1)
    order(odoo, 2, **locked)
    order(odoo, 3, **locked)
    order(odoo, 4, state="cancel")
    order(odoo, 5, state="draft", locked=True)
    for key in range(1, 6):
        is_complete = key in (1, 3)
        line(odoo, key, key, qty_received=Decimal(10 if is_complete else 4))
        billed(odoo, key, key, 10 if is_complete else 4)


def test_closed_is_locked_or_cancelled(odoo: Odoo) -> None:
    """An order that is complete takes more until it is locked; a locked draft is still a draft."""
    make_states(odoo)
    found = {row["key"]: (row["is_closed"], row["closed_how"]) for row in odoo.documents(PURCHASES)}
    assert {
        "1": (False, None),
        "2": (True, "by_hand"),
        "3": (True, "by_itself"),
        "4": (True, "by_hand"),
        "5": (False, None),
    } == found


@pytest.mark.parametrize("po_lock", ["edit", "lock"])
@pytest.mark.parametrize("is_closed", [True, False])
def test_what_odoo_filters_agrees_with_the_column(
    odoo: Odoo, po_lock: str, *, is_closed: bool
) -> None:
    """Asked for closed or open documents, exactly those come whose column says so; lines likewise."""
    odoo.rows["res.company"][1]["po_lock"] = po_lock
    make_states(odoo)
    expected = {row["key"] for row in odoo.documents(PURCHASES) if row["is_closed"] is is_closed}
    assert expected
    assert expected == {row["key"] for row in odoo.documents(PURCHASES, is_closed=is_closed)}
    assert expected == {row["document_key"] for row in odoo.lines(PURCHASES, is_closed=is_closed)}


def test_a_lock_says_nothing_where_every_order_is_locked(odoo: Odoo) -> None:
    """Where confirming locks, closed is what is cancelled, or received and billed in full."""
    odoo.rows["res.company"][1]["po_lock"] = "lock"
    make_states(odoo)
    found = {row["key"]: (row["is_closed"], row["closed_how"]) for row in odoo.documents(PURCHASES)}
    assert {"1", "3", "4"} == {key for key, (is_closed, _) in found.items() if is_closed}
    assert ("by_itself", "by_hand") == (found["3"][1], found["4"][1])


def test_services_are_complete_when_billed(odoo: Odoo) -> None:
    """Nobody enters receipts of services: the bill decides, but nothing is taken for received."""
    odoo.rows["res.company"][1]["po_lock"] = "lock"
    order(odoo)
    line(odoo, 1, qty_received_method="manual")
    assert only(odoo)["is_closed"] is False
    billed(odoo, 1, 1, 10)
    row = only(odoo)
    assert (True, Decimal(0), Decimal(10)) == (
        row["is_closed"], row["received_quantity"], row["remaining_quantity"],
    )  # fmt: skip


def test_services_that_are_counted_must_be_there(odoo: Odoo) -> None:
    """Where people enter what they got of a service, the bill alone does not decide."""
    odoo.rows["res.company"][1]["po_lock"] = "lock"
    order(odoo)
    line(odoo, 1, qty_received_method="manual", qty_received=Decimal(6))
    billed(odoo, 1, 1, 10)
    assert only(odoo)["is_closed"] is False


def test_more_received_than_billed_is_not_complete(odoo: Odoo) -> None:
    """What came too much can still be billed."""
    odoo.rows["res.company"][1]["po_lock"] = "lock"
    order(odoo)
    line(odoo, 1, qty_received=Decimal(12))
    billed(odoo, 1, 1, 10)
    assert only(odoo)["is_closed"] is False


def test_hidden_bills_are_not_guessed(odoo: Odoo) -> None:
    """A user who may not read invoices sees no invoiced quantity, and not how a locked order ended."""
    make_states(odoo)
    odoo.hidden.add("account.move.line")
    rows = {row["key"]: row for row in odoo.documents(PURCHASES)}
    assert {None} == {row["invoiced_quantity"] for row in rows.values()}
    assert (True, None) == (rows["3"]["is_closed"], rows["3"]["closed_how"])
    assert "by_hand" == rows["2"]["closed_how"]


# --- sales ------------------------------------------------------------------------------------------------


def sale(odoo: Odoo, key: int = 1, *, state: str = "sale", **values: Any) -> None:
    odoo.add("sale.order", key, name=f"S{key}", state=state, currency_id=1, **values)
    odoo.add(
        "sale.order.line", key, order_id=key, product_id=3, product_uom=1, product_uom_id=1,
        product_uom_qty=Decimal(3), qty_delivered=Decimal(2), qty_delivered_method="stock_move",
        price_unit=Decimal(10), price_subtotal=Decimal(30),
    )  # fmt: skip


def test_an_invoice_line_may_serve_several_orders(odoo: Odoo) -> None:
    """Sales orders and invoice lines know each other many to many."""
    sale(odoo, 1)
    sale(odoo, 2)
    odoo.add(
        "account.move.line", 1, sale_line_ids=(1, 2), quantity=Decimal(3), product_uom_id=1,
        parent_state="posted", move_type="out_invoice",
    )  # fmt: skip
    rows = odoo.documents(SALES)
    assert [Decimal(3), Decimal(3)] == [row["invoiced_quantity"] for row in rows]
    assert [Decimal(1), Decimal(1)] == [row["remaining_quantity"] for row in rows]


@pytest.mark.parametrize("is_closed", [True, False])
@pytest.mark.parametrize("locks", [True, False])
@pytest.mark.parametrize("version", VERSIONS)
def test_sales_are_closed_by_a_lock(version: int, *, locks: bool, is_closed: bool) -> None:
    """As purchases; that every order is locked by itself is a user group there."""
    odoo = Odoo(version, locks_sales=locks)
    sale(odoo, 1)
    sale(odoo, 2, state="done" if version == 16 else "sale", locked=True)
    sale(odoo, 3, state="cancel")
    sale(odoo, 4, state="draft", locked=True)
    closed = {"3"} if locks else {"2", "3"}
    expected = closed if is_closed else {"1", "2", "3", "4"} - closed
    assert expected == {row["key"] for row in odoo.documents(SALES, is_closed=is_closed)}


# --- prices -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "price, discount, subtotal, expected",
    [
        ("3.333", "0", "10.00", "3.333"),  # rounded only in the sum
        ("10", "10", "27.00", "9"),
        ("12", "0", "30.00", "10"),  # with 20 % of tax in it
        ("12", None, "36.00", "12"),
    ],
)
def test_net_price(price: str, discount: str | None, subtotal: str, expected: str) -> None:
    """The price is without tax and after discount, and as exact as Odoo's own."""
    line = {
        "price_unit": Decimal(price),
        "discount": None if discount is None else Decimal(discount),
        "price_subtotal": Decimal(subtotal),
    }
    assert Decimal(expected) == net_price(line, Decimal(3), "EUR")


def test_dates_of_a_sale(odoo: Odoo) -> None:
    """Due is what was promised; nothing is guessed where nothing was."""
    sale(odoo, 1, date_order=NOON, commitment_date=NOON)
    sale(odoo, 2, date_order=NOON)
    assert [on("2026-11-20"), None] == [row["due"] for row in odoo.documents(SALES)]
    assert on("2026-11-20") == odoo.documents(SALES)[0]["date"]


def test_one_page_costs_few_questions(odoo: Odoo) -> None:
    """However many orders a page holds, names, units, lines and bills are asked for once."""
    for key in range(1, 101):
        order(odoo, key)
        line(odoo, key, key)
    odoo.documents(PURCHASES)
    assert dict.fromkeys(odoo.asked, 1) | {"res.company": 2} == {
        model: odoo.asked.count(model) for model in odoo.asked
    }
