"""`storno documents`: what is there, in canonical columns; on the screen or in a file. Reads only."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from core.errors import BadInput, NotFound
from core.text import N_, text
from service.cli.hidden_columns import shown_batches
from service.cli.output import Column, Table
from service.cli.parser import Builder, Parser
from service.cli.progress import Progress
from service.cli.session import Session
from service.problems import Exit
from service.words import heading

if TYPE_CHECKING:
    import pyarrow as pa

    from connectors.contract import Kind, System

SCREEN_ROWS: Final = 100
SHOWN: Final[tuple[str, ...]] = (
    "number", "reference", "partner", "date", "due", "state", "is_closed", "currency", "amount",
    "ordered_quantity", "received_quantity", "invoiced_quantity", "remaining_quantity",
)  # fmt: skip
NEEDED: Final = frozenset(
    {"number", "partner", "state", "is_closed", "amount", "position", "item", "quantity"}
)
SHOWN_LINES: Final[tuple[str, ...]] = (
    "number", "position", "item", "description", "quantity", "unit", "received_quantity",
    "invoiced_quantity", "remaining_quantity", "state",
)  # fmt: skip
NUMERIC: Final = frozenset({"amount", "progress", "unit_price", "position"})
MONEY: Final = frozenset({"amount", "remaining_amount", "unit_price"})
WHOLE: Final = frozenset({"number", "key", "date", "due", "currency"})


def add(name: str, parser: Parser, builder: Builder) -> None:
    """Put the options of the command into `parser`."""
    del name
    say = builder.translate
    parser.add_argument("system", metavar="SYSTEM", help=say(N_("name in storno.yaml")))
    parser.add_argument("kind", metavar="KIND", help=say(N_("such as purchase_order")))
    parser.add_argument(
        "--where",
        metavar="SQL",
        help=say(N_("only documents for which this condition over the columns holds")),
    )
    parser.add_argument(
        "--lines", action="store_true", help=say(N_("the lines of the documents instead"))
    )
    parser.add_argument(
        "--limit",
        type=int,
        metavar="N",
        help=say(N_("at most so many; 0 is all; default: 100 on a terminal, else all")),
    )
    files = parser.add_mutually_exclusive_group()
    files.add_argument(
        "--csv",
        metavar="FILE",
        type=Path,
        help=say(N_("write a CSV file that Excel opens rightly")),
    )
    files.add_argument("--xlsx", metavar="FILE", type=Path, help=say(N_("write an Excel file")))
    files.add_argument("--parquet", metavar="FILE", type=Path, help=say(N_("write a Parquet file")))
    parser.set_defaults(run=documents)
    builder.examples(
        parser,
        "storno documents practice purchase_order",
        "storno documents practice purchase_order --where \"state = 'quotation'\" --xlsx open.xlsx",
    )


def documents(session: Session) -> int:
    """Show documents or their lines, or write them to a file."""
    arguments, output = session.arguments, session.output
    kind = kind_of(arguments.kind)
    if arguments.limit is not None and arguments.limit < 0:
        raise BadInput(source="--limit", problem=text(N_("not a number of rows")))
    system = session.system(arguments.system)
    default = SCREEN_ROWS if output.is_terminal and not output.is_json else 0
    limit = default if arguments.limit is None else arguments.limit
    writer = _file_writer(session)
    with Progress(output, N_("Reading documents")) as progress:
        batches = _counted(_batches(session, system, kind), progress.show)
        if output.redaction:
            batches = shown_batches(output.redaction, system.name, batches)
        if writer is not None:
            path, write = writer
            count = write(path, _limited(batches, arguments.limit or 0))
        elif output.is_json:
            name = "lines" if arguments.lines else "documents"
            output.document({name: _rows(_limited(batches, limit))})
        else:
            rows, has_more = _collect(batches, limit)
    if writer is not None:
        output.say(text(N_("Written: {file} ({count} rows)"), file=str(path), count=count))
        output.document({"file": str(path), "rows": count})
    elif not output.is_json:
        _show(session, rows)
        if has_more:
            output.note(
                text(N_("There are more than {limit}; all of them: --limit 0"), limit=limit)
            )
    return Exit.DONE


def kind_of(written: str) -> Kind:
    """Return the kind of document; dashes and capitals do no harm. Raises `NotFound`."""
    from connectors.contract import Kind

    try:
        return Kind(written.strip().lower().replace("-", "_"))
    except ValueError:
        raise NotFound(
            N_("There is no kind of document {name!r}. Known: {known}"),
            what="kind",
            name=written,
            known=", ".join(kind.value for kind in Kind),
        ) from None


def _batches(session: Session, system: System, kind: Kind) -> Iterator[pa.RecordBatch]:
    from connectors.contract import Criteria

    where, are_lines = session.arguments.where, session.arguments.lines
    if where is None:
        source = system.lines if are_lines else system.documents
        return source(kind, Criteria())
    found = _filtered(session, system, kind, where)
    if not are_lines:
        return found
    return _lines_of(system, kind, found)


def _filtered(session: Session, system: System, kind: Kind, where: str) -> Iterator[pa.RecordBatch]:
    from closing.rules import filter_documents, read_rule
    from connectors.contract import Criteria

    zone = str(session.settings.zone)
    today = session.services.today
    rule = read_rule(where, source="--where", today=today, zone=zone)
    criteria = Criteria(native=rule.native, is_closed=rule.is_closed)

    def lines(native: tuple[str, ...]) -> Iterator[pa.RecordBatch]:
        return system.lines(kind, Criteria(native=native))

    return filter_documents(
        system.documents(kind, criteria), rule, today=today, zone=zone, lines=lines
    )


def _lines_of(
    system: System, kind: Kind, found: Iterator[pa.RecordBatch]
) -> Iterator[pa.RecordBatch]:
    from connectors.contract import Criteria

    for batch in found:
        models, numbers = batch.column("model").to_pylist(), batch.column("key").to_pylist()
        keys = tuple(f"{model},{key}" for model, key in zip(models, numbers, strict=True))
        if keys:
            yield from system.lines(kind, Criteria(keys=keys))


def _counted(
    batches: Iterator[pa.RecordBatch], show: Callable[[int], None]
) -> Iterator[pa.RecordBatch]:
    count = 0
    for batch in batches:
        count += batch.num_rows
        show(count)
        yield batch


def _limited(batches: Iterator[pa.RecordBatch], limit: int) -> Iterator[pa.RecordBatch]:
    """Yield at most `limit` rows; 0 is all. An empty first batch still tells the columns."""
    left = limit
    for batch in batches:
        if limit and batch.num_rows >= left:
            yield batch.slice(0, left)
            return
        yield batch
        left -= batch.num_rows


def _rows(batches: Iterator[pa.RecordBatch]) -> Iterator[dict[str, Any]]:
    for batch in batches:
        for row in batch.to_pylist():
            yield {name: _trimmed(value) for name, value in row.items()}


def _trimmed(value: Any) -> Any:
    """Drop the zeros that a canonical column's fixed scale adds; the value stays exact."""
    if not isinstance(value, Decimal):
        return value
    written = format(value, "f")
    return Decimal(written.rstrip("0").rstrip(".")) if "." in written else value


def _collect(batches: Iterator[pa.RecordBatch], limit: int) -> tuple[list[dict[str, Any]], bool]:
    """Return the rows to show, and whether there are more."""
    rows: list[dict[str, Any]] = []
    for row in _rows(batches):
        if limit and len(rows) == limit:
            return rows, True
        rows.append(row)
    return rows, False


def _show(session: Session, rows: list[dict[str, Any]]) -> None:
    output, language = session.output, session.language
    if not rows:
        output.say(N_("There is none."))
        return
    wanted = SHOWN_LINES if session.arguments.lines else SHOWN
    names = [name for name in wanted if any(row.get(name) is not None for row in rows)]
    if "reference" in names and all(row.get("partner") for row in rows):
        names.remove("reference")  # who it is from tells more, and the line is short
    names += [name for name in rows[0] if name.startswith("native.")]
    kind = kind_of(session.arguments.kind).value
    columns = [
        Column(
            name.removeprefix("native.")
            if (said := heading(kind, name)) is None
            else language.say(said),
            is_number=name in NUMERIC or name.endswith("_quantity") or name == "quantity",
            is_whole=name in WHOLE,
            is_optional=name not in NEEDED,
        )
        for name in names
    ]
    output.table(Table(columns, [[_cell(session, row, name) for name in names] for row in rows]))
    output.line(
        language.ngettext("{count} row", "{count} rows", len(rows)),
    )


def _cell(session: Session, row: Mapping[str, Any], name: str) -> str:
    language = session.language
    match value := row.get(name):
        case None:
            return ""
        case bool():
            return language.say(N_("yes")) if value else language.say(N_("no"))
        case Decimal() if name in MONEY:
            # The currency has a column of its own.
            return language.money(value, row.get("currency")).partition(" ")[0]
        case Decimal():
            return language.number(value)
        case datetime():
            return language.moment(value)
        case date():
            return language.day(value)
        case _:
            return str(value)


def _file_writer(
    session: Session,
) -> tuple[Path, Callable[[Path, Iterator[pa.RecordBatch]], int]] | None:
    """Return the file that was asked for and what writes it."""
    arguments = session.arguments
    from service import spreadsheet

    if arguments.parquet is not None:
        return arguments.parquet, spreadsheet.write_parquet
    path = arguments.csv or arguments.xlsx
    if path is None:
        return None

    def write(path: Path, batches: Iterator[pa.RecordBatch]) -> int:
        first = next(batches, None)
        names = first.schema.names if first is not None else _names(session)
        headings = [name.removeprefix("native.") for name in names]

        def rows() -> Iterator[list[Any]]:
            for row in _rows(chain([] if first is None else [first], batches)):
                yield [row[name] for name in names]

        if arguments.csv is not None:
            return spreadsheet.write_csv(path, headings, rows())
        return spreadsheet.write_xlsx(path, headings, rows(), zone=session.settings.zone)

    return path, write


def _names(session: Session) -> list[str]:
    """Return the columns of a file without rows."""
    from connectors.columns import documents_schema, lines_schema

    schema = lines_schema() if session.arguments.lines else documents_schema()
    return list(schema.names)
