"""Contract first: every answer is valid by the schema of the WSDL that the service gives out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from xml.sax.saxutils import escape

import pytest
from lxml import etree

from sandbox.sap.dictionary import Function
from sandbox.sap.instance import SAP
from sandbox.sap.names import Style
from sandbox.sap.server import SAPServer
from sandbox.sap.services import Service
from sandbox.sap.wsdl import wsdl
from tests.sandbox.sap.caller import send

_XSD = "{http://www.w3.org/2001/XMLSchema}schema"


def schema_of(sap: SAP, service: Service) -> Callable[[Any], list[str]]:
    """Return what tells an element's violations of the service's schema."""
    root = etree.fromstring(wsdl(service.contract, sap.dictionary, url="http://127.0.0.1/"))
    schemas = list(root.iter(_XSD))
    if len(schemas) == 1:
        made = etree.XMLSchema(etree.fromstring(etree.tostring(schemas[0])))
    else:
        # The importing schema names the other by its namespace alone; libxml2 wants to be told where it is.
        simple = etree.tostring(schemas[0])

        class Imported(etree.Resolver):
            def resolve(self, url: str | None, public: str | None, context: Any) -> Any:
                return self.resolve_string(simple, context)

        parser = etree.XMLParser()
        parser.resolvers.add(Imported())
        for each in schemas[1].iter("{http://www.w3.org/2001/XMLSchema}import"):
            each.set("schemaLocation", "simple.xsd")
        made = etree.XMLSchema(etree.fromstring(etree.tostring(schemas[1]), parser))

    def violations(element: Any) -> list[str]:
        made.validate(element)
        return [str(each.message) for each in made.error_log]

    return violations


def request(service: Service, function: Function, given: dict[str, str]) -> bytes:
    """Return a request with `given` scalars and structures of one field, and every table, empty."""
    spell, parts = service.style.spell, []
    for each in function.parameters:
        if not each.is_in_request:
            continue
        value = given.get(each.name, "")
        if each.form == "scalar" and value:
            parts.append(f"<{spell(each.name)}>{escape(value)}</{spell(each.name)}>")
        elif each.form == "table":
            first, _, text = value.partition("=")
            row = f"<item><{spell(first)}>{text}</{spell(first)}></item>" if first else ""
            parts.append(f"<{spell(each.name)}>{row}</{spell(each.name)}>")
        elif value:
            rows = (pair.split("=") for pair in value.split())
            row = "".join(f"<{spell(name)}>{text}</{spell(name)}>" for name, text in rows)
            parts.append(f"<{spell(each.name)}>{row}</{spell(each.name)}>")
    name = spell(function.name)
    return (
        '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>'
        f'<n:{name} xmlns:n="{service.style.namespace}">{"".join(parts)}</n:{name}>'
        "</e:Body></e:Envelope>"
    ).encode()


@pytest.mark.parametrize("style", list(Style))
def test_every_answer_is_valid(sap: SAP, server: SAPServer, style: Style) -> None:
    """Whatever a function answers, with documents or without, the WSDL's schema takes it."""
    company = sap.company
    key = company.ledger_documents[0]
    known = {
        "PURCHASEORDER": company.purchase_orders[0],
        "SALESDOCUMENT": company.sales_orders[0],
        "NUMBER": company.production_orders[0],
        "ORDER_OBJECTS": "HEADER=X POSITIONS=X COMPONENTS=X",
        "ORDERS": f"ORDER_NUMBER={company.production_orders[0]}",
        "ORDER_HEADER_INX": "UPDATEFLAG=U",
        "CUSTOMER_NUMBER": company.customer,
        "SALES_ORGANIZATION": "1000",
        "I_BAPI_VIEW": "HEADER=X ITEM=X STATUS_H=X STATUS_I=X",
        "SALES_DOCUMENTS": f"VBELN={company.sales_orders[0]}",
        "MATERIALDOCUMENT": company.receipt,
        "MATDOCUMENTYEAR": "2026",
        "INVOICEDOCNUMBER": company.invoices[0],
        "FISCALYEAR": "2026",
        "REASONREVERSAL": "01",
        "REVERSAL": f"OBJ_TYPE=BKPFF OBJ_KEY_R={key} REASON_REV=01",
        "BUS_ACT": "RFBU",
        "PHYSINVENTORY": company.counts[0],
        "ITEMS": "ITEM=001",
        "QUERY_TABLE": "T001B",
        "WITH_PO_HEADERS": "X",
        "PROJECT_DEFINITION": company.projects[0],
        "WBS_ELEMENT": f"{company.projects[0]}-1",
        "I_WBS_SYSTEM_STATUS": f"WBS_ELEMENT={company.projects[0]}-1",
    }
    seen = set()
    for service in sap.services.values():
        if service.style is not style:
            continue
        violations = schema_of(sap, service)
        for name in service.functions:
            function = sap.dictionary.functions[name]
            for given in ({}, known):
                answer = send(server, "POST", service.path, request(service, function, given))
                if name == "RFC_READ_TABLE" and not given:
                    assert 500 == answer.status
                    continue
                assert 200 == answer.status, name
                body = etree.fromstring(answer.body)[1][0]
                assert [] == violations(body), name
            seen.add(name)
    assert set(sap.handlers) == seen


def test_the_schema_would_notice(sap: SAP) -> None:
    """The schema of the test above refuses what is not in the contract."""
    violations = schema_of(sap, sap.services["zstorno_po"])
    space = Style.RFC.namespace
    wrong = f'<n:BAPI_TRANSACTION_COMMITResponse xmlns:n="{space}"><RETURN><TYPE>XX</TYPE></RETURN></n:BAPI_TRANSACTION_COMMITResponse>'
    assert [] != violations(etree.fromstring(wrong))
