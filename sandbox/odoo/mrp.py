"""Manufacturing orders: confirm, cancel, mark done, and the way back of a cancelled one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sandbox.odoo.engine import (
    Env,
    UserError,
    after_create,
    compute,
    method,
    on_create,
    on_unlink,
    on_write,
    track,
)
from sandbox.odoo.naming import present, quantity
from sandbox.odoo.stock_moves import (
    CLOSED,
    MOVE,
    assign_moves,
    cancel_moves,
    confirm_moves,
    moved,
    open_moves,
    unreserve_moves,
)

ORDER: Final = "mrp.production"
BOM: Final = "mrp.bom"
BOM_LINE: Final = "mrp.bom.line"
PRODUCT: Final = "product.product"

track(ORDER, "state", "user_id", "date_deadline", "product_qty")


@on_create(ORDER)
def fill_order(env: Env, vals: dict[str, Any]) -> None:
    """Give a new order its number, its bill of materials and its places."""
    su = env.sudo()
    types = su["stock.picking.type"]
    kind = vals.get("picking_type_id") or types.first([("code", "=", "mrp_operation")])
    product = vals.get("product_id")
    if vals.get("name") in (None, False, "", "/", "New"):
        vals["name"] = env.next_number(ORDER)
    if product and "bom_id" not in vals:
        template = su[PRODUCT].get(product, "product_tmpl_id")
        vals["bom_id"] = su[BOM].first([("product_tmpl_id", "=", template)])
    bom = vals.get("bom_id")
    defaults = {
        "company_id": env.company,
        "state": "draft",
        "picking_type_id": kind,
        "product_qty": su[BOM].get(bom, "product_qty") if bom else 1.0,
        "product_uom_id": su[PRODUCT].get(product, "uom_id") if product else False,
        "location_src_id": types.get(kind, "default_location_src_id") if kind else False,
        "location_dest_id": types.get(kind, "default_location_dest_id") if kind else False,
        "production_location_id": su["stock.location"].first([("usage", "=", "production")]),
        "consumption": "flexible",
        "priority": "0",
        "user_id": env.uid,
        "is_locked": True,
        "propagate_cancel": False,
        "date_start": env.now,
        "date_finished": env.now,
        "date_planned_start": env.now,
        "date_planned_finished": env.now,
        "backorder_sequence": 0,
    }
    if env.version == 16:
        # There the plan has fields of its own; these two tell what happened.
        defaults.pop("date_start")
        defaults.pop("date_finished")
    if env.version <= 18:
        group = {"name": vals["name"], "move_type": "direct"}
        made = su["procurement.group"].insert(present(env, "procurement.group", group))
        defaults["procurement_group_id"] = made
    for name, value in present(env, ORDER, defaults).items():
        vals.setdefault(name, value)


@after_create(ORDER)
def make_moves(env: Env, ids: Sequence[int]) -> None:
    """Make the draft moves of components and product."""
    su = env.sudo()
    for order in ids:
        row = su[ORDER].rows[order]
        if su[ORDER].get(order, "move_finished_ids"):
            continue
        made, source, target = (
            row["production_location_id"],
            row["location_src_id"],
            row["location_dest_id"],
        )
        if row.get("bom_id") and not su[ORDER].get(order, "move_raw_ids"):
            per = row["product_qty"] / (su[BOM].get(row["bom_id"], "product_qty") or 1.0)
            for line in su[BOM].get(row["bom_id"], "bom_line_ids"):
                product, amount = su[BOM_LINE].values(line, "product_id", "product_qty")
                name = "raw_material_production_id"
                new = _move(env, order, product, amount * per, source, made, name)
                more = {"bom_line_id": line, "sequence": 1, "date_deadline": _start(row)}
                su[MOVE].update([new], present(env, MOVE, more))
        _move(env, order, row["product_id"], row["product_qty"], made, target, "production_id")


def _start(row: dict[str, Any]) -> Any:
    return row.get("date_start") or row.get("date_planned_start", False)


def _move(
    env: Env, order: int, product: int, amount: float, source: int, target: int, link: str
) -> int:
    row = env.sudo()[ORDER].rows[order]
    vals = {
        "name": row["name"],
        "reference": row["name"],
        "origin": row["name"],
        "product_id": product,
        "product_uom_qty": quantity(amount),
        "picking_type_id": row["picking_type_id"],
        "location_id": source,
        "location_dest_id": target,
        "company_id": row["company_id"],
        "group_id": row.get("procurement_group_id", False),
        "propagate_cancel": row.get("propagate_cancel", False),
        link: order,
    }
    return env.sudo()[MOVE].create(present(env, MOVE, vals))


@compute(
    ORDER,
    "state",
    depends=(
        "move_raw_ids.state",
        "move_finished_ids.state",
        "qty_producing",
        "product_qty",
        "move_raw_ids.picked",
    ),
)
def state(env: Env, order: int) -> dict[str, str] | None:
    """Derive the state from the moves; done and cancelled stay what they are."""
    su = env.sudo()
    row = su[ORDER].rows[order]
    now = row.get("state") or "draft"
    raw = [su[MOVE].get(each, "state") for each in su[ORDER].get(order, "move_raw_ids")]
    made = [su[MOVE].get(each, "state") for each in su[ORDER].get(order, "move_finished_ids")]
    if now == "cancel" or (made and set(made) == {"cancel"}):
        return {"state": "cancel"}
    if now == "done" or (raw and set(raw) <= set(CLOSED) and set(made) <= set(CLOSED)):
        return {"state": "done"}
    producing = row.get("qty_producing", 0.0)
    if now == "draft" and not producing:
        return None
    if producing and producing >= row.get("product_qty", 0.0):
        return {"state": "to_close"}
    is_picked = env.version >= 17 and any(
        su[MOVE].get(each, "picked") for each in su[ORDER].get(order, "move_raw_ids")
    )
    if producing or is_picked:
        return {"state": "progress"}
    return {"state": "confirmed"} if now in ("progress", "to_close") else None


@compute(ORDER, "reservation_state", depends=("state", "move_raw_ids.state"))
def reservation_state(env: Env, order: int) -> dict[str, Any]:
    """Whether the components are there."""
    su = env.sudo()
    if su[ORDER].get(order, "state") in ("draft", "done", "cancel"):
        return {"reservation_state": False}
    states = {su[MOVE].get(each, "state") for each in su[ORDER].get(order, "move_raw_ids")}
    is_ready = bool(states) and states <= {"assigned", "done", "cancel"}
    return {"reservation_state": "assigned" if is_ready else "confirmed"}


@compute(ORDER, "product_uom_qty", depends=("product_qty", "product_uom_id"))
def in_own_unit(env: Env, order: int) -> dict[str, float]:
    """The quantity in the product's unit."""
    return {"product_uom_qty": env.sudo()[ORDER].get(order, "product_qty")}


@compute(ORDER, "qty_produced")
def produced(env: Env, order: int) -> dict[str, float]:
    """What was really made."""
    ids = env.sudo()[ORDER].get(order, "move_finished_ids")
    done = [each for each in ids if env.sudo()[MOVE].get(each, "state") == "done"]
    return {"qty_produced": quantity(sum(moved(env, each) for each in done))}


@on_write(ORDER, until=18)
def keep_cancelled(env: Env, ids: Sequence[int], vals: dict[str, Any]) -> None:
    """While its moves are cancelled an order stays cancelled, whatever state is written."""
    if vals.get("state") in (None, "cancel"):
        return
    su = env.sudo()
    for order in ids:
        made = [su[MOVE].get(e, "state") for e in su[ORDER].get(order, "move_finished_ids")]
        if made and set(made) == {"cancel"}:
            vals.pop("state", None)


@on_unlink(ORDER)
def guard_unlink(env: Env, ids: Sequence[int]) -> None:
    """Orders that are done stay."""
    for order in ids:
        if env.sudo()[ORDER].get(order, "state") == "done":
            raise UserError("Cannot delete a manufacturing order in done state.")


# --- methods ----------------------------------------------------------------------------------------------


def _moves(env: Env, order: int) -> list[int]:
    raw, made = env.sudo()[ORDER].values(order, "move_raw_ids", "move_finished_ids")
    return [*raw, *made]


@method(ORDER, "action_confirm")
def action_confirm(env: Env, ids: list[int]) -> bool:
    """Confirm drafts with their moves."""
    env.check(ORDER, "write")
    for order in ids:
        bom = env.sudo()[ORDER].get(order, "bom_id")
        if bom:
            how = env.sudo()[BOM].get(bom, "consumption") or "flexible"
            env[ORDER].write([order], {"consumption": how})
        confirm_moves(env, _moves(env, order))
        if env.sudo()[ORDER].get(order, "state") == "draft":
            env[ORDER].write([order], {"state": "confirmed"})
    return True


@method(ORDER, "action_assign")
def action_assign(env: Env, ids: list[int]) -> bool:
    """Reserve the components."""
    env.check(ORDER, "write")
    for order in ids:
        assign_moves(env, open_moves(env, env.sudo()[ORDER].get(order, "move_raw_ids")))
    return True


@method(ORDER, "do_unreserve")
def do_unreserve(env: Env, ids: list[int]) -> bool:
    """Give the components back."""
    env.check(ORDER, "write")
    for order in ids:
        unreserve_moves(env, open_moves(env, env.sudo()[ORDER].get(order, "move_raw_ids")))
    return True


@method(ORDER, "action_cancel")
def action_cancel(env: Env, ids: list[int]) -> bool:
    """Cancel what is not done: an order that is done is silently left (up to 18) or refused (19)."""
    env.check(ORDER, "write")
    su = env.sudo()
    if env.version >= 19 and any(su[ORDER].get(each, "state") == "done" for each in ids):
        raise UserError("You cannot cancel a manufacturing order that is already done.")
    for order in ids:
        if su[ORDER].get(order, "state") in CLOSED:
            continue
        cancel_moves(env, open_moves(env, _moves(env, order)))
        if su[ORDER].get(order, "state") not in CLOSED:
            env[ORDER].write([order], {"state": "cancel"})
    return True
