"""Purchase orders: delivery completed (ELIKZ), final invoice (EREKZ), deletion (LOEKZ), each with its way back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, ClassVar, Final

from connectors.contract import (
    Effect,
    Image,
    Instruction,
    Kind,
    LaterBusiness,
    Remainder,
    Step,
)
from connectors.judging import DELETED, fields_of, number_in, root_of
from connectors.sap.actions import CHANGE_DOCUMENTS, SapAction
from connectors.sap.flags import ItemAction, positions_of
from connectors.sap.layouts import PURCHASE_ORDERS, SEPARATOR
from core.encoding import Value
from core.text import N_, Text

if TYPE_CHECKING:
    from connectors.contract import Call
    from connectors.sap.envelopes import Parameters

HEADER: Final = "POHEADER"
ITEM: Final = "POITEM"
TOTALS: Final = "POHISTORY_TOTALS"

_MARKS: Final = frozenset({"NO_MORE_GR", "FINAL_INV", "DELETE_IND"})
_WANTED: Final[Mapping[str, frozenset[str]]] = {
    HEADER: frozenset({"PO_NUMBER", "VENDOR", "CURRENCY", "DELETE_IND", "PO_REL_IND", "REL_STATUS"}),
    ITEM: _MARKS
    | {
        "PO_ITEM", "MATERIAL", "SHORT_TEXT", "PLANT", "QUANTITY", "PO_UNIT", "ORDERPR_UN", "CONV_NUM1", "CONV_DEN1",
        "NET_PRICE", "PRICE_UNIT", "GR_IND", "IR_IND", "RET_ITEM", "DELIV_COMPL",
    },
    TOTALS: frozenset({"PO_ITEM", "SERIAL_NO", "DELIV_QTY", "IV_QTY"}),
}  # fmt: skip
LABELS: Final[Mapping[str, Mapping[str, str]]] = {
    ITEM: {
        "NO_MORE_GR": "EKPO-ELIKZ", "FINAL_INV": "EKPO-EREKZ", "DELETE_IND": "EKPO-LOEKZ", "QUANTITY": "EKPO-MENGE",
    }
}  # fmt: skip

_DELETED: Final = Text(N_("it is deleted, and SAP changes no deleted item"))
_BLOCKED: Final = Text(N_("it is blocked, and the block would be lost"))


class PurchaseItemAction(ItemAction):
    """One mark on items of a purchase order, by BAPI_PO_CHANGE: only the mark is sent, with its X-flag."""

    kind = Kind.PURCHASE_ORDER
    model = HEADER
    layout = PURCHASE_ORDERS
    function = "BAPI_PO_CHANGE"
    item_model = ITEM
    width = 5
    wanted = _WANTED
    labels = LABELS
    sets: ClassVar[str]  # what the mark becomes
    from_values: ClassVar[frozenset[str]]  # what it may be before

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "mark" in cls.__dict__:
            cls.ours = {ITEM: frozenset({cls.mark})}
            cls.trace = {
                "EKKO": frozenset({"CHANGED"}),  # when, where a release keeps it
                "EKPO": frozenset({"AEDAT"}),
                **CHANGE_DOCUMENTS,
            }

    def value(self, step: Step, position: str) -> str:
        return self.sets

    def is_possible(self, item: Mapping[str, Value]) -> bool:
        return item.get(self.mark) in self.from_values and self.refuses(item) is None

    def refuses(self, item: Mapping[str, Value]) -> Text | None:
        return _DELETED if item.get("DELETE_IND") == "L" else None

    def parameters(self, call: Call) -> Parameters:
        chosen = self.require_items(call)
        return {
            "PURCHASEORDER": call.step.ref.key,
            "POITEM": [{"PO_ITEM": place, self.mark: self.sets} for place in chosen],
            "POITEMX": [{"PO_ITEM": place, "PO_ITEMX": "X", self.mark: "X"} for place in chosen],
            "RETURN": [],
        }

    def later_business(self, step: Step, after: Image, now: Image) -> tuple[LaterBusiness, ...]:
        if not root_of(step, now):
            return (DELETED,)
        was, is_now = self.items(after), self.items(now)
        found: list[LaterBusiness] = []
        for position in was:
            place = {"position": position.lstrip("0")}
            item = is_now.get(position)
            if item is None:
                found.append(
                    LaterBusiness(Effect.BLOCKS, Text(N_("item {position} is gone"), place))
                )
                continue
            if self.mark != "DELETE_IND" and item.get("DELETE_IND") != was[position].get(
                "DELETE_IND"
            ):
                found.append(
                    LaterBusiness(
                        Effect.BLOCKS,
                        Text(N_("the deletion mark of item {position} was changed"), place),
                    )
                )
            if item.get("QUANTITY") != was[position].get("QUANTITY"):
                found.append(
                    LaterBusiness(
                        Effect.CHANGES_RESULT,
                        Text(N_("the ordered quantity of item {position} was changed"), place),
                    )
                )
        for name, text in (
            ("DELIV_QTY", N_("goods were received for item {position} since")),
            ("IV_QTY", N_("an invoice for item {position} was entered since")),
        ):
            before, later = totals(after, name), totals(now, name)
            found += [
                LaterBusiness(Effect.HARMLESS, Text(text, {"position": position.lstrip("0")}))
                for position in sorted(later)
                if later[position] != before.get(position, Decimal(0))
            ]
        return tuple(found)

    def instruction(self, step: Step, image: Image) -> Instruction:
        return Instruction(
            screen=Text(
                N_("transaction ME22N, purchase order {number}, items {items}"),
                {
                    "number": step.ref.key.lstrip("0"),
                    "items": positions_of(self.chosen(step, image)),
                },
            ),
            press=Text(self.title),
            reason=Text(N_("see the plan")),
        )


class _Close(PurchaseItemAction):
    name = "purchase_order.close"
    title = N_("Tick “delivery completed” of the open items")
    mark, sets, from_values = "NO_MORE_GR", "X", frozenset({""})
    back = reopen_action = "purchase_order.reopen"

    def remainder(self, image: Image) -> Remainder | None:
        if TOTALS not in self.footprint:
            return unknown_remainder(image, self.items(image), self.is_possible)
        return remainder_of(image, self.items(image), self.is_possible)


class _Reopen(PurchaseItemAction):
    name = "purchase_order.reopen"
    title = N_("Untick “delivery completed”")
    mark, sets, from_values = "NO_MORE_GR", "", frozenset({"X"})
    back = "purchase_order.close"


class _FinishInvoicing(PurchaseItemAction):
    name = "purchase_order.finish_invoicing"
    title = N_("Tick “final invoice” of the open items")
    mark, sets, from_values = "FINAL_INV", "X", frozenset({""})
    back = reopen_action = "purchase_order.resume_invoicing"


class _ResumeInvoicing(PurchaseItemAction):
    name = "purchase_order.resume_invoicing"
    title = N_("Untick “final invoice”")
    mark, sets, from_values = "FINAL_INV", "", frozenset({"X"})
    back = "purchase_order.finish_invoicing"


_NO_UNDELETE: Final = N_(
    "no request of an OData service takes a deletion mark back; a person does (ME22N), or a BAPI where a service offers"
    " it"
)


class _Delete(PurchaseItemAction):
    name = "purchase_order.delete"
    other_half, no_way_back = "purchase_order.undelete", _NO_UNDELETE
    title = N_("Mark the items as deleted")
    mark, sets, from_values = "DELETE_IND", "L", frozenset({""})
    back = reopen_action = "purchase_order.undelete"

    def refuses(self, item: Mapping[str, Value]) -> Text | None:
        return _BLOCKED if item.get("DELETE_IND") == "S" else None


class _Undelete(PurchaseItemAction):
    name = "purchase_order.undelete"
    other_half, no_way_back = "purchase_order.delete", _NO_UNDELETE
    title = N_("Take the deletion mark of the items back")
    mark, sets, from_values = "DELETE_IND", "", frozenset({"L"})
    back = "purchase_order.delete"

    def refuses(self, item: Mapping[str, Value]) -> Text | None:
        return _BLOCKED if item.get("DELETE_IND") == "S" else None


def totals(image: Image, name: str) -> dict[str, Decimal]:
    """Return the sum of a quantity in the order's history, by position."""
    found: dict[str, Decimal] = {}
    for record in image.of_model(TOTALS):
        position = record.ref.key.split(SEPARATOR)[1]
        quantity = number_in(fields_of(record).get(name))
        found[position] = found.get(position, Decimal(0)) + quantity
    return found


def remainder_of(
    image: Image,
    items: Mapping[str, Mapping[str, Value]],
    counts: Callable[[Mapping[str, Value]], bool],
) -> Remainder | None:
    """Return what closing the open items gives up; None where everything came."""
    received, invoiced = totals(image, "DELIV_QTY"), totals(image, "IV_QTY")
    given_up, amount, units = Decimal(0), Decimal(0), set()
    ordered = taken = billed = Decimal(0)
    for position, item in items.items():
        if not counts(item):
            continue
        quantity = number_in(item.get("QUANTITY"))
        came = received.get(position, Decimal(0))
        left = max(quantity - came, Decimal(0))
        ordered, taken = ordered + quantity, taken + came
        billed += invoiced.get(position, Decimal(0))
        given_up += left
        amount += left * price_of(item)
        units.add(item.get("PO_UNIT"))
    if not given_up:
        return None
    currency = next((fields_of(r).get("CURRENCY") for r in image.of_model(HEADER)), None)
    is_one = len(units) == 1
    return Remainder(
        ordered=ordered if is_one else None,
        received=taken if is_one else None,
        invoiced=billed if is_one else None,
        quantity=given_up if is_one else None,
        amount=amount,
        currency=str(currency) if currency else None,
    )


def unknown_remainder(
    image: Image,
    items: Mapping[str, Mapping[str, Value]],
    counts: Callable[[Mapping[str, Value]], bool],
) -> Remainder | None:
    """Return what was ordered of the open items, where the channel does not tell what came of it."""
    chosen = [item for item in items.values() if counts(item)]
    if not chosen:
        return None
    currency = next((fields_of(r).get("CURRENCY") for r in image.of_model(HEADER)), None)
    is_one = len({item.get("PO_UNIT") for item in chosen}) == 1
    ordered = sum((number_in(item.get("QUANTITY")) for item in chosen), Decimal(0))
    return Remainder(
        ordered=ordered if is_one else None,
        received=None,
        invoiced=None,
        quantity=None,
        amount=None,
        currency=str(currency) if currency else None,
    )


def price_of(item: Mapping[str, Value]) -> Decimal:
    """Return the net price of one unit of the order quantity."""
    per = number_in(item.get("PRICE_UNIT")) or Decimal(1)
    price = number_in(item.get("NET_PRICE")) / per
    if item.get("ORDERPR_UN") and item.get("ORDERPR_UN") != item.get("PO_UNIT"):
        part, whole = number_in(item.get("CONV_NUM1")), number_in(item.get("CONV_DEN1"))
        return price * part / whole if part and whole else price
    return price


def purchase_actions() -> tuple[type[SapAction], ...]:
    """Return every action on purchase orders."""
    return (_Close, _Reopen, _FinishInvoicing, _ResumeInvoicing, _Delete, _Undelete)
