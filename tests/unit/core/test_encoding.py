"""Canonical encoding: one value, one text, whoever writes it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.encoding import (
    Value,
    decimal_text,
    digest,
    dumps,
    dumps_pretty,
    encode_json,
    loads,
    loads_exact,
    moment_text,
    pack,
    parse_moment,
    unpack,
)
from core.errors import ContractBroken

words = st.text(st.characters(exclude_categories=["Cs"]))
decimals = st.decimals(allow_nan=False, allow_infinity=False).filter(
    lambda value: abs(value.adjusted()) < 1000
)
zones = st.timedeltas(min_value=timedelta(hours=-14), max_value=timedelta(hours=14)).map(
    lambda offset: timezone(timedelta(minutes=offset // timedelta(minutes=1)))
)
moments = st.datetimes(
    min_value=datetime(2, 1, 1),  # noqa: DTZ001 - the zone is added
    max_value=datetime(9998, 12, 31),  # noqa: DTZ001 - as above
    timezones=zones,
)
values: st.SearchStrategy[Value] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    words,
    decimals,
    moments,
    st.dates(),
    st.times(),
    st.timedeltas(),
    st.binary(),
    st.lists(st.one_of(st.integers(), words)).map(tuple),
)
records = st.dictionaries(words, values, max_size=8)
json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), words),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(words, inner)),
    max_leaves=12,
)


class Color(StrEnum):
    RED = "red"


class Level(IntEnum):
    HIGH = 3


class Limit(Enum):
    AMOUNT = Decimal("1.50")


def type_name(value: object) -> str:
    """Name a case by its type: the address of an object would differ between two processes."""
    return type(value).__name__


class NoOffset(tzinfo):
    """A zone that does not say its offset."""

    def utcoffset(self, _moment: datetime | None) -> None:
        return None

    def dst(self, _moment: datetime | None) -> None:
        return None

    def tzname(self, _moment: datetime | None) -> None:
        return None


class Marked(str):
    """Text of a class of its own."""

    __slots__ = ()

    def __str__(self) -> str:
        return "not this"


@dataclass
class Thing:
    """Something that says itself how it is encoded."""

    amount: Decimal

    def as_dict(self) -> dict[str, Any]:
        return {"amount": self.amount}


# --- pack and unpack ----------------------------------------------------------------------------


@given(records)
def test_record_comes_back_exactly(record: dict[str, Value]) -> None:
    """A packed record comes back with its values, their types and a decimal's scale."""
    packed, types = pack(record)
    back = unpack(loads(encode_json(packed)), loads(encode_json(types)))

    assert record == back
    assert {name: type(value) for name, value in record.items()} == {
        name: type(value) for name, value in back.items()
    }
    for name, value in record.items():
        if isinstance(value, Decimal):
            assert _scale(value) == _scale(back[name])
        if isinstance(value, tuple):
            assert [type(item) for item in value] == [type(item) for item in back[name]]  # type: ignore[union-attr]


def _scale(value: Any) -> tuple[int, int]:
    """Return sign and places after the point; `1E+2` is the same as `100`."""
    sign, _, exponent = Decimal(value).as_tuple()
    return sign, min(int(exponent), 0)


@given(records)
def test_packing_is_canonical(record: dict[str, Value]) -> None:
    """Whoever reads the fields in another order writes the same bytes."""
    turned = dict(reversed(record.items()))

    assert encode_json(pack(record)[0]) == encode_json(pack(turned)[0])
    assert encode_json(pack(record)[1]) == encode_json(pack(turned)[1])


@pytest.mark.parametrize(
    "value",
    [
        1.5,
        math.nan,
        Decimal("NaN"),
        Decimal("-Infinity"),
        Decimal("1E+5000"),
        datetime(2026, 1, 1),  # noqa: DTZ001 - naive on purpose
        datetime(2026, 1, 1, tzinfo=NoOffset()),
        datetime.min.replace(tzinfo=timezone(timedelta(hours=1))),
        time(8, tzinfo=UTC),
        [1],
        {"a": 1},
        (1, 1.5),
        (Decimal(1),),
        (True,),
        Color.RED,
        object(),
    ],
    ids=type_name,
)
def test_what_cannot_come_back_exactly_is_refused(value: Any) -> None:
    """A value that would return as something else never reaches the journal."""
    with pytest.raises(ContractBroken):
        pack({"field": value})


def test_broken_unicode_is_refused() -> None:
    """Half of a surrogate pair has no UTF-8, so it is refused and not replaced."""
    with pytest.raises(ContractBroken):
        encode_json(pack({"field": "\ud800"})[0])


# --- dumps --------------------------------------------------------------------------------------


@given(json_values)
def test_json_comes_back(value: Any) -> None:
    """What JSON can hold comes back as it was."""
    assert value == loads(dumps(value))


@given(st.dictionaries(words, json_values))
def test_json_is_canonical(value: dict[str, Any]) -> None:
    """Equal mappings have equal bytes, and a second pass changes nothing."""
    encoded = dumps(dict(reversed(value.items())))

    assert dumps(value) == encoded
    assert encoded == dumps(loads(encoded))


@pytest.mark.parametrize(
    "value, encoded",
    [
        (Decimal("1E+2"), '"100"'),
        (Decimal("1.50"), '"1.50"'),
        (Decimal("-0.00"), '"-0.00"'),
        (
            datetime(2026, 1, 31, 8, 30, tzinfo=timezone(timedelta(hours=8))),
            '"2026-01-31T00:30:00Z"',
        ),
        (date(2026, 1, 31), '"2026-01-31"'),
        (time(8, 30), '"08:30:00"'),
        (timedelta(minutes=1), "60.0"),
        (b"\x00\xff", '"AP8="'),
        (Color.RED, '"red"'),
        (Level.HIGH, "3"),
        (Limit.AMOUNT, '"1.50"'),
        (Marked("text"), '"text"'),
        (True, "true"),
        (None, "null"),
        (0.1, "0.1"),
        (2**70, "1180591620717411303424"),
        ((1, "a"), '[1,"a"]'),
        ({"b": 1, "a": 2, Color.RED: 3, 7: 4}, '{"7":4,"a":2,"b":1,"red":3}'),
        ({3, "a", None}, '["a",3,null]'),
        (frozenset({2, 1}), "[1,2]"),
        (Thing(Decimal("2.0")), '{"amount":"2.0"}'),
        ("結案", '"結案"'),
    ],
    ids=type_name,
)
def test_one_value_one_text(value: Any, encoded: str) -> None:
    """Each kind of value has one text."""
    assert encoded == dumps(value).decode()


def test_path_as_text() -> None:
    """A path is its text."""
    assert dumps(str(Path("a") / "b")) == dumps(Path("a") / "b")


@pytest.mark.parametrize(
    "value",
    [
        math.nan,
        math.inf,
        [-math.inf],
        {"a": Decimal("NaN")},
        Decimal("Infinity"),
        datetime(2026, 1, 1),  # noqa: DTZ001 - naive on purpose
        "\udfff",
        {"\udfff": 1},
        {1: "a", "1": "b"},
        object(),
        PurePosixPath,
    ],
    ids=type_name,
)
def test_what_has_no_exact_form_is_refused(value: Any) -> None:
    """NaN, infinity, naive moments, ambiguous keys and unknown things are errors, never null."""
    with pytest.raises(ContractBroken):
        dumps(value)


def test_fraction_of_another_program_stays_exact() -> None:
    """A number with a fraction is no binary float: it has the digits that were sent."""
    read = loads_exact(b'{"quantity": 0.10, "count": 3}')

    assert str(read["quantity"]) == "0.10"
    assert read == {"quantity": Decimal("0.1"), "count": 3}


def test_pretty_is_the_same_json() -> None:
    """The form for people says the same."""
    value: Mapping[str, Any] = {"b": [1, 2], "a": Decimal("1.0")}

    assert loads(dumps(value)) == loads(dumps_pretty(value))
    assert dumps_pretty(value) == '{\n  "a": "1.0",\n  "b": [\n    1,\n    2\n  ]\n}'


# --- texts and hashes ---------------------------------------------------------------------------


@given(moments)
def test_moment_comes_back_in_utc(moment: datetime) -> None:
    """A moment is stored in UTC with Z and comes back as the same moment."""
    stored = moment_text(moment)

    assert stored.endswith("Z")
    assert moment == parse_moment(stored)
    assert timedelta(0) == parse_moment(stored).utcoffset()


@given(decimals)
def test_decimal_has_no_exponent(value: Decimal) -> None:
    """Plain notation, and the same number."""
    assert "E" not in decimal_text(value)
    assert value == Decimal(decimal_text(value))


def test_digest_tells_parts_apart() -> None:
    """Moving a byte from one part to the next gives another hash, and so does a key."""
    assert digest(b"ab", b"c") != digest(b"a", b"bc")
    assert digest(b"ab") != digest(b"ab", key=b"secret")
    assert digest() == "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8"
    assert len(digest(b"ab")) == 64
