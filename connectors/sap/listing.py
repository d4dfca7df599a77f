"""Which documents there are: by a list BAPI, else by reading the keys of their table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from connectors.contract import Kind

if TYPE_CHECKING:
    from connectors.sap.envelopes import Reply
    from connectors.sap.services import Services
    from connectors.sap.transport import Session

READ_TABLE: Final = "RFC_READ_TABLE"


@dataclass(frozen=True, slots=True)
class Listing:
    """One way to list documents of a kind: a function, what it is asked, and where its answer has the keys."""

    function: str
    request: Mapping[str, Any]
    keys: Callable[[Reply], Sequence[str]]


def _column(table: str, name: str) -> Callable[[Reply], Sequence[str]]:
    return lambda reply: [row.get(name, "") for row in reply.rows(table)]


def _table(name: str, key: str, condition: str) -> Listing:
    """Read the keys of a transparent table: in one answer, because its pages have no order that is promised."""
    return Listing(
        READ_TABLE,
        {
            "QUERY_TABLE": name,
            "DELIMITER": "|",
            "FIELDS": [{"FIELDNAME": key}],
            "OPTIONS": [{"TEXT": condition}],
            "DATA": [],
        },
        lambda reply: [row.get("WA", "").strip() for row in reply.rows("DATA")],
    )


LISTINGS: Final[Mapping[Kind, tuple[Listing, ...]]] = {
    Kind.PURCHASE_ORDER: (
        Listing(
            "BAPI_PO_GETITEMS",
            {"WITH_PO_HEADERS": "X", "DELETED_ITEMS": "X", "PO_HEADERS": [], "PO_ITEMS": []},
            _column("PO_HEADERS", "PO_NUMBER"),
        ),
        _table("EKKO", "EBELN", "BSTYP = 'F'"),
    ),
    # Its list BAPI needs a customer.
    Kind.SALES_ORDER: (_table("VBAK", "VBELN", "VBTYP = 'C'"),),
    Kind.PRODUCTION_ORDER: (
        Listing(
            "BAPI_PRODORD_GET_LIST",
            {
                "ORDER_NUMBER_RANGE": [
                    {"SIGN": "I", "OPTION": "BT", "LOW": "0" * 12, "HIGH": "Z" * 12}
                ],
                "ORDER_HEADER": [],
            },
            _column("ORDER_HEADER", "ORDER_NUMBER"),
        ),
        _table("AFKO", "AUFNR", "AUFNR > ' '"),
    ),
}


def listing_of(kind: Kind, services: Services) -> Listing | None:
    """Return the first way to list documents of a kind that some service offers."""
    return next(
        (each for each in LISTINGS[kind] if services.reader(each.function) is not None), None
    )


def list_keys(kind: Kind, session: Session, services: Services) -> list[str] | None:
    """Return the keys of every document of a kind that our user may see, sorted; None where nothing lists them."""
    listing = listing_of(kind, services)
    if listing is None:
        return None
    reply = session.call(services.reading(listing.function), listing.request)
    return sorted(set(listing.keys(reply)) - {""})
