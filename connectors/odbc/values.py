"""What stands in a column: typed where that is exact, and its text beside it where it is not.

A driver hands out a date as a date and a number as a number, and silently changes what fits neither: `infinity`,
`2024-00-00`, `24:00:00`, a NaN, a year 20000. So such columns are read as the text that the database itself makes
of them, and typed here. `Cell.raw` is set when the typed value alone would not put back exactly what was there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

from core.encoding import LARGEST_EXPONENT, decimal_text
from core.errors import BadInput, ContractBroken
from core.text import N_

if TYPE_CHECKING:
    from collections.abc import Mapping

    from connectors.contract import Record
    from core.encoding import Value


class Sort(StrEnum):
    """What a column holds, the same words for every database."""

    INTEGER = "integer"
    DECIMAL = "decimal"
    FLOAT = "float"
    TEXT = "text"
    BYTES = "bytes"
    BOOLEAN = "boolean"
    DATE = "date"
    MOMENT = "moment"  # without a zone: carried as ISO text, because only the ERP knows which zone is meant
    ZONED = "zoned"
    TIME = "time"
    OTHER = "other"  # carried as the text that the database makes of it
    ANY = "any"  # SQLite: each row has a type of its own


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a live table.

    `type` is the native name with length and scale, as a CAST takes it. `charset` is what the column's text is stored
    in, where a dialect needs to know it. `is_generated`: the database fills it alone (computed,
    row version, identity), so it can never be put back.
    """

    name: str
    type: str
    sort: Sort
    size: int | None = None
    scale: int | None = None
    is_nullable: bool = True
    is_generated: bool = False
    charset: str | None = None
    updates_itself: bool = False  # ON UPDATE CURRENT_TIMESTAMP and its like


@dataclass(frozen=True, slots=True)
class Table:
    """One live table or view: its columns in order, its primary key (empty where it has none)."""

    name: str
    columns: Mapping[str, Column]
    key: tuple[str, ...] = ()
    is_transactional: bool | None = True  # None: nobody can tell what lies behind a view
    is_view: bool = False
    behind: tuple[str, ...] = ()  # a view's own tables, where the server tells them
    has_versions: bool = False  # the database itself marks every state of a row
    stamp: str | None = (
        None  # which table this was, with which columns, where row versions do not tell
    )


class Cell(NamedTuple):
    """One value as it was read; `raw` is the text that puts it back exactly, None where `value` does."""

    value: Value
    raw: str | None = None


@dataclass(frozen=True, slots=True)
class New:
    """What a write sets a column to: from `raw` where there is one, else from `value`."""

    value: Value
    raw: str | None = None


Change = New

NULL: Final = Cell(None)

_FIXED: Final = re.compile(r"(?:n?char|character|bpchar)\b(?! varying)", re.IGNORECASE)

_ESCAPE: Final = "\\"
_BETWEEN: Final = "|"


def key_text(parts: Sequence[Value]) -> str:
    """Return the key of a `Ref`: the parts as they were read, blanks included, joined by `|`."""
    texts = []
    for part in parts:
        if part is None:
            raise ContractBroken(problem="a key column holds nothing")
        texts.append(_escaped(plain_text(part)))
    return _BETWEEN.join(texts)


def key_parts(key: str) -> tuple[str, ...]:
    """Return the parts that `key_text` joined, as text."""
    if _BETWEEN not in key and _ESCAPE not in key:
        return (key,)
    parts, now, place = [], "", 0
    while place < len(key):
        sign = key[place]
        if sign == _ESCAPE and place + 1 < len(key):
            place += 1
            now += key[place]
        elif sign == _BETWEEN:
            parts.append(now)
            now = ""
        else:
            now += sign
        place += 1
    return (*parts, now)


def key_values(columns: Sequence[Column], key: str) -> tuple[Value, ...]:
    """Return a key's parts, typed for the columns of the key. Raises `BadInput` where one cannot be read."""
    parts = key_parts(key)
    if len(parts) != len(columns):
        raise BadInput(source=key, problem=N_("is no key of this table"))
    return tuple(_typed(column, part) for column, part in zip(columns, parts, strict=True))


def many_key_values(columns: Sequence[Column], keys: Sequence[str]) -> list[tuple[Value, ...]]:
    """Return the parts of many keys, as `key_values` does for one."""
    if len(columns) == 1 and columns[0].sort is Sort.INTEGER:
        try:
            return [(int(key),) for key in keys]
        except ValueError:
            pass  # Which one it is, the way for single ones says.
    return [key_values(columns, key) for key in keys]


def plain_text(value: Value) -> str:
    """Return a value as the database's own notation has it."""
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case Decimal():
            return decimal_text(value)
        case bytes():
            return value.hex()
        case datetime():
            return value.astimezone(UTC).isoformat(sep=" ")
        case date() | time():
            return value.isoformat()
        case _:
            raise ContractBroken(problem=f"a {type(value).__name__} has no text in a database")


def field(record: Record, name: str) -> Cell:
    """Return one field of an existing record with its raw text."""
    if record.fields is None:
        raise ContractBroken(problem=f"{record.ref} does not exist")
    return Cell(record.fields[name], record.raw.get(name))


def is_same(one: Cell, other: Cell) -> bool:
    """Whether two values are the same to the last byte: type, scale and raw text included."""
    if one is other:
        return True
    if one.raw is not None or other.raw is not None:
        return one.raw == other.raw
    if type(one.value) is not type(other.value):
        return False
    if isinstance(one.value, Decimal):
        return str(one.value) == str(other.value)
    return one.value == other.value


def is_fixed(column: Column) -> bool:
    """Whether a column fills its text up with blanks."""
    return _FIXED.match(column.type) is not None


def is_written(now: Cell, wanted: Cell, column: Column, rounding: timedelta = timedelta(0)) -> bool:
    """Whether a value came out as it went in; one without raw text may come back as the column notes it.

    A column of fixed length fills up with blanks, a number with zeros, a moment with its fraction; `rounding` is how
    far the column's own type moves a moment. Whatever else differs, somebody altered.
    """
    if is_same(now, wanted):
        return True
    if wanted.raw is not None or now.value is None or wanted.value is None:
        # What was read of another place of the same table has its raw text only where it needs one.
        return now.raw is None and wanted.raw is not None and is_same(now, Cell(wanted.value))
    one, other = (
        plain_text(int(value) if isinstance(value, bool) else value)
        for value in (now.value, wanted.value)
    )
    if one == other:
        return True
    match column.sort:
        case Sort.TEXT:
            return is_fixed(column) and one.rstrip(" ") == other.rstrip(" ")
        case Sort.INTEGER | Sort.DECIMAL | Sort.FLOAT | Sort.BOOLEAN:
            return _is_same_number(one, other)
        case Sort.MOMENT | Sort.ZONED:
            return _is_same_moment(one, other, rounding)
        case Sort.TIME:
            return _is_same_time(one, other)
        case Sort.OTHER | Sort.ANY:
            # The column's type is not known: a number that was written as one may be noted in another way.
            has_number = any(isinstance(each.value, int | Decimal) for each in (now, wanted))
            return has_number and _is_same_number(one, other)
        case _:
            return False


def _is_same_number(one: str, other: str) -> bool:
    try:
        return Decimal(one) == Decimal(other)
    except InvalidOperation:
        return False


def _is_same_moment(one: str, other: str, rounding: timedelta) -> bool:
    try:
        return abs(datetime.fromisoformat(one) - datetime.fromisoformat(other)) <= rounding
    except (ValueError, TypeError):
        return False


def _is_same_time(one: str, other: str) -> bool:
    try:
        return time.fromisoformat(one) == time.fromisoformat(other)
    except ValueError:
        return False


# --- from text ----------------------------------------------------------------------------------


def decimal_cell(text: str, *, keeps_scale: bool) -> Cell:
    """Type a number. `keeps_scale`: the column stores the scale with each value, so 1.0 is not 1.00."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        return Cell(text, text)
    if not keeps_scale and str(value) == text and _is_plain(text):
        return Cell(value)  # as nearly always, and images hold many numbers
    if not value.is_finite() or abs(value.adjusted()) > LARGEST_EXPONENT:
        return Cell(text, text)
    exact = not keeps_scale and decimal_text(value) == text
    return Cell(value, None if exact else text)


def _is_plain(text: str) -> bool:
    """Whether the text of a number is neither `NaN` nor infinity, has no exponent, and is not long."""
    is_number = "N" not in text and "I" not in text
    return is_number and "E" not in text and len(text) < LARGEST_EXPONENT


def double_cell(value: float | None) -> Cell:
    """Type a binary number that a driver carries as it is."""
    return Cell(None if value is None else Decimal(repr(value)))


def float_cell(text: str) -> Cell:
    """Type the shortest text of a binary number."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        return Cell(text, text)
    if not value.is_finite() or abs(value.adjusted()) > LARGEST_EXPONENT:
        return Cell(text, text)
    return Cell(value, None if decimal_text(value) == text else text)


def date_cell(text: str) -> Cell:
    """Type a date: `2024-00-00`, `infinity` and years beyond 9999 stay text."""
    try:
        value = date.fromisoformat(text)
    except ValueError:
        return Cell(text, text)
    return Cell(value) if value.isoformat() == text else Cell(text, text)


def time_cell(text: str) -> Cell:
    """Type a time of day: `24:00:00` and `-838:59:59` stay text."""
    try:
        value = time.fromisoformat(text)
    except ValueError:
        return Cell(text, text)
    if value.tzinfo is not None:
        return Cell(text, text)
    return Cell(value, None if value.isoformat() == text else text)


def zoned_cell(text: str) -> Cell:
    """Type a moment with its offset (the session's zone is UTC)."""
    try:
        value = datetime.fromisoformat(text)
    except ValueError:
        return Cell(text, text)
    if value.tzinfo is None:
        return Cell(text, text)
    value = value.astimezone(UTC)
    # `+00` for `+00:00`: the same moment, but only the database's own text is sure to come back.
    return Cell(value, None if value.isoformat(sep=" ") == text else text)


def boolean_cell(text: str) -> Cell:
    """Type a truth value."""
    return Cell(_TRUTH[text]) if text in _TRUTH else Cell(text, text)


def bytes_text_cell(stored: bytes, encoding: str, form: str) -> Cell:
    """Type text that came as bytes; `form` is the raw text which puts the bytes back."""
    try:
        value = stored.decode(encoding)
    except UnicodeDecodeError:
        return Cell(stored, form)
    try:
        is_exact = value.encode(encoding) == stored
    except UnicodeEncodeError:
        is_exact = False
    return Cell(value, None if is_exact else form)


_TRUTH: Final = {"true": True, "false": False, "t": True, "f": False, "1": True, "0": False}


def _typed(column: Column, part: str) -> Value:
    try:
        match column.sort:
            case Sort.INTEGER:
                return int(part)
            case Sort.DECIMAL | Sort.FLOAT:
                return Decimal(part)
            case Sort.BYTES:
                return bytes.fromhex(part)
            case Sort.BOOLEAN:
                return _TRUTH[part]
            case _:
                return part
    except (ValueError, InvalidOperation, KeyError) as error:
        raise BadInput(source=part, problem=N_("is no key of this table")) from error


def _escaped(part: str) -> str:
    return part.replace(_ESCAPE, _ESCAPE * 2).replace(_BETWEEN, _ESCAPE + _BETWEEN)
