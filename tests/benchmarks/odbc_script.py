"""A script such as a good programmer would write who has no Storno: pyodbc, lists of keys, one transaction a batch.

It reads the columns that an image has, locks them, writes what a close writes, reads them again. It compares
nothing, and writes no journal.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, Final

import pyodbc

from connectors.odbc.connection import Database
from connectors.odbc.images import Part

Rows = list[dict[str, Any]]

BATCH: Final = 500
"""Documents in one transaction, as many as Storno has in one."""

KEYS: Final = 1_000
"""Of one list: longer ones are no faster, measured."""


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables of a document: its own, its lines, what came in for them. All have whole numbers as keys."""

    document: Part
    lines: Part
    arrivals: Part


class Script:
    """Closes purchase orders of U8 over one connection."""

    def __init__(self, database: Database, tables: Tables, closer: str) -> None:
        # The same string as Storno's: the drivers' own are slower (a savepoint for every statement).
        self._connection = pyodbc.connect(database.connection_string(), autocommit=False)
        database.dialect.after_connect(self._connection)
        if database.dialect.name == "mariadb":
            self._connection.setencoding("utf-8", ctype=pyodbc.SQL_CHAR)
        self._cursor = self._connection.cursor()
        self._quote = database.dialect.quote
        self._tables = tables
        self._closer = closer

    def close_orders(self, keys: Sequence[int], moment: datetime) -> int:
        """Close orders; return how many lines that were."""
        count = 0
        for batch in _batches(keys, BATCH):
            self._capture(batch)
            count += self._write(batch, moment)
            self._connection.commit()
            self._capture(batch)
            self._connection.commit()
        return count

    def give_up(self) -> None:
        """End the connection."""
        self._connection.close()

    # --- the steps ------------------------------------------------------------------------------

    def _capture(self, keys: Sequence[int]) -> None:
        tables = self._tables
        self._read(tables.document, "POID", keys)
        lines = self._read(tables.lines, "POID", keys)
        self._read(tables.arrivals, "iPOsID", [line["ID"] for line in lines])

    def _write(self, keys: Sequence[int], moment: datetime) -> int:
        tables = self._tables
        orders = self._read(tables.document, "POID", keys, lock=True)
        lines = self._read(tables.lines, "POID", keys, lock=True)
        self._update(
            tables.lines,
            {
                "cbCloser": self._closer,
                "cbCloseDate": moment.date().isoformat(),
                "cbCloseTime": moment.replace(tzinfo=None).isoformat(sep=" ", timespec="seconds"),
            },
            "ID",
            [line["ID"] for line in lines if not line["cbCloser"]],
        )
        for state in sorted({order["cState"] for order in orders}):
            values = {"cCloser": self._closer, "cState": 2 if state == 1 else state}
            members = [order["POID"] for order in orders if order["cState"] == state]
            self._update(tables.document, values, "POID", members)
        return len(lines)

    def _read(self, part: Part, column: str, keys: Sequence[int], *, lock: bool = False) -> Rows:
        quote = self._quote
        names = sorted(part.fields | {*part.key, column})
        listed = ", ".join(map(quote, names))
        ending = " for update" if lock else ""
        found: Rows = []
        for some in _batches(keys, KEYS):
            marks = ", ".join("?" * len(some))
            sql = f"select {listed} from {quote(part.table)} where {quote(column)} in ({marks})"
            rows = self._cursor.execute(sql + ending, *some).fetchall()
            found += [dict(zip(names, row, strict=True)) for row in rows]
        return found

    def _update(self, part: Part, values: dict[str, Any], column: str, keys: Sequence[int]) -> None:
        quote = self._quote
        changes = ", ".join(f"{quote(name)} = ?" for name in values)
        for some in _batches(keys, KEYS):
            marks = ", ".join("?" * len(some))
            sql = f"update {quote(part.table)} set {changes} where {quote(column)} in ({marks})"
            self._cursor.execute(sql, *values.values(), *some)


def _batches(keys: Sequence[int], size: int) -> Iterator[list[int]]:
    waiting = iter(keys)
    while part := list(islice(waiting, size)):
        yield part
