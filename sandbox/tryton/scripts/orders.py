"""Purchase and sales orders of the practice company, in many states, with their shipments, invoices and payments.

Runs inside the practice venv only. Every function is one step for ``work.Work.run``; records are passed between steps
by id, because a record object belongs to its transaction.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from company import Company
from trytond.pool import Pool

CHUNK = 20  # documents a transaction: enough to be quick, few enough for progress to be seen


@dataclass
class Order:
    """One order to be: what it is for, how old it is and how far it goes."""

    role: str
    age: int  # days before today
    state: str  # draft | quotation | cancelled | processing
    method: str = "fulfillment"
    received: float = 0.0  # share of each line that has come, or has gone out
    receipt: str = "done"  # done | received | draft
    invoice: str = "none"  # draft | posted | paid | cancelled
    cancel_open_move: bool = False
    comment: str | None = None
    service: bool = False
    id: int = 0
    shipments: list[int] = field(default_factory=list)

    @property
    def kind(self) -> str:
        return f"{self.state}:{self.received}:{self.invoice}"


def _spread(role: str, state: str, ages: list[int], **more: Any) -> list[Order]:
    return [Order(role, age, state, **more) for age in ages]


def purchase_plan() -> list[Order]:
    stale = _spread(
        "stale_quotation", "quotation", [95, 98, 104, 110, 121, 127, 133, 140, 152, 168, 181, 199]
    )
    stale[3].comment = "供应商来电：等新报价。Supplier will send a new offer, bitte nicht löschen!"
    return [
        *_spread("draft", "draft", [1, 2, 4, 9, 120]),
        *_spread("fresh_quotation", "quotation", [2, 5, 8, 13, 21, 29]),
        *stale,
        *_spread("remainder_old_paid", "processing", [150, 143, 131], received=0.6, invoice="paid"),
        *_spread("remainder_old_posted", "processing", [147, 126], received=0.5, invoice="posted"),
        *_spread(
            "invoice_for_received_goods_open",
            "processing",
            [139, 122],
            received=0.5,
            invoice="draft",
        ),
        *_spread("remainder_old_nothing_received", "processing", [160, 155, 137]),
        *_spread(
            "remainder_invoiced_on_order",
            "processing",
            [145, 129],
            method="order",
            received=0.5,
            invoice="paid",
        ),
        *_spread(
            "order_invoice_open", "processing", [141], method="order", received=0.4, invoice="draft"
        ),
        *_spread(
            "by_person", "processing", [158, 149], method="manual", received=0.7, invoice="none"
        ),
        *_spread(
            "receipt_not_finished",
            "processing",
            [136],
            received=0.5,
            receipt="received",
            invoice="none",
        ),
        *_spread(
            "shipment_exception",
            "processing",
            [135],
            received=0.5,
            invoice="paid",
            cancel_open_move=True,
        ),
        *_spread("invoice_exception", "processing", [128], received=1.0, invoice="cancelled"),
        *_spread("processing_fresh", "processing", [3, 6, 10, 16]),
        *_spread("processing_fresh_partly", "processing", [12, 18], received=0.5, invoice="posted"),
        *_spread("done", "processing", [30, 60, 75, 100, 130, 170], received=1.0, invoice="paid"),
        *_spread("cancelled", "cancelled", [40, 90, 150]),
    ]


def sale_plan() -> list[Order]:
    return [
        *_spread("draft", "draft", [1, 3, 7]),
        *_spread("fresh_quotation", "quotation", [4, 11, 20]),
        *_spread("stale_quotation", "quotation", [97, 115, 130, 161, 190]),
        *_spread("processing_fresh", "processing", [2, 9, 15]),
        *_spread("remainder_old_paid", "processing", [142, 125], received=0.5, invoice="paid"),
        *_spread(
            "invoice_for_delivered_goods_open", "processing", [133], received=0.5, invoice="draft"
        ),
        *_spread("done", "processing", [25, 70, 110, 140], received=1.0, invoice="paid"),
        *_spread("cancelled", "cancelled", [50, 120]),
    ]


def _line_values(
    kind: str, product: Any, quantity: float, price: Decimal, description: str | None
) -> dict[str, Any]:
    taxes = product.supplier_taxes_used if kind == "purchase" else product.customer_taxes_used
    return {
        "type": "line",
        "product": product.id,
        "unit": product.default_uom.id,
        "quantity": quantity,
        "unit_price": price,
        "description": description,
        "taxes": [("add", [tax.id for tax in taxes])],
    }


def _draw_lines(
    kind: str, made: Company, chance: random.Random, count: int
) -> list[dict[str, Any]]:
    product = Pool().get("product.product")
    lines = []
    for one in product.browse([p.id for p in chance.sample(made.goods, count)]):
        fine = one.default_uom.digits > 0
        quantity = round(chance.uniform(2, 60), 2) if fine else float(chance.randint(4, 80))
        base = one.cost_price * (1 if kind == "purchase" else Decimal("1.4"))
        price = (base * Decimal(str(round(chance.uniform(0.9, 1.1), 3)))).quantize(
            Decimal("0.0001")
        )
        text = chance.choice(
            [None, None, "按图纸 A-102 加工", "verzinkt, Maß ±0,05", "第二批 / second lot"]
        )
        lines.append(_line_values(kind, one, quantity, price, text))
    return lines


def create_orders(kind: str, made: Company, orders: list[Order], chance: random.Random) -> None:
    """Make the drafts, dated as planned."""
    pool = Pool()
    model = pool.get(f"{kind}.{kind}")
    partners = made.suppliers if kind == "purchase" else made.customers
    values = []
    for order in orders:
        party = pool.get("party.party")(chance.choice(partners).id)
        address = party.addresses[0].id
        one: dict[str, Any] = {
            "company": made.id,
            "party": party.id,
            "invoice_address": address,
            "currency": made.currency.id,
            "warehouse": made.warehouse.id,
            "payment_term": made.payment_term.id,
            "invoice_method": order.method,
            f"{kind}_date": made.ago(order.age),
            "reference": f"REF-{chance.randint(10000, 99999)}",
            "comment": order.comment,
            "lines": [("create", _draw_lines(kind, made, chance, chance.randint(1, 4)))],
        }
        if kind == "sale":
            one |= {"shipment_address": address, "shipment_method": "order"}
        values.append(one)
    for order, record in zip(orders, model.create(values), strict=True):
        order.id = record.id


def _choose(kind: str, orders: list[Order], wanted: Callable[[Order], bool]) -> list[Any]:
    return Pool().get(f"{kind}.{kind}").browse([o.id for o in orders if wanted(o)])


def quote_and_confirm(kind: str, orders: list[Order]) -> None:
    model = Pool().get(f"{kind}.{kind}")
    if quoted := _choose(kind, orders, lambda o: o.state != "draft"):
        model.quote(quoted)
    if cancelled := _choose(kind, orders, lambda o: o.state == "cancelled"):
        model.cancel(cancelled)
    if confirmed := _choose(kind, orders, lambda o: o.state == "processing"):
        model.confirm(confirmed)


def _part(move: Any, share: float) -> float:
    return max(move.unit.round(move.quantity * share), 1.0)


def receive_goods(made: Company, orders: list[Order]) -> None:
    """Receive what the suppliers have sent so far, one shipment an order."""
    pool = Pool()
    purchase, move, shipment = (
        pool.get("purchase.purchase"),
        pool.get("stock.move"),
        pool.get("stock.shipment.in"),
    )
    wanted = [o for o in orders if o.received]
    values, dates = [], []
    for order in wanted:
        record = purchase(order.id)
        date = made.ago(max(order.age - 20, 1))
        for one in record.moves:
            move.write([one], {"quantity": _part(one, order.received), "effective_date": date})
        dates.append(date)
        values.append(
            {
                "company": made.id,
                "supplier": record.party.id,
                "reference": f"LS-{order.id:05d}",
                "warehouse": made.warehouse.id,
                "warehouse_input": made.warehouse.input_location.id,
                "warehouse_storage": made.warehouse.storage_location.id,
                "planned_date": date,
                "effective_date": date,
                "incoming_moves": [("add", [one.id for one in record.moves])],
            }
        )
    shipments = shipment.create(values)
    for order, record in zip(wanted, shipments, strict=True):
        order.shipments.append(record.id)
    shipment.receive(shipments)
    shipment.do(shipment.browse([o.shipments[0] for o in wanted if o.receipt == "done"]))


def deliver_goods(made: Company, orders: list[Order]) -> None:
    """Send out what the customers have got so far."""
    pool = Pool()
    sale, move, shipment = (
        pool.get("sale.sale"),
        pool.get("stock.move"),
        pool.get("stock.shipment.out"),
    )
    chosen = []
    for order in (o for o in orders if o.received):
        for one in sale(order.id).shipments:
            date = made.ago(max(order.age - 10, 1))
            shipment.write([one], {"effective_date": date})
            for inner in one.inventory_moves:
                move.write(
                    [inner], {"quantity": _part(inner, order.received), "effective_date": date}
                )
            order.shipments.append(one.id)
            chosen.append(one.id)
    for step in ("assign_force", "pick", "pack", "do"):
        getattr(shipment, step)(shipment.browse(chosen))


def date_invoices(kind: str, made: Company, orders: list[Order]) -> dict[str, list[int]]:
    """Date the invoices that the orders made by themselves; the answer lists by wish what is still to be done."""
    pool = Pool()
    invoice = pool.get("account.invoice")
    by_wish: dict[str, list[int]] = {}
    for order in (o for o in orders if o.invoice in {"posted", "paid", "cancelled"}):
        for one in pool.get(f"{kind}.{kind}")(order.id).invoices:
            date = made.ago(max(order.age - 25, 1))
            values: dict[str, Any] = {"invoice_date": date, "payment_term_date": date}
            if kind == "purchase":
                values["reference"] = f"RE-{order.id:05d}"
            invoice.write([one], values)
            by_wish.setdefault(order.invoice, []).append(one.id)
    return by_wish


def post_invoices(wishes: dict[str, list[int]]) -> None:
    """Post all invoices of the company in one go: numbers of customer invoices follow their dates."""
    invoice = Pool().get("account.invoice")
    invoice.cancel(invoice.browse(wishes["cancelled"]))
    invoice.validate_invoice(invoice.browse(wishes["validated"]))
    invoice.post(invoice.browse(wishes["posted"] + wishes["paid"]))


def pay_invoices(made: Company, ids: list[int], days_later: int = 5) -> None:
    """Pay these posted invoices in full, some days after their date."""
    pool = Pool()
    invoice, line = pool.get("account.invoice"), pool.get("account.move.line")
    method = pool.get("account.invoice.payment.method")(made.payment_method.id)
    for one in invoice.browse(ids):
        amount = one.amount_to_pay
        date = min(one.invoice_date + dt.timedelta(days=days_later), made.today)
        wanted = -amount if one.type == "in" else amount
        open_lines, _ = one.get_reconcile_lines_for_amount(wanted, one.currency, party=one.party)
        paid = one.pay_invoice(amount, method, date, party=one.party)
        line.reconcile(open_lines + paid)


def cancel_open_moves(orders: list[Order]) -> None:
    """Somebody cancelled a move by hand and left the order in exception."""
    pool = Pool()
    move = pool.get("stock.move")
    for order in (o for o in orders if o.cancel_open_move):
        move.cancel(
            [m for m in pool.get("purchase.purchase")(order.id).moves if m.state == "draft"][:1]
        )


def create_bench_quotations(made: Company, count: int, chance: random.Random) -> list[int]:
    """So many stale quotations of three lines each."""
    model = Pool().get("purchase.purchase")
    orders = [Order("bench_quotation", chance.randint(95, 200), "quotation") for _ in range(count)]
    pool = Pool()
    product = pool.get("product.product")
    goods = {p.id: p for p in product.browse([g.id for g in made.goods])}
    values = []
    for order in orders:
        party = pool.get("party.party")(chance.choice(made.suppliers).id)
        lines = [
            _line_values(
                "purchase", goods[p.id], float(chance.randint(1, 90)), goods[p.id].cost_price, None
            )
            for p in chance.sample(made.goods, 3)
        ]
        values.append(
            {
                "company": made.id,
                "party": party.id,
                "invoice_address": party.addresses[0].id,
                "currency": made.currency.id,
                "warehouse": made.warehouse.id,
                "payment_term": made.payment_term.id,
                "invoice_method": "fulfillment",
                "purchase_date": made.ago(order.age),
                "lines": [("create", lines)],
            }
        )
    records = model.create(values)
    model.quote(records)
    return [r.id for r in records]
