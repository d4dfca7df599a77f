"""What lies behind a view of MariaDB or MySQL: its tables, and whether all of them keep transactions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from connectors.odbc.dialects import Rows

TRANSACTIONAL: Final = frozenset({"innodb", "rocksdb", "ndbcluster", "tokudb"})

_NAME: Final = r"`((?:[^`]|``)+)`"
_FROM: Final = re.compile(rf"\b(?:from|join)\s*\(*\s*{_NAME}\.{_NAME}", re.IGNORECASE)
"""The server itself writes definitions: every table with its database, every join by that word."""

_SOURCES: Final = """
select t.table_type, lower(coalesce(t.engine, '')), v.view_definition
from information_schema.tables t
left join information_schema.views v on v.table_schema = t.table_schema and v.table_name = t.table_name
where t.table_schema = ? and t.table_name = ?"""


def tables_behind(rows: Rows, owner: str, view: str) -> dict[str, str] | None:
    """Return the tables behind a view, `database.table`, each with its engine; None where not all are told.

    The server shows a definition only to who has the right SHOW VIEW, and a table only to who may do something with it.
    """
    found: dict[str, str] = {}
    seen: set[tuple[str, str]] = set()
    left = [(owner, view)]
    while left:
        place = left.pop()
        if place in seen:
            continue
        seen.add(place)
        told = rows(_SOURCES, place)
        if not told:
            return None
        kind, engine, definition = told[0]
        if "VIEW" not in kind:
            found[".".join(place)] = engine
            continue
        sources = [
            (one.replace("``", "`"), other.replace("``", "`"))
            for one, other in _FROM.findall(definition or "")
        ]
        if not sources:
            return None
        left += sources
    return found


def keep_transactions(behind: dict[str, str] | None) -> bool | None:
    """Whether every table behind a view does; None where nobody can tell."""
    return None if behind is None else all(engine in TRANSACTIONAL for engine in behind.values())
