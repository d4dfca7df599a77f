"""Which documents there are: by a list BAPI, else by a function of the customer, else by the keys of their table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from connectors.sap import customer_list, tables
from connectors.sap.layouts import SEPARATOR
from connectors.sap.tables import READ_TABLE
from core import clock
from core.errors import BadAnswer
from core.text import N_

if TYPE_CHECKING:
    from connectors.contract import Kind
    from connectors.sap.envelopes import Reply
    from connectors.sap.layouts import Layout
    from connectors.sap.services import Services
    from connectors.sap.transport import Session


@dataclass(frozen=True, slots=True)
class Listing:
    """One way to list documents of a kind: a function, what it is asked, and where its answer has the keys.

    Without a request it is a function of the customer, that is asked for the keys of `table`.
    """

    function: str
    request: Mapping[str, Any]
    keys: Callable[[Reply], Sequence[str]]
    table: str = ""


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


_TABLES: Final[Mapping[str, str]] = {
    "POHEADER": "EKKO",
    "ORDER_HEADERS_OUT": "VBAK",
    "HEADER": "AFKO",
    "GOODSMVT_HEADER": "MKPF",
    "HEADERDATA": "RBKP",
    "HEAD": "IKPF",
    "BKPF": "BKPF",
    "PROJECT_DEFINITION": "PROJ",
    "WBS_ELEMENT": "PRPS",
    "NETWORK": "AUFK",
}
"""Where SAP keeps the documents of a model: so a function of the customer is asked for them."""


def listing_of(layout: Layout, kind: Kind, services: Services) -> Listing | None:
    """Return the first way to list documents that some service offers."""
    known = _listings()[layout.root.model]
    own = services.lister_of(kind)
    ways = [
        *(each for each in known if each.function != READ_TABLE),
        *([Listing(own, {}, lambda _: (), _TABLES[layout.root.model])] if own else ()),
        *(each for each in known if each.function == READ_TABLE),
    ]
    return next((each for each in ways if services.reader(each.function) is not None), None)


def list_keys(layout: Layout, kind: Kind, session: Session, services: Services) -> list[str] | None:
    """Return the keys of every document that our user may see, sorted; None where nothing lists them."""
    listing = listing_of(layout, kind, services)
    if listing is None:
        return None
    endpoint = services.reading(listing.function)
    if not listing.table:
        found = listing.keys(session.call(endpoint, listing.request))
        return sorted(set(found) - {""})
    given = customer_list.list_keys(session, endpoint, listing.table)
    keys = {number: layout.key_of(number) for number in given}
    wrong = [number for number, key in keys.items() if key is None]
    if wrong:
        raise BadAnswer(
            N_("{system}: {function} gave {number}, which is no number of such a document"),
            system=session.system,
            function=listing.function,
            number=wrong[0],
            problem="",
        )
    return sorted(key for key in keys.values() if key is not None)


def try_own(layout: Layout, kind: Kind, session: Session, services: Services) -> None:
    """Ask the customer's function for one document, where it is what lists them. Raises what it refuses."""
    listing = listing_of(layout, kind, services)
    if listing is not None and listing.table:
        endpoint = services.reading(listing.function)
        customer_list.page_of(session, endpoint, listing.table, after="", most=1)
