"""Reading over OData: rows of entity sets as the rows that the BAPIs would give; what has no such set, by BAPIs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from connectors.contract import Image, Kind, Ref, Step
from connectors.sap.layouts import SEPARATOR
from connectors.sap.odata_layouts import PUSHED
from connectors.sap.odata_values import WRONG, literal, text_of
from connectors.sap.reading import Reader
from core.errors import BadAnswer, NotFound
from core.text import N_

if TYPE_CHECKING:
    from connectors.sap.actions import SapAction
    from connectors.sap.envelopes import Row
    from connectors.sap.layouts import Layout
    from connectors.sap.odata_edmx import EntitySet
    from connectors.sap.odata_services import Catalogue, Channel, Served
    from connectors.sap.odata_transport import Gateway
    from connectors.sap.reading import Fields, Rows
    from connectors.sap.services import Services
    from connectors.sap.shapes import Structure
    from connectors.sap.transport import Session

KEYS_AT_ONCE: Final = 40
"""Documents in one condition: addresses longer than eight thousand characters are refused by proxies."""

_NONE: Final = frozenset[str]()

Marks = Mapping[Ref, str]
"""The ETag of each record that has one."""


class ODataReader(Reader):
    """Reads what an OData service has there, everything else through BAPIs."""

    def __init__(
        self, session: Session, services: Services, gateway: Gateway, catalogue: Catalogue
    ) -> None:
        super().__init__(session, services)
        self._gateway = gateway
        self._catalogue = catalogue

    def can_read(self, layout: Layout) -> bool:
        return self._catalogue.channel(layout) is not None or super().can_read(layout)

    def structure(self, layout: Layout, model: str) -> Structure:
        channel = self._catalogue.channel(layout)
        if channel is None:
            return super().structure(layout, model)
        if model not in channel.served:
            raise NotFound(what="model", name=model)
        return channel.served[model].structure

    def structures(self) -> dict[str, Structure]:
        found = super().structures()
        for channel in self._catalogue.channels.values():
            for part in channel.layout.all_parts:
                found.pop(part.model, None)
            found |= {model: served.structure for model, served in channel.served.items()}
        return found

    def columns(self, layout: Layout, native: Sequence[str]) -> Fields | None:
        channel = self._catalogue.channel(layout)
        if channel is None:
            return super().columns(layout, native)
        found = {model: served.columns for model, served in channel.served.items()}
        root = layout.root.model
        return {**found, root: found[root] | set(native)}

    def documents(
        self, layout: Layout, keys: Iterable[str], fields: Fields | None = None
    ) -> dict[str, Rows]:
        channel = self._catalogue.channel(layout)
        if channel is None:
            return super().documents(layout, keys, fields)
        return self._fetched(channel, keys, fields)[0]

    def listed_by(self, layout: Layout, kind: Kind) -> str | None:
        channel = self._catalogue.channel(layout)
        if channel is None:
            return super().listed_by(layout, kind)
        return f"{channel.service.name} ({channel.root.entities.name})"

    def require_listing(self, layout: Layout, kind: Kind) -> None:
        if self._catalogue.channel(layout) is None:
            super().require_listing(layout, kind)

    def keys(self, layout: Layout, kind: Kind, is_closed: bool | None) -> list[str] | None:
        channel = self._catalogue.channel(layout)
        if channel is None:
            return super().keys(layout, kind, is_closed)
        served, condition = _sorted_out(channel, is_closed)
        names = ",".join(served.part.keys)
        options = {"$select": names, "$orderby": names}
        if condition:
            options["$filter"] = condition
        rows = self._gateway.rows(channel.service.place, served.entities.name, options)
        keys = (self._key(channel, served, row) for row in rows)
        return sorted({key.split(SEPARATOR)[0] for key in keys})

    def look(self, action: SapAction, step: Step, known: Image | None) -> tuple[Image, Marks]:
        """Read the footprint of one step together with the ETags that its records have at the same moment."""
        channel = self._catalogue.channel(action.layout)
        if channel is None:
            raise NotFound(what="model", name=action.model)
        found, marks = self._fetched(channel, [step.ref.key], action.footprint)
        return self._image(action, step, found.get(step.ref.key, {}), known), marks

    # --- rows ---------------------------------------------------------------------------------------------

    def _fetched(
        self, channel: Channel, keys: Iterable[str], fields: Fields | None
    ) -> tuple[dict[str, Rows], Marks]:
        layout = channel.layout
        wanted = list(dict.fromkeys(key for key in keys if layout.key_of(key) == key))
        found: dict[str, dict[Ref, Row]] = {}
        marks: dict[Ref, str] = {}
        for start in range(0, len(wanted), KEYS_AT_ONCE):
            chunk = wanted[start : start + KEYS_AT_ONCE]
            for served in _by_set(channel, fields):
                # The documents come first: items are read of those alone that are there.
                is_root = channel.root in served
                asked = chunk if is_root else [key for key in chunk if key in found]
                if not asked:
                    continue
                for raw in self._rows_of(channel, served, asked, fields):
                    document = self._key(channel, served[0], raw).split(SEPARATOR)[0]
                    if document not in asked:
                        continue
                    for each in served:
                        ref = Ref(each.part.model, self._key(channel, each, raw))
                        found.setdefault(document, {})[ref] = self._row(channel, each, raw)
                        mark = _mark(raw)
                        if mark:
                            marks[ref] = mark
        return dict(found), marks

    def _rows_of(
        self, channel: Channel, served: Sequence[Served], keys: Sequence[str], fields: Fields | None
    ) -> Iterator[Mapping[str, Any]]:
        entities, document = served[0].entities, served[0].part.keys[0]
        options = {
            "$filter": " or ".join(f"{document} eq {literal(key)}" for key in keys),
            "$orderby": ",".join(served[0].part.keys),
        }
        wanted = {
            each.part.model: None if fields is None else fields.get(each.part.model, _NONE)
            for each in served
        }
        needed = _NONE.union(*(each.needed(wanted[each.part.model]) for each in served))
        if fields is not None:
            options["$select"] = ",".join(sorted(needed))
        for row in self._gateway.rows(
            channel.service.place, entities.name, options, language=channel.layout.language
        ):
            self._require_known(entities, row)
            if not needed <= row.keys():
                raise BadAnswer(
                    system=self._gateway.system,
                    problem=N_("a row without a field that was asked for"),
                )
            yield row

    def _row(self, channel: Channel, served: Served, raw: Mapping[str, Any]) -> Row:
        try:
            row = {
                name: text_of(prop, raw[prop.name])
                for name, prop in served.properties.items()
                if prop.name in raw
            }
        except ValueError as error:
            raise BadAnswer(system=self._gateway.system, problem=WRONG) from error
        if served.words:
            words = sorted(word for name, word in served.words.items() if _is_set(raw.get(name)))
            row[served.part.status] = " ".join(words)
        # Keys are written as SAP's tables have them, whichever form the service shows.
        widths = dict.fromkeys(served.part.keys[1:], served.part.width)
        widths[served.part.keys[0]] = channel.layout.widths[0]
        for name, prop in served.properties.items():
            if prop.name in widths:
                row[name] = _filled(row[name], widths[prop.name])
        return row

    def _key(self, channel: Channel, served: Served, raw: Mapping[str, Any]) -> str:
        pieces = []
        for place, name in enumerate(served.part.keys):
            value = raw.get(name)
            if not isinstance(value, str) or not value:
                raise BadAnswer(system=self._gateway.system, problem=N_("a row without its key"))
            width = served.part.width if place else channel.layout.widths[0]
            pieces.append(_filled(value, width))
        return SEPARATOR.join(pieces)

    def _require_known(self, entities: EntitySet, row: Mapping[str, Any]) -> None:
        for name in row:
            is_known = name in entities.properties or name in entities.links
            if not is_known and name != "__metadata" and "@" not in name:
                raise BadAnswer(
                    N_(
                        "{system} sent a field {name} that the description of the service does not know: the service"
                        " has changed"
                    ),
                    system=self._gateway.system,
                    problem=N_("an unknown field"),
                    name=name,
                )


def _sorted_out(channel: Channel, is_closed: bool | None) -> tuple[Served, str]:
    """Return the set that lists documents, and the condition under which; none where the service has no such one."""
    pushed = PUSHED.get(channel.layout.root.model)
    served = None if pushed is None else channel.served.get(pushed.model)
    if pushed is None or served is None or is_closed is None:
        return channel.root, ""
    known = served.entities.properties
    if not all(name in known and known[name].is_filterable for name in pushed.properties):
        return channel.root, ""
    condition = pushed.when_closed if is_closed else pushed.when_open
    return (served, condition) if condition else (channel.root, "")


def _by_set(channel: Channel, fields: Fields | None) -> list[list[Served]]:
    """Return the models that share an entity set together; those of which nothing is wanted are left out."""
    found: dict[str, list[Served]] = {}
    for model, served in channel.served.items():
        if fields is None or model in fields or served is channel.root:
            found.setdefault(served.entities.name, []).append(served)
    return list(found.values())


def _mark(raw: Mapping[str, Any]) -> str:
    about = raw.get("__metadata")
    mark = about.get("etag") if isinstance(about, dict) else raw.get("@odata.etag")
    # It goes back as a header.
    return mark if isinstance(mark, str) and mark.isascii() and mark.isprintable() else ""


def _is_set(value: object) -> bool:
    return value is True or (isinstance(value, str) and value.strip() not in ("", "false"))


def _filled(text: str, width: int) -> str:
    return text.zfill(width) if text.isascii() and text.isdigit() else text
