"""Which OData service has which documents, how its records become those of the BAPIs, and what may be changed there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

from connectors.sap.odata_edmx import Description, EntitySet, Property, read_description
from connectors.sap.odata_layouts import LAYOUTS, PARTS, STAMPS, PartMap
from connectors.sap.odata_transport import Place
from connectors.sap.services import FETCHED
from connectors.sap.shapes import Member, Structure
from connectors.sap.values import Scalar
from connectors.sap.wsdl import Shelf
from core.errors import BadInput
from core.text import N_

if TYPE_CHECKING:
    from config.sap import SapODataService, SapOptions
    from connectors.http import HttpClient
    from connectors.sap.layouts import Layout

METADATA: Final = "metadata.xml"


@dataclass(frozen=True, slots=True)
class ODataService:
    """One service as it was described."""

    name: str
    place: Place
    may_change: bool
    description: Description


@dataclass(frozen=True)
class Served:
    """The records of one model in one service."""

    part: PartMap
    entities: EntitySet

    @cached_property
    def properties(self) -> Mapping[str, Property]:
        """The property of each field that is one."""
        known = self.entities.properties
        found = {name: known[other] for name, other in self.part.names.items() if other in known}
        taken = {prop.name for prop in found.values()}
        if self.part.has_rest:
            found |= {name: prop for name, prop in known.items() if name not in taken}
        return found

    @cached_property
    def words(self) -> Mapping[str, str]:
        """The word of each property that stands for one, as far as the service has them."""
        known = self.entities.properties
        return {name: word for name, word in self.part.words.items() if name in known}

    @cached_property
    def structure(self) -> Structure:
        """Its fields with their limits, as a BAPI would describe them."""
        fields = {name: prop.scalar for name, prop in self.properties.items()}
        if self.words:
            fields[self.part.status] = Scalar()
        return Structure(
            self.part.model, {name: Member(name, name, kind) for name, kind in fields.items()}
        )

    @property
    def columns(self) -> frozenset[str]:
        """The fields that BAPIs have too: canonical columns are made of no others. Without such names all of them."""
        found = self.part.names.keys() & self.properties.keys()
        return frozenset(found | {self.part.status} - {""}) if found else frozenset(self.properties)

    def needed(self, fields: frozenset[str] | None) -> frozenset[str]:
        """Return the properties that must be read for some fields; for None all of them."""
        chosen = self.properties.items()
        found = {prop.name for name, prop in chosen if fields is None or name in fields}
        if self.words and (fields is None or self.part.status in fields):
            found |= self.words.keys()
        # The ETag is worked out of these, whoever is asked for what.
        found |= {prop.name for prop in self.entities.properties.values() if prop.is_version}
        return frozenset(found | set(self.part.keys))


@dataclass(frozen=True, slots=True)
class Channel:
    """Documents of one layout in one service, their models in the order of the parts."""

    layout: Layout
    service: ODataService
    served: Mapping[str, Served]

    @property
    def root(self) -> Served:
        """Where the documents themselves are."""
        return self.served[self.layout.root.model]


class Catalogue:
    """Every OData service of one system. Descriptions are read when first asked for, each once."""

    def __init__(self, system: str, options: SapOptions, http: HttpClient) -> None:
        self.system = system
        self._options = options
        self._shelf = Shelf(system, options.descriptions, http, options.url)

    @cached_property
    def all(self) -> tuple[ODataService, ...]:
        """Return the services in the order of storno.yaml."""
        return tuple(self._service(name, options) for name, options in self._options.odata.items())

    @cached_property
    def channels(self) -> Mapping[str, Channel]:
        """Return the channel of each kind that some service has, by the model of its documents.

        A service that may change comes before one for reading: a document is read where it is changed.
        """
        services = sorted(self.all, key=lambda service: not service.may_change)
        found: dict[str, Channel] = {}
        for layout in LAYOUTS:
            for service in services:
                channel = _channel(layout, service)
                if channel is not None and layout.root.model not in found:
                    found[layout.root.model] = channel
        return found

    def channel(self, layout: Layout) -> Channel | None:
        """Return where documents of a layout are read; None where no service has them."""
        return self.channels.get(layout.root.model)

    def changed(self) -> Iterator[tuple[str, str]]:
        """Yield name and present hash of every service that the system describes otherwise now."""
        for service in self.all:
            if self._options.odata[service.name].metadata is None:
                now = self._read(self._address(service.place.path)).digest
                if now != service.description.digest:
                    yield service.name, now

    def stamps(self) -> Mapping[str, frozenset[str]]:
        """Return per model the fields that SAP sets anew with every change."""
        found: dict[str, frozenset[str]] = {}
        for channel in self.channels.values():
            for model, served in channel.served.items():
                found[model] = frozenset(
                    name
                    for name, prop in served.properties.items()
                    if prop.is_version or prop.name in STAMPS
                )
        return found

    def _service(self, name: str, options: SapODataService) -> ODataService:
        description = self._described(name, options)
        if options.sha256 is not None and options.sha256.lower() != description.digest:
            raise BadInput(
                N_(
                    "{source}: the description of service {name} is not the one that was checked (its hash is"
                    " {hash}): look at what changed, then correct sha256 in storno.yaml"
                ),
                source=self.system,
                name=name,
                hash=description.digest,
            )
        place = Place(options.path, description.version)
        return ODataService(name, place, options.changes, description)

    def _described(self, name: str, options: SapODataService) -> Description:
        if options.metadata is not None:
            return self._read(options.metadata)
        folder = self._options.descriptions
        if folder is None:
            return self._read(self._address(options.path))
        kept = Path(folder) / FETCHED / name / METADATA
        if not kept.is_file():
            content = self._shelf.load(self._address(options.path))
            # Nothing is kept that is no description.
            read_description(content, system=self.system, source=options.path)
            kept.parent.mkdir(parents=True, exist_ok=True)
            part = kept.with_suffix(".part")
            part.write_bytes(content)
            part.replace(kept)
        return self._read(f"{FETCHED}/{name}/{METADATA}")

    def _address(self, path: str) -> str:
        return self._shelf.first(f"{path}/$metadata?sap-client={self._options.client}")

    def _read(self, location: str) -> Description:
        content = self._shelf.load(location)
        return read_description(content, system=self.system, source=location)


def names_of(catalogue: Catalogue) -> Mapping[str, str]:
    """Return per service what it offers: what a proof rests on, the same on a system and on its copy."""
    return {
        f"odata {service.name}": (
            f"{'changes' if service.may_change else 'reads'} {service.description.interface()[:16]}"
        )
        for service in catalogue.all
    }


def _channel(layout: Layout, service: ODataService) -> Channel | None:
    served: dict[str, Served] = {}
    for part in PARTS[layout.root.model]:
        sets = service.description.sets
        entities = next((sets[name] for name in part.sets if name in sets), None)
        if entities is not None and set(part.keys) <= entities.properties.keys():
            served[part.model] = Served(part, entities)
    return Channel(layout, service, served) if layout.root.model in served else None
