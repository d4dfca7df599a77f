"""Rows of transparent tables, for what no BAPI reads: RFC_READ_TABLE gives them as text in columns.

The answer tells where each column lies, so no delimiter is needed that a text could hold itself. Values come as the
database has them, and are written here as a BAPI would write them: days with their dashes, signs in front.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from connectors.sap.values import INITIAL_DATE, Scalar, Sort
from core.errors import BadAnswer
from core.text import N_

if TYPE_CHECKING:
    from connectors.sap.envelopes import Parameters, Reply, Row

READ_TABLE: Final = "RFC_READ_TABLE"

_DAY_SIZE: Final = 8


def request_of(table: str, columns: Iterable[str], conditions: Iterable[str]) -> Parameters:
    """Return what is asked of RFC_READ_TABLE. Each condition must fit into one line of 72 characters."""
    return {
        "QUERY_TABLE": table,
        "FIELDS": [{"FIELDNAME": name} for name in columns],
        "OPTIONS": [{"TEXT": line} for line in conditions],
        "DATA": [],
    }


def one_of(names: Sequence[str], keys: Iterable[Sequence[str]]) -> list[str]:
    """Return the condition that a row has one of these keys, a line each. No part of a key holds a quote."""
    found: list[str] = []
    for key in keys:
        parts = (f"{name} = '{value}'" for name, value in zip(names, key, strict=True))
        found.append(f"{'OR ' if found else ''}( {' AND '.join(parts)} )")
    return found


def rows_of(system: str, columns: Mapping[str, Scalar], reply: Reply) -> list[Row]:
    """Return the rows of an answer. Raises `BadAnswer` for one that does not say where each column lies."""
    places = {row.get("FIELDNAME", ""): _place(row) for row in reply.rows("FIELDS")}
    lacking = [name for name in columns if places.get(name) is None]
    if lacking:
        raise BadAnswer(
            N_("{system}: RFC_READ_TABLE does not say where the columns {names} lie"),
            system=system,
            names=", ".join(lacking),
            problem="",
        )
    return [
        {
            name: _written(scalar, row.get("WA", "")[places[name]])  # type: ignore[index]
            for name, scalar in columns.items()
        }
        for row in reply.rows("DATA")
    ]


def _place(row: Mapping[str, Any]) -> slice | None:
    offset, length = str(row.get("OFFSET", "")).strip(), str(row.get("LENGTH", "")).strip()
    if not (offset.isdecimal() and length.isdecimal()):
        return None
    return slice(int(offset), int(offset) + int(length))


def _written(scalar: Scalar, text: str) -> str:
    if scalar.sort is Sort.TEXT:
        return text.rstrip()
    text = text.strip()
    if scalar.sort is Sort.DATE and len(text) == _DAY_SIZE and text.isdecimal():
        return f"{text[:4]}-{text[4:6]}-{text[6:]}"
    if scalar.sort is Sort.DATE and not text:
        return INITIAL_DATE
    if scalar.sort is Sort.DECIMAL and text.endswith("-"):
        return f"-{text[:-1].strip()}"
    return text
