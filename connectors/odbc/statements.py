"""SQL with its values, as it goes to a driver."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

KEYS: Final = "storno_keys_go_here"
"""Stands in a compiled statement where keys will be."""

LARGE: Final = 2**63
"""No number so large, or larger, travels as one."""


class Statement(NamedTuple):
    """SQL with `?` for every value, and the values in order."""

    sql: str
    parameters: tuple[Any, ...] = ()

    def with_condition(self, condition: str, values: Iterable[Any]) -> Statement | None:
        """Return it with a condition in the place for keys; None where that place cannot be told."""
        before, found, after = self.sql.partition(KEYS)
        if not found or KEYS in after:
            return None
        return Statement(before + condition + after, (*self.parameters, *values))
