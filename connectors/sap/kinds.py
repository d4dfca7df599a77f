"""Kinds of documents in SAP: how they are listed, and how one becomes canonical columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from connectors.columns import batch_of, documents_schema, lines_schema
from connectors.contract import Criteria, Kind, Ref
from connectors.judging import number_in
from connectors.sap import posted_kinds as posted
from connectors.sap.layouts import (
    MATERIAL_DOCUMENTS,
    PRODUCTION_ORDERS,
    PURCHASE_ORDERS,
    SALES_ORDERS,
    SEPARATOR,
    STOCK_COUNTS,
    SUPPLIER_INVOICES,
)
from connectors.sap.listing import list_keys, listing_of
from connectors.sap.values import plain
from core.errors import BadInput
from core.text import N_

if TYPE_CHECKING:
    import pyarrow as pa

    from connectors.sap.layouts import Layout
    from connectors.sap.reading import Reader, Rows
    from connectors.sap.services import Services
    from connectors.sap.transport import Session
    from core.encoding import Value

PAGE: Final = 100
"""Documents in one batch of columns."""

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

    received = document.totals("POHISTORY_TOTALS", "DELIV_QTY")
    invoiced = document.totals("POHISTORY_TOTALS", "IV_QTY")
    for position, item in document.of("POITEM").items():
        quantity = number_in(item.get("QUANTITY"))
        came = received.get(position, Decimal(0))
        is_over = item.get("NO_MORE_GR") == "X" or bool(item.get("DELETE_IND"))
        price = price_of(item)
        yield {
            "position": int(position),
            "item": item.get("MATERIAL") or item.get("SHORT_TEXT"),
            "item_key": item.get("MATERIAL"),
            "description": item.get("SHORT_TEXT"),
            "unit": item.get("PO_UNIT"),
            "quantity": quantity,
            "received_quantity": came,
            "invoiced_quantity": invoiced.get(position, Decimal(0)),
            "remaining_quantity": Decimal(0) if is_over else max(quantity - came, Decimal(0)),
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
    found = {name: sum((number_in(line[name]) for line in lines), Decimal(0)) for name in names}
    left = sum((line["remaining_quantity"] * line["unit_price"] for line in lines), Decimal(0))
    return {
        "ordered_quantity": found["quantity"],
        "received_quantity": found["received_quantity"],
        "invoiced_quantity": found["invoiced_quantity"],
        "remaining_quantity": found["remaining_quantity"],
        "remaining_amount": left,
    }


SOURCES: Final[Mapping[Kind, Source]] = {
    Kind.PURCHASE_ORDER: Source(PURCHASE_ORDERS, _purchase, _purchase_lines),
    Kind.SALES_ORDER: Source(SALES_ORDERS, _sales, _sales_lines),
    Kind.PRODUCTION_ORDER: Source(PRODUCTION_ORDERS, _production, _production_lines),
    Kind.GOODS_RECEIPT: Source(
        MATERIAL_DOCUMENTS, posted.movement, posted.movement_lines, posted.is_receipt
    ),
    Kind.GOODS_ISSUE: Source(
        MATERIAL_DOCUMENTS, posted.movement, posted.movement_lines, posted.is_issue
    ),
    Kind.SUPPLIER_INVOICE: Source(SUPPLIER_INVOICES, posted.invoice, posted.invoice_lines),
    Kind.STOCK_COUNT: Source(STOCK_COUNTS, posted.count, posted.count_lines),
}


class Bulk:
    """The bulk face: which documents, and their columns, a page at a time."""

    def __init__(self, session: Session, services: Services, reader: Reader) -> None:
        self._session = session
        self._services = services
        self._reader = reader

    def listed_by(self, kind: Kind) -> str | None:
        """Return the function that lists documents of a kind; None where they must be named."""
        listing = listing_of(kind, self._services)
        return None if listing is None else listing.function

    def documents(self, kind: Kind, criteria: Criteria) -> Iterator[pa.RecordBatch]:
        """Yield documents in canonical columns."""
        source, schema = SOURCES[kind], documents_schema(criteria.native)
        model = source.layout.root.model
        for page in self._pages(source, criteria):
            rows = []
            for document in page:
                row = {
                    "kind": str(kind),
                    "model": model,
                    "key": document.key,
                    "number": shown(document.key),
                    **source.columns(document),
                }
                row |= {
                    f"native.{name}": _as_text(document.root.get(name)) for name in criteria.native
                }
                if criteria.is_closed in (None, row["is_closed"]):
                    rows.append(row)
            if rows:
                yield batch_of(rows, schema)

    def lines(self, kind: Kind, criteria: Criteria) -> Iterator[pa.RecordBatch]:
        """Yield lines in canonical columns."""
        source, schema = SOURCES[kind], lines_schema(criteria.native)
        for page in self._pages(source, criteria):
            rows = [
                {
                    "kind": str(kind),
                    "document_key": document.key,
                    "number": shown(document.key),
                    **line,
                }
                for document in page
                if criteria.is_closed in (None, source.columns(document)["is_closed"])
                for line in source.lines(document)
            ]
            if rows:
                yield batch_of(rows, schema)

    def find(self, kind: Kind, numbers: Sequence[str]) -> Mapping[str, tuple[Ref, ...]]:
        """Return the document of each number, if there is one."""
        source = SOURCES[kind]
        layout = source.layout
        keys = {number: layout.key_of(number) for number in numbers}
        rows = self._reader.documents(layout, [key for key in keys.values() if key is not None])
        found = {k for k, r in rows.items() if source.is_one(Document(layout, k, r, self._reader))}
        return {
            number: (Ref(layout.root.model, key),) if key in found else ()
            for number, key in keys.items()
        }

    def _pages(self, source: Source, criteria: Criteria) -> Iterator[list[Document]]:
        keys = self._keys(source, criteria)
        for start in range(0, len(keys), PAGE):
            found = self._reader.documents(source.layout, keys[start : start + PAGE])
            documents = [
                Document(source.layout, key, rows, self._reader) for key, rows in found.items()
            ]
            yield [document for document in documents if source.is_one(document)]

    def _keys(self, source: Source, criteria: Criteria) -> list[str]:
        layout = source.layout
        named = criteria.keys_of(layout.root.model)
        by_key = None if named is None else [key for key in named if layout.key_of(key) == key]
        if criteria.numbers is not None:
            keys = [key for number in criteria.numbers if (key := layout.key_of(number))]
            return [key for key in keys if by_key is None or key in by_key]
        return self._listed(source) if by_key is None else by_key

    def _listed(self, source: Source) -> list[str]:
        keys = list_keys(source.layout.kind, self._session, self._services)
        if keys is None:
            raise BadInput(
                source=str(source.layout.kind),
                problem=N_(
                    "no service of this SAP lists such documents: give their numbers (--from FILE)"
                ),
            )
        return keys


def _as_text(value: Value) -> str | None:
    return None if value is None else str(value)
