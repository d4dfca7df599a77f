"""Products: what is created as a variant brings its template along, as Odoo's inheritance by delegation does."""

from __future__ import annotations

from typing import Any, Final

from sandbox.odoo.engine import Env, after_create, on_create

PRODUCT: Final = "product.product"
TEMPLATE: Final = "product.template"
_OWN: Final = frozenset({"active", "barcode", "default_code", "standard_price", "product_tmpl_id"})


@on_create(TEMPLATE)
def defaults(env: Env, vals: dict[str, Any]) -> None:
    """Fill in what Odoo fills in: units, bought and sold, billed by what was ordered or received."""
    su = env.sudo()
    unit = min(su["uom.uom"].rows)
    given: dict[str, Any] = {
        "uom_id": unit, "uom_po_id": unit, "categ_id": min(su["product.category"].rows),
        "purchase_ok": True, "sale_ok": True, "invoice_policy": "order", "tracking": "none",
        "purchase_method": "receive", "active": True,
    }  # fmt: skip
    taxes = su["account.tax"]
    for name, use in (("taxes_id", "sale"), ("supplier_taxes_id", "purchase")):
        first = taxes.first([("type_tax_use", "=", use), ("company_id", "=", env.company)])
        given[name] = (first,) if first else ()
    for name, value in given.items():
        if env.has(TEMPLATE, name):
            vals.setdefault(name, value)


@after_create(TEMPLATE)
def with_variant(env: Env, ids: list[int]) -> None:
    """Make the one variant of a template that is created alone."""
    if env.context.get("create_product_product", True):
        for each in ids:
            env.sudo()[PRODUCT].insert({"product_tmpl_id": each, "active": True})


@on_create(PRODUCT)
def with_template(env: Env, vals: dict[str, Any]) -> None:
    """Make the template of a variant that is created alone; what both share goes there."""
    vals.setdefault("active", True)
    if vals.get("product_tmpl_id"):
        return
    shared = {name: vals.pop(name) for name in list(vals) if name not in _OWN}
    vals["product_tmpl_id"] = (
        env.with_context(create_product_product=False).sudo()[TEMPLATE].create(shared)
    )
