"""The tables of a footprint, and how the rows of one hang on the rows of another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Part:
    """One table of a footprint. The first part of a footprint is the document itself.

    A linked part has an `owner`, another part's table, and `link`: pairs of its own column and the owner's.
    """

    table: str
    key: tuple[str, ...]
    fields: frozenset[str]
    owner: str | None = None
    link: tuple[tuple[str, str], ...] = ()


def put(places: dict[str, list[int]], key: str, more: list[int]) -> None:
    """Note the images that a record stands in; nearly always it has one owner, whose list is shared."""
    there = places.get(key)
    if there is None:
        places[key] = more
    elif there is not more:
        places[key] = list(dict.fromkeys([*there, *more]))


def linking_columns(footprint: Sequence[Part]) -> Mapping[str, frozenset[str]]:
    """Return per table the columns that other parts hang on."""
    found: dict[str, set[str]] = {part.table: set() for part in footprint}
    for part in footprint[1:]:
        found[part.owner or footprint[0].table] |= {name for _, name in part.link}
        found[part.table] |= {name for name, _ in part.link}
    return {table: frozenset(names) for table, names in found.items()}
