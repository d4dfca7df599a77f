"""What confirming a sales order makes: the delivery with its moves."""

from __future__ import annotations

from typing import Final

from sandbox.odoo.engine import Env
from sandbox.odoo.naming import is_goods, line_uom, present
from sandbox.odoo.stock_moves import CLOSED, MOVE, PICKING, assign_moves, confirm_moves, open_moves

ORDER: Final = "sale.order"
LINE: Final = "sale.order.line"


def create_delivery(env: Env, order: int) -> None:
    """Make the delivery of an order: one move for each line with goods, reserved where there is stock."""
    su = env.sudo()
    goods = [
        line
        for line in su[ORDER].get(order, "order_line")
        if is_goods(env, su[LINE].get(line, "product_id")) and missing(env, line) > 0
    ]
    if not goods:
        return
    picking = open_delivery(env, order) or new_delivery(env, order)
    moves = [add_move(env, line, picking, missing(env, line)) for line in goods]
    confirm_moves(env, moves)
    assign_moves(env, open_moves(env, moves))
    number = su[ORDER].get(order, "name")
    env.message(PICKING, [picking], f"<p>This transfer has been created from: {number}</p>")


def missing(env: Env, line: int) -> float:
    """Return what no move of the line asks for yet."""
    su = env.sudo()
    asked = sum(
        su[MOVE].get(move, "product_uom_qty")
        for move in su[LINE].get(line, "move_ids")
        if su[MOVE].get(move, "state") != "cancel"
        and not su[MOVE].get(move, "origin_returned_move_id")
    )
    return float(su[LINE].get(line, "product_uom_qty") - asked)


def open_delivery(env: Env, order: int) -> int:
    """Return a delivery of the order that waits, or 0."""
    su = env.sudo()
    waiting = [
        each
        for each in su[ORDER].get(order, "picking_ids")
        if su[PICKING].get(each, "state") not in CLOSED
    ]
    return waiting[0] if waiting else 0


def new_delivery(env: Env, order: int) -> int:
    """Make an empty delivery, with the group that ties it to the order."""
    su = env.sudo()
    row = su[ORDER].rows[order]
    if env.version >= 19:
        if not row.get("stock_reference_ids"):
            made = su["stock.reference"].insert({"name": row["name"]})
            su[ORDER].update([order], {"stock_reference_ids": (made,)})
    elif not row.get("procurement_group_id"):
        group = {
            "name": row["name"],
            "partner_id": row["partner_shipping_id"],
            "move_type": row["picking_policy"],
            "sale_id": order,
        }
        made = su["procurement.group"].insert(present(env, "procurement.group", group))
        su[ORDER].update([order], {"procurement_group_id": made})
    row = su[ORDER].rows[order]
    types = su["stock.picking.type"]
    domain = [("code", "=", "outgoing"), ("company_id", "=", row["company_id"])]
    kind = types.first(domain)
    vals = {
        "picking_type_id": kind,
        "partner_id": row["partner_shipping_id"],
        "user_id": False,
        "date": env.now,
        "origin": row["name"],
        "location_id": types.get(kind, "default_location_src_id"),
        "location_dest_id": su["stock.location"].first([("usage", "=", "customer")]),
        "company_id": row["company_id"],
        "group_id": row.get("procurement_group_id", False),
        "sale_id": order,
        "move_type": row["picking_policy"],
    }
    return su[PICKING].create(present(env, PICKING, vals))


def add_move(env: Env, line: int, picking: int, amount: float) -> int:
    """Make the draft move of one line."""
    su = env.sudo()
    row = su[LINE].rows[line]
    order = su[ORDER].rows[row["order_id"]]
    names = ("location_id", "location_dest_id", "picking_type_id", "company_id", "partner_id")
    vals = dict(zip(names, su[PICKING].values(picking, *names), strict=True))
    vals |= {
        "name": row["name"],
        "product_id": row["product_id"],
        "product_uom": row[line_uom(env)],
        "product_uom_qty": amount,
        "date": env.now,
        "date_deadline": order["date_order"],
        "picking_id": picking,
        "state": "draft",
        "sale_line_id": line,
        "group_id": order.get("procurement_group_id", False),
        "reference_ids": order.get("stock_reference_ids", ()),
        "origin": order["name"],
        "propagate_cancel": False,
        "location_final_id": vals["location_dest_id"],
        "description_picking": su["product.product"].display_name(row["product_id"]),
        "procure_method": "make_to_stock",
        "sequence": row.get("sequence", 10),
        "priority": "0",
        "warehouse_id": order.get("warehouse_id", False),
    }
    return su[MOVE].insert(present(env, MOVE, vals))
