"""Descriptions of services to read in tests, made by the practice SAP's own writer."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

from connectors.sap.offers import offer_of
from connectors.sap.shapes import Offer
from connectors.sap.wsdl import Shelf
from sandbox.sap.dictionary import dictionary
from sandbox.sap.names import Style
from sandbox.sap.wsdl import Contract, wsdl

ADDRESS: Final = "http://127.0.0.1:8000"
FUNCTIONS: Final = (
    "BAPI_PO_CHANGE",
    "BAPI_PO_GETDETAIL1",
    "BAPI_SALESORDER_CHANGE",
    "BAPI_SALESORDER_GETSTATUS",
    "BAPI_TRANSACTION_COMMIT",
    "BAPI_TRANSACTION_ROLLBACK",
    "BAPI_PRODORD_CLOSE",
)


@cache
def description(style: Style = Style.RFC, *, is_stateful: bool = False) -> bytes:
    """Return a description of some functions."""
    contract = Contract("ZSTORNO", FUNCTIONS, style, is_stateful)
    return wsdl(contract, dictionary(), url=f"{ADDRESS}/sap/bc/srt/rfc/sap/zstorno/100/z/z")


def shelf(folder: Path) -> Shelf:
    """Return a shelf of files alone."""
    return Shelf("erp", folder, None, ADDRESS)


def offer(folder: Path, style: Style = Style.RFC) -> Offer:
    """Return what a description offers."""
    (folder / "service.wsdl").write_bytes(description(style))
    return offer_of(shelf(folder).bundle("service.wsdl"))
