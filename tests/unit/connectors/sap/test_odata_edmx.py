"""Descriptions of OData services: limits, what may be changed, versions, functions; and what is no description."""

from __future__ import annotations

import pytest

from connectors.sap.odata_edmx import Description, read_description
from connectors.sap.values import Sort
from core.errors import BadAnswer, BadInput

V2 = """<?xml version="1.0"?>
<edmx:Edmx Version="1.0" xmlns:edmx="http://schemas.microsoft.com/ado/2007/06/edmx"
  xmlns:m="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata" xmlns:sap="http://www.sap.com/Protocols/SAPData">
 <edmx:DataServices m:DataServiceVersion="2.0"><Schema Namespace="S" xmlns="http://schemas.microsoft.com/ado/2008/09/edm">
  <EntityType Name="OrderType"><Key><PropertyRef Name="Id"/></Key>
   <Property Name="Id" Type="Edm.String" MaxLength="10" Nullable="false"/>
   <Property Name="Done" Type="Edm.Boolean"/>
   <Property Name="Deleted" Type="Edm.String" MaxLength="1" sap:updatable="false" sap:filterable="false"/>
   <Property Name="Quantity" Type="Edm.Decimal" Precision="13" Scale="3"/>
   <Property Name="Changed" Type="Edm.DateTimeOffset" ConcurrencyMode="Fixed"/>
   <Property Name="Address" Type="S.Address"/>
   <NavigationProperty Name="to_Item" Relationship="S.r"/></EntityType>
  <EntityContainer Name="C"><EntitySet Name="Orders" EntityType="S.OrderType" sap:deletable="false"/>
   <FunctionImport Name="Close" m:HttpMethod="POST"><Parameter Name="Id" Type="Edm.String"/>
    <Parameter Name="When" Type="Edm.DateTimeOffset" Nullable="true"/></FunctionImport>
  </EntityContainer></Schema></edmx:DataServices></edmx:Edmx>"""

V4 = """<?xml version="1.0"?>
<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx">
 <edmx:Reference Uri="file:///etc/passwd"><edmx:Include Namespace="Org.OData.Core.V1"/></edmx:Reference>
 <edmx:DataServices><Schema Namespace="com.sap.S" Alias="SAP__self" xmlns="http://docs.oasis-open.org/odata/ns/edm">
  <EntityType Name="Item_Type"><Key><PropertyRef Name="Id"/></Key>
   <Property Name="Id" Type="Edm.String" MaxLength="10"/>
   <Property Name="Done" Type="Edm.Boolean"/>
   <Property Name="Deleted" Type="Edm.String" MaxLength="1"/>
   <Property Name="Open" Type="Edm.Boolean"/>
   <Property Name="Many" Type="Collection(Edm.String)"/></EntityType>
  <EntityContainer Name="Container"><EntitySet Name="Item" EntityType="com.sap.S.Item_Type"/></EntityContainer>
  <Annotations Target="SAP__self.Container/Item"><Annotation Term="SAP__core.OptimisticConcurrency"/>
   <Annotation Term="SAP__capabilities.DeleteRestrictions"><Record><PropertyValue Property="Deletable" Bool="false"/>
   </Record></Annotation>
   <Annotation Term="SAP__capabilities.FilterRestrictions"><Record><PropertyValue Property="NonFilterableProperties">
    <Collection><PropertyPath>Done</PropertyPath></Collection></PropertyValue></Record></Annotation></Annotations>
  <Annotations Target="SAP__self.Item_Type/Deleted"><Annotation Term="SAP__core.Computed"/></Annotations>
  <Annotations Target="SAP__self.Item_Type/Open"><Annotation Term="SAP__core.Computed" Bool="false"/></Annotations>
 </Schema></edmx:DataServices></edmx:Edmx>"""


def described(text: str) -> Description:
    return read_description(text.encode(), system="erp", source="$metadata")


def test_the_older_version_is_read() -> None:
    """V2: limits, read-only properties, the property that makes the version, functions with POST."""
    found = described(V2)
    orders = found.sets["Orders"]
    assert (2, ("Id",), True, False) == (
        found.version, orders.keys, orders.has_version, orders.is_deletable,
    )  # fmt: skip
    quantity = orders.properties["Quantity"].scalar
    assert (Sort.DECIMAL, 13, 3) == (quantity.sort, quantity.digits, quantity.places)
    assert 10 == orders.properties["Id"].scalar.longest
    assert ["Deleted"] == [
        name for name, each in orders.properties.items() if not each.is_updatable
    ]
    assert frozenset({"Address", "to_Item"}) == orders.links
    assert ["Deleted"] == [n for n, each in orders.properties.items() if not each.is_filterable]
    close = found.functions["Close"]
    assert ("POST", {"Id", "When"}, {"When"}) == (
        close.method,
        set(close.parameters),
        set(close.optional),
    )


def test_the_newer_version_is_read() -> None:
    """V4: what is computed and what has versions stands in annotations; nothing that it names is fetched."""
    found = described(V4)
    item = found.sets["Item"]
    assert (4, True, False) == (found.version, item.has_version, item.is_deletable)
    assert ["Deleted"] == [name for name, each in item.properties.items() if not each.is_updatable]
    assert ["Done"] == [name for name, each in item.properties.items() if not each.is_filterable]
    assert frozenset({"Many"}) == item.links


def test_the_interface_is_the_same_on_a_copy() -> None:
    """What only differs in its bytes has the same interface; another limit has another one."""
    plain = described(V4)
    spaced = described(V4.replace("> <edmx:Data", ">\n <edmx:Data"))
    other = described(V4.replace('MaxLength="1"', 'MaxLength="2"'))
    assert plain.interface() == spaced.interface()
    assert plain.interface() != other.interface()


@pytest.mark.parametrize(
    "text, error",
    [
        ("<html/>", BadInput),
        (V2.replace("Orders", "").replace("<EntitySet", "<Other"), BadInput),
        ("<a", BadAnswer),
        ('<!DOCTYPE a [<!ENTITY b "c">]>' + V4.partition("?>")[2], BadAnswer),
        ("<a>" * 200 + "</a>" * 200, BadAnswer),
    ],
)
def test_what_is_no_description_is_refused(text: str, error: type[Exception]) -> None:
    """Pages, broken XML, entities and deep nesting are told as what they are."""
    with pytest.raises(error):
        described(text)
