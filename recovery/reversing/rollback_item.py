"""What a rollback would meet, document by document: values that a preview returns and a plan is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from connectors.contract import Executor, Image, LaterBusiness, Ref, Reversibility, Step
from core.text import Text
from recovery.conflicts.resolving import UNTOUCHED, Resolved
from recovery.model import Conflict, FieldDifference, Operation

if TYPE_CHECKING:
    from recovery.conflicts.rule_checks import Unfit
    from recovery.reversing.dependence import Sign


class Status(StrEnum):
    """What a rollback would meet on one document."""

    CLEAN = "clean"  # equal to the after image: the inverse can be applied
    ALREADY_BACK = "already_back"  # equal to the before image: nothing to do
    CONFLICT = "conflict"  # a field of ours is neither: somebody changed it
    KEPT = "kept"  # so it is, and was said to stay so in every field: nothing is left to take back
    BLOCKED = "blocked"  # later business forbids it, or something that stays rests on it
    NOT_REVERSIBLE = "not_reversible"  # no operation takes it back


@dataclass(frozen=True, slots=True)
class StoredImage:
    """An image that the journal has already: a preview of ten thousand documents does not hold them all."""

    hash: str
    refs: tuple[Ref, ...]


@dataclass(frozen=True, slots=True)
class Rest:
    """That one document rests on another one, seen from either: the other one's newest operation, and why."""

    operation: Operation
    sign: Sign
    why: Text


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
    approved: Image | StoredImage | None = None
    executor: Executor = Executor.INTERFACE
    resolved: Resolved = UNTOUCHED
    rests_on: tuple[
        Mapping[str, Any], ...
    ] = ()  # per step, what must still stand in resolved fields
    is_asked: bool = True  # else it comes along, because it rests on what was asked for
    upon: tuple[Rest, ...] = ()  # what it rests on, of this rollback
    under: tuple[Rest, ...] = ()  # what rests on it, and goes back before it
    stay: tuple[
        Operation, ...
    ] = ()  # links of the same chain that were not asked for: they stand on

    @property
    def last(self) -> Operation:
        """The newest operation of the chain."""
        return self.operations[-1]


@dataclass(frozen=True, slots=True)
class RollbackPreview:
    """What rolling back would do; nothing was changed.

    `items` are what a plan is made of: what was asked for and, where that was said, what comes along. `offered` is
    what would have to come along and was not asked to.
    """

    items: tuple[RollbackItem, ...]
    reverses_id: str | None
    actions: Mapping[str, Any] = field(default_factory=dict)  # by name, as the plan keeps them
    offered: tuple[RollbackItem, ...] = ()
    notes: tuple[Text, ...] = ()  # what was left out on purpose
    circles: tuple[tuple[Operation, ...], ...] = ()  # operations that rest on one another
    unfit: tuple[Unfit, ...] = ()  # policies about conflicts that do not fit the systems

    def with_status(self, *wanted: Status) -> list[RollbackItem]:
        """Return the items of these statuses."""
        return [item for item in self.items if item.status in wanted]

    def asked(self) -> list[RollbackItem]:
        """Return the items that were asked for."""
        return [item for item in self.items if item.is_asked]
