"""Images of records: everything that a footprint holds, read so that a restore writes back exactly what was there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import sqlalchemy as sa

from connectors.contract import Image, Record, Ref
from connectors.odbc.links import folded, loose_homes, without_blanks
from connectors.odbc.shapes import DATABASE, NO_RAW, Page, Plan, Row, Shape, column_of, together
from connectors.odbc.values import many_key_values

if TYPE_CHECKING:
    from connectors.odbc.connection import Session
    from connectors.odbc.dialects import Element
    from connectors.odbc.values import Column
    from core.encoding import Value

__all__ = ["DATABASE", "Images", "Part", "Row", "column_of"]


@dataclass(frozen=True, slots=True)
class Part:
    """One table of a footprint. The first part of a footprint is the document itself.

    A linked part has an `owner`, another part's table, and `link`: pairs of its own column and the owner's.
    """

    table: str
    key: tuple[str, ...]
    fields: frozenset[str]
    owner: str | None = None
    link: tuple[tuple[str, str], ...] = ()


class _Keyed(NamedTuple):
    """The rows with these keys."""

    columns: Sequence[Column]
    keys: Sequence[Sequence[Value]]


_MISSING: Final[tuple[None, Mapping[str, str], None]] = (None, NO_RAW, None)

Finish = Callable[[dict[str, "Value"]], None]
"""Adds to the fields of a document what stands in none of its columns."""

_NO_FINISH: Final[Finish] = lambda _: None  # noqa: E731 - a default that does nothing


_Read = tuple[dict[str, "Value"], Mapping[str, str], Any]
"""The fields of a row, its raw texts, its mark."""


@dataclass(slots=True)
class _Found:
    """What a capture found in one table: rows by key, and in which images each stands."""

    shape: Shape
    rows: dict[str, _Read]
    places: dict[str, list[int]]


class Images:
    """Reads rows and whole footprints through one session."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._dialect = session.dialect
        self._database = session.database
        self.system = session.database.system

    def rows(
        self,
        table: str,
        key: Sequence[str],
        keys: Iterable[str],
        fields: Iterable[str],
        *,
        lock: bool = False,
    ) -> dict[str, Row]:
        """Return the rows that exist, by the text of their key; `lock` holds them until the transaction ends.

        A database may take `po1` for `PO1`; a row whose key is not exactly one of `keys` is left out.
        """
        shape = self._shape(table, key, fields)
        read = self._rows(shape, keys, lock=lock)
        return {text: Row(text, fields_, raw) for text, (fields_, raw, _) in read.items()}

    def linked(
        self, part: Part, owners: Iterable[Row], *, fields: Iterable[str] | None = None
    ) -> list[tuple[str, Row]]:
        """Return the rows of a linked part with the key of the owner that each belongs to."""
        names = {*(part.fields if fields is None else fields), *(name for name, _ in part.link)}
        shape = self._shape(part.table, part.key, names)
        by_key = {owner.key: owner.fields for owner in owners}
        homes, page = self._linked(part, shape, by_key)
        return list(zip(homes, page.rows(), strict=True))

    def count_linked(self, part: Part, owners: Iterable[Row]) -> int:
        """Return how many rows of a linked part there are."""
        live = self._database.table(part.table)
        columns = [column_of(live, name) for name, _ in part.link]
        theirs = _reader([name for _, name in part.link])
        linked = dict.fromkeys(theirs(each.fields) for each in owners)
        values = [each for each in linked if None not in each]
        table = self._dialect.table(live.name)
        select = sa.select(sa.func.count()).select_from(table)
        return sum(
            int(self._session.rows(self._dialect.with_keys(select, columns, some))[0][0])
            for some in self._chunks(values, len(columns))
        )

    def where(
        self, table: str, key: Sequence[str], fields: Iterable[str], condition: Element
    ) -> list[Row]:
        """Return the rows for which a compiled condition holds."""
        return self._read(self._shape(table, key, fields), condition, lock=False).rows()

    def stands(self, table: str, key: Sequence[str], records: Iterable[Record]) -> bool:
        """Lock the rows of these records, and say whether each is the very row that the record was read from.

        False also where that cannot be told so: then whoever asks has to read and to compare.
        """
        seen = self._database.memory.seen.get(table, {})
        known: dict[str, Any] = {}
        shape: Shape | None = None
        for record in records:
            found = seen.get(record.ref.key)
            if found is None or found[0] is not record or (shape or found[2]) is not found[2]:
                return False
            shape = found[2]
            known[record.ref.key] = found[1]
        if shape is None or shape.key != tuple(key):
            return False
        return self._marks(shape, known) == known

    def values(
        self, table: str, key: Sequence[str], keys: Sequence[str], fields: Iterable[str]
    ) -> list[tuple[Row, int]] | None:
        """Return the different values that stand in these columns of these rows, and in how many rows each.

        None where this database cannot tell values apart to the last byte.
        """
        live = self._database.table(table)
        columns = [column_of(live, name) for name in sorted(fields)]
        apart = [self._dialect.told_apart(column) for column in columns]
        known = [each for each in apart if each is not None]
        if len(known) < len(apart):
            return None
        plan = Plan([(c, each.captured) for c, each in zip(columns, known, strict=True)])
        source = self._dialect.table(live.name)
        wanted = self._dialect.named([*plan.elements, sa.func.count()])
        select = sa.select(*wanted).select_from(source)
        select = select.group_by(*(each.group for each in known))
        key_columns = [column_of(live, name) for name in key]
        found = []
        for some in self._chunks(many_key_values(key_columns, keys), len(key)):
            for row in self._session.rows(self._dialect.with_keys(select, key_columns, some)):
                values, raws = plan.columns([row])
                fields_ = {name: each[0] for name, each in zip(plan.names, values, strict=True)}
                found.append((Row("", fields_, raws.get(0, NO_RAW)), int(row[-1])))
        return found

    def capture(
        self,
        footprint: Sequence[Part],
        keys: Sequence[str],
        known: Sequence[Image | None] = (),
        *,
        finish: Finish = _NO_FINISH,
    ) -> list[Image]:
        """Read one footprint for each document key, in order. `known` as in `System.capture`."""
        root, *others = footprint
        linking = _linking(footprint)
        shapes = {
            part.table: self._shape(part.table, part.key, part.fields | linking[part.table])
            for part in footprint
        }
        self._database.memory.make_room()
        first = _Found(shapes[root.table], self._rows(shapes[root.table], keys), {})
        for place, key in enumerate(keys):
            first.places.setdefault(key, []).append(place)
        found = {root.table: first}
        for part in others:
            owner = found[part.owner or root.table]
            by_key = {key: fields for key, (fields, _, _) in owner.rows.items()}
            homes, page = self._linked(part, shapes[part.table], by_key)
            found[part.table] = here = _Found(shapes[part.table], _by_key(page), {})
            for key, home in zip(page.keys, homes, strict=True):
                _put(here.places, key, owner.places[home])
        self._read_known(found, known)
        for fields, _, _ in first.rows.values():
            finish(fields)
        return self._images(footprint, linking, found, len(keys))

    def _read_known(self, found: Mapping[str, _Found], known: Sequence[Image | None]) -> None:
        """Read again what an earlier image held and the footprint no longer finds."""
        lost: dict[str, dict[str, list[int]]] = {}
        for place, image in enumerate(known):
            for record in image.records if image is not None else ():
                table, key = record.ref.model, record.ref.key
                if table in found and place not in found[table].places.get(key, ()):
                    lost.setdefault(table, {}).setdefault(key, []).append(place)
        for table, keys in lost.items():
            here = found[table]
            new = [key for key in keys if key not in here.rows]
            here.rows |= self._rows(here.shape, new)
            for key, places in keys.items():
                _put(here.places, key, places)

    def _images(
        self,
        footprint: Sequence[Part],
        linking: Mapping[str, frozenset[str]],
        found: Mapping[str, _Found],
        count: int,
    ) -> list[Image]:
        """Put records into their images, sorted as they go in, and remember them by their marks."""
        images: list[list[Record]] = [[] for _ in range(count)]
        wanted = {part.table: part.fields for part in footprint}
        for table in sorted(found):
            here, extra = found[table], linking[table] - wanted[table]
            keys = sorted(here.places)
            if extra:
                here.rows = {key: _without(read, extra) for key, read in here.rows.items()}
            read = [here.rows.get(key, _MISSING) for key in keys]
            records = [
                Record(Ref(table, key), fields, raw)
                for key, (fields, raw, _) in zip(keys, read, strict=True)
            ]
            marks = [
                (record, each[2], here.shape) for record, each in zip(records, read, strict=True)
            ]
            self._database.memory.seen.setdefault(table, {}).update(zip(keys, marks, strict=True))
            for key, record in zip(keys, records, strict=True):
                for place in here.places[key]:
                    images[place].append(record)
        return [Image(tuple(image)) for image in images]

    # --- one table ------------------------------------------------------------------------------

    def _shape(self, table: str, key: Sequence[str], fields: Iterable[str]) -> Shape:
        live = self._database.table(table)
        mark = table, tuple(key), frozenset(fields)
        found = self._database.memory.shapes.get(mark)
        if found is None or found.table is not live:
            found = self._database.memory.shapes[mark] = Shape(self._dialect, live, key, mark[2])
        return found

    def _rows(self, shape: Shape, keys: Iterable[str], *, lock: bool = False) -> dict[str, _Read]:
        columns = [column_of(shape.table, name) for name in shape.key]
        wanted = sorted(set(keys))
        found: dict[str, _Read] = {}
        for part in self._chunks(wanted, len(columns)):
            condition = _Keyed(columns, many_key_values(columns, part))
            read = _by_key(self._read(shape, condition, lock=lock))
            if not read.keys() <= set(part):
                read = {key: read[key] for key in read.keys() & set(part)}
            found |= read
        return found

    def _linked(
        self, part: Part, shape: Shape, owners: Mapping[str, Mapping[str, Value]]
    ) -> tuple[list[str], Page]:
        """Return the rows that hang on owners, and the key of the owner of each."""
        own = [column_of(shape.table, name) for name, _ in part.link]
        mine = _reader([name for name, _ in part.link])
        theirs = _reader([name for _, name in part.link])
        exact = {
            linked: key for key, each in owners.items() if None not in (linked := theirs(each))
        }
        homes: list[str] = []
        pages: list[Page] = []
        for some in self._chunks(list(exact), len(own)):
            page = self._read(shape, _Keyed(own, some), lock=False)
            links = list(map(mine, page.fields))
            here = list(map(exact.get, links))
            if None in here:
                # A padded column meets one that is not; a database may take `po1` for `PO1`.
                loose = loose_homes(exact)
                here = [
                    home or loose.get(without_blanks(link)) or loose.get(folded(link))
                    for home, link in zip(here, links, strict=True)
                ]
                kept = [place for place, home in enumerate(here) if home is not None]
                page = page.some(kept)
            homes += [home for home in here if home is not None]
            pages.append(page)
        return homes, together(pages)

    def _marks(self, shape: Shape, keys: Iterable[str]) -> dict[str, Any]:
        """Lock rows and return the mark of each: the row's version, else every value of it."""
        columns = [column_of(shape.table, name) for name in shape.key]
        if shape.version is not None:
            shape = self._shape(shape.table.name, shape.key, shape.key)
        found: dict[str, Any] = {}
        for part in self._chunks(sorted(keys), len(columns)):
            condition = _Keyed(columns, many_key_values(columns, part))
            plan, rows = self._asked(shape, condition, lock=True)
            marks = rows if shape.version is None else [values[-1] for values in rows]
            found |= dict(zip(shape.keys_in(plan, rows), marks, strict=True))
        return found

    def _read(self, shape: Shape, condition: Element | _Keyed, *, lock: bool) -> Page:
        plan, found = self._asked(shape, condition, lock=lock)
        return shape.page(plan, found, self._database.name if shape.has_database else None)

    def _asked(
        self, shape: Shape, condition: Element | _Keyed, *, lock: bool
    ) -> tuple[Plan, list[Any]]:
        """Ask as the driver types it, and once more by exact texts where a row is in doubt."""
        quick, doubt = shape.quick, shape.doubt
        if quick is not None:
            found = self._run(shape, "quick", condition, lock=lock)
            place = len(quick.elements)
            if doubt is None or not any(values[place] for values in found):
                return quick, found
        return shape.exact, self._run(shape, "exact", condition, lock=lock)

    def _run(self, shape: Shape, how: str, condition: Element | _Keyed, *, lock: bool) -> list[Any]:
        if lock:
            self._session.begin()
        if not isinstance(condition, _Keyed):
            select = self._select(shape, how, lock=lock)
            return self._session.rows(self._dialect.compile(select.where(condition)))
        base = shape.bases.get((how, lock))
        if base is None:
            base = self._dialect.open_ended(self._select(shape, how, lock=lock))
            shape.bases[how, lock] = base
        statement = self._dialect.filled(base, condition.columns, condition.keys)
        if statement is None:
            select = self._select(shape, how, lock=lock)
            keys = self._dialect.key_in(condition.columns, condition.keys)
            statement = self._dialect.compile(select.where(keys))
        return self._session.rows(statement)

    def _select(self, shape: Shape, how: str, *, lock: bool) -> sa.Select[Any]:
        elements = list(shape.exact.elements)
        if how == "quick" and shape.quick is not None:
            elements = [*shape.quick.elements, *([] if shape.doubt is None else [shape.doubt])]
        if shape.version is not None:
            elements.append(shape.version)
        table = self._dialect.table(shape.table.name)
        select = sa.select(*self._dialect.named(elements)).select_from(table)
        return self._dialect.locked(select, table, self._database.limits) if lock else select

    def _chunks(self, keys: Sequence[Any], width: int) -> Iterable[Sequence[Any]]:
        size = self._dialect.chunk(width)
        return (keys[start : start + size] for start in range(0, len(keys), size))


def _reader(names: Sequence[str]) -> Callable[[Mapping[str, Value]], tuple[Value, ...]]:
    """Return what reads the values of a link."""
    if len(names) == 1:
        (only,) = names
        return lambda fields: (fields[only],)
    return itemgetter(*names)


def _by_key(page: Page) -> dict[str, _Read]:
    return dict(zip(page.keys, zip(page.fields, page.raws, page.marks, strict=True), strict=True))


def _without(read: _Read, names: Iterable[str]) -> _Read:
    fields, raw, mark = read
    for name in names:
        del fields[name]
    return fields, {name: text for name, text in raw.items() if name in fields}, mark


def _put(places: dict[str, list[int]], key: str, more: list[int]) -> None:
    """Note the images that a record stands in; nearly always it has one owner, whose list is shared."""
    there = places.get(key)
    if there is None:
        places[key] = more
    elif there is not more:
        places[key] = list(dict.fromkeys([*there, *more]))


def _linking(footprint: Sequence[Part]) -> Mapping[str, frozenset[str]]:
    """Return per table the columns that other parts hang on."""
    found: dict[str, set[str]] = {part.table: set() for part in footprint}
    for part in footprint[1:]:
        found[part.owner or footprint[0].table] |= {name for _, name in part.link}
        found[part.table] |= {name for name, _ in part.link}
    return {table: frozenset(names) for table, names in found.items()}
