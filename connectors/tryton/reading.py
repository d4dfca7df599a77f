"""Reading records and footprints, in as few calls as Tryton allows: one `read` with dotted names a batch."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from connectors.contract import Image, Record, Ref, Step
from connectors.tryton.actions import Query, Shape, TrytonAction
from connectors.tryton.transport import Session, field_value
from core.encoding import Value
from core.errors import BadAnswer, RecordMissing
from core.text import N_

CHUNK: Final = 100
"""Records a read: Tryton's own cost a record doubles between 100 and 1,000 (its record cache)."""

NAMED: Final = 5
"""So many missing records Tryton names in one message."""

_NUMBER: Final = re.compile(r"\d+")
_HIDDEN_TOO: Final = {"active_test": False}


class Reader:
    """Reads through one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def rows(
        self, model: str, ids: Iterable[int], paths: Sequence[str]
    ) -> dict[int, dict[str, Any]]:
        """Return the existing records by id, as Tryton answers; a missing one is left out.

        A record that exists but is hidden from our user raises `AccessDenied`: it is not missing.
        """
        wanted = sorted(set(ids))
        found: dict[int, dict[str, Any]] = {}
        for start in range(0, len(wanted), CHUNK):
            chunk = wanted[start : start + CHUNK]
            try:
                rows = self._session.model(model, "read", chunk, list(paths), context=_HIDDEN_TOO)
            except RecordMissing:
                rows = self._existing_rows(model, chunk, paths)
            found |= self._by_id(rows, chunk)
        return found

    def linked_rows(self, query: Query, owners: Sequence[int]) -> list[dict[str, Any]]:
        """Return the records that a query finds for these owners."""
        found: list[dict[str, Any]] = []
        for start in range(0, len(owners), CHUNK):
            found += self._session.model(
                query.model,
                "search_read",
                [
                    [query.link, "in", list(owners[start : start + CHUNK])],
                    *([["state", "=", query.state]] if query.state else []),
                ],
                0,
                None,
                [["id", "ASC"]],
                sorted({*query.fields, query.link}),
                context=_HIDDEN_TOO,
            )
        return found

    def pages(
        self, model: str, domain: list[Any], paths: Sequence[str], *, size: int
    ) -> Iterator[list[dict[str, Any]]]:
        """Yield records in the order of their ids, page by page, memory flat.

        Paged by the last id, so a record that comes or goes meanwhile moves no other one.
        """
        last = 0
        while True:
            page = self._session.model(
                model,
                "search_read",
                [*domain, ["id", ">", last]],
                0,
                size,
                [["id", "ASC"]],
                list(paths),
                context=_HIDDEN_TOO,
            )
            if page:
                yield page
                last = max(int(row["id"]) for row in page)
            if len(page) < size:
                return

    def capture(
        self, action: TrytonAction, steps: Sequence[Step], known: Sequence[Image | None]
    ) -> list[Image]:
        """Read the whole footprint of each step. See `System.capture`."""
        ids = [int(step.ref.key) for step in steps]
        roots = self.rows(action.model, ids, list(action.shape.paths()))
        found: list[dict[Ref, dict[str, Value] | None]] = []
        for key in ids:
            records: dict[Ref, dict[str, Value] | None] = {Ref(action.model, str(key)): None}
            if key in roots:
                fold(action.shape, roots[key], records)
            found.append(records)
        for query in action.queries:
            self._follow(query, found)
        self._read_known(action.footprint, found, known)
        return [
            Image(tuple(Record(ref, fields) for ref, fields in sorted(records.items())))
            for records in found
        ]

    def _follow(self, query: Query, found: list[dict[Ref, dict[str, Value] | None]]) -> None:
        homes: dict[int, list[int]] = defaultdict(list)
        for place, records in enumerate(found):
            for ref, fields in records.items():
                if ref.model == query.owner and fields is not None:
                    homes[int(ref.key)].append(place)
        for row in self.linked_rows(query, sorted(homes)):
            fields = image_fields(row, query.fields)
            for place in homes[row[query.link]]:
                found[place][Ref(query.model, str(row["id"]))] = dict(fields)

    def _read_known(
        self,
        footprint: Mapping[str, frozenset[str]],
        found: list[dict[Ref, dict[str, Value] | None]],
        known: Sequence[Image | None],
    ) -> None:
        lost: dict[str, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
        for place, image in enumerate(known):
            for record in image.records if image is not None else ():
                if record.ref not in found[place] and record.ref.model in footprint:
                    lost[record.ref.model][int(record.ref.key)].append(place)
        for model, homes in lost.items():
            fields = sorted(footprint[model])
            rows = self.rows(model, homes, fields)
            for key, places in homes.items():
                for place in places:
                    row = rows.get(key)
                    found[place][Ref(model, str(key))] = (
                        None if row is None else image_fields(row, fields)
                    )

    def _existing_rows(
        self, model: str, ids: Sequence[int], paths: Sequence[str]
    ) -> list[dict[str, Any]]:
        existing = self._session.model(
            model, "search", [["id", "in", list(ids)]], 0, None, None, context=_HIDDEN_TOO
        )
        rows: list[dict[str, Any]] = []
        if existing:
            rows += self._session.model(model, "read", existing, list(paths), context=_HIDDEN_TOO)
        left = sorted(set(ids) - set(existing))
        while left:
            # Not found may be gone or hidden by a rule. Asked for few, Tryton names those that are gone.
            group, left = left[:NAMED], left[NAMED:]
            try:
                rows += self._session.model(model, "read", group, list(paths), context=_HIDDEN_TOO)
            except RecordMissing as error:
                gone = {int(key) for key in _NUMBER.findall(str(error.details.get("said", "")))}
                named = [key for key in group if key not in gone]
                if len(group) > 1 and len(named) == len(group):
                    raise BadAnswer(
                        system=self._session.system, problem=N_("it names no record")
                    ) from error
                left = (named if len(group) > 1 else []) + left
        return rows

    def _by_id(self, rows: Any, ids: Sequence[int]) -> dict[int, dict[str, Any]]:
        found = {int(row["id"]): row for row in rows}
        if not found.keys() <= set(ids):
            raise BadAnswer(
                system=self._session.system, problem=N_("it holds records that were not asked for")
            )
        return found


def fold(shape: Shape, row: Mapping[str, Any], into: dict[Ref, dict[str, Value] | None]) -> None:
    """Put the nested answer of one `read` into records, each once."""
    into[Ref(shape.model, str(row["id"]))] = image_fields(row, shape.fields)
    for name, below in shape.below.items():
        nested = row.get(f"{name}.")
        children = nested if isinstance(nested, list) else [nested] if nested else []
        for child in children:
            fold(below, child, into)


def image_fields(row: Mapping[str, Any], names: Iterable[str]) -> dict[str, Value]:
    """Return fields as an image keeps them: ids in a relation sorted, because databases order them at will."""
    fields: dict[str, Value] = {}
    for name in names:
        value = field_value(row[name])
        fields[name] = tuple(sorted(value)) if isinstance(value, tuple) else value
    return fields
