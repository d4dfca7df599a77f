"""Values on the wire of OData, as the text that BAPIs have for the same fields, and back.

So a document reads alike over both channels: a Boolean is ABAP's flag, `/Date(...)/` a day or a moment in ISO's
notation, a Decimal its own digits. What a type does not foresee is refused, never guessed.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from connectors.sap.values import Sort, written
from core.encoding import Value, decimal_text, moment_text
from core.errors import ContractBroken
from core.text import N_

if TYPE_CHECKING:
    from connectors.sap.odata_edmx import Property

_TICKS: Final = re.compile(r"/Date\((-?\d{1,18})(?:([+-])(\d{4}))?\)/")
_DURATION: Final = re.compile(r"PT(?:(\d{1,2})H)?(?:(\d{1,2})M)?(?:(\d{1,2})(?:\.0+)?S)?")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

WRONG: Final = N_("a value that its type does not foresee")


def text_of(prop: Property, value: Any) -> str:
    """Return what a JSON value is as a field's text. Raises `ValueError` for one that its type does not foresee."""
    if value is None:
        return ""
    match prop.edm, value:
        case "Edm.Boolean", bool():
            return "X" if value else ""
        case "Edm.DateTime" | "Edm.DateTimeOffset", str() if value.startswith("/"):
            return _from_ticks(prop, value)
        case "Edm.DateTimeOffset", str():
            return moment_text(_aware(value))
        case "Edm.Time", str():
            return _from_duration(value)
        case _, bool():
            raise ValueError(value)
        case edm, str() if edm != "Edm.Boolean":
            return value
        case _, int() if prop.scalar.sort in (Sort.INTEGER, Sort.DECIMAL, Sort.FLOAT):
            return str(value)
        case _, Decimal() if prop.scalar.sort in (Sort.DECIMAL, Sort.FLOAT):
            return decimal_text(value)
    raise ValueError(value)


def json_of(prop: Property, value: Value) -> str | bool:
    """Return what is sent for a field. Raises `BadInput` for what the property cannot hold."""
    text = written(prop.scalar, value, name=prop.name)
    if prop.edm == "Edm.Boolean":
        return text != ""
    if prop.edm != "Edm.String" or not isinstance(text, str):
        raise ContractBroken(problem=f"a property of type {prop.edm} was to be sent")
    return text


def literal(text: str) -> str:
    """Return a text as keys and conditions have it."""
    return "'" + text.replace("'", "''") + "'"


def _from_ticks(prop: Property, value: str) -> str:
    found = _TICKS.fullmatch(value)
    if found is None:
        raise ValueError(value)
    try:
        moment = _EPOCH + timedelta(milliseconds=int(found[1]))
    except OverflowError as error:
        raise ValueError(value) from error
    # The offset tells the zone in which it was entered; the number itself is UTC.
    if prop.edm == "Edm.DateTimeOffset":
        return moment_text(moment)
    if moment == moment.replace(hour=0, minute=0, second=0, microsecond=0):
        return moment.date().isoformat()
    return moment.isoformat().removesuffix("+00:00")


def _aware(value: str) -> datetime:
    moment = datetime.fromisoformat(value)
    if moment.utcoffset() is None:
        raise ValueError(value)
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(value) from error


def _from_duration(value: str) -> str:
    found = _DURATION.fullmatch(value)
    if found is None or not any(found.groups()):
        raise ValueError(value)
    hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}"
