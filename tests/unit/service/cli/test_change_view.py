"""Fields of an ERP for a person: what differs is seen to differ."""

from __future__ import annotations

import argparse
import io
import sys
from decimal import Decimal
from typing import Any

import pytest

from service.cli.change_view import show_fields, value_texts
from service.cli.output import Output
from service.cli.session import Session
from service.text import Language


@pytest.fixture
def session() -> Session:
    return Session(argparse.Namespace(), Output(Language()))


@pytest.mark.parametrize(
    "values, shown",
    [
        (["Y", "Y "], ['"Y"', '"Y "']),
        (["N", "Y ", "Y"], ['"N"', '"Y "', '"Y"']),
        (["   ", None], ['"   "', "-"]),
        (["-", None], ['"-"', "-"]),
        (["7", 7], ['"7"', "7"]),
        (["", " "], ['""', '" "']),
        # A padded column that differs in what everybody sees needs no signs around it.
        (["N ", "Y "], ["N ", "Y "]),
        (["Y ", "Y ", "N "], ["Y ", "Y ", "N "]),
        ([Decimal("1.50"), None], ["1.50", "-"]),
    ],
)
def test_blanks_are_seen_where_they_matter(
    session: Session, values: list[Any], shown: list[str]
) -> None:
    """Texts that only blanks or their type tell apart stand in quotes."""
    assert shown == value_texts(session, values)


def test_a_conflict_of_one_blank(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """The table of conflicts shows which of the values has the blank, and who wrote it."""
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="")
    monkeypatch.setattr(sys, "stdout", out)
    row = {"model": "orders", "key": "1", "field": "closed", "changed_by": "mei"}
    values = {"before": "N", "ours": "Y", "now": "Y "}

    show_fields(session, [{**row, **values}], ("before", "ours", "now"))
    out.flush()

    assert ['"N"', '"Y"', '"Y', '"', "mei"] == out.buffer.getvalue().decode().split()[-5:]
