"""How an expression reckons with single values: three-valued logic, numbers that stand as text, days and moments."""

from __future__ import annotations

import operator as python
from collections.abc import Callable, Mapping, Sequence
from datetime import date, time
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from connectors.answers import cut
from connectors.odbc.values import plain_text
from core.encoding import Value
from core.errors import BadInput
from core.text import N_

_NO_NUMBER: Final = N_("the recipe reckons with it, and it is no number")


def is_in(value: Value, among: Sequence[Value]) -> bool | None:
    """Whether a value equals one of several; None where that is not known."""
    found = [compare("=", value, each) for each in among]
    if True in found:
        return True
    return None if None in found else False


def arithmetic(operator: str, left: Decimal | None, right: Decimal | None) -> Value:
    """Return what an operator of two numbers gives; nothing where one of them is missing."""
    if left is None or right is None:
        return None
    match operator:
        case "+":
            return left + right
        case "/":
            # As where a database does not mind: nothing, instead of an error.
            return left / right if right else None
        case "-":
            return left - right
        case _:
            return left * right


_COMPARE: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "=": python.eq, "<>": python.ne, "<": python.lt, "<=": python.le, ">": python.gt, ">=": python.ge,
}  # fmt: skip


def compare(operator: str, left: Value, right: Value) -> bool | None:
    """Return what a comparison says; None where a value is missing."""
    if left is None or right is None:
        return None
    one, other = _comparable(left, right)
    if type(one) is not type(other):
        # A flag that holds something unexpected equals nothing, and is neither more nor less.
        return {"=": False, "<>": True}.get(operator)
    return _COMPARE[operator](one, other)


def _comparable(left: Value, right: Value) -> tuple[Any, Any]:
    """Bring two values to one type where that says the same."""
    if isinstance(left, str) and isinstance(right, str):
        return left.rstrip(" "), right.rstrip(" ")
    if type(left) is type(right):
        return left, right
    if isinstance(left, bool | int | Decimal) or isinstance(right, bool | int | Decimal):
        one, other = _number_or_none(left), _number_or_none(right)
        return (one, other) if one is not None and other is not None else (left, right)
    if isinstance(left, date | time) or isinstance(right, date | time):
        return _iso(left), _iso(right)
    return left, right


def _iso(value: Value) -> str:
    written = plain_text(value)
    # A moment at midnight and its date are the same day.
    return written.replace("T", " ").removesuffix(".000").removesuffix(" 00:00:00")


def _number_or_none(value: Value) -> Decimal | None:
    try:
        return number_of(value)
    except BadInput:
        return None


def number_of(value: Value) -> Decimal | None:
    """Return a number; SQLite and text columns keep numbers as text. Raises `BadInput` for what is none."""
    match value:
        case None:
            return None
        case Decimal():
            return value
        case bool() | int():
            return Decimal(int(value))
        case str():
            try:
                found = Decimal(value.strip())
            except InvalidOperation:
                raise BadInput(source=cut(value), problem=_NO_NUMBER) from None
            return found if found.is_finite() else None
        case _:
            raise BadInput(source=cut(str(value)), problem=_NO_NUMBER)


def truth_of(value: Value) -> bool | None:
    """Return a value as true or false; None where there is none."""
    if value is None or isinstance(value, bool):
        return value
    return bool(number_of(value))


def is_true(value: Value) -> bool:
    """Whether a value is certainly true."""
    return value is True or (value is not None and truth_of(value) is True)
