"""Db2 for Linux, UNIX and Windows 10.5 and later. Compiled and compared as text only: no such server has run it."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.sql.compiler import SQLCompiler

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
    date_cell,
    decimal_cell,
    double_cell,
    time_cell,
)

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import Dialect as Compiler
    from sqlalchemy.sql.expression import Select, TableClause

    from config.systems import OdbcLimits

_SORTS: Final[Mapping[str, Sort]] = {
    "SMALLINT": Sort.INTEGER,
    "INTEGER": Sort.INTEGER,
    "BIGINT": Sort.INTEGER,
    "DECIMAL": Sort.DECIMAL,
    "DECFLOAT": Sort.DECIMAL,
    "REAL": Sort.FLOAT,
    "DOUBLE": Sort.FLOAT,
    "CHARACTER": Sort.TEXT,
    "VARCHAR": Sort.TEXT,
    "CLOB": Sort.TEXT,
    "GRAPHIC": Sort.TEXT,
    "VARGRAPHIC": Sort.TEXT,
    "BLOB": Sort.BYTES,
    "BINARY": Sort.BYTES,
    "VARBINARY": Sort.BYTES,
    "BOOLEAN": Sort.BOOLEAN,
    "DATE": Sort.DATE,
    "TIME": Sort.TIME,
    "TIMESTAMP": Sort.MOMENT,
}

_DESCRIBE: Final = """
select c.colname, c.typename, c.length, c.scale, c.nulls, c.generated, coalesce(c.keyseq, 0), t.type
from syscat.columns c
join syscat.tables t on t.tabschema = c.tabschema and t.tabname = c.tabname
where c.tabschema = coalesce(?, current schema) and c.tabname = ?
order by c.colno"""


class _Compiler(SQLCompiler):
    def limit_clause(self, select: Any, **kw: Any) -> str:
        """Say how many rows, in the words that Db2 knows."""
        limit = select._limit_clause  # noqa: SLF001
        return str(self.fetch_clause(select, fetch_clause=limit, **kw))  # type: ignore[no-untyped-call]


class _Dialect(DefaultDialect):
    statement_compiler = _Compiler


class Db2(Dialect):
    """Db2 over IBM's CLI driver."""

    name = "db2"
    product = "Db2"
    statement_limit_by = "attribute"
    has_row_values = False
    current_database = "select current server from sysibm.sysdummy1"
    version_query = "select service_level from sysibmadm.env_inst_info"

    def _compiler(self) -> Compiler:
        return _Dialect(paramstyle="qmark")

    def locked(self, select: Select[Any], table: TableClause, limits: OdbcLimits) -> Select[Any]:
        del table, limits
        return select.suffix_with("WITH RS USE AND KEEP UPDATE LOCKS")

    def captured(self, column: Column) -> Captured:
        match column.sort:
            case Sort.DATE:
                return Captured((self.sql("char({}, iso)", column),), or_null(date_cell))
            case Sort.TIME:
                # JIS writes 24:00:00 with colons.
                return Captured((self.sql("char({}, jis)", column),), or_null(time_cell))
            case Sort.MOMENT | Sort.OTHER:
                return Captured((self.sql("varchar({})", column),), Cell)
            case Sort.DECIMAL:
                keeps_scale = column.type.startswith("DECFLOAT")
                return Captured(
                    (self.sql("varchar({})", column),),
                    or_null(lambda text: decimal_cell(text, keeps_scale=keeps_scale)),
                )
            case Sort.FLOAT:
                return Captured((self.column(column.name),), double_cell)
            case _:
                pass
        return self.typed(column)

    def bound(self, column: Column, value: Any, raw: str | None = None) -> Element:
        match value:
            case bytes():
                return plain_bound(value)
            case int() if column.sort is Sort.INTEGER:
                return sa.cast(plain_bound(value), Native(column.type))
            case Decimal() if column.sort is Sort.FLOAT:
                return plain_bound(float(value))
        return sa.cast(plain_bound(text_of(value, raw)), Native(column.type))

    def as_text(self, element: Element) -> Element:
        return sa.cast(element, Native("varchar(4000)"))

    def session_settings(self, limits: OdbcLimits, *, read_only: bool) -> tuple[str, ...]:
        del read_only
        return (
            f"set current lock timeout {max(1, round(limits.lock))}",
            "set current isolation = CS",
        )

    def describe(self, rows: Rows, name: str) -> Table | None:
        owner, _, table = name.rpartition(".")
        found = rows(_DESCRIBE, (owner or None, table))
        if not found:
            return None
        columns, key = {}, {}
        for column, native, length, scale, nulls, generated, place, _ in found:
            sort = _SORTS.get(native, Sort.OTHER)
            columns[column] = Column(
                column,
                _full(native, length, scale),
                sort,
                int(length),
                int(scale) if native == "DECIMAL" else None,
                is_nullable=nulls == "Y",
                is_generated=generated == "A",
            )
            if place:
                key[int(place)] = column
        is_view = found[0][-1].strip() == "V"
        return Table(name, columns, tuple(key[place] for place in sorted(key)), is_view=is_view)


def _full(native: str, length: int, scale: int) -> str:
    if native == "DECIMAL":
        return f"DECIMAL({length},{scale})"
    if native in {"CHARACTER", "VARCHAR", "GRAPHIC", "VARGRAPHIC", "BINARY", "VARBINARY"}:
        return f"{native}({length})"
    return f"TIMESTAMP({scale})" if native == "TIMESTAMP" else native
