"""Actions on purchase orders: cancel, close in three links, give up, approve by hand, remind."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import cast

from connectors.contract import (
    Effect,
    Executor,
    Image,
    Instruction,
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
    root_of,
    stamps_of,
    state_problem,
)
from connectors.fake.request import Query
from connectors.fake.schema import DERIVED, FIELDS, INVOICE, LINE, MOVE, ORDER
from core.encoding import Value
from core.text import N_, Text

_HEADER = {ORDER: FIELDS[ORDER]}
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


class CancelOrder(FakeAction):
    """A quotation that will never be ordered is cancelled."""

    name = "purchase_order.cancel"
    kind = Kind.PURCHASE_ORDER
    title = N_("Cancel the quotation")
    model = ORDER
    reopen_action = "purchase_order.restore"
    footprint = _HEADER
    ours = {ORDER: CLOSED}
    trace = stamps_of([ORDER])

    def problems(self, step: Step, image: Image) -> tuple[Problem, ...]:
        return state_problem(step, image, "draft", "quotation")

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        return root_of(step, after).get("state") == "cancelled"

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        return (
            Step("purchase_order.restore", step.ref, difference(step, self.ours, before, after)),
        )

    def later_business(self, step: Step, after: Image, now: Image) -> tuple[LaterBusiness, ...]:
        return changed(
            step,
            after,
            now,
            {
                "note": Effect.HARMLESS,
                "remaining_amount": Effect.CHANGES_RESULT,
                "approved_by": Effect.BLOCKS,
            },
        )

    def remainder(self, image: Image) -> Remainder | None:
        (order,) = (record.fields or {} for record in image.records if record.ref.model == ORDER)
        return Remainder(
            None, None, None, None, order["remaining_amount"], cast("str", order["currency"])
        )


class RestoreOrder(RestoreAction):
    """The header gets back the values that it had."""

    name = "purchase_order.restore"
    kind = Kind.PURCHASE_ORDER
    title = N_("Put the order's header back")
    model = ORDER
    default = {"state": "quotation", **NOT_CLOSED}
    footprint = _HEADER
    ours = {ORDER: CLOSED}
    trace = stamps_of([ORDER])


class _Link(FakeAction):
    """What the links of a close share: the same footprint, and business that may come later."""

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
    title = N_("Settle the lines")
    ours = {LINE: frozenset({"state"})}

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
    ours = {LINE: frozenset({"state"})}


class CloseHeader(_Link):
    """Third link: the order itself is closed."""

    name = "purchase_order.close_header"
    title = N_("Close the order")
    reopen_action = "purchase_order.reopen_header"
    ours = {ORDER: CLOSED}

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        return root_of(step, after).get("state") == "closed"

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        arguments = difference(step, self.ours, before, after)
        return (Step("purchase_order.reopen_header", step.ref, arguments),)


class ReopenHeader(_Link, RestoreAction):
    """Takes the third link back."""

    name = "purchase_order.reopen_header"
    title = N_("Reopen the order")
    default = {"state": "processing", **NOT_CLOSED}
    ours = {ORDER: CLOSED}

    def problems(self, step: Step, image: Image) -> tuple[Problem, ...]:
        return ()


class CloseOrder(_Link):
    """An order whose remainder will never come is closed, in three links."""

    name = "purchase_order.close"
    title = N_("Close the order and give up the remainder")
    reopen_action = "purchase_order.reopen_header"
    ours = {
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

    name = "purchase_order.give_up"
    title = N_("Give the order up")
    reversibility = Reversibility.NONE
    reversibility_note = N_("the expected receipts are deleted")
    ours = {ORDER: CLOSED, MOVE: frozenset({"*"})}

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        return root_of(step, after).get("state") == "given_up"

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        return ()


class ApproveByHand(FakeAction):
    """Only a person can approve, on the screen."""

    name = "purchase_order.approve_by_hand"
    kind = Kind.PURCHASE_ORDER
    title = N_("Approve the quotation")
    model = ORDER
    executors = (Executor.BY_PERSON,)
    footprint = _HEADER
    ours = {ORDER: frozenset({"state", "approved_by"})}
    trace = stamps_of([ORDER])

    def problems(self, step: Step, image: Image) -> tuple[Problem, ...]:
        return state_problem(step, image, "quotation")

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        return root_of(step, after).get("state") == "approved"

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        return (Step(WithdrawByHand.name, step.ref),)

    def is_ours(self, before: Image, after: Image) -> bool | None:
        """Persons have names of their own, so the ERP does not tell."""
        return None

    def instruction(self, step: Step, image: Image) -> Instruction:
        number = {"number": root_of(step, image).get("number")}
        return Instruction(
            Text(N_("Purchase > Orders > {number}"), number),
            Text(N_("Approve")),
            Text(N_("see the plan")),
        )


class WithdrawByHand(ApproveByHand):
    """Only a person can take an approval back."""

    name = "purchase_order.withdraw_by_hand"
    title = N_("Withdraw the approval")

    def problems(self, step: Step, image: Image) -> tuple[Problem, ...]:
        return state_problem(step, image, "approved")

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        order = root_of(step, after)
        return order.get("state") == "quotation" and order["approved_by"] is None

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        return (Step(ApproveByHand.name, step.ref),)

    def instruction(self, step: Step, image: Image) -> Instruction:
        number = {"number": root_of(step, image).get("number")}
        return Instruction(
            Text(N_("Purchase > Orders > {number}"), number),
            Text(N_("Withdraw")),
            Text(N_("see the plan")),
        )


class SendReminder(FakeAction):
    """Creates a message that nothing ties to the order: what it made cannot be found again."""

    name = "purchase_order.send_reminder"
    kind = Kind.PURCHASE_ORDER
    title = N_("Remind the supplier")
    model = ORDER
    reversibility = Reversibility.NONE
    reversibility_note = N_("a message that was sent cannot be called back")
    creates_untraceably = True
    footprint = _HEADER
    ours = {}
    trace_note = N_("a message")

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        """Nothing but the ERP's yes can tell."""
        return True

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        return ()

    def is_ours(self, before: Image, after: Image) -> bool | None:
        """The footprint does not hold what it made."""
        return None


PURCHASE_ACTIONS = (
    CancelOrder,
    RestoreOrder,
    CloseOrder,
    CancelRemainder,
    RestoreRemainder,
    SettleLines,
    ReopenLines,
    CloseHeader,
    ReopenHeader,
    GiveUpOrder,
    ApproveByHand,
    WithdrawByHand,
    SendReminder,
)
