"""Everything that a database can hold, as SQL literals: what a driver likes and what it does not."""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass

from hypothesis import strategies as st

Literals = st.SearchStrategy[str]


@dataclass(frozen=True)
class Holding:
    """A database's types and the literals for each; how two tables are compared to the last byte."""

    types: Mapping[str, tuple[str, Literals]]
    setting: tuple[str, ...]
    differing: str  # counts what differs between `t` and its copy `w`


def _text(**options: object) -> st.SearchStrategy[str]:
    return st.text(max_size=40, **options)  # type: ignore[arg-type]


def _among(*literals: str) -> Literals:
    return st.sampled_from(literals)


def _ints(bits: int, *, signed: bool = True) -> Literals:
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    return st.integers(low, high).map(str)


def _decimals(digits: int, scale: int) -> Literals:
    limit = 10**digits - 1
    return st.integers(-limit, limit).map(
        lambda n: f"{'-' if n < 0 else ''}{abs(n) // 10**scale}.{abs(n) % 10**scale:0{scale}d}"
    )


# --- PostgreSQL ---------------------------------------------------------------------------------

_PG_TEXT = _text(alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


def _pg_text(limit: int) -> Literals:
    return _PG_TEXT.map(
        lambda t: f"convert_from(decode('{t[:limit].encode().hex()}', 'hex'), 'UTF8')"
    )


def _pg_float(value: float) -> str:
    return f"'{value!r}'::float8"


def _pg_real(value: float) -> str:
    return f"'{value!r}'::float4"


POSTGRESQL = Holding(
    {
        "small": ("smallint", _ints(16).map(lambda n: f"'{n}'::smallint")),
        "whole": ("integer", _ints(32).map(lambda n: f"'{n}'::integer")),
        "big": ("bigint", _ints(64).map(lambda n: f"'{n}'::bigint")),
        "amount": ("numeric(18,4)", _decimals(18, 4) | _among("'NaN'")),
        "long_amount": ("numeric(38,10)", _decimals(38, 10)),
        "any_amount": (
            "numeric",
            _decimals(30, 12)
            | _among("'NaN'", "'Infinity'", "'-Infinity'", "1.0", "1.00", "1e50", "1e-50", "-0.0"),
        ),
        "narrow": ("real", st.floats(width=32).map(_pg_real)),
        "wide": ("double precision", st.floats().map(_pg_float)),
        "words": ("varchar(40)", _pg_text(40)),
        "essay": ("text", _pg_text(40) | st.just("repeat('长文 text', 3000)")),
        "padded": ("char(10)", _pg_text(10)),
        "letter": ('"char"', _among("'y'", "'Y'", "''")),
        "data": ("bytea", st.binary(max_size=40).map(lambda b: f"'\\x{b.hex()}'::bytea")),
        "flag": ("boolean", _among("true", "false")),
        "day": (
            "date",
            st.dates().map(lambda d: f"'{d.isoformat()}'")
            | _among(
                "'infinity'", "'-infinity'", "'0044-03-15 BC'", "'20000-01-01'", "'5874897-12-31'"
            ),
        ),
        "moment": (
            "timestamp",
            st.datetimes().map(lambda d: f"'{d.isoformat()}'")
            | _among(
                "'infinity'",
                "'-infinity'",
                "'0044-03-15 12:00:00.5 BC'",
                "'294276-12-31 23:59:59.999999'",
            ),
        ),
        "zoned": (
            "timestamptz",
            st.datetimes().map(lambda d: f"'{d.isoformat()}+05:45'")
            | _among("'infinity'", "'0044-03-15 12:00:00 BC'"),
        ),
        "hour": ("time", st.times().map(lambda t: f"'{t.isoformat()}'") | _among("'24:00:00'")),
        "zoned_hour": ("timetz", _among("'24:00:00+08'", "'01:02:03.000004-11:30'")),
        "span": ("interval", _among("'1 year -3 days 04:05:06.7'", "'-178000000 years'", "'0'")),
        "uuid": ("uuid", st.uuids().map(lambda u: f"'{u}'")),
        "json": ("json", _among("""'{"a" : 1,"a":2}'""", "'[ ]'")),
        "jsonb": ("jsonb", _among("""'{"b": 1.00, "数": null}'""")),
        "numbers": ("integer[]", _among("'{}'", "'{1,null,3}'", "'[0:1]={5,6}'")),
        "texts": ("text[]", _among("""'{"a,b","",null,"\\"}"}'""", "'{单,号}'")),
        "price": ("money", _among("'-92233720368547758.08'", "'12.34'", "'0'")),
        "place": ("inet", _among("'10.0.0.1/8'", "'::1'")),
        "bits": ("bit(5)", _among("B'10110'")),
        "more_bits": ("varbit", _among("B''", "B'101'")),
        "state": ("mood", _among("'happy'", "'so so'")),
        "limited": ("limited", _among("'5.00'", "'100'")),
        "point": ("point", _among("'(0.1,-1e300)'")),
        "range": ("int4range", _among("'[1,5)'", "'empty'")),
        'odd "name"; 单号': ("varchar(5)", _pg_text(5)),
    },
    (
        "set lc_monetary = 'C'",
        "create type mood as enum ('happy', 'so so')",
        "create domain limited as numeric check (value < 1000)",
    ),
    # The image operator compares what lies on disk, not what is equal.
    "select count(*) from t full join w on t.id = w.id where not (t.* *= w.*) or t.id is null or w.id is null",
)

# --- MariaDB ------------------------------------------------------------------------------------


def _my_text(charset: str, encoding: str, limit: int) -> Literals:
    signs = (
        st.characters(codec=encoding)
        if encoding != "utf-8"
        else st.characters(exclude_categories=["Cs"])
    )
    return _text(alphabet=signs).map(lambda t: f"_{charset} X'{t[:limit].encode(encoding).hex()}'")


def _my_float(value: float) -> str:
    return "null" if not math.isfinite(value) else repr(value)


def _my_time(micros: int) -> str:
    sign, micros = ("-", -micros) if micros < 0 else ("", micros)
    seconds, micros = divmod(micros, 1_000_000)
    return f"'{sign}{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{micros:06d}'"


_GBK_BYTES = st.text(alphabet="结案号码单据螺丝", max_size=10).map(lambda t: t.encode("gbk").hex())

MARIADB = Holding(
    {
        "tiny": ("tinyint", _ints(8)),
        "whole": ("int", _ints(32)),
        "big": ("bigint", _ints(64)),
        "unsigned": ("bigint unsigned", _ints(64, signed=False)),
        "amount": ("decimal(18,4)", _decimals(18, 4)),
        "long_amount": ("decimal(38,10)", _decimals(38, 10)),
        "narrow": ("float", st.floats(width=32, allow_subnormal=False).map(_my_float)),
        "wide": ("double", st.floats(allow_subnormal=False).map(_my_float)),
        "day": (
            "date",
            st.dates(min_value=__import__("datetime").date(1000, 1, 1)).map(
                lambda d: f"'{d.isoformat()}'"
            )
            | _among(
                "'0000-00-00'", "'2024-00-00'", "'2024-02-31'", "'2024-05-00'", "'0001-01-01'"
            ),
        ),
        "moment": (
            "datetime(6)",
            st.datetimes(min_value=__import__("datetime").datetime(1000, 1, 1)).map(
                lambda d: f"'{d.isoformat(sep=' ')}'"
            )
            | _among("'0000-00-00 00:00:00'", "'2024-00-00 01:02:03'"),
        ),
        "whole_moment": ("datetime", _among("'2024-01-02 03:04:05'", "'9999-12-31 23:59:59'")),
        "stamp": (
            "timestamp(6) null",
            _among(
                "'1970-01-01 00:00:01.000001'",
                "'2037-12-31 23:59:59.999999'",
                "'0000-00-00 00:00:00'",
            ),
        ),
        "hour": (
            "time(6)",
            st.integers(-3_020_399_000_000, 3_020_399_000_000).map(_my_time)
            | _among("'24:00:00'", "'-838:59:59'"),
        ),
        "year": ("year", _among("0", "1901", "2155")),
        "padded": ("char(10)", _my_text("utf8mb4", "utf-8", 10)),
        "words": ("varchar(40)", _my_text("utf8mb4", "utf-8", 40)),
        "essay": (
            "longtext",
            _my_text("utf8mb4", "utf-8", 40) | st.just("repeat('长文 text', 3000)"),
        ),
        "in_gbk": ("varchar(40) charset gbk", _my_text("gbk", "gbk", 40)),
        "in_big5": (
            "varchar(40) charset big5",
            _among("_big5 X'b5b2aed7'", "_big5 X'a15a'", "_big5 X'a1c3a1c5a2cca2ce'"),
        ),
        "in_ucs2": (
            "varchar(40) charset ucs2",
            _among("_ucs2 X'7d506848'", "_ucs2 X'd840'", "_ucs2 X''"),
        ),
        "in_latin1": ("varchar(60) charset latin1", _GBK_BYTES.map(lambda h: f"_latin1 X'{h}'")),
        "raw": ("varbinary(40)", st.binary(max_size=40).map(lambda b: f"X'{b.hex()}'")),
        "fixed_raw": ("binary(4)", st.binary(max_size=4).map(lambda b: f"X'{b.hex()}'")),
        "blob": ("longblob", st.binary(max_size=40).map(lambda b: f"X'{b.hex()}'")),
        "flag": ("bit(1)", _among("b'0'", "b'1'")),
        "bits": ("bit(64)", _ints(64, signed=False)),
        "state": ("enum('开','关','')", _among("'开'", "'关'", "''")),
        "several": ("set('a','b','单')", _among("''", "'a,单'", "'a,b,单'")),
        "json": ("json", _among("""'{"a" : 1,"a":2}'""")),
        "point": ("point", _among("point(0.1, -1e300)")),
        "uuid": ("uuid", st.uuids().map(lambda u: f"'{u}'")),
        "place": ("inet6", _among("'::1'", "'::ffff:10.0.0.1'")),
        "odd `name`; 单号": ("varchar(5)", _my_text("utf8mb4", "utf-8", 5)),
    },
    ("set session sql_mode = 'ALLOW_INVALID_DATES'", "set session time_zone = '+00:00'"),
    "",
)

# --- SQLite -------------------------------------------------------------------------------------


def _lite_real(value: float) -> str:
    if math.isinf(value):
        return "9e999" if value > 0 else "-9e999"
    return "null" if math.isnan(value) else repr(value)


_LITE = (
    _ints(64).map(lambda n: "(-9223372036854775807 - 1)" if n == str(-(2**63)) else n)
    | st.floats().map(_lite_real)
    | st.text(max_size=40, alphabet=st.characters(exclude_categories=["Cs"])).map(
        lambda t: f"cast(X'{t.encode().hex()}' as text)"
    )
    | st.binary(max_size=20).map(lambda b: f"cast(X'{b.hex()}' as text)")
    | st.binary(max_size=20).map(lambda b: f"X'{b.hex()}'")
    | _among(
        "'2024-01-02'",
        "'2024-00-00'",
        "'00012'",
        "1.0",
        "'1.50'",
        "'y'",
        "'Y  '",
        "0",
        "1",
        "1e300",
        "5e-324",
    )
)

SQLITE = Holding(
    {
        "whole": ("integer", _LITE),
        "words": ("varchar(40)", _LITE),
        "amount": ("decimal(18,4)", _LITE),
        "number": ("numeric", _LITE),
        "wide": ("real", _LITE),
        "data": ("blob", _LITE),
        "day": ("date", _LITE),
        "hour": ("time", _LITE),
        "moment": ("timestamp", _LITE),
        "flag": ("boolean", _LITE),
        "anything": ("", _LITE),
        'odd "name"; 单号': ("text", _LITE),
    },
    (),
    "",
)


def bits_of(value: float) -> bytes:
    return struct.pack(">d", value)
