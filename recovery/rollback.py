"""Take change sets back: the change set whose operations are the inverses of another's.

A rollback is planned, approved, run, settled and itself rolled back like any other change set.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from connectors.contract import Image, Step
from core.errors import NotAllowed
from core.retry import RetryPolicy
from core.text import N_
from recovery.at_rest.pruned import require_images
from recovery.conflicts.forcing import permit
from recovery.conflicts.resolutions import NO_RULES, Rules
from recovery.conflicts.resolving import OnConflict
from recovery.conflicts.targets import beside_details, conflict_row, resolution_details
from recovery.journal import Journal
from recovery.model import Actor, ChangeSet, Draft, PlannedOperation, Purpose
from recovery.plan import Chain, arrange, gather
from recovery.reversing.parts import PART_OF
from recovery.reversing.preview import preview
from recovery.reversing.rollback_item import RollbackItem, RollbackPreview, Status, StoredImage
from recovery.reversing.selection import Selection
from recovery.reversing.totals import totals
from recovery.running.judgement import Systems


def plan_rollback(
    journal: Journal,
    systems: Systems,
    selection: Selection,
    *,
    actor: Actor,
    reason: str,
    on_conflict: OnConflict = OnConflict.STOP,
    rules: Rules = NO_RULES,
    policy: RetryPolicy | None = None,
) -> ChangeSet:
    """Store a rollback as a planned change set, to be approved and run like any other.

    Documents in conflict, blocked or not reversible are in it as dropped operations with their reason.
    Raises as `preview`, and `NotAllowed` for what would force and when nothing is left to take back.
    """
    if on_conflict is OnConflict.FORCE or rules.forces:
        permit(actor)
    found = preview(
        journal, systems, selection, on_conflict=on_conflict, rules=rules, policy=policy
    )
    return store_rollback(journal, found, actor=actor, reason=reason)


def store_rollback(
    journal: Journal, found: RollbackPreview, *, actor: Actor, reason: str
) -> ChangeSet:
    """Store the rollback that a preview showed, on exactly that evidence."""
    if not found.with_status(Status.CLEAN):
        raise NotAllowed(
            reason=N_("no document can be taken back now; see the preview for the reason of each")
        )
    title = found.reverses_id[:13] if found.reverses_id else ", ".join(_numbers(found.asked()))
    draft = Draft(
        purpose=Purpose.ROLLBACK,
        title=title,
        actor=actor,
        reason=reason,
        reverses_id=found.reverses_id,
        reverses=tuple(
            sorted({op.change_set_id for item in found.items for op in item.operations})
        ),
        details={
            "statuses": {s.value: len(found.with_status(s)) for s in Status},
            "sorts": [
                {
                    "sort": each.sort.value,
                    "happened": [text.as_dict() for text in each.happened],
                    "count": each.count,
                    "differing": each.differing,
                }
                for each in totals(found.items)
            ],
            "actions": dict(found.actions),
        },
    )
    require_images(journal, draft.reverses)  # retention may have come since the preview
    chains = _chains(found.items, actor=actor, reason=reason)
    return journal.plan(draft, arrange(gather(chains)))


def _chains(items: Sequence[RollbackItem], *, actor: Actor, reason: str) -> list[Chain]:
    """Return the ways back in order, each with those that must hold before it is begun."""
    chains: list[Chain] = []
    place_of: dict[str, int] = {}  # of what goes back, by its newest operation
    for item in items:
        planned = _planned(item, actor=actor, reason=reason)
        if not planned:
            continue
        if item.status is Status.CLEAN:
            needs = {
                place_of[rest.operation.id] for rest in item.under if rest.operation.id in place_of
            }
            place_of[item.last.id] = len(chains)
            looks_at = item.approved.refs if isinstance(item.approved, StoredImage) else ()
            chains.append(
                Chain(tuple(planned), needs=frozenset(needs), looks_at=frozenset(looks_at))
            )
        else:
            chains.append(Chain(tuple(planned)))
    return chains


def _because(item: RollbackItem) -> list[dict[str, Any]]:
    """Return why a document comes along that was not asked for."""
    return [
        {
            "change_set": rest.operation.change_set_id,
            "position": rest.operation.position,
            "number": rest.operation.called,
            "sign": rest.sign.value,
            "why": rest.why.as_dict(),
        }
        for rest in item.upon
    ]


def _part(item: RollbackItem) -> dict[str, Any]:
    if not item.lines:
        return {}
    return {PART_OF: item.last.id, "lines": [str(ref) for ref in item.lines]}


def _resolved(
    item: RollbackItem, place: int, ends: str | None, *, actor: Actor, reason: str
) -> dict[str, Any]:
    """Return what one step keeps of resolutions: the end of a way back those, each step what it rests on."""
    found = dict(item.rests_on[place]) if item.rests_on else {}
    if item.lines and place == len(item.steps) - 1:
        ends = item.last.id
    if ends is not None:
        decided = item.resolved.decided.get(ends, ())
        found |= resolution_details(decided, author=actor, reason=reason)
        found |= beside_details(item.resolved.beside)
        if item.resolved.permission is not None:
            found["forced"] = item.resolved.permission.as_details()
    return found


def _numbers(items: Iterable[RollbackItem]) -> list[str]:
    return [item.last.called for item in items][:5]


def _planned(item: RollbackItem, *, actor: Actor, reason: str) -> list[PlannedOperation]:
    last = item.last
    if item.status is Status.ALREADY_BACK:
        return []
    common: dict[str, Any] = {
        "system": last.system,
        "kind": last.kind,
        "number": last.number,
        "reversibility": item.reversibility,
    }
    if item.status is not Status.CLEAN:
        details: dict[str, Any] = {
            "status": item.status.value,
            "conflicts": [conflict_row(each) for each in item.conflicts],
        }
        if item.status is Status.KEPT:
            decided = item.resolved.decided[last.id]
            details |= resolution_details(decided, author=actor, reason=reason)
        # Kept in the plan so that the journal says why this document was not taken back.
        return [
            PlannedOperation(
                step=Step(last.step.action, last.ref, last.step.arguments),
                executor=item.executor,
                approved=None,
                dropped=item.reason,
                details=details,
                **common,
            )
        ]
    return [
        PlannedOperation(
            step=step,
            executor=item.executor,
            approved=item.approved if i == 0 and isinstance(item.approved, Image) else None,
            approved_hash=item.approved.hash
            if i == 0 and isinstance(item.approved, StoredImage)
            else None,
            reverses_operation_id=reverses,
            details={
                "status": item.status.value,
                **({} if item.is_asked else {"because": _because(item)}),
                **({"stay": [op.position for op in item.stay]} if item.stay else {}),
                **_part(item),
                **_resolved(item, i, reverses, actor=actor, reason=reason),
            },
            **common,
        )
        for i, (step, reverses) in enumerate(item.steps)
    ]
