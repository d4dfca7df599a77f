"""Invoices and entries: post, reset to draft, cancel; numbers, guards, what is left to pay."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sandbox.odoo.account_lines import (
    LINE,
    is_invoice,
    open_lines,
    posted_line_refused,
    sign,
    sync,
)
from sandbox.odoo.account_locks import (
    MOVE,
    PURCHASE_KINDS,
    SALE_KINDS,
    accounting_date,
    check_open,
    violated,
)
from sandbox.odoo.account_matching import match, matched_by, unmatch
from sandbox.odoo.account_numbers import highest, number, prefix_of
from sandbox.odoo.engine import (
    Env,
    UserError,
    after_create,
    after_write,
    compute,
    labels,
    method,
    on_create,
    on_unlink,
    on_write,
    track,
)
from sandbox.odoo.naming import cents, present

_READONLY: Final = (
    "invoice_line_ids",
    "line_ids",
    "invoice_date",
    "date",
    "partner_id",
    "partner_bank_id",
    "invoice_payment_term_id",
    "currency_id",
    "fiscal_position_id",
    "invoice_cash_rounding_id",
)
_HASHED: Final = frozenset({"date", "journal_id", "company_id", "name", "line_ids"})

track(MOVE, "state", "partner_id", "ref", "invoice_date", "payment_state", "name")
labels(MOVE, {"partner_id": "Partner", "name": "Number"})


@on_create(MOVE)
def fill_move(env: Env, vals: dict[str, Any]) -> None:
    """Give a new document its journal, date and currency; a number comes with the first posting."""
    kind = vals.setdefault("move_type", env.context.get("default_move_type", "entry"))
    company = vals.get("company_id") or env.company
    journal = "sale" if kind in SALE_KINDS else "purchase" if kind in PURCHASE_KINDS else "general"
    domain = [("type", "=", journal), ("company_id", "=", company)]
    partner = vals.get("partner_id", False)
    defaults = {
        "company_id": company,
        "journal_id": env.sudo()["account.journal"].first(domain),
        "currency_id": env.sudo()["res.company"].get(company, "currency_id"),
        "state": "draft",
        "auto_post": "no",
        "posted_before": False,
        "name": "/" if env.version <= 18 else False,
        "invoice_user_id": env.uid if kind in SALE_KINDS else False,
        "commercial_partner_id": partner,
        "partner_shipping_id": partner,
        "invoice_currency_rate": 1.0,
        "invoice_partner_display_name": env.sudo()["res.partner"].get(partner, "name")
        if partner
        else False,
    }
    for name, value in present(env, MOVE, defaults).items():
        vals.setdefault(name, value)
    if not vals.get("date") and not vals.get("invoice_date"):
        vals["date"] = env.today


@compute(MOVE, "date", depends=("invoice_date",))
def dated(env: Env, move: int) -> dict[str, Any] | None:
    """A draft's accounting date follows its invoice date."""
    row = env.sudo()[MOVE].rows[move]
    wanted = row.get("invoice_date")
    if not wanted or row.get("state", "draft") != "draft":
        return None if row.get("date") else {"date": env.today}
    if row.get("move_type") in PURCHASE_KINDS:
        return {"date": accounting_date(env, move, wanted)}
    return {"date": wanted}


@compute(MOVE, "invoice_date_due", depends=("invoice_date",))
def due(env: Env, move: int) -> dict[str, Any] | None:
    """Without payment terms an invoice is due on the day on which it was made."""
    row = env.sudo()[MOVE].rows[move]
    return {"invoice_date_due": row.get("invoice_date_due") or env.today}


@compute(
    MOVE,
    "amount_untaxed",
    "amount_tax",
    "amount_total",
    "amount_untaxed_signed",
    "amount_tax_signed",
    "amount_total_signed",
    "amount_total_in_currency_signed",
    "amount_untaxed_in_currency_signed",
    depends=("line_ids.price_subtotal", "line_ids.balance", "line_ids.move_id", "state"),
)
def amounts(env: Env, move: int) -> dict[str, float] | None:
    """The sums over the lines. From 18 on those of a posted document go stale when a line is written."""
    su = env.sudo()
    kind, state, lines = su[MOVE].values(move, "move_type", "state", "line_ids")
    if env.version >= 18 and state == "posted" and su[MOVE].rows[move].get("posted_before"):
        return None
    if not is_invoice(kind):
        total = cents(sum(max(su[LINE].get(each, "balance"), 0.0) for each in lines))
        return {"amount_total": total, "amount_total_signed": total}
    untaxed = tax = 0.0
    for each in lines:
        shown, subtotal, balance = su[LINE].values(
            each, "display_type", "price_subtotal", "balance"
        )
        untaxed += subtotal if shown == "product" else 0.0
        tax += sign(kind) * balance if shown == "tax" else 0.0
    untaxed, tax = cents(untaxed), cents(tax)
    total, side = cents(untaxed + tax), -sign(kind)
    return {
        "amount_untaxed": untaxed,
        "amount_tax": tax,
        "amount_total": total,
        "amount_untaxed_signed": side * untaxed,
        "amount_tax_signed": side * tax,
        "amount_total_signed": side * total,
        "amount_total_in_currency_signed": side * total,
        "amount_untaxed_in_currency_signed": side * untaxed,
    }


@compute(
    MOVE,
    "amount_residual",
    "amount_residual_signed",
    "payment_state",
    depends=("state", "line_ids.amount_residual", "line_ids.move_id", "amount_total"),
)
def to_pay(env: Env, move: int) -> dict[str, Any]:
    """What is left to pay, and what that is called; a draft is never paid."""
    su = env.sudo()
    kind, state, total = su[MOVE].values(move, "move_type", "state", "amount_total")
    left = cents(abs(sum(su[LINE].get(each, "amount_residual") for each in open_lines(env, move))))
    status = "not_paid"
    others = matched_by(env, move)
    if state == "posted" and is_invoice(kind) and others:
        kinds = {su[MOVE].get(each, "move_type") for each in others}
        reverse = {"out_invoice": "out_refund", "in_invoice": "in_refund"}.get(kind)
        if left:
            status = "partial" if left < total else "not_paid"
        else:
            status = (
                "reversed"
                if reverse and kinds <= {reverse, "entry"} and reverse in kinds
                else "paid"
            )
    signed = -sign(kind) * left if is_invoice(kind) else 0.0
    shown = left if is_invoice(kind) else 0.0
    return {"amount_residual": shown, "amount_residual_signed": signed, "payment_state": status}


# --- guards -----------------------------------------------------------------------------------------------


@on_write(MOVE)
def guard_write(env: Env, ids: Sequence[int], vals: Mapping[str, Any]) -> None:
    """Refuse what a hash, a lock date or (from 18 on) being posted forbids, unchanged values too."""
    for move in ids:
        row = env.sudo()[MOVE].rows[move]
        if row.get("inalterable_hash") and _HASHED & vals.keys():
            raise UserError(
                "You cannot edit the following fields due to restrict mode being activated on the journal."
            )
        if row["state"] != "posted":
            continue
        is_moved = any(name in vals and row.get(name) != vals[name] for name in ("name", "date"))
        if is_moved or vals.get("state", "posted") != "posted":
            check_open(env, move)
        found = [name for name in vals if name in _READONLY]
        if env.version >= 18 and found and vals.get("state", "posted") == "posted":
            raise UserError(
                f"You cannot modify the following readonly fields on a posted move: {', '.join(found)}"
            )


@on_write(MOVE, since=18)
def note_hand(_env: Env, _ids: Sequence[int], vals: dict[str, Any]) -> None:
    """Every write but posting counts as done by hand."""
    if vals.get("state") != "posted":
        vals.setdefault("is_manually_modified", True)


@after_create(MOVE)
def follow_new(env: Env, ids: Sequence[int]) -> None:
    """Make the tax and payment lines; up to 18 the first of a new chain has its number as a draft already."""
    for move in ids:
        sync(env, move)
        if env.version <= 18 and not highest(env, prefix_of(env, move)):
            number(env, move)
            env.sudo()[MOVE].update([move], present(env, MOVE, {"made_sequence_gap": True}))


@after_write(MOVE)
def follow(
    env: Env, ids: Sequence[int], vals: Mapping[str, Any], old: Mapping[int, Mapping[str, Any]]
) -> None:
    """Take over onto the lines what the header says; 19 catches up here with lines that were written."""
    for move in ids:
        partner = env.sudo()[MOVE].get(move, "partner_id")
        if "partner_id" in vals:
            env.sudo()[LINE].update(env.sudo()[MOVE].get(move, "line_ids"), {"partner_id": partner})
        if "state" in vals and old[move]["state"] != vals["state"]:
            is_back = env.version >= 18 and vals["state"] == "draft"
            sync(env, move, is_renewed=is_back)


@on_unlink(MOVE)
def guard_unlink(env: Env, ids: Sequence[int]) -> None:
    """Posted documents stay, and those whose number is not the last of its chain."""
    for move in ids:
        row = env.sudo()[MOVE].rows[move]
        if row["state"] == "posted":
            raise UserError(posted_line_refused(env))
        if env.context.get("force_delete"):
            continue
        if row.get("posted_before") and highest(env, row.get("sequence_prefix")) != row.get(
            "sequence_number"
        ):
            raise UserError(
                "You cannot delete this entry, as it has already consumed a sequence number and is not "
                "the last one in the chain. You should probably revert it instead."
            )


# --- methods ----------------------------------------------------------------------------------------------


@method(MOVE, "action_post")
def action_post(env: Env, ids: list[int]) -> bool:
    """Post drafts; a date inside a locked period is moved out of it without a word."""
    env.check(MOVE, "read")
    env[MOVE].ensure(ids)
    su = env.sudo()
    said: dict[str, None] = {}
    for move in ids:
        said.update(dict.fromkeys(_reasons(env, move)))
    if said:
        raise UserError("\n".join(said))
    for move in ids:
        row = su[MOVE].rows[move]
        if not row.get("invoice_date") and row["move_type"] in SALE_KINDS:
            su[MOVE].update([move], {"invoice_date": env.today})
        if violated(env, move, row["date"]):
            wanted = row.get("invoice_date") or row["date"]
            su[MOVE].update([move], {"date": accounting_date(env, move, wanted)})
        number(env, move)
    for move in ids:
        kind, name = su[MOVE].values(move, "move_type", "name")
        if kind == "out_invoice" and not su[MOVE].get(move, "payment_reference"):
            su[MOVE].update([move], {"payment_reference": name})
        su[MOVE].update([move], present(env, MOVE, {"made_sequence_gap": False}))
    vals = {"state": "posted", "posted_before": True, "checked": True}
    env[MOVE].write(ids, present(env, MOVE, vals))
    for move in ids:
        _seal(env, move)
        origin = su[MOVE].get(move, "reversed_entry_id")
        if env.version >= 17 and origin and su[MOVE].get(origin, "state") == "posted":
            match(env, open_lines(env, origin) + open_lines(env, move))
    return False


def _reasons(env: Env, move: int) -> list[str]:
    row = env.sudo()[MOVE].rows[move]
    found = []
    if env.version == 16 and row["state"] == "posted":
        found.append(f"The entry {row['name']} (id {move}) is already posted.")
    elif env.version >= 17 and row["state"] != "draft":
        found.append(f"The entry {row['name']} (id {move}) must be in draft.")
    if is_invoice(row["move_type"]) and not row.get("partner_id"):
        who = (
            ("Customer", "Customer Invoice")
            if row["move_type"] in SALE_KINDS
            else ("Vendor", "Vendor Bill")
        )
        found.append(
            f"The field '{who[0]}' is required, please complete it to validate the {who[1]}."
        )
    if row["move_type"] in PURCHASE_KINDS and not row.get("invoice_date"):
        found.append("The Bill/Refund date is required to validate this document.")
    if not env.sudo()[MOVE].get(move, "line_ids"):
        found.append("You need to add a line before posting.")
    return found


def _seal(env: Env, move: int) -> None:
    """Journals in restricted mode hash what is posted: from then on it stays."""
    su = env.sudo()
    journal, name = su[MOVE].values(move, "journal_id", "name")
    if su["account.journal"].get(journal, "restrict_mode_hash_table"):
        seal = hashlib.sha256(f"{move}{name}".encode()).hexdigest()
        su[MOVE].update([move], {"inalterable_hash": f"$4${seal}"})


@method(MOVE, "button_draft")
def button_draft(env: Env, ids: list[int]) -> None:
    """Back to draft: the number stays; up to 18 payments and credit notes come apart."""
    env.check(MOVE, "read")
    env[MOVE].ensure(ids)
    su = env.sudo()
    if env.version >= 17 and any(su[MOVE].get(e, "state") not in ("cancel", "posted") for e in ids):
        raise UserError("Only posted/cancelled journal entries can be reset to draft.")
    for move in ids:
        if su[MOVE].get(move, "inalterable_hash"):
            raise UserError(
                "You cannot reset to draft a locked journal entry."
                if env.version >= 18
                else "You cannot modify a posted entry of this journal because it is in strict mode."
            )
        if su[MOVE].get(move, "state") == "posted":
            check_open(env, move)
        if env.version <= 18:
            unmatch(env, move)
    vals: dict[str, Any] = {"state": "draft"}
    if env.version >= 18:
        _note_gap(env, ids)
    if env.version >= 19:
        vals["checked"] = False
    env[MOVE].write(ids, vals)


def _note_gap(env: Env, ids: Sequence[int]) -> None:
    for move in ids:
        row = env.sudo()[MOVE].rows[move]
        if row["state"] == "posted":
            env.sudo()[MOVE].update([move], {"made_sequence_gap": True})


@method(MOVE, "button_cancel")
def button_cancel(env: Env, ids: list[int]) -> None:
    """Cancel: from posted too (16 at once, later by way of draft; 19 takes payments along)."""
    env.check(MOVE, "read")
    env[MOVE].ensure(ids)
    su = env.sudo()
    posted = [each for each in ids if su[MOVE].get(each, "state") == "posted"]
    if env.version >= 17 and posted:
        button_draft(env, posted)
    for move in ids:
        if env.version == 16 and su[MOVE].get(move, "inalterable_hash"):
            raise UserError(
                "You cannot modify a posted entry of this journal because it is in strict mode."
            )
        if env.version >= 17 and su[MOVE].get(move, "state") != "draft":
            raise UserError("Only draft journal entries can be cancelled.")
        unmatch(env, move, cancels_payments=env.version >= 19)
    env[MOVE].write(ids, {"auto_post": "no", "state": "cancel"})
