"""What the same thing is called in which version, and arithmetic that money needs."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

from sandbox.odoo.engine import Env

CENT: Final = Decimal("0.01")


def present(env: Env, model: str, vals: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of the values whose field the version has and stores."""
    if model not in env:
        return {}
    fields = env.db.schema.models[model].fields
    return {
        name: value
        for name, value in vals.items()
        if name in fields and (fields[name].is_stored or fields[name].type == "one2many")
    }


def label(env: Env, model: str, name: str) -> str:
    """Return what the screens call a field."""
    return env.db.schema.models[model].fields[name].string


def selected(env: Env, model: str, name: str, value: Any) -> str:
    """Return what the screens call a value of a selection."""
    return dict(env.db.schema.models[model].fields[name].selection).get(value, str(value))


def line_uom(env: Env) -> str:
    """Return the unit's field on lines of orders."""
    return "product_uom_id" if env.version >= 19 else "product_uom"


def purchase_taxes(env: Env) -> str:
    """Return the taxes' field on lines of purchase orders."""
    return "tax_ids" if env.version >= 19 else "taxes_id"


def sale_taxes(env: Env) -> str:
    """Return the taxes' field on lines of sales orders."""
    return "tax_ids" if env.version >= 19 else "tax_id"


def done_field(env: Env) -> str:
    """Return the field of a move that holds what was really moved."""
    return "quantity" if env.version >= 17 else "quantity_done"


def is_storable(env: Env, product: int) -> bool:
    """Whether stock is kept of a product."""
    table = env.sudo()["product.product"]
    if env.has("product.product", "is_storable"):
        return bool(table.get(product, "is_storable"))
    return bool(table.get(product, _type_field(env)) == "product")


def is_goods(env: Env, product: int) -> bool:
    """Whether a product is carried about at all, and not a service."""
    if not product:
        return False
    return env.sudo()["product.product"].get(product, _type_field(env)) in ("product", "consu")


def _type_field(env: Env) -> str:
    return "detailed_type" if env.version <= 17 else "type"


def cents(amount: float) -> float:
    """Round an amount to cents, half away from zero, as Odoo does."""
    return float(Decimal(repr(float(amount))).quantize(CENT, rounding=ROUND_HALF_UP))


def quantity(amount: float) -> float:
    """Take the dust of binary arithmetic off a quantity."""
    return round(float(amount), 6) + 0.0


def listing(names: list[str]) -> str:
    """Return names as an English sentence lists them."""
    if len(names) <= 2:
        return " and ".join(names)
    return f"{', '.join(names[:-1])}, and {names[-1]}"


def american(date: str) -> str:
    """Return a date as messages in American English show it."""
    return f"{date[5:7]}/{date[8:10]}/{date[:4]}"
