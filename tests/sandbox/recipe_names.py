"""Every table and column that a shipped recipe stands on."""

from __future__ import annotations

from collections.abc import Iterator

from config.recipes import Recipe


def named(recipe: Recipe) -> Iterator[tuple[str, str]]:
    for kind in recipe.kinds.values():
        for place in kind.places():
            table = kind.table_of(place)
            yield from ((table.table, column) for column in kind.needed(place))
            yield from ((table.table, column) for column in table.types)
            for expression in kind.shown(place).values():
                yield from ((table.table, column) for column in expression.columns())
            for lookup in getattr(table, "lookups", {}).values():
                yield from ((lookup.table, column) for column in lookup.on)
    for period in recipe.periods.values():
        yield from ((period.table, column) for column in period.types)
