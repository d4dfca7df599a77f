"""Production orders: technical completion and close. No API of SAP takes either back: a person does (CO02)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Final

from connectors.contract import Image, Instruction, Kind, Problem, Remainder, Reversibility, Step
from connectors.judging import MISSING, number_in, root_of
from connectors.sap.actions import SapAction
from connectors.sap.layouts import PRODUCTION_ORDERS
from core.text import N_, Text

if TYPE_CHECKING:
    from connectors.contract import Call
    from connectors.sap.envelopes import Parameters

HEADER: Final = "HEADER"
POSITION: Final = "POSITION"
_STATUS: Final = "SYSTEM_STATUS"

RELEASED: Final = "REL"
PARTLY_RELEASED: Final = "PREL"
COMPLETED: Final = "TECO"
CLOSED: Final = "CLSD"
FLAGGED: Final = "DLFL"


class ProductionAction(SapAction):
    """One status of a production order, one order a call."""

    kind = Kind.PRODUCTION_ORDER
    model = HEADER
    layout = PRODUCTION_ORDERS
    only_wrapped = N_(
        "{function} works in other processes of SAP, which no session of ours holds together: ask the SAP team for"
        " {wrapper} with the parameters {parameters} (its source: python -m connectors.sap.wrapper {function})"
    )
    reversibility = Reversibility.MANUAL
    wanted: ClassVar[Mapping[str, frozenset[str]]] = {
        HEADER: frozenset(
            {
                "ORDER_NUMBER", _STATUS, "MATERIAL", "TARGET_QUANTITY", "CONFIRMED_QUANTITY", "UNIT",
                "ACTUAL_FINISH_DATE", "DELETION_FLAG",
            }
        ),
        POSITION: frozenset(
            {"ORDER_ITEM_NUMBER", "MATERIAL", "QUANTITY", "DELIVERED_QUANTITY", "DELIVERY_COMPL"}
        ),
    }  # fmt: skip
    ours: ClassVar[Mapping[str, frozenset[str]]] = {
        HEADER: frozenset({_STATUS, "ACTUAL_FINISH_DATE"})
    }
    trace: ClassVar[Mapping[str, frozenset[str]]] = {
        "AUFK": frozenset({"AEDAT", "IDAT2", "IDAT3"}),
        "AFKO": frozenset({"CHANGED"}),
        "JEST": frozenset({"*", "INACT", "CHGNR"}),
        "JCDS": frozenset({"*"}),
        "RESB": frozenset({"*", "XLOEK"}),
        "KBED": frozenset({"*"}),
    }
    status: ClassVar[str]
    before: ClassVar[frozenset[str]]  # one of these must stand
    undo: ClassVar[str]

    def problems(self, step: Step, image: Image) -> tuple[Problem, ...]:
        if not root_of(step, image):
            return (MISSING,)
        states = states_of(step, image)
        if states & {self.status, CLOSED, FLAGGED} or not states & self.before:
            shown = " ".join(sorted(states))
            return (Problem("state", Text(N_("its status is {state}"), {"state": shown})),)
        return ()

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        return self.status in states_of(step, after)

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        return ()

    def parameters(self, call: Call) -> Parameters:
        # No group of work processes: they would commit on their own, whatever the wrapper decides.
        return {
            "ORDERS": [{"ORDER_NUMBER": call.step.ref.key}],
            "DETAIL_RETURN": [],
        }

    def remainder(self, image: Image) -> Remainder | None:
        root = next((record.fields or {} for record in image.of_model(HEADER)), {})
        planned = number_in(root.get("TARGET_QUANTITY"))
        if "CONFIRMED_QUANTITY" not in self.footprint[HEADER]:
            # The service does not tell what was made.
            return Remainder(planned, None, None, None, None, None)
        made = number_in(root.get("CONFIRMED_QUANTITY"))
        if made >= planned:
            return None
        return Remainder(
            ordered=planned,
            received=made,
            invoiced=None,
            quantity=planned - made,
            amount=None,
            currency=None,
        )

    def instruction(self, step: Step, image: Image) -> Instruction:
        return Instruction(
            screen=Text(
                N_("transaction CO02, production order {number}"),
                {"number": step.ref.key.lstrip("0")},
            ),
            press=Text(self.title),
            reason=Text(N_("see the plan")),
        )


class _Complete(ProductionAction):
    name = "production_order.complete"
    function = "BAPI_PRODORD_COMPLETE_TECH"
    title = N_("Functions > Restrict processing > Complete technically")
    status = COMPLETED
    before = frozenset({RELEASED, PARTLY_RELEASED})
    reversibility_note = N_(
        "no API of SAP revokes technical completion; a person does (CO02, Functions > Restrict processing > Revoke"
        " technical completion), and reservations and capacity are made anew, not given back"
    )


class _Close(ProductionAction):
    name = "production_order.close"
    function = "BAPI_PRODORD_CLOSE"
    title = N_("Functions > Restrict processing > Close")
    status = CLOSED
    before = frozenset({RELEASED, PARTLY_RELEASED, COMPLETED})
    reversibility_note = N_(
        "no API of SAP revokes a close; a person does (CO02, Functions > Restrict processing > Revoke close), and what"
        " the technical completion deleted is made anew, not given back"
    )
    remark = N_("an order that was only released is completed technically on the way")


def states_of(step: Step, image: Image) -> frozenset[str]:
    """Return the statuses of an order, as SAP writes them in English, the language in which they are read."""
    return frozenset(str(root_of(step, image).get(_STATUS) or "").split())


def production_actions() -> tuple[type[SapAction], ...]:
    """Return every action on production orders."""
    return (_Complete, _Close)
