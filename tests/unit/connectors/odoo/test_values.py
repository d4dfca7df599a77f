"""What Odoo's False means, and that numbers, moments and bytes keep what they are."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.odoo.values import field_value, number, to_wire, write_value
from core.errors import ContractBroken


@pytest.mark.parametrize(
    "kind, value, kept",
    [
        ("boolean", False, False),
        ("boolean", True, True),
        ("char", False, None),
        ("char", "", ""),
        ("text", "a", "a"),
        ("html", "<p>x</p>", "<p>x</p>"),
        ("selection", False, None),
        ("selection", "draft", "draft"),
        ("integer", 0, 0),
        ("integer", False, 0),
        ("float", 0, Decimal(0)),
        ("float", Decimal("5.0"), Decimal(5)),
        ("monetary", Decimal("178.25"), Decimal("178.25")),
        ("many2one", False, None),
        ("many2one", 7, 7),
        ("many2one", [7, "Azure"], 7),
        ("many2one_reference", 0, None),
        ("many2one_reference", 5, 5),
        ("reference", "res.partner,3", "res.partner,3"),
        ("one2many", [3, 1, 2], (1, 2, 3)),
        ("many2many", [], ()),
        ("many2many", False, ()),
        ("date", False, None),
        ("date", "2026-11-22", date(2026, 11, 22)),
        ("datetime", False, None),
        ("datetime", "2026-11-22 02:51:14", datetime(2026, 11, 22, 2, 51, 14, tzinfo=UTC)),
        ("binary", False, None),
        ("binary", "aGVs\nbG8=", b"hello"),
        ("json", {"b": 1, "a": [2]}, '{"a":[2],"b":1}'),
        ("properties", [], "[]"),
    ],
)
def test_values_by_type(kind: str, value: Any, kept: Any) -> None:
    """False is a value of a boolean and nothing for every other type; zero stays zero."""
    found = field_value(value, kind)

    assert (type(kept), kept) == (type(found), found)


@pytest.mark.parametrize(
    "kind, value",
    [("datetime", "soon"), ("date", 7), ("binary", "%%"), ("float", Decimal("1E+999999"))],
)
def test_what_a_field_cannot_hold(kind: str, value: Any) -> None:
    """A value of another type is no value of the field."""
    with pytest.raises((ValueError, TypeError)):
        field_value(value, kind)


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**15), max_value=10**15))
def test_numbers_have_one_form(value: Decimal) -> None:
    """Equal numbers have the same text, so that images of them have the same hash."""
    found = number(value)

    assert value == found
    assert repr(found) == repr(number(Decimal(f"{value:f}")))
    assert "E+" not in str(found)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_double_comes_back_as_itself(value: float) -> None:
    """The Decimal of a double's text is written as the same double."""
    assert value == to_wire(number(Decimal(repr(value))))


def test_wire_form() -> None:
    """Moments are UTC text without a zone, bytes are base64, containers are plain."""
    east = timezone(timedelta(hours=2))
    moment = datetime(2026, 11, 22, 2, 0, tzinfo=east)

    assert to_wire({"at": moment, "on": date(2026, 1, 2), "raw": b"hello", "ids": (2, 1)}) == {
        "at": "2026-11-22 00:00:00",
        "on": "2026-01-02",
        "raw": "aGVsbG8=",
        "ids": [2, 1],
    }


def test_no_number_without_a_value() -> None:
    """NaN is never sent."""
    with pytest.raises(ContractBroken):
        to_wire(Decimal("NaN"))


@pytest.mark.parametrize(
    "kind, value, written",
    [
        ("many2one", None, False),
        ("char", None, False),
        ("boolean", False, False),
        ("many2many", (1, 2), [[6, 0, [1, 2]]]),
        ("many2many", (), [[6, 0, []]]),
        ("float", Decimal("77.5"), 77.5),
        ("date", date(2026, 1, 2), "2026-01-02"),
    ],
)
def test_written_form(kind: str, value: Any, written: Any) -> None:
    """Nothing is written as False; a relation to many is replaced whole."""
    assert written == write_value(value, kind)
