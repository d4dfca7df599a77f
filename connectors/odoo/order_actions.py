"""Actions on purchase and sales orders: cancel, draft, confirm. The same classes for both."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.contract import (
    Answer,
    Call,
    Image,
    Instruction,
    Problem,
    Remainder,
    Reversibility,
    Step,
)
from connectors.judging import root_of, rows, state_problem
from connectors.odoo.actions import STAMPS, OdooAction, Server
from connectors.odoo.order_close_actions import (
    Close,
    CloseRemainder,
    LightOrder,
    Reopen,
    RestorePriority,
)
from connectors.odoo.order_restore_actions import INVOICE_LINKS, RESTORE_LINKS
from connectors.odoo.order_shapes import (
    UNMARKED,
    OrderAction,
    WholeOrder,
    order_instruction,
    reset_invoices_steps,
    restore_order_step,
)
from connectors.odoo.orders import (
    PURCHASE,
    QUOTATIONS,
    SALE,
    Side,
    cancel_problems,
    is_confirmed,
    is_locked,
    locked_problem,
    remainder_of,
)
from connectors.odoo.transfers import MOVE, MOVE_LINE, PICKING, open_moves
from core.text import N_, Text

# --- cancel and back to draft -----------------------------------------------------------------------------


class _Cancel(WholeOrder):
    """An order of which nothing came and nothing was invoiced is cancelled, with its transfers and draft invoices."""

    verb = "cancel"
    title = N_("Cancel the order")

    @classmethod
    def declare(cls, side: Side) -> None:
        super().declare(side)
        cls.reopen_action = f"{side.kind}.draft"

    def perform(self, server: Server, calls: Sequence[Call]) -> list[Answer]:
        if self.side is PURCHASE:
            return self.press(server, calls, "button_cancel")
        # Without this Odoo answers with a question until 18, and changes nothing.
        return self.press(server, calls, "action_cancel", disable_cancel_warning=True, **UNMARKED)

    def problems(self, step: Step, image: Image) -> tuple[Problem, ...]:
        return cancel_problems(self.side, step, image)

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        return root_of(step, after).get("state") == "cancel" and not open_moves(after)

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        return (
            *self.restore_steps(step, before, after),
            *reset_invoices_steps(self, step, before, after),
            restore_order_step(self, step, before),
        )

    def remainder(self, image: Image) -> Remainder | None:
        return remainder_of(self.target, self.side, image, is_whole=True)

    def instruction(self, step: Step, image: Image) -> Instruction:
        return order_instruction(self.side, step, image, N_("Cancel"), N_("the order is given up"))


class _Draft(LightOrder):
    """A cancelled order, or a quotation that was sent, becomes a draft again. Its cancelled transfers stay cancelled."""

    verb = "draft"
    title = N_("Set back to draft")

    def perform(self, server: Server, calls: Sequence[Call]) -> list[Answer]:
        return self.press(
            server, calls, "button_draft" if self.side is PURCHASE else "action_draft"
        )

    def problems(self, step: Step, image: Image) -> tuple[Problem, ...]:
        root = root_of(step, image)
        if root.get("signed_by") or root.get("signed_on"):
            text = N_("the customer signed it; a draft loses the signature for good")
            return (Problem("signed", Text(text)),)
        # The purchase method takes any state, a confirmed order too, whose receipt then has no order.
        return locked_problem(step, image) or state_problem(step, image, "cancel", "sent")

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        return root_of(step, after).get("state") == "draft"

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        if root_of(step, before).get("state") == "cancel":
            return (self.link("cancel", step),)
        return (restore_order_step(self, step, before),)

    def instruction(self, step: Step, image: Image) -> Instruction:
        press = N_("Set to Draft") if self.side is PURCHASE else N_("Set to Quotation")
        return order_instruction(self.side, step, image, press, N_("it is worked on again"))


# --- confirm ----------------------------------------------------------------------------------------------


class _Confirm(WholeOrder):
    """A quotation becomes an order; Odoo makes its transfers."""

    verb = "confirm"
    title = N_("Confirm the order")
    reversibility = Reversibility.COMPENSATING
    reversibility_note = N_(
        "a rollback cancels it and sets it back to draft; the transfer that Odoo made stays, cancelled, and so do the"
        " date of the confirmation, the vendor on the product, and tasks or orders made for services"
    )

    @classmethod
    def declare(cls, side: Side) -> None:
        super().declare(side)
        made = {
            "date_approve", "date_order", "picking_ids", "group_id", "procurement_group_id", "stock_reference_ids",
        }  # fmt: skip
        everything = frozenset({"*"})
        model, line = side.model, side.line
        cls.ours = {
            **cls.ours,
            model: cls.ours[model] | made,
            line: cls.ours[line] | {"group_id"},
            PICKING: cls.ours[PICKING] | everything,
            MOVE: cls.ours[MOVE] | everything,
            MOVE_LINE: everything,
        }
        cls.derived = {**cls.derived, model: cls.derived[model] | {"date_approve", "date_order"}}
        cls.trace = {
            **cls.trace,
            model: STAMPS | made,
            PICKING: STAMPS | everything,
            MOVE: STAMPS | everything,
            "product.supplierinfo": everything,
            "procurement.group": everything,  # until 18
            "stock.reference": everything,  # since 19
            "ir.sequence": frozenset({"number_next_actual", "write_date", "write_uid"}),
        }

    def perform(self, server: Server, calls: Sequence[Call]) -> list[Answer]:
        return self.press(
            server, calls, "button_confirm" if self.side is PURCHASE else "action_confirm"
        )

    def problems(self, step: Step, image: Image) -> tuple[Problem, ...]:
        found = locked_problem(step, image) or state_problem(step, image, *QUOTATIONS)
        if any(
            not line.get("display_type")
            and not line.get("is_downpayment")
            and line.get("product_id") is None
            for line in rows(image, self.side.line).values()
        ):
            found = (*found, Problem("product.missing", Text(N_("a line of it has no product"))))
        return found

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        # An order that waits for approval is not confirmed: a person has to look at it.
        return is_confirmed(self.side, root_of(step, after))

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        # A company may lock its orders as soon as they are confirmed.
        unlock = (self.link("reopen", step),) if is_locked(root_of(step, after)) else ()
        back = (
            self.link("draft", step)
            if root_of(step, before).get("state") == "draft"
            else restore_order_step(self, step, before)
        )
        return (*unlock, self.link("cancel", step), back)

    def remainder(self, image: Image) -> Remainder | None:
        return None

    def instruction(self, step: Step, image: Image) -> Instruction:
        press = N_("Confirm Order") if self.side is PURCHASE else N_("Confirm")
        return order_instruction(self.side, step, image, press, N_("the quotation was accepted"))


def order_actions() -> tuple[type[OdooAction], ...]:
    """Return every action of both kinds of orders, links and ways back included."""
    both: tuple[type[OrderAction], ...] = (
        Close,
        Reopen,
        _Cancel,
        _Draft,
        _Confirm,
        CloseRemainder,
        *RESTORE_LINKS,
    )
    bases: dict[Side, tuple[type[OrderAction], ...]] = {
        PURCHASE: (*both, RestorePriority),
        SALE: (*both, *INVOICE_LINKS),  # cancelling a purchase leaves its draft bills alone
    }
    return tuple(
        type(base.__name__.strip("_"), (base,), {"side": side})
        for side, found in bases.items()
        for base in found
    )
