"""A system: its bulk face, its record face, and what it says of itself."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from connectors.contract.action import Action
from connectors.contract.values import (
    Answer,
    Call,
    Fence,
    Image,
    Kind,
    Record,
    Ref,
    Reversibility,
    Step,
    no_fence,
)
from core.text import Text

if TYPE_CHECKING:
    from datetime import datetime

    import pyarrow as pa

    from connectors.proving import ProofStanding


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
    Instances are used by one thread at a time, not always by the same one; but for `capture` and `apply`: after `actions`
    was called, up to `parallel_calls` threads are in these two, while another asks for the same `actions` again.
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

    def people(self, users: Collection[str]) -> Mapping[str, str]:
        """Return what people call the users that `Action.changed_by` names: one read, those without a name left out.

        Empty where `changed_by` names them already as people do.
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

        Where documents are committed one by one, whatever ends the batch after the first of them was carried out is
        told as `Answer.unsent` of the others: those before it stand.

        Raises `RefusedError` when an atomic batch was refused whole (nothing happened to any member),
        `TransientError` when certainly nothing was sent or done, `OutcomeUnknown` when that is not certain.
        """

    def close(self) -> None:
        """Log out and free connections; called once."""
