"""Maintenance orders of S/4HANA: the one kind of order whose statuses an API both sets and takes back (OData)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Final

from connectors.contract import Effect, Image, Instruction, Kind, LaterBusiness, Problem, Step
from connectors.judging import DELETED, MISSING, root_of
from connectors.sap.actions import SapAction
from connectors.sap.layouts import MAINTENANCE_ORDERS
from core.errors import ContractBroken
from core.text import N_, Text

if TYPE_CHECKING:
    from connectors.contract import Call
    from connectors.sap.envelopes import Parameters

MODEL: Final = MAINTENANCE_ORDERS.root.model
STATUS: Final = "SystemStatusText"
PHASE: Final = "MaintOrdProcessPhaseCode"


class MaintenanceAction(SapAction):
    """One status of a maintenance order, set or taken back by a function of the service."""

    kind = Kind.MAINTENANCE_ORDER
    model = MODEL
    layout = MAINTENANCE_ORDERS
    function = ""  # there is no BAPI that takes a status back
    wanted: ClassVar[Mapping[str, frozenset[str]]] = {
        MODEL: frozenset(
            {
                "MaintenanceOrder",
                STATUS,
                PHASE,
                "MaintenanceOrderDesc",
                "MaintenancePlant",
                "Equipment",
            }
        )
    }
    ours: ClassVar[Mapping[str, frozenset[str]]] = {MODEL: frozenset({STATUS, PHASE})}
    derived: ClassVar[Mapping[str, frozenset[str]]] = {}
    trace: ClassVar[Mapping[str, frozenset[str]]] = {
        "AUFK": frozenset({"AEDAT", "AENAM"}),
        "AFIH": frozenset({"CHANGED", "AENAM"}),
        "JEST": frozenset({"*", "INACT", "CHGNR"}),
        "JCDS": frozenset({"*"}),
    }
    status: ClassVar[str]  # what is set or taken back
    after: ClassVar[frozenset[str]]  # of these one must stand before
    never: ClassVar[frozenset[str]] = frozenset()  # of these none may
    is_set: ClassVar[bool]  # whether the status stands afterwards
    back: ClassVar[str]

    def problems(self, step: Step, image: Image) -> tuple[Problem, ...]:
        if not root_of(step, image):
            return (MISSING,)
        states = states_of(step, image)
        if (self.status in states) == self.is_set or not states & self.after or states & self.never:
            shown = " ".join(sorted(states))
            return (Problem("state", Text(N_("its status is {state}"), {"state": shown})),)
        return ()

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        return bool(root_of(step, after)) and (self.status in states_of(step, after)) == self.is_set

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        if states_of(step, before) == states_of(step, after):
            return ()
        return (Step(self.back, step.ref),)

    def later_business(self, step: Step, after: Image, now: Image) -> tuple[LaterBusiness, ...]:
        if not root_of(step, now):
            return (DELETED,)
        here = states_of(step, now)
        if states_of(step, after) == here:
            return ()
        shown = {"state": " ".join(sorted(here))}
        return (LaterBusiness(Effect.BLOCKS, Text(N_("its status is {state} now"), shown)),)

    def parameters(self, call: Call) -> Parameters:
        raise ContractBroken(problem=f"{self.name} is done over OData alone")

    def instruction(self, step: Step, image: Image) -> Instruction:
        return Instruction(
            screen=Text(
                N_("transaction IW32, maintenance order {number}"),
                {"number": step.ref.key.lstrip("0")},
            ),
            press=Text(self.title),
            reason=Text(N_("see the plan")),
        )


def states_of(step: Step, image: Image) -> frozenset[str]:
    """Return the statuses of an order, as SAP writes them in English, the language in which they are read."""
    return frozenset(str(root_of(step, image).get(STATUS) or "").split())


_LOCKED: Final = frozenset({"LKD"})
# Name, way back, status, what must stand before (there, back), what must not, title, title of the way back. An order
# that was only released is not closed at once: taking that back would leave it completed. "Do not execute" does both,
# with a status of its own beside it, whose short text nothing public tells.
_PAIRS: Final[tuple[tuple[str, str, str, frozenset[str], frozenset[str], frozenset[str], str, str], ...]] = (
    (
        "complete", "revoke_completion", "TECO", frozenset({"REL"}), frozenset({"TECO"}), _LOCKED,
        N_("Order > Functions > Complete > Complete (technically)"),
        N_("Order > Functions > Complete > Cancel technical completion"),
    ),
    (
        "close", "reopen", "CLSD", frozenset({"TECO"}), frozenset({"CLSD"}), _LOCKED | {"DLFL"},
        N_("Order > Functions > Complete > Complete (business)"),
        N_("Order > Functions > Complete > Cancel business completion"),
    ),
    (
        "lock", "unlock", "LKD", frozenset({"REL"}), _LOCKED, frozenset(),
        N_("Order > Functions > Lock/unlock > Lock"), N_("Order > Functions > Lock/unlock > Unlock"),
    ),
    (
        "delete", "undelete", "DLFL", frozenset({"TECO"}), frozenset({"DLFL"}), _LOCKED,
        N_("Order > Functions > Deletion flag > Set"), N_("Order > Functions > Deletion flag > Reset"),
    ),
    (
        "cancel", "restore", "CLSD", frozenset({"CRTD", "REL"}), frozenset({"CLSD"}), _LOCKED | {"TECO", "DLFL"},
        N_("Order > Functions > Complete > Do not execute"),
        N_("Order > Functions > Complete > Cancel business completion"),
    ),
)  # fmt: skip


UNPROVEN: Final = frozenset({"cancel", "restore"})
"""Of the pairs: which statuses they leave is known from SAP's documentation alone."""


def maintenance_actions() -> tuple[type[SapAction], ...]:
    """Return every action on maintenance orders."""
    found: list[type[SapAction]] = []
    for name, back, status, before, there, never, title, title_back in _PAIRS:
        forward, backward = f"maintenance_order.{name}", f"maintenance_order.{back}"
        common = {"status": status, "is_proven": name not in UNPROVEN, "__module__": __name__}
        never_back = never - {status}
        found += [
            type(
                "SetStatus",
                (MaintenanceAction,),
                {
                    **common, "name": forward, "back": backward, "after": before, "never": never, "is_set": True,
                    "title": title, "reopen_action": backward,
                },
            ),
            type(
                "ResetStatus",
                (MaintenanceAction,),
                {
                    **common, "name": backward, "back": forward, "after": there, "never": never_back, "is_set": False,
                    "title": title_back,
                },
            ),
        ]  # fmt: skip
    return tuple(found)
