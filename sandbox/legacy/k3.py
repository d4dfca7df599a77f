"""Kingdee K3 WISE (SQL Server): the story told in its tables.

A line is closed by FMRPClosed; FMRPAutoClosed says whether the ERP may do so by itself. The header's FStatus and FClosed
follow from the lines by the ERP's own rule, which stands here in Python and in ``k3_office`` in the ERP's SQL.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, Final

from sandbox.legacy.data import (
    CLOSED_UNTIL,
    ITEMS,
    PARTNERS,
    PEOPLE,
    YEAR,
    Invoice,
    Line,
    Order,
    Production,
    Receipt,
    Story,
    money,
)
from sandbox.legacy.k3_tables import TABLES

__all__ = ["DATABASE", "NAME", "TABLES", "key", "number", "rows"]

NAME: Final = "k3"
DATABASE: Final = f"AIS{YEAR}0101"
PURCHASE_ORDER, SALES_ORDER = 71, 81
STOCK_IN, STOCK_OUT = 1, 21
PURCHASE_INVOICE, SALES_INVOICE = 75, 80

Row = tuple[str, dict[str, Any]]


def order_id(order: Order) -> int:
    return 1000 + order.index


def number(order: Order) -> str:
    head = "POORD" if order.side == "purchase" else "SEORD"
    return f"{head}{order.index:06d}" + ("  " if order.odd == "padded" else "")


def key(order: Order) -> tuple[object, ...]:
    return (order_id(order),)


def user(one: int) -> int:
    return 16394 + one


def item(one: int) -> int:
    return 3001 + one


def partner(one: int) -> int:
    return 501 + one


def stock(warehouse: str) -> int:
    return 200 + int(warehouse)


def rows(story: Story) -> Iterator[Row]:
    yield from _masters(story)
    committed = _committed(story)
    for order in story.orders:
        yield from _order(order, committed)
    for receipt in story.receipts:
        yield from _receipt(receipt)
    for invoice in story.invoices:
        yield from _invoice(invoice)
    for production in story.productions:
        yield _production(production)


def _committed(story: Story) -> dict[int, Decimal]:
    """A receipt counts as linked from the moment it is saved, audited or not."""
    found: dict[int, Decimal] = defaultdict(Decimal)
    for receipt in story.receipts:
        for moved in receipt.lines:
            found[id(moved.line)] += -moved.quantity if receipt.returned else moved.quantity
    return found


def _masters(story: Story) -> Iterator[Row]:
    for index, (_, name) in enumerate(PEOPLE):
        yield "t_User", {"FUserID": user(index), "FName": name, "FForbidden": 0}
    for one, code, name in ((1, "RMB", "人民币"), (1000, "USD", "美元")):
        yield "t_Currency", {"FCurrencyID": one, "FNumber": code, "FName": name}
    for index, name in enumerate(PARTNERS):
        values = {"FItemID": partner(index), "FNumber": f"{index + 1:03d}", "FName": name}
        yield "t_Supplier", values
        yield "t_Organization", values
    for index, name in enumerate(ITEMS):
        yield (
            "t_ICItem",
            {"FItemID": item(index), "FNumber": f"01.01.{index + 1:03d}", "FName": name},
        )
    for (one_item, warehouse), quantity in story.stock().items():
        place = {
            "FBrNo": "0",
            "FItemID": item(one_item),
            "FBatchNo": "",
            "FStockID": stock(warehouse),
        }
        yield "ICInventory", {**place, "FQty": quantity, "FBal": money(quantity * 2)}
    month = CLOSED_UNTIL.month + 1
    for category, name, value in (
        ("IC", "CurrentYear", YEAR),
        ("IC", "CurrentPeriod", month),
        ("GL", "CurrentYear", YEAR),
        ("GL", "CurrentPeriod", month),
        ("Base", "CompanyName", "练习公司"),
    ):
        yield "t_SystemProfile", {"FCategory": category, "FKey": name, "FValue": str(value)}


def _midnight(day: date | str) -> datetime | str:
    return day if isinstance(day, str) else datetime.combine(day, time())


def closed_marks(line: Line) -> tuple[int, int]:
    """FMRPClosed and FMRPAutoClosed."""
    if line.closed_by_hand:
        return 1, 0
    return int(line.full), 1


def header_marks(lines: list[Line], committed: dict[int, Decimal]) -> tuple[int, int]:
    """FStatus and FClosed of a confirmed order, as the ERP works them out from its lines."""
    begun = done = ended = 0
    for line in lines:
        closed, auto = closed_marks(line)
        linked = committed.get(id(line), Decimal(0))
        begun += linked > 0 or bool(closed == 1 and auto == 0)
        done += closed == 1 or linked >= line.quantity
        ended += linked >= line.quantity or (auto == 0 and closed == 1)
    status = 1 if not begun else 2 if done < len(lines) else 3
    return status, int(ended == len(lines))


def _order(order: Order, committed: dict[int, Decimal]) -> Iterator[Row]:
    purchase = order.side == "purchase"
    head = "POOrder" if purchase else "SEOrder"
    confirmed = order.state == "confirmed"
    status, closed = header_marks(order.lines, committed) if confirmed else (0, 0)
    yield (
        head,
        {
            "FInterID": order_id(order),
            "FBillNo": number(order),
            "FTranType": PURCHASE_ORDER if purchase else SALES_ORDER,
            "FDate": _midnight(order.day),
            "FSupplyID" if purchase else "FCustID": partner(order.partner),
            "FCurrencyID": 1000 if order.currency == "USD" else 1,
            "FExchangeRate": Decimal("7.12") if order.currency == "USD" else Decimal(1),
            "FStatus": status,
            "FClosed": closed,
            "FCancellation": int(order.state == "void"),
            "FEmpID": 700 + order.maker,
            "FBillerID": user(order.maker),
            "FCheckerID": user(0) if confirmed else None,
            "FCheckDate": _midnight(order.day) if confirmed else None,
            "FExplanation": order.memo,
            "FHeadSelf01": order.memo if order.odd == "gbk" else None,
        },
    )
    for line in order.lines:
        mrp_closed, auto = closed_marks(line) if confirmed else (0, 1)
        linked = committed.get(id(line), Decimal(0))
        yield (
            head + "Entry",
            {
                "FInterID": order_id(order),
                "FEntryID": line.no,
                "FDetailID": order.index * 100 + line.no,
                "FItemID": item(line.item),
                "FQty": line.quantity,
                "FAuxQty": line.quantity,
                "FPrice": line.price,
                "FAmount": line.amount,
                "FDate": _midnight(order.odd_due or line.due),
                "FStockID": stock(line.warehouse),
                "FCommitQty": linked,
                "FAuxCommitQty": linked,
                "FStockQty": line.received,
                "FAuxStockQty": line.received,
                "FQtyInvoice": line.invoiced,
                "FAuxQtyInvoice": line.invoiced,
                "FMRPClosed": mrp_closed,
                "FMRPAutoClosed": auto,
                "FNote": "" if line.no % 2 else None,
            },
        )


def _production(one: Production) -> Row:
    """FStatus 1 is released, 3 finished; FHandworkClose says that a person finished it."""
    done = one.closed_by_hand or one.full
    closed = _midnight(one.due) if done else None
    return (
        "ICMO",
        {
            "FInterID": 30000 + one.index,
            "FBillNo": f"WORK{one.index:06d}",
            "FTranType": 85,
            "FItemID": item(one.item),
            "FQty": one.quantity,
            "FCommitQty": one.produced,
            "FStockQty": one.produced,
            "FStatus": 3 if done else 1,
            "FCancellation": 0,
            "FCheckerID": user(0) if done else None,
            "FCheckDate": _midnight(one.day),
            "FPlanFinishDate": _midnight(one.due),
            "FMrpClosed": int(done),
            "FHandworkClose": int(one.closed_by_hand),
            "FCloseDate": closed,
        },
    )


def receipt_id(receipt: Receipt) -> int:
    return 5000 + receipt.index


def _receipt(receipt: Receipt) -> Iterator[Row]:
    purchase = receipt.side == "purchase"
    done = receipt.confirmed and not receipt.inspecting
    yield (
        "ICStockBill",
        {
            "FInterID": receipt_id(receipt),
            "FBillNo": f"{'WIN' if purchase else 'XOUT'}{receipt.index:06d}",
            "FTranType": STOCK_IN if purchase else STOCK_OUT,
            "FDate": _midnight(receipt.day),
            "FSupplyID": partner(receipt.partner),
            "FStatus": int(done),
            "FCancellation": 0,
            "FBillerID": user(receipt.maker),
            "FCheckerID": user(0) if done else None,
            "FCheckDate": _midnight(receipt.day) if done else None,
            "FROB": -1 if receipt.returned else 1,
            "FVchInterID": 0,
        },
    )
    for moved in receipt.lines:
        quantity = -moved.quantity if receipt.returned else moved.quantity
        yield (
            "ICStockBillEntry",
            {
                "FInterID": receipt_id(receipt),
                "FEntryID": moved.no,
                "FItemID": item(moved.line.item),
                "FQty": quantity,
                "FAuxQty": quantity,
                "FPrice": moved.line.price,
                "FAmount": money(quantity * moved.line.price),
                "FDCStockID": stock(moved.line.warehouse),
                "FQtyInvoice": Decimal(0),
                "FOrderInterID": order_id(moved.order),
                "FOrderEntryID": moved.line.no,
                "FOrderBillNo": number(moved.order),
            },
        )


def _invoice(invoice: Invoice) -> Iterator[Row]:
    purchase = invoice.side == "purchase"
    head = "ICPurchase" if purchase else "ICSale"
    yield (
        head,
        {
            "FInterID": 8000 + invoice.index,
            "FBillNo": f"{'PINV' if purchase else 'SINV'}{invoice.index:06d}",
            "FTranType": PURCHASE_INVOICE if purchase else SALES_INVOICE,
            "FDate": _midnight(invoice.day),
            "FSupplyID" if purchase else "FCustID": partner(invoice.partner),
            "FStatus": 1,
            "FCancellation": 0,
            "FBillerID": user(invoice.maker),
            "FCheckerID": user(0),
            "FCheckDate": _midnight(invoice.day),
            "FYear": invoice.day.year,
            "FPeriod": invoice.day.month,
            "FVchInterID": 9000 + invoice.index,
        },
    )
    for moved in invoice.lines:
        yield (
            head + "Entry",
            {
                "FInterID": 8000 + invoice.index,
                "FEntryID": moved.no,
                "FItemID": item(moved.line.item),
                "FQty": moved.quantity,
                "FAmount": money(moved.quantity * moved.line.price),
                "FSourceInterID": receipt_id(invoice.receipt),
                "FSourceEntryID": moved.no,
                "FOrderInterID": order_id(moved.order),
                "FOrderEntryID": moved.line.no,
                "FOrderBillNo": number(moved.order),
            },
        )
