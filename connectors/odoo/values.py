"""Values of Odoo's fields as Storno keeps them, and back.

Odoo writes False where a field is empty. What False means follows from the field's type alone.
"""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final

from core import encoding
from core.encoding import Value
from core.errors import ContractBroken

VALUE_TYPES: Final[Mapping[str, str]] = {
    "boolean": "bool",
    "integer": "int",
    "many2one": "int",
    "many2one_reference": "int",
    "float": "Decimal",
    "monetary": "Decimal",
    "date": "date",
    "datetime": "datetime",
    "one2many": "tuple",
    "many2many": "tuple",
    "binary": "bytes",
    "image": "bytes",
}
"""Odoo's types of fields and what a record holds for them; every other one is text."""

TO_MANY: Final = frozenset({"one2many", "many2many"})


def field_value(value: Any, kind: str) -> Value:
    """Return one field of Odoo's type `kind` as Storno keeps it. Raises `ValueError` for what it cannot hold."""
    match kind:
        case "boolean":
            return bool(value)
        case "integer":
            return int(value)
        case "float" | "monetary":
            return number(value)
        case _ if value is False or value is None:
            return () if kind in TO_MANY else None
        case "many2one":
            # The name beside the id changes by itself; where a version cannot leave it out, it is dropped here.
            return int(value[0] if isinstance(value, list) else value)
        case "many2one_reference":
            return int(value) or None
        case "one2many" | "many2many":
            # Databases order them at will.
            return tuple(sorted(int(key) for key in value))
        case "date":
            return date.fromisoformat(value)
        case "datetime":
            return datetime.fromisoformat(value).replace(tzinfo=UTC)
        case "binary" | "image":
            try:
                return b64decode("".join(value.split()), validate=True)
            except binascii.Error as error:
                raise ValueError("not base64") from error
        case _ if isinstance(value, dict | list):
            return encoding.dumps(value).decode("utf-8")  # properties and the like: no other form
        case _:
            return str(value)


def number(value: Any) -> Decimal:
    """Return the Decimal of a number, in one form: `5`, `5.0` and `5.00` are the same value in Odoo."""
    exact = value if isinstance(value, Decimal) else Decimal(int(value))
    if not exact:
        return Decimal(0)
    if abs(exact.adjusted()) > encoding.LARGEST_EXPONENT:
        raise ValueError("more digits than any number has")
    # By text, because arithmetic rounds to the 28 digits of its context.
    plain = format(exact, "f")
    return Decimal(plain.rstrip("0").rstrip(".") if "." in plain else plain)


def to_wire(value: Any) -> Any:
    """Turn a value of ours into what every dialect carries.

    Moments are UTC text, binary content is base64, a Decimal is the double of its text: the same double that
    it was read from.
    """
    match value:
        case Decimal():
            if not value.is_finite():
                raise ContractBroken(problem="NaN or infinity cannot be sent")
            return float(value)
        case datetime():
            return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
        case date():
            return value.isoformat()
        case bytes():
            return b64encode(value).decode("ascii")
        case Mapping():
            return {str(name): to_wire(item) for name, item in value.items()}
        case list() | tuple():
            return [to_wire(item) for item in value]
        case set() | frozenset():
            return [to_wire(item) for item in sorted(value)]
        case _:
            return value


def write_value(value: Value, kind: str) -> Any:
    """Return a kept value in the form that `write` takes for a field of Odoo's type `kind`."""
    if value is None:
        return False
    if kind in TO_MANY and isinstance(value, tuple):
        return [[6, 0, list(value)]]
    return to_wire(value)
