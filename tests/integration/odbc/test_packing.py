"""Rows that came packed into one answer are the rows that come one by one, to the last byte."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from connectors.contract import Ref
from connectors.odbc.connection import Database
from connectors.odbc.images import Images, Row
from connectors.odbc.values import New, is_same
from connectors.odbc.writing import write
from connectors.odbc.written import Write
from core.errors import TransientError
from tests.integration.odbc import anything
from tests.integration.odbc.anything import Holding
from tests.integration.odbc.test_images import _fill, _make, _run

pytestmark = pytest.mark.parametrize("options", ["postgresql", "mariadb"], indirect=True)

HOLDINGS: Final = {"postgresql": anything.POSTGRESQL, "mariadb": anything.MARIADB}
LONG: Final = "essay"
UNPACKED: Final = frozenset({"narrow", "wide", "point", "uuid", "place"})
"""What MariaDB does not pack."""


@pytest.fixture
def holding(database: Database) -> Holding:
    found = HOLDINGS[database.dialect.name]
    if database.dialect.name == "postgresql":
        _run(database, *found.setting)
    _make(database, found)
    return found


@contextmanager
def one_by_one(database: Database) -> Iterator[None]:
    database.memory.clear()
    database.memory.is_packing = False
    yield
    database.memory.clear()


def _read(database: Database, names: Sequence[str], count: int) -> dict[str, Row]:
    with database.reading() as session:
        return Images(session).rows("t", ["id"], [str(number) for number in range(count)], names)


def _is_packed(database: Database) -> bool:
    return all(shape.is_packed for shape in database.memory.shapes.values())


@pytest.mark.timeout(300)
def test_any_row_is_the_same(database: Database, holding: Holding) -> None:
    """Whatever a column may hold, values, types and raw texts are those of a row that was read alone."""
    left_out = {LONG} | (UNPACKED if database.dialect.name == "mariadb" else set())
    names = [name for name in holding.types if name not in left_out]
    one = st.fixed_dictionaries(
        {
            name: st.just("null") | (literals if name != LONG else st.nothing())
            for name, (_, literals) in holding.types.items()
        }
    )

    @settings(
        max_examples=25,
        phases=[Phase.explicit, Phase.reuse, Phase.generate],
        suppress_health_check=[
            HealthCheck.too_slow,
            HealthCheck.data_too_large,
            HealthCheck.large_base_example,
        ],
    )
    @given(st.lists(one, min_size=1, max_size=8))
    def check(rows: list[dict[str, str]]) -> None:
        _fill(database, holding, rows)
        with one_by_one(database):
            expected = _read(database, names, len(rows))
        found = _read(database, names, len(rows))

        different = [
            (name, row.cell(name), found[key].cell(name))
            for key, row in expected.items()
            for name in names
            if not is_same(row.cell(name), found[key].cell(name))
        ]
        assert not different
        assert expected == found
        assert _is_packed(database)

    check()


ODD: Final = "螺丝 \U0001f529 \"'\\\\ /\u0001\u001f\t\n\u2028 é"
MANY: Final = 2_400


def _texts(database: Database, kind: str, *texts: str) -> None:
    _run(database, f"create table t (id integer not null primary key, words {kind})")
    write_all = [f"({place}, {_literal(database, text)})" for place, text in enumerate(texts)]
    _run(database, f"insert into t values {', '.join(write_all)}")


def _literal(database: Database, text: str) -> str:
    digits = text.encode().hex()
    if database.dialect.name == "postgresql":
        return f"convert_from(decode('{digits}', 'hex'), 'UTF8')"
    return f"_utf8mb4 X'{digits}'"


def test_a_large_answer(database: Database) -> None:
    """Thousands of odd texts in one answer, each where it belongs."""
    texts = [f"{place} {ODD * (place % 7)}" for place in range(MANY)]
    _texts(database, "varchar(200)", *texts)

    found = _read(database, ["words"], MANY)

    assert texts == [found[str(place)].fields["words"] for place in range(MANY)]
    assert _is_packed(database)


@pytest.mark.parametrize("kind", ["varchar(1000)", "text"])
def test_the_longest_text_that_is_packed(database: Database, kind: str) -> None:
    """Not a letter of it is cut."""
    texts = ["short", "\U0001f529" * 1_000, "'" * 1_000]
    _texts(database, kind, *texts)

    found = _read(database, ["words"], 3)

    assert texts == [found[str(place)].fields["words"] for place in range(3)]
    assert _is_packed(database)


@pytest.mark.parametrize("kind", ["varchar(6000)", "text"])
def test_a_long_text(database: Database, kind: str) -> None:
    """One text that is too long for such an answer, and nothing is lost."""
    texts = ["short", "长" * 5_000]
    _texts(database, kind, *texts)

    found = _read(database, ["words"], 2)

    assert texts == [found[str(place)].fields["words"] for place in range(2)]
    assert not _is_packed(database)


def test_an_answer_that_was_cut(database: Database) -> None:
    """A server that cuts an answer short, as MariaDB does at a limit of its own, is asked for the rows."""
    if database.dialect.name != "mariadb":
        pytest.skip("PostgreSQL cuts nothing")
    texts = [f"text {place}" for place in range(100)]
    _texts(database, "varchar(20)", *texts)
    with database.reading() as session:
        session.rows("select 1 from (select 1) q where @@group_concat_max_len > 0")
        session._cursor.execute("set session group_concat_max_len = 64")

    found = _read(database, ["words"], 100)

    assert texts == [found[str(place)].fields["words"] for place in range(100)]
    assert not _is_packed(database)


def test_a_text_that_is_json(database: Database) -> None:
    """It stays the text that it is, blanks and all."""
    if database.dialect.name != "mariadb":
        pytest.skip("a rule of MariaDB")
    _run(
        database,
        "create table t (id integer not null primary key, words varchar(40) check (json_valid(words)))",
        """insert into t values (0, '"a"'), (1, '{"a" : 1}'), (2, 'null'), (3, '17')""",
    )

    found = _read(database, ["words"], 4)

    assert ['"a"', '{"a" : 1}', "null", "17"] == [row.fields["words"] for row in found.values()]


def test_rows_are_held(database: Database) -> None:
    """A packed answer locks its rows as a plain one does."""
    _texts(database, "varchar(20)", "one", "two")
    with database.writing() as session:
        Images(session).rows("t", ["id"], ["0"], ["words"], lock=True)
        other = Database("erp", database.options)
        try:
            with pytest.raises(TransientError):
                _change(other, "0")
            _change(other, "1")
        finally:
            other.close()


def _change(database: Database, key: str) -> None:
    write(database, [Write("op", Ref("t", key), ("id",), {}, {"words": New("changed")})])
