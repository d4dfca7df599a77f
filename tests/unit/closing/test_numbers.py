"""A list of numbers is read whole and exactly, or refused naming the line."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

from closing.plan import read_numbers
from core.errors import BadInput

NUMBERS = ["000123", "PO-7", "采购-0001", "4500001234"]


def excel(path: Path, *rows: tuple[Any, ...]) -> Path:
    """Write a sheet as a person would: text as text, numbers as numbers."""
    book = xlsxwriter.Workbook(path, {"strings_to_formulas": False})
    sheet = book.add_worksheet()
    day = book.add_format({"num_format": "yyyy-mm-dd"})
    for line, cells in enumerate(rows):
        for column, cell in enumerate(cells):
            if isinstance(cell, datetime):
                sheet.write_datetime(line, column, cell, day)
            elif isinstance(cell, str) and cell.startswith("=formula "):
                sheet.write_formula(line, column, "=1/0", None, cell.removeprefix("=formula "))
            elif cell is not None:
                sheet.write(line, column, cell)
    book.close()
    return path


def refusal(path: Path) -> str:
    """Return the message with which a list is refused."""
    with pytest.raises(BadInput) as refused:
        read_numbers(path)
    return str(refused.value)


def written(tmp_path: Path, name: str, content: str | bytes) -> Path:
    """Write a list."""
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return path


@pytest.mark.parametrize("header", ["number", "单号", "單據號碼", "Belegnummer", "Number"])
def test_the_column_with_the_numbers_is_found_by_its_name(tmp_path: Path, header: str) -> None:
    """Other columns do not matter, and leading zeros stay."""
    rows = [("note", header), *(("x", number) for number in NUMBERS)]
    csv = "\n".join(",".join(row) for row in rows)

    assert read_numbers(excel(tmp_path / "list.xlsx", *rows)) == NUMBERS
    assert read_numbers(written(tmp_path, "list.csv", csv)) == NUMBERS


def test_one_column_needs_no_name(tmp_path: Path) -> None:
    """A list of one column is read from its first line, wherever it stands in the sheet."""
    rows = [(None, None), *((None, number) for number in NUMBERS)]

    assert read_numbers(excel(tmp_path / "list.xlsx", *rows)) == NUMBERS
    assert read_numbers(written(tmp_path, "list.csv", "\r\n".join(NUMBERS))) == NUMBERS
    assert read_numbers(written(tmp_path, "list.txt", "\n\n".join(NUMBERS) + "\n")) == NUMBERS


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "utf-16"])
def test_lists_of_excel_in_china_are_read(tmp_path: Path, encoding: str) -> None:
    """UTF-8 with or without BOM, GBK and UTF-16 give the same numbers."""
    content = "\n".join(["单号", "备注-采购单-1", *NUMBERS]).encode(encoding)

    assert ["备注-采购单-1", *NUMBERS] == read_numbers(written(tmp_path, "list.csv", content))


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv_of_any_country_is_read(tmp_path: Path, delimiter: str) -> None:
    """Comma, semicolon and tab separate; quotes hold what they hold."""
    content = (
        f'number{delimiter}note\n"1{delimiter}2"{delimiter}x\n3{delimiter}"a\nb"\n4{delimiter}\n'
    )

    expected = [f"1{delimiter}2", "3", "4"]
    if delimiter == "\t":
        assert "line 2" in refusal(written(tmp_path, "list.csv", content))
    else:
        assert expected == read_numbers(written(tmp_path, "list.csv", content))


def test_whole_numbers_of_excel_are_text(tmp_path: Path) -> None:
    """A numeric cell is its digits, without a point."""
    assert read_numbers(excel(tmp_path / "list.xlsx", ("number",), (123,), (4500001234,))) == [
        "123",
        "4500001234",
    ]


@given(numbers=st.lists(st.from_regex(r"[A-Z0-9/._-]{1,12}", fullmatch=True), min_size=1))
def test_no_line_is_lost(tmp_path_factory: pytest.TempPathFactory, numbers: list[str]) -> None:
    """As many numbers come back as lines were given, in their order, or the list is refused."""
    path = written(tmp_path_factory.mktemp("lists"), "list.txt", "\n".join(numbers))

    found: list[str] = []
    problem = ""
    try:
        found = read_numbers(path)
    except BadInput as refused:
        problem = str(refused)

    assert found == numbers or "list.txt, line" in problem


@pytest.mark.parametrize(
    "rows, line",
    [
        ([("number", "note"), ("1", "x"), (None, "y")], 3),
        ([("number", "单号"), ("1", "2")], 1),
        ([("a", "b"), ("1", "2")], 1),
        ([("number",), ("1",), ("#N/A",)], 3),
        ([("number",), ("1",), ("=formula #DIV/0!",)], 3),
        ([("number",), (None,), (datetime(2026, 3, 12),)], 3),  # noqa: DTZ001 - a cell has no zone
        ([("number",), (4500021234567890123,)], 2),
        ([("number",), ("4.50002E+11",)], 2),
        ([("number",), ("PO\x071",)], 2),
        ([("number",), ("x" * 201,)], 2),
    ],
)
def test_a_broken_sheet_names_the_line(
    tmp_path: Path, rows: list[tuple[Any, ...]], line: int
) -> None:
    """Missing, doubtful and damaged cells stop the list; the line is the one that Excel shows."""
    assert f"list.xlsx, line {line}:" in refusal(excel(tmp_path / "list.xlsx", *rows))


@pytest.mark.parametrize(
    "name, content, said",
    [
        ("list.txt", b"", "holds no numbers"),
        ("list.csv", b"number\n", "holds no numbers"),
        ("list.txt", b"PO1\nPO\x002\n", "line 2"),
        ("list.txt", b"PO1\nPO\xff\xff2\n", "line 2"),
        ("list.csv", b'number\n"PO1\n', "line"),
        ("list.xlsx", b"PK no zip", "cannot be read"),
        ("list.xlsx", b"", "cannot be read"),
    ],
)
def test_a_broken_file_is_refused(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    """An empty, cut or foreign file is bad input that names it."""
    found = refusal(written(tmp_path, name, content))

    assert name in found
    assert said in found


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    """No file, and a folder instead of one, are told with what the system says."""
    assert "none.xlsx" in refusal(tmp_path / "none.xlsx")
    assert "cannot be opened" in refusal(tmp_path)
