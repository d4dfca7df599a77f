"""Credit notes: the reversal wizard and what it makes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sandbox.odoo.account_lines import LINE, open_lines, sync
from sandbox.odoo.account_locks import MOVE
from sandbox.odoo.account_matching import match, unmatch
from sandbox.odoo.engine import Env, UserError, method, on_create
from sandbox.odoo.naming import present

WIZARD: Final = "account.move.reversal"
_REVERSED: Final = {
    "out_invoice": "out_refund",
    "in_invoice": "in_refund",
    "out_refund": "out_invoice",
    "in_refund": "in_invoice",
    "entry": "entry",
}
_COPIED_LINE: Final = (
    "name",
    "quantity",
    "price_unit",
    "discount",
    "account_id",
    "product_id",
    "product_uom_id",
    "tax_ids",
    "purchase_line_id",
    "sale_line_ids",
    "sequence",
)
_COPIED: Final = (
    *("partner_id", "currency_id", "journal_id", "company_id", "invoice_user_id", "checked"),
)


@on_create(WIZARD)
def fill_wizard(env: Env, vals: dict[str, Any]) -> None:
    """Take the documents out of the context; only posted ones can be reversed."""
    moves = list(env.context.get("active_ids") or ())
    if env.context.get("active_model") == MOVE and "move_ids" not in vals:
        vals["move_ids"] = tuple(moves)
        if any(env.sudo()[MOVE].get(each, "state") != "posted" for each in moves):
            raise UserError("You can only reverse posted moves.")
    vals.setdefault("date", env.today)
    vals.setdefault("company_id", env.company)
    if moves and not vals.get("journal_id"):
        vals["journal_id"] = env.sudo()[MOVE].get(moves[0], "journal_id")
    if env.has(WIZARD, "refund_method"):
        vals.setdefault("refund_method", "refund")


@method(WIZARD, "reverse_moves")
def reverse_moves(env: Env, ids: list[int], is_modify: bool = False) -> dict[str, Any]:
    """Reverse: 16 asks the wizard's method, later there are two buttons."""
    how = "modify" if is_modify else "refund"
    if env.version == 16:
        how = str(env.sudo()[WIZARD].get(ids[0], "refund_method"))
    return _reverse(env, ids, how)


@method(WIZARD, "refund_moves", since=17)
def refund_moves(env: Env, ids: list[int]) -> dict[str, Any]:
    """Make draft credit notes."""
    return _reverse(env, ids, "refund")


@method(WIZARD, "modify_moves", since=17)
def modify_moves(env: Env, ids: list[int]) -> dict[str, Any]:
    """Reverse at once, and make new drafts."""
    return _reverse(env, ids, "modify")


def _reverse(env: Env, ids: Sequence[int], how: str) -> dict[str, Any]:
    env.check(MOVE, "create")
    (wizard,) = ids
    su = env.sudo()
    made = []
    for move in su[WIZARD].get(wizard, "move_ids"):
        new = _counter(env, wizard, move)
        if how in ("cancel", "modify"):
            unmatch(env, move)
            su[MOVE].call("action_post", [new])
            if env.version == 16:
                match(env, open_lines(env, move) + open_lines(env, new))
        env.message(MOVE, [move], "<p>This entry has been reversed</p>")
        su[MOVE].update([move], present(env, MOVE, {"is_manually_modified": True}))
        made.append(_again(env, wizard, move) if how == "modify" else new)
    su[WIZARD].update([wizard], present(env, WIZARD, {"new_move_ids": tuple(made)}))
    return _opened(env, made)


def _counter(env: Env, wizard: int, move: int) -> int:
    su = env.sudo()
    row = su[MOVE].rows[move]
    at, reason = su[WIZARD].values(wizard, "date", "reason")
    words = f"Reversal of: {row['name']}"
    kind = _REVERSED[row["move_type"]]
    vals = {
        **{name: row.get(name, False) for name in _COPIED},
        "move_type": kind,
        "reversed_entry_id": move,
        "date": at,
        "invoice_date": at if kind != "entry" else False,
        "is_manually_modified": True,
        "ref": f"{words}, {reason}" if reason else words,
    }
    return _with_lines(env, move, vals)


def _again(env: Env, wizard: int, move: int) -> int:
    row = env.sudo()[MOVE].rows[move]
    at = env.sudo()[WIZARD].get(wizard, "date")
    vals = {name: row.get(name, False) for name in _COPIED}
    dated = {"date": at} if env.version >= 18 else {"invoice_date": at}
    return _with_lines(env, move, {**vals, **dated, "move_type": row["move_type"]})


def _with_lines(env: Env, move: int, vals: dict[str, Any]) -> int:
    su = env.sudo()
    is_entry = vals["move_type"] == "entry"
    new = su[MOVE].create(present(env, MOVE, vals))
    for line in sorted(su[MOVE].get(move, "line_ids")):
        row = su[LINE].rows[line]
        if is_entry:
            copied = {"account_id": row["account_id"], "name": row.get("name", False)}
            su[LINE].create({**copied, "move_id": new, "balance": -row.get("balance", 0.0)})
        elif row.get("display_type") == "product":
            copied = {name: row[name] for name in _COPIED_LINE if name in row}
            su[LINE].create({**copied, "move_id": new, "display_type": "product"})
    sync(env, new)
    return new


def _opened(env: Env, made: Sequence[int]) -> dict[str, Any]:
    action: dict[str, Any] = {
        "name": "Reverse Moves",
        "type": "ir.actions.act_window",
        "res_model": MOVE,
    }
    kinds = {env.sudo()[MOVE].get(each, "move_type") for each in made}
    if len(made) == 1:
        action |= {"view_mode": "form", "res_id": made[0]}
        action["context"] = {"default_move_type": next(iter(kinds))}
        return action
    action |= {
        "view_mode": "list,form" if env.version >= 18 else "tree,form",
        "domain": [["id", "in", list(made)]],
    }
    if len(kinds) == 1:
        action["context"] = {"default_move_type": next(iter(kinds))}
    return action
