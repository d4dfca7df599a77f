"""MariaDB and MySQL over MariaDB Connector/ODBC. Dates with zeros and wide times travel as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.mysql import INTEGER
from sqlalchemy.dialects.mysql.base import MySQLDialect

from connectors.odbc.dialects import (
    Captured,
    Dialect,
    Element,
    Rows,
    Statement,
    or_null,
    plain_bound,
    text_of,
    whole,
)
from connectors.odbc.mariadb_sorts import SHAPES, SORTS, TEXTS
from connectors.odbc.mariadb_views import keep_transactions, tables_behind
from connectors.odbc.packing import JsonArrayAgg
from connectors.odbc.patience import GRACE
from connectors.odbc.statements import LARGE
from connectors.odbc.values import (
    Cell,
    Change,
    Column,
    Sort,
    Table,
    boolean_cell,
    bytes_text_cell,
    date_cell,
    decimal_cell,
    float_cell,
    time_cell,
)
from connectors.odbc.zones import KEEP_ZONE, MARIADB, stamp_cell, stamp_text
from core.errors import ContractBroken

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import Dialect as Compiler

    from config.systems import OdbcLimits

_LOSSLESS: Final = frozenset({"utf8mb4", "utf8mb3", "utf8", "ascii", "latin1"})
"""Character sets that travel to the connection's own and back without any loss."""

_CODECS: Final[Mapping[str, str]] = {
    "utf8mb4": "utf-8",
    "utf8mb3": "utf-8",
    "utf8": "utf-8",
    "latin1": "cp1252",
    "big5": "big5hkscs",
    "ucs2": "utf-16-be",
    "utf16": "utf-16-be",
    "utf16le": "utf-16-le",
    "utf32": "utf-32-be",
    "sjis": "shift_jis",
    "ujis": "euc_jp",
}
"""Python's names, only to show a text whose bytes were read."""

_WIDE: Final = frozenset({"ucs2", "utf16", "utf16le", "utf32"})
"""They may hold half a character, which no connection carries."""

_DIGITS: Final = 38
"""A number travels as ODBC's own numeric, which has no room for more."""

_DIGITS_OF_INT: Final = 10
"""A BIGINT has more, and nobody tells whether it has a sign."""

_SQL_CHAR: Final = 1
_SQL_WCHAR: Final = -8
_LARGEST_SIGNED: Final = 2**63 - 1
_LONGEST_ANSWER: Final = 2**26

_DESCRIBE: Final = """
select c.column_name, c.data_type, c.column_type, c.is_nullable, lower(c.extra),
       cast(c.character_maximum_length as char), cast(c.numeric_scale as char), c.character_set_name,
       cast(coalesce(s.seq_in_index, 0) as char), t.table_schema, t.table_type, lower(coalesce(t.engine, ''))
from information_schema.columns c
join information_schema.tables t on t.table_schema = c.table_schema and t.table_name = c.table_name
left join information_schema.statistics s
  on s.table_schema = c.table_schema and s.table_name = c.table_name
  and s.index_name = 'PRIMARY' and s.column_name = c.column_name
where c.table_schema = coalesce(?, database()) and c.table_name = ?
order by c.ordinal_position"""


class MariaDB(Dialect):
    """MariaDB 10.3 and later, MySQL 5.7 and later."""

    name = "mariadb"
    product = "MariaDB"
    is_proved = True
    parameter_limit = 30_000
    key_chunk = 2_500
    packing = JsonArrayAgg()
    bulk_encoding = "UTF8"
    zones = MARIADB
    current_database = "select database()"
    version_query = "select version()"

    def _compiler(self) -> Compiler:
        return MySQLDialect(paramstyle="qmark")

    def captured(self, column: Column) -> Captured:
        native = column.type.partition("(")[0].partition(" ")[0]
        match column.sort:
            case Sort.TEXT:
                return self._captured_text(column)
            case Sort.BYTES:
                return self.typed(column)
            case Sort.BOOLEAN:
                return Captured((self.sql("cast({} + 0 as char)", column),), or_null(boolean_cell))
            case Sort.INTEGER if native == "bit" or "unsigned" in column.type or native == "year":
                element = self.sql("cast({} + 0 as char)", column)
                return Captured((element,), or_null(lambda text: Cell(int(text))))
            case Sort.INTEGER:
                return self.typed(column)
            case Sort.FLOAT:
                # A FLOAT shows six digits of its own accord; as DOUBLE it shows all that it holds.
                element = self.sql("cast(cast({} as double) as char)", column)
                return Captured((element,), or_null(float_cell))
            case Sort.DECIMAL:
                element = self.sql("cast({} as char)", column)
                return Captured((element,), or_null(lambda t: decimal_cell(t, keeps_scale=False)))
            case _:
                pass
        if native in SHAPES:
            return Captured((self.sql("hex({})", column),), Cell)
        return Captured((self.sql("cast({} as char)", column),), _READERS.get(column.sort, Cell))

    def bound(self, column: Column, value: Any, raw: str | None = None) -> Element:
        native = column.type.partition("(")[0].partition(" ")[0]
        match column.sort:
            case Sort.TEXT:
                return self._bound_text(column, value, raw)
            case Sort.BYTES:
                return plain_bound(value)
            case Sort.BOOLEAN:
                return sa.literal_column("b'1'" if value in (True, 1, "1", "true") else "b'0'")
            case Sort.INTEGER if whole(value) > _LARGEST_SIGNED:
                return sa.cast(plain_bound(str(value)), INTEGER(unsigned=True))
            case Sort.INTEGER:
                return plain_bound(whole(value))
            case Sort.DECIMAL:
                return sa.cast(
                    plain_bound(text_of(value, raw)), sa.Numeric(column.size, column.scale)
                )
            case Sort.ZONED:
                return _bound_stamp(text_of(value, raw))
            case _:
                pass
        if native in SHAPES:
            return sa.func.unhex(plain_bound(text_of(value, raw)))
        # A moment as a parameter loses its microseconds; its text does not.
        return plain_bound(text_of(value, raw))

    def filled(
        self, base: Statement, columns: Sequence[Column], keys: Sequence[Sequence[Any]]
    ) -> Statement | None:
        if len(columns) > 1 or columns[0].sort is not Sort.INTEGER:
            return super().filled(base, columns, keys)
        numbers = [key[0] for key in keys]
        if set(map(type, numbers)) != {int} or max(map(abs, numbers)) >= LARGE:
            return super().filled(base, columns, keys)
        # Whole numbers stand in the statement: thousands of bound ones cost driver and server more than their rows.
        listed = ",".join(map(str, numbers))
        return base.with_condition(f"{self.quote(columns[0].name)} IN ({listed})", ())

    def changed(self, column: Column, change: Change) -> Element:
        if (
            column.sort is Sort.TEXT
            and change.raw is None
            and isinstance(change.value, str)
            and not is_safe_wide(change.value)
        ):
            charset = column.charset or "utf8mb4"
            if self.encoding is None or charset.startswith("utf8"):
                unhexed = sa.func.unhex(plain_bound(change.value.encode().hex()))
                return sa.func.convert(unhexed.op("using")(sa.literal_column("utf8mb4")))
        return super().changed(column, change)

    def prepare(self, connection: Any, sql: str, parameters: Sequence[Any]) -> None:
        """Let parameters travel as UTF-8: as UTF-16, the driver adds a NUL to some and stores half of others.

        The statement itself travels in the same form, and there it must be UTF-16 where it is not ASCII. No text
        that would be changed on the way is ever sent: `ContractBroken` says so.
        """
        if sql.isascii():
            connection.setencoding("utf-8", ctype=_SQL_CHAR)
            return
        connection.setencoding("utf-16-le", ctype=_SQL_WCHAR)
        if not all(is_safe_wide(value) for value in parameters if isinstance(value, str)):
            raise ContractBroken(
                problem="a text that this driver would change cannot go along with a name that is not ASCII"
            )

    def after_connect(self, connection: Any) -> None:
        # Read as UTF-8 too: as UTF-16 a text ends at a NUL, and characters beyond the first 65,536 are cut in two.
        for kind in (_SQL_CHAR, _SQL_WCHAR):
            connection.setdecoding(kind, "utf-8", ctype=_SQL_CHAR)

    def as_text(self, element: Element) -> Element:
        return sa.cast(element, sa.CHAR())

    def with_offset(self, element: Element) -> Element:
        return sa.func.concat(element, sa.literal_column("'+00:00'"))  # All sessions read in UTC.

    def carried_number(self, name: str, there: str, scale: int, *, digits: int, places: int) -> str:
        if there == "Decimal" and 0 < digits <= _DIGITS:
            return name
        return super().carried_number(name, there, scale, digits=digits, places=places)

    def carried_date(self, name: str, there: str) -> str:
        if there == "str":
            return name
        # The days 0, and 31 February, are none.
        day = f"dayofmonth({name})"
        return f"case when {day} between 1 and dayofmonth(last_day({name})) then date({name}) end"

    def bytes_in(self, name: str) -> str:
        return f"length({name})"

    def carried_text(self, name: str, there: str, *, digits: int = 0) -> str:
        if there != "int":
            return f"cast({name} as char)"
        # Without the zeros of ZEROFILL; with a sign, and wide enough for every INT UNSIGNED.
        number = f"{name} + 0"
        return number if 0 < digits <= _DIGITS_OF_INT else f"cast({number} as char)"

    def session_settings(self, limits: OdbcLimits, *, read_only: bool) -> tuple[str, ...]:
        wait = max(1, round(limits.lock))
        return (
            # Nothing is cut silently, and dates that stand in old tables can be put back.
            "set session sql_mode = 'STRICT_ALL_TABLES,ALLOW_INVALID_DATES,NO_ENGINE_SUBSTITUTION'",
            KEEP_ZONE,
            MARIADB.read,
            f"set session innodb_lock_wait_timeout = {wait}",
            f"set session group_concat_max_len = {_LONGEST_ANSWER}",
            # MariaDB alone reads what stands in such a comment; MySQL has no limit for a write.
            f"set session /*M! max_statement_time = {limits.statement:g}, */ lock_wait_timeout = {wait}",
            "set session transaction isolation level read committed",
            f"set session transaction read {'only' if read_only else 'write'}",
        )

    def connection_extras(self, limits: OdbcLimits, *, bulk: bool) -> Mapping[str, str]:
        # OPTION=2: an update tells how many rows it matched, not how many it changed.
        # The server ends what takes too long; the two timeouts are for one that says nothing any more.
        silent = str(int(max(limits.statement, limits.lock) + GRACE))
        extras = {
            "OPTION": "2",
            "CONN_TIMEOUT": str(max(1, int(limits.connect))),
            "READ_TIMEOUT": silent,
            "WRITE_TIMEOUT": silent,
        }
        if not bulk:
            return extras
        # arrow-odbc makes its own connection, so what is set on it must stand in the string.
        return extras | {
            "INITSTMT": "set session time_zone = '+00:00', session tx_read_only = 1,"
            f" /*M! session max_statement_time = {limits.statement:g}, */ session lock_wait_timeout = 10"
        }

    def describe(self, rows: Rows, name: str) -> Table | None:
        owner, _, table = name.rpartition(".")
        found = rows(_DESCRIBE, (owner or None, table))
        if not found:
            return None
        columns, key = {}, {}
        for column, data, full, nullable, extra, size, scale, charset, place, *_ in found:
            sort = Sort.TEXT if data in TEXTS else SORTS.get(data, Sort.OTHER)
            if full == "bit(1)":
                sort = Sort.BOOLEAN
            columns[column] = Column(
                column,
                full,
                sort,
                _precision(full) if sort is Sort.DECIMAL else _number(size),
                _number(scale),
                is_nullable=nullable == "YES",
                is_generated="generated" in extra,
                charset=charset,
                updates_itself="on update" in extra,
            )
            if int(place):
                key[int(place)] = column
        home, kind, engine = found[0][-3:]
        is_view = "VIEW" in kind
        behind = tables_behind(rows, home, table) if is_view else {f"{home}.{table}": engine}
        return Table(
            name,
            columns,
            tuple(key[place] for place in sorted(key)),
            is_transactional=keep_transactions(behind),
            is_view=is_view,
            # A copy has another name, and its tables are those behind its own views.
            behind=tuple(
                sorted(each if owner else each.removeprefix(f"{home}.") for each in behind or ())
            )
            if is_view
            else (),
        )

    def _captured_text(self, column: Column) -> Captured:
        charset = column.charset or "utf8mb4"
        if self.encoding is not None and not charset.startswith("utf8"):
            encoding = self.encoding
            return Captured(
                (self.sql("hex({})", column),),
                or_null(lambda text: bytes_text_cell(bytes.fromhex(text), encoding, text)),
            )
        if charset in _LOSSLESS:
            return self.typed(column)
        # Some characters of such a set share one of Unicode: then the bytes are read.
        back = f"hex(convert(convert({{0}} using utf8mb4) using {charset}))"
        doubt = "true" if charset in _WIDE else f"{back} <> hex({{0}})"
        python = _CODECS.get(charset, charset)

        def read(text: str | None, bytes_: str | None) -> Cell:
            if bytes_ is None:
                return Cell(text)
            stored = bytes.fromhex(bytes_)
            try:
                return Cell(stored.decode(python), bytes_)
            except (UnicodeDecodeError, LookupError):
                return Cell(stored, bytes_)

        return Captured(
            (
                self.sql(f"case when {doubt} then null else {{0}} end", column),
                self.sql(f"case when {doubt} then hex({{0}}) end", column),
            ),
            read,
            Captured((self.sql(f"case when {doubt} then null else {{0}} end", column),), Cell),
            self.sql(doubt, column),
        )

    def _bound_text(self, column: Column, value: Any, raw: str | None) -> Element:
        charset = column.charset or "utf8mb4"
        if raw is None and self.encoding is not None and not charset.startswith("utf8"):
            raw = str(value).encode(self.encoding).hex()
        if raw is None:
            return plain_bound(value)
        unhexed = sa.func.unhex(plain_bound(raw))
        return sa.func.convert(unhexed.op("using")(sa.literal_column(charset)))


def is_safe_wide(text: str) -> bool:
    """Whether the driver carries a text as UTF-16 unchanged: ASCII and characters of three bytes do, measured."""
    return text.isascii() or all(
        "\0" < each < "\x80" or "\u0800" <= each <= "\uffff" for each in text
    )


def _bound_stamp(text: str) -> Element:
    """Return a moment in UTC as the session's local time, which the database makes UTC again."""
    moment = stamp_text(text)
    if moment is None:
        # The moment 0 is the same everywhere. It stands in the statement, which then serves for no other value.
        return (
            plain_bound(text) if text.strip("0-:. ") else sa.literal_column("'0000-00-00 00:00:00'")
        )
    there: Element = sa.literal_column("@@session.time_zone")
    return sa.func.convert_tz(plain_bound(moment), sa.literal_column("'+00:00'"), there)


def _number(text: str | None) -> int | None:
    return None if text is None else min(int(text), 2**31)


def _precision(full: str) -> int | None:
    inside = full.partition("(")[2].partition(")")[0].partition(",")[0]
    return int(inside) if inside else None


_READERS: Final = {
    Sort.DATE: or_null(date_cell),
    Sort.TIME: or_null(time_cell),
    Sort.ZONED: or_null(stamp_cell),
}
