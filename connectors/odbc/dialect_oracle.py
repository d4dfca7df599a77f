"""Oracle 12 and later. Compiled and compared as text only: no such server has run it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.oracle.base import OracleDialect

from connectors.odbc.dialects import Captured, Dialect, Element, Rows, or_null, plain_bound, text_of
from connectors.odbc.values import Cell, Column, Sort, Table, decimal_cell, double_cell, zoned_cell

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import Dialect as Compiler
    from sqlalchemy.sql.expression import Select, TableClause

    from config.systems import OdbcLimits

_DATE: Final = "SYYYY-MM-DD HH24:MI:SS"
_MOMENT: Final = "SYYYY-MM-DD HH24:MI:SS.FF9"
_ZONED: Final = "SYYYY-MM-DD HH24:MI:SS.FF9TZH:TZM"
_NUMBERS: Final = "NLS_NUMERIC_CHARACTERS=''.,''"

_DESCRIBE: Final = """
select c.column_name, c.data_type, c.data_length, c.char_length, c.data_precision, c.data_scale,
       c.nullable, c.virtual_column, nvl(k.position, 0)
from all_tab_cols c
left join (select p.owner, p.table_name, q.column_name, q.position
           from all_constraints p join all_cons_columns q
             on q.owner = p.owner and q.constraint_name = p.constraint_name
           where p.constraint_type = 'P') k
  on k.owner = c.owner and k.table_name = c.table_name and k.column_name = c.column_name
where c.owner = coalesce(?, sys_context('userenv', 'current_schema')) and c.table_name = ?
  and c.hidden_column = 'NO'
order by c.column_id"""


class Oracle(Dialect):
    """Oracle over its Instant Client driver. It keeps no empty text: '' is NULL there."""

    normal_form = replace(Dialect.normal_form, empty_is_null=True)  # it keeps no empty text
    name = "oracle"
    product = "Oracle"
    parameter_limit = 30_000
    key_chunk = 500  # 1,000 is the most in one IN
    statement_limit_by = "attribute"
    current_database = "select sys_context('userenv', 'db_name') from dual"
    version_query = "select max(version) from product_component_version"

    def _compiler(self) -> Compiler:
        return OracleDialect(paramstyle="qmark")

    def locked(self, select: Select[Any], table: TableClause, limits: OdbcLimits) -> Select[Any]:
        # SQLAlchemy has no word for how long to wait, and Oracle waits for ever by itself.
        del table
        return select.suffix_with(f"FOR UPDATE WAIT {max(1, round(limits.lock))}")

    def captured(self, column: Column) -> Captured:
        match column.sort:
            case Sort.DECIMAL:
                element = self.sql(f"to_char({{}}, 'TM9', '{_NUMBERS}')", column)
                return Captured((element,), or_null(_number))
            case Sort.MOMENT | Sort.ZONED:
                read = zoned_cell if column.sort is Sort.ZONED else Cell
                element = self.sql(f"to_char({{}}, '{_form(column)}')", column)
                # A year of our era has a blank where others have their sign.
                return Captured((element,), or_null(lambda text: read(text.removeprefix(" "))))
            case Sort.BYTES:
                element = self.sql("rawtohex({})", column)
                return Captured((element,), or_null(lambda text: Cell(bytes.fromhex(text))))
            case Sort.FLOAT:
                return Captured((self.column(column.name),), double_cell)
            case _:
                pass
        return self.typed(column)

    def bound(self, column: Column, value: Any, raw: str | None = None) -> Element:
        text = plain_bound(text_of(value, raw))
        match column.sort:
            case Sort.DECIMAL:
                return sa.cast(text, sa.Numeric())
            case Sort.MOMENT:
                form: Element = sa.literal_column(f"'{_form(column)}'")
                if column.type == "DATE":
                    return sa.func.to_date(text, form)
                return sa.func.to_timestamp(text, form)
            case Sort.ZONED:
                if raw is None and isinstance(value, datetime):
                    # With every digit: what stands behind a part that is missing is not found.
                    text = plain_bound(f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}000+00:00")
                return sa.func.to_timestamp_tz(text, sa.literal_column(f"'{_ZONED}'"))
            case Sort.BYTES:
                return sa.func.hextoraw(text)
            case Sort.FLOAT:
                return plain_bound(float(value))
            case _:
                pass
        return text

    def as_text(self, element: Element) -> Element:
        return sa.func.to_char(element)

    def session_settings(self, limits: OdbcLimits, *, read_only: bool) -> tuple[str, ...]:
        del limits, read_only
        return (
            "alter session set nls_numeric_characters = '.,'",
            "alter session set nls_date_language = 'AMERICAN'",
            "alter session set nls_comp = binary",
            "alter session set nls_sort = binary",
        )

    def describe(self, rows: Rows, name: str) -> Table | None:
        owner, _, table = name.rpartition(".")
        found = rows(_DESCRIBE, (owner or None, table))
        if not found:
            return None
        columns, key = {}, {}
        for column, native, length, chars, precision, scale, nullable, virtual, place in found:
            sort = _sort(native)
            columns[column] = Column(
                column,
                native,
                sort,
                _whole(precision) if sort is Sort.DECIMAL else _whole(chars) or _whole(length),
                _whole(scale),
                is_nullable=nullable == "Y",
                is_generated=virtual == "YES",
            )
            if place:
                key[int(place)] = column
        return Table(name, columns, tuple(key[place] for place in sorted(key)))


def _sort(native: str) -> Sort:
    if native.startswith("TIMESTAMP"):
        return Sort.ZONED if "ZONE" in native else Sort.MOMENT
    return _SORTS.get(native, Sort.OTHER)


_SORTS: Final[Mapping[str, Sort]] = {
    "NUMBER": Sort.DECIMAL,
    "FLOAT": Sort.DECIMAL,
    "BINARY_FLOAT": Sort.FLOAT,
    "BINARY_DOUBLE": Sort.FLOAT,
    "CHAR": Sort.TEXT,
    "NCHAR": Sort.TEXT,
    "VARCHAR2": Sort.TEXT,
    "NVARCHAR2": Sort.TEXT,
    "CLOB": Sort.TEXT,
    "NCLOB": Sort.TEXT,
    "RAW": Sort.BYTES,
    "BLOB": Sort.BYTES,
    "DATE": Sort.MOMENT,  # to the second, in Oracle
}


def _form(column: Column) -> str:
    if column.sort is Sort.ZONED:
        return _ZONED
    return _DATE if column.type == "DATE" else _MOMENT


def _number(text: str) -> Cell:
    # `.5` is how Oracle writes a half.
    plain = text.replace("-.", "-0.") if text.startswith("-.") else text
    return decimal_cell("0" + plain if plain.startswith(".") else plain, keeps_scale=False)


def _whole(value: Any) -> int | None:
    return None if value is None else int(value)
