"""Two hundred purchase orders of an Odoo, closed or cancelled and taken back, before an independent witness."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import pytest

from connectors.contract import System
from recovery.model import ChangeSet
from recovery.states import ChangeSetState, OperationState
from tests.contract.odoo_goods_office import NEGOTIATED_PRICE
from tests.contract.odoo_subject import OdooSubject
from tests.contract.subject import Content
from tests.integration.odoo.desk import Desk

pytestmark = [pytest.mark.timeout(900)]

HOW_MANY: Final = 200
CONCERNED: Final = (
    "purchase.order", "purchase.order.line", "stock.picking", "stock.move", "stock.move.line", "account.move",
)  # fmt: skip
"""Every stored field of these is compared."""

Place = tuple[str, str, str]


@pytest.fixture(scope="module")
def orders(odoo: OdooSubject) -> list[int]:
    """Confirmed purchase orders with negotiated prices and a star."""
    made: list[int] = []
    while len(made) < HOW_MANY:
        made += odoo.office.purchases("purchase", 50)
    return made


@pytest.fixture(scope="module")
def partly_received(odoo: OdooSubject) -> list[int]:
    """Orders of which a part of the goods has come."""
    office = odoo.office
    found = office.purchases("purchase", 3)
    for row in office.read("purchase.order", found, "picking_ids"):
        office.receive_half(row["picking_ids"][0])
    return found


@pytest.mark.parametrize(
    "action, largest_batch",
    [
        ("purchase_order.close", 200),
        pytest.param("purchase_order.close", 25, id="two_calls_of_25_at_a_time"),
        ("purchase_order.cancel", 100),
    ],
)
def test_there_and_back(
    odoo: OdooSubject,
    desk: Desk,
    orders: list[int],
    partly_received: list[int],
    action: str,
    largest_batch: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Every stored field is as before, but for what the rollback told; what was partly received was left alone."""
    for each in ("close", "reopen", "cancel"):
        kind = type(desk.system.actions()[f"purchase_order.{each}"])
        monkeypatch.setattr(kind, "batch_size", largest_batch)
    assert desk.system.parallel_calls == 2
    before = odoo.dump()
    is_cancel = action == "purchase_order.cancel"
    planned = desk.plan(action, orders + partly_received if is_cancel else orders)
    left_out = {str(key) for key in partly_received}
    taken = {operation.ref.key for operation in desk.operations(planned)}
    assert taken == {str(key) for key in orders}
    done = desk.run(planned)
    assert_applied(desk, done)
    between = odoo.dump()
    states = {between["purchase.order"][str(key)]["state"] for key in orders}
    assert len(states) == 1
    assert places(before, between, ["purchase.order"]) >= {
        ("purchase.order", str(key), name)
        for key in orders
        for name in ("locked" if odoo.office.version >= 19 and "close" in action else "state",)
    }
    back = desk.run(desk.plan_back(done))
    assert_applied(desk, back)
    assert desk.journal.verify().is_intact
    after = odoo.dump()

    told = {
        (row["model"], row["key"], row["field"])
        for operation in desk.operations(back)
        for name in ("residue", "recomputed", "kept")
        for row in operation.result.get(name, ())
    }
    found = places(before, after, CONCERNED)
    declared = traces(desk.system, [done, back], desk)
    unexpected = {
        place for place in found if (place[0], place[2]) not in declared and place not in told
    }
    assert unexpected == set()
    assert [
        operation.result.get("is_exact")
        for operation in desk.operations(back)
        if operation.reverses_operation_id is not None
    ] == [True] * len(taken)
    assert not {place[1] for place in found if place[0] == "purchase.order"} & left_out


def test_what_was_restored_can_be_received(odoo: OdooSubject, desk: Desk) -> None:
    """After cancelling and taking back, the same transfer brings the goods, and the order counts them."""
    office = odoo.office
    (order,) = office.purchases("purchase", 1)
    (row,) = office.read("purchase.order", [order], "picking_ids", "order_line")
    done = desk.do("purchase_order.cancel", [order])
    assert_applied(desk, done)
    assert_applied(desk, desk.run(desk.plan_back(done)))
    (now,) = office.read("purchase.order", [order], "picking_ids", "order_line", "state")
    assert now == row | {"state": "purchase"}
    office.validate(now["picking_ids"])
    lines = office.read(
        "purchase.order.line", now["order_line"], "product_qty", "qty_received", "price_unit"
    )
    assert [line["product_qty"] for line in lines] == [line["qty_received"] for line in lines]
    assert lines[0]["price_unit"] == NEGOTIATED_PRICE


def assert_applied(desk: Desk, change_set: ChangeSet) -> None:
    """See that everything was confirmed, or was there already; tell the first that was not."""
    others = [
        (each.step.action, each.called, each.state, str(each.reason))
        for each in desk.operations(change_set)
        if each.state is not OperationState.CONFIRMED and each.error_code != "already"
    ]
    assert others[:3] == []
    assert desk.journal.change_set(change_set.id).state is ChangeSetState.APPLIED


def places(before: Content, after: Content, models: Iterable[str]) -> set[Place]:
    """Return every stored field that differs, by record; `*` for a record that came or went."""
    found: set[Place] = set()
    for model in models:
        was, is_now = before.get(model, {}), after.get(model, {})
        found |= {(model, key, "*") for key in was.keys() ^ is_now.keys()}
        found |= {
            (model, key, name)
            for key in was.keys() & is_now.keys()
            for name, value in was[key].items()
            if value != is_now[key].get(name)
        }
    return found


def traces(system: System, change_sets: Iterable[ChangeSet], desk: Desk) -> set[tuple[str, str]]:
    """Return what the actions of these change sets declare as their trace."""
    actions: dict[str, Any] = dict(system.actions())
    names = {each.step.action for some in change_sets for each in desk.operations(some)}
    return {
        (model, field)
        for name in names
        for model, fields in actions[name].trace.items()
        for field in fields
    }
