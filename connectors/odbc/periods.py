"""Whether the ERP's period for a document's date is closed. Read only, always."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

import sqlalchemy as sa

from connectors.odbc.document_rows import PERIOD
from connectors.odbc.formulas import NOTHING, Row, Sight, holds, ready, value_of
from connectors.odbc.formulas_sql import restricted
from connectors.odbc.pages import came
from connectors.odbc.shapes import Plan
from connectors.odbc.spelling import every_name
from core.encoding import Value
from core.errors import AccessDenied, BadAnswer, NotFound

if TYPE_CHECKING:
    from config.expressions import Expression
    from config.recipes import Period, Recipe
    from connectors.odbc.connection import Database
    from connectors.odbc.dialects import Statement
    from connectors.odbc.values import Table


class Periods:
    """The ERP's periods, read once a batch."""

    def __init__(self, database: Database, recipe: Recipe) -> None:
        self._database = database
        self._recipe = recipe
        self._rows: dict[str, tuple[Row, ...] | None] = {}
        self._asked: dict[str, tuple[Statement, Plan, Mapping[str, str]] | None] = {}

    def forget(self) -> None:
        """Read them anew next time."""
        self._rows.clear()

    def forget_tables(self) -> None:
        """Look at their tables anew too."""
        self._rows.clear()
        self._asked.clear()

    def rows(self, name: str) -> tuple[Row, ...] | None:
        """Return the rows that tell about a period; None where they cannot be read."""
        if name not in self._rows:
            self._rows[name] = self._read(name)
        return self._rows[name]

    def _read(self, name: str) -> tuple[Row, ...] | None:
        if name not in self._asked:
            self._asked[name] = self._question(name)
        asked = self._asked[name]
        if asked is None:
            return None
        statement, plan, here = asked
        with self._database.reading() as session:
            found = session.rows(statement)
        if not found:
            return ()
        # Typed as images are: a float, of which the driver knows, is no number of a recipe.
        values, _ = plan.columns(came(found))
        of = dict(zip(plan.names, values, strict=True))
        return tuple(
            {column: of[own][place] for column, own in here.items()} for place in range(len(found))
        )

    def _question(self, name: str) -> tuple[Statement, Plan, Mapping[str, str]] | None:
        """Return what is asked, how it is read, and the columns by the recipe's names."""
        period = self._recipe.periods[name]
        live = find_table(self._database, period.table)
        columns = sorted(period.columns())
        if live is None:
            return None
        here = every_name(set(columns), live)
        if here is None:
            return None
        dialect = self._database.dialect
        table = dialect.table(live.name, *here.values())
        own = [live.columns[each] for each in dict.fromkeys(here.values())]
        plan = Plan([(column, dialect.captured(column)) for column in own])
        select = sa.select(*dialect.named(plan.elements)).select_from(table)
        select = restricted(select, period.only, table, here, dialect)
        return dialect.compile(select), plan, here


class KindPeriod:
    """The period of one kind's documents, by each one's own date. Dates repeat, so each is looked up once."""

    def __init__(
        self,
        periods: Periods,
        recipe: Recipe,
        name: str | None,
        date_of: Expression | None,
        database: str,
    ) -> None:
        self._periods = periods
        self._recipe = recipe
        self._name = name
        self._date_of = None if date_of is None else ready(date_of)
        self._book_year = _book_year(recipe, database)
        self._states: dict[Value, str | None] = {}
        self._by_month: dict[tuple[int, int], str | None] = {}
        self.is_known = name is not None
        self.columns = frozenset() if date_of is None else date_of.columns()

    def forget(self) -> None:
        """Read the periods anew next time."""
        self._periods.forget()
        self._states.clear()
        self._by_month.clear()

    def add_to(self, document: dict[str, Value]) -> None:
        """Add the state of its period to a document that was read."""
        if self.is_known:
            document[PERIOD] = self.of(document)

    def of(self, document: Row) -> str | None:
        """Return whether the period of a document's own date is open or closed; None where nobody can tell."""
        if self._name is None or self._date_of is None:
            return None
        written = self._date_of(document, NOTHING)
        if written not in self._states:
            self._states[written] = self._state(self._name, written)
        return self._states[written]

    def _state(self, name: str, written: Value) -> str | None:
        rows, day = self._periods.rows(name), day_of(written)
        if rows is None or day is None:
            return None
        period = self._recipe.periods[name]
        if period.until is not None:
            return period_state(period, rows, day, self._book_year)
        month = day.year, day.month
        if month not in self._by_month:
            self._by_month[month] = period_state(period, rows, day, self._book_year)
        return self._by_month[month]


def _book_year(recipe: Recipe, database: str) -> int | None:
    found = re.search(recipe.book.database, database) if recipe.book is not None else None
    year = found.groupdict().get("year") if found is not None else None
    return int(year) if year is not None and year.isdigit() else None


def find_table(database: Database, name: str) -> Table | None:
    """Return a live table; one of another database that lies in this one is found too."""
    last = name.rpartition(".")[2]
    # SQLite takes the last part of a name for the table, and then finds nothing under the whole of it.
    whole = () if database.dialect.name == "sqlite" else (name,)
    for each in dict.fromkeys((*whole, last, last.upper(), last.lower())):
        try:
            return database.table(each)
        except (NotFound, AccessDenied):
            continue
        except BadAnswer:
            # PostgreSQL says so when it is asked for a table of another database.
            if "." not in each:
                raise
    return None


def day_of(value: Value) -> date | None:
    """Return the day that a document's date says, in whatever notation the ERP keeps it."""
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    if not isinstance(value, str):
        return None
    written = value.strip()
    try:
        return date.fromisoformat(written[:8] if written[:8].isdigit() else written[:10])
    except ValueError:
        return None


def period_state(
    period: Period, rows: Sequence[Row], day: date, book_year: int | None
) -> str | None:
    """Return `open` or `closed` for a day, None where the ERP has no period for it."""
    if period.flags is not None:
        flags = period.flags
        for row in rows:
            year = book_year if flags.year is None else _whole(value_of(flags.year, row))
            if (year, _whole(value_of(flags.month, row))) == (day.year, day.month):
                return "closed" if holds(flags.closed, row) else "open"
        return None
    sight = Sight({"rows": rows})
    if period.current is not None:
        year = _whole(value_of(period.current.year, {}, sight))
        month = _whole(value_of(period.current.month, {}, sight))
        if year is None or month is None:
            return None
        return "closed" if (day.year, day.month) < (year, month) else "open"
    if period.until is None:
        return None
    last = day_of(value_of(period.until, {}, sight))
    return "closed" if last is not None and day <= last else "open"


def _whole(value: Value) -> int | None:
    try:
        return None if value is None else int(Decimal(str(value).strip()))
    except InvalidOperation:
        return None
