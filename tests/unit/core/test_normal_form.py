"""Spellings of one value are the same; two values never are."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.normal_form import EXACT, NormalForm

LOOSE = NormalForm(
    moment_step=timedelta(seconds=1),
    has_moments_as_text=True,
    pads_text=True,
    empty_is_null=True,
    mixes_numbers=True,
)
MOMENT = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.text(max_size=8),
    st.sampled_from(["2026-01-02 03:04:05.678", "2026-01-02 03:04:05", "2026-01-02", "a ", " a"]),
    st.decimals(allow_nan=False, allow_infinity=False, places=3),
    st.datetimes(timezones=st.just(UTC)),
    st.dates(),
    st.times(),
    st.binary(max_size=4),
    st.lists(st.integers(), max_size=3).map(tuple),
)
FORMS = st.builds(
    NormalForm,
    moment_step=st.sampled_from([timedelta(0), timedelta(seconds=1), timedelta(minutes=1)]),
    has_moments_as_text=st.booleans(),
    pads_text=st.booleans(),
    empty_is_null=st.booleans(),
    mixes_numbers=st.booleans(),
)


@pytest.mark.parametrize(
    "one, other",
    [
        (Decimal("2.50"), Decimal("2.5")),
        (Decimal("-0.00"), Decimal(0)),
        (Decimal("1E+2"), Decimal("100.0")),
        (MOMENT, MOMENT.replace(microsecond=0)),
        ("2026-01-02 03:04:05.678", "2026-01-02 03:04:05"),
        ("2026-01-02T03:04:05", "2026-01-02 03:04:05.0"),
        (time(3, 4, 5, 6), time(3, 4, 5)),
        ("PO1   ", "PO1"),
        ("", None),
        ("   ", None),
        (2, Decimal("2.0")),
        (date(2026, 1, 2), "2026-01-02 00:00:00"),
    ],
)
def test_spellings_of_one_value(one: Any, other: Any) -> None:
    """A system that does not tell them apart is not asked to."""
    assert LOOSE.is_same(one, other)
    assert LOOSE.of(one) == LOOSE.of(other)


@pytest.mark.parametrize(
    "one, other",
    [
        (1, True),
        (0, None),
        (0, ""),
        (" PO1", "PO1"),
        ("PO1\t", "PO1"),
        ("PO1", "po1"),
        ("2", 2),
        (Decimal("2.50"), Decimal("2.51")),
        (MOMENT, MOMENT + timedelta(seconds=1)),
        ("2026-01-02 03:04:05", "2026-01-02 03:04:06"),
        ("2026-01-02", "2026-01-02 00:00:00"),
        (date(2026, 1, 2), "2026-01-02"),
        ((1, 2), (2, 1)),
        (Decimal("1." + "0" * 40 + "1"), Decimal(1)),
    ],
)
def test_two_values_stay_two(one: Any, other: Any) -> None:
    """However loose the form: what a person would call a change is one."""
    assert not LOOSE.is_same(one, other)


@pytest.mark.parametrize(
    "one, other",
    [(MOMENT, MOMENT.replace(microsecond=0)), ("a ", "a"), ("", None), (1, Decimal(1))],
)
def test_nothing_is_declared_by_default(one: Any, other: Any) -> None:
    """Of an unknown system, every difference counts."""
    assert not EXACT.is_same(one, other)
    assert EXACT.is_same(Decimal("2.50"), Decimal("2.5"))


@given(form=FORMS, one=VALUES, other=VALUES, third=VALUES)
def test_being_the_same_is_an_equivalence(
    form: NormalForm, one: Any, other: Any, third: Any
) -> None:
    """Every value is as itself, from both sides, and what equals one thing equals each other."""
    assert form.is_same(one, one)
    assert form.is_same(one, other) is form.is_same(other, one)
    if form.is_same(one, other) and form.is_same(other, third):
        assert form.is_same(one, third)


@given(form=FORMS, value=VALUES)
def test_the_normal_form_is_normal(form: NormalForm, value: Any) -> None:
    """Twice is once, and a value is the same as its own form."""
    assert form.of(form.of(value)) == form.of(value)
    assert form.is_same(value, form.of(value))
