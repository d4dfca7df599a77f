"""A packed answer is taken apart whole, or not at all."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from connectors.odbc.dialect_names import dialect_of
from connectors.odbc.packing import JsonArrayAgg, Packed, Unpacking, packed
from connectors.odbc.values import Column, Sort

KEY = Column("ID", "int", Sort.INTEGER)
WORDS = Column("words", "varchar(20)", Sort.TEXT, 20)
VERSION = Column("version", "bytea", Sort.BYTES)
COLUMNS = (KEY, WORDS, VERSION)


def plain(column: Column) -> Packed:
    return packed(column, sa.literal_column(column.name))


ELEMENTS = [plain(column) for column in COLUMNS]


def test_a_whole_answer() -> None:
    """Numbers are numbers, texts texts, and bytes are bytes again."""
    found = Unpacking().columns((2, None, "[1, 2]", '["a\\u0000\\"", null]', '["00ff", null]'), ELEMENTS)

    assert found == [[1, 2], ['a\0"', None], [b"\x00\xff", None]]


def test_no_row() -> None:
    """A server gathers nothing from no row."""
    assert Unpacking().columns((0, None, None, None, None), ELEMENTS) == [[], [], []]


@pytest.mark.parametrize(
    "answer",
    [
        (2, 1, "[1, 2]", '["a", null]', "[null, null]"),
        (2, None, "[1, 2]", '["a"]', "[null, null]"),
        (2, None, "[1, 2]", '["a", "b', "[null, null]"),
        (2, None, "[1, 2]", None, "[null, null]"),
    ],
)
def test_an_answer_that_is_not_whole(answer: tuple[Any, ...]) -> None:
    """Too long a text, a row too few, a text that was cut, nothing at all: then the rows are read themselves."""
    assert Unpacking().columns(answer, ELEMENTS) is None


def test_how_postgresql_packs() -> None:
    """Rows are locked within, gathered around; what has no limit is looked at first."""
    dialect = dialect_of("postgresql")
    assert dialect.packing is not None
    select = dialect.packing.select(ELEMENTS, dialect.table("t")).with_for_update()
    base = dialect.packing.whole(dialect.open_ended(select), ELEMENTS)

    found = dialect.filled(base, [KEY], [(7,), (8,)])

    assert found is not None
    assert found.parameters == ("{7,8}",)
    assert " ".join(found.sql.split()) == (
        "select count(*) as c0, max(case when octet_length(q.c2) > 4000 then 1 end) as c1,"
        " json_agg(q.c0)::text as c2, json_agg(q.c1)::text as c3,"
        " json_agg(case when octet_length(q.c2) > 4000 then null else q.c2 end)::text as c4"
        " from (SELECT ID AS c0, words AS c1, encode(version, 'hex') AS c2"
        ' FROM "t" WHERE "ID" = ANY (CAST(? AS bigint[])) FOR UPDATE) as q'
    )


@pytest.mark.parametrize(
    "version, fits",
    [("10.11.19-MariaDB-0+deb12u1", True), ("10.5.8-MariaDB", False), ("8.0.36", False)],
)
def test_which_servers_pack(version: str, fits: bool) -> None:
    """MariaDB since 10.6; of MySQL nobody knows."""
    assert JsonArrayAgg().fits(version) is fits


def test_what_mariadb_cuts() -> None:
    """The text of a DOUBLE loses its end there: such columns are read row by row."""
    assert not JsonArrayAgg().takes(Column("wide", "double", Sort.FLOAT))
    assert JsonArrayAgg().takes(WORDS)


@pytest.mark.parametrize("key", [2**63, -(2**63)])
def test_keys_that_are_too_large(key: int) -> None:
    """They do not travel in a list of whole numbers."""
    dialect = dialect_of("postgresql")
    base = dialect.open_ended(sa.select(sa.literal_column("1")))

    assert dialect.filled(base, [KEY], [(key,)]) is None
