"""Rows that are known again need no second comparison, and values that stand alike are looked at once: both to the last byte."""

from __future__ import annotations

from typing import Any, Final

import pytest

from connectors.contract import Image, Record
from connectors.odbc.connection import Database
from connectors.odbc.images import Images, Part
from connectors.odbc.values import New
from connectors.odbc.writing import write
from connectors.odbc.written import Write
from core.errors import NoEffect, StaleRecord

COUNT: Final = 12
FIELDS: Final = ("amount", "closed", "flag", "id", "no")
ORDERS: Final = Part("orders", ("id",), frozenset(FIELDS))

on_a_server = pytest.mark.parametrize("options", ["postgresql", "mariadb"], indirect=True)


def run(database: Database, *statements: str) -> None:
    with database.writing() as session:
        for statement in statements:
            session.change(statement)
        session.commit()


@pytest.fixture
def orders(database: Database) -> Database:
    run(
        database,
        "create table orders (id integer not null primary key, no varchar(20), closed varchar(4),"
        " flag integer, amount decimal(18,4))",
        "insert into orders values "
        + ", ".join(f"({n}, 'PO{n}', 'n', {n}, 1.5)" for n in range(COUNT)),
    )
    return database


def captured(database: Database, *known: Image) -> list[Image]:
    keys = [str(n) for n in range(COUNT)]
    with database.reading() as session:
        return Images(session).capture([ORDERS], keys, known)


def closing(images: list[Image], value: Any = "y") -> list[Write]:
    changes = {"closed": New(value)}
    records = [image.records[0] for image in images]
    return [Write(f"op {r.ref.key}", r.ref, ("id",), FIELDS, changes, r) for r in records]


def closed(database: Database) -> set[Any]:
    return {(image.records[0].fields or {})["closed"] for image in captured(database)}


def test_rows_that_stand_are_known_again(orders: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody touched them, so nothing is compared value by value; they are locked all the same."""
    images = captured(orders)
    monkeypatch.setattr("connectors.odbc.writing.is_same", None)

    write(orders, closing(images))

    assert closed(orders) == {"y"}


@pytest.mark.parametrize(
    "change",
    [
        "update orders set flag = 100 where id = 3",
        "update orders set closed = 'N' where id = 3",
        "update orders set no = 'PO3 ' where id = 3",
        "update orders set amount = null where id = 3",
    ],
)
def test_a_row_that_was_changed(orders: Database, change: str) -> None:
    """One letter's case, one blank, one null: refused, by name, and nothing is written."""
    images = captured(orders)
    run(orders, change)

    with pytest.raises(StaleRecord) as caught:
        write(orders, closing(images))

    assert caught.value.offenders == ("op 3",)
    assert "y" not in closed(orders)


def test_a_row_that_was_changed_and_put_back(orders: Database) -> None:
    """What stands there counts, not that somebody wrote it meanwhile."""
    images = captured(orders)
    run(
        orders,
        "update orders set flag = 100 where id = 3",
        "update orders set flag = 3 where id = 3",
    )

    write(orders, closing(images))

    assert closed(orders) == {"y"}


def test_an_image_of_another_process(orders: Database) -> None:
    """An equal image that was read elsewhere is compared value by value, as exactly."""
    images = [
        Image(tuple(Record(r.ref, dict(r.fields or {}), r.raw) for r in image.records))
        for image in captured(orders)
    ]
    run(orders, "update orders set no = 'po3' where id = 3")

    with pytest.raises(StaleRecord) as caught:
        write(orders, closing(images))

    assert caught.value.offenders == ("op 3",)


def test_a_writer_that_connects_later(orders: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first write of a process comes from the very server that the images came from: they are known there."""
    orders.close()
    images = captured(orders)
    monkeypatch.setattr("connectors.odbc.writing.is_same", None)

    write(orders, closing(images))

    assert closed(orders) == {"y"}


def test_a_writer_on_another_server(orders: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """What reads and what writes may lie behind one name: marks of the one say nothing on the other."""
    monkeypatch.setattr(type(orders.dialect), "row_version", lambda *_: "'725'")
    monkeypatch.setattr(
        type(orders.dialect),
        "server_query",
        "select cast(9 * rand() as char)"
        if orders.dialect.name == "mariadb"
        else "select cast(random() as varchar(40))",
    )
    orders.close()
    images = captured(orders)
    with orders.writing():
        images = captured(orders)
    run(orders, "update orders set flag = 100 where id = 3")

    with pytest.raises(StaleRecord) as caught:
        write(orders, closing(images))

    assert caught.value.offenders == ("op 3",)


def test_another_server_behind_a_new_connection(
    orders: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that was restored, or the one that took over, counts its transactions anew: no mark is good there."""
    monkeypatch.setattr(type(orders.dialect), "row_version", lambda *_: "'725'")
    images = captured(orders)
    run(orders, "update orders set flag = 100 where id = 3")
    orders.close()

    with pytest.raises(StaleRecord) as caught:
        write(orders, closing(images))

    assert caught.value.offenders == ("op 3",)


@pytest.mark.parametrize("is_seen", [True, False])
def test_a_deleted_row(orders: Database, *, is_seen: bool) -> None:
    """Known or not, a row that is gone is noticed."""
    images = captured(orders)
    run(orders, "delete from orders where id = 3")
    if is_seen:
        now = captured(orders, *images)
        assert now[3].records[0].fields is None

    with pytest.raises(Exception, match="3") as caught:
        write(orders, closing(images))

    assert getattr(caught.value, "offenders", ()) == ("op 3",)


TRIGGERS: Final = {
    "postgresql": (
        (
            "create function shout() returns trigger language plpgsql as"
            " $$ begin if new.id = 3 then new.closed := {value}; end if; return new; end $$"
        ),
        "create trigger shouting before update on orders for each row execute function shout()",
    ),
    "mariadb": (
        (
            "create trigger shouting before update on orders for each row"
            " set new.closed = if(new.id = 3, {value}, new.closed)"
        ),
    ),
}


@on_a_server
@pytest.mark.parametrize("value", ["'Y'", "'ý'", "'yy'", "null"])
def test_one_of_many_got_something_else(orders: Database, value: str) -> None:
    """A collation takes `y` for `Y` and `ý`; read back in a dozen alike, the one that differs is named."""
    run(orders, *(each.format(value=value) for each in TRIGGERS[orders.dialect.name]))
    images = captured(orders)

    with pytest.raises(NoEffect) as caught:
        write(orders, closing(images))

    assert caught.value.offenders == ("op 3",)
    assert closed(orders) == {"n"}


@pytest.mark.parametrize("options", ["postgresql"], indirect=True)
@pytest.mark.parametrize(
    "changes",
    [
        (
            "alter table orders drop column no",
            "alter table orders add column no varchar(20) default 'PO0'",
        ),
        (
            "alter table orders rename column no to other",
            "alter table orders rename column closed to no",
            "alter table orders rename column other to closed",
        ),
        (
            "create table twin (like orders)",
            "insert into twin select * from orders",
            "alter table orders rename to gone",
            "alter table twin rename to orders",
            "update orders set no = 'PO0'",
        ),
    ],
)
def test_columns_that_changed_below_the_rows(
    orders: Database, monkeypatch: pytest.MonkeyPatch, changes: tuple[str, ...]
) -> None:
    """A column that was dropped and added anew, or that took another's name, changes no row version."""
    if "twin" in changes[0]:
        monkeypatch.setattr(type(orders.dialect), "row_version", lambda *_: "'725'")
    images = captured(orders)
    run(orders, *changes)

    with pytest.raises(StaleRecord) as caught:
        write(orders, closing(images))

    assert len(caught.value.offenders) >= COUNT - 1
