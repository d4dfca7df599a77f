"""Whether a period is closed, in the three ways in which ERPs keep it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from config.recipe_files import load_recipe
from config.recipe_periods import Period
from connectors.odbc.formulas import Row
from connectors.odbc.periods import day_of, period_state
from core.encoding import Value

DAY = date(2024, 5, 17)


@pytest.mark.parametrize(
    "rows, expected",
    [
        ([{"iyear": 2024, "iperiod": 5, "bflag_PU": True}], "closed"),
        ([{"iyear": 2024, "iperiod": 5, "bflag_PU": 0}], "open"),
        ([{"iyear": 2024, "iperiod": 5, "bflag_PU": None}], "open"),
        ([{"iyear": 2023, "iperiod": 5, "bflag_PU": 1}, {"iyear": 2024, "iperiod": 4, "bflag_PU": 1}], None),
        ([], None),
    ],
)  # fmt: skip
def test_a_flag_a_period(rows: list[Row], expected: str | None) -> None:
    """U8: one row a period; a period that is not there is not known."""
    assert period_state(load_recipe("u8").periods["purchase"], rows, DAY, 2024) == expected


@pytest.mark.parametrize(
    "flag, expected",
    [(True, "closed"), (1, "closed"), (Decimal(1), "closed"), ("1", "closed"), (0, "open"), (False, "open"), (None, "open")],
)  # fmt: skip
def test_a_flag_that_is_named_bare(flag: Value, expected: str) -> None:
    """A column that holds 1 is as closed as one that holds true."""
    period = Period.model_validate(
        {"table": "GL_mend", "flags": {"year": "y", "month": "m", "closed": "bflag"}}
    )
    assert period_state(period, [{"y": 2024, "m": 5, "bflag": flag}], DAY, None) == expected


@pytest.mark.parametrize(
    "year, month, expected",
    [("2024", "5", "open"), ("2024", "6", "closed"), ("2025", "1", "closed"), ("2023", "12", "open"), (None, None, None)],
)  # fmt: skip
def test_the_current_period(year: Value, month: Value, expected: str | None) -> None:
    """K/3: the period in which the ERP works; the general ledger's own does not count."""
    rows: list[Row] = [
        {"FCategory": "IC", "FKey": "CurrentYear", "FValue": year},
        {"FCategory": "IC", "FKey": "CurrentPeriod", "FValue": month},
        {"FCategory": "GL", "FKey": "CurrentYear", "FValue": "2030"},
    ]
    assert period_state(load_recipe("k3_wise").periods["stock"], rows, DAY, None) == expected


@pytest.mark.parametrize(
    "until, expected",
    [("20240517", "closed"), ("2024-05-16", "open"), ("", "open"), (None, "open")],
)
def test_closed_up_to_a_day(until: Value, expected: str) -> None:
    """SQL-Ledger: a day among the defaults."""
    rows: list[Row] = [
        {"fldname": "closedto", "fldvalue": until},
        {"fldname": "x", "fldvalue": "9"},
    ]
    assert period_state(load_recipe("sql_ledger").periods["books"], rows, DAY, None) == expected


@pytest.mark.parametrize(
    "value, expected",
    [
        (date(2024, 5, 17), DAY),
        ("2024-05-17 00:00:00.000", DAY),
        ("20240517", DAY),
        ("0000-00-00", None),
        ("", None),
        (None, None),
    ],
)
def test_the_day_in_a_date(value: Value, expected: date | None) -> None:
    """Whatever notation the ERP has; what is no day is none."""
    assert day_of(value) == expected
