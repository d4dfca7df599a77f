"""Any row that a database can hold survives capture, change and restore to the last byte."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from connectors.contract import Ref
from connectors.odbc.connection import Database
from connectors.odbc.images import Images, Row
from connectors.odbc.values import New, is_same
from connectors.odbc.writing import write
from connectors.odbc.written import Write
from tests.factories import ROOT
from tests.integration.odbc import anything
from tests.integration.odbc.anything import Holding
from tests.integration.odbc.conftest import Options

HOLDINGS: Final = {
    "postgresql": anything.POSTGRESQL,
    "mariadb": anything.MARIADB,
    "sqlite": anything.SQLITE,
}


def _run(database: Database, *statements: str) -> None:
    with database.writing() as session:
        for statement in statements:
            session.change(statement)
        session.commit()
        # The next writer wants the settings of every other connection.
        session.drop()


def _make(database: Database, holding: Holding) -> None:
    quote = database.dialect.quote
    columns = ", ".join(f"{quote(name)} {kind}" for name, (kind, _) in holding.types.items())
    for table in ("t", "w"):
        _run(database, f"create table {table} (id integer not null primary key, {columns})")


def _fill(database: Database, holding: Holding, rows: Sequence[Mapping[str, str]]) -> None:
    names = list(holding.types)
    listed = ", ".join(database.dialect.quote(name) for name in ("id", *names))
    values = ", ".join(
        f"({place}, {', '.join(row[name] for name in names)})" for place, row in enumerate(rows)
    )
    settings = () if database.dialect.name == "postgresql" else holding.setting
    _run(
        database,
        *settings,
        "delete from t",
        "delete from w",
        f"insert into t ({listed}) values {values}",
        "insert into w select * from t",
    )


def _differing(database: Database, holding: Holding) -> int:
    quote = database.dialect.quote
    with database.reading() as session:
        if database.dialect.name == "mariadb":
            return len({row[1] for row in session.rows("checksum table t, w extended")}) - 1
        if holding.differing:
            return int(session.rows(holding.differing)[0][0])
        same = " and ".join(
            f"(t.{c} is w.{c} and typeof(t.{c}) = typeof(w.{c}) and hex(t.{c}) = hex(w.{c}))"
            for c in map(quote, holding.types)
        )
        (row,) = session.rows(
            f"select count(*) as c0, sum({same}) as c1 from t join w on t.id = w.id"
        )
        return int(row[0]) - int(row[1])


def _rows(database: Database, holding: Holding, count: int) -> dict[str, Row]:
    with database.reading() as session:
        keys = [str(number) for number in range(count)]
        return Images(session).rows("t", ["id"], keys, holding.types)


@pytest.fixture
def holding(database: Database) -> Holding:
    found = HOLDINGS[database.dialect.name]
    if database.dialect.name == "postgresql":
        _run(database, *found.setting)
    _make(database, found)
    return found


@pytest.mark.timeout(300)
def test_any_row_survives(database: Database, holding: Holding) -> None:
    """Capture, change of every column, restore: what lies in the table is the same to the last byte."""
    one = st.fixed_dictionaries(
        {name: st.just("null") | literals for name, (_, literals) in holding.types.items()}
    )

    @settings(
        max_examples=25,
        derandomize=False,  # Other rows every time: drivers fail on what nobody thought of.
        phases=[
            Phase.explicit,
            Phase.reuse,
            Phase.generate,
        ],  # a smaller example takes minutes here
        suppress_health_check=[
            HealthCheck.too_slow,
            HealthCheck.data_too_large,
            HealthCheck.large_base_example,
        ],
    )
    @given(st.lists(one, min_size=1, max_size=8))
    def check(rows: list[dict[str, str]]) -> None:
        _fill(database, holding, rows)
        assert _differing(database, holding) == 0
        before = _rows(database, holding, len(rows))

        # Put every column to what another row holds, which is nearly always something else.
        def turned(row: Row) -> dict[str, Any]:
            other = before[str((int(row.key) + 1) % len(before))]
            return {name: New(*other.cell(name)) for name in holding.types}

        _write(database, before, {key: turned(row) for key, row in before.items()})
        _write(database, before, {k: dict.fromkeys(holding.types, New(None)) for k in before})
        now = _rows(database, holding, len(rows))
        assert {cell for row in now.values() for cell in row.fields.values()} == {None}
        _write(
            database,
            before,
            {
                key: {
                    name: New(*before[key].cell(name))
                    for name in holding.types
                    if not is_same(before[key].cell(name), row.cell(name))
                }
                for key, row in now.items()
            },
        )

        assert _rows(database, holding, len(rows)) == before
        assert _differing(database, holding) == 0

    check()


def _write(
    database: Database, rows: Mapping[str, Row], changes: Mapping[str, dict[str, Any]]
) -> None:
    write(
        database,
        [Write(f"operation {key}", Ref("t", key), ("id",), {}, changes[key]) for key in rows],
    )


def test_names_are_short_and_plain(database: Database, holding: Holding) -> None:
    """What is selected has names of our own.

    Behind a long Chinese name the driver of SQLite hands over what stands in memory, which pyodbc cannot always
    read: the statement failed, now and then.
    """
    _fill(database, holding, [dict.fromkeys(holding.types, "null")])
    with database.reading() as session:
        Images(session).rows("t", ["id"], ["0"], holding.types)
        named = [column[0] for column in session._cursor.description]

    assert [f"c{place}" for place in range(len(named))] == named


@pytest.mark.parametrize("encoding", ["UTF-8", "UTF-16le", "UTF-16be"])
def test_columns_have_the_names_that_stand_there(sqlite_options: Options, encoding: str) -> None:
    """However a file of SQLite keeps its texts, a column is found under its own name."""
    options = sqlite_options()
    with closing(sqlite3.connect(str(options.database))) as connection:
        connection.execute(f"pragma encoding = '{encoding}'")
        connection.execute('create table named (id integer primary key, "odd ""name""; 单号" text)')
        connection.commit()
    with closing(Database("erp", options)) as database:
        assert ["id", 'odd "name"; 单号'] == list(database.table("named").columns)


IN_THIS_LOCALE: Final = """
import sys
from config.systems import OdbcOptions
from connectors.odbc.connection import Database

database = Database("erp", OdbcOptions(driver="SQLite3", database=sys.argv[1]))
with database.writing() as session:
    session.change('create table t (id integer primary key, "单号" text)')
    session.commit()
print(ascii(list(database.table("t").columns)))
"""


@pytest.mark.parametrize("name", ["C", "C.UTF-8", "xx_XX.UTF-8"])
def test_names_survive_every_locale(sqlite_options: Options, name: str) -> None:
    """A service often runs with no locale, or with one that is not installed; names are as they were written."""
    told = subprocess.run(
        [sys.executable, "-c", IN_THIS_LOCALE, str(sqlite_options().database)],
        cwd=ROOT,
        env={**os.environ, "LC_ALL": name, "PYTHONUTF8": "1"},
        capture_output=True,
        check=True,
        encoding="utf-8",
    ).stdout

    assert ascii(["id", "单号"]) == told.strip()
