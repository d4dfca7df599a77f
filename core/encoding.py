"""Canonical encoding: one value, one text, whoever writes it.

Keys are sorted, a Decimal is text in plain notation (`100`, never `1E+2`), a moment is UTC with
`Z`, NaN and infinity are refused (both fast encoders would write null silently). `dumps` is for
people and programs; `pack` and `unpack` keep the types of an ERP record, for images and arguments.
"""

from __future__ import annotations

import hashlib
import math
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any, Final

import msgspec

from core.errors import ContractBroken

_encoder = msgspec.json.Encoder(order="sorted")
_decoder = msgspec.json.Decoder()
_exact_decoder = msgspec.json.Decoder(float_hook=Decimal)

# No amount or quantity has so many digits, but a hostile answer may hold 1E+999999999, whose plain
# notation would fill the memory.
LARGEST_EXPONENT: Final = 1000

Value = (
    None
    | bool
    | int
    | str
    | Decimal
    | date
    | datetime
    | time
    | timedelta
    | bytes
    | tuple[int | str, ...]
)
"""What a field of an ERP record can hold. A binary float is not among them: a connector turns it
into the Decimal of its shortest text, so that it compares and restores exactly."""


def decimal_text(value: Decimal) -> str:
    """Return a finite Decimal in plain notation, its scale kept (`1E+2` becomes `100`).

    Raises `ContractBroken` for NaN, infinity and what has more than a thousand digits.
    """
    text = str(value)
    if len(text) < LARGEST_EXPONENT and "E" not in text and "N" not in text and "I" not in text:
        return text  # plain already, as nearly always, and images hold many numbers
    if not value.is_finite():
        raise ContractBroken(problem="NaN or infinity cannot be stored")
    if abs(value.adjusted()) > LARGEST_EXPONENT:
        raise ContractBroken(problem="a number with more than a thousand digits cannot be stored")
    return format(value, "f")


def moment_text(value: datetime) -> str:
    """Return an aware moment as UTC text with `Z`. Raises `ContractBroken` for a naive one."""
    if value.tzinfo is UTC:  # nearly always, and images hold many moments
        return value.isoformat()[:-6] + "Z"
    if value.utcoffset() is None:
        raise ContractBroken(problem="a datetime without time zone cannot be stored")
    try:
        in_utc = value.astimezone(UTC)
    except OverflowError as error:
        raise ContractBroken(problem="a datetime outside the years 1 to 9999 in UTC") from error
    return in_utc.isoformat().removesuffix("+00:00") + "Z"


def time_text(value: time) -> str:
    """Return a time of day as ISO text.

    Raises `ContractBroken` for one with a zone: its offset depends on a day that it does not have.
    """
    if value.tzinfo is not None:
        raise ContractBroken(problem="a time of day with a time zone cannot be stored")
    return value.isoformat()


def parse_moment(stored: str) -> datetime:
    """Read back what `moment_text` wrote."""
    return datetime.fromisoformat(stored)


def _plain(value: Any) -> Any:
    match value:
        case None | bool():
            return value
        case Enum():
            return _plain(value.value)
        case int():
            return int(value)
        case str():
            # The encoder knows no subclass of str.
            return value if type(value) is str else str.__str__(value)
        case Decimal():
            return decimal_text(value)
        case float():
            if not math.isfinite(value):
                raise ContractBroken(problem="NaN or infinity cannot be encoded")
            return value
        case datetime():
            return moment_text(value)
        case date():
            return value.isoformat()
        case time():
            return time_text(value)
        case timedelta():
            return value.total_seconds()
        case bytes():
            return b64encode(value).decode("ascii")
        case Mapping():
            return _plain_mapping(value)
        case list() | tuple():
            return [_plain(item) for item in value]
        case set() | frozenset():
            # A set has no order of its own; its members' texts have one, whatever their types.
            return sorted((_plain(item) for item in value), key=encode_json)
        case Path():
            return str(value)
        case _:
            as_dict = getattr(value, "as_dict", None)
            if as_dict is not None:
                return _plain(as_dict())
            raise ContractBroken(
                problem=f"a value of type {type(value).__name__} cannot be encoded"
            )


def _plain_mapping(value: Mapping[Any, Any]) -> dict[str, Any]:
    plain = {
        str(key.value if isinstance(key, Enum) else key): _plain(item)
        for key, item in value.items()
    }
    if len(plain) != len(value):
        raise ContractBroken(problem="two keys of one mapping have the same text")
    return plain


def dumps(value: Any) -> bytes:
    """Return canonical JSON as UTF-8. Raises `ContractBroken` for what has no exact form."""
    return encode_json(_plain(value))


def dumps_pretty(value: Any) -> str:
    """Return the same JSON indented, for `--json` on a terminal and for files that people open."""
    return msgspec.json.format(dumps(value), indent=2).decode("utf-8")


def loads(encoded: bytes | str) -> Any:
    """Read JSON; Decimals and moments come back as the text they were written as."""
    return _decoder.decode(encoded)


def loads_exact(encoded: bytes | str) -> Any:
    """Read JSON of another program: a number with a fraction becomes the Decimal of its own text."""
    return _exact_decoder.decode(encoded)


_NATIVE: Final = frozenset({type(None), bool, int, str})


def _members(value: tuple[Any, ...]) -> list[int | str]:
    for member in value:
        if type(member) not in (int, str):
            raise ContractBroken(problem=f"a tuple holds a {type(member).__name__}")
    return list(value)


_TO_TEXT: Final[dict[type, tuple[str, Callable[[Any], Any]]]] = {
    Decimal: ("decimal", decimal_text),
    datetime: ("datetime", moment_text),
    date: ("date", date.isoformat),
    time: ("time", time_text),
    timedelta: ("timedelta", lambda value: f"{value.days}:{value.seconds}:{value.microseconds}"),
    bytes: ("bytes", lambda value: b64encode(value).decode("ascii")),
    tuple: ("tuple", _members),
}


def _timedelta(stored: str) -> timedelta:
    days, seconds, microseconds = stored.split(":")
    return timedelta(int(days), int(seconds), int(microseconds))


_FROM_TEXT: Final[dict[str, Callable[[Any], Value]]] = {
    "decimal": Decimal,
    "datetime": parse_moment,
    "date": date.fromisoformat,
    "time": time.fromisoformat,
    "timedelta": _timedelta,
    "bytes": b64decode,
    "tuple": tuple,
}


def pack(fields: Mapping[str, Value]) -> tuple[dict[str, Any], dict[str, str]]:
    """Split typed fields into JSON values and the names of the types that JSON does not have.

    Raises `ContractBroken` for a type outside `Value` (a float above all).
    """
    values: dict[str, Any] = dict(fields)
    types: dict[str, str] = {}
    # Most fields need nothing, and images hold many: only the others are looked at twice.
    for name in [name for name, value in fields.items() if type(value) not in _NATIVE]:
        value = values[name]
        found = _TO_TEXT.get(type(value))
        if found is None:
            raise ContractBroken(problem=f"field {name!r} holds a {type(value).__name__}")
        types[name], convert = found
        values[name] = convert(value)
    return values, types


def unpack(values: Mapping[str, Any], types: Mapping[str, str]) -> dict[str, Value]:
    """Read back what `pack` wrote, types and all."""
    fields = dict(values)
    for name, kind in types.items():
        fields[name] = _FROM_TEXT[kind](fields[name])
    return fields


def encode_json(value: Any) -> bytes:
    """Encode what is JSON already (results of `pack`): sorted keys, no second walk over the values.

    Raises `ContractBroken` for text that no UTF-8 can hold (half of a surrogate pair).
    """
    try:
        return _encoder.encode(value)
    except UnicodeEncodeError as error:
        raise ContractBroken(problem="a text that is not valid Unicode cannot be stored") from error


def digest(*parts: bytes, key: bytes = b"") -> str:
    """Return the BLAKE2b-256 of the parts as hex; only who has `key` can guess the plain text."""
    hasher = hashlib.blake2b(digest_size=32, key=key)
    for part in parts:
        hasher.update(len(part).to_bytes(8, "big"))
        hasher.update(part)
    return hasher.hexdigest()
