"""Kinds of documents in SAP: which layouts each has, and how a document becomes canonical columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from connectors.contract import Kind
from connectors.judging import number_in
from connectors.sap import posted_sources as posted
from connectors.sap.layouts import (
    LEDGER_DOCUMENTS,
    MAINTENANCE_ORDERS,
    MATERIAL_DOCUMENTS,
    NETWORKS,
    PRODUCTION_ORDERS,
    PROJECTS,
    PURCHASE_ORDERS,
    SALES_ORDERS,
    SEPARATOR,
    STOCK_COUNTS,
    SUPPLIER_INVOICES,
    WBS_ELEMENTS,
)
from connectors.sap.values import plain

if TYPE_CHECKING:
    from connectors.sap.layouts import Layout
    from connectors.sap.reading import Reader, Rows
    from core.encoding import Value

Fields = Mapping[str, "Value"]
Columns = dict[str, Any]


class Document:
    """One document with its rows typed."""

    def __init__(self, layout: Layout, key: str, rows: Rows, reader: Reader) -> None:
        self.layout = layout
        self.key = key
        self._rows = rows
        self._reader = reader
        self.root = next(iter(self.of(layout.root.model).values()), {})

    def of(self, model: str) -> dict[str, Fields]:
        """Return the records of a model by the last part of their key."""
        scalars = None
        found: dict[str, Fields] = {}
        for ref, row in self._rows.items():
            if ref.model != model:
                continue
            if scalars is None:
                scalars = self._reader.structure(self.layout, model).scalars()
            values = {name: plain(scalar, row.get(name, "")) for name, scalar in scalars.items()}
            found[ref.key.rpartition(SEPARATOR)[2]] = values
        return found

    def has(self, model: str) -> bool:
        """Whether such records can be read here at all."""
        return self._reader.offers(self.layout, model)

    def totals(self, model: str, name: str) -> dict[str, Decimal]:
        """Return the sum of a field by item, for rows that have one more key behind the item."""
        found: dict[str, Decimal] = {}
        scalars = None
        for ref, row in self._rows.items():
            if ref.model == model:
                scalars = scalars or self._reader.structure(self.layout, model).scalars()
                position = ref.key.split(SEPARATOR)[1]
                value = number_in(plain(scalars[name], row.get(name, "")))
                found[position] = found.get(position, Decimal(0)) + value
        return found


@dataclass(frozen=True, slots=True)
class Source:
    """How documents of one kind are listed, and shown."""

    layout: Layout
    columns: Callable[[Document], Columns]
    lines: Callable[[Document], Iterator[Columns]]
    is_one: Callable[[Document], bool] = lambda _: True  # kinds may share a layout


def shown(key: str) -> str:
    """Return a number as SAP's screens show it: without the zeros in front."""
    return SEPARATOR.join(piece.lstrip("0") or "0" for piece in key.split(SEPARATOR))


# --- purchase orders ----------------------------------------------------------------------------------


def _purchase_lines(document: Document) -> Iterator[Columns]:
    from connectors.sap.purchase_actions import price_of

    # The history is no part of the OData services: what came is then not known.
    has_totals = document.has("POHISTORY_TOTALS")
    received = document.totals("POHISTORY_TOTALS", "DELIV_QTY")
    invoiced = document.totals("POHISTORY_TOTALS", "IV_QTY")
    for position, item in document.of("POITEM").items():
        quantity = number_in(item.get("QUANTITY"))
        came = received.get(position, Decimal(0))
        is_over = item.get("NO_MORE_GR") == "X" or bool(item.get("DELETE_IND"))
        left = Decimal(0) if is_over else max(quantity - came, Decimal(0))
        price = price_of(item)
        yield {
            "position": int(position),
            "item": item.get("MATERIAL") or item.get("SHORT_TEXT"),
            "item_key": item.get("MATERIAL"),
            "description": item.get("SHORT_TEXT"),
            "unit": item.get("PO_UNIT"),
            "quantity": quantity,
            "received_quantity": came if has_totals else None,
            "invoiced_quantity": invoiced.get(position, Decimal(0)) if has_totals else None,
            "remaining_quantity": left if has_totals or is_over else None,
            "unit_price": price,
            "amount": price * quantity,
            "currency": document.root.get("CURRENCY"),
            "state": str(item.get("DELETE_IND") or ("closed" if is_over else "open")),
            "model": "POITEM",
            "key": f"{document.key}{SEPARATOR}{position}",
        }


def _purchase(document: Document) -> Columns:
    lines = list(_purchase_lines(document))
    root = document.root
    return {
        **_sums(lines),
        "reference": root.get("OUR_REF"),
        "partner_key": root.get("VENDOR"),
        "company": root.get("COMP_CODE"),
        "date": root.get("DOC_DATE"),
        "currency": root.get("CURRENCY"),
        "state": str(root.get("DELETE_IND") or root.get("STATUS") or "-"),
        "is_closed": all(line["state"] != "open" for line in lines),
        "owner": root.get("PUR_GROUP"),
    }


# --- sales orders -------------------------------------------------------------------------------------


def _sales_lines(document: Document) -> Iterator[Columns]:
    states = document.of("ORDER_STATUSITEMS_OUT")
    for position, item in document.of("ORDER_ITEMS_OUT").items():
        state = states.get(position, {})
        is_over = bool(item.get("REA_FOR_RE")) or state.get("OVRPROCSTA") == "C"
        yield {
            "position": int(position),
            "item": item.get("MATERIAL") or item.get("SHORT_TEXT"),
            "item_key": item.get("MATERIAL"),
            "description": item.get("SHORT_TEXT"),
            "unit": item.get("SALES_UNIT"),
            "quantity": item.get("REQ_QTY"),
            "unit_price": item.get("NET_PRICE"),
            "amount": item.get("NET_VALUE"),
            "currency": item.get("CURRENCY"),
            "state": "closed" if is_over else str(state.get("OVRPROCSTA") or "open"),
            "model": "ORDER_ITEMS_OUT",
            "key": f"{document.key}{SEPARATOR}{position}",
        }


def _sales(document: Document) -> Columns:
    lines = list(_sales_lines(document))
    root = document.root
    states = next(iter(document.of("ORDER_STATUSHEADERS_OUT").values()), {})
    return {
        "ordered_quantity": sum((number_in(line["quantity"]) for line in lines), Decimal(0)),
        "reference": root.get("PURCH_NO"),
        "partner_key": root.get("SOLD_TO"),
        "company": root.get("SALES_ORG"),
        "date": root.get("DOC_DATE"),
        "due": root.get("REQ_DATE_H"),
        "currency": root.get("CURRENCY"),
        "state": str(states.get("PRC_STAT_H") or "-"),
        "is_closed": bool(lines) and all(line["state"] == "closed" for line in lines),
        "owner": root.get("CREATED_BY"),
    }


# --- production orders --------------------------------------------------------------------------------


def _production_lines(document: Document) -> Iterator[Columns]:
    for position, item in document.of("POSITION").items():
        quantity = number_in(item.get("QUANTITY"))
        came = number_in(item.get("DELIVERED_QUANTITY"))
        yield {
            "position": int(position),
            "item": item.get("MATERIAL"),
            "item_key": item.get("MATERIAL"),
            "description": item.get("MATERIAL_TEXT"),
            "unit": item.get("BASE_UNIT"),
            "quantity": quantity,
            "received_quantity": came,
            "remaining_quantity": max(quantity - came, Decimal(0)),
            "due": item.get("PLANNED_DELIVERY_DATE"),
            "state": "closed" if item.get("DELIVERY_COMPL") else "open",
            "model": "POSITION",
            "key": f"{document.key}{SEPARATOR}{position}",
        }


def _production(document: Document) -> Columns:
    root = document.root
    states = set(str(root.get("SYSTEM_STATUS") or "").split())
    return {
        "company": root.get("PRODUCTION_PLANT"),
        "date": root.get("ENTER_DATE"),
        "due": root.get("FINISH_DATE"),
        "ordered_quantity": root.get("TARGET_QUANTITY"),
        "received_quantity": root.get("CONFIRMED_QUANTITY"),
        "state": str(root.get("SYSTEM_STATUS") or "-"),
        "is_closed": bool(states & {"TECO", "CLSD", "DLFL"}),
        "owner": root.get("ENTERED_BY"),
    }


def _sums(lines: Sequence[Columns]) -> Columns:
    names = ("quantity", "received_quantity", "invoiced_quantity", "remaining_quantity")
    found = {
        # What is not known of one line is not known of the document.
        name: None
        if any(line[name] is None for line in lines)
        else sum((number_in(line[name]) for line in lines), Decimal(0))
        for name in names
    }
    left = None
    if found["remaining_quantity"] is not None:
        left = sum((line["remaining_quantity"] * line["unit_price"] for line in lines), Decimal(0))
    return {
        "ordered_quantity": found["quantity"],
        "received_quantity": found["received_quantity"],
        "invoiced_quantity": found["invoiced_quantity"],
        "remaining_quantity": found["remaining_quantity"],
        "remaining_amount": left,
    }


def _states(document: Document) -> Columns:
    states = set(str(document.root.get("SYSTEM_STATUS") or "").split())
    return {
        "state": " ".join(sorted(states)) or "-",
        "is_closed": bool(states & {"TECO", "CLSD"}),
    }


def _maintenance(document: Document) -> Columns:
    root = document.root
    states = set(str(root.get("SystemStatusText") or "").split())
    return {
        "company": root.get("MaintenancePlant"),
        "due": root.get("MaintOrdBasicStartDate"),
        "reference": root.get("MaintenanceOrderDesc"),
        "state": " ".join(sorted(states)) or "-",
        "is_closed": bool(states & {"TECO", "CLSD", "DLFL"}),
        "owner": root.get("CreatedByUser"),
    }


def _no_lines(document: Document) -> Iterator[Columns]:
    del document
    return iter(())


SOURCES: Final[Mapping[Kind, tuple[Source, ...]]] = {
    Kind.PURCHASE_ORDER: (Source(PURCHASE_ORDERS, _purchase, _purchase_lines),),
    Kind.SALES_ORDER: (Source(SALES_ORDERS, _sales, _sales_lines),),
    Kind.PRODUCTION_ORDER: (Source(PRODUCTION_ORDERS, _production, _production_lines),),
    Kind.MAINTENANCE_ORDER: (Source(MAINTENANCE_ORDERS, _maintenance, _no_lines),),
    Kind.GOODS_RECEIPT: (
        Source(MATERIAL_DOCUMENTS, posted.movement, posted.movement_lines, posted.is_receipt),
    ),
    Kind.GOODS_ISSUE: (
        Source(MATERIAL_DOCUMENTS, posted.movement, posted.movement_lines, posted.is_issue),
    ),
    Kind.SUPPLIER_INVOICE: (Source(SUPPLIER_INVOICES, posted.invoice, posted.invoice_lines),),
    Kind.JOURNAL_ENTRY: (Source(LEDGER_DOCUMENTS, posted.entry, posted.entry_lines),),
    Kind.STOCK_COUNT: (Source(STOCK_COUNTS, posted.count, posted.count_lines),),
    Kind.PROJECT: (
        Source(PROJECTS, _states, _no_lines),
        Source(WBS_ELEMENTS, _states, _no_lines),
        Source(NETWORKS, _states, _no_lines),
    ),
}


def sources_here(kind: Kind, reader: Reader) -> tuple[Source, ...]:
    """Return the sources of a kind that some service lets us read."""
    return tuple(source for source in SOURCES.get(kind, ()) if reader.can_read(source.layout))
