"""Digiwin Workflow ERP, continued: receipts, shipments, vouchers and production orders of the story."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from sandbox.legacy.data import ITEMS, Invoice, Production, Receipt, Story, money
from sandbox.legacy.digiwin_names import item, no, number_parts, partner, user, ymd

Row = tuple[str, dict[str, Any]]


def moves(story: Story) -> Iterator[Row]:
    billed = {invoice.receipt.index: invoice for invoice in story.invoices}
    for receipt in story.receipts:
        invoice = billed.get(receipt.index)
        yield from (_receipt if receipt.side == "purchase" else _shipment)(receipt, invoice)
    for invoice in story.invoices:
        yield from (_payable if invoice.side == "purchase" else _receivable)(invoice)
    for production in story.productions:
        yield from _production(production)


def receipt_number(receipt: Receipt) -> tuple[str, str]:
    return (
        "3401" if receipt.side == "purchase" else "2301",
        f"{receipt.day:%Y%m}{receipt.index:05d}",
    )


def invoice_number(invoice: Invoice) -> tuple[str, str]:
    return (
        "7101" if invoice.side == "purchase" else "6101",
        f"{invoice.day:%Y%m}{invoice.index:05d}",
    )


def _receipt(receipt: Receipt, invoice: Invoice | None) -> Iterator[Row]:
    kind, one = receipt_number(receipt)
    done = "Y" if receipt.confirmed and not receipt.inspecting else "N"
    yield (
        "PURTG",
        {
            "TG001": kind,
            "TG002": one,
            "TG003": ymd(receipt.day),
            "TG005": partner(receipt.partner),
            "TG007": "NTD",
            "TG013": done,
            "TG014": ymd(receipt.day),
            "TG016": "退回" if receipt.returned else "",
            "TG026": sum((m.quantity for m in receipt.lines), Decimal(0)),
        },
    )
    for moved in receipt.lines:
        order_kind, order_one = number_parts(moved.order)
        quantity = -moved.quantity if receipt.returned else moved.quantity
        bill = invoice_number(invoice) if invoice else ("", "")
        yield (
            "PURTH",
            {
                "TH001": kind,
                "TH002": one,
                "TH003": no(moved.no),
                "TH004": item(moved.line.item),
                "TH005": ITEMS[moved.line.item],
                "TH007": quantity + moved.rejected,
                "TH008": "PCS",
                "TH009": moved.line.warehouse,
                "TH011": order_kind,
                "TH012": order_one,
                "TH013": no(moved.line.no),
                "TH014": ymd(receipt.day) if done == "Y" else "",
                "TH015": Decimal(0) if receipt.inspecting else quantity,
                "TH016": Decimal(0) if receipt.inspecting else quantity,
                "TH017": moved.rejected,
                "TH018": moved.line.price,
                "TH028": "1" if receipt.inspecting else "2" if moved.rejected else "0",
                "TH030": done,
                "TH031": "Y" if invoice else "N",
                "TH038": user(receipt.maker) if done == "Y" else "",
                "TH039": bill[0],
                "TH040": bill[1],
                "TH041": no(moved.no) if invoice else "",
            },
        )


def _shipment(receipt: Receipt, invoice: Invoice | None) -> Iterator[Row]:
    kind, one = receipt_number(receipt)
    done = "Y" if receipt.confirmed and not receipt.inspecting else "N"
    yield (
        "COPTG",
        {
            "TG001": kind,
            "TG002": one,
            "TG003": ymd(receipt.day),
            "TG004": partner(receipt.partner),
            "TG011": "NTD",
            "TG023": done,
            "TG033": sum((m.quantity for m in receipt.lines), Decimal(0)),
            "TG042": ymd(receipt.day),
            "TG043": user(receipt.maker) if done == "Y" else "",
        },
    )
    for moved in receipt.lines:
        order_kind, order_one = number_parts(moved.order)
        bill = invoice_number(invoice) if invoice else ("", "")
        yield (
            "COPTH",
            {
                "TH001": kind,
                "TH002": one,
                "TH003": no(moved.no),
                "TH004": item(moved.line.item),
                "TH005": ITEMS[moved.line.item],
                "TH007": moved.line.warehouse,
                "TH008": -moved.quantity if receipt.returned else moved.quantity,
                "TH009": "PCS",
                "TH012": moved.line.price,
                "TH014": order_kind,
                "TH015": order_one,
                "TH016": no(moved.line.no),
                "TH020": done,
                "TH026": "Y" if invoice else "N",
                "TH027": bill[0],
                "TH028": bill[1],
                "TH029": no(moved.no) if invoice else "",
            },
        )


def _payable(invoice: Invoice) -> Iterator[Row]:
    yield from _voucher(invoice, "ACPTA", "ACPTB", confirmed="TA024", date_="TA034", total="TA028")


def _receivable(invoice: Invoice) -> Iterator[Row]:
    yield from _voucher(invoice, "ACRTA", "ACRTB", confirmed="TA025", date_="TA038", total="TA029")


def _voucher(
    invoice: Invoice, head: str, body: str, *, confirmed: str, date_: str, total: str
) -> Iterator[Row]:
    kind, one = invoice_number(invoice)
    source = receipt_number(invoice.receipt)
    amounts = [money(m.quantity * m.line.price) for m in invoice.lines]
    yield (
        head,
        {
            "TA001": kind,
            "TA002": one,
            "TA003": ymd(invoice.day),
            "TA004": partner(invoice.partner),
            confirmed: "Y",
            total: sum(amounts, Decimal(0)),
            date_: ymd(invoice.day),
        },
    )
    for moved, amount in zip(invoice.lines, amounts, strict=True):
        yield (
            body,
            {
                "TB001": kind,
                "TB002": one,
                "TB003": no(moved.no),
                "TB004": "1",
                "TB005": source[0],
                "TB006": source[1],
                "TB007": no(moved.no),
                "TB008": ymd(invoice.receipt.day),
                "TB009": amount,
                "TB012": "Y",
            },
        )


def _production(one: Production) -> Iterator[Row]:
    done = one.closed_by_hand or one.full
    yield (
        "MOCTA",
        {
            "TA001": "5101",
            "TA002": f"{one.day:%Y%m}{one.index:05d}",
            "TA003": ymd(one.day),
            "TA006": item(one.item),
            "TA009": ymd(one.day),
            "TA010": ymd(one.due),
            "TA011": "y"
            if one.closed_by_hand
            else "Y"
            if one.full
            else "3"
            if one.produced
            else "1",
            "TA013": "Y",
            "TA014": ymd(one.due) if done else "",
            "TA015": one.quantity,
            "TA017": one.produced,
            "TA018": Decimal(0),
        },
    )
