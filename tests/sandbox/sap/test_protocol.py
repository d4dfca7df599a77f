"""The wire: WSDLs, pages, faults, languages, lost answers and the ledger."""

from __future__ import annotations

import io
from decimal import Decimal

import pytest
import zeep
from requests.exceptions import ConnectionError as Unreachable
from requests.exceptions import ReadTimeout
from zeep.exceptions import Fault as SOAPFault
from zeep.exceptions import TransportError

from sandbox.sap.dictionary import dictionary
from sandbox.sap.faults import Fault
from sandbox.sap.instance import SAP
from sandbox.sap.names import Style, mixed_case
from sandbox.sap.server import SAPServer
from sandbox.sap.wsdl import Contract, wsdl
from tests.sandbox.sap.caller import rows, said, send
from tests.sandbox.sap.conftest import Open
from tests.sandbox.sap.test_purchase import closing

RFC = "urn:sap-com:document:sap:rfc:functions"


def call(content: str) -> bytes:
    """Return a request; `content` is an element without its prefix."""
    name = content.partition(">")[0].partition("/")[0].strip()
    inner = content.partition(">")[2].rpartition("</")[0]
    return (
        '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>'
        f'<n:{name} xmlns:n="{RFC}">{inner}</n:{name}></e:Body></e:Envelope>'
    ).encode()


@pytest.mark.parametrize("style", list(Style))
def test_every_function_has_a_contract(style: Style) -> None:
    """A WSDL of everything that this SAP runs is loaded by zeep, and is the same each time."""
    names = tuple(sorted(SAP().handlers))
    made = wsdl(Contract("ZALL", names, style), dictionary(), url="http://127.0.0.1/x")
    assert made == wsdl(Contract("ZALL", names, style), dictionary(), url="http://127.0.0.1/x")
    client = zeep.Client(io.BytesIO(made))  # type: ignore[no-untyped-call]
    assert {style.spell(name) for name in names} == set(client.service._operations)
    assert b"enableSession>false<" in made


def test_mixed_case() -> None:
    """Names are spelled as SAP's wizard spells them."""
    assert "BapiPoChange" == mixed_case("BAPI_PO_CHANGE")
    assert "OrderItemInx" == mixed_case("ORDER_ITEM_INX")
    assert "_-cwm_-x" == mixed_case("/CWM/X")


def test_pages_where_xml_was_hoped_for(server: SAPServer) -> None:
    """Who may not log on, or may not call, gets a page of the web server, in his language."""
    path = server.sap.services["zstorno_po"].path
    for user in (None, "STORNO:wrong", "GHOST:x"):
        answer = send(server, "POST", path, b"<x/>", user=user)
        assert 401 == answer.status
        assert answer.headers["WWW-Authenticate"].startswith("Basic realm=")
        assert b"<!DOCTYPE html>" in answer.body
    assert 403 == send(server, "POST", path, b"<x/>", user="NOBODY:nobody").status
    answer = send(server, "POST", f"{path}?sap-language=ZH", b"<x/>", user=None)
    assert "登录失败" in answer.body.decode()
    assert 404 == send(server, "GET", "/sap/bc/srt/rfc/sap/other").status
    assert 405 == send(server, "GET", path).status


def test_faults_of_the_runtime(server: SAPServer) -> None:
    """What the runtime cannot read is a SOAP fault with status 500."""
    path = server.sap.services["zstorno_po"].path
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaa">]><x>&a;</x>'
    wrong = call("BAPI_PO_CHANGE><POITEM><item><QUANTITY>much</QUANTITY></item></POITEM></x")
    for body in (b"no xml", bomb, b"<x/>", call("STFC_CONNECTION></x"), wrong):
        answer = send(server, "POST", path, body)
        assert 500 == answer.status
        assert b"<soap-env:Fault>" in answer.body


def test_sparse_and_full(server: SAPServer) -> None:
    """A request may leave nearly everything out; an answer has every field of its structures."""
    sap, path = server.sap, server.sap.services["zstorno_po"].path
    order = sap.company.purchase_orders[0]
    body = call(f"BAPI_PO_GETDETAIL1><PURCHASEORDER>{order}</PURCHASEORDER><POITEM/><unknown/></x")
    answer = send(server, "POST", path, body)
    assert 200 == answer.status
    first = answer.body.partition(b"<item>")[2].partition(b"</item>")[0]
    assert b"<PO_ITEM>00010</PO_ITEM><DELETE_IND/>" in first
    assert 178 == len(sap.dictionary.structures["BAPIMEPOITEM"].fields)
    assert 178 == first.count(b"</") + first.count(b"/>")
    assert b"<UNTIL_DATE>0000-00-00</UNTIL_DATE>" in first


def test_exceptions_of_the_interface(opened: Open) -> None:
    """An exception of the function module is a SOAP fault with its name."""
    client = opened("zstorno_read")
    with pytest.raises(SOAPFault) as caught:
        client("RFC_READ_TABLE", QUERY_TABLE="ZNONE", OPTIONS=[], FIELDS=[], DATA=[])
    assert "TABLE_NOT_AVAILABLE" == caught.value.message


def test_table_is_read(sap: SAP, opened: Open) -> None:
    """RFC_READ_TABLE filters, cuts and separates; fields tell where their values stand."""
    order = sap.company.purchase_orders[0]
    answer = opened("zstorno_read")(
        "RFC_READ_TABLE",
        QUERY_TABLE="EKPO",
        DELIMITER="|",
        OPTIONS=[{"TEXT": f"EBELN = '{order}' AND"}, {"TEXT": "EBELP IN ('00010', '00020')"}],
        FIELDS=[{"FIELDNAME": "EBELP"}, {"FIELDNAME": "MENGE"}, {"FIELDNAME": "ELIKZ"}],
        DATA=[],
    )
    stored = sap.db.tables["EKPO"]
    for row, item in zip(rows(answer.DATA), ("00010", "00020"), strict=True):
        number, quantity, flag = row.WA.split("|")
        assert (item, stored[order, item]["MENGE"], "") == (number, Decimal(quantity), flag.strip())
    assert ["000000", "000006"] == [f.OFFSET for f in rows(answer.FIELDS)][:2]


def test_answers_that_get_lost(sap: SAP, opened: Open) -> None:
    """The work is done or not as was ordered; the ledger knows, the caller does not."""
    client = opened("zstorno_po")
    for number, is_applied in zip(sap.company.purchase_orders, (True, False), strict=False):
        sap.faults.add(Fault("lost", record=number, is_applied=is_applied))
        with pytest.raises(Unreachable):
            client("Z_STORNO_PO_CHANGE", PURCHASEORDER=number, **closing(NO_MORE_GR="X"))
        assert ("X" if is_applied else "") == sap.db.tables["EKPO"][number, "00010"]["ELIKZ"]
    assert {"Z_STORNO_PO_CHANGE": 2, "WSDL": 1} == sap.ledger.counts()
    assert [False, False] == [line.is_answered for line in sap.ledger.lines()[1:]]


@pytest.mark.parametrize(
    "fault, error",
    [
        (Fault("html"), Exception),
        (Fault("garbage"), TransportError),
        (Fault("status", status=503), TransportError),
        (Fault("logon"), TransportError),
        (Fault("cut"), Exception),
        (Fault("soap_fault", said="No memory"), SOAPFault),
    ],
)
def test_spoiled_answers(sap: SAP, opened: Open, fault: Fault, error: type[Exception]) -> None:
    """Each way of answering badly is one that zeep meets as an error; the next call is fine."""
    client = opened("zstorno_po")
    sap.faults.add(fault)
    order = sap.company.purchase_orders[0]
    with pytest.raises(error):
        client("BAPI_PO_GETDETAIL1", PURCHASEORDER=order)
    assert order == client("BAPI_PO_GETDETAIL1", PURCHASEORDER=order).POHEADER.PO_NUMBER


def test_ordered_refusal_lock_and_edit(sap: SAP, opened: Open) -> None:
    """A refusal, a lock and an edit by somebody else come exactly when ordered."""
    client = opened("zstorno_po")
    order = sap.company.purchase_orders[0]
    sap.faults.add(
        Fault("refused", said="A XY 123 It ends here", record=order),
        Fault("locked", record=order, nth=1),
        Fault(
            "edit",
            record=order,
            nth=1,
            table="EKPO",
            key=(order, "00020"),
            values={"ELIKZ": "X"},
        ),
    )

    def wrapped() -> list[str]:
        tables = closing(NO_MORE_GR="X")
        return said(client("Z_STORNO_PO_CHANGE", PURCHASEORDER=order, **tables))

    assert ["A XY 123"] == wrapped()
    assert "X" == sap.db.tables["EKPO"][order, "00020"]["ELIKZ"]
    assert ["S 06 023"] == wrapped()


def test_rights(opened: Open, sap: SAP) -> None:
    """Who lacks the right is answered, and refused."""
    client = opened("zstorno_po", user="READER:reader")
    tables = closing(NO_MORE_GR="X")
    order = sap.company.purchase_orders[0]
    assert ["E ME 303"] == said(client("Z_STORNO_PO_CHANGE", PURCHASEORDER=order, **tables))


def test_newer_soap(server: SAPServer) -> None:
    """SOAP 1.2 is answered in SOAP 1.2."""
    path = server.sap.services["zstorno_po"].path
    order = server.sap.company.purchase_orders[0]
    body = call(f"BAPI_PO_GETDETAIL1><PURCHASEORDER>{order}</PURCHASEORDER></x")
    newer = b"http://www.w3.org/2003/05/soap-envelope"
    body = body.replace(b"http://schemas.xmlsoap.org/soap/envelope/", newer)
    answer = send(server, "POST", path, body)
    assert (200, "application/soap+xml") == (answer.status, answer.headers.get_content_type())
    assert newer in answer.body


def test_slow_and_latency(sap: SAP, opened: Open) -> None:
    """A slow answer to a caller who does not wait is an answer lost; the work is done."""
    client = opened("zstorno_po")
    order = sap.company.purchase_orders[0]
    client.zeep.transport.operation_timeout = 0.05
    sap.faults.add(Fault("slow", function="Z_STORNO_PO_CHANGE", seconds=0.2, is_applied=True))
    with pytest.raises(ReadTimeout):
        client("Z_STORNO_PO_CHANGE", PURCHASEORDER=order, **closing(NO_MORE_GR="X"))
    assert "X" == sap.db.tables["EKPO"][order, "00010"]["ELIKZ"]


def test_same_seed_same_documents() -> None:
    """The same seed gives the same documents, another one gives others."""
    assert SAP(seed=3).dump() == SAP(seed=3).dump()
    assert SAP(seed=3).company.purchase_orders != SAP(seed=4).company.purchase_orders
    assert 5 == len(SAP(more_orders=5).company.more_orders)


def test_restored(sap: SAP) -> None:
    """A snapshot brings documents and numbers back."""
    then, before = sap.snapshot(), sap.dump()
    sap.edit("EKPO", sap.company.purchase_orders[0], "00010", ELIKZ="X")
    number = sap.next_number("MKPF", 1)
    assert before != sap.dump()
    sap.restore(then)
    assert before == sap.dump()
    assert number == sap.next_number("MKPF", 1)


def test_a_dump_before_or_after_the_commit(sap: SAP, opened: Open) -> None:
    """The same page, whether the customer's function had committed or not."""
    client = opened("zstorno_po")
    for number, is_applied in zip(sap.company.purchase_orders, (True, False), strict=False):
        sap.faults.add(Fault("dump", record=number, is_applied=is_applied))
        with pytest.raises(TransportError):
            client("Z_STORNO_PO_CHANGE", PURCHASEORDER=number, **closing(NO_MORE_GR="X"))
        assert ("X" if is_applied else "") == sap.db.tables["EKPO"][number, "00010"]["ELIKZ"]


def test_lengths(sap: SAP, server: SAPServer) -> None:
    """What is too long is cut, or refused where the runtime checks."""
    path = sap.services["zstorno_po"].path
    order = sap.company.purchase_orders[0]
    body = call(f"BAPI_PO_GETDETAIL1><PURCHASEORDER>{order}99</PURCHASEORDER></x")
    assert f"<PO_NUMBER>{order}</PO_NUMBER>".encode() in send(server, "POST", path, body).body
    sap.switches.checks_lengths = True
    assert b"CX_ST_DESERIALIZATION_ERROR" in send(server, "POST", path, body).body
