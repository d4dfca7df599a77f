"""Images of records: everything that a footprint holds, read so that a restore writes back exactly what was there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import sqlalchemy as sa

from connectors.contract import Image, Record, Ref
from connectors.odbc.footprint import Part, linking_columns, put
from connectors.odbc.links import folded, loose_homes, without_blanks
from connectors.odbc.packing import Packed
from connectors.odbc.pages import DATABASE, NO_RAW, Came, Page, Row, came, together
from connectors.odbc.shapes import Plan, Shape, column_of
from connectors.odbc.values import many_key_values

if TYPE_CHECKING:
    from connectors.odbc.dialects import Element, Statement
    from connectors.odbc.session import Session
    from connectors.odbc.values import Column
    from core.encoding import Value

__all__ = ["DATABASE", "Images", "Part", "Row", "column_of"]


class _Keyed(NamedTuple):
    """The rows with these keys."""

    columns: Sequence[Column]
    keys: Sequence[Sequence[Value]]


Finish = Callable[[dict[str, "Value"]], None]
"""Adds to the fields of a document what stands in none of its columns."""

_NO_FINISH: Final[Finish] = lambda _: None  # noqa: E731 - a default that does nothing


Fields = Mapping[str, "Value"]

_Seen = tuple[Record, Any]
"""A record, and the mark of its row."""


@dataclass(slots=True)
class _Found:
    """What a capture found in one table: rows, records by key, and in which images each stands."""

    shape: Shape
    page: Page
    names: tuple[str, ...]
    records: dict[str, _Seen] = field(default_factory=dict)
    places: dict[str, list[int]] = field(default_factory=dict)


class Images:
    """Reads rows and whole footprints through one session."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._dialect = self.dialect = session.dialect
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
        return {row.key: row for row in self._page(shape, keys, lock=lock).rows()}

    def linked(
        self,
        part: Part,
        owners: Iterable[Row],
        *,
        fields: Iterable[str] | None = None,
        hold: bool = False,
    ) -> list[tuple[str, Row]]:
        """Return the rows of a linked part with their owners' keys; `hold` keeps new ones out where a reader can."""
        names = {*(part.fields if fields is None else fields), *(name for name, _ in part.link)}
        shape, lock = self._shape(part.table, part.key, names), hold and self._dialect.locks_gaps
        there = {owner.key: owner.fields for owner in owners}
        links = _links([name for _, name in part.link], there.values())
        homes, page = self._linked(part, shape, dict(zip(links, there, strict=True)), lock=lock)
        return list(zip(homes, page.rows(), strict=True))

    def count_linked(self, part: Part, owners: Iterable[Fields]) -> int:
        """Return how many rows of a linked part hang on these owners."""
        live = self._database.table(part.table)
        columns = [column_of(live, name) for name, _ in part.link]
        linked = _links([name for _, name in part.link], owners)
        values = [each for each in dict.fromkeys(linked) if None not in each]
        select = sa.select(sa.func.count()).select_from(self._dialect.table(live.name))
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
        shape, known = self._database.memory.marks(table, records)
        if shape is None or shape.key != tuple(key):
            return False
        columns = [column_of(shape.table, name) for name in key]
        values = many_key_values(columns, sorted(known))
        # Locked rows hold the table as it is, so it is asked for afterwards.
        is_same = self._marks(shape, columns, values, lock=True) == known
        return is_same and self._dialect.is_still(self._session.rows, shape.table)

    def still_linked(self, part: Part, owners: Iterable[Fields], records: Iterable[Record]) -> bool:
        """Whether what hangs on these owners are the very rows that the records were read from, and no others.

        False also where that cannot be told so. The rows are held where a reader can.
        """
        shape, known = self._database.memory.marks(part.table, records)
        if shape is None or shape.key != part.key:
            return False
        own = [column_of(shape.table, name) for name, _ in part.link]
        linked = _links([name for _, name in part.link], owners)
        values = [each for each in dict.fromkeys(linked) if None not in each]
        is_same = self._marks(shape, own, values, lock=self._dialect.locks_gaps) == known
        return is_same and self._dialect.is_still(self._session.rows, shape.table)

    def page(
        self, table: str, key: Sequence[str], keys: Sequence[str], fields: Iterable[str]
    ) -> Page:
        """Return the rows that exist, column by column."""
        return self._page(self._shape(table, key, fields), keys)

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
        linking = linking_columns(footprint)
        shapes = {
            part.table: self._shape(part.table, part.key, part.fields | linking[part.table])
            for part in footprint
        }
        self._database.memory.make_room()
        found: dict[str, _Found] = {}
        for part in (root, *others):
            shape = shapes[part.table]
            names = tuple(name for name in shape.names if name in part.fields)
            if part is root:
                found[part.table] = here = _Found(shape, self._page(shape, keys), names)
                for place, key in enumerate(keys):
                    here.places.setdefault(key, []).append(place)
                records = here.page.own_records(part.table, names)
                for record in records:
                    finish(record.fields)  # type: ignore[arg-type]
            else:
                owner = found[part.owner or root.table]
                linked = owner.page.values([name for _, name in part.link])
                homes, page = self._linked(
                    part, shape, dict(zip(linked, owner.page.keys, strict=True))
                )
                found[part.table] = here = _Found(shape, page, names)
                for key, home in zip(page.keys, homes, strict=True):
                    put(here.places, key, owner.places[home])
                records = page.records(part.table, names)
            here.records = _seen(here.page, records)
        self._read_known(found, known)
        return self._images(found, len(keys))

    def _read_known(self, found: Mapping[str, _Found], known: Sequence[Image | None]) -> None:
        """Read again what an earlier image held and the footprint no longer finds."""
        lost: dict[str, dict[str, list[int]]] = {}
        for place, image in enumerate(known):
            for record in image.records if image is not None else ():
                table, key = record.ref
                here = found.get(table)
                if here is not None and place not in here.places.get(key, ()):
                    lost.setdefault(table, {}).setdefault(key, []).append(place)
        for table, keys in lost.items():
            here = found[table]
            new = [key for key in keys if key not in here.records]
            page = self._page(here.shape, new)
            here.records |= _seen(page, page.own_records(table, here.names))
            for key, places in keys.items():
                put(here.places, key, places)

    def _images(self, found: Mapping[str, _Found], count: int) -> list[Image]:
        """Put records into their images, sorted as they go in, and remember them by their marks."""
        images: list[list[Record]] = [[] for _ in range(count)]
        for table in sorted(found):
            here = found[table]
            seen = self._database.memory.seen.setdefault(table, {})
            for key in sorted(here.places):
                there = here.records.get(key)
                if there is None:
                    there = Record(Ref(table, key), None, NO_RAW), None
                record, mark = there
                seen[key] = record, mark, here.shape
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

    def _page(self, shape: Shape, keys: Iterable[str], *, lock: bool = False) -> Page:
        columns = [column_of(shape.table, name) for name in shape.key]
        wanted = sorted(set(keys))
        pages: list[Page] = []
        for part in self._chunks(wanted, len(columns)):
            keyed = _Keyed(columns, many_key_values(columns, part))
            page = self._read(shape, keyed, lock=lock)
            if not set(part).issuperset(page.keys):
                asked = set(part)
                page = page.some([place for place, key in enumerate(page.keys) if key in asked])
            pages.append(page)
        return together(pages)

    def _linked(
        self,
        part: Part,
        shape: Shape,
        exact: Mapping[tuple[Value, ...], str],
        *,
        lock: bool = False,
    ) -> tuple[list[str], Page]:
        """Return the rows that hang on owners, which are given by their links, and the key of the owner of each."""
        own = [column_of(shape.table, name) for name, _ in part.link]
        mine = [name for name, _ in part.link]
        asked = [linked for linked in exact if None not in linked]
        homes: list[str] = []
        pages: list[Page] = []
        for some in self._chunks(asked, len(own)):
            page = self._read(shape, _Keyed(own, some), lock=lock)
            links = page.values(mine)
            here = list(map(exact.get, links))
            if None in here:
                # A padded column meets one that is not; a database may take `po1` for `PO1`.
                loose = loose_homes({linked: exact[linked] for linked in asked})
                here = [
                    home or loose.get(without_blanks(link)) or loose.get(folded(link))
                    for home, link in zip(here, links, strict=True)
                ]
                kept = [place for place, home in enumerate(here) if home is not None]
                page = page.some(kept)
            homes += [home for home in here if home is not None]
            pages.append(page)
        return homes, together(pages)

    def _marks(
        self,
        shape: Shape,
        columns: Sequence[Column],
        values: Sequence[Sequence[Value]],
        *,
        lock: bool,
    ) -> dict[str, Any]:
        """Return the mark of each row that has these values: the row's version, else every value of it."""
        if shape.version is not None:
            shape = self._shape(shape.table.name, shape.key, shape.key)
        found: dict[str, Any] = {}
        for some in self._chunks(values, len(columns)):
            plan, here = self._asked(shape, _Keyed(columns, some), lock=lock)
            found |= dict(zip(shape.keys_in(plan, here), shape.marks(here), strict=True))
        return found

    def _read(self, shape: Shape, condition: Element | _Keyed, *, lock: bool) -> Page:
        plan, found = self._asked(shape, condition, lock=lock)
        return shape.page(plan, found, self._database.name if shape.has_database else None)

    def _asked(self, shape: Shape, condition: Element | _Keyed, *, lock: bool) -> tuple[Plan, Came]:
        """Ask as the driver types it, and once more by exact texts where a row is in doubt."""
        quick, doubt = shape.quick, shape.doubt
        if quick is not None:
            found = self._run(shape, "quick", condition, lock=lock)
            if doubt is None or not found.rows or not any(found.columns[len(quick.elements)]):
                return quick, found
        return shape.exact, self._run(shape, "exact", condition, lock=lock)

    def _run(self, shape: Shape, how: str, condition: Element | _Keyed, *, lock: bool) -> Came:
        if lock:
            self._session.begin()
        elements = shape.elements(how)
        if not isinstance(condition, _Keyed):
            select = self._select(shape, elements, lock=lock)
            return came(self._session.rows(self._dialect.compile(select.where(condition))))
        if shape.is_packed and self._database.is_packing(self._session):
            statement = self._filled(shape, how, condition, lock=lock, is_packed=True)
            if statement is not None:
                (answer,) = self._session.rows(statement)
                columns = shape.unpacking[how].columns(answer, elements)
                if columns is not None:
                    return Came(columns, answer[0])
                shape.is_packed = False
        statement = self._filled(shape, how, condition, lock=lock, is_packed=False)
        if statement is None:
            select = self._select(shape, elements, lock=lock)
            keys = self._dialect.key_in(condition.columns, condition.keys)
            statement = self._dialect.compile(select.where(keys))
        return came(self._session.rows(statement))

    def _filled(
        self, shape: Shape, how: str, condition: _Keyed, *, lock: bool, is_packed: bool
    ) -> Statement | None:
        mark = how, lock, is_packed
        if mark not in shape.bases:
            elements, packing = shape.elements(how), self._dialect.packing
            select = self._select(shape, elements, lock=lock, is_packed=is_packed)
            base = self._dialect.open_ended(select)
            if is_packed and packing is not None:
                base = packing.whole(base, elements)
            shape.bases[mark] = base
        return self._dialect.filled(shape.bases[mark], condition.columns, condition.keys)

    def _select(
        self, shape: Shape, elements: Sequence[Packed], *, lock: bool, is_packed: bool = False
    ) -> sa.Select[Any]:
        table, packing = self._dialect.table(shape.table.name), self._dialect.packing
        if is_packed and packing is not None:
            select = packing.select(elements, table)
        else:
            named = self._dialect.named(each.element for each in elements)
            select = sa.select(*named).select_from(table)
        return self._dialect.locked(select, table, self._database.limits) if lock else select

    def _chunks(self, keys: Sequence[Any], width: int) -> Iterable[Sequence[Any]]:
        size = self._dialect.chunk(width)
        return (keys[start : start + size] for start in range(0, len(keys), size))


def _seen(page: Page, records: Sequence[Record]) -> dict[str, _Seen]:
    return dict(zip(page.keys, zip(records, page.marks, strict=True), strict=True))


def _links(names: Sequence[str], owners: Iterable[Fields]) -> Iterable[tuple[Value, ...]]:
    """Return the values of owners by which others hang on them."""
    if len(names) == 1:
        return zip(map(itemgetter(names[0]), owners))
    return map(itemgetter(*names), owners)
