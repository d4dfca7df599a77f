"""Files for Excel hold what they should, and nothing that acts."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import fastexcel
import pyarrow as pa
import pytest
from pyarrow import parquet

from core.errors import BadInput
from service.spreadsheet import csv_cell, write_csv, write_parquet, write_xlsx

ROWS: list[list[Any]] = [
    ["=1+1", Decimal("12.50"), date(2026, 1, 31), True],
    ["结案", None, None, False],
]


@pytest.mark.parametrize(
    "value, cell",
    [
        ("=cmd|'x'!A1", "'=cmd|'x'!A1"),
        (" +1", "' +1"),
        ("-", "'-"),
        ("@x", "'@x"),
        ("\tx", "'\tx"),
        (Decimal("-5.00"), "-5.00"),
        (Decimal("1E+3"), "1000"),
        (None, ""),
        (True, "true"),
        (date(2026, 1, 31), "2026-01-31"),
    ],
)
def test_csv_cells(value: object, cell: str) -> None:
    """Text never becomes a formula; a negative number stays a number."""
    assert cell == csv_cell(value)


def test_csv_is_utf8_with_bom(tmp_path: Path) -> None:
    """Excel takes it for UTF-8, with Chinese in it."""
    path = tmp_path / "a.csv"

    assert write_csv(path, ["单号", "b", "c", "d"], ROWS) == 2
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    assert path.read_text(encoding="utf-8-sig").splitlines()[1] == "'=1+1,12.50,2026-01-31,true"


def test_xlsx_holds_text_numbers_and_dates(tmp_path: Path) -> None:
    """Formulas are text, numbers are numbers, dates are dates."""
    path = tmp_path / "a.xlsx"
    write_xlsx(path, ["A", "B", "C", "D"], ROWS)
    sheet = fastexcel.read_excel(path).load_sheet(0)
    columns = sheet.to_arrow().to_pydict()

    assert columns["A"] == ["=1+1", "结案"]
    assert columns["B"] == [12.5, None]
    assert columns["C"][0].date() == date(2026, 1, 31)


def test_xlsx_keeps_long_numbers_as_text(tmp_path: Path) -> None:
    """Excel has fifteen digits; what has more would be rounded without a word."""
    path = tmp_path / "a.xlsx"
    write_xlsx(path, ["A"], [[Decimal("1234567890123456.78")]])
    found = fastexcel.read_excel(path).load_sheet(0).to_arrow().to_pydict()

    assert found["A"] == ["1234567890123456.78"]


def test_xlsx_shows_moments_in_the_zone_of_the_reader(tmp_path: Path) -> None:
    """Excel knows no zones, so the wall clock of the reader stands there."""
    path = tmp_path / "a.xlsx"
    moment = datetime(2026, 1, 31, 23, 30, tzinfo=UTC)
    write_xlsx(path, ["A"], [[moment]], zone=ZoneInfo("Asia/Shanghai"))
    found = fastexcel.read_excel(path).load_sheet(0).to_arrow().to_pydict()

    assert found["A"][0].replace(tzinfo=None) == datetime(2026, 2, 1, 7, 30)  # noqa: DTZ001


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    """What was there before survives a failure, and nothing unfinished is left."""
    path = tmp_path / "a.csv"
    path.write_text("before", encoding="utf-8")

    def rows() -> object:
        yield ["x"]
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_csv(path, ["A"], rows())  # type: ignore[arg-type]
    assert path.read_text(encoding="utf-8") == "before"
    assert [file.name for file in tmp_path.iterdir()] == ["a.csv"]


def test_a_folder_that_does_not_exist_is_bad_input(tmp_path: Path) -> None:
    """The message names the file."""
    with pytest.raises(BadInput, match=r"none.a\.csv"):
        write_csv(tmp_path / "none" / "a.csv", ["A"], [])


def test_parquet_keeps_the_types(tmp_path: Path) -> None:
    """Decimals stay decimals."""
    path = tmp_path / "a.parquet"
    batch = pa.record_batch({"a": pa.array([Decimal("1.50")], pa.decimal128(38, 6))})

    assert write_parquet(path, iter([batch])) == 1
    assert parquet.read_table(path).to_pydict() == {"a": [Decimal("1.500000")]}
