"""Take change sets back: the change set whose operations are the inverses of another's.

A rollback is planned, approved, run, settled and itself rolled back like any other change set.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from connectors.contract import Step
from core.errors import NotAllowed
from core.retry import RetryPolicy
from core.text import N_
from recovery.journal import Journal
from recovery.judgement import Systems
from recovery.model import Actor, ChangeSet, Draft, PlannedOperation, Purpose
from recovery.parts import PART_OF
from recovery.plan import Chain, arrange, gather
from recovery.preview import OnConflict, RollbackItem, RollbackPreview, Status, preview
from recovery.selection import Selection
from recovery.totals import totals


def plan_rollback(
    journal: Journal,
    systems: Systems,
    selection: Selection,
    *,
    actor: Actor,
    reason: str,
    on_conflict: OnConflict = OnConflict.STOP,
    policy: RetryPolicy | None = None,
) -> ChangeSet:
    """Store a rollback as a planned change set, to be approved and run like any other.

    Documents in conflict, blocked or not reversible are in it as dropped operations with their reason.
    Raises as `preview`, and `NotAllowed` for `force` and when nothing is left to take back.
    """
    if on_conflict is OnConflict.FORCE:
        raise NotAllowed(
            reason=N_(
                "forcing needs a second person, and accounts do not exist yet; resolve by hand"
            )
        )
    found = preview(journal, systems, selection, on_conflict=on_conflict, policy=policy)
    return store_rollback(journal, found, actor=actor, reason=reason)


def store_rollback(
    journal: Journal, found: RollbackPreview, *, actor: Actor, reason: str
) -> ChangeSet:
    """Store the rollback that a preview showed, on exactly that evidence."""
    if not found.with_status(Status.CLEAN):
        raise NotAllowed(
            reason=N_("no document can be taken back now; see the preview for the reason of each")
        )
    title = found.reverses_id[:13] if found.reverses_id else ", ".join(_numbers(found.items))
    draft = Draft(
        purpose=Purpose.ROLLBACK,
        title=title,
        actor=actor,
        reason=reason,
        reverses_id=found.reverses_id,
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
    chains = [Chain(tuple(_planned(item))) for item in found.items if _planned(item)]
    return journal.plan(draft, list(arrange(gather(chains))))


def _part(item: RollbackItem) -> dict[str, Any]:
    if not item.lines:
        return {}
    return {PART_OF: item.last.id, "lines": [str(ref) for ref in item.lines]}


def _numbers(items: Iterable[RollbackItem]) -> list[str]:
    return [item.last.called for item in items][:5]


def _planned(item: RollbackItem) -> list[PlannedOperation]:
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
        conflicts = [
            {
                "model": c.ref.model,
                "key": c.ref.key,
                "field": c.field,
                "before": c.before,
                "ours": c.ours,
                "now": c.now,
                "changed_by": c.changed_by,
            }
            for c in item.conflicts
        ]
        # Kept in the plan so that the journal says why this document was not taken back.
        return [
            PlannedOperation(
                step=Step(last.step.action, last.ref, last.step.arguments),
                executor=item.executor,
                approved=None,
                dropped=item.reason,
                details={"status": item.status.value, "conflicts": conflicts},
                **common,
            )
        ]
    return [
        PlannedOperation(
            step=step,
            executor=item.executor,
            approved=item.approved if i == 0 else None,
            reverses_operation_id=reverses,
            details={"status": item.status.value, **_part(item)},
            **common,
        )
        for i, (step, reverses) in enumerate(item.steps)
    ]
