"""The bulk face on tables of one's own: every way to name a document finds it, every column is taken for what it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest

from config.recipe_files import read_recipe
from connectors.contract import Criteria, Kind, Ref
from connectors.odbc.connection import Database
from connectors.odbc.connector import OdbcSystem
from tests.integration.odbc.orders import run

RECIPE: Final = """
recipe: 1
name: mine
version: 1
erp: Mine
product: Mine
databases: [mariadb, postgresql, sqlite]
kinds:
  purchase_order:
    label: PO
    document:
      table: po
      key: [id]
      number: [no]
      columns: {amount: amount, partner_key: vendor, state: mark}
    lines:
      table: pol
      key: [id]
      link: {po: id}
      columns: {quantity: q, received_quantity: r, unit_price: price}
    closed:
      document: mark = 'WORD'
"""
LONG: Final = "V" * 300

Made = Callable[..., OdbcSystem]


@pytest.fixture
def mine(options: Callable[..., Any], database: Database, tmp_path: Path) -> Iterator[Made]:
    """Make the tables, with the types of single columns as asked for, and a system for them."""
    made: list[OdbcSystem] = []

    def make(
        word: str = "y", mark: str = "varchar(20)", code: str = "varchar(20)", **changes: Any
    ) -> OdbcSystem:
        run(
            database,
            f"create table po (id varchar(8) primary key, no {code}, amount decimal(10,2),"
            f" vendor varchar(400), mark {mark})",
            "create table pol (id integer primary key, po varchar(8), q decimal(10,2), r decimal(10,2),"
            " price decimal(10,2))",
            f"insert into po values ('1', 'PO1', 1.5, '{LONG}', '')",
            f"insert into po values ('2,5', 'PO2', 2.5, 'W', '{word}')",
            "insert into pol values (7, '1', 4, 1, 2)",
        )
        path = tmp_path / "mine.yaml"
        path.write_text(RECIPE.replace("WORD", word), encoding="utf-8")
        made.append(OdbcSystem("erp", options(**changes), read_recipe(path)))
        return made[-1]

    yield make
    for each in made:
        each.close()


def numbers(system: OdbcSystem, criteria: Criteria) -> list[str]:
    found = system.documents(Kind.PURCHASE_ORDER, criteria)
    return sorted(row["number"] for batch in found for row in batch.to_pylist())


# --- keys ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "keys, expected",
    [
        (("1",), ["PO1"]),
        (("po,1",), ["PO1"]),
        (("2,5",), ["PO2"]),
        (("po,2,5", "1"), ["PO1", "PO2"]),
        (("so,1",), []),
    ],
)
def test_a_key_as_it_is_or_with_its_table(
    mine: Made, keys: tuple[str, ...], expected: list[str]
) -> None:
    """Both name the document, also where the key itself has a comma; another table's key names nothing."""
    system = mine()

    assert expected == numbers(system, Criteria(keys=keys))
    assert expected == numbers(system, Criteria(numbers=("PO1", "PO2"), keys=keys))


def test_lines_by_the_key_of_their_document(mine: Made) -> None:
    """What a document is named by names its lines."""
    system = mine()
    found = system.lines(Kind.PURCHASE_ORDER, Criteria(keys=("po,1",)))

    assert [("7", "1")] == [
        (row["key"], row["document_key"]) for batch in found for row in batch.to_pylist()
    ]


# --- columns ------------------------------------------------------------------------------------


def test_a_code_that_is_longer_than_the_key(mine: Made) -> None:
    """`key` and `partner_key` are two columns, each as long as it is."""
    system = mine()
    found = system.documents(Kind.PURCHASE_ORDER, Criteria(keys=("1",)))
    (row,) = [row for batch in found for row in batch.to_pylist()]

    assert (LONG, "1") == (row["partner_key"], row["key"])


def test_a_native_column_called_like_one_of_ours(mine: Made) -> None:
    """`amount` is a number and `native.amount` its text, also where a driver cuts the name at its dot."""
    system = mine()
    found = system.documents(Kind.PURCHASE_ORDER, Criteria(keys=("1",), native=("amount", "no")))
    (row,) = [row for batch in found for row in batch.to_pylist()]

    assert (Decimal("1.5"), "PO1") == (row["amount"], row["native.no"])
    assert Decimal("1.5") == Decimal(row["native.amount"])


# --- character sets -----------------------------------------------------------------------------


@pytest.mark.parametrize("options", ["mariadb"], indirect=True)
@pytest.mark.parametrize("charset", ["gbk", "big5", "latin1", "utf8mb4"])
def test_a_chinese_word_of_a_recipe_in_any_character_set(mine: Made, charset: str) -> None:
    """Bulk face and images agree on what is closed, whatever a column's text is stored in."""
    word = "y" if charset == "latin1" else "\u7d50"
    system = mine(word, f"varchar(20) character set {charset}")
    found = system.documents(Kind.PURCHASE_ORDER, Criteria())
    listed = {row["key"]: row["is_closed"] for batch in found for row in batch.to_pylist()}

    assert {"1": False, "2,5": True} == listed
    assert ["PO2"] == numbers(system, Criteria(is_closed=True))


@pytest.mark.parametrize("options", ["mariadb", "sqlite"], indirect=True)
def test_a_number_that_the_encoding_does_not_have(mine: Made, options: Callable[..., Any]) -> None:
    """It is no number of a document there; all the others of the list are found."""
    is_server = "MariaDB" in str(options().driver)
    code = "varchar(20) character set latin1" if is_server else "varchar(20)"
    system = mine(code=code, encoding="gbk")
    asked = ("PO1", "\U0001f600", "\u00fc\u00fc", "PO2 ", "\udcff")

    found = system.find(Kind.PURCHASE_ORDER, asked)

    one, two = Ref("po", "1"), Ref("po", "2,5")
    assert dict(zip(asked, ((one,), (), (), (two,), ()), strict=True)) == found
    assert ["PO1"] == numbers(system, Criteria(keys=("1", "\U0001f600", "\udcff")))
    assert ["PO1"] == numbers(system, Criteria(numbers=("PO1", "\U0001f600")))
