"""The real SQL-Ledger runs, shows its orders, and its pages and its tables tell the same."""

from __future__ import annotations

import urllib.request
from decimal import Decimal

import psycopg
import pytest

from config.recipe_files import load_recipe
from sandbox.sql_ledger import practice
from sandbox.sql_ledger.practice import SQLLedgerError
from tests.sandbox.recipe_names import named

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(600)]


def _rows(ledger: practice.Running, sql: str) -> list[tuple[object, ...]]:
    with psycopg.connect(ledger.dsn) as session:
        return session.execute(sql).fetchall()


def test_its_pages_and_its_tables_tell_the_same(ledger: practice.Running) -> None:
    """Every order that the table has as closed is listed as closed, and the others as open."""
    for kind, column in (("purchase_order", "vendor_id"), ("sales_order", "customer_id")):
        for closed in (True, False):
            sql = f"select id from oe where {column} > 0 and closed = {closed}"  # noqa: S608
            assert {one for (one,) in _rows(ledger, sql)} == ledger.listed(kind, closed=closed)
    assert [(practice.ORDERS,)] == _rows(ledger, "select count(*) from oe")


def test_an_order_on_its_page(ledger: practice.Running) -> None:
    """Number, partner, lines, Chinese and astral text, as a person sees them."""
    [(first,)] = _rows(ledger, "select id from oe where ordnumber = 'SO-0004'")
    order = ledger.order(int(str(first)), "sales_order")

    assert (order.number, order.partner, order.closed) == ("SO-0004", "Schrauben & Co", False)
    assert order.notes == "請盡快 𠮷"
    assert [line.description for line in order.lines] == ["電容 10uF", "六角螺丝 M3"]


def test_a_close_by_sql_shows_on_the_page(ledger: practice.Running) -> None:
    """What another program writes into oe.closed is what the web page says."""
    [(first,)] = _rows(ledger, "select id from oe where ordnumber = 'PO-0001'")
    one = int(str(first))
    assert ledger.order(one).closed is False
    with psycopg.connect(ledger.dsn) as session:
        session.execute("update oe set closed = true where id = %s", [one])

    assert ledger.order(one).closed is True
    assert one in ledger.listed(closed=True)


def test_a_person_closes_receives_and_reopens(ledger: practice.Running) -> None:
    """By the page alone; each save writes the lines anew under new ids."""
    [(first,)] = _rows(ledger, "select id from oe where ordnumber = 'PO-0002'")
    one = int(str(first))
    ids = f"select id from orderitems where trans_id = {one}"  # noqa: S608 - a number
    before = _rows(ledger, ids)
    ledger.close(one)
    assert ledger.order(one).closed is True
    ledger.receive(one, {1: "1"})
    assert Decimal(1) == ledger.order(one).lines[0].shipped
    ledger.reopen(one)

    assert ledger.order(one).closed is False
    assert not set(before) & set(_rows(ledger, ids))


def test_a_fresh_start_is_fresh(ledger: practice.Running) -> None:
    """What an earlier test did is gone, and the login page answers."""
    assert [(4,)] == _rows(ledger, "select count(*) from oe where closed")
    with urllib.request.urlopen(ledger.url) as answer:  # noqa: S310 - on loopback
        assert b"SQL-Ledger" in answer.read()


def test_books_are_closed_up_to_a_day(ledger: practice.Running) -> None:
    """The day stands in defaults, where its own programs look."""
    ledger.close_books("2026-10-31")
    assert [("20261031",)] == _rows(
        ledger, "select fldvalue from defaults where fldname = 'closedto'"
    )
    ledger.close_books(None)
    assert [] == _rows(
        ledger, "select * from defaults where fldname = 'closedto' and fldvalue <> ''"
    )


def test_the_dump_sees_what_changed(ledger: practice.Running) -> None:
    """One flag, one difference."""
    before = ledger.dump()
    with psycopg.connect(ledger.dsn) as session:
        session.execute("update oe set closed = true where ordnumber = 'PO-0001'")
    found = practice.compare(before, ledger.dump())

    assert [("oe", "closed", "f", "t")] == [
        (one.table, one.column, one.before, one.after) for one in found
    ]


def test_an_order_that_is_none(ledger: practice.Running) -> None:
    """The page of no order is an error, not an empty order."""
    with pytest.raises(SQLLedgerError):
        ledger.order(1)


def test_what_its_recipe_names_is_there(ledger: practice.Running) -> None:
    """Every table and column of the shipped recipe stands in the live schema."""
    there = set(_rows(ledger, "select table_name, column_name from information_schema.columns"))

    assert set() == set(named(load_recipe("sql_ledger"))) - there
