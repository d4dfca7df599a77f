"""Pickings and their moves: what fills itself in, what is computed, what a plain write does, the methods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sandbox.odoo.engine import (
    Env,
    UserError,
    after_write,
    method,
    on_create,
    on_unlink,
    on_write,
    track,
)
from sandbox.odoo.naming import done_field, present
from sandbox.odoo.stock_computed import demand
from sandbox.odoo.stock_moves import (
    CLOSED,
    LINE,
    MOVE,
    PICKING,
    assign_moves,
    cancel_moves,
    confirm_moves,
    drop_lines,
    lines_of,
    note_demand,
    open_moves,
    set_moved,
    unreserve_moves,
    usage,
)

track(PICKING, "state", "scheduled_date", "user_id")

# --- what fills itself in ---------------------------------------------------------------------------------


@on_create(PICKING)
def fill_picking(env: Env, vals: dict[str, Any]) -> None:
    """Give a new picking its number and the places of its type."""
    types = env.sudo()["stock.picking.type"]
    kind = vals.get("picking_type_id") or types.first([("code", "=", "internal")])
    vals["picking_type_id"] = kind
    if vals.get("name") in (None, False, "", "/"):
        vals["name"] = picking_number(env, kind)
    partners = {"incoming": ("supplier", None), "outgoing": (None, "customer")}
    code = types.get(kind, "code") if kind else "internal"
    source, target = partners.get(code, (None, None))
    if not vals.get("location_id"):
        vals["location_id"] = types.get(kind, "default_location_src_id") or place(env, source)
    if not vals.get("location_dest_id"):
        vals["location_dest_id"] = types.get(kind, "default_location_dest_id") or place(env, target)
    for name, value in present(env, PICKING, _picking_defaults(env)).items():
        vals.setdefault(name, value)


def _picking_defaults(env: Env) -> dict[str, Any]:
    return {
        "company_id": env.company,
        "move_type": "direct",
        "priority": "0",
        "date": env.now,
        "is_locked": True,
        "user_id": env.uid,
    }


def picking_number(env: Env, kind: int) -> str:
    """Return the next number of an operation type."""
    code = env.sudo()["stock.picking.type"].get(kind, "code")
    short = {"incoming": "in", "outgoing": "out"}.get(code, "internal")
    return env.next_number(f"stock.picking.{short}")


def place(env: Env, kind: str | None) -> int:
    """Return the first place of a usage: the warehouse's stock where none is asked for."""
    return env.sudo()["stock.location"].first([("usage", "=", kind or "internal")])


@on_create(MOVE)
def fill_move(env: Env, vals: dict[str, Any]) -> None:
    """Give a new move the places and the unit of its picking and product."""
    picking = vals.get("picking_id")
    if picking:
        names = ("location_id", "location_dest_id", "picking_type_id", "company_id", "partner_id")
        for name, value in zip(names, env.sudo()[PICKING].values(picking, *names), strict=True):
            vals.setdefault(name, value)
    product = vals.get("product_id")
    if product:
        vals.setdefault("product_uom", env.sudo()["product.product"].get(product, "uom_id"))
        if env.has(MOVE, "name"):
            vals.setdefault("name", env.sudo()["product.product"].display_name(product))
    defaults = {
        "state": "draft",
        "procure_method": "make_to_stock",
        "date": env.now,
        "company_id": env.company,
        "sequence": 10,
        "priority": "0",
        "propagate_cancel": True,
        "product_uom_qty": 0.0,
    }
    for name, value in present(env, MOVE, defaults).items():
        vals.setdefault(name, value)


@on_create(LINE)
def fill_line(env: Env, vals: dict[str, Any]) -> None:
    """Give a new move line what its move says."""
    move = vals.get("move_id")
    if not move:
        return
    names = ("picking_id", "product_id", "location_id", "location_dest_id", "company_id")
    for name, value in zip(names, env.sudo()[MOVE].values(move, *names), strict=True):
        vals.setdefault(name, value)
    vals.setdefault("product_uom_id", env.sudo()[MOVE].get(move, "product_uom"))


# --- what a plain write does ------------------------------------------------------------------------------


@on_write(MOVE)
def guard_move(env: Env, ids: Sequence[int], vals: dict[str, Any]) -> None:
    """Refuse the derived quantity, and quantities of cancelled moves; states are taken as they come."""
    if "product_qty" in vals:
        raise UserError(
            "The requested operation cannot be processed because of a programming error setting "
            "the `product_qty` field instead of the `product_uom_qty`."
        )
    states = {env.sudo()[MOVE].get(each, "state") for each in ids}
    if {"quantity", "quantity_done"} & vals.keys() and "cancel" in states:
        raise UserError("You cannot change a cancelled stock move, create a new line instead.")
    if "product_uom" in vals and "done" in states:
        raise UserError("You cannot change the UoM for a stock move that has been set to 'Done'.")


@after_write(MOVE)
def follow_move(
    env: Env, ids: Sequence[int], vals: Mapping[str, Any], old: Mapping[int, Mapping[str, Any]]
) -> None:
    """Let lines and reservations follow what was written on the move."""
    moves = env.sudo()[MOVE]
    name = done_field(env)
    for each in ids:
        state = moves.get(each, "state")
        if name in vals:
            set_moved(env, each, float(vals[name]))
        if "picked" in vals and env.version >= 17:
            env.sudo()[LINE].update(lines_of(env, each), {"picked": bool(vals["picked"])})
        is_moved = "product_uom_qty" in vals and old[each]["product_uom_qty"] != demand(env, each)
        if is_moved:
            note_demand(env, each)
        if is_moved and state in ("assigned", "partially_available"):
            if old[each]["product_uom_qty"] > demand(env, each):
                unreserve_moves(env, [each])
            if moves.get(each, "state") == "assigned":
                moves.update([each], {"state": "partially_available"})
            if usage(env, moves.get(each, "location_id")) == "supplier":
                assign_moves(env, [each])


@on_write(PICKING)
def guard_picking(env: Env, ids: Sequence[int], vals: Mapping[str, Any]) -> None:
    """Refuse another operation type; a state is taken as it comes, and lies."""
    if not vals.get("picking_type_id"):
        return
    states = {env.sudo()[PICKING].get(each, "state") for each in ids}
    is_late = bool(states - {"draft"}) if env.version == 17 else bool(states & set(CLOSED))
    if is_late:
        raise UserError("Changing the operation type of this record is forbidden at this point.")


@on_unlink(LINE)
def guard_line_unlink(env: Env, ids: Sequence[int]) -> None:
    """Refuse to delete what was moved; give back what was reserved."""
    table, moves = env.sudo()[LINE], env.sudo()[MOVE]
    if any(
        moves.get(table.get(i, "move_id"), "state") in CLOSED
        for i in ids
        if table.get(i, "move_id")
    ):
        raise UserError(
            "You can not delete product moves if the picking is done. You can only correct the done "
            "quantities."
        )
    owners = [table.get(each, "move_id") for each in ids if table.get(each, "move_id")]
    drop_lines(env, ids)
    for each in dict.fromkeys(owners):
        if moves.get(each, "state") in ("assigned", "partially_available"):
            held = bool(lines_of(env, each))
            moves.update([each], {"state": "partially_available" if held else "confirmed"})


@on_unlink(MOVE)
def guard_move_unlink(env: Env, ids: Sequence[int]) -> None:
    """Only drafts and cancelled moves may go."""
    if any(env.sudo()[MOVE].get(each, "state") not in ("draft", "cancel") for each in ids):
        raise UserError("You can only delete draft or cancelled moves.")


# --- methods ----------------------------------------------------------------------------------------------


@method(PICKING, "action_confirm")
def action_confirm(env: Env, ids: list[int]) -> bool:
    """Confirm the draft moves; on cancelled pickings silently nothing."""
    env.check(PICKING, "write")
    moves = [m for each in ids for m in env.sudo()[PICKING].get(each, "move_ids")]
    confirm_moves(env, moves)
    for name, model in (("purchase_line_id", "purchase.order"), ("sale_line_id", "sale.order")):
        orders = {env.sudo()[MOVE].along(each, (name, "order_id")) for each in moves}
        env.sudo()[model].touch(sorted(each for each in orders if each))
    return True


@method(PICKING, "action_assign")
def action_assign(env: Env, ids: list[int]) -> bool:
    """Reserve; refuses where no move is left to reserve."""
    env.check(PICKING, "write")
    moves = [m for each in ids for m in env.sudo()[PICKING].get(each, "move_ids")]
    confirm_moves(env, moves)
    todo = open_moves(env, moves)
    if not todo:
        raise UserError("Nothing to check the availability for.")
    assign_moves(env, todo)
    return True


@method(PICKING, "action_cancel")
def action_cancel(env: Env, ids: list[int]) -> bool:
    """Cancel all moves; refuses where one is done."""
    env.check(PICKING, "write")
    pickings = env.sudo()[PICKING]
    for each in ids:
        cancel_moves(env, pickings.get(each, "move_ids"))
        pickings.update([each], {"is_locked": True})
        if not pickings.get(each, "move_ids"):
            pickings.update([each], {"state": "cancel"})
    return True


@method(PICKING, "do_unreserve")
def do_unreserve(env: Env, ids: list[int]) -> None:
    """Give back what is reserved."""
    env.check(PICKING, "write")
    for each in ids:
        unreserve_moves(env, open_moves(env, env.sudo()[PICKING].get(each, "move_ids")))


@method(PICKING, "action_toggle_is_locked")
def action_toggle_is_locked(env: Env, ids: list[int]) -> bool:
    """Let demand be edited, or no more; one picking at a time."""
    if len(ids) != 1:
        raise ValueError(f"Expected singleton: {PICKING}{tuple(ids)!r}")
    env[PICKING].write(ids, {"is_locked": not env[PICKING].get(ids[0], "is_locked")})
    return True
