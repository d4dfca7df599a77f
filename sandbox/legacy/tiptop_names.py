"""How TIPTOP names orders, people, partners and items."""

from __future__ import annotations

from sandbox.legacy.data import PEOPLE, Order


def number(order: Order) -> str:
    head = "PO1" if order.side == "purchase" else "SO1"
    if order.odd == "padded":
        return f"{head}-{order.index}  "  # typed with blanks behind it, and kept so
    return f"{head}-{order.day:%y%m}{order.index:05d}"


def key(order: Order) -> tuple[object, ...]:
    return (number(order),)


def user(one: int) -> str:
    return PEOPLE[one][0]


def partner(one: int) -> str:
    return f"{one + 1:05d}"


def item(one: int) -> str:
    return f"P{one + 1:05d}"
