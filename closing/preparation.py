"""Plans of what an administrator lets Storno install in a system: shown, approved, read back, taken back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from closing.drawing import Drawing, DrawnPlan
from closing.model import Candidate, Route, choose_action, say_nothing
from connectors.contract import Executor, Kind, System
from core import retry
from core.errors import BadInput
from core.text import N_
from recovery.model import Draft, Purpose

if TYPE_CHECKING:
    from core.encoding import Value
    from recovery.model import Actor


@dataclass(frozen=True, slots=True)
class Preparation:
    """What would be installed (or removed): the plan, and per action what it writes."""

    plan: DrawnPlan
    contents: Mapping[str, Mapping[str, Value]]


def draw_preparation(system: System, *, actor: Actor, today: date, remove: bool) -> Preparation:
    """Return the plan of what may be installed in this system, or removed from it; nothing is stored yet.

    Raises `BadInput` where this kind of system has nothing to install.
    """
    steps = retry.transient(lambda: system.preparation(remove=remove))
    if not steps:
        raise BadInput(
            N_("{source}: nothing has to be installed in {system}: it offers what Storno needs."),
            source="systems prepare",
            system=system.name,
        )
    check = retry.transient(system.check)
    actions = system.actions()
    support = {found.action: found for found in check.actions}
    routes = {
        step.action: Route(
            step.action,
            None,
            *choose_action(
                "systems prepare",
                actions,
                support,
                name=step.action,
                kind=Kind.SETTING,
                executor=Executor.INTERFACE,
            ),
            step.arguments,
        )
        for step in steps
    }
    drawing = Drawing(system, Kind.SETTING, tuple(routes.values()), check, say_nothing)
    drawing.take_all(
        Candidate(step.ref, actions[step.action].title, routes[step.action]) for step in steps
    )
    draft = Draft(
        purpose=Purpose.PREPARATION,
        title=system.name,
        actor=actor,
        details=drawing.details(shown_date=today.isoformat(), acting_as=None),
    )
    return Preparation(
        DrawnPlan(draft, drawing.store, drawing.exceptions),
        {step.action: step.arguments for step in steps},
    )
