"""How the columns of one question become the fields of records: worked out once per table and set of columns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from operator import is_
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import sqlalchemy as sa

from connectors.odbc.packing import Packed, Unpacking, packed
from connectors.odbc.pages import DATABASE, NO_PAGE, Came, Page
from connectors.odbc.values import Cell, Column, Sort, Table, key_text
from core.errors import NotFound
from core.text import N_

if TYPE_CHECKING:
    from connectors.contract import Record
    from connectors.odbc.dialects import Captured, Dialect, Element, Statement
    from core.encoding import Value

MOST_CELLS: Final = 5_000
"""So many texts of one column are remembered with what was read from them."""

MOST_SEEN: Final = 4_000
"""So many records are remembered with the mark by which their rows are known again."""


class _Values(dict[Any, Any]):
    """Values by what they are read from: dates and amounts repeat, and reading them costs.

    `raws` has the raw text of those that need one.
    """

    def __init__(self, read: Callable[[Any], Cell]) -> None:
        super().__init__()
        self._read = read
        self.raws: dict[Any, str] = {}

    def __missing__(self, text: Any) -> Value:
        if len(self) >= MOST_CELLS:
            # The raw texts of before stay: some of this column's may be asked for yet.
            self.clear()
        value, raw = self._read(text)
        self[text] = value
        if raw is not None:
            self.raws[text] = raw
        return value

    def read(self, column: Sequence[Any]) -> tuple[list[Value], list[tuple[int, str]]]:
        """Return the values of a column, and the raw texts of those that need one, by row."""
        values = list(map(self.__getitem__, column))
        raws = self.raws
        found = [(row, raws[t]) for row, t in enumerate(column) if t in raws] if raws else []
        if len(raws) >= MOST_CELLS:
            self.clear()
            raws.clear()
        return values, found


class _Again(NamedTuple):
    """What was read from a column. What a document has is read before and after: nearly all of it is the same."""

    column: Sequence[Any]
    values: list[Value]
    raws: list[tuple[int, str]]


class Plan:
    """One way to ask for columns: what is selected, and how its values become fields."""

    def __init__(self, columns: Sequence[tuple[Column, Captured]]) -> None:
        # Columns that need several values come last, so that the others stand where their names do.
        ordered = sorted(columns, key=lambda each: len(each[1].elements) > 1)
        self.names = tuple(column.name for column, _ in ordered)
        self.elements: list[Element] = []
        self.packed: list[Packed] = []
        self._values: list[tuple[int, _Values]] = []
        self._again: dict[int, _Again] = {}
        self._wide: list[tuple[int, int, Callable[..., Cell]]] = []
        self._places: dict[str, tuple[int, int, Callable[..., Cell]]] = {}
        for column, each in ordered:
            start = len(self.elements)
            self.elements += each.elements
            self.packed += [packed(column, element) for element in each.elements]
            self._places[column.name] = start, len(self.elements), each.read
            if len(each.elements) > 1:
                self._wide.append((start, len(self.elements), each.read))
                continue
            if each.read is not Cell:
                self._values.append((start, _Values(each.read)))

    def columns(self, came: Came) -> tuple[list[Sequence[Value]], dict[int, dict[str, str]]]:
        """Return the values column by column, in the order of `names`, and the raw texts by row.

        By column, for Python is several times faster at that than row by row.
        """
        values: list[Sequence[Value]] = list(came.columns[: len(self.names) - len(self._wide)])
        raws: dict[int, dict[str, str]] = {}
        for place, known in self._values:
            column = came.columns[place]
            if column.count(None) == came.rows:
                continue  # A column where nothing stands, as in many tables, costs nothing.
            again = self._again.get(place)
            if again is None or again.column is not column:
                again = self._again[place] = _Again(column, *known.read(column))
            values[place] = again.values
            for row, text in again.raws:
                raws.setdefault(row, {})[self.names[place]] = text
        for start, stop, reader in self._wide:
            read = list(map(reader, *came.columns[start:stop]))
            name = self.names[len(values)]
            for row, cell in enumerate(read):
                if cell.raw is not None:
                    raws.setdefault(row, {})[name] = cell.raw
            values.append([cell.value for cell in read])
        return values, raws

    def column(self, came: Came, name: str) -> Sequence[Value]:
        """Return the values of one column alone."""
        start, stop, read = self._places[name]
        if read is Cell:
            return came.columns[start]
        return [read(*each)[0] for each in zip(*came.columns[start:stop], strict=True)]


class Shape:
    """The columns of one table that somebody asks for, key included."""

    def __init__(
        self, dialect: Dialect, table: Table, key: Sequence[str], fields: frozenset[str]
    ) -> None:
        self.table = table
        self.key = tuple(key)
        self.has_database = DATABASE in fields
        names = sorted(fields - {DATABASE})
        columns = [column_of(table, name) for name in dict.fromkeys((*key, *names))]
        self.names = (*names, *((DATABASE,) if self.has_database else ()))
        captured = [(column, dialect.captured(column)) for column in columns]
        doubts = [each.doubt for _, each in captured if each.doubt is not None]
        typed = [each.typed or each for _, each in captured]
        self.exact = Plan(captured)
        self.quick: Plan | None = None
        self.doubt: Element | None = None
        if doubts or any(each.typed is not None for _, each in captured):
            self.quick = Plan([(c, each) for (c, _), each in zip(captured, typed, strict=True)])
        if doubts:
            self.doubt = sa.case((sa.or_(*doubts), sa.literal_column("1")))
        version = dialect.row_version(table)
        self.version: Element | None = None if version is None else sa.literal_column(version)
        only = columns[0] if len(self.key) == 1 else None
        self._plain_key = only.name if only is not None and only.sort is Sort.INTEGER else None
        self.bases: dict[tuple[str, bool, bool], Statement] = {}
        packing = dialect.packing
        # Until an answer came that did not hold everything.
        self.is_packed = packing is not None and all(map(packing.takes, columns))
        self.unpacking = {"quick": Unpacking(), "exact": Unpacking()}
        self._last: tuple[Came, Page] | None = None

    def elements(self, how: str) -> list[Packed]:
        """Return what is selected: `quick` or `exact`."""
        if how == "exact" or self.quick is None:
            found = list(self.exact.packed)
        else:
            found = [*self.quick.packed, *([] if self.doubt is None else [Packed(self.doubt)])]
        return found if self.version is None else [*found, Packed(self.version, is_plain=True)]

    def page(self, plan: Plan, came: Came, database: str | None) -> Page:
        """Return rows as they came with their keys; `database` is its name where somebody asks for it.

        Where every column is the one of the last time, so is the page.
        """
        if not came.rows:
            return NO_PAGE
        if self._last is not None:
            last, page = self._last
            if len(last.columns) == len(came.columns) and all(map(is_, last.columns, came.columns)):
                return page
        columns, raws = plan.columns(came)
        by_name = dict(zip(plan.names, columns, strict=True))
        keys = self._keys([by_name[name] for name in self.key])
        if database is not None:
            by_name[DATABASE] = [database] * came.rows
        page = Page(keys, by_name, self.names, raws, list(self.marks(came)))
        if isinstance(came.columns[0], list):
            self._last = came, page  # unpacked: what comes row by row is never known again
        return page

    def marks(self, came: Came) -> Iterable[Any]:
        """Return the mark of each row: its version, else every value of it."""
        if not came.rows:
            return ()
        return zip(*came.columns, strict=True) if self.version is None else came.columns[-1]

    def _keys(self, columns: Sequence[Sequence[Value]]) -> list[str]:
        if self._plain_key is not None and set(map(type, columns[0])) == {int}:
            return list(map(str, columns[0]))
        return [key_text(parts) for parts in zip(*columns, strict=True)]

    def keys_in(self, plan: Plan, came: Came) -> list[str]:
        """Return the text of the key in each row as it came."""
        return self._keys([plan.column(came, name) for name in self.key]) if came.rows else []


@dataclass(slots=True)
class Memory:
    """What is known of a database while a process works with it; forgotten when the schema may have changed.

    `seen` has records that were read, by table and key, each with the mark of its row and what was asked: whoever
    reads an equal mark has the very same row before him.
    """

    shapes: dict[tuple[str, tuple[str, ...], frozenset[str]], Shape] = field(default_factory=dict)
    seen: dict[str, dict[str, tuple[Record, Any, Shape]]] = field(default_factory=dict)
    is_one_server: bool = True  # behind the connection that reads and the one that writes
    is_packing: bool | None = None  # None until somebody asked

    def marks(self, table: str, records: Iterable[Record]) -> tuple[Shape | None, dict[str, Any]]:
        """Return how these records were read, and the marks of their rows by key.

        No shape where one of them is not known to have been read here, or a mark may mean another row now.
        """
        seen = self.seen.get(table, {})
        known: dict[str, Any] = {}
        shape: Shape | None = None
        for record in records:
            key = record.ref.key
            found = seen.get(key)
            if found is None or found[0] is not record or (shape or found[2]) is not found[2]:
                return None, {}
            shape = found[2]
            known[key] = found[1]
        if shape is not None and shape.version is not None and not self.is_one_server:
            return None, {}
        return shape, known

    def make_room(self) -> None:
        """Forget the records that were seen, when they are many."""
        if sum(map(len, self.seen.values())) > MOST_SEEN:
            self.seen.clear()

    def forget_rows(self) -> None:
        """Forget the records that were seen: nothing is known again by its mark, and all is compared."""
        self.seen.clear()

    def clear(self) -> None:
        """Forget everything."""
        self.shapes.clear()
        self.seen.clear()
        self.is_packing = None


def column_of(table: Table, name: str) -> Column:
    """Return a column of a live table. Raises `NotFound`, which names both."""
    found = table.columns.get(name)
    if found is None:
        raise NotFound(
            N_("The table {table} has no column {name}."),
            what="column",
            name=name,
            table=table.name,
        )
    return found
