"""Actions on shipments, stock counts and productions: most of them have no way back, and say so."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from connectors.contract import Image, Kind, Problem, Remainder, Reversibility, Step
from connectors.judging import rows
from connectors.tryton.actions import STAMPS, Shape, StateAction, TrytonAction
from core.text import N_, Text

MOVE: Final = "stock.move"
_MOVE_FIELDS: Final = STAMPS | frozenset(
    {"product", "quantity", "unit", "state", "origin", "effective_date"}
)
_MOVES: Final = Shape(MOVE, _MOVE_FIELDS)
_SHIPMENT: Final = STAMPS | frozenset(
    {"number", "reference", "state", "company", "warehouse", "planned_date", "effective_date"}
)


class _CancelShipment(StateAction):
    """A shipment that will never happen is cancelled with its moves."""

    button = "cancel"
    goal_state = "cancelled"
    title = N_("Cancel the shipment")
    reversibility = Reversibility.MANUAL
    reversibility_note = N_(
        "Tryton does not set moves of an order back to draft: a person decides at the order "
        "whether the cancelled moves are made again, because the order waits with an exception then"
    )


class CancelReceipt(_CancelShipment):
    """A done receipt is left alone: cancelling it would make a negative supplier invoice."""

    name = "goods_receipt.cancel"
    kind = Kind.GOODS_RECEIPT
    model = "stock.shipment.in"
    source_states = ("draft", "received")
    shape = Shape(model, _SHIPMENT | {"supplier"}, {"moves": _MOVES})
    stamped = (model, MOVE)
    ours = MappingProxyType({model: STAMPS | {"state"}, MOVE: STAMPS | {"state", "effective_date"}})
    derived = MappingProxyType({model: STAMPS, MOVE: STAMPS})
    trace = derived


class CancelIssue(_CancelShipment):
    """Goods that have left are left alone."""

    name = "goods_issue.cancel"
    kind = Kind.GOODS_ISSUE
    model = "stock.shipment.out"
    source_states = ("draft", "waiting", "assigned", "picked", "packed")
    shape = Shape(model, _SHIPMENT | {"customer"}, {"moves": _MOVES})
    stamped = (model, MOVE)
    ours = MappingProxyType({model: STAMPS | {"state"}, MOVE: STAMPS | {"state", "effective_date"}})
    derived = MappingProxyType({model: STAMPS, MOVE: STAMPS})
    trace = derived


_COUNT_LINE: Final = STAMPS | frozenset({"product", "quantity", "expected_quantity"})


class _Count(StateAction):
    kind = Kind.STOCK_COUNT
    model = "stock.inventory"
    source_states = ("draft",)
    stamped = (model,)


class ConfirmCount(_Count):
    """A counted stock is booked: moves for every difference."""

    name = "stock_count.confirm"
    button = "confirm"
    goal_state = "done"
    title = N_("Confirm the count")
    reversibility = Reversibility.MANUAL
    reversibility_note = N_(
        "the stock moves of the count must be taken back one by one by a person"
    )
    shape = Shape(
        "stock.inventory",
        STAMPS | {"number", "state", "company", "location", "date"},
        {"lines": Shape("stock.inventory.line", _COUNT_LINE, {"moves": _MOVES})},
    )
    ours = MappingProxyType(
        {
            "stock.inventory": STAMPS | {"state", "number"},
            "stock.inventory.line": STAMPS | {"expected_quantity", "quantity"},
            MOVE: _MOVE_FIELDS | {"*"},
        }
    )
    derived = MappingProxyType(
        {
            "stock.inventory": STAMPS,
            "stock.inventory.line": STAMPS | {"expected_quantity"},
            MOVE: _MOVE_FIELDS,
        }
    )
    trace = MappingProxyType(
        {"stock.inventory": STAMPS, "stock.inventory.line": STAMPS, MOVE: STAMPS}
    )

    def problems(self, step: Step, image: Image) -> tuple[Problem, ...]:
        uncounted = [
            line
            for line in rows(image, "stock.inventory.line").values()
            if line["quantity"] is None
        ]
        found = super().problems(step, image)
        if uncounted:
            text = Text(N_("{count} lines are not counted"), {"count": len(uncounted)})
            found = (*found, Problem("count.incomplete", text))
        return found


class CancelCount(_Count):
    """A count that is not wanted any more."""

    name = "stock_count.cancel"
    button = "cancel"
    goal_state = "cancelled"
    title = N_("Cancel the count")
    reversibility = Reversibility.NONE
    reversibility_note = N_(
        "Tryton has no way from cancelled back, and it works out the expected quantities anew"
    )
    shape = Shape(
        "stock.inventory",
        STAMPS | {"number", "state", "company", "location", "date"},
        {"lines": Shape("stock.inventory.line", _COUNT_LINE)},
    )
    ours = MappingProxyType(
        {
            "stock.inventory": STAMPS | {"state"},
            "stock.inventory.line": STAMPS | {"expected_quantity"},
        }
    )
    derived = MappingProxyType(
        {
            "stock.inventory": STAMPS,
            "stock.inventory.line": STAMPS | {"expected_quantity"},
        }
    )
    trace = MappingProxyType({"stock.inventory": STAMPS, "stock.inventory.line": STAMPS})


class CancelProduction(StateAction):
    """A production that will not be made."""

    name = "production_order.cancel"
    kind = Kind.PRODUCTION_ORDER
    model = "production"
    button = "cancel"
    source_states = ("draft", "request", "waiting", "assigned", "running")
    goal_state = "cancelled"
    title = N_("Cancel the production")
    reversibility = Reversibility.NONE
    reversibility_note = N_(
        "Tryton answers yes when it is set back to draft, but it deletes all inputs and outputs on the way"
    )
    shape = Shape(
        model,
        STAMPS
        | {
            "number",
            "reference",
            "state",
            "company",
            "product",
            "quantity",
            "unit",
            "planned_date",
        },
        {"inputs": _MOVES, "outputs": _MOVES},
    )
    stamped = (model, MOVE)
    ours = MappingProxyType({model: STAMPS | {"state"}, MOVE: STAMPS | {"state", "effective_date"}})
    derived = MappingProxyType({model: STAMPS, MOVE: STAMPS})
    trace = derived

    def remainder(self, image: Image) -> Remainder | None:
        found = rows(image, self.model)
        for row in found.values():
            return Remainder(row["quantity"], None, None, row["quantity"], None, None)
        return None


def stock_actions() -> tuple[type[TrytonAction], ...]:
    """Return every action of the kinds in this module."""
    return (CancelReceipt, CancelIssue, ConfirmCount, CancelCount, CancelProduction)
