"""A practice company: people, partners, products, a warehouse, a chart of accounts. `found(env)` makes it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sandbox.odoo import rights
from sandbox.odoo.environment import Env
from sandbox.odoo.schema import AUTOMATIC


@dataclass(slots=True)
class Company:
    """The ids of everything that was made; the same names in every version."""

    company: int = 0
    currency: int = 0
    euro: int = 0
    users: dict[str, int] = field(default_factory=dict)  # admin storno colleague buyer lim
    partners: dict[str, int] = field(default_factory=dict)  # vendor vendor2 customer customer2
    products: dict[str, int] = field(default_factory=dict)  # goods screw service kit
    templates: dict[str, int] = field(default_factory=dict)
    uoms: dict[str, int] = field(default_factory=dict)  # unit dozen
    locations: dict[str, int] = field(default_factory=dict)
    picking_types: dict[str, int] = field(default_factory=dict)  # in out internal mrp
    warehouse: int = 0
    journals: dict[str, int] = field(default_factory=dict)  # sale purchase bank general
    accounts: dict[str, int] = field(default_factory=dict)
    taxes: dict[str, int] = field(default_factory=dict)  # sale purchase
    bom: int = 0
    project_stages: dict[str, int] = field(default_factory=dict)
    task_stages: dict[str, int] = field(default_factory=dict)


USERS = {
    # login: (name, groups); the password is the login, as in the practice servers.
    "admin": ("Mitchell Admin", (rights.ALL,)),
    "storno": ("Storno", (rights.ALL,)),
    "colleague": ("Colleague", (rights.ALL,)),
    "buyer": ("Buyer", (rights.USER, rights.PURCHASE)),
    "lim": ("Limited", (rights.USER,)),
}


def found(env: Env) -> Company:
    """Make the company with the rights of the superuser, and return the ids."""
    made = Company()
    put = _Putter(env)
    made.currency = put("res.currency", name="USD", symbol="$", rounding=0.01, decimal_places=2)
    made.euro = put("res.currency", name="EUR", symbol="€", rounding=0.01, decimal_places=2)
    country = put("res.country", name="United States", code="US", currency_id=made.currency)
    home = put("res.partner", name="My Company", is_company=True, country_id=country)
    made.company = put(
        "res.company", name="My Company", partner_id=home, currency_id=made.currency,
        po_lock="edit", po_double_validation="one_step", fiscalyear_last_day=31,
        fiscalyear_last_month="12", account_fiscal_country_id=country,
        tax_calculation_rounding_method=(
            "round_globally" if env.version >= 19 else "round_per_line"
        ),
        account_price_include="tax_excluded",
    )  # fmt: skip
    _settings(put)
    _people(put, made)
    _partners(put, made)
    _stock(put, made)
    _accounts(put, made)
    _products(put, made)
    _projects(put, made)
    return made


class _Putter:
    """Inserts rows; a field that the version does not have is left out."""

    def __init__(self, env: Env) -> None:
        self.env = env.sudo()

    def __call__(self, model: str, /, **vals: Any) -> int:
        if model not in self.env:
            return 0
        known = {name: value for name, value in vals.items() if self.env.has(model, name)}
        return self.env[model].insert(known)


def _settings(put: _Putter) -> None:
    """Make what a server action is tied to: the models' own records, and the group of everybody."""
    for name, model in put.env.db.schema.models.items():
        put("ir.model", model=name, name=model.label)
    group = put("res.groups", name="Role / User" if put.env.version >= 19 else "Internal User")
    put("ir.model.data", module="base", name="group_user", model="res.groups", res_id=group)


def _people(put: _Putter, made: Company) -> None:
    db = put.env.db
    store = db.stores["res.users"]
    robot = put("res.partner", name="OdooBot", active=False)
    stamps = {name: db.stores["res.partner"].rows[robot][name] for name in AUTOMATIC - {"id"}}
    root = {"login": "__system__", "partner_id": robot, "company_id": made.company, "active": False}
    store.put(1, {**stamps, **root})
    for number, (login, (name, groups)) in enumerate(USERS.items()):
        if number == 0 and store.next_id == 1:
            # The administrator is user 2 in every Odoo, unless ids were moved about on purpose.
            store.next_id = 2
        partner = put("res.partner", name=name, email=f"{login}@example.com")
        uid = put(
            "res.users", login=login, partner_id=partner, company_id=made.company,
            company_ids=(made.company,), share=False, notification_type="email",
        )  # fmt: skip
        made.users[login] = uid
        db.passwords[uid] = login
        db.groups[uid] = frozenset(groups)


def _partners(put: _Putter, made: Company) -> None:
    for key, name in (
        ("vendor", "Wood Works"),
        ("vendor2", "Steel and Sons"),
        ("customer", "Corner Shop"),
        ("customer2", "Big Office"),
    ):
        rank = {"supplier_rank": 1} if key.startswith("vendor") else {"customer_rank": 1}
        made.partners[key] = put("res.partner", name=name, is_company=True, active=True, **rank)


def _stock(put: _Putter, made: Company) -> None:
    category = put("uom.category", name="Unit")
    unit = {"category_id": category, "rounding": 0.01, "active": True}
    made.uoms["unit"] = put("uom.uom", name="Units", factor=1.0, uom_type="reference", **unit)
    made.uoms["dozen"] = put("uom.uom", name="Dozens", factor=1 / 12, uom_type="bigger", **unit)
    own = {"company_id": made.company, "active": True}
    view = put("stock.location", name="WH", complete_name="WH", usage="view", **own)
    for key, name, usage, parent in (
        ("stock", "WH/Stock", "internal", view),
        ("shelf", "WH/Stock/Shelf", "internal", 0),
        ("suppliers", "Partners/Vendors", "supplier", 0),
        ("customers", "Partners/Customers", "customer", 0),
        ("inventory", "Virtual Locations/Inventory adjustment", "inventory", 0),
        ("production", "Virtual Locations/Production", "production", 0),
        ("scrap", "Virtual Locations/Scrap", "inventory", 0),
    ):
        made.locations[key] = put(
            "stock.location", name=name.rsplit("/", 1)[-1], complete_name=name, usage=usage,
            location_id=(made.locations["stock"] if key == "shelf" else parent) or False, scrap_location=key == "scrap", **own,
        )  # fmt: skip
    made.warehouse = put(
        "stock.warehouse", name="My Company", code="WH", partner_id=False, view_location_id=view,
        lot_stock_id=made.locations["stock"], **own,
    )  # fmt: skip
    stock = made.locations["stock"]
    for key, name, code, source, target in (
        ("in", "Receipts", "incoming", made.locations["suppliers"], stock),
        ("out", "Delivery Orders", "outgoing", stock, made.locations["customers"]),
        ("internal", "Internal Transfers", "internal", stock, stock),
        ("mrp", "Manufacturing", "mrp_operation", stock, stock),
    ):
        made.picking_types[key] = put(
            "stock.picking.type", name=name, code=code, sequence_code=key.upper()[:3],
            warehouse_id=made.warehouse, default_location_src_id=source,
            default_location_dest_id=target, create_backorder="ask", **own,
        )  # fmt: skip
    if put.env.has("stock.warehouse", "in_type_id"):
        put.env["stock.warehouse"].update(
            [made.warehouse],
            {"in_type_id": made.picking_types["in"], "out_type_id": made.picking_types["out"]},
        )


def _accounts(put: _Putter, made: Company) -> None:
    for key, code, name, kind in (
        ("bank", "101401", "Bank", "asset_cash"),
        ("receivable", "121000", "Account Receivable", "asset_receivable"),
        ("payable", "211000", "Account Payable", "liability_payable"),
        ("tax_paid", "131000", "Tax Paid", "asset_current"),
        ("tax_received", "251000", "Tax Received", "liability_current"),
        ("income", "400000", "Product Sales", "income"),
        ("expense", "600000", "Expenses", "expense"),
    ):
        made.accounts[key] = put(
            "account.account", code=code, name=name, account_type=kind, company_id=made.company,
            company_ids=(made.company,), reconcile=kind.endswith(("receivable", "payable")),
        )  # fmt: skip
    for key, code, name, account in (
        ("sale", "INV", "Customer Invoices", "income"),
        ("purchase", "BILL", "Vendor Bills", "expense"),
        ("bank", "BNK1", "Bank", "bank"),
        ("general", "MISC", "Miscellaneous Operations", ""),
    ):
        made.journals[key] = put(
            "account.journal", name=name, code=code, type=key, company_id=made.company,
            default_account_id=made.accounts.get(account, False), active=True,
            refund_sequence=key in ("sale", "purchase"), restrict_mode_hash_table=False,
        )  # fmt: skip
    for key in ("sale", "purchase"):
        made.taxes[key] = put(
            "account.tax", name="15%", amount=15.0, amount_type="percent", type_tax_use=key,
            company_id=made.company, active=True,
        )  # fmt: skip
    for partner in made.partners.values():
        vals = {
            "property_account_receivable_id": made.accounts["receivable"],
            "property_account_payable_id": made.accounts["payable"],
        }
        put.env["res.partner"].update([partner], vals)


def _products(put: _Putter, made: Company) -> None:
    category = put("product.category", name="All", complete_name="All")
    for key, name, price, cost, is_stocked in (
        ("goods", "Desk", 250.0, 100.0, True),
        ("screw", "Screw", 1.0, 0.1, True),
        ("service", "Assembly", 60.0, 30.0, False),
        ("kit", "Shelf", 90.0, 40.0, True),
    ):
        kind: dict[str, Any] = {"type": "product" if is_stocked else "service"}
        if put.env.version >= 18:
            kind = {"type": "consu" if is_stocked else "service", "is_storable": is_stocked}
        elif put.env.version >= 16:
            kind = {"detailed_type": kind["type"], **kind}
        made.templates[key] = put(
            "product.template", name=name, list_price=price, standard_price=cost, active=True,
            uom_id=made.uoms["unit"], uom_po_id=made.uoms["unit"], categ_id=category,
            purchase_ok=True, sale_ok=True, invoice_policy="delivery" if is_stocked else "order",
            purchase_method="receive" if is_stocked else "purchase", tracking="none",
            taxes_id=(made.taxes["sale"],), supplier_taxes_id=(made.taxes["purchase"],), **kind,
        )  # fmt: skip
        made.products[key] = put(
            "product.product", product_tmpl_id=made.templates[key], active=True,
            standard_price=cost,
        )  # fmt: skip
    # Vendors ask 5.00, far from the negotiated prices of orders: a price that was reset shows.
    for key in ("goods", "screw"):
        put(
            "product.supplierinfo", partner_id=made.partners["vendor"], price=5.0, min_qty=0.0,
            product_tmpl_id=made.templates[key], currency_id=made.currency, delay=1,
            company_id=made.company,
        )  # fmt: skip
    put("product.pricelist", name="Public Pricelist", currency_id=made.currency, active=True)
    made.bom = put(
        "mrp.bom", product_tmpl_id=made.templates["kit"], product_qty=1.0, type="normal",
        product_uom_id=made.uoms["unit"], company_id=made.company, active=True,
        consumption="warning", ready_to_produce="asap",
    )  # fmt: skip
    put(
        "mrp.bom.line", bom_id=made.bom, product_id=made.products["screw"], product_qty=4.0,
        product_uom_id=made.uoms["unit"],
    )  # fmt: skip


def _projects(put: _Putter, made: Company) -> None:
    for number, (key, is_folded) in enumerate((("todo", False), ("doing", False), ("done", True))):
        vals = {"name": key.capitalize(), "fold": is_folded, "sequence": number}
        made.project_stages[key] = put("project.project.stage", **vals)
        made.task_stages[key] = put("project.task.type", **vals)
