"""Kinds of documents in Tryton: where each lies, and how it becomes canonical columns.

Only stored fields are read. Totals with tax are stored once an order is cancelled or processing and once an
invoice is posted; for the others they are asked for apart, because Tryton works them out one by one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa

from connectors.columns import batch_of, documents_schema, lines_schema
from connectors.contract import Criteria, Kind
from connectors.tryton.actions import Target
from connectors.tryton.reading import Reader
from connectors.tryton.transport import field_value
from core import encoding

PAGE: Final = 200

Row = Mapping[str, Any]
Columns = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Setting:
    """What rows are read with: the target, and the company that every document belongs to."""

    target: Target
    company: str | None
    company_id: int | None


class Source:
    """Where documents of one kind lie. A kind may have several."""

    model: str
    number = "number"
    named: tuple[str, ...] = ("number",)  # the fields by which people name a document
    closed_states: tuple[str, ...] = ("done", "cancelled")
    company_field: str | None = "company"
    paths: tuple[str, ...]
    line_model = ""
    line_paths: tuple[str, ...] = ()
    domain: tuple[Any, ...] = ()

    def __init__(self, kind: Kind) -> None:
        self.kind = kind

    def filter(self, criteria: Criteria, setting: Setting) -> list[Any]:
        """Return the domain that Tryton filters with."""
        found = list(self.domain)
        if self.company_field and setting.company_id is not None:
            found.append([self.company_field, "=", setting.company_id])
        if criteria.numbers is not None:
            found.append(self.numbered(criteria.numbers))
        keys = criteria.keys_of(self.model)
        if keys is not None:
            found.append(["id", "in", [int(key) for key in keys if key.isdigit()]])
        if criteria.is_closed is not None:
            found.append(self.closed(is_closed=criteria.is_closed))
        return found

    def numbered(self, numbers: Sequence[str]) -> list[Any]:
        """Return the condition that picks documents by number."""
        return ["OR", *([name, "in", list(numbers)] for name in self.named)]

    def closed(self, *, is_closed: bool) -> list[Any]:
        """Return the condition that picks closed or open documents."""
        return ["state", "in" if is_closed else "not in", list(self.closed_states)]

    def document(self, row: Row, setting: Setting) -> Columns:
        """Return the columns of one document."""
        raise NotImplementedError

    def lines(self, row: Row, setting: Setting) -> Iterator[Columns]:
        """Return the columns of its lines."""
        del row, setting
        yield from ()

    def complete(self, rows: list[dict[str, Any]], reader: Reader) -> None:
        """Read what only some of the rows need."""


COMMON: Final = (
    "number",
    "state",
    "create_date",
    "create_uid.rec_name",
    "write_date",
    "write_uid.rec_name",
)


def common(row: Row, setting: Setting) -> Columns:
    """Return the columns that every document has."""
    changed = row.get("write_date") or row.get("create_date")
    writer = row.get("write_uid.") or row.get("create_uid.") or {}
    return {
        "key": str(row["id"]),
        "company": setting.company,
        "state": row.get("state"),
        "created_at": row.get("create_date"),
        "changed_at": changed,
        "changed_by": writer.get("rec_name"),
    }


def name_in(row: Row, relation: str) -> str | None:
    """Return the name of a related record that was read with the row."""
    related = row.get(f"{relation}.")
    return related.get("rec_name") if isinstance(related, dict) else None


def unit_name(setting: Setting, unit: Any) -> str | None:
    """Return the name of a unit."""
    found = setting.target.units.get(unit)
    return found.name if found else None


def key_of(value: Any) -> str | None:
    """Return the key of a related record as text."""
    return None if value is None else str(value)


def item_columns(row: Row) -> Columns:
    """Return code (or name) and key of a row's product."""
    product = row.get("product.") or {}
    return {
        "item": product.get("code") or product.get("name") or row.get("description"),
        "item_key": key_of(product.get("id")),
    }


def read_documents(
    sources: Iterable[Source], criteria: Criteria, reader: Reader, setting: Setting
) -> Iterator[pa.RecordBatch]:
    """Yield documents in canonical columns; one empty batch when there is none."""
    import pyarrow as pa

    schema = documents_schema(criteria.native)
    is_empty = True
    for source in sources:
        paths = sorted({*source.paths, *source.line_paths, *criteria.native})
        domain = source.filter(criteria, setting)
        for page in reader.pages(source.model, domain, paths, size=PAGE):
            source.complete(page, reader)
            rows = [
                {"kind": source.kind.value, "model": source.model}
                | source.document(row, setting)
                | native_columns(row, criteria.native)
                for row in page
            ]
            is_empty = False
            yield batch_of(rows, schema)
    if is_empty:
        yield pa.RecordBatch.from_pylist([], schema=schema)


def read_lines(
    sources: Iterable[Source], criteria: Criteria, reader: Reader, setting: Setting
) -> Iterator[pa.RecordBatch]:
    """Yield document lines in canonical columns; one empty batch when there is none."""
    import pyarrow as pa

    schema = lines_schema(criteria.native)
    is_empty = True
    for source in sources:
        if not source.line_paths:
            continue
        paths = sorted({"id", *source.paths, *source.line_paths})
        domain = source.filter(criteria, setting)
        for page in reader.pages(source.model, domain, paths, size=PAGE):
            rows = [
                {
                    "kind": source.kind.value,
                    "model": source.line_model,
                    "document_key": str(row["id"]),
                    "number": row.get(source.number),
                    "position": position,
                }
                | line
                for row in page
                for position, line in enumerate(source.lines(row, setting), 1)
            ]
            if rows:
                is_empty = False
                yield batch_of(rows, schema)
    if is_empty:
        yield pa.RecordBatch.from_pylist([], schema=schema)


def native_columns(row: Row, names: Sequence[str]) -> Columns:
    """Return native fields as text, also those of related records (`party.code`)."""
    return {f"native.{name}": _native(row, name) for name in names}


def _native(row: Row, name: str) -> str | None:
    head, _, rest = name.partition(".")
    if rest:
        related = row.get(f"{head}.")
        if isinstance(related, list):
            return ", ".join(found for one in related if (found := _native(one, rest))) or None
        return _native(related, rest) if isinstance(related, dict) else None
    value = field_value(row.get(name))
    if value is None or isinstance(value, str):
        return value
    return encoding.dumps(value).decode("utf-8").strip('"')
