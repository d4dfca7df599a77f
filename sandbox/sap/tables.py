"""RFC_READ_TABLE: rows of transparent tables as text, with the few conditions that callers use."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from sandbox.sap.call import Call, ClassicError, Handler
from sandbox.sap.dictionary import Field, Row
from sandbox.sap.messages import Message
from sandbox.sap.schema import TABLES

_TOKEN: Final = re.compile(r"\s*('(?:[^']|'')*'|\(|\)|,|<>|<=|>=|=|<|>|[A-Za-z_0-9/]+)")
_COMPARED: Final[dict[str, Callable[[str, str], bool]]] = {
    "=": lambda a, b: a == b,
    "EQ": lambda a, b: a == b,
    "<>": lambda a, b: a != b,
    "NE": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "LT": lambda a, b: a < b,
    ">": lambda a, b: a > b,
    "GT": lambda a, b: a > b,
    "<=": lambda a, b: a <= b,
    "LE": lambda a, b: a <= b,
    ">=": lambda a, b: a >= b,
    "GE": lambda a, b: a >= b,
}
_WIDTHS: Final = {"DATS": 8, "TIMS": 6}
_ROW: Final = 512

Condition = Callable[[Row], bool]


def read_table(call: Call) -> None:
    """Give back the rows that meet OPTIONS: the fields that were asked for, or all."""
    name = call.text("QUERY_TABLE")
    if "TABLES" not in call.work.user.rights:
        raise ClassicError("NOT_AUTHORIZED", Message("E", "DA", "501", (name,)))
    table = TABLES.get(name)
    if table is None:
        raise ClassicError("TABLE_NOT_AVAILABLE", Message("E", "DA", "131", (name,)))
    known = {field.name: field for field in table}
    asked = [row["FIELDNAME"] for row in call.rows("FIELDS")]
    if any(each not in known for each in asked):
        raise ClassicError("FIELD_NOT_VALID", Message("E", "DA", "161", (name,)))
    fields = [known[each] for each in asked] or list(table)
    condition = _parse(" ".join(row["TEXT"] for row in call.rows("OPTIONS")), known)
    delimiter = call.text("DELIMITER")
    offset = 0
    call.told["FIELDS"] = []
    for field in fields:
        row = {"FIELDNAME": field.name, "OFFSET": f"{offset:06d}", "LENGTH": f"{_width(field):06d}"}
        call.add("FIELDS", {**row, "TYPE": field.kind[0], "FIELDTEXT": field.name})
        offset += _width(field) + len(delimiter)
    if offset > _ROW + len(delimiter):
        raise ClassicError("DATA_BUFFER_EXCEEDED", Message("E", "DA", "130", (name,)))
    if call.flag("NO_DATA"):
        return
    skip, most = call.given["ROWSKIPS"], call.given["ROWCOUNT"]
    found = [row for row in call.sap.db.rows(name) if condition(row)][skip:]
    for row in found[:most] if most else found:
        cells = [_cell(field, row[field.name]) for field in fields]
        call.add("DATA", {"WA": delimiter.join(cells).rstrip(" ")})


def _width(field: Field) -> int:
    if field.kind in {"DEC", "CURR", "QUAN"}:
        return field.length + 2
    return _WIDTHS.get(field.kind, field.length)


def _cell(field: Field, value: object) -> str:
    text = _raw(field, value)
    width = _width(field)
    return text.rjust(width) if field.kind in {"DEC", "CURR", "QUAN", "INT4"} else text.ljust(width)


def _raw(field: Field, value: object) -> str:
    """Return the value as the database has it: dates and times without marks between their parts."""
    text = field.write(value)
    return text.replace("-", "").replace(":", "") if field.kind in _WIDTHS else text


def _invalid() -> ClassicError:
    return ClassicError("OPTION_NOT_VALID", Message("E", "DA", "160"))


def _parse(said: str, known: dict[str, Field]) -> Condition:
    """Return the condition of `A = 'x' AND (B IN ('y', 'z') OR C LIKE 'a%')`."""
    tokens = _tokens(said)
    if not tokens:
        return lambda _row: True
    found, rest = _any_of(tokens, known)
    if rest:
        raise _invalid()
    return found


def _tokens(said: str) -> list[str]:
    tokens, place = [], 0
    said = said.rstrip()
    while place < len(said):
        match = _TOKEN.match(said, place)
        if match is None:
            raise _invalid()
        tokens.append(match[1])
        place = match.end()
    return tokens


def _any_of(tokens: list[str], known: dict[str, Field]) -> tuple[Condition, list[str]]:
    found, rest = _all_of(tokens, known)
    parts = [found]
    while rest[:1] and rest[0].upper() == "OR":
        found, rest = _all_of(rest[1:], known)
        parts.append(found)
    return (lambda row: any(part(row) for part in parts)), rest


def _all_of(tokens: list[str], known: dict[str, Field]) -> tuple[Condition, list[str]]:
    found, rest = _one(tokens, known)
    parts = [found]
    while rest[:1] and rest[0].upper() == "AND":
        found, rest = _one(rest[1:], known)
        parts.append(found)
    return (lambda row: all(part(row) for part in parts)), rest


def _one(tokens: list[str], known: dict[str, Field]) -> tuple[Condition, list[str]]:
    if tokens[:1] == ["("]:
        found, rest = _any_of(tokens[1:], known)
        if rest[:1] != [")"]:
            raise _invalid()
        return found, rest[1:]
    if len(tokens) < 3 or tokens[0].upper() not in known:
        raise _invalid()
    field, operator, rest = known[tokens[0].upper()], tokens[1].upper(), tokens[2:]
    if operator == "IN" and rest[:1] == ["("] and ")" in rest:
        end = rest.index(")")
        wanted = {_literal(each) for each in rest[1:end] if each != ","}
        return (lambda row: _raw(field, row[field.name]) in wanted), rest[end + 1 :]
    value = _literal(rest[0])
    if operator == "LIKE":
        pattern = re.compile(re.escape(value).replace("%", ".*").replace("_", "."))
        return (lambda row: pattern.fullmatch(_raw(field, row[field.name])) is not None), rest[1:]
    compare = _COMPARED.get(operator)
    if compare is None:
        raise _invalid()
    return (lambda row: compare(_raw(field, row[field.name]), value)), rest[1:]


def _literal(token: str) -> str:
    if not token.startswith("'"):
        raise _invalid()
    return token[1:-1].replace("''", "'").rstrip(" ")


# The numbers that people know, and what tells such documents from others in the same table.
_LISTED: Final[dict[str, tuple[tuple[str, ...], Row]]] = {
    "EKKO": (("EBELN",), {"BSTYP": "F"}),
    "VBAK": (("VBELN",), {"VBTYP": "C"}),
    "AFKO": (("AUFNR",), {}),
    "MKPF": (("MBLNR", "MJAHR"), {}),
    "RBKP": (("BELNR", "GJAHR"), {}),
    "IKPF": (("IBLNR", "GJAHR"), {}),
    "PROJ": (("PSPID",), {}),
    "PRPS": (("POSID",), {}),
}


def list_numbers(call: Call) -> None:
    """Z_STORNO_LIST, the customer's own: keys of a table, those behind the last one that is known."""
    names, where = _LISTED.get(call.text("TABLENAME"), ((), {}))
    if not names:
        call.say("E", "ZSTO", "001", call.text("TABLENAME"))
        return
    rows = call.sap.db.rows(call.text("TABLENAME"), **where)
    keys = sorted("/".join(str(row[name]) for name in names) for row in rows)
    behind = [key for key in keys if key > call.text("AFTER")]
    for key in behind[: call.given["MOST"]]:
        call.add("NUMBERS", {"WA": key})


FUNCTIONS: Final[dict[str, Handler]] = {
    "RFC_READ_TABLE": read_table,
    "Z_STORNO_LIST": list_numbers,
}
