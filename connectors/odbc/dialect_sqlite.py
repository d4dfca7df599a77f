"""SQLite over sqliteodbc. Each row has a type of its own there, so every value travels with the name of its type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite.base import SQLiteDialect

from connectors.odbc.dialects import (
    LONGEST_VALUE,
    Captured,
    Dialect,
    Element,
    Native,
    Rows,
    plain_bound,
    whole,
)
from connectors.odbc.values import (
    NULL,
    Cell,
    Column,
    Sort,
    Table,
    date_cell,
    plain_text,
    time_cell,
)
from core.errors import ContractBroken

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import Dialect as Compiler
    from sqlalchemy.sql.expression import Select, TableClause

    from config.systems import OdbcLimits

_TAGGED: Final = (
    "case typeof({0}) when 'text' then 't' || hex({0}) when 'integer' then 'i' || {0}"
    " when 'real' then 'r' || printf('%!.20g', {0}) when 'blob' then 'b' || hex({0}) end"
)

# What SQLite itself looks for in a declared type, in its order; our own words for dates come first.
_BY_WORD: Final = (
    ("datetime", Sort.MOMENT),
    ("timestamp", Sort.MOMENT),
    ("date", Sort.DATE),
    ("time", Sort.TIME),
    ("bool", Sort.BOOLEAN),
    ("int", Sort.INTEGER),
    ("char", Sort.TEXT),
    ("clob", Sort.TEXT),
    ("text", Sort.TEXT),
    ("blob", Sort.BYTES),
    ("real", Sort.FLOAT),
    ("floa", Sort.FLOAT),
    ("doub", Sort.FLOAT),
    ("numeric", Sort.DECIMAL),
    ("decimal", Sort.DECIMAL),
    ("number", Sort.DECIMAL),
    ("money", Sort.DECIMAL),
)


class SQLite(Dialect):
    """SQLite 3.26 and later, file by file."""

    normal_form = replace(Dialect.normal_form, mixes_numbers=True)  # 1 and 1.0, row by row
    name = "sqlite"
    product = "SQLite"
    is_proved = True
    begin = "BEGIN IMMEDIATE"  # There are no row locks: who writes holds the whole file.
    statement_limit_by = "timer"
    has_true_sizes = False
    changes_query = "pragma data_version"
    current_database = "select file from pragma_database_list where name = 'main'"
    version_query = "select sqlite_version()"

    def _compiler(self) -> Compiler:
        return SQLiteDialect(paramstyle="qmark")

    def locked(self, select: Select[Any], table: TableClause, limits: OdbcLimits) -> Select[Any]:
        del table, limits
        return select

    def captured(self, column: Column) -> Captured:
        encoding, sort = self.encoding or column.charset or "utf-8", column.sort

        def read(tagged: str | None) -> Cell:
            return NULL if tagged is None else _cell(tagged, encoding, sort)

        return Captured((self.sql(_TAGGED, column),), read)

    def bound(self, column: Column, value: Any, raw: str | None = None) -> Element:
        if raw is not None:
            match raw[:1]:
                case "t":
                    return sa.cast(plain_bound(bytes.fromhex(raw[1:])), Native("text"))
                case "r":
                    # As a number: SQLite's own reading of a text is off in the last place now and then.
                    return plain_bound(float(raw[1:]))
                case "i":
                    return sa.cast(plain_bound(raw[1:]), Native("integer"))
                case _:
                    return plain_bound(bytes.fromhex(raw[1:]))
        if isinstance(value, bool | int):
            return plain_bound(int(value))
        if isinstance(value, bytes):
            return plain_bound(value)
        if column.sort is Sort.INTEGER:
            return plain_bound(whole(value))
        if isinstance(value, Decimal):
            # A column for numbers makes a number of it, any other keeps the text.
            is_number = column.sort in {Sort.DECIMAL, Sort.FLOAT, Sort.INTEGER}
            text = plain_bound(plain_text(value))
            return sa.cast(text, Native("numeric")) if is_number else text
        if isinstance(value, str) and self.encoding is not None:
            return sa.cast(plain_bound(value.encode(self.encoding)), Native("text"))
        return plain_bound(plain_text(value))

    def as_text(self, element: Element) -> Element:
        return sa.cast(element, sa.Text())

    def carried_number(self, name: str, there: str, scale: int, *, digits: int, places: int) -> str:
        # Its own text is what a cast would make, and a BLOB is none. The driver makes a binary number of other kinds.
        del scale, digits, places
        if there == "str":
            return name
        # All numbers are less than all texts, and asking for the length of one would make text of it twice.
        return self._short_text(name, or_if=f"{name} < '' or ")

    def carried_date(self, name: str, there: str) -> str:
        del there
        return self._short_text(name)

    def carried_moment(self, name: str, there: str, *, kind: str = "") -> str:
        del there, kind
        return self._short_text(name)

    def _short_text(self, name: str, *, or_if: str = "") -> str:
        # A column for anything may hold text of any length: what is longer than any number or moment is none.
        return f"case when {or_if}length({name}) <= {LONGEST_VALUE} then cast({name} as text) end"

    def is_short(self, wanted: str, *, is_text: bool, there: str) -> bool:
        # The driver's sizes are guesses. What `_short_text` lets through is short; a long text where a number belongs
        # is read again.
        if there == "int" or wanted in ("int64", "bool"):
            return not is_text
        return wanted.startswith(("decimal", "date", "timestamp"))

    def bytes_in(self, name: str) -> str:
        return (
            f"case typeof({name}) when 'integer' then 20 when 'real' then 30"
            f" else length(cast({name} as blob)) end"
        )

    def carried_text(self, name: str, there: str, *, digits: int = 0) -> str:
        del there, digits
        return f"cast({name} as text)"

    def prepare(self, connection: Any, sql: str, parameters: Sequence[Any]) -> None:
        """Refuse a statement that the driver manager would cut down to its low bytes, without any error."""
        del connection, parameters
        if not sql.isascii() and max(sql) > "\uffff":
            raise ContractBroken(
                problem="a character beyond the first 65,536 stands in a statement itself"
            )

    def session_settings(self, limits: OdbcLimits, *, read_only: bool) -> tuple[str, ...]:
        return (
            f"pragma busy_timeout = {int(limits.lock * 1000)}",
            f"pragma query_only = {int(read_only)}",
        )

    def connection_extras(self, limits: OdbcLimits, *, bulk: bool) -> Mapping[str, str]:
        # Without the first, the driver waits a hundred seconds; without the second, it makes a new file
        # where the path is wrong.
        extras = {"Timeout": str(int(limits.lock * 1000)), "NoCreat": "1"}
        return extras | ({"StepAPI": "1"} if bulk else {})

    def describe(self, rows: Rows, name: str) -> Table | None:
        table = name.rpartition(".")[2]
        # Names travel as hexadecimal digits, like all texts: what the driver makes of Chinese ones is not always
        # what stands there.
        found = rows(
            'select hex(name), type, "notnull", cast(pk as integer), cast(hidden as integer),'
            " (select encoding from pragma_encoding) from pragma_table_xinfo(?)",
            (table,),
        )
        if not found:
            return None
        columns, key = {}, {}
        for told, native, not_null, place, hidden, encoding in found:
            column = bytes.fromhex(told).decode(encoding, "replace")
            columns[column] = Column(
                column,
                native or "",
                _sort(native or ""),
                size=_inside(native or "", 0),
                scale=_inside(native or "", 1),
                is_nullable=not int(not_null),
                is_generated=int(hidden) > 1,
                # In such a file a text's bytes are those of UTF-16.
                charset=None if encoding == "UTF-8" else encoding,
            )
            if int(place):
                key[int(place)] = column
        kinds = rows("select type from sqlite_master where lower(name) = lower(?)", (table,))
        is_view = bool(kinds) and kinds[0][0] == "view"
        return Table(name, columns, tuple(key[place] for place in sorted(key)), is_view=is_view)


def _cell(tagged: str, encoding: str, sort: Sort) -> Cell:
    """Type one value. Its raw text is the tagged one wherever the column's own sort would store another type."""
    tag, text = tagged[0], tagged[1:]
    match tag:
        case "i":
            number = int(text)
            if sort is Sort.BOOLEAN and number in {0, 1}:
                return Cell(bool(number))
            if sort in {Sort.DECIMAL, Sort.FLOAT}:
                return Cell(Decimal(number), tagged)
            return Cell(number, None if sort is Sort.INTEGER else tagged)
        case "r":
            try:
                # The shortest text that is the same binary number, as people know it; all digits are in `tagged`.
                value = Decimal(repr(float(text)))
            except (ArithmeticError, ValueError):
                return Cell(text, tagged)
            return Cell(value if value.is_finite() else text, tagged)
        case "b":
            return Cell(bytes.fromhex(text))
        case _:
            pass
    stored = bytes.fromhex(text)
    try:
        words = stored.decode(encoding)
    except UnicodeDecodeError:
        return Cell(stored, tagged)
    # A NUL ends a text on its way through the driver.
    if "\0" in words or words.encode(encoding) != stored or sort is Sort.INTEGER:
        return Cell(words, tagged)
    if sort in {Sort.DATE, Sort.TIME}:
        read = date_cell if sort is Sort.DATE else time_cell
        day = read(words).value
        return Cell(day, None if plain_text(day) == words else tagged)
    return Cell(words)


def _sort(native: str) -> Sort:
    lower = native.lower()
    return next((sort for word, sort in _BY_WORD if word in lower), Sort.ANY)


def _inside(native: str, place: int) -> int | None:
    parts = native.partition("(")[2].partition(")")[0].split(",")
    return int(parts[place]) if place < len(parts) and parts[place].strip().isdigit() else None
