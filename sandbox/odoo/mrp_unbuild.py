"""Unbuilding: the counter-document of a manufacturing order that is done."""

from __future__ import annotations

from typing import Any, Final

from sandbox.odoo.engine import Env, UserError, method, on_create
from sandbox.odoo.mrp import ORDER, PRODUCT
from sandbox.odoo.naming import present, quantity
from sandbox.odoo.stock_moves import MOVE, confirm_moves, done_moves, moved, set_moved

UNBUILD: Final = "mrp.unbuild"


@on_create(UNBUILD)
def fill_unbuild(env: Env, vals: dict[str, Any]) -> None:
    """Take product and quantity from the order that is to be unbuilt."""
    su = env.sudo()
    order = vals.get("mo_id")
    if vals.get("name") in (None, False, "", "New"):
        vals["name"] = env.next_number(UNBUILD)
    stock = su["stock.location"].first([("usage", "=", "internal")])
    defaults: dict[str, Any] = {"company_id": env.company, "state": "draft"}
    defaults["product_qty"] = 1.0
    defaults |= {"location_id": stock, "location_dest_id": stock}
    if order:
        defaults |= {
            "product_id": su[ORDER].get(order, "product_id"),
            "bom_id": su[ORDER].get(order, "bom_id"),
            "product_qty": su[ORDER].get(order, "qty_produced"),
        }
    product = vals.get("product_id") or defaults.get("product_id")
    if product:
        defaults["product_uom_id"] = su[PRODUCT].get(product, "uom_id")
    for name, value in present(env, UNBUILD, defaults).items():
        vals.setdefault(name, value)


@method(UNBUILD, "action_unbuild")
@method(UNBUILD, "action_validate")
def action_unbuild(env: Env, ids: list[int]) -> bool:
    """Take the product out and put the components back; the order stays done."""
    env.check(UNBUILD, "write")
    su = env.sudo()
    (unbuild,) = ids
    order, amount = su[UNBUILD].values(unbuild, "mo_id", "product_qty")
    if order and su[ORDER].get(order, "state") != "done":
        raise UserError("You cannot unbuild a undone manufacturing order.")
    if order:
        made = su[ORDER].get(order, "qty_produced") or 1.0
        raw, finished = su[ORDER].values(order, "move_raw_ids", "move_finished_ids")
        for move in (*finished, *raw):
            if su[MOVE].get(move, "state") == "done" and moved(env, move):
                _counter(env, unbuild, move, quantity(moved(env, move) * amount / made))
        number = su[UNBUILD].get(unbuild, "name")
        env.message(ORDER, [order], f"<p>{amount} Units unbuilt in {number}</p>")
    env[UNBUILD].write([unbuild], {"state": "done"})
    return True


def _counter(env: Env, unbuild: int, move: int, amount: float) -> None:
    su = env.sudo()
    name, stock = su[UNBUILD].values(unbuild, "name", "location_dest_id")
    product, source, target = su[MOVE].values(move, "product_id", "location_id", "location_dest_id")
    is_made = bool(su[MOVE].get(move, "production_id"))
    vals = {
        "name": name,
        "reference": name,
        "product_id": product,
        "product_uom_qty": amount,
        "location_id": target,
        "location_dest_id": source if is_made else stock,
        "origin_returned_move_id": move,
        "unbuild_id": unbuild,
    }
    new = su[MOVE].create(present(env, MOVE, vals))
    confirm_moves(env, [new])
    set_moved(env, new, amount)
    if env.version >= 17:
        lines = su[MOVE].get(new, "move_line_ids")
        su["stock.move.line"].update(lines, {"picked": True})
        su[MOVE].update([new], {"picked": True})
    done_moves(env, [new])
