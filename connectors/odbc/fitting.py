"""A value that a recipe wants to write, as the live column holds it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any, Final
from zoneinfo import ZoneInfo

from connectors.odbc.values import Column, Sort, plain_text
from core.encoding import Value
from core.errors import BadInput
from core.text import N_


def fitted(value: Value, column: Column, zone: ZoneInfo) -> Value:
    """Return a value as the live column holds it. Raises `BadInput` where it does not fit.

    `zone` is that of the dates and times in the ERP: a day or a moment without one becomes a moment of a column with one.
    """
    if value is None:
        return None
    try:
        if column.sort is Sort.ZONED:
            return _zoned(value, zone)
        found = _FITTED.get(column.sort, _as_it_is)(value, column)
    except (ValueError, InvalidOperation) as error:
        raise BadInput(
            source=column.name,
            problem=N_("what the recipe writes there does not fit into the column"),
        ) from error
    if column.sort is Sort.TEXT and column.size is not None and len(str(found)) > column.size > 0:
        raise BadInput(
            source=column.name,
            problem=N_("what the recipe writes there is too long for the column"),
        )
    return found


def _as_it_is(value: Any, column: Column) -> Value:
    del column
    return plain_text(value) if isinstance(value, date) else value


def _integer(value: Any, column: Column) -> Value:
    del column
    number = Decimal(str(int(value)) if isinstance(value, bool) else str(value).strip())
    if number != number.to_integral_value():
        raise ValueError
    return int(number)


def _decimal(value: Any, column: Column) -> Value:
    number = Decimal(str(int(value)) if isinstance(value, bool) else str(value).strip())
    if column.scale is None:
        return number
    return number.quantize(Decimal(1).scaleb(-column.scale), rounding=ROUND_HALF_UP)


def _text(value: Any, column: Column) -> Value:
    del column
    if isinstance(value, date):
        # A day in a text column has a notation of the ERP's own; a recipe says it: today('yyyyMMdd').
        raise ValueError  # noqa: TRY004 - the column's kind is wrong, not Python's
    return plain_text(value)


def _boolean(value: Any, column: Column) -> Value:
    return bool(_integer(value, column))


def _day(value: Any, column: Column) -> Value:
    del column
    if isinstance(value, datetime):
        return value.date()
    return value if isinstance(value, date) else date.fromisoformat(str(value)[:10])


def _moment(value: Any, column: Column) -> Value:
    del column
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    return f"{value.isoformat()} 00:00:00" if isinstance(value, date) else str(value)


def _zoned(value: Any, zone: ZoneInfo) -> Value:
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)  # noqa: DTZ001 - it gets its zone below
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)).astimezone(UTC)


_FITTED: Final[Mapping[Sort, Callable[[Any, Column], Value]]] = {
    Sort.INTEGER: _integer,
    Sort.DECIMAL: _decimal,
    Sort.TEXT: _text,
    Sort.BOOLEAN: _boolean,
    Sort.DATE: _day,
    Sort.MOMENT: _moment,
}
