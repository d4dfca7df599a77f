"""Many populated documents that are made anew each time they are looked at, until somebody changes one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Final

from connectors.fake.schema import LINE, ORDER
from connectors.fake.table import Row, Table

REMEMBERED_ROWS: Final = 1000
_MADE_AT: Final = datetime(2026, 1, 1, 9, 0, tzinfo=UTC)
_PREFIX: Final = "PO"
_PRICES: Final = tuple(Decimal(cents).scaleb(-2) for cents in range(1250, 2250, 50))
_QUANTITY: Final = Decimal("12.000")
_DATES: Final = tuple(date(2025, 1, 1) + timedelta(days=n) for n in range(360))

_ORDER: Final[Row] = {
    "number": None,
    "reference": None,
    "note": "",
    "partner": "華盛 Präzision GmbH",
    "partner_key": "17",
    "company": "Storno Trading",
    "date": None,
    "due": None,
    "currency": "EUR",
    "amount": None,
    "remaining_amount": None,
    "state": "quotation",
    "approved_by": None,
    "owner": "mei",
    "priority": 2,
    "is_urgent": False,
    "created_at": _MADE_AT,
    "closed_by": None,
    "closed_at": None,
    "closed_how": None,
    "lead_time": timedelta(days=14),
    "delivery_hour": time(8, 30),
    "attachment": None,
    "tags": ("import", 7),
    "write_date": _MADE_AT,
    "write_user": "import",
    "version": 1,
}

_LINE: Final[Row] = {
    "order": None,
    "position": None,
    "item": "BOLT-M8",
    "item_key": "301",
    "description": "Sechskantschraube M8 六角螺栓",
    "unit": "pc",
    "quantity": _QUANTITY,
    "received_quantity": Decimal("0.000"),
    "invoiced_quantity": Decimal("0.000"),
    "cancelled_quantity": Decimal("0.000"),
    "unit_price": None,
    "amount": None,
    "due": None,
    "state": "open",
    "write_date": _MADE_AT,
    "write_user": "import",
    "version": 1,
}


class _Orders:
    def __init__(self, count: int) -> None:
        self._count = count
        self._made: dict[str, Row] = {}  # a batch looks at the same few orders several times

    def make(self, key: str) -> Row | None:
        row = self._made.get(key)
        if row is None:
            row = self._make(key)
            if row is not None:
                if len(self._made) >= REMEMBERED_ROWS:
                    self._made.clear()
                self._made[key] = row
        return row

    def _make(self, key: str) -> Row | None:
        if not key.isdecimal() or not 0 < (number := int(key)) <= self._count:
            return None
        amount = _line_amount(number) * 2
        return {
            **_ORDER,
            "number": f"{_PREFIX}{number:07}",
            "date": _DATES[number % 330],
            "due": _DATES[number % 330 + 30],
            "amount": amount,
            "remaining_amount": amount,
        }

    def all_keys(self, after: str | None) -> Iterable[str]:
        return map(str, range(1 if after is None else int(after) + 1, self._count + 1))

    def children(self, name: str, value: str) -> Iterable[str]:
        key = value.removeprefix(_PREFIX).lstrip("0")
        made = self.make(key) if name == "number" and key else None
        return (key,) if made is not None and made["number"] == value else ()


class _Lines:
    """Two lines an order: `17-1` and `17-2`."""

    def __init__(self, orders: _Orders) -> None:
        self._orders = orders

    def make(self, key: str) -> Row | None:
        order, _, position = key.partition("-")
        if position not in ("1", "2") or self._orders.make(order) is None:
            return None
        number = int(order)
        return {
            **_LINE,
            "order": order,
            "position": int(position),
            "unit_price": _PRICES[number % len(_PRICES)],
            "amount": _line_amount(number),
            "due": _DATES[number % 330 + 30],
        }

    def all_keys(self, after: str | None) -> Iterable[str]:
        order, _, position = (after or "0-2").partition("-")
        if position == "1":
            yield f"{order}-2"
        for key in self._orders.all_keys(order):
            yield f"{key}-1"
            yield f"{key}-2"

    def children(self, name: str, value: str) -> Iterable[str]:
        return (f"{value}-1", f"{value}-2") if self._orders.make(value) is not None else ()


def _line_amount(number: int) -> Decimal:
    return _QUANTITY * _PRICES[number % len(_PRICES)]


def populate(tables: Mapping[str, Table], purchase_orders: int) -> None:
    """Put that many quotations with two lines each before everything else in the tables."""
    orders = _Orders(purchase_orders)
    tables[ORDER].source = orders
    tables[ORDER].reserve_keys(purchase_orders)
    tables[LINE].source = _Lines(orders)
