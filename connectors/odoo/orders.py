"""Purchase and sales orders as Odoo keeps them: what belongs to one, and what became of its lines.

Both have one life cycle in Odoo, so both are described by the same `Side`. Pure functions of images.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from connectors.contract import (
    Effect,
    Image,
    Kind,
    LaterBusiness,
    Problem,
    Remainder,
    Step,
)
from connectors.judging import DELETED, ids_in, number_in, root_of, rows, state_problem
from connectors.odoo import transfers
from connectors.odoo.actions import STAMPS, Query, Target
from connectors.odoo.transfers import MOVE, MOVE_LINE, PICKING
from core.encoding import Value
from core.text import N_, Text

INVOICE: Final = "account.move"
INVOICE_LINE: Final = "account.move.line"
NOT_BILLED: Final = ("draft", "cancel")
QUOTATIONS: Final = ("draft", "sent")

_HEADER: Final = STAMPS | frozenset(
    {
        "name", "state", "locked", "origin", "company_id", "partner_id", "currency_id", "user_id", "date_order",
        "amount_untaxed", "amount_tax", "amount_total", "invoice_status", "payment_term_id", "fiscal_position_id",
        "effective_date",
    }
)  # fmt: skip
_PURCHASE_HEADER: Final = _HEADER | frozenset(
    {
        "priority", "partner_ref", "date_approve", "date_planned", "date_calendar_start", "receipt_status",
        "incoterm_id", "picking_type_id", "dest_address_id", "mail_reminder_confirmed", "mail_reception_confirmed",
        "mail_reception_declined", "acknowledged", "group_id", "amount_total_cc",
        "notes",  # until 18
        "note",  # 19
    }
)  # fmt: skip
_SALE_HEADER: Final = _HEADER | frozenset(
    {
        "client_order_ref", "commitment_date", "validity_date", "pricelist_id", "partner_invoice_id",
        "partner_shipping_id", "team_id", "warehouse_id", "picking_policy", "delivery_status", "note", "signed_by",
        "signed_on", "procurement_group_id", "amount_to_invoice",
    }
)  # fmt: skip
_LINE: Final = STAMPS | frozenset(
    {
        "order_id", "sequence", "display_type", "is_downpayment", "product_id", "name", "price_unit", "discount",
        "price_subtotal", "price_tax", "price_total", "qty_invoiced", "qty_to_invoice", "state",
        "product_uom",  # until 18
        "product_uom_id",  # 19
    }
)  # fmt: skip
_PURCHASE_LINE: Final = _LINE | {"product_qty", "date_planned", "qty_received"}
_SALE_LINE: Final = _LINE | {
    "product_uom_qty", "qty_delivered", "customer_lead", "invoice_status", "untaxed_amount_invoiced",
    "untaxed_amount_to_invoice", "is_expense",
}  # fmt: skip
_TAXES: Final = frozenset({"taxes_id", "tax_id", "tax_ids"})  # purchases, sales, 19
_MOVE_LINE: Final = STAMPS | frozenset(
    {
        "move_id", "picking_id", "product_id", "product_uom_id", "location_id", "location_dest_id", "lot_id",
        "lot_name", "package_id", "result_package_id", "owner_id", "state",
        "quantity", "picked",  # 17 and later
        "reserved_uom_qty", "qty_done",  # 16
    }
)  # fmt: skip
_INVOICE: Final = STAMPS | frozenset(
    {
        "name", "state", "move_type", "payment_state", "partner_id", "currency_id", "journal_id", "date",
        "invoice_date", "invoice_date_due", "amount_total", "amount_residual", "auto_post", "ref", "posted_before",
        "payment_reference",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Side:
    """What differs between buying and selling."""

    kind: Kind
    model: str
    line: str
    confirmed: str  # the state of an order that was confirmed
    quantity: str  # ordered, on a line
    received: str  # received or delivered, on a line
    move_line: str  # the field of a move that names the order's line
    header: frozenset[str]
    relations: frozenset[str]  # of the header, to many; read only where the whole order is
    lines: frozenset[str]
    line_relations: frozenset[str]

    @property
    def light(self) -> tuple[Query, ...]:
        """The order's lines: all that locking one needs beside the order."""
        return (Query(self.line, "order_id", self.model, self.lines),)

    @property
    def whole(self) -> tuple[Query, ...]:
        """Its lines, transfers with all their moves, and what was invoiced of it."""
        lines = Query(self.line, "order_id", self.model, self.lines | self.line_relations)
        stock = (
            Query(PICKING, "picking_ids", self.model, transfers.PICKING_FIELDS, is_forward=True),
            Query(MOVE, "picking_id", PICKING, transfers.MOVE_FIELDS),
            Query(MOVE_LINE, "move_id", MOVE, _MOVE_LINE),
        )
        if "invoice_ids" in self.relations:
            invoices: tuple[Query, ...] = (
                Query(INVOICE, "invoice_ids", self.model, _INVOICE, is_forward=True),
            )
        else:  # a sale keeps no list of its own
            invoices = (
                Query(
                    INVOICE_LINE,
                    "invoice_lines",
                    self.line,
                    frozenset({"move_id"}),
                    is_forward=True,
                ),
                Query(INVOICE, "move_id", INVOICE_LINE, _INVOICE, is_forward=True),
            )
        return (lines, *stock, *invoices)


PURCHASE: Final = Side(
    kind=Kind.PURCHASE_ORDER,
    model="purchase.order",
    line="purchase.order.line",
    confirmed="purchase",
    quantity="product_qty",
    received="qty_received",
    move_line="purchase_line_id",
    header=_PURCHASE_HEADER,
    relations=frozenset({"picking_ids", "invoice_ids", "reference_ids"}),
    lines=_PURCHASE_LINE,
    line_relations=_TAXES | {"move_dest_ids", "group_id"},
)
SALE: Final = Side(
    kind=Kind.SALES_ORDER,
    model="sale.order",
    line="sale.order.line",
    confirmed="sale",
    quantity="product_uom_qty",
    received="qty_delivered",
    move_line="sale_line_id",
    header=_SALE_HEADER,
    relations=frozenset({"picking_ids", "stock_reference_ids", "repair_order_ids"}),
    lines=_SALE_LINE,
    line_relations=_TAXES | {"invoice_lines", "reward_id", "coupon_id"},
)


# --- states -----------------------------------------------------------------------------------------------


def is_locked(root: Mapping[str, Value]) -> bool:
    """Whether an order is locked: a flag of its own, or (purchases until 18, sales until 16) the state `done`."""
    return root.get("state") == "done" or root.get("locked") is True


def is_confirmed(side: Side, root: Mapping[str, Value]) -> bool:
    """Whether the order was confirmed and not cancelled since, locked or not."""
    return root.get("state") in (side.confirmed, "done")


def locked_problem(step: Step, image: Image) -> tuple[Problem, ...]:
    """Say that a locked order must be unlocked first; Odoo itself asks for it only in some versions."""
    if not is_locked(root_of(step, image)):
        return ()
    return (Problem("locked", Text(N_("it is locked; unlock it first"))),)


# --- what became of the lines -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Progress:
    """What became of one line, in the line's own unit."""

    ordered: Decimal
    received: Decimal
    invoiced: Decimal  # drafts included: so Odoo counts
    subtotal: Decimal  # of what was ordered, with discount, without taxes

    @property
    def remaining(self) -> Decimal:
        """What is still to come, never below zero."""
        return max(self.ordered - self.received, Decimal(0))

    @property
    def value(self) -> Decimal:
        """What the remaining quantity is worth at the line's price, to the places of its amount."""
        if self.ordered == 0 or self.remaining == 0:
            return Decimal(0)
        if self.remaining == self.ordered:
            return self.subtotal
        places = min(Decimal("0.01"), Decimal(1).scaleb(int(self.subtotal.as_tuple().exponent)))
        return (self.subtotal * self.remaining / self.ordered).quantize(places)


def progress_of(side: Side, image: Image) -> dict[int, Progress]:
    """Return what became of every line that orders something."""
    return {
        key: Progress(
            ordered=number_in(line.get(side.quantity)),
            received=number_in(line.get(side.received)),
            invoiced=number_in(line.get("qty_invoiced")),
            subtotal=number_in(line.get("price_subtotal")),
        )
        for key, line in rows(image, side.line).items()
        if not line.get("display_type")
        and not line.get("is_downpayment")
        and not line.get("is_expense")
    }


def remainder_of(target: Target, side: Side, image: Image, *, is_whole: bool) -> Remainder | None:
    """Return what closing gives up: with `is_whole` everything ordered, else what was not received yet."""
    headers = rows(image, side.model)
    if len(headers) != 1:
        return None
    ((_, header),) = headers.items()
    currency = header.get("currency_id")
    code = target.currencies.get(currency) if isinstance(currency, int) else None
    progress = progress_of(side, image)
    found = progress.values()
    amount = sum((p.subtotal if is_whole else p.value for p in found), Decimal(0))
    lines = rows(image, side.line)
    if len({lines[i].get("product_uom", lines[i].get("product_uom_id")) for i in progress}) > 1:
        return Remainder(None, None, None, None, amount, code)
    ordered = sum((p.ordered for p in found), Decimal(0))
    return Remainder(
        ordered=ordered,
        received=sum((p.received for p in found), Decimal(0)),
        invoiced=sum((p.invoiced for p in found), Decimal(0)),
        quantity=ordered if is_whole else sum((p.remaining for p in found), Decimal(0)),
        amount=amount,
        currency=code,
    )


# --- what stands in the way -------------------------------------------------------------------------------


def cancel_problems(side: Side, step: Step, image: Image) -> tuple[Problem, ...]:
    """Return why an order must not be cancelled: Odoo's own reasons in every version, and what it would lose."""
    root = root_of(step, image)
    if is_locked(root):
        return locked_problem(step, image)
    found = list(state_problem(step, image, *QUOTATIONS, "to approve", side.confirmed))
    if transfers.done_moves(image) or any(p.received for p in progress_of(side, image).values()):
        text = N_("goods of it have moved; send them back first")
        found.append(Problem("received", Text(text)))
    invoices = rows(image, INVOICE)
    billed = [row for row in invoices.values() if row.get("state") not in NOT_BILLED]
    if billed:
        names = ", ".join(sorted(str(row.get("name")) for row in billed))
        found.append(
            Problem("billed", Text(N_("it was invoiced: {invoices}"), {"invoices": names}))
        )
    if side is SALE and any(
        row.get("state") == "draft" and row.get("auto_post") not in (None, "no")
        for row in invoices.values()
    ):
        text = N_("a draft invoice of it posts itself one day; cancelling would forget that")
        found.append(Problem("invoice.auto_post", Text(text)))
    if any(row.get("reward_id") or row.get("coupon_id") for row in rows(image, side.line).values()):
        text = N_("it uses rewards or coupons; cancelling would give them back for good")
        found.append(Problem("reward", Text(text)))
    if ids_in(root.get("repair_order_ids")):
        found.append(Problem("repair", Text(N_("repairs belong to it and would be cancelled too"))))
    return (*found, *transfer_problems(side, image))


def transfer_problems(side: Side, image: Image) -> tuple[Problem, ...]:
    """Return why its open transfers must not be cancelled."""
    is_own = is_own_chain(image)
    found = [
        problem
        for problem in transfers.cancel_problems(image)
        if problem.code != "transfer.chained" or not is_own
    ]
    lines = rows(image, side.line)
    chained = any(problem.code == "transfer.chained" for problem in found)
    if not chained and any(
        ids_in(line.get("move_dest_ids")) or line.get("group_id") for line in lines.values()
    ):
        text = N_("it was ordered for other documents; cancelling would loosen it from them")
        found.append(Problem("transfer.chained", Text(text)))
    if any(
        isinstance(owner := move.get(side.move_line), int) and owner not in lines
        for move in rows(image, MOVE).values()
    ):
        text = N_("a transfer of it brings goods of another order too")
        found.append(Problem("transfer.shared", Text(text)))
    return tuple(found)


def is_own_chain(image: Image) -> bool:
    """Whether what its open moves wait for and feed are open moves of its own (pick, pack, ship): those come back."""
    found, mine = rows(image, MOVE), set(transfers.open_moves(image))
    return all(
        {*ids_in(found[i].get("move_orig_ids")), *ids_in(found[i].get("move_dest_ids"))} <= mine
        and (found[i].get("procure_method") != "make_to_order" or ids_in(found[i]["move_orig_ids"]))
        for i in mine
    )


def draft_invoices(before: Image, after: Image) -> tuple[int, ...]:
    """Return the invoices that were drafts and are cancelled now, sorted."""
    was, is_now = rows(before, INVOICE), rows(after, INVOICE)
    return tuple(
        sorted(
            i
            for i, row in was.items()
            if row.get("state") == "draft" and is_now.get(i, {}).get("state") == "cancel"
        )
    )


# --- what happened since ----------------------------------------------------------------------------------


def later_at_lock(side: Side, step: Step, after: Image, now: Image) -> tuple[LaterBusiness, ...]:
    """Say what happened to a locked order since: nothing of it hinders unlocking."""
    if not root_of(step, now):
        return (DELETED,)
    found = list(_changed_lines(side, after, now, Effect.HARMLESS))
    was, is_now = progress_of(side, after), progress_of(side, now)
    both = was.keys() & is_now.keys()
    if any(is_now[i].received != was[i].received for i in both):
        found.append(LaterBusiness(Effect.HARMLESS, Text(N_("goods moved since"))))
    if any(is_now[i].invoiced != was[i].invoiced for i in both):
        found.append(LaterBusiness(Effect.HARMLESS, Text(N_("it was invoiced since"))))
    return tuple(found)


def later_at_transfers(
    side: Side, step: Step, after: Image, now: Image
) -> tuple[LaterBusiness, ...]:
    """Say what happened since to an order whose transfers were cancelled or restored."""
    if not root_of(step, now):
        return (DELETED,)
    found = []
    was_moves, now_moves = rows(after, MOVE), rows(now, MOVE)
    if now_moves.keys() - was_moves.keys():
        found.append(LaterBusiness(Effect.BLOCKS, Text(N_("new moves were made for it"))))
    if any(
        move.get("state") == "done" and now_moves.get(i, {}).get("state") != move.get("state")
        for i, move in was_moves.items()
    ) or set(transfers.done_moves(now)) - set(transfers.done_moves(after)):
        found.append(LaterBusiness(Effect.BLOCKS, Text(N_("goods of it moved since"))))
    was_invoices = rows(after, INVOICE)
    for key, invoice in rows(now, INVOICE).items():
        was, is_now = was_invoices.get(key, {}).get("state"), invoice.get("state")
        # Drafts come and go with the order itself; what counts is that one came or was posted.
        if key not in was_invoices or (was in NOT_BILLED) != (is_now in NOT_BILLED):
            text = Text(
                N_("invoice {name} is {state} now"),
                {"name": invoice.get("name") or key, "state": is_now},
            )
            effect = Effect.HARMLESS if is_now in NOT_BILLED else Effect.CHANGES_RESULT
            found.append(LaterBusiness(effect, text))
    return (*found, *_changed_lines(side, after, now, Effect.CHANGES_RESULT))


def _changed_lines(side: Side, after: Image, now: Image, effect: Effect) -> Iterable[LaterBusiness]:
    was, is_now = rows(after, side.line), rows(now, side.line)
    if was.keys() != is_now.keys():
        yield LaterBusiness(effect, Text(N_("lines were added or removed")))
    elif any(is_now[i].get(side.quantity) != was[i].get(side.quantity) for i in is_now):
        yield LaterBusiness(effect, Text(N_("a quantity was changed")))
