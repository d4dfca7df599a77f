"""Projects and manufacturing orders of the practice Odoo behave as in the real versions."""

from __future__ import annotations

import pytest

from sandbox.odoo.engine import UserError
from tests.sandbox.odoo.desk import Desk
from tests.sandbox.odoo.office import MO, MOVE

PROJECT, TASK, UPDATE = "project.project", "project.task", "project.update"


def test_unarchiving_a_project_activates_what_was_archived_before(desk: Desk) -> None:
    """The cascade forgets which tasks were archived already."""
    project = desk.arrange(lambda office: office.project())
    first, second = desk.find(TASK, ("project_id", "=", project))
    desk.call(TASK, "write", [first], {"active": False})

    assert desk.call(PROJECT, "action_archive", [project]) is None
    assert [False, False] == desk.all(TASK, [first, second], "active")
    assert desk.call(PROJECT, "action_unarchive", [project]) is None

    assert [True, True] == desk.all(TASK, [first, second], "active")


def test_a_stage_resets_what_was_approved_and_ends_the_task(desk: Desk) -> None:
    """A folded stage sets the end; going back clears it; the approval is gone."""
    project = desk.arrange(lambda office: office.project())
    (task, _) = desk.find(TASK, ("project_id", "=", project))
    stages = desk.company.task_stages
    name, approved, reset = (
        ("kanban_state", "done", "normal")
        if desk.version == 16
        else ("state", "03_approved", "01_in_progress")
    )
    desk.call(TASK, "write", [task], {name: approved})

    desk.call(TASK, "write", [task], {"stage_id": stages["done"]})
    assert reset == desk.get(TASK, task, name)
    assert desk.get(TASK, task, "date_end")

    desk.call(TASK, "write", [task], {"stage_id": stages["todo"]})
    assert False is desk.get(TASK, task, "date_end")


def test_an_update_is_the_status_until_it_is_deleted(desk: Desk) -> None:
    """Deleting the last update brings the one before back; writing the status makes a new one."""
    project = desk.arrange(lambda office: office.project())
    first = desk.call(UPDATE, "create", {"name": "a", "project_id": project, "status": "at_risk"})
    second = desk.call(UPDATE, "create", {"name": "b", "project_id": project, "status": "on_hold"})
    assert "on_hold" == desk.get(PROJECT, project, "last_update_status")

    desk.call(UPDATE, "unlink", [second])
    assert ("at_risk", first) == (
        desk.get(PROJECT, project, "last_update_status"),
        desk.get(PROJECT, project, "last_update_id"),
    )

    desk.call(PROJECT, "write", [project], {"last_update_status": "at_risk"})
    assert 2 == len(desk.find(UPDATE, ("project_id", "=", project)))


def test_a_cancelled_order_comes_back_by_its_moves(desk: Desk) -> None:
    """Writing the state alone does nothing (up to 18); moves first, then the order, then confirm."""
    order = desk.arrange(lambda office: office.production("confirmed"))
    moves = desk.find(
        MOVE, "|", ("raw_material_production_id", "=", order), ("production_id", "=", order)
    )
    assert True is desk.call(MO, "action_cancel", [order])
    if desk.version <= 18:
        assert True is desk.call(MO, "write", [order], {"state": "draft"})
        assert "cancel" == desk.get(MO, order, "state")

    desk.call(MOVE, "write", moves, {"state": "draft"})
    desk.call(MO, "write", [order], {"state": "draft"})
    assert "draft" == desk.get(MO, order, "state")
    assert True is desk.call(MO, "action_confirm", [order])

    assert "confirmed" == desk.get(MO, order, "state")


def test_cancelling_what_is_done_is_silent_up_to_18(desk: Desk) -> None:
    """True and nothing; 19 refuses."""
    order = desk.arrange(lambda office: office.production("done"))

    if desk.version >= 19:
        with pytest.raises(UserError, match="already done"):
            desk.call(MO, "action_cancel", [order])
    else:
        assert True is desk.call(MO, "action_cancel", [order])
    assert "done" == desk.get(MO, order, "state")


def test_unbuilding_moves_everything_back(desk: Desk) -> None:
    """The order stays done; product and components lie where they lay before."""
    lying = desk.arrange(
        lambda office: office.env["stock.quant"].search([("location_id.usage", "=", "internal")])
    )
    assert [] == lying
    order = desk.arrange(lambda office: office.production("done"))
    vals = {"mo_id": order, "product_id": desk.company.products["kit"], "product_qty": 3.0}
    unbuild = desk.call("mrp.unbuild", "create", vals)

    assert True is desk.call("mrp.unbuild", "action_unbuild", [unbuild])

    assert ("done", "done") == (
        desk.get(MO, order, "state"),
        desk.get("mrp.unbuild", unbuild, "state"),
    )
    quants = desk.find("stock.quant", ("location_id.usage", "=", "internal"))
    assert {0.0} == set(desk.all("stock.quant", quants, "quantity"))
