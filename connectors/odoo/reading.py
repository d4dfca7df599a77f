"""Reading records and footprints in few calls: for a whole batch one or two a model."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from connectors.contract import Image, Record, Ref, Step
from connectors.odoo.actions import STAMP, OdooAction, Query
from connectors.odoo.catalogue import Catalogue
from connectors.odoo.transport import Session
from connectors.odoo.values import TO_MANY, field_value
from core.encoding import Value
from core.errors import BadAnswer, NotFound
from core.text import N_

CHUNK: Final = 500
"""Ids a call: from here on Odoo's own cost a record stays the same, and an answer stays small."""

Row = dict[str, Any]
"""Fields by name, typed, with the `id`."""

_ARCHIVED_TOO: Final = {"active_test": False}


class Reader:
    """Reads through one session. Values are typed, relations are ids, archived records are there."""

    def __init__(self, session: Session, catalogue: Catalogue) -> None:
        self._session = session
        self._catalogue = catalogue

    def rows(self, model: str, ids: Iterable[int], fields: Iterable[str]) -> dict[int, Row]:
        """Return the existing records by id; a missing one is left out.

        A record that exists but is hidden from our user raises `AccessDenied`: it is not missing.
        Raises `NotFound` for a model or field that this server has not.
        """
        wanted = sorted(set(ids))
        names = sorted({*fields} - {"id"})
        found: dict[int, Row] = {}
        for start in range(0, len(wanted), CHUNK):
            found |= self._read(model, wanted[start : start + CHUNK], names)
        return found

    def linked_rows(
        self, query: Query, owners: Sequence[int], fields: Iterable[str] | None = None
    ) -> list[Row]:
        """Return the records that a backward query finds for these owners, with the link."""
        names = sorted({*(query.fields if fields is None else fields), query.link} - {"", "id"})
        found: list[Row] = []
        for start in range(0, len(owners) if query.link else 1, CHUNK):
            chunk = list(owners[start : start + CHUNK])
            domain: list[Any] = [[query.link, "in", chunk]] if query.link else []
            found += self._search(query.model, domain + [list(c) for c in query.domain], names)
        return found

    def pages(
        self, model: str, domain: list[Any], fields: Sequence[str], *, size: int
    ) -> Iterator[list[Row]]:
        """Yield records in the order of their ids, page by page, memory flat.

        Paged by the last id, so a record that comes or goes meanwhile moves no other one.
        """
        names = sorted({*fields} - {"id"})
        last = 0
        while True:
            page = self._search_read(model, [*domain, ["id", ">", last]], names, limit=size)
            if page:
                yield page
                last = max(int(row["id"]) for row in page)
            if len(page) < size:
                return

    def capture(
        self, action: OdooAction, steps: Sequence[Step], known: Sequence[Image | None]
    ) -> list[Image]:
        """Read the whole footprint of each step. See `System.capture`."""
        footprint = _Footprint(action.footprint, action.queries, self._catalogue)
        found = _Found(len(steps), footprint)
        homes = defaultdict(list)
        for place, step in enumerate(steps):
            found.expect(step.ref, place)
            # Ids are counted model by model: the project with the id of a task is another document.
            if step.ref.model == action.model:
                homes[int(step.ref.key)].append(place)
        roots = self.rows(action.model, homes, footprint.names(action.model))
        for key, row in roots.items():
            found.add(action.model, key, row, homes[key])
        for query in footprint.queries:
            self._follow(query, found, footprint)
        self._read_known(footprint, found, known)
        return found.images()

    def _follow(self, query: Query, found: _Found, footprint: _Footprint) -> None:
        owners = found.of_model(query.owner)
        if not owners:
            return
        if query.is_forward:
            homes: dict[int, set[int]] = defaultdict(set)
            for key, row in owners.items():
                for linked in ids_in(row[query.link]):
                    homes[linked] |= found.places(query.owner, key)
            # A record that another query found already was read with the same fields.
            there = found.of_model(query.model)
            new = self.rows(query.model, homes.keys() - there, footprint.names(query.model))
            for key, linked_row in (there | new).items():
                if key in homes:
                    found.add(query.model, key, linked_row, homes[key])
            return
        for row in self.linked_rows(query, sorted(owners), footprint.names(query.model)):
            named = ids_in(row[query.link]) if query.link else tuple(owners)
            places = {place for key in named for place in found.places(query.owner, key)}
            found.add(query.model, row["id"], row, places)

    def _read_known(
        self, footprint: _Footprint, found: _Found, known: Sequence[Image | None]
    ) -> None:
        lost: dict[str, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
        for place, image in enumerate(known):
            for record in image.records if image is not None else ():
                if record.ref.model in footprint and not found.has(record.ref, place):
                    lost[record.ref.model][int(record.ref.key)].append(place)
        for model, homes in lost.items():
            there = found.of_model(model)
            new = self.rows(model, homes.keys() - there, footprint.names(model))
            for key, places in homes.items():
                row = there.get(key) or new.get(key)
                if row is not None:
                    found.add(model, key, row, places)
                for place in places if row is None else ():
                    found.expect(Ref(model, str(key)), place)

    # --- calls --------------------------------------------------------------------------------------

    def _read(self, model: str, ids: list[int], names: list[str]) -> dict[int, Row]:
        """Read one chunk. Stamps come first: what changes between the two readings has then an old stamp."""
        asked = [name for name in names if name != STAMP]
        self._check(model, asked)
        stamps = self._session.stamps(model, ids) if self._is_stamped(names) else {}
        answer = self._session.call(
            model, "read", ids, asked or ["id"], load="", context=_ARCHIVED_TOO
        )
        rows = self._typed(model, answer, asked)
        found = {int(row["id"]): row for row in rows}
        if not found.keys() <= set(ids):
            raise self._bad(N_("it holds records that were not asked for"))
        if STAMP in names:
            for key, row in found.items():
                row[STAMP] = stamps.get(key)
        return found

    def _search(self, model: str, domain: list[Any], names: list[str]) -> list[Row]:
        """Return records by a condition, with the same values that `_read` returns for them."""
        kinds = self._kinds(model)
        if self._is_stamped(names) and len(domain) == 1 and domain[0][1] == "in":
            found = self._session.stamps(model, domain[0][2], link=domain[0][0])
            ids = sorted(found)
        elif STAMP in names or any(kinds.get(name) in TO_MANY for name in names):
            # In relations to many, `search_read` leaves archived records out, from some version on.
            ids = self._session.call(model, "search", domain, order="id", context=_ARCHIVED_TOO)
        else:
            return self._search_read(model, domain, names)
        rows = self.rows(model, ids, names)
        return [rows[key] for key in ids if key in rows]

    def _search_read(
        self, model: str, domain: list[Any], names: list[str], *, limit: int | None = None
    ) -> list[Row]:
        self._check(model, names)
        named: dict[str, Any] = {} if limit is None else {"limit": limit}
        if self._session.version().series > 14:
            named["load"] = ""
        answer = self._session.call(
            model,
            "search_read",
            domain,
            names or ["id"],
            order="id",
            context=_ARCHIVED_TOO,
            **named,
        )
        return self._typed(model, answer, names)

    def _is_stamped(self, names: Sequence[str]) -> bool:
        return STAMP in names and self._session.guard is not None

    def _typed(self, model: str, answer: Any, names: Sequence[str]) -> list[Row]:
        kinds = self._kinds(model)
        typed = [(name, kinds[name]) for name in names]
        try:
            return [
                {"id": int(row["id"])}
                | {name: field_value(row[name], kind) for name, kind in typed}
                for row in answer
            ]
        except (ValueError, TypeError, KeyError, IndexError, ArithmeticError) as error:
            raise self._bad(N_("a field cannot be read")) from error

    def _check(self, model: str, names: Sequence[str]) -> None:
        kinds = self._kinds(model)
        unknown = [name for name in names if name not in kinds]
        if unknown:
            raise NotFound(
                N_("{model} has no field {name!r}."), what="field", name=unknown[0], model=model
            )

    def _kinds(self, model: str) -> Mapping[str, str]:
        kinds = self._catalogue.kinds(model)
        if kinds is None:
            raise NotFound(what="model", name=model)
        return kinds

    def _bad(self, problem: str) -> BadAnswer:
        return BadAnswer(system=self._session.system, problem=problem)


class _Footprint:
    """Which fields are read of each model: those of the footprint, and the links that lead on."""

    def __init__(
        self,
        fields: Mapping[str, frozenset[str]],
        queries: Sequence[Query],
        catalogue: Catalogue,
    ) -> None:
        self.fields = fields
        self.queries = [
            query
            for query in queries
            if query.model in fields
            and query.owner in fields
            and (
                not query.link
                or query.link in catalogue[query.owner if query.is_forward else query.model]
            )
        ]
        self._links: dict[str, set[str]] = defaultdict(set)
        for query in self.queries:
            self._links[query.owner if query.is_forward else query.model].add(query.link)

    def __contains__(self, model: str) -> bool:
        return model in self.fields

    def names(self, model: str) -> frozenset[str]:
        """Return what is read of a model: always the same, whichever query finds a record."""
        return (self.fields[model] | self._links[model]) - {""}


class _Found:
    """What was read so far: each record once, and which images it belongs to."""

    def __init__(self, count: int, footprint: _Footprint) -> None:
        self._footprint = footprint
        self._images: list[dict[Ref, Mapping[str, Value] | None]] = [{} for _ in range(count)]
        self._rows: dict[str, dict[int, Row]] = defaultdict(dict)
        self._places: dict[tuple[str, int], set[int]] = defaultdict(set)

    def expect(self, ref: Ref, place: int) -> None:
        """Say that an image has this record, as missing until it is added."""
        self._images[place].setdefault(ref, None)

    def add(self, model: str, key: int, row: Row, places: Iterable[int]) -> None:
        """Put a record into images."""
        self._rows[model][key] = row
        fields = {name: row[name] for name in self._footprint.fields[model]}
        for place in places:
            self._places[model, key].add(place)
            self._images[place][Ref(model, str(key))] = fields

    def has(self, ref: Ref, place: int) -> bool:
        """Whether an image has the record, missing or not."""
        return ref in self._images[place]

    def of_model(self, model: str) -> dict[int, Row]:
        """Return the existing records of a model by id."""
        return dict(self._rows[model])

    def places(self, model: str, key: int) -> set[int]:
        """Return which images a record belongs to."""
        return set(self._places[model, key])

    def images(self) -> list[Image]:
        """Return the images, sorted by ref."""
        return [
            Image(tuple(Record(ref, fields) for ref, fields in sorted(found.items())))
            for found in self._images
        ]


def ids_in(value: Any) -> tuple[int, ...]:
    """Return the ids in a relation to one or to many."""
    if isinstance(value, tuple):
        return value
    return () if value is None else (int(value),)
