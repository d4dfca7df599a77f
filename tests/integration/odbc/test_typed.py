"""What stands there is read as what it is, and goes back as it stood."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime
from typing import Any, Final

import pyarrow as pa
import pytest

from connectors.columns import MOMENT
from connectors.contract import Ref
from connectors.odbc.connection import Database
from connectors.odbc.dialects import Statement
from connectors.odbc.images import Images, Row
from connectors.odbc.reading import batches
from connectors.odbc.values import New
from connectors.odbc.writing import write
from connectors.odbc.written import Write
from tests.integration.odbc.conftest import Options

ZERO: Final = "1899-12-30"
"""Day 0 of Delphi, Access and COM: what their programs write where nobody entered a date."""
MOMENTS: Final = {"postgresql": "timestamp", "mariadb": "datetime", "sqlite": "datetime"}
AS_TEXT: Final = "cast(d as char(10)), cast(m as char(19)), cast(w as char(8)), cast(n as char(4))"


def _run(database: Database, *statements: str) -> None:
    with database.writing() as session:
        for statement in statements:
            session.change(statement)
        session.commit()


def _row(database: Database, *names: str) -> Row:
    with database.reading() as session:
        return Images(session).rows("t", ["id"], ["1"], names)["1"]


def _stored(database: Database, what: str) -> list[tuple[Any, ...]]:
    with database.reading() as session:
        return [tuple(row) for row in session.rows(f"select {what} from t order by id")]


def _there_and_back(database: Database, row: Row, **new: Any) -> None:
    for changes in (
        {name: New(value) for name, value in new.items()},
        {name: New(*row.cell(name)) for name in new},
    ):
        write(database, [Write("op", Ref("t", "1"), ("id",), {}, changes)])


def test_day_zero(database: Database) -> None:
    """1899-12-30 is a day like any other: neither nothing nor a day off, with midnight and with a time."""
    moment = MOMENTS[database.dialect.name]
    _run(
        database,
        f"create table t (id integer not null primary key, d date, m {moment}, w time, n date)",
        f"insert into t values (1, '{ZERO}', '{ZERO} 00:00:00', '00:00:00', null)",
        f"insert into t values (2, '{ZERO}', '{ZERO} 13:37:00', '13:37:00', null)",
    )
    before = _stored(database, AS_TEXT)
    row = _row(database, "d", "m", "w", "n")

    assert date(1899, 12, 30) == row.fields["d"]
    assert str(row.fields["m"]).startswith(f"{ZERO} 00:00:00")
    assert row.fields["n"] is None
    _there_and_back(
        database, row, d=date(2026, 11, 22), m="2026-11-22 08:30:00", n=date(2026, 1, 1)
    )
    assert before == _stored(database, AS_TEXT)


@pytest.mark.parametrize("encoding", ["UTF-8", "UTF-16le", "UTF-16be"])
def test_texts_of_a_file(sqlite_options: Options, encoding: str) -> None:
    """In an SQLite file of UTF-16 too, a text is the text that people see."""
    options = sqlite_options()
    with closing(sqlite3.connect(str(options.database))) as connection:
        connection.execute(f"pragma encoding = '{encoding}'")
        connection.execute("create table t (id integer primary key, c text, d date, n varchar(9))")
        connection.execute(f"insert into t values (1, '已关闭 𠮷 ', '{ZERO}', '7')")
        connection.commit()
    with closing(Database("erp", options)) as database:
        before = _stored(database, "hex(c), hex(d), hex(n), typeof(c), typeof(d), typeof(n)")
        row = _row(database, "c", "d", "n")

        assert {"c": "已关闭 𠮷 ", "d": date(1899, 12, 30), "n": "7"} == {
            name: row.fields[name] for name in ("c", "d", "n")
        }
        _there_and_back(database, row, c="关", d=None, n="8")
        after = _stored(database, "hex(c), hex(d), hex(n), typeof(c), typeof(d), typeof(n)")

    assert before == after


def test_day_zero_in_bulk(database: Database) -> None:
    """Lists show it as the same day and moment as images have."""
    moment = MOMENTS[database.dialect.name]
    _run(
        database,
        f"create table t (id integer not null primary key, d date, m {moment})",
        f"insert into t values (1, '{ZERO}', '{ZERO} 13:37:00')",
    )
    schema = pa.schema([("date", pa.date32()), ("changed_at", MOMENT)])
    statement = Statement("select d as date, m as changed_at from t")
    (found,) = pa.Table.from_batches(batches(database, statement, schema), schema).to_pylist()

    assert {
        "date": date(1899, 12, 30),
        "changed_at": datetime(1899, 12, 30, 13, 37, tzinfo=UTC),
    } == (found)
