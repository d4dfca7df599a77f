"""Purchase orders: confirm, lock, unlock, cancel, back to draft; with the guards that Odoo has, and without the others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sandbox.odoo.engine import Env, UserError, compute, labels, method, on_create, on_unlink, track
from sandbox.odoo.naming import cents, listing, present
from sandbox.odoo.purchase_receipt import LINE, ORDER, create_receipt, offer_vendor
from sandbox.odoo.stock_moves import CLOSED, MOVE, PICKING, cancel_moves, open_moves

INVOICE: Final = "account.move"
OPEN: Final = ("draft", "sent")

track(ORDER, "state", "partner_id", "amount_untaxed", "user_id")
track(ORDER, "locked", since=19)
labels(ORDER, {"partner_id": "Vendor", "priority": "Priority"})
labels(LINE, {"product_qty": "Quantity"})


@on_create(ORDER)
def fill_order(env: Env, vals: dict[str, Any]) -> None:
    """Give a new order its number and what a form fills in."""
    if vals.get("name") in (None, False, "", "New"):
        vals["name"] = env.next_number(ORDER)
    company = vals.get("company_id") or env.company
    kinds = env.sudo()["stock.picking.type"]
    partner = vals.get("partner_id")
    defaults = {
        "company_id": company,
        "state": "draft",
        "priority": "0",
        "date_order": env.now,
        "currency_id": env.sudo()["res.company"].get(company, "currency_id"),
        "user_id": env.uid,
        "picking_type_id": kinds.first([("code", "=", "incoming"), ("company_id", "=", company)]),
        "currency_rate": 1.0,
        "reminder_date_before_receipt": 1,
    }
    if partner and env.has("res.partner", "property_supplier_payment_term_id"):
        term = env.sudo()["res.partner"].get(partner, "property_supplier_payment_term_id")
        defaults["payment_term_id"] = term
    for name, value in present(env, ORDER, defaults).items():
        vals.setdefault(name, value)


# --- what is computed -------------------------------------------------------------------------------------


@compute(ORDER, "display_name")
def display_name(env: Env, order: int) -> dict[str, str]:
    """The number, with the vendor's reference."""
    name, reference = env.sudo()[ORDER].values(order, "name", "partner_ref")
    return {"display_name": f"{name} ({reference})" if reference else str(name)}


@compute(
    ORDER,
    "amount_untaxed",
    "amount_tax",
    "amount_total",
    "amount_total_cc",
    depends=("order_line.price_subtotal", "order_line.price_tax", "order_line.order_id"),
)
def amounts(env: Env, order: int) -> dict[str, float]:
    """The sums over the lines."""
    lines = env.sudo()[LINE]
    ids = env.sudo()[ORDER].get(order, "order_line")
    untaxed = cents(sum(lines.get(each, "price_subtotal") for each in ids))
    tax = cents(sum(lines.get(each, "price_tax") for each in ids))
    total = cents(untaxed + tax)
    sums = {"amount_untaxed": untaxed, "amount_tax": tax, "amount_total": total}
    return {**sums, "amount_total_cc": total}


@compute(ORDER, "date_planned", depends=("order_line.date_planned",))
def date_planned(env: Env, order: int) -> dict[str, Any]:
    """The earliest date of the lines."""
    ids = env.sudo()[ORDER].get(order, "order_line")
    dates = [env.sudo()[LINE].get(each, "date_planned") for each in ids]
    return {"date_planned": min((each for each in dates if each), default=False)}


@compute(ORDER, "date_calendar_start", depends=("state", "date_order", "date_approve"))
def date_calendar_start(env: Env, order: int) -> dict[str, Any]:
    """The date of approval once there is one that counts, the order's date otherwise."""
    state, ordered, approved = env.sudo()[ORDER].values(
        order, "state", "date_order", "date_approve"
    )
    return {"date_calendar_start": approved if state in ("purchase", "done") else ordered}


@compute(ORDER, "picking_ids", depends=("order_line.move_ids.picking_id",))
def picking_ids(env: Env, order: int) -> dict[str, Any]:
    """The pickings of the lines' moves."""
    moves, found = env.sudo()[MOVE], set()
    for line in env.sudo()[ORDER].get(order, "order_line"):
        for move in env.sudo()[LINE].get(line, "move_ids"):
            found.add(moves.get(move, "picking_id"))
    return {"picking_ids": tuple(sorted(found - {False}))}


@compute(ORDER, "receipt_status", "is_shipped", depends=("picking_ids", "picking_ids.state"))
def receipt_status(env: Env, order: int) -> dict[str, Any]:
    """Whether a picking is open: `full` says nothing of quantities."""
    states = _picking_states(env, order)
    if not states or set(states) == {"cancel"}:
        status: Any = False
    elif set(states) <= set(CLOSED):
        status = "full"
    else:
        status = "partial" if "done" in states else "pending"
    return {
        "receipt_status": status,
        "is_shipped": bool(states) and set(states) <= set(CLOSED),
    }


def _picking_states(env: Env, order: int) -> list[str]:
    ids = env.sudo()[ORDER].get(order, "picking_ids")
    return [env.sudo()[PICKING].get(each, "state") for each in ids]


@compute(ORDER, "incoming_picking_count")
def incoming_picking_count(env: Env, order: int) -> dict[str, int]:
    """How many pickings there are."""
    return {"incoming_picking_count": len(env.sudo()[ORDER].get(order, "picking_ids"))}


@compute(ORDER, "effective_date", depends=("picking_ids.date_done",))
def effective_date(env: Env, order: int) -> dict[str, Any]:
    """When the first receipt was done."""
    pickings = env.sudo()[PICKING]
    dates = [
        pickings.get(each, "date_done")
        for each in env.sudo()[ORDER].get(order, "picking_ids")
        if pickings.get(each, "state") == "done" and pickings.get(each, "date_done")
    ]
    return {"effective_date": min(dates, default=False)}


# --- methods ----------------------------------------------------------------------------------------------


@method(ORDER, "button_confirm")
def button_confirm(env: Env, ids: list[int]) -> bool:
    """Confirm drafts; silently pass over all others."""
    env.check(ORDER, "read")
    orders = env[ORDER]
    for order in ids:
        if orders.get(order, "state") not in OPEN:
            continue
        if env.version >= 19:
            _check_products(env, order)
        offer_vendor(env, order)
        if _needs_approval(env, order):
            orders.write([order], {"state": "to approve"})
        else:
            button_approve(env, [order])
        if env.version <= 18:
            _follow(env, order)
    return True


def _check_products(env: Env, order: int) -> None:
    lines = env.sudo()[LINE]
    for line in env.sudo()[ORDER].get(order, "order_line"):
        kind, product = lines.values(line, "display_type", "product_id")
        if not kind and not product:
            raise UserError(
                "Some order lines are missing a product, you need to correct them before going further."
            )


def _needs_approval(env: Env, order: int) -> bool:
    company = env.sudo()[ORDER].get(order, "company_id")
    companies = env.sudo()["res.company"]
    if companies.get(company, "po_double_validation") != "two_step":
        return False
    limit = companies.get(company, "po_double_validation_amount")
    return bool(env.sudo()[ORDER].get(order, "amount_total") >= limit)


def _follow(env: Env, order: int) -> None:
    partner = env.sudo()[ORDER].get(order, "partner_id")
    followers = env.sudo()["mail.followers"]
    key = [("res_model", "=", ORDER), ("res_id", "=", order), ("partner_id", "=", partner)]
    if not followers.search(key):
        followers.insert({"res_model": ORDER, "res_id": order, "partner_id": partner})


@method(ORDER, "button_approve")
def button_approve(
    env: Env,
    ids: list[int],
    force: bool = False,  # noqa: ARG001 - Odoo's signature
) -> dict[str, Any]:
    """Approve, with the company's setting lock too, and make the receipt."""
    for order in ids:
        env[ORDER].write([order], {"state": "purchase", "date_approve": env.now})
        company = env.sudo()[ORDER].get(order, "company_id")
        if env.sudo()["res.company"].get(company, "po_lock") == "lock":
            env[ORDER].write([order], {"locked": True} if env.version >= 19 else {"state": "done"})
        create_receipt(env, order)
    return {}


@method(ORDER, "button_done", until=18)
def button_done(env: Env, ids: list[int]) -> None:
    """Lock: from any state, and the star goes."""
    env.check(ORDER, "read")
    env[ORDER].write(ids, {"state": "done", "priority": "0"})


@method(ORDER, "button_lock", since=19)
def button_lock(env: Env, ids: list[int]) -> None:
    """Lock: from any state; the state stays."""
    env.check(ORDER, "read")
    env[ORDER].write(ids, {"locked": True})


@method(ORDER, "button_unlock")
def button_unlock(env: Env, ids: list[int]) -> None:
    """Unlock: up to 18 that makes a confirmed order of whatever it was."""
    env.check(ORDER, "read")
    env[ORDER].write(ids, {"locked": False} if env.version >= 19 else {"state": "purchase"})


@method(ORDER, "button_draft")
def button_draft(env: Env, ids: list[int]) -> dict[str, Any]:
    """Back to draft, from any state."""
    env.check(ORDER, "read")
    env[ORDER].write(ids, {"state": "draft"})
    return {}


@method(ORDER, "button_cancel")
def button_cancel(env: Env, ids: list[int]) -> None:
    """Cancel orders with their receipts; what stands in the way differs by version."""
    env.check(ORDER, "read")
    env[ORDER].ensure(ids)
    _check_cancellable(env, ids)
    su = env.sudo()
    for order in ids:
        moves = [
            move
            for line in su[ORDER].get(order, "order_line")
            for move in su[LINE].get(line, "move_ids")
        ]
        for picking in su[ORDER].get(order, "picking_ids"):
            moves += su[PICKING].get(picking, "move_ids")
        cancel_moves(env, open_moves(env, dict.fromkeys(moves)))
    vals: dict[str, Any] = {"state": "cancel"}
    vals |= {"reference_ids": ()} if env.version >= 19 else {"mail_reminder_confirmed": False}
    env[ORDER].write(ids, present(env, ORDER, vals))


def _check_cancellable(env: Env, ids: Sequence[int]) -> None:
    orders = env.sudo()[ORDER]
    received = [order for order in ids if _is_received(env, order)]
    billed = [order for order in ids if _is_billed(env, order)]
    locked = [order for order in ids if env.version >= 19 and orders.get(order, "locked")]
    if locked:
        raise UserError(
            f"Unable to cancel purchase order(s): {_names(env, locked)}. You must first unlock them."
        )
    if received and env.version <= 17:
        name = orders.get(received[0], "name")
        raise UserError(
            f"Unable to cancel purchase order {name} as some receptions have already been done."
        )
    if received and env.version == 18:
        raise UserError(
            f"Unable to cancel purchase order(s): {_names(env, received)} since they have receipts "
            "that are already done."
        )
    if billed and env.version <= 17:
        raise UserError(
            "Unable to cancel this purchase order. You must first cancel the related vendor bills."
        )
    if billed:
        raise UserError(
            f"Unable to cancel purchase order(s): {_names(env, billed)}. You must first cancel "
            "their related vendor bills."
        )


def _names(env: Env, ids: Sequence[int]) -> str:
    return listing([env.sudo()[ORDER].display_name(each) for each in ids])


def _is_received(env: Env, order: int) -> bool:
    su = env.sudo()
    return any(
        su[MOVE].get(move, "state") == "done"
        for line in su[ORDER].get(order, "order_line")
        for move in su[LINE].get(line, "move_ids")
    )


def _is_billed(env: Env, order: int) -> bool:
    states = [
        env.sudo()[INVOICE].get(each, "state")
        for each in env.sudo()[ORDER].get(order, "invoice_ids")
    ]
    return bool(set(states) - {"draft", "cancel"})


@on_unlink(ORDER)
def guard_unlink(env: Env, ids: Sequence[int]) -> None:
    """Only a cancelled order may go."""
    if any(env.sudo()[ORDER].get(each, "state") != "cancel" for each in ids):
        raise UserError("In order to delete a purchase order, you must cancel it first.")
