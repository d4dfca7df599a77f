"""What is computed on pickings, moves and move lines: states, dates, quantities."""

from __future__ import annotations

from typing import Any, Final

from sandbox.odoo.engine import Env, compute
from sandbox.odoo.naming import done_field, quantity
from sandbox.odoo.stock_moves import CLOSED, LINE, MOVE, PICKING, lines_of, open_moves, usage

# How near a move is to being carried out, the nearest last.
_NEARNESS: Final = {"confirmed": 1, "partially_available": 2, "waiting": 3, "assigned": 4}


@compute(
    PICKING,
    "state",
    depends=("move_ids.state", "move_ids.picking_id", "move_ids.product_uom_qty", "move_type"),
)
def picking_state(env: Env, picking: int) -> dict[str, str]:
    """Derive a picking's state from its moves alone."""
    moves = env.sudo()[MOVE]
    ids = env.sudo()[PICKING].get(picking, "move_ids")
    states = {each: str(moves.get(each, "state")) for each in ids}
    found = set(states.values())
    if not states or "draft" in found:
        return {"state": "draft"}
    if found == {"cancel"}:
        return {"state": "cancel"}
    if found <= set(CLOSED):
        return {"state": "done"}
    source = env.sudo()[PICKING].get(picking, "location_id")
    if usage(env, source) not in ("internal", "transit"):
        return {"state": "assigned"}
    is_all_at_once = env.sudo()[PICKING].get(picking, "move_type") == "one"
    todo = sorted(
        _NEARNESS.get(state, 0)
        for each, state in states.items()
        if state not in CLOSED and not (state == "assigned" and not demand(env, each))
    )
    if not todo:
        return {"state": "assigned"}
    if is_all_at_once:
        at = todo[0]
    elif todo[0] < 4 and {2, 4} & set(todo):
        at = 4
    else:
        at = todo[-1]
    return {"state": {1: "confirmed", 2: "confirmed", 3: "waiting", 4: "assigned"}.get(at, "draft")}


def demand(env: Env, move: int) -> float:
    """Return how much a move asks for."""
    return float(env.sudo()[MOVE].get(move, "product_uom_qty"))


@compute(PICKING, "scheduled_date", depends=("move_ids.state", "move_ids.date", "move_type"))
def scheduled(env: Env, picking: int) -> dict[str, Any]:
    """The earliest date of the open moves; what it was where none is open."""
    table = env.sudo()[PICKING]
    dates = [
        env.sudo()[MOVE].get(each, "date")
        for each in open_moves(env, table.get(picking, "move_ids"))
    ]
    now = table.rows[picking].get("scheduled_date") or env.now
    return {"scheduled_date": min(dates, default=now)}


@compute(PICKING, "date_deadline", depends=("move_ids.date_deadline", "move_ids.picking_id"))
def deadline(env: Env, picking: int) -> dict[str, Any]:
    """The earliest deadline of the moves, cancelled ones too."""
    moves = env.sudo()[MOVE]
    dates = [
        moves.get(each, "date_deadline")
        for each in env.sudo()[PICKING].get(picking, "move_ids")
        if moves.get(each, "date_deadline")
    ]
    return {"date_deadline": min(dates, default=False)}


@compute(MOVE, "is_done", depends=("state",))
def move_is_done(env: Env, move: int) -> dict[str, bool]:
    """Whether a move is over, one way or the other."""
    return {"is_done": env.sudo()[MOVE].get(move, "state") in CLOSED}


@compute(MOVE, "product_qty", depends=("product_uom_qty", "product_uom"))
def move_quantity(env: Env, move: int) -> dict[str, float]:
    """The demand in the product's own unit."""
    return {"product_qty": demand(env, move)}


@compute(
    MOVE,
    "unit_factor",
    depends=("product_uom_qty", "state", "raw_material_production_id", "production_id"),
)
def unit_factor(env: Env, move: int) -> dict[str, float]:
    """How much goes into one piece that is still to be made; 1 outside of production."""
    su = env.sudo()
    raw, made, amount = su[MOVE].values(
        move, "raw_material_production_id", "production_id", "product_uom_qty"
    )
    if not (raw or made):
        return {"unit_factor": 1.0}
    wanted, done = su["mrp.production"].values(raw or made, "product_qty", "qty_produced")
    return {"unit_factor": quantity(amount / ((wanted - done) or 1.0))}


@compute(LINE, "quantity_product_uom", depends=("quantity", "product_uom_id"), since=17)
@compute(LINE, "reserved_qty", depends=("reserved_uom_qty", "product_uom_id"), until=16)
def line_in_own_unit(env: Env, line: int) -> dict[str, float]:
    """The line's quantity in the product's unit."""
    if env.version >= 17:
        return {"quantity_product_uom": env.sudo()[LINE].get(line, "quantity")}
    return {"reserved_qty": env.sudo()[LINE].get(line, "reserved_uom_qty")}


@compute(MOVE, "quantity", depends=("move_line_ids.quantity", "move_line_ids.move_id"), since=17)
@compute(
    MOVE, "quantity_done", depends=("move_line_ids.qty_done", "move_line_ids.move_id"), until=16
)
def move_done(env: Env, move: int) -> dict[str, float]:
    """The sum of the lines: from 17 on reserved and moved are the same field."""
    name = "quantity" if env.version >= 17 else "qty_done"
    total = sum(env.sudo()[LINE].get(each, name) for each in lines_of(env, move))
    return {done_field(env): quantity(total)}


@compute(MOVE, "reserved_availability", until=16)
def reserved_now(env: Env, move: int) -> dict[str, float]:
    """What the lines reserve."""
    held = sum(env.sudo()[LINE].get(each, "reserved_uom_qty") for each in lines_of(env, move))
    return {"reserved_availability": quantity(held)}


@compute(MOVE, "picked", depends=("move_line_ids.picked", "move_line_ids.move_id"), since=17)
def move_picked(env: Env, move: int) -> dict[str, bool] | None:
    """Picked as soon as one line is; it is not taken back by itself."""
    if any(env.sudo()[LINE].get(each, "picked") for each in lines_of(env, move)):
        return {"picked": True}
    return None


@compute(MOVE, "reference", depends=("picking_id.name",))
def move_reference(env: Env, move: int) -> dict[str, Any]:
    """What people call the move by: its picking's number."""
    picking = env.sudo()[MOVE].get(move, "picking_id")
    now = env.sudo()[MOVE].rows[move].get("reference", False)
    return {"reference": env.sudo()[PICKING].get(picking, "name") if picking else now}
