"""The bulk face over real drivers: the same rows as the record face, odd values become null, no process ends."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from connectors.columns import AMOUNT, MOMENT, QUANTITY
from connectors.odbc.connection import Database
from connectors.odbc.dialects import Statement
from connectors.odbc.reading import batches
from core.errors import StornoError

SCHEMA = pa.schema(
    [
        ("key", pa.string()),
        ("number", pa.string()),
        ("date", pa.date32()),
        ("amount", AMOUNT),
        ("ordered_quantity", QUANTITY),
        ("is_closed", pa.bool_()),
        ("changed_at", MOMENT),
        ("native.note", pa.string()),
    ]
)

ODD = {
    "postgresql": ["'infinity', 'NaN', 'infinity'", "'0044-03-15 BC', 1, '20000-01-01 00:00:00'"],
    "mariadb": [
        "'2024-00-00', 1, '2024-00-00 00:00:00'",
        "'0000-00-00', 1, '0000-00-00 00:00:00'",
        "'2024-02-31', 1, null",
    ],
    "sqlite": ["'2024-00-00', 'abc', 'yesterday'", "'infinity', 1, 'infinity'"],
}


def fill(database: Database, *rows: str) -> None:
    moment = "datetime" if database.dialect.name == "mariadb" else "timestamp"
    with database.writing() as session:
        session.change(
            "create table orders (id integer primary key, no varchar(20), closed varchar(1),"
            f" day date, amount decimal(18,4), at {moment}, note varchar(12000))"
        )
        for place, row in enumerate(rows, 1):
            session.change(f"insert into orders values ({place}, 'PO{place}', 'y', {row})")
        session.commit()


def read(database: Database, where: str = "", *values: Any) -> list[dict[str, Any]]:
    quote = database.dialect.quote
    listed = ", ".join(
        f"{sql} as {quote(name)}"
        for sql, name in zip(
            ("id", "no", "day", "amount", "amount", "closed = 'y'", "at", "note"),
            SCHEMA.names,
            strict=True,
        )
    )
    statement = Statement(f"select {listed} from orders {where}", values)
    return list(pa.Table.from_batches(batches(database, statement, SCHEMA), SCHEMA).to_pylist())


GOOD = "'2024-05-06', 12.3400, '2024-05-06 07:08:09', '螺丝 ü'"


def test_a_row(opened: Any) -> None:
    """Every type of the canonical columns arrives; a moment is of the system's own zone."""
    database = opened(time_zone="Asia/Shanghai")
    fill(database, GOOD)

    assert read(database) == [
        {
            "key": "1",
            "number": "PO1",
            "date": date(2024, 5, 6),
            "amount": Decimal("12.34"),
            "ordered_quantity": Decimal("12.34"),
            "is_closed": True,
            "changed_at": datetime(2024, 5, 5, 23, 8, 9, tzinfo=UTC),
            "native.note": "螺丝 ü",
        }
    ]


def test_odd_values_are_null(database: Database) -> None:
    """A date that is none would end the process within arrow-odbc; a NaN would be 0."""
    with database.writing() as session:
        if database.dialect.name == "mariadb":
            session.change("set session sql_mode = 'ALLOW_INVALID_DATES'")
        session.commit()
    odd = ODD[database.dialect.name]
    fill(database, *(f"{row}, 'x'" for row in odd))

    found = read(database)

    assert len(found) == len(odd)
    assert {row["date"] for row in found} == {None}
    assert {row["changed_at"] for row in found} == {None}
    assert {row["amount"] for row in found} <= {None, Decimal(1)}


@pytest.mark.parametrize("note", ["短", "长" * 5_000, "𠮷" * 300])
def test_texts_of_any_length(database: Database, note: str) -> None:
    """What has no room in arrow-odbc's batches goes through pyodbc: the same rows, nothing cut."""
    fill(database, "null, null, null, null")
    with database.writing() as session:
        session.change("update orders set note = ?", (note,))
        session.commit()

    assert note == read(database)[0]["native.note"]


def test_values_are_bound(database: Database) -> None:
    """Numbers, ASCII and other text find the same rows."""
    fill(database, GOOD, GOOD)

    assert ["1"] == [row["key"] for row in read(database, "where id = ? and no = ?", 1, "PO1")]
    found = read(database, "where note = ? and id > ?", "螺丝 ü", 1)
    assert ["2"] == [row["key"] for row in found]


def test_no_row(database: Database) -> None:
    """Nothing is an answer too."""
    fill(database)

    assert [] == read(database)


@pytest.mark.parametrize("options", ["sqlite"], indirect=True)
def test_a_long_text_where_a_number_belongs(database: Database) -> None:
    """SQLite holds anything anywhere: what is no number is null, whatever its length, and nothing fails."""
    fill(database, f"'{'9' * 90}', '{'長' * 300}', 'soon', 'x'", GOOD)

    first, second = read(database)

    assert (first["amount"], first["date"], first["changed_at"]) == (None, None, None)
    assert second["amount"] == Decimal("12.34")


LATE = 12_345
"""A row far behind those that are handed out first."""


@pytest.mark.parametrize("late", [0, LATE])
@pytest.mark.parametrize("options", ["sqlite"], indirect=True)
def test_what_has_no_room_is_read_again(database: Database, late: int) -> None:
    """A value longer than its column says is never cut; each row comes once, whatever was handed out before it."""
    long = "长𠮷" * 300
    _fill_long(database, late, long)

    found = _read_long(database)

    assert [long if place == late else f"n{place}" for place in range(LATE + 10)] == found


@pytest.mark.parametrize("options", ["sqlite"], indirect=True)
def test_rows_that_moved_meanwhile_are_not_read_again(database: Database) -> None:
    """When somebody committed since, nobody knows which rows were handed out: the reading fails, and nothing is cut."""
    _fill_long(database, LATE, "x" * 2_000)
    schema = pa.schema([("name", pa.string())])
    coming = batches(database, Statement("select name from long order by id"), schema)

    next(coming)
    with database.writing() as session:
        session.change("update long set name = 'other' where id = 0")
        session.commit()

    with pytest.raises(StornoError):
        list(coming)


def _fill_long(database: Database, late: int, long: str) -> None:
    with database.writing() as session:
        session.change("create table long (id integer primary key, name varchar(8))")
        session.change(
            "insert into long with recursive n(i) as (select 0 union all select i + 1 from n"
            f" where i < {LATE + 9}) select i, case i when {late} then ? else 'n' || i end from n",
            (long,),
        )
        session.commit()


def _read_long(database: Database) -> list[Any]:
    schema = pa.schema([("name", pa.string())])
    statement = Statement("select name from long order by id")
    found = pa.Table.from_batches(batches(database, statement, schema), schema)
    return list(found.column("name").to_pylist())


@pytest.mark.parametrize("options", ["postgresql", "mariadb"], indirect=True)
def test_the_longest_values_of_their_columns(database: Database) -> None:
    """Every column holds what it may hold: characters of four bytes, all digits, places that are not wanted."""
    decimal = "numeric" if database.dialect.name == "postgresql" else "decimal"
    nine, many = "9" * 14, "𠮷" * 20
    _fill_odd(
        database,
        f"name varchar(20), whole {decimal}(38,0), fine {decimal}(20,8), sum {decimal}(18,4)",
        f"'{many}', -{'9' * 29}, 0.123456785, -{nine}.9999",
        f"'', {'9' * 38}, 1.5, 0",
        "null, null, null, null",
    )

    assert [many, "", None] == _read_one(database, "name", pa.string())
    assert [Decimal(f"-{'9' * 29}"), None, None] == _read_one(database, "whole", QUANTITY)
    assert [Decimal(f"-{nine}.9999"), 0, None] == _read_one(database, "sum", QUANTITY)
    assert [Decimal("0.123457"), Decimal("1.5"), None] == _read_one(database, "fine", AMOUNT)
    assert [Decimal("0.12345679"), Decimal("1.5"), None] == _read_one(database, "fine", QUANTITY)


@pytest.mark.parametrize("options", ["postgresql"], indirect=True)
def test_nan_among_numbers(database: Database) -> None:
    """It is none, whatever the places of its column; the numbers beside it stay."""
    _fill_odd(database, "sum numeric(18,4), fine numeric(20,8)", "'NaN', 'NaN'", "1.25, 0.00000001")

    # Names that are not ASCII go through pyodbc.
    for column in (
        "sum",
        "fine",
        "case when '数' <> '' then sum end",
        "case when '数' <> '' then fine end",
    ):
        found = _read_one(database, column, AMOUNT)
        assert found[0] is None
        assert found[1] is not None
    assert Decimal("1.25") == _read_one(database, "sum", AMOUNT)[1]
    assert Decimal("1E-8") == _read_one(database, "fine", QUANTITY)[1]


@pytest.mark.parametrize("options", ["sqlite"], indirect=True)
def test_odd_values_in_a_column_for_numbers(database: Database) -> None:
    """Bytes are no number, and no text that only begins like one is taken for it."""
    values = (
        "x'3132'",
        "'12x'",
        f"'1{'0' * 70}'",
        "12.5",
        "'0012'",
        "1e2",
        "-0.1",
        f"'{'7' * 900}'",
    )
    _fill_odd(database, "sum decimal(18,4)", *values)

    found = _read_one(database, "sum", AMOUNT)

    assert [None, None, None, Decimal("12.5"), 12, 100, Decimal("-0.1"), None] == found


def _read_one(database: Database, column: str, wanted: pa.DataType) -> list[Any]:
    schema = pa.schema([("wanted", wanted)])
    statement = Statement(f'select {column} as "wanted" from odd order by id')
    if database.dialect.name == "mariadb":
        statement = Statement(f"select {column} as `wanted` from odd order by id")
    found = pa.Table.from_batches(batches(database, statement, schema), schema)
    return list(found.column("wanted").to_pylist())


def _fill_odd(database: Database, columns: str, *rows: str) -> None:
    with database.writing() as session:
        session.change(f"create table odd (id integer not null primary key, {columns})")
        for place, row in enumerate(rows):
            session.change(f"insert into odd values ({place}, {row})")
        session.commit()


@pytest.mark.parametrize("options", ["postgresql"], indirect=True)
def test_moments_with_and_without_a_zone(opened: Any) -> None:
    """To the microsecond: one with a zone is that moment, one without is of the system's zone; what is none is null."""
    database = opened(time_zone="Asia/Shanghai")
    texts = (
        "2024-03-10 12:34:56.123456",
        "1969-12-31 23:59:59.999999",
        "9999-12-31 23:59:59.999999",
        "0002-01-01 00:00:00.000001",
    )
    odd = ("'infinity'", "'-infinity'", "'0044-03-15 12:00 BC'", "'10000-01-01'", "null")
    rows = [*(f"'{text}', '{text}+00'" for text in texts), *(f"{each}, {each}" for each in odd)]
    _fill_odd(database, "at timestamp, zoned timestamptz", *rows)

    there = [datetime.fromisoformat(text).replace(tzinfo=UTC) for text in texts]
    nothing = [None] * len(odd)
    assert [*there, *nothing] == _read_one(database, "zoned", MOMENT)
    china = timezone(timedelta(hours=8))
    modern = [each.replace(tzinfo=china) for each in there[:3]]
    found = _read_one(database, "at", MOMENT)
    assert (modern, nothing) == (found[:3], found[4:])


@pytest.mark.parametrize("options", ["postgresql"], indirect=True)
def test_days_of_every_age(database: Database) -> None:
    """To the first and the last that Python knows; others, and infinity, are none, whoever writes them how."""
    good = ("0001-01-01", "1582-10-10", "2024-02-29", "9999-12-31")
    odd = (
        "infinity",
        "-infinity",
        "0044-03-15 BC",
        "4713-01-01 BC",
        "10000-01-01",
        "5874897-12-31",
    )
    rows = [f"'{day}'" for day in (*good, *odd)]
    _fill_odd(database, "day date", *rows, "null")

    expected = [*map(date.fromisoformat, good), *[None] * (len(odd) + 1)]
    assert expected == _read_one(database, "day", pa.date32())


MARIADB_NUMBERS = {
    "tiny": ("tinyint", ("-128", "127")),
    "whole": ("int", ("-2147483648", "2147483647")),
    "bare": ("int unsigned", ("0", "4294967295")),
    "filled": ("int(7) zerofill", ("42", "4294967295")),
    "big": ("bigint", ("-9223372036854775808", "9223372036854775807")),
    "biggest": ("bigint unsigned", ("0", "18446744073709551615")),
    "narrow": ("bigint(5) unsigned", ("7", "18446744073709551615")),
    "wide": ("bigint(8) zerofill", ("42", "18446744073709551615")),
    "year": ("year", ("1901", "2155")),
}
POSTGRESQL_NUMBERS = {
    "small": ("smallint", ("-32768", "32767")),
    "whole": ("integer", ("-2147483648", "2147483647")),
    "big": ("bigint", ("-9223372036854775808", "9223372036854775807")),
    "object": ("oid", ("0", "4294967295")),
}


@pytest.mark.parametrize(
    "options, kinds",
    [("mariadb", MARIADB_NUMBERS), ("postgresql", POSTGRESQL_NUMBERS)],
    indirect=["options"],
)
def test_whole_numbers_as_text(
    database: Database, kinds: dict[str, tuple[str, tuple[str, ...]]]
) -> None:
    """Each as it is, whatever its width, with a sign and without."""
    columns = ", ".join(f"{name} {kind}" for name, (kind, _) in kinds.items())
    rows = [", ".join(values[place] for _, values in kinds.values()) for place in (0, 1)]
    _fill_odd(database, columns, *rows, ", ".join(["null"] * len(kinds)))

    for name, (_, values) in kinds.items():
        assert [*values, None] == _read_one(database, name, pa.string()), name
