"""What rolling back would meet: per document clean, already back, in conflict, blocked or not reversible.

Only reads. `recovery.rollback` makes a change set of what was found here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from connectors.contract import (
    Action,
    Effect,
    Executor,
    LaterBusiness,
    Reversibility,
    Step,
)
from core.collector import seldom_collected
from core.retry import RetryPolicy
from core.text import N_, Text
from recovery.conflicts.fields import find_conflicts, kept_edits
from recovery.conflicts.people import with_names
from recovery.conflicts.resolutions import NO_RULES, Rules
from recovery.conflicts.resolving import UNTOUCHED, Answers, OnConflict, Resolved, resolve
from recovery.conflicts.rule_checks import unfit_rules
from recovery.conflicts.targets import Aimed, rests_on
from recovery.describe import describe_action
from recovery.journal import Journal
from recovery.model import Operation
from recovery.reversing.companions import keep_whole
from recovery.reversing.dependents import gather_chains, in_parts
from recovery.reversing.parts import narrowed
from recovery.reversing.preview_evidence import with_evidence
from recovery.reversing.rewinding import Rewound
from recovery.reversing.rollback_item import RollbackItem, RollbackPreview, Status
from recovery.reversing.selection import Chosen, Selection, read_now
from recovery.running.judgement import Systems, patient

if TYPE_CHECKING:
    from recovery.conflicts.forcing import Permission


READ_AT_ONCE: Final = 1_000
"""Documents whose images are held at the same time. A multiple of what is captured with one call."""

__all__ = ["OnConflict", "RollbackItem", "RollbackPreview", "Status", "preview"]


def preview(
    journal: Journal,
    systems: Systems,
    selection: Selection,
    *,
    on_conflict: OnConflict = OnConflict.STOP,
    rules: Rules = NO_RULES,
    permission: Permission | None = None,
    policy: RetryPolicy | None = None,
) -> RollbackPreview:
    """Read what is there now and say, per document, what a rollback would do. Changes nothing.

    Raises `NotFound` when nothing that stands fits the selection, `IllegalMove` when the change set is
    still running, `BadInput` for a rule of the command line that does not fit.
    """
    with seldom_collected():
        return _preview(
            journal,
            patient(systems, policy),
            selection,
            Answers(rules, on_conflict, permission),
            policy,
        )


def _preview(
    journal: Journal,
    systems: Systems,
    selection: Selection,
    answers: Answers,
    policy: RetryPolicy | None,
) -> RollbackPreview:
    gathered = gather_chains(journal, systems, selection)
    rewound = Rewound(gathered.shared)
    found: list[RollbackItem] = []
    for part in in_parts(gathered.chains, READ_AT_ONCE):
        gathered.shelf.load(part)
        read_now(systems, part, policy)
        items = _items(systems, part, answers, rewound)
        found += with_evidence(systems, items, part, rewound, policy)
        for chain in part:
            chain.release()
    whole = keep_whole(
        found, gathered.ties, gathered.circles, with_dependents=selection.with_dependents
    )
    return RollbackPreview(
        items=with_names(systems, whole.items),
        reverses_id=gathered.reverses_id,
        actions=_described(systems, [*whole.items, *whole.offered]),
        offered=with_names(systems, whole.offered),
        notes=gathered.notes,
        circles=tuple(tuple(found[place].last for place in circle) for circle in gathered.circles),
        unfit=unfit_rules(systems, answers.rules, [item.last for item in found]),
    )


def _described(systems: Systems, items: Sequence[RollbackItem]) -> dict[str, Any]:
    used = {
        (item.last.system, action)
        for item in items
        for action in (item.last.step.action, *(step.action for step, _ in item.steps))
    }
    return {name: describe_action(systems(system).actions()[name]) for system, name in sorted(used)}


# --- what stands in the way ---------------------------------------------------------------------


def _items(
    systems: Systems, chains: Sequence[Chosen], answers: Answers, rewound: Rewound
) -> list[RollbackItem]:
    """Judge the chains in the order in which they will be taken back."""
    items: list[RollbackItem] = []
    for chain in chains:
        for operation in chain.operations:
            now = rewound.seen(operation.system, chain.now[operation.id])
            chain.seen[operation.id] = narrowed(now, chain.lines)
        item = _item(systems, chain, answers)
        items.append(item)
        if item.status is not Status.CLEAN:
            continue
        for operation in reversed(chain.operations):
            action = systems(operation.system).actions()[operation.step.action]
            way = _way_of(chain, item.resolved, operation)
            rewound.take_back(operation.system, action, way.target, way.after)
    return items


def _way_of(chain: Chosen, resolved: Resolved, operation: Operation) -> Aimed:
    """Return the images from which the way back of one link is made."""
    plain = Aimed(chain.before[operation.id], chain.still_ours[operation.id])
    return resolved.aimed.get(operation.id, plain)


def _item(systems: Systems, chain: Chosen, answers: Answers) -> RollbackItem:
    actions = systems(chain.operations[0].system).actions()
    steps = _inverse_steps(actions, chain, UNTOUCHED)
    last_action = actions[chain.operations[-1].step.action]
    worst = max((actions[op.step.action].reversibility for op in chain.operations), key=_badness)
    found = find_conflicts(actions, chain)
    item = RollbackItem(
        operations=tuple(chain.operations),
        status=Status.CLEAN,
        reversibility=worst,
        trace_note=last_action.trace_note,
        later=_later(actions, chain),
        kept=(*kept_edits(actions, chain), *found.beside),
        steps=steps or (),
        executor=_executor(actions, chain, steps or ()),
        lines=tuple(sorted(chain.lines)),
        is_asked=chain.is_asked,
        stay=tuple(chain.stay),
    )
    if found.is_back:
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
    resolved = resolve(actions, chain, found, item.later, answers)
    item = replace(item, conflicts=resolved.conflicts, resolved=resolved)
    if resolved.open is not None:
        return replace(item, status=Status.CONFLICT, reason=resolved.open)
    if resolved.is_kept:
        return replace(item, status=Status.KEPT, reason=Text(N_("it stays as somebody made it")))
    if resolved.aimed:
        steps = _inverse_steps(actions, chain, resolved)
        if steps is None:
            return replace(item, status=Status.CONFLICT, reason=Text(_NOTHING_LEFT))
        # A person presses what the ERP offers, which leaves no field as it is and adds nothing to any.
        if item.executor is Executor.BY_PERSON and not resolved.decided:
            item = replace(item, resolved=replace(resolved, aimed={}, beside=()))
        elif not all(Executor.INTERFACE in actions[step.action].executors for step, _ in steps):
            return replace(item, status=Status.CONFLICT, reason=Text(_BY_PERSON))
        else:
            item = replace(
                item,
                steps=steps,
                executor=Executor.INTERFACE,
                rests_on=_rests_on(actions, chain, resolved),
            )
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


_BY_PERSON: Final = N_("a person takes this back, as a whole: no field of it can be left out")
_NOTHING_LEFT: Final = N_(
    "what was resolved leaves one of its steps nothing to take back: resolve every field, or leave the document"
)


def _inverse_steps(
    actions: Mapping[str, Action], chain: Chosen, resolved: Resolved
) -> tuple[tuple[Step, str | None], ...] | None:
    """Return the inverse steps, newest link first; None when one link has none."""
    steps: list[tuple[Step, str | None]] = []
    for operation in reversed(chain.operations):
        inverse = _inverse_of(actions, chain, resolved, operation)
        if inverse is None:
            return None
        steps += [(step, None) for step in inverse[:-1]]
        # A part ends nothing: the operation stands for the other lines.
        steps.append((inverse[-1], None if chain.lines else operation.id))
    return tuple(steps)


def _inverse_of(
    actions: Mapping[str, Action], chain: Chosen, resolved: Resolved, operation: Operation
) -> tuple[Step, ...] | None:
    action: Action = actions[operation.step.action]
    if action.reversibility is Reversibility.NONE:
        return None
    before = chain.before[operation.id]
    aimed = resolved.aimed.get(operation.id)
    if aimed is None:
        inverse = action.inverse(operation.step, before, chain.still_ours[operation.id])
    else:
        inverse = action.inverse_to(operation.step, before, aimed.after, aimed.target)
    by_hand = all(Executor.BY_PERSON in actions[step.action].executors for step in inverse)
    if not inverse or (action.reversibility is Reversibility.MANUAL and not by_hand):
        return None
    return inverse


def _rests_on(
    actions: Mapping[str, Action], chain: Chosen, resolved: Resolved
) -> tuple[Mapping[str, Any], ...]:
    found: list[Mapping[str, Any]] = []
    for operation in reversed(chain.operations):
        steps = _inverse_of(actions, chain, resolved, operation) or ()
        rows = resolved.decided.get(operation.id, ())
        found += rests_on(actions, steps, rows, resolved.beside)
    return tuple(found)


def _later(actions: Mapping[str, Action], chain: Chosen) -> tuple[LaterBusiness, ...]:
    found: list[LaterBusiness] = []
    for operation in chain.operations:
        action: Action = actions[operation.step.action]
        found += action.later_business(
            operation.step, chain.left[operation.id], chain.seen[operation.id]
        )
    return tuple(each for i, each in enumerate(found) if each not in found[:i])
