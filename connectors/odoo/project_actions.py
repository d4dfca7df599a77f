"""Closing and reopening projects and tasks. A project has no state in Odoo: closed is archived, with its tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar, Final

from connectors.contract import (
    Answer,
    Call,
    Effect,
    Executor,
    Image,
    Instruction,
    Kind,
    LaterBusiness,
    Problem,
    Ref,
    Step,
)
from connectors.judging import DELETED, MISSING, ids_in, root_of, rows
from connectors.odoo.actions import (
    STAMPS,
    MethodAction,
    OdooAction,
    Query,
    Server,
    name_of,
    quietness,
    tracking,
)
from connectors.odoo.writing import write_in_groups, write_values
from core.encoding import Value
from core.text import N_, Text

PROJECT: Final = "project.project"
TASK: Final = "project.task"

CLOSED: Final = ("1_done", "1_canceled")  # since 17
OPEN: Final = "01_in_progress"

_PROJECT: Final = STAMPS | frozenset(
    {
        "name", "active", "stage_id", "user_id", "partner_id", "company_id", "date_start", "date",
        "last_update_status",
    }
)  # fmt: skip
_TASK: Final = STAMPS | frozenset(
    {
        "name", "active", "project_id", "parent_id", "stage_id", "recurring_task", "date_end",
        "date_last_stage_update", "date_deadline",
        "state", "display_in_project",  # since 17
        "kanban_state", "is_closed",  # 16; the second is computed later on
    }
)  # fmt: skip
ACTIVITY: Final = "mail.activity"
_ACTIVITY: Final = frozenset({"res_model", "res_id", "summary", "date_deadline", "user_id"})
_TASK_TRACE: Final = STAMPS | {"date_last_stage_update", "date_end"}


class _Action(OdooAction):
    kind = Kind.PROJECT

    def instruction(self, step: Step, image: Image) -> Instruction:
        return Instruction(
            screen=Text(N_("Project, {name}"), {"name": name_of(step, image)}),
            press=Text(self.title),
            reason=Text(N_("the work is finished")),
        )


# --- projects --------------------------------------------------------------------------------------------


class _Project(_Action):
    """A project with all of its tasks, archived ones too."""

    model = PROJECT
    wanted = _PROJECT
    queries = (
        Query(TASK, "project_id", PROJECT, _TASK),
        Query(ACTIVITY, "res_id", PROJECT, _ACTIVITY, domain=(("res_model", "=", PROJECT),)),
        Query(ACTIVITY, "res_id", TASK, _ACTIVITY, domain=(("res_model", "=", TASK),)),
    )
    stamped: ClassVar[tuple[str, ...]] = (PROJECT, TASK)
    ours = MappingProxyType(
        {
            PROJECT: STAMPS | {"active"},
            TASK: STAMPS | {"active"},
            ACTIVITY: frozenset({"*"}),
        }
    )
    derived = MappingProxyType({PROJECT: STAMPS, TASK: STAMPS})
    trace = derived

    def later_business(self, step: Step, after: Image, now: Image) -> tuple[LaterBusiness, ...]:
        if not root_of(step, now):
            return (DELETED,)
        if rows(after, TASK).keys() != rows(now, TASK).keys():
            return (LaterBusiness(Effect.HARMLESS, Text(N_("tasks were added or moved"))),)
        return ()


class CloseProject(_Project, MethodAction):
    """A finished project is archived; Odoo archives its tasks with it."""

    name = "project.close"
    title = N_("Archive the project")
    method = "action_archive"
    reopen_action = "project.reopen"

    def problems(self, step: Step, image: Image) -> tuple[Problem, ...]:
        root = root_of(step, image)
        if not root:
            return (MISSING,)
        if not root.get("active"):
            return (Problem("state.archived", Text(N_("it is archived already"))),)
        count = len(rows(image, ACTIVITY))
        found: tuple[Problem, ...] = ()
        if count and step.arguments.get("drop_activities") is not True:
            # Measured on 18: whatever is archived loses its planned activities for ever.
            text = Text(
                N_("{count} planned activities would be deleted for good"), {"count": count}
            )
            found = (Problem("activities.planned", text),)
        return found + tuple(
            open_task(i, row)
            for i, row in rows(image, TASK).items()
            if row.get("active") and not is_closed(row)
        )

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        tasks = rows(after, TASK).values()
        return root_of(step, after).get("active") is False and not any(
            task.get("active") for task in tasks if task.get("project_id") == int(step.ref.key)
        )

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        archived = tuple(i for i, row in rows(before, TASK).items() if not row.get("active"))
        return reopening(step.ref, archived, quietness(step))


class ReopenProject(_Project, MethodAction):
    """Odoo activates every task of the project; those that the step names are archived again: a chain."""

    name = "project.reopen"
    title = N_("Unarchive the project with its tasks")
    method = "action_unarchive"

    def steps(self, ref: Ref, arguments: Mapping[str, Value]) -> tuple[Step, ...]:
        kept = {name: value for name, value in arguments.items() if name != "tasks"}
        return reopening(ref, ids_in(arguments.get("tasks")), kept)

    def problems(self, step: Step, image: Image) -> tuple[Problem, ...]:
        root = root_of(step, image)
        if not root:
            return (MISSING,)
        if root.get("active"):
            return (Problem("state.open", Text(N_("it is not archived"))),)
        return ()

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        return root_of(step, after).get("active") is True

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        return (Step("project.close", step.ref, quietness(step)),)


class _WriteTasks(_Project):
    """Writes `active` of the tasks that the step names, in one call."""

    is_link = True
    executors = (Executor.INTERFACE,)
    is_atomic_batch = True
    goal: ClassVar[bool]
    back: ClassVar[str]
    stamped = (TASK,)

    def perform(self, server: Server, calls: Sequence[Call]) -> list[Answer]:
        ids = [i for call in calls for i in self.tasks(call.step, call.before)]
        values = {"active": self.goal}
        return self.send(server, calls, TASK, "write", ids, values, context=tracking(calls))

    def tasks(self, step: Step, image: Image) -> tuple[int, ...]:
        """Return the tasks to write: those named that are still there and differ."""
        found = rows(image, TASK)
        named = ids_in(step.arguments.get("tasks"))
        return tuple(i for i in named if i in found and found[i].get("active") is not self.goal)

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        return bool(root_of(step, after)) and not self.tasks(step, after)

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        return (Step(self.back, step.ref, step.arguments),)


class ArchiveTasks(_WriteTasks):
    """Tasks that were archived before their project was are archived again."""

    name = "project.archive_tasks"
    title = N_("Archive the tasks that were archived before")
    goal = False
    back = "project.unarchive_tasks"


class UnarchiveTasks(_WriteTasks):
    """The way back of `project.archive_tasks`."""

    name = "project.unarchive_tasks"
    title = N_("Unarchive tasks")
    goal = True
    back = "project.archive_tasks"


def reopening(
    ref: Ref, archived: tuple[int, ...], arguments: Mapping[str, Value]
) -> tuple[Step, ...]:
    """Return the calls that open a project again and leave those tasks archived."""
    found = [Step("project.reopen", ref, dict(arguments))]
    if archived:
        tasks = {**arguments, "tasks": tuple(sorted(archived))}
        found.append(Step("project.archive_tasks", ref, tasks))
    return tuple(found)


# --- tasks -----------------------------------------------------------------------------------------------


class _Task(_Action):
    """Writes state and stage of a task; up to 16 a task is closed by a folded stage alone."""

    model = TASK
    wanted = _TASK
    computed = frozenset({"is_closed"})
    # Tasks that wait for this one are no part of it: Odoo frees them and makes them wait again by itself, and two
    # of them closed by one plan would each see the other's change as its own.
    queries = (Query(TASK, "parent_id", TASK, _TASK),)
    stamped = (TASK,)
    written: ClassVar[Mapping[str, str]] = MappingProxyType(
        {"state": "state", "stage": "stage_id", "kanban_state": "kanban_state"}
    )
    """Arguments, and the field that each is written to."""
    ours = MappingProxyType(
        {TASK: _TASK_TRACE | {"state", "stage_id", "kanban_state", "is_closed"}}
    )
    derived = MappingProxyType({TASK: _TASK_TRACE | {"is_closed"}})
    restores = MappingProxyType({TASK: frozenset({"state", "stage_id", "kanban_state"})})
    trace = MappingProxyType(
        {
            TASK: _TASK_TRACE
            | {
                "working_hours_close",
                "working_days_close",
                "working_hours_open",
                "working_days_open",
            }
        }
    )
    trace_note = N_(
        "when it was moved last and when it ended are new, as Odoo keeps them; its messages stay for ever;"
        " tasks that wait for it wait again"
    )

    def perform(self, server: Server, calls: Sequence[Call]) -> list[Answer]:
        def key(call: Call) -> tuple[tuple[str, object], ...]:
            wanted, now = self.values(call.step), root_of(call.step, call.before)
            values = write_values(self.target, TASK, now, wanted, ours=self.ours[TASK])
            # A change of the stage resets the state: it goes along, and an explicit value wins.
            for name in ("state", "kanban_state"):
                if "stage_id" in values and name in wanted:
                    values[name] = wanted[name]
            return tuple(sorted(values.items()))

        def send(values: tuple[tuple[str, object], ...], members: Sequence[Call]) -> None:
            ids = [int(call.step.ref.key) for call in members]
            self.send(server, members, TASK, "write", ids, dict(values), context=tracking(members))

        return write_in_groups(server, calls, key, send)

    def values(self, step: Step) -> dict[str, Value]:
        """Return the fields to write: those given, else what the action stands for."""
        found = {
            name: step.arguments[argument]
            for argument, name in self.written.items()
            if argument in step.arguments and self.target.has(TASK, name)
        }
        if self.target.has(TASK, "state"):
            found.setdefault("state", self.goal_state)
        return found

    goal_state: ClassVar[str]

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        root, wanted = root_of(step, after), self.values(step)
        return bool(root) and bool(wanted) and all(root.get(n) == v for n, v in wanted.items())

    def kept(self, step: Step, before: Image) -> dict[str, Value]:
        """Return the arguments that put back what the step wrote."""
        was, wrote = root_of(step, before), self.values(step)
        names = set(wrote) | ({"kanban_state"} if "stage_id" in wrote else set())
        found = {a: was.get(n) for a, n in self.written.items() if n in names and n in was}
        return {**quietness(step), **found}

    def own_problems(self, step: Step, image: Image) -> tuple[Problem, ...]:
        """Return why the step cannot be carried out at all."""
        root = root_of(step, image)
        if not root:
            return (MISSING,)
        if "state" not in root and "stage" not in step.arguments:
            text = Text(N_("this Odoo closes tasks by their stage: say which"))
            return (Problem("stage.missing", text),)
        return ()

    def later_business(self, step: Step, after: Image, now: Image) -> tuple[LaterBusiness, ...]:
        if not root_of(step, now):
            return (DELETED,)
        return ()


class CloseTask(_Task):
    """A finished task is done."""

    name = "project.close_task"
    title = N_("Mark the task as done")
    goal_state = CLOSED[0]
    reopen_action = "project.reopen_task"

    def problems(self, step: Step, image: Image) -> tuple[Problem, ...]:
        found, root = self.own_problems(step, image), root_of(step, image)
        if found:
            return found
        if is_closed(root):
            return (Problem("state.done", Text(N_("it is closed already"))),)
        if root.get("recurring_task"):
            text = Text(
                N_("it recurs: closing it makes the next one, which no rollback takes back")
            )
            found = (Problem("task.recurring", text),)
        children = (
            open_task(i, row)
            for i, row in rows(image, TASK).items()
            if row.get("parent_id") == int(step.ref.key)
            and not is_closed(row)
            and row.get("active")
        )
        return (*found, *children)

    def precedes(self, step: Step, image: Image) -> tuple[Ref, ...]:
        root = root_of(step, image)
        after = ((TASK, root.get("parent_id")), (PROJECT, root.get("project_id")))
        return tuple(Ref(model, str(key)) for model, key in after if isinstance(key, int))

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        return (Step("project.reopen_task", step.ref, self.kept(step, before)),)


class ReopenTask(_Task):
    """A closed task is open again, in the state and the stage that the step says."""

    name = "project.reopen_task"
    title = N_("Reopen the task")
    goal_state = OPEN

    def problems(self, step: Step, image: Image) -> tuple[Problem, ...]:
        found, root = self.own_problems(step, image), root_of(step, image)
        if found or is_closed(root):
            return found
        if root.get("active") is False:
            text = Text(
                N_(
                    "it is archived and was never done: in Odoo Actions > Unarchive brings it back,"
                    " where its project is archived too the action project.reopen"
                )
            )
            return (Problem("task.archived", text),)
        return (Problem("state.open", Text(N_("it is open already"))),)

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        return (Step("project.close_task", step.ref, self.kept(step, before)),)


def is_closed(row: Mapping[str, Value]) -> bool:
    """Whether a task is closed: by its state since 17, by its folded stage before."""
    if "state" in row:
        return row["state"] in CLOSED
    return bool(row.get("is_closed"))


def open_task(key: int, row: Mapping[str, Value]) -> Problem:
    """Return the problem that a task is still open; a plan that closes it first may go on."""
    text = Text(N_("its task {name} is open"), {"name": str(row.get("name"))})
    return Problem("task.open", text, by=Ref(TASK, str(key)))


def project_actions() -> tuple[type[OdooAction], ...]:
    """Return every action of projects and tasks."""
    return (CloseProject, ReopenProject, ArchiveTasks, UnarchiveTasks, CloseTask, ReopenTask)
