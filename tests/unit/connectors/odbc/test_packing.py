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
AMOUNT = Column("amount", "decimal(9,2)", Sort.DECIMAL, 9, 2)
COLUMNS = (KEY, WORDS, VERSION)


def plain(column: Column) -> Packed:
    return packed(column, sa.literal_column(column.name))


ELEMENTS = [plain(column) for column in COLUMNS]


def test_a_whole_answer() -> None:
    """Numbers are numbers, texts texts, and bytes are bytes again."""
    found = Unpacking().columns(
        (2, None, "[1, 2]", '["a\\u0000\\"", null]', '["00ff", null]'), ELEMENTS
    )

    assert found == [[1, 2], ['a\0"', None], [b"\x00\xff", None]]


def test_numbers_and_days() -> None:
    """A comma stands behind each; between two of them stands nothing."""
    found = Unpacking().columns((4, None, "1.50,,-2,,"), [plain(AMOUNT)])

    assert found == [["1.50", None, "-2", None]]


@pytest.mark.parametrize("text", ["1.50,2.2", "1.50,", "1.50,2.25,3", "1.50,2.25,3,", ""])
def test_numbers_that_were_cut(text: str) -> None:
    """A server that cuts a text leaves the last number without its comma, or numbers out."""
    assert Unpacking().columns((2, None, text), [plain(AMOUNT)]) is None


def test_a_column_that_says_the_same() -> None:
    """The very same list again, by which it is known; another text is another list, and nothing is taken for another."""
    unpacking = Unpacking()
    first = unpacking.columns((2, None, "[1, 2]", '["a", "b"]', "[null, null]"), ELEMENTS)
    then = unpacking.columns((2, None, "[1, 2]", '["a", "c"]', "[null, null]"), ELEMENTS)
    again = unpacking.columns((2, None, "[1, 2]", '["a", "b"]', "[null, null]"), ELEMENTS)
    assert first is not None
    assert then is not None
    assert again is not None

    assert first[0] is then[0] is again[0]
    assert then[1] == ["a", "c"]
    assert again[1] is first[1]
    assert unpacking.columns((3, None, "[1, 2]", '["a", "b"]', "[null, null]"), ELEMENTS) is None


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
    elements = [*ELEMENTS, plain(AMOUNT)]
    select = dialect.packing.select(elements, dialect.table("t")).with_for_update()
    base = dialect.packing.whole(dialect.open_ended(select), elements)

    found = dialect.filled(base, [KEY], [(7,), (8,)])

    assert found is not None
    assert found.parameters == ("{7,8}",)
    assert " ".join(found.sql.split()) == (
        "select count(*) as c0, max(case when octet_length(q.c2) > 4000 then 1 end) as c1,"
        " json_agg(q.c0)::text as c2, json_agg(q.c1)::text as c3,"
        " json_agg(case when octet_length(q.c2) > 4000 then null else q.c2 end)::text as c4,"
        " string_agg(coalesce(q.c3, ''), ',') || ',' as c5"
        " from (SELECT ID AS c0, words AS c1, encode(version, 'hex') AS c2, amount AS c3"
        ' FROM "t" WHERE "ID" = ANY (CAST(? AS bigint[])) FOR UPDATE) as q'
    )


def test_how_mariadb_packs() -> None:
    """A comma stands behind every number, so that a text which was cut is known."""
    dialect = dialect_of("mariadb")
    assert dialect.packing is not None

    found = dialect.compile(dialect.packing.select([plain(AMOUNT)], dialect.table("t")))

    assert found.parameters == ()
    assert "group_concat(coalesce(concat(amount, ','), ',') separator '') AS c2" in found.sql


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
