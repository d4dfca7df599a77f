"""Promises of cancelling transfers, returning goods and applying counts, for the versions 16 to 19."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any, Final

import pytest

from connectors.contract import Effect, Image, Ref, Step
from connectors.odoo.transfers import (
    Restore,
    are_reserved,
    is_restored,
    restore_of,
)
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

PICKING: Final = Ref("stock.picking", "7")
FIRST: Final = Ref("stock.move", "71")
SECOND: Final = Ref("stock.move", "72")
CANCEL: Final = Step("goods_receipt.cancel", PICKING)


def move(key: int, version: int = 18, **fields: Value) -> Any:
    done = "quantity" if version >= 17 else "quantity_done"
    return row(
        "stock.move", key,
        **{
            "state": "assigned", "picking_id": 7, "product_id": 3, "product_uom": 1, "product_uom_qty": Decimal(5),
            "product_qty": Decimal(5), "procure_method": "make_to_stock", "move_orig_ids": (), "move_dest_ids": (),
            "reservation_date": None, "origin_returned_move_id": None, done: Decimal(0),
            **({"picked": False} if version >= 17 else {}), **fields,
        },
    )  # fmt: skip


def transfer(version: int = 18, state: str = "assigned", **fields: Value) -> Image:
    """Return a receipt of two moves; the second is not reserved."""
    return image(
        row(
            "stock.picking", 7, name="WH/IN/00007", state=state, picking_type_code="incoming", is_locked=True,
            location_id=4, location_dest_id=8, move_ids=(71, 72), **fields,
        ),
        move(71, version, state=state),
        move(72, version, state="draft" if state == "draft" else "confirmed"),
    )  # fmt: skip


def cancelled(of: Image) -> Image:
    found = but(of, PICKING, state="cancel", is_locked=True)
    return but(but(found, FIRST, state="cancel"), SECOND, state="cancel")


# --- cancel -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
def test_an_open_transfer_can_be_cancelled(version: int) -> None:
    """A transfer of which nothing has moved has no problem, and one call cancels a whole batch."""
    other = image(row("stock.picking", 8, state="draft", picking_type_code="incoming"), move(81))
    assert set() == codes(CANCEL, transfer(version), version)
    server = sent(CANCEL, transfer(version), other, version=version)
    assert [("stock.picking", "action_cancel", [[7, 8]])] == server.calls


@pytest.mark.parametrize(
    "ref, fields, code",
    [
        (PICKING, {"state": "done"}, "state.done"),
        (PICKING, {"picking_type_code": "outgoing"}, "kind.wrong"),
        (PICKING, {"picking_type_code": "internal"}, "kind.wrong"),
        (FIRST, {"state": "done"}, "transfer.moved"),
        (FIRST, {"move_dest_ids": (90,)}, "transfer.chained"),
        (FIRST, {"move_orig_ids": (90,)}, "transfer.chained"),
        (FIRST, {"procure_method": "make_to_order"}, "transfer.chained"),
        (FIRST, {"picked": True}, "transfer.entered"),
        (FIRST, {"quantity_done": Decimal(1)}, "transfer.entered"),
    ],
)
def test_what_a_cancel_would_lose_is_shown_before(
    ref: Ref, fields: dict[str, Value], code: str
) -> None:
    """Chains, entered quantities, moved goods and other kinds of transfers are problems."""
    assert {code} == codes(CANCEL, but(transfer(), ref, **fields))


def test_a_transfer_without_moves_could_not_be_set_back() -> None:
    """Its state hangs on its moves, and it has none."""
    bare = image(row("stock.picking", 7, state="draft", picking_type_code="incoming"))
    assert {"transfer.empty"} == codes(CANCEL, bare)


def test_a_cancel_is_done_when_no_move_is_open() -> None:
    """A picking that says cancelled over an open move is not believed."""
    before, found = transfer(), action(CANCEL.action)
    assert found.is_done(CANCEL, before, cancelled(before))
    assert not found.is_done(CANCEL, before, but(cancelled(before), SECOND, state="confirmed"))
    assert not found.is_done(CANCEL, before, before)


@pytest.mark.parametrize(
    "state, fields, verbs",
    [
        ("assigned", {}, ["draft_moves", "reserve_moves"]),
        ("confirmed", {}, ["draft_moves", "confirm_moves"]),
        ("draft", {}, ["draft_moves"]),
        ("assigned", {"is_locked": False}, ["draft_moves", "reserve_moves", "unlock"]),
    ],
)
def test_the_way_back_gives_the_same_moves_again(
    state: str, fields: dict[str, Value], verbs: list[str]
) -> None:
    """Reserving confirms too; a draft is not confirmed; what was unlocked is unlocked again."""
    before = but(transfer(state=state), PICKING, **fields)
    expected = [f"goods_receipt.{verb}" for verb in verbs]
    assert expected == way_back(CANCEL, before, cancelled(before))


def test_only_open_moves_are_drafted() -> None:
    """A move that was cancelled before the cancel stays cancelled."""
    before = but(transfer(), SECOND, state="cancel")
    (draft, *_) = action(CANCEL.action).inverse(CANCEL, before, cancelled(before))
    assert ((71,), ("assigned",)) == (draft.arguments["moves"], draft.arguments["states"])
    server = sent(draft, cancelled(before))
    assert [("stock.move", "write", [[71], {"state": "draft"}])] == server.calls


def test_a_chain_that_broke_is_not_given_back() -> None:
    """Where the moves were chained there is no exact way back, and none is offered."""
    before = but(transfer(), FIRST, move_dest_ids=(90,))
    assert [] == way_back(CANCEL, before, cancelled(before))


def test_the_links_are_judged_by_the_moves() -> None:
    """Drafted, confirmed and reserved are read from the moves that were open before."""
    before = transfer()
    restore = restore_of(before, cancelled(before))
    draft = but(but(before, FIRST, state="draft"), SECOND, state="draft")
    confirmed = but(but(before, FIRST, state="confirmed"), SECOND, state="confirmed")
    arguments = restore.arguments()
    expected = {
        "draft_moves": [False, True, True, True],
        "confirm_moves": [False, False, True, True],
        "reserve_moves": [False, False, True, True],
    }
    for verb, wanted in expected.items():
        step = Step(f"goods_receipt.{verb}", PICKING, arguments)
        found = action(step.action)
        images = (cancelled(before), draft, confirmed, before)
        assert wanted == [found.is_done(step, cancelled(before), each) for each in images], verb
    assert Restore.of(arguments) == restore
    assert is_restored(before, before)
    assert not is_restored(before, confirmed)


def test_goods_that_others_took_are_not_called_reserved() -> None:
    """A move that was fully reserved must be so again; a partly reserved one may get more."""
    whole = Restore((71,), ("assigned",), (7,), (7,))
    part = Restore((71,), ("partially_available",), (7,), (7,))
    now = but(transfer(), FIRST, state="partially_available")
    assert (False, True, True) == (
        are_reserved(whole, now),
        are_reserved(part, now),
        are_reserved(part, transfer()),
    )


@pytest.mark.parametrize("version", VERSIONS)
def test_what_a_cancel_changes_is_declared(version: int) -> None:
    """Quantities, locks and the state of the moves are ours; after an exact way back nothing is left."""
    name = "quantity" if version >= 17 else "quantity_done"
    before = but(transfer(version), FIRST, **{name: Decimal(5)})
    after = but(cancelled(before), FIRST, **{name: Decimal(0)})
    assert [] == foreign(CANCEL.action, before, after, version)
    assert [] == residue(CANCEL.action, before, before, version)
    half = but(before, FIRST, state="confirmed", **{name: Decimal(0)})
    left = set(residue(CANCEL.action, before, half, version))
    assert {"stock.move,71.state", f"stock.move,71.{name}"} == left


def test_tracking_is_off_on_the_way_back_too() -> None:
    """`tracking: off` of the closing goes with every link."""
    step = Step(CANCEL.action, PICKING, {"tracking": "off"})
    assert {"tracking_disable": True} == sent(step, transfer()).contexts[0]
    steps = action(CANCEL.action).inverse(step, transfer(), cancelled(transfer()))
    assert {"off"} == {each.arguments["tracking"] for each in steps}


def test_a_transfer_that_went_on_blocks_the_rollback() -> None:
    """Whoever reopened and received it meanwhile keeps his work."""
    after = cancelled(transfer())
    (later,) = action(CANCEL.action).later_business(
        CANCEL, after, but(after, PICKING, state="done")
    )
    assert Effect.BLOCKS is later.effect


# --- returns ----------------------------------------------------------------------------------------------

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


# --- counts -----------------------------------------------------------------------------------------------

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
