"""The bulk face: a million rows as Arrow record batches, memory flat.

`batches` runs one SELECT and hands its columns out in the types of a wanted schema. arrow-odbc carries them, several
times cheaper than pyodbc. But it takes the whole process down on a date such as 2024-00-00 and reads a NaN as 0, so
the database itself turns such values into nothing first, or into text; and what arrow-odbc has no safe way for (a
statement with names that are not ASCII, very long texts) goes through pyodbc.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

import structlog

from connectors.odbc.columns import convert, from_values
from connectors.odbc.dialects import LONGEST_VALUE, Statement
from connectors.odbc.drivers import arrow_errors, arrow_reader, has_no_room
from connectors.odbc.errors import Moment
from connectors.odbc.patience import Silence
from core.errors import ContractBroken

if TYPE_CHECKING:
    import pyarrow as pa

    from connectors.odbc.connection import Database
    from connectors.odbc.session import Session

log = structlog.get_logger(__name__)

BATCH_ROWS: Final = 10_000
LARGEST_BATCH_BYTES: Final = 16 * 2**20
"""arrow-odbc makes room for the longest text in every row; longer ones make its batches shorter."""

LONGEST_TEXT: Final = 4_000
"""With longer texts the room for a batch costs more than pyodbc does."""

MOST_BYTES: Final = 4
"""Of one character in UTF-8."""

_Described = tuple[Any, ...]


def batches(
    database: Database, statement: Statement, schema: pa.Schema, *, size: int = BATCH_ROWS
) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a SELECT whose columns have the names of `schema`, in its order, in its types.

    Text becomes a number, a date or a moment where the schema wants one; what is none becomes null, never a guess.
    A moment without a zone is taken for the zone of the system (`time_zone` in storno.yaml).
    """
    import pyarrow as pa

    with database.reading() as session:
        told = session.columns(
            Statement(f"select * from ({statement.sql}) q where 1 = 0", statement.parameters)
        )
        described = _by_place(schema, told)
        kinds = _kinds(session, statement, schema, described)
        listed = [
            f"{_carried(database, wanted, described, kinds)} as c{place}"
            for place, wanted in enumerate(schema)
        ]
        typed = _typed(database, schema, described, listed)
        carried = Statement(
            f"select {', '.join(listed)} from ({statement.sql}) q", statement.parameters
        )
        simple = _without_numbers(carried)
        longest = None if simple is None else _longest(session, statement, schema, described)
    found = (
        _by_arrow(database, simple, size, longest, typed)
        if simple is not None and longest is not None and longest <= MOST_BYTES * LONGEST_TEXT
        else _by_driver(database, carried, size)
    )
    # A moment with a zone comes in UTC.
    zones = [
        "UTC" if "with time zone" in kinds.get(name, "") else database.options.time_zone
        for name in schema.names
    ]
    for batch in found:
        yield pa.RecordBatch.from_arrays(
            [
                convert(column, schema.field(place).type, zones[place])
                for place, column in enumerate(batch.columns)
            ],
            schema=schema,
        )


def _kinds(
    session: Session, statement: Statement, schema: pa.Schema, described: Sequence[_Described]
) -> dict[str, str]:
    """Return the native types of moments, where the driver does not tell whether they have a zone."""
    import pyarrow as pa

    names = [
        wanted.name
        for wanted in schema
        if pa.types.is_timestamp(wanted.type)
        and _type_of(_described_as(wanted, described)) == "datetime"
    ]
    dialect = session.dialect
    if not names or dialect.kind_of is None:
        return {}
    listed = ", ".join(dialect.kind_of.format(f"q.{dialect.quote(name)}") for name in names)
    # Not a row is read for that, for nothing is joined.
    joined = f"(select 1) as one left join ({statement.sql}) as q on false"
    (found,) = session.rows(f"select {listed} from {joined}", statement.parameters)
    return dict(zip(names, found, strict=True))


def _carried(
    database: Database,
    wanted: pa.Field,
    described: Sequence[_Described],
    kinds: Mapping[str, str],
) -> str:
    """Return the SQL that hands one column out in a form which every driver carries."""
    import pyarrow as pa

    dialect = database.dialect
    name = f"q.{dialect.quote(wanted.name)}"
    found = _described_as(wanted, described)
    there = _type_of(found)
    if pa.types.is_decimal(wanted.type):
        digits, places = (0, 0) if found is None else (int(found[4] or 0), int(found[5] or 0))
        return dialect.carried_number(name, there, wanted.type.scale, digits=digits, places=places)
    if pa.types.is_date(wanted.type):
        return dialect.carried_date(name, there)
    if pa.types.is_timestamp(wanted.type):
        return dialect.carried_moment(name, there, kind=kinds.get(wanted.name, ""))
    if pa.types.is_string(wanted.type):
        digits = 0 if found is None else int(found[4] or 0)
        return name if there == "str" else dialect.carried_text(name, there, digits=digits)
    return name


def _typed(
    database: Database, schema: pa.Schema, described: Sequence[_Described], listed: Sequence[str]
) -> Callable[[pa.Schema], pa.Schema]:
    """Return what arrow-odbc is to make of columns, where it can make at once what is wanted.

    Digits go where they belong, as many places as there are; but what has no room, and NaN, arrow-odbc would make another
    number of. A driver's text of a whole number is the number's text, whatever sign the driver believes it to have; what
    the database made a number with a sign of stays one, and becomes text while the next rows come.
    """
    import pyarrow as pa

    quote = database.dialect.quote
    bare = {
        place
        for place, wanted in enumerate(schema)
        if listed[place] == f"q.{quote(wanted.name)} as c{place}"
    }
    may_be_nan = {
        place
        for place in bare
        if database.dialect.has_nan
        and pa.types.is_decimal(schema.field(place).type)
        and _type_of(_described_as(schema.field(place), described)) == "Decimal"
    }

    def one(place: int, found: pa.Field) -> pa.Field:
        wanted = schema.field(place).type
        is_bare_number = place in bare and pa.types.is_integer(found.type)
        if place in may_be_nan or (is_bare_number and pa.types.is_string(wanted)):
            return found.with_type(pa.string())
        if pa.types.is_decimal(found.type) and pa.types.is_decimal(wanted):
            before = found.type.precision - found.type.scale
            if found.type.scale <= wanted.scale and before <= wanted.precision - wanted.scale:
                return found.with_type(wanted)
        return found

    return lambda found: pa.schema([one(place, each) for place, each in enumerate(found)])


def _by_place(schema: pa.Schema, told: Sequence[_Described]) -> list[_Described]:
    """Return the columns under the names that are wanted: SQLite's driver cuts a name at its dot."""
    if len(told) != len(schema):
        raise ContractBroken(problem=f"{len(told)} columns came for {len(schema)}")
    return [(name, *column[1:]) for name, column in zip(schema.names, told, strict=True)]


def _described_as(wanted: pa.Field, described: Sequence[_Described]) -> _Described | None:
    return next((column for column in described if wanted.name == column[0]), None)


def _type_of(column: _Described | None) -> str:
    return "" if column is None else str(column[1].__name__)


def _without_numbers(statement: Statement) -> Statement | None:
    """Return the statement with text alone as parameters, None where arrow-odbc cannot have it."""
    if not statement.sql.isascii():
        return None
    pieces = statement.sql.split("?")
    if len(pieces) != len(statement.parameters) + 1:
        return None  # A question mark within a name: which one stands for a value?
    sql, kept = pieces[0], []
    for piece, value in zip(pieces[1:], statement.parameters, strict=True):
        if type(value) is int:
            sql += f"{value}{piece}"
        elif isinstance(value, str) and value.isascii():
            kept.append(value)
            sql += f"?{piece}"
        else:
            return None
    return Statement(sql, tuple(kept))


def _longest(
    session: Session, statement: Statement, schema: pa.Schema, described: Sequence[_Described]
) -> int:
    """Return how many bytes the longest text may have; asked of the database where its type has no limit."""
    import pyarrow as pa

    dialect = session.dialect
    limits, open_ended = [1], []
    for wanted in schema:
        column = _described_as(wanted, described)
        is_text = column is not None and column[1] is str
        size = 0 if column is None else int(column[3] or column[4] or 0)
        if dialect.is_short(str(wanted.type), is_text=is_text, there=_type_of(column)):
            limits.append(MOST_BYTES * (LONGEST_VALUE + 1))
        elif (
            is_text
            and 0 < size <= LONGEST_TEXT
            and (dialect.has_true_sizes or pa.types.is_string(wanted.type))
        ):
            limits.append(MOST_BYTES * size)
        else:
            open_ended.append(dialect.bytes_in(f"q.{dialect.quote(wanted.name)}"))
    if open_ended:
        listed = ", ".join(f"max({each})" for each in open_ended)
        (found,) = session.rows(
            Statement(f"select {listed} from ({statement.sql}) q", statement.parameters)
        )
        measured = [int(number or 0) for number in found]
        if max(measured) > LONGEST_TEXT:
            return MOST_BYTES * max(measured)
        limits += measured
    return max(limits)


def _by_arrow(
    database: Database,
    statement: Statement,
    size: int,
    longest: int,
    typed: Callable[[pa.Schema], pa.Schema],
) -> Iterator[pa.RecordBatch]:
    query = database.dialect.changes_query
    with ExitStack() as stack:
        beside = None if query is None else stack.enter_context(closing(database.stream()))
        before = None if beside is None or query is None else beside.rows(query)
        handed_out = 0
        patiently = database.patience()
        stack.callback(patiently.end, _nothing, is_waiting=False)
        ask = partial(
            arrow_reader,
            database,
            statement,
            size=size,
            longest=longest,
            largest_bytes=LARGEST_BATCH_BYTES,
            typed=typed,
        )
        try:
            for batch in patiently.each(iter(patiently(ask))):
                handed_out += batch.num_rows
                yield batch
            return  # noqa: TRY300 - the rest is for what had no room
        except Silence as error:
            raise database.error(error, Moment.READ) from error
        except arrow_errors() as error:
            if beside is None or query is None or not has_no_room(error):
                raise database.error(error, Moment.READ) from error
            again = stack.enter_context(closing(_by_driver(database, statement, size)))
            first = next(again)
            # While nobody commits, the same rows come in the same order; and what an open statement sees, stays.
            if beside.rows(query) != before:
                raise database.error(error, Moment.READ) from error
        for batch in chain((first,), again):
            if handed_out < batch.num_rows:
                yield batch.slice(handed_out)
            handed_out = max(0, handed_out - batch.num_rows)


def _nothing() -> None:
    """Is the last that a connection is asked: whatever it still has goes with it."""


def _by_driver(
    database: Database, statement: Statement, size: int
) -> Generator[pa.RecordBatch, None, None]:
    import pyarrow as pa

    with closing(database.stream()) as session:
        for page in session.pages(statement, size=size):
            columns: Sequence[Sequence[Any]] = list(zip(*page, strict=True))
            arrays = [from_values(values) for values in columns]
            yield pa.RecordBatch.from_arrays(arrays, names=[f"c{n}" for n in range(len(arrays))])
