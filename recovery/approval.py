"""Who may let a plan run. Until accounts exist a name is claimed; policy `none` is explicit and recorded."""

from __future__ import annotations

from dataclasses import dataclass

import structlog

from connectors.contract import Reversibility
from core import clock
from core.crashpoint import crashpoint
from core.errors import NotAllowed, PlanExpired
from core.events import Event
from core.text import N_, Text
from recovery.journal import Journal
from recovery.model import Actor, ChangeSet
from recovery.sql.rows import text_json
from recovery.states import ChangeSetState, OperationState

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ApprovalPolicy:
    """`person`: somebody approves each plan by name. `none`: exact operations up to `limit` run without."""

    name: str = "person"
    limit: int = 0


def require_unexpired(journal: Journal, change_set: ChangeSet) -> None:
    """Raise `PlanExpired`, and store that it expired, when the plan's evidence is too old."""
    if change_set.expires_at is None or clock.now() <= change_set.expires_at:
        return
    with journal.writing() as writer:
        writer.move_change_set(change_set.id, ChangeSetState.EXPIRED)
    log.info(Event.CHANGE_SET_EXPIRED, change_set_id=change_set.id)
    raise PlanExpired(name=change_set.short_id, expired_at=change_set.expires_at.isoformat())


def approve(
    journal: Journal, change_set_id: str, actor: Actor, *, policy: str = "person"
) -> ChangeSet:
    """Approve a plan as it stands, hash and all.

    Raises `PlanExpired`, `IllegalMove` (not waiting for approval), `JournalBroken` (the plan was edited).
    """
    change_set = journal.change_set(change_set_id)
    waiting = {ChangeSetState.PLANNED, ChangeSetState.AWAITING_APPROVAL}
    if change_set.state in waiting:
        require_unexpired(journal, change_set)
    journal.require_intact_plan(change_set)
    with journal.writing() as writer:
        if change_set.state is ChangeSetState.PLANNED:
            writer.move_change_set(change_set.id, ChangeSetState.AWAITING_APPROVAL, actor=actor)
        writer.move_change_set(
            change_set.id,
            ChangeSetState.APPROVED,
            actor=actor,
            detail={"plan_hash": change_set.plan_hash, "policy": policy, "how": actor.how},
            policy=policy,
            approved_by=actor.name,
            approved_how=actor.how,
            approved_at=writer.moment,
        )
    crashpoint("approve.after_commit")
    log.info(Event.CHANGE_SET_APPROVED, change_set_id=change_set.id, policy=policy)
    return journal.change_set(change_set.id)


def approve_by_policy(
    journal: Journal, change_set_id: str, policy: ApprovalPolicy, actor: Actor
) -> ChangeSet:
    """Approve without an approver where policy `none` allows it. Raises `NotAllowed` with the reason."""
    change_set = journal.change_set(change_set_id)
    if policy.name != "none":
        raise NotAllowed(
            N_("Plan {name} waits for approval: storno close approve {name}"),
            name=change_set.short_id,
        )
    if change_set.operation_count > policy.limit:
        raise NotAllowed(
            N_(
                "Plan {name} has {count} operations; without approval at most {limit} may run. "
                "Approve it: storno close approve {name}"
            ),
            name=change_set.short_id,
            count=change_set.operation_count,
            limit=policy.limit,
        )
    for operation in journal.operations(change_set.id, states={OperationState.PLANNED}):
        if operation.reversibility is not Reversibility.EXACT:
            raise NotAllowed(
                N_(
                    "Plan {name} holds operations that cannot be taken back exactly ({number}). "
                    "Approve it: storno close approve {name}"
                ),
                name=change_set.short_id,
                number=operation.number or operation.ref.key,
            )
    return approve(journal, change_set.id, actor, policy="none")


def reject(journal: Journal, change_set_id: str, actor: Actor, reason: str) -> ChangeSet:
    """Reject a plan; it will never run."""
    change_set = journal.change_set(change_set_id)
    with journal.writing() as writer:
        if change_set.state is ChangeSetState.PLANNED:
            writer.move_change_set(change_set.id, ChangeSetState.AWAITING_APPROVAL, actor=actor)
        writer.move_change_set(
            change_set.id,
            ChangeSetState.REJECTED,
            actor=actor,
            detail={"reason": reason},
            note=text_json(Text(N_("rejected: {reason}"), {"reason": reason})),
        )
    log.info(Event.CHANGE_SET_REJECTED, change_set_id=change_set.id)
    return journal.change_set(change_set.id)
