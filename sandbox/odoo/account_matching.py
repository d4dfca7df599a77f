"""Matching of receivables and payables with payments and credit notes, and payments themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sandbox.odoo.account_lines import LINE, PARTIAL, open_lines, sign
from sandbox.odoo.account_locks import MOVE, SALE_KINDS
from sandbox.odoo.engine import Env, UserError, method, on_create
from sandbox.odoo.naming import cents, present

FULL: Final = "account.full.reconcile"
PAYMENT: Final = "account.payment"
REGISTER: Final = "account.payment.register"


def match(env: Env, lines: Sequence[int]) -> list[int]:
    """Match debits with credits, oldest first; returns the partial reconciliations that were made."""
    table = env.sudo()[LINE]
    debits = [each for each in lines if table.get(each, "amount_residual") > 0]
    credits_ = [each for each in lines if table.get(each, "amount_residual") < 0]
    made = []
    for debit in debits:
        for credit in credits_:
            amount = cents(
                min(table.get(debit, "amount_residual"), -table.get(credit, "amount_residual"))
            )
            if amount <= 0:
                continue
            vals = {
                "debit_move_id": debit,
                "credit_move_id": credit,
                "amount": amount,
                "debit_amount_currency": amount,
                "credit_amount_currency": amount,
                "company_id": table.get(debit, "company_id"),
                "max_date": env.today,
            }
            made.append(env.sudo()[PARTIAL].insert(present(env, PARTIAL, vals)))
    if made:
        number_matches(env, lines)
    return made


def number_matches(env: Env, lines: Sequence[int]) -> None:
    """Give matched lines their matching number: with a P while something of them is open."""
    su = env.sudo()
    lines = [each for each in lines if partials_of_line(env, each)]
    partials = sorted({p for each in lines for p in partials_of_line(env, each)})
    if not lines:
        return
    if any(su[LINE].get(each, "amount_residual") for each in lines):
        su[LINE].update(lines, present(env, LINE, {"matching_number": f"P{partials[0]}"}))
        return
    full = su[FULL].insert({})
    su[PARTIAL].update(partials, {"full_reconcile_id": full})
    vals = {"matching_number": str(full), "full_reconcile_id": full}
    su[LINE].update(lines, present(env, LINE, vals))


def partials_of_line(env: Env, line: int) -> list[int]:
    """Return the partial reconciliations of a line."""
    debits, credits_ = env.sudo()[LINE].values(line, "matched_debit_ids", "matched_credit_ids")
    return [*debits, *credits_]


def drop_partials(env: Env, partials: Sequence[int]) -> None:
    """Take matchings apart: the lines lose their number, and what made them whole goes."""
    su = env.sudo()
    lines, fulls = set(), set()
    for each in partials:
        debit, credit, full = su[PARTIAL].values(
            each, "debit_move_id", "credit_move_id", "full_reconcile_id"
        )
        lines |= {debit, credit}
        fulls |= {full} - {False}
    su[PARTIAL].delete(partials)
    empty = {"matching_number": False, "full_reconcile_id": False}
    su[LINE].update(sorted(lines), present(env, LINE, empty))
    su[FULL].delete(sorted(fulls))
    for each in sorted(lines):
        number_matches(env, [each])


def partials_of(env: Env, move: int) -> list[int]:
    """Return the partial reconciliations of a document."""
    found: dict[int, None] = {}
    for line in open_lines(env, move):
        found.update(dict.fromkeys(partials_of_line(env, line)))
    return list(found)


def matched_by(env: Env, move: int) -> list[int]:
    """Return the documents that a document is matched with."""
    table = env.sudo()[LINE]
    found: dict[int, None] = {}
    for partial in partials_of(env, move):
        for line in env.sudo()[PARTIAL].values(partial, "debit_move_id", "credit_move_id"):
            found[table.get(line, "move_id")] = None
    return [each for each in found if each != move]


def unmatch(env: Env, move: int, *, cancels_payments: bool = False) -> None:
    """Take every matching of a document apart; where asked its payments are cancelled."""
    others = matched_by(env, move)
    drop_partials(env, partials_of(env, move))
    if not cancels_payments:
        return
    payments = env.sudo()[PAYMENT]
    for other in others:
        for payment in payments.search([("move_id", "=", other)]):
            payments.update([payment], {"state": "canceled"})
            env.sudo()[MOVE].write([other], {"state": "cancel"})


# --- what a person calls ----------------------------------------------------------------------------------


@method(LINE, "reconcile")
def reconcile(env: Env, ids: list[int]) -> dict[str, Any]:
    """Match lines with each other."""
    env.check(LINE, "write")
    return {"partials": match(env, ids)}


@method(LINE, "remove_move_reconcile")
def remove_move_reconcile(env: Env, ids: list[int]) -> None:
    """Take the matchings of lines apart."""
    env.check(LINE, "write")
    for line in ids:
        drop_partials(env, partials_of_line(env, line))


@method(MOVE, "js_assign_outstanding_line")
def js_assign_outstanding_line(env: Env, ids: list[int], line_id: int) -> dict[str, Any]:
    """Match a payment's or credit note's open line with a document."""
    env.check(MOVE, "write")
    return {"partials": match(env, [line_id, *(e for move in ids for e in open_lines(env, move))])}


@method(MOVE, "js_remove_outstanding_partial")
def js_remove_outstanding_partial(env: Env, _ids: list[int], partial_id: int) -> None:
    """Take one matching apart."""
    env.check(MOVE, "write")
    drop_partials(env, [partial_id])


@on_create(REGISTER)
def fill_register(env: Env, vals: dict[str, Any]) -> None:
    """Offer the open amount of the invoices in the context, to be paid by the bank today."""
    su = env.sudo()
    moves = list(env.context.get("active_ids") or ())
    if env.context.get("active_model") == MOVE:
        if any(su[MOVE].get(each, "state") != "posted" for each in moves):
            raise UserError("You can only register payment for posted journal entries.")
        vals.setdefault("line_ids", tuple(e for move in moves for e in open_lines(env, move)))
    lines = vals.get("line_ids") or ()
    if isinstance(lines, tuple):
        left = cents(abs(sum(su[LINE].get(each, "amount_residual") for each in lines)))
        vals.setdefault("amount", left)
    vals.setdefault("payment_date", env.today)
    vals.setdefault("journal_id", su["account.journal"].first([("type", "=", "bank")]))


@method(REGISTER, "action_create_payments")
def action_create_payments(env: Env, ids: list[int]) -> Any:
    """Make and post a payment, match it, and return the action that opens it."""
    env.check(PAYMENT, "create")
    (wizard,) = ids
    names = ("line_ids", "amount", "payment_date", "journal_id")
    lines, amount, at, journal = env.sudo()[REGISTER].values(wizard, *names)
    if not lines:
        raise UserError("There's nothing left to pay for the selected journal items.")
    payment = _pay(env, list(lines), amount, at, journal)
    if env.context.get("dont_redirect_to_payments"):
        return True
    return {
        "name": "Payments",
        "type": "ir.actions.act_window",
        "res_model": PAYMENT,
        "context": {"create": False},
        "view_mode": "form",
        "res_id": payment,
    }


def _pay(env: Env, lines: Sequence[int], amount: float, at: str, journal: int) -> int:
    su = env.sudo()
    invoice, account, partner = su[LINE].values(lines[0], "move_id", "account_id", "partner_id")
    kind = su[MOVE].get(invoice, "move_type")
    side = sign(kind)  # a customer pays: the receivable is credited
    bank = su["account.journal"].get(journal, "default_account_id")
    entry = su[MOVE].create(
        {
            "move_type": "entry",
            "journal_id": journal,
            "date": at,
            "partner_id": partner,
            "ref": su[MOVE].get(invoice, "name"),
            "line_ids": [
                (0, 0, {"account_id": account, "partner_id": partner, "balance": side * amount}),
                (0, 0, {"account_id": bank, "partner_id": partner, "balance": -side * amount}),
            ],
        }
    )
    su[MOVE].call("action_post", [entry])
    vals = {
        "move_id": entry,
        "name": su[MOVE].get(entry, "name"),
        "amount": amount,
        "date": at,
        "journal_id": journal,
        "partner_id": partner,
        "payment_type": "inbound" if side < 0 else "outbound",
        "partner_type": "customer" if kind in SALE_KINDS else "supplier",
        "company_id": su[MOVE].get(invoice, "company_id"),
        "currency_id": su[MOVE].get(invoice, "currency_id"),
        "state": "paid",
        "memo": su[MOVE].get(invoice, "name"),
        "is_matched": True,
    }
    payment = su[PAYMENT].insert(present(env, PAYMENT, vals))
    link = "origin_payment_id" if env.version >= 18 else "payment_id"
    su[MOVE].update([entry], present(env, MOVE, {link: payment}))
    if env.has(MOVE, "matched_payment_ids"):
        now = su[MOVE].get(invoice, "matched_payment_ids")
        su[MOVE].update([invoice], {"matched_payment_ids": (*now, payment)})
    match(env, [*lines, *open_lines(env, entry)])
    return payment
