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
    Kind,
    LaterBusiness,
    Ref,
    Reversibility,
    Step,
)
from core.errors import BadInput, IllegalMove, NotFound
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
    Purpose,
)
from recovery.parts import narrowed, parts_of, without_parts
from recovery.rewinding import Place, Rewound, shared_places
from recovery.side_by_side import capture
from recovery.states import ChangeSetState, OperationState

FINISHED = frozenset(
    {
        ChangeSetState.APPLIED,
        ChangeSetState.PARTLY_APPLIED,
        ChangeSetState.PARTLY_ROLLED_BACK,
        ChangeSetState.ROLLED_BACK,
        ChangeSetState.FAILED,
    }
)


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
class Selection:
    """What to take back: a change set, or the newest standing operations on documents."""

    change_set_id: str | None = None
    numbers: tuple[str, ...] = ()
    system: str | None = None
    kind: Kind | None = None
    only: tuple[str, ...] = ()  # of the change set, these document numbers or keys alone
    lines: tuple[str, ...] = ()  # of the one document, these lines alone: positions or keys


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


@dataclass(slots=True)
class _Chain:
    operations: list[Operation]
    before: dict[str, Image] = field(default_factory=dict)
    after: dict[str, Image] = field(default_factory=dict)
    now: dict[str, Image] = field(default_factory=dict)
    seen: dict[str, Image] = field(default_factory=dict)  # now, as newer chains will leave it
    still_ours: dict[str, Image] = field(default_factory=dict)  # after, without what parts put back
    has_parts: bool = False
    lines: frozenset[Ref] = frozenset()
    # What the newest link that looks at the same records left: business that came later came after that one.
    left: dict[str, Image] = field(default_factory=dict)

    def places(self) -> set[Place]:
        """Return every record in the footprints of its operations."""
        return {
            (operation.system, ref)
            for operation in self.operations
            for images in (self.before, self.after)
            for ref in images[operation.id].refs()
        }


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
    operations, reverses_id = _select(journal, selection)
    chains = _chains(operations)
    if selection.only:
        wanted = set(selection.only)
        chains = [chain for chain in chains if chain.operations[0].called in wanted]
        missing = wanted - {chain.operations[0].called for chain in chains}
        if missing:
            raise NotFound(what="document", name=", ".join(sorted(missing)))
    _load_images(journal, chains)
    _leave_parts_alone(journal, systems, chains)
    if selection.lines:
        _choose_lines(systems, chains, selection.lines)
    _read_now(systems, chains, policy)
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


# --- which operations ---------------------------------------------------------------------------


def _select(journal: Journal, selection: Selection) -> tuple[list[Operation], str | None]:
    reverses_id: str | None = None
    if selection.change_set_id is not None:
        change_set = journal.change_set(selection.change_set_id)
        if change_set.state not in FINISHED:
            raise IllegalMove(
                N_("Change set {name} is {state}: there is nothing finished to take back yet."),
                what="change set",
                name=change_set.short_id,
                to="rolled_back",
                state=change_set.state.value,
            )
        reverses_id = change_set.id
        found = list(journal.operations(change_set.id, states={OperationState.CONFIRMED}))
        name = change_set.short_id
    else:
        found = journal.operations_of_numbers(selection.numbers, system=selection.system)
        name = ", ".join(selection.numbers)
    if selection.kind is not None:
        found = [operation for operation in found if operation.kind is selection.kind]
    standing = set(journal.standing([operation.id for operation in found]))
    found = [operation for operation in found if operation.id in standing]
    if selection.change_set_id is None:
        found = _newest_of_each(journal, found)
        _refuse_ambiguous(found)
        known = {operation.called for operation in found}
        missing = [number for number in selection.numbers if number not in known]
        if missing:
            raise NotFound(
                N_("Nothing that stands was done by Storno to {name!r}."),
                what="document",
                name=", ".join(missing),
            )
        sets = {operation.change_set_id for operation in found}
        reverses_id = sets.pop() if len(sets) == 1 else None
    if not found:
        raise NotFound(
            N_("There is nothing left to take back in {name!r}."), what="change set", name=name
        )
    return found, reverses_id


def _refuse_ambiguous(found: Sequence[Operation]) -> None:
    homes: dict[str, set[tuple[str, Ref]]] = {}
    for operation in found:
        homes.setdefault(operation.called, set()).add((operation.system, operation.ref))
    several = [name for name, documents in homes.items() if len(documents) > 1]
    if several:
        raise BadInput(
            source=", ".join(several),
            problem=N_("several documents have this number; say which with --system or --kind"),
        )


def _newest_of_each(journal: Journal, found: Sequence[Operation]) -> list[Operation]:
    """Keep, per document, the operations of its newest change set alone, rollbacks left out."""
    kept: dict[tuple[str, str, str], str] = {}
    purposes: dict[str, Purpose] = {}
    result = []
    for operation in found:  # newest first
        set_id = operation.change_set_id
        if set_id not in purposes:
            purposes[set_id] = journal.change_set(set_id).purpose
        if purposes[set_id] is Purpose.ROLLBACK:
            continue
        document = (operation.system, operation.ref.model, operation.ref.key)
        if kept.setdefault(document, set_id) == set_id:
            result.append(operation)
    return sorted(result, key=lambda op: (op.change_set_id, op.position))


def _chains(operations: Sequence[Operation]) -> list[_Chain]:
    """Group links of one document, newest chain first."""
    chains: dict[tuple[str, str, str, str], _Chain] = {}
    for operation in operations:
        key = (operation.change_set_id, operation.system, operation.ref.model, operation.ref.key)
        chains.setdefault(key, _Chain([])).operations.append(operation)
    found = list(chains.values())
    for chain in found:
        chain.operations.sort(key=lambda op: op.position)
    return sorted(
        found,
        key=lambda c: (c.operations[-1].change_set_id, c.operations[-1].position),
        reverse=True,
    )


def _load_images(journal: Journal, chains: Sequence[_Chain]) -> None:
    hashes: set[str | None] = set()
    for chain in chains:
        for operation in chain.operations:
            hashes |= {operation.before_hash, operation.after_hash}
    images = journal.images(hashes)
    for chain in chains:
        for operation in chain.operations:
            chain.before[operation.id] = images[str(operation.before_hash)]
            chain.after[operation.id] = images[str(operation.after_hash)]


def _leave_parts_alone(journal: Journal, systems: Systems, chains: Sequence[_Chain]) -> None:
    """What was taken back line by line already belongs to the operation no more."""
    parts = parts_of(journal, [op for chain in chains for op in chain.operations])
    found = [part for each in parts.values() for part in each]
    images = journal.images({h for part in found for h in (part.before_hash, part.after_hash)})
    for chain in chains:
        for operation in chain.operations:
            after = chain.after[operation.id]
            mine = parts.get(operation.id)
            if mine:
                action = systems(operation.system).actions()[operation.step.action]
                after = without_parts(after, mine, images, action)
                chain.has_parts = True
            chain.still_ours[operation.id] = after


def _choose_lines(systems: Systems, chains: Sequence[_Chain], names: Sequence[str]) -> None:
    """Narrow the one chain to some lines of its document. Raises `BadInput`."""
    if len(chains) != 1 or len(chains[0].operations) != 1:
        raise BadInput(
            N_("{source}: name the one document whose lines they are: --only or --documents."),
            source="--lines",
        )
    (chain,) = chains
    (operation,) = chain.operations
    action = systems(operation.system).actions()[operation.step.action]
    before = chain.before[operation.id]
    chain.lines = frozenset(action.lines(before, names))
    if not chain.lines:
        raise BadInput(
            N_("{source}: {action} is taken back as a whole or not at all."),
            source="--lines",
            action=operation.step.action,
        )
    for images in (chain.before, chain.after, chain.still_ours):
        images[operation.id] = narrowed(images[operation.id], chain.lines)


def _read_now(systems: Systems, chains: Sequence[_Chain], policy: RetryPolicy | None) -> None:
    """Read each document as it is now, once where several links of its chain look at the same records."""
    groups: dict[tuple[str, str], list[tuple[_Chain, list[Operation]]]] = {}
    for chain in chains:
        for links in _views(systems, chain):
            key = (links[-1].system, links[-1].step.action)
            groups.setdefault(key, []).append((chain, links))
    for (system_name, _), members in groups.items():
        images = _capture(
            systems,
            system_name,
            [links[-1].step for _, links in members],
            [_known(chain, links) for chain, links in members],
            policy,
        )
        for (chain, links), image in zip(members, images, strict=True):
            for operation in links:
                chain.now[operation.id] = image
                chain.left[operation.id] = chain.after[links[-1].id]


def _views(systems: Systems, chain: _Chain) -> list[list[Operation]]:
    """Return the links of a chain, those together that look at the same records of the same document, in order."""
    found: dict[tuple[object, ...], list[Operation]] = {}
    for operation in chain.operations:
        action = systems(operation.system).actions()[operation.step.action]
        view = (operation.system, operation.ref, footprint_key(action))
        found.setdefault(view, []).append(operation)
    return list(found.values())


def _known(chain: _Chain, links: Sequence[Operation]) -> Image:
    """Return every record that one of the links left, each as the newest left it."""
    records = {r.ref: r for operation in links for r in chain.after[operation.id].records}
    return Image(tuple(records[ref] for ref in sorted(records)))


def _capture(
    systems: Systems,
    system_name: str,
    steps: Sequence[Step],
    known: Sequence[Image | None],
    policy: RetryPolicy | None,
) -> list[Image]:
    system = systems(system_name)
    system.actions()  # it looks at its server before several threads need what it finds
    return capture(system, steps, known, policy)


# --- what stands in the way ---------------------------------------------------------------------


def _items(
    systems: Systems, chains: Sequence[_Chain], on_conflict: OnConflict
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


def _item(systems: Systems, chain: _Chain, on_conflict: OnConflict) -> RollbackItem:
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
    actions: Mapping[str, Action], chain: _Chain, steps: Sequence[tuple[Step, str | None]]
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
    actions: Mapping[str, Action], chain: _Chain
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


def _later(actions: Mapping[str, Action], chain: _Chain) -> tuple[LaterBusiness, ...]:
    found: list[LaterBusiness] = []
    for operation in chain.operations:
        action: Action = actions[operation.step.action]
        found += action.later_business(
            operation.step, chain.left[operation.id], chain.seen[operation.id]
        )
    return tuple(each for i, each in enumerate(found) if each not in found[:i])


def _conflicts(actions: Mapping[str, Action], chain: _Chain) -> tuple[list[Conflict], bool]:
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


def _oldest(actions: Mapping[str, Action], chain: _Chain) -> dict[tuple[Any, str], Any]:
    """Return what each field of ours held before the first link that changed it."""
    found: dict[tuple[Any, str], Any] = {}
    for operation in chain.operations:
        action: Action = actions[operation.step.action]
        before, after = chain.before[operation.id], chain.after[operation.id]
        for difference in only(differences(before, after, ignore=action.trace), action.ours):
            found.setdefault((difference.ref, difference.field), difference.before)
    return found


def _is_explained(
    actions: Mapping[str, Action], chain: _Chain, later: Sequence[LaterBusiness]
) -> bool:
    """Whether later business moved what derives from it, and the way back itself works that out anew."""
    return any(each.effect is Effect.CHANGES_RESULT for each in later) and all(
        actions[operation.step.action].recomputes for operation in chain.operations
    )


def _are_derived(
    actions: Mapping[str, Action], chain: _Chain, conflicts: Sequence[Conflict]
) -> bool:
    derived: dict[str, set[str]] = {}
    for operation in chain.operations:
        for model, fields in actions[operation.step.action].derived.items():
            derived.setdefault(model, set()).update(fields)
    return all(c.field in derived.get(c.ref.model, ()) for c in conflicts)


def _kept(actions: Mapping[str, Action], chain: _Chain) -> tuple[FieldDifference, ...]:
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
    chains: Sequence[_Chain],
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
        images = _capture(systems, system_name, steps, [None] * len(steps), policy)
        for i, image in zip(indexes, images, strict=True):
            result[i] = replace(result[i], approved=image)
    return result


def _with_recomputed(
    systems: Systems, items: Sequence[RollbackItem], chains: Sequence[_Chain]
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
