"""XML-RPC: requests are written here, answers are read through `connectors.xml`; sent by `connectors.http`.

Understood beside the standard: `nil`, `i8`, `bigdecimal`. A double is read as the Decimal of its own text, so
that nothing is rounded on the way. How a Decimal is written differs from ERP to ERP and is pluggable.
"""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from html import escape as escape_html
from typing import Any, Final

from connectors.xml import Element, parse
from core.encoding import decimal_text
from core.errors import BadAnswer, ContractBroken
from core.text import N_

CONTENT_TYPE: Final = "text/xml"

Marshal = Callable[[Any], Any]
"""Turns a value that XML-RPC does not know into one that it knows, or into `Verbatim`."""


class Verbatim(str):
    """A finished `<value>` content that is written as it is."""

    __slots__ = ()


class Fault(Exception):
    """The server answered with a fault instead of a value."""

    def __init__(self, code: int, said: str) -> None:
        self.code = code
        self.said = said
        super().__init__(f"fault {code}")


def bigdecimal(value: Any) -> Any:
    """Write a Decimal as `<bigdecimal>`, as Apache's and Tryton's XML-RPC read it."""
    if isinstance(value, Decimal):
        return Verbatim(f"<bigdecimal>{decimal_text(value)}</bigdecimal>")
    raise ContractBroken(problem=f"XML-RPC cannot carry a {type(value).__name__}")


def dumps(method: str, parameters: tuple[Any, ...], *, marshal: Marshal = bigdecimal) -> bytes:
    """Return the request. Raises `ContractBroken` for a value that neither XML-RPC nor `marshal` knows."""
    parts = [
        f"<?xml version='1.0'?><methodCall><methodName>{escape_html(method)}</methodName><params>"
    ]
    for parameter in parameters:
        parts.append("<param>")
        _write(parameter, parts, marshal)
        parts.append("</param>")
    parts.append("</params></methodCall>")
    return "".join(parts).encode("utf-8", "xmlcharrefreplace")


def loads(body: bytes, *, system: str, convert: Callable[[dict[str, Any]], Any] = dict) -> Any:
    """Return the value of an answer; `convert` sees each struct, innermost first.

    Raises `Fault` for a fault and `BadAnswer` for what is no whole XML-RPC answer.
    """
    root = parse(body, system=system)
    found = root.find("params/param/value")
    try:
        if root.tag == "methodResponse" and found is not None:
            return _read(found, convert)
        found = root.find("fault/value")
        if root.tag == "methodResponse" and found is not None:
            raise _fault(_read(found, dict))
    except (ValueError, KeyError, TypeError, InvalidOperation, binascii.Error) as error:
        raise BadAnswer(
            system=system, problem=N_("a value in the XML-RPC cannot be read")
        ) from error
    raise BadAnswer(system=system, problem=N_("it is not XML-RPC"))


def _fault(fault: dict[str, Any]) -> Fault:
    code, said = fault["faultCode"], str(fault["faultString"])
    if isinstance(code, str) and not code.strip().lstrip("-").isdigit():
        # Against the standard some servers write words where the number belongs.
        return Fault(0, f"{code}\n{said}".strip())
    return Fault(int(code), said)


def _write(value: Any, parts: list[str], marshal: Marshal) -> None:
    parts.append("<value>")
    match value:
        case None:
            parts.append("<nil/>")
        case bool():
            parts.append(f"<boolean>{value:d}</boolean>")
        case int():
            name = "int" if -(2**31) <= value < 2**31 else "i8"
            parts.append(f"<{name}>{value}</{name}>")
        case float():
            parts.append(f"<double>{value!r}</double>")
        case Verbatim():
            parts.append(value)
        case str():
            parts.append(f"<string>{escape_html(_printable(value), quote=False)}</string>")
        case bytes():
            parts.append(f"<base64>{b64encode(value).decode('ascii')}</base64>")
        case datetime():
            moment = f"{value.year:04d}{value:%m%dT%H:%M:%S}"
            parts.append(f"<dateTime.iso8601>{moment}</dateTime.iso8601>")
        case list() | tuple():
            parts.append("<array><data>")
            for item in value:
                _write(item, parts, marshal)
            parts.append("</data></array>")
        case Mapping():
            parts.append("<struct>")
            for name, item in value.items():
                parts.append(f"<member><name>{escape_html(_printable(str(name)))}</name>")
                _write(item, parts, marshal)
                parts.append("</member>")
            parts.append("</struct>")
        case _:
            parts.pop()
            _write(marshal(value), parts, marshal)
            return
    parts.append("</value>")


def _printable(written: str) -> str:
    """Refuse what XML cannot carry instead of sending something else."""
    for sign in written:
        if sign < " " and sign not in "\t\n\r":
            raise ContractBroken(problem=f"XML cannot carry the character U+{ord(sign):04X}")
    return written


def _read(value: Element, convert: Callable[[dict[str, Any]], Any]) -> Any:
    if not len(value):
        return value.text or ""
    typed = value[0]
    written = typed.text or ""
    match typed.tag:
        case "nil" | "{http://ws.apache.org/xmlrpc/namespaces/extensions}nil":
            return None
        case "boolean":
            if written not in ("0", "1"):
                raise ValueError(written)
            return written == "1"
        case "int" | "i4" | "i8" | "i1" | "i2" | "biginteger":
            return int(written)
        case "double" | "float" | "bigdecimal":
            number = Decimal(written)
            if not number.is_finite():
                raise ValueError(written)
            return number
        case "string":
            return written
        case "base64":
            return b64decode("".join(written.split()), validate=True)
        case "dateTime.iso8601":
            return _moment(written)
        case "array":
            data = typed.find("data")
            if data is None:
                raise ValueError("array without data")
            return [_read(item, convert) for item in data]
        case "struct":
            struct = {}
            for member in typed:
                name, item = member.find("name"), member.find("value")
                if name is None or item is None:
                    raise ValueError("member without name or value")
                struct[name.text or ""] = _read(item, convert)
            return convert(struct)
        case _:
            raise ValueError(typed.tag)


def _moment(written: str) -> datetime:
    """Read a moment as the server wrote it: without a zone, what it means is for the connector to say."""
    return datetime.fromisoformat(written)
