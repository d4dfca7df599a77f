"""What somebody else changed after us, field by field.

A conflict is a field of ours that is neither as we left it nor as it was before. `recovery.conflicts.resolving` says what
becomes of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from connectors.contract import Action, Image, Ref
from recovery.images import WHOLE_RECORD, differences, only, without
from recovery.model import Conflict, FieldDifference

if TYPE_CHECKING:
    from recovery.reversing.selection import Chosen

Actions = Mapping[str, Action]
Spot = tuple[Ref, str]
"""A field of a record."""


@dataclass(frozen=True, slots=True)
class Found:
    """What somebody changed of what is ours in one document, and whether everything is back by itself.

    `beside` is what they changed in fields that the way back may write, and that we had not changed. It is no
    conflict, for nothing of ours is in it; a way back that writes several fields together must not write over it.
    """

    conflicts: tuple[Conflict, ...]
    is_back: bool
    beside: tuple[FieldDifference, ...] = ()


def find_conflicts(actions: Actions, chain: Chosen) -> Found:
    """Compare what is there now with what we left, in the normal form of the system.

    Where several links changed a field, the newest one says what is ours and the oldest one what was before.
    """
    conflicts: list[Conflict] = []
    oldest = _oldest(actions, chain) if len(chain.operations) > 1 else {}
    covered: set[Spot] = set()
    back_count = 0
    beside: dict[Spot, FieldDifference] = {}
    for operation in reversed(chain.operations):
        action = actions[operation.step.action]
        before, after = chain.before[operation.id], chain.still_ours[operation.id]
        now, form = chain.seen[operation.id], action.normal_form
        changed = only(differences(before, after, ignore=action.trace), action.ours)
        moved = {
            (d.ref, d.field): d for d in differences(after, now, ignore=action.trace, form=form)
        }
        if moved and action.restores:
            for each in without(only(moved.values(), action.restores), action.derived):
                beside.setdefault((each.ref, each.field), each)
        for difference in changed:
            spot = (difference.ref, difference.field)
            if spot in covered:
                continue
            covered.add(spot)
            later = moved.get(spot)
            # A record that is gone moves all of its fields at once, under the name of the whole record.
            gone = moved.get((difference.ref, WHOLE_RECORD))
            if later is None and gone is None:
                continue
            was = oldest.get(spot, difference.before)
            current = later.after if later is not None else gone.after if gone else None
            if later is not None and form.is_same(current, was):
                back_count += 1
            by, at = _writer(action, after, now, difference.ref)
            conflicts.append(
                Conflict(difference.ref, difference.field, was, difference.after, current, by, at)
            )
    # A field that went back by itself stands in the way of nothing, unless it is all that moved.
    others = [
        conflict for conflict in conflicts if not _is_same(actions, chain, conflict, conflict.now)
    ]
    is_nothing_left = chain.has_parts and not covered
    is_back = is_nothing_left or 0 < len(covered) == back_count
    return Found(
        tuple(others or conflicts),
        is_back,
        tuple(each for spot, each in beside.items() if spot not in covered),
    )


def _is_same(actions: Actions, chain: Chosen, conflict: Conflict, value: Any) -> bool:
    """Whether a value is what was there before, in the normal form."""
    form = actions[chain.operations[-1].step.action].normal_form
    return form.is_same(value, conflict.before)


def _writer(action: Action, after: Image, now: Image, ref: Ref) -> tuple[str | None, Any]:
    """Return who changed a record since, and when, where the ERP tells; not who had changed it before."""
    by, at = action.changed_by(now, ref), action.changed_at(now, ref)
    if (by, at) == (action.changed_by(after, ref), action.changed_at(after, ref)):
        return None, None
    return by, at


def _oldest(actions: Actions, chain: Chosen) -> dict[Spot, Any]:
    """Return what each field of ours held before the first link that changed it."""
    found: dict[Spot, Any] = {}
    for operation in chain.operations:
        action = actions[operation.step.action]
        before, after = chain.before[operation.id], chain.after[operation.id]
        for difference in only(differences(before, after, ignore=action.trace), action.ours):
            found.setdefault((difference.ref, difference.field), difference.before)
    return found


def kept_edits(actions: Actions, chain: Chosen) -> tuple[FieldDifference, ...]:
    """Return what somebody changed of what was never ours: it stays."""
    operation = chain.operations[-1]
    action = actions[operation.step.action]
    found = differences(
        chain.after[operation.id],
        chain.seen[operation.id],
        ignore=action.trace,
        form=action.normal_form,
    )
    for link in chain.operations:
        found = without(found, actions[link.step.action].ours)
    return tuple(found)
