"""Connections to real servers: what is missing or wrong is named, and what travels over them arrives whole."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from connectors.odbc.connection import Database
from connectors.odbc.images import Images
from connectors.odbc.values import Cell, New
from connectors.odbc.writing import write
from core.errors import LoginFailed, NotAllowed, NotFound, StornoError, Unreachable
from tests.integration.odbc.orders import closing, run, stored


def test_a_driver_that_is_missing(opened: Callable[..., Database]) -> None:
    """Its name and those that are there are told."""
    database = opened(driver="Postgres of another house")

    with pytest.raises(NotFound) as caught, database.reading():
        pass

    assert caught.value.details["name"] == "Postgres of another house"
    assert "SQLite3" in caught.value.details["known"]


def test_a_driver_by_its_path(opened: Callable[..., Database], database: Database) -> None:
    """No registration is needed."""
    library = {
        "postgresql": "psqlodbcw.so",
        "mariadb": "libmaodbc.so",
        "sqlite": "libsqlite3odbc.so",
    }[database.dialect.name]
    (path,) = [
        *Path("/usr/lib").glob(f"*/odbc/{library}"),
        *Path("/usr/lib/odbc").glob(library),
    ][:1]

    assert opened(driver=str(path)).version() == database.version()


def test_a_port_where_nobody_is(opened: Callable[..., Database], database: Database) -> None:
    """Not reached, so nothing was done; a file that is not there is not made."""
    if database.dialect.name == "sqlite":
        nowhere = f"{database.name}.missing"
        with pytest.raises(StornoError), opened(database=nowhere).reading() as session:
            session.rows("select 1")
        assert not Path(nowhere).exists()
        return

    with pytest.raises(Unreachable), opened(port=1).reading():
        pass


@pytest.mark.parametrize("options", ["mariadb"], indirect=True)
def test_a_wrong_password(opened: Callable[..., Database]) -> None:
    """It stops a run, because every other call would fail too; the password is not in the error."""
    with pytest.raises(LoginFailed) as caught, opened(password="guessed wrong").reading():
        pass

    assert "guessed" not in str(caught.value.as_dict())


def test_a_system_that_is_read_only(opened: Callable[..., Database]) -> None:
    """Nothing is written where storno.yaml says read_only."""
    with pytest.raises(NotAllowed), opened(read_only=True).writing():
        pass


@pytest.fixture
def long_text() -> str:
    return "单据号 ü 𠮷 " * 100


def test_long_texts_arrive_whole(database: Database, long_text: str) -> None:
    """MariaDB's driver corrupts every text of 128 characters and more, and characters of two bytes, when left alone."""
    run(
        database,
        "create table orders (id integer primary key, no varchar(2000), closed varchar(4), flag integer)",
        "insert into orders values (1, 'PO', 'N', 1)",
    )
    before = stored(database)
    write(database, closing(before, lambda _: {"no": New(long_text)}))

    with database.reading() as session:
        (row,) = Images(session).rows("orders", ["no"], [long_text], ["id"]).values()

    assert row.cell("id") == Cell(1)
