"""Yonyou U8 (SQL Server, one database for each set of books and year): its tables, and the story told in them.

Real U8 keeps the users in the database UFSystem; here they lie beside the documents.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, time
from decimal import Decimal
from typing import Any, Final

from sandbox.legacy.data import (
    ITEMS,
    PARTNERS,
    PEOPLE,
    YEAR,
    Invoice,
    Line,
    Order,
    Receipt,
    Story,
    money,
    periods,
)
from sandbox.legacy.u8_tables import TABLES

__all__ = ["DATABASE", "NAME", "TABLES", "key", "number", "rows"]

NAME: Final = "u8"
DATABASE: Final = f"UFDATA_001_{YEAR}"
Row = tuple[str, dict[str, Any]]
_TAX: Final = Decimal("1.13")


def order_id(order: Order) -> int:
    return 1_000_000_000 + order.index  # U8 counts from there


def number(order: Order) -> str:
    head = "PO" if order.side == "purchase" else "SO"
    if order.odd == "padded":
        return f"{head}-{order.index}  "  # typed with blanks behind it, and kept so
    return f"{head}{order.day:%Y%m}{order.index:05d}"


def key(order: Order) -> tuple[object, ...]:
    return (order_id(order),)


def person(one: int) -> str:
    return PEOPLE[one][1]


def vendor(one: int) -> str:
    return f"V{one + 1:03d}"


def item(one: int) -> str:
    return f"010{one + 1:03d}"


def _midnight(day: Any) -> Any:
    return day if isinstance(day, str) else datetime.combine(day, time())


class _Ids:
    """Line numbers run through all documents, and links need them again."""

    def __init__(self, story: Story) -> None:
        self.line: dict[int, int] = {}
        self.arrived: dict[int, Decimal] = defaultdict(Decimal)
        self.direct: dict[int, Decimal] = defaultdict(Decimal)
        self.via: dict[int, Decimal] = defaultdict(Decimal)
        self.last = 1_000_000_000
        for order in story.orders:
            for line in order.lines:
                self.line[id(line)] = self.next()
        for receipt in story.receipts:
            for moved in receipt.lines:
                self._count(receipt, id(moved.line), moved.quantity, moved.rejected)

    def next(self) -> int:
        self.last += 1
        return self.last

    def _count(self, receipt: Receipt, line: int, quantity: Decimal, rejected: Decimal) -> None:
        if by_arrival(receipt):
            self.arrived[line] += quantity + rejected
        if receipt.confirmed and not receipt.inspecting:
            held = self.via if by_arrival(receipt) else self.direct
            held[line] += -quantity if receipt.returned else quantity


def by_arrival(receipt: Receipt) -> bool:
    """Every other receipt comes by an arrival; goods that are looked at always do."""
    if receipt.returned or receipt.side == "sale":
        return False
    return receipt.inspecting or receipt.index % 2 == 0 or any(m.rejected for m in receipt.lines)


def rows(story: Story) -> Iterator[Row]:
    ids = _Ids(story)
    yield from _masters(story)
    for order in story.orders:
        yield from (_purchase if order.side == "purchase" else _sale)(order, ids)
    stored: dict[tuple[int, int], int] = {}
    for receipt in story.receipts:
        yield from (_receipt if receipt.side == "purchase" else _dispatch)(receipt, ids, stored)
    for invoice in story.invoices:
        yield from (_bill if invoice.side == "purchase" else _sale_bill)(invoice, ids, stored)


def _masters(story: Story) -> Iterator[Row]:
    for one, name in PEOPLE:
        yield "UA_User", {"cUser_Id": one, "cUser_Name": name}
    for index, name in enumerate(PARTNERS):
        yield "Vendor", {"cVenCode": vendor(index), "cVenName": name}
        yield "Customer", {"cCusCode": vendor(index), "cCusName": name}
    for index, name in enumerate(ITEMS):
        yield "Inventory", {"cInvCode": item(index), "cInvName": name}
    for number_, ((one_item, warehouse), quantity) in enumerate(story.stock().items(), start=1):
        yield (
            "CurrentStock",
            {
                "AutoID": number_,
                "cWhCode": warehouse,
                "cInvCode": item(one_item),
                "iQuantity": quantity,
            },
        )
    for month, closed in periods():
        flags = dict.fromkeys(
            ("bflag", "bflag_PU", "bflag_SA", "bflag_ST", "bflag_AP", "bflag_AR"), int(closed)
        )
        yield "GL_mend", {"iyear": YEAR, "iperiod": month, **flags}


def _closer(order: Order, line: Line) -> str | None:
    if line.closed_by_hand and order.closer is not None:
        return person(order.closer)
    return "" if order.odd == "empty_closer" else None


def _closed_at(order: Order, line: Line) -> datetime | None:
    return order.closed_at if line.closed_by_hand else None


def _purchase(order: Order, ids: _Ids) -> Iterator[Row]:
    confirmed = order.state == "confirmed"
    whole = all(line.closed_by_hand for line in order.lines)
    yield (
        "PO_Pomain",
        {
            "POID": order_id(order),
            "cPOID": number(order),
            "dPODate": _midnight(order.day),
            "cVenCode": vendor(order.partner),
            "cDepCode": "0101",
            "cPersonCode": PEOPLE[order.maker][0],
            "cexch_name": "美元" if order.currency == "USD" else "人民币",
            "nflat": Decimal("7.12") if order.currency == "USD" else Decimal(1),
            "cMemo": order.memo,
            "cDefine1": order.memo if order.odd == "gbk" else None,
            "cState": 2 if whole else int(confirmed),
            "cMaker": person(order.maker),
            "cmaketime": datetime.combine(order.day, time(9, order.index % 60, 7)),
            "cVerifier": person(0) if confirmed else None,
            "cAuditDate": _midnight(order.day) if confirmed else None,
            "cCloser": _closer(order, order.lines[0]) if whole or not order.closer else None,
        },
    )
    for line in order.lines:
        this = id(line)
        closed = _closed_at(order, line)
        net = money(line.amount / _TAX)
        yield (
            "PO_Podetails",
            {
                "ID": ids.line[this],
                "POID": order_id(order),
                "ivouchrowno": line.no,
                "cInvCode": item(line.item),
                "iQuantity": line.quantity,
                "iUnitPrice": line.price,
                "iMoney": net,
                "iTax": line.amount - net,
                "iSum": line.amount,
                "iPerTaxRate": Decimal(13),
                "dArriveDate": _midnight(order.odd_due or line.due),
                "iArrQTY": ids.arrived.get(this),
                "iReceivedQTY": ids.direct.get(this),
                "freceivedqty": ids.via.get(this),
                "iInvQTY": line.invoiced or None,
                "iInvMoney": money(line.invoiced * line.price) or None,
                "fPoRetQuantity": line.returned or None,
                "cbMemo": "" if line.no % 2 else None,
                "cbCloser": _closer(order, line),
                "cbCloseDate": closed.date() if closed else None,
                "cbCloseTime": closed,
            },
        )


def _sale(order: Order, ids: _Ids) -> Iterator[Row]:
    confirmed = order.state == "confirmed"
    whole = all(line.closed_by_hand for line in order.lines)
    closed_at = order.closed_at if whole else None
    yield (
        "SO_SOMain",
        {
            "ID": order_id(order),
            "cSOCode": number(order),
            "dDate": _midnight(order.day),
            "cCusCode": vendor(order.partner),
            "cexch_name": "美元" if order.currency == "USD" else "人民币",
            "cMemo": order.memo,
            "cDefine1": order.memo if order.odd == "gbk" else None,
            "cPersonCode": PEOPLE[order.maker][0],
            "iStatus": int(confirmed),
            "cMaker": person(order.maker),
            "cVerifier": person(0) if confirmed else None,
            "cCloser": _closer(order, order.lines[0]) if whole or not order.closer else None,
            "dclosedate": _midnight(closed_at.date()) if closed_at else None,
            "dclosesystime": closed_at,
        },
    )
    for line in order.lines:
        closed = _closed_at(order, line)
        yield (
            "SO_SODetails",
            {
                "AutoID": ids.line[id(line)],
                "ID": order_id(order),
                "iSOsID": ids.line[id(line)],
                "iRowNo": line.no,
                "cInvCode": item(line.item),
                "iQuantity": line.quantity,
                "iUnitPrice": line.price,
                "iMoney": money(line.amount / _TAX),
                "iSum": line.amount,
                "dPreDate": _midnight(order.odd_due or line.due),
                "iFHQuantity": line.received or None,
                "foutquantity": line.received or None,
                "iKPQuantity": line.invoiced or None,
                "iKPMoney": money(line.invoiced * line.price) or None,
                "fretquantity": line.returned or None,
                "cMemo": "" if line.no % 2 else None,
                "cSCloser": _closer(order, line),
                "dbclosedate": _midnight(closed.date()) if closed else None,
                "dbclosesystime": closed,
            },
        )


def _receipt(receipt: Receipt, ids: _Ids, stored: dict[tuple[int, int], int]) -> Iterator[Row]:
    head = {
        "cCode": f"{receipt.index:010d}",
        "dDate": _midnight(receipt.day),
        "cVenCode": vendor(receipt.partner),
        "cMaker": person(receipt.maker),
    }
    done = person(receipt.maker) if receipt.confirmed else None
    arrivals: dict[int, int] = {}
    if by_arrival(receipt):
        document = ids.next()
        yield "PU_ArrivalVouch", {"ID": document, **head, "cverifier": done}
        for moved in receipt.lines:
            arrivals[moved.no] = ids.next()
            yield (
                "PU_ArrivalVouchs",
                {
                    "Autoid": arrivals[moved.no],
                    "ID": document,
                    "cInvCode": item(moved.line.item),
                    "cWhCode": moved.line.warehouse,
                    "iQuantity": moved.quantity + moved.rejected,
                    "fValidInQuan": None if receipt.inspecting else moved.quantity,
                    "fRefuseQuantity": moved.rejected or None,
                    "iPOsID": ids.line[id(moved.line)],
                },
            )
    if receipt.inspecting:
        return
    document = ids.next()
    veri = _midnight(receipt.day) if done else None
    yield (
        "RdRecord01",
        {"ID": document, **head, "cWhCode": "01", "cHandler": done, "dVeriDate": veri},
    )
    for moved in receipt.lines:
        stored[receipt.index, moved.no] = ids.next()
        yield (
            "RdRecords01",
            {
                "AutoID": stored[receipt.index, moved.no],
                "ID": document,
                "cInvCode": item(moved.line.item),
                "iQuantity": -moved.quantity if receipt.returned else moved.quantity,
                "iUnitCost": moved.line.price,
                "iPrice": money(moved.quantity * moved.line.price),
                "iPOsID": ids.line[id(moved.line)],
                "iArrsId": arrivals.get(moved.no),
            },
        )


def _dispatch(receipt: Receipt, ids: _Ids, stored: dict[tuple[int, int], int]) -> Iterator[Row]:
    document = ids.next()
    done = receipt.confirmed and not receipt.inspecting
    yield (
        "DispatchList",
        {
            "DLID": document,
            "cDLCode": f"{receipt.index:010d}",
            "dDate": _midnight(receipt.day),
            "cCusCode": vendor(receipt.partner),
            "cMaker": person(receipt.maker),
            "cVerifier": person(receipt.maker) if done else None,
        },
    )
    for moved in receipt.lines:
        quantity = -moved.quantity if receipt.returned else moved.quantity
        stored[receipt.index, moved.no] = ids.next()
        yield (
            "DispatchLists",
            {
                "iDLsID": stored[receipt.index, moved.no],
                "DLID": document,
                "cWhCode": moved.line.warehouse,
                "cInvCode": item(moved.line.item),
                "iQuantity": quantity,
                "foutquantity": quantity if done else None,
                "iSOsID": ids.line[id(moved.line)],
            },
        )


def _bill(invoice: Invoice, ids: _Ids, stored: dict[tuple[int, int], int]) -> Iterator[Row]:
    document = ids.next()
    yield (
        "PurBillVouch",
        {
            "PBVID": document,
            "cPBVCode": f"{invoice.index:010d}",
            "dPBVDate": _midnight(invoice.day),
            "cVenCode": vendor(invoice.partner),
            "cexch_name": "人民币",
            "cPBVMaker": person(invoice.maker),
            "cPBVVerifier": person(invoice.maker),
        },
    )
    for moved in invoice.lines:
        yield (
            "PurBillVouchs",
            {
                "ID": ids.next(),
                "PBVID": document,
                "cInvCode": item(moved.line.item),
                "iPBVQuantity": moved.quantity,
                "iOriMoney": money(moved.quantity * moved.line.price / _TAX),
                "iOriSum": money(moved.quantity * moved.line.price),
                "iPOsID": ids.line[id(moved.line)],
                "RdsId": stored[invoice.receipt.index, moved.no],
            },
        )


def _sale_bill(invoice: Invoice, ids: _Ids, stored: dict[tuple[int, int], int]) -> Iterator[Row]:
    document = ids.next()
    yield (
        "SaleBillVouch",
        {
            "SBVID": document,
            "cSBVCode": f"{invoice.index:010d}",
            "dDate": _midnight(invoice.day),
            "cCusCode": vendor(invoice.partner),
            "cMaker": person(invoice.maker),
            "cVerifier": person(invoice.maker),
        },
    )
    for moved in invoice.lines:
        yield (
            "SaleBillVouchs",
            {
                "AutoID": ids.next(),
                "SBVID": document,
                "cInvCode": item(moved.line.item),
                "iQuantity": moved.quantity,
                "iSum": money(moved.quantity * moved.line.price),
                "iSOsID": ids.line[id(moved.line)],
                "iDLsID": stored[invoice.receipt.index, moved.no],
            },
        )
