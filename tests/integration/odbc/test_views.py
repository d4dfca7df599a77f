"""A view of MariaDB is worth what lies behind it: nothing is written where nothing could be taken back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Final

import pytest

from config.systems import OdbcOptions
from connectors.contract import Ref
from connectors.odbc.connection import Database
from connectors.odbc.values import Cell, New
from connectors.odbc.writing import write
from connectors.odbc.written import Write
from core.errors import NotAllowed
from sandbox import mariadb

Options = Callable[..., OdbcOptions]

SCHEMA: Final = """
create table old (id int primary key, c varchar(9)) engine=myisam;
create table new (id int primary key, c varchar(9)) engine=innodb;
create table `od``d from` (id int primary key, c varchar(9)) engine=innodb;
create view plain as select * from new;
create view odd as select * from `od``d from`;
create view aged as select * from old;
create view joined as select new.id, new.c from new left join (old join `od``d from` o using (id)) using (id);
create view deep as select * from joined;
create view elsewhere as select * from storno_other.t;
insert into old values (1, 'n'); insert into new values (1, 'n'); insert into `od``d from` values (1, 'n');
create or replace user 'low'@'%' identified by 'low';
grant select, update on storno.plain to 'low'@'%';
grant select, update, show view on storno.odd to 'low'@'%';
"""


@pytest.fixture
def options(mariadb_server: mariadb.Server, mariadb_options: Options) -> Iterator[Options]:
    mariadb_server.run(
        "drop database if exists storno_other; create database storno_other;"
        " create table storno_other.t (id int primary key) engine=aria"
    )
    mariadb_server.run(SCHEMA, database="storno")
    yield mariadb_options
    mariadb_server.run("drop database storno_other; drop user 'low'@'%'")


@pytest.mark.parametrize(
    "view, keeps, behind",
    [
        ("new", True, ()),
        ("old", False, ()),
        ("plain", True, ("new",)),
        ("odd", True, ("od`d from",)),
        ("aged", False, ("old",)),
        ("joined", False, ("new", "od`d from", "old")),
        ("deep", False, ("new", "od`d from", "old")),
        ("elsewhere", False, ("storno_other.t",)),
    ],
)
def test_what_lies_behind(
    options: Options, view: str, *, keeps: bool, behind: tuple[str, ...]
) -> None:
    """Through joins and views over views, in this database and another."""
    with closing(Database("erp", options())) as database:
        table = database.table(view)

    assert (keeps, behind) == (table.is_transactional, table.behind)


@pytest.mark.parametrize("view", ["aged", "joined", "deep"])
def test_nothing_is_written_where_nothing_could_be_taken_back(options: Options, view: str) -> None:
    """A table without transactions behind a view is one all the same."""
    changes = {"c": New("y")}
    with (
        closing(Database("erp", options())) as database,
        pytest.raises(NotAllowed, match="keeps no transactions"),
    ):
        write(database, [Write("op", Ref(view, "1"), ("id",), {"c": Cell("n")}, changes)])


@pytest.mark.parametrize("view", ["plain", "odd"])
def test_a_view_of_which_nobody_can_tell(options: Options, view: str) -> None:
    """An account that sees no definition, or not the tables in it, writes nothing and is told what to grant."""
    with closing(Database("erp", options(user="low", password="low"))) as database:
        changes = {"c": New("y")}
        with pytest.raises(NotAllowed, match="grant SHOW VIEW"):
            write(database, [Write("op", Ref(view, "1"), ("id",), {"c": Cell("n")}, changes)])


def test_a_view_over_a_table_that_keeps_them(options: Options) -> None:
    """It is written as its table is."""
    changes = {"c": New("y")}
    with closing(Database("erp", options())) as database:
        write(database, [Write("op", Ref("plain", "1"), ("id",), {"c": Cell("n")}, changes)])
        with database.reading() as session:
            assert [("y",)] == [tuple(row) for row in session.rows("select c from new")]
