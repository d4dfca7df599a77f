"""What confirming a purchase order makes: the receipt with its moves, and the vendor on the price list."""

from __future__ import annotations

from typing import Final

from sandbox.odoo.engine import Env
from sandbox.odoo.naming import is_goods, line_uom, present
from sandbox.odoo.stock_moves import (
    CLOSED,
    MOVE,
    PICKING,
    assign_moves,
    confirm_moves,
    open_moves,
)

ORDER: Final = "purchase.order"
LINE: Final = "purchase.order.line"


def offer_vendor(env: Env, order: int) -> None:
    """Confirming puts the vendor on the price list of products that do not have him yet."""
    su = env.sudo()
    partner, currency = su[ORDER].values(order, "partner_id", "currency_id")
    for line in su[ORDER].get(order, "order_line"):
        product, price = su[LINE].values(line, "product_id", "price_unit")
        if not product:
            continue
        template = su["product.product"].get(product, "product_tmpl_id")
        sellers = su["product.supplierinfo"].search([("product_tmpl_id", "=", template)])
        if partner in [su["product.supplierinfo"].get(each, "partner_id") for each in sellers]:
            continue
        vals = {
            "partner_id": partner,
            "product_tmpl_id": template,
            "sequence": len(sellers) + 1,
            "min_qty": 1.0,
            "price": price,
            "currency_id": currency,
            "delay": 0,
        }
        su["product.supplierinfo"].insert(present(env, "product.supplierinfo", vals))


def create_receipt(env: Env, order: int) -> None:
    """Make the receipt of an order: one move for each line with goods, reserved at once."""
    su = env.sudo()
    goods = [
        line
        for line in su[ORDER].get(order, "order_line")
        if is_goods(env, su[LINE].get(line, "product_id"))
    ]
    if not goods:
        return
    waiting = [
        each
        for each in su[ORDER].get(order, "picking_ids")
        if su[PICKING].get(each, "state") not in CLOSED
    ]
    picking = waiting[0] if waiting else new_receipt(env, order)
    moves = [add_move(env, line, picking) for line in goods]
    confirm_moves(env, moves)
    for number, move in enumerate(moves, start=1):
        su[MOVE].update([move], {"sequence": 5 * number})
    assign_moves(env, open_moves(env, moves))
    number = su[ORDER].get(order, "name")
    env.message(PICKING, [picking], f"<p>This transfer has been created from: {number}</p>")


def new_receipt(env: Env, order: int) -> int:
    """Make an empty receipt, with the group that ties it to the order."""
    su = env.sudo()
    row = su[ORDER].rows[order]
    if env.version >= 19:
        if not row.get("reference_ids"):
            made = su["stock.reference"].insert({"name": row["name"]})
            su[ORDER].update([order], {"reference_ids": (made,)})
    elif not row.get("group_id"):
        group = {"name": row["name"], "partner_id": row["partner_id"], "move_type": "direct"}
        made = su["procurement.group"].insert(present(env, "procurement.group", group))
        su[ORDER].update([order], {"group_id": made})
    row = su[ORDER].rows[order]
    vals = {
        "picking_type_id": row["picking_type_id"],
        "partner_id": row["partner_id"],
        "user_id": False,
        "date": row["date_order"],
        "origin": row["name"],
        "location_id": su["stock.location"].first([("usage", "=", "supplier")]),
        "location_dest_id": su["stock.picking.type"].get(
            row["picking_type_id"], "default_location_dest_id"
        ),
        "company_id": row["company_id"],
        "group_id": row.get("group_id", False),
    }
    return su[PICKING].create(present(env, PICKING, vals))


def add_move(env: Env, line: int, picking: int) -> int:
    """Make the draft move of one line."""
    su = env.sudo()
    row = su[LINE].rows[line]
    names = ("location_id", "location_dest_id", "picking_type_id", "company_id")
    vals = dict(zip(names, su[PICKING].values(picking, *names), strict=True))
    order = su[ORDER].rows[row["order_id"]]
    vals |= {
        "name": su["product.product"].display_name(row["product_id"]),
        "product_id": row["product_id"],
        "partner_id": False,
        "location_final_id": vals["location_dest_id"],
        "product_uom": row[line_uom(env)],
        "product_uom_qty": row["product_qty"],
        "date": row["date_planned"],
        "date_deadline": row["date_planned"],
        "picking_id": picking,
        "state": "draft",
        "purchase_line_id": line,
        "price_unit": row["price_unit"],
        "group_id": order.get("group_id", False),
        "reference_ids": order.get("reference_ids", ()),
        "origin": order["name"],
        "propagate_cancel": True,
        "procure_method": "make_to_stock",
        "sequence": row.get("sequence", 10),
        "priority": "0",
        "warehouse_id": su["stock.picking.type"].get(vals["picking_type_id"], "warehouse_id"),
        "description_picking": row["name"],
    }
    return su[MOVE].insert(present(env, MOVE, vals))
