"""PostgreSQL over psqlodbc. What the driver changes on the way (dates, NaN, money) travels as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql.base import PGDialect

from connectors.odbc.dialects import (
    Captured,
    Dialect,
    Element,
    Native,
    Rows,
    Statement,
    or_null,
    plain_bound,
    text_of,
    whole,
)
from connectors.odbc.packing import JsonAgg
from connectors.odbc.patience import GRACE
from connectors.odbc.statements import LARGE
from connectors.odbc.values import (
    Cell,
    Column,
    Sort,
    Table,
    boolean_cell,
    bytes_text_cell,
    date_cell,
    decimal_cell,
    float_cell,
    time_cell,
    zoned_cell,
)
from connectors.odbc.zones import POSTGRESQL

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import Dialect as Compiler

    from config.systems import OdbcLimits

_SORTS: Final[Mapping[str, Sort]] = {
    "smallint": Sort.INTEGER,
    "integer": Sort.INTEGER,
    "bigint": Sort.INTEGER,
    "numeric": Sort.DECIMAL,
    "real": Sort.FLOAT,
    "double precision": Sort.FLOAT,
    "text": Sort.TEXT,
    "character varying": Sort.TEXT,
    "character": Sort.TEXT,
    "bytea": Sort.BYTES,
    "boolean": Sort.BOOLEAN,
    "date": Sort.DATE,
    "timestamp without time zone": Sort.MOMENT,
    "timestamp with time zone": Sort.ZONED,
    "time without time zone": Sort.TIME,
}

_SHORT: Final = frozenset({"int", "bool", "float", "date", "datetime", "time"})

_DIGITS: Final = 38
"""More have no room in Arrow's numbers."""

_DIGITS_OF_ANY: Final = 28
"""What the driver says of a number without a limit of its own."""

_DESCRIBE: Final = """
select a.attname::text, format_type(a.atttypid, a.atttypmod)::text, format_type(a.atttypid, null)::text,
       case when a.attnotnull then 1 else 0 end, a.attgenerated::text || a.attidentity::text,
       coalesce(information_schema._pg_char_max_length(a.atttypid, a.atttypmod),
                information_schema._pg_numeric_precision(a.atttypid, a.atttypmod))::int,
       information_schema._pg_numeric_scale(a.atttypid, a.atttypmod)::int,
       coalesce(array_position(i.indkey::int2[], a.attnum) + 1, 0)::int, coalesce(m.amname, '')::text,
       c.relkind::text
from pg_catalog.pg_attribute a
join pg_catalog.pg_class c on c.oid = a.attrelid
left join pg_catalog.pg_am m on m.oid = c.relam
left join pg_catalog.pg_index i on i.indrelid = c.oid and i.indisprimary
where a.attrelid = to_regclass(?) and a.attnum > 0 and not a.attisdropped
order by a.attnum"""


_STAMP: Final = """
select concat(attrelid::oid, ' ',
              string_agg(concat(attnum, ' ', quote_ident(attname), ' ', atttypid, ' ', atttypmod), ', ' order by attnum))
from pg_catalog.pg_attribute
where attrelid = to_regclass(?) and attnum > 0 and not attisdropped
group by attrelid"""
"""A column that is dropped and added anew gets another number, and leaves the row version of every row alone."""


class PostgreSQL(Dialect):
    """PostgreSQL 12 and later."""

    name = "postgresql"
    product = "PostgreSQL"
    is_proved = True
    parameter_limit = 30_000
    key_chunk = 2_500
    has_nan = True
    packing = JsonAgg()
    kind_of = "pg_typeof({})::text"
    zones = POSTGRESQL
    server_query = "select extract(epoch from pg_postmaster_start_time())::text"
    current_database = "select current_database()::text"
    version_query = "select current_setting('server_version')::text"

    def _compiler(self) -> Compiler:
        return PGDialect(paramstyle="qmark")  # type: ignore[no-untyped-call]

    def captured(self, column: Column) -> Captured:
        match column.sort:
            case Sort.INTEGER | Sort.BYTES:
                return self.typed(column)
            case Sort.TEXT if column.charset is not None:
                # The server knows no encoding of this database, so only its bytes are true.
                encoding = self.encoding or "utf-8"
                element = self.sql("encode(convert_to({}::text, 'SQL_ASCII'), 'hex')", column)
                return Captured(
                    (element,),
                    or_null(lambda text: bytes_text_cell(bytes.fromhex(text), encoding, text)),
                )
            case Sort.TEXT:
                # No cast: it would cut the blanks that fill up a character(n).
                return self.typed(column)
            case _:
                pass
        element = self.sql("{}::text", column)
        keeps_scale = column.scale is None
        if column.sort is Sort.DECIMAL:
            return Captured(
                (element,), or_null(lambda text: decimal_cell(text, keeps_scale=keeps_scale))
            )
        return Captured((element,), _READERS.get(column.sort, Cell))

    def filled(
        self, base: Statement, columns: Sequence[Column], keys: Sequence[Sequence[Any]]
    ) -> Statement | None:
        if len(columns) > 1 or columns[0].sort is not Sort.INTEGER:
            return super().filled(base, columns, keys)
        numbers = [key[0] for key in keys]
        if set(map(type, numbers)) != {int} or max(map(abs, numbers)) >= LARGE:
            return super().filled(base, columns, keys)
        # One value instead of thousands, each of which costs driver and server more than its row.
        listed = f"{{{','.join(map(str, numbers))}}}"
        condition = f"{self.quote(columns[0].name)} = ANY (CAST(? AS bigint[]))"
        return base.with_condition(condition, (listed,))

    def bound(self, column: Column, value: Any, raw: str | None = None) -> Element:
        if column.sort is Sort.TEXT and column.charset is not None:
            stored = raw if raw is not None else str(value).encode(self.encoding or "utf-8").hex()
            written = sa.func.convert_from(
                sa.func.decode(self.cast(stored, "text"), sa.literal_column("'hex'")),
                sa.literal_column("'SQL_ASCII'"),
            )
            return sa.cast(written, Native(column.type))
        if column.sort is Sort.BYTES:
            return plain_bound(value)
        if column.sort is Sort.INTEGER:
            return plain_bound(whole(value))
        return self.cast(text_of(value, raw), column.type)

    def row_version(self, table: Table) -> str | None:
        # The transaction that made this state of the row. A committed one makes no other.
        return "xmin::text" if table.has_versions else None

    def is_still(self, rows: Rows, table: Table) -> bool:
        return table.stamp is not None and table.stamp == self._stamp(rows, table.name)

    def as_text(self, element: Element) -> Element:
        return sa.cast(element, sa.Text())

    def carried_number(self, name: str, there: str, scale: int, *, digits: int, places: int) -> str:
        # NaN and infinity are greater than every number here.
        if there in ("str", "int"):
            return name
        if there == "Decimal" and 0 < digits <= _DIGITS and digits != _DIGITS_OF_ANY:
            return name if places <= scale else f"nullif({name}, 'NaN')"
        bound = f"1{'0' * (37 - scale)}"
        return f"case when {name} > -{bound} and {name} < {bound} then cast({name} as numeric(38,{scale})) end"

    def carried_date(self, name: str, there: str) -> str:
        if there == "str":
            return name
        day = name if there == "date" else f"cast({name} as date)"
        # As text: what the driver makes of infinity and of other years is another day, and it takes longer. This one
        # has room for every day there is.
        return f"cast({day} as varchar(16))"

    def carried_moment(self, name: str, there: str, *, kind: str = "") -> str:
        if kind == "timestamp with time zone":
            name = f"({name} at time zone 'UTC')"
        elif kind != "timestamp without time zone":
            return name if there == "str" else f"cast({name} as varchar(60))"
        return f"cast({name} as varchar(32))"

    def bytes_in(self, name: str) -> str:
        return f"octet_length(cast({name} as text))"

    def carried_text(self, name: str, there: str, *, digits: int = 0) -> str:
        del digits
        if there == "int":
            return name  # Making text of it costs less here than there.
        # With a limit where there is one: text without any has to be measured first.
        return f"cast({name} as {'varchar(60)' if there in _SHORT else 'text'})"

    def session_settings(self, limits: OdbcLimits, *, read_only: bool) -> tuple[str, ...]:
        return (
            "set datestyle = 'ISO, YMD'",
            "set intervalstyle = 'postgres'",
            "set extra_float_digits = 3",
            "set bytea_output = 'hex'",
            "set lc_monetary = 'C'",
            "set timezone = 'UTC'",
            f"set lock_timeout = {int(limits.lock * 1000)}",
            f"set statement_timeout = {int(limits.statement * 1000)}",
            "set session characteristics as transaction isolation level read committed",
            f"set default_transaction_read_only = {'on' if read_only else 'off'}",
        )

    def connection_extras(self, limits: OdbcLimits, *, bulk: bool) -> Mapping[str, str]:
        extras = {
            "BoolsAsChar": "0",
            # Without a savepoint before every statement. An error ends the whole transaction then, and
            # Storno gives up the connection after any error, so nothing can be committed by mistake.
            "Protocol": "7.4-0",
            "ConnectionTimeout": str(max(1, int(limits.connect))),
            # A server that is gone without a word: TCP asks it, and does not wait for hours.
            "pqopt": "keepalives=1 keepalives_idle=30 keepalives_interval=10 keepalives_count=3"
            f" tcp_user_timeout={int((max(limits.statement, limits.lock) + GRACE) * 1000)}",
        }
        if not bulk:
            return extras
        # arrow-odbc makes its own connection, so what is set on it must stand in the string.
        settings = ";".join(self.session_settings(limits, read_only=True))
        return extras | {
            "UseDeclareFetch": "1",
            "Fetch": "10000",
            "ConnSettings": quote(settings, safe=""),
        }

    def describe(self, rows: Rows, name: str) -> Table | None:
        found = rows(_DESCRIBE, (self._regclass(name),))
        if not found:
            return None
        has_bytes_only = (
            rows("select current_setting('server_encoding')::text")[0][0] == "SQL_ASCII"
        )
        columns, key = {}, {}
        for attname, full, plain, not_null, generated, size, scale, place, _, _ in found:
            sort = _SORTS.get(plain, Sort.OTHER)
            columns[attname] = Column(
                attname,
                full,
                sort,
                size,
                scale if sort is Sort.DECIMAL and "(" in full else None,
                is_nullable=not not_null,
                is_generated="s" in generated or "a" in generated,
                charset="SQL_ASCII" if has_bytes_only and sort is Sort.TEXT else None,
            )
            if place:
                key[place] = attname
        storage, kind = found[0][-2:]
        return Table(
            name,
            columns,
            tuple(key[place] for place in sorted(key)),
            is_view=kind in {"v", "m"},
            has_versions=(storage, kind) == ("heap", "r"),
            stamp=self._stamp(rows, name),
        )

    def _stamp(self, rows: Rows, name: str) -> str | None:
        found = rows(_STAMP, (self._regclass(name),))
        return str(found[0][0]) if found else None

    def _regclass(self, name: str) -> str:
        return ".".join(self.quote(part) for part in name.split("."))


_READERS: Final = {
    Sort.FLOAT: or_null(float_cell),
    Sort.BOOLEAN: or_null(boolean_cell),
    Sort.DATE: or_null(date_cell),
    Sort.TIME: or_null(time_cell),
    Sort.ZONED: or_null(zoned_cell),
}
