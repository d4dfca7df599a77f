"""A recipe's expressions mean the same in Python and as SQL."""

from __future__ import annotations

import sqlite3
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from config.expressions import parse
from connectors.odbc.dialect_names import dialect_of
from connectors.odbc.formulas import NOTHING, Sight, Writer, holds, ready_condition, value_of
from connectors.odbc.formulas_sql import Scope, sql_of
from core.encoding import Value
from core.errors import BadInput, ContractBroken

ROW: dict[str, Value] = {
    "y": "y",
    "big": "Y",
    "padded": "y   ",
    "empty": "",
    "nothing": None,
    "one": 1,
    "half": Decimal("0.50"),
    "text_number": "12",
    "yes": True,
    "wide": "\u3000y",
    "figure": "1",
}
TEXTS = frozenset(name for name, value in ROW.items() if isinstance(value, str)) | {"nothing"}
LINES: tuple[dict[str, Value], ...] = (
    {"mark": "y", "n": Decimal(3)},
    {"mark": "N", "n": Decimal(4)},
    {"mark": None, "n": None},
)
SIGHT = Sight(
    {"lines": LINES, "none": ()}, Writer("王芳", datetime(2024, 2, 9, 8, 5, 3, tzinfo=UTC)), "kept"
)

SAME_IN_SQL = [
    ("y = 'y'", True),
    ("y = 'Y'", False),
    ("big in ('y', 'Y')", True),
    ("y not in ('Y')", True),
    ("padded = 'y'", True),
    ("empty = ''", True),
    ("nothing = ''", None),
    ("coalesce(nothing, '') = ''", True),
    ("nothing is null and empty is not null", True),
    ("nothing = 1 or one = 1", True),
    ("nothing = 1 and one = 2", False),
    ("not nothing = 1", None),
    ("one + half * 2 = 2", True),
    ("one / 4 = 0.25", True),
    ("(one + half) / half * 2 = 6", True),
    ("one / (half - half) is null", True),
    ("- one < 0", True),
    ("half >= 0.5", True),
    ("case when one = 2 then 5 when one = 1 then 6 else 7 end", 6),
    ("case when nothing = 1 then 5 end", None),
    ("greatest(one, 3)", 3),
    ("least(one, 3)", 1),
    ("text(one)", "1"),
    ("concat(y, '-', one)", "y-1"),
    ("trim(padded)", "y"),
    ("trim(wide) = 'y'", False),  # a database trims blanks alone
    ("trim(wide) = wide", True),
    ("least(nothing, 5)", None),
    ("least(5, nothing)", None),
    ("greatest(one, nothing, 5)", None),
    ("y = padded", True),
    ("y = big", False),
    ("y <> padded", False),
    ("coalesce(nothing, y) = trim(padded)", True),
    ("case when one = 1 then padded else big end = y", True),
    ("big < y", True),
    ("nothing = padded", None),
    ("figure = 1", True),
    ("figure <> 1", False),
    ("y = 1", False),
    ("figure in (2, 1)", True),
    ("nothing = 1", None),
    ("any(lines, mark = 'y')", True),
    ("every(lines, mark = 'y')", False),
    ("every(lines, n > 2 or mark is null)", True),
    ("any(none, mark = 'y')", False),
    ("every(none, mark = 'y')", False),
    ("sum(lines, n)", 7),
    ("count(lines, mark = 'N')", 1),
    ("count(none)", 0),
    ("max(lines, n)", 4),
    ("min(none, n)", None),
]


@pytest.mark.parametrize("written, expected", SAME_IN_SQL)
def test_worked_out_in_python(written: str, expected: Value) -> None:
    """Three-valued logic, exact text, blanks at its end aside."""
    assert value_of(parse(written), ROW, SIGHT) == expected


@pytest.fixture(scope="module")
def database() -> Any:
    made = sqlite3.connect(":memory:")
    names = ", ".join(f'"{name}"' for name in ROW)
    made.execute(f"create table doc (id, {names})")
    values = [str(v) if isinstance(v, Decimal) else v for v in ROW.values()]
    made.execute(f"insert into doc values (1{', ?' * len(ROW)})", values)  # noqa: S608 - signs of ours
    made.execute("update doc set half = 0.5")
    for table, rows in (("lines", LINES), ("none", ())):
        made.execute(f"create table {table} (doc, mark, n)")
        for row in rows:
            n = None if row["n"] is None else int(str(row["n"]))
            made.execute(f"insert into {table} values (1, ?, ?)", (row["mark"], n))  # noqa: S608 - names of ours
    yield made
    made.close()


@pytest.mark.parametrize("written, expected", SAME_IN_SQL)
def test_worked_out_by_a_database(database: Any, written: str, expected: Value) -> None:
    """What the bulk face asks a database says the same as what an action judges by."""
    dialect = dialect_of("sqlite")
    document = dialect.table("doc", "id", *ROW, texts=TEXTS)

    def rows(place: str) -> tuple[Any, Any]:
        table = dialect.table(place, "doc", "mark", "n").alias("x")
        return table, table.c["doc"] == document.c["id"]

    found = sql_of(parse(written), Scope(dialect, document, {}, rows))
    sql, values = dialect.compile(sa.select(found.label("x")).select_from(document))
    ((answer,),) = database.execute(sql, values).fetchall()

    assert answer == expected


@pytest.mark.parametrize(
    "written, expected",
    [
        ("closer()", "王芳"),
        ("keep()", "kept"),
        ("today()", date(2024, 2, 9)),
        ("now()", "2024-02-09 08:05:03"),
        ("today('yyyyMMdd')", "20240209"),
        ("now('HH:mm:ss')", "08:05:03"),
        ("today('yyyy年MM月dd日')", "2024年02月09日"),
    ],
)
def test_what_a_write_sets(written: str, expected: Value) -> None:
    """The closer's name, and the ERP's own time in the ERP's own notation."""
    assert value_of(parse(written), ROW, SIGHT) == expected


def test_a_moment_at_midnight_is_its_day() -> None:
    """SQL Server's datetime and a date say the same day."""
    row: dict[str, Value] = {"a": "2024-02-09 00:00:00.000", "b": date(2024, 2, 9)}

    assert holds(parse("a = b"), row)


def test_an_unexpected_value_equals_nothing() -> None:
    """A flag that holds a word where a number was expected is neither, and stops nothing."""
    row: dict[str, Value] = {"flag": "?"}

    assert not holds(parse("flag = 1"), row)
    assert holds(parse("flag <> 1"), row)
    assert not holds(parse("flag > 1"), row)


@pytest.mark.parametrize("written", ["unread", "vendor.name", "now()", "any(receipts, a = 1)"])
def test_what_cannot_be_known_is_a_bug_and_no_guess(written: str) -> None:
    """A column that was not read is never taken for nothing."""
    with pytest.raises(ContractBroken):
        value_of(parse(written), ROW, NOTHING)


@pytest.mark.parametrize("written", ["y + 1", "-y", "half * 2 + y", "least(one, y)"])
def test_text_where_a_number_is_needed_is_the_data_s_fault(written: str) -> None:
    """It is told with what stands there, and stops the one document; it is no bug of Storno."""
    with pytest.raises(BadInput, match=str(ROW["y"])):
        value_of(parse(written), ROW, NOTHING)


@pytest.mark.parametrize("name", ["sqlserver", "mariadb", "oracle", "db2", "postgresql", "sqlite"])
def test_text_is_bound_and_compared_exactly_everywhere(name: str) -> None:
    """No value of a recipe stands in a statement, and no collation takes y for Y."""
    dialect = dialect_of(name)
    table = dialect.table("PURTD", "TD016", "cbCloser")
    condition = sql_of(
        parse("TD016 in ('Y', 'it''s') and coalesce(cbCloser, '') <> ''"), Scope(dialect, table)
    )
    sql, values = dialect.compile(sa.select(table.c["TD016"]).where(condition))

    assert "it's" in values
    assert "it" not in sql
    exact = {"sqlserver": "COLLATE Latin1_General_BIN2", "mariadb": "AS BINARY"}
    assert exact.get(name, "rtrim") in sql
    # Oracle keeps no empty text: to be something is to be not null there.
    assert ("IS NOT NULL" in sql) is (name == "oracle")


@pytest.mark.parametrize("name", ["sqlserver", "mariadb", "oracle", "db2", "postgresql", "sqlite"])
def test_two_texts_are_compared_exactly_everywhere(name: str) -> None:
    """Columns too, not only with what a recipe says; numbers stay as they are."""
    dialect = dialect_of(name)
    table = dialect.table("t", "a", "b", "n", "m", texts={"a", "b"})

    def sql(written: str) -> str:
        return " ".join(dialect.compile(sql_of(parse(written), Scope(dialect, table))).sql.split())

    assert 2 == sql("a = b").lower().count("rtrim")
    assert "rtrim" not in sql("n = m").lower()
    assert "rtrim" not in sql("n = 1").lower()
    assert "rtrim" in sql("a = 1").lower()  # PostgreSQL compares no text with a number


def test_what_is_remembered_is_of_this_text() -> None:
    """Texts that were met before mean what they meant; a number that Python takes for another is none of them."""
    condition = ready_condition(parse("coalesce(a, '') = '' or b = '1'"))
    rows: list[dict[str, Value]] = [
        {"a": "", "b": "0"},
        {"a": "x", "b": "0"},
        {"a": "x", "b": "1"},
        {"a": None, "b": None},
        {"a": "x", "b": None},
        {"a": "x", "b": 1},
        {"a": "x", "b": True},
        {"a": "x", "b": Decimal("1.0")},
    ]

    first = [condition(row, NOTHING) for row in rows]

    assert first == [True, False, True, True, False, True, True, True]
    assert first == [condition(row, NOTHING) for row in rows]


def test_a_column_that_is_not_needed_may_be_missing() -> None:
    """What decides first decides; a column that is needed and was not read is a mistake."""
    condition = ready_condition(parse("a = 'x' or b = 'y'"))

    assert condition({"a": "x"}, NOTHING)
    with pytest.raises(ContractBroken):
        condition({"a": "z"}, NOTHING)
