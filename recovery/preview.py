"""What rolling back would meet: per document clean, already back, in conflict, blocked or not reversible.

Only reads. `recovery.rollback` makes a change set of what was found here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from connectors.contract import (
    Action,
    Effect,
    Executor,
    Image,
    LaterBusiness,
    Ref,
    Reversibility,
    Step,
)
from core.retry import RetryPolicy
from core.text import N_, Text
from recovery.describe import describe_action
from recovery.images import WHOLE_RECORD, differences, footprint_key, only, without
from recovery.journal import Journal
from recovery.judgement import Systems, patient
from recovery.model import (
    Conflict,
    FieldDifference,
    Operation,
)
from recovery.parts import narrowed
from recovery.rewinding import Rewound, shared_places
from recovery.selection import Chosen, Selection, chosen_chains
from recovery.side_by_side import capture


class Status(StrEnum):
    """What a rollback would meet on one document."""

    CLEAN = "clean"  # equal to the after image: the inverse can be applied
    ALREADY_BACK = "already_back"  # equal to the before image: nothing to do
    CONFLICT = "conflict"  # a field of ours is neither: somebody changed it
    BLOCKED = "blocked"  # later business forbids it
    NOT_REVERSIBLE = "not_reversible"  # no operation takes it back


class OnConflict(StrEnum):
    """What to do with a document that somebody else changed."""

    STOP = "stop"  # leave it and say that a person is needed; the others go on
    SKIP = "skip"  # leave it on purpose
    RECOMPUTE = "recompute"  # go on where every conflicting field is derived by the ERP
    FORCE = "force"  # put back whatever is there now: refused until accounts exist


@dataclass(frozen=True, slots=True)
class RollbackItem:
    """One document (one chain of operations, in the order in which they were applied)."""

    operations: tuple[Operation, ...]
    status: Status
    reversibility: Reversibility
    trace_note: str
    reason: Text | None = None
    conflicts: tuple[Conflict, ...] = ()
    later: tuple[LaterBusiness, ...] = ()
    kept: tuple[FieldDifference, ...] = ()  # somebody else's edits that stay
    recomputed: tuple[FieldDifference, ...] = ()  # before, and what it will be instead
    lines: tuple[Ref, ...] = ()  # these alone; none stands for the whole document
    steps: tuple[tuple[Step, str | None], ...] = ()  # inverse step, operation that it ends
    approved: Image | None = None
    executor: Executor = Executor.INTERFACE

    @property
    def last(self) -> Operation:
        """The newest operation of the chain."""
        return self.operations[-1]


@dataclass(frozen=True, slots=True)
class RollbackPreview:
    """What rolling back would do; nothing was changed."""

    items: tuple[RollbackItem, ...]
    reverses_id: str | None
    actions: Mapping[str, Any] = field(default_factory=dict)  # by name, as the plan keeps them

    def with_status(self, *wanted: Status) -> list[RollbackItem]:
        """Return the items of these statuses."""
        return [item for item in self.items if item.status in wanted]


def preview(
    journal: Journal,
    systems: Systems,
    selection: Selection,
    *,
    on_conflict: OnConflict = OnConflict.STOP,
    policy: RetryPolicy | None = None,
) -> RollbackPreview:
    """Read what is there now and say, per document, what a rollback would do. Changes nothing.

    Raises `NotFound` when nothing that stands fits the selection, `IllegalMove` when the change set is
    still running.
    """
    systems = patient(systems, policy)
    chains, reverses_id = chosen_chains(journal, systems, selection, policy)
    items = _items(systems, chains, on_conflict)
    approved = _with_approved(systems, items, chains, policy)
    ready = tuple(_with_recomputed(systems, approved, chains))
    return RollbackPreview(ready, reverses_id, _described(systems, ready))


def _described(systems: Systems, items: Sequence[RollbackItem]) -> dict[str, Any]:
    used = {
        (item.last.system, action)
        for item in items
        for action in (item.last.step.action, *(step.action for step, _ in item.steps))
    }
    return {name: describe_action(systems(system).actions()[name]) for system, name in sorted(used)}


# --- what stands in the way ---------------------------------------------------------------------


def _items(
    systems: Systems, chains: Sequence[Chosen], on_conflict: OnConflict
) -> list[RollbackItem]:
    """Judge the chains from the newest to the oldest, as they will be taken back."""
    rewound = Rewound(shared_places(chain.places() for chain in chains))
    items: list[RollbackItem] = []
    for chain in chains:
        for operation in chain.operations:
            now = rewound.seen(operation.system, chain.now[operation.id])
            chain.seen[operation.id] = narrowed(now, chain.lines)
        item = _item(systems, chain, on_conflict)
        items.append(item)
        if item.status is not Status.CLEAN:
            continue
        for operation in reversed(chain.operations):
            action = systems(operation.system).actions()[operation.step.action]
            rewound.take_back(
                operation.system,
                action,
                chain.before[operation.id],
                chain.still_ours[operation.id],
            )
    return items


def _item(systems: Systems, chain: Chosen, on_conflict: OnConflict) -> RollbackItem:
    actions = systems(chain.operations[0].system).actions()
    steps = _inverse_steps(actions, chain)
    last_action = actions[chain.operations[-1].step.action]
    worst = max((actions[op.step.action].reversibility for op in chain.operations), key=_badness)
    item = RollbackItem(
        operations=tuple(chain.operations),
        status=Status.CLEAN,
        reversibility=worst,
        trace_note=last_action.trace_note,
        later=_later(actions, chain),
        kept=_kept(actions, chain),
        steps=steps or (),
        executor=_executor(actions, chain, steps or ()),
        lines=tuple(sorted(chain.lines)),
    )
    conflicts, is_back = _conflicts(actions, chain)
    if is_back:
        return replace(item, status=Status.ALREADY_BACK, reason=Text(N_("it is as it was before")))
    if steps is None:
        note = next(
            (
                actions[op.step.action].reversibility_note
                for op in chain.operations
                if _badness(actions[op.step.action].reversibility) >= _badness(Reversibility.MANUAL)
            ),
            "",
        )
        reason = Text(note or N_("no operation takes it back; a person must"))
        return replace(item, status=Status.NOT_REVERSIBLE, reason=reason)
    may_move = on_conflict is OnConflict.RECOMPUTE or _is_explained(actions, chain, item.later)
    if conflicts and not (may_move and _are_derived(actions, chain, conflicts)):
        reason = Text(
            N_("somebody changed it after the operation ({count} fields)"),
            {"count": len(conflicts)},
        )
        return replace(item, status=Status.CONFLICT, conflicts=tuple(conflicts), reason=reason)
    item = replace(item, conflicts=tuple(conflicts))
    blocking = [each for each in item.later if each.effect is Effect.BLOCKS]
    if blocking:
        return replace(item, status=Status.BLOCKED, reason=blocking[0].text)
    return item


def _executor(
    actions: Mapping[str, Action], chain: Chosen, steps: Sequence[tuple[Step, str | None]]
) -> Executor:
    """A person takes back what a person did, where the way back is one that a person can go."""
    is_by_person = chain.operations[-1].executor is Executor.BY_PERSON
    can_person = all(Executor.BY_PERSON in actions[step.action].executors for step, _ in steps)
    can_interface = all(Executor.INTERFACE in actions[step.action].executors for step, _ in steps)
    return (
        Executor.BY_PERSON
        if can_person and (is_by_person or not can_interface)
        else Executor.INTERFACE
    )


def _badness(reversibility: Reversibility) -> int:
    return list(Reversibility).index(reversibility)


def _inverse_steps(
    actions: Mapping[str, Action], chain: Chosen
) -> tuple[tuple[Step, str | None], ...] | None:
    """Return the inverse steps, newest link first; None when one link has none."""
    steps: list[tuple[Step, str | None]] = []
    for operation in reversed(chain.operations):
        action: Action = actions[operation.step.action]
        if action.reversibility is Reversibility.NONE:
            return None
        inverse = action.inverse(
            operation.step, chain.before[operation.id], chain.still_ours[operation.id]
        )
        by_hand = all(Executor.BY_PERSON in actions[step.action].executors for step in inverse)
        if not inverse or (action.reversibility is Reversibility.MANUAL and not by_hand):
            return None
        steps += [(step, None) for step in inverse[:-1]]
        # A part ends nothing: the operation stands for the other lines.
        steps.append((inverse[-1], None if chain.lines else operation.id))
    return tuple(steps)


def _later(actions: Mapping[str, Action], chain: Chosen) -> tuple[LaterBusiness, ...]:
    found: list[LaterBusiness] = []
    for operation in chain.operations:
        action: Action = actions[operation.step.action]
        found += action.later_business(
            operation.step, chain.left[operation.id], chain.seen[operation.id]
        )
    return tuple(each for i, each in enumerate(found) if each not in found[:i])


def _conflicts(actions: Mapping[str, Action], chain: Chosen) -> tuple[list[Conflict], bool]:
    """Return (conflicts, whether everything is back).

    Where several links changed a field, the newest one says what is ours and the oldest one what was before.
    """
    conflicts: list[Conflict] = []
    oldest = _oldest(actions, chain) if len(chain.operations) > 1 else {}
    covered: set[tuple[Any, str]] = set()
    back_count = 0
    for operation in reversed(chain.operations):
        action: Action = actions[operation.step.action]
        before, after = chain.before[operation.id], chain.still_ours[operation.id]
        now = chain.seen[operation.id]
        changed = only(differences(before, after, ignore=action.trace), action.ours)
        moved = {(d.ref, d.field): d for d in differences(after, now, ignore=action.trace)}
        for difference in changed:
            place = (difference.ref, difference.field)
            if place in covered:
                continue
            covered.add(place)
            later = moved.get(place)
            # A record that is gone moves all of its fields at once, under the name of the whole record.
            gone = moved.get((difference.ref, WHOLE_RECORD))
            if later is None and gone is None:
                continue
            was = oldest.get(place, difference.before)
            current = later.after if later is not None else gone.after if gone else None
            if later is not None and current == was:
                back_count += 1
            by = action.changed_by(now, difference.ref)
            conflicts.append(
                Conflict(difference.ref, difference.field, was, difference.after, current, by)
            )
    # A field that went back by itself stands in the way of nothing, unless it is all that moved.
    others = [conflict for conflict in conflicts if conflict.now != conflict.before]
    is_nothing_left = chain.has_parts and not covered
    return others or conflicts, is_nothing_left or 0 < len(covered) == back_count


def _oldest(actions: Mapping[str, Action], chain: Chosen) -> dict[tuple[Any, str], Any]:
    """Return what each field of ours held before the first link that changed it."""
    found: dict[tuple[Any, str], Any] = {}
    for operation in chain.operations:
        action: Action = actions[operation.step.action]
        before, after = chain.before[operation.id], chain.after[operation.id]
        for difference in only(differences(before, after, ignore=action.trace), action.ours):
            found.setdefault((difference.ref, difference.field), difference.before)
    return found


def _is_explained(
    actions: Mapping[str, Action], chain: Chosen, later: Sequence[LaterBusiness]
) -> bool:
    """Whether later business moved what derives from it, and the way back itself works that out anew."""
    return any(each.effect is Effect.CHANGES_RESULT for each in later) and all(
        actions[operation.step.action].recomputes for operation in chain.operations
    )


def _are_derived(
    actions: Mapping[str, Action], chain: Chosen, conflicts: Sequence[Conflict]
) -> bool:
    derived: dict[str, set[str]] = {}
    for operation in chain.operations:
        for model, fields in actions[operation.step.action].derived.items():
            derived.setdefault(model, set()).update(fields)
    return all(c.field in derived.get(c.ref.model, ()) for c in conflicts)


def _kept(actions: Mapping[str, Action], chain: Chosen) -> tuple[FieldDifference, ...]:
    operation = chain.operations[-1]
    action: Action = actions[operation.step.action]
    found = differences(chain.after[operation.id], chain.seen[operation.id], ignore=action.trace)
    for link in chain.operations:
        found = without(found, actions[link.step.action].ours)
    return tuple(found)


# --- evidence for the plan -----------------------------------------------------------------------


def _with_approved(
    systems: Systems,
    items: Sequence[RollbackItem],
    chains: Sequence[Chosen],
    policy: RetryPolicy | None,
) -> list[RollbackItem]:
    """Give each clean item the image on which its first inverse rests, read in few calls."""
    result = list(items)
    wanted: dict[tuple[str, str], list[int]] = {}
    for i, (item, chain) in enumerate(zip(items, chains, strict=True)):
        if item.status is not Status.CLEAN:
            continue
        actions = systems(item.last.system).actions()
        first = item.steps[0][0].action
        if footprint_key(actions[first]) == footprint_key(actions[item.last.step.action]):
            result[i] = replace(item, approved=chain.now[item.last.id])
        else:
            wanted.setdefault((item.last.system, first), []).append(i)
    for (system_name, _), indexes in wanted.items():
        steps = [items[i].steps[0][0] for i in indexes]
        images = capture(systems(system_name), steps, [None] * len(steps), policy)
        for i, image in zip(indexes, images, strict=True):
            result[i] = replace(result[i], approved=image)
    return result


def _with_recomputed(
    systems: Systems, items: Sequence[RollbackItem], chains: Sequence[Chosen]
) -> list[RollbackItem]:
    """Say of each clean item which derived fields will not be what they were before, where the action can tell."""
    result: list[RollbackItem] = []
    for item, chain in zip(items, chains, strict=True):
        expected: Image | None = None
        if item.status is Status.CLEAN and item.approved is not None and len(item.steps) == 1:
            ((step, _),) = item.steps
            expected = (
                systems(item.last.system).actions()[step.action].expected(step, item.approved)
            )
        if expected is None:
            result.append(item)
            continue
        action = systems(item.last.system).actions()[item.last.step.action]
        before = chain.before[item.last.id]
        found = differences(before, narrowed(expected, chain.lines), common_only=True)
        result.append(replace(item, recomputed=tuple(only(found, action.derived))))
    return result
