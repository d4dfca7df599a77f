"""Is there what a return would take? Odoo makes a return of goods that are gone, and then it waits for ever.

A return reserves in the very places to which the transfer brought the goods, lot by lot, and nothing that is promised
to others. Read for the plan alone: stock is shared by many documents and is no evidence for any of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from connectors.contract import Image, Problem
from connectors.judging import number_in, rows
from connectors.odoo.actions import STAMPS, Query
from connectors.odoo.transfers import MOVE, MOVE_LINE, QUANT
from core.encoding import Value
from core.text import N_, Text

PRODUCT: Final = "product.product"
TEMPLATE: Final = "product.template"
LOCATION: Final = "stock.location"

_LINE: Final = frozenset(
    {"move_id", "location_dest_id", "lot_id", "result_package_id", "owner_id", "quantity_product_uom"}
)  # fmt: skip
_QUANT: Final = frozenset(
    {"product_id", "location_id", "lot_id", "package_id", "owner_id", "quantity", "reserved_quantity"}
)  # fmt: skip

STOCK_QUERIES: Final = (
    Query(MOVE_LINE, "move_id", MOVE, _LINE),
    Query(LOCATION, "location_dest_id", MOVE_LINE, frozenset({"complete_name", "usage", "scrap_location"}), is_forward=True),
    Query(PRODUCT, "product_id", MOVE, frozenset({"product_tmpl_id", "default_code"}), is_forward=True),
    Query(TEMPLATE, "product_tmpl_id", PRODUCT, frozenset({"name", "type", "is_storable"}), is_forward=True),
    Query(
        QUANT, "product_id", PRODUCT, _QUANT,
        domain=(("location_id.usage", "in", ["internal", "transit"]), ("quantity", "!=", 0)),
    ),
)  # fmt: skip
STOCK_FIELDS: Final[Mapping[str, frozenset[str]]] = {
    query.model: STAMPS | query.fields | {"*"} for query in STOCK_QUERIES
}
"""What is looked at by the problems of a return and by nothing else."""

_RESERVED_IN: Final = ("internal", "transit")
"""Usages of the locations in which Odoo reserves; elsewhere goods are always there."""

_Place = tuple[Value, ...]


def shortages(image: Image, left: Mapping[int, Decimal]) -> tuple[Problem, ...]:
    """Say which goods are not there, or promised to others; `left` is what each move would give back."""
    moves, free = rows(image, MOVE), _free_stock(image)
    wanted: dict[int, Decimal] = defaultdict(Decimal)
    found: dict[int, Decimal] = defaultdict(Decimal)
    where: dict[int, str] = {}
    for move, quantity in sorted(left.items()):
        product, places = moves[move].get("product_id"), _places(image, move)
        if not isinstance(product, int) or not places or not _is_stored(image, product):
            continue
        wanted[product] += quantity
        missing = quantity
        for place, brought in places.items():
            taken = max(Decimal(0), min(missing, brought, free[place]))
            free[place] -= taken
            found[product] += taken
            missing -= taken
            if missing > 0:
                where.setdefault(product, _location_name(image, place[1]))
    return tuple(
        Problem(
            "return.unavailable",
            Text(
                N_("{item}: {wanted} would go back, but only {found} are there and free in {place}"),
                {
                    "item": _product_name(image, product),
                    "wanted": _short(quantity),
                    "found": _short(found[product]),
                    "place": where[product],
                },
            ),
        )
        for product, quantity in wanted.items()
        if found[product] < quantity
    )  # fmt: skip


def _places(image: Image, move: int) -> dict[_Place, Decimal]:
    """Return where a move's goods were brought, and how much; nothing where Odoo needs no reservation."""
    product = rows(image, MOVE)[move].get("product_id")
    locations = rows(image, LOCATION)
    places: dict[_Place, Decimal] = defaultdict(Decimal)
    for line in rows(image, MOVE_LINE).values():
        location = line.get("location_dest_id")
        if line.get("move_id") != move or not isinstance(location, int):
            continue
        row = locations.get(location, {})
        if row.get("usage") not in _RESERVED_IN or row.get("scrap_location"):
            continue
        place = (
            product,
            location,
            line.get("lot_id"),
            line.get("result_package_id"),
            line.get("owner_id"),
        )
        # Up to 16 a line does not say it in the product's own unit; the stock itself is limit enough there.
        known = "quantity_product_uom" in line
        places[place] += number_in(line["quantity_product_uom"]) if known else Decimal("Infinity")
    return dict(places)


def _free_stock(image: Image) -> dict[_Place, Decimal]:
    free: dict[_Place, Decimal] = defaultdict(Decimal)
    names = ("product_id", "location_id", "lot_id", "package_id", "owner_id")
    for row in rows(image, QUANT).values():
        place = tuple(row.get(name) for name in names)
        free[place] += number_in(row.get("quantity")) - number_in(row.get("reserved_quantity"))
    return free


def _is_stored(image: Image, product: int) -> bool:
    row = _template(image, product)
    return bool(row["is_storable"]) if "is_storable" in row else row.get("type") == "product"


def _template(image: Image, product: int) -> Mapping[str, Value]:
    key = rows(image, PRODUCT).get(product, {}).get("product_tmpl_id")
    return rows(image, TEMPLATE).get(key, {}) if isinstance(key, int) else {}


def _product_name(image: Image, product: int) -> str:
    code = rows(image, PRODUCT).get(product, {}).get("default_code")
    name = str(_template(image, product).get("name") or f"({product})")
    return f"[{code}] {name}" if isinstance(code, str) and code else name


def _location_name(image: Image, location: Value) -> str:
    if not isinstance(location, int):
        return ""
    return str(rows(image, LOCATION).get(location, {}).get("complete_name") or f"({location})")


def _short(quantity: Decimal) -> str:
    return f"{quantity.normalize():f}"
