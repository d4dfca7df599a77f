"""`python -m tests.benchmarks.odbc_bulk PARTS WAY ROWS [PAIRS]`: read the table of a million rows, in a process of its own.

Writes one line of JSON: how many rows, how long it took, and the memory before and at its peak. The ways: `storno` is
the bulk face; `arrow` is arrow-odbc and `pyodbc` is pyodbc alone, with the same connection string, columns and
batches. A name behind a way (`storno/undated`) leaves the dates out.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from typing import Final

import arrow_odbc
import pyarrow as pa
import pyodbc

from config.systems import OdbcOptions
from connectors.columns import AMOUNT, MOMENT, QUANTITY
from connectors.odbc.connection import Database
from connectors.odbc.dialects import Statement
from connectors.odbc.reading import BATCH_ROWS, batches
from core.encoding import dumps, loads
from tests.benchmarks.journal_run import peak_memory_bytes
from tests.benchmarks.odbc_servers import BULK, COLUMNS, DATES

SCHEMA: Final = pa.schema(
    [
        ("key", pa.string()),
        ("partner_key", pa.string()),
        ("number", pa.string()),
        ("partner", pa.string()),
        ("reference", pa.string()),
        ("unit", pa.string()),
        ("state", pa.string()),
        ("ordered_quantity", QUANTITY),
        ("received_quantity", QUANTITY),
        ("amount", AMOUNT),
        ("date", pa.date32()),
        ("changed_at", MOMENT),
    ]
)
"""Canonical columns, one for each of `COLUMNS`."""


@dataclass(frozen=True, slots=True)
class Read:
    """What one reading took."""

    rows: int
    seconds: float
    base_bytes: int
    peak_bytes: int

    @property
    def rate(self) -> float:
        """Rows a second."""
        return self.rows / self.seconds

    @property
    def added_bytes(self) -> int:
        """Memory that reading took beyond importing and connecting."""
        return self.peak_bytes - self.base_bytes


def read(database: Database, way: str, limit: int) -> Read:
    """Read the rows once."""
    name, _, kind = way.partition("/")
    chosen = [
        (column, place)
        for place, column in enumerate(COLUMNS)
        if kind != "undated" or column not in DATES
    ]
    names = [column for column, _ in chosen]
    schema = pa.schema([SCHEMA.field(place) for _, place in chosen])
    with database.reading() as session:
        # Connected, and every module loaded: what comes on top is reading.
        session.rows("select 1")
    base, started = peak_memory_bytes(), time.perf_counter()
    rows = sum(_WAYS[name](database, names, schema, limit))
    return Read(rows, time.perf_counter() - started, base, peak_memory_bytes())


def _storno(database: Database, names: list[str], schema: pa.Schema, limit: int) -> Iterator[int]:
    quote = database.dialect.quote
    listed = ", ".join(
        f"{quote(column)} as {quote(name)}"
        for column, name in zip(names, schema.names, strict=True)
    )
    statement = Statement(f"select {listed} from {BULK} where id <= ?", (limit,))
    for batch in batches(database, statement, schema):
        yield batch.num_rows


def _arrow(database: Database, names: list[str], schema: pa.Schema, limit: int) -> Iterator[int]:
    del schema
    found = arrow_odbc.read_arrow_batches_from_odbc(
        query=f"select {', '.join(names)} from {BULK} where id <= {limit}",
        connection_string=database.connection_string(bulk=True),
        batch_size=BATCH_ROWS,
        payload_text_encoding=arrow_odbc.TextEncoding[database.dialect.bulk_encoding],
    )
    for batch in found:
        yield batch.num_rows


def _pyodbc(database: Database, names: list[str], schema: pa.Schema, limit: int) -> Iterator[int]:
    del schema
    connection = pyodbc.connect(database.connection_string(bulk=True), autocommit=True)
    database.dialect.after_connect(connection)
    with closing(connection) as opened:
        cursor = opened.cursor()
        # Within a transaction: only there does PostgreSQL hand rows out as they are asked for.
        opened.autocommit = False
        cursor.execute(f"select {', '.join(names)} from {BULK} where id <= {limit}")
        while page := cursor.fetchmany(BATCH_ROWS):
            yield len(page)


_WAYS: Final = {"storno": _storno, "arrow": _arrow, "pyodbc": _pyodbc}


def in_pairs(
    database: Database, ways: tuple[str, str], limit: int, pairs: int
) -> list[list[float]]:
    """Read in two ways by turns, side by side in time; return the rows a second of each pair.

    A pair is four readings, one way around the other (a b b a, then b a a b): what the machine does meanwhile slows both
    alike, also where it grows from one reading to the next.
    """
    found = []
    for number in range(pairs + 1):
        outer, inner = ways if number % 2 else ways[::-1]
        seconds = dict.fromkeys(ways, 0.0)
        for way in (outer, inner, inner, outer):
            done = read(database, way, limit)
            assert done.rows == limit, (way, done.rows)
            seconds[way] += done.seconds
        found.append([2 * limit / seconds[way] for way in ways])
    return found[1:]  # The first pair warms everything.


def main(parts: str, way: str, limit: str, pairs: str = "") -> int:
    """Read once, or in pairs (`storno,arrow`), and write the result."""
    database = Database("bulk", OdbcOptions.model_validate(loads(parts)))
    if pairs:
        one, _, other = way.partition(",")
        print(dumps(in_pairs(database, (one, other), int(limit), int(pairs))).decode())
    else:
        print(dumps(asdict(read(database, way, int(limit)))).decode())
    database.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
