"""The practice company's master data: company, chart, fiscal years, users, parties, products.

Runs inside the practice venv only, within an open Tryton transaction.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from trytond.pool import Pool
from trytond.transaction import Transaction

COMPANY = "Practice Trading Co."
CLOSED_PERIOD_ROLE = "period_closed"
SUPPLIERS = [
    "苏州精密零件有限公司",
    "上海恒通物流设备有限公司",
    "台北五金股份有限公司",
    "Müller & Söhne Werkzeugbau GmbH",
    "Åkerström Plåt AB",
    "Northwind Fasteners Ltd.",
    "Delta Castings Inc.",
    "Établissements Gérard",
]
CUSTOMERS = [
    "广州天河电子商行",
    "Bäckerei Grün OHG",
    "Harbour Retail Group",
    "Łódź Budowa Sp. z o.o.",
    "高雄港務機械行",
    "Sunrise Robotics LLC",
]
# name, unit, purchase price, kind
PRODUCTS = [
    ("M8 不锈钢螺栓", "Unit", "0.1250", "goods"),
    ("精密轴承 6204-2RS", "Unit", "3.4800", "goods"),
    ("铝型材 4040", "Meter", "11.9000", "goods"),
    ("Kühlschmierstoff", "Liter", "6.7500", "goods"),
    ("Copper rod Ø12", "Kilogram", "9.3333", "goods"),
    ("Gasket set", "Unit", "14.2000", "goods"),
    ("Servo motor 400 W", "Unit", "182.5000", "goods"),
    ("Control cabinet", "Unit", "1240.0000", "goods"),
    ("Schaltnetzteil 24 V", "Unit", "38.9000", "goods"),
    ("运费 Freight", "Unit", "45.0000", "service"),
    ("Installation hour", "Hour", "65.0000", "service"),
]
SERVICE_GROUPS = [
    "Purchase",
    "Purchase Administrator",
    "Sales",
    "Sales Administrator",
    "Stock",
    "Stock Administration",
    "Stock Force Assignment",
    "Stock Cancellation",
    "Accounting",
    "Accounting Administration",
    "Project Administration",
    "Production",
    "Production Administration",
    "Timesheet Administration",
    "Product Administration",
    "Party Administration",
]


@dataclass
class Company:
    """What the documents need to know of the master data."""

    id: int
    today: dt.date
    currency: Any
    warehouse: Any
    supplier_location: Any
    customer_location: Any
    suppliers: list[Any] = field(default_factory=list)
    customers: list[Any] = field(default_factory=list)
    goods: list[Any] = field(default_factory=list)
    services: list[Any] = field(default_factory=list)
    accounts: dict[str, Any] = field(default_factory=dict)
    payment_term: Any = None
    payment_method: Any = None
    employees: dict[str, Any] = field(default_factory=dict)
    fiscal_years: list[Any] = field(default_factory=list)

    def ago(self, days: int) -> dt.date:
        return self.today - dt.timedelta(days=days)


def month_start(day: dt.date, months: int) -> dt.date:
    """The first day of the month that lies so many months after this day's month."""
    index = day.year * 12 + day.month - 1 + months
    return dt.date(index // 12, index % 12 + 1, 1)


def create_company(today: dt.date, passwords: dict[str, str]) -> Company:
    """Make everything that is not a document."""
    pool = Pool()
    currency = _create_currencies()
    party = pool.get("party.party")(name=COMPANY)
    party.save()
    company = pool.get("company.company")(party=party, currency=currency)
    company.save()
    location = pool.get("stock.location")
    with Transaction().set_context(company=company.id):
        (warehouse,) = location.search([("type", "=", "warehouse")], limit=1)
        (supplier,) = location.search([("type", "=", "supplier")], limit=1)
        (customer,) = location.search([("type", "=", "customer")], limit=1)
        made = Company(company.id, today, currency, warehouse, supplier, customer)
        _create_users(made, passwords)
        _create_chart(made)
        _create_fiscal_years(made)
        _create_terms(made)
        _create_parties(made)
        _create_products(made)
        _finish_wizards()
    return made


def _create_currencies() -> Any:
    currency = Pool().get("currency.currency")
    euro, _dollar = currency.create(
        [
            {
                "name": name,
                "symbol": symbol,
                "code": code,
                "numeric_code": numeric,
                "rounding": Decimal("0.01"),
                "digits": 2,
                "rates": [("create", [{"date": dt.date(2020, 1, 1), "rate": Decimal(rate)}])],
            }
            for name, symbol, code, numeric, rate in (
                ("Euro", "€", "EUR", "978", "1"),
                ("U.S. Dollar", "$", "USD", "840", "1.08"),
            )
        ]
    )
    return euro


def _create_users(made: Company, passwords: dict[str, str]) -> None:
    pool = Pool()
    employee, party = pool.get("company.employee"), pool.get("party.party")
    user, group = pool.get("res.user"), pool.get("res.group")
    groups = group.search([("name", "in", SERVICE_GROUPS)])
    people = {
        "admin": "Administrator",
        "storno": "Storno service",
        "colleague": "王小明",
        "throwaway": "Throw Away",
    }
    for login, name in people.items():
        person = party(name=name)
        person.save()
        worker = employee(party=person, company=made.id)
        worker.save()
        made.employees[login] = worker
        settings = {
            "companies": [("add", [made.id])],
            "company": made.id,
            "employees": [("add", [worker.id])],
            "employee": worker.id,
        }
        if login == "admin":
            user.write([user(1)], {**settings, "groups": [("add", [g.id for g in groups])]})
            continue
        rights = [] if login == "throwaway" else [("add", [g.id for g in groups])]
        user.create(
            [
                {
                    **settings,
                    "name": name,
                    "login": login,
                    "password": passwords[login],
                    "groups": rights,
                }
            ]
        )


def _create_chart(made: Company) -> None:
    pool = Pool()
    wizard = pool.get("account.create_chart", type="wizard")
    template = pool.get("ir.model.data").get_id("account", "account_template_root_en")
    session, _, _ = wizard.create()
    wizard.execute(session, {}, "account")
    wizard.execute(
        session, {"account": {"company": made.id, "account_template": template}}, "create_account"
    )
    account = pool.get("account.account")
    for kind in ("receivable", "payable", "revenue", "expense"):
        (made.accounts[kind],) = account.search(
            [(f"type.{kind}", "=", True), ("company", "=", made.id), ("closed", "!=", True)],
            limit=1,
        )
    (made.accounts["cash"],) = account.search(
        [("company", "=", made.id), ("code", "=", "1.1.1")], limit=1
    )
    (made.accounts["tax"],) = account.search(
        [("company", "=", made.id), ("code", "=", "6.3.6")], limit=1
    )
    properties = {
        "company": made.id,
        "account_receivable": made.accounts["receivable"].id,
        "account_payable": made.accounts["payable"].id,
        "category_account_expense": made.accounts["expense"].id,
        "category_account_revenue": made.accounts["revenue"].id,
    }
    wizard.execute(session, {"properties": properties}, "create_properties")
    wizard.delete(session)


def _create_fiscal_years(made: Company) -> None:
    """Last year, with its first ten periods to be closed, and this year, which began seven months ago."""
    pool = Pool()
    year_model, strict = pool.get("account.fiscalyear"), pool.get("ir.sequence.strict")
    kinds = {
        k.name: k
        for k in pool.get("ir.sequence.type").search([("name", "in", ["Account Move", "Invoice"])])
    }
    for offset in (-19, -7):
        start, end = (
            month_start(made.today, offset),
            month_start(made.today, offset + 12) - dt.timedelta(days=1),
        )
        name = f"{start.year}/{end.year}" if start.year != end.year else str(start.year)
        move, invoice_out, invoice_in = strict.create(
            [
                {
                    "name": f"{label} {name}",
                    "sequence_type": kinds[kind].id,
                    "company": made.id,
                    "prefix": prefix,
                    "padding": 4,
                }
                for label, kind, prefix in (
                    ("Move", "Account Move", f"M{start.year % 100}-"),
                    ("Customer invoice", "Invoice", f"INV{start.year % 100}-"),
                    ("Supplier invoice", "Invoice", f"BILL{start.year % 100}-"),
                )
            ]
        )
        (year,) = year_model.create(
            [
                {
                    "name": name,
                    "start_date": start,
                    "end_date": end,
                    "company": made.id,
                    "move_sequence": move.id,
                    "invoice_sequences": [
                        (
                            "create",
                            [
                                {
                                    "company": made.id,
                                    "out_invoice_sequence": invoice_out.id,
                                    "out_credit_note_sequence": invoice_out.id,
                                    "in_invoice_sequence": invoice_in.id,
                                    "in_credit_note_sequence": invoice_in.id,
                                }
                            ],
                        )
                    ],
                }
            ]
        )
        year_model.create_period([year])
        made.fiscal_years.append(year)


def _create_terms(made: Company) -> None:
    pool = Pool()
    term = pool.get("account.invoice.payment_term")
    (made.payment_term,) = term.create(
        [
            {
                "name": "30 days net",
                "lines": [
                    (
                        "create",
                        [{"type": "remainder", "relativedeltas": [("create", [{"days": 30}])]}],
                    )
                ],
            }
        ]
    )
    (journal,) = pool.get("account.journal").search([("type", "=", "cash")], limit=1)
    (made.payment_method,) = pool.get("account.invoice.payment.method").create(
        [
            {
                "name": "Bank",
                "company": made.id,
                "journal": journal.id,
                "credit_account": made.accounts["cash"].id,
                "debit_account": made.accounts["cash"].id,
            }
        ]
    )


def _create_parties(made: Company) -> None:
    party = Pool().get("party.party")
    values: list[dict[str, Any]] = [
        {
            "name": name,
            "addresses": [
                ("create", [{"street": f"{index + 1} 工业园路 / Hafenstraße", "city": "Suzhou"}])
            ],
        }
        for index, name in enumerate(SUPPLIERS + CUSTOMERS)
    ]
    parties = party.create(values)
    party.write(
        parties,
        {
            "supplier_payment_term": made.payment_term.id,
            "customer_payment_term": made.payment_term.id,
        },
    )
    made.suppliers, made.customers = parties[: len(SUPPLIERS)], parties[len(SUPPLIERS) :]


def _create_products(made: Company) -> None:
    pool = Pool()
    category, tax = pool.get("product.category"), pool.get("account.tax")
    (vat,) = tax.create(
        [
            {
                "name": "VAT 13 %",
                "description": "VAT 13 %",
                "type": "percentage",
                "rate": Decimal("0.13"),
                "company": made.id,
                "invoice_account": made.accounts["tax"].id,
                "credit_note_account": made.accounts["tax"].id,
            }
        ]
    )
    (taxed,) = category.create(
        [
            {
                "name": "Taxed goods",
                "accounting": True,
                "account_expense": made.accounts["expense"].id,
                "account_revenue": made.accounts["revenue"].id,
                "supplier_taxes": [("add", [vat.id])],
                "customer_taxes": [("add", [vat.id])],
            }
        ]
    )
    units = {u.name: u for u in pool.get("product.uom").search([])}
    template = pool.get("product.template")
    templates = template.create(
        [
            {
                "name": name,
                "type": kind,
                "default_uom": units[unit].id,
                "purchase_uom": units[unit].id,
                "sale_uom": units[unit].id,
                "purchasable": True,
                "salable": True,
                "producible": name == "Control cabinet",
                "list_price": (Decimal(price) * Decimal("1.4")).quantize(Decimal("0.0001")),
                "cost_price_method": "fixed",
                "account_category": taxed.id,
                "products": [
                    (
                        "create",
                        [{"cost_price": Decimal(price), "suffix_code": f"P-{index + 1:03d}"}],
                    )
                ],
            }
            for index, (name, unit, price, kind) in enumerate(PRODUCTS)
        ]
    )
    for one in templates:
        (made.goods if one.type == "goods" else made.services).append(one.products[0])


def _finish_wizards() -> None:
    item = Pool().get("ir.module.config_wizard.item")
    item.write(item.search([("state", "!=", "done")]), {"state": "done"})
