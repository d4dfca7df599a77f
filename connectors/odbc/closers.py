"""Whose name a close writes: the ERP's own users, how much its columns hold, and what is wrong with a name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

import sqlalchemy as sa

from config.recipes import DOCUMENT, LINES
from connectors.odbc.formulas_sql import restricted
from connectors.odbc.periods import find_table
from connectors.odbc.signing import closer_problems, writes_name
from connectors.odbc.spelling import every_name
from core.errors import StornoError
from core.text import N_, Text

if TYPE_CHECKING:
    from config.recipes import Recipe
    from connectors.odbc.connection import Database
    from connectors.odbc.recipe_actions import RecipeAction
    from connectors.odbc.target import LiveKind


def users_of(database: Database, recipe: Recipe) -> frozenset[str] | None:
    """Return the names that a close may write, None where the ERP's users cannot be read."""
    users = recipe.closer.users if recipe.closer is not None else None
    if users is None:
        return None
    live = find_table(database, users.table)
    if live is None:
        return None
    wanted = {users.name, *(users.only.columns() if users.only is not None else ())}
    here = every_name(wanted, live)
    if here is None:
        return None
    dialect = database.dialect
    table = dialect.table(live.name, *here.values())
    select = sa.select(*dialect.named([table.c[here[users.name]]]))
    select = restricted(select, users.only, table, here, dialect)
    try:
        with database.reading() as session:
            rows = session.rows(dialect.compile(select))
    except StornoError:
        return None
    return frozenset(str(row[0]).rstrip(" ") for row in rows if row[0] is not None)


def longest_of(kinds: Iterable[LiveKind], recipe: Recipe) -> int | None:
    """Return how many characters fit into every column that takes a closer's name; None where nobody can tell."""
    sizes = [recipe.closer.longest] if recipe.closer is not None else []
    for kind in kinds:
        for rule in (kind.rules.close, kind.rules.reopen):
            if rule is None:
                continue
            for place, part in ((DOCUMENT, rule.document), (LINES, rule.lines)):
                live = kind.tables.get(place)
                for name, expression in part.items():
                    column = live.columns.get(name) if live is not None else None
                    if "closer" in expression.functions() and column is not None and column.size:
                        sizes.append(column.size)
    return min((size for size in sizes if size > 0), default=None)


def closer_notes(actions: Mapping[str, RecipeAction]) -> Iterator[Text]:
    """Say which names of storno.yaml no close may write."""
    pen = next((a.pen for a in actions.values() if writes_name(a.rules, a.verb)), None)
    if pen is None or pen.rules is None:
        return
    if pen.users is None:
        yield Text(
            N_("the users of the ERP cannot be read: nobody checks the name that a close writes")
        )
    names = dict.fromkeys((pen.closer, *pen.closers.values()))
    for name in names:
        if name is None and pen.closers:
            continue
        for problem in closer_problems(pen, name):
            yield problem.text
