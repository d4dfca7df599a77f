"""What every action on Tryton has in common: its shape, its stamps, and how it is called."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar, Final

from connectors.contract import (
    Action,
    Answer,
    Call,
    Image,
    Instruction,
    LaterBusiness,
    Problem,
    Record,
    Ref,
    Reversibility,
    Step,
)
from connectors.judging import fields_of, root_of, state_moved, state_problem
from connectors.tryton.transport import Session
from core.encoding import Value
from core.errors import RefusedError
from core.normal_form import NormalForm
from core.text import N_, Text

TIMESTAMP: Final = "_timestamp"
STAMPS: Final = frozenset({TIMESTAMP, "write_date", "write_uid"})
"""What every write leaves on the record that it writes."""

USERS: Final = "res.user"
"""The model of Tryton's users, by which a record names who wrote it."""

LOG_NOTE: Final = N_(
    "Tryton keeps who pressed what (ir.model.log) and its row counters go on; write date and last writer of"
    " each changed record are new"
)


STRICT_NOTE: Final = N_("this series of Tryton lets nobody set it back")


@dataclass(frozen=True, slots=True)
class Shape:
    """Which records an action's footprint holds: a model, its fields, and what hangs below it by which field."""

    model: str
    fields: frozenset[str]
    below: Mapping[str, Shape] = field(default_factory=dict)

    def paths(self, prefix: str = "") -> Iterator[str]:
        """Return the dotted names that one `read` call asks for."""
        for name in sorted(self.fields):
            yield prefix + name
        for name, shape in self.below.items():
            yield from shape.paths(f"{prefix}{name}.")

    def models(self) -> dict[str, frozenset[str]]:
        """Return model -> fields, as the contract calls a footprint."""
        found = {self.model: self.fields}
        for shape in self.below.values():
            for model, fields in shape.models().items():
                found[model] = found.get(model, frozenset()) | fields
        return found


KEPT_BY_THE_SERVER: Final[Mapping[str, frozenset[str]]] = {
    "ir.model.log": frozenset({"*"}),  # who pressed what
    "ir.queue": frozenset({"*"}),  # tasks that the server ran after a button
}


COUNTERS: Final[Mapping[str, frozenset[str]]] = {
    "ir.sequence": frozenset({"number_next_internal", "write_date", "write_uid"}),
}
"""Trace of whatever gives a document its number: the next one is another."""

STRICT_COUNTERS: Final[Mapping[str, frozenset[str]]] = {
    "ir.sequence.strict": COUNTERS["ir.sequence"],
}
"""The same for numbers without gaps."""


@dataclass(frozen=True, slots=True)
class Query:
    """Records that no field of the footprint leads to: those whose `link` is one of the footprint's `owner`s.

    With `state` only those in that state are looked for.
    """

    model: str
    link: str
    owner: str
    fields: frozenset[str]
    state: str | None = None


@dataclass(frozen=True, slots=True)
class Unit:
    """One unit of measure: how many of its category's base it is, and to how many places it is rounded."""

    name: str
    category: int
    factor: Decimal
    rate: Decimal


@dataclass(frozen=True, slots=True)
class Target:
    """What an action must know of the Tryton that it runs on, found by reading."""

    series: tuple[int, int] = (8, 0)
    user_id: int = 0
    has_compare_and_set: bool = False
    units: Mapping[int, Unit] = field(default_factory=dict)
    currencies: Mapping[int, str] = field(default_factory=dict)
    open_status: int | None = None  # of works
    done_status: int | None = None
    done_statuses: frozenset[int] = frozenset()

    @property
    def enforces_readonly(self) -> bool:
        """Whether the server refuses to write what its screens show as read-only."""
        return self.series >= (8, 2)

    def convert(self, quantity: Decimal, unit: int | None, wanted: int | None) -> Decimal:
        """Return a quantity in another unit of the same category; unchanged where that is not known."""
        if unit == wanted or unit is None or wanted is None:
            return quantity
        old, new = self.units.get(unit), self.units.get(wanted)
        if old is None or new is None or old.category != new.category:
            return quantity
        return quantity * old.factor / new.factor


class TrytonAction(Action):
    """An action whose footprint is read in one call and whose writes carry the stamps of what was read."""

    shape: ClassVar[Shape]
    queries: ClassVar[tuple[Query, ...]] = ()
    stamped: ClassVar[tuple[str, ...]]  # models of which the call writes records
    needs_series_below: ClassVar[tuple[int, int] | None] = None
    strict_reversibility: ClassVar[Reversibility | None] = (
        None  # where the server enforces read-only
    )
    settles_after = timedelta(seconds=60)
    trace_note = LOG_NOTE
    # Its searches take the empty text for nothing, its fields strip what is written, and its clients know seconds.
    normal_form = NormalForm(moment_step=timedelta(seconds=1), pads_text=True, empty_is_null=True)

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "shape" in cls.__dict__:
            cls.footprint = {**cls.shape.models(), **{q.model: q.fields for q in cls.queries}}

    def __init__(self, target: Target) -> None:
        self.target = target
        self.has_compare_and_set = target.has_compare_and_set
        # Every button leaves these rows, in tables outside the footprint: they are trace of every action.
        self.trace = {**KEPT_BY_THE_SERVER, **type(self).trace}  # type: ignore[misc]
        if target.enforces_readonly and self.strict_reversibility is not None:
            self.reversibility = self.strict_reversibility  # type: ignore[misc]
            self.reversibility_note = STRICT_NOTE  # type: ignore[misc]

    @property
    def is_available(self) -> bool:
        """Whether the series of this server has it."""
        limit = self.needs_series_below
        return limit is None or self.target.series < limit

    @abstractmethod
    def perform(self, session: Session, calls: Sequence[Call]) -> list[Answer]:
        """Send one batch; called by the connector alone."""

    def changed_by(self, image: Image, ref: Ref) -> str | None:
        writer = fields_of(image.get(ref)).get("write_uid")
        return f"{USERS} {writer}" if isinstance(writer, int) else None

    def changed_at(self, image: Image, ref: Ref) -> datetime | None:
        found = fields_of(image.get(ref)).get("write_date")
        return found if isinstance(found, datetime) else None

    def is_ours(self, before: Image, after: Image) -> bool | None:
        """Whether every record that got a new stamp was last written by our user."""
        moved = [record for record in after.records if _has_moved(record, before)]
        if not moved or self.target.user_id == 0:
            return None
        writers = {
            (r.fields or {}).get("write_uid") for r in moved if "write_uid" in (r.fields or {})
        }
        # A record that was only created has no writer yet: it tells nothing.
        writers.discard(None)
        return writers == {self.target.user_id} if writers else None

    def instruction(self, step: Step, image: Image) -> Instruction:
        """Return the form and the button, in the words of Tryton's own client."""
        return Instruction(
            screen=Text(
                N_("{model}, record {name}"), {"model": self.model, "name": name_of(step, image)}
            ),
            press=Text(self.title),
            reason=Text(N_("see the plan")),
        )

    def stamps(self, calls: Sequence[Call]) -> dict[str, Any]:
        """Return the context that lets Tryton refuse the call when a record that it writes has moved."""
        found = {
            str(record.ref): record.fields[TIMESTAMP]
            for call in calls
            for record in call.before.records
            if record.ref.model in self.stamped and record.fields and record.fields.get(TIMESTAMP)
        }
        return {"_timestamp": found} if found else {}


class ButtonAction(TrytonAction):
    """One button pressed for a whole batch: Tryton commits all of it or nothing."""

    is_atomic_batch = True
    button: ClassVar[str]

    def perform(self, session: Session, calls: Sequence[Call]) -> list[Answer]:
        ids = [i for call in calls for i in self.button_ids(call)]
        try:
            session.model(
                self.button_model(), self.button, ids, context=self.stamps(calls), is_write=True
            )
        except RefusedError as error:
            error.details["offenders"] = offenders(error, calls)
            raise
        return [Answer(call.operation_id) for call in calls]

    def button_model(self) -> str:
        """Return the model whose button is pressed: mostly the document's own."""
        return self.model

    def button_ids(self, call: Call) -> Sequence[int]:
        """Return the records whose button is pressed for one document."""
        return (int(call.step.ref.key),)


class StateAction(ButtonAction):
    """A button that moves the document from one of `source_states` to `goal_state`."""

    source_states: ClassVar[tuple[str, ...]]
    goal_state: ClassVar[str]

    def problems(self, step: Step, image: Image) -> tuple[Problem, ...]:
        return state_problem(step, image, *self.source_states)

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        return root_of(step, after).get("state") == self.goal_state

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        return ()

    def later_business(self, step: Step, after: Image, now: Image) -> tuple[LaterBusiness, ...]:
        return state_moved(step, after, now)


# --- reading images ---------------------------------------------------------------------------------------


def name_of(step: Step, image: Image) -> str:
    """Return the name by which Tryton's messages and screens call the document."""
    root = root_of(step, image)
    name = root.get("number") or root.get("name") or f"({step.ref.key})"
    return _with_reference(str(name), root)


def offenders(error: RefusedError, calls: Sequence[Call]) -> tuple[str, ...]:
    """Return the operations whose document the ERP's message names; none where a name is not unique."""
    if len(calls) == 1:
        return (calls[0].operation_id,)
    said = str(error.details.get("said", ""))
    quoted = {name for part in re.findall(r'"([^"]*)"', said) for name in (part, *part.split(", "))}
    named: dict[str, list[str]] = {}
    for call in calls:
        root = root_of(call.step, call.before)
        for name in {name_of(call.step, call.before), rec_name(call.step, root)}:
            named.setdefault(name, []).append(call.operation_id)
    found = [ids[0] for name, ids in named.items() if name in quoted and len(ids) == 1]
    return tuple(dict.fromkeys(found))


def rec_name(step: Step, root: Mapping[str, Value]) -> str:
    """Return the other form in which Tryton names a record: its id before the reference."""
    return _with_reference(step.ref.key, root)


def _with_reference(name: str, root: Mapping[str, Value]) -> str:
    reference = root.get("reference")
    return f"{name} [{reference}]" if isinstance(reference, str) and reference else name


def _has_moved(record: Record, before: Image) -> bool:
    if record.fields is None:
        return False
    was = fields_of(before.get(record.ref))
    return was.get(TIMESTAMP) != record.fields.get(TIMESTAMP)
