"""Where the documents of each kind lie. Orders, goods and books have files of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from connectors.contract import Kind
from connectors.odoo.actions import Target
from connectors.odoo.kinds import (
    Columns,
    Source,
    common,
    day,
    look_up_names,
    partner_columns,
)
from connectors.odoo.ledger_sources import (
    AccountBalanceSource,
    EntrySource,
    InvoiceSource,
    LockSource,
    OpenItemSource,
    PaymentSource,
)
from connectors.odoo.lookup import Lookup, Row
from connectors.odoo.order_sources import PURCHASE, SALE, OrderSource
from connectors.odoo.stock_sources import (
    AppliedCountSource,
    BalanceSource,
    CountSource,
    ProductionSource,
    TransferSource,
)
from core import clock

ARCHIVED: Final = ["active", "=", False]
ACTIVE: Final = ["active", "=", True]

DONE_TASKS: Final = ["1_done", "1_canceled"]
"""States in which a task is ended, from 17 on."""


class ProjectSource(Source):
    """Projects, named by their name. Closed is what is archived; Odoo has no other end of a project."""

    model = "project.project"
    is_company_optional = True
    wanted = (
        "active", "partner_id", "date_start", "date", "user_id", "last_update_status", "last_update_id",
    )  # fmt: skip

    def domain(self, lookup: Lookup) -> list[Any]:
        return no_templates(self.model, lookup)

    def closed(self, lookup: Lookup, *, is_closed: bool) -> list[Any]:
        del lookup
        return [ARCHIVED if is_closed else ACTIVE]

    def attach(
        self, rows: Sequence[Row], lookup: Lookup, *, with_lines: bool, native: Sequence[str] = ()
    ) -> None:
        look_up_names(rows, lookup, partner_id="res.partner", user_id="res.users")
        if lookup.has("project.update", "progress"):
            updates = {row.get("last_update_id") for row in rows}
            found = lookup.records("project.update", updates, ("progress",))
            for row in rows:
                update = found.get(row.get("last_update_id") or 0)
                row["progress."] = update["progress"] if update is not None else None

    def document(self, row: Row, lookup: Lookup) -> Columns:
        percent = row.get("progress.")
        return (
            common(self, row, lookup)
            | partner_columns(row, lookup)
            | {
                "reference": row["name"],
                "date": row.get("date_start") or day(row.get("create_date")),
                "due": row.get("date"),
                "state": (row.get("last_update_status") or "active")
                if row["active"]
                else "archived",
                "is_closed": not row["active"],
                "closed_how": None if row["active"] else "by_hand",
                "progress": None if percent is None else Decimal(percent) / 100,
                "owner": lookup.name("res.users", row.get("user_id")),
            }
        )


class TaskSource(Source):
    """Tasks of projects, named by their title; the project stands where others have a reference.

    Closed is what is archived, done or cancelled: from 17 on by the task's own state, before that by a stage that
    is folded. To-dos of persons belong to no project and are left out.
    """

    model = "project.task"
    is_company_optional = True
    wanted = (
        "active", "project_id", "partner_id", "user_ids", "user_id", "date_deadline", "stage_id", "state",
        "kanban_state", "is_closed",
    )  # fmt: skip

    def domain(self, lookup: Lookup) -> list[Any]:
        # A task without a project is somebody's private to-do.
        return [["project_id", "!=", False], *no_templates(self.model, lookup)]

    def fields(self, lookup: Lookup) -> list[str]:
        """From 18 on `is_closed` is worked out of the state, which is read anyway."""
        found = super().fields(lookup)
        return [n for n in found if n != "is_closed" or not lookup.has(self.model, "state")]

    def closed(self, lookup: Lookup, *, is_closed: bool) -> list[Any] | None:
        if lookup.has(self.model, "state"):
            if is_closed:
                return ["|", ARCHIVED, ["state", "in", DONE_TASKS]]
            return [ACTIVE, ["state", "not in", DONE_TASKS]]
        if lookup.has(self.model, "is_closed"):
            if is_closed:
                return ["|", ARCHIVED, ["is_closed", "=", True]]
            return [ACTIVE, ["is_closed", "=", False]]
        return [ARCHIVED if is_closed else ACTIVE]

    def attach(
        self, rows: Sequence[Row], lookup: Lookup, *, with_lines: bool, native: Sequence[str] = ()
    ) -> None:
        look_up_names(
            rows, lookup, partner_id="res.partner", user_id="res.users",
            project_id="project.project", stage_id="project.task.type",
        )  # fmt: skip
        lookup.names("res.users", {key for row in rows for key in row.get("user_ids") or ()})

    def document(self, row: Row, lookup: Lookup) -> Columns:
        users = row.get("user_ids") or (row.get("user_id"),)
        owners = [name for key in users if (name := lookup.name("res.users", key))]
        stage = lookup.name("project.task.type", row.get("stage_id"))
        is_closed = (
            not row["active"] or row.get("state") in DONE_TASKS or row.get("is_closed") is True
        )
        return (
            common(self, row, lookup)
            | partner_columns(row, lookup)
            | {
                "reference": lookup.name("project.project", row["project_id"]),
                "date": day(row.get("create_date")),
                "due": day(row.get("date_deadline")),
                "state": (row.get("state") or stage or "active") if row["active"] else "archived",
                "is_closed": is_closed,
                "closed_how": "by_hand" if is_closed else None,
                "owner": ", ".join(owners) or None,
            }
        )


def no_templates(model: str, lookup: Lookup) -> list[Any]:
    """Return the condition that leaves out templates (from 19 on)."""
    names = lookup.present(model, ("is_template", "has_template_ancestor"))
    stored = lookup.target.stored(model, frozenset(names))
    return [[name, "=", False] for name in sorted(stored)]


class NameSource(Source):
    """Partners and products, for rules and comparisons. Closed is what is archived."""

    is_company_optional = True

    def __init__(self, kind: Kind, model: str, number: str, label: str) -> None:
        super().__init__(kind)
        self.model, self.number, self.label = model, number, label
        self.wanted = ("active", "name", label)

    def closed(self, lookup: Lookup, *, is_closed: bool) -> list[Any]:
        del lookup
        return [ARCHIVED if is_closed else ACTIVE]

    def attach(
        self, rows: Sequence[Row], lookup: Lookup, *, with_lines: bool, native: Sequence[str] = ()
    ) -> None:
        look_up_names(rows, lookup)

    def document(self, row: Row, lookup: Lookup) -> Columns:
        return common(self, row, lookup) | {
            "reference": row.get(self.label) or row["name"],
            "state": "active" if row["active"] else "archived",
            "is_closed": not row["active"],
        }


class PriceSource(Source):
    """What is common to prices: no number, one line with the product. Closed is what is no longer valid.

    Keys of the two models overlap; a line has the model of its price.
    """

    number = ""
    is_company_optional = True
    price: str
    minimum: str

    def __init__(self) -> None:
        super().__init__(Kind.PRICE)
        self.line_model = self.model

    def attach(
        self, rows: Sequence[Row], lookup: Lookup, *, with_lines: bool, native: Sequence[str] = ()
    ) -> None:
        look_up_names(
            rows,
            lookup,
            partner_id="res.partner",
            name="res.partner",
            pricelist_id="product.pricelist",
        )
        if with_lines:
            lookup.items({row.get("product_id") for row in rows})
            lookup.names("product.template", {row.get("product_tmpl_id") for row in rows})
            lookup.own_lines(rows, self.model, native)

    def common_columns(self, row: Row, lookup: Lookup) -> Columns:
        """Return the columns of every price."""
        end = day(row.get("date_end"))
        return common(self, row, lookup) | {
            "date": day(row.get("date_start")),
            "due": end,
            "currency": lookup.currency(row.get("currency_id")),
            "amount": self.price_of(row),
            "ordered_quantity": row.get(self.minimum),
            "is_closed": end is not None and end < clock.now().date(),
        }

    def price_of(self, row: Row) -> Any:
        """Return the price itself; None where it is worked out of another one."""
        return row.get(self.price)

    def line(self, row: Row, line: Row, lookup: Lookup) -> Columns:
        del line
        columns = dict(lookup.item(row.get("product_id")))
        if columns["item_key"] is None:
            columns["item"] = lookup.name("product.template", row.get("product_tmpl_id"))
        return columns | {
            "quantity": row.get(self.minimum),
            "unit_price": self.price_of(row),
            "currency": lookup.currency(row.get("currency_id")),
            "due": day(row.get("date_end")),
        }


class SupplierPriceSource(PriceSource):
    """Prices of suppliers; the quantity is the one from which a price holds."""

    model = "product.supplierinfo"
    price = "price"
    minimum = "min_qty"
    wanted = (
        "partner_id", "name", "product_code", "product_name", "price", "min_qty", "currency_id",
        "date_start", "date_end", "product_id", "product_tmpl_id",
    )  # fmt: skip

    def document(self, row: Row, lookup: Lookup) -> Columns:
        # Up to 15 the supplier was called `name`.
        field = "partner_id" if lookup.has(self.model, "partner_id") else "name"
        return (
            self.common_columns(row, lookup)
            | partner_columns(row, lookup, field)
            | {"reference": row.get("product_code") or row.get("product_name"), "state": "supplier"}
        )


class ListPriceSource(PriceSource):
    """Prices of our price lists; one that is worked out of another has no amount."""

    model = "product.pricelist.item"
    price = "fixed_price"
    minimum = "min_quantity"
    wanted = (
        "pricelist_id", "compute_price", "fixed_price", "min_quantity", "currency_id", "date_start",
        "date_end", "product_id", "product_tmpl_id",
    )  # fmt: skip

    def price_of(self, row: Row) -> Any:
        return row["fixed_price"] if row["compute_price"] == "fixed" else None

    def document(self, row: Row, lookup: Lookup) -> Columns:
        return self.common_columns(row, lookup) | {
            "reference": lookup.name("product.pricelist", row.get("pricelist_id")),
            "state": row["compute_price"],
        }


SOURCES: Final[Mapping[Kind, tuple[Source, ...]]] = {
    Kind.PURCHASE_ORDER: (OrderSource(PURCHASE),),
    Kind.SALES_ORDER: (OrderSource(SALE),),
    Kind.CUSTOMER_INVOICE: (InvoiceSource(Kind.CUSTOMER_INVOICE),),
    Kind.SUPPLIER_INVOICE: (InvoiceSource(Kind.SUPPLIER_INVOICE),),
    Kind.GOODS_RECEIPT: (TransferSource(Kind.GOODS_RECEIPT),),
    Kind.GOODS_ISSUE: (TransferSource(Kind.GOODS_ISSUE),),
    Kind.STOCK_COUNT: (CountSource(Kind.STOCK_COUNT), AppliedCountSource(Kind.STOCK_COUNT)),
    Kind.PRODUCTION_ORDER: (ProductionSource(Kind.PRODUCTION_ORDER),),
    Kind.PROJECT: (ProjectSource(Kind.PROJECT), TaskSource(Kind.PROJECT)),
    Kind.ACCOUNTING_PERIOD: (LockSource(),),
    Kind.STOCK_BALANCE: (BalanceSource(Kind.STOCK_BALANCE),),
    Kind.OPEN_ITEM: (OpenItemSource(Kind.OPEN_ITEM),),
    Kind.ACCOUNT_BALANCE: (AccountBalanceSource(Kind.ACCOUNT_BALANCE),),
    Kind.JOURNAL_ENTRY: (EntrySource(Kind.JOURNAL_ENTRY),),
    Kind.PAYMENT: (PaymentSource(Kind.PAYMENT),),
    Kind.PARTNER: (NameSource(Kind.PARTNER, "res.partner", "ref", "complete_name"),),
    Kind.ITEM: (NameSource(Kind.ITEM, "product.product", "default_code", "name"),),
    Kind.PRICE: (SupplierPriceSource(), ListPriceSource()),
}
"""Where the documents of each kind lie."""

MODELS: Final = frozenset(
    {source.model for sources in SOURCES.values() for source in sources}
    | {source.line_model for sources in SOURCES.values() for source in sources if source.line_model}
    | {"res.users", "uom.uom", "stock.location", "project.update", "product.template"}
)
"""Models whose fields the target must know, so that only what the server has is asked for."""


def kinds_of(target: Target) -> tuple[Kind, ...]:
    """Return the kinds of which this server has documents."""
    return tuple(
        kind for kind, sources in SOURCES.items() if any(one.is_here(target) for one in sources)
    )
