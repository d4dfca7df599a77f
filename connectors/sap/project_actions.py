"""Statuses of project definitions, WBS elements and networks: completed, closed, locked, and each taken back.

The project system has a unit of work of its own (opened, one project, checked, committed): only a wrapper does it all
in one call. A status is not inherited by networks, and each call is about one object.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Final

from connectors.contract import Effect, Image, Instruction, Kind, LaterBusiness, Problem, Step
from connectors.judging import DELETED, MISSING, root_of
from connectors.sap.actions import SapAction
from connectors.sap.layouts import NETWORKS, PROJECTS, WBS_ELEMENTS
from core.text import N_, Text

if TYPE_CHECKING:
    from connectors.contract import Call
    from connectors.sap.envelopes import Parameters

_STATUS: Final = "SYSTEM_STATUS"
SET, UNDO = "SET_SYSTEM_STATUS", "UNDO_SYSTEM_STATUS"


class StatusAction(SapAction):
    """One status of one object, set or undone."""

    kind = Kind.PROJECT
    is_proven = False
    only_wrapped = N_(
        "{function} needs the project system's unit of work around it, in one call: ask the SAP team for {wrapper} with"
        " the parameters {parameters} (its source: python -m connectors.sap.wrapper {function})"
    )
    is_parallel = False  # SAP locks the whole project
    derived: ClassVar[Mapping[str, frozenset[str]]] = {}
    trace: ClassVar[Mapping[str, frozenset[str]]] = {
        "JEST": frozenset({"*", "INACT", "CHGNR"}),
        "JCDS": frozenset({"*"}),
        "PROJ": frozenset({"AEDAT"}),
        "PRPS": frozenset({"AEDAT"}),
    }
    status: ClassVar[str]  # what is set or undone
    after: ClassVar[frozenset[str]]  # of these one must stand before
    never: ClassVar[frozenset[str]] = frozenset()  # of these none may
    verb: ClassVar[str] = SET
    back: ClassVar[str]

    def problems(self, step: Step, image: Image) -> tuple[Problem, ...]:
        if not root_of(step, image):
            return (MISSING,)
        states = states_of(step, image)
        is_set = self.status in states
        if is_set == (self.verb == SET) or not states & self.after or states & self.never:
            shown = " ".join(sorted(states))
            return (Problem("state", Text(N_("its status is {state}"), {"state": shown})),)
        return ()

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        return bool(root_of(step, after)) and (self.status in states_of(step, after)) == (
            self.verb == SET
        )

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        if states_of(step, before) == states_of(step, after):
            return ()
        return (Step(self.back, step.ref),)

    def later_business(self, step: Step, after: Image, now: Image) -> tuple[LaterBusiness, ...]:
        if not root_of(step, now):
            return (DELETED,)
        left, here = states_of(step, after), states_of(step, now)
        if left == here:
            return ()
        shown = {"state": " ".join(sorted(here))}
        return (LaterBusiness(Effect.BLOCKS, Text(N_("its status is {state} now"), shown)),)

    def parameters(self, call: Call) -> Parameters:
        key = call.step.ref.key
        if self.model == "WBS_ELEMENT":
            row = {"WBS_ELEMENT": key, self.verb: self.status}
            return {"I_WBS_SYSTEM_STATUS": [row], "E_RESULT": []}
        name = "NUMBER" if self.model == "NETWORK" else "PROJECT_DEFINITION"
        return {name: key, self.verb: self.status, "E_RESULT": []}

    def instruction(self, step: Step, image: Image) -> Instruction:
        transaction = "CN22" if self.model == "NETWORK" else "CJ20N"
        return Instruction(
            screen=Text(
                N_("transaction {transaction}, {number}"),
                {"transaction": transaction, "number": step.ref.key.lstrip("0")},
            ),
            press=Text(self.title),
            reason=Text(N_("see the plan")),
        )


def states_of(step: Step, image: Image) -> frozenset[str]:
    """Return the statuses of an object, as SAP writes them in English."""
    return frozenset(str(root_of(step, image).get(_STATUS) or "").split())


_OBJECTS: Final = (
    ("project", "PROJECT_DEFINITION", PROJECTS, "BAPI_BUS2001_SET_STATUS"),
    ("wbs_element", "WBS_ELEMENT", WBS_ELEMENTS, "BAPI_BUS2054_SET_STATUS"),
    ("network", "NETWORK", NETWORKS, "BAPI_BUS2002_SET_STATUS"),
)
_LOCKED: Final = frozenset({"LKD"})
# Name, way back, status, what must stand before, title, title of the way back. A project that was only released is not
# closed at once: undoing that would leave it completed.
_PAIRS: Final = (
    (
        "complete", "revoke_completion", "TECO", frozenset({"REL"}), frozenset({"TECO"}),
        N_("Edit > Status > Technically completed > Set"), N_("Edit > Status > Technically completed > Undo"),
    ),
    (
        "close", "reopen", "CLSD", frozenset({"TECO"}), frozenset({"CLSD"}),
        N_("Edit > Status > Close > Set"), N_("Edit > Status > Close > Undo"),
    ),
    (
        "lock", "unlock", "LKD", frozenset({"REL", "TECO", "CLSD"}), frozenset({"REL", "TECO", "CLSD"}),
        N_("Edit > Status > Lock > Set"), N_("Edit > Status > Lock > Undo"),
    ),
)  # fmt: skip


def project_actions() -> tuple[type[SapAction], ...]:
    """Return every action on project definitions, WBS elements and networks."""
    found: list[type[SapAction]] = []
    for prefix, model, layout, function in _OBJECTS:
        common = {
            "model": model,
            "layout": layout,
            "function": function,
            "wanted": {model: frozenset({_STATUS})},
            "ours": {model: frozenset({_STATUS})},
            "__module__": __name__,
        }
        for name, back, status, before, there, title, title_back in _PAIRS:
            never = frozenset() if status in _LOCKED else _LOCKED
            forward, backward = f"{prefix}.{name}", f"{prefix}.{back}"
            found += [
                type(
                    "SetStatus",
                    (StatusAction,),
                    {
                        **common, "name": forward, "back": backward, "status": status, "after": before, "never": never,
                        "title": title, "reopen_action": backward,
                    },
                ),
                type(
                    "UndoStatus",
                    (StatusAction,),
                    {
                        **common, "name": backward, "back": forward, "status": status, "after": there, "never": never,
                        "title": title_back, "verb": UNDO,
                    },
                ),
            ]  # fmt: skip
    return tuple(found)
