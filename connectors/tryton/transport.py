"""JSON-RPC and XML-RPC to Tryton behind one interface, and the session that both use.

Decision 0003 tells which is used for what, and why.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final, Protocol

import msgspec
import structlog

from connectors import xmlrpc
from connectors.http import HttpClient
from connectors.tryton.errors import XMLRPC_CODES, Fault, from_fault, from_status
from core import encoding
from core.encoding import Value
from core.errors import BadAnswer, LoginFailed, OutcomeUnknown, StornoError
from core.events import Event
from core.text import N_

log = structlog.get_logger(__name__)

WRITE_LANGUAGE: Final = "en"
"""Refusals are told apart by their text, so the ERP must say them in one language."""

_CONTEXT_KEYS: Final = ("company", "company_filter", "employee", "language", "warehouse")


# --- values -----------------------------------------------------------------------------------------------


def from_wire(struct: dict[str, Any]) -> Any:
    """Turn a struct with `__class__` into its value and leave every other one alone."""
    match struct.get("__class__"):
        case "Decimal":
            return Decimal(struct["decimal"])
        case "date":
            return date(struct["year"], struct["month"], struct["day"])
        case "datetime":
            return datetime(
                struct["year"],
                struct["month"],
                struct["day"],
                struct["hour"],
                struct["minute"],
                struct["second"],
                struct["microsecond"],
                tzinfo=UTC,
            )
        case "time":
            return time(
                struct["hour"], struct["minute"], struct["second"], struct["microsecond"]
            )
        case "timedelta":
            # Seconds as the shortest text of a float: exact to the microsecond for any duration people have.
            return timedelta(microseconds=int((Decimal(struct["seconds"]) * 1_000_000).to_integral_value()))
        case "bytes":
            return b64decode(struct["base64"])
        case _:
            return struct


def to_wire(value: Any) -> Any:  # noqa: PLR0911 - one return a type
    """Turn a value into what both protocols carry; a binary float passes as it is."""
    match value:
        case Decimal():
            return {"__class__": "Decimal", "decimal": encoding.decimal_text(value)}
        case datetime():
            moment = value.astimezone(UTC)
            fields = ("year", "month", "day", "hour", "minute", "second", "microsecond")
            return {"__class__": "datetime", **{name: getattr(moment, name) for name in fields}}
        case date():
            return {"__class__": "date", "year": value.year, "month": value.month, "day": value.day}
        case time():
            fields = ("hour", "minute", "second", "microsecond")
            return {"__class__": "time", **{name: getattr(value, name) for name in fields}}
        case timedelta():
            return {"__class__": "timedelta", "seconds": value.total_seconds()}
        case bytes():
            return {"__class__": "bytes", "base64": b64encode(value).decode("ascii")}
        case Mapping():
            return {name: to_wire(item) for name, item in value.items()}
        case list() | tuple():
            return [to_wire(item) for item in value]
        case _:
            return value


def field_value(value: Any) -> Value:
    """Return one field of a record as Storno keeps it: lists of ids as tuples, moments in UTC."""
    match value:
        case list():
            return tuple(value)
        case dict():
            return encoding.dumps(value).decode("utf-8")  # a field of type `dict` has no other exact form
        case datetime() if value.tzinfo is None:
            return value.replace(tzinfo=UTC)
        case _:
            plain: Value = value
            return plain


def write_value(value: Value, kind: str) -> Any:
    """Return a kept value in the form that a field of this Tryton type is written with."""
    if kind == "float" and isinstance(value, Decimal):
        return float(value)  # the shortest text of the double that was read, so the same double
    if kind in ("one2many", "many2many") and isinstance(value, tuple):
        return list(value)
    return value


# --- protocols --------------------------------------------------------------------------------------------


class Protocol_(Protocol):
    """How a call looks on the wire."""

    name: str
    content_type: str

    def encode(self, method: str, parameters: Sequence[Any]) -> bytes:
        """Return the body of the request."""

    def decode(self, body: bytes, *, system: str) -> Any:
        """Return the result. Raises `Fault`, and `BadAnswer` when it is not the protocol."""
