"""One class a kind: which fields of Tryton fill which canonical columns. Orders and invoices have a file of their own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

from connectors.contract import Kind
from connectors.judging import number_in
from connectors.tryton.kinds import (
    COMMON,
    Columns,
    Row,
    Setting,
    Source,
    common,
    item_columns,
    key_of,
    name_in,
    unit_name,
)
from connectors.tryton.order_sources import InvoiceSource, OrderSource, sum_of, total_of
from connectors.tryton.orders import PURCHASE, SALE


class ShipmentSource(Source):
    """Goods received or issued: the moves that cross the warehouse's border."""

    line_model = "stock.move"

    def __init__(self, kind: Kind) -> None:
        super().__init__(kind)
        is_in = kind is Kind.GOODS_RECEIPT
        self.model = "stock.shipment.in" if is_in else "stock.shipment.out"
        self.partner = "supplier" if is_in else "customer"
        self.moves = "incoming_moves" if is_in else "outgoing_moves"
        self.paths = (
            *COMMON, "reference", f"{self.partner}.rec_name", "planned_date", "effective_date",
            "done_by.rec_name",
        )  # fmt: skip
        self.line_paths = tuple(
            f"{self.moves}.{name}"
            for name in (
                "quantity", "unit", "unit_price", "currency", "state", "planned_date", "product.code",
                "product.name",
            )
        )  # fmt: skip

    def document(self, row: Row, setting: Setting) -> Columns:
        lines = list(self.lines(row, setting))
        wanted = [line for line in lines if line["state"] != "cancelled"]
        return common(row, setting) | {
            "number": row["number"],
            "reference": row["reference"],
            "partner": name_in(row, self.partner),
            "partner_key": key_of((row.get(f"{self.partner}.") or {}).get("id")),
            "date": row["effective_date"] or row["planned_date"],
            "due": row["planned_date"],
            "ordered_quantity": sum_of(wanted, "quantity"),
            "received_quantity": sum_of(wanted, "received_quantity"),
            "remaining_quantity": sum_of(wanted, "remaining_quantity"),
            "is_closed": row["state"] in self.closed_states,
            "approved_by": name_in(row, "done_by"),
        }

    def lines(self, row: Row, setting: Setting) -> Iterator[Columns]:
        for move in row[f"{self.moves}."]:
            quantity = number_in(move["quantity"])
            received = quantity if move["state"] == "done" else Decimal(0)
            yield item_columns(move) | {
                "key": str(move["id"]),
                "unit": unit_name(setting, move["unit"]),
                "quantity": quantity,
                "received_quantity": received,
                "remaining_quantity": quantity - received
                if move["state"] != "cancelled"
                else Decimal(0),
                "unit_price": move["unit_price"],
                "currency": setting.target.currencies.get(move["currency"]),
                "due": move["planned_date"],
                "state": move["state"],
            }


class CountSource(Source):
    """Stock counts: what was counted."""

    model = "stock.inventory"
    paths = (*COMMON, "date", "location.rec_name")
    line_model = "stock.inventory.line"
    line_paths = ("lines.quantity", "lines.unit", "lines.product.code", "lines.product.name")

    def document(self, row: Row, setting: Setting) -> Columns:
        return common(row, setting) | {
            "number": row["number"],
            "reference": name_in(row, "location"),
            "date": row["date"],
            "is_closed": row["state"] in self.closed_states,
        }

    def lines(self, row: Row, setting: Setting) -> Iterator[Columns]:
        for line in row["lines."]:
            yield item_columns(line) | {
                "key": str(line["id"]),
                "unit": unit_name(setting, line["unit"]),
                "quantity": line["quantity"],
            }


class ProductionSource(Source):
    """Productions; the lines are what goes in."""

    model = "production"
    paths = (
        *COMMON, "reference", "quantity", "unit", "planned_start_date", "planned_date", "done_by.rec_name",
        "product", "outputs.product", "outputs.quantity", "outputs.unit", "outputs.state",
    )  # fmt: skip
    line_model = "stock.move"
    line_paths = tuple(
        f"inputs.{name}"
        for name in ("quantity", "unit", "state", "planned_date", "product.code", "product.name")
    )

    def document(self, row: Row, setting: Setting) -> Columns:
        ordered = number_in(row["quantity"])
        made = total_of(
            setting,
            (m for m in row["outputs."] if m["state"] == "done" and m["product"] == row["product"]),
            row["unit"],
        )
        return common(row, setting) | {
            "number": row["number"],
            "reference": row["reference"],
            "date": row["planned_start_date"],
            "due": row["planned_date"],
            "ordered_quantity": ordered,
            "received_quantity": made,
            "remaining_quantity": max(ordered - made, Decimal(0)),
            "is_closed": row["state"] in self.closed_states,
            "approved_by": name_in(row, "done_by"),
        }

    def lines(self, row: Row, setting: Setting) -> Iterator[Columns]:
        for move in row["inputs."]:
            quantity = number_in(move["quantity"])
            used = quantity if move["state"] == "done" else Decimal(0)
            yield item_columns(move) | {
                "key": str(move["id"]),
                "unit": unit_name(setting, move["unit"]),
                "quantity": quantity,
                "received_quantity": used,
                "remaining_quantity": quantity - used,
                "due": move["planned_date"],
                "state": move["state"],
            }


class WorkSource(Source):
    """Projects and tasks: each is a document, its name stands where others have a reference."""

    model = "project.work"
    named = ("number", "name")
    paths = (
        "number", "name", "type", "party.rec_name", "progress", "status.progress", "status.rec_name",
        "create_date", "create_uid.rec_name", "write_date", "write_uid.rec_name",
    )  # fmt: skip

    def closed(self, *, is_closed: bool) -> list[Any]:
        done = ["status.progress", ">=", 1.0]
        return (
            done
            if is_closed
            else ["OR", ["status.progress", "=", None], ["status.progress", "<", 1.0]]
        )

    def document(self, row: Row, setting: Setting) -> Columns:
        status = row.get("status.") or {}
        return common(row, setting) | {
            "number": row["number"] or row["name"],
            "reference": row["name"],
            "partner": name_in(row, "party"),
            "partner_key": key_of((row.get("party.") or {}).get("id")),
            "state": status.get("rec_name"),
            "is_closed": number_in(status.get("progress")) >= 1,
            "progress": row["progress"],
        }


class PeriodSource(Source):
    """Accounting periods and, from a second source, fiscal years."""

    number = "name"
    named = ("name",)
    closed_states = ("closed", "locked")
    paths = (
        "name", "state", "start_date", "end_date", "create_date", "create_uid.rec_name", "write_date",
        "write_uid.rec_name",
    )  # fmt: skip

    def __init__(self, model: str) -> None:
        super().__init__(Kind.ACCOUNTING_PERIOD)
        self.model = model

    def document(self, row: Row, setting: Setting) -> Columns:
        return common(row, setting) | {
            "number": row["name"],
            "date": row["start_date"],
            "due": row["end_date"],
            "is_closed": row["state"] in self.closed_states,
        }


class NameSource(Source):
    """Partners and items, for rules and comparisons."""

    number = "code"
    named = ("code",)
    company_field = None
    paths = (
        "code", "rec_name", "active", "create_date", "create_uid.rec_name", "write_date",
        "write_uid.rec_name",
    )  # fmt: skip

    def __init__(self, kind: Kind, model: str) -> None:
        super().__init__(kind)
        self.model = model

    def closed(self, *, is_closed: bool) -> list[Any]:
        return ["active", "=", not is_closed]

    def document(self, row: Row, setting: Setting) -> Columns:
        return common(row, setting) | {
            "number": row["code"],
            "reference": row["rec_name"],
            "company": None,
            "state": "active" if row["active"] else "inactive",
            "is_closed": not row["active"],
        }


SOURCES: Final[Mapping[Kind, tuple[Source, ...]]] = {
    Kind.PURCHASE_ORDER: (OrderSource(PURCHASE),),
    Kind.SALES_ORDER: (OrderSource(SALE),),
    Kind.CUSTOMER_INVOICE: (InvoiceSource(Kind.CUSTOMER_INVOICE),),
    Kind.SUPPLIER_INVOICE: (InvoiceSource(Kind.SUPPLIER_INVOICE),),
    Kind.GOODS_RECEIPT: (ShipmentSource(Kind.GOODS_RECEIPT),),
    Kind.GOODS_ISSUE: (ShipmentSource(Kind.GOODS_ISSUE),),
    Kind.STOCK_COUNT: (CountSource(Kind.STOCK_COUNT),),
    Kind.PRODUCTION_ORDER: (ProductionSource(Kind.PRODUCTION_ORDER),),
    Kind.PROJECT: (WorkSource(Kind.PROJECT),),
    Kind.ACCOUNTING_PERIOD: (PeriodSource("account.period"), PeriodSource("account.fiscalyear")),
    Kind.PARTNER: (NameSource(Kind.PARTNER, "party.party"),),
    Kind.ITEM: (NameSource(Kind.ITEM, "product.product"),),
}
"""Where the documents of each kind lie."""
