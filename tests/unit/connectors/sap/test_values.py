"""Values of ABAP: what the type carries, what only the text carries, and what does not fit."""

from __future__ import annotations

from datetime import date, time
from decimal import Decimal

import pytest

from connectors.sap.names import abap_name, mixed_case
from connectors.sap.values import Scalar, Sort, typed, written
from core.encoding import Value
from core.errors import BadInput

NUMBER = Scalar(Sort.DECIMAL, digits=13, places=3)


@pytest.mark.parametrize(
    "sort, text, value, raw",
    [
        (Sort.TEXT, "", "", None),
        (Sort.TEXT, " x ", " x ", None),
        (Sort.NUMERIC, "00010", "00010", None),
        (Sort.DATE, "2026-11-22", date(2026, 11, 22), None),
        (Sort.DATE, "0000-00-00", None, "0000-00-00"),
        (Sort.DATE, "", None, None),
        (Sort.DATE, "2026-13-01", "2026-13-01", "2026-13-01"),
        (Sort.TIME, "08:05:00", time(8, 5), None),
        (Sort.TIME, "24:00:00", "24:00:00", "24:00:00"),
        (Sort.DECIMAL, "1.500", Decimal("1.500"), None),
        (Sort.DECIMAL, "1.50-", "1.50-", "1.50-"),
        (Sort.DECIMAL, " 1.5", Decimal("1.5"), " 1.5"),
        (Sort.DECIMAL, "1E+999999", "1E+999999", "1E+999999"),
        (Sort.DECIMAL, "NaN", "NaN", "NaN"),
        (Sort.INTEGER, "-7", -7, None),
        (Sort.INTEGER, "007", 7, "007"),
        (Sort.INTEGER, "x", "x", "x"),
        (Sort.BYTES, "AAE=", b"\x00\x01", None),
        (Sort.BYTES, "A", "A", "A"),
    ],
)
def test_text_becomes_a_value(sort: Sort, text: str, value: Value, raw: str | None) -> None:
    """A value that alone gives its text back stands alone; else the text stands beside it, never nothing."""
    found, kept = typed(Scalar(sort), text)
    assert (value, type(value), raw) == (found, type(found), kept)


@pytest.mark.parametrize(
    "scalar, value, text",
    [
        (Scalar(), None, ""),
        (Scalar(), True, "X"),
        (Scalar(), False, ""),
        (Scalar(Sort.DATE), None, "0000-00-00"),
        (Scalar(Sort.DATE), date(2026, 1, 2), "2026-01-02"),
        (Scalar(Sort.TIME), time(8, 5), "08:05:00"),
        (NUMBER, Decimal("1E+2"), "100"),
        (NUMBER, Decimal("9999999999.999"), "9999999999.999"),
        (NUMBER, Decimal(0), "0"),
    ],
)
def test_value_becomes_text(scalar: Scalar, value: Value, text: str) -> None:
    """What is sent is what ABAP reads."""
    assert text == written(scalar, value, name="F")


@pytest.mark.parametrize(
    "scalar, value",
    [
        (Scalar(longest=10), "45000000012"),
        (Scalar(Sort.NUMERIC, pattern=r"\d*"), "10a"),
        (NUMBER, Decimal(10000000000)),
        (NUMBER, Decimal("0.0001")),
        (NUMBER, "many"),
        (Scalar(Sort.BYTES, longest=1), b"\x00\x01"),
    ],
)
def test_what_does_not_fit_is_not_sent(scalar: Scalar, value: Value) -> None:
    """SAP cuts what is too long without a word, and zeep sends it: it is refused here, and the field is named."""
    with pytest.raises(BadInput, match="F"):
        written(scalar, value, name="F")


@pytest.mark.parametrize(
    "abap, mixed",
    [
        ("BAPI_PO_CHANGE", "BapiPoChange"),
        ("POITEM", "Poitem"),
        ("MESSAGE_V1", "MessageV1"),
        ("BAPI_PO_GETDETAIL1", "BapiPoGetdetail1"),
        ("/CWM/X", "_-cwm_-x"),
    ],
)
def test_both_styles_name_the_same(abap: str, mixed: str) -> None:
    """A name of the mixed style leads back to ABAP's."""
    assert (mixed, abap, abap) == (mixed_case(abap), abap_name(mixed), abap_name(abap))
