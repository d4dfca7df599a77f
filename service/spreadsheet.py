"""Files that people open in Excel, and Parquet. Text of an ERP never becomes a formula; a file appears whole or not."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import date, datetime, tzinfo
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from core.errors import BadInput, PackageMissing
from core.text import N_

if TYPE_CHECKING:
    import pyarrow as pa

FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")
EXCEL_DIGITS: Final = 15
LONGEST_CELL: Final = 32_767
MOST_ROWS: Final = 1_048_575
WIDEST_COLUMN: Final = 60

Rows = Iterable[Sequence[Any]]


def write_csv(path: Path, headings: Sequence[str], rows: Rows) -> int:
    """Write CSV, UTF-8 with BOM so that Excel reads it; return the number of rows."""
    count = 0
    with _whole(path) as unfinished, unfinished.open("w", encoding="utf-8-sig", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(headings)
        for row in rows:
            count += 1
            writer.writerow([csv_cell(value) for value in row])
    return count


def csv_cell(value: Any) -> str:
    """Return a cell that no spreadsheet takes for a formula: text that begins like one gets an apostrophe."""
    if value is None:
        return ""
    written = plain(value)
    if isinstance(value, str) and written.lstrip(" ").startswith(FORMULA_STARTS):
        return "'" + written
    return written


def plain(value: Any) -> str:
    """Return a value as files have it: decimals in plain notation, days and moments in ISO."""
    match value:
        case bool():
            return "true" if value else "false"
        case Decimal():
            return format(value, "f")
        case datetime() | date():
            return value.isoformat()
        case Enum():
            return str(value.value)
        case _:
            return str(value)


def write_xlsx(
    path: Path, headings: Sequence[str], rows: Rows, *, zone: tzinfo | None = None
) -> int:
    """Write an Excel sheet in constant memory; return the number of rows.

    Numbers are numbers where Excel's fifteen digits hold them exactly, else text; moments are shown in
    `zone`, because Excel knows no time zones.
    """
    try:
        import xlsxwriter
    except ModuleNotFoundError as error:
        raise PackageMissing(
            package="xlsxwriter", command="pip install -r requirements/base.txt"
        ) from error
    count = 0
    with _whole(path) as unfinished:
        book = xlsxwriter.Workbook(
            str(unfinished),
            {
                "constant_memory": True,
                "strings_to_formulas": False,
                "strings_to_numbers": False,
                "strings_to_urls": False,
            },
        )
        try:
            heading = book.add_format({"bold": True, "bottom": 1})
            formats = {
                date: book.add_format({"num_format": "yyyy-mm-dd"}),
                datetime: book.add_format({"num_format": "yyyy-mm-dd hh:mm"}),
            }
            sheet = book.add_worksheet()
            sheet.freeze_panes(1, 0)
            for column, title in enumerate(headings):
                sheet.set_column(column, column, min(max(12, len(title) * 2), WIDEST_COLUMN))
                sheet.write_string(0, column, title, heading)
            for count, row in enumerate(rows, start=1):
                if count > MOST_ROWS:
                    raise BadInput(
                        N_("{source}: Excel has no room for more than {limit} rows."),
                        source=path.name,
                        limit=MOST_ROWS,
                    )
                for column, value in enumerate(row):
                    _write_cell(sheet, count, column, value, formats, zone)
            if count:
                sheet.autofilter(0, 0, count, max(len(headings) - 1, 0))
        finally:
            # Even an unfinished book must let go of its file.
            book.close()
    return count


def _write_cell(
    sheet: Any, row: int, column: int, value: Any, formats: Mapping[Any, Any], zone: tzinfo | None
) -> None:
    if value is None or value == "":
        return
    match value:
        case bool():
            sheet.write_boolean(row, column, value)
        case datetime():
            local = value.astimezone(zone).replace(tzinfo=None) if value.tzinfo else value
            sheet.write_datetime(row, column, local, formats[datetime])
        case date():
            sheet.write_datetime(row, column, value, formats[date])
        case int() | Decimal() if _is_exact_in_excel(Decimal(value)):
            sheet.write_number(row, column, float(value))
        case _:
            sheet.write_string(row, column, plain(value)[:LONGEST_CELL])


def _is_exact_in_excel(value: Decimal) -> bool:
    digits = format(value, "f").lstrip("-0.").replace(".", "").rstrip("0")
    return len(digits) <= EXCEL_DIGITS


def write_parquet(path: Path, batches: Iterable[pa.RecordBatch]) -> int:
    """Write Parquet with the types as they are; return the number of rows."""
    from pyarrow import parquet

    count = 0
    with _whole(path) as unfinished:
        writer: Any = None
        try:
            for batch in batches:
                if writer is None:
                    writer = parquet.ParquetWriter(str(unfinished), batch.schema)
                writer.write_batch(batch)
                count += batch.num_rows
        finally:
            if writer is not None:
                writer.close()
    return count


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """Hand out a file beside `path` that takes its place when the block ends well. Raises `BadInput`."""
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        yield unfinished
        unfinished.replace(path)
    except OSError as error:
        raise BadInput(
            N_("{source}: the file cannot be written: {problem}"),
            source=str(path),
            problem=error.strerror or str(error),
        ) from error
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
