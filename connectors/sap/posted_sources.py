"""Posted documents as canonical columns: goods movements, supplier invoices, entries of the ledger, stock counts."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from connectors.judging import number_in
from connectors.sap.layouts import SEPARATOR
from connectors.sap.posted_actions import RECEIPTS
from core.money import decimal_places

if TYPE_CHECKING:
    from connectors.sap.sources import Columns, Document
    from core.encoding import Value


def movement_lines(document: Document) -> Iterator[Columns]:
    """Yield the items of a material document; quantities are positive, the movement type tells the direction."""
    for position, item in document.of("GOODSMVT_ITEMS").items():
        yield {
            "position": int(position),
            "item": item.get("MATERIAL"),
            "item_key": item.get("MATERIAL"),
            "unit": item.get("ENTRY_UOM"),
            "quantity": item.get("ENTRY_QNT"),
            "state": str(item.get("MOVE_TYPE") or "-"),
            "model": "GOODSMVT_ITEMS",
            "key": f"{document.key}{SEPARATOR}{position}",
        }


def movement(document: Document) -> Columns:
    """Return a material document. Whether it was cancelled stands in other documents, so nothing is said of it."""
    root = document.root
    return {
        "ordered_quantity": sum(
            (number_in(i.get("ENTRY_QNT")) for i in document.of("GOODSMVT_ITEMS").values()),
            Decimal(0),
        ),
        "reference": root.get("REF_DOC_NO"),
        "date": root.get("PSTNG_DATE"),
        "state": str(root.get("TR_EV_TYPE") or "-"),
        "is_closed": None,
        "owner": root.get("USERNAME"),
    }


def is_receipt(document: Document) -> bool:
    """Whether a material document brought goods in."""
    return document.root.get("TR_EV_TYPE") in RECEIPTS


def is_issue(document: Document) -> bool:
    """Whether a material document took goods out, or moved them."""
    return not is_receipt(document)


def invoice_lines(document: Document) -> Iterator[Columns]:
    """Yield the items of an invoice document that belong to purchase orders."""
    for position, item in document.of("ITEMDATA").items():
        yield {
            "position": int(position),
            "item": str(item.get("PO_NUMBER") or "") or None,
            "unit": item.get("PO_UNIT"),
            "quantity": item.get("QUANTITY"),
            "amount": item.get("ITEM_AMOUNT"),
            "currency": document.root.get("CURRENCY"),
            "state": "final" if item.get("FINAL_INV") else "open",
            "model": "ITEMDATA",
            "key": f"{document.key}{SEPARATOR}{position}",
        }


def invoice(document: Document) -> Columns:
    """Return a supplier invoice; a cancelled one is closed."""
    root = document.root
    return {
        "reference": root.get("REF_DOC_NO"),
        "partner_key": root.get("DIFF_INV"),
        "company": root.get("COMP_CODE"),
        "date": root.get("PSTNG_DATE"),
        "currency": root.get("CURRENCY"),
        "amount": root.get("GROSS_AMNT"),
        "state": "cancelled" if root.get("REVERSED_BY") else str(root.get("INVOICE_STATUS") or "-"),
        "is_closed": bool(root.get("REVERSED_BY")),
        "owner": root.get("USERNAME"),
    }


def entry_lines(document: Document) -> Iterator[Columns]:
    """Yield the lines of a ledger document in its own currency; what is owed to others is negative."""
    currency = str(document.root.get("WAERS") or "")
    for position, line in document.of("BSEG").items():
        amount = _amount(line.get("WRBTR"), currency)
        yield {
            "position": int(position),
            "item": line.get("HKONT"),
            "item_key": line.get("HKONT"),
            "description": line.get("SGTXT"),
            "amount": -amount if line.get("SHKZG") == "H" else amount,
            "currency": currency,
            "state": "cleared" if line.get("AUGBL") else "open",
            "model": "BSEG",
            "key": f"{document.key}{SEPARATOR}{position}",
        }


def entry(document: Document) -> Columns:
    """Return a ledger document; a reversed one is closed."""
    root = document.root
    debits = (line["amount"] for line in entry_lines(document) if line["amount"] > 0)
    return {
        "reference": root.get("XBLNR"),
        "company": root.get("BUKRS"),
        "date": root.get("BUDAT"),
        "currency": root.get("WAERS"),
        "amount": sum(debits, Decimal(0)),
        "state": "reversed" if root.get("STBLG") else "posted",
        "is_closed": bool(root.get("STBLG")),
        "owner": root.get("USNAM"),
    }


def _amount(value: Value, currency: str) -> Decimal:
    """Return an amount as people write it: the database keeps every one with two places, 1,000 JPY as 10.00."""
    return number_in(value).scaleb(2 - decimal_places(currency))


def count_lines(document: Document) -> Iterator[Columns]:
    """Yield the items of a physical inventory document: what the books say, and what was counted."""
    for position, item in document.of("ITEMS").items():
        state = (
            "posted" if item.get("DIFF_POSTED") else "counted" if item.get("COUNTED") else "open"
        )
        yield {
            "position": int(position),
            "item": item.get("MATERIAL"),
            "item_key": item.get("MATERIAL"),
            "unit": item.get("BASE_UOM"),
            "quantity": item.get("BOOK_QTY"),
            "received_quantity": item.get("QUANTITY") if item.get("COUNTED") else None,
            "state": state,
            "model": "ITEMS",
            "key": f"{document.key}{SEPARATOR}{position}",
        }


def count(document: Document) -> Columns:
    """Return a physical inventory document; one whose differences are all posted is closed."""
    root = document.root
    states: dict[Any, str] = {None: "open", "": "open", "A": "partly posted", "X": "posted"}
    status = root.get("ADJUST_STATUS")
    return {
        "company": root.get("PLANT"),
        "date": root.get("DOC_DATE"),
        "due": root.get("PLAN_DATE"),
        "state": states.get(status, str(status)),
        "is_closed": status == "X",
        "owner": root.get("CHANGE_USER"),
    }
