"""Lines of invoices and entries: amounts, the tax and payment lines that follow, residuals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sandbox.odoo.account_locks import MOVE, SALE_KINDS
from sandbox.odoo.engine import (
    Env,
    UserError,
    after_create,
    after_write,
    compute,
    on_create,
    on_unlink,
)
from sandbox.odoo.naming import cents, present

LINE: Final = "account.move.line"
PARTIAL: Final = "account.partial.reconcile"
PRODUCT: Final = "product.product"
_OURS: Final = frozenset(
    {"price_unit", "quantity", "discount", "tax_ids", "account_id", "product_id"}
)


def sign(kind: str) -> int:
    """Return the side of a document's product lines: credit (-1) where we get money."""
    return -1 if kind in ("out_invoice", "in_refund", "out_receipt") else 1


def is_invoice(kind: str) -> bool:
    """Whether a document is more than a plain entry."""
    return kind != "entry"


@on_create(LINE)
def fill_line(env: Env, vals: dict[str, Any]) -> None:
    """Give a new line what its document and its product say."""
    move = vals.get("move_id")
    if not move:
        return
    su = env.sudo()
    kind, partner, currency, journal, company = su[MOVE].values(
        move, "move_type", "partner_id", "currency_id", "journal_id", "company_id"
    )
    vals.setdefault("partner_id", partner)
    vals.setdefault("currency_id", currency)
    vals.setdefault("company_id", company)
    vals.setdefault("company_currency_id", currency)
    vals.setdefault("sequence", 100)
    vals.setdefault("quantity", 1.0)
    vals.setdefault("display_type", "product")
    if not is_invoice(kind):
        if "debit" in vals or "credit" in vals:
            vals["balance"] = cents((vals.get("debit") or 0.0) - (vals.get("credit") or 0.0))
        return
    product = vals.get("product_id")
    if product:
        template = su[PRODUCT].get(product, "product_tmpl_id")
        taxes = "taxes_id" if kind in SALE_KINDS else "supplier_taxes_id"
        price = "list_price" if kind in SALE_KINDS else "standard_price"
        vals.setdefault("name", su[PRODUCT].display_name(product))
        vals.setdefault("tax_ids", su["product.template"].get(template, taxes))
        vals.setdefault("price_unit", su["product.template"].get(template, price))
        vals.setdefault("product_uom_id", su[PRODUCT].get(product, "uom_id"))
    if not vals.get("account_id"):
        vals["account_id"] = su["account.journal"].get(journal, "default_account_id")


@compute(
    LINE,
    "price_subtotal",
    "price_total",
    depends=("quantity", "price_unit", "discount", "tax_ids", "display_type"),
)
def line_amounts(env: Env, line: int) -> dict[str, float] | None:
    """The amounts of a product line; other lines have none."""
    names = ("display_type", "quantity", "price_unit", "discount", "tax_ids")
    kind, amount, price, discount, taxes = env.sudo()[LINE].values(line, *names)
    if kind != "product":
        return None
    subtotal = cents(amount * price * (1 - discount / 100))
    tax = sum(cents(subtotal * env.sudo()["account.tax"].get(t, "amount") / 100) for t in taxes)
    return {"price_subtotal": subtotal, "price_total": cents(subtotal + tax)}


@compute(LINE, "name", depends=("move_id.payment_reference", "move_id.ref", "display_type"))
def term_name(env: Env, line: int) -> dict[str, str] | None:
    """The open amount is called by the reference that the payer should give."""
    kind, move = env.sudo()[LINE].values(line, "display_type", "move_id")
    if kind != "payment_term" or not move:
        return None
    reference, wanted = env.sudo()[MOVE].values(move, "ref", "payment_reference")
    if not wanted:
        return {"name": ""}
    return {"name": f"{reference} - {wanted}" if reference else wanted}


@compute(LINE, "debit", "credit", "amount_currency", depends=("balance",))
def sides(env: Env, line: int) -> dict[str, float]:
    """Both sides of a balance."""
    balance = env.sudo()[LINE].get(line, "balance")
    sides = {"debit": max(balance, 0.0), "credit": max(-balance, 0.0)}
    return {**sides, "amount_currency": balance}


@compute(
    LINE,
    "amount_residual",
    "amount_residual_currency",
    "reconciled",
    depends=("balance", "matched_debit_ids.amount", "matched_credit_ids.amount", "account_id"),
)
def residual(env: Env, line: int) -> dict[str, Any]:
    """What of a receivable or payable is still open."""
    su = env.sudo()
    account, balance = su[LINE].values(line, "account_id", "balance")
    if not account or not su["account.account"].get(account, "reconcile"):
        return {"amount_residual": 0.0, "amount_residual_currency": 0.0, "reconciled": False}
    matched_credit = sum(
        su[PARTIAL].get(each, "amount") for each in su[LINE].get(line, "matched_credit_ids")
    )
    matched_debit = sum(
        su[PARTIAL].get(each, "amount") for each in su[LINE].get(line, "matched_debit_ids")
    )
    left = cents(balance - matched_credit + matched_debit)
    is_matched = bool(matched_credit or matched_debit)
    return {
        "amount_residual": left,
        "amount_residual_currency": left,
        "reconciled": is_matched and not left,
    }


# --- the lines that follow --------------------------------------------------------------------------------


def open_lines(env: Env, move: int) -> list[int]:
    """Return the receivable or payable lines of a document."""
    su = env.sudo()
    return [
        each
        for each in su[MOVE].get(move, "line_ids")
        if su[LINE].get(each, "account_id")
        and su["account.account"].get(su[LINE].get(each, "account_id"), "reconcile")
    ]


def sync(env: Env, move: int, *, is_renewed: bool = False) -> None:
    """Make taxes and the open amount follow the product lines of an invoice.

    Back in draft (18, 19) its tax lines are new ones (`is_renewed`): other ids, the same amounts.
    """
    su = env.sudo()
    kind = su[MOVE].get(move, "move_type")
    if not is_invoice(kind):
        return
    taxed: dict[int, float] = {}
    bases: dict[int, float] = {}
    for line in su[MOVE].get(move, "line_ids"):
        shown, subtotal, taxes = su[LINE].values(line, "display_type", "price_subtotal", "tax_ids")
        if shown != "product":
            continue
        su[LINE].update([line], {"balance": sign(kind) * subtotal})
        for tax in taxes:
            worth = cents(subtotal * su["account.tax"].get(tax, "amount") / 100)
            taxed[tax] = cents(taxed.get(tax, 0.0) + worth)
            bases[tax] = cents(bases.get(tax, 0.0) + subtotal)
    for line in su[MOVE].get(move, "line_ids"):
        tax = su[LINE].get(line, "tax_line_id")
        if not tax:
            continue
        if tax in taxed and not is_renewed:
            vals = {"balance": sign(kind) * taxed.pop(tax), "tax_base_amount": bases[tax]}
            su[LINE].update([line], vals)
        else:
            su[LINE].delete([line])
    for tax, amount in taxed.items():
        name = su["account.tax"].get(tax, "name")
        account = _account(env, "tax_received" if kind in SALE_KINDS else "tax_paid")
        more = {"display_type": "tax", "tax_line_id": tax, "name": name, "account_id": account}
        more["tax_base_amount"] = bases[tax]
        _add(env, move, {**more, "balance": sign(kind) * amount})
    _sync_open(env, move, kind)


def _sync_open(env: Env, move: int, kind: str) -> None:
    su = env.sudo()
    lines = su[MOVE].get(move, "line_ids")
    terms = [each for each in lines if su[LINE].get(each, "display_type") == "payment_term"]
    total = cents(sum(su[LINE].get(each, "balance") for each in lines if each not in terms))
    if terms:
        su[LINE].update(terms[:1], {"balance": -total})
        return
    if not any(su[LINE].get(each, "display_type") == "product" for each in lines):
        return
    due = su[MOVE].get(move, "invoice_date_due") or su[MOVE].get(move, "date")
    account = partner_account(env, su[MOVE].get(move, "partner_id"), kind)
    more = {"display_type": "payment_term", "account_id": account, "date_maturity": due}
    more["sequence"] = 12000
    _add(env, move, {**more, "balance": -total})


def _add(env: Env, move: int, vals: Mapping[str, Any]) -> int:
    names = ("partner_id", "currency_id", "company_id")
    partner, currency, company = env.sudo()[MOVE].values(move, *names)
    base = {
        "move_id": move,
        "partner_id": partner,
        "currency_id": currency,
        "company_currency_id": currency,
        "company_id": company,
        "quantity": 0.0,
        "sequence": 10000,
    }
    return env.sudo()[LINE].insert(present(env, LINE, {**base, **vals}))


def partner_account(env: Env, partner: int, kind: str) -> int:
    """Return the receivable or payable account of a partner."""
    name = "receivable" if kind in SALE_KINDS else "payable"
    found = (
        env.sudo()["res.partner"].get(partner, f"property_account_{name}_id") if partner else False
    )
    wanted = "asset_receivable" if name == "receivable" else "liability_payable"
    return found or env.sudo()["account.account"].first([("account_type", "=", wanted)])


def _account(env: Env, name: str) -> int:
    kind = "liability_current" if name == "tax_received" else "asset_current"
    return env.sudo()["account.account"].first([("account_type", "=", kind)])


@after_create(LINE)
def follow_new(env: Env, ids: Sequence[int]) -> None:
    """Taxes and open amount follow a line that is added."""
    for move in dict.fromkeys(env.sudo()[LINE].get(each, "move_id") for each in ids):
        sync(env, move)


@after_write(LINE)
def follow(
    env: Env, ids: Sequence[int], vals: Mapping[str, Any], _old: Mapping[int, Mapping[str, Any]]
) -> None:
    """Taxes and open amount follow a line; of a posted document (18, 19) only at the next change of state."""
    if not _OURS & vals.keys():
        return
    for move in dict.fromkeys(env.sudo()[LINE].get(each, "move_id") for each in ids):
        if env.version >= 18 and env.sudo()[MOVE].get(move, "state") == "posted":
            continue
        sync(env, move)


@on_unlink(LINE)
def guard_line_unlink(env: Env, ids: Sequence[int]) -> None:
    """Lines of posted documents stay."""
    moves = {env.sudo()[LINE].get(each, "move_id") for each in ids}
    if any(env.sudo()[MOVE].get(move, "state") == "posted" for move in moves if move):
        raise UserError(posted_line_refused(env))


def posted_line_refused(env: Env) -> str:
    """Return the words that refuse to delete a posted line or its document."""
    if env.version == 16:
        return "You cannot delete an item linked to a posted entry."
    return (
        "You can't delete a posted journal item. Don’t play games with your accounting records; reset "
        "the journal entry to draft before deleting it."
    )
