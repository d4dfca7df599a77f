"""What the books of every ERP have in common, for ``office``."""

from __future__ import annotations

import abc
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar, Final, NamedTuple
from zoneinfo import ZoneInfo

from core import clock
from sandbox.legacy.build import Practice
from sandbox.legacy.data import PEOPLE, YEAR, Order
from sandbox.legacy.databases import Session, insert, number, select, update

ZONE: Final = ZoneInfo("Asia/Shanghai")


class Held(NamedTuple):
    """One line as the ERP holds it."""

    ordered: Decimal
    received: Decimal
    invoiced: Decimal
    closed: bool


@dataclass(frozen=True, kw_only=True)
class Side:
    """The names of one kind of order."""

    head: str
    body: str
    head_key: tuple[str, ...]
    body_key: tuple[str, ...]  # without the line's own number
    line: str
    ordered: str
    received: tuple[str, ...]
    taken_off: tuple[str, ...] = ()
    invoiced: str | None = None
    memo: str = ""
    item: str = ""
    warehouse: str | None = None
    price: str = ""


class Books(abc.ABC):
    """One ERP's way of keeping books; called inside a transaction of ``Office``."""

    sides: ClassVar[Mapping[str, Side]]
    # Per side, the columns of a line that tell whether it is closed.
    closed_columns: ClassVar[Mapping[str, tuple[str, ...]]]

    def __init__(self, practice: Practice, session: Session, person: int) -> None:
        self.practice = practice
        self.session = session
        self.person = person

    # -------------------------------------------------------------------------- what an ERP must say

    @abc.abstractmethod
    def is_closed(self, row: Mapping[str, Any]) -> bool: ...

    @abc.abstractmethod
    def receive(
        self,
        order: Order,
        quantities: Mapping[int, Decimal],
        *,
        confirmed: bool,
        inspecting: bool,
    ) -> str: ...

    @abc.abstractmethod
    def invoice(self, order: Order, quantities: Mapping[int, Decimal]) -> str: ...

    @abc.abstractmethod
    def close(self, order: Order, lines: Sequence[int]) -> None: ...

    @abc.abstractmethod
    def reopen(self, order: Order, lines: Sequence[int]) -> None: ...

    @abc.abstractmethod
    def recompute(self, order: Order) -> None: ...

    @abc.abstractmethod
    def void(self, order: Order) -> None: ...

    @abc.abstractmethod
    def post_period(self, month: int) -> None: ...

    # --------------------------------------------------------------------------------- common to all

    def side(self, order: Order) -> Side:
        return self.sides[order.side]

    def head_where(self, order: Order) -> dict[str, Any]:
        return dict(zip(self.side(order).head_key, self.practice.key(order), strict=True))

    def body_where(self, order: Order, line: int | None = None) -> dict[str, Any]:
        side = self.side(order)
        where = dict(zip(side.body_key, self.practice.key(order), strict=True))
        return where if line is None else {**where, side.line: self.line_key(line)}

    def line_key(self, line: int) -> Any:
        return line

    def body(self, order: Order, *columns: str, lock: bool = False) -> dict[int, dict[str, Any]]:
        side = self.side(order)
        names = dict.fromkeys([side.line, *columns])
        rows = select(self.session, side.body, names, self.body_where(order), lock=lock)
        return dict(sorted((int(row[side.line]), row) for row in rows))

    def lock(self, order: Order) -> None:
        """Header first, then lines, as the ERPs' own programs do."""
        side = self.side(order)
        select(self.session, side.head, side.head_key, self.head_where(order), lock=True)
        self.body(order, lock=True)

    def lines(self, order: Order) -> dict[int, Held]:
        side = self.side(order)
        columns = [side.ordered, *side.received, *side.taken_off]
        columns += [side.invoiced] if side.invoiced else []
        columns += self.closed_columns[order.side]
        return {
            no: Held(
                ordered=number(row[side.ordered]),
                received=sum((number(row[name]) for name in side.received), Decimal(0))
                - sum((number(row[name]) for name in side.taken_off), Decimal(0)),
                invoiced=number(row[side.invoiced]) if side.invoiced else self.billed(order, no),
                closed=self.is_closed(row),
            )
            for no, row in self.body(order, *columns).items()
        }

    def billed(self, order: Order, line: int) -> Decimal:
        """For an ERP that keeps no invoiced quantity on the order's line."""
        raise NotImplementedError

    def missing(self, order: Order) -> dict[int, Decimal]:
        held = self.lines(order)
        return {no: h.ordered - h.received for no, h in held.items() if h.ordered > h.received}

    def to_invoice(self, order: Order) -> dict[int, Decimal]:
        held = self.lines(order)
        return {no: h.received - h.invoiced for no, h in held.items() if h.received > h.invoiced}

    def write_memo(self, order: Order, text: str | None) -> None:
        side = self.side(order)
        update(self.session, side.head, {side.memo: text}, self.head_where(order))

    def change_quantity(self, order: Order, line: int, quantity: Decimal) -> None:
        side = self.side(order)
        update(self.session, side.body, {side.ordered: quantity}, self.body_where(order, line))
        self.recompute(order)

    def update_line(self, order: Order, line: int, values: Mapping[str, Any]) -> None:
        update(self.session, self.side(order).body, values, self.body_where(order, line))

    def update_head(self, order: Order, values: Mapping[str, Any]) -> None:
        update(self.session, self.side(order).head, values, self.head_where(order))

    def insert(self, table: str, values: Mapping[str, Any]) -> None:
        insert(self.session, table, values)

    @property
    def login(self) -> str:
        return PEOPLE[self.person][0]

    @property
    def name(self) -> str:
        return PEOPLE[self.person][1]

    @property
    def now(self) -> datetime:
        """The ERP's wall clock, to the millisecond, in its books' year."""
        local = clock.now().astimezone(ZONE).replace(tzinfo=None)
        return local.replace(microsecond=local.microsecond // 1000 * 1000)

    @property
    def today(self) -> datetime:
        return self.now.replace(hour=0, minute=0, second=0, microsecond=0)

    def serial(self, table: str, column: str, prefix: str = "") -> int:
        """The next running number behind this prefix."""
        taken = (str(row[column]).strip() for row in select(self.session, table, [column]))
        digits = (one.removeprefix(prefix) for one in taken if one.startswith(prefix))
        return max((int(one) for one in digits if one.isdigit()), default=0) + 1

    def move_stock(self, table: str, column: str, where: Mapping[str, Any], by: Decimal) -> None:
        rows = select(self.session, table, [column], where, lock=True)
        if rows:
            update(self.session, table, {column: number(rows[0][column]) + by}, where)


def months(month: int) -> Iterable[tuple[int, bool]]:
    return ((one, one <= month) for one in range(1, 13))


__all__ = ["YEAR", "Books", "Held", "Side", "months"]
