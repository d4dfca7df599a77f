"""Applying stock counts, and the counter-count that takes one back. The quantity itself is never written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from connectors.contract import (
    Answer,
    Call,
    Effect,
    Image,
    Kind,
    LaterBusiness,
    Problem,
    Reversibility,
    Step,
)
from connectors.judging import DELETED, MISSING, number_in, root_of
from connectors.odoo.actions import STAMPS, MethodAction, OdooAction, Server, quietness, tracking
from connectors.odoo.transfers import MOVE, MOVE_LINE, QUANT
from connectors.odoo.writing import write_in_groups, write_values
from core.text import N_, Text

_QUANT: Final = STAMPS | frozenset(
    {
        "product_id", "location_id", "lot_id", "package_id", "owner_id", "company_id", "quantity",
        "reserved_quantity", "inventory_quantity", "inventory_quantity_set", "inventory_diff_quantity",
        "inventory_date", "in_date", "user_id",
    }
)  # fmt: skip
_ENTRY: Final = frozenset(
    {"inventory_quantity", "inventory_quantity_set", "inventory_diff_quantity", "user_id", "inventory_date"}
)  # fmt: skip
_BOOKED: Final[Mapping[str, frozenset[str]]] = {
    model: frozenset({"*"}) for model in (MOVE, MOVE_LINE, "account.move", "account.move.line")
} | {"stock.valuation.layer": frozenset({"*", "remaining_qty", "remaining_value"}) | STAMPS}
"""What a count leaves for ever: a move for every difference, and its value in the accounts."""


class _Count(OdooAction):
    kind = Kind.STOCK_COUNT
    model = QUANT
    wanted = _QUANT
    computed = frozenset({"is_outdated"})
    since = 15  # 14 counts in a document of its own
    stamped = (QUANT,)
    ours = MappingProxyType({QUANT: STAMPS | _ENTRY | {"quantity", "is_outdated", "*"}, **_BOOKED})
    derived = MappingProxyType({QUANT: STAMPS | {"inventory_diff_quantity", "is_outdated"}})
    trace = MappingProxyType(
        {
            QUANT: STAMPS | {"in_date"},
            **_BOOKED,
            "stock.location": STAMPS | {"last_inventory_date"},
        }
    )
    trace_note = N_("the moves of the count and of the counter-count stay, with their entries")

    def later_business(self, step: Step, after: Image, now: Image) -> tuple[LaterBusiness, ...]:
        if not root_of(step, now) and number_in(root_of(step, after).get("quantity")) != 0:
            return (DELETED,)
        return ()


class ConfirmCount(_Count, MethodAction):
    """A counted quantity is booked: Odoo makes a move of the difference."""

    name = "stock_count.confirm"
    title = N_("Apply the count")
    method = "action_apply_inventory"
    reversibility = Reversibility.COMPENSATING
    reversibility_note = N_(
        "a counter-count gives the old quantity back; the moves of both counts stay"
    )

    def problems(self, step: Step, image: Image) -> tuple[Problem, ...]:
        root = root_of(step, image)
        if not root:
            return (MISSING,)
        if not root.get("inventory_quantity_set"):
            return (Problem("count.incomplete", Text(N_("no quantity was counted"))),)
        if root.get("is_outdated"):
            text = Text(N_("stock has moved since it was counted: count again"))
            return (Problem("count.outdated", text),)
        return ()

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        wanted = number_in(root_of(step, before).get("inventory_quantity"))
        if not root_of(step, before).get("inventory_quantity_set"):
            return False
        root = root_of(step, after)
        if not root:  # Odoo deletes a quant of nothing
            return wanted == 0
        return not root.get("inventory_quantity_set") and number_in(root.get("quantity")) == wanted

    def later_business(self, step: Step, after: Image, now: Image) -> tuple[LaterBusiness, ...]:
        was, found = root_of(step, after), root_of(step, now)
        if not found or was.get("quantity") == found.get("quantity"):
            return super().later_business(step, after, now)
        values = {"before": str(was.get("quantity")), "now": str(found.get("quantity"))}
        text = Text(N_("the stock went from {before} to {now} since"), values)
        return (LaterBusiness(Effect.BLOCKS, text),)

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        was = root_of(step, before)
        if not root_of(step, after):
            return ()
        quiet = quietness(step)
        back = {**quiet, "quantity": number_in(was.get("quantity"))}
        entry = {
            **quiet,
            "quantity": number_in(was.get("inventory_quantity")),
            "user": was.get("user_id"),
            "date": was.get("inventory_date"),
        }
        return (
            Step("stock_count.enter", step.ref, back),
            Step("stock_count.confirm", step.ref, quiet),
            Step("stock_count.enter", step.ref, entry),
        )


class EnterCount(_Count):
    """A quantity is entered as counted; nothing is booked yet."""

    is_link = True
    name = "stock_count.enter"
    title = N_("Enter the counted quantity")

    def perform(self, server: Server, calls: Sequence[Call]) -> list[Answer]:
        def key(call: Call) -> tuple[tuple[str, object], ...]:
            return tuple(sorted(self.values(call).items()))

        def send(values: tuple[tuple[str, object], ...], members: Sequence[Call]) -> None:
            ids = [int(call.step.ref.key) for call in members]
            self.send(server, members, QUANT, "write", ids, dict(values), context=tracking(members))

        return write_in_groups(server, calls, key, send)

    def values(self, call: Call) -> dict[str, object]:
        """Return what is written: the quantity always, because zero counted is not the same as nothing counted."""
        found: dict[str, object] = {
            "inventory_quantity": float(number_in(call.step.arguments.get("quantity"))),
            "inventory_quantity_set": True,
        }
        wanted = {
            name: call.step.arguments[argument]
            for argument, name in (("user", "user_id"), ("date", "inventory_date"))
            if argument in call.step.arguments
        }
        now = root_of(call.step, call.before)
        return found | write_values(self.target, QUANT, now, wanted, ours=_ENTRY)

    def problems(self, step: Step, image: Image) -> tuple[Problem, ...]:
        if not root_of(step, image):
            return (MISSING,)
        if "quantity" not in step.arguments:
            return (Problem("quantity.missing", Text(N_("no quantity was given"))),)
        return ()

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        root = root_of(step, after)
        return bool(root.get("inventory_quantity_set")) and number_in(
            root.get("inventory_quantity")
        ) == number_in(step.arguments.get("quantity"))

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        was = root_of(step, before)
        if was.get("inventory_quantity_set"):
            entry = {**quietness(step), "quantity": number_in(was.get("inventory_quantity"))}
            return (Step("stock_count.enter", step.ref, entry),)
        return (Step("stock_count.clear", step.ref, quietness(step)),)


class ClearCount(_Count, MethodAction):
    """What was entered as counted is forgotten; nothing is booked."""

    is_link = True
    name = "stock_count.clear"
    title = N_("Clear the counted quantity")
    method = "action_clear_inventory_quantity"

    def perform(self, server: Server, calls: Sequence[Call]) -> list[Answer]:
        is_old = self.target.version < 17
        method = "action_set_inventory_quantity_to_zero" if is_old else self.method
        ids = [int(call.step.ref.key) for call in calls]
        return self.send(server, calls, QUANT, method, ids, context=tracking(calls))

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        root = root_of(step, after)
        return bool(root) and not root.get("inventory_quantity_set")

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        was = root_of(step, before)
        entry = {**quietness(step), "quantity": number_in(was.get("inventory_quantity"))}
        return (Step("stock_count.enter", step.ref, entry),)


def count_actions() -> tuple[type[OdooAction], ...]:
    """Return every action of counts."""
    return (ConfirmCount, EnterCount, ClearCount)
