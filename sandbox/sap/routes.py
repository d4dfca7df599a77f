"""Which address leads where."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from sandbox.sap import odata, soap
from sandbox.sap.arrival import Arrival
from sandbox.sap.ledger import LedgerLine
from sandbox.sap.pages import HTML, Answer, page
from sandbox.sap.sessions import COOKIE

if TYPE_CHECKING:
    from sandbox.sap.instance import SAP


def answer(sap: SAP, line: LedgerLine, arrival: Arrival) -> Answer:
    """Answer one request. Raises `SpoiledError` where a fault was ordered."""
    by_path = {service.path: service for service in sap.services.values()}
    by_wsdl = {service.wsdl_path: service for service in sap.services.values()}
    service = by_path.get(arrival.path)
    if service is not None:
        is_wsdl = "wsdl" in parse_qs(arrival.query, keep_blank_values=True)
        if arrival.verb == "GET" and is_wsdl:
            return soap.answer_wsdl(sap, line, arrival, service)
        return soap.answer(sap, line, arrival, service)
    if arrival.path in by_wsdl:
        return soap.answer_wsdl(sap, line, arrival, by_wsdl[arrival.path])
    offered = odata.service_of(arrival.path)
    if offered is not None:
        return odata.answer(sap, line, arrival, offered)
    if arrival.path == "/sap/public/bc/icf/logoff":
        return _log_off(sap, line, arrival)
    if arrival.path == "/sap/public/ping":
        return Answer(200, HTML, b"<html><body>Server reached.</body></html>")
    line.outcome = "failed"
    return page(404, arrival.language or "EN")


def _log_off(sap: SAP, line: LedgerLine, arrival: Arrival) -> Answer:
    line.function = "LOGOFF"
    with sap.mutex:
        sap.sessions.close(arrival.cookie(COOKIE))
    return page(200, arrival.language or "EN")
