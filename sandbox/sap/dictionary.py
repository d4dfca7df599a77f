"""The data dictionary: structures and function modules as SAP's own have them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from importlib import resources
from typing import Any, Final

Value = Any
Row = dict[str, Value]

_NUMBERS: Final = frozenset({"DEC", "CURR", "QUAN"})
_INTEGERS: Final = frozenset({"INT1", "INT2", "INT4"})


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its ABAP name, dictionary type, length and decimals."""

    name: str
    kind: str
    length: int
    decimals: int = 0

    @property
    def initial(self) -> Value:
        """The value that ABAP calls initial, as it is kept in rows here."""
        if self.kind == "NUMC":
            return "0" * self.length
        if self.kind == "DATS":
            return "0000-00-00"
        if self.kind == "TIMS":
            return "00:00:00"
        if self.kind in _NUMBERS:
            return Decimal(0).scaleb(-self.decimals)
        if self.kind in _INTEGERS or self.kind == "FLTP":
            return 0
        return ""

    def read(self, text: str) -> Value:
        """Return the value of `text` as it came over the wire. Raises `ValueError`, as SAP's reader does."""
        text = text if self.kind in {"STRING", "CHAR"} else text.strip()
        if text == "":
            return self.initial
        if self.kind in _NUMBERS:
            try:
                return Decimal(text).quantize(Decimal(1).scaleb(-self.decimals))
            except ArithmeticError as error:
                raise ValueError(text) from error
        if self.kind in _INTEGERS:
            return int(text)
        if self.kind == "FLTP":
            return float(text)
        if self.kind == "NUMC":
            if not text.isdigit():
                raise ValueError(text)
            return text.zfill(self.length)[-self.length :]
        if self.kind in {"DATS", "TIMS"}:
            return text
        # ABAP cuts what does not fit and forgets trailing blanks.
        return text.rstrip(" ") if self.kind == "STRING" else text[: self.length].rstrip(" ")

    def write(self, value: Value) -> str:
        """Return `value` as it goes over the wire."""
        return format(value, "f") if isinstance(value, Decimal) else str(value)


@dataclass(frozen=True, slots=True)
class Structure:
    """A structure of the dictionary."""

    name: str
    fields: tuple[Field, ...]

    def initial(self, given: Row | None = None) -> Row:
        """Return a full row: `given` where it has the field, else initial. Other keys of `given` are left out."""
        known = given or {}
        return {f.name: known.get(f.name, f.initial) for f in self.fields}

    def __iter__(self) -> Iterator[Field]:
        return iter(self.fields)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter; `form` is `scalar`, `struct` or `table`, `way` is IMPORT, EXPORT or TABLE."""

    name: str
    way: str
    form: str
    type: str
    length: int
    decimals: int
    is_required: bool

    @property
    def field(self) -> Field:
        """The parameter as a field; only for scalars."""
        return Field(self.name, self.type, self.length, self.decimals)

    @property
    def is_in_request(self) -> bool:
        """Tell whether callers may give it."""
        return self.way in {"IMPORT", "TABLE"}

    @property
    def is_in_response(self) -> bool:
        """Tell whether callers may get it."""
        return self.way in {"EXPORT", "TABLE"}


@dataclass(frozen=True, slots=True)
class Function:
    """A function module that may be called from outside."""

    name: str
    parameters: tuple[Parameter, ...]
    exceptions: tuple[str, ...] = ()
    by_name: dict[str, Parameter] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Keep the parameters by name, too."""
        object.__setattr__(self, "by_name", {p.name: p for p in self.parameters})


def _measure(length: str | None) -> tuple[int, int]:
    whole, _, decimals = (length or "0").partition(".")
    return int(whole), int(decimals or 0)


def fields_of(rows: Iterable[Iterable[str]]) -> tuple[Field, ...]:
    """Return fields from rows of name, type and length as `13.3`."""
    made = []
    for name, kind, length in rows:
        made.append(Field(name, kind, *_measure(length)))
    return tuple(made)


class Dictionary:
    """All structures and function modules, measured ones and those written down from public descriptions."""

    def __init__(self) -> None:
        self.structures: dict[str, Structure] = {}
        self.functions: dict[str, Function] = {}
        self.measured: frozenset[str] = frozenset()
        self._load()

    def _load(self) -> None:
        packed = resources.files("sandbox.sap").joinpath("data/bapi_fields.json.gz").read_bytes()
        known = json.loads(gzip.decompress(packed))
        for name, rows in known["structures"].items():
            self.structures[name] = Structure(name, fields_of(rows))
        for name, rows in known["functions"].items():
            self.add_function(name, [tuple(row) for row in rows])
        self.measured = frozenset(self.functions)

    def add_structure(self, name: str, fields: Iterable[Field]) -> None:
        """Add one, or put it in the place of one that was measured only in part."""
        self.structures[name] = Structure(name, tuple(fields))

    def add_function(
        self, name: str, rows: Iterable[tuple[Any, ...]], exceptions: tuple[str, ...] = ()
    ) -> None:
        """Add one from rows of name, way, form, type, length and `req` or `opt`."""
        parameters = tuple(
            Parameter(row[0], row[1], row[2], row[3], *_measure(row[4]), row[5] == "req")
            for row in rows
        )
        self.functions[name] = Function(name, parameters, exceptions)

    def structure_of(self, parameter: Parameter) -> Structure:
        """Return the structure behind a `struct` or `table` parameter."""
        return self.structures[parameter.type]


@cache
def dictionary() -> Dictionary:
    """Return the one dictionary of this process."""
    from sandbox.sap.more_fields import complete

    made = Dictionary()
    complete(made)
    return made
