"""Sales orders: confirm, lock, unlock, cancel (with the wizard that some versions put before it), back to draft."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final

from sandbox.odoo.engine import (
    Env,
    UserError,
    compute,
    labels,
    method,
    on_create,
    on_unlink,
    on_write,
    track,
)
from sandbox.odoo.naming import cents, present
from sandbox.odoo.sale_delivery import LINE, ORDER, create_delivery
from sandbox.odoo.stock_moves import CLOSED, PICKING, cancel_moves, open_moves

INVOICE: Final = "account.move"
INVOICE_LINE: Final = "account.move.line"
WIZARD: Final = "sale.order.cancel"
_CANCEL_VIEW: Final = 1404
_CANCEL_TEMPLATE: Final = 20

track(ORDER, "state", "partner_id", "amount_untaxed")
track(ORDER, "locked", since=18)  # 17 does not track it: a lock leaves no message there
labels(ORDER, {"partner_id": "Customer"})
labels(LINE, {"product_uom_qty": "Quantity", "price_unit": "Unit Price", "name": "Description"})


def is_locked(env: Env, order: int) -> bool:
    """Whether an order is locked: by its state in 16, by a flag of its own later."""
    if env.version == 16:
        return bool(env.sudo()[ORDER].get(order, "state") == "done")
    return bool(env.sudo()[ORDER].get(order, "locked"))


@on_create(ORDER)
def fill_order(env: Env, vals: dict[str, Any]) -> None:
    """Give a new order its number and what a form fills in."""
    if vals.get("name") in (None, False, "", "New"):
        vals["name"] = env.next_number(ORDER)
    company = vals.get("company_id") or env.company
    partner = vals.get("partner_id", False)
    defaults = {
        "company_id": company,
        "state": "draft",
        "date_order": env.now,
        "user_id": env.uid,
        "currency_id": env.sudo()["res.company"].get(company, "currency_id"),
        "partner_invoice_id": partner,
        "partner_shipping_id": partner,
        "picking_policy": "direct",
        "warehouse_id": env.sudo()["stock.warehouse"].first([("company_id", "=", company)]),
        "pricelist_id": env.sudo()["product.pricelist"].first() if env.version == 16 else False,
        "currency_rate": 1.0,
        "validity_date": (date.fromisoformat(env.today) + timedelta(days=30)).isoformat(),
        "require_signature": True,
        "require_payment": True,
        "prepayment_percent": 1.0,
    }
    for name, value in present(env, ORDER, defaults).items():
        vals.setdefault(name, value)


@on_write(ORDER, since=17)
def guard_write(env: Env, ids: Sequence[int], vals: Mapping[str, Any]) -> None:
    """Refuse another price list once an order is confirmed. Everything else of the header may be written."""
    states = {env.sudo()[ORDER].get(each, "state") for each in ids}
    if "pricelist_id" in vals and "sale" in states:
        raise UserError("You cannot change the pricelist of a confirmed order !")


@on_unlink(ORDER)
def guard_unlink(env: Env, ids: Sequence[int]) -> None:
    """Only drafts and cancelled orders may go."""
    if any(env.sudo()[ORDER].get(each, "state") not in ("draft", "cancel") for each in ids):
        raise UserError(
            "You can not delete a sent quotation or a confirmed sales order. You must first cancel it."
        )


# --- what is computed -------------------------------------------------------------------------------------


@compute(
    ORDER,
    "amount_untaxed",
    "amount_tax",
    "amount_total",
    depends=("order_line.price_subtotal", "order_line.price_tax", "order_line.order_id"),
)
def amounts(env: Env, order: int) -> dict[str, float]:
    """The sums over the lines."""
    lines = env.sudo()[LINE]
    ids = env.sudo()[ORDER].get(order, "order_line")
    untaxed = cents(sum(lines.get(each, "price_subtotal") for each in ids))
    tax = cents(sum(lines.get(each, "price_tax") for each in ids))
    return {"amount_untaxed": untaxed, "amount_tax": tax, "amount_total": cents(untaxed + tax)}


@compute(ORDER, "delivery_status", depends=("picking_ids.state", "picking_ids.sale_id"))
def delivery_status(env: Env, order: int) -> dict[str, Any]:
    """Whether a picking is open: `full` says nothing of quantities."""
    su = env.sudo()
    states = {su[PICKING].get(each, "state") for each in su[ORDER].get(order, "picking_ids")}
    status: Any = "pending"
    if not states or states == {"cancel"}:
        status = False
    elif states <= set(CLOSED):
        status = "full"
    elif "done" in states:
        lines = su[ORDER].get(order, "order_line")
        is_some = any(su[LINE].get(each, "qty_delivered") for each in lines)
        status = "partial" if is_some or env.version == 16 else "started"
    return {"delivery_status": status}


@compute(ORDER, "effective_date", depends=("picking_ids.date_done",))
def effective_date(env: Env, order: int) -> dict[str, Any]:
    """When the first delivery was done."""
    pickings = env.sudo()[PICKING]
    dates = [
        pickings.get(each, "date_done")
        for each in env.sudo()[ORDER].get(order, "picking_ids")
        if pickings.get(each, "state") == "done" and pickings.get(each, "date_done")
    ]
    return {"effective_date": min(dates, default=False)}


@compute(ORDER, "invoice_status", depends=("state", "order_line.invoice_status"))
def invoice_status(env: Env, order: int) -> dict[str, str]:
    """What the lines say together."""
    state, ids = env.sudo()[ORDER].values(order, "state", "order_line")
    found = {
        env.sudo()[LINE].get(each, "invoice_status")
        for each in ids
        if not env.sudo()[LINE].get(each, "display_type")
    }
    if state not in ("sale", "done"):
        return {"invoice_status": "no"}
    if "to invoice" in found:
        return {"invoice_status": "to invoice"}
    if found and found == {"invoiced"}:
        return {"invoice_status": "invoiced"}
    if found and found <= {"invoiced", "upselling"}:
        return {"invoice_status": "upselling"}
    return {"invoice_status": "no"}


@compute(ORDER, "invoice_ids", "invoice_count")
def invoices(env: Env, order: int) -> dict[str, Any]:
    """The invoices of the lines."""
    su = env.sudo()
    found = {
        su[INVOICE_LINE].get(each, "move_id")
        for line in su[ORDER].get(order, "order_line")
        for each in su[LINE].get(line, "invoice_lines")
    }
    return {"invoice_ids": tuple(sorted(found)), "invoice_count": len(found)}


# --- methods ----------------------------------------------------------------------------------------------


@method(ORDER, "action_confirm")
def action_confirm(env: Env, ids: list[int]) -> bool:
    """Confirm quotations: the order date becomes now, the delivery is made."""
    env.check(ORDER, "read")
    _check_confirmable(env, ids)
    env[ORDER].write(ids, {"state": "sale", "date_order": env.now})
    for order in ids:
        create_delivery(env, order)
    return True


def _check_confirmable(env: Env, ids: Sequence[int]) -> None:
    orders = env.sudo()[ORDER]
    states = [orders.get(each, "state") for each in ids]
    if env.version == 16:
        if {"done", "cancel"} & set(states):
            raise UserError(
                "It is not allowed to confirm an order in the following states: done, cancel"
            )
    elif set(states) - {"draft", "sent"}:
        if env.version == 17:
            names = ", ".join(orders.display_name(each) for each in ids)
            raise UserError(
                f"The following orders are not in a state requiring confirmation: {names}"
            )
        raise UserError("Some orders are not in a state requiring confirmation.")
    if env.version >= 17 and any(
        not env.sudo()[LINE].get(line, "display_type")
        and not env.sudo()[LINE].get(line, "product_id")
        for order in ids
        for line in orders.get(order, "order_line")
    ):
        raise UserError("A line on these orders missing a product, you cannot confirm it.")


@method(ORDER, "action_done", until=16)
def action_done(env: Env, ids: list[int]) -> None:
    """Lock (16): from any state."""
    env.check(ORDER, "read")
    env[ORDER].write(ids, {"state": "done"})


@method(ORDER, "action_lock", since=17)
def action_lock(env: Env, ids: list[int]) -> None:
    """Lock: the state stays."""
    env.check(ORDER, "read")
    env[ORDER].write(ids, {"locked": True})


@method(ORDER, "action_unlock")
def action_unlock(env: Env, ids: list[int]) -> None:
    """Unlock: in 16 that makes a confirmed order of whatever it was."""
    env.check(ORDER, "read")
    env[ORDER].write(ids, {"locked": False} if env.version >= 17 else {"state": "sale"})


@method(ORDER, "action_draft")
def action_draft(env: Env, ids: list[int]) -> bool:
    """Back to draft; silently pass over all that is neither cancelled nor sent."""
    env.check(ORDER, "read")
    found = [each for each in ids if env[ORDER].get(each, "state") in ("cancel", "sent")]
    if found:
        vals = {"state": "draft", "signature": False, "signed_by": False, "signed_on": False}
        env[ORDER].write(found, vals)
    return True


@method(ORDER, "action_cancel")
def action_cancel(env: Env, ids: list[int]) -> Any:
    """Cancel, or return the wizard that asks first (16 to 18) and change nothing."""
    env.check(ORDER, "read")
    env[ORDER].ensure(ids)
    if env.version >= 17 and any(is_locked(env, each) for each in ids):
        raise UserError("You cannot cancel a locked order. Please unlock it first.")
    is_asked = any(env[ORDER].get(each, "state") != "draft" for each in ids)
    if env.version <= 18 and is_asked and not env.context.get("disable_cancel_warning"):
        if len(ids) != 1:
            raise ValueError(f"Expected singleton: {ORDER}{tuple(ids)!r}")
        return _cancel_wizard(env, ids[0])
    return cancel_orders(env, ids)


def _cancel_wizard(env: Env, order: int) -> dict[str, Any]:
    context: dict[str, Any] = {"default_use_template": True} if env.version == 16 else {}
    context |= {
        "default_template_id": _CANCEL_TEMPLATE,
        "default_order_id": order,
        "mark_so_as_canceled": True,
        "default_email_layout_xmlid": "mail.mail_notification_layout_with_responsible_signature",
        "model_description": "Sales Order",
    }
    return {
        "name": "Cancel Sales Order",
        "view_mode": "form",
        "res_model": WIZARD,
        "view_id": _CANCEL_VIEW,
        "type": "ir.actions.act_window",
        "context": context,
        "target": "new",
    }


@method(WIZARD, "action_cancel", until=18)
def wizard_cancel(env: Env, ids: list[int]) -> Any:
    """The wizard's button: cancel without asking again."""
    orders = [env.sudo()[WIZARD].get(each, "order_id") for each in ids]
    return action_cancel(env.with_context(disable_cancel_warning=True), orders)


@on_create(WIZARD, until=18)
def fill_wizard(env: Env, vals: dict[str, Any]) -> None:
    """Take the order out of the context."""
    vals.setdefault("order_id", env.context.get("default_order_id", False))


def cancel_orders(env: Env, ids: Sequence[int]) -> bool:
    """Cancel orders with their draft invoices and what is not delivered; posted invoices stay."""
    su = env.sudo()
    for order in ids:
        drafts = [
            each
            for each in su[ORDER].get(order, "invoice_ids")
            if su[INVOICE].get(each, "state") == "draft"
        ]
        if drafts:
            su[INVOICE].call("button_cancel", drafts)
        for picking in su[ORDER].get(order, "picking_ids"):
            if su[PICKING].get(picking, "state") not in CLOSED:
                cancel_moves(env, open_moves(env, su[PICKING].get(picking, "move_ids")))
    env[ORDER].write(ids, {"state": "cancel"})
    return True
