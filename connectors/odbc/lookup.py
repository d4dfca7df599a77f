"""Finding documents by their numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from config.recipes import DOCUMENT
from connectors.contract import Ref
from connectors.odbc.formulas_sql import Scope, sql_of
from connectors.odbc.images import Images
from connectors.odbc.recipe_judging import joined_number
from connectors.odbc.values import Sort, is_fixed, key_text, key_values
from core.errors import BadInput

if TYPE_CHECKING:
    from config.recipes import KindRecipe
    from connectors.odbc.connection import Database
    from connectors.odbc.dialects import Dialect, Element
    from connectors.odbc.target import LiveKind
    from connectors.odbc.values import Column


def find(
    database: Database, kind: LiveKind, numbers: Sequence[str]
) -> Mapping[str, tuple[Ref, ...]]:
    """Return the documents of each number."""
    rules, live = kind.rules, kind.tables[DOCUMENT]
    columns = [live.columns[name] for name in rules.document.number]
    stripped = {number: number.rstrip(" ") for number in numbers}
    found: dict[str, set[Ref]] = {number: set() for number in stripped.values()}
    can_hold = partial(may_stand, database.dialect)
    wanted = [
        parts
        for number in found
        if (parts := number_parts(rules, columns, number)) and all(map(can_hold, columns, parts))
    ]
    chunk = database.dialect.chunk(len(columns))
    with database.reading() as session:
        question = _Question(kind, Images(session), database.dialect)
        for start in range(0, len(wanted), chunk):
            condition = database.dialect.key_in(columns, wanted[start : start + chunk])
            question.ask(condition, found)
        missing = [number for number, refs in found.items() if not refs]
        if missing and _may_end_in_blanks(columns):
            (column,) = columns
            missing = [number for number in missing if can_hold(column, number)]
            short = sa.func.rtrim(database.dialect.column(column.name), type_=sa.String())
            for start in range(0, len(missing), chunk):
                part = missing[start : start + chunk]
                values = [database.dialect.bound(column, number) for number in part]
                question.ask(short.in_(values), found)
    return {number: tuple(sorted(found[stripped[number]])) for number in numbers}


def _may_end_in_blanks(columns: Sequence[Column]) -> bool:
    """Whether a number may stand there with blanks that its column does not fill up by itself."""
    if len(columns) != 1:
        return False
    (column,) = columns
    return column.sort in (Sort.TEXT, Sort.ANY) and not is_fixed(column)


def may_stand(dialect: Dialect, column: Column, value: Any) -> bool:
    """Whether a value can stand in a column at all: what nobody can write down there is in no row."""
    try:
        if isinstance(value, str):
            value.encode()
        dialect.bound(column, value)
    except ValueError:
        return False
    return True


class _Question:
    """Asks for documents, and puts each under the number by which it was asked for."""

    def __init__(self, kind: LiveKind, images: Images, dialect: Dialect) -> None:
        self._kind, self._images, self._dialect = kind, images, dialect

    def ask(self, condition: Element, found: Mapping[str, set[Ref]]) -> None:
        document = self._kind.rules.document
        if document.only is not None:
            scope = Scope(self._dialect, _Bare(self._dialect))
            condition = sa.and_(condition, sql_of(document.only, scope))
        live = self._kind.tables[DOCUMENT]
        for row in self._images.where(live.name, document.key, document.number, condition):
            number = joined_number(self._kind.rules, row.fields)
            if number in found:
                found[number].add(Ref(document.table, row.key))


def number_parts(
    rules: KindRecipe, columns: Sequence[Column], number: str
) -> tuple[Any, ...] | None:
    """Return a number's parts, typed for their columns; None for what can be no number here."""
    count = len(columns)
    parts = [number] if count == 1 else number.split(rules.document.separator)
    if len(parts) != count or not all(parts):
        return None
    # A column of fixed length fills up with blanks, and not every database minds them.
    padded = [
        part.ljust(column.size or 0) if is_fixed(column) else part
        for column, part in zip(columns, parts, strict=True)
    ]
    try:
        return key_values(columns, key_text(padded))
    except BadInput:
        return None


class _Bare:
    """A row whose columns are named without their table."""

    def __init__(self, dialect: Dialect) -> None:
        self.c = _BareColumns(dialect)


class _BareColumns:
    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect

    def __getitem__(self, name: str) -> Element:
        return self._dialect.column(name)
