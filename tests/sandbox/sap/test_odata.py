"""The OData services of the practice SAP: tokens, versions, changesets, and the same business as the BAPIs."""

from __future__ import annotations

import json
from http.client import RemoteDisconnected
from types import SimpleNamespace
from typing import Any

import pytest

from sandbox.sap.faults import Fault
from sandbox.sap.instance import SAP
from sandbox.sap.odata_model import SERVICES
from sandbox.sap.server import SAPServer
from tests.sandbox.sap.caller import send

PO, SO, PP, PM, PO_4 = (service.path for service in SERVICES)


class Channel:
    """Fetches a token once and sends it, with its cookie, from then on."""

    def __init__(self, server: SAPServer, root: str) -> None:
        self.server, self.root = server, root
        fetched = send(server, "GET", f"{root}/", x_csrf_token="Fetch")
        self.headers = {
            "x_csrf_token": fetched.headers["x-csrf-token"],
            "Cookie": "; ".join(cookie.partition(";")[0] for cookie in fetched.cookies),
            "Content_Type": "application/json",
        }

    def __call__(self, verb: str, tail: str, body: Any = None, **headers: str) -> SimpleNamespace:
        payload = json.dumps(body).encode() if isinstance(body, dict) else body or b""
        sent = {**self.headers, **headers}
        return send(self.server, verb, f"{self.root}/{tail}", payload, **sent)


def item(order: str, place: str = "00010", name: str = "A_PurchaseOrderItem") -> str:
    return f"{name}(PurchaseOrder='{order}',PurchaseOrderItem='{place}')"


def code(answer: SimpleNamespace) -> tuple[int, str]:
    return answer.status, json.loads(answer.body)["error"]["code"]


def test_a_token_is_required(sap: SAP, server: SAPServer) -> None:
    """Without a token, or without its cookie, a change is refused with 403; reading needs none."""
    order = sap.company.purchase_orders[0]
    channel = Channel(server, PO)
    body = {"IsCompletelyDelivered": True}
    for headers in ({"x_csrf_token": ""}, {"Cookie": ""}, {"x_csrf_token": "other"}):
        answer = channel("PATCH", item(order), body, **headers)
        assert (403, "Required") == (answer.status, answer.headers["x-csrf-token"])
    assert 200 == send(server, "GET", f"{PO}/{item(order)}").status
    assert 401 == send(server, "GET", f"{PO}/{item(order)}", user=None).status
    assert "" == sap.db.tables["EKPO"][order, "00010"]["ELIKZ"]


@pytest.mark.parametrize("verb", ["PATCH", "MERGE"])
def test_item_is_closed_and_opened(sap: SAP, server: SAPServer, verb: str) -> None:
    """One request is one unit of work: answered with 204, and committed."""
    order = sap.company.purchase_orders[0]
    channel = Channel(server, PO)
    for value in (True, False):
        answer = channel(verb, item(order), {"IsCompletelyDelivered": value})
        assert (204, b"") == (answer.status, answer.body)
        read = json.loads(channel("GET", item(order)).body)["d"]
        assert value is read["IsCompletelyDelivered"]
        assert "etag" not in read["__metadata"]
    assert [] == sap.locks.listed()
    assert 2 == len(list(sap.db.rows("CDPOS", FNAME="ELIKZ")))


def test_deletion_has_no_way_back(sap: SAP, server: SAPServer) -> None:
    """DELETE sets the deletion flag; changing the flag is not looked at."""
    order = sap.company.purchase_orders[0]
    channel = Channel(server, PO)
    assert 204 == channel("DELETE", item(order)).status
    row = sap.db.tables["EKPO"][order, "00010"]
    assert "L" == row["LOEKZ"]
    assert 204 == channel("PATCH", item(order), {"PurchasingDocumentDeletionCode": ""}).status
    assert "L" == sap.db.tables["EKPO"][order, "00010"]["LOEKZ"]
    assert (400, "06/020") == code(channel("PATCH", item(order), {"IsFinallyInvoiced": True}))


def test_refusals(sap: SAP, server: SAPServer) -> None:
    """What the business refuses has SAP's code; what is not there or wrong has its status."""
    order = sap.company.purchase_orders[0]
    channel, before = Channel(server, PO), sap.dump()
    sap.locks.hold("EKKO", order)
    answer = channel("PATCH", f"{item(order)}?sap-language=ZH", {"IsCompletelyDelivered": True})
    assert (400, "ME/006") == code(answer)
    assert "正在处理" in json.loads(answer.body)["error"]["message"]["value"]
    sap.locks.let_go()
    assert 404 == channel("PATCH", item("4599999999"), {"IsCompletelyDelivered": True}).status
    assert 400 == channel("PATCH", item(order), {"NoSuch": True}).status
    assert 400 == channel("PATCH", item(order), {"IsCompletelyDelivered": "yes"}).status
    assert 404 == channel("GET", "A_Nothing").status
    sap.faults.add(Fault("refused", function="PATCH A_PurchaseOrderItem", said="E XY 001 no"))
    assert (400, "XY/001") == code(channel("PATCH", item(order), {"IsFinallyInvoiced": True}))
    assert before == sap.dump()


def test_lists(sap: SAP, server: SAPServer) -> None:
    """Filters, columns, pages, counts and navigation, in both versions."""
    sap.switches.odata_page = 5
    channel, first = Channel(server, PO), sap.company.purchase_orders[0]

    def rows(tail: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while tail:
            body = json.loads(channel("GET", tail).body)["d"]
            found += body["results"]
            tail = body.get("__next", "").partition(f"{PO}/")[2]
        return found

    assert 12 == len(rows("A_PurchaseOrderItem"))
    wanted = f"PurchaseOrder%20eq%20'{first}'%20and%20IsCompletelyDelivered%20eq%20false"
    listed = rows(f"A_PurchaseOrderItem?$filter={wanted}&$select=PurchaseOrderItem,OrderQuantity")
    quantity = sap.db.tables["EKPO"][first, "00010"]["MENGE"]
    assert str(quantity) == listed[0]["OrderQuantity"]
    assert ["00010", "00020"] == [row["PurchaseOrderItem"] for row in listed]
    assert 2 == len(rows(f"A_PurchaseOrder('{first}')/to_PurchaseOrderItem"))
    assert b"12" == channel("GET", "A_PurchaseOrderItem/$count").body
    body = json.loads(channel("GET", "A_PurchaseOrderItem?$top=1&$inlinecount=allpages").body)["d"]
    assert ("12", 1) == (body["__count"], len(body["results"]))

    newer = Channel(server, PO_4)
    tail, found = "PurchaseOrderItem?$orderby=PurchaseOrder%20desc", []
    while tail:
        page = json.loads(newer("GET", tail).body)
        found += page["value"]
        tail = page.get("@odata.nextLink", "").partition(f"{PO_4}/")[2]
    assert 12 == len(found)
    assert float(quantity) in {row["OrderQuantity"] for row in found}
    assert sap.company.deleted_order == found[0]["PurchaseOrder"]


def test_versions(sap: SAP, server: SAPServer) -> None:
    """Where a set has an ETag, a missing one is 428 (or 412, by switch) and an old one 412."""
    order, channel = sap.company.purchase_orders[0], Channel(server, PO_4)
    tail = item(order, name="PurchaseOrderItem")
    body = {"IsCompletelyDelivered": True}
    mark = channel("GET", tail).headers["ETag"]
    assert 428 == channel("PATCH", tail, body).status
    sap.switches.missing_version_status = 412
    assert 412 == channel("PATCH", tail, body).status
    assert 204 == channel("PATCH", tail, body, If_Match=mark).status
    assert 412 == channel("PATCH", tail, body, If_Match=mark).status
    assert 204 == channel("PATCH", tail, {"IsFinallyInvoiced": True}, If_Match="*").status
    row = sap.db.tables["EKPO"][order, "00010"]
    assert ("X", "X") == (row["ELIKZ"], row["EREKZ"])


def test_sales_order_item(sap: SAP, server: SAPServer) -> None:
    """The header has an ETag, the item none; rejecting an item moves the header's."""
    order, channel = sap.company.sales_orders[0], Channel(server, SO)
    tail = f"A_SalesOrderItem(SalesOrder='{order}',SalesOrderItem='000010')"
    head = f"A_SalesOrder('{order}')"
    mark = channel("GET", head).headers["ETag"]
    assert 204 == channel("PATCH", tail, {"SalesDocumentRjcnReason": "02"}).status
    read = json.loads(channel("GET", head).body)["d"]
    assert "B" == read["OverallSDDocumentRejectionSts"]
    assert mark != read["__metadata"]["etag"]
    assert 412 == channel("PATCH", head, {"DeliveryBlockReason": "01"}, If_Match=mark).status
    assert (400, "V1/497") == code(channel("PATCH", tail, {"SalesDocumentRjcnReason": "77"}))
    assert 204 == channel("PATCH", tail, {"SalesDocumentRjcnReason": ""}).status
    assert "A" == sap.db.tables["VBAK"][order,]["ABSTK"]


def test_production_order(sap: SAP, server: SAPServer) -> None:
    """A function import completes and closes; a status is a flag, and none goes back."""
    order, channel = sap.company.production_orders[0], Channel(server, PP)

    def run(name: str) -> SimpleNamespace:
        return channel("POST", f"{name}?ManufacturingOrder='{order}'")

    def flags() -> list[str]:
        read = json.loads(channel("GET", f"A_ProductionOrder_2('{order}')").body)["d"]
        names = ("OrderIsReleased", "OrderIsTechnicallyCompleted", "OrderIsClosed")
        return [read[name] for name in names]

    assert ["X", "", ""] == flags()
    told = json.loads(run("TechlyCmpltOrder").body)["d"]["TechlyCmpltOrder"]
    assert ("S", "CO", "100") == tuple(told.values())[:3]
    assert ["", "X", ""] == flags()
    assert (400, "CO/080") == code(run("TechlyCmpltOrder"))
    assert 200 == run("CloseOrder").status
    assert ["", "", "X"] == flags()


def test_maintenance_order(sap: SAP, server: SAPServer) -> None:
    """Every status that is set is taken back by its twin; what the status forbids is refused."""
    order, channel = sap.company.maintenance_orders[0], Channel(server, PM)

    def run(name: str) -> SimpleNamespace:
        return channel("POST", f"{name}?MaintenanceOrder='{order}'")

    def status() -> tuple[str, str]:
        read = json.loads(channel("GET", f"MaintenanceOrder('{order}')").body)["d"]
        return read["SystemStatusText"], read["MaintOrdProcessPhaseCode"]

    assert ("REL", "06") == status()
    assert (400, "IW/002") == code(run("SetMaintOrderStatusToClosed"))
    for name, then in (
        ("SetMaintOrdToTechCompleted", "TECO"),
        ("SetMaintOrderStatusToClosed", "CLSD"),
        ("ResetMaintOrderStatusClosed", "TECO"),
        ("SetMaintOrdStsToMrkdForDeltn", "TECO DLFL"),
        ("ResetMaintOrdStsMrkdForDeltn", "TECO"),
        ("ResetMaintOrdStsTechCompleted", "REL"),
        ("SetMaintOrderToDoNotExecute", "CLSD NEXE"),
        ("ResetStatusFromDoNotExecute", "REL"),
        ("SetMaintOrderStatusToLocked", "REL LKD"),
    ):
        assert 200 == run(name).status, name
        assert then == status()[0]
    assert (400, "IW/002") == code(run("SetMaintOrdToTechCompleted"))
    assert 200 == run("SetMaintOrderStatusToUnlocked").status
    assert ("REL", "06") == status()


def changeset(*parts: tuple[str, dict[str, Any]]) -> bytes:
    lines = ["--b", "Content-Type: multipart/mixed; boundary=c", ""]
    for tail, body in parts:
        said = json.dumps(body)
        lines += ["--c", "Content-Type: application/http", "Content-Transfer-Encoding: binary", ""]
        lines += [f"PATCH {tail} HTTP/1.1", "Content-Type: application/json"]
        lines += [f"Content-Length: {len(said)}", "", said]
    return "\r\n".join([*lines, "--c--", "--b--", ""]).encode()


def test_changeset_is_all_or_nothing(sap: SAP, server: SAPServer) -> None:
    """A changeset is one unit of work: one change that is refused takes the others back."""
    first, second = sap.company.purchase_orders[:2]
    channel, before = Channel(server, PO), sap.dump()
    kind = {"Content_Type": "multipart/mixed; boundary=b"}
    done = {"IsCompletelyDelivered": True}

    bad = changeset((item(first), done), (item(second, "00090"), done))
    answer = channel("POST", "$batch", bad, **kind)
    assert (202, 1) == (answer.status, answer.body.count(b"HTTP/1.1 404"))
    assert before == sap.dump()
    outcomes = [line.outcome for line in sap.ledger.lines()][-2:]
    assert ["rolled back", "refused"] == outcomes

    good = changeset((item(first), done), (item(first, "00020"), done), (item(second), done))
    answer = channel("POST", "$batch", good, **kind)
    assert (202, 3) == (answer.status, answer.body.count(b"HTTP/1.1 204 No Content"))
    stored = sap.db.tables["EKPO"]
    assert ["X", "X", "X", ""] == [
        stored[key]["ELIKZ"]
        for key in ((first, "00010"), (first, "00020"), (second, "00010"), (second, "00020"))
    ]
    assert [] == sap.locks.listed()


def test_changeset_of_one_order(sap: SAP, server: SAPServer) -> None:
    """Both items of a sales order rejected in one changeset: the header knows of both."""
    order, channel = sap.company.sales_orders[0], Channel(server, SO)
    body = {"SalesDocumentRjcnReason": "02"}
    tail = "A_SalesOrderItem(SalesOrder='{}',SalesOrderItem='{}')"
    parts = [(tail.format(order, place), body) for place in ("000010", "000020")]
    channel("POST", "$batch", changeset(*parts), Content_Type="multipart/mixed; boundary=b")
    head = sap.db.tables["VBAK"][order,]
    assert ("C", 0) == (head["ABSTK"], head["NETWR"])


def test_metadata(server: SAPServer) -> None:
    """Each service describes itself: what may not be changed, and where there are ETags."""
    texts = [send(server, "GET", f"{s.path}/$metadata").body for s in SERVICES]
    assert b'Name="IsCompletelyDelivered" Type="Edm.Boolean"/>' in texts[0]
    assert (
        b'PurchasingDocumentDeletionCode" Type="Edm.String" MaxLength="1" sap:updatable="false"'
        in texts[0]
    )
    assert [False, True, True, False, False] == [
        b'ConcurrencyMode="Fixed"' in text for text in texts
    ]
    assert b"OptimisticConcurrency" in texts[4]
    assert b'FunctionImport Name="TechlyCmpltOrder"' in texts[2]


def test_changeset_lost(sap: SAP, server: SAPServer) -> None:
    """A changeset whose answer is lost is done, or not at all; no lock stays."""
    first, second = sap.company.purchase_orders[:2]
    channel = Channel(server, PO)
    body = changeset(*((item(each), {"IsCompletelyDelivered": True}) for each in (first, second)))
    for is_applied in (False, True):
        sap.faults.add(Fault("lost", record=second, is_applied=is_applied))
        with pytest.raises(RemoteDisconnected):
            channel("POST", "$batch", body, Content_Type="multipart/mixed; boundary=b")
        stored = [sap.db.tables["EKPO"][each, "00010"]["ELIKZ"] for each in (first, second)]
        assert (["X", "X"] if is_applied else ["", ""]) == stored
        assert [] == sap.locks.listed()


def test_lost_after_commit(sap: SAP, server: SAPServer) -> None:
    """An answer that is lost leaves the change done."""
    order, channel = sap.company.purchase_orders[0], Channel(server, PO)
    sap.faults.add(Fault("lost", record=order, is_applied=True))
    with pytest.raises(RemoteDisconnected):
        channel("PATCH", item(order), {"IsCompletelyDelivered": True})
    assert "X" == sap.db.tables["EKPO"][order, "00010"]["ELIKZ"]
    assert {"GET /": 1, "PATCH A_PurchaseOrderItem": 1} == sap.ledger.counts()
