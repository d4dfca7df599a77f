"""A way into a practice database that is not ODBC, so that what Storno reads and writes has a witness.

SQLite by the standard library, PostgreSQL by psycopg, MariaDB by its own command-line client.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

from sandbox.legacy.addresses import LegacyError, Server
from sandbox.legacy.databases_mariadb import MariaSession
from sandbox.legacy.schema import Backend, Table, quote

__all__ = [
    "LegacyError",
    "PostgresSession",
    "Server",
    "Session",
    "add",
    "connect",
    "insert",
    "next_number",
    "number",
    "select",
    "update",
]

Values = Mapping[str, Any]


class Session(Protocol):
    """One connection of a colleague's program; text in and out is exact, numbers come as Decimal or int."""

    backend: Backend

    def run(self, sql: str, values: Sequence[Any] = ()) -> int: ...
    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]: ...
    def load(self, table: Table, rows: Sequence[Sequence[Any]]) -> None: ...
    def wait_for_locks(self, seconds: int) -> None: ...
    def commit(self) -> None: ...
    def rollback(self) -> None: ...
    def close(self) -> None: ...


def connect(place: Path | Server, database: str = "") -> Session:
    if isinstance(place, Path):
        return SqliteSession(place)
    if place.backend == "postgresql":
        return PostgresSession(place, database)
    return MariaSession(place, database)


def select(
    session: Session,
    table: str,
    columns: Iterable[str],
    where: Values | None = None,
    *,
    lock: bool = False,
) -> list[dict[str, Any]]:
    """Rows as they are now; ``lock`` keeps others from changing them until the end of the transaction."""
    names = list(columns)
    sql = f"select {', '.join(map(quote, names))} from {quote(table)}"  # noqa: S608 - quoted names
    clause, values = _where(where or {})
    sql += clause
    if lock and session.backend != "sqlite":
        sql += " for update"
    return [dict(zip(names, row, strict=True)) for row in session.rows(sql, values)]


def insert(session: Session, table: str, values: Values) -> None:
    names = ", ".join(map(quote, values))
    marks = ", ".join("?" * len(values))
    session.run(f"insert into {quote(table)} ({names}) values ({marks})", list(values.values()))  # noqa: S608


def update(session: Session, table: str, values: Values, where: Values) -> None:
    """Change exactly one row, or fail."""
    clause, found = _where(where)
    changes = ", ".join(f"{quote(name)} = ?" for name in values)
    count = session.run(f"update {quote(table)} set {changes}{clause}", [*values.values(), *found])  # noqa: S608
    if count > 1:
        raise LegacyError(f"{table} {dict(where)}: {count} rows were changed")


def add(session: Session, table: str, amounts: Mapping[str, Decimal], where: Values) -> None:
    """Add to what stands there, NULL counting as nothing."""
    found = select(session, table, amounts, where, lock=True)
    if len(found) != 1:
        raise LegacyError(f"{table} {dict(where)}: {len(found)} rows instead of one")
    update(
        session,
        table,
        {name: number(found[0][name]) + amount for name, amount in amounts.items()},
        where,
    )


def next_number(session: Session, table: str, column: str) -> int:
    """One more than the highest, as a small ERP counts."""
    sql = f"select max({quote(column)}) from {quote(table)}"  # noqa: S608 - quoted names
    return int(session.rows(sql)[0][0] or 0) + 1


def number(value: Any) -> Decimal:
    return Decimal(str(value)) if value is not None else Decimal(0)


def _where(where: Values) -> tuple[str, list[Any]]:
    if not where:
        return "", []
    return " where " + " and ".join(f"{quote(name)} = ?" for name in where), list(where.values())


def _plain(value: Any) -> Any:
    """What SQLite and COPY take: times as the ERP's text, a date that is none as NULL."""
    if isinstance(value, datetime):
        text = f"{value:%Y-%m-%d %H:%M:%S}"
        return f"{text}.{value.microsecond // 1000:03d}" if value.microsecond else text
    if isinstance(value, date):
        return value.isoformat()
    return value


class SqliteSession:
    backend: Backend = "sqlite"

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, timeout=20.0, isolation_level=None)

    def run(self, sql: str, values: Sequence[Any] = ()) -> int:
        self._begin()
        return self._connection.execute(sql, self._bound(values)).rowcount

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        self._begin()
        return self._connection.execute(sql, self._bound(values)).fetchall()

    def load(self, table: Table, rows: Sequence[Sequence[Any]]) -> None:
        self._begin()
        marks = ", ".join("?" * len(table.columns))
        widths = [c.width if c.family == "char" else 0 for c in table.columns]
        dates = [c.family in {"date", "datetime"} for c in table.columns]
        self._connection.executemany(
            f"insert into {quote(table.name)} values ({marks})",  # noqa: S608 - quoted names
            (
                [
                    value.ljust(width) if width and value is not None else value
                    for value, width in zip(self._bound(row), widths, strict=True)
                ]
                for row in _without_odd_dates(rows, dates)
            ),
        )

    def _begin(self) -> None:
        if not self._connection.in_transaction:
            self._connection.execute("begin immediate")

    def wait_for_locks(self, seconds: int) -> None:
        self._connection.execute(f"pragma busy_timeout = {seconds * 1000}")

    @staticmethod
    def _bound(values: Sequence[Any]) -> list[Any]:
        return [str(v) if isinstance(v, Decimal) else _plain(v) for v in values]

    def commit(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("commit")

    def rollback(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("rollback")

    def close(self) -> None:
        self.rollback()
        self._connection.close()


class PostgresSession:
    backend: Backend = "postgresql"

    def __init__(self, server: Server, database: str) -> None:
        import psycopg

        self._connection = psycopg.connect(server.url(database or "postgres"))

    @property
    def autocommit(self) -> Any:
        """Making and dropping a database is done outside transactions; the raw connection does it."""
        self._connection.rollback()
        self._connection.autocommit = True
        return self._connection

    def run(self, sql: str, values: Sequence[Any] = ()) -> int:
        return self._connection.execute(_percent(sql), list(values) or None).rowcount

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        return self._connection.execute(_percent(sql), list(values) or None).fetchall()

    def load(self, table: Table, rows: Sequence[Sequence[Any]]) -> None:
        names = ", ".join(map(quote, table.names))
        dates = [c.family in {"date", "datetime"} for c in table.columns]
        with (
            self._connection.cursor() as cursor,
            cursor.copy(f"copy {quote(table.name)} ({names}) from stdin") as copy,
        ):
            for row in _without_odd_dates(rows, dates):
                copy.write_row(row)

    def wait_for_locks(self, seconds: int) -> None:
        self._connection.execute(f"set lock_timeout = '{seconds}s'")
        self._connection.commit()

    def copied(self, table: str) -> list[tuple[Any, ...]]:
        """Every row as COPY writes it: the server's own exact text."""
        with (
            self._connection.cursor() as cursor,
            cursor.copy(f"copy {quote(table)} to stdout") as copy,
        ):
            return list(copy.rows())

    def commit(self) -> None:
        self._connection.commit()

    def rollback(self) -> None:
        self._connection.rollback()

    def close(self) -> None:
        self._connection.close()


def _percent(sql: str) -> str:
    return sql.replace("%", "%%").replace("?", "%s") if "?" in sql else sql


def _without_odd_dates(
    rows: Iterable[Sequence[Any]], dates: Sequence[bool]
) -> Iterable[Sequence[Any]]:
    for row in rows:
        yield [
            None if is_date and isinstance(value, str) else value
            for value, is_date in zip(row, dates, strict=True)
        ]
