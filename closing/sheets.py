"""Plans as files for people: Excel, and CSV that Excel opens rightly. Text of an ERP never becomes a formula."""

from __future__ import annotations

import csv
import unicodedata
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import date
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from closing.report import PlanRow
from core.errors import BadInput, PackageMissing
from core.text import N_, Text

if TYPE_CHECKING:
    import xlsxwriter

Translate = Callable[[str], str]
"""Turns an English template into the reader's language."""

COLUMNS: Final[tuple[tuple[str, str, int], ...]] = (
    ("number", N_("Number"), 18),
    ("key", N_("Key"), 10),
    ("is_ready", N_("Ready"), 8),
    ("route", N_("Route"), 18),
    ("action", N_("Action"), 26),
    ("executor", N_("By"), 12),
    ("reversibility", N_("Reversibility"), 16),
    ("reference", N_("Reference"), 20),
    ("partner", N_("Partner"), 28),
    ("date", N_("Date"), 12),
    ("state", N_("State"), 14),
    ("ordered", N_("Ordered"), 14),
    ("received", N_("Received"), 14),
    ("invoiced", N_("Invoiced"), 14),
    ("remainder_quantity", N_("Remainder given up"), 18),
    ("remainder_amount", N_("Amount given up"), 18),
    ("currency", N_("Currency"), 10),
    ("codes", N_("Exception"), 24),
    ("reasons", N_("Reasons"), 60),
)
"""Field of a row, heading, least width in Latin characters."""

_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")
_EXCEL_DIGITS: Final = 15
_LONGEST_CELL: Final = 32_767


def write_xlsx(rows: Iterable[PlanRow], path: Path, *, translate: Translate = str) -> int:
    """Write the rows as an Excel sheet, in constant memory; return how many.

    Amounts are numbers where Excel keeps them exactly, else text. The file appears whole or not at all.
    """
    try:
        import xlsxwriter
    except ModuleNotFoundError as error:
        raise PackageMissing(
            package="xlsxwriter", command="pip install -r requirements/base.txt"
        ) from error
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        with unfinished.open("wb") as stream:
            book = xlsxwriter.Workbook(
                stream,
                {
                    "constant_memory": True,
                    "strings_to_formulas": False,
                    "strings_to_numbers": False,
                    "strings_to_urls": False,
                },
            )
            try:
                count = _write_sheet(book, rows, translate)
            finally:
                book.close()  # also frees its temporary files when a row could not be read
        unfinished.replace(path)
    except (OSError, xlsxwriter.exceptions.XlsxWriterException) as error:
        raise _cannot_write(path, error) from error
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
    return count


def _write_sheet(book: xlsxwriter.Workbook, rows: Iterable[PlanRow], translate: Translate) -> int:
    heading = book.add_format({"bold": True, "bottom": 1})
    day = book.add_format({"num_format": "yyyy-mm-dd"})
    sheet = book.add_worksheet()
    sheet.freeze_panes(1, 0)
    for column, (_, title, least) in enumerate(COLUMNS):
        shown = translate(title)
        sheet.set_column(column, column, max(least, display_width(shown) + 2))
        sheet.write_string(0, column, shown, heading)
    count = 0
    for row in rows:
        count += 1
        for column, (name, _, _) in enumerate(COLUMNS):
            value = _cell(row, name, translate)
            if value is None or value == "":
                continue
            if isinstance(value, date):
                sheet.write_datetime(count, column, value, day)
            elif isinstance(value, Decimal) and _is_exact_in_excel(value):
                sheet.write_number(count, column, float(value))
            else:
                sheet.write_string(count, column, _plain(value)[:_LONGEST_CELL])
    if count:
        sheet.autofilter(0, 0, count, len(COLUMNS) - 1)
    return count


def write_csv(rows: Iterable[PlanRow], path: Path, *, translate: Translate = str) -> int:
    """Write the rows as CSV, UTF-8 with BOM for Excel; return how many. The file appears whole or not at all."""
    unfinished = path.with_name(f".{path.name}.unfinished")
    count = 0
    try:
        with unfinished.open("w", encoding="utf-8-sig", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow([translate(title) for _, title, _ in COLUMNS])
            for row in rows:
                count += 1
                writer.writerow([csv_cell(_cell(row, name, translate)) for name, _, _ in COLUMNS])
        unfinished.replace(path)
    except OSError as error:
        raise _cannot_write(path, error) from error
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
    return count


def csv_cell(value: Any) -> str:
    """Return a cell that no spreadsheet takes for a formula: text that begins like one gets an apostrophe."""
    if value is None:
        return ""
    written = _plain(value)
    if isinstance(value, str) and written.lstrip().startswith(_FORMULA_STARTS):
        return "'" + written
    return written


def display_width(shown: str) -> int:
    """Return the columns that a text takes: a Chinese character is two wide, a combining mark none."""
    return sum(
        0
        if unicodedata.combining(sign)
        else 2
        if unicodedata.east_asian_width(sign) in {"W", "F"}
        else 1
        for sign in shown
    )


def _cell(row: PlanRow, name: str, translate: Translate) -> Any:
    value = getattr(row, name)
    if name == "reasons":
        return "; ".join(_translated(text, translate) for text in value)
    if name == "codes":
        return ", ".join(value)
    if isinstance(value, bool):
        return translate(N_("yes")) if value else translate(N_("no"))
    return value.value if isinstance(value, Enum) else value


def _translated(text: Text, translate: Translate) -> str:
    return text.translated(translate)


def _plain(value: Any) -> str:
    if isinstance(value, Decimal):
        return format(value, "f")
    return value.isoformat() if isinstance(value, date) else str(value)


def _is_exact_in_excel(value: Decimal) -> bool:
    """Whether Excel's fifteen digits hold the number as it is."""
    if not value.is_finite():
        return False
    return len(format(value, "f").lstrip("-0.").replace(".", "").rstrip("0")) <= _EXCEL_DIGITS


def _cannot_write(path: Path, error: Exception) -> BadInput:
    problem = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return BadInput(
        N_("{source}: the file cannot be written: {problem}"), source=str(path), problem=problem
    )
