"""What a trigger made of a value shows when it is read back: nothing that was altered counts as written."""

from __future__ import annotations

from typing import Final

import pytest

from connectors.contract import Ref
from connectors.odbc.connection import Database
from connectors.odbc.values import New
from connectors.odbc.writing import write
from connectors.odbc.written import Write
from core.errors import NoEffect
from tests.integration.odbc.orders import run
from tests.integration.odbc.test_faults import on_a_server

MOMENT: Final = {"postgresql": "timestamp(6)", "mariadb": "datetime(6)"}


def altered(database: Database, name: str, value: str, into: str) -> None:
    """Make a table and a trigger that takes one value of a column for another."""
    moment = MOMENT[database.dialect.name]
    run(
        database,
        "create table t (id integer not null primary key, word varchar(40), fixed char(40),"
        f" at {moment}, amount numeric(9,3))",
        *(f"insert into t (id) values ({number})" for number in range(1, 5)),
    )
    if database.dialect.name == "postgresql":
        run(
            database,
            "create function meddle() returns trigger language plpgsql as $$ begin"
            f" if new.{name} = '{value}' then new.{name} = '{into}'; end if; return new; end $$",
            "create trigger meddle before update on t for each row execute function meddle()",
        )
    else:
        run(
            database,
            "create trigger meddle before update on t for each row"
            f" set new.{name} = if(new.{name} = '{value}', '{into}', new.{name})",
        )


def written(database: Database, name: str, value: str, count: int = 1) -> None:
    writes = [
        Write(f"op-{key}", Ref("t", str(key)), ("id",), {}, {name: New(value)})
        for key in range(1, count + 1)
    ]
    write(database, writes)


@on_a_server
@pytest.mark.parametrize("count", [1, 4], ids=["one", "many"])
@pytest.mark.parametrize(
    "name, value, into",
    [
        ("word", "007", "7"),
        ("word", "y  ", "y"),
        ("word", "1.0", "1.00"),
        ("word", "2026-11-22 09:00:00", "2026-11-22 09:00:30"),
        ("fixed", "007", "7"),
        ("at", "2026-11-22 09:00:00", "2026-11-22 09:00:29"),
        ("at", "2026-11-22 09:00:00", "2026-11-22 09:00:00.000001"),
    ],
)
def test_what_a_trigger_alters_has_no_effect(
    database: Database, name: str, value: str, into: str, count: int
) -> None:
    """Text is compared as text and a moment to its last digit, one row or many."""
    altered(database, name, value, into)

    with pytest.raises(NoEffect) as caught:
        written(database, name, value, count)

    assert len(caught.value.offenders) == count


@on_a_server
@pytest.mark.parametrize(
    "name, value",
    [
        ("word", "007"),
        ("word", "y  "),
        ("word", " y"),
        ("fixed", "y"),
        ("fixed", "y "),
        ("at", "2026-11-22 09:00:00"),
        ("amount", "5"),
        ("amount", "5.10"),
    ],
)
def test_what_a_column_only_notes_in_its_own_way_is_written(
    database: Database, name: str, value: str
) -> None:
    """A column of fixed length fills up with blanks, a number with zeros, a moment with its fraction."""
    altered(database, "word", "something else", "x")

    written(database, name, value)
