"""Amounts: Decimal always, rounded half up to the currency's own places."""

from __future__ import annotations

from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import BadInput, Bug
from core.money import Money, decimal_places, parse_decimal


@pytest.mark.parametrize(
    "currency, places",
    [
        ("EUR", 2),
        ("CNY", 2),
        ("TWD", 2),
        ("RSD", 2),
        ("JPY", 0),
        ("KWD", 3),
        ("IQD", 3),
        ("CLF", 4),
    ],
)
def test_places_are_those_of_iso_4217(currency: str, places: int) -> None:
    """Books keep the places of ISO 4217, not what people use in cash."""
    assert places == decimal_places(currency)


def test_unknown_currency_has_two_places() -> None:
    """A currency that nobody knows is taken for an ordinary one."""
    assert decimal_places("???") == 2


@pytest.mark.parametrize(
    "amount, currency, rounded",
    [
        ("2.345", "EUR", "2.35"),
        ("-2.345", "EUR", "-2.35"),
        ("2.5", "JPY", "3"),
        ("2", "KWD", "2.000"),
        (
            "12345678901234567890123456789012345678.905",
            "EUR",
            "12345678901234567890123456789012345678.91",
        ),
    ],
)
def test_rounding_is_half_up(amount: str, currency: str, rounded: str) -> None:
    """A half goes away from zero, as accountants do it, and no amount is too long."""
    assert rounded == str(Money(Decimal(amount), currency).rounded().amount)


amounts = st.decimals(
    allow_nan=False, allow_infinity=False, places=6, min_value=-(10**30), max_value=10**30
)


@given(amounts, amounts)
def test_adding_is_exact(one: Decimal, other: Decimal) -> None:
    """No digit is lost in a sum, however long the amounts are."""
    with localcontext(prec=100):
        expected = one + other

    assert Money(expected, "EUR") == Money(one, "EUR") + Money(other, "EUR")


def test_currencies_are_never_mixed() -> None:
    """Adding two currencies is an error, never a guess."""
    with pytest.raises(Bug):
        Money(Decimal(1), "EUR") + Money(Decimal(1), "CNY")


def test_money_as_text() -> None:
    """An amount is shown in plain digits with its currency."""
    assert str(Money(Decimal("1E+2"), "EUR")) == "100 EUR"


@pytest.mark.parametrize(
    "written, value", [(" 12.50 ", "12.50"), ("-3", "-3"), ("１２", "12"), ("1e3", "1E+3")]
)
def test_decimal_of_a_person(written: str, value: str) -> None:
    """A number that a person wrote is read with its scale."""
    assert value == str(parse_decimal(written, source="line 3"))


@pytest.mark.parametrize("written", ["", "12,50", "abc", "NaN", "Infinity", "1_000", "1E+99999"])
def test_no_number_is_refused_with_its_place(written: str) -> None:
    """What is no plain number is refused, and the message says where it stands."""
    with pytest.raises(BadInput) as caught:
        parse_decimal(written, source="numbers.csv, line 3")

    assert str(caught.value).startswith("numbers.csv, line 3: not a ")
