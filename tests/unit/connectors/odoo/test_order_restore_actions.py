"""Promises of the links of an exact way back, each a call with a done-when and a way back of its own."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from connectors.contract import Call, Image, Step
from core.encoding import Value
from core.errors import Rejected
from tests.unit.connectors.odoo.order_scenes import (
    DAY,
    PURCHASE_REF,
    SALE_REF,
    Recorder,
    action,
    but,
    cancelled,
    perform,
    purchase,
    sale,
    sent,
    without,
)


def step(name: str, **arguments: Value) -> Step:
    return Step(name, PURCHASE_REF if name.startswith("purchase") else SALE_REF, arguments)


def inverse(name: str, before: Image, after: Image) -> list[tuple[str, dict[str, Any]]]:
    steps = action(name).inverse(step(name), before, after)
    return [(each.action.partition(".")[2], dict(each.arguments)) for each in steps]


# --- the links of the way back ----------------------------------------------------------------------------


def drafted(image: Image) -> Image:
    """Return a cancelled order whose moves were set back."""
    return but(but(image, "stock.move", state="draft"), "stock.picking", state="draft")


LINKS = [
    ("draft_moves", {"moves": (81, 82)}, cancelled(purchase()), drafted(cancelled(purchase()))),
    (
        "assign_transfers",
        {"transfers": (19,), "moves": (81, 82)},
        drafted(cancelled(purchase())),
        but(purchase(), "purchase.order", state="cancel"),
    ),
    (
        "confirm_transfers",
        {"transfers": (19,), "moves": (81, 82)},
        drafted(cancelled(purchase())),
        but(cancelled(purchase()), "stock.move", state="confirmed"),
    ),
    (
        "unreserve_transfers",
        {"transfers": (19,)},
        purchase(),
        without(purchase(), "stock.move.line"),
    ),
    (
        "restore_moves",
        {"moves": (81, 82), "reservation_date": DAY},
        but(purchase(), "stock.move", reservation_date=DAY + timedelta(days=3)),
        purchase(),
    ),
    ("restore_order", {"state": "purchase"}, purchase(state="cancel"), purchase()),
    ("cancel_transfers", {"transfers": (19,)}, purchase(), cancelled(purchase())),
]


@pytest.mark.parametrize("verb, arguments, before, after", LINKS, ids=[each[0] for each in LINKS])
def test_link_is_done_when_it_shows(
    verb: str, arguments: dict[str, Value], before: Image, after: Image
) -> None:
    """Each link has a done-when of its own and a way back of its own: a rollback can be rolled back."""
    name = f"purchase_order.{verb}"
    found, asked = action(name), step(name, **arguments)
    assert not found.is_done(asked, before, before)
    assert found.is_done(asked, before, after)
    assert found.inverse(asked, before, after)


@pytest.mark.parametrize(
    "verb, arguments, image, expected",
    [
        ("draft_moves", {"moves": (81, 82)}, cancelled(purchase()), ("stock.move", "write", [[81, 82], {"state": "draft"}])),
        ("assign_transfers", {"transfers": (19,)}, purchase(), ("stock.picking", "action_assign", [[19]])),
        ("confirm_transfers", {"transfers": (19,)}, purchase(), ("stock.picking", "action_confirm", [[19]])),
        ("unreserve_transfers", {"transfers": (19,)}, purchase(), ("stock.picking", "do_unreserve", [[19]])),
        (
            "restore_moves",
            {"moves": (81, 82), "reservation_date": DAY},
            but(purchase(), "stock.move", 82, reservation_date=None),
            ("stock.move", "write", [[82], {"reservation_date": "2026-11-20"}]),
        ),
        ("restore_order", {"state": "purchase"}, purchase(state="cancel"), ("purchase.order", "write", [[7], {"state": "purchase"}])),
    ],
)  # fmt: skip
def test_link_is_one_call(
    verb: str, arguments: dict[str, Any], image: Image, expected: tuple[str, str, list[Any]]
) -> None:
    """Each link is one request, and writes only what differs."""
    assert [expected] == sent(f"purchase_order.{verb}", image, **arguments).calls


def test_only_cancelled_moves_are_written() -> None:
    """A move that somebody set back meanwhile is left alone: writing its state would lie about its goods."""
    image = but(cancelled(purchase()), "stock.move", 81, state="assigned")
    server = sent("purchase_order.draft_moves", image, moves=(81, 82))
    assert [("stock.move", "write", [[82], {"state": "draft"}])] == server.calls


def test_move_that_was_a_draft_stays_one() -> None:
    """What a person was still writing down is not confirmed with the rest."""
    before = but(purchase(), "stock.move", 81, state="draft")
    steps = dict(inverse("purchase_order.cancel", before, cancelled(before)))
    assert (81, 82) == steps["draft_moves"]["moves"]
    assert (82,) == steps["assign_transfers"]["moves"]


def test_goods_taken_meanwhile_do_not_hold_the_order_back() -> None:
    """A transfer that cannot be reserved again is restored all the same; what is missing is residue."""
    name = "sales_order.assign_transfers"
    after = but(cancelled(sale()), "stock.move", state="confirmed")
    asked = step(name, transfers=(19,), moves=(81, 82))
    assert action(name).is_done(asked, drafted(cancelled(sale())), after)


def test_draft_invoices_come_back() -> None:
    """Only those that are cancelled are reset, and Odoo does not mark them as changed by hand."""
    name = "sales_order.reset_invoices"
    found, asked, before = action(name), step(name, invoices=(25,)), cancelled(sale())
    server = sent(name, before, sale(10), invoices=(25,))
    assert [("account.move", "button_draft", [[25]])] == server.calls
    assert server.contexts[0]["skip_is_manually_modified"] is True
    assert found.is_done(asked, before, but(before, "account.move", state="draft"))
    assert not found.is_done(asked, before, before)
    (back,) = found.inverse(asked, before, sale())
    assert "sales_order.cancel_invoices" == back.action


def test_link_back_is_a_mirror() -> None:
    """A rollback can be rolled back link by link: each gives exactly what was there before it."""
    found = action("purchase_order.restore_order")
    asked = step(found.name, state="purchase", mail_reminder_confirmed=True)
    before = cancelled(purchase(mail_reminder_confirmed=False))
    (back,) = found.inverse(asked, before, purchase())
    expected = (found.name, {"state": "cancel", "mail_reminder_confirmed": False})
    assert expected == (back.action, back.arguments)
    found = action("purchase_order.assign_transfers")
    asked = step(found.name, transfers=(19,), moves=(81, 82))
    names = [each.action for each in found.inverse(asked, drafted(before), purchase())]
    expected_names = ["cancel_transfers", "draft_moves", "restore_moves"]
    assert [f"purchase_order.{name}" for name in expected_names] == names


def test_older_transfers_are_reserved_first() -> None:
    """A rollback goes from the newest order to the oldest; the goods go to the oldest, as they did."""
    found, server = action("sales_order.assign_transfers"), Recorder()
    newer = Step(found.name, SALE_REF, {"transfers": (21,), "moves": ()})
    older = Step(found.name, SALE_REF, {"transfers": (19,), "moves": ()})
    found.perform(server, [Call("op-0", newer, sale()), Call("op-1", older, sale(10))])
    assert [("stock.picking", "action_assign", [[19, 21]])] == server.calls


def test_orders_of_several_states_are_written_apart() -> None:
    """Each set of values is one request; a refused one is tried order by order."""
    found = action("purchase_order.restore_order")
    images = [purchase(key, state="cancel") for key in (7, 8, 10)]
    states = ("purchase", "sent", "purchase")
    calls = [
        Call(f"op-{i}", Step(found.name, image.of_model("purchase.order")[0].ref, {"state": state}), image)
        for i, (image, state) in enumerate(zip(images, states, strict=True))
    ]  # fmt: skip
    server = Recorder([Rejected(system="erp", said="no"), None, Rejected(system="erp", said="no")])
    answers = found.perform(server, calls)
    assert [[7, 10], [7], [10], [8]] == [parameters[0] for _, _, parameters in server.calls]
    assert [False, False, True] == [answer.refused is not None for answer in answers]


def test_deleted_move_is_told_before() -> None:
    """Without its old move an order cannot come back."""
    problems = action("purchase_order.draft_moves").problems(
        step("purchase_order.draft_moves", moves=(81, 99)), cancelled(purchase())
    )
    assert ["gone"] == [problem.code for problem in problems]


def test_import_that_fails_without_a_fault_is_a_refusal() -> None:
    """Odoo's import answers with messages and saves nothing: that is a refusal in its words."""

    class Importer(Recorder):
        def call(self, *_arguments: Any, **_named: Any) -> Any:
            return {"ids": False, "messages": [{"message": "No matching record"}]}

    with pytest.raises(Rejected, match="No matching record"):
        perform(
            action("sales_order.restore_chain"), Importer(), cancelled(sale()),
            moves=(82,), origins=("81",), methods=("make_to_order",),
        )  # fmt: skip
