"""Lines that the ERP writes anew at every save: known by their place in the document, for their keys tell nothing.

An image calls the third line of document 57 `57|3`, whatever key it has today; the key itself is a field of the line,
and trace. So a save that changed nothing changed nothing, and one that did is judged by what stands there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from config.recipes import DOCUMENT
from connectors.contract import Call, Image, Record, Ref
from connectors.odbc.recipe_judging import parts_of
from connectors.odbc.values import Cell, field, key_parts, key_text
from core.errors import ContractBroken

if TYPE_CHECKING:
    from config.recipes import KindRecipe
    from connectors.odbc.images import Images
    from connectors.odbc.target import LiveKind
    from core.encoding import Value


class Places:
    """Translates between keys of lines and their places, for one kind."""

    def __init__(self, rules: KindRecipe) -> None:
        lines = rules.lines
        if lines is None or not lines.renewed:
            raise ContractBroken(problem="the lines of this kind keep their keys")
        self.table = lines.table
        self._key, self._link = lines.key, tuple(lines.link)

    def by_place(self, image: Image, known: Image | None = None) -> Image:
        """Return an image whose lines are called by their places; places that were known and are empty are missing."""
        found: dict[Ref, Record] = {}
        owners: dict[str, list[Record]] = {}
        for record in image.records:
            if record.ref.model != self.table:
                found[record.ref] = record
            elif record.fields is not None:
                owners.setdefault(self._owner(record.fields), []).append(record)
        for owner, records in owners.items():
            for place, record in enumerate(sorted(records, key=self._order), start=1):
                ref = Ref(self.table, f"{owner}|{place}")
                found[ref] = replace(record, ref=ref)
        for record in known.records if known is not None else ():
            if record.ref.model == self.table:
                found.setdefault(record.ref, Record(record.ref, None))
        return Image(tuple(found[ref] for ref in sorted(found)))

    def without_lines(self, image: Image | None) -> Image | None:
        """Return an earlier image without its lines: nobody finds them again by the keys that they had."""
        if image is None:
            return None
        return Image(tuple(r for r in image.records if r.ref.model != self.table))

    def by_key(self, image: Image) -> Image:
        """Return an image whose lines have the keys under which they stand in the database."""
        return Image(
            tuple(
                replace(record, ref=Ref(self.table, self._own_key(record)))
                if record.ref.model == self.table and record.fields is not None
                else record
                for record in image.records
            )
        )

    def of_calls(self, calls: Sequence[Call]) -> list[Call]:
        """Return calls whose images have the keys of the database."""
        return [replace(call, before=self.by_key(call.before)) for call in calls]

    def owner_of(self, key: str) -> str:
        """Return the key of the document that a place belongs to."""
        *owner, _ = key_parts(key)
        return key_text(owner)

    def columns(self) -> frozenset[str]:
        """Return the columns that tell a line's document and its place in it."""
        return frozenset({*self._key, *self._link})

    def _owner(self, fields: Mapping[str, Value]) -> str:
        return key_text([fields[name] for name in self._link])

    def _order(self, record: Record) -> tuple[tuple[str, Value], ...]:
        cells = [field(record, name) for name in self._key]
        return tuple((type(cell.value).__name__, cell.value) for cell in cells)

    def _own_key(self, record: Record) -> str:
        cells = [field(record, name) for name in self._key]
        return key_text([_key_value(cell) for cell in cells])


def _key_value(cell: Cell) -> Value:
    return cell.value if cell.raw is None else cell.raw


def read_by_place(
    places: Places, images: Images, kind: LiveKind, refs: Sequence[Ref], fields: Sequence[str]
) -> list[Record]:
    """Read lines by their places, in the order of `refs`."""
    rules = kind.rules
    owners = images.rows(
        kind.tables[DOCUMENT].name,
        rules.document.key,
        sorted({places.owner_of(ref.key) for ref in refs}),
        rules.document.key,
    )
    part = next(part for part in parts_of(rules) if part.table == places.table)
    needed = sorted({*fields, *places.columns()})
    found = [
        row.record(places.table, needed)
        for _, row in images.linked(part, owners.values(), fields=needed)
    ]
    whole = places.by_place(Image(tuple(found)))
    return [_only(whole.get(ref) or Record(ref, None), fields) for ref in refs]


def _only(record: Record, fields: Sequence[str]) -> Record:
    if record.fields is None:
        return record
    return Record(
        record.ref,
        {name: record.fields[name] for name in fields},
        {name: text for name, text in record.raw.items() if name in fields},
    )
