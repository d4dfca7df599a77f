"""The one SELECT of a kind: canonical columns worked out by the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.sql.elements import quoted_name

from config import expressions
from config.recipes import DOCUMENT, LINES
from connectors.columns import DOCUMENT_COLUMNS, LINE_COLUMNS
from connectors.contract import Criteria
from connectors.odbc.formulas_sql import Scope, joined, sql_of
from connectors.odbc.lookup import may_stand
from connectors.odbc.values import Sort, is_fixed, key_values
from core.errors import BadInput, NotFound
from core.text import N_

if TYPE_CHECKING:
    from sqlalchemy.sql.expression import FromClause, Select, TableClause

    from config.expressions import Expression
    from connectors.odbc.dialects import Dialect, Element
    from connectors.odbc.target import LiveKind
    from connectors.odbc.values import Column, Table

_SUMS: Final = {
    "ordered_quantity": "quantity",
    "received_quantity": "received_quantity",
    "invoiced_quantity": "invoiced_quantity",
}


class Question:
    """Builds the SELECT of one kind."""

    def __init__(self, dialect: Dialect, kind: LiveKind) -> None:
        self._dialect = dialect
        self._kind = kind
        self._rules = kind.rules
        self._document = self._table(DOCUMENT).alias("d")

    def documents(self, criteria: Criteria) -> Select[Any]:
        """Return the SELECT of documents."""
        shown = self._kind.shown[DOCUMENT]
        scope, source = self._joined(DOCUMENT, self._document, shown.values())
        found: dict[str, Element] = {
            name: self._shown(DOCUMENT, each, scope) for name, each in shown.items()
        }
        source = self._with_sums(source, found)
        values = {
            "kind": _word(self._kind.name),
            "model": _word(self._rules.document.table),
            "key": self._key(DOCUMENT, self._document),
            "number": self._number(),
            **found,
        }
        flag = self._closed(scope)
        if flag is not None:
            values["is_closed"] = flag
        native = self._native(criteria, DOCUMENT, self._document)
        columns = _filled(self._dialect, DOCUMENT_COLUMNS, values) + native
        return self._filtered(sa.select(*columns).select_from(source), criteria, scope)

    def lines(self, criteria: Criteria) -> Select[Any]:
        """Return the SELECT of lines, with the number of each one's document."""
        table = self._table(LINES).alias("l")
        shown = self._kind.shown[LINES]
        line_scope, source = self._joined(LINES, table, shown.values())
        link = self._rules.lines.link if self._rules.lines is not None else {}
        on = sa.and_(*(table.c[own] == self._document.c[other] for own, other in link.items()))
        source = source.join(self._document, on)
        found: dict[str, Element] = {
            name: self._shown(LINES, each, line_scope) for name, each in shown.items()
        }
        if "remaining_quantity" not in found:
            remaining = _remaining(found)
            if remaining is not None:
                found["remaining_quantity"] = remaining
        values = {
            "kind": _word(self._kind.name),
            "document_key": self._key(DOCUMENT, self._document),
            "number": self._number(),
            "model": _word(self._rules.table_of(LINES).table),
            "key": self._key(LINES, table),
            **found,
        }
        native = self._native(criteria, LINES, table)
        columns = _filled(self._dialect, LINE_COLUMNS, values) + native
        scope = Scope(self._dialect, self._document, {}, self._rows)
        return self._filtered(sa.select(*columns).select_from(source), criteria, scope)

    # --- parts of it ------------------------------------------------------------------------------

    def _shown(self, place: str, expression: Expression, scope: Scope) -> Element:
        """Return what is shown; a moment of a column with a zone tells its own."""
        found = sql_of(expression, scope)
        match expression.node:
            case expressions.Column(name, None):
                column = self._kind.tables[place].columns.get(name)
            case expressions.Column(name, alias):
                live = self._kind.lookups.get((place, str(alias)))
                column = None if live is None else live.columns.get(name)
            case _:
                return found
        is_zoned = column is not None and column.sort is Sort.ZONED
        return self._dialect.with_offset(found) if is_zoned else found

    def _table(self, place: str) -> FromClause:
        live = self._kind.tables[place]
        return _typed_table(self._dialect, live)

    def _joined(self, place: str, table: FromClause, shown: Any) -> tuple[Scope, Any]:
        """Join the lookups that expressions name, and only those."""
        named = {alias for each in shown for alias, _ in each.lookups()}
        wanted = getattr(self._rules.table_of(place), "lookups", {})
        lookups: dict[str, FromClause] = {}
        source: Any = table
        for number, (alias, lookup) in enumerate(wanted.items()):
            live = self._kind.lookups.get((place, alias))
            if live is None or alias not in named:
                continue
            joined = _typed_table(self._dialect, live).alias(f"{place[0]}{number}")
            lookups[alias] = joined
            on = (
                self._same_key(
                    live.columns[own], joined, self._kind.tables[place].columns[other], table
                )
                for own, other in lookup.on.items()
            )
            source = source.outerjoin(joined, sa.and_(*on))
        return Scope(self._dialect, table, lookups, self._rows), source

    def _same_key(
        self, own: Column, joined_table: FromClause, other: Column, table: FromClause
    ) -> Element:
        """Return that two columns hold the same key; only SQLite minds the blanks of a CHAR column."""
        one, two = joined_table.c[own.name], table.c[other.name]
        if self._dialect.name == "sqlite" and is_fixed(own) != is_fixed(other):
            return sa.func.rtrim(one) == sa.func.rtrim(two)
        return one == two

    def _rows(self, place: str) -> tuple[FromClause, Element]:
        """Return the rows of a place that belong to the document at hand."""
        table = self._table(place).alias(f"x_{place}")
        link = getattr(self._rules.table_of(place), "link", {})
        return table, sa.and_(
            *(table.c[own] == self._document.c[other] for own, other in link.items())
        )

    def _with_sums(self, source: Any, found: dict[str, Element]) -> Any:
        """Join the sums over the lines, where the document does not tell itself."""
        shown = self._kind.shown.get(LINES, {})
        table = self._table(LINES).alias("s") if shown else None
        if table is None or self._rules.lines is None or "quantity" not in shown:
            return source
        scope = Scope(self._dialect, table)
        bare = {n: sql_of(e, scope) for n, e in shown.items() if not e.lookups()}
        sums: dict[str, Element] = {
            name: sa.func.sum(bare[of]) for name, of in _SUMS.items() if of in bare
        }
        remaining = bare.get("remaining_quantity", _remaining(bare))
        if remaining is not None:
            sums["remaining_quantity"] = sa.func.sum(remaining)
            if "unit_price" in bare:
                price = sa.type_coerce(bare["unit_price"], sa.types.NullType())
                sums["remaining_amount"] = sa.func.sum(
                    sa.type_coerce(remaining, sa.types.NullType()).op("*")(price)
                )
        if "due" in bare:
            sums["due"] = sa.func.min(bare["due"])
        sums = {name: each for name, each in sums.items() if name not in found}
        link = self._rules.lines.link
        grouped = (
            sa.select(
                *(
                    table.c[own].label(quoted_name(f"k{i}", quote=True))
                    for i, own in enumerate(link)
                ),
                *(each.label(quoted_name(name, quote=True)) for name, each in sums.items()),
            )
            .select_from(table)
            .group_by(*(table.c[own] for own in link))
            .subquery("t")
        )
        found |= {name: grouped.c[name] for name in sums}
        on = sa.and_(
            *(
                grouped.c[f"k{i}"] == self._document.c[other]
                for i, other in enumerate(link.values())
            )
        )
        return source.outerjoin(grouped, on)

    def _closed(self, scope: Scope) -> Element | None:
        """Return 1 for what is closed and 0 for the rest, None where that cannot be asked here."""
        closed = self._rules.closed
        tables = self._kind.tables
        if closed is None or not closed.document.columns() <= tables[DOCUMENT].columns.keys():
            return None
        for over, names in closed.document.places().items():
            if over not in tables or not names <= tables[over].columns.keys():
                return None
        return sa.case((sql_of(closed.document, scope), _digit(1)), else_=_digit(0))

    def _key(self, place: str, table: FromClause) -> Element:
        live = self._kind.tables[place]
        return self._joined_text(
            [live.columns[n] for n in self._rules.table_of(place).key], table, "|"
        )

    def _number(self) -> Element:
        live = self._kind.tables[DOCUMENT]
        columns = [live.columns[name] for name in self._rules.document.number]
        # Nobody types or sees blanks at the end of a number.
        texts = [
            sa.func.rtrim(self._dialect.as_text(self._document.c[column.name]), type_=sa.String())
            for column in columns
        ]
        return _concat(texts, self._rules.document.separator)

    def _joined_text(self, columns: Sequence[Column], table: FromClause, between: str) -> Element:
        return _concat([self._exact_text(column, table) for column in columns], between)

    def _exact_text(self, column: Column, table: FromClause) -> Element:
        """Return a column as text with the blanks at its end that an image has."""
        element = self._dialect.as_text(table.c[column.name])
        if (
            self._dialect.name == "postgresql"
            and column.type.startswith("character(")
            and column.size
        ):
            return sa.func.rpad(element, column.size, type_=sa.String())
        return element

    def _native(self, criteria: Criteria, place: str, table: FromClause) -> list[Element]:
        live = self._kind.tables[place]
        for name in criteria.native:
            if name not in live.columns:
                raise NotFound(
                    N_("The table {table} has no column {name}."),
                    what="column",
                    name=name,
                    table=live.name,
                )
        return [
            self._dialect.as_text(table.c[name]).label(quoted_name(f"native.{name}", quote=True))
            for name in criteria.native
        ]

    def _filtered(self, select: Select[Any], criteria: Criteria, scope: Scope) -> Select[Any]:
        document = self._rules.document
        live = self._kind.tables[DOCUMENT]
        if document.only is not None:
            select = select.where(sql_of(document.only, scope))
        if criteria.is_closed is not None:
            flag = self._closed(scope)
            # Where nobody can tell, nothing is closed and nothing is open.
            is_wanted = (
                _digit(0) == _digit(1) if flag is None else flag == _digit(int(criteria.is_closed))
            )
            select = select.where(is_wanted)
        if criteria.keys is not None:
            columns = [live.columns[name] for name in document.key]
            select = select.where(
                self._among(columns, [self._typed_key(columns, k) for k in criteria.keys])
            )
        return select

    def _typed_key(self, columns: Sequence[Column], key: str) -> tuple[Any, ...] | None:
        """Return the parts of a key; None for what can be no key here."""
        try:
            parts = key_values(columns, key)
        except BadInput:
            return None
        is_there = all(
            may_stand(self._dialect, column, part)
            for column, part in zip(columns, parts, strict=True)
        )
        return parts if is_there else None

    def _among(self, columns: Sequence[Column], values: Sequence[Sequence[Any] | None]) -> Element:
        known = [each for each in values if each is not None]
        if not known:
            return _digit(1) == _digit(0)
        return sa.or_(
            *(
                sa.and_(
                    *(
                        self._document.c[c.name] == self._dialect.bound(c, v)
                        for c, v in zip(columns, each, strict=True)
                    )
                )
                for each in known
            )
        )


def _typed_table(dialect: Dialect, live: Table) -> TableClause:
    texts = {name for name, column in live.columns.items() if column.sort is Sort.TEXT}
    return dialect.table(live.name, *live.columns, texts=texts)


def _remaining(found: Mapping[str, Element]) -> Element | None:
    """Return quantity minus received, never below zero."""
    if "quantity" not in found or "received_quantity" not in found:
        return None
    quantity = sa.type_coerce(found["quantity"], sa.types.NullType())
    left = quantity.op("-")(sa.type_coerce(found["received_quantity"], sa.types.NullType()))
    return sa.case((left > _digit(0), left), else_=_digit(0))


_DATES_AS_TEXT: Final = frozenset({"mariadb", "postgresql", "sqlite"})
"""Where a day such as 2024-00-00 or infinity may stand, which no driver hands over as it is."""


def _filled(
    dialect: Dialect,
    columns: Sequence[tuple[str, pa.DataType, str]],
    values: Mapping[str, Element],
) -> list[Element]:
    found: list[Element] = []
    for name, kind, _ in columns:
        value = values.get(name, sa.null())
        is_date = pa.types.is_date(kind) or pa.types.is_timestamp(kind)
        if is_date and name in values and dialect.name in _DATES_AS_TEXT:
            value = dialect.as_text(value)
        found.append(value.label(quoted_name(name, quote=True)))
    return found


def _concat(texts: Sequence[Element], between: str) -> Element:
    parts = [texts[0]]
    for each in texts[1:]:
        parts += [_word(between), each]
    return joined(parts)


def _word(word: str) -> Element:
    return sa.literal(word, sa.String())


def _digit(number: int) -> Element:
    return sa.literal_column(str(number))
