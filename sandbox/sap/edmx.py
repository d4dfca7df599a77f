"""$metadata of the OData services."""

from __future__ import annotations

from sandbox.sap import maintenance
from sandbox.sap.odata_model import EntitySet, ODataService, Property

_V2 = {"DateTime": "DateTime", "DateTimeOffset": "DateTimeOffset"}
_V4 = {"DateTime": "Date", "DateTimeOffset": "DateTimeOffset"}


def edmx(service: ODataService) -> bytes:
    """Return the metadata document."""
    return (_edmx_2(service) if service.version == 2 else _edmx_4(service)).encode()


def _facets(each: Property) -> str:
    if each.kind == "String":
        return f' MaxLength="{each.size}"'
    if each.kind == "Decimal":
        precision, _, scale = each.size.partition(".")
        return f' Precision="{precision}" Scale="{scale}"'
    return ' Precision="0"' if each.kind.startswith("DateTime") else ""


def _type_2(service: ODataService, entities: EntitySet) -> str:
    keys = "".join(f'<PropertyRef Name="{key}"/>' for key in entities.keys)
    rows = []
    for each in entities.properties:
        null = ' Nullable="false"' if each.name in entities.keys else ""
        lock = "" if each.is_updatable else ' sap:updatable="false"'
        lock += ' sap:filterable="false"' if each.column.startswith("@T") else ""
        fixed = entities.version and each.column == entities.version
        mode = ' ConcurrencyMode="Fixed"' if fixed else ""
        kind = _V2.get(each.kind, each.kind)
        rows.append(
            f'<Property Name="{each.name}" Type="Edm.{kind}"{null}{_facets(each)}{mode}{lock}/>'
        )
    links = "".join(
        f'<NavigationProperty Name="{name}" Relationship="{service.namespace}.assoc_{target}" '
        f'FromRole="From_{target}" ToRole="To_{target}"/>'
        for name, target in entities.many
    )
    return (
        f'<EntityType Name="{entities.type}"><Key>{keys}</Key>{"".join(rows)}{links}</EntityType>'
    )


def _edmx_2(service: ODataService) -> str:
    space = service.namespace
    types = "".join(_type_2(service, each) for each in service.sets)
    relations, placed = [], []
    for each in service.sets:
        for _, target in each.many:
            other = service.by_name[target]
            ends = (
                f'<End Type="{space}.{each.type}" Multiplicity="1" Role="From_{target}"/>'
                f'<End Type="{space}.{other.type}" Multiplicity="*" Role="To_{target}"/>'
            )
            relations.append(f'<Association Name="assoc_{target}">{ends}</Association>')
            placed.append(
                f'<AssociationSet Name="set_{target}" Association="{space}.assoc_{target}">'
                f'<End EntitySet="{each.name}" Role="From_{target}"/>'
                f'<End EntitySet="{target}" Role="To_{target}"/></AssociationSet>'
            )
    message = ""
    if service.functions:
        parts = ("Type", "Identification", "Number", "LongText", "Variable1")
        rows = "".join(f'<Property Name="SystemMessage{p}" Type="Edm.String"/>' for p in parts)
        if service.function_type != "FunctionMessage":
            rows = '<Property Name="IsInvalid" Type="Edm.Boolean"/>'
        message = f'<ComplexType Name="{service.function_type}">{rows}</ComplexType>'
    sets = "".join(
        f'<EntitySet Name="{each.name}" EntityType="{space}.{each.type}"/>' for each in service.sets
    )
    functions = "".join(
        f'<FunctionImport Name="{name}" ReturnType="{space}.{service.function_type}" '
        f'm:HttpMethod="POST"><Parameter Name="{service.function_key}" Type="Edm.String" Mode="In" MaxLength="12"/>'
        f"{_optional(name)}</FunctionImport>"
        for name in service.functions
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?><edmx:Edmx Version="1.0" '
        'xmlns:edmx="http://schemas.microsoft.com/ado/2007/06/edmx" '
        'xmlns:m="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata" '
        'xmlns:sap="http://www.sap.com/Protocols/SAPData">'
        f'<edmx:DataServices m:DataServiceVersion="2.0"><Schema Namespace="{space}" '
        'xmlns="http://schemas.microsoft.com/ado/2008/09/edm" sap:schema-version="1">'
        f"{types}{message}{''.join(relations)}"
        f'<EntityContainer Name="{space}_Entities" m:IsDefaultEntityContainer="true" '
        f'sap:supported-formats="atom json xlsx">{sets}{"".join(placed)}{functions}'
        "</EntityContainer></Schema></edmx:DataServices></edmx:Edmx>"
    )


def _optional(function: str) -> str:
    return "".join(
        f'<Parameter Name="{name}" Type="Edm.{kind}" Mode="In" Nullable="true"/>'
        for name, kind in maintenance.OPTIONAL.get(function, ())
    )


def _edmx_4(service: ODataService) -> str:
    space = service.namespace
    types, notes = [], []
    for each in service.sets:
        keys = "".join(f'<PropertyRef Name="{key}"/>' for key in each.keys)
        rows = "".join(
            f'<Property Name="{p.name}" Type="Edm.{_V4.get(p.kind, p.kind)}" Nullable="false"'
            f"{_facets(p)}/>"
            for p in each.properties
        )
        links = "".join(
            f'<NavigationProperty Name="{name}" Type="Collection('
            f'{space}.{service.by_name[target].type})"/>'
            for name, target in each.many
        )
        types.append(f'<EntityType Name="{each.type}"><Key>{keys}</Key>{rows}{links}</EntityType>')
        if each.version:
            notes.append(
                f'<Annotations Target="SAP__self.Container/{each.name}"><Annotation '
                'Term="SAP__core.OptimisticConcurrency"><Collection/></Annotation></Annotations>'
            )
        notes += [
            f'<Annotations Target="SAP__self.{each.type}/{p.name}"><Annotation '
            'Term="SAP__core.Computed"/></Annotations>'
            for p in each.properties
            if not p.is_updatable and p.name not in each.keys
        ]
    sets = "".join(
        f'<EntitySet Name="{each.name}" EntityType="{space}.{each.type}"/>' for each in service.sets
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?><edmx:Edmx Version="4.0" '
        'xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>'
        f'<Schema Namespace="{space}" Alias="SAP__self" '
        'xmlns="http://docs.oasis-open.org/odata/ns/edm">'
        f'{"".join(types)}<EntityContainer Name="Container">{sets}</EntityContainer>'
        f"{''.join(notes)}</Schema></edmx:DataServices></edmx:Edmx>"
    )
