"""Values of ABAP's types as Storno keeps them, and back: the text on the wire is the truth.

zeep drops what it cannot type (24:00:00, an odd number) without a word, and sends what is too long. So answers are
read here, from their text: typed where the type carries it exactly, the text beside it where not.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any, Final

from core.encoding import (
    LARGEST_EXPONENT,
    Value,
    decimal_text,
    moment_text,
    parse_moment,
    time_text,
)
from core.errors import BadInput
from core.text import N_

INITIAL_DATE: Final = "0000-00-00"


class Sort(StrEnum):
    """What a field holds."""

    TEXT = "text"  # CHAR and its kin: ABAP knows no difference between nothing and blanks
    NUMERIC = "numeric"  # NUMC: digits with leading zeros
    DATE = "date"  # DATS
    TIME = "time"  # TIMS
    MOMENT = "moment"  # of OData alone: BAPIs have day and time apart
    DECIMAL = "decimal"  # DEC, CURR, QUAN
    INTEGER = "integer"
    FLOAT = "float"
    BYTES = "bytes"


VALUE_TYPES: Final = {
    Sort.TEXT: "str",
    Sort.NUMERIC: "str",
    Sort.DATE: "date",
    Sort.TIME: "time",
    Sort.MOMENT: "datetime",
    Sort.DECIMAL: "Decimal",
    Sort.INTEGER: "int",
    Sort.FLOAT: "Decimal",
    Sort.BYTES: "bytes",
}
"""What a record holds for each sort, as `connectors.contract.FieldInfo` names it."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """The type of one field, with the limits that its description states."""

    sort: Sort = Sort.TEXT
    longest: int | None = None  # characters; bytes of a BYTES
    pattern: str | None = None
    digits: int | None = None
    places: int | None = None


def typed(scalar: Scalar, text: str) -> tuple[Value, str | None]:
    """Return the value of a text, and the text itself where the value alone would not give it back."""
    match scalar.sort:
        case Sort.TEXT | Sort.NUMERIC:
            return text, None
        case Sort.DATE:
            if text in ("", INITIAL_DATE):
                return None, (text or None)
            return _or_text(text, date.fromisoformat, date.isoformat)
        case Sort.TIME:
            return (None, None) if text == "" else _or_text(text, time.fromisoformat, time_text)
        case Sort.MOMENT:
            return (None, None) if text == "" else _or_text(text, parse_moment, moment_text)
        case Sort.DECIMAL | Sort.FLOAT:
            return (Decimal(0), "") if text == "" else _or_text(text, _number, decimal_text)
        case Sort.INTEGER:
            return (0, "") if text == "" else _or_text(text, int, str)
        case Sort.BYTES:
            try:
                return b64decode(text, validate=True), None
            except (binascii.Error, ValueError):
                return text, text


def plain(scalar: Scalar, text: str) -> Value:
    """Return the value of a text alone, for columns and for judging."""
    return typed(scalar, text)[0]


def written(scalar: Scalar, value: Value, *, name: str) -> str | bytes:
    """Return what goes on the wire. Raises `BadInput` for what the field cannot hold: SAP would cut it silently."""
    text = _text_of(scalar, value)
    if isinstance(text, bytes):
        _require(scalar.longest is None or len(text) <= scalar.longest, name, N_("it is too long"))
        return text
    if scalar.longest is not None and len(text) > scalar.longest:
        raise BadInput(
            N_("{source}: {value!r} is longer than the {longest} characters of the field"),
            source=name,
            value=text,
            longest=scalar.longest,
        )
    if scalar.pattern is not None and text:
        _require(
            re.fullmatch(scalar.pattern, text) is not None,
            name,
            N_("the field does not take such a value"),
        )
    if scalar.sort is Sort.DECIMAL:
        _require_digits(scalar, text, name)
    return text


def _text_of(scalar: Scalar, value: Value) -> str | bytes:
    match value:
        case None:
            return INITIAL_DATE if scalar.sort is Sort.DATE else ""
        case True:
            return "X"
        case False:
            return ""
        case Decimal():
            return decimal_text(value)
        case date():
            return value.isoformat()[:10]
        case time():
            return value.isoformat(timespec="seconds")
        case bytes():
            return value
        case _:
            return str(value)


def _require_digits(scalar: Scalar, text: str, name: str) -> None:
    try:
        number = _number(text or "0")
    except ValueError as error:
        raise BadInput(source=name, problem=N_("it is not a number")) from error
    _, digits, exponent = number.as_tuple()
    places = max(0, -int(exponent))
    _require(
        scalar.places is None or places <= scalar.places, name, N_("it has too many decimal places")
    )
    whole = len(digits) - places
    room = None if scalar.digits is None else scalar.digits - (scalar.places or 0)
    _require(room is None or number == 0 or whole <= room, name, N_("the number is too large"))


def _require(holds: bool, name: str, problem: str) -> None:
    if not holds:
        raise BadInput(source=name, problem=problem)


def _number(text: str) -> Decimal:
    try:
        number = Decimal(text.strip())
    except InvalidOperation as error:
        raise ValueError(text) from error
    if not number.is_finite() or abs(number.adjusted()) > LARGEST_EXPONENT:
        raise ValueError(text)
    return number


def _or_text(
    text: str, read: Callable[[str], Value], show: Callable[[Any], str]
) -> tuple[Value, str | None]:
    """Return what `read` makes of a text, the text beside it unless `show` gives it back; else the text alone."""
    try:
        value = read(text)
    except ValueError:
        return text, text
    return value, None if show(value) == text else text
