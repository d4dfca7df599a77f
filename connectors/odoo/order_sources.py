"""Purchase and sales orders as canonical columns.

*Received* is what Odoo counted on each line (`qty_received`, `qty_delivered`), in the line's unit, against the
line's quantity; a receipt that Odoo calls full because its rest was cancelled is not received in full. Of a
service it is what people entered; nothing is taken for received because it was billed.

*Invoiced* is what stands on posted invoices, credit notes taken off, in the line's unit: Odoo's own
`qty_invoiced` counts drafts. It is empty where our user may not read invoices.

*Closed* is an order that is cancelled or locked. Odoo never closes an order by itself: one that was received and
billed in full still takes another quantity, receipt and bill until somebody locks it, and locking such orders
is what a closing is for. A lock says that nothing more shall come; a transfer that is still open can be done all
the same (`native.picking_ids.state` shows it). Where a company locks every order as soon as it is confirmed, by a
setting, a lock says nothing: there an order is closed when it is cancelled, or received and billed in full.
`closed_how` is `by_itself` where everything had come and was billed, `by_hand` where something was given up.
Who closed an order, and when, Odoo keeps in its messages only; those are not read.

Sections, notes and down payments are no lines: nothing is ordered with them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final

from connectors.columns import money
from connectors.contract import Kind
from connectors.odoo.kinds import (
    Columns,
    Source,
    common,
    day,
    look_up_names,
    partner_columns,
    sum_of,
)
from connectors.odoo.lookup import Lookup, Row

SIGNS: Final = {
    "in_invoice": 1,
    "in_receipt": 1,
    "in_refund": -1,
    "out_invoice": 1,
    "out_receipt": 1,
    "out_refund": -1,
}
"""What an invoice counts as; everything else is no invoice."""

ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class Side:
    """How purchase and sales orders name the same things."""

    kind: Kind
    model: str
    line: str
    quantity: str
    received: str
    method: str  # how a line's received quantity comes about
    by_moves: str  # its value where goods moves tell
    due: str  # of the line; empty where it has none
    invoiced_by: str  # field of invoice lines
    confirmed: str  # state of an order that goods are received and invoices written on
    reference: str


PURCHASE: Final = Side(
    Kind.PURCHASE_ORDER, "purchase.order", "purchase.order.line", "product_qty", "qty_received",
    "qty_received_method", "stock_moves", "date_planned", "purchase_line_id", "purchase", "partner_ref",
)  # fmt: skip
SALE: Final = Side(
    Kind.SALES_ORDER, "sale.order", "sale.order.line", "product_uom_qty", "qty_delivered",
    "qty_delivered_method", "stock_move", "", "sale_line_ids", "sale", "client_order_ref",
)  # fmt: skip


class OrderSource(Source):
    """Purchase or sales orders with what was received and invoiced of them."""

    def __init__(self, side: Side) -> None:
        super().__init__(side.kind)
        self.side = side
        self.model, self.line_model = side.model, side.line
        self.wanted = (
            "state", "locked", "partner_id", "currency_id", "amount_total", "user_id", "origin",
            "date_order", "date_approve", "commitment_date", side.reference,
        )  # fmt: skip

    # --- which documents ----------------------------------------------------------------------------

    def closed(self, lookup: Lookup, *, is_closed: bool) -> list[Any] | None:
        if self._locks_by_itself(lookup):
            return None
        side = self.side
        if lookup.has(self.model, "locked"):
            if is_closed:
                locked = ["&", ["locked", "=", True], ["state", "=", side.confirmed]]
                return ["|", ["state", "=", "cancel"], *locked]
            opened = ["|", ["locked", "=", False], ["state", "!=", side.confirmed]]
            return [["state", "!=", "cancel"], *opened]
        return [["state", "in" if is_closed else "not in", ["cancel", "done"]]]

    def _locks_by_itself(self, lookup: Lookup, company: Any = None) -> bool:
        """Whether a confirmed order is locked without anybody's doing: in a company, or in any that is read."""
        if self.side is SALE:
            return lookup.locks_sales()
        locking = lookup.locks_purchases()
        company = company or lookup.setting.company_id
        return bool(locking) if company is None else company in locking

    # --- what they hold -----------------------------------------------------------------------------

    def attach(
        self, rows: Sequence[Row], lookup: Lookup, *, with_lines: bool, native: Sequence[str] = ()
    ) -> None:
        side = self.side
        unit = lookup.pick(self.line_model, "product_uom_id", "product_uom")
        fields = {
            side.quantity, side.received, side.method, unit, "price_unit", "discount", "price_subtotal",
            "display_type", "is_downpayment", side.due, *native,
        } - {""}  # fmt: skip
        if with_lines:
            fields |= {"name", "product_id"}
        found = lookup.children(self.line_model, "order_id", [row["id"] for row in rows], fields)
        lines: list[Row] = []
        for row in rows:
            row["lines."] = [
                line
                for line in found[row["id"]]
                if not line.get("display_type") and not line.get("is_downpayment")
            ]
            for line in row["lines."]:
                line["unit."] = line.get(unit)
                line["state."] = row["state"]
            lines += row["lines."]
        self._attach_invoiced(lines, lookup)
        look_up_names(rows, lookup, partner_id="res.partner", user_id="res.users")
        if with_lines:
            lookup.items({line.get("product_id") for line in lines})

    def _attach_invoiced(self, lines: Sequence[Row], lookup: Lookup) -> None:
        fields = ("quantity", "product_uom_id", "move_type")
        found = lookup.invoice_lines(self.side.invoiced_by, [line["id"] for line in lines], fields)
        for line in lines:
            line["invoiced."] = (
                None
                if found is None
                else lookup.in_unit(
                    (
                        (one["quantity"] * SIGNS.get(one["move_type"], 0), one["product_uom_id"])
                        for one in found[line["id"]]
                    ),
                    line["unit."],
                )
            )

    def document(self, row: Row, lookup: Lookup) -> Columns:
        lines = row["lines."]
        currency = lookup.currency(row.get("currency_id"))
        is_known = all(line["invoiced."] is not None for line in lines)
        due = row.get("commitment_date")
        if self.side.due:
            due = max((d for line in lines if (d := line.get(self.side.due))), default=None)
        return (
            common(self, row, lookup)
            | partner_columns(row, lookup)
            | {
                "reference": row.get(self.side.reference) or row.get("origin"),
                "date": self._date(row),
                "due": day(due),
                "currency": currency,
                "amount": row["amount_total"],
                "ordered_quantity": sum_of(lines, self.side.quantity),
                "received_quantity": sum_of(lines, self.side.received),
                "invoiced_quantity": sum_of(lines, "invoiced.") if is_known else None,
                "remaining_quantity": sum((self._remaining(line) for line in lines), ZERO),
                "remaining_amount": sum(
                    (
                        money(self._remaining(line) * self._price(line, currency), currency)
                        for line in lines
                    ),
                    ZERO,
                ),
                "owner": lookup.name("res.users", row.get("user_id")),
            }
            | self._closed_columns(row, lookup)
        )

    def _date(self, row: Row) -> date | None:
        """Return the day of the order: for a purchase when it was confirmed, its deadline before that."""
        return day(row.get("date_approve") or row.get("date_order"))

    def _closed_columns(self, row: Row, lookup: Lookup) -> Columns:
        if row["state"] == "cancel":
            return {"is_closed": True, "closed_how": "by_hand"}
        is_confirmed = row["state"] in (self.side.confirmed, "done")
        is_complete = self._is_complete(row)
        if self._locks_by_itself(lookup, row.get("company_id")):
            is_ended = is_complete if is_confirmed else False
            return {"is_closed": is_ended, "closed_how": "by_itself" if is_ended else None}
        is_locked = is_confirmed and (row["state"] == "done" or bool(row.get("locked")))
        how = {True: "by_itself", False: "by_hand", None: None}
        return {"is_closed": is_locked, "closed_how": how[is_complete] if is_locked else None}

    def _is_complete(self, row: Row) -> bool | None:
        """Whether everything was received and billed; None where bills cannot be seen.

        Where goods moves do not tell and nobody entered anything (a service), the bill alone decides.
        """
        answers = {self._is_line_complete(line) for line in row["lines."]} or {False}
        return False if False in answers else None if None in answers else True

    def _is_line_complete(self, line: Row) -> bool | None:
        side, sign = self.side, 1 if line[self.side.quantity] >= 0 else -1
        wanted, received = sign * line[side.quantity], sign * line[side.received]
        is_counted = line.get(side.method) == side.by_moves or received != 0
        if is_counted and received < wanted:
            return False
        if line["invoiced."] is None:
            return None
        return bool(sign * line["invoiced."] >= max(wanted, received))

    def _remaining(self, line: Row) -> Decimal:
        rest: Decimal = line[self.side.quantity] - line[self.side.received]
        return max(rest, ZERO)

    def _price(self, line: Row, currency: str | None) -> Decimal:
        return net_price(line, line[self.side.quantity], currency)

    def line(self, row: Row, line: Row, lookup: Lookup) -> Columns:
        currency = lookup.currency(row.get("currency_id"))
        return dict(lookup.item(line.get("product_id"))) | {
            "description": line.get("name"),
            "unit": lookup.unit(line["unit."]),
            "quantity": line[self.side.quantity],
            "received_quantity": line[self.side.received],
            "invoiced_quantity": line["invoiced."],
            "remaining_quantity": self._remaining(line),
            "unit_price": self._price(line, currency),
            "amount": line["price_subtotal"],
            "currency": currency,
            "due": day(line.get(self.side.due) if self.side.due else row.get("commitment_date")),
            "state": line["state."],
        }


def net_price(line: Row, quantity: Decimal, currency: str | None) -> Decimal:
    """Return the price of one unit after discount and without tax.

    A price may hold tax: then it does not give Odoo's own amount without tax, and that amount is shared out.
    """
    price: Decimal = line["price_unit"] * (1 - (line.get("discount") or ZERO) / 100)
    if not quantity or money(price * quantity, currency) == line["price_subtotal"]:
        return price
    shared: Decimal = line["price_subtotal"] / quantity
    return shared
