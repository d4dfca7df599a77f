"""Numbers of invoices and entries: chains of a journal and a year or month."""

from __future__ import annotations

from datetime import date

from sandbox.odoo.account_lines import LINE
from sandbox.odoo.account_locks import MOVE
from sandbox.odoo.engine import Env
from sandbox.odoo.naming import present


def highest(env: Env, prefix: str | None) -> int:
    """Return the highest number of a chain, or 0."""
    found = env.sudo()[MOVE].search([("sequence_prefix", "=", prefix)])
    return max((env.sudo()[MOVE].get(each, "sequence_number") for each in found), default=0)


def prefix_of(env: Env, move: int) -> str:
    """Return what the numbers of a document's chain begin with: journal and year, or month."""
    row = env.sudo()[MOVE].rows[move]
    journal = env.sudo()["account.journal"].rows[row["journal_id"]]
    code = f"R{journal['code']}" if row["move_type"].endswith("refund") else journal["code"]
    at = date.fromisoformat(row["date"])
    is_yearly = journal["type"] in ("sale", "bank", "cash")
    return f"{code}/{at.year}/" if is_yearly else f"{code}/{at.year}/{at.month:02d}/"


def number(env: Env, move: int) -> None:
    """Give a document its number, if it has none, or one of another period as a draft."""
    row = env.sudo()[MOVE].rows[move]
    prefix = prefix_of(env, move)
    has_number = row.get("name") not in (False, None, "", "/")
    if has_number and (row.get("posted_before") or row.get("sequence_prefix") == prefix):
        return
    new = highest(env, prefix) + 1
    name = f"{prefix}{new:0{5 if prefix.count('/') == 2 else 4}d}"
    vals = {"name": name, "sequence_prefix": prefix, "sequence_number": new}
    env.sudo()[MOVE].update([move], vals)
    env.sudo()[LINE].update(
        env.sudo()[MOVE].get(move, "line_ids"), present(env, LINE, {"move_name": name})
    )
