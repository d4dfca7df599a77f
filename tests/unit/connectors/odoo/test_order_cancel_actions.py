"""Promises of cancelling an order and of its exact way back, judged from images for the versions 16 to 19."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from connectors.contract import Effect, Image, Step
from core.encoding import Value
from tests.unit.connectors.odoo.order_scenes import (
    DAY,
    PURCHASE_REF,
    SALE_REF,
    VERSIONS,
    action,
    but,
    cancelled,
    locked,
    purchase,
    sale,
    sent,
    without,
)


def step(name: str, **arguments: Value) -> Step:
    return Step(name, PURCHASE_REF if name.startswith("purchase") else SALE_REF, arguments)


def codes(name: str, image: Image, version: int = 18) -> set[str]:
    return {p.code for p in action(name, version).problems(step(name), image)}


# --- cancel -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
def test_nothing_came_so_it_can_be_cancelled(version: int) -> None:
    """An order without receipts, bills and chains has no problem."""
    assert set() == codes("purchase_order.cancel", purchase(), version)
    assert set() == codes("sales_order.cancel", sale(), version)


BOTH = ("purchase_order.cancel", "sales_order.cancel")


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", BOTH)
def test_locked_orders_are_not_cancelled(name: str, version: int) -> None:
    """Odoo asks for unlocking in some versions only; we always do."""
    image = purchase() if name.startswith("purchase") else sale()
    assert {"locked"} == codes(name, locked(image, version), version)


@pytest.mark.parametrize("version", VERSIONS)
def test_received_orders_are_not_cancelled(version: int) -> None:
    """Odoo 19 cancels a purchase order whose goods came, and any version a sale: we never do."""
    moved = but(purchase(), "stock.move", 81, state="done")
    assert {"received"} == codes("purchase_order.cancel", moved, version)
    by_hand = but(sale(), "sale.order.line", 1, qty_delivered=Decimal(1))
    assert {"received"} == codes("sales_order.cancel", by_hand, version)


@pytest.mark.parametrize(
    "image, expected",
    [
        (but(sale(), "account.move", state="posted", name="INV/1"), "billed"),
        (but(sale(), "account.move", auto_post="monthly"), "invoice.auto_post"),
        (but(sale(), "sale.order.line", 1, reward_id=3), "reward"),
        (sale(repair_order_ids=(3,)), "repair"),
        (but(sale(), "stock.move", 81, move_orig_ids=(70,)), "transfer.chained"),
        (but(sale(), "stock.move", 81, procure_method="make_to_order"), "transfer.chained"),
        (but(sale(), "stock.move", 81, picked=True), "transfer.entered"),
        (but(sale(), "stock.move", 81, sale_line_id=77), "transfer.shared"),
        (sale(state="cancel"), "state.cancel"),
    ],
)
def test_what_cancelling_would_lose(image: Image, expected: str) -> None:
    """What no call brings back is refused beforehand."""
    assert {expected} == codes("sales_order.cancel", image)


def chained(image: Image) -> Image:
    """Return the order with a second move that waits for its first: pick, then ship."""
    image = but(image, "stock.move", 81, move_dest_ids=(82,))
    return but(image, "stock.move", 82, move_orig_ids=(81,), procure_method="make_to_order")


def test_chain_of_its_own_comes_back() -> None:
    """Pick, pack and ship of one order are cancelled together, and chained again before they are confirmed."""
    before = chained(sale())
    after = but(cancelled(before), "stock.move", move_orig_ids=(), procure_method="make_to_stock")
    assert set() == codes("sales_order.cancel", before)
    _, chain, *_ = action("sales_order.cancel").inverse(step("sales_order.cancel"), before, after)
    names = [name for name, _ in inverse("sales_order.cancel", before, after)]
    assert ["draft_moves", "restore_chain", "assign_transfers"] == names[:3]
    assert {"moves": (82,), "origins": ("81",), "methods": ("make_to_order",)} == chain.arguments
    server = sent(chain.action, after, **dict[str, Any](chain.arguments))
    lines = [["82", "81", "make_to_order"]]
    expected = ("stock.move", "load", [[".id", "move_orig_ids/.id", "procure_method"], lines])
    assert [expected] == server.calls
    found = action(chain.action)
    assert (False, True) == (
        found.is_done(chain, after, after),
        found.is_done(chain, after, before),
    )
    (back,) = found.inverse(chain, after, before)
    assert ((82,), ("",), ("make_to_stock",)) == tuple(back.arguments.values())


@pytest.mark.parametrize(
    "image",
    [
        but(chained(sale()), "stock.move", 81, state="done"),
        but(chained(sale()), "stock.move", 81, move_dest_ids=(82, 99)),
        but(chained(sale()), "stock.move", 82, move_orig_ids=()),
    ],
)
def test_chain_with_others_does_not(image: Image) -> None:
    """What feeds another document, or waits for one, would be loosened for good."""
    assert "transfer.chained" in codes("sales_order.cancel", image)


def test_lines_ordered_for_others_are_not_cancelled() -> None:
    """Cancelling a draft purchase cuts its lines loose from the moves that wait for them, before any receipt."""
    image = without(purchase(state="draft"), "stock.picking", "stock.move", "stock.move.line")
    image = but(image, "purchase.order.line", 1, move_dest_ids=(111,))
    assert {"transfer.chained"} == codes("purchase_order.cancel", image)


def test_draft_bills_stay() -> None:
    """A purchase order with a draft or cancelled bill can be cancelled, as in Odoo."""
    image = sale()
    assert set() == codes("sales_order.cancel", but(image, "account.move", state="cancel"))


@pytest.mark.parametrize("version", VERSIONS)
def test_sale_is_cancelled_without_the_question(version: int) -> None:
    """Without its context Odoo answers with a wizard until 18 and changes nothing."""
    server = sent("sales_order.cancel", sale(9), sale(10), version=version)
    assert [("sale.order", "action_cancel", [[9, 10]])] == server.calls
    assert server.contexts[0]["disable_cancel_warning"] is True


def test_cancelled_only_with_its_transfers() -> None:
    """The order is cancelled when its transfers are too."""
    found, before = action("purchase_order.cancel"), purchase()
    after = cancelled(before)
    assert found.is_done(step("purchase_order.cancel"), before, after)
    half = but(after, "stock.move", 81, state="assigned")
    assert not found.is_done(step("purchase_order.cancel"), before, half)


def inverse(name: str, before: Image, after: Image) -> list[tuple[str, dict[str, Any]]]:
    steps = action(name).inverse(step(name), before, after)
    return [(each.action.partition(".")[2], dict(each.arguments)) for each in steps]


def test_exact_way_back_of_a_purchase() -> None:
    """The old moves and transfers come back, then the state: not `button_draft` and `button_confirm`."""
    before = purchase(mail_reminder_confirmed=True)
    expected = [
        ("draft_moves", {"moves": (81, 82)}),
        ("assign_transfers", {"transfers": (19,), "moves": (81, 82)}),
        ("restore_moves", {"moves": (81, 82), "reservation_date": DAY}),
        ("restore_order", {"state": "purchase", "mail_reminder_confirmed": True}),
    ]
    assert expected == inverse("purchase_order.cancel", before, cancelled(before))


def test_exact_way_back_of_a_sale() -> None:
    """Its draft invoices come back too; what was not reserved before is not reserved afterwards."""
    before = without(but(sale(), "stock.move", state="confirmed"), "stock.move.line")
    found = inverse("sales_order.cancel", before, cancelled(before))
    expected = [
        ("draft_moves", {"moves": (81, 82)}),
        ("confirm_transfers", {"transfers": (19,), "moves": (81, 82)}),
        ("unreserve_transfers", {"transfers": (19,)}),
        ("restore_moves", {"moves": (81, 82), "reservation_date": DAY}),
        ("reset_invoices", {"invoices": (25,)}),
        ("restore_order", {"state": "sale"}),
    ]
    assert expected == found


def test_way_back_leaves_older_cancels_alone() -> None:
    """A move that was cancelled before stays so, and days of reservation come back one by one."""
    before = but(purchase(), "stock.move", 81, state="cancel")
    found = dict(inverse("purchase_order.cancel", before, cancelled(before)))
    assert {"moves": (82,)} == found["draft_moves"]
    before = but(purchase(), "stock.move", 82, reservation_date=DAY + timedelta(days=1))
    steps = inverse("purchase_order.cancel", before, cancelled(before))
    assert [(81,), (82,)] == [a["moves"] for name, a in steps if name == "restore_moves"]


@pytest.mark.parametrize("state", ["draft", "sent"])
def test_quotation_comes_back_as_it_was(state: str) -> None:
    """A cancelled quotation gets its exact state written: `draft` of the method would clear a signature."""
    before = without(
        sale(state=state), "stock.picking", "stock.move", "stock.move.line", "account.move"
    )
    found = inverse("sales_order.cancel", before, but(before, "sale.order", state="cancel"))
    assert [("restore_order", {"state": state})] == found


def test_references_of_19_come_back() -> None:
    """Odoo 19 empties a purchase order's references when it is cancelled."""
    before = purchase(reference_ids=(5, 6))
    after = but(cancelled(before), "purchase.order", reference_ids=())
    steps = action("purchase_order.cancel", 19).inverse(
        step("purchase_order.cancel"), before, after
    )
    assert (5, 6) == steps[-1].arguments["reference_ids"]
    server = sent("purchase_order.restore_order", after, version=19, **steps[-1].arguments)
    values = {"state": "purchase", "reference_ids": [[6, 0, [5, 6]]]}
    assert [("purchase.order", "write", [[7], values])] == server.calls


# --- later business ---------------------------------------------------------------------------------------


def effects(name: str, after: Image, now: Image) -> set[Effect]:
    return {each.effect for each in action(name).later_business(step(name), after, now)}


@pytest.mark.parametrize(
    "now, expected",
    [
        (cancelled(sale()), set()),
        (without(cancelled(sale()), "sale.order"), {Effect.BLOCKS}),
        (but(cancelled(sale()), "stock.move", 81, state="done"), {Effect.BLOCKS}),
        (but(cancelled(sale()), "account.move", state="posted"), {Effect.CHANGES_RESULT}),
        (but(cancelled(sale()), "account.move", state="draft"), set()),
        (but(cancelled(sale()), "sale.order.line", 1, product_uom_qty=Decimal(1)), {Effect.CHANGES_RESULT}),
        (without(cancelled(sale()), "stock.move"), {Effect.BLOCKS}),
    ],
)  # fmt: skip
def test_later_business_of_a_cancel(now: Image, expected: set[Effect]) -> None:
    """Goods that moved stand in the way; a posted invoice changes what comes out."""
    after = cancelled(sale())
    if not now.of_model("stock.move"):  # new moves, seen from an image without them
        after, now = now, after
    assert expected == effects("sales_order.cancel", after, now)
