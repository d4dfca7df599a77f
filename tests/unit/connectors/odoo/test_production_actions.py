"""Promises of cancelling, closing and taking apart manufacturing orders, for the versions 16 to 19."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

import pytest

from connectors.contract import Effect, Image, Ref, Reversibility, Step
from core.encoding import Value
from tests.unit.connectors.odoo.document_scenes import (
    MODERN,
    VERSIONS,
    action,
    but,
    codes,
    foreign,
    gone,
    image,
    residue,
    row,
    sent,
    way_back,
)

ORDER: Final = Ref("mrp.production", "3")
WORK: Final = Ref("mrp.workorder", "9")
RAW: Final = Ref("stock.move", "31")
MADE: Final = Ref("stock.move", "32")
CANCEL: Final = Step("production_order.cancel", ORDER)
CLOSE: Final = Step("production_order.close", ORDER)
UNBUILD: Final = Step("production_order.unbuild", ORDER)


def move(key: int, version: int, **fields: Value) -> Any:
    done: dict[str, Value] = (
        {"quantity": Decimal(2), "picked": False}
        if version >= 17
        else {"quantity_done": Decimal(0)}
    )
    return row(
        "stock.move", key,
        **{
            "state": "assigned", "product_id": 8, "product_uom_qty": Decimal(5), "procure_method": "make_to_stock",
            "move_orig_ids": (), "move_dest_ids": (), "picking_id": None, "reservation_date": None,
            "raw_material_production_id": None, "production_id": None, **done, **fields,
        },
    )  # fmt: skip


def order(version: int = 18, *, has_work: bool = False, **fields: Value) -> Image:
    lot = "lot_producing_ids" if version >= 19 else "lot_producing_id"
    records = [
        row(
            "mrp.production", 3,
            **{
                "name": "WH/MO/00003", "state": "confirmed", "product_id": 8, "product_qty": Decimal(5),
                "product_uom_id": 1, "qty_producing": Decimal(0), "bom_id": 4, "company_id": 1,
                "location_src_id": 15, "location_dest_id": 16, "is_planned": False, "reservation_state": "assigned",
                lot: (6,) if version >= 19 else 6, **fields,
            },
        ),
        move(31, version, product_id=7, raw_material_production_id=3),
        move(32, version, production_id=3),
    ]  # fmt: skip
    if has_work:
        records.append(row("mrp.workorder", 9, state="ready", production_id=3, leave_id=None))
    return image(*records)


def cancelled(of: Image) -> Image:
    found = but(of, ORDER, state="cancel", reservation_state=None)
    found = but(but(found, RAW, state="cancel"), MADE, state="cancel")
    return but(found, WORK, state="cancel")


# --- cancel -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
def test_an_order_that_nobody_began_is_cancelled(version: int) -> None:
    """With moves and work orders, and nothing else changes."""
    before = order(version, has_work=True)
    assert set() == codes(CANCEL, before, version)
    server = sent(CANCEL, before, version=version)
    assert [("mrp.production", "action_cancel", [[3]])] == server.calls
    found = action(CANCEL.action, version)
    assert found.is_done(CANCEL, before, cancelled(before))
    assert not found.is_done(CANCEL, before, but(cancelled(before), RAW, state="assigned"))
    assert [] == foreign(CANCEL.action, before, cancelled(before), version)


@pytest.mark.parametrize(
    "ref, fields, code",
    [
        (ORDER, {"state": "done"}, "state.done"),
        (ORDER, {"qty_producing": Decimal(1)}, "production.begun"),
        (RAW, {"state": "done"}, "production.begun"),
        (RAW, {"picked": True}, "transfer.entered"),
        (MADE, {"move_dest_ids": (90,)}, "transfer.chained"),
        (RAW, {"procure_method": "make_to_order"}, "transfer.chained"),
        (WORK, {"state": "progress"}, "work.begun"),
        (WORK, {"state": "done"}, "work.begun"),
    ],
)
def test_what_a_cancel_would_lose_is_shown_before(
    ref: Ref, fields: dict[str, Value], code: str
) -> None:
    """Whatever was begun, entered or chained is no case for a cancel."""
    assert {code} == codes(CANCEL, but(order(has_work=True), ref, **fields))


def test_planned_work_is_shown_before() -> None:
    """A cancel deletes its place in the plan of the work centre."""
    planned = but(order(has_work=True, is_planned=True), WORK, leave_id=5)
    assert {"work.planned"} == codes(CANCEL, planned)


@pytest.mark.parametrize("version", MODERN)
def test_the_way_back_sets_moves_and_work_back_before_the_order(version: int) -> None:
    """Odoo does nothing where the order is written first, and calls it to close where work stays cancelled."""
    before = order(version, has_work=True)
    verbs = ["draft_moves", "reopen_work", "draft", "confirm", "reserve"]
    assert [f"production_order.{v}" for v in verbs] == way_back(
        CANCEL, before, cancelled(before), version
    )
    steps = action(CANCEL.action, version).inverse(CANCEL, before, cancelled(before))
    found = [sent(step, cancelled(before), version=version).calls for step in steps]
    waiting = "blocked" if version == 19 else "waiting"
    assert [
        [("stock.move", "write", [[31, 32], {"state": "draft"}])],
        [("mrp.workorder", "write", [[9], {"state": waiting}])],
        [("mrp.production", "write", [[3], {"state": "draft"}])],
        [("mrp.production", "action_confirm", [[3]])],
        [("mrp.production", "action_assign", [[3]])],
    ] == found
    assert [] == residue(CANCEL.action, before, before, version)


def test_only_what_was_there_is_given_back() -> None:
    """A draft is not confirmed, no work no link, and what Odoo reserves by itself is not reserved twice."""
    draft = but(but(but(order(), ORDER, state="draft"), RAW, state="draft"), MADE, state="draft")
    assert ["production_order.draft_moves", "production_order.draft"] == way_back(
        CANCEL, draft, cancelled(draft)
    )
    by_odoo = but(order(), RAW, reservation_date="2026-11-20")
    assert "production_order.confirm" == way_back(CANCEL, by_odoo, cancelled(by_odoo))[-1]


def test_the_links_are_judged_by_what_is_read() -> None:
    """A write that Odoo accepts and ignores is not done."""
    before = order(has_work=True)
    after = cancelled(before)
    for step in action(CANCEL.action).inverse(CANCEL, before, after):
        found = action(step.action)
        assert not found.is_done(step, after, after), step.action
    to_close = but(before, ORDER, state="to_close")
    draft = Step("production_order.draft", ORDER)
    assert not action(draft.action).is_done(draft, after, to_close)


def test_16_has_no_way_back() -> None:
    """There the order stays cancelled whatever is written; the plan says so."""
    found = action(CANCEL.action, 16)
    assert Reversibility.MANUAL is found.reversibility
    assert [] == way_back(CANCEL, order(16), cancelled(order(16)), 16)
    assert Reversibility.EXACT is action(CANCEL.action, 17).reversibility
    assert not action("production_order.draft", 16).is_available


# --- close ------------------------------------------------------------------------------------------------


def begun(version: int = 18, **fields: Value) -> Image:
    """Return an order of which 3 of 5 were made, with the components entered as used."""
    made: dict[str, Value] = {"state": "progress", "qty_producing": Decimal(3), **fields}
    found = but(order(version), ORDER, **made)
    used = {"picked": True} if version >= 17 else {"quantity_done": Decimal(6)}
    return but(found, RAW, **used)


@pytest.mark.parametrize("version", VERSIONS)
def test_what_was_made_is_booked(version: int) -> None:
    """Without a backorder; where Odoo asks about components nothing is done, and that is seen."""
    assert set() == codes(CLOSE, begun(version), version)
    server = sent(CLOSE, begun(version), version=version)
    assert [("mrp.production", "button_mark_done", [[3]])] == server.calls
    assert server.contexts[0]["skip_backorder"] is True
    assert "skip_consumption" not in server.contexts[0]
    found = action(CLOSE.action, version)
    assert not found.is_done(CLOSE, begun(version), begun(version))
    remainder = found.remainder(begun(version))
    assert remainder is not None
    assert Decimal(2) == remainder.quantity


@pytest.mark.parametrize("version", VERSIONS)
def test_components_that_nobody_entered_are_shown_before(version: int) -> None:
    """Odoo would book the product and cancel its components: goods out of nothing."""
    unused = {"picked": False} if version >= 17 else {"quantity_done": Decimal(0)}
    assert {"consumption.missing"} == codes(CLOSE, but(begun(version), RAW, **unused), version)


def test_an_order_of_which_nothing_was_made_is_not_closed() -> None:
    """Odoo would take all of it for made."""
    assert "quantity.none" in codes(CLOSE, begun(qty_producing=Decimal(0)))
    assert {"state.draft"} == codes(CLOSE, begun(state="draft"))
    working = image(*begun().records, row("mrp.workorder", 9, state="progress", production_id=3))
    assert {"work.open"} == codes(CLOSE, working)


def test_an_order_that_went_on_is_not_taken_back() -> None:
    """Its state says so."""
    after = but(begun(), ORDER, state="done")
    (later,) = action(CLOSE.action).later_business(CLOSE, after, gone(after, ORDER))
    assert Effect.BLOCKS is later.effect


# --- unbuild ----------------------------------------------------------------------------------------------


def finished(version: int = 18, *more: Any) -> Image:
    name = "quantity" if version >= 17 else "quantity_done"
    found = but(begun(version, state="done"), MADE, state="done", **{name: Decimal(3)})
    return image(*but(found, RAW, state="done").records, *more)


def unbuild(state: str, quantity: int = 3) -> Any:
    return row("mrp.unbuild", 1, state=state, mo_id=3, product_qty=Decimal(quantity))


@pytest.mark.parametrize("version", VERSIONS)
def test_what_was_made_is_taken_apart(version: int) -> None:
    """The unbuild order is filled as its button would, then confirmed with Odoo's look at the stock."""
    assert ["production_order.make_unbuild", "production_order.confirm_unbuild"] == way_back(
        CLOSE, begun(version), finished(version), version
    )
    make, confirm = action(UNBUILD.action, version).steps(ORDER, {})
    (call,) = sent(make, finished(version), version=version).calls
    assert ("mrp.unbuild", "create") == call[:2]
    (values,) = call[2][0]
    expected = {
        "mo_id": 3, "product_id": 8, "product_uom_id": 1, "product_qty": 3.0, "bom_id": 4, "company_id": 1,
        "location_id": 16, "location_dest_id": 15, "lot_id": 6,
    }  # fmt: skip
    assert expected == values
    made = finished(version, unbuild("draft"))
    assert action(make.action, version).is_done(make, finished(version), made)
    assert not action(make.action, version).is_done(make, made, made)
    assert [("mrp.unbuild", "action_validate", [[1]])] == sent(confirm, made, version=version).calls
    assert action(confirm.action, version).is_done(
        confirm, made, finished(version, unbuild("done"))
    )
    assert not action(confirm.action, version).is_done(confirm, made, made)


def test_an_unbuild_that_moved_nothing_is_deleted() -> None:
    """One that did is for a person: the product has to be made again."""
    make = Step("production_order.make_unbuild", ORDER)
    made = finished(18, unbuild("draft"))
    (drop,) = action(make.action).inverse(make, finished(), made)
    assert [("mrp.unbuild", "unlink", [[1]])] == sent(drop, made).calls
    assert Reversibility.MANUAL is action(UNBUILD.action).reversibility


def test_nothing_is_taken_apart_twice() -> None:
    """What an earlier unbuild took is gone; one that waits is a problem."""
    assert set() == codes(UNBUILD, finished())
    assert set() == codes(UNBUILD, finished(18, unbuild("done", 1)))
    assert {"unbuild.nothing"} == codes(UNBUILD, finished(18, unbuild("done")))
    assert {"unbuild.open"} == codes(UNBUILD, finished(18, unbuild("draft")))
    assert {"state.progress"} == codes(UNBUILD, begun())
    assert {"unbuild.serials"} == codes(
        UNBUILD, but(finished(19), ORDER, lot_producing_ids=(6, 7)), 19
    )
