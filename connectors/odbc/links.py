"""How rows of one table hang on rows of another where their keys are not written alike: blanks at the end, case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.encoding import Value


def loose_homes(exact: Mapping[tuple[Value, ...], str]) -> dict[tuple[str, ...], str]:
    """Return owners by their links without blanks, exactly and by folded case; the exact one comes first."""
    found: dict[tuple[str, ...], str] = {}
    for linked, key in exact.items():
        found.setdefault(folded(linked), key)
    return found | {without_blanks(linked): key for linked, key in exact.items()}


def without_blanks(values: Sequence[Value]) -> tuple[str, ...]:
    """Return a link's values so that a padded column meets one that is not."""
    return tuple(str(value).rstrip(" ") for value in values)


def folded(values: Sequence[Value]) -> tuple[str, ...]:
    return tuple(text.casefold() for text in without_blanks(values))
