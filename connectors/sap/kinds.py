"""The bulk face: documents and lines of a kind in canonical columns, a page at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from connectors.columns import batch_of, documents_schema, lines_schema
from connectors.contract import Criteria, Kind, Ref
from connectors.sap.customer_list import PARAMETERS
from connectors.sap.sources import SOURCES, Document, Source, shown, sources_here
from core.errors import BadInput, RefusedError
from core.text import N_, Text

if TYPE_CHECKING:
    import pyarrow as pa

    from connectors.sap.layouts import Layout
    from connectors.sap.reading import Reader
    from core.encoding import Value

PAGE: Final = 100
"""Documents in one batch of columns."""


class Bulk:
    """The bulk face: which documents, and their columns, a page at a time."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def kinds(self) -> tuple[Kind, ...]:
        """Return the kinds that some service lets us read, sorted."""
        return tuple(sorted(kind for kind in SOURCES if sources_here(kind, self._reader)))

    def listings(self) -> Iterator[Text]:
        """Say per kind what lists its documents, or that they must be named and what to ask for."""
        for kind in self.kinds():
            layouts = [source.layout for source in sources_here(kind, self._reader)]
            functions = [self._reader.listed_by(layout, kind) for layout in layouts]
            is_one = len(set(functions)) == 1
            for layout, function in zip(layouts, functions, strict=True):
                name = str(kind) if is_one else f"{kind} ({layout.root.model})"
                yield self._listing(kind, layout, name, function)
                if is_one:
                    break

    def _listing(self, kind: Kind, layout: Layout, name: str, function: str | None) -> Text:
        if function is None:
            return Text(
                N_(
                    "{kind}: no service lists such documents: their numbers must be given, or the SAP team makes a"
                    " function with the parameters {parameters}, which storno.yaml names under lists (its source:"
                    " docs/howto/connect-sap.md)"
                ),
                {"kind": name, "parameters": ", ".join(PARAMETERS)},
            )
        shown = {"kind": name, "function": function}
        try:
            self._reader.require_listing(layout, kind)
        except RefusedError as error:
            told = {**shown, "said": str(error)}
            return Text(N_("{kind}: {function} should list them and does not: {said}"), told)
        return Text(N_("{kind}: listed by {function}"), shown)

    def documents(self, kind: Kind, criteria: Criteria) -> Iterator[pa.RecordBatch]:
        """Yield documents in canonical columns."""
        schema = documents_schema(criteria.native)
        for source, page in self._pages(kind, criteria):
            rows = []
            for document in page:
                row = {
                    "kind": str(kind),
                    "model": source.layout.root.model,
                    "key": document.key,
                    "number": shown(document.key),
                    **source.columns(document),
                }
                row |= {
                    f"native.{name}": _as_text(document.root.get(name)) for name in criteria.native
                }
                if criteria.is_closed in (None, row["is_closed"]):
                    rows.append(row)
            if rows:
                yield batch_of(rows, schema)

    def lines(self, kind: Kind, criteria: Criteria) -> Iterator[pa.RecordBatch]:
        """Yield lines in canonical columns."""
        schema = lines_schema(criteria.native)
        for source, page in self._pages(kind, criteria):
            rows = [
                {
                    "kind": str(kind),
                    "document_key": document.key,
                    "number": shown(document.key),
                    **line,
                }
                for document in page
                if criteria.is_closed in (None, source.columns(document)["is_closed"])
                for line in source.lines(document)
            ]
            if rows:
                yield batch_of(rows, schema)

    def find(self, kind: Kind, numbers: Sequence[str]) -> Mapping[str, tuple[Ref, ...]]:
        """Return the document of each number, if there is one."""
        found: dict[str, tuple[Ref, ...]] = dict.fromkeys(numbers, ())
        for source in sources_here(kind, self._reader):
            layout = source.layout
            keys = {number: layout.key_of(number) for number in numbers}
            wanted = [key for key in keys.values() if key is not None]
            rows = self._reader.documents(layout, wanted, self._reader.columns(layout, ()))
            there = {
                key
                for key, each in rows.items()
                if source.is_one(Document(layout, key, each, self._reader))
            }
            for number, key in keys.items():
                if key in there:
                    found[number] += (Ref(layout.root.model, str(key)),)
        return found

    def _pages(self, kind: Kind, criteria: Criteria) -> Iterator[tuple[Source, list[Document]]]:
        sources = sources_here(kind, self._reader)
        asked = [(source, self._keys(kind, source, criteria)) for source in sources]
        if all(keys is None for _, keys in asked):
            raise BadInput(
                source=str(kind),
                problem=N_(
                    "no service of this SAP lists such documents: give their numbers (storno close plan CLOSING"
                    " --from FILE), or name a function that does under lists in storno.yaml"
                ),
            )
        for source, keys in asked:
            fields = self._reader.columns(source.layout, criteria.native)
            for start in range(0, len(keys or ()), PAGE):
                page = (keys or [])[start : start + PAGE]
                found = self._reader.documents(source.layout, page, fields)
                documents = [
                    Document(source.layout, key, rows, self._reader) for key, rows in found.items()
                ]
                yield source, [document for document in documents if source.is_one(document)]

    def _keys(self, kind: Kind, source: Source, criteria: Criteria) -> list[str] | None:
        """Return the keys of the documents that are asked for; None where nothing lists them."""
        layout = source.layout
        named = criteria.keys_of(layout.root.model)
        by_key = None if named is None else [key for key in named if layout.key_of(key) == key]
        if criteria.numbers is not None:
            keys = [key for number in criteria.numbers if (key := layout.key_of(number))]
            return [key for key in keys if by_key is None or key in by_key]
        if by_key is not None:
            return by_key
        return self._reader.keys(layout, kind, criteria.is_closed)


def _as_text(value: Value) -> str | None:
    return None if value is None else str(value)
