"""Counting stock: quants, the count that is entered on them and applied, and writes that go past every move."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sandbox.odoo.engine import Env, UserError, after_write, compute, method, on_create, on_write
from sandbox.odoo.naming import done_field, present, quantity
from sandbox.odoo.stock_moves import (
    CLOSED,
    LINE,
    MOVE,
    QUANT,
    add_line,
    done_moves,
    empty_quant,
    is_free,
    next_count,
    quant_of,
    shift,
)

_COUNTED: Final = frozenset({"inventory_quantity", "inventory_quantity_auto_apply"})
_FORBIDDEN: Final = frozenset({"product_id", "location_id", "lot_id", "package_id", "owner_id"})


def is_inventory_mode(env: Env) -> bool:
    """Whether the caller counts stock: only then does a quant know what a count is."""
    return bool(env.context.get("inventory_mode"))


@method(QUANT, "create", is_model=True)
def create(env: Env, vals_list: Any) -> Any:
    """Create quants; while counting, one that is there already is taken instead."""
    is_single = isinstance(vals_list, Mapping)
    made = [_create_one(env, dict(each)) for each in ([vals_list] if is_single else vals_list)]
    return made[0] if is_single else made


def _create_one(env: Env, vals: dict[str, Any]) -> int:
    env.check(QUANT, "create")
    counted = _COUNTED & vals.keys()
    if not (is_inventory_mode(env) and counted):
        return env[QUANT].create(vals)
    amount = float(next(vals.pop(name) for name in counted) or 0.0)
    found = quant_of(env, vals["product_id"], vals["location_id"])
    quants = env.sudo()[QUANT]
    if not found:
        found = quants.create({**empty_quant(env, vals["product_id"], vals["location_id"]), **vals})
    entered = {
        "inventory_quantity": amount,
        "user_id": vals.get("user_id", env.uid),
        "inventory_date": env.today,
    }
    quants.write([found], entered)
    return found


@on_create(QUANT)
def fill_quant(env: Env, vals: dict[str, Any]) -> None:
    """Give a new quant what every quant has."""
    product, location = vals.get("product_id"), vals.get("location_id")
    if product and location:
        for name, value in empty_quant(env, product, location).items():
            vals.setdefault(name, value)


@on_write(QUANT)
def enter_count(env: Env, ids: Sequence[int], vals: dict[str, Any]) -> None:
    """Remember from which quantity a count starts. The quantity itself is taken as it comes, without a move."""
    if is_inventory_mode(env) and _FORBIDDEN & vals.keys():
        raise UserError("Quant's editing is restricted, you can't do this operation.")
    if "inventory_quantity" in vals:
        vals.setdefault("inventory_quantity_set", True)
        if len(ids) == 1:
            now = env.sudo()[QUANT].get(ids[0], "quantity")
            difference = quantity(float(vals["inventory_quantity"] or 0.0) - now)
            vals.setdefault("inventory_diff_quantity", difference)


@after_write(QUANT)
def differ(
    env: Env, ids: Sequence[int], vals: Mapping[str, Any], _old: Mapping[int, Mapping[str, Any]]
) -> None:
    """Compute the difference of each quant where one count was written on several."""
    if "inventory_quantity" not in vals or len(ids) == 1:
        return
    quants = env.sudo()[QUANT]
    for each in ids:
        counted, now = quants.values(each, "inventory_quantity", "quantity")
        quants.update([each], {"inventory_diff_quantity": quantity(counted - now)})


@compute(QUANT, "is_outdated")
def is_outdated(env: Env, quant: int) -> dict[str, bool]:
    """Whether stock moved since the count was entered."""
    names = ("inventory_quantity", "inventory_diff_quantity", "quantity", "inventory_quantity_set")
    counted, difference, now, is_set = env.sudo()[QUANT].values(quant, *names)
    return {"is_outdated": bool(is_set) and quantity(counted - difference - now) != 0}


@compute(QUANT, "available_quantity")
def available(env: Env, quant: int) -> dict[str, float]:
    """What is promised to nobody."""
    now, promised = env.sudo()[QUANT].values(quant, "quantity", "reserved_quantity")
    return {"available_quantity": quantity(now - promised)}


@compute("product.product", "qty_available")
def on_hand(env: Env, product: int) -> dict[str, float]:
    """What lies in the company's own places."""
    quants = env.sudo()[QUANT]
    domain = [("product_id", "=", product), ("location_id.usage", "=", "internal")]
    return {
        "qty_available": quantity(sum(quants.get(e, "quantity") for e in quants.search(domain)))
    }


@method(QUANT, "action_apply_inventory")
def action_apply_inventory(env: Env, ids: list[int]) -> dict[str, Any] | None:
    """Make a done move over each difference; nothing at all where stock moved since the count."""
    env.check(QUANT, "write")
    quants = env.sudo()[QUANT]
    late = [each for each in ids if quants.get(each, "is_outdated")]
    if late:
        context = {**env.context, "default_quant_ids": list(ids), "default_quant_to_fix_ids": late}
        return {
            "name": "Conflict in Inventory Adjustment",
            "type": "ir.actions.act_window",
            "view_mode": "form",
            "views": [[False, "form"]],
            "res_model": "stock.inventory.conflict",
            "target": "new",
            "context": context,
        }
    for each in ids:
        _apply(env, each)
    zero = {
        "inventory_quantity": 0.0,
        "inventory_diff_quantity": 0.0,
        "inventory_quantity_set": False,
        "user_id": False,
        "inventory_date": next_count(env),
    }
    quants.update(ids, zero)
    return None


def _apply(env: Env, quant: int) -> None:
    names = ("product_id", "location_id", "inventory_diff_quantity")
    product, location, difference = env.sudo()[QUANT].values(quant, *names)
    loss = env.sudo()["stock.location"].first([("usage", "=", "inventory")])
    source, target = (loss, location) if difference > 0 else (location, loss)
    words = "Product Quantity Updated" if difference else "Product Quantity Confirmed"
    if env.version >= 17:
        words = f"{words} ({env.sudo()['res.users'].display_name(env.uid)})"
    vals = {
        "name": words,
        "inventory_name": words,
        "reference": words,
        "priority": "0",
        "propagate_cancel": True,
        "product_id": product,
        "product_uom": env.sudo()["product.product"].get(product, "uom_id"),
        "product_uom_qty": abs(difference),
        "company_id": env.company,
        "state": "confirmed",
        "location_id": source,
        "location_dest_id": target,
        "is_inventory": True,
        "date": env.now,
        "picked": True,
        "procure_method": "make_to_stock",
        "sequence": 10,
    }
    move = env.sudo()[MOVE].insert(present(env, MOVE, vals))
    if difference:
        if not is_free(env, move):
            # The line below counts as reserved, so what it will give back is promised first.
            _promise(env, product, source, abs(difference))
        add_line(env, move, abs(difference), is_done=True)
    done_moves(env, [move])


def _promise(env: Env, product: int, location: int, amount: float) -> None:
    if env.version >= 17:
        shift(env, product, location, reserved=amount)


@method(QUANT, "action_set_inventory_quantity_to_zero", until=16)
@method(QUANT, "action_clear_inventory_quantity", since=17)
def clear(env: Env, ids: list[int]) -> None:
    """Forget a count that was entered and not applied."""
    vals = {
        "inventory_quantity": 0.0,
        "inventory_diff_quantity": 0.0,
        "inventory_quantity_set": False,
        "user_id": False,
    }
    env[QUANT].write(ids, vals)


@after_write(LINE)
def reserve_more(
    env: Env, ids: Sequence[int], vals: Mapping[str, Any], old: Mapping[int, Mapping[str, Any]]
) -> None:
    """Let the promise on the quant follow a line's quantity (from 17 on that is the same field)."""
    name = "quantity" if env.version >= 17 else "reserved_uom_qty"
    if name not in vals:
        return
    table = env.sudo()[LINE]
    for each in ids:
        move, product, source, now = table.values(
            each, "move_id", "product_id", "location_id", name
        )
        if not move or env.sudo()[MOVE].get(move, "state") in CLOSED or is_free(env, move):
            continue
        shift(env, product, source, reserved=quantity(now - old[each][name]))
        state = env.sudo()[MOVE].get(move, "state")
        wanted = env.sudo()[MOVE].get(move, "product_uom_qty")
        if env.version >= 17 and state in ("confirmed", "partially_available", "assigned"):
            is_full = env.sudo()[MOVE].get(move, done_field(env)) >= wanted
            is_some = is_full or env.sudo()[MOVE].get(move, done_field(env)) > 0
            state = "assigned" if is_full else "partially_available" if is_some else "confirmed"
            env.sudo()[MOVE].update([move], {"state": state})
