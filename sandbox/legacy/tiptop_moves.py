"""Digiwin TIPTOP GP, continued: receipts, shipments, invoices and work orders of the story."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

from sandbox.legacy.data import Invoice, Production, Receipt, Story, money
from sandbox.legacy.tiptop_names import item, number, partner, user

Row = tuple[str, dict[str, Any]]
_NOTHING: Final = Decimal(0)


def moves(story: Story) -> Iterator[Row]:
    for receipt in story.receipts:
        yield from (_receipt if receipt.side == "purchase" else _shipment)(receipt)
    for invoice in story.invoices:
        yield from (_payable if invoice.side == "purchase" else _receivable)(invoice)
    for production in story.productions:
        yield _production(production)


def _receipt(receipt: Receipt) -> Iterator[Row]:
    """Goods come in on rva/rvb; they are stored, or go back, on rvu/rvv."""
    arrival = f"RC1-{receipt.index:08d}"
    done = receipt.confirmed and not receipt.inspecting
    if not receipt.returned:
        yield (
            "rva_file",
            {
                "rva01": arrival,
                "rva05": partner(receipt.partner),
                "rva06": receipt.day,
                "rvaconf": "Y" if receipt.confirmed else "N",
                "rvauser": user(receipt.maker),
            },
        )
        for moved in receipt.lines:
            yield (
                "rvb_file",
                {
                    "rvb01": arrival,
                    "rvb02": moved.no,
                    "rvb03": moved.line.no,
                    "rvb04": number(moved.order),
                    "rvb05": item(moved.line.item),
                    "rvb07": moved.quantity + moved.rejected,
                    "rvb30": moved.quantity if done else _NOTHING,
                    "rvb33": moved.quantity if done else _NOTHING,
                    "rvb40": receipt.day if done else None,
                },
            )
    if not done:
        return
    yield (
        "rvu_file",
        {
            "rvu00": "3" if receipt.returned else "1",
            "rvu01": stored_number(receipt),
            "rvu02": None if receipt.returned else arrival,
            "rvu03": receipt.day,
            "rvu04": partner(receipt.partner),
            "rvuconf": "Y",
            "rvuuser": user(receipt.maker),
        },
    )
    for moved in receipt.lines:
        yield (
            "rvv_file",
            {
                "rvv01": stored_number(receipt),
                "rvv02": moved.no,
                "rvv03": "3" if receipt.returned else "1",
                "rvv04": None if receipt.returned else arrival,
                "rvv05": moved.no,
                "rvv17": moved.quantity,
                "rvv23": moved.line.invoiced,
                "rvv31": item(moved.line.item),
                "rvv32": moved.line.warehouse,
                "rvv36": number(moved.order),
                "rvv37": moved.line.no,
            },
        )


def stored_number(receipt: Receipt) -> str:
    return f"{'RT1' if receipt.returned else 'ST1'}-{receipt.index:08d}"


def shipment_number(receipt: Receipt) -> str:
    return f"SH1-{receipt.index:08d}"


def _shipment(receipt: Receipt) -> Iterator[Row]:
    done = "Y" if receipt.confirmed and not receipt.inspecting else "N"
    yield (
        "oga_file",
        {
            "oga01": shipment_number(receipt),
            "oga02": receipt.day,
            "oga03": partner(receipt.partner),
            "oga16": number(receipt.lines[0].order),
            "ogaconf": done,
            "ogapost": done,
            "ogauser": user(receipt.maker),
        },
    )
    for moved in receipt.lines:
        yield (
            "ogb_file",
            {
                "ogb01": shipment_number(receipt),
                "ogb03": moved.no,
                "ogb04": item(moved.line.item),
                "ogb09": moved.line.warehouse,
                "ogb12": -moved.quantity if receipt.returned else moved.quantity,
                "ogb31": number(moved.order),
                "ogb32": moved.line.no,
                "ogb60": moved.line.invoiced,
            },
        )


def _payable(invoice: Invoice) -> Iterator[Row]:
    name = f"AP1-{invoice.index:08d}"
    amounts = [money(m.quantity * m.line.price) for m in invoice.lines]
    yield (
        "apa_file",
        {
            "apa00": "11",
            "apa01": name,
            "apa02": invoice.day,
            "apa05": partner(invoice.partner),
            "apa08": f"FP{invoice.index:08d}",
            "apa34": sum(amounts, _NOTHING),
            "apa41": "Y",
            "apa44": f"GL1-{invoice.index:08d}",
            "apauser": user(invoice.maker),
        },
    )
    for moved, amount in zip(invoice.lines, amounts, strict=True):
        yield (
            "apb_file",
            {
                "apb01": name,
                "apb02": moved.no,
                "apb06": number(moved.order),
                "apb07": moved.line.no,
                "apb09": moved.quantity,
                "apb10": amount,
                "apb21": stored_number(invoice.receipt),
                "apb22": moved.no,
            },
        )


def _receivable(invoice: Invoice) -> Iterator[Row]:
    name = f"AR1-{invoice.index:08d}"
    amounts = [money(m.quantity * m.line.price) for m in invoice.lines]
    yield (
        "oma_file",
        {
            "oma00": "12",
            "oma01": name,
            "oma02": invoice.day,
            "oma03": partner(invoice.partner),
            "oma33": f"GL2-{invoice.index:08d}",
            "oma54": sum(amounts, _NOTHING),
            "omaconf": "Y",
            "omauser": user(invoice.maker),
        },
    )
    for moved, amount in zip(invoice.lines, amounts, strict=True):
        yield (
            "omb_file",
            {
                "omb01": name,
                "omb03": moved.no,
                "omb04": item(moved.line.item),
                "omb12": moved.quantity,
                "omb16": amount,
                "omb31": shipment_number(invoice.receipt),
                "omb32": moved.no,
            },
        )


def _production(one: Production) -> Row:
    done = one.closed_by_hand or one.full
    return (
        "sfb_file",
        {
            "sfb01": f"WO1-{one.index:08d}",
            "sfb04": "8" if done else "4",
            "sfb05": item(one.item),
            "sfb08": one.quantity,
            "sfb09": one.produced,
            "sfb13": one.day,
            "sfb15": one.due,
            "sfb38": one.due if done else None,
            "sfb87": "Y",
        },
    )
