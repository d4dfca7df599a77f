"""What every connector promises: values, the two faces of a system, and what an action declares.

The *bulk face* (`documents`, `lines`) yields Arrow record batches with the canonical columns of
`connectors.columns`. The *record face* (`capture`, `read`, `schema`, `apply`) carries change sets.
The recovery core and everything above it know a connector by this module only.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar, NamedTuple, Protocol

from core.normal_form import EXACT, NormalForm
from core.text import N_, Text

if TYPE_CHECKING:
    from datetime import datetime

    import pyarrow as pa

    from connectors.proving import ProofStanding
    from core.encoding import Value
    from core.errors import RefusedError


class Kind(StrEnum):
    """Kinds of documents, the same words for every system."""

    PURCHASE_ORDER = "purchase_order"
    SALES_ORDER = "sales_order"
    PRODUCTION_ORDER = "production_order"
    MAINTENANCE_ORDER = "maintenance_order"
    GOODS_RECEIPT = "goods_receipt"
    GOODS_ISSUE = "goods_issue"
    STOCK_COUNT = "stock_count"
    CUSTOMER_INVOICE = "customer_invoice"
    SUPPLIER_INVOICE = "supplier_invoice"
    PROJECT = "project"
    ACCOUNTING_PERIOD = "accounting_period"
    SETTING = "setting"  # of the system itself: what Storno installs there, with a way back
    # Read only: rules and comparisons need them, nothing closes them.
    STOCK_BALANCE = "stock_balance"
    OPEN_ITEM = "open_item"
    ACCOUNT_BALANCE = "account_balance"
    JOURNAL_ENTRY = "journal_entry"
    PAYMENT = "payment"
    PARTNER = "partner"
    ITEM = "item"
    PRICE = "price"


class Executor(StrEnum):
    """Who carries an operation out."""

    INTERFACE = "interface"
    ROBOT = "robot"
    BY_PERSON = "by_person"


class Reversibility(StrEnum):
    """What a rollback can give back; the order is from best to worst."""

    EXACT = "exact"  # every field with business meaning returns
    COMPENSATING = "compensating"  # only a counter-document takes it back
    MANUAL = "manual"  # a person must; the steps are given, as a worklist where the action has an inverse
    NONE = "none"  # nothing takes it back


class Effect(StrEnum):
    """What business that happened later means for a rollback."""

    HARMLESS = "harmless"  # the rollback goes on and reports it
    CHANGES_RESULT = (
        "changes_result"  # derived fields are recomputed from the records as they are now
    )
    BLOCKS = "blocks"  # taking the document back now would do harm


# --- values -------------------------------------------------------------------------------------


class Ref(NamedTuple):
    """One record of a system: its native model (or table) and its key, as the ERP gives them."""

    model: str
    key: str

    def __str__(self) -> str:
        return f"{self.model},{self.key}"


@dataclass(frozen=True, slots=True)
class Record:
    """One record as it was read. `fields` is None when the record does not exist.

    `raw` holds, per field, the text of what a driver or parser could not carry exactly (odd dates,
    padded keys); such a field is restored from that text.
    """

    ref: Ref
    fields: Mapping[str, Value] | None
    raw: Mapping[str, str] = field(default_factory=dict)

    @property
    def exists(self) -> bool:
        """Whether the record was there."""
        return self.fields is not None


@dataclass(frozen=True, slots=True)
class Image:
    """Every record in the footprint of one operation at one moment, sorted by ref.

    A record that a footprint's query found only after the operation was created by it (or by
    somebody else meanwhile); one that is gone afterwards has `fields` None.
    """

    records: tuple[Record, ...]

    def get(self, ref: Ref) -> Record | None:
        """Return the record of `ref`, or None when the footprint does not hold it."""
        for record in self.records:
            if record.ref == ref:
                return record
        return None

    def refs(self) -> tuple[Ref, ...]:
        """Return the refs in the footprint, sorted."""
        return tuple(record.ref for record in self.records)

    def of_model(self, model: str) -> tuple[Record, ...]:
        """Return the existing records of one model."""
        return tuple(r for r in self.records if r.ref.model == model and r.fields is not None)


@dataclass(frozen=True, slots=True)
class Step:
    """What shall be done to one document: an action, the document, its arguments. Not yet an operation."""

    action: str
    ref: Ref
    arguments: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Call:
    """One operation handed to `System.apply`: the step, its id and the before image it relies on.

    `operation_id` is written into a free text field by creating actions that have one.
    """

    operation_id: str
    step: Step
    before: Image


@dataclass(frozen=True, slots=True)
class Answer:
    """What the ERP said to one call: nothing against it, or its refusal."""

    operation_id: str
    refused: RefusedError | None = None


Fence = Callable[[], None]
"""Raises when whoever calls a system no longer holds what it works on: asked as late as possible."""


def no_fence() -> None:
    """Hold for ever: for a caller that is alone (tests, trying something out)."""


# --- actions ------------------------------------------------------------------------------------


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
    has_compare_and_set: bool = False  # per target: the connector sets it on the instance
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


# --- the two faces ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Criteria:
    """What the bulk face is asked for. A connector pushes down what its system can filter.

    `keys` are keys as the ERP gives them, or `model,key`: a kind may have documents of several models (projects and
    their tasks), whose keys are counted apart. `native` are extra native columns, yielded as text under `native.<name>`.
    """

    numbers: tuple[str, ...] | None = None
    keys: tuple[str, ...] | None = None
    is_closed: bool | None = None
    native: tuple[str, ...] = ()

    def keys_of(self, model: str) -> tuple[str, ...] | None:
        """Return the keys that may name documents of a model; None where every document is asked for."""
        if self.keys is None:
            return None
        parts = [key.rpartition(",") for key in self.keys]
        return tuple(key for named, _, key in parts if named in ("", model))


@dataclass(frozen=True, slots=True)
class FieldInfo:
    """One field of a native model. `type` is the name of a `core.encoding.Value` member or a relation."""

    name: str
    type: str
    is_stored: bool
    is_readonly: bool
    relation: str | None = None


@dataclass(frozen=True, slots=True)
class ActionSupport:
    """What one action can do on this target, found out by reading only."""

    action: str
    is_available: bool
    reversibility: Reversibility
    is_atomic_batch: bool
    has_compare_and_set: bool
    note: Text | None = None


@dataclass(frozen=True, slots=True)
class Backup:
    """The last backup of a system's database: when it was taken (None: nobody knows), and who says so."""

    taken_at: datetime | None
    source: Text


@dataclass(frozen=True, slots=True)
class Unsure:
    """A fact that nobody is sure of but the site: where it stands, and what to look at."""

    fact: str
    what: Text | None = None


@dataclass(frozen=True, slots=True)
class SystemCheck:
    """The answer of `storno systems check`: can it be reached, as whom, what is seen, what can be done.

    `limits` says what the user does not see; an empty tuple with `sees_everything` False is a contract error.
    """

    product: str  # "Tryton"
    version: str
    target: str  # database engine or deployment, as far as the system tells
    transport: str
    acting_as: str  # the user whose name the ERP will show
    sees_everything: bool
    limits: tuple[Text, ...]
    kinds: tuple[Kind, ...]
    actions: tuple[ActionSupport, ...]
    notes: tuple[Text, ...] = ()
    proof: ProofStanding | None = None  # where writes must be proved on a copy first
    to_check: tuple[Unsure, ...] = ()  # by the site, before anybody relies on it
    backup: Backup | None = None  # where it is a backup that a lost database comes back from


class System(Protocol):
    """One outside system. Every method may raise the errors of `core.errors` and no others.

    Reading methods raise `TransientError` when no trustworthy answer came (a read may be repeated).
    `apply` raises `OutcomeUnknown` in that case and never sends a write a second time by itself.
    Instances are used by one thread at a time, but for `capture` and `apply`: after `actions` was called, up to
    `parallel_calls` threads are in these two.
    """

    name: str  # as in storno.yaml
    kind: str  # "tryton"
    parallel_calls: int  # 1: one call at a time

    def check(self) -> SystemCheck:
        """Say what can be reached, seen and done, by reading only."""

    def actions(self) -> Mapping[str, Action]:
        """Return every action by name, links of chains included, with this target's capabilities."""

    def documents(self, kind: Kind, criteria: Criteria) -> Iterator[pa.RecordBatch]:
        """Yield documents in canonical columns (`connectors.columns.documents_schema`), memory flat."""

    def lines(self, kind: Kind, criteria: Criteria) -> Iterator[pa.RecordBatch]:
        """Yield document lines in canonical columns (`connectors.columns.lines_schema`)."""

    def find(self, kind: Kind, numbers: Sequence[str]) -> Mapping[str, tuple[Ref, ...]]:
        """Return the documents of each number: none, one, or several where numbers are not unique."""

    def preparation(self, *, remove: bool) -> tuple[Step, ...]:
        """Return what an administrator may let Storno install in the system itself (or remove), as steps of
        actions of kind `setting`; what is installed stands in their arguments. Empty where there is nothing.
        """

    def schema(self, model: str) -> Mapping[str, FieldInfo]:
        """Return the fields of a native model. Raises `NotFound`."""

    def read(self, refs: Sequence[Ref], fields: Sequence[str]) -> list[Record]:
        """Read records of one model, in the order of `refs`; a missing one has `fields` None."""

    def capture(self, steps: Sequence[Step], known: Sequence[Image | None]) -> list[Image]:
        """Read the whole footprint of each step, in few calls. All steps have the same action.

        `known[i]` is an earlier image of the same operation (or None): its records are read again even
        where the footprint's queries no longer find them, so that a deleted record shows as missing.
        """

    def apply(self, calls: Sequence[Call], fence: Fence = no_fence) -> list[Answer]:
        """Carry out calls of one action as one batch; one answer a call, in order.

        `fence` is asked before what makes the write permanent: the COMMIT where the target has transactions
        that we end, else the sending. What it raises passes through, and then nothing was written.

        Raises `RefusedError` when an atomic batch was refused whole (nothing happened to any member),
        `TransientError` when certainly nothing was sent or done, `OutcomeUnknown` when that is not certain.
        """

    def close(self) -> None:
        """Log out and free connections; called once."""
