"""$filter and $orderby, as far as clients of these services use them."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from sandbox.sap.dictionary import Row
from sandbox.sap.odata_model import EntitySet, ODataService, Property
from sandbox.sap.odata_values import ODataError, told

_TOKEN: Final = re.compile(
    r"\s*(datetimeoffset'[^']*'|datetime'[^']*'|'(?:[^']|'')*'|\(|\)|,|[\w.:+-]+)"
)
_COMPARED: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "eq": lambda a, b: bool(a == b),
    "ne": lambda a, b: bool(a != b),
    "gt": lambda a, b: bool(a > b),
    "ge": lambda a, b: bool(a >= b),
    "lt": lambda a, b: bool(a < b),
    "le": lambda a, b: bool(a <= b),
}
Condition = Callable[[Row], bool]


def condition(service: ODataService, entities: EntitySet, said: str) -> Condition:
    """Return the condition of a $filter. Raises `ODataError` for what cannot be read."""
    if not said.strip():
        return lambda _row: True
    tokens, place = [], 0
    said = said.rstrip()
    while place < len(said):
        match = _TOKEN.match(said, place)
        if match is None:
            raise _invalid()
        tokens.append(match[1])
        place = match.end()
    reader = _Reader(service, entities, tokens)
    found = reader.any_of()
    if reader.tokens:
        raise _invalid()
    return found


def _invalid() -> ODataError:
    return ODataError(400, "005056A509B11EE1B9A8FEC11C23378E", "Invalid $filter")


class _Reader:
    def __init__(self, service: ODataService, entities: EntitySet, tokens: list[str]) -> None:
        self.service = service
        self.entities = entities
        self.tokens = tokens

    def next(self) -> str:
        if not self.tokens:
            raise _invalid()
        return self.tokens.pop(0)

    def any_of(self) -> Condition:
        parts = [self.all_of()]
        while self.tokens[:1] == ["or"]:
            self.next()
            parts.append(self.all_of())
        return lambda row: any(part(row) for part in parts)

    def all_of(self) -> Condition:
        parts = [self.one()]
        while self.tokens[:1] == ["and"]:
            self.next()
            parts.append(self.one())
        return lambda row: all(part(row) for part in parts)

    def one(self) -> Condition:
        word = self.next()
        if word == "(":
            found = self.any_of()
            if self.next() != ")":
                raise _invalid()
            return found
        each = self.entities.property(word)
        compare = _COMPARED.get(self.next())
        if each is None or compare is None:
            raise _invalid()
        value = _literal(each, self.next())
        return lambda row: compare(_comparable(self.service, each, row), value)


def _comparable(service: ODataService, each: Property, row: Row) -> Any:
    if each.kind in {"DateTime", "DateTimeOffset"}:
        return str(row[each.column])
    if each.kind == "Decimal":
        return Decimal(row[each.column])
    return told(service, each, row)


def _literal(each: Property, word: str) -> Any:
    if each.kind == "Boolean":
        return word == "true"
    if each.kind == "Decimal":
        return Decimal(word.strip("'").removesuffix("M").removesuffix("m"))
    if each.kind in {"DateTime", "DateTimeOffset"}:
        said = word.partition("'")[2].rstrip("'") or word
        if each.kind == "DateTime":
            return said[:10]
        return re.sub(r"\D", "", said)[:14]
    if not word.startswith("'"):
        raise _invalid()
    return word[1:-1].replace("''", "'")


def ordered(entities: EntitySet, rows: list[Row], said: str) -> list[Row]:
    """Return rows as $orderby says. Raises `ODataError`."""
    for part in reversed([part for part in said.split(",") if part.strip()]):
        name, _, way = part.strip().partition(" ")
        each = entities.property(name)
        if each is None:
            raise ODataError(400, "005056A509B11EE1B9A8FEC11C21D78E", "Invalid $orderby")
        column = each.column
        rows = sorted(rows, key=lambda row: row[column], reverse=way.strip() == "desc")
    return rows
