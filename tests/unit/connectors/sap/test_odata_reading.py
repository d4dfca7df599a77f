"""Rows of entity sets become the rows of BAPIs, or are refused: nothing is left out without a word."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import pytest

from config.sap import SapOptions
from connectors.contract import Criteria, Kind, Ref, Step
from connectors.http import HttpAnswer, HttpClient
from connectors.sap.actions import SapAction
from connectors.sap.connector import ACTIONS, SapSystem
from connectors.sap.errors import Vocabulary
from connectors.sap.layouts import PURCHASE_ORDERS
from connectors.sap.odata_reading import ODataReader
from connectors.sap.odata_services import Catalogue
from connectors.sap.odata_transport import Gateway
from connectors.sap.services import Services
from connectors.sap.transport import Session
from core.encoding import dumps
from core.errors import BadAnswer

PATH = "/sap/opu/odata/sap/API_PURCHASEORDER_PROCESS_SRV"

METADATA = b"""<edmx:Edmx Version="1.0" xmlns:edmx="http://schemas.microsoft.com/ado/2007/06/edmx"><edmx:DataServices>
<Schema Namespace="S" xmlns="http://schemas.microsoft.com/ado/2008/09/edm">
<EntityType Name="O"><Key><PropertyRef Name="PurchaseOrder"/></Key><Property Name="PurchaseOrder" Type="Edm.String"
 MaxLength="10"/><Property Name="Supplier" Type="Edm.String" MaxLength="10"/></EntityType>
<EntityType Name="I"><Key><PropertyRef Name="PurchaseOrder"/><PropertyRef Name="PurchaseOrderItem"/></Key>
<Property Name="PurchaseOrder" Type="Edm.String" MaxLength="10"/>
<Property Name="PurchaseOrderItem" Type="Edm.String" MaxLength="5"/>
<Property Name="IsCompletelyDelivered" Type="Edm.Boolean"/>
<Property Name="OrderQuantity" Type="Edm.Decimal" Precision="13" Scale="3"/>
<NavigationProperty Name="to_PurchaseOrder"/></EntityType>
<EntityContainer Name="C"><EntitySet Name="A_PurchaseOrder" EntityType="S.O"/>
<EntitySet Name="A_PurchaseOrderItem" EntityType="S.I"/></EntityContainer></Schema></edmx:DataServices></edmx:Edmx>"""

HEAD = {"PurchaseOrder": "45", "Supplier": "1000"}
ITEM = {
    "__metadata": {"uri": "x"}, "PurchaseOrder": "45", "PurchaseOrderItem": "10", "IsCompletelyDelivered": True,
    "OrderQuantity": "10.000", "to_PurchaseOrder": {"__deferred": {}},
}  # fmt: skip


class Wire:
    """Answers each set with its pages, and remembers what was asked."""

    def __init__(self) -> None:
        self.pages: dict[str, list[Any]] = {
            "A_PurchaseOrder": [{"results": [HEAD]}],
            "A_PurchaseOrderItem": [{"results": [ITEM]}],
        }
        self.asked: list[str] = []
        self.metadata = METADATA

    def request(self, method: str, path: str, **others: Any) -> HttpAnswer:
        assert "GET" == method
        assert not others["is_write"]
        self.asked.append(path)
        name = urlsplit(path).path.rpartition("/")[2]
        if name == "$metadata":
            return HttpAnswer(200, {"content-type": "application/xml"}, self.metadata)
        pages = self.pages[name]
        page = pages.pop(0) if len(pages) > 1 else pages[0]
        return HttpAnswer(200, {"content-type": "application/json"}, dumps({"d": page}))


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def system(wire: Wire) -> SapSystem:
    return opened(wire)


def opened(wire: Wire, *, may_change: bool = True) -> SapSystem:
    options = SapOptions.model_validate(
        {
            "url": "https://sap.example.com", "client": "100", "user": "STORNO", "password": "x",
            "odata": {"po": {"path": PATH, "changes": may_change}},
        }
    )  # fmt: skip
    http = cast("HttpClient", wire)
    who = {"client": "100", "user": "STORNO", "language": "EN", "vocabulary": Vocabulary()}
    services, catalogue = Services("erp", options, http), Catalogue("erp", options, http)
    gateway = Gateway("erp", http, **cast("Any", who))
    return SapSystem(
        "erp", options, Session("erp", http, **cast("Any", who)), services, gateway, catalogue
    )


def reader(system: SapSystem) -> ODataReader:
    return system._reader


def rows(system: SapSystem) -> Mapping[Ref, Mapping[str, Any]]:
    found = reader(system).documents(PURCHASE_ORDERS, ["0000000045"])
    return found.get("0000000045", {})


DELETION = b'<Property Name="PurchasingDocumentDeletionCode" Type="Edm.String" MaxLength="1"/>'
FULL = METADATA.replace(
    b'<NavigationProperty Name="to_P', DELETION + b'<NavigationProperty Name="to_P'
)


def listed(wire: Wire, *, is_closed: bool | None) -> str:
    """Return which set was asked for keys, and on what condition."""
    system = opened(wire)
    assert ["0000000045"] == reader(system).keys(PURCHASE_ORDERS, Kind.PURCHASE_ORDER, is_closed)
    parts = urlsplit(wire.asked[-1])
    condition = parse_qs(parts.query).get("$filter", [""])[0]
    return f"{parts.path.rpartition('/')[2]} {condition}".rstrip()


def test_open_documents_are_sorted_out_by_the_service(wire: Wire) -> None:
    """Years of closed orders are not fetched to be thrown away; what no condition tells is fetched in full."""
    wire.metadata = FULL
    condition = "IsCompletelyDelivered eq false and PurchasingDocumentDeletionCode eq ''"
    assert f"A_PurchaseOrderItem {condition}" == listed(wire, is_closed=False)
    assert "A_PurchaseOrder" == listed(wire, is_closed=True)
    assert "A_PurchaseOrder" == listed(wire, is_closed=None)


@pytest.mark.parametrize(
    "place", [b'"IsCompletelyDelivered" ', b'"PurchasingDocumentDeletionCode" ']
)
def test_what_cannot_be_filtered_is_not(wire: Wire, place: bytes) -> None:
    """A service says which properties it takes no condition on."""
    wire.metadata = FULL.replace(place, place + b'sap:filterable="false" ').replace(
        b"<edmx:Edmx ", b'<edmx:Edmx xmlns:sap="http://www.sap.com/Protocols/SAPData" ', 1
    )
    assert "A_PurchaseOrder" == listed(wire, is_closed=False)


def test_keys_are_filled_up_as_in_sap(system: SapSystem) -> None:
    """Services show numbers without their zeros; records have them, so that both channels name the same ones."""
    found = rows(system)
    item = found[Ref("POITEM", "0000000045/00010")]
    assert {"PO_ITEM": "00010", "NO_MORE_GR": "X", "QUANTITY": "10.000"}.items() <= item.items()
    assert "0000000045" == found[Ref("POHEADER", "0000000045")]["PO_NUMBER"]


def test_only_what_is_wanted_is_asked_for(system: SapSystem, wire: Wire) -> None:
    """$select has the fields of the footprint and the key, $filter the documents."""
    system.trust_as_copy()
    system.capture([Step("purchase_order.close", Ref("POHEADER", "0000000045"))], [None])
    query = parse_qs(urlsplit(wire.asked[-1]).query)
    assert ["PurchaseOrder eq '0000000045'"] == query["$filter"]
    assert ["IsCompletelyDelivered,OrderQuantity,PurchaseOrder,PurchaseOrderItem"] == query[
        "$select"
    ]
    assert ["100"] == query["sap-client"]


@pytest.mark.parametrize(
    "row",
    [
        {name: value for name, value in ITEM.items() if name != "IsCompletelyDelivered"},
        {**ITEM, "NewField": "x"},
        {**ITEM, "PurchaseOrderItem": ""},
        {**ITEM, "PurchaseOrderItem": 10},
        {**ITEM, "IsCompletelyDelivered": "X"},
        {**ITEM, "OrderQuantity": True},
        "no row",
    ],
)
def test_a_row_that_is_not_as_described_is_refused(system: SapSystem, wire: Wire, row: Any) -> None:
    """A field that is missing is never taken for an empty one."""
    wire.pages["A_PurchaseOrderItem"] = [{"results": [row]}]
    with pytest.raises(BadAnswer):
        rows(system)


@pytest.mark.parametrize("page", [{}, {"results": {}}, [], {"results": [], "__next": 5}])
def test_a_page_that_is_none_is_refused(system: SapSystem, wire: Wire, page: Any) -> None:
    """An order without items is told as one by the service, not by an answer of another shape."""
    wire.pages["A_PurchaseOrderItem"] = [page]
    with pytest.raises(BadAnswer):
        rows(system)


def test_the_next_page_is_of_the_same_service(system: SapSystem, wire: Wire) -> None:
    """Behind a proxy links name another host: only their path is followed, and only below the service."""
    second = {**ITEM, "PurchaseOrderItem": "20"}
    following = f"http://inner.example:8000{PATH}/A_PurchaseOrderItem?$skiptoken=1"
    wire.pages["A_PurchaseOrderItem"] = [
        {"results": [ITEM], "__next": following},
        {"results": [second]},
    ]
    assert {"0000000045/00010", "0000000045/00020"} == {
        r.key for r in rows(system) if r.model == "POITEM"
    }
    assert wire.asked[-1].startswith(f"{PATH}/A_PurchaseOrderItem?$skiptoken=1&sap-client=100")


@pytest.mark.parametrize(
    "link",
    [
        "/sap/bc/other?x=1",
        f"{PATH}/../OTHER/A?x=1",
        f"{PATH}/A_PurchaseOrderItem?same",
    ],
)
def test_a_link_elsewhere_or_for_ever_is_refused(system: SapSystem, wire: Wire, link: str) -> None:
    """No page leads out of the service, and pages end."""
    wire.pages["A_PurchaseOrderItem"] = [{"results": [ITEM], "__next": link}]
    with pytest.raises(BadAnswer):
        rows(system)


@pytest.mark.parametrize(
    "mark, kept", [("W/\"'1'\"", True), ("1\r\nX: y", False), ("一", False), (7, False)]
)
def test_a_version_is_kept_that_can_be_sent(
    system: SapSystem, wire: Wire, mark: Any, kept: bool
) -> None:
    """An ETag goes back as it came; what could be no header is none."""
    system.trust_as_copy()
    wire.pages["A_PurchaseOrderItem"] = [{"results": [{**ITEM, "__metadata": {"etag": mark}}]}]
    step = Step("purchase_order.close", Ref("POHEADER", "0000000045"))
    action = cast("SapAction", system.actions()[step.action])
    _, marks = reader(system).look(action, step, None)
    assert ([mark] if kept else []) == list(marks.values())


def test_the_language_is_kept_from_page_to_page(system: SapSystem, wire: Wire) -> None:
    """Links may name the client alone: statuses are words, and must stay in one language."""
    following = f"{PATH}/A_PurchaseOrderItem?sap-client=100&$skiptoken=1"
    wire.pages["A_PurchaseOrderItem"] = [{"results": [], "__next": following}, {"results": [ITEM]}]
    rows(system)
    assert wire.asked[-1].endswith("?sap-client=100&$skiptoken=1&sap-language=EN")


def test_columns_ask_for_no_more_than_they_show(system: SapSystem, wire: Wire) -> None:
    """The bulk face selects what canonical columns are made of, and the native ones that were asked for."""
    (batch,) = system.documents(Kind.PURCHASE_ORDER, Criteria(numbers=("45",), native=("VENDOR",)))
    (row,) = batch.to_pylist()
    assert ("0000000045", "1000", None, Decimal(10)) == (
        row["key"], row["native.VENDOR"], row["received_quantity"], row["ordered_quantity"],
    )  # fmt: skip
    query = parse_qs(urlsplit(wire.asked[-1]).query)
    assert {"PurchaseOrder", "PurchaseOrderItem", "IsCompletelyDelivered", "OrderQuantity"} == set(
        query["$select"][0].split(",")
    )


def test_what_the_channel_does_not_tell_is_unknown(system: SapSystem) -> None:
    """The history is no part of the service: what came, and what a close gives up, is left open and not zero."""
    system.trust_as_copy()
    step = Step("purchase_order.close", Ref("POHEADER", "0000000045"))
    action = system.actions()[step.action]
    (image,) = system.capture([step], [None])
    assert action.remainder(image) is None  # its only item is closed
    assert "POHISTORY_TOTALS" not in action.footprint


def test_a_proof_rests_on_what_the_service_offers(wire: Wire) -> None:
    """Another limit of a field, or a service for reading alone, is another system than the one that was proved."""
    told = []
    for metadata, may_change in (
        (METADATA, True),
        (METADATA.replace(b">\n<", b"> <"), True),
        (METADATA.replace(b'"10"', b'"12"'), True),
        (METADATA, False),
    ):
        wire.metadata = metadata
        told.append(opened(wire, may_change=may_change).proof_subject().fingerprint)
    assert "odata po" in told[0]
    assert told[0] == told[1]
    assert 3 == len({str(sorted(each.items())) for each in told})


def test_every_action_of_a_kind_here_is_told() -> None:
    """Names of actions are unique, whatever channel they have."""
    names = [action.name for action in ACTIONS]
    assert len(names) == len(set(names))
