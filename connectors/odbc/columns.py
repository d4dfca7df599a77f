"""Columns as a driver hands them out, turned into the types of a schema. What has no such form becomes null."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Context, Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Callable

_WIDE: Final = Context(prec=80)


def convert(column: pa.Array, wanted: pa.DataType, zone: str) -> pa.Array:
    """Return the column in the wanted type; what cannot be read becomes null."""
    if column.type == wanted:
        return column
    if pa.types.is_timestamp(wanted) and pa.types.is_timestamp(column.type):
        if column.type.tz is None and zone == "UTC":
            column = column.cast(pa.timestamp("us")).cast(pa.timestamp("us", "UTC"))
        elif column.type.tz is None:
            column = pc.assume_timezone(
                column.cast(pa.timestamp("us")), zone, ambiguous="earliest", nonexistent="earliest"
            )
        return column.cast(wanted)
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return _from_text(column, wanted, zone)
    if pa.types.is_boolean(wanted):
        return pc.not_equal(column.cast(pa.int64(), safe=False), 0)
    if pa.types.is_floating(column.type) and pa.types.is_decimal(wanted):
        return _one_by_one(column, wanted, lambda value: _number(repr(value), wanted))
    try:
        return column.cast(wanted)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return _one_by_one(column, wanted, lambda value: _known(value, wanted))


def from_values(values: Sequence[Any]) -> pa.Array:
    """Return Python's values as a column of whatever type they have."""
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        return pa.array([None if value is None else str(value) for value in values], pa.string())


def _from_text(column: pa.Array, wanted: pa.DataType, zone: str) -> pa.Array:
    if pa.types.is_string(wanted):
        return column.cast(wanted)
    if pa.types.is_timestamp(wanted):
        try:
            # Without an offset nearly always: the database's own time.
            read = column.cast(pa.timestamp("us"))
        except pa.ArrowInvalid:
            return _one_by_one(column, wanted, lambda text: _moment(text, zone))
        return convert(read, wanted, zone)
    try:
        return column.cast(wanted)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return _one_by_one(column, wanted, lambda text: _known(text, wanted))


def _one_by_one(column: pa.Array, wanted: pa.DataType, read: Callable[[Any], Any]) -> pa.Array:
    # Each different value once: days and amounts repeat.
    there = column.dictionary_encode()
    found = pa.array(
        [None if value is None else read(value) for value in there.dictionary.to_pylist()], wanted
    )
    return found.take(there.indices)


def _known(value: Any, wanted: pa.DataType) -> Any:
    text = str(value).strip()
    try:
        if pa.types.is_decimal(wanted):
            return _number(text, wanted)
        if pa.types.is_integer(wanted):
            return int(Decimal(text))
        if pa.types.is_boolean(wanted):
            return {"1": True, "t": True, "true": True, "0": False, "f": False, "false": False}.get(
                text.lower()
            )
        if pa.types.is_date(wanted):
            if text.endswith("BC"):
                return None
            # `2024/01/02` and `20240102` are how legacy ERPs write a day.
            return date.fromisoformat(text[:10].replace("/", "-").partition(" ")[0])
    except (ValueError, ArithmeticError):
        return None
    return text


def _number(text: str, wanted: pa.DataType) -> Decimal | None:
    try:
        value = Decimal(text)
    except InvalidOperation:
        return None
    if not value.is_finite() or value.adjusted() >= wanted.precision - wanted.scale:
        return None
    # Python's own context has 28 digits, a column here 38.
    return value.quantize(Decimal(1).scaleb(-int(wanted.scale)), context=_WIDE)


def _moment(text: str, zone: str) -> datetime | None:
    try:
        value = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    if value.tzinfo is None:
        value = value.replace(tzinfo=ZoneInfo(zone))
    try:
        return value.astimezone(UTC)
    except OverflowError:
        return None
