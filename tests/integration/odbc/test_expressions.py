"""A recipe's expressions on real servers: what the bulk face asks says what an action judges by."""

from __future__ import annotations

from typing import Final

import pytest
import sqlalchemy as sa

from config.expressions import parse
from connectors.odbc.connection import Database
from connectors.odbc.formulas import value_of
from connectors.odbc.formulas_sql import Scope, sql_of
from connectors.odbc.images import Images
from connectors.odbc.values import Sort
from core.encoding import Value
from tests.integration.odbc.orders import run

CASE_BLIND: Final = {
    "postgresql": "",
    "mariadb": "collate utf8mb4_unicode_ci",
    "sqlite": "collate nocase",
}
"""As the columns of old programs are: there, `y` is `Y`."""

WRITTEN: Final = (
    "a = b", "a <> b", "a = c", "a < c", "c < a", "a = trim(d)", "a = d", "coalesce(e, a) = b", "e = a",
    "a in (b, c)", "f = 1", "f <> 1", "f in (2, 1)", "a = 1", "trim(g) = 'y'", "trim(d) = 'y'",
    "least(n, m)", "greatest(n, m)", "least(m, n)", "least(n, 2)", "n = 1", "n = m", "not (e = a)",
    "case when n = 1 then b else c end = a",
)  # fmt: skip


@pytest.fixture
def rows(database: Database) -> Database:
    kind = f"varchar(20) {CASE_BLIND[database.dialect.name]}"
    run(
        database,
        f"create table doc (id int primary key, a {kind}, b {kind}, c {kind}, d {kind}, e {kind},"
        f" f {kind}, g {kind}, n int, m int)",
        "insert into doc values (1, 'y', 'y  ', 'Y', ' y ', null, '1', '\u3000y', 1, null)",
    )
    return database


@pytest.mark.parametrize("written", WRITTEN)
def test_a_database_says_what_an_action_judges(rows: Database, written: str) -> None:
    """Whatever the collation: letters and their case count, blanks at the end do not, and nothing is nothing."""
    dialect, live = rows.dialect, rows.table("doc")
    texts = {name for name, column in live.columns.items() if column.sort is Sort.TEXT}
    table = dialect.table("doc", *live.columns, texts=texts)
    asked = sql_of(parse(written), Scope(dialect, table)).label("x")
    with rows.reading() as session:
        ((found,),) = session.rows(dialect.compile(sa.select(asked).select_from(table)))
        row = Images(session).rows("doc", ["id"], ["1"], live.columns)["1"]

    assert _plain(value_of(parse(written), row.fields)) == _plain(found)


def _plain(value: Value) -> str | None:
    """Return what a driver makes of a truth or a number in the same words."""
    if value is None:
        return None
    words = {"true": "1", "false": "0"}
    return words.get(str(value).lower(), str(value))
