"""A stand-in for the reading half of an Odoo, with the fields of one version: what the bulk face is tested on.

It refuses a field that the version does not have, as Odoo does, and it counts the questions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final

from connectors.columns import documents_schema, lines_schema
from connectors.contract import Criteria, Fence, FieldInfo, Kind, no_fence
from connectors.odoo.actions import Target
from connectors.odoo.kinds import read_documents, read_lines
from connectors.odoo.lookup import Lookup, Row, Setting
from connectors.odoo.sources import SOURCES
from core.errors import AccessDenied, RefusedError

VERSIONS: Final = (16, 17, 18, 19)
NOON: Final = datetime(2026, 11, 20, 12, tzinfo=UTC)

_STAMPS: Final = "create_date:d write_date:d write_uid:res.users"
_FIELDS: Final[Mapping[str, str]] = {
    # name, name:d (a moment), name:model (a relation), name@17-18 (versions that have it)
    "res.company": "name currency_id:res.currency po_lock fiscalyear_lock_date tax_lock_date"
    " period_lock_date@16-17 sale_lock_date@18- purchase_lock_date@18- hard_lock_date@18-",
    "res.partner": "name ref active company_id:res.company display_name complete_name@17-",
    "res.users": "name",
    "uom.uom": "name factor relative_factor@19-",
    "product.product": "name default_code active company_id:res.company uom_id:uom.uom",
    "product.template": "name",
    "stock.location": "name complete_name usage",
    "stock.picking.type": "code",
    "stock.picking": "name state origin partner_id:res.partner company_id:res.company scheduled_date:d"
    " date_deadline:d date_done:d user_id:res.users picking_type_id:stock.picking.type",
    "stock.move": "state product_id:product.product product_uom:uom.uom product_uom_qty date:d"
    " date_deadline:d quantity_done@16-16 quantity@17- picking_id:stock.picking reference"
    " production_id:mrp.production raw_material_production_id:mrp.production is_inventory"
    " company_id:res.company scrapped@16-18 scrap_id@17- sequence inventory_name@19-"
    " location_id:stock.location location_dest_id:stock.location",
    "stock.quant": "product_id:product.product location_id:stock.location quantity reserved_quantity"
    " inventory_quantity inventory_quantity_set inventory_date user_id:res.users in_date:d"
    " owner_id:res.partner company_id:res.company lot_id",
    "mrp.production": "name state origin product_id:product.product product_qty product_uom_id:uom.uom"
    " user_id:res.users company_id:res.company date_deadline:d date_start:d date_finished:d"
    " date_planned_start:d@16-16 date_planned_finished:d@16-16",
    "purchase.order": "name state locked@19- partner_id:res.partner partner_ref currency_id:res.currency"
    " amount_total user_id:res.users origin date_order:d date_approve:d company_id:res.company",
    "purchase.order.line": "order_id:purchase.order sequence name product_id:product.product product_qty"
    " qty_received qty_received_method product_uom:uom.uom@16-18 product_uom_id:uom.uom@19- price_unit"
    " discount@17- price_subtotal display_type is_downpayment@18- date_planned:d",
    "sale.order": "name state locked@17- partner_id:res.partner client_order_ref currency_id:res.currency"
    " amount_total user_id:res.users origin date_order:d commitment_date:d company_id:res.company",
    "sale.order.line": "order_id:sale.order sequence name product_id:product.product product_uom_qty"
    " qty_delivered qty_delivered_method product_uom:uom.uom@16-18 product_uom_id:uom.uom@19- price_unit"
    " discount price_subtotal display_type is_downpayment",
    "account.account": "name code account_type",
    "account.move": "name state move_type ref partner_id:res.partner currency_id:res.currency invoice_date"
    " date amount_total invoice_date_due amount_residual invoice_user_id:res.users invoice_origin"
    " company_id:res.company",
    "account.move.line": "move_id:account.move move_name parent_state move_type name ref sequence"
    " product_id:product.product account_id:account.account partner_id:res.partner"
    " product_uom_id:uom.uom quantity price_unit discount price_subtotal display_type balance"
    " currency_id:res.currency company_currency_id:res.currency company_id:res.company date"
    " date_maturity amount_currency amount_residual amount_residual_currency"
    " purchase_line_id:purchase.order.line sale_line_ids:sale.order.line",
    "account.payment": "name state ref@16-17 memo@18- partner_id:res.partner currency_id:res.currency"
    " date amount payment_type is_reconciled company_id:res.company",
    "project.project": "name active partner_id:res.partner company_id:res.company date_start date"
    " user_id:res.users last_update_status last_update_id:project.update is_template@19-",
    "project.update": "name progress",
    "project.task": "name active project_id:project.project parent_id:project.task company_id:res.company"
    " partner_id:res.partner user_ids:res.users date_deadline:d stage_id:project.task.type state@17-"
    " kanban_state@16-16 is_closed@16-16 is_template@19-",
    "project.task.type": "name",
    "product.supplierinfo": "partner_id:res.partner product_code product_name price min_qty"
    " currency_id:res.currency date_start date_end product_id:product.product"
    " product_tmpl_id:product.template company_id:res.company",
    "product.pricelist": "name",
    "product.pricelist.item": "pricelist_id:product.pricelist compute_price fixed_price min_quantity"
    " currency_id:res.currency date_start:d date_end:d product_id:product.product"
    " product_tmpl_id:product.template company_id:res.company",
}  # fmt: skip

_NUMBERS: Final = frozenset(
    {
        "amount_total", "product_qty", "product_uom_qty", "qty_received", "qty_delivered", "price_unit",
        "price_subtotal", "discount", "quantity", "quantity_done", "amount_residual", "balance", "amount",
        "amount_currency", "amount_residual_currency", "price", "min_qty", "fixed_price", "min_quantity",
        "inventory_quantity", "reserved_quantity",
    }
)  # fmt: skip
_FLAGS: Final = frozenset({"active", "locked", "is_downpayment", "inventory_quantity_set"})


def fields_of_version(version: int) -> dict[str, dict[str, FieldInfo]]:
    """Return what `fields_get` tells of every model in one version."""
    return {
        model: {
            info.name: info
            for text in f"{names} {_STAMPS}".split()
            if (info := _field(text, version)) is not None
        }
        for model, names in _FIELDS.items()
    }


def _field(text: str, version: int) -> FieldInfo | None:
    text, _, versions = text.partition("@")
    first, _, last = versions.partition("-")
    if versions and not int(first) <= version <= int(last or 99):
        return None
    name, _, relation = text.partition(":")
    kind = "int" if len(relation) > 1 else "str"
    return FieldInfo(name, kind, is_stored=True, is_readonly=False, relation=relation or None)


class Odoo:
    """Rows by model. Is its own reader and server."""

    system = "erp"

    def __init__(self, version: int = 18, *, locks_sales: bool = False) -> None:
        self.version = version
        self.fence: Fence = no_fence
        self.fields = fields_of_version(version)
        self.rows: dict[str, dict[int, Row]] = {}
        self.asked: list[str] = []
        self.hidden: set[str] = set()
        self.groups: list[dict[str, Any]] = []
        self.locks_sales = locks_sales
        self.said: list[tuple[Any, ...]] = []
        self.add("res.company", 1, name="Storno Ltd", currency_id=1, po_lock="edit")
        self.add("res.users", 7, name="Ada")
        self.add("res.partner", 5, name="Azure", display_name="Azure", complete_name="Azure")
        is_new = version >= 19
        self.add("uom.uom", 1, name="Units", factor=Decimal(1))
        self.add("uom.uom", 2, name="Dozen", factor=Decimal(12) if is_new else _DOZEN)
        self.add("product.product", 3, name="Chair", default_code="CH", uom_id=1)

    def add(self, model: str, key: int, **values: Any) -> None:
        """Put a record in; fields that the version does not have are left out, others are empty."""
        empty: Row = {
            name: Decimal(0) if name in _NUMBERS else name == "active" if name in _FLAGS else None
            for name in self.fields[model]
        }
        known = {name: value for name, value in values.items() if name in self.fields[model]}
        common = {"company_id": 1, "write_uid": 7, "create_date": NOON, "write_date": NOON}
        row = empty | {name: v for name, v in common.items() if name in empty} | known | {"id": key}
        self.rows.setdefault(model, {})[key] = row

    # --- as a reader and as a server ------------------------------------------------------------------

    def pages(
        self, model: str, domain: list[Any], fields: Sequence[str], *, size: int
    ) -> Iterator[list[Row]]:
        if model in self.hidden:
            raise AccessDenied(system=self.system, said="no")
        unknown = {*fields} - {"id"} - self.fields[model].keys()
        assert not unknown, f"{model} of {self.version} has no {unknown}"
        found = [row for _, row in sorted(self.rows.get(model, {}).items())]
        kept = [row for row in found if self._fits(model, row, domain)]
        for start in range(0, len(kept) + 1, size):
            self.asked.append(model)
            page = kept[start : start + size]
            if page:
                yield [{name: row[name] for name in {*fields, "id"}} for row in page]
            if len(page) < size:
                return

    def call(self, model: str, method: str, *parameters: Any, **named: Any) -> Any:
        self.said.append((model, method, parameters, named))
        if method == "has_group":
            if (self.version >= 18) is not bool(parameters):
                raise RefusedError(system=self.system, said="wrong arguments")
            return self.locks_sales
        return self.groups

    def guarded(self, *parameters: Any, **named: Any) -> Any:
        raise NotImplementedError

    def _fits(self, model: str, row: Row, domain: list[Any]) -> bool:
        terms = list(domain)

        def term() -> bool:
            found = terms.pop(0)
            if found in ("|", "&"):
                first, second = term(), term()
                return first or second if found == "|" else first and second
            return _holds(self._value(model, row, found[0]), found[1], found[2])

        answers = []
        while terms:
            answers.append(term())
        return all(answers)

    def _value(self, model: str, row: Row, path: str) -> Any:
        head, _, rest = path.partition(".")
        if not rest:
            assert head == "id" or head in self.fields[model], f"{model} has no {head}"
            return row[head]
        relation = self.fields[model][head].relation
        assert relation is not None
        related = self.rows.get(relation, {}).get(row[head])
        return None if related is None else self._value(relation, related, rest)

    # --- asking -----------------------------------------------------------------------------------------

    def setting(self, company: int | None = None) -> Setting:
        target = Target(
            version=self.version, user_id=7, fields=self.fields, currencies={1: "EUR", 2: "USD"}
        )
        return Setting(target, self, company)

    def lookup(self) -> Lookup:
        return Lookup(self, self.setting())

    def documents(
        self, kind: Kind, *, company: int | None = None, **criteria: Any
    ) -> list[dict[str, Any]]:
        """Read documents; every batch has the canonical columns."""
        asked = Criteria(**criteria)
        batches = list(read_documents(SOURCES[kind], asked, self, self.setting(company)))
        assert all(batch.schema.equals(documents_schema(asked.native)) for batch in batches)
        return [row for batch in batches for row in batch.to_pylist()]

    def lines(self, kind: Kind, **criteria: Any) -> list[dict[str, Any]]:
        """Read lines; every batch has the canonical columns."""
        asked = Criteria(**criteria)
        batches = list(read_lines(SOURCES[kind], asked, self, self.setting()))
        assert all(batch.schema.equals(lines_schema(asked.native)) for batch in batches)
        return [row for batch in batches for row in batch.to_pylist()]


_DOZEN: Final = Decimal("0.08333333333333333")


def _holds(value: Any, operator: str, wanted: Any) -> bool:
    """Compare as Odoo does: False stands for empty, and a relation to many fits when one of it does."""
    if isinstance(value, tuple):
        return any(_holds(one, operator, wanted) for one in value)
    if isinstance(wanted, list):
        found = value in wanted or (value is None and False in wanted)
        return found if operator == "in" else not found
    wanted = None if wanted is False and not isinstance(value, bool) else wanted
    if operator in ("=", "!="):
        return (value == wanted) is (operator == "=")
    return bool(value > wanted)


def on(day: str) -> date:
    """Return a day."""
    return date.fromisoformat(day)
