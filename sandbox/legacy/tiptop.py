"""Digiwin TIPTOP GP (Oracle or Informix): the story told in its tables.

pmn16 says of a purchase line: 2 issued, 6 closed with the right quantity, 7 with more, 8 with less, 9 cancelled.
"""

from __future__ import annotations

from collections.abc import Iterator
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
    part,
)
from sandbox.legacy.tiptop_moves import moves
from sandbox.legacy.tiptop_names import item, key, number, partner, user
from sandbox.legacy.tiptop_tables import TABLES

__all__ = ["DATABASE", "NAME", "TABLES", "key", "number", "partner", "rows"]

NAME: Final = "tiptop"
DATABASE: Final = "ds01"

Row = tuple[str, dict[str, Any]]
_NOTHING: Final = Decimal(0)


def rows(story: Story) -> Iterator[Row]:
    yield from _masters(story)
    for order in story.orders:
        yield from (_purchase if order.side == "purchase" else _sale)(order)
    yield from moves(story)


def _masters(story: Story) -> Iterator[Row]:
    for one, name in PEOPLE:
        yield "zx_file", {"zx01": one, "zx02": name}
        yield "gen_file", {"gen01": one, "gen02": name}
    for index, name in enumerate(PARTNERS):
        yield "pmc_file", {"pmc01": partner(index), "pmc03": name}
        yield "occ_file", {"occ01": partner(index), "occ02": name}
    for index, name in enumerate(ITEMS):
        yield "ima_file", {"ima01": item(index), "ima02": name}
    for (one_item, warehouse), quantity in story.stock().items():
        place = {"img01": item(one_item), "img02": warehouse, "img03": " ", "img04": " "}
        yield "img_file", {**place, "img09": "PCS", "img10": quantity}
    month = CLOSED_UNTIL.month + 1
    yield "sma_file", {"sma00": "0", "sma51": YEAR, "sma52": month, "sma53": CLOSED_UNTIL}


def difference(line: Line) -> Decimal:
    """More (or, below nothing, less) than ordered: pmn50 - pmn20 - pmn55 - pmn58."""
    return line.received - line.quantity


def closed_mark(order: Order, line: Line) -> str:
    if order.state != "confirmed":
        return "0" if order.state == "draft" else "9"
    if not line.closed_by_hand and not line.full:
        return "2"
    over = difference(line)
    return "6" if over == 0 else "7" if over > 0 else "8"


def _purchase(order: Order) -> Iterator[Row]:
    marks = [closed_mark(order, line) for line in order.lines]
    ended = all(mark in "6789" for mark in marks)
    state = "6" if ended and order.state == "confirmed" else min(marks)
    yield (
        "pmm_file",
        {
            "pmm01": number(order),
            "pmm02": "REG",
            "pmm03": 0,
            "pmm04": order.day,
            "pmm09": partner(order.partner),
            "pmm12": user(order.maker),
            "pmm15": user(0) if order.state == "confirmed" else None,
            "pmm18": {"confirmed": "Y", "draft": "N", "void": "X"}[order.state],
            "pmm22": "USD" if order.currency == "USD" else "TWD",
            "pmm25": state,
            "pmm27": order.changed_at.date(),
            "pmm905": "N",
            "pmmuser": user(order.maker),
            "pmmgrup": "100",
            "pmmacti": "Y",
            "pmmud01": order.memo,
            "pmmud02": order.memo if order.odd == "gbk" else None,
        },
    )
    for line, mark in zip(order.lines, marks, strict=True):
        came = line.received + line.returned + line.rejected + line.inspecting
        yield (
            "pmn_file",
            {
                "pmn01": number(order),
                "pmn02": line.no,
                "pmn04": item(line.item),
                "pmn041": ITEMS[line.item],
                "pmn07": "PCS",
                "pmn16": mark,
                "pmn20": line.quantity,
                "pmn31": line.price,
                "pmn33": order.odd_due or line.due,
                "pmn50": came,
                "pmn51": line.inspecting,
                "pmn52": line.warehouse,
                "pmn53": line.received + line.returned,
                "pmn55": line.rejected,
                "pmn57": difference(line) if mark in "678" else _NOTHING,
                "pmn58": line.returned,
                "pmn88": line.amount,
                "pmn100": None if line.no % 2 else "",
            },
        )
    if order.odd == "prepaid":
        yield from _prepaid(order)
    if order.odd == "change_order":
        yield from _change(order)


def _prepaid(order: Order) -> Iterator[Row]:
    """A prepayment that nobody has confirmed: the closing program warns."""
    yield (
        "apa_file",
        {
            "apa00": "15",
            "apa01": f"AP5-{order.index:08d}",
            "apa02": order.day,
            "apa05": partner(order.partner),
            "apa08": number(order),
            "apa34": order.lines[0].amount,
            "apa41": "N",
            "apauser": user(1),
        },
    )


def _change(order: Order) -> Iterator[Row]:
    """A change that is not sent yet: the closing program refuses."""
    head = {"pna01": number(order), "pna02": 1}
    yield "pna_file", {**head, "pna04": order.day, "pna05": "N"}
    line = order.lines[0]
    yield (
        "pnb_file",
        {
            "pnb01": number(order),
            "pnb02": 1,
            "pnb03": line.no,
            "pnb20b": line.quantity,
            "pnb20a": line.quantity + part(line, 0.5),
        },
    )


def _given_up(order: Order) -> Decimal:
    """What closing gave up, without tax, as axmp410 adds it up."""
    if order.closed_at is None:
        return Decimal(0)
    return sum(
        (
            line.amount / line.quantity * (line.quantity - line.received)
            for line in order.lines
            if line.closed_by_hand
        ),
        Decimal(0),
    ).quantize(Decimal("0.000001"))


def _sale_status(order: Order) -> str:
    if order.state != "confirmed":
        return "0"
    ended = order.closed_at is not None and all(line.closed_by_hand for line in order.lines)
    return "2" if ended else "1"


def _sale(order: Order) -> Iterator[Row]:
    yield (
        "oea_file",
        {
            "oea01": number(order),
            "oea02": order.day,
            "oea03": partner(order.partner),
            "oea032": PARTNERS[order.partner],
            "oea14": user(order.maker),
            "oea23": "USD" if order.currency == "USD" else "TWD",
            "oea49": _sale_status(order),
            "oea63": _given_up(order),
            "oeaconf": {"confirmed": "Y", "draft": "N", "void": "X"}[order.state],
            "oeauser": user(order.maker),
            "oeagrup": "100",
            "oeaud01": order.memo,
            "oeaud02": order.memo if order.odd == "gbk" else None,
        },
    )
    for line in order.lines:
        shipped = line.received + line.returned
        closed = line.closed_by_hand and order.closed_at is not None
        yield (
            "oeb_file",
            {
                "oeb01": number(order),
                "oeb03": line.no,
                "oeb04": item(line.item),
                "oeb05": "PCS",
                "oeb06": ITEMS[line.item],
                "oeb09": line.warehouse,
                "oeb12": line.quantity,
                "oeb13": line.price,
                "oeb14": line.amount,
                "oeb15": order.odd_due or line.due,
                "oeb24": shipped,
                "oeb25": line.returned,
                "oeb26": line.quantity - line.received if closed else _NOTHING,
                "oeb29": _NOTHING,
                "oeb70": "Y" if closed else "N",
                "oeb70d": order.closed_at.date() if closed and order.closed_at else None,
                "oeb905": part(line, 0.1)
                if line.no == 1 and not shipped and not closed
                else _NOTHING,
            },
        )
