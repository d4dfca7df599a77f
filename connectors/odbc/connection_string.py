"""ODBC connection strings: read, made of parts, and completed with what each driver needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from connectors.odbc.dialect_names import dialect_by_driver
from core.errors import BadInput
from core.text import N_

if TYPE_CHECKING:
    from config.systems import OdbcOptions

Parts = tuple[tuple[str, str], ...]
"""Keys and values in order; a key may stand there in any case."""

PASSWORDS: Final = frozenset({"pwd", "password"})
_BITS: Final = frozenset({"option"})
"""Keys whose value is a sum of switches: ours is added to what stands there."""


def parts_of(options: OdbcOptions) -> Parts:
    """Return the parts of a system's connection string, written whole or in parts in storno.yaml."""
    if options.connection_string is not None:
        return read(options.connection_string.get_secret_value())
    driver = options.driver or ""
    dialect = options.dialect or dialect_by_driver(driver)
    parts = [("Driver", driver)]
    host, port = options.server, options.port
    if host is not None:
        match dialect:
            case "sqlserver" if "freetds" not in driver.lower() and "tdsodbc" not in driver.lower():
                parts.append(("Server", host if port is None else f"{host},{port}"))
            case "oracle":
                place = host if port is None else f"{host}:{port}"
                name = "" if options.database is None else f"/{options.database}"
                parts.append(("DBQ", place + name))
            case "db2":
                parts += [("Hostname", host), ("Protocol", "TCPIP")]
            case _:
                parts.append(("Server", host))
    if (port is not None and dialect not in {"sqlserver", "oracle"}) or (
        port is not None and dialect == "sqlserver" and "," not in dict(parts).get("Server", ",")
    ):
        parts.append(("Port", str(port)))
    if options.database is not None and dialect != "oracle":
        parts.append(("Database", options.database))
    if options.user is not None:
        parts.append(("UID", options.user))
    if options.password is not None:
        parts.append(("PWD", options.password.get_secret_value()))
    return tuple(parts)


def read(text: str) -> Parts:
    """Return the parts of a connection string. Raises `BadInput`, which never shows the string."""
    parts: list[tuple[str, str]] = []
    rest = text.strip()
    while rest:
        key, sign, rest = rest.partition("=")
        if not sign or not key.strip() or ";" in key:
            raise BadInput(source="connection_string", problem=N_("is no list of KEY=value;"))
        rest = rest.lstrip()
        if rest.startswith("{"):
            value, rest = _braced(rest)
        else:
            value, _, rest = rest.partition(";")
            value = value.strip()
        parts.append((key.strip(), value))
        rest = rest.lstrip("; ")
    return tuple(parts)


def written(parts: Iterable[tuple[str, str]]) -> str:
    """Return the string of these parts; a value with a special character stands in braces."""
    return ";".join(f"{key}={_value(key, value)}" for key, value in parts) + ";"


def with_extras(parts: Parts, extras: Mapping[str, str]) -> Parts:
    """Add what a driver needs. What the site has written stays, but for switches, which are added up."""
    there = {key.lower(): place for place, (key, _) in enumerate(parts)}
    found: list[tuple[str, str]] = list(parts)
    for key, value in extras.items():
        place = there.get(key.lower())
        if place is None:
            found.append((key, value))
        elif key.lower() in _BITS and found[place][1].isdigit():
            found[place] = (found[place][0], str(int(found[place][1]) | int(value)))
    return tuple(found)


def value_of(parts: Sequence[tuple[str, str]], *keys: str) -> str | None:
    """Return the value of the first of these keys that is there."""
    wanted = {key.lower() for key in keys}
    return next((value for key, value in parts if key.lower() in wanted), None)


def _braced(text: str) -> tuple[str, str]:
    value, place = "", 1
    while place < len(text):
        if text[place] == "}":
            if text[place : place + 2] != "}}":
                return value, text[place + 1 :]
            place += 1
        value += text[place]
        place += 1
    raise BadInput(source="connection_string", problem=N_("has a { without its }"))


def _value(key: str, value: str) -> str:
    # As few braces as can be: not every driver takes them off again.
    is_name = key.lower() == "driver" and not value.startswith("/")
    has_pairs = key.lower() == "pqopt" and not value.startswith("{")
    if is_name or has_pairs or ";" in value or value.startswith("{") or value != value.strip():
        return "{" + value.replace("}", "}}") + "}"
    return value
