"""One document of an image as a recipe sees it: its own row, its lines, what hangs on them, and what is to change."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from config.expressions import Expression
from config.recipes import DOCUMENT, LINES, KindRecipe
from connectors.contract import Image, Ref
from connectors.odbc.formulas import NOTHING, Row, Sight, Writer, ready_condition
from connectors.odbc.values import Change

PERIOD: Final = "@period"
"""Pseudo field of a document: `open` or `closed`, for its own date; None where the ERP does not tell."""


@lru_cache(maxsize=64)
def counting(only: Expression) -> Callable[[Row, Sight], bool]:
    """Return what says whether a row of a related table counts, where the table holds other things too."""
    return ready_condition(only)


class RowChange(NamedTuple):
    """What is written to one row."""

    ref: Ref
    changes: Mapping[str, Change]


class Rows:
    """One document of an image: its own row, its lines, and what hangs on them."""

    def __init__(self, kind: KindRecipe, image: Image, ref: Ref) -> None:
        self.ref = ref
        own, key = ref
        lines = None if kind.lines is None else kind.lines.table
        self.document: Row | None = None
        self.line_refs: list[Ref] = []
        rows: list[Row] = []
        others: dict[str, list[Row]] = {}
        for record in image.records:
            fields = record.fields
            if fields is None:
                continue
            there = record.ref
            model = there[0]
            if model == lines:
                self.line_refs.append(there)
                rows.append(fields)
            elif model == own and there[1] == key:
                self.document = fields
            elif model in others:
                others[model].append(fields)
            else:
                others[model] = [fields]
        self._places: dict[str, Sequence[Row]] = {LINES: rows}
        for name, table in kind.related.items():
            found = others.get(table.table, [])
            if table.only is not None and found:
                counts = counting(table.only)
                found = [row for row in found if counts(row, NOTHING)]
            self._places[name] = found
        self._sight = Sight(self._places)

    @property
    def lines(self) -> dict[Ref, Row]:
        """The lines, each by what it is."""
        return dict(zip(self.line_refs, self._places[LINES], strict=True))

    def of(self, place: str) -> Sequence[Row]:
        """Return the rows of a place."""
        if place == DOCUMENT:
            return () if self.document is None else (self.document,)
        return self._places[place]

    def sight(self, writer: Writer | None = None) -> Sight:
        """Return what expressions over the document see."""
        return self._sight if writer is None else Sight(self._places, writer)
