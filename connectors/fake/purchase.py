"""Actions on the header of a purchase order: cancel, approve by hand, remind."""

from __future__ import annotations

from typing import ClassVar, cast

from connectors.contract import (
    Effect,
    Executor,
    Image,
    Instruction,
    Kind,
    LaterBusiness,
    Problem,
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
from connectors.fake.schema import FIELDS, ORDER, STAMPS
from connectors.judging import root_of, state_problem
from core.text import N_, Text

_HEADER = {ORDER: FIELDS[ORDER]}


class CancelOrder(FakeAction):
    """A quotation that will never be ordered is cancelled."""

    name = "purchase_order.cancel"
    kind = Kind.PURCHASE_ORDER
    title = N_("Cancel the quotation")
    model = ORDER
    reopen_action = "purchase_order.restore"
    writes_back = True
    footprint = _HEADER
    ours: ClassVar = {ORDER: CLOSED}
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
    default: ClassVar = {"state": "quotation", **NOT_CLOSED}
    footprint = _HEADER
    ours: ClassVar = {ORDER: CLOSED}
    trace = stamps_of([ORDER])


class ApproveByHand(FakeAction):
    """Only a person can approve, on the screen."""

    name = "purchase_order.approve_by_hand"
    kind = Kind.PURCHASE_ORDER
    title = N_("Approve the quotation")
    model = ORDER
    executors = (Executor.BY_PERSON,)
    footprint = _HEADER
    ours: ClassVar = {ORDER: frozenset({"state", "approved_by"})}
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
    # Another person may approve it again.
    trace: ClassVar = {ORDER: STAMPS | {"approved_by"}}

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
    ours: ClassVar = {}
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
    ApproveByHand,
    WithdrawByHand,
    SendReminder,
)
