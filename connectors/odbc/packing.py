"""Many rows in one answer of a few long texts: every column as one JSON array, which the server makes.

A driver needs as long for one cell of thirty characters as for thousands of values in one. What a JSON text holds is exact:
whole numbers as such, everything else as the text that is selected anyway, bytes as hexadecimal digits. Numbers and days,
whose texts are never empty and have no comma, come with a comma behind each, which costs the server half as much.
Where a column holds a long text, or an answer came that is not whole, the rows are read one by one.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
import sqlalchemy as sa

from connectors.odbc.dialects import Element, Statement
from connectors.odbc.values import Column, Sort
from core import encoding

if TYPE_CHECKING:
    from sqlalchemy.sql.expression import Select, TableClause

LONGEST_PACKED: Final = 4_000
"""Bytes of one value. A batch of longer ones is larger than anybody wants one text to be."""

LONGEST_KNOWN: Final = 200_000
"""Characters. A longer text of a whole column is not remembered."""

MOST_KNOWN: Final = 2
"""Texts of one column."""

_SHORT: Final = 1_000
_PLAIN: Final = frozenset({Sort.DECIMAL, Sort.DATE, Sort.MOMENT, Sort.TIME})
"""Both databases read such a column as its text."""

_MAY_BE_LONG: Final = frozenset({Sort.TEXT, Sort.BYTES, Sort.OTHER})


class Packed(NamedTuple):
    """What is selected for one column, and how its values travel."""

    element: Element
    is_bytes: bool = False
    is_text: bool = False
    may_be_long: bool = False
    is_plain: bool = False  # its text is never empty, and has no comma


def packed(column: Column, element: Element) -> Packed:
    """Return how the values of a column's element travel."""
    return Packed(
        element,
        is_bytes=column.sort is Sort.BYTES,
        is_text=column.sort is Sort.TEXT,
        may_be_long=column.sort in _MAY_BE_LONG and not 0 < (column.size or 0) <= _SHORT,
        is_plain=column.sort in _PLAIN,
    )


class Unpacking:
    """Reads such answers, and remembers what was in the last texts of each column.

    A document is read several times while it is closed, and most of its columns say the same every time: then the
    very same list is handed out, by which whoever has read it knows it again. Nobody may change it.
    """

    def __init__(self) -> None:
        self._known: dict[int, list[tuple[str, Sequence[Any]]]] = {}

    def columns(
        self, answer: Sequence[Any], elements: Sequence[Packed]
    ) -> list[Sequence[Any]] | None:
        """Return the values column by column; None where they have to be read row by row."""
        count, has_long, *texts = answer
        if has_long or (count and None in texts):
            return None
        found: list[Sequence[Any]] = []
        for place, (text, each) in enumerate(zip(texts, elements, strict=True)):
            values = self._column(place, text, each) if count else []
            if values is None or len(values) != count:
                return None
            found.append(values)
        return found

    def _column(self, place: int, text: str, each: Packed) -> Sequence[Any] | None:
        known = self._known.setdefault(place, [])
        for before, values in known:
            if before == text:
                return values
        found: list[Any] | None
        try:
            found = _plain(text) if each.is_plain else encoding.loads(text)
        except msgspec.DecodeError:
            return None
        if found is None:
            return None
        if each.is_bytes:
            found = [None if value is None else bytes.fromhex(value) for value in found]
        if len(text) <= LONGEST_KNOWN:
            known.append((text, found))
            del known[:-MOST_KNOWN]
        return found


def _plain(text: str) -> list[Any] | None:
    *found, rest = text.split(",")
    if rest:
        return None  # It was cut: a comma stands behind the last one too.
    return [value or None for value in found] if "" in found else found


class Packing(ABC):
    """How one sort of database makes such an answer: how many rows, whether one is too long, then the columns."""

    @abstractmethod
    def fits(self, version: str) -> bool:
        """Whether a server of this version can."""

    def takes(self, column: Column) -> bool:
        """Whether the values of a column come through as they are."""
        del column
        return True

    @abstractmethod
    def select(self, elements: Sequence[Packed], table: TableClause) -> Select[Any]:
        """Return the SELECT that takes the condition, and the lock where there is one."""

    def whole(self, statement: Statement, elements: Sequence[Packed]) -> Statement:
        """Return the compiled SELECT, with whatever goes around it."""
        del elements
        return statement


class JsonAgg(Packing):
    """PostgreSQL."""

    def fits(self, version: str) -> bool:
        return bool(version)

    def select(self, elements: Sequence[Packed], table: TableClause) -> Select[Any]:
        listed = [
            sa.func.encode(each.element, sa.literal_column("'hex'"))
            if each.is_bytes
            else each.element
            for each in elements
        ]
        return sa.select(
            *(each.label(f"c{place}") for place, each in enumerate(listed))
        ).select_from(table)

    def whole(self, statement: Statement, elements: Sequence[Packed]) -> Statement:
        # A row lock cannot stand where something is gathered, so the rows are gathered around it.
        long = {
            place: f"octet_length(q.c{place}) > {LONGEST_PACKED}"
            for place, each in enumerate(elements)
            if each.may_be_long
        }
        columns = [
            f"case when {long[place]} then null else q.c{place} end"
            if place in long
            else f"q.c{place}"
            for place in range(len(elements))
        ]
        gathered = [
            "count(*)",
            f"max(case when {' or '.join(long.values())} then 1 end)" if long else "null::int",
            *(
                f"string_agg(coalesce({column}, ''), ',') || ','"
                if each.is_plain
                else f"json_agg({column})::text"
                for each, column in zip(elements, columns, strict=True)
            ),
        ]
        listed = ", ".join(f"{each} as c{place}" for place, each in enumerate(gathered))
        return Statement(f"select {listed} from ({statement.sql}) as q", statement.parameters)


class JsonArrayAgg(Packing):
    """MariaDB 10.6 and later. MySQL has such a function too; nobody has tried that one."""

    def fits(self, version: str) -> bool:
        numbers = tuple(map(int, re.findall(r"\d+", version)[:2]))
        return "mariadb" in version.lower() and numbers >= (10, 6)

    def takes(self, column: Column) -> bool:
        # The text of a DOUBLE is cut after 22 characters there, without a word; what else is of that kind, nobody knows.
        return column.sort not in {Sort.FLOAT, Sort.OTHER}

    def select(self, elements: Sequence[Packed], table: TableClause) -> Select[Any]:
        long = [
            sa.func.length(e.element) > sa.literal_column(str(LONGEST_PACKED))
            for e in elements
            if e.may_be_long
        ]
        one: Element = sa.literal_column("1")
        gathered = [
            sa.func.count(),
            sa.func.max(sa.case((sa.or_(*long), one))) if long else sa.null(),
            *(self._gathered(each) for each in elements),
        ]
        return sa.select(
            *(each.label(f"c{place}") for place, each in enumerate(gathered))
        ).select_from(table)

    def _gathered(self, each: Packed) -> Element:
        if each.is_plain:
            comma: Element = sa.literal_column("','")
            value = sa.func.coalesce(sa.func.concat(each.element, comma), comma)
            return sa.func.group_concat(value.op("separator")(sa.literal_column("''")))
        return sa.func.json_arrayagg(self._value(each))

    def _value(self, each: Packed) -> Element:
        if each.is_bytes:
            return sa.func.hex(each.element)
        if not each.is_text:
            return each.element
        # As the driver would have it. A text that is known to be JSON would be taken for a part of the answer, and
        # one of two bytes a character as it stands.
        wide = sa.func.convert(each.element.op("using")(sa.literal_column("utf8mb4")))
        return sa.func.concat(wide)
