"""How many documents of a rollback are of which sort: what a person wants to know of three hundred of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from connectors.contract import Effect
from recovery.reversing.preview import Status

if TYPE_CHECKING:
    from core.text import Text
    from recovery.reversing.preview import RollbackItem


class Sort(StrEnum):
    """What becomes of a document, and what happened to it since."""

    AS_BEFORE = "as_before"  # it will be as it was before
    HARMLESS = "harmless"  # so too, although business went on
    RECOMPUTED = "recomputed"  # taken back; what follows from later business is worked out anew
    RESOLVED = "resolved"  # taken back, but for fields in conflict that were resolved otherwise
    ALREADY_BACK = "already_back"
    CONFLICT = "conflict"
    KEPT = "kept"
    BLOCKED = "blocked"
    RESTED_ON = "rested_on"  # something of Storno's rests on it and stays
    NOT_REVERSIBLE = "not_reversible"


@dataclass(frozen=True, slots=True)
class Total:
    """So many documents of one sort, with what happened to them."""

    sort: Sort
    happened: tuple[Text, ...]
    count: int
    differing: int  # of these, documents with a derived field that will not be what it was before


_EFFECTS: Final = {
    Sort.BLOCKED: Effect.BLOCKS,
    Sort.RECOMPUTED: Effect.CHANGES_RESULT,
    Sort.HARMLESS: Effect.HARMLESS,
}


def sort_of(item: RollbackItem) -> Sort:
    """Return the sort of one document."""
    is_blocked_by_business = any(each.effect is Effect.BLOCKS for each in item.later)
    if item.status is Status.BLOCKED and item.under and not is_blocked_by_business:
        return Sort.RESTED_ON
    if item.status is not Status.CLEAN:
        return Sort(item.status.value)
    if item.resolved.otherwise_count:
        return Sort.RESOLVED
    effects = {each.effect for each in item.later}
    if Effect.CHANGES_RESULT in effects or item.recomputed:
        return Sort.RECOMPUTED
    return Sort.HARMLESS if effects else Sort.AS_BEFORE


def totals(items: Iterable[RollbackItem]) -> tuple[Total, ...]:
    """Return the totals, each document counted once; what goes back first, the largest first."""
    counts: Counter[tuple[Sort, tuple[str, ...]]] = Counter()
    differing: Counter[tuple[Sort, tuple[str, ...]]] = Counter()
    texts: dict[tuple[Sort, tuple[str, ...]], tuple[Text, ...]] = {}
    for item in items:
        sort = sort_of(item)
        effect = _EFFECTS.get(sort)
        happened = tuple(each.text for each in item.later if each.effect is effect)
        key = sort, tuple(str(text) for text in happened)
        counts[key] += 1
        differing[key] += bool(item.recomputed)
        texts[key] = happened
    order = list(Sort)
    return tuple(
        Total(key[0], texts[key], count, differing[key])
        for key, count in sorted(
            counts.items(), key=lambda each: (order.index(each[0][0]), -each[1], each[0][1])
        )
    )
