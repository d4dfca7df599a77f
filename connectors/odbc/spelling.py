"""Names as the live database spells them.

SQL Server takes PO_POMAIN for PO_Pomain and keeps either; Oracle made pmn16 into PMN16 long ago. Identifiers are always
quoted, so a recipe is spelled anew where the live schema differs in case alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from config.expressions import Case, Column, Expression, Function, Node, Operation, Over
from config.recipes import (
    DOCUMENT,
    LINES,
    DocumentTable,
    KindRecipe,
    LinesTable,
    RelatedTable,
    Table,
)

if TYPE_CHECKING:
    from connectors.odbc import values

Names = Mapping[str, str]
"""What the recipe says, and how it is spelled here; only where the two differ."""


def spelled(names: frozenset[str] | set[str], live: values.Table) -> dict[str, str]:
    """Return the names that the live table has in another case."""
    there = {name.casefold(): name for name in live.columns}
    return {
        name: there[name.casefold()]
        for name in names
        if name not in live.columns and name.casefold() in there
    }


def every_name(names: frozenset[str] | set[str], live: values.Table) -> dict[str, str] | None:
    """Return how the live table spells each of these names; None where it lacks one."""
    here = {name: name for name in names} | spelled(names, live)
    return here if set(here.values()) <= live.columns.keys() else None


def respelled(
    rules: KindRecipe,
    tables: Mapping[str, values.Table],
    lookups: Mapping[tuple[str, str], values.Table],
) -> KindRecipe:
    """Return a kind of a recipe with every name as the live tables have it."""
    names = {place: spelled(_named(rules, place), live) for place, live in tables.items()}
    others = {key: spelled(_looked_up(rules, *key), live) for key, live in lookups.items()}
    tables_differ = any(rules.table_of(p).table != live.name for p, live in tables.items())
    if not tables_differ and not any(names.values()) and not any(others.values()):
        return rules
    return _Speller(rules, tables, names, others).rules()


def _named(rules: KindRecipe, place: str) -> set[str]:
    table = rules.table_of(place)
    shown = {name for each in rules.shown(place).values() for name in each.columns()}
    linked = {
        name for lookup in getattr(table, "lookups", {}).values() for name in lookup.on.values()
    }
    inside = {
        name for each in rules.shown(DOCUMENT).values() for name in each.places().get(place, ())
    }
    return {*rules.needed(place), *table.types, *table.labels, *shown, *linked, *inside}


def _looked_up(rules: KindRecipe, place: str, alias: str) -> set[str]:
    lookup = getattr(rules.table_of(place), "lookups", {})[alias]
    used = {n for each in rules.shown(place).values() for a, n in each.lookups() if a == alias}
    return {*lookup.on, *used}


class _Speller:
    def __init__(
        self,
        rules: KindRecipe,
        tables: Mapping[str, values.Table],
        names: Mapping[str, Names],
        others: Mapping[tuple[str, str], Names],
    ) -> None:
        self._rules = rules
        self._tables = tables
        self._names = names
        self._others = others

    def rules(self) -> KindRecipe:
        """Return the whole kind, spelled anew."""
        rules = self._rules
        update: dict[str, Any] = {
            "document": self._table(DOCUMENT, rules.document),
            "lines": None if rules.lines is None else self._table(LINES, rules.lines),
            "related": {name: self._table(name, each) for name, each in rules.related.items()},
            "problems": tuple(
                each.model_copy(update={"when": self._spell(each.when, each.of)})
                for each in rules.problems
            ),
            "later": tuple(
                each.model_copy(
                    update={
                        "changed": tuple(self._name(each.of, name) for name in each.changed),
                        "appears": None
                        if each.appears is None
                        else self._spell(each.appears, each.of),
                    }
                )
                for each in rules.later
            ),
            "recomputed": self._written(rules.recomputed),
        }
        if rules.closed is not None:
            line = rules.closed.line
            update["closed"] = rules.closed.model_copy(
                update={
                    "document": self._spell(rules.closed.document, DOCUMENT),
                    "line": None if line is None else self._spell(line, LINES),
                }
            )
        for verb in ("close", "reopen"):
            rule = getattr(rules, verb)
            if rule is not None:
                where = rule.lines_where
                spelt = None if where is None else self._spell(where, LINES)
                update[verb] = self._written(rule).model_copy(update={"lines_where": spelt})
        return rules.model_copy(update=update)

    def _written(self, rule: Any) -> Any:
        return rule.model_copy(
            update={
                place: {
                    self._name(place, name): self._spell(each, place)
                    for name, each in getattr(rule, place).items()
                }
                for place in (LINES, DOCUMENT)
            }
        )

    def _table(self, place: str, table: Table) -> Table:
        live = self._tables.get(place)
        update: dict[str, Any] = {
            "table": table.table if live is None else live.name,
            "key": tuple(self._name(place, name) for name in table.key),
            "only": None if table.only is None else self._spell(table.only, place),
            "row_version": None
            if table.row_version is None
            else self._name(place, table.row_version),
            "advances": {
                self._name(place, name): self._spell(each, place)
                for name, each in table.advances.items()
            },
            "types": {self._name(place, name): each for name, each in table.types.items()},
            "labels": {self._name(place, name): each for name, each in table.labels.items()},
        }
        if isinstance(table, DocumentTable):
            update["number"] = tuple(self._name(place, name) for name in table.number)
        if isinstance(table, LinesTable | RelatedTable):
            owner = table.of if isinstance(table, RelatedTable) else DOCUMENT
            update["link"] = {
                self._name(place, own): self._name(owner, other)
                for own, other in table.link.items()
            }
        if isinstance(table, RelatedTable):
            update["columns"] = tuple(self._name(place, name) for name in table.columns)
        if isinstance(table, DocumentTable | LinesTable):
            update["columns"] = {
                name: self._spell(each, place) for name, each in table.columns.items()
            }
            update["lookups"] = {
                alias: lookup.model_copy(
                    update={
                        "on": {
                            self._others.get((place, alias), {}).get(own, own): self._name(
                                place, other
                            )
                            for own, other in lookup.on.items()
                        }
                    }
                )
                for alias, lookup in table.lookups.items()
            }
        return table.model_copy(update=update)

    def _name(self, place: str, name: str) -> str:
        return self._names.get(place, {}).get(name, name)

    def _spell(self, expression: Expression, place: str) -> Expression:
        return Expression(expression.written, self._node(expression.node, place))

    def _node(self, node: Node, place: str) -> Node:
        match node:
            case Column(name, None):
                return Column(self._name(place, name))
            case Column(name, alias):
                return Column(self._others.get((place, str(alias)), {}).get(name, name), alias)
            case Operation(operator, operands):
                return Operation(operator, tuple(self._node(each, place) for each in operands))
            case Function(name, arguments):
                return Function(name, tuple(self._node(each, place) for each in arguments))
            case Case(branches, otherwise):
                return Case(
                    tuple((self._node(w, place), self._node(t, place)) for w, t in branches),
                    self._node(otherwise, place),
                )
            case Over(name, over, body):
                return Over(name, over, self._node(body, over))
            case _:
                return node
