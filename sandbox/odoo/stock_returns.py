"""The return of a picking that is done: the wizard, and the counter-picking that it makes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sandbox.odoo.engine import Env, UserError, after_create, method, on_create
from sandbox.odoo.naming import present, quantity
from sandbox.odoo.stock import picking_number
from sandbox.odoo.stock_moves import (
    MOVE,
    PICKING,
    assign_moves,
    confirm_moves,
    copied,
    moved,
    open_moves,
)

WIZARD: Final = "stock.return.picking"
WIZARD_LINE: Final = "stock.return.picking.line"
_SEARCH_DEFAULTS: Final = (
    "draft",
    "assigned",
    "confirmed",
    "ready",
    "planning_issues",
    "available",
)


@on_create(WIZARD)
def fill_return(env: Env, vals: dict[str, Any]) -> None:
    """Take the picking out of the context; one that is not done cannot be returned (16 asks later)."""
    if not vals.get("picking_id") and env.context.get("active_model") == PICKING:
        if len(env.context.get("active_ids") or ()) > 1:
            raise UserError("You may only return one picking at a time.")
        vals["picking_id"] = env.context.get("active_id")
    picking = vals.get("picking_id")
    if env.version >= 17 and picking and env.sudo()[PICKING].get(picking, "state") != "done":
        raise UserError("You may only return Done pickings.")


@after_create(WIZARD, since=17)
def fill_lines(env: Env, ids: Sequence[int]) -> None:
    """Offer the moves: 17 with what can be returned, later with nothing; 16 leaves it to the screen."""
    lines, moves = env.sudo()[WIZARD_LINE], env.sudo()[MOVE]
    for wizard in ids:
        picking = env.sudo()[WIZARD].get(wizard, "picking_id")
        if not picking or env.sudo()[WIZARD].get(wizard, "product_return_moves"):
            continue
        for move in env.sudo()[PICKING].get(picking, "move_ids"):
            if moves.get(move, "state") == "cancel":
                continue
            amount = returnable(env, move) if env.version == 17 else 0.0
            vals = {
                "wizard_id": wizard,
                "move_id": move,
                "product_id": moves.get(move, "product_id"),
                "quantity": amount,
                "to_refund": True,
            }
            lines.insert(present(env, WIZARD_LINE, vals))


@on_create(WIZARD_LINE)
def fill_line(env: Env, vals: dict[str, Any]) -> None:
    """Take the product from the move."""
    if vals.get("move_id"):
        vals.setdefault("product_id", env.sudo()[MOVE].get(vals["move_id"], "product_id"))
    vals.setdefault("quantity", 1.0)


def returnable(env: Env, move: int) -> float:
    """Return what of a move was not returned yet."""
    moves = env.sudo()[MOVE]
    back = moves.search([("origin_returned_move_id", "=", move), ("state", "!=", "cancel")])
    already = sum(
        moved(env, each)
        if moves.get(each, "state") == "done"
        else moves.get(each, "product_uom_qty")
        for each in back
    )
    return max(quantity(moved(env, move) - already), 0.0)


@method(WIZARD, "create_returns", until=17)
@method(WIZARD, "action_create_returns", since=18)
def create_returns(env: Env, ids: list[int]) -> dict[str, Any]:
    """Make the counter-picking, reserve it, and return the action that opens it."""
    env.check(PICKING, "create")
    (wizard,) = ids
    table = env.sudo()[WIZARD]
    picking = table.get(wizard, "picking_id")
    pickings = env.sudo()[PICKING]
    lines = [
        each
        for each in table.get(wizard, "product_return_moves")
        if env.sudo()[WIZARD_LINE].get(each, "quantity")
    ]
    if not lines:
        raise UserError("Please specify at least one non-zero quantity.")
    row = pickings.rows[picking]
    new = _counter_picking(env, picking)
    for each in lines:
        _counter_move(env, each, new)
    moves = pickings.get(new, "move_ids")
    confirm_moves(env, moves)
    assign_moves(env, open_moves(env, moves))
    number = row["name"]
    env.message(PICKING, [new], f"<p>This transfer has been created from: {number}</p>")
    return _opened(env, new)


def _counter_picking(env: Env, picking: int) -> int:
    pickings, types = env.sudo()[PICKING], env.sudo()["stock.picking.type"]
    row = pickings.rows[picking]
    kind = types.get(row["picking_type_id"], "return_picking_type_id") or row["picking_type_id"]
    vals = {
        "name": picking_number(env, kind),
        "picking_type_id": kind,
        "origin": f"Return of {row['name']}",
        "location_id": row["location_dest_id"],
        "location_dest_id": row["location_id"],
        "partner_id": row.get("partner_id", False),
        "group_id": row.get("group_id", False),
        "sale_id": row.get("sale_id", False),
        "reference_ids": row.get("reference_ids", ()),
        "return_id": picking,
        "user_id": False,
        "company_id": row.get("company_id", False),
    }
    return pickings.create(present(env, PICKING, vals))


def _counter_move(env: Env, line: int, picking: int) -> None:
    wizard_lines, moves = env.sudo()[WIZARD_LINE], env.sudo()[MOVE]
    origin, amount = wizard_lines.values(line, "move_id", "quantity")
    source, target = moves.values(origin, "location_dest_id", "location_id")
    if env.version <= 17:
        target = _asked_location(env, line) or target
    kind = env.sudo()[PICKING].get(picking, "picking_type_id")
    vals = {
        **copied(env, origin),
        "name": env.sudo()[PICKING].get(picking, "name"),
        "price_unit": 0.0,
        "partner_id": env.sudo()[PICKING].get(picking, "partner_id"),
        "product_uom_qty": amount,
        "picking_id": picking,
        "picking_type_id": kind,
        "state": "draft",
        "date": env.now,
        "location_id": source,
        "location_dest_id": target,
        "location_final_id": False,
        "origin_returned_move_id": origin,
        "procure_method": "make_to_stock",
        "to_refund": True,
        "move_orig_ids": (origin,),
        "date_deadline": False,
    }
    moves.insert(present(env, MOVE, vals))


def _asked_location(env: Env, line: int) -> int:
    """Up to 17 the wizard may say where the goods go."""
    wizard = env.sudo()[WIZARD_LINE].get(line, "wizard_id")
    return int(env.sudo()[WIZARD].get(wizard, "location_id") or 0)


def _opened(env: Env, picking: int) -> dict[str, Any]:
    opened: dict[str, Any] = {
        "name": "Returned Picking",
        "view_mode": "form" if env.version >= 18 else "form,tree,calendar",
        "res_model": PICKING,
        "res_id": picking,
        "type": "ir.actions.act_window",
        "context": dict(env.context),
    }
    if env.version < 18:
        partner, kind = env.sudo()[PICKING].values(picking, "partner_id", "picking_type_id")
        opened["context"] |= {
            "default_partner_id": partner,
            "search_default_picking_type_id": kind,
            **{f"search_default_{name}": False for name in _SEARCH_DEFAULTS},
        }
    return opened
