"""Projects, their tasks and updates: the archive cascade, stages, states."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sandbox.odoo.engine import (
    Env,
    after_create,
    after_write,
    compute,
    method,
    on_create,
    on_unlink,
    on_write,
    track,
)
from sandbox.odoo.naming import american, present

PROJECT: Final = "project.project"
TASK: Final = "project.task"
UPDATE: Final = "project.update"
CLOSED: Final = ("1_done", "1_canceled")

track(PROJECT, "name", "user_id", "date", "stage_id")
track(TASK, "stage_id", "name", "user_ids", "priority")
track(TASK, "state", since=17)
track(TASK, "kanban_state", until=16)


@on_create(PROJECT)
def fill_project(env: Env, vals: dict[str, Any]) -> None:
    """Give a new project its first stage."""
    defaults = {
        "company_id": env.company,
        "last_update_status": "to_define",
        "stage_id": env.sudo()["project.project.stage"].first(order="sequence, id"),
        "user_id": env.uid,
        "privacy_visibility": "portal",
        "allow_milestones": True,
        "label_tasks": "Tasks",
        "sequence": 10,
        "rating_status": "stage",
        "rating_status_period": "monthly",
        # Every project has an address for mail; the model of those is not here.
        "alias_id": len(env.sudo()[PROJECT].rows) + 1,
        "active": True,
    }
    for name, value in present(env, PROJECT, defaults).items():
        vals.setdefault(name, value)


@on_create(TASK)
def fill_task(env: Env, vals: dict[str, Any]) -> None:
    """Give a new task its first stage."""
    defaults = {
        "company_id": env.company,
        "stage_id": env.sudo()["project.task.type"].first(order="sequence, id"),
        "state": "01_in_progress",
        "kanban_state": "normal",
        "date_last_stage_update": env.now,
        "priority": "0",
        "sequence": 10,
        "display_in_project": True,
        "user_ids": (env.uid,),
        "active": True,
    }
    for name, value in present(env, TASK, defaults).items():
        vals.setdefault(name, value)


# --- projects ---------------------------------------------------------------------------------------------


@on_write(PROJECT)
def replace_status(env: Env, ids: Sequence[int], vals: dict[str, Any]) -> None:
    """Make a new update where somebody writes the status, the same one too."""
    status = vals.pop("last_update_status", None)
    if status in (None, False, "to_define"):
        return
    for project in ids:
        words = f"Status Update - {american(env.today)}"
        env.sudo()[UPDATE].create({"name": words, "status": status, "project_id": project})


@after_write(PROJECT)
def cascade(
    env: Env, ids: Sequence[int], vals: Mapping[str, Any], _old: Mapping[int, Mapping[str, Any]]
) -> None:
    """Archive or activate all tasks with their project, whatever they were before."""
    if "active" not in vals:
        return
    tasks = env.sudo()[TASK].search([("project_id", "in", list(ids))])
    if tasks:
        env.sudo()[TASK].write(tasks, {"active": vals["active"]})


@method(PROJECT, "action_archive")
def archive_project(env: Env, ids: list[int]) -> None:
    """Archive those that are active."""
    _set_active(env, PROJECT, ids, is_active=False)


@method(PROJECT, "action_unarchive")
def unarchive_project(env: Env, ids: list[int]) -> None:
    """Activate those that are archived."""
    _set_active(env, PROJECT, ids, is_active=True)


@method(PROJECT, "toggle_active")
def toggle_project(env: Env, ids: list[int]) -> None:
    """Archive what is active, activate what is archived."""
    _toggle(env, PROJECT, ids)


@method(TASK, "action_archive")
def archive_task(env: Env, ids: list[int]) -> None:
    """Archive those that are active."""
    _set_active(env, TASK, ids, is_active=False)


@method(TASK, "action_unarchive")
def unarchive_task(env: Env, ids: list[int]) -> None:
    """Activate those that are archived."""
    _set_active(env, TASK, ids, is_active=True)


@method(TASK, "toggle_active")
def toggle_task(env: Env, ids: list[int]) -> None:
    """Archive what is active, activate what is archived."""
    _toggle(env, TASK, ids)


def _toggle(env: Env, model: str, ids: Sequence[int]) -> None:
    active = [each for each in ids if env[model].get(each, "active")]
    _set_active(env, model, active, is_active=False)
    _set_active(env, model, [each for each in ids if each not in active], is_active=True)


def _set_active(env: Env, model: str, ids: Sequence[int], *, is_active: bool) -> None:
    found = [each for each in ids if bool(env[model].get(each, "active")) is not is_active]
    if found:
        env[model].write(found, {"active": is_active})


# --- updates ----------------------------------------------------------------------------------------------


@on_create(UPDATE)
def fill_update(env: Env, vals: dict[str, Any]) -> None:
    """Give a new update its author and day."""
    defaults = {
        "user_id": env.uid,
        "date": env.today,
        "project_id": env.context.get("default_project_id", False),
        "status": "on_track",
    }
    project = vals.get("project_id") or defaults["project_id"]
    if project:
        tasks = env.sudo()[TASK].search([("project_id", "=", project)], active_test=True)
        name = "state" if env.version >= 17 else "is_closed"
        closed = [e for e in tasks if env.sudo()[TASK].get(e, name) in (*CLOSED, True)]
        defaults |= {"task_count": len(tasks), "closed_task_count": len(closed)}
    for name, value in present(env, UPDATE, defaults).items():
        vals.setdefault(name, value)


@after_create(UPDATE)
def show_update(env: Env, ids: Sequence[int]) -> None:
    """The last update is the project's status."""
    for update in ids:
        _show_last(env, env.sudo()[UPDATE].get(update, "project_id"))


@on_unlink(UPDATE)
def restore_status(env: Env, ids: Sequence[int]) -> None:
    """Without its last update a project has the status of the one before."""
    for project in dict.fromkeys(env.sudo()[UPDATE].get(each, "project_id") for each in ids):
        _show_last(env, project, without=ids)


def _show_last(env: Env, project: int, without: Sequence[int] = ()) -> None:
    if not project:
        return
    updates = env.sudo()[UPDATE]
    found = [
        each
        for each in updates.search([("project_id", "=", project)], order="date desc, id desc")
        if each not in without
    ]
    status = updates.get(found[0], "status") if found else "to_define"
    vals = {"last_update_id": found[0] if found else False, "last_update_status": status}
    env.sudo()[PROJECT].update([project], vals)


# --- tasks ------------------------------------------------------------------------------------------------


@on_write(TASK)
def note_stage(env: Env, _ids: Sequence[int], vals: dict[str, Any]) -> None:
    """Note when a stage was written (the same one too), and whether it ends the task."""
    if "stage_id" not in vals:
        return
    stage = vals["stage_id"]
    is_folded = bool(stage) and env.sudo()["project.task.type"].get(stage, "fold")
    vals["date_end"] = env.now if is_folded else False
    vals["date_last_stage_update"] = env.now
    if env.version == 16:
        vals.setdefault("kanban_state", "normal")


@compute(TASK, "state", depends=("stage_id", "depend_on_ids.state"), since=17)
def state(env: Env, task: int) -> dict[str, str] | None:
    """Another stage takes back what was approved or asked to change; closed tasks stay closed."""
    su = env.sudo()
    now = su[TASK].rows[task].get("state")
    if now in CLOSED:
        return None
    waits = any(su[TASK].get(e, "state") not in CLOSED for e in su[TASK].get(task, "depend_on_ids"))
    return {"state": "04_waiting_normal" if waits else "01_in_progress"}


@compute(TASK, "is_closed", depends=("stage_id.fold",), until=16)
def is_folded(env: Env, task: int) -> dict[str, bool]:
    """16: a task is closed by its stage."""
    stage = env.sudo()[TASK].get(task, "stage_id")
    return {"is_closed": bool(stage) and bool(env.sudo()["project.task.type"].get(stage, "fold"))}


@compute(TASK, "is_closed", depends=("state",), since=17)
def is_closed(env: Env, task: int) -> dict[str, bool]:
    """From 17 on by its state."""
    return {"is_closed": env.sudo()[TASK].get(task, "state") in CLOSED}
