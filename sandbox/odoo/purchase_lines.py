"""Lines of purchase orders: amounts, what is received and billed, and the writes that reset a negotiated price."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
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
from sandbox.odoo.naming import (
    cents,
    is_goods,
    line_uom,
    present,
    purchase_taxes,
    quantity,
    selected,
)
from sandbox.odoo.purchase_receipt import LINE, ORDER, add_move, new_receipt
from sandbox.odoo.stock_moves import (
    CLOSED,
    DONE_REFUSED,
    MOVE,
    PICKING,
    assign_moves,
    confirm_moves,
    moved,
    open_moves,
    usage,
)

INVOICE: Final = "account.move"
INVOICE_LINE: Final = "account.move.line"
PRODUCT: Final = "product.product"
SELLER: Final = "product.supplierinfo"
_SECONDS: Final = "%Y-%m-%d %H:%M:%S"


@on_create(LINE)
def fill_line(env: Env, vals: dict[str, Any]) -> None:
    """Give a new line the unit, the taxes and the words of its product."""
    product = vals.get("product_id")
    vals.setdefault("sequence", 10)
    vals.setdefault("propagate_cancel", True)
    if not product:
        return
    su = env.sudo()
    vals.setdefault("product_qty", 1.0)
    if not vals.get(line_uom(env)):
        vals[line_uom(env)] = su[PRODUCT].get(product, "uom_id")
    if purchase_taxes(env) not in vals:
        vals[purchase_taxes(env)] = su[PRODUCT].get(product, "supplier_taxes_id")


@on_write(LINE)
def compare_quantity(env: Env, _ids: Sequence[int], vals: Mapping[str, Any]) -> None:
    """Odoo rounds a new quantity before it checks what it is: text fails in Python's own words."""
    if isinstance(vals.get("product_qty"), str):
        _ = vals["product_qty"] / 0.01 if env.version <= 17 else vals["product_qty"] * 100.0


@compute(LINE, "qty_received_method", depends=("product_id",))
def how_received(env: Env, line: int) -> dict[str, Any]:
    """Goods are counted by their moves, services by hand."""
    product = env.sudo()[LINE].get(line, "product_id")
    if not product:
        return {"qty_received_method": False}
    return {"qty_received_method": "stock_moves" if is_goods(env, product) else "manual"}


@compute(LINE, "product_uom_qty", depends=("product_qty", "product_uom", "product_uom_id"))
def in_own_unit(env: Env, line: int) -> dict[str, float]:
    """The quantity in the product's unit."""
    return {"product_uom_qty": env.sudo()[LINE].get(line, "product_qty")}


# --- the price-reset trap ---------------------------------------------------------------------------------


def _from_price_list(env: Env, line: int) -> dict[str, Any] | None:
    """Return what the vendor's price list says; None where the line stays as it is."""
    su = env.sudo()
    row = su[LINE].rows[line]
    product = row.get("product_id")
    if not product or su[LINE].get(line, "invoice_lines"):
        return None
    order = row.get("order_id")
    seller = _seller(env, product, order, row.get("product_qty", 0.0)) if order else 0
    found: dict[str, Any] = {}
    ordered = su[ORDER].get(order, "date_order") if order else env.now
    if seller or not row.get("date_planned"):
        days = su[SELLER].get(seller, "delay") if seller else 0
        date = datetime.strptime(ordered or env.now, _SECONDS) + timedelta(days=days)  # noqa: DTZ007
        found["date_planned"] = date.strftime("%Y-%m-%d 12:00:00")
    if seller:
        found |= {"price_unit": su[SELLER].get(seller, "price"), "discount": 0.0}
    elif not row.get("price_unit"):
        found["price_unit"] = su[PRODUCT].get(product, "standard_price")
    name = su[PRODUCT].display_name(product)
    if not row.get("name"):
        found["name"] = name
    found["technical_price_unit"] = found.get("price_unit", row.get("price_unit", 0.0))
    return found


def _seller(env: Env, product: int, order: int, amount: float) -> int:
    su = env.sudo()
    template = su[PRODUCT].get(product, "product_tmpl_id")
    partner = su[ORDER].get(order, "partner_id")
    domain = [("product_tmpl_id", "=", template), ("partner_id", "=", partner)]
    fitting = [
        each
        for each in su[SELLER].search(domain, order="sequence, id")
        if (su[SELLER].get(each, "min_qty") or 0.0) <= amount
    ]
    return fitting[0] if fitting else 0


_RESET: Final = ("price_unit", "date_planned", "name", "discount", "technical_price_unit")
_OWN: Final = ("product_qty", "product_uom", "product_id", "order_id", "product_packaging_id")


@compute(
    LINE,
    *_RESET,
    depends=(*_OWN, "product_packaging_qty", "order_id.company_id"),
    until=17,
    when="written",
)
@compute(
    LINE,
    *_RESET,
    depends=(*_OWN, "product_packaging_qty", "order_id.company_id", "order_id.partner_id"),
    since=18,
    until=18,
    when="written",
)
def reset_price(env: Env, line: int) -> dict[str, Any] | None:
    """Up to 18 writing one of these, unchanged too, brings the price list back over what was negotiated."""
    return _from_price_list(env, line)


@compute(LINE, *_RESET, depends=("product_qty", "product_uom_id", "product_id"), since=19)
def reset_changed_price(env: Env, line: int) -> dict[str, Any] | None:
    """From 19 on only a real change does."""
    return _from_price_list(env, line)


@after_write(ORDER, since=19)
def reset_for_vendor(
    env: Env, ids: Sequence[int], vals: Mapping[str, Any], _old: Mapping[int, Mapping[str, Any]]
) -> None:
    """19: writing the vendor on the header, the same too, resets the prices of all lines."""
    if "partner_id" not in vals:
        return
    for order in ids:
        for line in env.sudo()[ORDER].get(order, "order_line"):
            found = _from_price_list(env, line)
            if found:
                env.sudo()[LINE].update([line], present(env, LINE, found))


# --- amounts, received, billed ----------------------------------------------------------------------------


@compute(
    LINE,
    "price_subtotal",
    "price_tax",
    "price_total",
    depends=("product_qty", "price_unit", "discount", "taxes_id", "tax_ids"),
)
def amounts(env: Env, line: int) -> dict[str, float]:
    """The amounts of one line, rounded to cents."""
    names = ("product_qty", "price_unit", purchase_taxes(env))
    amount, price, taxes = env.sudo()[LINE].values(line, *names)
    discount = env.sudo()[LINE].rows[line].get("discount", 0.0) or 0.0
    subtotal = cents(amount * price * (1 - discount / 100))
    tax = cents(sum(subtotal * env.sudo()["account.tax"].get(t, "amount") / 100 for t in taxes))
    total = cents(subtotal + tax)
    if env.version >= 18:
        # From 18 on it is a difference of floats, with their dust.
        tax = total - subtotal
    return {"price_subtotal": subtotal, "price_tax": tax, "price_total": total}


@compute(
    LINE,
    "qty_received",
    depends=(
        "move_ids.state",
        "move_ids.quantity",
        "move_ids.quantity_done",
        "move_ids.purchase_line_id",
        "qty_received_manual",
        "qty_received_method",
    ),
)
def received(env: Env, line: int) -> dict[str, float]:
    """What moves brought in, less what returns took out again."""
    how, by_hand = env.sudo()[LINE].values(line, "qty_received_method", "qty_received_manual")
    if how != "stock_moves":
        return {"qty_received": by_hand or 0.0}
    total, moves = 0.0, env.sudo()[MOVE]
    for move in env.sudo()[LINE].get(line, "move_ids"):
        if moves.get(move, "state") != "done":
            continue
        is_back = usage(env, moves.get(move, "location_dest_id")) == "supplier"
        if is_back and not moves.get(move, "to_refund"):
            continue
        total += -moved(env, move) if is_back else moved(env, move)
    row = env.sudo()[LINE].rows[line]
    order = row.get("order_id")
    is_moved = quantity(total) != row.get("qty_received", 0.0)
    if is_moved and order and env.sudo()[ORDER].get(order, "state") == "purchase":
        env.message(ORDER, [order], "<p>The received quantity has been updated.</p>")
    return {"qty_received": quantity(total)}


@compute(
    LINE,
    "qty_invoiced",
    "qty_to_invoice",
    depends=(
        "invoice_lines.move_id.state",
        "invoice_lines.quantity",
        "invoice_lines.purchase_line_id",
        "qty_received",
        "product_qty",
        "order_id.state",
    ),
)
def billed(env: Env, line: int) -> dict[str, float]:
    """What bills say, drafts too."""
    su = env.sudo()
    total = 0.0
    for each in su[LINE].get(line, "invoice_lines"):
        invoice, amount = su[INVOICE_LINE].values(each, "move_id", "quantity")
        state, kind = su[INVOICE].values(invoice, "state", "move_type")
        if state != "cancel":
            total += amount if kind == "in_invoice" else -amount
    row = su[LINE].rows[line]
    to_bill = 0.0
    if row.get("order_id") and su[ORDER].get(row["order_id"], "state") in ("purchase", "done"):
        product = row.get("product_id")
        is_ordered = product and su[PRODUCT].get(product, "purchase_method") == "purchase"
        base = row.get("product_qty", 0.0) if is_ordered else su[LINE].get(line, "qty_received")
        to_bill = quantity(base - total)
    return {"qty_invoiced": quantity(total), "qty_to_invoice": to_bill}


@compute(ORDER, "invoice_ids", "invoice_count", depends=("order_line.invoice_lines.move_id",))
def invoices(env: Env, order: int) -> dict[str, Any]:
    """The bills of the lines."""
    su = env.sudo()
    found = {
        su[INVOICE_LINE].get(each, "move_id")
        for line in su[ORDER].get(order, "order_line")
        for each in su[LINE].get(line, "invoice_lines")
    }
    return {"invoice_ids": tuple(sorted(found)), "invoice_count": len(found)}


@compute(ORDER, "invoice_status", depends=("state", "order_line.qty_to_invoice", "invoice_ids"))
def invoice_status(env: Env, order: int) -> dict[str, str]:
    """Whether something is left to bill; a draft bill is enough to be `invoiced`."""
    state, lines, bills = env.sudo()[ORDER].values(order, "state", "order_line", "invoice_ids")
    if state not in ("purchase", "done"):
        return {"invoice_status": "no"}
    if any(
        env.sudo()[LINE].get(each, "qty_to_invoice")
        for each in lines
        if not env.sudo()[LINE].get(each, "display_type")
    ):
        return {"invoice_status": "to invoice"}
    return {"invoice_status": "invoiced" if bills else "no"}


# --- what a write on a confirmed order does ---------------------------------------------------------------


@after_write(LINE)
def follow(
    env: Env, ids: Sequence[int], vals: Mapping[str, Any], old: Mapping[int, Mapping[str, Any]]
) -> None:
    """Let the open moves follow quantity, price and date."""
    su = env.sudo()
    for line in ids:
        order = su[LINE].get(line, "order_id")
        moves = open_moves(env, su[LINE].get(line, "move_ids"))
        if "date_planned" in vals and moves:
            su[MOVE].update(moves, {"date_deadline": su[LINE].get(line, "date_planned")})
        if not order or su[ORDER].get(order, "state") != "purchase":
            continue
        if "price_unit" in vals and moves:
            su[MOVE].update(moves, {"price_unit": su[LINE].get(line, "price_unit")})
        if "product_qty" in vals and old[line]["product_qty"] != su[LINE].get(line, "product_qty"):
            env.message(ORDER, [order], "<p>The ordered quantity has been updated.</p>")
            adapt_moves(env, line)


@after_create(LINE)
def follow_new(env: Env, ids: Sequence[int]) -> None:
    """A line that is added to a confirmed order gets its move."""
    for line in ids:
        order = env.sudo()[LINE].get(line, "order_id")
        if order and env.sudo()[ORDER].get(order, "state") == "purchase":
            adapt_moves(env, line)


def adapt_moves(env: Env, line: int) -> None:
    """Make the moves ask for what the line asks for."""
    su = env.sudo()
    order, product, wanted = su[LINE].values(line, "order_id", "product_id", "product_qty")
    if not product or not is_goods(env, product):
        return
    if wanted < su[LINE].get(line, "qty_received"):
        raise UserError(
            "You cannot decrease the ordered quantity below the received quantity.\n"
            "Create a return first."
        )
    moves = su[LINE].get(line, "move_ids")
    asked = 0.0
    for each in moves:
        if su[MOVE].get(each, "state") == "cancel":
            continue
        is_back = usage(env, su[MOVE].get(each, "location_dest_id")) == "supplier"
        asked += (-1 if is_back else 1) * su[MOVE].get(each, "product_uom_qty")
    missing = quantity(wanted - asked)
    todo = open_moves(env, moves)
    if not missing:
        return
    # More of the same is added to the move that waits; at another price or in other words it is a new one.
    alike = [
        each
        for each in todo
        if su[MOVE].get(each, "price_unit") == su[LINE].get(line, "price_unit")
        and su[MOVE].rows[each].get("description_picking") in (None, su[LINE].get(line, "name"))
    ]
    if alike or (todo and missing < 0):
        at = (alike or todo)[0]
        now = su[MOVE].get(at, "product_uom_qty")
        su[MOVE].write([at], {"product_uom_qty": max(quantity(now + missing), 0.0)})
        return
    waiting = [
        each
        for each in su[ORDER].get(order, "picking_ids")
        if su[PICKING].get(each, "state") not in CLOSED
    ]
    made = add_move(env, line, waiting[0] if waiting else new_receipt(env, order))
    su[MOVE].update([made], {"product_uom_qty": missing})
    confirm_moves(env, [made])
    assign_moves(env, [made])


@on_unlink(LINE)
def guard_unlink(env: Env, ids: Sequence[int]) -> None:
    """Lines of confirmed orders stay; a receipt that is done is what Odoo stumbles over first."""
    moves = [move for each in ids for move in env.sudo()[LINE].get(each, "move_ids")]
    if any(env.sudo()[MOVE].get(move, "state") == "done" for move in moves):
        raise UserError(DONE_REFUSED)
    for each in ids:
        order = env.sudo()[LINE].get(each, "order_id")
        state = env.sudo()[ORDER].get(order, "state") if order else "draft"
        if state in ("purchase", "done"):
            shown = selected(env, ORDER, "state", state)
            said = f"“{shown}”" if env.version >= 18 else f"'{shown}'"
            raise UserError(f"Cannot delete a purchase order line which is in state {said}.")
