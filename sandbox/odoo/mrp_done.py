"""Marking manufacturing orders done, and the wizards that stand in the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sandbox.odoo.engine import Env, UserError, method
from sandbox.odoo.mrp import BOM, ORDER, PRODUCT
from sandbox.odoo.naming import quantity
from sandbox.odoo.stock_moves import (
    MOVE,
    cancel_moves,
    done_moves,
    drop_lines,
    lines_of,
    moved,
    open_moves,
    set_moved,
)

CONSUMPTION: Final = "mrp.consumption.warning"
IMMEDIATE: Final = "mrp.immediate.production"
BACKORDER: Final = "mrp.production.backorder"


@method(ORDER, "button_mark_done")
def button_mark_done(env: Env, ids: list[int]) -> Any:
    """Finish orders, or return the wizard that asks about what is missing."""
    env.check(ORDER, "write")
    su = env.sudo()
    for order in ids:
        if su[ORDER].get(order, "qty_producing"):
            _check_consumed(env, order)
        elif env.version == 16 and not env.context.get("skip_immediate"):
            return _wizard("Immediate Production?", IMMEDIATE, {"default_mo_ids": [[4, order]]})
        else:
            fill_in(env, order)
    issues = [] if env.context.get("skip_consumption") else _issues(env, ids)
    if issues:
        return _consumption_wizard(env, ids, issues)
    short = [e for e in ids if su[ORDER].get(e, "qty_producing") < su[ORDER].get(e, "product_qty")]
    if short and not env.context.get("skip_backorder"):
        lines = [[0, 0, {"mrp_production_id": e, "to_backorder": True}] for e in short]
        context: dict[str, Any] = {**env.context, "default_mrp_production_ids": short}
        context["default_mrp_production_backorder_line_ids"] = lines
        context["always_backorder_mo_ids"] = []
        name = "You produced less than initial demand"
        return _window(env, name, "mrp.action_mrp_production_backorder", BACKORDER, context)
    for order in ids:
        _finish(env, order)
    return True


def _check_consumed(env: Env, order: int) -> None:
    raw = env.sudo()[ORDER].get(order, "move_raw_ids")
    if env.version == 16 and raw and not any(moved(env, each) for each in raw):
        raise UserError(
            "You must indicate a non-zero amount consumed for at least one of your components"
        )


def fill_in(env: Env, order: int) -> None:
    """Take as made and consumed what the order asks for."""
    su = env.sudo()
    su[ORDER].update([order], {"qty_producing": su[ORDER].get(order, "product_qty")})
    for move in open_moves(env, su[ORDER].get(order, "move_raw_ids")):
        _fill(env, move, su[MOVE].get(move, "product_uom_qty"))


def _fill(env: Env, move: int, amount: float) -> None:
    set_moved(env, move, amount)
    if env.version >= 17:
        env.sudo()[MOVE].update([move], {"picked": True})
        env.sudo()["stock.move.line"].update(
            env.sudo()[MOVE].get(move, "move_line_ids"), {"picked": True}
        )


def _issues(env: Env, ids: Sequence[int]) -> list[tuple[int, int, float, float]]:
    su = env.sudo()
    found = []
    for order in ids:
        how, bom, producing, wanted = su[ORDER].values(
            order, "consumption", "bom_id", "qty_producing", "product_qty"
        )
        if how == "flexible" or not bom or not su[BOM].get(bom, "bom_line_ids"):
            continue
        for move in su[ORDER].get(order, "move_raw_ids"):
            product, asked = su[MOVE].values(move, "product_id", "product_uom_qty")
            expected = quantity(asked * producing / wanted) if wanted else 0.0
            is_picked = env.version == 16 or su[MOVE].get(move, "picked")
            consumed = moved(env, move) if is_picked else 0.0
            if expected != consumed:
                found.append((order, product, consumed, expected))
    return found


def _consumption_wizard(
    env: Env, ids: Sequence[int], issues: Sequence[tuple[int, int, float, float]]
) -> dict[str, Any]:
    lines = []
    for order, product, consumed, expected in issues:
        vals = {
            "mrp_production_id": order,
            "product_id": product,
            "consumption": env.sudo()[ORDER].get(order, "consumption"),
            "product_uom_id": env.sudo()[PRODUCT].get(product, "uom_id"),
            "product_consumed_qty_uom": consumed,
            "product_expected_qty_uom": expected,
        }
        lines.append([0, 0, vals])
    context = {
        "default_mrp_production_ids": list(ids),
        "default_mrp_consumption_warning_line_ids": lines,
        "form_view_ref": False,
    }
    title = "Consumption Warning"
    return _window(env, title, "mrp.action_mrp_consumption_warning", CONSUMPTION, context)


def _window(
    env: Env, name: str, xml_id: str, model: str, context: Mapping[str, Any]
) -> dict[str, Any]:
    """Return a stored window action as Odoo hands it out, with all of its fields."""
    action = {
        "id": 428,
        "name": name,
        "display_name": name,
        "type": "ir.actions.act_window",
        "xml_id": xml_id,
        "help": False,
        "binding_model_id": False,
        "binding_type": "action",
        "binding_view_types": "list,form",
        "view_id": False,
        "domain": False,
        "context": context,
        "res_id": 0,
        "res_model": model,
        "target": "new",
        "view_mode": "form",
        "mobile_view_mode": "kanban",
        "views": [[False, "form"]],
        "limit": 80,
        "search_view_id": False,
        "filter": False,
        "group_ids" if env.version >= 19 else "groups_id": [],
    }
    if env.version >= 18:
        action |= {"path": False, "embedded_action_ids": []}
    return {**action, "cache": True} if env.version >= 19 else action


def _wizard(name: str, model: str, context: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "type": "ir.actions.act_window",
        "view_mode": "form",
        "res_model": model,
        "views": [[False, "form"]],
        "target": "new",
        "context": context,
    }


@method(CONSUMPTION, "action_confirm")
def confirm_consumption(env: Env, _ids: list[int]) -> Any:
    """The wizard's button: finish with what was consumed."""
    orders = list(env.context.get("default_mrp_production_ids") or ())
    return button_mark_done(env.with_context(skip_consumption=True), orders)


def _finish(env: Env, order: int) -> None:
    su = env.sudo()
    producing = su[ORDER].get(order, "qty_producing")
    made = open_moves(env, su[ORDER].get(order, "move_finished_ids"))
    raw = open_moves(env, su[ORDER].get(order, "move_raw_ids"))
    for move in made:
        _fill(env, move, producing)
    used = [m for m in raw if moved(env, m) and (env.version == 16 or su[MOVE].get(m, "picked"))]
    done_moves(env, [*used, *made], no_backorder=True)
    rest = open_moves(env, raw)
    if env.version >= 17:
        cancel_moves(env, rest)
    else:
        for move in rest:
            drop_lines(env, lines_of(env, move))
        su[MOVE].update(rest, {"state": "done", "product_uom_qty": 0.0})
    vals = {"date_finished": env.now, "priority": "0", "is_locked": True, "state": "done"}
    env[ORDER].write([order], vals)
