"""Promises of the actions on orders, judged from images alone, for the versions 16 to 19."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from connectors.contract import Effect, Image, Record, Ref, Reversibility, Step
from connectors.odoo.order_actions import order_actions
from connectors.odoo.orders import PURCHASE, SALE, progress_of
from core.encoding import Value
from core.errors import Rejected
from recovery.conflicts.targets import with_values
from recovery.images import differences
from tests.unit.connectors.odoo.order_scenes import (
    MOMENT,
    PURCHASE_REF,
    SALE_REF,
    VERSIONS,
    Recorder,
    action,
    but,
    locked,
    perform,
    purchase,
    sale,
    sent,
    target,
    without,
)

NAMES = {each.name for each in order_actions()}


def step(name: str, **arguments: Value) -> Step:
    return Step(name, PURCHASE_REF if name.startswith("purchase") else SALE_REF, arguments)


def codes(name: str, image: Image, version: int = 18) -> set[str]:
    return {p.code for p in action(name, version).problems(step(name), image)}


# --- lock and unlock --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name, version, method",
    [
        ("purchase_order.close", 16, "button_done"),
        ("purchase_order.close", 18, "button_done"),
        ("purchase_order.close", 19, "button_lock"),
        ("purchase_order.reopen", 16, "button_unlock"),
        ("purchase_order.reopen", 19, "button_unlock"),
        ("sales_order.close", 16, "action_done"),
        ("sales_order.close", 17, "action_lock"),
        ("sales_order.close", 19, "action_lock"),
        ("sales_order.reopen", 16, "action_unlock"),
        ("sales_order.reopen", 18, "action_unlock"),
    ],
)
def test_method_of_the_version(name: str, version: int, method: str) -> None:
    """What the version calls its lock is found from the fields that it has; a batch is one call."""
    is_purchase = name.startswith("purchase")
    images = (purchase(7), purchase(8)) if is_purchase else (sale(9), sale(10))
    keys = [7, 8] if is_purchase else [9, 10]
    model = "purchase.order" if is_purchase else "sale.order"
    assert [(model, method, [keys])] == sent(name, *images, version=version).calls


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", ["purchase_order", "sales_order"])
def test_lock_is_done_when_it_shows(kind: str, version: int) -> None:
    """A confirmed order that is locked is closed, in the form of its version; before, it is not."""
    image = purchase() if kind == "purchase_order" else sale()
    found = action(f"{kind}.close", version)
    after = locked(image, version)
    assert not found.is_done(step(f"{kind}.close"), image, image)
    assert found.is_done(step(f"{kind}.close"), image, after)
    assert {"locked"} == codes(f"{kind}.close", after, version)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", ["purchase_order", "sales_order"])
def test_unlock_is_done_when_it_shows(kind: str, version: int) -> None:
    """An order is open again when it is confirmed and no longer locked, whatever the version calls that."""
    image = purchase() if kind == "purchase_order" else sale()
    found, closed = action(f"{kind}.reopen", version), locked(image, version)
    assert not found.is_done(step(f"{kind}.reopen"), closed, closed)
    assert found.is_done(step(f"{kind}.reopen"), closed, image)
    assert set() == codes(f"{kind}.reopen", closed, version)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("state", ["draft", "sent", "to approve", "cancel"])
def test_only_confirmed_orders_are_locked(state: str, version: int) -> None:
    """Odoo would lock a draft or a cancelled order, and unlocking makes an order of it: never."""
    assert {f"state.{state}"} == codes("purchase_order.close", purchase(state=state), version)
    assert {f"state.{state}"} == codes("sales_order.close", sale(state=state), version)


def test_cancelled_order_with_the_lock_flag_is_not_closed() -> None:
    """The flag of Odoo 19 on a cancelled order closes nothing."""
    image = purchase(state="cancel", locked=True)
    assert not action("purchase_order.close", 19).is_done(
        step("purchase_order.close"), image, image
    )


def test_an_emptied_field_is_empty_either_way() -> None:
    """Clients send nothing or the empty text for it, and Odoo 18 keeps both: nobody changed anything."""
    found, before = action("purchase_order.close"), purchase(notes=None)
    now = with_values(before, {(step("purchase_order.close").ref, "notes"): ""})
    assert differences(before, now)
    assert [] == differences(before, now, form=found.normal_form)


def test_somebody_elses_star_stays() -> None:
    """A star that was set anew since is kept by leaving its step out; a field that the button brings cannot be."""
    found, before = action("purchase_order.close"), purchase()
    after = locked(before, 18)
    spot = (step("purchase_order.close").ref, "priority")
    target, now = (with_values(image, {spot: "0"}) for image in (before, after))
    steps = found.inverse_to(step("purchase_order.close"), before, now, target)
    assert ["purchase_order.reopen"] == [each.action for each in steps]
    assert {spot[0].model: frozenset({"priority"})} == found.restores


def test_star_comes_back() -> None:
    """Locking takes the star until 18: the way back writes it before unlocking. Without a star it only unlocks."""
    found, before = action("purchase_order.close"), purchase()
    steps = found.inverse(step("purchase_order.close"), before, locked(before, 18))
    expected = ["purchase_order.restore_priority", "purchase_order.reopen"]
    assert expected == [each.action for each in steps]
    assert {"priority": "1"} == steps[0].arguments
    plain = purchase(priority="0")
    steps = found.inverse(step("purchase_order.close"), plain, locked(plain, 18))
    assert expected[1:] == [each.action for each in steps]
    steps = action("purchase_order.close", 19).inverse(
        step("purchase_order.close"), before, locked(before, 19)
    )
    assert expected[1:] == [each.action for each in steps]


def test_stars_are_written_in_one_call() -> None:
    """Orders with the same star share a request; what differs alone is written."""
    images = [purchase(key, priority="0", state="purchase") for key in (7, 8)]
    server = sent("purchase_order.restore_priority", *images, priority="1")
    assert [("purchase.order", "write", [[7, 8], {"priority": "1"}])] == server.calls


def test_unlocking_what_was_never_confirmed_is_refused() -> None:
    """A draft that somebody locked would become an order without a transfer."""
    image = purchase(state="done", date_approve=None)
    assert {"never.confirmed"} == codes("purchase_order.reopen", image)
    assert set() == codes("purchase_order.reopen", purchase(state="done"))
    assert {"not.locked"} == codes("purchase_order.reopen", purchase())
    assert {"state.draft"} == codes("sales_order.reopen", sale(state="draft", locked=True))


def test_awaited_payment_is_not_settled_by_a_lock() -> None:
    """Until 16 locking a sale takes an awaited bank transfer for paid: a person decides. Later it does not."""
    unseen = sale(transaction_ids=(4,))
    awaited, paid = with_payment(unseen, "pending"), with_payment(unseen, "done")
    found = action("sales_order.close", 16).footprint["sale.order"]
    assert ("transaction_ids" in found, "state" in found) == (True, True)
    assert "transaction_ids" not in action("sales_order.close", 17).footprint["sale.order"]
    results = [codes("sales_order.close", image, 16) for image in (awaited, unseen, paid)]
    assert [{"payment.pending"}, {"payment.pending"}, set()] == results


def with_payment(image: Image, state: str) -> Image:
    return Image((*image.records, Record(Ref("payment.transaction", "4"), {"state": state})))


def test_messages_can_be_kept_off() -> None:
    """`tracking: off` goes with the call, and with every step of the way back."""
    server = sent("purchase_order.close", purchase(), tracking="off")
    assert [{"tracking_disable": True}] == server.contexts
    (_star, back) = action("purchase_order.close").inverse(
        step("purchase_order.close", tracking="off"), purchase(), locked(purchase(), 18)
    )
    assert {"tracking": "off"} == back.arguments


def inverse(name: str, before: Image, after: Image) -> list[tuple[str, dict[str, Any]]]:
    steps = action(name).inverse(step(name), before, after)
    return [(each.action.partition(".")[2], dict(each.arguments)) for each in steps]


# --- draft and confirm ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name, image, expected",
    [
        ("purchase_order.draft", purchase(), {"state.purchase"}),
        ("purchase_order.draft", purchase(state="done"), {"locked"}),
        ("purchase_order.draft", purchase(state="cancel"), set()),
        ("sales_order.draft", sale(state="sent"), set()),
        ("sales_order.draft", sale(state="sent", signed_by="Ada"), {"signed"}),
        ("purchase_order.confirm", purchase(), {"state.purchase"}),
        ("purchase_order.confirm", purchase(state="draft"), set()),
        (
            "purchase_order.confirm",
            but(purchase(state="draft"), "purchase.order.line", 1, product_id=None),
            {"product.missing"},
        ),
    ],
)
def test_guards_of_draft_and_confirm(name: str, image: Image, expected: set[str]) -> None:
    """Odoo's `button_draft` takes any state, and its confirm skips what does not fit without a word."""
    assert expected == codes(name, image)


def test_draft_goes_back_to_where_it_was() -> None:
    """A cancelled order is cancelled again; a sent quotation gets its state written."""
    after = purchase(state="draft")
    assert [("cancel", {})] == inverse("purchase_order.draft", purchase(state="cancel"), after)
    found = inverse("purchase_order.draft", purchase(state="sent"), after)
    assert [("restore_order", {"state": "sent"})] == found


def test_confirm_is_told_truthfully() -> None:
    """Taking a confirmation back leaves a cancelled transfer; where the company locks at once, it unlocks first."""
    before = without(purchase(state="sent"), "stock.picking", "stock.move", "stock.move.line")
    assert Reversibility.COMPENSATING is action("purchase_order.confirm").reversibility
    found = inverse("purchase_order.confirm", before, purchase(state="done"))
    assert [("reopen", {}), ("cancel", {}), ("restore_order", {"state": "sent"})] == found
    waits = purchase(state="to approve")
    assert not action("purchase_order.confirm").is_done(
        step("purchase_order.confirm"), before, waits
    )


# --- the remainder ----------------------------------------------------------------------------------------


def test_remainder_is_what_was_not_received() -> None:
    """Quantity and amount of what has not come, at the line's own price with discount."""
    image = but(
        purchase(), "purchase.order.line", 2, qty_received=Decimal(2), qty_invoiced=Decimal(1)
    )
    found = action("purchase_order.close").remainder(image)
    assert found is not None
    expected = (Decimal(9), Decimal(2), Decimal(1), Decimal(7), Decimal("343.75"), "USD")
    assert expected == (
        found.ordered, found.received, found.invoiced, found.quantity, found.amount, found.currency,
    )  # fmt: skip


def test_more_received_than_ordered_is_no_remainder() -> None:
    """Nothing is left below zero."""
    image = but(sale(), "sale.order.line", 1, qty_delivered=Decimal(6))
    (first, second) = progress_of(SALE, image).values()
    assert (Decimal(0), Decimal(0)) == (first.remaining, first.value)
    assert (Decimal(5), Decimal("56.25")) == (second.remaining, second.value)


def test_different_units_are_not_added() -> None:
    """Boxes and pieces have no sum; their amounts have."""
    image = but(purchase(), "purchase.order.line", 2, product_uom=9)
    found = action("purchase_order.cancel").remainder(image)
    assert found is not None
    assert (None, Decimal("366.25")) == (found.quantity, found.amount)


def test_notes_and_down_payments_order_nothing() -> None:
    """Only lines that order something count."""
    image = but(purchase(), "purchase.order.line", 1, display_type="line_note")
    assert {2} == progress_of(PURCHASE, image).keys()


def test_closing_the_remainder_is_a_chain() -> None:
    """Locking alone leaves open transfers open, so they are cancelled first."""
    found = action("purchase_order.close_remainder")
    names = [each.action for each in found.steps(PURCHASE_REF, {})]
    assert ["purchase_order.cancel_transfers", "purchase_order.close"] == names
    nothing_open = but(purchase(), "stock.move", state="done")
    assert {"nothing.open"} == codes("purchase_order.close_remainder", nothing_open)
    assert not action("purchase_order.close_remainder", without=("stock.picking",)).is_available


def test_chain_cancels_what_is_open_alone() -> None:
    """Of a part delivered order the done transfer stays."""
    image = but(purchase(), "stock.move", 82, state="done", picking_id=18)
    server = sent("purchase_order.cancel_transfers", image)
    assert [("stock.picking", "action_cancel", [[19]])] == server.calls
    after = but(image, "stock.move", 81, state="cancel")
    found = action("purchase_order.cancel_transfers")
    assert found.is_done(step(found.name), image, after)
    names = [each.action for each in found.inverse(step(found.name), image, after)]
    kind = "purchase_order"
    assert [f"{kind}.draft_moves", f"{kind}.assign_transfers", f"{kind}.restore_moves"] == names


# --- what all of them promise -----------------------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
def test_every_footprint_is_what_the_server_has(version: int) -> None:
    """No field is asked for that the version lacks; the terms of an order have another name in 19."""
    known = target(version)
    for kind in order_actions():
        found = kind(known)
        for model, fields in found.footprint.items():
            assert fields <= known.fields[model].keys(), (kind.name, model)
    terms = action("purchase_order.close", version).footprint["purchase.order"]
    assert ("note" if version == 19 else "notes") in terms


def test_without_stock_there_are_no_transfers() -> None:
    """Where purchases run without stock, an order is cancelled and comes back by its state alone."""
    models = ("stock.picking", "stock.move", "stock.move.line")
    found = action("purchase_order.cancel", without=models)
    assert not set(models) & found.footprint.keys()
    before = without(purchase(), *models)
    steps = found.inverse(step(found.name), before, but(before, "purchase.order", state="cancel"))
    assert ["purchase_order.restore_order"] == [each.action for each in steps]


def test_links_look_at_the_same_records() -> None:
    """Each link of a way back has the view of the action that it takes back, so that images compare."""
    for side in ("purchase_order", "sales_order"):
        views = {
            name: action(name).footprint
            for name in NAMES
            if name.startswith(side) and name.partition(".")[2] not in LIGHT
        }
        assert len(views) > 8
        assert all(view == views[f"{side}.cancel"] for view in views.values())


LIGHT = {"close", "reopen", "draft", "restore_priority"}


def test_refusal_names_the_order() -> None:
    """Where Odoo says which order it was, the batch is split there."""
    server = Recorder([Rejected(system="erp", said="Unable to cancel purchase order P0008 as ...")])
    with pytest.raises(Rejected) as caught:
        perform(action("purchase_order.cancel"), server, purchase(7), purchase(8))
    assert ("op-1",) == caught.value.offenders


def test_whose_it_is() -> None:
    """Only what our user wrote last is ours."""
    found, before = action("purchase_order.cancel"), purchase()
    later = MOMENT + timedelta(hours=1)
    mine = but(before, "purchase.order", state="cancel", write_date=later)
    assert found.is_ours(before, mine)
    assert found.is_ours(before, but(mine, "stock.move", 81, write_uid=99)) is False


# --- later business ---------------------------------------------------------------------------------------


def effects(name: str, after: Image, now: Image) -> set[Effect]:
    return {each.effect for each in action(name).later_business(step(name), after, now)}


def test_receipts_after_a_lock_are_harmless() -> None:
    """A locked order can still be received and billed; unlocking it harms nobody."""
    after = locked(purchase(), 18)
    now = but(after, "purchase.order.line", 1, qty_received=Decimal(4), qty_invoiced=Decimal(4))
    assert {Effect.HARMLESS} == effects("purchase_order.close", after, now)
    moved_on = but(after, "purchase.order", state="cancel")
    assert {Effect.BLOCKS} == effects("purchase_order.close", after, moved_on)
