"""Files for people: exact amounts, no formulas, widths for Chinese, whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import fastexcel
import pytest
from hypothesis import given
from hypothesis import strategies as st

from closing.report import PlanRow
from closing.sheets import COLUMNS, csv_cell, display_width, write_csv, write_xlsx
from connectors.contract import Executor, Reversibility
from core.errors import BadInput
from core.text import Text

ROW = PlanRow(
    number="000123",
    key="7",
    is_ready=True,
    route="rest",
    action="purchase_order.close",
    executor=Executor.INTERFACE,
    reversibility=Reversibility.EXACT,
    reference="REF-1",
    partner='=HYPERLINK("x")',
    date=date(2026, 1, 2),
    state="processing",
    ordered=Decimal("12.5"),
    received=Decimal(5),
    invoiced=Decimal(0),
    remainder_quantity=Decimal("7.5"),
    remainder_amount=Decimal("12345678901234567.89"),
    currency="EUR",
    codes=("a", "b"),
    reasons=(Text("first {n}", {"n": 1}), Text("second")),
    closed_by=None,
)


def test_excel_keeps_numbers_numbers_and_text_text(tmp_path: Path) -> None:
    """Amounts that a double holds are numbers; longer ones, numbers with zeros and formulas are text."""
    path = tmp_path / "plan.xlsx"

    assert write_xlsx([ROW], path) == 1

    sheet = fastexcel.read_excel(path).load_sheet(0)
    types = {field.name: str(field.type) for field in sheet.to_arrow().schema}
    (row,) = sheet.to_arrow().to_pylist()
    assert (row["Number"], types["Number"]) == ("000123", "string")
    assert (row["Ordered"], types["Ordered"]) == (12.5, "double")
    assert row["Amount given up"] == "12345678901234567.89"
    assert row["Partner"] == '=HYPERLINK("x")'
    assert row["Reasons"] == "first 1; second"
    assert row["Date"].date() == date(2026, 1, 2)


def test_csv_opens_in_excel_and_starts_no_formula(tmp_path: Path) -> None:
    """UTF-8 with BOM, and text that begins like a formula gets an apostrophe."""
    path = tmp_path / "plan.csv"

    assert write_csv([ROW], path, translate=lambda text: {"Number": "单号"}.get(text, text)) == 1

    content = path.read_bytes()
    assert content.startswith(b"\xef\xbb\xbf")
    written = content.decode("utf-8-sig")
    assert written.startswith("单号,Key,")
    assert "'=HYPERLINK" in written
    assert ",12345678901234567.89," in written


@given(st.text(min_size=1, max_size=20))
def test_no_text_of_an_erp_is_a_formula(text: str) -> None:
    """Whatever an ERP holds, no cell begins as a formula does, and nothing else is changed."""
    cell = csv_cell(text)

    assert not cell.lstrip().startswith(("=", "+", "-", "@"))
    assert text == (cell if cell == text else cell[1:])


def test_a_negative_amount_is_no_formula() -> None:
    """Numbers of ours may begin with a minus."""
    assert csv_cell(Decimal("-1.50")) == "-1.50"


def test_a_chinese_character_is_two_columns_wide() -> None:
    """Widths count what a reader sees."""
    assert display_width("PO单号e\u0301") == 2 + 4 + 1


@pytest.mark.parametrize("write", [write_csv, write_xlsx])
def test_a_file_appears_whole_or_not_at_all(tmp_path: Path, write: object) -> None:
    """A failure in the middle leaves the earlier file and no rest."""
    path = tmp_path / "plan.out"
    path.write_text("earlier", encoding="utf-8")

    def rows() -> Iterator[PlanRow]:
        yield ROW
        raise BadInput(source="x", problem="broken")

    with pytest.raises(BadInput):
        write(rows(), path)  # type: ignore[operator]
    assert [found.name for found in tmp_path.iterdir()] == ["plan.out"]
    assert path.read_text(encoding="utf-8") == "earlier"


@pytest.mark.parametrize("write", [write_csv, write_xlsx])
def test_a_folder_that_is_not_there_is_told(tmp_path: Path, write: object) -> None:
    """A path that cannot be written is bad input, named."""
    with pytest.raises(BadInput, match="plan"):
        write([ROW], tmp_path / "none" / "plan.out")  # type: ignore[operator]


def test_every_column_of_the_file_is_a_field_of_a_row() -> None:
    """A renamed field breaks here, not at a customer's."""
    row = replace(ROW, number=None)

    assert all(hasattr(row, name) for name, _, _ in COLUMNS)
