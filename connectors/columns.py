"""The canonical columns of the bulk face: what every system's documents and lines look like to a rule.

Quantities and amounts are decimals, moments are UTC, dates are the ERP's own dates. A column that a system
cannot fill is null, never a guess.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

import pyarrow as pa

from core.money import decimal_places

QUANTITY: Final = pa.decimal128(38, 9)
AMOUNT: Final = pa.decimal128(38, 6)
MOMENT: Final = pa.timestamp("us", tz="UTC")

DOCUMENT_COLUMNS: Final[tuple[tuple[str, pa.DataType, str], ...]] = (
    ("kind", pa.string(), "kind of document, one of connectors.contract.Kind"),
    ("model", pa.string(), "native model or table"),
    ("key", pa.string(), "key in the ERP, as text"),
    ("number", pa.string(), "the number people use; null while the ERP has given none"),
    ("reference", pa.string(), "the partner's number, or a free reference"),
    ("partner", pa.string(), "name of the customer or supplier"),
    ("partner_key", pa.string(), "its key"),
    ("company", pa.string(), "name of the company the document belongs to"),
    ("date", pa.date32(), "document date"),
    ("due", pa.date32(), "when goods, payment or the end is expected"),
    ("currency", pa.string(), "ISO 4217 code"),
    ("amount", AMOUNT, "total with tax"),
    ("ordered_quantity", QUANTITY, "sum over lines in their own units"),
    (
        "received_quantity",
        QUANTITY,
        "received (purchase) or delivered (sale), quantity against quantity",
    ),
    ("invoiced_quantity", QUANTITY, "on posted invoices only: a draft bill is not billed"),
    ("remaining_quantity", QUANTITY, "ordered minus received, never below zero a line"),
    ("remaining_amount", AMOUNT, "value of the remaining quantity without tax"),
    ("state", pa.string(), "the ERP's own state"),
    ("is_closed", pa.bool_(), "nothing more can be received, delivered, billed or posted on it"),
    ("closed_how", pa.string(), "by_itself or by_hand; null when open or not known"),
    ("closed_by", pa.string(), "who closed it, where the ERP keeps it"),
    ("closed_at", MOMENT, "when it was closed, where the ERP keeps it"),
    ("approved_by", pa.string(), "who approved or confirmed it"),
    ("is_paid", pa.bool_(), "paid in full (invoices)"),
    ("progress", AMOUNT, "0 to 1 (projects)"),
    ("owner", pa.string(), "the person answerable in the ERP"),
    ("created_at", MOMENT, "when it was made"),
    ("changed_at", MOMENT, "last change that the ERP tells, of the document itself"),
    ("changed_by", pa.string(), "who made it"),
)

LINE_COLUMNS: Final[tuple[tuple[str, pa.DataType, str], ...]] = (
    ("kind", pa.string(), "kind of the document"),
    ("document_key", pa.string(), "key of the document"),
    ("number", pa.string(), "number of the document"),
    ("model", pa.string(), "native model of the line"),
    ("key", pa.string(), "key of the line"),
    ("position", pa.int64(), "place in the document, from 1"),
    ("item", pa.string(), "product or account code, else its name"),
    ("item_key", pa.string(), "its key"),
    ("description", pa.string(), "free text"),
    ("unit", pa.string(), "unit of the quantities"),
    ("quantity", QUANTITY, "ordered or counted"),
    ("received_quantity", QUANTITY, "received or delivered"),
    ("invoiced_quantity", QUANTITY, "on posted invoices"),
    ("remaining_quantity", QUANTITY, "quantity minus received, not below zero"),
    ("unit_price", AMOUNT, "without tax"),
    ("amount", AMOUNT, "without tax"),
    ("currency", pa.string(), "ISO 4217 code"),
    ("due", pa.date32(), "when expected"),
    ("state", pa.string(), "the ERP's own state of the line"),
)


def documents_schema(native: tuple[str, ...] = ()) -> pa.Schema:
    """Return the Arrow schema of `documents`; native columns follow as text."""
    columns = [pa.field(name, kind) for name, kind, _ in DOCUMENT_COLUMNS]
    return pa.schema(columns + [pa.field(f"native.{name}", pa.string()) for name in native])


def lines_schema(native: tuple[str, ...] = ()) -> pa.Schema:
    """Return the Arrow schema of `lines`; native columns follow as text."""
    columns = [pa.field(name, kind) for name, kind, _ in LINE_COLUMNS]
    return pa.schema(columns + [pa.field(f"native.{name}", pa.string()) for name in native])


def batch_of(rows: Sequence[Mapping[str, Any]], schema: pa.Schema) -> pa.RecordBatch:
    """Return rows as a batch; what a row does not name is null, what has too many places is rounded half up."""
    columns = [[row.get(name) for row in rows] for name in schema.names]
    arrays = [
        pa.array([_fit(value, field.type) for value in column], type=field.type)
        for column, field in zip(columns, schema, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _fit(value: Any, kind: pa.DataType) -> Any:
    """Round a decimal to the places of its column: Arrow refuses what does not fit."""
    if isinstance(value, Decimal):
        step = Decimal(1).scaleb(-kind.scale)
        exponent = value.as_tuple().exponent
        return value.quantize(step, ROUND_HALF_UP) if int(exponent) < -kind.scale else value
    return value


def money(value: Decimal, currency: str | None) -> Decimal:
    """Return an amount rounded half up to the currency's places; to those of its column without a currency."""
    places = decimal_places(currency) if currency else AMOUNT.scale
    return value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)
