"""Which documents there are: by a list BAPI, else by reading the keys of their table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from connectors.sap import tables
from connectors.sap.layouts import SEPARATOR
from connectors.sap.tables import READ_TABLE
from core import clock

if TYPE_CHECKING:
    from connectors.sap.envelopes import Reply
    from connectors.sap.layouts import Layout
    from connectors.sap.services import Services
    from connectors.sap.transport import Session


@dataclass(frozen=True, slots=True)
class Listing:
    """One way to list documents of a kind: a function, what it is asked, and where its answer has the keys."""

    function: str
    request: Mapping[str, Any]
    keys: Callable[[Reply], Sequence[str]]


def _columns(table: str, *names: str) -> Callable[[Reply], Sequence[str]]:
    return lambda reply: [
        SEPARATOR.join(row.get(name, "") for name in names) for row in reply.rows(table)
    ]


def _table(name: str, keys: Sequence[str], condition: str) -> Listing:
    """Read the keys of a transparent table: in one answer, because its pages have no order that is promised."""
    return Listing(
        READ_TABLE,
        {**tables.request_of(name, keys, [condition]), "DELIMITER": "|"},
        lambda reply: [
            SEPARATOR.join(part.strip() for part in row.get("WA", "").split("|"))
            for row in reply.rows("DATA")
        ],
    )


def _this_year_and_last() -> tuple[str, str]:
    """Return two years: SAP keeps posted documents for ever, and nobody cancels older ones."""
    year = clock.now().year
    return str(year - 1), str(year + 1)


_ORDERS: Final[Mapping[str, tuple[Listing, ...]]] = {
    "POHEADER": (
        Listing(
            "BAPI_PO_GETITEMS",
            {"WITH_PO_HEADERS": "X", "DELETED_ITEMS": "X", "PO_HEADERS": [], "PO_ITEMS": []},
            _columns("PO_HEADERS", "PO_NUMBER"),
        ),
        _table("EKKO", ("EBELN",), "BSTYP = 'F'"),
    ),
    # Its list BAPI needs a customer.
    "ORDER_HEADERS_OUT": (_table("VBAK", ("VBELN",), "VBTYP = 'C'"),),
    "HEADER": (
        Listing(
            "BAPI_PRODORD_GET_LIST",
            {
                "ORDER_NUMBER_RANGE": [
                    {"SIGN": "I", "OPTION": "BT", "LOW": "0" * 12, "HIGH": "Z" * 12}
                ],
                "ORDER_HEADER": [],
            },
            _columns("ORDER_HEADER", "ORDER_NUMBER"),
        ),
        _table("AFKO", ("AUFNR",), "AUFNR > ' '"),
    ),
    "PROJECT_DEFINITION": (_table("PROJ", ("PSPID",), "PSPID > ' '"),),
    "WBS_ELEMENT": (_table("PRPS", ("POSID",), "POSID > ' '"),),
    "NETWORK": (),  # they stand among other orders (AUFK), and nothing public says which are open
}
"""By the model of the document."""


def _listings() -> Mapping[str, tuple[Listing, ...]]:
    first, last = _this_year_and_last()
    return {
        **_ORDERS,
        "GOODSMVT_HEADER": (_table("MKPF", ("MBLNR", "MJAHR"), f"MJAHR >= '{first}'"),),
        "HEADERDATA": (
            Listing(
                "BAPI_INCOMINGINVOICE_GETLIST",
                {
                    "FISCALYEAR_RA": [{"SIGN": "I", "OPTION": "BT", "LOW": first, "HIGH": last}],
                    "HEADERLIST": [],
                    "RETURN": [],
                },
                _columns("HEADERLIST", "INV_DOC_NO", "FISC_YEAR"),
            ),
            _table("RBKP", ("BELNR", "GJAHR"), f"GJAHR >= '{first}'"),
        ),
        # What other applications posted is reversed there, so only what came through the interface is listed.
        "BKPF": (
            _table("BKPF", ("BUKRS", "BELNR", "GJAHR"), f"GJAHR >= '{first}' AND AWTYP = 'BKPFF'"),
        ),
        "HEAD": (_table("IKPF", ("IBLNR", "GJAHR"), f"GJAHR >= '{first}'"),),
    }


def listing_of(layout: Layout, services: Services) -> Listing | None:
    """Return the first way to list documents that some service offers."""
    known = _listings()[layout.root.model]
    return next((each for each in known if services.reader(each.function) is not None), None)


def list_keys(layout: Layout, session: Session, services: Services) -> list[str] | None:
    """Return the keys of every document that our user may see, sorted; None where nothing lists them."""
    listing = listing_of(layout, services)
    if listing is None:
        return None
    reply = session.call(services.reading(listing.function), listing.request)
    return sorted(set(listing.keys(reply)) - {""})
