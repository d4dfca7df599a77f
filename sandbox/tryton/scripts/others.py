"""Everything of the practice company that is no order: invoices, counts, productions, projects, periods.

Runs inside the practice venv only. Every function is one step for ``work.Work.run``.
"""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

from company import Company, month_start
from trytond.pool import Pool

CLOSED_PERIODS = 10  # of last year's twelve


def create_opening_stock(made: Company) -> None:
    """Two finished counts fill the warehouse; two wait to be confirmed; one was given up."""
    pool = Pool()
    inventory = pool.get("stock.inventory")
    location = made.warehouse.storage_location.id
    plan = [
        (200, "done", 4000.0),
        (90, "done", 4100.0),
        (6, "draft", 4090.0),
        (2, "draft", 4080.0),
        (40, "cancelled", 1.0),
    ]
    for age, state, quantity in plan:
        (one,) = inventory.create(
            [
                {
                    "company": made.id,
                    "location": location,
                    "date": made.ago(age),
                    "lines": [
                        (
                            "create",
                            [{"product": p.id, "quantity": quantity} for p in made.goods[:6]],
                        )
                    ],
                }
            ]
        )
        if state == "done":
            inventory.confirm([one])
        elif state == "cancelled":
            inventory.cancel([one])


def create_invoices(made: Company, chance: random.Random) -> dict[str, list[int]]:
    """Invoices that belong to no order; the answer lists by role what is still to be paid."""
    pool = Pool()
    invoice, party, product = (
        pool.get("account.invoice"),
        pool.get("party.party"),
        pool.get("product.product"),
    )
    journal = pool.get("account.journal")
    made_by_role: dict[str, list[int]] = {}
    for kind, partners, account in (
        ("out", made.customers, made.accounts["receivable"]),
        ("in", made.suppliers, made.accounts["payable"]),
    ):
        (book,) = journal.search(
            [("type", "=", "revenue" if kind == "out" else "expense")], limit=1
        )
        plan = [
            ("draft", 2),
            ("draft", 7),
            ("validated", 3),
            ("validated", 6),
            ("posted", 40),
            ("posted", 65),
        ]
        plan += [("posted", 12), ("paid", 80), ("paid", 240), ("cancelled", 50)]
        for state, age in plan:
            date = made.ago(age)
            service = product(chance.choice(made.services).id)
            partner = party(chance.choice(partners).id)
            side = "expense" if kind == "in" else "revenue"
            values: dict[str, Any] = {
                "company": made.id,
                "type": kind,
                "party": partner.id,
                "invoice_address": partner.addresses[0].id,
                "account": account.id,
                "journal": book.id,
                "currency": made.currency.id,
                "payment_term": made.payment_term.id,
                "invoice_date": date,
                "payment_term_date": date,
                "lines": [
                    (
                        "create",
                        [
                            {
                                "type": "line",
                                "product": service.id,
                                "unit": service.default_uom.id,
                                "quantity": float(chance.randint(1, 12)),
                                "unit_price": service.cost_price,
                                "account": made.accounts[side].id,
                                "description": chance.choice(
                                    [None, "三月服务费", "Wartung Halle 3"]
                                ),
                                "currency": made.currency.id,
                                "taxes": [("add", [t.id for t in getattr(service, _TAXES[kind])])],
                            }
                        ],
                    )
                ],
            }
            if kind == "in":
                values["reference"] = f"ER-{chance.randint(1000, 9999)}-{age}"
            (one,) = invoice.create([values])
            made_by_role.setdefault(f"{kind}_{state}", []).append(one.id)
    return made_by_role


_TAXES = {"in": "supplier_taxes_used", "out": "customer_taxes_used"}


def create_rents(made: Company) -> None:
    """A posted entry in every past month, so that every period has journals; one draft entry last month."""
    pool = Pool()
    move, period, journal = (
        pool.get("account.move"),
        pool.get("account.period"),
        pool.get("account.journal"),
    )
    books = journal.search([("type", "in", ["cash", "general", "expense"])])
    moves = []
    for back in range(-19, 0):
        day = month_start(made.today, back).replace(day=15)
        where = period.find(made.id, date=day)
        moves.extend(_rent(made, where, book, day, Decimal("850.00")) for book in books[:2])
    posted = move.create(moves)
    move.post(posted)
    last = month_start(made.today, -1).replace(day=20)
    move.create([_rent(made, period.find(made.id, date=last), books[0], last, Decimal("12.34"))])


def _rent(made: Company, period: Any, journal: Any, day: Any, amount: Decimal) -> dict[str, Any]:
    return {
        "company": made.id,
        "period": period.id,
        "journal": journal.id,
        "date": day,
        "description": "Miete 房租",
        "lines": [
            (
                "create",
                [
                    {"account": made.accounts["expense"].id, "debit": amount, "credit": Decimal(0)},
                    {"account": made.accounts["cash"].id, "debit": Decimal(0), "credit": amount},
                ],
            )
        ],
    }


def balance_last_year(made: Company) -> None:
    """Carry last year's income and expense to the balance sheet, so that the year can be closed."""
    pool = Pool()
    journal, period = pool.get("account.journal"), pool.get("account.period")
    year = pool.get("account.fiscalyear")(made.fiscal_years[0].id)
    (book,) = journal.create([{"name": "Year end", "type": "situation"}])
    last = year.end_date
    adjustment = {
        "name": f"Adjustment {year.name}",
        "start_date": last,
        "end_date": last,
        "fiscalyear": year.id,
    }
    (where,) = period.create([{**adjustment, "type": "adjustment"}])
    wizard = pool.get("account.fiscalyear.balance_non_deferral", type="wizard")
    session, _, _ = wizard.create()
    deferral = [
        ("company", "=", made.id),
        ("deferral", "=", True),
        ("type", "!=", None),
        ("closed", "!=", True),
    ]
    (account,) = pool.get("account.account").search(deferral, limit=1)
    start = {
        "fiscalyear": year.id,
        "journal": book.id,
        "period": where.id,
        "credit_account": account.id,
        "debit_account": account.id,
    }
    wizard.execute(session, {"start": start}, "balance")
    wizard.delete(session)
    move = pool.get("account.move")
    move.post(move.search([("journal", "=", book.id)]))


def close_old_periods(made: Company) -> None:
    period = Pool().get("account.period")
    old = period.search(
        [("fiscalyear", "=", made.fiscal_years[0].id)], order=[("start_date", "ASC")]
    )
    period.close(old[:CLOSED_PERIODS])


def create_productions(made: Company) -> None:
    """One production in each of draft, waiting, running, done and cancelled."""
    pool = Pool()
    production, product, bom = (
        pool.get("production"),
        pool.get("product.product"),
        pool.get("production.bom"),
    )
    cabinet = next(p for p in product.browse([g.id for g in made.goods]) if p.template.producible)
    parts = product.browse([g.id for g in made.goods[:3]])
    (recipe,) = bom.create(
        [
            {
                "name": "Control cabinet",
                "inputs": [
                    (
                        "create",
                        [
                            {"product": p.id, "unit": p.default_uom.id, "quantity": 2.0}
                            for p in parts
                        ],
                    )
                ],
                "outputs": [
                    (
                        "create",
                        [{"product": cabinet.id, "unit": cabinet.default_uom.id, "quantity": 1.0}],
                    )
                ],
            }
        ]
    )
    for state, age in (
        ("draft", 3),
        ("waiting", 8),
        ("running", 20),
        ("done", 60),
        ("cancelled", 30),
    ):
        one = production(
            company=made.id,
            warehouse=made.warehouse.id,
            location=made.warehouse.production_location.id,
            product=cabinet.id,
            bom=recipe.id,
            unit=cabinet.default_uom.id,
            quantity=float(age),
            planned_date=made.ago(age),
            planned_start_date=made.ago(age + 1),
        )
        one.explode_bom()
        one.save()
        for step in _PRODUCTION_STEPS[state]:
            getattr(production, step)([production(one.id)])


_PRODUCTION_STEPS: dict[str, tuple[str, ...]] = {
    "draft": (),
    "waiting": ("wait",),
    "running": ("wait", "assign_force", "run"),
    "done": ("wait", "assign_force", "run", "do"),
    "cancelled": ("wait", "cancel"),
}


def create_projects(made: Company) -> dict[str, list[int]]:
    """Projects with tasks: open, under way, finished but still open, done."""
    pool = Pool()
    work, status = pool.get("project.work"), pool.get("project.work.status")
    by_name = {s.name: s.id for s in status.search([])}
    start, done = by_name["Open"], by_name["Done"]
    roles: dict[str, list[int]] = {}

    def add(
        role: str,
        name: str,
        kind: str,
        state: int,
        progress: float | None,
        parent: int | None = None,
    ) -> int:
        (one,) = work.create(
            [
                {
                    "company": made.id,
                    "name": name,
                    "type": kind,
                    "status": state,
                    "progress": progress,
                    "parent": parent,
                    "party": made.customers[0].id if kind == "project" else None,
                }
            ]
        )
        roles.setdefault(role, []).append(one.id)
        return int(one.id)

    moving = add("project_open", "Werksumzug 搬厂项目", "project", start, 0.4)
    for name in ("Plan layout", "拆除旧设备", "Move presses"):
        add("task_finished_open", name, "task", start, 1.0, moving)
    add("task_open", "Commission presses", "task", start, 0.3, moving)
    parent = add("task_open", "Train operators", "task", start, 0.5, moving)
    add("task_finished_open", "Write manual", "task", start, 1.0, parent)
    add("task_done", "Order cranes", "task", done, 1.0, moving)
    erp = add("project_finished_open", "ERP go-live 上线", "project", start, 1.0)
    finished = add("task_finished_open", "Migrate master data", "task", start, 1.0, erp)
    add("task_finished_open", "Check balances", "task", start, 1.0, finished)
    add("task_done", "Prüfprotokoll", "task", done, 1.0, erp)
    old = add("project_done", "Roof repair", "project", start, 1.0)
    add("task_done", "Inspect roof", "task", done, 1.0, old)
    work.write([work(old)], {"status": done})
    return roles
