"""Actions on a whole purchase order: close it in three links, or give it up."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import ClassVar, cast

from connectors.contract import (
    Effect,
    Image,
    Kind,
    LaterBusiness,
    Problem,
    Ref,
    Remainder,
    Reversibility,
    Step,
)
from connectors.fake.actions import (
    CLOSED,
    NOT_CLOSED,
    FakeAction,
    RestoreAction,
    changed,
    difference,
    stamps_of,
)
from connectors.fake.request import Query
from connectors.fake.schema import DERIVED, FIELDS, INVOICE, LINE, MOVE, ORDER
from connectors.judging import root_of, state_problem
from core.encoding import Value
from core.text import N_, Text

_WHOLE = {model: FIELDS[model] for model in (ORDER, LINE, MOVE, INVOICE)}
_BELOW = {
    ORDER: (Query(LINE, "order"), Query(MOVE, "order"), Query(INVOICE, "order")),
}
_REMAINDER = {
    ORDER: DERIVED[ORDER],
    LINE: frozenset({"cancelled_quantity"}) | DERIVED[LINE],
    MOVE: frozenset({"state"}),
}
_DERIVED = {ORDER: DERIVED[ORDER], LINE: DERIVED[LINE]}


class _Link(FakeAction):
    """What the links of a close share: the same footprint, and business that may come later."""

    is_link = True
    kind = Kind.PURCHASE_ORDER
    model = ORDER
    footprint = _WHOLE
    queries = _BELOW
    trace = stamps_of([ORDER, LINE, MOVE])

    def problems(self, step: Step, image: Image) -> tuple[Problem, ...]:
        return state_problem(step, image, "processing")

    def later_business(self, step: Step, after: Image, now: Image) -> tuple[LaterBusiness, ...]:
        found = list(changed(step, after, now, {"note": Effect.HARMLESS}))
        invoices = {record.ref for record in after.of_model(INVOICE)}
        for record in now.of_model(INVOICE):
            if record.ref not in invoices and record.fields and record.fields["state"] == "posted":
                number = {"number": record.fields["number"]}
                found.append(
                    LaterBusiness(Effect.BLOCKS, Text(N_("invoice {number} was posted"), number))
                )
        for record in now.of_model(LINE):
            was = after.get(record.ref)
            if was is None or was.fields is None or record.fields is None:
                text = Text(N_("a line was added"))
            elif was.fields["received_quantity"] != record.fields["received_quantity"]:
                text = Text(N_("goods were received"))
            elif was.fields["quantity"] != record.fields["quantity"]:
                text = Text(N_("a quantity was changed"))
            else:
                continue
            found.append(LaterBusiness(Effect.CHANGES_RESULT, text))
        return tuple(found)

    def remainder(self, image: Image) -> Remainder | None:
        lines = [record.fields or {} for record in image.of_model(LINE)]
        order = next((r.fields or {} for r in image.records if r.ref.model == ORDER), {})
        if not lines or not order:
            return None
        ordered, received, invoiced, cancelled = (
            sum((cast("Decimal", line[name]) for line in lines), Decimal(0))
            for name in ("quantity", "received_quantity", "invoiced_quantity", "cancelled_quantity")
        )
        has_one_unit = len({line["unit"] for line in lines}) == 1
        remaining = max(ordered - received - cancelled, Decimal(0))
        return Remainder(
            ordered=ordered if has_one_unit else None,
            received=received if has_one_unit else None,
            invoiced=invoiced if has_one_unit else None,
            quantity=remaining if has_one_unit else None,
            amount=order["remaining_amount"],
            currency=cast("str", order["currency"]),
        )


class CancelRemainder(_Link):
    """First link: what was ordered and never came is given up."""

    name = "purchase_order.cancel_remainder"
    writes_back = True
    title = N_("Cancel what is still expected")
    ours = _REMAINDER
    derived = _DERIVED

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        return (
            bool(root_of(step, after))
            and not any(
                record.fields["state"] == "draft"
                for record in after.of_model(MOVE)
                if record.fields
            )
            and not any(
                cast("Decimal", line["quantity"])
                > cast("Decimal", line["received_quantity"])
                + cast("Decimal", line["cancelled_quantity"])
                for line in (record.fields or {} for record in after.of_model(LINE))
            )
        )

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        arguments = difference(step, self.ours, before, after)
        return (Step("purchase_order.restore_remainder", step.ref, arguments),)


class RestoreRemainder(_Link, RestoreAction):
    """Takes the first link back."""

    name = "purchase_order.restore_remainder"
    title = N_("Expect the remainder again")
    ours = _REMAINDER
    derived = _DERIVED


class SettleLines(_Link):
    """Second link: every line is settled."""

    name = "purchase_order.settle_lines"
    writes_back = True
    title = N_("Settle the lines")
    ours: ClassVar = {LINE: frozenset({"state"})}

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        lines = [record.fields or {} for record in after.of_model(LINE)]
        return bool(root_of(step, after)) and all(line["state"] == "settled" for line in lines)

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        arguments = difference(step, self.ours, before, after)
        return (Step("purchase_order.reopen_lines", step.ref, arguments),)


class ReopenLines(_Link, RestoreAction):
    """Takes the second link back."""

    name = "purchase_order.reopen_lines"
    title = N_("Reopen the lines")
    ours: ClassVar = {LINE: frozenset({"state"})}


class CloseHeader(_Link):
    """Third link: the order itself is closed."""

    name = "purchase_order.close_header"
    writes_back = True
    title = N_("Close the order")
    reopen_action = "purchase_order.reopen_header"
    ours: ClassVar = {ORDER: CLOSED}

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        return root_of(step, after).get("state") == "closed"

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        arguments = difference(step, self.ours, before, after)
        return (Step("purchase_order.reopen_header", step.ref, arguments),)


class ReopenHeader(_Link, RestoreAction):
    """Takes the third link back."""

    name = "purchase_order.reopen_header"
    title = N_("Reopen the order")
    default: ClassVar = {"state": "processing", **NOT_CLOSED}
    ours: ClassVar = {ORDER: CLOSED}

    def problems(self, step: Step, image: Image) -> tuple[Problem, ...]:
        return ()


class CloseOrder(_Link):
    """An order whose remainder will never come is closed, in three links."""

    is_link = False
    name = "purchase_order.close"
    writes_back = True
    title = N_("Close the order and give up the remainder")
    reopen_action = "purchase_order.reopen_header"
    ours: ClassVar = {
        ORDER: CLOSED | DERIVED[ORDER],
        LINE: frozenset({"state", "cancelled_quantity"}) | DERIVED[LINE],
        MOVE: frozenset({"state"}),
    }
    derived = _DERIVED

    def steps(self, ref: Ref, arguments: Mapping[str, Value]) -> tuple[Step, ...]:
        return (
            Step(CancelRemainder.name, ref),
            Step(SettleLines.name, ref),
            Step(CloseHeader.name, ref),
        )

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        return root_of(step, after).get("state") == "closed"

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        """Take the links back, the last one first; each writes back only what was its own."""
        back = (
            (ReopenHeader.name, CloseHeader.ours),
            (ReopenLines.name, SettleLines.ours),
            (RestoreRemainder.name, CancelRemainder.ours),
        )
        return tuple(
            Step(name, step.ref, difference(step, ours, before, after)) for name, ours in back
        )


class GiveUpOrder(_Link):
    """The expected moves are deleted: nothing brings them back."""

    is_link = False
    name = "purchase_order.give_up"
    title = N_("Give the order up")
    reversibility = Reversibility.NONE
    reversibility_note = N_("the expected receipts are deleted")
    ours: ClassVar = {ORDER: CLOSED, MOVE: frozenset({"*"})}

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        return root_of(step, after).get("state") == "given_up"

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        return ()


CHAIN_ACTIONS = (
    CloseOrder,
    CancelRemainder,
    RestoreRemainder,
    SettleLines,
    ReopenLines,
    CloseHeader,
    ReopenHeader,
    GiveUpOrder,
)
