"""Kinds of documents in Odoo: where each lies, and how it becomes canonical columns.

Only stored fields and cheap ones are read, a page of documents at a time; what hangs on the documents (lines,
posted invoice lines, names) is read apart for the whole page. A field that a version does not have is left out
of the question and is empty in the row, so a source names the fields of every version.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from connectors.columns import batch_of, documents_schema, lines_schema
from connectors.contract import Criteria, Kind, Ref
from connectors.odoo.actions import Target
from connectors.odoo.lookup import Lookup, Reader, Row, Setting, key_of
from core import encoding
from core.errors import NotFound
from core.text import N_

if TYPE_CHECKING:
    import pyarrow as pa

PAGE: Final = 500
"""Documents in one answer: from here on a bigger page is no faster."""

Columns = dict[str, Any]

NO_NUMBER: Final = frozenset({"/", "New", ""})
"""What Odoo writes where a document has no number yet."""

STAMPS: Final = ("create_date", "write_date", "write_uid")


class Source:
    """Where documents of one kind lie. A kind may have several."""

    model: str
    number = (
        "name"  # the field by which people name a document; empty where they have no name for it
    )
    wanted: tuple[str, ...] = ()
    company_field = "company_id"
    is_company_optional = False  # whether a document without a company belongs to every one
    needs: tuple[
        tuple[str, str], ...
    ] = ()  # fields without which this server has no such documents
    line_model = ""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind

    # --- which documents ----------------------------------------------------------------------------

    def is_here(self, target: Target) -> bool:
        """Whether this server has such documents."""
        return target.has(self.model) and all(target.has(*need) for need in self.needs)

    def domain(self, lookup: Lookup) -> list[Any]:
        """Return the condition that picks this kind's documents."""
        del lookup
        return []

    def filter(self, criteria: Criteria, lookup: Lookup) -> list[Any] | None:
        """Return the domain that Odoo filters with; None where certainly nothing fits."""
        found = self.domain(lookup)
        company = lookup.setting.company_id
        if self.company_field and company is not None:
            if self.is_company_optional:
                found.append([self.company_field, "in", [company, False]])
            else:
                found.append([self.company_field, "=", company])
        if criteria.numbers is not None:
            numbers = sorted({*criteria.numbers} - NO_NUMBER)
            if not numbers or not self.number:
                return None
            found.append([self.number, "in", numbers])
        keys = criteria.keys_of(self.model)
        if keys is not None:
            found.append(["id", "in", [int(key) for key in keys if key.isdigit()]])
        if criteria.is_closed is not None:
            found += self.closed(lookup, is_closed=criteria.is_closed) or []
        return found

    def closed(self, lookup: Lookup, *, is_closed: bool) -> list[Any] | None:
        """Return the condition that picks closed or open documents; None where only their columns tell."""
        del lookup, is_closed
        return None

    # --- what they hold -----------------------------------------------------------------------------

    def fields(self, lookup: Lookup) -> list[str]:
        """Return the fields that are read of every document."""
        names = {*STAMPS, *self.wanted, self.company_field, self.number} - {""}
        return lookup.present(self.model, names)

    def attach(
        self, rows: Sequence[Row], lookup: Lookup, *, with_lines: bool, native: Sequence[str] = ()
    ) -> None:
        """Read what hangs on a page of documents; lines, with these native fields, go to `row["lines."]`."""

    def document(self, row: Row, lookup: Lookup) -> Columns | None:
        """Return the columns of one document; None leaves it out."""
        raise NotImplementedError

    def line(self, row: Row, line: Row, lookup: Lookup) -> Columns:
        """Return the columns of one line of it."""
        raise NotImplementedError

    def number_of(self, row: Row) -> str | None:
        """Return the number that people use."""
        found = row.get(self.number) if self.number else None
        return None if found in NO_NUMBER else found


def common(source: Source, row: Row, lookup: Lookup) -> Columns:
    """Return the columns that every document has."""
    return {
        "key": str(row["id"]),
        "number": source.number_of(row),
        "company": lookup.name("res.company", row.get("company_id")),
        "state": row.get("state"),
        "created_at": row.get("create_date"),
        "changed_at": row.get("write_date") or row.get("create_date"),
        "changed_by": lookup.name("res.users", row.get("write_uid")),
    }


def partner_columns(row: Row, lookup: Lookup, field: str = "partner_id") -> Columns:
    """Return name and key of a document's partner."""
    key = row.get(field)
    return {"partner": lookup.name("res.partner", key), "partner_key": key_of(key)}


def look_up_names(rows: Iterable[Row], lookup: Lookup, **fields: str) -> None:
    """Ask for the names of a whole page at once: `partner_id="res.partner"`."""
    asked: dict[str, set[int]] = {"res.users": set(), "res.company": set()}
    for row in rows:
        for field, model in {
            "write_uid": "res.users",
            "company_id": "res.company",
            **fields,
        }.items():
            key = row.get(field)
            if key is not None:
                asked.setdefault(model, set()).add(key)
    for model, keys in asked.items():
        lookup.names(model, keys)


def day(value: date | datetime | None) -> date | None:
    """Return the day of a moment, in UTC as Odoo keeps it, or the day itself."""
    return value.date() if isinstance(value, datetime) else value


def sum_of(lines: Iterable[Mapping[str, Any]], name: str) -> Decimal:
    """Return the sum of a column over lines."""
    return sum((line[name] or Decimal(0) for line in lines), Decimal(0))


# --- reading ----------------------------------------------------------------------------------------------


def read_documents(
    sources: Iterable[Source], criteria: Criteria, reader: Reader, setting: Setting
) -> Iterator[pa.RecordBatch]:
    """Yield documents in canonical columns; one empty batch when there is none.

    Raises `NotFound` for a kind that this server has not, and for a native column that no source has.
    """
    import pyarrow as pa

    lookup = Lookup(reader, setting)
    schema = documents_schema(criteria.native)
    is_empty = True
    present = _present(sources, setting.target)
    _check_native([source.model for source in present], criteria.native, setting.target)
    for source in present:
        native = Native(source.model, criteria.native, lookup)
        for page in _pages(source, criteria, lookup, native.fields):
            source.attach(page, lookup, with_lines=False)
            native.attach(page)
            rows = [
                {"kind": source.kind.value, "model": source.model} | columns | native.columns(row)
                for row in page
                if (columns := source.document(row, lookup)) is not None
                and criteria.is_closed in (None, columns["is_closed"])
            ]
            if rows:
                is_empty = False
                yield batch_of(rows, schema)
    if is_empty:
        yield pa.RecordBatch.from_pylist([], schema=schema)


def read_lines(
    sources: Iterable[Source], criteria: Criteria, reader: Reader, setting: Setting
) -> Iterator[pa.RecordBatch]:
    """Yield document lines in canonical columns; one empty batch when there is none.

    Native columns are fields of the line's own model.
    """
    import pyarrow as pa

    lookup = Lookup(reader, setting)
    schema = lines_schema(criteria.native)
    is_empty = True
    present = [source for source in _present(sources, setting.target) if source.line_model]
    _check_native([source.line_model for source in present], criteria.native, setting.target)
    for source in present:
        native = Native(source.line_model, criteria.native, lookup)
        for page in _pages(source, criteria, lookup, ()):
            source.attach(page, lookup, with_lines=True, native=native.fields)
            native.attach([line for row in page for line in row.get("lines.", ())])
            rows = [
                {
                    "kind": source.kind.value,
                    "model": source.line_model,
                    "document_key": str(row["id"]),
                    "number": source.number_of(row),
                    "key": str(line["id"]),
                    "position": position,
                }
                | source.line(row, line, lookup)
                | native.columns(line)
                for row in page
                if _is_asked(source, row, criteria, lookup)
                for position, line in enumerate(row.get("lines.", ()), 1)
            ]
            if rows:
                is_empty = False
                yield batch_of(rows, schema)
    if is_empty:
        yield pa.RecordBatch.from_pylist([], schema=schema)


def find_documents(
    sources: Iterable[Source], numbers: Sequence[str], reader: Reader, setting: Setting
) -> dict[str, tuple[Ref, ...]]:
    """Return the documents of each number. Raises `NotFound` for a kind that this server has not."""
    lookup = Lookup(reader, setting)
    found: dict[str, tuple[Ref, ...]] = dict.fromkeys(numbers, ())
    for source in _present(sources, setting.target):
        domain = source.filter(Criteria(numbers=tuple(found)), lookup)
        if domain is None:
            continue
        for page in reader.pages(source.model, domain, (source.number,), size=PAGE):
            for row in page:
                number = row[source.number]
                # An account's code is another one in another company: only the one that people see counts.
                if number in found:
                    found[number] += (Ref(source.model, str(row["id"])),)
    return found


def _present(sources: Iterable[Source], target: Target) -> list[Source]:
    given = list(sources)
    present = [source for source in given if source.is_here(target)]
    if not present:
        raise NotFound(what="kind", name=given[0].kind.value if given else "")
    return present


def _pages(
    source: Source, criteria: Criteria, lookup: Lookup, more: Sequence[str]
) -> Iterator[list[Row]]:
    domain = source.filter(criteria, lookup)
    if domain is None:
        return
    fields = sorted({*source.fields(lookup), *more})
    yield from lookup.reader.pages(source.model, domain, fields, size=PAGE)


def _is_asked(source: Source, row: Row, criteria: Criteria, lookup: Lookup) -> bool:
    """Whether a document is closed or open as asked, where Odoo could not filter for it."""
    if criteria.is_closed is None or source.closed(lookup, is_closed=criteria.is_closed):
        return True
    columns = source.document(row, lookup)
    return columns is not None and columns["is_closed"] is criteria.is_closed


# --- native columns ---------------------------------------------------------------------------------------


def _check_native(models: Sequence[str], names: Sequence[str], target: Target) -> None:
    for name in names:
        head, _, rest = name.partition(".")
        if "." in rest or not any(target.has(model, head) for model in models):
            raise NotFound(
                N_("{model} has no field {name!r}."),
                what="field",
                name=name,
                model=" / ".join(dict.fromkeys(filter(None, models))),
            )


class Native:
    """Native fields of one model as text, also those one step away (`partner_id.ref`)."""

    def __init__(self, model: str, names: Sequence[str], lookup: Lookup) -> None:
        self._lookup = lookup
        self._names = tuple(names)
        heads = {name: name.partition(".")[0] for name in names}
        known = lookup.target.fields.get(model, {})
        self.fields = tuple(sorted({head for head in heads.values() if head in known}))
        self._steps = {
            name: (head, str(known[head].relation), name.partition(".")[2])
            for name, head in heads.items()
            if head in known and "." in name
        }
        self._related: dict[str, dict[int, Row]] = {}

    def attach(self, rows: Sequence[Row]) -> None:
        """Read the fields one step away, for a whole page."""
        for name, (head, relation, field) in self._steps.items():
            ids = {key for row in rows for key in _ids(row.get(head))}
            self._related[name] = self._lookup.records(relation, ids, (field,))

    def columns(self, row: Row) -> Columns:
        """Return the native columns of one record."""
        return {f"native.{name}": self._text(row, name) for name in self._names}

    def _text(self, row: Row, name: str) -> str | None:
        if name not in self._steps:
            return text_of(row.get(name))
        head, _, field = self._steps[name]
        related = self._related[name]
        texts = [text_of(related[key][field]) for key in _ids(row.get(head)) if key in related]
        return ", ".join(found for found in texts if found) or None


def _ids(value: Any) -> tuple[int, ...]:
    if isinstance(value, tuple):
        return value
    return () if value is None else (value,)


def text_of(value: Any) -> str | None:
    """Return a value as text."""
    if value is None or isinstance(value, str):
        return value
    return encoding.dumps(value).decode("utf-8").strip('"')
