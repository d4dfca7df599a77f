"""Orders and invoices as canonical columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from connectors.columns import money
from connectors.contract import Kind
from connectors.judging import number_in
from connectors.tryton.kinds import (
    COMMON,
    Columns,
    Row,
    Setting,
    Source,
    common,
    item_columns,
    key_of,
    name_in,
    unit_name,
)
from connectors.tryton.orders import OPEN_MOVES, POSTED, PURCHASE, Side
from connectors.tryton.reading import Reader


class _WithTotals(Source):
    """Documents whose total is stored in a cache once they are settled."""

    def complete(self, rows: list[dict[str, Any]], reader: Reader) -> None:
        open_ids = [row["id"] for row in rows if row["total_amount_cache"] is None]
        totals = reader.rows(self.model, open_ids, ["total_amount"]) if open_ids else {}
        for row in rows:
            found = totals.get(row["id"])
            row["total"] = row["total_amount_cache"] if found is None else found["total_amount"]


class OrderSource(_WithTotals):
    """Purchase and sales orders with what was received and invoiced of them."""

    def __init__(self, side: Side) -> None:
        super().__init__(side.kind)
        self.side = side
        self.model, self.line_model = side.model, side.line
        self.paths = (
            *COMMON,
            "reference",
            "party.rec_name",
            "currency",
            side.date,
            "total_amount_cache",
            "confirmed_by.rec_name",
            "quoted_by.rec_name",
        )
        due = ("delivery_date_store",) if side is PURCHASE else ()
        self.line_paths = tuple(
            f"lines.{name}"
            for name in (
                "type", "quantity", "unit", "unit_price", "description", "product.code", "product.name",
                "product.type", "moves_ignored", "moves.state", "moves.quantity", "moves.unit",
                "invoice_lines.quantity", "invoice_lines.unit", "invoice_lines.invoice.state", *due,
            )
        )  # fmt: skip

    def document(self, row: Row, setting: Setting) -> Columns:
        lines = list(self.lines(row, setting))
        currency = setting.target.currencies.get(row["currency"])
        state = row["state"]
        ignored = any(line["moves_ignored"] for line in row["lines."])
        how = {"cancelled": "by_hand", "done": "by_hand" if ignored else "by_itself"}
        return common(row, setting) | {
            "number": row["number"],
            "reference": row["reference"],
            "partner": name_in(row, "party"),
            "partner_key": key_of((row.get("party.") or {}).get("id")),
            "date": row[self.side.date],
            "due": max((line["due"] for line in lines if line["due"]), default=None),
            "currency": currency,
            "amount": row.get("total"),
            "ordered_quantity": sum_of(lines, "quantity"),
            "received_quantity": sum_of(lines, "received_quantity"),
            "invoiced_quantity": sum_of(lines, "invoiced_quantity"),
            "remaining_quantity": sum_of(lines, "remaining_quantity"),
            "remaining_amount": sum(
                (
                    money(line["remaining_quantity"] * line["unit_price"], currency)
                    for line in lines
                ),
                Decimal(0),
            ),
            "is_closed": state in self.closed_states,
            "closed_how": how.get(state),
            "approved_by": name_in(row, "confirmed_by"),
            "owner": name_in(row, "quoted_by"),
        }

    def lines(self, row: Row, setting: Setting) -> Iterator[Columns]:
        currency = setting.target.currencies.get(row["currency"])
        for line in row["lines."]:
            if line["type"] != "line":
                continue
            quantity, price = number_in(line["quantity"]), number_in(line["unit_price"])
            unit = line["unit"]
            invoiced = total_of(
                setting,
                (
                    i
                    for i in line["invoice_lines."]
                    if (i.get("invoice.") or {}).get("state") in POSTED
                ),
                unit,
            )
            if (line.get("product.") or {}).get("type") == "service":
                # A service has no moves: what was invoiced of it counts as rendered.
                received = invoiced
            else:
                received = total_of(
                    setting, (m for m in line["moves."] if m["state"] == "done"), unit
                )
            is_open = any(m["state"] in OPEN_MOVES for m in line["moves."])
            yield item_columns(line) | {
                "key": str(line["id"]),
                "description": line["description"],
                "unit": unit_name(setting, unit),
                "quantity": quantity,
                "received_quantity": received,
                "invoiced_quantity": invoiced,
                "remaining_quantity": max(quantity - received, Decimal(0)),
                "unit_price": price,
                "amount": money(quantity * price, currency),
                "currency": currency,
                "due": line.get("delivery_date_store"),
                "state": "open" if is_open else None,
            }


class InvoiceSource(_WithTotals):
    """Customer or supplier invoices; a credit note has negative quantities."""

    model = "account.invoice"
    closed_states = ("posted", "paid", "cancelled")
    paths = (
        *COMMON, "reference", "party.rec_name", "currency", "invoice_date", "accounting_date",
        "total_amount_cache", "posted_by.rec_name", "validated_by.rec_name", "move.lines.maturity_date",
    )  # fmt: skip
    line_model = "account.invoice.line"
    line_paths = tuple(
        f"lines.{name}"
        for name in (
            "type", "quantity", "unit", "unit_price", "description", "product.code", "product.name",
            "account.code",
        )
    )  # fmt: skip

    def __init__(self, kind: Kind) -> None:
        super().__init__(kind)
        self.domain = (["type", "=", "out" if kind is Kind.CUSTOMER_INVOICE else "in"],)

    def document(self, row: Row, setting: Setting) -> Columns:
        state, move = row["state"], row.get("move.") or {}
        due = [line["maturity_date"] for line in move.get("lines.", ()) if line["maturity_date"]]
        return common(row, setting) | {
            "number": row["number"],
            "reference": row["reference"],
            "partner": name_in(row, "party"),
            "partner_key": key_of((row.get("party.") or {}).get("id")),
            "date": row["invoice_date"],
            "due": max(due, default=None),
            "currency": setting.target.currencies.get(row["currency"]),
            "amount": row.get("total"),
            "is_closed": state in self.closed_states,
            "is_paid": state == "paid",
            "approved_by": name_in(row, "posted_by") or name_in(row, "validated_by"),
        }

    def lines(self, row: Row, setting: Setting) -> Iterator[Columns]:
        currency = setting.target.currencies.get(row["currency"])
        for line in row["lines."]:
            if line["type"] != "line":
                continue
            quantity, price = number_in(line["quantity"]), number_in(line["unit_price"])
            columns = item_columns(line)
            columns["item"] = columns["item"] or (line.get("account.") or {}).get("code")
            yield columns | {
                "key": str(line["id"]),
                "description": line["description"],
                "unit": unit_name(setting, line["unit"]),
                "quantity": quantity,
                "unit_price": price,
                "amount": money(quantity * price, currency),
                "currency": currency,
            }


def sum_of(lines: Sequence[Columns], name: str) -> Decimal:
    """Return the sum of a column over lines."""
    return sum((number_in(line[name]) for line in lines), Decimal(0))


def total_of(setting: Setting, rows: Iterator[Row], unit: Any) -> Decimal:
    """Return the sum of quantities in one unit."""
    return sum(
        (setting.target.convert(number_in(row["quantity"]), row["unit"], unit) for row in rows),
        Decimal(0),
    )
