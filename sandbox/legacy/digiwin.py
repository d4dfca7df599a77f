"""Digiwin Workflow ERP / 易飞 (SQL Server): the story told in its tables.

TD016 says N open, Y closed by itself, y closed by hand; only the case tells the last two apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from sandbox.legacy.data import (
    CLOSED_UNTIL,
    ITEMS,
    PARTNERS,
    PEOPLE,
    YEAR,
    Line,
    Order,
    Story,
    money,
)
from sandbox.legacy.digiwin_moves import moves
from sandbox.legacy.digiwin_names import item, key, no, number, number_parts, partner, user, ymd
from sandbox.legacy.digiwin_tables import TABLES

__all__ = ["DATABASE", "NAME", "TABLES", "item", "key", "no", "number", "partner", "rows"]

NAME: Final = "digiwin"
DATABASE: Final = "LEADER"
COMPANY: Final = "LEADER"

Row = tuple[str, dict[str, Any]]


def rows(story: Story) -> Iterator[Row]:
    """The columns that every table has are filled at the end, for all alike."""
    for name, values in _rows(story):
        yield name, {**_ADMIN, **values}


_ADMIN: Final = {
    "COMPANY": COMPANY,
    "CREATOR": "DS",
    "USR_GROUP": "",
    "CREATE_DATE": f"{YEAR}0102",
    "FLAG": Decimal(0),
    "CREATE_TIME": "08:30:00",
    "CREATE_AP": "DSERP",
    "CREATE_PRID": "",
    "MODI_AP": "",
    "MODI_PRID": "",
    "UDF01": "",
}


def _changed(order: Order, by_hand: bool) -> dict[str, Any]:
    """Who changed a row last: nobody (NULL in some installations, '' in others), or who closed the line."""
    made = {"CREATOR": user(order.maker), "CREATE_DATE": ymd(order.day), "CREATE_PRID": "PURI07"}
    if not by_hand or order.closed_at is None or order.closer is None:
        nobody = "" if order.index % 2 else None
        return {**made, "MODIFIER": nobody, "MODI_DATE": nobody, "MODI_TIME": nobody, "FLAG": 1}
    at: datetime = order.closed_at
    return {
        **made,
        "MODIFIER": user(order.closer),
        "MODI_DATE": ymd(at),
        "MODI_TIME": f"{at:%H:%M:%S}",
        "MODI_AP": "DSERP",
        "MODI_PRID": "PURI07",
        "FLAG": 2,
    }


def _rows(story: Story) -> Iterator[Row]:
    yield from _masters(story)
    for order in story.orders:
        yield from (_purchase if order.side == "purchase" else _sale)(order)
    yield from moves(story)


def _masters(story: Story) -> Iterator[Row]:
    for one, name in PEOPLE:
        yield "DSCMA", {"MA001": one, "MA002": name}
    for index, name in enumerate(PARTNERS):
        yield "PURMA", {"MA001": partner(index), "MA002": name}
        yield "COPMA", {"MA001": partner(index), "MA002": name}
    for index, name in enumerate(ITEMS):
        yield "INVMB", {"MB001": item(index), "MB002": name, "MB003": ""}
    for (one_item, warehouse), quantity in story.stock().items():
        yield (
            "INVMC",
            {
                "MC001": item(one_item),
                "MC002": warehouse,
                "MC007": quantity,
                "MC008": money(quantity * 2),
            },
        )
    now, before = CLOSED_UNTIL.month + 1, CLOSED_UNTIL.month
    yield (
        "CMSMA",
        {
            "MA003": "NTD",
            "MA011": f"{YEAR}{now:02d}",
            "MA012": f"{YEAR}{before:02d}",
            "MA013": ymd(CLOSED_UNTIL),
            "MA015": f"{now:02d}",
            "MA018": f"{before:02d}",
            "MA019": str(YEAR),
            "MA020": str(YEAR),
            "MA027": f"{YEAR}{now:02d}",
            "MA028": f"{YEAR}{before:02d}",
            "MA029": f"{YEAR}{now:02d}",
            "MA030": f"{YEAR}{before:02d}",
        },
    )


def closed_mark(line: Line) -> str:
    if line.closed_by_hand:
        return "y"
    return "Y" if line.full else "N"


_CONFIRMED: Final = {"confirmed": "Y", "draft": "N", "void": "V"}


def _purchase(order: Order) -> Iterator[Row]:
    kind, one = number_parts(order)
    mark = _CONFIRMED[order.state]
    amount = sum((line.amount for line in order.lines), Decimal(0))
    yield (
        "PURTC",
        {
            "TC001": kind,
            "TC002": one,
            "TC003": ymd(order.day),
            "TC004": partner(order.partner),
            "TC005": "USD" if order.currency == "USD" else "NTD",
            "TC006": Decimal(1),
            "TC009": order.memo,
            "TC010": "01",
            "TC011": user(order.maker),
            "TC014": mark,
            "TC019": amount,
            "TC020": money(amount * Decimal("0.05")),
            "TC023": sum((line.quantity for line in order.lines), Decimal(0)),
            "TC024": ymd(order.day),
            "TC025": user(0) if mark == "Y" else "",
            "TC030": "N",
            "TC050": "N",
            "UDF02": order.memo if order.odd == "gbk" else None,
            **_changed(order, by_hand=False),
        },
    )
    if order.index % 5 == 0:
        yield from _requisition(order)
    for line in order.lines:
        yield (
            "PURTD",
            {
                "TD001": kind,
                "TD002": one,
                "TD003": no(line.no),
                "TD004": item(line.item),
                "TD005": ITEMS[line.item],
                "TD006": "",
                "TD007": line.warehouse,
                "TD008": line.quantity,
                "TD009": "PCS",
                "TD010": line.price,
                "TD011": line.amount,
                "TD012": ymd(order.odd_due or line.due),
                "TD014": None if line.no % 2 else "",
                "TD015": line.received,
                "TD016": closed_mark(line),
                "TD018": mark,
                "TD026": "3101" if order.index % 5 == 0 else "",
                "TD027": one if order.index % 5 == 0 else "",
                "TD028": no(line.no) if order.index % 5 == 0 else "",
                **_changed(order, line.closed_by_hand),
            },
        )


def _requisition(order: Order) -> Iterator[Row]:
    one = number_parts(order)[1]
    head = {"TA003": ymd(order.day), "TA006": "", "TA007": "Y", "TA012": user(order.maker)}
    yield "PURTA", {"TA001": "3101", "TA002": one, **head, "TA013": ymd(order.day)}
    for line in order.lines:
        yield (
            "PURTB",
            {
                "TB001": "3101",
                "TB002": one,
                "TB003": no(line.no),
                "TB004": item(line.item),
                "TB005": ITEMS[line.item],
                "TB007": "PCS",
                "TB009": line.quantity,
                "TB011": ymd(line.due),
                "TB014": line.quantity,
                "TB021": "Y",
                "TB025": "Y",
                "TB039": "Y",
            },
        )


def _sale(order: Order) -> Iterator[Row]:
    kind, one = number_parts(order)
    mark = _CONFIRMED[order.state]
    yield (
        "COPTC",
        {
            "TC001": kind,
            "TC002": one,
            "TC003": ymd(order.day),
            "TC004": partner(order.partner),
            "TC006": user(order.maker),
            "TC008": "USD" if order.currency == "USD" else "NTD",
            "TC009": Decimal(1),
            "TC012": f"C{order.index:06d}",
            "TC015": order.memo,
            "TC027": mark,
            "TC029": sum((line.amount for line in order.lines), Decimal(0)),
            "TC031": sum((line.quantity for line in order.lines), Decimal(0)),
            "TC039": ymd(order.day),
            "TC040": user(0) if mark == "Y" else "",
            "TC048": "N",
            "UDF02": order.memo if order.odd == "gbk" else None,
            **_changed(order, by_hand=False),
        },
    )
    for line in order.lines:
        yield (
            "COPTD",
            {
                "TD001": kind,
                "TD002": one,
                "TD003": no(line.no),
                "TD004": item(line.item),
                "TD005": ITEMS[line.item],
                "TD006": "",
                "TD007": line.warehouse,
                "TD008": line.quantity,
                "TD009": line.received,
                "TD010": "PCS",
                "TD011": line.price,
                "TD012": line.amount,
                "TD013": ymd(order.odd_due or line.due),
                "TD016": closed_mark(line),
                "TD020": None if line.no % 2 else "",
                "TD021": mark,
                "TD024": Decimal(0),
                "TD025": Decimal(0),
                "TD050": Decimal(0),
                "TD051": Decimal(0),
                **_changed(order, line.closed_by_hand),
            },
        )
