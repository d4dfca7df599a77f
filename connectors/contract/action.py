"""What an action declares and judges: its footprint, when it is done, what takes it back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar

from connectors.contract.values import Effect, Executor, Image, Kind, Ref, Reversibility, Step
from core.normal_form import EXACT, NormalForm
from core.text import N_, Text

if TYPE_CHECKING:
    from datetime import datetime

    from core.encoding import Value


@dataclass(frozen=True, slots=True)
class Problem:
    """A reason why a document cannot be closed now. `code` is stable, `text` is for people.

    `by` names the document that stands in the way (an open child of a project): where the same plan takes
    that one first, the reason is none.
    """

    code: str
    text: Text
    by: Ref | None = None


@dataclass(frozen=True, slots=True)
class LaterBusiness:
    """Something that happened to a document after our operation."""

    effect: Effect
    text: Text


@dataclass(frozen=True, slots=True)
class Remainder:
    """What a close gives up: quantities and amount that were ordered and will never come.

    `quantity` sums over lines in their own units (None where units differ); `amount` is in `currency`.
    """

    ordered: Value
    received: Value
    invoiced: Value
    quantity: Value
    amount: Value
    currency: str | None


@dataclass(frozen=True, slots=True)
class Instruction:
    """What a person does in the ERP for one operation: a line of the worklist."""

    screen: Text
    press: Text
    reason: Text


NO_FIELDS: frozenset[str] = frozenset()


class Action(ABC):
    """A named thing one can do to a document, declared beside its implementation.

    One step is one call that the ERP commits whole. An action that needs several calls returns several
    steps from `steps`, each naming an action of its own with its own done-when: a chain.
    """

    name: ClassVar[str]  # "purchase_order.cancel"
    kind: ClassVar[Kind]
    title: ClassVar[str]  # marked with N_
    model: ClassVar[str]  # native model of the document
    reversibility: ClassVar[Reversibility] = Reversibility.EXACT
    reversibility_note: ClassVar[str] = ""  # marked with N_: what does not come back, and why
    remark: ClassVar[str] = ""  # marked with N_: what whoever approves should know beside that
    window: ClassVar[str] = ""  # marked with N_: what others may do meanwhile, in words of its own
    executors: ClassVar[tuple[Executor, ...]] = (Executor.INTERFACE, Executor.BY_PERSON)
    is_atomic_batch: ClassVar[bool] = False  # one refused member undoes the whole call
    is_link: ClassVar[bool] = False  # only ever part of a chain or of a way back
    # Several batches may be under way at the same time: what documents share outside their footprints (number
    # sequences, quantities in stock) is not written.
    is_parallel: ClassVar[bool] = False
    # Per target, set on the instance: the call itself compares what it changes with the before image, and refuses what
    # moved since. A run may then read images a batch ahead.
    has_compare_and_set: bool = False
    batch_size: ClassVar[int] = 100
    settles_after: ClassVar[timedelta] = timedelta(seconds=60)
    # For a closing action: the action that opens such a document again, whoever closed it (`storno close
    # reopen`). It may be a chain. None where the ERP has no way back but a rollback of our own images.
    reopen_action: ClassVar[str | None] = None

    # Model -> fields. The name `*` stands for the records themselves: in `ours` it says that the action
    # creates or deletes records of the model, in `trace` that such records may stay behind.
    footprint: ClassVar[Mapping[str, frozenset[str]]]  # captured before, read back after
    ours: ClassVar[Mapping[str, frozenset[str]]]  # set or derived by this action
    derived: ClassVar[
        Mapping[str, frozenset[str]]
    ] = {}  # of ours: recomputed by the ERP, never restored
    trace: ClassVar[
        Mapping[str, frozenset[str]]
    ] = {}  # fields that differ even after an exact rollback
    # Of ours: what the way back writes field by field, as values. Of these alone may a rollback keep what somebody
    # else wrote, or add a difference, while it puts the others back. None for a way back that is one call of the ERP.
    restores: ClassVar[Mapping[str, frozenset[str]]] = {}
    # What the system does not tell apart, so that it is not taken for somebody's change.
    normal_form: ClassVar[NormalForm] = EXACT
    # True for an action whose way back works derived fields out anew from the records as they are then: where
    # later business changed the result, a derived field that moved meanwhile is no conflict.
    recomputes: ClassVar[bool] = False
    # True where the ERP will show another name per person of Storno: plans then put the person who makes them
    # into the argument `closer`, so that the name is shown and signed.
    is_personal: ClassVar[bool] = False
    # The ERP's own words: for what the action does, and per model for fields; shown beside ours.
    word: ClassVar[str] = ""
    labels: ClassVar[Mapping[str, Mapping[str, str]]] = {}
    # Model -> what people call it (marked with N_): documents with a number of their own that the action creates.
    creates: ClassVar[Mapping[str, str]] = {}
    # True for an action that creates records which no query and no written operation id can find again:
    # after a lost answer it is never sent again, a person looks.
    creates_untraceably: ClassVar[bool] = False
    # Models of the footprint that `problems` alone looks at: what other documents use as well (stock) is shown to
    # it and is no evidence of a plan. All of it is `trace` too.
    surroundings: ClassVar[frozenset[str]] = frozenset()
    trace_note: ClassVar[str] = ""  # marked with N_: messages, counters, ids that a rollback leaves

    def steps(self, ref: Ref, arguments: Mapping[str, Value]) -> tuple[Step, ...]:
        """Return the calls that carry the action out, in order. More than one is a chain."""
        return (Step(self.name, ref, arguments),)

    def shown_name(self, arguments: Mapping[str, Value]) -> str | None:
        """Return whose name the ERP will show, where that is not the user who is logged in."""
        del arguments
        return None

    def problems(self, step: Step, image: Image) -> tuple[Problem, ...]:
        """Return why the ERP would refuse or the result would be wrong, judged from an image alone."""
        del step, image
        return ()

    @abstractmethod
    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        """Done-when: whether the after image shows that the call worked. Reads images only."""

    @abstractmethod
    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        """Return the steps that take it back, in order; empty where nothing does, and where a person has no worklist."""

    def inverse_to(
        self, step: Step, before: Image, after: Image, target: Image
    ) -> tuple[Step, ...]:
        """Return the steps that lead from `after` to `target`: `before`, but for fields that were resolved otherwise.

        `after` has in these fields what is there now. An action that works derived fields out must not take the
        target for what its derived fields were worked out from: that is `before`.
        """
        del before
        return self.inverse(step, target, after)

    def later_business(self, step: Step, after: Image, now: Image) -> tuple[LaterBusiness, ...]:
        """Sort what happened to the document since the after image."""
        del step, after, now
        return ()

    def lines(self, image: Image, names: Sequence[str]) -> tuple[Ref, ...]:
        """Return the lines that people call by these positions or keys, for a rollback of some lines only.

        Raises `BadInput` for a line that is not there; returns () where the action knows no single lines.
        """
        del image, names
        return ()

    def expected(self, step: Step, image: Image) -> Image | None:
        """Return the image that the step will leave; None where only the ERP knows."""
        del step, image
        return None

    def precedes(self, step: Step, image: Image) -> tuple[Ref, ...]:
        """Return documents that must come after this one where one plan has both (a parent after its child).

        The planner asks actions that override it before it orders a plan; refs outside the plan do no harm.
        """
        del step, image
        return ()

    def is_ours(self, before: Image, after: Image) -> bool | None:
        """Whether the ERP shows that our user wrote the after image; None where it does not tell."""
        del before, after
        return None

    def changed_by(self, image: Image, ref: Ref) -> str | None:
        """Return who changed a record last, as the ERP names them; None where it does not tell."""
        del image, ref
        return None

    def changed_at(self, image: Image, ref: Ref) -> datetime | None:
        """Return when a record was changed last, as the ERP tells; None where it does not."""
        del image, ref
        return None

    def remainder(self, image: Image) -> Remainder | None:
        """Return what closing gives up, or None when nothing is."""
        del image
        return None

    def instruction(self, step: Step, image: Image) -> Instruction:
        """Return what a person has to do when this action is carried out by hand."""
        del step, image
        return Instruction(
            screen=Text(N_("the document's form")),
            press=Text(self.title),
            reason=Text(N_("see the plan")),
        )
