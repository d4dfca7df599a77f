"""The bulk face of a recipe: documents and lines of a kind, read in as many questions as it takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from config.recipes import LINES
from connectors.columns import documents_schema, lines_schema
from connectors.contract import Criteria, Kind
from connectors.odbc.kind_question import Question
from connectors.odbc.lookup import find
from connectors.odbc.reading import batches
from core.errors import NotFound
from core.text import N_

if TYPE_CHECKING:
    from connectors.odbc.connection import Database
    from connectors.odbc.target import LiveKind

FEW: Final = 500
"""So many keys are asked for in one question; more are read in several."""


def documents(database: Database, kind: LiveKind, criteria: Criteria) -> Iterator[pa.RecordBatch]:
    """Yield documents in canonical columns."""
    schema = documents_schema(criteria.native)
    for part in _parts(_by_key(database, kind, criteria)):
        select = Question(database.dialect, kind).documents(part)
        yield from batches(database, database.dialect.compile(select), schema)


def lines(database: Database, kind: LiveKind, criteria: Criteria) -> Iterator[pa.RecordBatch]:
    """Yield lines in canonical columns; nothing for a kind without lines."""
    if LINES not in kind.tables:
        return
    schema = lines_schema(criteria.native)
    for part in _parts(_by_key(database, kind, criteria)):
        select = Question(database.dialect, kind).lines(part)
        yield from batches(database, database.dialect.compile(select), schema)


def _by_key(database: Database, kind: LiveKind, criteria: Criteria) -> Criteria:
    """Name documents by their bare keys instead of their numbers: how a number is written is found out once."""
    if criteria.keys is not None:
        # A key may have a comma of its own: only the table's whole name before it is no part of it.
        named = f"{kind.rules.document.table},"
        criteria = replace(criteria, keys=tuple(key.removeprefix(named) for key in criteria.keys))
    if criteria.numbers is None:
        return criteria
    found = find(database, kind, criteria.numbers)
    keys = {ref.key for refs in found.values() for ref in refs}
    if criteria.keys is not None:
        keys &= set(criteria.keys)
    return replace(criteria, numbers=None, keys=tuple(sorted(keys)))


def _parts(criteria: Criteria) -> Iterator[Criteria]:
    """Cut a long list of keys into questions that a database takes."""
    asked = criteria.keys
    if asked is None or len(asked) <= FEW:
        yield criteria
        return
    for start in range(0, len(asked), FEW):
        yield replace(criteria, keys=asked[start : start + FEW])


def kind_of(kinds: Mapping[str, LiveKind], kind: Kind) -> LiveKind:
    """Return a kind that can be read here. Raises `NotFound`."""
    found = kinds.get(kind.value)
    if found is None or not found.is_readable:
        raise NotFound(
            N_("The recipe does not know documents of kind {name} here."),
            what="kind",
            name=kind.value,
        )
    return found
