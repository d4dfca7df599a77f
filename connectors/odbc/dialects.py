"""The sorts of SQL. SQLAlchemy Core is used as a compiler only: values always bound, identifiers always quoted.

PostgreSQL, MariaDB and SQLite are tested against real servers over their ODBC drivers. What SQL Server, Oracle and
Db2 get is compiled and compared as text; no such server has run it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar, Final

import sqlalchemy as sa
from sqlalchemy.sql.elements import ColumnElement, quoted_name

from connectors.odbc.statements import KEYS, LARGE, Statement
from connectors.odbc.values import Cell, Change, Column, plain_text
from core.normal_form import NormalForm

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import Dialect as Compiler
    from sqlalchemy.sql.expression import Executable, Select, TableClause

    from config.systems import OdbcLimits
    from connectors.odbc.packing import Packing
    from connectors.odbc.values import Table
    from connectors.odbc.zones import Zones

Element = ColumnElement[Any]
Rows = Callable[..., list[tuple[Any, ...]]]
"""Runs one statement with its parameters and returns all rows: `Session.rows`."""


class Native(sa.types.UserDefinedType[Any]):
    """A type by its own name, for a CAST."""

    cache_ok = True

    def __init__(self, name: str) -> None:
        self.name = name

    def get_col_spec(self, **_: Any) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Captured:
    """How one column is read: what to select, and how its cells become a value.

    Where nearly every row can be read in a cheaper way, `typed` is that way; where `doubt` is true of a row, all are read
    again by `elements`.
    """

    elements: tuple[Element, ...]
    read: Callable[..., Cell]
    typed: Captured | None = None
    doubt: Element | None = None


LONGEST_VALUE: Final = 60
"""No number, date or moment has a longer text; what is longer is none of them."""

SHORT_TYPES: Final = frozenset({"int", "bool", "float", "Decimal", "date", "datetime", "time"})
"""Python's names of the types whose values have short texts."""


class Dialect(ABC):
    """One sort of SQL. `encoding` says what the bytes in text columns really are, where the database errs."""

    name: ClassVar[str]
    product: ClassVar[str]
    is_proved: ClassVar[bool] = False  # tested against a real server over its ODBC driver
    parameter_limit: ClassVar[int] = 2_000
    key_chunk: ClassVar[int] = 500  # keys in one statement
    begin: ClassVar[str | None] = (
        None  # what opens a writing transaction, where the driver's own is too weak
    )
    statement_limit_by: ClassVar[str] = "server"  # else "attribute" (of the connection) or "timer"
    bulk_encoding: ClassVar[str] = "AUTO"  # of arrow-odbc
    has_true_sizes: ClassVar[bool] = True  # no text is longer than its column says
    has_row_values: ClassVar[bool] = True  # (a, b) IN ((1, 2), (3, 4))
    locks_gaps: ClassVar[bool] = False  # `locked` keeps new rows out, and needs no right to write
    changes_query: ClassVar[str | None] = None  # tells the same as before while nobody else commits
    has_nan: ClassVar[bool] = False  # among its decimals
    packing: ClassVar[Packing | None] = None  # rows in one answer
    kind_of: ClassVar[str | None] = None  # SQL for the native type of a moment, `{}` its column
    zones: ClassVar[Zones | None] = None  # where the zone of a session changes what is read
    server_query: ClassVar[str | None] = None  # tells a server from every other, since its start
    # Programs write a moment back with fewer digits than they read: a second is the least that all of them keep.
    # Blanks at the end of a text do not count in any rule of a recipe either.
    normal_form: ClassVar[NormalForm] = NormalForm(
        moment_step=timedelta(seconds=1), has_moments_as_text=True, pads_text=True
    )
    current_database: ClassVar[str]
    version_query: ClassVar[str]

    def __init__(self, encoding: str | None = None) -> None:
        self.encoding = encoding
        self.compiler: Compiler = self._compiler()
        self._slots: dict[tuple[Column, type], Statement | None] = {}

    # --- statements -----------------------------------------------------------------------------

    def compile(self, statement: Executable | Element) -> Statement:
        """Return the SQL of a statement of SQLAlchemy Core, and its values in order."""
        compiled: Any = statement.compile(  # type: ignore[union-attr]
            dialect=self.compiler, compile_kwargs={"render_postcompile": True}
        )
        values = compiled.construct_params(escape_names=False)
        return Statement(str(compiled), tuple(values[name] for name in compiled.positiontup or ()))

    def quote(self, name: str) -> str:
        """Return an identifier in quotes, whatever stands in it."""
        return self.compiler.identifier_preparer.quote_identifier(name)

    def table(self, name: str, *columns: str, texts: Collection[str] = ()) -> TableClause:
        """Return a table for SQLAlchemy: `table`, `schema.table` or `database.schema.table`; `texts` hold text."""
        *owner, last = name.split(".")
        schema = self._schema(owner) if owner else None
        return sa.table(
            quoted_name(last, quote=True),
            *(self.column(column, is_text=column in texts) for column in columns),
            **({} if schema is None else {"schema": schema}),
        )

    def column(self, name: str, *, is_text: bool = False) -> sa.ColumnClause[Any]:
        """Return a column for SQLAlchemy, always quoted."""
        return sa.column(quoted_name(name, quote=True), sa.String() if is_text else None)

    def locked(self, select: Select[Any], table: TableClause, limits: OdbcLimits) -> Select[Any]:
        """Make a SELECT hold its rows against every other writer until the transaction ends."""
        del table, limits
        return select.with_for_update()

    def chunk(self, parameters_each: int) -> int:
        """Return how many records fit into one statement with so many parameters each."""
        return max(1, min(self.key_chunk, self.parameter_limit // max(1, parameters_each)))

    def key_in(self, columns: Sequence[Column], keys: Sequence[Sequence[Any]]) -> Element:
        """Return the condition that a row has one of these keys."""
        if len(columns) == 1:
            (only,) = columns
            return self.column(only.name).in_([self.bound(only, key[0]) for key in keys])
        if self.has_row_values:
            names = sa.tuple_(*(self.column(column.name) for column in columns))
            return names.in_(
                [
                    sa.tuple_(*(self.bound(c, v) for c, v in zip(columns, key, strict=True)))
                    for key in keys
                ]
            )
        return sa.or_(
            *(
                sa.and_(
                    *(
                        self.column(c.name) == self.bound(c, v)
                        for c, v in zip(columns, key, strict=True)
                    )
                )
                for key in keys
            )
        )

    def with_keys(
        self, statement: Any, columns: Sequence[Column], keys: Sequence[Sequence[Any]]
    ) -> Statement:
        """Compile a statement for the rows with these keys."""
        filled = self.filled(self.open_ended(statement), columns, keys)
        return filled or self.compile(statement.where(self.key_in(columns, keys)))

    def open_ended(self, statement: Any) -> Statement:
        """Compile a statement with a place for keys: `filled` puts them there, as often as it is wanted.

        SQLAlchemy sees one place instead of a thousand values, which takes it longer than the database takes for
        the rows.
        """
        return self.compile(statement.where(sa.literal_column(KEYS)))

    def filled(
        self, base: Statement, columns: Sequence[Column], keys: Sequence[Sequence[Any]]
    ) -> Statement | None:
        """Return the statement for the rows with these keys; None where `key_in` has to say it."""
        slots = [self._slot(column, keys[0][place]) for place, column in enumerate(columns)]
        flat = [value for key in keys for value in key]
        numbers = [value for value in flat if type(value) is int]
        if None in slots or (numbers and max(*numbers, -min(numbers)) >= LARGE):
            return None
        ready = [slot for slot in slots if slot is not None]
        if len(columns) == 1:
            listed = ", ".join([ready[0].sql] * len(keys))
            condition = f"{self.quote(columns[0].name)} IN ({listed})"
        elif self.has_row_values:
            one = f"({', '.join(slot.sql for slot in ready)})"
            names = ", ".join(self.quote(column.name) for column in columns)
            condition = f"({names}) IN ({', '.join([one] * len(keys))})"
        else:
            pairs = zip(columns, ready, strict=True)
            one = " AND ".join(f"{self.quote(column.name)} = {slot.sql}" for column, slot in pairs)
            condition = f"({' OR '.join([f'({one})'] * len(keys))})"
        is_text = [slot.parameters[0] is True for slot in ready]
        if any(is_text):
            width = len(columns)
            flat = [
                text_of(value, None) if is_text[place % width] else value
                for place, value in enumerate(flat)
            ]
        return base.with_condition(condition, flat)

    def _slot(self, column: Column, sample: Any) -> Statement | None:
        """Return the SQL of one bound value, and whether it travels as text; None where it is neither."""
        mark = column, type(sample)
        if mark in self._slots:
            return self._slots[mark]
        compiled = self.compile(self.bound(column, sample))
        found = None
        if len(compiled.parameters) == 1:
            (sent,) = compiled.parameters
            if type(sent) is type(sample) and sent == sample:
                found = Statement(compiled.sql, (False,))
            elif sent == text_of(sample, None):
                found = Statement(compiled.sql, (True,))
        if type(sample) in (int, str) and (self.encoding is None or type(sample) is int):
            # Else what is sent may depend on the value itself.
            self._slots[mark] = found
        return found

    # --- values ---------------------------------------------------------------------------------

    @abstractmethod
    def captured(self, column: Column) -> Captured:
        """Return how a column is read so that nothing of it is lost."""

    @abstractmethod
    def bound(self, column: Column, value: Any, raw: str | None = None) -> Element:
        """Return a bound value in the column's own type: from `raw` where there is one."""

    def changed(self, column: Column, change: Change) -> Element:
        """Return what an UPDATE sets a column to."""
        if change.value is None and change.raw is None:
            return sa.null()
        return self.bound(column, change.value, change.raw)

    def rounding(self, column: Column) -> timedelta:
        """Return how far a column's own type moves a moment that is written to it."""
        del column
        return timedelta(0)

    def row_version(self, table: Table) -> str | None:
        """Return SQL for a text that no two states of a row share; None where there is none."""
        del table
        return None

    def is_still(self, rows: Rows, table: Table) -> bool:
        """Whether a table is the one that was described, so that row versions and values of then mean the same now."""
        del rows, table
        return True

    @abstractmethod
    def as_text(self, element: Element) -> Element:
        """Cast an expression to text."""

    def with_offset(self, element: Element) -> Element:
        """Return a moment of a column with a zone as a text that tells its offset, where the database's own does not."""
        return element

    # In the bulk face: `name` is a quoted column, `there` the name of the Python type that the driver says.

    def carried_number(self, name: str, there: str, scale: int, *, digits: int, places: int) -> str:
        """Return SQL for a number that arrow-odbc reads right: what is none becomes null.

        `digits` are those that the driver says the column has, 0 where it does not say; `places` are those of them
        behind the point, `scale` those that are wanted. Where `has_nan`, a column that is returned as it stands is
        read as text.
        """
        del digits, places
        return name if there == "str" else f"cast({name} as decimal(38,{scale}))"

    def carried_date(self, name: str, there: str) -> str:
        """Return SQL for a day that no driver stumbles over: what is none becomes null."""
        return name if there == "str" else f"cast({name} as date)"

    def carried_moment(self, name: str, there: str, *, kind: str = "") -> str:
        """Return SQL for a moment, as text in ISO form or as a driver reads it right; `kind` is what `kind_of` tells."""
        del kind
        return name if there == "str" else self.carried_text(name, there)

    def carried_text(self, name: str, there: str, *, digits: int = 0) -> str:
        """Return SQL that makes text of a column, or a whole number with a sign; the bare column where its driver's text will do."""
        del there, digits
        return f"cast({name} as varchar(4000))"

    def is_short(self, wanted: str, *, is_text: bool, there: str) -> bool:
        """Whether a carried column has no text longer than a number, a date or a moment has."""
        del wanted
        return not is_text and there in SHORT_TYPES

    def bytes_in(self, name: str) -> str:
        """Return SQL for the length of a text in bytes, or more."""
        return f"4 * length({name})"

    def is_same(self, one: Element, other: Element) -> Element:
        """Compare so that two NULLs are the same and every byte counts as far as the database can."""
        return one.is_not_distinct_from(other)

    # --- sessions -------------------------------------------------------------------------------

    @abstractmethod
    def session_settings(self, limits: OdbcLimits, *, read_only: bool) -> tuple[str, ...]:
        """Return what is set on the server when a connection is made: time limits, notation, read-only."""

    def connection_extras(self, limits: OdbcLimits, *, bulk: bool) -> Mapping[str, str]:
        """Return what a connection string must hold; `bulk` is for streams of a million rows."""
        del limits, bulk
        return {}

    def after_connect(self, connection: Any) -> None:
        """Set on a new connection of pyodbc what its driver needs."""
        del connection

    def prepare(self, connection: Any, sql: str, parameters: Sequence[Any]) -> None:
        """Set on a connection of pyodbc what this statement needs."""
        del connection, sql, parameters

    # --- the live schema ------------------------------------------------------------------------

    @abstractmethod
    def describe(self, rows: Rows, name: str) -> Table | None:
        """Return a table or view as it stands, None where there is none of that name."""

    # --- for the subclasses ---------------------------------------------------------------------

    @abstractmethod
    def _compiler(self) -> Compiler:
        """Return SQLAlchemy's dialect, with `?` for values."""

    def _schema(self, owner: Sequence[str]) -> str:
        return quoted_name(".".join(owner), quote=True)

    def typed(self, column: Column) -> Captured:
        """Read a column as the driver types it."""
        return Captured((self.column(column.name),), Cell)

    def sql(self, template: str, column: Column) -> Element:
        """Return an expression over one column: `{}` stands for its quoted name."""
        return sa.literal_column(template.format(self.quote(column.name)))

    def named(self, elements: Iterable[Element]) -> list[Element]:
        """Return what is selected under short plain names.

        A driver tells the length of a name in another unit than the name: behind a long or a Chinese one it hands
        over whatever stands in memory, and pyodbc cannot read that, now and then.
        """
        return [element.label(f"c{place}") for place, element in enumerate(elements)]

    def cast(self, value: Any, native: str) -> Element:
        """Return a bound value with a CAST to a native type around it."""
        return sa.cast(plain_bound(value), Native(native))


def plain_bound(value: Any) -> Element:
    """Return a bound value that SQLAlchemy hands through as it stands."""
    return sa.bindparam(None, value, unique=True, type_=sa.types.NullType())


def whole(value: Any) -> int:
    """Return a whole number of exactly this value. Raises `ValueError`."""
    number = int(value)
    if not isinstance(value, int) and number != Decimal(str(value)):
        raise ValueError(value)
    return number


def text_of(value: Any, raw: str | None) -> str:
    """Return the text from which a value is put back."""
    return plain_text(value) if raw is None else raw


def or_null(read: Callable[[str], Cell]) -> Callable[..., Cell]:
    """Make a reader of text that lets NULL through."""

    def reader(text: str | None) -> Cell:
        return Cell(None) if text is None else read(text)

    return reader


__all__ = [
    "Captured",
    "Dialect",
    "Element",
    "Native",
    "Rows",
    "Statement",
]
