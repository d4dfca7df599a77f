"""How Workflow names orders, people, partners and items: types and numbers in CHAR columns, dates as text."""

from __future__ import annotations

from datetime import date

from sandbox.legacy.data import PEOPLE, Order


def key(order: Order) -> tuple[object, ...]:
    """As the database holds it: CHAR(4) and CHAR(11), padded with blanks."""
    kind, one = number_parts(order)
    return kind.ljust(4), one.ljust(11)


def number(order: Order) -> str:
    kind, one = number_parts(order)
    return f"{kind}-{one}"


def number_parts(order: Order) -> tuple[str, str]:
    purchase = order.side == "purchase"
    if order.odd == "padded":
        return ("331", "A1") if purchase else ("221", "A1")
    return "3301" if purchase else "2201", f"{order.day:%Y%m}{order.index:05d}"


def user(one: int) -> str:
    return PEOPLE[one][0]


def partner(one: int) -> str:
    return f"{one + 1:04d}"


def item(one: int) -> str:
    return f"A-{one + 1:04d}"


def ymd(day: date | str) -> str:
    return day.replace("-", "") if isinstance(day, str) else f"{day:%Y%m%d}"


def no(one: int) -> str:
    return f"{one:04d}"
