"""Values of OData read as the text that BAPIs have, and nothing is guessed."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.sap.odata_edmx import Property
from connectors.sap.odata_values import json_of, literal, text_of
from connectors.sap.values import Scalar, Sort
from core.errors import BadInput, ContractBroken

SORTS = {
    "Edm.Boolean": Sort.TEXT, "Edm.String": Sort.TEXT, "Edm.DateTime": Sort.DATE, "Edm.Date": Sort.DATE,
    "Edm.DateTimeOffset": Sort.MOMENT, "Edm.Time": Sort.TIME, "Edm.TimeOfDay": Sort.TIME,
    "Edm.Decimal": Sort.DECIMAL, "Edm.Int32": Sort.INTEGER, "Edm.Double": Sort.FLOAT,
}  # fmt: skip


def prop(edm: str, **limits: Any) -> Property:
    return Property("P", edm, Scalar(SORTS[edm], **limits), is_updatable=True)


@pytest.mark.parametrize(
    "edm, value, text",
    [
        ("Edm.Boolean", True, "X"),
        ("Edm.Boolean", False, ""),
        ("Edm.Boolean", None, ""),
        ("Edm.String", "螺丝 '𠮷", "螺丝 '𠮷"),
        ("Edm.String", None, ""),
        ("Edm.DateTime", "/Date(1709164800000)/", "2024-02-29"),
        ("Edm.DateTime", "/Date(-2208988800000)/", "1900-01-01"),
        ("Edm.DateTime", "/Date(1709164801000)/", "2024-02-29T00:00:01"),
        ("Edm.DateTimeOffset", "/Date(1709164801000+0480)/", "2024-02-29T00:00:01Z"),
        ("Edm.DateTimeOffset", "2024-02-29T08:00:01+08:00", "2024-02-29T00:00:01Z"),
        ("Edm.Date", "2024-02-29", "2024-02-29"),
        ("Edm.Time", "PT13H05M09S", "13:05:09"),
        ("Edm.Time", "PT0S", "00:00:00"),
        ("Edm.TimeOfDay", "13:05:09", "13:05:09"),
        ("Edm.Decimal", "10.000", "10.000"),
        ("Edm.Decimal", Decimal("10.50"), "10.50"),
        ("Edm.Decimal", 10, "10"),
        ("Edm.Int32", 7, "7"),
    ],
)
def test_a_value_is_the_text_of_its_field(edm: str, value: Any, text: str) -> None:
    """A flag is ABAP's, a day has ISO's notation, a number its own digits."""
    assert text == text_of(prop(edm), value)


@pytest.mark.parametrize(
    "edm, value",
    [
        ("Edm.Boolean", "true"),
        ("Edm.Boolean", 1),
        ("Edm.String", True),
        ("Edm.String", 5),
        ("Edm.String", ["x"]),
        ("Edm.String", {"x": 1}),
        ("Edm.Decimal", True),
        ("Edm.Int32", Decimal("1.5")),
        ("Edm.DateTime", "/Date(99999999999999999)/"),
        ("Edm.DateTime", "/Date(12"),
        ("Edm.DateTimeOffset", "2024-02-29T08:00:01"),
        ("Edm.DateTimeOffset", "0001-01-01T00:00:00+14:00"),
        ("Edm.Time", "PT"),
        ("Edm.Time", "13:05"),
    ],
)
def test_what_a_type_does_not_foresee_is_refused(edm: str, value: Any) -> None:
    """No value of another type is made to fit."""
    with pytest.raises(ValueError, match=r".*"):
        text_of(prop(edm), value)


def test_what_is_sent_has_its_type_and_its_limits() -> None:
    """A flag is a Boolean again, and a text that is too long never goes out."""
    flag, reason = prop("Edm.Boolean", longest=1), prop("Edm.String", longest=2)
    assert [True, False, "10", ""] == [
        json_of(flag, "X"), json_of(flag, ""), json_of(reason, "10"), json_of(reason, ""),
    ]  # fmt: skip
    with pytest.raises(BadInput):
        json_of(reason, "100")
    with pytest.raises(ContractBroken):
        json_of(prop("Edm.Decimal"), "1")


@given(st.text())
def test_a_literal_ends_where_it_ends(text: str) -> None:
    """No text can leave its quotes."""
    written = literal(text)
    assert text == written[1:-1].replace("''", "'")
    assert "'" not in written[1:-1].replace("''", "")
