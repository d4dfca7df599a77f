"""The live schema against a recipe, by reading only: what fits, what differs, what can be read and done here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from config.recipes import DOCUMENT, DocumentTable, LinesTable
from connectors.contract import ActionSupport, FieldInfo, Kind, SystemCheck, Unsure
from connectors.odbc import facts
from connectors.odbc.closers import closer_notes
from connectors.odbc.document_rows import PERIOD
from connectors.odbc.images import DATABASE
from connectors.odbc.periods import Periods, find_table
from connectors.odbc.spelling import respelled
from connectors.odbc.values import Sort
from core.errors import NotFound
from core.text import N_, Text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from config.expressions import Expression
    from config.recipes import KindRecipe, Recipe
    from connectors.odbc.connection import Database
    from connectors.odbc.recipe_actions import RecipeAction
    from connectors.odbc.values import Column, Table
    from connectors.proving import ProofStanding

_SORTS: Final[Mapping[str, frozenset[Sort]]] = {
    "text": frozenset({Sort.TEXT}),
    "binary": frozenset({Sort.BYTES}),
    "number": frozenset({Sort.DECIMAL, Sort.FLOAT, Sort.INTEGER}),
    "whole": frozenset({Sort.INTEGER, Sort.DECIMAL}),
    "date": frozenset({Sort.DATE, Sort.MOMENT, Sort.ZONED}),
    "time": frozenset({Sort.TIME}),
    "moment": frozenset({Sort.MOMENT, Sort.ZONED, Sort.DATE}),
    "flag": frozenset({Sort.BOOLEAN, Sort.INTEGER, Sort.DECIMAL}),
    "row_version": frozenset({Sort.BYTES, Sort.OTHER}),
}
"""Which live columns a word of a recipe may meet."""

_SIZED: Final = re.compile(r"(\w+)(?:\((\d+)\))?")


@dataclass(frozen=True, slots=True)
class LiveKind:
    """One kind as it stands here: its live tables by place, and everything that differs from the recipe."""

    name: str
    rules: KindRecipe
    tables: Mapping[str, Table]
    lookups: Mapping[tuple[str, str], Table]  # by place and lookup
    shown: Mapping[str, Mapping[str, Expression]]  # canonical columns that can be read, by place
    differences: tuple[Text, ...] = ()
    blocking: tuple[Text, ...] = ()  # of the differences, those without which nothing may be done

    @property
    def is_readable(self) -> bool:
        """Whether documents of the kind can be listed at all."""
        return DOCUMENT in self.tables and not self.missing_base

    @property
    def missing_base(self) -> bool:
        """Whether the document's own key or number is not there."""
        live = self.tables.get(DOCUMENT)
        table = self.rules.document
        return live is None or not {*table.key, *table.number} <= live.columns.keys()


@dataclass(frozen=True, slots=True)
class Target:
    """What was found out about one database."""

    recipe: Recipe
    book: str
    kinds: Mapping[str, LiveKind]
    triggers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    notes: tuple[Text, ...] = ()


def look(database: Database, recipe: Recipe) -> Target:
    """Compare every table and column that the recipe names with what is there."""
    kinds = {name: _look_at(database, name, rules) for name, rules in recipe.kinds.items()}
    return Target(recipe, database.name, kinds)


def _look_at(database: Database, name: str, rules: KindRecipe) -> LiveKind:
    differences: list[Text] = []
    blocking: list[Text] = []
    tables = {
        place: live
        for place in rules.places()
        if (live := find_table(database, rules.table_of(place).table)) is not None
    }
    blocking += [
        Text(
            N_("{kind}: table {table} is missing"),
            {"kind": name, "table": rules.table_of(place).table},
        )
        for place in rules.places()
        if place not in tables
    ]
    lookups = {
        (place, alias): found
        for place in tables
        for alias, lookup in getattr(rules.table_of(place), "lookups", {}).items()
        if (found := find_table(database, lookup.table)) is not None
    }
    rules = respelled(rules, tables, lookups)
    lookups = {
        (place, alias): found
        for (place, alias), found in lookups.items()
        if getattr(rules.table_of(place), "lookups", {})[alias].on.keys() <= found.columns.keys()
    }
    shown: dict[str, dict[str, Expression]] = {}
    for place, live in tables.items():
        wanted = rules.table_of(place)
        blocking += _missing(name, live, rules.needed(place))
        differences += _types(name, live, wanted.types)
        if not isinstance(wanted, DocumentTable | LinesTable):
            continue
        shown[place] = {}
        for column, expression in wanted.columns.items():
            lacks = [*_lacks(expression, place, tables, lookups, live)]
            if lacks:
                differences.append(
                    Text(
                        N_("{kind}: {column} stays empty, for {missing} is missing"),
                        {"kind": name, "column": column, "missing": ", ".join(lacks)},
                    )
                )
            else:
                shown[place][column] = expression
    return LiveKind(name, rules, tables, lookups, shown, (*blocking, *differences), tuple(blocking))


def _missing(kind: str, live: Table, names: Iterable[str]) -> list[Text]:
    return [
        Text(
            N_("{kind}: column {table}.{column} is missing"),
            {"kind": kind, "table": live.name, "column": column},
        )
        for column in sorted(set(names) - live.columns.keys())
    ]


def _types(kind: str, live: Table, types: Mapping[str, str]) -> Iterator[Text]:
    for name, wanted in types.items():
        column = live.columns.get(name)
        if column is None or fits(column, wanted):
            continue
        yield Text(
            N_("{kind}: column {table}.{column} is {found}, and the recipe says {wanted}"),
            {
                "kind": kind,
                "table": live.name,
                "column": name,
                "found": column.type,
                "wanted": wanted,
            },
        )


def fits(column: Column, wanted: str) -> bool:
    """Whether a live column holds what the recipe's word says, and is as long."""
    found = _SIZED.fullmatch(wanted)
    if found is None or column.sort is Sort.ANY:
        return True
    size = int(found[2]) if found[2] else None
    is_long_enough = (
        size is None or column.size is None or column.size in (-1, 0) or column.size >= size
    )
    return column.sort in _SORTS[found[1]] and is_long_enough


def _lacks(
    expression: Expression,
    place: str,
    tables: Mapping[str, Table],
    lookups: Mapping[tuple[str, str], Table],
    live: Table,
) -> Iterator[str]:
    for name in sorted(expression.columns() - live.columns.keys()):
        yield f"{live.name}.{name}"
    for alias, name in sorted(expression.lookups()):
        found = lookups.get((place, alias))
        if found is None or name not in found.columns:
            yield f"{alias}.{name}"
    for over, names in expression.places().items():
        there = tables.get(over)
        for name in sorted(names - (there.columns.keys() if there is not None else set())):
            yield f"{over}.{name}"


# --- what people are told -----------------------------------------------------------------------------


def check(
    database: Database,
    target: Target,
    actions: Mapping[str, RecipeAction],
    *,
    proof: ProofStanding | None,
    refusal: Text | None,
) -> SystemCheck:
    """Return what `storno systems check` shows."""
    kinds = [kind for kind in target.kinds.values() if kind.is_readable]
    limits = [difference for kind in target.kinds.values() for difference in kind.blocking]
    return SystemCheck(
        product=target.recipe.erp,
        version="",
        target=f"{database.dialect.product} {database.version()}",
        transport="ODBC",
        acting_as=_shown_as(target, actions),
        sees_everything=not limits,
        limits=tuple(limits),
        kinds=tuple(Kind(kind.name) for kind in kinds if kind.name in set(Kind)),
        actions=tuple(_support(action, target) for action in actions.values()),
        notes=tuple(_notes(database, target, actions, refusal)),
        to_check=tuple(
            Unsure(path, Text(what) if what else None) for path, what in target.recipe.unsure()
        ),
        proof=proof,
        backup=facts.last_backup(database),
    )


def _shown_as(target: Target, actions: Mapping[str, RecipeAction]) -> str:
    """Return whose name a close leaves in the ERP; nothing where its tables keep none."""
    pen = next((action.pen for action in actions.values()), None)
    if target.recipe.closer is None or pen is None:
        return ""
    return pen.closer or ""


def _support(action: RecipeAction, target: Target) -> ActionSupport:
    kind = target.kinds[str(action.kind)]
    note: Text | None = None
    if kind.blocking:
        note = Text(N_("the tables differ from the recipe: {what}"), {"what": kind.blocking[0]})
    elif action.pen.refusal is not None:
        note = action.pen.refusal
    return ActionSupport(
        action.name,
        is_available=not kind.blocking,
        reversibility=action.reversibility,
        is_atomic_batch=action.is_atomic_batch,
        has_compare_and_set=action.has_compare_and_set,
        note=note,
    )


def _notes(
    database: Database,
    target: Target,
    actions: Mapping[str, RecipeAction],
    refusal: Text | None,
) -> Iterator[Text]:
    recipe = target.recipe
    yield Text(
        N_("recipe {name}, version {version}"), {"name": recipe.name, "version": recipe.version}
    )
    yield _book(target)
    if not database.dialect.is_proved:
        yield Text(
            N_("{product} is unproven: Storno was tested on PostgreSQL, MariaDB and SQLite"),
            {"product": database.dialect.product},
        )
    if recipe.forbidden is not None:
        yield Text(
            N_("writing by SQL is forbidden here: {reason}; instead: {instead}"),
            {
                "reason": Text(recipe.forbidden.reason),
                "instead": Text(recipe.forbidden.instead),
            },
        )
    elif refusal is not None:
        yield refusal
    for kind in target.kinds.values():
        yield from (each for each in kind.differences if each not in kind.blocking)
    yield from closer_notes(actions)
    yield from _triggers(database, target)
    for name, period in recipe.periods.items():
        if Periods(database, recipe).rows(name) is None:
            yield Text(
                N_("the period {name} cannot be read ({table}): closed periods are not noticed"),
                {"name": name, "table": period.table},
            )
    for note in recipe.notes:
        yield Text(note)


def _book(target: Target) -> Text:
    pattern = target.recipe.book.database if target.recipe.book is not None else None
    found = re.search(pattern, target.book) if pattern is not None else None
    if pattern is None:
        return Text(N_("database {database}"), {"database": target.book})
    if found is None:
        return Text(
            N_("database {database}: its name does not say the set of books"),
            {"database": target.book},
        )
    parts = found.groupdict()
    return Text(
        N_("database {database}: set of books {book}, year {year}"),
        {"database": target.book, "book": parts["book"], "year": parts.get("year") or "-"},
    )


def _triggers(database: Database, target: Target) -> Iterator[Text]:
    written = {
        live.name
        for kind in target.kinds.values()
        if kind.rules.close is not None
        for place, live in kind.tables.items()
        if place in ("document", "lines")
    }
    for table in sorted(written):
        yield from facts.trigger_notes(database, table)


def schema_of(target: Target, model: str) -> Mapping[str, FieldInfo]:
    """Return the fields of a live table. Raises `NotFound`."""
    for kind in target.kinds.values():
        for place, live in kind.tables.items():
            if kind.rules.table_of(place).table == model:
                return {
                    **_pseudo(kind, place),
                    **{c.name: _field(c) for c in live.columns.values()},
                }
    raise NotFound(what="model", name=model)


_FIELD_TYPES: Final[Mapping[Sort, str]] = {
    Sort.INTEGER: "int",
    Sort.DECIMAL: "Decimal",
    Sort.FLOAT: "Decimal",
    Sort.BYTES: "bytes",
    Sort.BOOLEAN: "bool",
    Sort.DATE: "date",
    Sort.ZONED: "datetime",
    Sort.TIME: "time",
    Sort.ANY: "any",
}


def _field(column: Column) -> FieldInfo:
    return FieldInfo(
        column.name,
        _FIELD_TYPES.get(column.sort, "str"),
        is_stored=True,
        is_readonly=column.is_generated,
    )


def _pseudo(kind: LiveKind, place: str) -> dict[str, FieldInfo]:
    names: Sequence[str] = (DATABASE, PERIOD) if place == DOCUMENT else (DATABASE,)
    del kind
    return {name: FieldInfo(name, "str", is_stored=False, is_readonly=True) for name in names}
