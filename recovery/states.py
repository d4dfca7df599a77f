"""States and moves, as tables. The journal moves with them; `docs/states.md` is generated from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from itertools import pairwise
from typing import Final, TypeVar

State = TypeVar("State", bound=StrEnum)


class ChangeSetState(StrEnum):
    """The life of a change set."""

    DRAFT = "draft"  # being put together
    PLANNED = "planned"  # complete and hashed; nothing was sent
    AWAITING_APPROVAL = "awaiting_approval"  # handed to an approver
    APPROVED = "approved"  # may run
    REJECTED = "rejected"  # will never run
    EXPIRED = "expired"  # its evidence is too old to be trusted
    RUNNING = "running"  # records are locked, operations move
    PAUSED = "paused"  # waits for a person, or for a system to come back
    APPLIED = "applied"  # every operation is confirmed
    PARTLY_APPLIED = "partly_applied"  # some are confirmed, others refused or dropped
    FAILED = "failed"  # none is confirmed
    ROLLED_BACK = "rolled_back"  # another change set took all of it back
    PARTLY_ROLLED_BACK = "partly_rolled_back"  # another change set took some of it back


class OperationState(StrEnum):
    """The life of an operation."""

    PLANNED = "planned"  # nothing was read or sent
    LOCKED = "locked"  # its records are locked in the journal
    CAPTURED = "captured"  # its before image is stored, and certainly nothing happened
    SENT = "sent"  # its intent is stored; the call may have reached the ERP
    CONFIRMED = "confirmed"  # read back, done-when holds
    REFUSED = "refused"  # the ERP said no, or said yes and changed nothing
    IN_DOUBT = "in_doubt"  # sent, and no trustworthy answer
    NEEDS_PERSON = "needs_person"  # reading could not settle it; a person looks
    DROPPED = "dropped"  # not sent: stale, evidence moved, stop rule, conflict, skipped


CHANGE_SET_MOVES: Final[Mapping[ChangeSetState, frozenset[ChangeSetState]]] = {
    ChangeSetState.DRAFT: frozenset({ChangeSetState.PLANNED}),
    ChangeSetState.PLANNED: frozenset(
        {
            ChangeSetState.AWAITING_APPROVAL,
            ChangeSetState.EXPIRED,
        }
    ),
    ChangeSetState.AWAITING_APPROVAL: frozenset(
        {
            ChangeSetState.APPROVED,
            ChangeSetState.REJECTED,
            ChangeSetState.EXPIRED,
        }
    ),
    ChangeSetState.APPROVED: frozenset(
        {ChangeSetState.RUNNING, ChangeSetState.EXPIRED, ChangeSetState.REJECTED}
    ),
    ChangeSetState.REJECTED: frozenset(),
    ChangeSetState.EXPIRED: frozenset(),
    ChangeSetState.RUNNING: frozenset(
        {
            ChangeSetState.PAUSED,
            ChangeSetState.APPLIED,
            ChangeSetState.PARTLY_APPLIED,
            ChangeSetState.FAILED,
        }
    ),
    ChangeSetState.PAUSED: frozenset({ChangeSetState.RUNNING}),
    ChangeSetState.APPLIED: frozenset(
        {ChangeSetState.ROLLED_BACK, ChangeSetState.PARTLY_ROLLED_BACK}
    ),
    ChangeSetState.PARTLY_APPLIED: frozenset(
        {ChangeSetState.ROLLED_BACK, ChangeSetState.PARTLY_ROLLED_BACK}
    ),
    ChangeSetState.FAILED: frozenset(),
    # Rolling back a rollback makes the first change set stand again.
    ChangeSetState.ROLLED_BACK: frozenset(
        {ChangeSetState.APPLIED, ChangeSetState.PARTLY_APPLIED, ChangeSetState.PARTLY_ROLLED_BACK}
    ),
    ChangeSetState.PARTLY_ROLLED_BACK: frozenset(
        {ChangeSetState.ROLLED_BACK, ChangeSetState.APPLIED, ChangeSetState.PARTLY_APPLIED}
    ),
}

OPERATION_MOVES: Final[Mapping[OperationState, frozenset[OperationState]]] = {
    OperationState.PLANNED: frozenset({OperationState.LOCKED, OperationState.DROPPED}),
    OperationState.LOCKED: frozenset({OperationState.CAPTURED, OperationState.DROPPED}),
    OperationState.CAPTURED: frozenset(
        {OperationState.SENT, OperationState.DROPPED, OperationState.IN_DOUBT}
    ),
    OperationState.SENT: frozenset(
        {
            OperationState.CONFIRMED,
            OperationState.CAPTURED,
            OperationState.REFUSED,
            OperationState.IN_DOUBT,
        }
    ),
    OperationState.IN_DOUBT: frozenset(
        {
            OperationState.CONFIRMED,
            OperationState.CAPTURED,
            OperationState.REFUSED,
            OperationState.NEEDS_PERSON,
        }
    ),
    OperationState.NEEDS_PERSON: frozenset(
        {OperationState.CONFIRMED, OperationState.REFUSED, OperationState.CAPTURED}
    ),
    OperationState.CONFIRMED: frozenset(),
    OperationState.REFUSED: frozenset(),
    OperationState.DROPPED: frozenset(),
}

ALREADY: Final = "already"
"""Code of an operation that was not sent because the ERP already has what it would do."""

SETTLED: Final = frozenset(
    {OperationState.CONFIRMED, OperationState.REFUSED, OperationState.DROPPED}
)
"""An operation in one of these never moves again."""

IN_FLIGHT: Final = frozenset({OperationState.SENT, OperationState.IN_DOUBT})
"""The call may have reached the ERP: read before anything else."""


def sources(moves: Mapping[State, frozenset[State]], to: State) -> frozenset[State]:
    """Return the states from which `to` may be reached in one move."""
    return frozenset(state for state, targets in moves.items() if to in targets)


def is_path(moves: Mapping[State, frozenset[State]], path: Iterable[State]) -> bool:
    """Whether every step of `path` is a legal move."""
    return all(b in moves[a] for a, b in pairwise(path))
