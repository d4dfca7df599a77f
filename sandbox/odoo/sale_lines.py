"""Lines of sales orders: amounts, what is delivered and invoiced, locked lines, and the writes that reset a price."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sandbox.odoo.engine import (
    Env,
    UserError,
    after_create,
    after_write,
    compute,
    on_create,
    on_unlink,
    on_write,
)
from sandbox.odoo.naming import cents, is_goods, label, line_uom, quantity, sale_taxes
from sandbox.odoo.sale import INVOICE, INVOICE_LINE, is_locked
from sandbox.odoo.sale_delivery import (
    LINE,
    ORDER,
    add_move,
    create_delivery,
    missing,
    new_delivery,
    open_delivery,
)
from sandbox.odoo.stock_moves import (
    MOVE,
    assign_moves,
    confirm_moves,
    moved,
    open_moves,
    usage,
)

PRODUCT: Final = "product.product"
_PROTECTED: Final = ("product_id", "name", "price_unit", "product_uom_qty", "analytic_distribution")


@on_create(LINE)
def fill_line(env: Env, vals: dict[str, Any]) -> None:
    """Give a new line the words, the unit and the taxes of its product."""
    product = vals.get("product_id")
    vals.setdefault("sequence", 10)
    if not product:
        return
    su = env.sudo()
    vals.setdefault("product_uom_qty", 1.0)
    if not vals.get("name"):
        vals["name"] = su[PRODUCT].display_name(product)
    if not vals.get(line_uom(env)):
        vals[line_uom(env)] = su[PRODUCT].get(product, "uom_id")
    if sale_taxes(env) not in vals:
        vals[sale_taxes(env)] = su[PRODUCT].get(product, "taxes_id")
    if "price_unit" in vals and env.has(LINE, "technical_price_unit"):
        vals.setdefault("technical_price_unit", vals["price_unit"])


@on_write(LINE)
def guard_locked(env: Env, ids: Sequence[int], vals: Mapping[str, Any]) -> None:
    """Refuse, by their labels, the fields that a locked order protects; discount only from 19 on."""
    protected = {*_PROTECTED, line_uom(env), sale_taxes(env)}
    if env.version >= 19:
        protected.add("discount")
    found = sorted(name for name in vals if name in protected)
    orders = {env.sudo()[LINE].get(each, "order_id") for each in ids}
    if found and any(is_locked(env, order) for order in orders if order):
        names = "\n".join(label(env, LINE, name) for name in found)
        raise UserError(
            f"It is forbidden to modify the following fields in a locked order:\n{names}"
        )
    if "display_type" in vals and any(
        env.sudo()[LINE].get(each, "display_type") != (vals["display_type"] or False)
        for each in ids
    ):
        raise UserError(
            "You cannot change the type of a sale order line. Instead you should delete the current "
            "line and create a new line of the proper type."
        )


@on_unlink(LINE)
def guard_unlink(env: Env, ids: Sequence[int]) -> None:
    """Lines of confirmed orders stay."""
    for each in ids:
        order, kind = env.sudo()[LINE].values(each, "order_id", "display_type")
        if order and not kind and env.sudo()[ORDER].get(order, "state") in ("sale", "done"):
            raise UserError(
                "Once a sales order is confirmed, you can't remove one of its lines (we need to track "
                "if something gets invoiced or delivered).\n                Set the quantity to 0 instead."
            )


# --- the price-reset trap ---------------------------------------------------------------------------------


@compute(
    LINE,
    "price_unit",
    "technical_price_unit",
    depends=(
        "product_uom_qty",
        "product_id",
        "product_uom",
        "product_packaging_id",
        "product_packaging_qty",
        "display_type",
    ),
    until=17,
    when="written",
)
@compute(
    LINE,
    "price_unit",
    "technical_price_unit",
    depends=("display_type",),
    since=18,
    when="written",
)
def list_price(env: Env, line: int) -> dict[str, float] | None:
    """The list price; up to 17 written over a manual price whenever one of these is written at all."""
    product, total = env.sudo()[LINE].values(line, "product_id", "qty_invoiced")
    if not product or total > 0:
        return None
    template = env.sudo()[PRODUCT].get(product, "product_tmpl_id")
    price = env.sudo()["product.template"].get(template, "list_price")
    return {"price_unit": price, "technical_price_unit": price}


@compute(
    LINE,
    "price_unit",
    "technical_price_unit",
    depends=("product_uom_qty", "product_id", "product_uom", "product_uom_id"),
    since=18,
    when="written",
)
def own_price(env: Env, line: int) -> dict[str, float] | None:
    """The list price again when a quantity is written, unless a person wrote another price since.

    A price that came with the line when it was made does not count as a person's: Odoo takes it for its own.
    """
    row = env.sudo()[LINE].rows[line]
    if row.get("technical_price_unit", 0.0) != row.get("price_unit", 0.0):
        return None
    return list_price(env, line)


# --- amounts, delivered, invoiced -------------------------------------------------------------------------


@compute(
    LINE,
    "price_subtotal",
    "price_tax",
    "price_total",
    "price_reduce",
    "price_reduce_taxexcl",
    "price_reduce_taxinc",
    depends=("product_uom_qty", "price_unit", "discount", "tax_id", "tax_ids"),
)
def amounts(env: Env, line: int) -> dict[str, float]:
    """The amounts of one line, rounded to cents."""
    names = ("product_uom_qty", "price_unit", "discount", sale_taxes(env))
    amount, price, discount, taxes = env.sudo()[LINE].values(line, *names)
    reduced = price * (1 - discount / 100)
    subtotal = cents(amount * reduced)
    tax = cents(sum(subtotal * env.sudo()["account.tax"].get(t, "amount") / 100 for t in taxes))
    total = cents(subtotal + tax)
    if env.version >= 18:
        # From 18 on it is a difference of floats, with their dust.
        tax = total - subtotal
    return {
        "price_subtotal": subtotal,
        "price_tax": tax,
        "price_total": total,
        "price_reduce": reduced,
        "price_reduce_taxexcl": cents(subtotal / amount) if amount else 0.0,
        "price_reduce_taxinc": cents(total / amount) if amount else 0.0,
    }


@compute(LINE, "qty_delivered_method", "is_service", depends=("product_id",))
def how_delivered(env: Env, line: int) -> dict[str, Any]:
    """Goods are counted by their moves, services by hand."""
    product = env.sudo()[LINE].get(line, "product_id")
    is_carried = is_goods(env, product)
    return {
        "qty_delivered_method": "stock_move" if is_carried else "manual",
        "is_service": bool(product) and not is_carried,
    }


@compute(
    LINE,
    "qty_delivered",
    depends=("move_ids.state", "move_ids.quantity", "move_ids.quantity_done", "product_id"),
)
def delivered(env: Env, line: int) -> dict[str, float] | None:
    """What moves took out, less what came back; services keep what was entered."""
    if not is_goods(env, env.sudo()[LINE].get(line, "product_id")):
        return None
    total, moves = 0.0, env.sudo()[MOVE]
    for move in env.sudo()[LINE].get(line, "move_ids"):
        if moves.get(move, "state") != "done":
            continue
        is_back = usage(env, moves.get(move, "location_dest_id")) != "customer"
        if is_back and not moves.get(move, "to_refund"):
            continue
        total += -moved(env, move) if is_back else moved(env, move)
    return {"qty_delivered": quantity(total)}


@compute(
    LINE,
    "qty_invoiced",
    "qty_to_invoice",
    "invoice_status",
    "untaxed_amount_invoiced",
    "untaxed_amount_to_invoice",
    depends=(
        "invoice_lines.move_id.state",
        "invoice_lines.quantity",
        "invoice_lines.price_subtotal",
        "qty_delivered",
        "product_uom_qty",
        "price_unit",
        "discount",
        "order_id.state",
    ),
)
def invoiced(env: Env, line: int) -> dict[str, Any]:
    """What invoices say, drafts too, and what is left."""
    su = env.sudo()
    total = posted = 0.0
    for each in su[LINE].get(line, "invoice_lines"):
        invoice, amount, worth = su[INVOICE_LINE].values(
            each, "move_id", "quantity", "price_subtotal"
        )
        state, kind = su[INVOICE].values(invoice, "state", "move_type")
        sign = 1 if kind == "out_invoice" else -1
        total += sign * amount if state != "cancel" else 0.0
        posted += sign * worth if state == "posted" else 0.0
    names = ("order_id", "product_id", "product_uom_qty", "qty_delivered", "display_type")
    order, product, wanted, carried, kind = su[LINE].values(line, *names)
    is_live = bool(order) and su[ORDER].get(order, "state") in ("sale", "done") and not kind
    is_by_order = bool(product) and su[PRODUCT].get(product, "invoice_policy") == "order"
    base = wanted if is_by_order else carried
    left = quantity(base - total) if is_live else 0.0
    price, discount = su[LINE].values(line, "price_unit", "discount")
    worth = cents(base * price * (1 - discount / 100)) if is_live else 0.0
    if not is_live:
        status = "no"
    elif left:
        status = "to invoice"
    elif is_by_order and carried > wanted >= 0:
        status = "upselling"
    else:
        status = "invoiced" if total >= wanted else "no"
    return {
        "qty_invoiced": quantity(total),
        "qty_to_invoice": left,
        "invoice_status": status,
        "untaxed_amount_invoiced": cents(posted),
        "untaxed_amount_to_invoice": max(cents(worth - posted), 0.0),
    }


# --- what a write on a confirmed order does ---------------------------------------------------------------


@after_write(LINE)
def follow(
    env: Env, ids: Sequence[int], vals: Mapping[str, Any], old: Mapping[int, Mapping[str, Any]]
) -> None:
    """Let the open moves follow the quantity."""
    if "product_uom_qty" not in vals:
        return
    su = env.sudo()
    for line in ids:
        order, wanted, product = su[LINE].values(line, "order_id", "product_uom_qty", "product_id")
        is_moved = old[line]["product_uom_qty"] != wanted
        if not is_moved or not order or su[ORDER].get(order, "state") != "sale":
            continue
        env.message(ORDER, [order], "<p>The ordered quantity has been updated.</p>")
        if not is_goods(env, product):
            continue
        todo = open_moves(env, su[LINE].get(line, "move_ids"))
        more = missing(env, line)
        if todo and more:
            now = su[MOVE].get(todo[0], "product_uom_qty")
            su[MOVE].write([todo[0]], {"product_uom_qty": max(now + more, 0.0)})
            assign_moves(env, [todo[0]])
        elif more > 0:
            made = add_move(env, line, open_delivery(env, order) or new_delivery(env, order), more)
            confirm_moves(env, [made])


@after_create(LINE)
def follow_new(env: Env, ids: Sequence[int]) -> None:
    """A line that is added to a confirmed order gets its move."""
    for line in ids:
        order = env.sudo()[LINE].get(line, "order_id")
        if order and env.sudo()[ORDER].get(order, "state") == "sale":
            create_delivery(env, order)
