"""What an OData service offers ($metadata, V2 and V4): entity sets, properties with their limits, functions.

A description is read through our own parser and followed nowhere: what it takes in from other documents (vocabularies)
is not needed. Everything is looked up by full names, so that two schemas of one description are not mixed up.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from connectors.sap.values import Scalar, Sort
from connectors.xml import Element, parse, tag_of
from core.encoding import digest, encode_json
from core.errors import BadInput
from core.text import N_

LARGEST_BYTES: Final = 16 * 1024 * 1024
"""Of one description; the largest that was seen has 3 MB."""

_SAP: Final = "{http://www.sap.com/Protocols/SAPData}"
_METHOD: Final = "{http://schemas.microsoft.com/ado/2007/08/dataservices/metadata}HttpMethod"

_SORTS: Final[Mapping[str, Sort]] = {
    "Edm.String": Sort.TEXT,
    "Edm.Guid": Sort.TEXT,
    "Edm.Boolean": Sort.TEXT,  # ABAP's own flags: X and blank
    "Edm.Decimal": Sort.DECIMAL,
    "Edm.Date": Sort.DATE,
    "Edm.DateTime": Sort.DATE,  # V2 has no other type for a day
    "Edm.DateTimeOffset": Sort.MOMENT,
    "Edm.Time": Sort.TIME,
    "Edm.TimeOfDay": Sort.TIME,
    "Edm.Byte": Sort.INTEGER,
    "Edm.SByte": Sort.INTEGER,
    "Edm.Int16": Sort.INTEGER,
    "Edm.Int32": Sort.INTEGER,
    "Edm.Int64": Sort.INTEGER,
    "Edm.Double": Sort.FLOAT,
    "Edm.Single": Sort.FLOAT,
    "Edm.Binary": Sort.BYTES,
}


@dataclass(frozen=True, slots=True)
class Property:
    """One property: its type on the wire, and what a field of it holds."""

    name: str
    edm: str
    scalar: Scalar
    is_updatable: bool
    is_version: bool = False  # the ETag is made of it (V2)
    is_filterable: bool = True


@dataclass(frozen=True, slots=True)
class EntitySet:
    """One entity set. `links` are what stands in its rows and holds no plain value."""

    name: str
    keys: tuple[str, ...]
    properties: Mapping[str, Property]
    links: frozenset[str]
    has_version: bool
    is_updatable: bool
    is_deletable: bool


@dataclass(frozen=True, slots=True)
class FunctionImport:
    """One function that is called by its name in the service (V2). `optional` parameters may be left out."""

    name: str
    method: str
    parameters: Mapping[str, Scalar]
    optional: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Description:
    """All that one service offers; `digest` is the SHA-256 of the document."""

    version: int
    sets: Mapping[str, EntitySet]
    functions: Mapping[str, FunctionImport]
    digest: str

    def interface(self) -> str:
        """Return the hash of what it offers: the same on a system and on its copy."""
        told = [
            [
                name, list(each.keys), each.has_version, each.is_updatable, each.is_deletable,
                [_told(prop) for _, prop in sorted(each.properties.items())],
            ]
            for name, each in sorted(self.sets.items())
        ]  # fmt: skip
        called = [
            [name, each.method, sorted(each.parameters)]
            for name, each in sorted(self.functions.items())
        ]
        return digest(encode_json([self.version, told, called]))


def _told(prop: Property) -> list[object]:
    scalar = prop.scalar
    return [prop.name, prop.edm, scalar.longest, scalar.digits, scalar.places, prop.is_updatable]


def read_description(content: bytes, *, system: str, source: str) -> Description:
    """Read $metadata. Raises `BadAnswer` for hostile or broken XML, `BadInput` for what is no description."""
    root = parse(content, system=system, max_bytes=LARGEST_BYTES)
    if _local(root) != "Edmx":
        raise BadInput(source=source, problem=N_("it is no description of an OData service"))
    version = 4 if root.get("Version", "").startswith("4") else 2
    found = _Schemas(root, version)
    if not found.sets:
        raise BadInput(source=source, problem=N_("the OData service has no entity sets"))
    return Description(version, found.sets, found.functions, hashlib.sha256(content).hexdigest())


@dataclass(slots=True)
class _Notes:
    """What annotations say of properties and sets (V4)."""

    fixed: set[tuple[str, str]] = field(default_factory=set)  # type, property
    versioned: set[str] = field(default_factory=set)
    not_updatable: set[str] = field(default_factory=set)
    not_deletable: set[str] = field(default_factory=set)
    not_filterable: set[tuple[str, str]] = field(
        default_factory=set
    )  # set, property; '' for every one


class _Schemas:
    """Every schema of one document."""

    def __init__(self, root: Element, version: int) -> None:
        self.version = version
        self.sets: dict[str, EntitySet] = {}
        self.functions: dict[str, FunctionImport] = {}
        self._types: dict[str, Element] = {}
        self._spaces: dict[str, str] = {}  # alias to namespace
        self._notes = _Notes()
        schemas = [element for element in root.iter() if _local(element) == "Schema"]
        for schema in schemas:
            space = schema.get("Namespace", "")
            self._spaces[schema.get("Alias", space)] = space
            for each in _below(schema, "EntityType"):
                self._types[f"{space}.{each.get('Name')}"] = each
        containers = [each for schema in schemas for each in _below(schema, "EntityContainer")]
        for schema in schemas:
            for each in _below(schema, "Annotations"):
                self._read_notes(each, {c.get("Name", "") for c in containers})
        for container in containers:
            for each in _below(container, "EntitySet"):
                self._read_set(each)
            for each in _below(container, "FunctionImport"):
                self._read_function(each)

    def _full(self, name: str) -> str:
        space, _, local = name.rpartition(".")
        return f"{self._spaces.get(space, space)}.{local}"

    def _read_notes(self, notes: Element, containers: set[str]) -> None:
        about, _, member = notes.get("Target", "").partition("/")
        for each in _below(notes, "Annotation"):
            term = each.get("Term", "").rpartition(".")[2]
            if about.rpartition(".")[2] in containers:
                if term == "OptimisticConcurrency":
                    self._notes.versioned.add(member)
                elif term == "UpdateRestrictions" and _is_denied(each, "Updatable"):
                    self._notes.not_updatable.add(member)
                elif term == "DeleteRestrictions" and _is_denied(each, "Deletable"):
                    self._notes.not_deletable.add(member)
                elif term == "FilterRestrictions":
                    self._notes.not_filterable |= {(member, name) for name in _not_filterable(each)}
            elif term in ("Computed", "Immutable") and each.get("Bool", "true") != "false":
                self._notes.fixed.add((self._full(about), member))

    def _read_set(self, element: Element) -> None:
        name, full = element.get("Name", ""), self._full(element.get("EntityType", ""))
        entity = self._types.get(full)
        if entity is None:
            return
        keys = tuple(
            each.get("Name", "")
            for key in _below(entity, "Key")
            for each in _below(key, "PropertyRef")
        )
        properties: dict[str, Property] = {}
        links = {each.get("Name", "") for each in _below(entity, "NavigationProperty")}
        for each in _below(entity, "Property"):
            made = self._property(each, full, name)
            if made is None:
                links.add(each.get("Name", ""))
            else:
                properties[made.name] = made
        if self.version == 2:
            has_version = any(each.is_version for each in properties.values())
        else:
            has_version = name in self._notes.versioned
        self.sets[name] = EntitySet(
            name, keys, properties, frozenset(links), has_version,
            is_updatable=element.get(f"{_SAP}updatable") != "false" and name not in self._notes.not_updatable,
            is_deletable=element.get(f"{_SAP}deletable") != "false" and name not in self._notes.not_deletable,
        )  # fmt: skip

    def _property(self, element: Element, full: str, entities: str) -> Property | None:
        name, edm = element.get("Name", ""), element.get("Type", "")
        scalar = _scalar(element)
        if scalar is None:
            return None
        inline = {
            each.get("Term", "").rpartition(".")[2]
            for each in _below(element, "Annotation")
            if each.get("Bool", "true") != "false"
        }
        is_fixed = (
            element.get(f"{_SAP}updatable") == "false"
            or (full, name) in self._notes.fixed
            or bool(inline & {"Computed", "Immutable"})
        )
        is_version = element.get("ConcurrencyMode") == "Fixed"
        is_filterable = element.get(f"{_SAP}filterable") != "false" and not (
            {(entities, name), (entities, "")} & self._notes.not_filterable
        )
        return Property(name, edm, scalar, not is_fixed, is_version, is_filterable)

    def _read_function(self, element: Element) -> None:
        if self.version != 2:
            return
        parameters = {
            each.get("Name", ""): scalar
            for each in _below(element, "Parameter")
            if (scalar := _scalar(each)) is not None
        }
        optional = frozenset(
            each.get("Name", "")
            for each in _below(element, "Parameter")
            if each.get("Nullable") == "true"
        )
        name = element.get("Name", "")
        method = element.get(_METHOD, "GET")
        self.functions[name] = FunctionImport(name, method, parameters, optional)


def _scalar(element: Element) -> Scalar | None:
    edm = element.get("Type", "")
    sort = _SORTS.get(edm)
    if sort is None:
        return None
    if edm == "Edm.Boolean":
        return Scalar(sort, longest=1)
    return Scalar(
        sort,
        longest=_count(element.get("MaxLength")) if sort in (Sort.TEXT, Sort.BYTES) else None,
        digits=_count(element.get("Precision")) if sort is Sort.DECIMAL else None,
        places=_count(element.get("Scale")) if sort is Sort.DECIMAL else None,
    )


def _count(written: str | None) -> int | None:
    return int(written) if written is not None and written.isascii() and written.isdigit() else None


def _is_denied(annotation: Element, name: str) -> bool:
    return any(
        each.get("Property") == name and each.get("Bool") == "false"
        for each in annotation.iter()
        if _local(each) == "PropertyValue"
    )


def _not_filterable(annotation: Element) -> Iterator[str]:
    if _is_denied(annotation, "Filterable"):
        yield ""
    for each in annotation.iter():
        if _local(each) == "PropertyValue" and each.get("Property") == "NonFilterableProperties":
            yield from (path.text or "" for path in each.iter() if _local(path) == "PropertyPath")


def _below(element: Element, local: str) -> Iterator[Element]:
    return (child for child in element if _local(child) == local)


def _local(element: Element) -> str:
    return tag_of(element).rpartition("}")[2]
