"""Requests are sparse and checked; answers are read strictly, each field by its ABAP name."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from connectors.sap.envelopes import SoapFault, read_reply, request_of
from connectors.sap.offers import offer_of
from connectors.sap.shapes import Function, Offer, Table
from connectors.sap.values import Scalar, Sort
from core.errors import BadAnswer, BadInput
from sandbox.sap.names import Style
from tests.unit.connectors.sap.descriptions import offer, shelf

SOAP: Final = "http://schemas.xmlsoap.org/soap/envelope/"
RFC: Final = "urn:sap-com:document:sap:rfc:functions"


@pytest.fixture(scope="module", params=list(Style))
def service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Offer:
    return offer(tmp_path_factory.mktemp("descriptions"), request.param)


@pytest.fixture(scope="module")
def commit(tmp_path_factory: pytest.TempPathFactory) -> Function:
    found = offer(tmp_path_factory.mktemp("descriptions"))
    return found.functions["BAPI_TRANSACTION_COMMIT"]


def envelope(content: str) -> bytes:
    return f'<s:Envelope xmlns:s="{SOAP}"><s:Body>{content}</s:Body></s:Envelope>'.encode()


def returned(rows: str) -> bytes:
    name = "BAPI_TRANSACTION_COMMITResponse"
    return envelope(f'<n:{name} xmlns:n="{RFC}"><RETURN>{rows}</RETURN></n:{name}>')


def test_limits_of_fields_are_known(service: Offer) -> None:
    """Types, lengths and places come from the schema, in both styles under ABAP's names."""
    items = service.functions["BAPI_PO_CHANGE"].rows_of("POITEM")
    assert items is not None
    fields = items.scalars()
    assert Scalar(Sort.TEXT, longest=1) == fields["NO_MORE_GR"]
    assert (13, 3) == (fields["QUANTITY"].digits, fields["QUANTITY"].places)
    assert (Sort.NUMERIC, Sort.DATE) == (fields["PO_ITEM"].sort, fields["PRICE_DATE"].sort)


def test_only_what_is_given_is_sent(service: Offer) -> None:
    """178 fields an item, and the request holds two: a missing field is initial to SAP."""
    function = service.functions["BAPI_PO_CHANGE"]
    sent = request_of(
        function,
        {
            "PURCHASEORDER": "4500000001",
            "POITEM": [{"PO_ITEM": "00010", "NO_MORE_GR": "X"}],
            "RETURN": [],
        },
    ).lower()
    item = b"<po_item>00010</po_item><no_more_gr>x</no_more_gr>"
    mixed = b"<poitem>00010</poitem><nomoregr>x</nomoregr>"
    assert b"<item>" + item + b"</item>" in sent or b"<item>" + mixed + b"</item>" in sent
    assert b"<return/>" in sent
    assert b"short" not in sent


def test_required_tables_are_sent_even_when_nobody_gives_them(service: Offer) -> None:
    """RETURN of BAPI_SALESORDER_CHANGE is required: without it no message would come back."""
    function = service.functions["BAPI_SALESORDER_CHANGE"]
    (member,) = [m for m in function.request.members.values() if m.name == "RETURN"]
    assert isinstance(member.type, Table)
    sent = request_of(
        function, {"SALESDOCUMENT": "1", "ORDER_HEADER_INX": {"UPDATEFLAG": "U"}}
    ).lower()
    assert b"<return/>" in sent


@pytest.mark.parametrize(
    "parameters",
    [
        {"PURCHASEORDER": "45000000012"},
        {"NO_SUCH": "X"},
        {"POITEM": [{"NO_SUCH": "X"}]},
        {"POITEM": [{"PO_ITEM": "1O"}]},
    ],
)
def test_what_the_service_does_not_take_is_not_sent(
    service: Offer, parameters: dict[str, object]
) -> None:
    """An unknown name, a value that is too long or of the wrong form: refused before anything is sent."""
    with pytest.raises(BadInput):
        request_of(service.functions["BAPI_PO_CHANGE"], parameters)  # type: ignore[arg-type]


def test_an_empty_element_is_an_empty_text(commit: Function) -> None:
    """ABAP's initial value is '' whether the element is empty or missing."""
    reply = read_reply(commit, returned("<TYPE>S</TYPE><ID/>"), system="erp", largest=10_000)
    row = reply.row("RETURN")
    assert ("S", "", "") == (row["TYPE"], row["ID"], row.get("NUMBER", ""))


@pytest.mark.parametrize(
    "body",
    [
        returned("<TYPE>S</TYPE><NEW_FIELD>1</NEW_FIELD>"),
        envelope(f'<n:OTHERResponse xmlns:n="{RFC}"/>'),
        envelope("<BAPI_TRANSACTION_COMMITResponse/>"),
        envelope(""),
        b"<html><body>Logon failed</body></html>",
        b"not an answer",
        b'<!DOCTYPE x [<!ENTITY a "b">]>' + returned("<TYPE>&a;</TYPE>"),
        b"<a>" * 300 + b"</a>" * 300,
        returned("<TYPE>S</TYPE>" * 2000),
    ],
)
def test_what_the_description_does_not_foresee_is_no_answer(commit: Function, body: bytes) -> None:
    """A strange field, another answer, a page, entities, depth, size: never half an answer."""
    with pytest.raises(BadAnswer):
        read_reply(commit, body, system="erp", largest=10_000)


def test_a_fault_keeps_the_name_of_the_exception(commit: Function) -> None:
    """An exception of ABAP is told from a fault of the runtime by its detail, not by its words."""
    detail = (
        f'<detail><n:F.Exception xmlns:n="{RFC}"><Name>NOT_FOUND</Name><Text>nothing there</Text>'
        "</n:F.Exception></detail>"
    )
    fault = "<s:Fault><faultcode>s:Server</faultcode><faultstring>x</faultstring>{}</s:Fault>"
    with pytest.raises(SoapFault) as caught:
        read_reply(commit, envelope(fault.format(detail)), system="erp", largest=10_000)
    assert ("Server", "NOT_FOUND", "nothing there") == (
        caught.value.code,
        caught.value.name,
        caught.value.said,
    )
    with pytest.raises(SoapFault) as caught:
        read_reply(commit, envelope(fault.format("")), system="erp", largest=10_000)
    assert caught.value.name is None


def test_an_interface_is_the_same_at_every_address(tmp_path: Path) -> None:
    """A copy has another host, so another hash; what it offers is the same, and a proof made there counts."""
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    one = offer(here)
    text = (here / "service.wsdl").read_bytes().replace(b"127.0.0.1:8000", b"copy.test:8000")
    (there / "service.wsdl").write_bytes(text)
    other = offer_of(shelf(there).bundle("service.wsdl"))
    assert one.digest != other.digest
    assert one.interface() == other.interface()
