"""The story that every practice database tells: one company, its orders and what became of them.

It is told once, without any ERP's words, and always the same for the same size. Each ERP's module then writes it down in
that ERP's tables. The first orders are the odd ones, so that the smallest database holds every case.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Final

from sandbox.legacy.cases import (
    ITEMS,
    MEMOS,
    ODD,
    PARTNERS,
    PEOPLE,
    WAREHOUSES,
    Odd,
    Side,
    State,
)

__all__ = ["ITEMS", "ODD", "PARTNERS", "PEOPLE", "Odd", "Side", "State", "Story", "tell"]

SIZES: Final = {"test": 60, "demo": 5000}
YEAR: Final = 2026
CLOSED_UNTIL: Final = date(2026, 9, 30)  # the last day of the last closed period
TODAY: Final = date(2026, 11, 20)
ZERO_DATE: Final = "0000-00-00"  # MariaDB keeps such dates; elsewhere they are NULL
PARTIAL_DATE: Final = "2024-00-00"


@dataclass(slots=True)
class Line:
    no: int
    item: int
    quantity: Decimal
    price: Decimal
    due: date
    warehouse: str
    received: Decimal = Decimal(0)  # accepted and stored (sales: shipped), net of what went back
    inspecting: Decimal = Decimal(0)  # arrived, not yet judged
    rejected: Decimal = Decimal(0)
    returned: Decimal = Decimal(0)  # stored, then sent back
    invoiced: Decimal = Decimal(0)
    closed_by_hand: bool = False

    @property
    def full(self) -> bool:
        return self.received >= self.quantity

    @property
    def amount(self) -> Decimal:
        return money(self.quantity * self.price)


@dataclass(slots=True)
class Order:
    side: Side
    index: int  # from 1
    day: date
    partner: int
    maker: int
    state: State
    lines: list[Line]
    odd: Odd | None = None
    memo: str | None = None
    currency: str = "CNY"
    closer: int | None = None
    closed_at: datetime | None = None
    odd_due: str | None = None  # a date that is none

    @property
    def changed_at(self) -> datetime:
        return self.closed_at or datetime.combine(self.day, time(9, self.index % 60))


@dataclass(frozen=True, slots=True)
class MovedLine:
    no: int
    order: Order
    line: Line
    quantity: Decimal
    rejected: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Receipt:
    """Goods that came in (sales: went out). ``inspecting``: nobody has judged them yet; ``confirmed``: it counts."""

    index: int
    side: Side
    day: date
    partner: int
    maker: int
    lines: tuple[MovedLine, ...]
    confirmed: bool = True
    inspecting: bool = False
    returned: bool = False


@dataclass(frozen=True, slots=True)
class Invoice:
    index: int
    side: Side
    day: date
    partner: int
    maker: int
    lines: tuple[MovedLine, ...]
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Production:
    index: int
    item: int
    quantity: Decimal
    produced: Decimal
    day: date
    due: date
    closed_by_hand: bool

    @property
    def full(self) -> bool:
        return self.produced >= self.quantity


@dataclass(frozen=True, slots=True)
class Story:
    orders: list[Order] = field(default_factory=list)
    receipts: list[Receipt] = field(default_factory=list)
    invoices: list[Invoice] = field(default_factory=list)
    productions: list[Production] = field(default_factory=list)

    def side(self, side: Side) -> list[Order]:
        return [order for order in self.orders if order.side == side]

    def odd(self, odd: Odd, side: Side = "purchase") -> Order:
        return next(o for o in self.orders if o.odd == odd and o.side == side)

    def stock(self) -> dict[tuple[int, str], Decimal]:
        """What lies in the warehouses: an opening quantity, and every confirmed movement."""
        held = {
            (item, warehouse): Decimal(100_000 + 10 * item)
            for item in range(len(ITEMS))
            for warehouse in WAREHOUSES
        }
        for receipt in self.receipts:
            if receipt.confirmed and not receipt.inspecting:
                sign = 1 if (receipt.side == "purchase") is not receipt.returned else -1
                for moved in receipt.lines:
                    held[moved.line.item, moved.line.warehouse] += sign * moved.quantity
        return held


def money(value: Decimal) -> Decimal:
    return value.quantize(Decimal("0.01"))


def tell(size: str | int = "test") -> Story:
    """Three purchase orders for each sales order; ``size`` is a name of ``SIZES`` or the number of orders."""
    total = SIZES[size] if isinstance(size, str) else size
    story = Story()
    sales = max(total // 4, min(total // 2, len(ODD)))
    sides: tuple[tuple[Side, int], ...] = (("purchase", total - sales), ("sale", sales))
    for side, count in sides:
        chance = random.Random(f"storno {side}")
        for index in range(1, count + 1):
            odd = ODD[index - 1] if index <= len(ODD) else None
            order = _order(chance, side, index, odd)
            story.orders.append(order)
            _what_became(chance, story, order)
    story.productions.extend(_productions(total // 10))
    return story


def _productions(count: int) -> Iterator[Production]:
    chance = random.Random("storno production")
    for index in range(1, count + 1):
        quantity = Decimal(chance.choice((10, 100, 500)))
        day = date(YEAR, 10, 1) + timedelta(days=chance.randrange(40))
        yield Production(
            index=index,
            item=chance.randrange(len(ITEMS)),
            quantity=quantity,
            produced=(quantity, Decimal(0), quantity / 2)[index % 3],
            day=day,
            due=day + timedelta(days=20),
            closed_by_hand=index % 6 == 2,
        )


def _order(chance: random.Random, side: Side, index: int, odd: Odd | None) -> Order:
    day = date(YEAR, 10, 1) + timedelta(days=chance.randrange(50))
    if odd == "old" or (odd is None and chance.random() < 0.15):
        day = date(YEAR, 1 + chance.randrange(9), 1 + chance.randrange(28))
    count = {"many_lines": 60, "one_line": 1, "by_hand_partly": 2}.get(
        odd or "", chance.choice((1, 2, 3, 4, 4, 5, 5, 6, 8))
    )
    order = Order(
        side=side,
        index=index,
        day=day,
        partner=chance.randrange(len(PARTNERS)),
        maker=chance.randrange(4),
        state=_state(chance, odd),
        lines=[_line(chance, day, no) for no in range(1, count + 1)],
        odd=odd,
        memo=_memo(chance, odd),
        currency="USD" if odd == "foreign" else "CNY",
    )
    if odd == "zero_date":
        order.odd_due = ZERO_DATE
    elif odd == "partial_date":
        order.odd_due = PARTIAL_DATE
    return order


def _state(chance: random.Random, odd: Odd | None) -> State:
    if odd == "void":
        return "void"
    if odd == "draft":
        return "draft"
    if odd is not None:
        return "confirmed"
    return chance.choices(("confirmed", "draft", "void"), (94, 4, 2))[0]


def _line(chance: random.Random, day: date, no: int) -> Line:
    quantity = Decimal(chance.choice((1, 2, 5, 10, 50, 100, 250, 1000)))
    if chance.random() < 0.1:
        quantity += Decimal(chance.randrange(1000)) / 1000
    return Line(
        no=no,
        item=chance.randrange(len(ITEMS)),
        quantity=quantity,
        price=Decimal(chance.randrange(1, 2_000_000)) / 10_000,
        due=day + timedelta(days=chance.randrange(7, 60)),
        warehouse=chance.choice(WAREHOUSES),
    )


def _memo(chance: random.Random, odd: Odd | None) -> str | None:
    if odd is not None:
        return MEMOS.get(odd)
    return chance.choice((None, "", "急", "請盡快交貨", "rush, please"))


def _what_became(chance: random.Random, story: Story, order: Order) -> None:
    if order.state != "confirmed":
        return
    fate = (
        order.odd
        or chance.choices(
            ("plain", "partly", "received", "over", "by_hand", "inspection", "invoiced"),
            (62, 10, 10, 2, 6, 3, 7),
        )[0]
    )
    lines = order.lines
    if fate in {"partly", "invoiced_partly"}:
        _receive(story, order, {line.no: part(line, 0.4) for line in lines[: 1 + len(lines) // 2]})
    elif fate in {"received", "invoiced"}:
        _receive(story, order, {line.no: line.quantity for line in lines})
    elif fate == "over":
        _receive(story, order, {line.no: line.quantity + 1 for line in lines})
    elif fate == "inspection":
        _receive(story, order, {line.no: part(line, 0.5) for line in lines}, inspecting=True)
    elif fate == "unposted_receipt":
        _receive(story, order, {lines[0].no: lines[0].quantity}, confirmed=False)
    elif fate == "rejected":
        _receive(story, order, {lines[0].no: part(lines[0], 0.5)}, rejected=part(lines[0], 0.25))
    elif fate == "returned":
        _receive(story, order, {lines[0].no: part(lines[0], 0.5)})
        _receive(story, order, {lines[0].no: part(lines[0], 0.25)}, returned=True)
    elif fate in {"by_hand", "by_hand_partly", "milliseconds"}:
        _close(chance, order, lines[:1] if fate == "by_hand_partly" else lines)
    if fate in {"invoiced", "invoiced_partly"}:
        _invoice(story)


def part(line: Line, share: float) -> Decimal:
    """A part of the ordered quantity with the ERP's three decimals, and never nothing."""
    return max((line.quantity * Decimal(str(share))).quantize(Decimal("0.001")), Decimal("0.001"))


def _receive(
    story: Story,
    order: Order,
    quantities: dict[int, Decimal],
    *,
    rejected: Decimal = Decimal(0),
    confirmed: bool = True,
    inspecting: bool = False,
    returned: bool = False,
) -> None:
    moved: list[MovedLine] = []
    for no, quantity in quantities.items():
        line = order.lines[no - 1]
        moved.append(MovedLine(len(moved) + 1, order, line, quantity, rejected))
        if inspecting:
            line.inspecting += quantity
        elif returned:
            line.received -= quantity
            line.returned += quantity
        elif confirmed:
            line.received += quantity
            line.rejected += rejected
    story.receipts.append(
        Receipt(
            index=len(story.receipts) + 1,
            side=order.side,
            day=order.day + timedelta(days=3),
            partner=order.partner,
            maker=5,
            lines=tuple(moved),
            confirmed=confirmed,
            inspecting=inspecting,
            returned=returned,
        )
    )


def _invoice(story: Story) -> None:
    receipt = story.receipts[-1]
    for moved in receipt.lines:
        moved.line.invoiced += moved.quantity
    story.invoices.append(
        Invoice(
            index=len(story.invoices) + 1,
            side=receipt.side,
            day=receipt.day + timedelta(days=5),
            partner=receipt.partner,
            maker=1,
            lines=receipt.lines,
            receipt=receipt,
        )
    )


def _close(chance: random.Random, order: Order, lines: list[Line]) -> None:
    order.closer = chance.randrange(5)
    clock = time(17, chance.randrange(60), chance.randrange(60))
    if order.odd == "milliseconds":
        clock = clock.replace(microsecond=chance.randrange(1, 1000) * 1000)
    order.closed_at = datetime.combine(order.day + timedelta(days=14), clock)
    for line in lines:
        line.closed_by_hand = True


def periods() -> Iterator[tuple[int, bool]]:
    """Months of the year, and whether they are closed."""
    for month in range(1, 13):
        yield month, month <= CLOSED_UNTIL.month
