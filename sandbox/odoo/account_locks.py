"""Lock dates of the company: what they refuse, and where posting silently moves a date out of their way."""

from __future__ import annotations

import calendar
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final

from sandbox.odoo.engine import Env, RedirectWarning, UserError, on_write
from sandbox.odoo.naming import american, listing

MOVE: Final = "account.move"
COMPANY: Final = "res.company"
SALE_KINDS: Final = ("out_invoice", "out_refund", "out_receipt")
PURCHASE_KINDS: Final = ("in_invoice", "in_refund", "in_receipt")
_LABELS: Final = {
    "fiscalyear_lock_date": "Global Lock Date",
    "tax_lock_date": "Tax Return Lock Date",
    "sale_lock_date": "Sales Lock Date",
    "purchase_lock_date": "Purchase Lock date",
    "hard_lock_date": "Hard Lock Date",
}
_VIEWS: Final = {"search_view_id": [734, "search"], "views": [[722, "list"], [732, "form"]]}


def violated(env: Env, move: int, on: str, *, has_tax: bool | None = None) -> list[tuple[str, str]]:
    """Return the lock dates, with their names, that a document dated `on` lies under; the latest last.

    The lock of tax returns is only asked of documents with taxes (`has_tax`: as told).
    """
    su = env.sudo()
    company, kind = su[MOVE].values(move, "company_id", "move_type")
    names = ["fiscalyear_lock_date"]
    if is_taxed(env, move) if has_tax is None else has_tax:
        names.append("tax_lock_date")
    if env.version >= 18:
        names += ["sale_lock_date"] if kind in SALE_KINDS else []
        names += ["purchase_lock_date"] if kind in PURCHASE_KINDS else []
        names.append("hard_lock_date")
    found = [(su[COMPANY].get(company, name), _LABELS[name]) for name in names]
    return sorted((lock, said) for lock, said in found if lock and on <= lock)


def is_taxed(env: Env, move: int) -> bool:
    """Whether a document has taxes."""
    lines = env.sudo()["account.move.line"]
    return any(
        lines.get(line, "tax_ids") or lines.get(line, "tax_line_id")
        for line in env.sudo()[MOVE].get(move, "line_ids")
    )


def check_open(env: Env, move: int) -> None:
    """Refuse to change a document inside a locked period."""
    at = env.sudo()[MOVE].get(move, "date")
    locks = violated(env, move, at, has_tax=False)
    if locks and env.version <= 17:
        raise UserError(
            "You cannot add/modify entries prior to and inclusive of the lock date "
            f"{american(locks[-1][0])}."
        )
    if locks:
        raise UserError(f"You cannot add/modify entries prior to and inclusive of: {_said(locks)}.")
    taxed = [each for each in violated(env, move, at) if each[1] == _LABELS["tax_lock_date"]]
    if taxed:
        way = (
            f"the tax lock date set in the settings ({american(taxed[0][0])}) to proceed."
            if env.version <= 17
            else f"the following lock dates to proceed: {_said(taxed)}."
        )
        raise UserError(
            "The operation is refused as it would impact an already issued tax statement. Please "
            f"change the journal entry date or {way}"
        )


def _said(locks: Sequence[tuple[str, str]]) -> str:
    return listing([f"{name} ({american(lock)})" for lock, name in locks])


def accounting_date(env: Env, move: int, wanted: str) -> str:
    """Return the date that posting gives a document: the wanted one, unless a lock date is in the way."""
    locks = violated(env, move, wanted)
    is_sale = env.sudo()[MOVE].get(move, "move_type") in SALE_KINDS
    today = date.fromisoformat(env.today)
    at = date.fromisoformat(wanted)
    if locks:
        at = date.fromisoformat(locks[-1][0]) + timedelta(days=1)
    if is_sale:
        return min(today, date(at.year, 12, 31)).isoformat() if locks else at.isoformat()
    if (today.year, today.month) > (at.year, at.month):
        return date(at.year, at.month, calendar.monthrange(at.year, at.month)[1]).isoformat()
    return max(at, today).isoformat()


@on_write(COMPANY)
def guard_locks(env: Env, ids: Sequence[int], vals: Mapping[str, Any]) -> None:
    """Refuse a lock over drafts (16, 17: fiscal year; later: hard only), and any way back of the hard one."""
    for company in ids:
        if env.version <= 17:
            if vals.get("fiscalyear_lock_date"):
                _check_drafts(env, company, vals["fiscalyear_lock_date"], "unposted", "lock")
            continue
        if "hard_lock_date" not in vals:
            continue
        now, new = env.sudo()[COMPANY].get(company, "hard_lock_date"), vals["hard_lock_date"]
        if now and not new:
            raise UserError("The Hard Lock Date cannot be removed.")
        if now and new < now:
            raise UserError(
                "A new Hard Lock Date must be posterior (or equal) to the previous one."
            )
        if new:
            _check_drafts(env, company, new, "draft", "hard lock")


def _check_drafts(env: Env, company: int, until: str, word: str, verb: str) -> None:
    domain = [("company_id", "=", company), ("state", "=", "draft"), ("date", "<=", until)]
    drafts = env.sudo()[MOVE].search(domain)
    if not drafts:
        return
    action = {
        "view_mode": "list" if env.version >= 18 else "tree",
        "name": f"{word.capitalize()} Entries",
        "res_model": MOVE,
        "type": "ir.actions.act_window",
        "domain": [("id", "in", drafts)],
        **_VIEWS,
    }
    raise RedirectWarning(
        f"There are still {word} entries in the period you want to {verb}. You should either post or "
        "delete them.",
        action,
        f"Show {word} entries",
    )
