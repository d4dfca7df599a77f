"""Rows as they were read: column by column while they are worked with, one by one where somebody wants them so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import repeat
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from connectors.contract import Record, Ref
from connectors.odbc.values import Cell

if TYPE_CHECKING:
    from core.encoding import Value

DATABASE: Final = "@database"
"""A field that every table has: the name of the database, which tells the set of books and the year."""

NO_RAW: Final[Mapping[str, str]] = {}


class Row(NamedTuple):
    """One row as it was read: what a `Record` holds, and its key."""

    key: str
    fields: dict[str, Value]
    raw: Mapping[str, str]

    def cell(self, name: str) -> Cell:
        """Return one field with its raw text."""
        return Cell(self.fields[name], self.raw.get(name))

    def record(self, table: str, fields: Iterable[str] | None = None) -> Record:
        """Return the record, cut down to these fields."""
        ref = Ref(table, self.key)
        if fields is None:
            return Record(ref, self.fields, self.raw)
        kept = frozenset(fields)
        return Record(
            ref,
            {name: value for name, value in self.fields.items() if name in kept},
            {name: text for name, text in self.raw.items() if name in kept},
        )


class Came(NamedTuple):
    """What a database answered, column by column; no columns where no row came."""

    columns: Sequence[Sequence[Any]]
    rows: int


def came(rows: Sequence[Sequence[Any]]) -> Came:
    """Return rows as a driver hands them out."""
    return Came(list(zip(*rows, strict=True)), len(rows))


class Page:
    """Rows with their keys. `marks` are what rows are known again by.

    `names` are the columns that somebody asked for; those of the key are among the `columns` in any case. `raws` has
    the raw texts of the few rows that need one, by their places.
    """

    __slots__ = ("_records", "columns", "keys", "marks", "names", "raws")

    def __init__(
        self,
        keys: Sequence[str],
        columns: Mapping[str, Sequence[Value]],
        names: tuple[str, ...],
        raws: Mapping[int, Mapping[str, str]],
        marks: Sequence[Any],
    ) -> None:
        self.keys, self.columns, self.names, self.raws = keys, columns, names, raws
        self.marks = marks
        self._records: tuple[tuple[str, ...], list[Record]] | None = None

    def values(self, names: Sequence[str]) -> list[tuple[Value, ...]]:
        """Return the values of these columns, row by row."""
        if not self.keys:
            return []
        return list(zip(*(self.columns[name] for name in names), strict=True))

    def fields(self, names: tuple[str, ...]) -> list[dict[str, Value]]:
        """Return each row by the names of these columns."""
        if not names or not self.keys:
            return [{} for _ in self.keys]
        rows = zip(*(self.columns[name] for name in names), strict=True)
        return list(map(dict, map(zip, repeat(names), rows)))

    def texts(self, names: Iterable[str]) -> list[Mapping[str, str]]:
        """Return the raw texts of each row, those of these columns."""
        found: list[Mapping[str, str]] = [NO_RAW] * len(self.keys)
        kept = frozenset(names)
        for place, raw in self.raws.items():
            found[place] = {name: text for name, text in raw.items() if name in kept}
        return found

    def rows(self) -> list[Row]:
        """Return them one by one."""
        return list(map(Row, self.keys, self.fields(self.names), self.texts(self.names)))

    def records(self, table: str, names: tuple[str, ...]) -> list[Record]:
        """Return them as records. Who asks again gets the very same ones: nobody may change their fields."""
        if self._records is None or self._records[0] != names:
            refs = map(Ref, repeat(table), self.keys)
            made = list(map(Record, refs, self.fields(names), self.texts(names)))
            self._records = names, made
        return self._records[1]

    def own_records(self, table: str, names: tuple[str, ...]) -> list[Record]:
        """Return them as records that are nobody else's, so that fields may be added."""
        refs = map(Ref, repeat(table), self.keys)
        return list(map(Record, refs, self.fields(names), self.texts(names)))

    def some(self, places: Sequence[int]) -> Page:
        """Return the rows at these places alone."""
        return Page(
            [self.keys[place] for place in places],
            {name: [column[p] for p in places] for name, column in self.columns.items()},
            self.names,
            {new: self.raws[old] for new, old in enumerate(places) if old in self.raws},
            [self.marks[place] for place in places],
        )


def together(pages: Sequence[Page]) -> Page:
    """Return the rows of several pages, all of one question, as one."""
    filled = [page for page in pages if page.keys]
    if len(filled) < 2:
        return (*filled, *pages, NO_PAGE)[0]
    keys: list[str] = []
    columns: dict[str, list[Value]] = {name: [] for name in filled[0].columns}
    raws: dict[int, Mapping[str, str]] = {}
    marks: list[Any] = []
    for page in filled:
        raws |= {len(keys) + place: raw for place, raw in page.raws.items()}
        keys += page.keys
        marks += page.marks
        for name, column in columns.items():
            column.extend(page.columns[name])
    return Page(keys, columns, filled[0].names, raws, marks)


NO_PAGE: Final = Page((), {}, (), {}, ())
