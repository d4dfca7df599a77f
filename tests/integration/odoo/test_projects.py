"""A finished project and its tasks, closed by one plan and taken back by one rollback."""

from __future__ import annotations

import pytest

from closing.plan import plan_closing
from config.closings import ClosingSettings, Route
from connectors.contract import Criteria, Kind
from core import clock
from recovery.model import ChangeSet
from recovery.states import ChangeSetState, OperationState
from tests.contract.odoo_subject import OdooSubject
from tests.integration.odoo.desk import MEI, Desk
from tests.integration.odoo.test_closings import assert_applied

pytestmark = [pytest.mark.timeout(300)]

TASK_ROUTE = Route(name="tasks", when="model = 'project.task'", action="project.close_task")
PROJECT_ROUTE = Route(name="projects", when="true", action="project.close")
State = dict[tuple[str, int], tuple[object, ...]]


def plan(desk: Desk, project: int, tasks: list[int]) -> ChangeSet:
    """Plan one project with its tasks as `storno close plan` does."""
    listed = ", ".join(f"'{key}'" for key in tasks)
    scope = (
        f"(model = 'project.project' and key = '{project}')"
        f" or (model = 'project.task' and key in ({listed}))"
    )
    closing = ClosingSettings(
        system="erp", kind="project", scope=scope, routes=(TASK_ROUTE, PROJECT_ROUTE)
    )
    return plan_closing(
        desk.journal, desk.system, "finished", closing, actor=MEI, today=clock.now().date()
    )


def state(odoo: OdooSubject, project: int, tasks: list[int]) -> State:
    """Return what is open and what is archived."""
    call = odoo.office.call
    context = {"active_test": False}
    (row,) = call("project.project", "read", [project], ["active"], context=context)
    rows = call("project.task", "read", tasks, ["active", "state"], context=context)
    return {("project", project): (row["active"],)} | {
        ("task", each["id"]): (each["active"], each["state"]) for each in rows
    }


def tasks_of(odoo: OdooSubject, project: int) -> list[int]:
    """Return every task of a project, archived ones too."""
    domain = [["project_id", "=", project]]
    found: list[int] = odoo.office.call(
        "project.task", "search", domain, context={"active_test": False}, order="id"
    )
    return found


def test_a_project_is_closed_after_its_tasks_by_one_plan(odoo: OdooSubject, desk: Desk) -> None:
    """Open tasks that the same plan closes first are no reason against the project; all of it comes back."""
    (project,) = odoo.office.projects(how_many=1)
    tasks = tasks_of(odoo, project)
    before = state(odoo, project, tasks)
    assert [False, True, True] == [before["task", key][0] for key in tasks]

    planned = plan(desk, project, tasks)

    names = [operation.step.action for operation in desk.operations(planned)]
    assert "project.close" == names[-1]
    assert 2 <= names.count("project.close_task")
    done = desk.run(planned)
    assert_applied(desk, done)
    after = state(odoo, project, tasks)
    assert (False,) == after["project", project]
    assert {(False, "1_done")} == {after["task", key] for key in tasks[1:]}
    back = desk.run(desk.plan_back(done))
    assert_applied(desk, back)
    assert before == state(odoo, project, tasks)
    assert desk.journal.verify().is_intact


def test_a_project_whose_task_stays_open_is_left_alone(odoo: OdooSubject, desk: Desk) -> None:
    """A task that somebody works on since is not closed, and its project is not archived over it."""
    (project,) = odoo.office.projects(how_many=1)
    tasks = tasks_of(odoo, project)
    planned = plan(desk, project, tasks)
    odoo.office.call("project.task", "write", [tasks[1]], {"name": "not done yet"})

    done = desk.run(planned)

    assert ChangeSetState.PARTLY_APPLIED is done.state
    dropped = {
        (each.step.action, each.ref.key)
        for each in desk.operations(done)
        if each.state is OperationState.DROPPED
    }
    assert {("project.close_task", str(tasks[1])), ("project.close", str(project))} == dropped
    assert (True,) == state(odoo, project, tasks)["project", project]


def test_a_task_is_not_its_project(odoo: OdooSubject, desk: Desk) -> None:
    """Ids are counted model by model: asked for with its model, a key names one document."""
    (project,) = odoo.office.projects(how_many=1)
    tasks = tasks_of(odoo, project)
    for model, key in (("project.project", project), ("project.task", tasks[1])):
        found = [
            (row["model"], row["key"])
            for batch in desk.system.documents(Kind.PROJECT, Criteria(keys=(f"{model},{key}",)))
            for row in batch.to_pylist()
        ]
        assert [(model, str(key))] == found
