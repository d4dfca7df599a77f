"""The expressions of recipes: a small part of SQL, read strictly."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from config.expressions import Case, Column, Function, Literal, Operation, Over, parse


def test_precedence_is_that_of_sql() -> None:
    """`and` binds more than `or`, `*` more than `+`, a comparison less than both."""
    found = parse("a = 1 or b + 2 * c > 3 and not d is null").node

    assert found == Operation(
        "or",
        (
            Operation("=", (Column("a"), Literal(1))),
            Operation(
                "and",
                (
                    Operation(
                        ">",
                        (
                            Operation(
                                "+", (Column("b"), Operation("*", (Literal(2), Column("c"))))
                            ),
                            Literal(3),
                        ),
                    ),
                    Operation("not", (Operation("is_null", (Column("d"),)),)),
                ),
            ),
        ),
    )


@pytest.mark.parametrize(
    "written, node",
    [
        ("'it''s'", Literal("it's")),
        ("''", Literal("")),
        ('"Document No_"', Column("Document No_")),
        ("vendor.cVenName", Column("cVenName", "vendor")),
        ("单号", Column("单号")),
        ("null", Literal(None)),
        ("case when a then 1 end", Case(((Column("a"), Literal(1)),), Literal(None))),
        ("today('yyyyMMdd')", Function("today", (Literal("yyyyMMdd"),))),
        ("any(lines, a = 1)", Over("any", "lines", Operation("=", (Column("a"), Literal(1))))),
    ],
)
def test_what_can_be_written(written: str, node: object) -> None:
    """Text, odd names, lookups, places and functions have a notation each."""
    assert parse(written).node == node


@pytest.mark.parametrize(
    "written",
    [
        "", "a +", "a = = b", "foo(1)", "coalesce(a)", "today(a)", "now('drop table')", "'open", "case end",
        "a; drop table b", "a /* b */", "(select 1)", "a not b", "any(1, a)", "(" * 50 + "a" + ")" * 50, "a" * 5_000,
    ],
)  # fmt: skip
def test_everything_else_is_refused(written: str) -> None:
    """What is no expression is an error of the recipe, never a piece of a statement."""
    with pytest.raises(PydanticCustomError):
        parse(written)


def test_what_an_expression_needs_is_known() -> None:
    """The columns of the row, those of places and those of lookups are told apart."""
    found = parse("case when every(lines, x = 1) then vendor.name else a + sum(receipts, y) end")

    assert found.columns() == {"a"}
    assert found.places() == {"lines": {"x"}, "receipts": {"y"}}
    assert found.lookups() == {("vendor", "name")}
    assert parse("coalesce(closer(), now())").functions() == {"coalesce", "closer", "now"}


@given(st.text(max_size=60))
def test_no_text_breaks_the_reader(written: str) -> None:
    """Whatever somebody writes is an expression or an error of the recipe."""
    with suppress(PydanticCustomError):
        parse(written)


@pytest.mark.parametrize(
    "written", ["today('yyyymmdd')", "today('yyyy-MM-dd HH:mm')", "today('ss')", "now('yyyymmdd')"]
)
def test_minutes_are_no_months(written: str) -> None:
    """`mm` are minutes: a day has none, and beside a year without an hour nobody means them."""
    with pytest.raises(PydanticCustomError) as caught:
        parse(written)

    assert "mm are minutes" in str(caught.value.context)


@pytest.mark.parametrize("written", ["today('yyyyMMdd')", "now('yyyyMMddHHmmss')", "now('HH:mm')"])
def test_formats_of_days_and_moments(written: str) -> None:
    """Months are `MM`."""
    assert isinstance(parse(written).node, Function)
