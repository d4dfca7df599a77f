"""No half state: nothing is taken back while something that rests on it stays.

What rests on it must come along, be back already, or keep what is below it where it is; and what only came along
for a document that stays, stays too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from core.text import N_, Text
from recovery.reversing.dependence import Tie
from recovery.reversing.rollback_item import Rest, RollbackItem, Status

NAMED_AT_MOST: Final = 3
"""Documents that a reason names; all of them stand in the preview."""


@dataclass(frozen=True, slots=True)
class Sorted:
    """Items of a plan, and those that would have to come along and were not asked to."""

    items: tuple[RollbackItem, ...]
    offered: tuple[RollbackItem, ...]


def keep_whole(
    found: Sequence[RollbackItem],
    ties: Sequence[Tie],
    circles: Sequence[Sequence[int]],
    *,
    with_dependents: bool,
) -> Sorted:
    """Return the items with those blocked that cannot go back alone; `found` in the order in which they go back."""
    items = list(found)
    newer: dict[int, list[Tie]] = {}
    for tie in ties:
        newer.setdefault(tie.older, []).append(tie)
    for circle in circles:
        _block_circle(items, circle)
    for place in range(len(items)):
        _block_under(items, place, newer.get(place, ()), with_dependents=with_dependents)
    needed = _needed(items, newer)
    told = _told(items, ties)
    wanted = [
        item.is_asked or (with_dependents and place in needed) for place, item in enumerate(told)
    ]
    return Sorted(
        items=tuple(item for item, is_wanted in zip(told, wanted, strict=True) if is_wanted),
        offered=tuple(
            item
            for item, is_wanted in zip(told, wanted, strict=True)
            if not is_wanted and item.status is not Status.ALREADY_BACK
        ),
    )


def _block_circle(items: list[RollbackItem], circle: Sequence[int]) -> None:
    names = [items[place].last.called for place in circle]
    for place in circle:
        item = items[place]
        if item.status is Status.CLEAN:
            reason = Text(
                N_(
                    "each of these rests on the other, so none can go back first: {names};"
                    " take one of them back by hand"
                ),
                {"names": " - ".join([*names, names[0]])},
            )
            items[place] = replace(item, status=Status.BLOCKED, reason=reason)


def _block_under(
    items: list[RollbackItem], place: int, above: Sequence[Tie], *, with_dependents: bool
) -> None:
    """Block a clean item while one that rests on it stays."""
    item = items[place]
    if item.status is not Status.CLEAN or not above:
        return
    over = list(dict.fromkeys(tie.newer for tie in above))
    stuck = [n for n in over if items[n].status not in {Status.CLEAN, Status.ALREADY_BACK}]
    if stuck:
        other = items[stuck[0]]
        reason = Text(
            N_("{number} rests on it and stays: {reason}"),
            {
                "number": _named(other),
                "reason": other.reason if other.reason is not None else other.status.value,
            },
        )
        items[place] = replace(item, status=Status.BLOCKED, reason=reason)
        return
    missing = [n for n in over if not items[n].is_asked and items[n].status is Status.CLEAN]
    if missing and not with_dependents:
        values = {
            "names": ", ".join(_named(items[n]) for n in missing[:NAMED_AT_MOST]),
            "count": len(missing),
        }
        template = (
            N_("{names} rests on it: take it back as well (--with-dependents)")
            if len(missing) == 1
            else N_("{count} younger operations rest on it ({names}): --with-dependents")
        )
        items[place] = replace(item, status=Status.BLOCKED, reason=Text(template, values))


def _named(item: RollbackItem) -> str:
    """Return how a person finds it: the document, the change set and the operation in it."""
    last = item.last
    return f"{last.called} ({last.change_set_id[:13]} {last.position})"


def _needed(items: Sequence[RollbackItem], newer: Mapping[int, Sequence[Tie]]) -> set[int]:
    """Return the places that must go back so that what was asked for can."""
    left = [n for n, item in enumerate(items) if item.is_asked and item.status is Status.CLEAN]
    found = set(left)
    while left:
        for tie in newer.get(left.pop(), ()):
            if tie.newer not in found and items[tie.newer].status is Status.CLEAN:
                found.add(tie.newer)
                left.append(tie.newer)
    return found


def _told(items: Sequence[RollbackItem], ties: Sequence[Tie]) -> list[RollbackItem]:
    """Say of each item what it rests on and what rests on it, each once."""
    upon: dict[int, dict[int, Rest]] = {}
    under: dict[int, dict[int, Rest]] = {}
    for tie in ties:
        newer, older = items[tie.newer].last, items[tie.older].last
        upon.setdefault(tie.newer, {}).setdefault(tie.older, Rest(older, tie.sign, tie.why))
        under.setdefault(tie.older, {}).setdefault(tie.newer, Rest(newer, tie.sign, tie.why))
    return [
        replace(
            item,
            upon=tuple(upon.get(place, {}).values()),
            under=tuple(under.get(place, {}).values()),
        )
        if place in upon or place in under
        else item
        for place, item in enumerate(items)
    ]
