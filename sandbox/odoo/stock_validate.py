"""Carrying out a picking: checks, the wizards that stand in the way, backorders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sandbox.odoo.engine import Env, UserError, method, on_create
from sandbox.odoo.naming import present, quantity
from sandbox.odoo.stock import picking_number
from sandbox.odoo.stock_moves import (
    LINE,
    MOVE,
    PICKING,
    add_line,
    assign_moves,
    confirm_moves,
    done_moves,
    lines_of,
    moved,
    open_moves,
    reserved,
)

BACKORDER: Final = "stock.backorder.confirmation"
IMMEDIATE: Final = "stock.immediate.transfer"
_VIEWS: Final = {BACKORDER: 940, IMMEDIATE: 941}


@method(PICKING, "button_validate")
def button_validate(env: Env, ids: list[int]) -> Any:
    """Carry pickings out, or return the wizard that asks what to do with the rest."""
    env.check(PICKING, "write")
    pickings = env.sudo()[PICKING]
    drafts = [each for each in ids if pickings.get(each, "state") == "draft"]
    for each in drafts:
        confirm_moves(env, pickings.get(each, "move_ids"))
    _check_sane(env, ids)
    context = {"button_validate_picking_ids": list(ids), **env.context}
    if env.version < 17 and not env.context.get("skip_immediate"):
        empty = [each for each in ids if not any(moved(env, m) for m in _open(env, each))]
        empty = [each for each in empty if _open(env, each)]
        if empty:
            return _wizard("Immediate Transfer?", IMMEDIATE, context, empty, len(ids) > 1)
    if env.version >= 17:
        _pick_all(env, ids)
    if not env.context.get("skip_backorder"):
        short = [each for each in ids if _asks(env, each) and _is_short(env, each)]
        if short:
            return _wizard("Create Backorder?", BACKORDER, context, short, len(ids) > 1)
    dropped = env.context.get("picking_ids_not_to_backorder") or ()
    for each in ids:
        carry_out(env, each, no_backorder=each in dropped)
    return True


def _open(env: Env, picking: int) -> list[int]:
    return open_moves(env, env.sudo()[PICKING].get(picking, "move_ids"))


def _check_sane(env: Env, ids: Sequence[int]) -> None:
    for each in ids:
        if not env.sudo()[PICKING].get(each, "move_ids"):
            raise UserError("Please add some items to move.")
        todo = _open(env, each)
        if not todo:
            continue
        if any(moved(env, m) for m in todo):
            continue
        if env.version >= 17:
            raise UserError(
                "You cannot validate a transfer if no quantities are reserved. "
                "To force the transfer, encode quantities."
            )
        if not any(reserved(env, m) for m in todo):
            raise UserError(
                "You cannot validate a transfer if no quantities are reserved nor done. To force "
                "the transfer, switch in edit mode and encode the done quantities."
            )


def _pick_all(env: Env, ids: Sequence[int]) -> None:
    """Where nobody picked anything, everything reserved counts as picked."""
    for each in ids:
        todo = _open(env, each)
        if any(env.sudo()[MOVE].get(m, "picked") for m in todo):
            continue
        for move in todo:
            env.sudo()[MOVE].update([move], {"picked": True})
            env.sudo()[LINE].update(lines_of(env, move), {"picked": True})


def _asks(env: Env, picking: int) -> bool:
    kind = env.sudo()[PICKING].get(picking, "picking_type_id")
    if not kind or not env.has("stock.picking.type", "create_backorder"):
        return True
    return env.sudo()["stock.picking.type"].get(kind, "create_backorder") in ("ask", False)


def _is_short(env: Env, picking: int) -> bool:
    moves = env.sudo()[MOVE]
    return any(
        moved(env, each) < moves.get(each, "product_uom_qty")
        or (env.version >= 17 and not moves.get(each, "picked"))
        for each in _open(env, picking)
    )


def _wizard(
    name: str, model: str, context: dict[str, Any], pickings: Sequence[int], shows_many: bool
) -> dict[str, Any]:
    view = _VIEWS[model]
    return {
        "name": name,
        "type": "ir.actions.act_window",
        "view_mode": "form",
        "res_model": model,
        "views": [[view, "form"]],
        "view_id": view,
        "target": "new",
        "context": {
            **context,
            "default_show_transfers": shows_many,
            "default_pick_ids": [[4, each] for each in pickings],
        },
    }


def carry_out(env: Env, picking: int, *, no_backorder: bool = False) -> int:
    """Carry one picking out; returns its backorder, or 0."""
    pickings = env.sudo()[PICKING]
    rest = done_moves(env, _open(env, picking), no_backorder=no_backorder)
    made = _backorder(env, picking, rest) if rest else 0
    pickings.write([picking], {"date_done": env.now, "priority": "0"})
    return made


def _backorder(env: Env, picking: int, moves: Sequence[int]) -> int:
    pickings = env.sudo()[PICKING]
    row = pickings.rows[picking]
    copied = ("partner_id", "picking_type_id", "location_id", "location_dest_id", "origin")
    more = ("group_id", "company_id", "move_type", "sale_id", "purchase_id", "reference_ids")
    vals = {name: row[name] for name in (*copied, *more) if name in row}
    vals |= {
        "name": picking_number(env, row["picking_type_id"]),
        "backorder_id": picking,
        "user_id": False,
    }
    new = pickings.create(present(env, PICKING, vals))
    for each in moves:
        env.sudo()[MOVE].update([each], present(env, MOVE, {"picking_id": new, "picked": False}))
        lines = lines_of(env, each)
        env.sudo()[LINE].update(lines, present(env, LINE, {"picking_id": new, "picked": False}))
    number = pickings.get(new, "name")
    env.message(PICKING, [picking], f"<p>The backorder {number} has been created.</p>")
    assign_moves(env, moves)
    return new


# --- the wizards ------------------------------------------------------------------------------------------


@on_create(BACKORDER)
@on_create(IMMEDIATE, until=16)
def fill_wizard(env: Env, vals: dict[str, Any]) -> None:
    """Take the pickings out of the context, as the dict of the refused validation holds them."""
    vals.setdefault("pick_ids", env.context.get("default_pick_ids") or [])


@method(BACKORDER, "process")
def process(env: Env, _ids: list[int]) -> Any:
    """Validate, and let the rest wait in a backorder."""
    pickings = env.context.get("button_validate_picking_ids")
    if not pickings:
        return True
    return button_validate(env.with_context(skip_backorder=True), list(pickings))


@method(BACKORDER, "process_cancel_backorder")
def process_cancel_backorder(env: Env, ids: list[int]) -> Any:
    """Validate, and cancel the rest."""
    pickings = env.context.get("button_validate_picking_ids")
    if not pickings:
        return True
    dropped = [each for wizard in ids for each in env.sudo()[BACKORDER].get(wizard, "pick_ids")]
    context = {"skip_backorder": True, "picking_ids_not_to_backorder": dropped}
    return button_validate(env.with_context(context), list(pickings))


@method(IMMEDIATE, "process", until=16)
def process_immediate(env: Env, ids: list[int]) -> Any:
    """Fill in everything that is reserved as done, then validate."""
    wizards = env.sudo()[IMMEDIATE]
    for picking in [each for wizard in ids for each in wizards.get(wizard, "pick_ids")]:
        confirm_moves(env, env.sudo()[PICKING].get(picking, "move_ids"))
        for move in _open(env, picking):
            fill_in(env, move)
    pickings = env.context.get("button_validate_picking_ids")
    if not pickings:
        return True
    return button_validate(env.with_context(skip_immediate=True), list(pickings))


@method(PICKING, "action_set_quantities_to_reservation", until=16)
def set_quantities(env: Env, ids: list[int]) -> None:
    """16: fill in everything that is reserved as done, and validate nothing."""
    env.check(PICKING, "write")
    for picking in ids:
        for move in _open(env, picking):
            if not moved(env, move) and reserved(env, move):
                fill_in(env, move)


def fill_in(env: Env, move: int) -> None:
    """Count what is reserved as really moved (16: two fields; later: one)."""
    table = env.sudo()[LINE]
    wanted = quantity(env.sudo()[MOVE].get(move, "product_uom_qty"))
    if not lines_of(env, move):
        add_line(env, move, wanted, is_done=True)
        return
    for line in lines_of(env, move):
        if env.version < 17:
            table.update([line], {"qty_done": table.get(line, "reserved_uom_qty")})
        else:
            table.update([line], {"picked": True})
