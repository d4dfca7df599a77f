"""Reading documents and footprints: one call a document, or one for many where SAP's function takes many."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from connectors.contract import Image, Kind, Record, Ref, Step
from connectors.sap import tables
from connectors.sap.errors import messages_of
from connectors.sap.layouts import LAYOUTS, SEPARATOR
from connectors.sap.listing import list_keys, listing_of, try_own
from connectors.sap.shapes import Member, Structure
from connectors.sap.values import typed
from core.errors import BadAnswer, NotFound, RecordMissing
from core.text import N_

if TYPE_CHECKING:
    from connectors.sap.actions import SapAction
    from connectors.sap.envelopes import Row
    from connectors.sap.layouts import Counter, Layout, Part
    from connectors.sap.services import Services
    from connectors.sap.transport import Endpoint, Session
    from core.encoding import Value

AT_ONCE: Final = 50
"""Documents in one question, where a function takes many."""

Rows = Mapping[Ref, "Row"]

Fields = Mapping[str, frozenset[str]]
"""Fields by model, where not all are wanted; what is read may be more."""


class Reader:
    """Reads through one session. Values are typed; what a type does not carry exactly keeps its text."""

    def __init__(self, session: Session, services: Services) -> None:
        self._session = session
        self._services = services

    def can_read(self, layout: Layout) -> bool:
        """Whether some service gives documents of a layout."""
        return self._services.reader(layout.function) is not None

    def structures(self) -> dict[str, Structure]:
        """Return every model that some service offers for reading."""
        found: dict[str, Structure] = {}
        for layout in LAYOUTS:
            endpoint = self._services.reader(layout.function)
            if endpoint is None:
                continue
            for part in layout.all_parts:
                structure = _described(endpoint, part)
                if structure is not None:
                    found[part.model] = structure
        return found

    def offers(self, layout: Layout, model: str) -> bool:
        """Whether records of one model of a layout can be read."""
        try:
            self.structure(layout, model)
        except NotFound:
            return False
        return True

    def listed_by(self, layout: Layout, kind: Kind) -> str | None:
        """Return what lists documents of a layout; None where they must be named."""
        listing = listing_of(layout, kind, self._services)
        return None if listing is None else listing.function

    def require_listing(self, layout: Layout, kind: Kind) -> None:
        """Try a function of the customer that lists documents. Raises its refusal."""
        try_own(layout, kind, self._session, self._services)

    def keys(self, layout: Layout, kind: Kind, is_closed: bool | None) -> list[str] | None:
        """Return the keys of every document that our user may see, sorted; None where nothing lists them.

        Those that are known not to be `is_closed` as asked may be left out.
        """
        del is_closed
        return list_keys(layout, kind, self._session, self._services)

    def columns(self, layout: Layout, native: Sequence[str]) -> Fields | None:
        """Return the fields that columns are made of, `native` ones of the document included; None for all."""
        del layout, native
        return None

    def structure(self, layout: Layout, model: str) -> Structure:
        """Return the fields of a model. Raises `NotFound` where no service describes it."""
        endpoint = self._services.reader(layout.function)
        part = layout.part(model)
        found = None if endpoint is None or part is None else _described(endpoint, part)
        if found is None:
            raise NotFound(what="model", name=model)
        return found

    def documents(
        self, layout: Layout, keys: Iterable[str], fields: Fields | None = None
    ) -> dict[str, Rows]:
        """Return the rows of each document that exists, by its key. BAPIs give all `fields`, wanted or not."""
        del fields
        wanted = list(dict.fromkeys(key for key in keys if layout.key_of(key) == key))
        if layout.root.columns:
            return self._from_tables(layout, wanted)
        endpoint = self._services.reading(layout.function)
        known = endpoint.function.request.members
        found: dict[str, Rows] = {}
        for asked, parameters in layout.requests(wanted, at_once=AT_ONCE):
            here = {name: content for name, content in parameters.items() if name in known}
            reply = self._session.call(endpoint, here, language=layout.language)
            rows = layout.records(reply.rows, asked)
            missing = [key for key in asked if key not in rows]
            if missing:
                # A document that is not there has an error message too: every other one is a refusal to read.
                refused = self._session.vocabulary.error(self._session.system, messages_of(reply))
                if refused is not None and not isinstance(refused, RecordMissing):
                    raise refused
            found |= rows
        return found

    def _from_tables(self, layout: Layout, keys: Sequence[str]) -> dict[str, Rows]:
        endpoint = self._services.reading(layout.function)
        found: dict[str, Rows] = {}
        for start in range(0, len(keys), AT_ONCE):
            chunk = keys[start : start + AT_ONCE]
            conditions = tables.one_of(layout.number, (key.split(SEPARATOR) for key in chunk))
            rows: dict[str, Sequence[Row]] = {}
            for part in layout.all_parts:
                asked = tables.request_of(part.model, part.columns, conditions)
                reply = self._session.call(endpoint, asked)
                rows[part.model] = tables.rows_of(self._session.system, part.columns, reply)
            found |= layout.records(rows.__getitem__, chunk)
        return found

    def records(self, layout: Layout, refs: Sequence[Ref], fields: Sequence[str]) -> list[Record]:
        """Read records of one model, in the order of `refs`. See `System.read`."""
        structure = self.structure(layout, refs[0].model)
        unknown = set(fields) - structure.scalars().keys()
        if unknown:
            raise NotFound(what="field", name=", ".join(sorted(unknown)))
        wanted = {refs[0].model: frozenset(fields)}
        documents = self.documents(layout, (layout.document_of(ref) for ref in refs), wanted)
        return [
            record_of(
                self._session.system,
                ref,
                documents.get(layout.document_of(ref), {}).get(ref),
                structure,
                fields,
            )
            for ref in refs
        ]

    def capture(
        self, action: SapAction, steps: Sequence[Step], known: Sequence[Image | None]
    ) -> list[Image]:
        """Read the whole footprint of each step. See `System.capture`."""
        keys = (step.ref.key for step in steps)
        documents = self.documents(action.layout, keys, action.footprint)
        counter = action.layout.counter
        if counter is not None:
            documents = {
                key: {**rows, **self._counter(action.layout, counter, key, rows)}
                for key, rows in documents.items()
            }
        return [
            self._image(action, step, documents.get(step.ref.key, {}), earlier)
            for step, earlier in zip(steps, known, strict=True)
        ]

    def _counter(self, layout: Layout, counter: Counter, key: str, rows: Rows) -> Rows:
        """Return the rows of a document's counter-document; none where there is none."""
        asked = counter.question(key, rows)
        if asked is None:
            return {}
        endpoint = self._services.reading(counter.function)
        known = endpoint.function.request.members
        here = {name: content for name, content in asked.items() if name in known}
        reply = self._session.call(endpoint, here)
        columns = layout.root.columns
        if columns:
            read = tables.rows_of(self._session.system, columns, reply)
            return counter.rows(key, {layout.root.model: read}.__getitem__)
        found = counter.rows(key, reply.rows)
        if not found:
            refused = self._session.vocabulary.error(self._session.system, messages_of(reply))
            if refused is not None and not isinstance(refused, RecordMissing):
                raise refused
        return found

    def whole(self, layout: Layout, keys: Sequence[str]) -> list[Image]:
        """Read every field of every record of some documents."""
        documents = self.documents(layout, keys)
        found = []
        for key in keys:
            rows = documents.get(key, {})
            records = []
            for ref, row in rows.items():
                structure = self.structure(layout, ref.model)
                records.append(
                    record_of(self._session.system, ref, row, structure, list(structure.scalars()))
                )
            found.append(Image(tuple(sorted(records, key=lambda record: record.ref))))
        return found

    def _image(self, action: SapAction, step: Step, rows: Rows, earlier: Image | None) -> Image:
        refs = {step.ref, *(earlier.refs() if earlier is not None else ())}
        refs |= {ref for ref in rows if ref.model in action.footprint}
        return Image(
            tuple(
                record_of(
                    self._session.system,
                    ref,
                    rows.get(ref),
                    self.structure(action.layout, ref.model),
                    sorted(action.footprint.get(ref.model, ())),
                )
                for ref in sorted(refs)
            )
        )


def _described(endpoint: Endpoint, part: Part) -> Structure | None:
    """Return the fields of a model: those of its parameter, or the columns of the table that is read."""
    if not part.columns:
        return endpoint.function.rows_of(part.source)
    members = {name: Member(name, name, scalar) for name, scalar in part.columns.items()}
    return Structure(part.model, members)


def record_of(
    system: str, ref: Ref, row: Row | None, structure: Structure, fields: Sequence[str]
) -> Record:
    """Return a record of a row; one without fields where there is no row.

    Raises `BadAnswer` for a field that did not come: it is not the same as one that is initial.
    """
    if row is None:
        return Record(ref, None)
    scalars = structure.scalars()
    lacking = sorted(name for name in fields if name not in row)
    if lacking:
        raise BadAnswer(
            N_(
                "{system} left out the fields {names}, which the description of the service foresees: the service has"
                " changed"
            ),
            system=system,
            names=", ".join(lacking),
            problem="",
        )
    values: dict[str, Value] = {}
    raw: dict[str, str] = {}
    for name in fields:
        values[name], text = typed(scalars[name], row[name])
        if text is not None:
            raw[name] = text
    return Record(ref, values, raw)
