"""Sales orders: what will not be delivered is rejected (VBAP-ABGRU), and the rejection is taken back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, ClassVar, Final

from connectors.contract import (
    Effect,
    Image,
    Instruction,
    Kind,
    LaterBusiness,
    Problem,
    Remainder,
    Step,
)
from connectors.judging import DELETED, fields_of, number_in, root_of
from connectors.sap.actions import CHANGE_DOCUMENTS, SapAction
from connectors.sap.flags import ITEMS, ItemAction, positions_of
from connectors.sap.layouts import SALES_ORDERS, SEPARATOR
from core.encoding import Value
from core.text import N_, Text

if TYPE_CHECKING:
    from connectors.contract import Call
    from connectors.sap.envelopes import Parameters

HEADER: Final = "ORDER_HEADERS_OUT"
ITEM: Final = "ORDER_ITEMS_OUT"
HEADER_STATUS: Final = "ORDER_STATUSHEADERS_OUT"
ITEM_STATUS: Final = "ORDER_STATUSITEMS_OUT"

REASON: Final = "reason"
"""Argument: the reason for rejection, a key of the system's own list."""
REASONS: Final = "reasons"
"""Argument of the way back: the reason of each item that `items` names."""

_HEADER_STATES: Final = frozenset(
    {"PRC_STAT_H", "DLV_STAT_H", "DELIV_STAT", "OVERALLREJ", "BILLSTATUS", "TOTREFSTAT"}
)
_ITEM_STATES: Final = frozenset(
    {"OVRPROCSTA", "DELIV_STAT", "DLV_STAT_I", "REJSTATIT", "BILLSTATIT", "REFTOTSTAT"}
)
_VALUES: Final = frozenset({"NET_VAL_HD"})
_DERIVED: Final[Mapping[str, frozenset[str]]] = {
    HEADER: _VALUES,
    HEADER_STATUS: _HEADER_STATES,
    ITEM_STATUS: _ITEM_STATES,
    "VBAP": frozenset({"ABSTA"}),  # behind REJSTATIT, which OData does not show
}
_NO_REASON: Final = Problem(
    "reason.missing",
    Text(N_("nothing says why it is rejected: rejection_reason in storno.yaml, or an argument")),
)


class SalesItemAction(ItemAction):
    """The reason for rejection of items, by BAPI_SALESORDER_CHANGE: only the reason is sent, with its flags."""

    kind = Kind.SALES_ORDER
    model = HEADER
    layout = SALES_ORDERS
    function = "BAPI_SALESORDER_CHANGE"
    item_model = ITEM
    width = 6
    mark = "REA_FOR_RE"
    wanted: ClassVar[Mapping[str, frozenset[str]]] = {
        HEADER: _VALUES | {"DOC_NUMBER", "SOLD_TO", "CURRENCY", "DLV_BLOCK", "BILL_BLOCK", "CH_ON"},
        ITEM: frozenset(
            {
                "ITM_NUMBER", "MATERIAL", "SHORT_TEXT", "REA_FOR_RE", "REQ_QTY", "SALES_UNIT", "NET_VALUE",
                "NET_PRICE", "CURRENCY", "CH_ON",
            }
        ),
        HEADER_STATUS: _HEADER_STATES,
        ITEM_STATUS: _ITEM_STATES,
    }  # fmt: skip
    ours: ClassVar[Mapping[str, frozenset[str]]] = {**_DERIVED, ITEM: frozenset({"REA_FOR_RE"})}
    derived: ClassVar[Mapping[str, frozenset[str]]] = _DERIVED
    trace: ClassVar[Mapping[str, frozenset[str]]] = {
        HEADER: frozenset({"CH_ON"}),
        ITEM: frozenset({"CH_ON"}),
        "VBAK": frozenset({"AEDAT", "CHANGED"}),
        "VBAP": frozenset({"AEDAT"}),
        **CHANGE_DOCUMENTS,
    }
    recomputes = True
    labels: ClassVar[Mapping[str, Mapping[str, str]]] = {
        ITEM: {"REA_FOR_RE": "VBAP-ABGRU", "REQ_QTY": "VBAP-KWMENG"}
    }

    def parameters(self, call: Call) -> Parameters:
        chosen = self.require_items(call)
        return {
            "SALESDOCUMENT": call.step.ref.key,
            "ORDER_HEADER_INX": {"UPDATEFLAG": "U"},
            "ORDER_ITEM_IN": [
                {"ITM_NUMBER": place, "REASON_REJ": self.value(call.step, place)}
                for place in chosen
            ],
            "ORDER_ITEM_INX": [
                {"ITM_NUMBER": place, "UPDATEFLAG": "U", "REASON_REJ": "X"} for place in chosen
            ],
            "RETURN": [],
        }

    def later_business(self, step: Step, after: Image, now: Image) -> tuple[LaterBusiness, ...]:
        if not root_of(step, now):
            return (DELETED,)
        was, is_now = self.items(after), self.items(now)
        found: list[LaterBusiness] = []
        for position in was:
            place = {"position": position.lstrip("0")}
            if position not in is_now:
                found.append(
                    LaterBusiness(Effect.BLOCKS, Text(N_("item {position} is gone"), place))
                )
            elif is_now[position].get("REQ_QTY") != was[position].get("REQ_QTY"):
                found.append(
                    LaterBusiness(
                        Effect.CHANGES_RESULT,
                        Text(N_("the ordered quantity of item {position} was changed"), place),
                    )
                )
        return tuple(found)

    def instruction(self, step: Step, image: Image) -> Instruction:
        return Instruction(
            screen=Text(
                N_("transaction VA02, sales order {number}, items {items}"),
                {
                    "number": step.ref.key.lstrip("0"),
                    "items": positions_of(self.chosen(step, image)),
                },
            ),
            press=Text(self.title),
            reason=self.reason(step, image),
        )

    def reason(self, step: Step, image: Image) -> Text:
        """Return what a person chooses as the reason on the screen."""
        del step, image
        return Text(N_("see the plan"))

    def states(self, image: Image) -> dict[str, Mapping[str, Value]]:
        """Return the statuses of the items by position."""
        return {
            record.ref.key.rpartition(SEPARATOR)[2]: fields_of(record)
            for record in image.of_model(ITEM_STATUS)
        }


class _Close(SalesItemAction):
    name = "sales_order.close"
    title = N_("Reject the open items")
    back = reopen_action = "sales_order.reopen"

    def value(self, step: Step, position: str) -> str:
        reasons, named = step.arguments.get(REASONS), step.arguments.get(ITEMS)
        if isinstance(reasons, tuple) and isinstance(named, tuple):
            by_position = {
                str(name).zfill(self.width): str(reason)
                for name, reason in zip(named, reasons, strict=True)
            }
            return by_position.get(position, "")
        return str(step.arguments.get(REASON) or self.target.rejection_reason or "")

    def is_possible(self, item: Mapping[str, Value]) -> bool:
        return not item.get(self.mark)

    def chosen(self, step: Step, image: Image) -> tuple[str, ...]:
        found = super().chosen(step, image)
        if ITEMS in step.arguments:
            return found
        # An item that was delivered whole has no remainder that could be rejected.
        states = self.states(image)
        return tuple(
            position for position in found if states.get(position, {}).get("DELIV_STAT") != "C"
        )

    def reason(self, step: Step, image: Image) -> Text:
        chosen = [(place, self.value(step, place)) for place in self.chosen(step, image)]
        keys = {reason for _, reason in chosen}
        told = (
            ", ".join(keys)
            if len(keys) == 1
            else ", ".join(f"{positions_of([place])}: {reason}" for place, reason in chosen)
        )
        return Text(N_("reason for rejection {reason}"), {"reason": told})

    def problems(self, step: Step, image: Image) -> tuple[Problem, ...]:
        found = super().problems(step, image)
        if any(not self.value(step, position) for position in self.chosen(step, image)):
            found = (*found, _NO_REASON)
        return found

    def remainder(self, image: Image) -> Remainder | None:
        states = self.states(image)
        quantity, amount, units = Decimal(0), Decimal(0), set()
        for position, item in self.items(image).items():
            # What was delivered of an item is not told here: only what was not begun is counted.
            if self.is_possible(item) and states.get(position, {}).get("DELIV_STAT") in ("", "A"):
                quantity += number_in(item.get("REQ_QTY"))
                amount += number_in(item.get("NET_VALUE"))
                units.add(item.get("SALES_UNIT"))
        if not quantity:
            return None
        currency = next((fields_of(r).get("CURRENCY") for r in image.of_model(HEADER)), None)
        return Remainder(
            ordered=None,
            received=None,
            invoiced=None,
            quantity=quantity if len(units) == 1 else None,
            amount=amount,
            currency=str(currency) if currency else None,
        )


class _Reopen(SalesItemAction):
    name = "sales_order.reopen"
    title = N_("Take the rejection of the items back")
    back = "sales_order.close"

    def value(self, step: Step, position: str) -> str:
        return ""

    def is_possible(self, item: Mapping[str, Value]) -> bool:
        return bool(item.get(self.mark))

    def remembered(self, before: Image, changed: Sequence[str]) -> Mapping[str, Value]:
        items = self.items(before)
        return {REASONS: tuple(str(items[position].get(self.mark)) for position in changed)}


def sales_actions() -> tuple[type[SapAction], ...]:
    """Return every action on sales orders."""
    return (_Close, _Reopen)
