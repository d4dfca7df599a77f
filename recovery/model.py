"""Change sets, operations and their plans: frozen values, no SQL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from connectors.contract import Executor, Image, Kind, Ref, Reversibility, Step
from core.text import Text
from recovery.states import ChangeSetState, OperationState

if TYPE_CHECKING:
    from recovery.conflicts.resolutions import Resolution, Way


class Purpose(StrEnum):
    """Why a change set was made."""

    CLOSING = "closing"
    REOPENING = "reopening"
    ROLLBACK = "rollback"
    ALIGNMENT = "alignment"
    CORRECTION = "correction"
    PROVING = "proving"
    PREPARATION = "preparation"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts. Until accounts exist a name is `claimed`: nobody has checked it."""

    name: str
    how: str = "claimed"


@dataclass(frozen=True, slots=True)
class PlannedOperation:
    """One operation before it has an id: what, on which document, on what evidence.

    `after` is the index (in the same plan) of the operation that must be confirmed first; the links of a
    chain name each other so. `approved` is the image on which the decision rests; None for a later link,
    whose evidence is what the link before it leaves. `reverses_operation_id` stands on the last of the
    steps that take an operation back: when that one is confirmed, the operation is reversed.
    """

    system: str
    kind: Kind
    number: str | None
    step: Step
    executor: Executor
    reversibility: Reversibility
    approved: Image | None
    after: int | None = None
    reverses_operation_id: str | None = None
    dropped: Text | None = None  # planned and left out at once, with the reason (a conflict)
    approved_hash: str | None = (
        None  # instead of `approved`, until the plan is stored: the journal has that image
    )
    details: Mapping[str, Any] = field(default_factory=dict)  # remainder, route, conflict fields


@dataclass(frozen=True, slots=True)
class PlanException:
    """A document that was looked at and cannot be closed, with the reason."""

    system: str
    kind: Kind
    number: str | None
    ref: Ref | None
    code: str
    text: Text


@dataclass(frozen=True, slots=True)
class Draft:
    """Everything about a new change set but its operations."""

    purpose: Purpose
    title: str
    actor: Actor
    reason: str | None = None
    closing: str | None = None
    reverses_id: str | None = None
    expires_at: datetime | None = None
    details: Mapping[str, Any] = field(default_factory=dict)  # acting_as, counts of harmless things
    reverses: tuple[str, ...] = ()  # every change set of which it takes operations back


@dataclass(frozen=True, slots=True)
class ChangeSet:
    """One change set as the journal has it."""

    id: str
    purpose: Purpose
    title: str
    state: ChangeSetState
    actor: Actor
    reason: str | None
    closing: str | None
    reverses_id: str | None
    plan_hash: str | None
    policy: str | None
    approved_by: Actor | None
    approved_at: datetime | None
    created_at: datetime
    expires_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    operation_count: int
    note: Text | None  # why it was paused, rejected ...
    details: Mapping[str, Any]

    @property
    def short_id(self) -> str:
        """The first 13 characters: unique in practice, and accepted by every command."""
        return self.id[:13]


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation as the journal has it; images are loaded by their hash when needed."""

    id: str
    change_set_id: str
    position: int
    after_position: int | None
    system: str
    kind: Kind
    number: str | None
    step: Step
    executor: Executor
    reversibility: Reversibility
    state: OperationState
    approved_hash: str | None
    before_hash: str | None
    after_hash: str | None
    reverses_operation_id: str | None
    reason: Text | None  # why it was refused, dropped or needs a person
    error_code: str | None
    result: Mapping[str, Any]  # foreign fields, residue
    details: Mapping[str, Any]
    sent_at: datetime | None
    settled_at: datetime | None

    @property
    def ref(self) -> Ref:
        """The document."""
        return self.step.ref

    @property
    def called(self) -> str:
        """What people call the document: its number, or its key while it has none."""
        return self.number if self.number is not None else self.step.ref.key


@dataclass(frozen=True, slots=True)
class FieldDifference:
    """One field that two images disagree about. Missing records show as None with `exists` False."""

    ref: Ref
    field: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Conflict:
    """One field that is neither what it was before nor what we made it."""

    ref: Ref
    field: str
    before: Any
    ours: Any
    now: Any
    changed_by: str | None = None
    changed_at: datetime | None = None
    resolution: Resolution | None = None  # what was said about it, and whether that can be done
    ways: tuple[Way, ...] = ()  # by which it can be resolved here
