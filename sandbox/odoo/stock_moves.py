"""Stock moves: confirm, reserve, unreserve, cancel, carry out. What the methods of pickings, counts and orders call."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from sandbox.odoo.engine import Env, UserError
from sandbox.odoo.naming import done_field, is_storable, present, quantity

MOVE: Final = "stock.move"
LINE: Final = "stock.move.line"
PICKING: Final = "stock.picking"
QUANT: Final = "stock.quant"
CLOSED: Final = ("done", "cancel")

DONE_REFUSED: Final = (
    "You cannot cancel a stock move that has been set to 'Done'. "
    "Create a return in order to reverse the moves which took place."
)


# --- quants -----------------------------------------------------------------------------------------------


def quant_of(env: Env, product: int, location: int) -> int:
    """Return the quant of a product at a place, or 0."""
    return env.sudo()[QUANT].first([("product_id", "=", product), ("location_id", "=", location)])


def shift(
    env: Env, product: int, location: int, amount: float = 0.0, reserved: float = 0.0
) -> None:
    """Add to what lies, or is promised, at a place; products without stock keep none."""
    if not is_storable(env, product):
        return
    quants = env.sudo()[QUANT]
    found = quant_of(env, product, location)
    if not found:
        new = {
            "quantity": amount,
            "reserved_quantity": reserved,
            "inventory_diff_quantity": -amount,
        }
        quants.insert({**empty_quant(env, product, location), **present(env, QUANT, new)})
        return
    now, promised = quants.values(found, "quantity", "reserved_quantity")
    quants.update(
        [found],
        {
            "quantity": quantity(now + amount),
            "reserved_quantity": max(quantity(promised + reserved), 0.0),
        },
    )


def free_stock(env: Env, product: int, location: int) -> float:
    """Return what lies at a place and is promised to nobody."""
    found = quant_of(env, product, location)
    if not found:
        return 0.0
    now, promised = env.sudo()[QUANT].values(found, "quantity", "reserved_quantity")
    return max(quantity(now - promised), 0.0)


def empty_quant(env: Env, product: int, location: int) -> dict[str, Any]:
    """Return the values of a quant with nothing on it."""
    is_counted = usage(env, location) in ("internal", "transit")
    vals = {
        "product_id": product,
        "location_id": location,
        "company_id": env.company if is_counted else False,
        "quantity": 0.0,
        "reserved_quantity": 0.0,
        "in_date": env.now,
        "inventory_date": next_count(env) if is_counted else False,
    }
    return present(env, QUANT, vals)


def next_count(env: Env) -> str:
    """Return the day of the yearly count."""
    return f"{env.today[:4]}-12-31"


def usage(env: Env, location: int) -> str:
    """Return what a place is for: internal, supplier, customer, inventory, production."""
    return str(env.sudo()["stock.location"].get(location, "usage")) if location else ""


def is_free(env: Env, move: int) -> bool:
    """Whether nothing need be reserved: the goods come from outside, or no stock is kept of them."""
    product, source = env.sudo()[MOVE].values(move, "product_id", "location_id")
    return usage(env, source) not in ("internal", "transit") or not is_storable(env, product)


# --- the life of a move -----------------------------------------------------------------------------------


def open_moves(env: Env, ids: Iterable[int]) -> list[int]:
    """Return the moves that are neither done nor cancelled."""
    return [each for each in ids if env.sudo()[MOVE].get(each, "state") not in CLOSED]


def lines_of(env: Env, move: int) -> list[int]:
    """Return a move's lines, oldest first."""
    return sorted(env.sudo()[MOVE].get(move, "move_line_ids"))


def reserved(env: Env, move: int) -> float:
    """Return how much is reserved for a move."""
    name = "quantity" if env.version >= 17 else "reserved_uom_qty"
    return quantity(sum(env.sudo()[LINE].get(each, name) for each in lines_of(env, move)))


def confirm_moves(env: Env, ids: Sequence[int]) -> None:
    """Confirm draft moves; those that can be reserved at once are."""
    moves = env.sudo()[MOVE]
    drafts = [each for each in ids if moves.get(each, "state") == "draft"]
    for each in drafts:
        is_waiting = any(
            moves.get(origin, "state") not in CLOSED for origin in moves.get(each, "move_orig_ids")
        )
        vals = {"state": "waiting" if is_waiting else "confirmed"}
        if _reserves_at_once(env, each):
            vals["reservation_date"] = env.today
        moves.update([each], present(env, MOVE, vals))
    assign_moves(env, [e for e in drafts if is_free(env, e) or _reserves_at_once(env, e)])


def _reserves_at_once(env: Env, move: int) -> bool:
    kind = env.sudo()[MOVE].get(move, "picking_type_id")
    if not kind:
        return False
    how = env.sudo()["stock.picking.type"].get(kind, "reservation_method")
    return how in ("at_confirm", False)


def assign_moves(env: Env, ids: Iterable[int]) -> None:
    """Reserve what there is; a move line says where it lies."""
    moves = env.sudo()[MOVE]
    for each in ids:
        row = moves.values(each, "state", "product_id", "location_id", "product_uom_qty")
        state, product, source, wanted = row
        if state not in ("confirmed", "waiting", "partially_available"):
            continue
        missing = quantity(wanted - reserved(env, each))
        if missing <= 0:
            moves.update([each], {"state": "assigned"})
            continue
        if is_free(env, each):
            _grow(env, each, missing)
            moves.update([each], {"state": "assigned"})
            continue
        taken = min(missing, free_stock(env, product, source))
        if taken <= 0:
            continue
        shift(env, product, source, reserved=taken)
        _grow(env, each, taken)
        moves.update([each], {"state": "assigned" if taken == missing else "partially_available"})


def _grow(env: Env, move: int, amount: float) -> None:
    """Add to a line that is there and not picked, or make one."""
    table = env.sudo()[LINE]
    name, done = ("quantity", "picked") if env.version >= 17 else ("reserved_uom_qty", "qty_done")
    waiting = [each for each in lines_of(env, move) if not table.get(each, done)]
    if waiting:
        now = table.get(waiting[0], name)
        table.update([waiting[0]], {name: quantity(now + amount)})
    else:
        add_line(env, move, amount)


def add_line(env: Env, move: int, amount: float, *, is_done: bool = False) -> int:
    """Make a move line over an amount, reserved or (`is_done`) really moved; return its id."""
    names = ("picking_id", "product_id", "product_uom", "location_id", "location_dest_id")
    picking, product, uom, source, target = env.sudo()[MOVE].values(move, *names)
    vals = {
        "move_id": move,
        "picking_id": picking,
        "product_id": product,
        "product_uom_id": uom,
        "location_id": source,
        "location_dest_id": target,
        "company_id": env.company,
        "date": env.now,
        "production_id": env.sudo()[MOVE].get(move, "raw_material_production_id"),
    }
    if env.version >= 17:
        vals |= {"quantity": amount, "picked": is_done}
    elif is_done:
        vals |= {"reserved_uom_qty": 0.0, "qty_done": amount}
    else:
        vals |= {"reserved_uom_qty": amount, "qty_done": 0.0}
    return env.sudo()[LINE].insert(present(env, LINE, vals))


def drop_lines(env: Env, lines: Iterable[int]) -> None:
    """Delete move lines, and give back what they reserved."""
    table = env.sudo()[LINE]
    name = "quantity" if env.version >= 17 else "reserved_uom_qty"
    for each in list(lines):
        move, product, source, amount = table.values(
            each, "move_id", "product_id", "location_id", name
        )
        if amount and move and not is_free(env, move):
            shift(env, product, source, reserved=-amount)
        table.delete([each])


def unreserve_moves(env: Env, ids: Iterable[int]) -> None:
    """Give back what open moves reserved; lines that were picked stay."""
    moves, table = env.sudo()[MOVE], env.sudo()[LINE]
    name = "picked" if env.version >= 17 else "qty_done"
    for each in ids:
        state = moves.get(each, "state")
        if state == "cancel":
            continue
        if state == "done":
            raise UserError("You cannot unreserve a stock move that has been set to 'Done'.")
        drop_lines(env, [line for line in lines_of(env, each) if not table.get(line, name)])
        if state in ("assigned", "partially_available") and not lines_of(env, each):
            moves.update([each], {"state": "confirmed"})


def cancel_moves(env: Env, ids: Sequence[int]) -> None:
    """Cancel moves: their lines are deleted. Refuses moves that are done."""
    moves = env.sudo()[MOVE]
    states = {each: moves.get(each, "state") for each in ids}
    if "done" in states.values():
        raise UserError(DONE_REFUSED)
    for each in [move for move, state in states.items() if state != "cancel"]:
        drop_lines(env, lines_of(env, each))
        following = moves.get(each, "move_dest_ids")
        vals = {
            "state": "cancel",
            "picked": False,
            "move_orig_ids": [(5, 0, 0)],
            "procure_method": "make_to_stock",
        }
        moves.update([each], present(env, MOVE, vals))
        if moves.get(each, "propagate_cancel"):
            later = [
                move
                for move in open_moves(env, following)
                if all(moves.get(o, "state") == "cancel" for o in moves.get(move, "move_orig_ids"))
            ]
            cancel_moves(env, later)


# --- carrying out -----------------------------------------------------------------------------------------


def moved(env: Env, move: int) -> float:
    """Return how much of a move is filled in as really moved."""
    return quantity(env.sudo()[MOVE].get(move, done_field(env)))


def set_moved(env: Env, move: int, amount: float) -> None:
    """Fill in how much is really moved: the lines follow."""
    table = env.sudo()[LINE]
    lines = lines_of(env, move)
    name = "quantity" if env.version >= 17 else "qty_done"
    if env.version >= 17:
        product, source = env.sudo()[MOVE].values(move, "product_id", "location_id")
        if not is_free(env, move):
            shift(env, product, source, reserved=amount - reserved(env, move))
    if not lines:
        if amount:
            add_line(env, move, amount, is_done=env.version < 17)
        return
    for number, line in enumerate(lines):
        table.update([line], {name: amount if number == 0 else 0.0})


def done_moves(env: Env, ids: Sequence[int], *, no_backorder: bool = False) -> list[int]:
    """Carry moves out; what is missing stays open in new moves, or (`no_backorder`) is cancelled.

    Returns the moves that are open afterwards because of it.
    """
    moves = env.sudo()[MOVE]
    confirm_moves(env, ids)
    rest: list[int] = []
    todo: list[int] = []
    for each in open_moves(env, ids):
        amount = moved(env, each)
        is_picked = env.version < 17 or bool(moves.get(each, "picked"))
        is_count = bool(moves.get(each, "is_inventory"))
        if (amount <= 0 or not is_picked) and not is_count:
            if no_backorder or not moves.get(each, "product_uom_qty"):
                cancel_moves(env, [each])
            else:
                rest.append(each)
            continue
        todo.append(each)
    for each in todo:
        amount, wanted = moved(env, each), moves.get(each, "product_uom_qty")
        if amount < wanted and not (no_backorder and env.version >= 18):
            new = _split(env, each, quantity(wanted - amount))
            if no_backorder:
                cancel_moves(env, [new])
            else:
                rest.append(new)
            note_demand(env, each)
            moves.update([each], {"product_uom_qty": amount})
        _carry(env, each)
    moves.update(todo, {"state": "done", "date": env.now})
    return rest


def note_demand(env: Env, move: int) -> None:
    """Leave on the picking that its demand was changed."""
    picking, state = env.sudo()[MOVE].values(move, "picking_id", "state")
    if picking and state not in ("draft", "done"):
        env.message(PICKING, [picking], "<p>The initial demand has been updated.</p>")


def _carry(env: Env, move: int) -> None:
    table = env.sudo()[LINE]
    name = "quantity" if env.version >= 17 else "qty_done"
    for line in lines_of(env, move):
        amount = table.get(line, name)
        held = amount if env.version >= 17 else table.get(line, "reserved_uom_qty")
        if not amount:
            drop_lines(env, [line])
            continue
        product, source, target = table.values(
            line, "product_id", "location_id", "location_dest_id"
        )
        if held and not is_free(env, move):
            shift(env, product, source, reserved=-held)
        shift(env, product, source, -amount)
        shift(env, product, target, amount)
        vals: dict[str, Any] = {"date": env.now}
        if env.version < 17:
            vals["reserved_uom_qty"] = 0.0
        table.update([line], present(env, LINE, vals))


def _split(env: Env, move: int, amount: float) -> int:
    """Return a new move over the missing amount, confirmed like the one that it is split from."""
    vals = copied(env, move)
    if vals.get("picking_id"):
        vals["partner_id"] = env.sudo()[PICKING].get(vals["picking_id"], "partner_id")
    new = env.sudo()[MOVE].insert({**vals, "product_uom_qty": amount, "state": "draft"})
    if env.version < 17:
        for line in lines_of(env, move):
            table = env.sudo()[LINE]
            done, held = table.values(line, "qty_done", "reserved_uom_qty")
            if held > done:
                product, source = table.values(line, "product_id", "location_id")
                if not is_free(env, move):
                    shift(env, product, source, reserved=done - held)
                table.update([line], {"reserved_uom_qty": done})
    confirm_moves(env, [new])
    return new


_NOT_COPIED: Final = frozenset(
    {
        "id",
        "create_uid",
        "create_date",
        "write_uid",
        "write_date",
        "move_orig_ids",
        "move_dest_ids",
        "quantity",
        "quantity_done",
        "picked",
        "state",
        "is_done",
        "product_qty",
        "date",
    }
)


def copied(env: Env, move: int) -> dict[str, Any]:
    """Return the values that a copy of a move starts with."""
    row = env.sudo()[MOVE].rows[move]
    vals = {name: value for name, value in row.items() if name not in _NOT_COPIED}
    return present(env, MOVE, {**vals, "date": row.get("date", env.now)})
