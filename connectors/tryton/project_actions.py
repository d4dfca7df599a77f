"""Closing and reopening projects and tasks: written, because Tryton has no button for it."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import ClassVar, Final

from connectors.contract import (
    Answer,
    Call,
    Effect,
    Image,
    Instruction,
    Kind,
    LaterBusiness,
    Problem,
    Ref,
    Step,
)
from connectors.judging import DELETED, MISSING, ids_in, number_in, root_of
from connectors.tryton.actions import STAMPS, Shape, TrytonAction, name_of, offenders
from connectors.tryton.transport import Session, write_value
from core.encoding import Value
from core.errors import RefusedError
from core.text import N_, Text

WORK: Final = "project.work"


class _WriteStatus(TrytonAction):
    """Writes status and progress of works, each its own, in one call."""

    kind = Kind.PROJECT
    model = WORK
    is_atomic_batch = True
    shape = Shape(
        WORK,
        STAMPS | {"name", "number", "type", "company", "parent", "status", "progress", "children"},
    )
    stamped = (WORK,)
    ours = MappingProxyType({WORK: STAMPS | {"status", "progress"}})
    derived = MappingProxyType({WORK: STAMPS})
    trace = MappingProxyType({WORK: STAMPS})
    restores = MappingProxyType({WORK: frozenset({"status", "progress"})})
    goal: ClassVar[str]

    def perform(self, session: Session, calls: Sequence[Call]) -> list[Answer]:
        parameters: list[object] = []
        for call in calls:
            values = self.values(call.step, call.before)
            there = root_of(call.step, call.before)
            # What is there already is not written: it may be somebody's, kept on purpose.
            left = {n: v for n, v in values.items() if v != there.get(n)} or values
            written = {
                n: write_value(v, "float" if n == "progress" else "") for n, v in left.items()
            }
            parameters += [[int(call.step.ref.key)], written]
        try:
            session.model(WORK, "write", *parameters, context=self.stamps(calls), is_write=True)
        except RefusedError as error:
            error.details["offenders"] = offenders(error, calls)
            raise
        return [Answer(call.operation_id) for call in calls]

    def values(self, step: Step, image: Image) -> dict[str, Value]:
        """Return status and progress to write: the given ones, else those that the action stands for."""
        raise NotImplementedError

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        wanted, found = self.values(step, before), root_of(step, after)
        return found.get("status") == wanted["status"] and number_in(
            found.get("progress")
        ) == number_in(wanted["progress"])

    def later_business(self, step: Step, after: Image, now: Image) -> tuple[LaterBusiness, ...]:
        if not root_of(step, now):
            return (DELETED,)
        if root_of(step, after).get("children") != root_of(step, now).get("children"):
            return (LaterBusiness(Effect.HARMLESS, Text(N_("tasks were added or moved"))),)
        return ()

    def instruction(self, step: Step, image: Image) -> Instruction:
        return Instruction(
            screen=Text(N_("Projects > Works, {name}"), {"name": name_of(step, image)}),
            press=Text(self.title),
            reason=Text(N_("the work is finished")),
        )


class CloseWork(_WriteStatus):
    """A project or task whose work is finished gets the status done."""

    name = "project.close"
    title = N_("Set the work to done")
    reopen_action = "project.reopen"

    def problems(self, step: Step, image: Image) -> tuple[Problem, ...]:
        root = root_of(step, image)
        if not root:
            return (MISSING,)
        if root.get("status") in self.target.done_statuses:
            return (Problem("state.done", Text(N_("its status is done already"))),)
        if number_in(root["progress"]) < 1 and "progress" not in step.arguments:
            percent = f"{number_in(root['progress']) * 100:.0f}"
            text = Text(N_("its progress is {percent} %"), {"percent": percent})
            return (Problem("progress.incomplete", text),)
        return ()

    def values(self, step: Step, image: Image) -> dict[str, Value]:
        return {
            "status": step.arguments.get("status", self.done_status),
            "progress": step.arguments.get("progress", root_of(step, image).get("progress")),
        }

    @property
    def done_status(self) -> int | None:
        """The status that stands for done in this company."""
        return self.target.done_status

    def precedes(self, step: Step, image: Image) -> tuple[Ref, ...]:
        parent = root_of(step, image).get("parent")
        return (Ref(WORK, str(parent)),) if isinstance(parent, int) else ()

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        return (Step("project.reopen", step.ref, _kept(step, before, after)),)


class ReopenWork(_WriteStatus):
    """A done project or task is open again."""

    name = "project.reopen"
    title = N_("Set the work to open")

    def problems(self, step: Step, image: Image) -> tuple[Problem, ...]:
        root = root_of(step, image)
        if not root:
            return (MISSING,)
        if root.get("status") not in self.target.done_statuses:
            return (Problem("state.open", Text(N_("its status is open already"))),)
        return ()

    def values(self, step: Step, image: Image) -> dict[str, Value]:
        return {
            "status": step.arguments.get("status", self.target.open_status),
            "progress": step.arguments.get("progress", root_of(step, image).get("progress")),
        }

    def precedes(self, step: Step, image: Image) -> tuple[Ref, ...]:
        return tuple(Ref(WORK, str(i)) for i in ids_in(root_of(step, image).get("children")))

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        return (Step("project.close", step.ref, _kept(step, before, after)),)


def _kept(step: Step, before: Image, after: Image) -> dict[str, Value]:
    """Return what the step changed, as it was. What it left as it was is not its own to write.

    The status is always said: left out it would stand for open or done, also where somebody else's is kept.
    """
    was, is_now = root_of(step, before), root_of(step, after)
    names = {"status"} | ({"progress"} if was.get("progress") != is_now.get("progress") else set())
    return {name: was.get(name) for name in sorted(names)}


def project_actions() -> tuple[type[TrytonAction], ...]:
    """Return every action of projects."""
    return (CloseWork, ReopenWork)
