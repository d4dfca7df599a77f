"""Rows of RFC_READ_TABLE: text in columns becomes what a BAPI would have given."""

from __future__ import annotations

from typing import Any, Final

import pytest

from connectors.sap.envelopes import Reply
from connectors.sap.tables import one_of, rows_of
from connectors.sap.values import Scalar, Sort
from core.errors import BadAnswer

COLUMNS: Final = {
    "BELNR": Scalar(),
    "BUDAT": Scalar(Sort.DATE),
    "WRBTR": Scalar(Sort.DECIMAL),
    "SGTXT": Scalar(),
}


def reply(*lines: str, **lacking: str) -> Reply:
    places = {"BELNR": (0, 4), "BUDAT": (4, 8), "WRBTR": (12, 8), "SGTXT": (20, 10)}
    fields: list[dict[str, str]] = [
        {"FIELDNAME": name, "OFFSET": f"{start:06d}", "LENGTH": lacking.get(name, f"{size:06d}")}
        for name, (start, size) in places.items()
    ]
    found: dict[str, Any] = {"FIELDS": fields, "DATA": [{"WA": line} for line in lines]}
    return Reply(None, found)  # type: ignore[arg-type]


def test_columns_are_cut_where_sap_says() -> None:
    """A delimiter inside a text, blanks in front of it and a sign behind a number are all what they are."""
    assert [
        {"BELNR": "0001", "BUDAT": "2026-11-02", "WRBTR": "-10.50", "SGTXT": " a|b"},
        {"BELNR": "2", "BUDAT": "0000-00-00", "WRBTR": "7.00", "SGTXT": ""},
    ] == rows_of("erp", COLUMNS, reply("000120261102  10.50- a|b", "2   00000000    7.00"))


@pytest.mark.parametrize("length", ["", "x", "-1"])
def test_columns_without_a_place_are_no_answer(length: str) -> None:
    """Cut at the wrong place every value would be another one."""
    with pytest.raises(BadAnswer, match="SGTXT"):
        rows_of("erp", COLUMNS, reply("0001", SGTXT=length))


def test_a_condition_fits_its_line() -> None:
    """RFC_READ_TABLE takes lines of 72 characters."""
    keys = [("1000", "0100000001", "2026")] * 3
    found = one_of(("BUKRS", "BELNR", "GJAHR"), keys)

    assert "( BUKRS = '1000' AND BELNR = '0100000001' AND GJAHR = '2026' )" == found[0]
    assert [False, True, True] == [line.startswith("OR ") for line in found]
    assert max(map(len, found)) <= 72
