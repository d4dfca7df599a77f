"""Documents and lines of the fake ERP in canonical columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import pyarrow as pa

from connectors.columns import DOCUMENT_COLUMNS, LINE_COLUMNS, documents_schema, lines_schema
from connectors.contract import Kind
from connectors.fake.schema import (
    INVOICE,
    INVOICE_LINE,
    LINE,
    MOVE,
    ORDER,
    PERIOD,
    PROJECT,
    SALE,
    SALE_LINE,
    TASK,
)
from connectors.fake.table import Row

Lines = Sequence[tuple[str, Row]]
ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class KindSource:
    """Where the documents of a kind come from, and how they show in canonical columns."""

    model: str
    closed_states: tuple[str, ...]
    columns: Callable[[Row, Lines], Row]
    criteria: Mapping[str, tuple[str, ...]] | None = None
    line_model: str | None = None
    line_parent: str = "order"
    line_columns: Callable[[Row], Row] | None = None


def _same(*names: str) -> Callable[[Row, Lines], Row]:
    return lambda row, _: {name: row[name] for name in names}


_CLOSED: Final = ("closed_by", "closed_at", "closed_how")
_HEADER: Final = (
    "number", "reference", "partner", "partner_key", "company", "date", "due", "currency",
    "amount", "remaining_amount", "approved_by", "owner", "created_at", *_CLOSED,
)  # fmt: skip
_LINE: Final = (
    "position", "item", "item_key", "description", "unit", "quantity", "received_quantity",
    "invoiced_quantity", "unit_price", "amount", "due", "state",
)  # fmt: skip


def _order_columns(row: Row, lines: Lines) -> Row:
    def total(name: str) -> Decimal:
        return sum((line[name] for _, line in lines), ZERO)

    return {
        **{name: row[name] for name in _HEADER},
        "ordered_quantity": total("quantity"),
        "received_quantity": total("received_quantity"),
        "invoiced_quantity": total("invoiced_quantity"),
        "remaining_quantity": sum((_remaining(line) for _, line in lines), ZERO),
    }


def _remaining(line: Row) -> Decimal:
    remaining: Decimal = max(line["quantity"] - line["received_quantity"], ZERO)
    return remaining


def _order_line(row: Row) -> Row:
    return {**{name: row[name] for name in _LINE}, "remaining_quantity": _remaining(row)}


def _invoice_line(row: Row) -> Row:
    names = ("position", "item", "description", "unit", "quantity", "unit_price", "amount")
    return {name: row[name] for name in names}


_INVOICE: Final = (
    "number", "reference", "partner", "partner_key", "company", "date", "due", "currency",
    "amount", "is_paid",
)  # fmt: skip


def _invoices(direction: str) -> KindSource:
    return KindSource(
        INVOICE,
        ("posted", "reversed", "cancelled"),
        _same(*_INVOICE),
        {"direction": (direction,)},
        INVOICE_LINE,
        "invoice",
        _invoice_line,
    )


SOURCES: Final[Mapping[Kind, KindSource]] = {
    Kind.PURCHASE_ORDER: KindSource(
        ORDER,
        ("closed", "cancelled", "given_up"),
        _order_columns,
        None,
        LINE,
        "order",
        _order_line,
    ),
    Kind.SALES_ORDER: KindSource(
        SALE, ("closed", "cancelled"), _order_columns, None, SALE_LINE, "order", _order_line
    ),
    Kind.GOODS_RECEIPT: KindSource(MOVE, ("done", "cancelled"), _same("number", "date")),
    Kind.SUPPLIER_INVOICE: _invoices("in"),
    Kind.CUSTOMER_INVOICE: _invoices("out"),
    Kind.PROJECT: KindSource(
        PROJECT,
        ("closed",),
        _same("number", "company", "date", "due", "progress", "owner", *_CLOSED),
        None,
        TASK,
        "project",
        lambda row: {
            "position": row["position"],
            "description": row["name"],
            "state": row["state"],
        },
    ),
    Kind.ACCOUNTING_PERIOD: KindSource(
        PERIOD, ("closed",), _same("number", "company", "date", "due", *_CLOSED)
    ),
}
"""The kinds that the fake ERP has."""

_DOCUMENT_NAMES: Final = tuple(name for name, _, _ in DOCUMENT_COLUMNS)
_LINE_NAMES: Final = tuple(name for name, _, _ in LINE_COLUMNS)


def document_row(kind: Kind, key: str, row: Row, lines: Lines, native: tuple[str, ...]) -> Row:
    """Return one document in canonical columns; what the ERP does not have is null."""
    source = SOURCES[kind]
    known = source.columns(row, lines)
    known |= {
        "kind": str(kind),
        "model": source.model,
        "key": key,
        "state": row["state"],
        "is_closed": row["state"] in source.closed_states,
        "changed_at": row["write_date"],
        "changed_by": row["write_user"],
    }
    return {
        **{name: known.get(name) for name in _DOCUMENT_NAMES},
        **{f"native.{name}": _as_text(row[name]) for name in native},
    }


def line_row(
    kind: Kind, header: tuple[str, Row], line: tuple[str, Row], native: tuple[str, ...]
) -> Row:
    """Return one line in canonical columns."""
    source = SOURCES[kind]
    document_key, document = header
    key, row = line
    known = source.line_columns(row) if source.line_columns else {}
    known |= {
        "kind": str(kind),
        "document_key": document_key,
        "number": document["number"],
        "model": source.line_model,
        "key": key,
        "currency": document.get("currency"),
    }
    return {
        **{name: known.get(name) for name in _LINE_NAMES},
        **{f"native.{name}": _as_text(row[name]) for name in native},
    }


def documents_batch(rows: list[Row], native: tuple[str, ...]) -> pa.RecordBatch:
    """Return rows of `document_row` as one record batch."""
    return pa.RecordBatch.from_pylist(rows, schema=documents_schema(native))


def lines_batch(rows: list[Row], native: tuple[str, ...]) -> pa.RecordBatch:
    """Return rows of `line_row` as one record batch."""
    return pa.RecordBatch.from_pylist(rows, schema=lines_schema(native))


def _as_text(value: Any) -> str | None:
    return None if value is None else str(value)
