"""The SQL that each database gets. SQL Server, Oracle and Db2 are compared as text: no such server has run it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from config.systems import OdbcLimits
from connectors.odbc.dialect_names import NAMES, dialect_by_driver, dialect_of
from connectors.odbc.dialects import Statement
from connectors.odbc.fitting import fitted
from connectors.odbc.target import fits
from connectors.odbc.values import Cell, Column, New, Sort, is_written
from core.encoding import Value
from core.errors import BadInput, NotFound

LIMITS = OdbcLimits(connect=5.0, lock=7.0, statement=60.0)

ORDER = Column("TD001", "char(4)", Sort.TEXT, 4)
LINE = Column("TD003", "char(4)", Sort.TEXT, 4)
CLOSED = Column("TD016", "varchar(1)", Sort.TEXT, 1)
FLAG = Column("FLAG", "int", Sort.INTEGER)
DAY = Column("day", "datetime", Sort.MOMENT)


def select(name: str, *columns: Column) -> str:
    """A locked read of one key."""
    dialect = dialect_of(name)
    table = dialect.table("PURTD")
    elements = [element for each in columns for element in dialect.captured(each).elements]
    statement = sa.select(*elements).select_from(table).where(dialect.key_in([ORDER], [["PO 1"]]))
    compiled = dialect.compile(dialect.locked(statement, table, LIMITS))
    assert compiled.parameters == ("PO 1",)
    return " ".join(compiled.sql.split())


@pytest.mark.parametrize(
    "name, expected",
    [
        (
            "postgresql",
            (
                'SELECT "TD016", "FLAG", "day"::text FROM "PURTD"'
                ' WHERE "TD001" IN (CAST(? AS char(4))) FOR UPDATE'
            ),
        ),
        (
            "mariadb",
            (
                "SELECT `TD016`, `FLAG`, cast(`day` as char) FROM `PURTD`"
                " WHERE `TD001` IN (?) FOR UPDATE"
            ),
        ),
        (
            "sqlserver",
            (
                "SELECT [TD016], [FLAG], convert(varchar(40), [day], 126)"
                " FROM [PURTD] WITH (UPDLOCK, ROWLOCK, HOLDLOCK) WHERE [TD001] IN (CAST(? AS char(4)))"
            ),
        ),
        (
            "oracle",
            (
                'SELECT "TD016", "FLAG", to_char("day", \'SYYYY-MM-DD HH24:MI:SS.FF9\')'
                ' FROM "PURTD" WHERE "TD001" IN (?) FOR UPDATE WAIT 7'
            ),
        ),
        (
            "db2",
            (
                'SELECT "TD016", "FLAG", varchar("day") FROM "PURTD"'
                ' WHERE "TD001" IN (CAST(? AS char(4))) WITH RS USE AND KEEP UPDATE LOCKS'
            ),
        ),
    ],
)
def test_a_locked_read(name: str, expected: str) -> None:
    """Every identifier is quoted, the key is bound in the column's own type, the rows are held."""
    assert expected == select(name, CLOSED, FLAG, DAY)


@pytest.mark.parametrize(
    "name, expected",
    [
        (
            "postgresql",
            (
                'UPDATE "PURTD" SET "TD016"=CAST(? AS varchar(1))'
                ' WHERE ("TD001", "TD003") IN ((CAST(? AS char(4)), CAST(? AS char(4))))'
            ),
        ),
        (
            "mariadb",
            "UPDATE `PURTD` SET `TD016`=? WHERE (`TD001`, `TD003`) IN ((?, ?))",
        ),
        (
            "sqlserver",
            (
                "UPDATE [PURTD] SET [TD016]=CAST(? AS varchar(1))"
                " WHERE [TD001] = CAST(? AS char(4)) AND [TD003] = CAST(? AS char(4))"
            ),
        ),
        (
            "oracle",
            'UPDATE "PURTD" SET "TD016"=? WHERE ("TD001", "TD003") IN ((?, ?))',
        ),
        (
            "db2",
            (
                'UPDATE "PURTD" SET "TD016"=CAST(? AS varchar(1))'
                ' WHERE "TD001" = CAST(? AS char(4)) AND "TD003" = CAST(? AS char(4))'
            ),
        ),
    ],
)
def test_an_update_by_a_key_of_two_columns(name: str, expected: str) -> None:
    """Names are quoted, and the closing mark and the key are bound."""
    dialect = dialect_of(name)
    table = dialect.table("PURTD", "TD016")
    statement = (
        sa.update(table)
        .values(
            {
                dialect.column("TD016"): dialect.changed(CLOSED, New("y")),
            }
        )
        .where(dialect.key_in([ORDER, LINE], [["P001", "0001"]]))
    )

    compiled = dialect.compile(statement)

    assert ("y", "P001", "0001") == compiled.parameters
    assert expected == " ".join(compiled.sql.split())


@pytest.mark.parametrize("name", NAMES)
def test_names_that_want_to_get_out(name: str) -> None:
    """A name with quotes in it stays a name, and is never a place for a value."""
    dialect = dialect_of(name)
    column = Column('a"]`b; 单号', "int", Sort.INTEGER)
    compiled = dialect.compile(
        sa.update(dialect.table("t", column.name))
        .values({dialect.column(column.name): dialect.changed(column, New(5))})
        .where(dialect.key_in([FLAG], [[1]]))
    )

    assert ["5", "1"] == [str(value) for value in compiled.parameters]
    escaped = {
        "sqlserver": '[a"]]`b; 单号]',
        "mariadb": '`a"]``b; 单号`',
    }.get(name, '"a""]`b; 单号"')
    assert escaped in compiled.sql


def test_another_set_of_books() -> None:
    """A table of another database and schema keeps its three names on SQL Server."""
    dialect = dialect_of("sqlserver")

    compiled = dialect.compile(sa.select(dialect.table("UFDATA_001_2024.dbo.PO_Pomain", "POID")))

    assert "FROM [UFDATA_001_2024].dbo.[PO_Pomain]" in " ".join(compiled.sql.split())


@pytest.mark.parametrize("name", NAMES)
def test_a_thousand_keys_fit(name: str) -> None:
    """No statement has more values than the server takes, however wide the key."""
    dialect = dialect_of(name)

    for width in (1, 2, 3, 7):
        assert 1 <= dialect.chunk(width) * width <= dialect.parameter_limit
        assert dialect.chunk(width) <= dialect.key_chunk


@pytest.mark.parametrize(
    "name, parts",
    [
        ("postgresql", ["lock_timeout = 7000", "statement_timeout = 60000", "read_only = on"]),
        ("mariadb", ["innodb_lock_wait_timeout = 7", "max_statement_time = 60", "read only"]),
        ("sqlite", ["busy_timeout = 7000", "query_only = 1"]),
        ("sqlserver", ["LOCK_TIMEOUT 7000", "NOCOUNT OFF", "XACT_ABORT ON"]),
        ("db2", ["lock timeout 7"]),
    ],
)
def test_the_server_keeps_the_limits(name: str, parts: list[str]) -> None:
    """Drivers accept time limits and forget them; so they are set on the server."""
    told = "; ".join(dialect_of(name).session_settings(LIMITS, read_only=True))

    assert [part for part in parts if part not in told] == []


@pytest.mark.parametrize(
    "driver, expected",
    [
        ("PostgreSQL Unicode", "postgresql"),
        ("/usr/lib/odbc/psqlodbcw.so", "postgresql"),
        ("MariaDB Unicode", "mariadb"),
        ("MySQL ODBC 8.0 Unicode Driver", "mariadb"),
        ("SQLite3", "sqlite"),
        ("ODBC Driver 18 for SQL Server", "sqlserver"),
        ("SQL Server Native Client 10.0", "sqlserver"),
        ("FreeTDS", "sqlserver"),
        ("Oracle in instantclient_21_9", "oracle"),
        ("/opt/clidriver/lib/libdb2.so", "db2"),
        ("Access", None),
    ],
)
def test_the_driver_tells_the_dialect(driver: str, expected: str | None) -> None:
    """By name or by path."""
    assert expected == dialect_by_driver(driver)


def test_an_unknown_dialect() -> None:
    """It is named, with those that are known."""
    with pytest.raises(NotFound) as caught:
        dialect_of("access")

    assert "sqlserver" in caught.value.details["known"]


@pytest.mark.parametrize(
    "name, expected",
    [
        ("sqlserver", Statement("CAST(? AS decimal(18,4))", ("1.2300",))),
        ("postgresql", Statement("CAST(? AS decimal(18,4))", ("1.2300",))),
        ("mariadb", Statement("CAST(? AS DECIMAL(18, 4))", ("1.2300",))),
        ("oracle", Statement("CAST(? AS NUMERIC)", ("1.2300",))),
    ],
)
def test_a_number_travels_as_text(name: str, expected: Statement) -> None:
    """Its scale stays, and no binary number comes between."""
    dialect = dialect_of(name)
    column = Column("amount", "decimal(18,4)", Sort.DECIMAL, 18, 4)

    compiled = dialect.compile(sa.select(dialect.bound(column, Decimal("1.2300"))))

    assert expected.parameters == compiled.parameters
    assert expected.sql in compiled.sql


def test_a_moment_of_sql_server_keeps_its_offset() -> None:
    """What was read of a `datetimeoffset` goes back to the letter; what a recipe writes is the same moment."""
    dialect = dialect_of("sqlserver")
    column = Column("closed", "datetimeoffset(7)", Sort.ZONED)
    there = "2026-11-22T09:30:00.0000001+08:00"
    captured = dialect.captured(column)

    cell = captured.read(there)

    assert there == cell.raw
    assert datetime(2026, 11, 22, 1, 30, tzinfo=UTC) == cell.value
    for change, text in ((New(*cell), there), (New(cell.value), "2026-11-22 01:30:00+00:00")):
        compiled = dialect.compile(dialect.changed(column, change))
        assert ("CAST(? AS datetimeoffset(7))", (text,)) == compiled


@pytest.mark.parametrize(
    "native, length, full, size",
    [
        ("nvarchar", 20, "nvarchar(10)", 10),
        ("nchar", 8, "nchar(4)", 4),
        ("nvarchar", -1, "nvarchar(max)", -1),
        ("sysname", 256, "sysname", 128),
        ("varchar", 20, "varchar(20)", 20),
        ("char", 4, "char(4)", 4),
    ],
)
def test_sql_server_tells_bytes(native: str, length: int, full: str, size: int) -> None:
    """A wide column has room for half as many characters; a longer text is refused before it is written."""
    described = ("cCloser", native, length, 0, 0, True, False, False, 0, "U ", "Chinese_PRC_CI_AS")
    table = dialect_of("sqlserver").describe(lambda *_: [described], "PO_Pomain")
    assert table is not None
    column = table.columns["cCloser"]

    assert (full, size) == (column.type, column.size)
    if size > 0:
        assert "王" * size == fitted("王" * size, column, ZoneInfo("UTC"))
        with pytest.raises(BadInput, match="too long"):
            fitted("王" * (size + 1), column, ZoneInfo("UTC"))


@pytest.mark.parametrize(
    "native, sort, there, written, bound",
    [
        ("DATE", Sort.MOMENT, " 2026-11-22 09:30:00", "2026-11-22 09:30:00", "2026-11-22 09:30:00"),
        (
            "TIMESTAMP(6)", Sort.MOMENT, " 2026-11-22 09:30:00.000000000",
            "2026-11-22 09:30:00", "2026-11-22 09:30:00",
        ),
        (
            "TIMESTAMP(6) WITH TIME ZONE", Sort.ZONED, " 2026-11-22 01:30:00.000000000+00:00",
            datetime(2026, 11, 22, 1, 30, tzinfo=UTC), "2026-11-22 01:30:00.000000000+00:00",
        ),
    ],
)  # fmt: skip
def test_oracle_holds_the_moment_that_was_written(
    native: str, sort: Sort, there: str, written: Value, bound: str
) -> None:
    """Before a year of our era, Oracle's text has a blank where others have their sign; it is no part of the value."""
    dialect = dialect_of("oracle")
    column = Column("closed", native, sort)

    cell = dialect.captured(column).read(there)

    assert is_written(cell, Cell(written), column)
    assert (bound,) == dialect.compile(dialect.changed(column, New(written))).parameters[:1]
    assert (there[1:],) == dialect.compile(dialect.changed(column, New(*cell))).parameters[:1]
    before_christ = dialect.captured(column).read("-0044-03-15 12:00:00")
    assert "-0044-03-15 12:00:00" in (before_christ.raw, before_christ.value)
    assert dialect.captured(column).read(None) == Cell(None)


def test_a_day_or_moment_gets_the_zone_of_the_erp() -> None:
    """A column with a zone holds the moment that `now()` and `today()` mean in the ERP."""
    column = Column("closed", "timestamptz", Sort.ZONED)
    zone = ZoneInfo("Asia/Shanghai")

    assert datetime(2026, 11, 22, 1, 30, tzinfo=UTC) == fitted("2026-11-22 09:30:00", column, zone)
    assert datetime(2026, 11, 21, 16, 0, tzinfo=UTC) == fitted(date(2026, 11, 22), column, zone)
    with pytest.raises(BadInput, match="does not fit"):
        fitted("soon", column, zone)


@pytest.mark.parametrize("said", ["date", "moment"])
@pytest.mark.parametrize("sort", [Sort.MOMENT, Sort.ZONED])
def test_a_day_may_stand_in_a_column_of_moments(said: str, sort: Sort) -> None:
    """A recipe that says date or moment meets a column with a zone as it meets one without."""
    assert fits(Column("closed", "timestamp", sort), said)
