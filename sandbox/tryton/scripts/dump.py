r"""Write every row of every table of a database to one canonical JSON file: {table: {key: {column: value}}}.

It knows neither Tryton nor Storno, so that it can be a witness for both: ``python dump.py sqlite FILE OUT`` (standard
library only) or ``python dump.py postgresql DSN OUT`` (needs psycopg, which the practice venv has). Exact decimals, dates and
times become text, bytes become hexadecimal text with the prefix ``\x``.
"""

from __future__ import annotations

import datetime as dt
import json
import sqlite3
import sys
from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

Row = dict[str, Any]
Tables = dict[str, dict[str, Row]]


_PLAIN = frozenset({type(None), bool, int, float, str})


def encode(value: Any) -> Any:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return "\\x" + bytes(value).hex()
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, (dt.date, dt.time)):
        return value.isoformat()
    if isinstance(value, dt.timedelta):
        return str(value.total_seconds())
    return value


def collect(
    columns: Sequence[str], keys: Sequence[str], rows: Iterable[Sequence[Any]]
) -> dict[str, Row]:
    """Rows by key; a table without a key counts its rows by their content."""
    places = [columns.index(key) for key in keys]
    found: dict[str, Row] = {}
    only = places[0] if len(places) == 1 else None
    for row in rows:
        # Nearly every value is plain, and there are hundreds of thousands.
        values = [value if type(value) in _PLAIN else encode(value) for value in row]
        if only is not None:
            key = str(values[only])
        elif places:
            key = "/".join(str(values[place]) for place in places)
        else:
            key = json.dumps(values, sort_keys=True)
        number = 2
        base = key
        while key in found:
            key = f"{base}#{number}"
            number += 1
        found[key] = dict(zip(columns, values, strict=True))
    return found


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def dump_sqlite(file: str) -> Tables:
    """One snapshot of the file, also while a server writes to it (the write-ahead log is read too)."""
    connection = sqlite3.connect(
        f"{Path(file).resolve().as_uri()}?mode=ro", uri=True, isolation_level=None
    )
    try:
        connection.execute("BEGIN")
        listing = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"
        tables: Tables = {}
        for (name,) in connection.execute(listing).fetchall():
            info = connection.execute(f"PRAGMA table_info({quoted(name)})").fetchall()
            columns = [column[1] for column in info]
            keys = [
                column[1] for column in sorted((c for c in info if c[5]), key=lambda c: int(c[5]))
            ]
            if not keys:
                keys = [
                    column
                    for column in columns
                    if column == ("name" if name == "sqlite_sequence" else "id")
                ]
            tables[name] = collect(columns, keys, _rows_of(connection, name))
        return tables
    finally:
        connection.close()


def _rows_of(connection: sqlite3.Connection, name: str) -> list[tuple[Any, ...]]:
    """Every row; bytes that are no UTF-8 are kept as surrogates."""
    select = f"SELECT * FROM {quoted(name)}"  # noqa: S608  # quoted
    try:
        return connection.execute(select).fetchall()
    except sqlite3.OperationalError:
        connection.text_factory = lambda data: data.decode("utf-8", "surrogateescape")
        rows = connection.execute(select).fetchall()
        connection.text_factory = str
        return rows


def dump_postgresql(dsn: str) -> Tables:
    import psycopg

    tables: Tables = {}
    with psycopg.connect(dsn) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        names = connection.execute(
            "SELECT table_name FROM information_schema.tables"
            " WHERE table_schema = 'public' AND table_type = 'BASE TABLE' ORDER BY 1"
        ).fetchall()
        for (name,) in names:
            keys = connection.execute(
                "SELECT a.attname FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey)"
                " WHERE i.indrelid = %s::regclass AND i.indisprimary ORDER BY array_position(i.indkey, a.attnum)",
                (quoted(name),),
            ).fetchall()
            cursor = connection.execute(f"SELECT * FROM {quoted(name)}")  # noqa: S608  # quoted
            columns = [column.name for column in cursor.description or ()]
            tables[name] = collect(columns, [key for (key,) in keys], cursor)
        sequences = connection.execute(
            "SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'public'"
        )
        tables["pg_sequences"] = collect(
            ["sequencename", "last_value"], ["sequencename"], sequences
        )
    return tables


def main(backend: str, source: str, target: str) -> None:
    tables = dump_sqlite(source) if backend == "sqlite" else dump_postgresql(source)
    text = json.dumps(tables, ensure_ascii=True, sort_keys=True, separators=(",", ":"), default=str)
    made = Path(target + ".new")
    made.write_text(text, encoding="utf-8")
    made.replace(target)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3])
