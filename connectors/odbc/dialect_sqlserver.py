"""SQL Server 2008 and later. Compiled and compared as text only: no such server has run it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.mssql.base import MSDialect

from connectors.odbc.dialects import (
    Captured,
    Dialect,
    Element,
    Native,
    Rows,
    or_null,
    plain_bound,
    text_of,
)
from connectors.odbc.values import (
    Cell,
    Column,
    Sort,
    Table,
    bytes_text_cell,
    date_cell,
    double_cell,
    time_cell,
    zoned_cell,
)

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import Dialect as Compiler
    from sqlalchemy.sql.expression import Select, TableClause

    from config.systems import OdbcLimits

_ROUNDING: Final = {
    "smalldatetime": timedelta(seconds=30),
    "datetime": timedelta(milliseconds=2),
}
"""The one keeps minutes, the other about three thousandths of a second."""

_SORTS: Final[Mapping[str, Sort]] = {
    "bit": Sort.BOOLEAN,
    "tinyint": Sort.INTEGER,
    "smallint": Sort.INTEGER,
    "int": Sort.INTEGER,
    "bigint": Sort.INTEGER,
    "decimal": Sort.DECIMAL,
    "numeric": Sort.DECIMAL,
    "money": Sort.DECIMAL,
    "smallmoney": Sort.DECIMAL,
    "float": Sort.FLOAT,
    "real": Sort.FLOAT,
    "char": Sort.TEXT,
    "varchar": Sort.TEXT,
    "text": Sort.TEXT,
    "nchar": Sort.TEXT,
    "nvarchar": Sort.TEXT,
    "ntext": Sort.TEXT,
    "sysname": Sort.TEXT,
    "binary": Sort.BYTES,
    "varbinary": Sort.BYTES,
    "image": Sort.BYTES,
    "timestamp": Sort.BYTES,
    "rowversion": Sort.BYTES,
    "date": Sort.DATE,
    "datetime": Sort.MOMENT,
    "smalldatetime": Sort.MOMENT,
    "datetime2": Sort.MOMENT,
    "datetimeoffset": Sort.ZONED,
    "time": Sort.TIME,
}
_WIDE: Final = frozenset({"nchar", "nvarchar", "sysname"})
_IN_CODE_PAGE: Final = frozenset({"char", "varchar", "text"})

_DESCRIBE: Final = """
select c.name, y.name, c.max_length, c.precision, c.scale, c.is_nullable, c.is_computed, c.is_identity,
       coalesce(k.key_ordinal, 0), o.type, c.collation_name
from sys.all_columns c
join sys.all_objects o on o.object_id = c.object_id
join sys.types y on y.user_type_id = c.system_type_id
left join sys.indexes i on i.object_id = c.object_id and i.is_primary_key = 1
left join sys.index_columns k
  on k.object_id = i.object_id and k.index_id = i.index_id and k.column_id = c.column_id
where c.object_id = object_id(?)
order by c.column_id"""


class SQLServer(Dialect):
    """SQL Server over Microsoft's driver or FreeTDS."""

    name = "sqlserver"
    product = "SQL Server"
    parameter_limit = 2_000  # 2,100 is the server's own limit
    statement_limit_by = "attribute"
    has_row_values = False
    locks_gaps = True  # HOLDLOCK: nothing comes between the keys that were looked at
    current_database = "select db_name()"
    version_query = "select cast(serverproperty('ProductVersion') as varchar(40))"

    def _compiler(self) -> Compiler:
        compiler = MSDialect(paramstyle="qmark")  # type: ignore[no-untyped-call]
        compiler.supports_comments = False
        return compiler

    def locked(self, select: Select[Any], table: TableClause, limits: OdbcLimits) -> Select[Any]:
        # SQLAlchemy drops FOR UPDATE silently here.
        del limits
        return select.with_hint(table, "WITH (UPDLOCK, ROWLOCK, HOLDLOCK)", "mssql")

    def captured(self, column: Column) -> Captured:
        match column.sort:
            case Sort.TEXT if column.charset is not None:
                encoding = self.encoding or "cp1252"
                element = self.sql("convert(varchar(max), convert(varbinary(max), {}), 2)", column)
                return Captured(
                    (element,),
                    or_null(lambda text: bytes_text_cell(bytes.fromhex(text), encoding, text)),
                )
            case Sort.DATE:
                return Captured(
                    (self.sql("convert(varchar(40), {}, 126)", column),), or_null(date_cell)
                )
            case Sort.TIME:
                return Captured(
                    (self.sql("convert(varchar(40), {}, 126)", column),), or_null(time_cell)
                )
            case Sort.MOMENT:
                return Captured((self.sql("convert(varchar(40), {}, 126)", column),), Cell)
            case Sort.ZONED:
                return Captured(
                    (self.sql("convert(varchar(40), {}, 126)", column),), or_null(zoned_cell)
                )
            case Sort.FLOAT:
                return Captured((self.column(column.name),), double_cell)
            case Sort.OTHER:
                return Captured((self.sql("convert(nvarchar(max), {})", column),), Cell)
            case _:
                pass
        return self.typed(column)

    def bound(self, column: Column, value: Any, raw: str | None = None) -> Element:
        if column.sort is Sort.TEXT and column.charset is not None:
            stored = raw if raw is not None else str(value).encode(self.encoding or "cp1252").hex()
            binary = sa.func.convert(
                sa.literal_column("varbinary(max)"), plain_bound(stored), sa.literal_column("2")
            )
            return sa.cast(binary, Native(column.type))
        match value:
            case bytes() | bool():
                return sa.cast(plain_bound(value), Native(column.type))
            case int() if column.sort is Sort.INTEGER:
                return plain_bound(value)
            case Decimal() if column.sort is Sort.FLOAT:
                return plain_bound(float(value))
        # In the column's own type: an nvarchar compared with a varchar key would pass its index by.
        return sa.cast(plain_bound(text_of(value, raw)), Native(column.type))

    def as_text(self, element: Element) -> Element:
        return sa.cast(element, Native("nvarchar(max)"))

    def bytes_in(self, name: str) -> str:
        return f"4 * len({name})"

    def session_settings(self, limits: OdbcLimits, *, read_only: bool) -> tuple[str, ...]:
        del read_only
        return (
            f"SET LOCK_TIMEOUT {int(limits.lock * 1000)}",
            "SET NOCOUNT OFF",
            "SET XACT_ABORT ON",
            "SET DATEFORMAT ymd",
            "SET TRANSACTION ISOLATION LEVEL READ COMMITTED",
        )

    def describe(self, rows: Rows, name: str) -> Table | None:
        found = rows(_DESCRIBE, (self._object(name),))
        if not found:
            return None
        columns, key = {}, {}
        for column, native, length, precision, scale, nullable, computed, _, place, *_ in found:
            sort = _SORTS.get(native, Sort.OTHER)
            columns[column] = Column(
                column,
                _full(native, length, precision, scale),
                sort,
                precision if sort is Sort.DECIMAL else _size(native, length),
                scale if sort is Sort.DECIMAL else None,
                is_nullable=bool(nullable),
                is_generated=bool(computed) or native in {"timestamp", "rowversion"},
                charset="bytes" if self.encoding and native in _IN_CODE_PAGE else None,
            )
            if place:
                key[int(place)] = column
        is_view = found[0][9].strip() == "V"
        return Table(name, columns, tuple(key[place] for place in sorted(key)), is_view=is_view)

    def rounding(self, column: Column) -> timedelta:
        return _ROUNDING.get(column.type, timedelta(0))

    def _schema(self, owner: Sequence[str]) -> str:
        return ".".join(self.quote(part) for part in owner)

    def _object(self, name: str) -> str:
        return ".".join(self.quote(part) for part in name.split("."))


def _size(native: str, length: int) -> int:
    """Return how many characters fit; less than 1 where there is no limit. The server tells bytes, two a character."""
    return length // 2 if native in _WIDE and length > 0 else length


def _full(native: str, length: int, precision: int, scale: int) -> str:
    """Return a type with its length and scale, as a CAST takes it."""
    if native in {"decimal", "numeric"}:
        return f"{native}({precision},{scale})"
    if native in {"char", "varchar", "binary", "varbinary"}:
        return f"{native}({'max' if length < 0 else length})"
    if native in {"nchar", "nvarchar"}:
        return f"{native}({'max' if length < 0 else _size(native, length)})"
    if native in {"datetime2", "datetimeoffset", "time"}:
        return f"{native}({scale})"
    return {"text": "varchar(max)", "ntext": "nvarchar(max)"}.get(native, native)
