"""What stands in the books: invoices, entries, open items, balances, payments and the dates that lock them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

from connectors.contract import Kind
from connectors.odoo.actions import Target
from connectors.odoo.kinds import (
    Columns,
    Source,
    common,
    day,
    look_up_names,
    partner_columns,
)
from connectors.odoo.lookup import Lookup, Row, key_of
from connectors.odoo.order_sources import SIGNS, net_price
from core import clock

MOVE: Final = "account.move"
MOVE_LINE: Final = "account.move.line"
ZERO: Final = Decimal(0)

NO_ITEM: Final = ["line_section", "line_subsection", "line_note"]


class InvoiceSource(Source):
    """Customer or supplier invoices, receipts and credit notes; a credit note counts negative.

    Closed is what is posted or cancelled. Paid is a posted invoice of which nothing is left to pay, whether it
    was paid, set off against a credit note, or the payment still waits for the bank statement.
    """

    model = MOVE
    line_model = MOVE_LINE
    wanted = (
        "state", "move_type", "ref", "partner_id", "currency_id", "invoice_date", "date", "amount_total",
        "invoice_date_due", "amount_residual", "invoice_user_id", "invoice_origin",
    )  # fmt: skip

    def domain(self, lookup: Lookup) -> list[Any]:
        del lookup
        start = "out_" if self.kind is Kind.CUSTOMER_INVOICE else "in_"
        return [["move_type", "in", [name for name in SIGNS if name.startswith(start)]]]

    def closed(self, lookup: Lookup, *, is_closed: bool) -> list[Any]:
        del lookup
        return [["state", "in" if is_closed else "not in", ["posted", "cancel"]]]

    def attach(
        self, rows: Sequence[Row], lookup: Lookup, *, with_lines: bool, native: Sequence[str] = ()
    ) -> None:
        look_up_names(rows, lookup, partner_id="res.partner", invoice_user_id="res.users")
        if not with_lines:
            return
        fields = {
            "name", "product_id", "account_id", "product_uom_id", "quantity", "price_unit", "discount",
            "price_subtotal", *native,
        }  # fmt: skip
        where: list[Any] = [["display_type", "=", "product"]]
        if lookup.has(MOVE_LINE, "exclude_from_invoice_tab"):  # up to 15
            where = [["display_type", "=", False], ["exclude_from_invoice_tab", "=", False]]
        found = lookup.children(MOVE_LINE, "move_id", [row["id"] for row in rows], fields, where)
        for row in rows:
            row["lines."] = found[row["id"]]
        lines = [line for row in rows for line in row["lines."]]
        lookup.items({line["product_id"] for line in lines})
        lookup.accounts({line["account_id"] for line in lines if line["product_id"] is None})

    def document(self, row: Row, lookup: Lookup) -> Columns:
        is_posted = row["state"] == "posted"
        return (
            common(self, row, lookup)
            | partner_columns(row, lookup)
            | {
                "reference": row.get("ref") or row.get("invoice_origin"),
                "date": row.get("invoice_date") or row["date"],
                "due": row.get("invoice_date_due"),
                "currency": lookup.currency(row["currency_id"]),
                "amount": row["amount_total"] * SIGNS[row["move_type"]],
                "is_closed": row["state"] in ("posted", "cancel"),
                "closed_how": "by_hand" if row["state"] == "cancel" else None,
                "is_paid": is_posted and not row["amount_residual"],
                "owner": lookup.name("res.users", row.get("invoice_user_id")),
            }
        )

    def line(self, row: Row, line: Row, lookup: Lookup) -> Columns:
        sign, currency = SIGNS[row["move_type"]], lookup.currency(row["currency_id"])
        columns = dict(lookup.item(line["product_id"]))
        if columns["item"] is None and line["product_id"] is None:
            columns["item"] = account_code(line["account_id"], lookup)
        return columns | {
            "description": line.get("name"),
            "unit": lookup.unit(line["product_uom_id"]),
            "quantity": line["quantity"] * sign,
            "unit_price": net_price(line, line["quantity"], currency),
            "amount": line["price_subtotal"] * sign,
            "currency": currency,
            "state": row["state"],
        }


def account_code(key: Any, lookup: Lookup) -> str | None:
    """Return code (or name) of an account."""
    row = lookup.accounts((key,)).get(key)
    return None if row is None else row["code"] or row["name"]


class EntrySource(Source):
    """Every entry of the ledger, also those of invoices and payments. Its lines are in the company's currency."""

    model = MOVE
    line_model = MOVE_LINE
    wanted = ("state", "ref", "partner_id", "currency_id", "date", "amount_total")

    def closed(self, lookup: Lookup, *, is_closed: bool) -> list[Any]:
        del lookup
        return [["state", "in" if is_closed else "not in", ["posted", "cancel"]]]

    def attach(
        self, rows: Sequence[Row], lookup: Lookup, *, with_lines: bool, native: Sequence[str] = ()
    ) -> None:
        look_up_names(rows, lookup, partner_id="res.partner")
        if not with_lines:
            return
        fields = {"name", "account_id", "balance", "date_maturity", "company_currency_id", *native}
        where = [["display_type", "not in", NO_ITEM]]
        found = lookup.children(MOVE_LINE, "move_id", [row["id"] for row in rows], fields, where)
        for row in rows:
            row["lines."] = found[row["id"]]
        lookup.accounts({line["account_id"] for row in rows for line in row["lines."]})

    def document(self, row: Row, lookup: Lookup) -> Columns:
        return (
            common(self, row, lookup)
            | partner_columns(row, lookup)
            | {
                "reference": row.get("ref"),
                "date": row["date"],
                "currency": lookup.currency(row["currency_id"]),
                "amount": row["amount_total"],
                "is_closed": row["state"] in ("posted", "cancel"),
            }
        )

    def line(self, row: Row, line: Row, lookup: Lookup) -> Columns:
        return {
            "item": account_code(line["account_id"], lookup),
            "item_key": key_of(line["account_id"]),
            "description": line.get("name"),
            "amount": line["balance"],
            "currency": lookup.currency(line["company_currency_id"]),
            "due": line.get("date_maturity"),
            "state": row["state"],
        }


class OpenItemSource(Source):
    """Posted claims and debts of which something is left; what we owe is negative. Never closed."""

    model = MOVE_LINE
    number = "move_name"
    wanted = (
        "parent_state", "ref", "name", "partner_id", "currency_id", "date", "date_maturity",
        "amount_currency", "amount_residual_currency",
    )  # fmt: skip

    def domain(self, lookup: Lookup) -> list[Any]:
        if lookup.has("account.account", "account_type"):
            accounts = ["account_id.account_type", "in", ["asset_receivable", "liability_payable"]]
        else:  # up to 15
            accounts = ["account_id.internal_type", "in", ["receivable", "payable"]]
        return [accounts, ["parent_state", "=", "posted"], ["amount_residual", "!=", 0]]

    def closed(self, lookup: Lookup, *, is_closed: bool) -> list[Any]:
        del lookup
        return [["id", "=", 0]] if is_closed else [["id", "!=", 0]]

    def attach(
        self, rows: Sequence[Row], lookup: Lookup, *, with_lines: bool, native: Sequence[str] = ()
    ) -> None:
        look_up_names(rows, lookup, partner_id="res.partner")

    def document(self, row: Row, lookup: Lookup) -> Columns:
        return (
            common(self, row, lookup)
            | partner_columns(row, lookup)
            | {
                "reference": row.get("ref") or row.get("name"),
                "date": row["date"],
                "due": row.get("date_maturity"),
                "currency": lookup.currency(row["currency_id"]),
                "amount": row["amount_currency"],
                "remaining_amount": row["amount_residual_currency"],
                "state": row["parent_state"],
                "is_closed": False,
                "is_paid": False,
            }
        )


class AccountBalanceSource(Source):
    """Each account with its posted balance; its lines are debit and credit. Never closed.

    Where lines of several companies with different currencies stand on one account, the sum would mean nothing:
    it is left empty.
    """

    model = "account.account"
    line_model = "account.account"
    number = "code"
    company_field = ""
    wanted = ("code", "name", "account_type", "internal_type")

    def closed(self, lookup: Lookup, *, is_closed: bool) -> list[Any]:
        del lookup
        return [["id", "=", 0]] if is_closed else [["id", "!=", 0]]

    def attach(
        self, rows: Sequence[Row], lookup: Lookup, *, with_lines: bool, native: Sequence[str] = ()
    ) -> None:
        domain = [
            ["account_id", "in", [row["id"] for row in rows]],
            ["parent_state", "=", "posted"],
        ]
        company = lookup.setting.company_id
        if company is not None:
            domain.append(["company_id", "=", company])
        sums: dict[int, list[Row]] = defaultdict(list)
        by = ("account_id", "company_id")
        for group in lookup.grouped(MOVE_LINE, domain, by, ("debit", "credit", "balance")):
            sums[group["account_id"]].append(group)
        look_up_names([group for groups in sums.values() for group in groups], lookup)
        for row in rows:
            row["sums."] = sums[row["id"]]
        if with_lines:
            used = [row for row in rows if row["sums."]]
            lookup.own_lines(used, self.model, native, ("debit", "credit"))

    def document(self, row: Row, lookup: Lookup) -> Columns | None:
        groups = row["sums."]
        if not groups:
            return None
        amount, currency = _total(groups, "balance", lookup)
        (company, *more) = (group["company_id"] for group in groups)
        return common(self, row, lookup) | {
            "company": None if more else lookup.name("res.company", company),
            "reference": row["name"],
            "currency": currency,
            "amount": amount,
            "state": row.get("account_type") or row.get("internal_type"),
            "is_closed": False,
        }

    def line(self, row: Row, line: Row, lookup: Lookup) -> Columns:
        side = line["part."]
        amount, currency = _total(row["sums."], side, lookup)
        return {
            "item": row["code"] or row["name"],
            "item_key": str(row["id"]),
            "description": side,
            "amount": -amount if amount is not None and side == "credit" else amount,
            "currency": currency,
        }


def _total(groups: Sequence[Row], name: str, lookup: Lookup) -> tuple[Decimal | None, str | None]:
    """Return the sum over companies and its currency; nothing where they differ."""
    companies = lookup.companies(group["company_id"] for group in groups)
    currencies = {row["currency_id"] for row in companies.values()}
    if len(currencies) != 1:
        return None, None
    return sum((group[name] for group in groups), ZERO), lookup.currency(*currencies)


class PaymentSource(Source):
    """Payments. Closed is what is paid, posted (up to 17), cancelled or rejected."""

    model = "account.payment"
    wanted = (
        "state", "ref", "memo", "partner_id", "currency_id", "date", "amount", "payment_type",
        "is_reconciled",
    )  # fmt: skip
    ended = ("posted", "paid", "cancel", "canceled", "rejected")

    def attach(
        self, rows: Sequence[Row], lookup: Lookup, *, with_lines: bool, native: Sequence[str] = ()
    ) -> None:
        look_up_names(rows, lookup, partner_id="res.partner")

    def document(self, row: Row, lookup: Lookup) -> Columns:
        return (
            common(self, row, lookup)
            | partner_columns(row, lookup)
            | {
                "reference": row.get("memo") or row.get("ref"),
                "date": row["date"],
                "currency": lookup.currency(row["currency_id"]),
                "amount": row["amount"],
                "is_closed": row["state"] in self.ended,
            }
        )


LOCKS: Final = (
    "fiscalyear_lock_date", "tax_lock_date", "sale_lock_date", "purchase_lock_date", "hard_lock_date",
    "period_lock_date",
)  # fmt: skip
"""Lock dates of a company, by version. `period_lock_date` (up to 17) does not bind accountants."""

_BIND_ALL: Final = ("fiscalyear_lock_date", "hard_lock_date")


class LockSource(Source):
    """The lock dates of the books: one document a company, one line each lock.

    Odoo has no periods. What is closed or opened again is the company: which lock and up to which day are
    arguments of the action. `date` is the day up to which nobody can post any more. It is closed when that day
    reaches the end of last month: nothing more can be posted in any month that is over.
    """

    model = "res.company"
    line_model = "res.company"
    company_field = "id"
    wanted = LOCKS
    needs = (("res.company", "fiscalyear_lock_date"),)

    def __init__(self) -> None:
        super().__init__(Kind.ACCOUNTING_PERIOD)

    def is_here(self, target: Target) -> bool:
        return super().is_here(target) and target.has(MOVE)

    def attach(
        self, rows: Sequence[Row], lookup: Lookup, *, with_lines: bool, native: Sequence[str] = ()
    ) -> None:
        look_up_names(rows, lookup)
        if with_lines:
            lookup.own_lines(rows, self.model, native, lookup.present(self.model, LOCKS))

    def document(self, row: Row, lookup: Lookup) -> Columns:
        locked = max((found for name in _BIND_ALL if (found := row.get(name))), default=None)
        is_closed = locked is not None and locked >= end_of_last_month()
        return common(self, row, lookup) | {
            "company": row["name"],
            "date": locked,
            "state": "open" if locked is None else "locked",
            "is_closed": is_closed,
            "closed_how": "by_hand" if is_closed else None,
        }

    def line(self, row: Row, line: Row, lookup: Lookup) -> Columns:
        del lookup
        lock = line["part."]
        return {
            "item": lock,
            "due": row[lock],
            "state": "open" if row[lock] is None else "locked",
        }


def end_of_last_month() -> date:
    """Return the last day of the month before this one."""
    today = day(clock.now())
    if today is None:  # for mypy: there is always a day
        raise ValueError("no day")
    return today.replace(day=1) - timedelta(days=1)
