"""Rows that were read keep what belongs together, however they are handed out."""

from __future__ import annotations

from connectors.contract import Record, Ref
from connectors.odbc.pages import NO_PAGE, Page, Row, together


def page() -> Page:
    return Page(
        ["1", "2"],
        {"ID": [1, 2], "due": ["2026-01-01", "2024-00-00"], "note": [None, ""]},
        ("due", "note"),
        {1: {"due": "2024-00-00", "ID": "2"}},
        ["a", "b"],
    )


def test_rows() -> None:
    """What was asked for, and the raw texts of that alone."""
    assert page().rows() == [
        Row("1", {"due": "2026-01-01", "note": None}, {}),
        Row("2", {"due": "2024-00-00", "note": ""}, {"due": "2024-00-00"}),
    ]


def test_the_same_records_again() -> None:
    """Who asks twice gets the very same records; with other columns, others."""
    read = page()

    first = read.records("t", ("note",))

    assert first == [Record(Ref("t", "1"), {"note": None}), Record(Ref("t", "2"), {"note": ""})]
    assert all(one is two for one, two in zip(first, read.records("t", ("note",)), strict=True))
    assert read.records("t", ("due",))[1].raw == {"due": "2024-00-00"}


def test_records_of_ones_own() -> None:
    """Fields that are added to them are in nobody else's."""
    read = page()
    (one, _), (other, _) = read.own_records("t", ("note",)), read.own_records("t", ("note",))

    one.fields["@period"] = "open"  # type: ignore[index]

    assert other.fields == {"note": None}


def test_some_of_them() -> None:
    """Raw texts and marks stay with their rows."""
    found = page().some([1])

    assert found.rows() == page().rows()[1:]
    assert found.marks == ["b"]


def test_together() -> None:
    """Pages follow each other, raw texts with them; one without rows adds nothing."""
    found = together([page(), NO_PAGE, page()])

    assert found.rows() == [*page().rows(), *page().rows()]
    assert found.marks == ["a", "b", "a", "b"]
    assert together([]).rows() == together([NO_PAGE]).rows() == []
