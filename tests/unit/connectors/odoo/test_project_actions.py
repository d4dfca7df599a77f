"""Promises of closing and reopening projects and tasks, for the versions 16 to 19."""

from __future__ import annotations

from typing import Any, Final

import pytest

from connectors.contract import Effect, Image, Ref, Step
from core.encoding import Value
from recovery.images import differences
from tests.unit.connectors.odoo.document_scenes import (
    MODERN,
    MOMENT,
    VERSIONS,
    action,
    but,
    codes,
    foreign,
    gone,
    image,
    perform,
    residue,
    row,
    sent,
    way_back,
)
from tests.unit.connectors.odoo.document_scenes import Recorder as Server

PROJECT: Final = Ref("project.project", "1")
TASK: Final = Ref("project.task", "11")
OTHER: Final = Ref("project.task", "12")
CLOSE: Final = Step("project.close", PROJECT)
CLOSE_TASK: Final = Step("project.close_task", TASK)
REOPEN_TASK: Final = Step("project.reopen_task", TASK)


def task(key: int, version: int = 18, *, is_open: bool = True, **fields: Value) -> Any:
    state: dict[str, Value] = (
        {"state": "03_approved" if is_open else "1_done"}
        if version >= 17
        else {"kanban_state": "done", "is_closed": not is_open}
    )
    return row(
        "project.task", key,
        **{
            "name": f"T{key}", "active": True, "project_id": 1, "parent_id": None, "stage_id": 2,
            "recurring_task": False, "date_end": None, "date_last_stage_update": MOMENT, **state, **fields,
        },
    )  # fmt: skip


def project(version: int = 18, *, is_active: bool = True, **fields: Value) -> Image:
    """Return a project with a closed task and one that was archived before."""
    return image(
        row("project.project", 1, name="Office", active=is_active, **fields),
        task(11, version, is_open=False, active=is_active),
        task(12, version, is_open=True, active=False),
    )


# --- projects ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
def test_a_project_is_archived_with_its_tasks(version: int) -> None:
    """One call archives a batch; it is done when no task is active any more."""
    assert set() == codes(CLOSE, project(version), version)
    server = sent(CLOSE, project(version), version=version)
    assert [("project.project", "action_archive", [[1]])] == server.calls
    found, after = action(CLOSE.action, version), project(version, is_active=False)
    assert found.is_done(CLOSE, project(version), after)
    assert not found.is_done(CLOSE, project(version), but(after, TASK, active=True))
    assert [] == foreign(CLOSE.action, project(version), after, version)


def test_an_open_task_stands_in_the_way() -> None:
    """By name, so that a plan that closes it first may go on; archived ones do not count."""
    open_one = but(project(), TASK, state="01_in_progress")
    (problem,) = action(CLOSE.action).problems(CLOSE, open_one)
    assert ("task.open", TASK) == (problem.code, problem.by)
    assert {"state.archived"} == codes(CLOSE, project(is_active=False))
    assert {"missing"} == codes(CLOSE, gone(project(), PROJECT))


def test_planned_activities_would_be_lost() -> None:
    """Odoo deletes the activities of whatever is archived: shown before, residue when accepted."""
    planned = image(
        *project().records, row("mail.activity", 7, res_model="project.task", res_id=11)
    )
    assert {"activities.planned"} == codes(CLOSE, planned)
    accepted = Step(CLOSE.action, PROJECT, {"drop_activities": True})
    assert set() == codes(accepted, planned)
    lost = gone(planned, Ref("mail.activity", "7"))
    assert ["mail.activity,7.*"] == residue(CLOSE.action, planned, lost)


def test_what_was_archived_before_stays_archived() -> None:
    """Odoo activates every task of the project: those of the before image are archived again."""
    assert ["project.reopen", "project.archive_tasks"] == way_back(
        CLOSE, project(), project(is_active=False)
    )
    (_, archive) = action(CLOSE.action).inverse(CLOSE, project(), project(is_active=False))
    all_active = but(project(), OTHER, active=True)
    assert [("project.task", "write", [[12], {"active": False}])] == sent(archive, all_active).calls
    found = action(archive.action)
    assert found.is_done(archive, all_active, project())
    assert not found.is_done(archive, all_active, all_active)
    assert [] == residue(CLOSE.action, project(), project())


def test_a_project_without_archived_tasks_needs_one_call() -> None:
    """No empty write is sent."""
    before = but(project(), OTHER, active=True)
    assert ["project.reopen"] == way_back(CLOSE, before, project(is_active=False))


def test_reopening_takes_the_tasks_to_leave() -> None:
    """A chain when tasks are named, one call otherwise."""
    found = action("project.reopen")
    assert 1 == len(found.steps(PROJECT, {}))
    first, second = found.steps(PROJECT, {"tasks": (12,), "tracking": "off"})
    assert ({"tracking": "off"}, (12,)) == (dict(first.arguments), second.arguments["tasks"])
    assert {"state.open"} == codes(Step("project.reopen", PROJECT), project())


def test_new_tasks_do_no_harm() -> None:
    """They are told; a project that was deleted blocks."""
    after = project(is_active=False)
    found = action(CLOSE.action)
    more = image(*after.records, task(13))
    assert [Effect.HARMLESS] == [e.effect for e in found.later_business(CLOSE, after, more)]
    deleted = found.later_business(CLOSE, after, gone(after, PROJECT))
    assert [Effect.BLOCKS] == [e.effect for e in deleted]


# --- tasks ------------------------------------------------------------------------------------------------


def one(version: int = 18, **fields: Value) -> Image:
    return but(image(task(11, version)), TASK, **fields)


@pytest.mark.parametrize("version", MODERN)
def test_a_task_is_closed_by_its_state(version: int) -> None:
    """And goes back to exactly the state that it had, approved ones too."""
    assert set() == codes(CLOSE_TASK, one(version), version)
    server = sent(CLOSE_TASK, one(version), version=version)
    assert [("project.task", "write", [[11], {"state": "1_done"}])] == server.calls
    after = image(task(11, version, is_open=False))
    assert action(CLOSE_TASK.action, version).is_done(CLOSE_TASK, one(version), after)
    (back,) = action(CLOSE_TASK.action, version).inverse(CLOSE_TASK, one(version), after)
    assert {"state": "03_approved"} == dict(back.arguments)
    server = sent(back, after, version=version)
    assert [("project.task", "write", [[11], {"state": "03_approved"}])] == server.calls
    assert action(back.action, version).is_done(back, after, one(version))


@pytest.mark.parametrize("version", VERSIONS)
def test_a_stage_goes_together_with_the_state(version: int) -> None:
    """A change of the stage alone would reset the state that was approved."""
    step = Step(CLOSE_TASK.action, TASK, {"stage": 4})
    before = one(version)
    after = image(task(11, version, is_open=False, stage_id=4))
    (back,) = action(step.action, version).inverse(step, before, after)
    name, value = ("state", "03_approved") if version >= 17 else ("kanban_state", "done")
    assert {"stage": 2, name: value} == dict(back.arguments)
    now = but(after, TASK, **({} if version >= 17 else {"kanban_state": "normal"}))
    (call,) = sent(back, now, version=version).calls
    assert {"stage_id": 2, name: value} == call[2][1]
    if version >= 17:
        # The state is right by chance: it goes along all the same, because the new stage would reset it.
        (call,) = sent(back, one(version, stage_id=4), version=version).calls
        assert {"stage_id": 2, "state": "03_approved"} == call[2][1]


def test_16_wants_to_know_the_stage() -> None:
    """There a task has no state: its stage closes it."""
    assert {"stage.missing"} == codes(CLOSE_TASK, one(16), 16)
    step = Step(CLOSE_TASK.action, TASK, {"stage": 4})
    assert set() == codes(step, one(16), 16)
    assert not action(CLOSE_TASK.action, 16).is_done(CLOSE_TASK, one(16), one(16))


def test_tasks_that_were_in_different_states_go_back_each_to_its_own() -> None:
    """One write a value: a batch is never written with one value for all."""
    calls = []
    server = Server()
    for key, state in ((11, "03_approved"), (12, "01_in_progress")):
        step = Step(REOPEN_TASK.action, Ref("project.task", str(key)), {"state": state})
        calls += [perform(server, step, image(task(key, is_open=False)))]
    wanted = [[[11], {"state": "03_approved"}], [[12], {"state": "01_in_progress"}]]
    assert wanted == [call[2] for call in server.calls]


@pytest.mark.parametrize(
    "fields, code",
    [
        ({"state": "1_done"}, "state.done"),
        ({"state": "1_canceled"}, "state.done"),
        ({"recurring_task": True}, "task.recurring"),
    ],
)
def test_tasks_that_are_not_closed(fields: dict[str, Value], code: str) -> None:
    """Closed already; or closing would make the next one, which no rollback takes back."""
    assert {code} == codes(CLOSE_TASK, but(one(), TASK, **fields))


def test_an_archived_task_that_was_never_done_says_what_brings_it_back() -> None:
    """It is not open: nobody sees it. One that is done is reopened, archived or not."""
    reopen = Step("project.reopen_task", TASK)
    assert {"state.open"} == codes(reopen, but(one(), TASK, active=True))
    (problem,) = action(reopen.action).problems(reopen, but(one(), TASK, active=False))
    assert "task.archived" == problem.code
    assert "Unarchive" in str(problem.text)
    assert "project.reopen" in str(problem.text)
    assert set() == codes(reopen, but(one(), TASK, active=False, state="1_done"))


def test_a_parent_is_closed_after_its_children_and_before_its_project() -> None:
    """An open child is a problem unless the plan closes it first."""
    family = image(task(11), task(12, parent_id=11), task(13, parent_id=11, is_open=False))
    (problem,) = action(CLOSE_TASK.action).problems(CLOSE_TASK, family)
    assert OTHER == problem.by
    child = action(CLOSE_TASK.action).precedes(CLOSE_TASK, one(parent_id=10))
    assert {Ref("project.task", "10"), PROJECT} == set(child)


def test_when_it_was_moved_is_trace() -> None:
    """Odoo keeps that by itself. Tasks that wait for this one are no part of its footprint."""
    moved = but(one(), TASK, date_last_stage_update=None, date_end=MOMENT)
    assert [] == differences(one(), moved, ignore=action(CLOSE_TASK.action).trace)
    assert ["parent_id"] == [query.link for query in action(CLOSE_TASK.action).queries]
