"""Goods that are scarce: what is promised to others cannot be returned, and who was promised them keeps them."""

from __future__ import annotations

import pytest

from connectors.contract import Ref, Step
from recovery.states import ChangeSetState
from tests.contract.odoo_subject import OdooSubject
from tests.integration.odoo.desk import Desk
from tests.integration.odoo.test_closings import assert_applied

pytestmark = [pytest.mark.timeout(300)]


def problems_of_return(desk: Desk, receipt: int) -> list[str]:
    """Return what the plan would tell about the return of a receipt."""
    step = Step("goods_receipt.return", Ref("stock.picking", str(receipt)))
    (image,) = desk.system.capture([step], [None])
    return [str(each.text) for each in desk.system.actions()[step.action].problems(step, image)]


def test_goods_promised_to_others_are_not_returned(odoo: OdooSubject, desk: Desk) -> None:
    """A return of goods that are reserved elsewhere, or gone, is no plan; as soon as they are there, it works."""
    office = odoo.office
    item = office.new_item()
    receipt = office.receive(item, 10.0)
    assert problems_of_return(desk, receipt) == []
    issue = office.sell(item, 4.0)
    (told,) = problems_of_return(desk, receipt)
    assert "10 would go back, but only 6 are there and free" in told
    office.validate([issue])
    (told,) = problems_of_return(desk, receipt)
    assert "only 6 are there" in told
    office.receive(item, 4.0)
    assert problems_of_return(desk, receipt) == []
    done = desk.do("goods_receipt.return", [receipt])
    assert done.state is ChangeSetState.APPLIED
    (told,) = problems_of_return(desk, receipt)
    assert "returned already" in told


Held = dict[int, tuple[object, object]]


def held(odoo: OdooSubject, pickings: list[int]) -> Held:
    """Return, per transfer, the state of its one move and how much is reserved for it."""
    moves = odoo.office.moves(pickings)
    rows = odoo.office.read("stock.move", moves, "picking_id", "state", "quantity")
    return {row["picking_id"]: (row["state"], row["quantity"]) for row in rows}


def promised(odoo: OdooSubject, *, is_late_first: bool) -> list[int]:
    """Sell 6 pieces each to three customers, with 10 in stock: one gets all, one a part, one nothing."""
    office = odoo.office
    item = office.new_item()
    issues = [office.sell(item, 6.0) for _ in range(3)]
    office.receive(item, 10.0)
    for key in issues:
        office.call("stock.picking", "do_unreserve", [key])
    for key in reversed(issues) if is_late_first else issues:
        office.call("stock.picking", "action_assign", [key])
    return issues


@pytest.mark.parametrize("is_late_first", [False, True])
@pytest.mark.parametrize("action", ["sales_order.cancel", "goods_issue.cancel"])
def test_scarce_goods_go_to_those_who_had_them(
    odoo: OdooSubject, desk: Desk, action: str, is_late_first: bool
) -> None:
    """After cancelling and taking back, each delivery has reserved what it had, whatever came first."""
    issues = promised(odoo, is_late_first=is_late_first)
    before = held(odoo, issues)
    assert [("assigned", 6.0), ("confirmed", 0.0), ("partially_available", 4.0)] == sorted(
        before.values(), key=str
    )
    keys = issues
    if action.startswith("sales"):
        rows = odoo.office.read("stock.picking", issues, "sale_id")
        keys = [row["sale_id"] for row in rows]
    done = desk.do(action, keys)
    assert_applied(desk, done)
    back = desk.run(desk.plan_back(done))
    assert_applied(desk, back)
    assert before == held(odoo, issues)
    exact = [
        operation.result["is_exact"]
        for operation in desk.operations(back)
        if "is_exact" in operation.result
    ]
    assert [True] * 3 == exact
