"""What a batch has written, and whether it stands there: read back within the transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from connectors.contract import Record, Ref
from connectors.odbc.images import Images, Row, column_of
from connectors.odbc.values import Cell, Change, is_written
from core.errors import NoEffect
from core.text import N_

if TYPE_CHECKING:
    from connectors.odbc.dialects import Dialect
    from connectors.odbc.session import Session
    from connectors.odbc.values import Table

FEW: Final = 3
"""So few rows are read back one by one; of more, the different values."""


class Write(NamedTuple):
    """What one operation does to one record.

    `expected` must still stand there, byte for byte. `changes` are set. Both are by column. Where the whole of a
    record is expected as it was captured, `record` is that record, and `expected` the names of its columns.
    """

    operation: str
    ref: Ref
    key: tuple[str, ...]
    expected: Mapping[str, Cell] | Sequence[str]
    changes: Mapping[str, Change]
    record: Record | None = None

    def was(self, name: str) -> Cell:
        """Return what is expected in a column."""
        if self.record is not None and self.record.fields is not None:
            return Cell(self.record.fields[name], self.record.raw.get(name))
        assert not isinstance(self.expected, Sequence)  # noqa: S101 - one of the two is there
        return self.expected[name]


class Done:
    """What the batch has written so far: the writes, and what stood there."""

    def __init__(self) -> None:
        self.found: list[tuple[Write, Cells]] = []

    def groups(self) -> Iterable[tuple[str, tuple[str, ...], list[tuple[Write, Cells]]]]:
        """Yield what was written by table and key columns."""
        groups: dict[tuple[str, tuple[str, ...]], list[tuple[Write, Cells]]] = defaultdict(list)
        for each in self.found:
            groups[each[0].ref.model, each[0].key].append(each)
        for (table, key), members in groups.items():
            yield table, key, members

    def states(self) -> tuple[dict[Ref, dict[str, Cell]], dict[Ref, dict[str, Cell]]]:
        """Return per record what stood there, and what must stand there now."""
        before: dict[Ref, dict[str, Cell]] = {}
        after: dict[Ref, dict[str, Cell]] = {}
        for each, cell in self.found:
            old, new = before.setdefault(each.ref, {}), after.setdefault(each.ref, {})
            for name, change in each.changes.items():
                now = cell(name)
                old.setdefault(name, now)
                new[name] = result(change)
        return before, after


Cells = Callable[[str], Cell]
"""Returns what stands in a column of one row."""


# --- what must stand there ---------------------------------------------------------------------


def result(change: Change) -> Cell:
    """Return what must stand in a column after a change."""
    return Cell(change.value, change.raw)


def groups(
    members: Sequence[Write],
) -> Iterable[tuple[Mapping[str, Change], Sequence[Write]]]:
    """Put records with the same new values together."""
    groups: dict[tuple[Any, ...], list[Write]] = defaultdict(list)
    marks: dict[int, tuple[Any, ...]] = {}
    for each in members:
        if not each.changes:
            continue
        # Many records share the very same changes, which are looked at once.
        mark = marks.get(id(each.changes))
        if mark is None:
            mark = marks[id(each.changes)] = tuple(
                (name, type(change.value), str(change.value), change.raw)
                for name, change in sorted(each.changes.items())
            )
        groups[mark].append(each)
    for group in groups.values():
        yield group[0].changes, group


def read_back(session: Session, images: Images, done: Done) -> None:
    """Raise `NoEffect` when what was written does not stand there: a trigger, a rounding, a cut."""
    wrong: list[tuple[Write, str]] = []
    for table, key, members in done.groups():
        live = session.database.table(table)
        if not _holds_all(live, images, key, members):
            wrong += _wrong(live, images, key, members)
    if wrong:
        each, name = wrong[0]
        raise NoEffect(
            N_("{system}: {model} {key} does not hold what was written: {field}."),
            system=images.system,
            said=f"{each.ref}: {name}",
            model=each.ref.model,
            key=each.ref.key,
            field=name,
            offenders=operations([each for each, _ in wrong]),
        )


def _holds_all(
    live: Table, images: Images, key: tuple[str, ...], members: Sequence[tuple[Write, Cells]]
) -> bool:
    """Whether all these rows hold what was written; False too where that takes a look at each of them.

    Rows that got the same are read column by column: what stands there is few different values, and each is compared.
    """
    writes = [each for each, _ in members]
    if len({each.ref for each in writes}) < len(writes):
        return False  # Written twice: what stands there is what the second one wrote.
    for changes, group in groups(writes):
        if len(group) < FEW:
            return False
        page = images.page(live.name, key, [each.ref.key for each in group], changes)
        if len(page.keys) != len(group) or page.raws:
            return False
        wanted = {name: result(change) for name, change in changes.items()}
        if not all(
            holds({name: Cell(value)}, {name: cell}, live, images.dialect)
            for name, cell in wanted.items()
            for value in set(page.columns[name])
        ):
            return False
    return True


def _wrong(
    live: Table, images: Images, key: tuple[str, ...], members: Sequence[tuple[Write, Cells]]
) -> Iterator[tuple[Write, str]]:
    """Read every row again and yield what does not stand there."""
    after: dict[str, dict[str, tuple[Write, Cell]]] = {}
    for each, _ in members:
        wanted = after.setdefault(each.ref.key, {})
        for name, change in each.changes.items():
            wanted[name] = each, result(change)
    names = {name for wanted in after.values() for name in wanted}
    rows = images.rows(live.name, key, after, names)
    for text, wanted in after.items():
        row = rows.get(text)
        for name, (each, expected) in wanted.items():
            if row is None or not holds(row, {name: expected}, live, images.dialect):
                yield each, name


def holds(
    row: Row | Mapping[str, Cell], wanted: Mapping[str, Cell], live: Table, dialect: Dialect
) -> bool:
    """Whether a row of a table holds what was written to it."""
    cell = row.cell if isinstance(row, Row) else row.__getitem__
    for name, value in wanted.items():
        column = column_of(live, name)
        if not is_written(cell(name), value, column, dialect.rounding(column)):
            return False
    return True


def operations(writes: Iterable[Write]) -> tuple[str, ...]:
    return tuple(sorted({each.operation for each in writes}))
