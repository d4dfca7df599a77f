"""Promises of cancelling transfers, for the versions 16 to 19."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import pytest

from connectors.contract import Effect, Image, Ref, Step
from connectors.odoo.transfers import Restore, are_reserved, is_restored, restore_of
from core.encoding import Value
from tests.unit.connectors.odoo.document_scenes import (
    VERSIONS,
    action,
    but,
    codes,
    foreign,
    image,
    residue,
    row,
    sent,
    way_back,
)
from tests.unit.connectors.odoo.stock_scenes import FIRST, PICKING, SECOND, move, transfer

CANCEL: Final = Step("goods_receipt.cancel", PICKING)


def cancelled(of: Image) -> Image:
    found = but(of, PICKING, state="cancel", is_locked=True)
    return but(but(found, FIRST, state="cancel"), SECOND, state="cancel")


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
