"""Connection strings: read, made of parts, completed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.systems import OdbcOptions
from connectors.odbc import connection_string as strings
from core.errors import BadInput


def made(**options: Any) -> str:
    return strings.written(strings.parts_of(OdbcOptions(**options)))


@pytest.mark.parametrize(
    "options, expected",
    [
        (
            {"driver": "PostgreSQL Unicode", "server": "db", "port": 5433, "database": "erp", "user": "u", "password": "p"},
            "Driver={PostgreSQL Unicode};Server=db;Port=5433;Database=erp;UID=u;PWD=p;",
        ),
        (
            {"driver": "ODBC Driver 18 for SQL Server", "server": "db", "port": 1433, "database": "UFDATA_001_2024"},
            "Driver={ODBC Driver 18 for SQL Server};Server=db,1433;Database=UFDATA_001_2024;",
        ),
        ({"driver": "FreeTDS", "server": "db", "port": 1433}, "Driver={FreeTDS};Server=db;Port=1433;"),
        (
            {"driver": "Oracle in instantclient", "server": "db", "port": 1521, "database": "topprod"},
            "Driver={Oracle in instantclient};DBQ=db:1521/topprod;",
        ),
        (
            {"driver": "/opt/libdb2.so", "server": "db", "port": 50000, "database": "erp"},
            "Driver=/opt/libdb2.so;Hostname=db;Protocol=TCPIP;Port=50000;Database=erp;",
        ),
        ({"driver": "SQLite3", "database": "/data/a b.db"}, "Driver={SQLite3};Database=/data/a b.db;"),
    ],
)  # fmt: skip
def test_parts(options: dict[str, Any], expected: str) -> None:
    """Each driver has its own words for the same parts."""
    assert expected == made(**options)


VALUES = st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=12)


@given(st.lists(VALUES, min_size=1, max_size=4))
def test_whatever_a_password_holds(values: list[str]) -> None:
    """What was written is read again: braces, semicolons, blanks and all."""
    parts = tuple((f"Key{place}", value) for place, value in enumerate(values))

    assert parts == strings.read(strings.written(parts))


@pytest.mark.parametrize("text", ["Driver", "Driver={SQLite3", "=x", ";;x"])
def test_no_connection_string(text: str) -> None:
    """It is refused, and no part of it is repeated: it may be the password."""
    with pytest.raises(BadInput) as caught:
        strings.read(text)

    assert "SQLite3" not in str(caught.value)


def test_switches_are_added_up() -> None:
    """MariaDB's OPTION is a sum; whatever else the site has written stays."""
    parts = strings.read("Driver=x;Option=8;ConnSettings=mine")

    found = strings.with_extras(parts, {"OPTION": "2", "ConnSettings": "ours", "Fetch": "5"})

    assert (("Driver", "x"), ("Option", "10"), ("ConnSettings", "mine"), ("Fetch", "5")) == found
