"""Lists of document numbers that a person gives in a file: Excel, CSV, or one a line.

No line is skipped in silence: what cannot be read as a number stops the whole list, naming file and line. Numbers
are text; leading zeros stay.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import structlog

from core.errors import BadInput, PackageMissing
from core.events import Event
from core.text import N_

if TYPE_CHECKING:
    import fastexcel

log = structlog.get_logger(__name__)


def _words(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


LARGEST_FILE_BYTES: Final = 50_000_000
LONGEST_NUMBER: Final = 200
HEADERS: Final = _words(
    """number numbers no no. nr nr. document documents order orders reference docnum
    单号 单据号 单据编号 单据编码 编号 订单号 订单编号 采购订单号 销售订单号 發票號碼 发票号 发票号码
    單號 單據號 單據號碼 單據編號 編號 訂單號 訂單號碼 訂單編號 採購單號 銷貨單號 belegnummer nummer"""
)
"""Names of the column with the numbers, small letters; any other name needs a list of one column."""

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
EXCEL_DIGITS: Final = 15
EXCEL_ERROR: Final = "#ERROR!"

_EXCEL_ERRORS: Final = _words(
    "#ERROR! #N/A #REF! #VALUE! #NAME? #DIV/0! #NULL! #NUM! #SPILL! #CALC! #GETTING_DATA"
)
_DAMAGED: Final = re.compile(
    r"\d(?:\.\d+)?[eE]\+\d+"
)  # what Excel makes of a long number: 4.50002E+11

_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")  # what Excel makes of 3-12

Rows = list[tuple[int, list[str]]]
"""Line in the file (from 1) and its cells."""


def read_numbers(path: Path) -> list[str]:
    """Return the numbers of the list at `path`, in its order, repetitions kept.

    `.xlsx` and `.xls` (first sheet), `.csv` (UTF-8, or GBK as Excel writes it in China), anything else one a
    line. Raises `BadInput` naming file and line.
    """
    kind = path.suffix.lower()
    if kind in {".xlsx", ".xlsm", ".xls", ".xlsb", ".ods"}:
        numbers = _pick(_excel_rows(path), path)
    elif kind == ".csv":
        numbers = _pick(_csv_rows(path), path)
    else:
        numbers = _lines(path)
    if not numbers:
        raise BadInput(N_("{source}: the list holds no numbers."), source=path.name)
    return numbers


def _lines(path: Path) -> list[str]:
    numbers = []
    for line, written in enumerate(_text(path).splitlines(), start=1):
        if written.strip():
            numbers.append(_number(written, path, line))
    return numbers


def _csv_rows(path: Path) -> Rows:
    written = _text(path)
    first = written.partition("\n")[0]
    delimiter = max(";\t,", key=first.count) if any(sign in first for sign in ";\t,") else ","
    reader = csv.reader(io.StringIO(written, newline=""), delimiter=delimiter, strict=True)
    rows: Rows = []
    try:
        while True:
            line = reader.line_num + 1
            cells = next(reader, None)
            if cells is None:
                return rows
            rows.append((line, cells))
    except csv.Error as error:
        raise BadInput(
            N_("{source}, line {line}: this is not valid CSV: {problem}"),
            source=path.name,
            line=reader.line_num,
            problem=str(error),
        ) from error


def _excel_rows(path: Path) -> Rows:
    try:
        import fastexcel
    except ModuleNotFoundError as error:
        raise PackageMissing(
            package="fastexcel", command="pip install -r requirements/base.txt"
        ) from error
    content = _bytes(path)
    try:
        workbook = fastexcel.read_excel(content)
        # `skip_rows=0` keeps empty rows at the top, so that the line numbers are those of the sheet.
        sheet = workbook.load_sheet(0, header_row=None, skip_rows=0, dtypes="string")
        batch, damaged = sheet.to_arrow_with_errors()
    except fastexcel.FastExcelError as error:
        raise BadInput(
            N_("{source}: this Excel file cannot be read (damaged, encrypted or another format)."),
            source=path.name,
        ) from error
    columns = [column.to_pylist() for column in batch.columns]
    rows = [
        (line, ["" if cell is None else str(cell) for cell in cells])
        for line, cells in enumerate(zip(*columns, strict=True), start=1)
    ]
    for cell in damaged.errors if damaged is not None else ():
        row, column = cell.position
        rows[row][1][column] = EXCEL_ERROR
    if any(_is_long(cell) for _, cells in rows for cell in cells):
        _refuse_rounded(workbook, rows, path)
    return rows


def _refuse_rounded(workbook: fastexcel.ExcelReader, rows: Rows, path: Path) -> None:
    """Refuse a column of numeric cells with more digits than Excel keeps: its last digits are made up."""
    header = next(i for i, (_, cells) in enumerate(rows) if any(cell.strip() for cell in cells))
    typed = workbook.load_sheet(
        0, header_row=None, skip_rows=header + 1, schema_sample_rows=None
    ).to_arrow()
    for index, column in enumerate(typed.schema):
        if str(column.type) not in {"int64", "double"}:
            continue
        for line, cells in rows[header + 1 :]:
            if index < len(cells) and _is_long(cells[index]):
                raise BadInput(
                    N_(
                        "{source}, line {line}: Excel has rounded this number to {name}. Format the column as "
                        "text and paste the numbers again."
                    ),
                    source=path.name,
                    line=line,
                    name=cells[index],
                )


def _is_long(cell: str) -> bool:
    return len(cell) > EXCEL_DIGITS and cell.isdigit()


def _pick(rows: Rows, path: Path) -> list[str]:
    """Take the one column that holds the numbers: the one whose header says so, or the only one."""
    filled = [(line, cells) for line, cells in rows if any(cell.strip() for cell in cells)]
    if not filled:
        return []
    header_line, header = filled[0]
    named = [i for i, cell in enumerate(header) if cell.strip().lower() in HEADERS]
    used = sorted({i for _, cells in filled for i, cell in enumerate(cells) if cell.strip()})
    if len(named) > 1:
        raise BadInput(
            N_("{source}, line {line}: two columns are named as numbers: {names}. Keep one."),
            source=path.name,
            line=header_line,
            names=", ".join(header[i].strip() for i in named),
        )
    if not named and len(used) > 1:
        raise BadInput(
            N_(
                "{source}, line {line}: the list has {count} columns and none is named as the number. "
                "Name it {example}."
            ),
            source=path.name,
            line=header_line,
            count=len(used),
            example="number / 单号",
        )
    column = named[0] if named else used[0]
    numbers = []
    for line, cells in filled[1:] if named else filled:
        cell = cells[column] if column < len(cells) else ""
        if not cell.strip():
            raise BadInput(
                N_("{source}, line {line}: the number is missing."), source=path.name, line=line
            )
        numbers.append(_number(cell, path, line))
    return numbers


def _number(written: str, path: Path, line: int) -> str:
    number = written.strip().strip("\ufeff\u00a0\u3000")
    place = {"source": path.name, "line": line}
    if _CONTROL.search(number):
        raise BadInput(
            N_("{source}, line {line}: a control character stands in the number."), **place
        )
    if number.upper() in _EXCEL_ERRORS:
        raise BadInput(
            N_("{source}, line {line}: the cell holds the error {name} instead of a number."),
            **place,
            name=number,
        )
    if _DAMAGED.fullmatch(number):
        raise BadInput(
            N_(
                "{source}, line {line}: Excel has rounded this number to {name}. Format the column as text and "
                "paste the numbers again."
            ),
            **place,
            name=number,
        )
    if _DATE.fullmatch(number):
        raise BadInput(
            N_(
                "{source}, line {line}: Excel has turned this number into a date. Format the column as text."
            ),
            **place,
        )
    if len(number) > LONGEST_NUMBER:
        raise BadInput(
            N_("{source}, line {line}: this is longer than any number ({limit} characters)."),
            **place,
            limit=LONGEST_NUMBER,
        )
    return number


def _text(path: Path) -> str:
    content = _bytes(path)
    encodings: Sequence[str] = ("utf-8-sig", "gb18030")
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings = ("utf-16",)
    for encoding in encodings:
        try:
            written = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if encoding == "gb18030":
            log.warning(Event.LIST_DECODED, file=path.name, encoding="GBK")
        return written
    line = 1 + next(_first_bad_line(content))
    raise BadInput(
        N_("{source}, line {line}: this is neither UTF-8 nor GBK text."),
        source=path.name,
        line=line,
    )


def _first_bad_line(content: bytes) -> Iterator[int]:
    """Yield the lines (from 0) that are no UTF-8."""
    for number, line in enumerate(content.split(b"\n")):
        try:
            line.decode("utf-8")
        except UnicodeDecodeError:
            yield number
    yield 0


def _bytes(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        content = path.read_bytes() if size <= LARGEST_FILE_BYTES else b""
    except OSError as error:
        raise BadInput(
            N_("{source}: the list cannot be opened: {problem}"),
            source=str(path),
            problem=error.strerror or type(error).__name__,
        ) from error
    if size > LARGEST_FILE_BYTES:
        raise BadInput(
            N_("{source}: the list is larger than {limit} MB."),
            source=path.name,
            limit=LARGEST_FILE_BYTES // 1_000_000,
        )
    return content
