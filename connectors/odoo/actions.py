"""What every action on Odoo has in common: what it reads, what it was told about the server, how it is called."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final, Protocol

from connectors.contract import (
    Action,
    Answer,
    Call,
    Fence,
    FieldInfo,
    Image,
    Instruction,
    Record,
    Ref,
    Step,
)
from connectors.judging import fields_of, root_of
from core.encoding import Value
from core.errors import RefusedError
from core.normal_form import NormalForm
from core.text import N_, Text

STAMP: Final = "_stamp"
"""Pseudo field: `write_date` to the microsecond. Only where the guard is installed: every RPC cuts it to seconds."""

STAMPS: Final = frozenset({STAMP, "write_date", "write_uid"})
"""What every write leaves on the record that it writes."""

USERS: Final = "res.users"
"""The model of Odoo's users, by which a record names who wrote it."""

CHATTER: Final[Mapping[str, frozenset[str]]] = {
    "mail.message": frozenset({"*"}),
    "mail.tracking.value": frozenset({"*"}),
    "mail.followers": frozenset({"*"}),
    "mail.notification": frozenset({"*"}),
}
"""Odoo's own trail: trace of every action."""

TRACE_NOTE: Final = N_(
    "Odoo keeps its messages on the document for ever (with tracking: off it writes none); write date and last"
    " writer of each changed record are new"
)


@dataclass(frozen=True, slots=True)
class Query:
    """Records of the footprint that hang on others already read.

    Backward: those whose field `link` is one of the `owner` records (`order_id` of lines). Forward
    (`is_forward`): those that the owners' field `link` names (`picking_id` of moves, `picking_ids` of orders).
    Queries are read in order, each in one call a batch. Records that many documents share (their company) do not
    belong into a footprint: no two operations of a batch may hold the same record.
    """

    model: str
    link: str
    owner: str
    fields: frozenset[str]
    is_forward: bool = False
    domain: tuple[tuple[str, str, Any], ...] = ()  # conditions besides the link


@dataclass(frozen=True, slots=True)
class Guard:
    """The server action that compares and sets in one call, where an administrator let Storno install it."""

    action_id: int
    version: int  # of the code in it; an older one is offered to be renewed


@dataclass(frozen=True, slots=True)
class Target:
    """What an action must know of the Odoo that it runs on, found by reading only.

    `fields` holds, per model that an action names, the fields that the server has and our user sees; a model
    that is not installed is missing. `selections` holds the allowed values of selection fields.
    """

    version: int = 18  # of the series: 16, 17, 18, 19; saas~18.2 counts as 18
    user_id: int = 0
    company_id: int = 0
    fields: Mapping[str, Mapping[str, FieldInfo]] = field(default_factory=dict)
    selections: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    guard: Guard | None = None
    currencies: Mapping[int, str] = field(default_factory=dict)

    def has(self, model: str, name: str | None = None) -> bool:
        """Whether the server has the model, or this field of it."""
        fields = self.fields.get(model)
        return fields is not None and (name is None or name in fields)

    def stored(self, model: str, names: frozenset[str]) -> frozenset[str]:
        """Return those of the names that the server has and keeps in its database."""
        fields = self.fields.get(model, {})
        return frozenset(name for name in names if name in fields and fields[name].is_stored)


class Server(Protocol):
    """What an action may ask of the session (`transport.Session`)."""

    system: str

    @property
    def fence(self) -> Fence:
        """Asked before each request of a batch but its first, about which whoever sends the batch has asked."""

    def call(
        self,
        model: str,
        method: str,
        *parameters: Any,
        context: Mapping[str, Any] | None = None,
        is_write: bool = False,
        **named: Any,
    ) -> Any:
        """Call a method of a model once, in the user's context with `lang=en_US`.

        Parameters are positional as in Odoo's `execute_kw` (ids first). Returns what Odoo returned, None for the
        None fault of XML-RPC. Raises the errors of `core.errors`.
        """

    def guarded(
        self,
        model: str,
        method: str,
        ids: Sequence[int],
        *parameters: Any,
        expected: Mapping[Ref, str],
        context: Mapping[str, Any] | None = None,
    ) -> Any:
        """The same as a write through the guard: `StaleRecord` when one of `expected` has another stamp now."""


class OdooAction(Action):
    """An action whose footprint is what this server has of the fields that it wants.

    Subclasses write `wanted` (the fields of the document's own model), `queries`, and `ours`, `derived`, `trace`
    with every version's fields; an instance keeps those that its server has.
    """

    wanted: ClassVar[frozenset[str]]
    computed: ClassVar[frozenset[str]] = frozenset()  # not stored, yet cheap to read
    queries: ClassVar[tuple[Query, ...]] = ()
    stamped: ClassVar[tuple[str, ...]]  # models of which the call writes records
    since: ClassVar[int] = 14  # first and last version that have it
    until: ClassVar[int | None] = None
    settles_after = timedelta(seconds=150)  # Odoo kills a request after 120 s
    trace_note = TRACE_NOTE
    # Its clients send an emptied field as nothing or as the empty text, and every RPC cuts moments to seconds.
    normal_form = NormalForm(moment_step=timedelta(seconds=1), empty_is_null=True)

    def __init__(self, target: Target) -> None:
        self.target = target
        self.has_compare_and_set = target.guard is not None
        kind = type(self)
        pseudo = frozenset({STAMP}) if target.guard is not None else frozenset()
        computed = {name for name in self.computed if target.has(self.model, name)}
        footprint = {self.model: target.stored(self.model, self.wanted) | computed}
        for query in self.queries:
            found = target.stored(query.model, query.fields)
            footprint[query.model] = footprint.get(query.model, frozenset()) | found
        footprint = {model: names for model, names in footprint.items() if target.has(model)}
        self.footprint = {  # type: ignore[misc]
            model: names | (pseudo if model in self.stamped else frozenset())
            for model, names in footprint.items()
        }
        self.ours = self._here(kind.ours)  # type: ignore[misc]
        self.derived = self._here(kind.derived)  # type: ignore[misc]
        self.trace = {**CHATTER, **self._here(kind.trace)}  # type: ignore[misc]
        self.restores = self._here(kind.restores)  # type: ignore[misc]

    def _here(self, declared: Mapping[str, frozenset[str]]) -> Mapping[str, frozenset[str]]:
        """Return of a declaration what lies in this server's footprint; `*` and models outside it stay."""
        return {
            model: (names & (self.footprint[model] | {"*"})) if model in self.footprint else names
            for model, names in declared.items()
        }

    @property
    def is_available(self) -> bool:
        """Whether this version has it and the model is installed."""
        return (
            self.target.version >= self.since
            and (self.until is None or self.target.version <= self.until)
            and self.target.has(self.model)
        )

    @abstractmethod
    def perform(self, server: Server, calls: Sequence[Call]) -> list[Answer]:
        """Send one batch; called by the connector alone."""

    def is_ours(self, before: Image, after: Image) -> bool | None:
        """Whether every record that was written since was last written by our user."""
        moved = [record for record in after.records if has_moved(record, before)]
        writers = {(r.fields or {}).get("write_uid") for r in moved} - {None}
        if not writers or self.target.user_id == 0:
            return None
        return writers == {self.target.user_id}

    def changed_by(self, image: Image, ref: Ref) -> str | None:
        writer = fields_of(image.get(ref)).get("write_uid")
        return f"{USERS} {writer}" if isinstance(writer, int) else None

    def changed_at(self, image: Image, ref: Ref) -> datetime | None:
        found = fields_of(image.get(ref)).get("write_date")
        return found if isinstance(found, datetime) else None

    def instruction(self, step: Step, image: Image) -> Instruction:
        """Return the form and the button, in the words of Odoo's own screens."""
        return Instruction(
            screen=Text(
                N_("{model}, record {name}"), {"model": self.model, "name": name_of(step, image)}
            ),
            press=Text(self.title),
            reason=Text(N_("see the plan")),
        )

    def stamps(self, calls: Sequence[Call]) -> dict[Ref, str]:
        """Return the stamps that the records of a batch must still have when it is carried out."""
        return {
            record.ref: str(record.fields[STAMP])
            for call in calls
            for record in call.before.records
            if record.ref.model in self.stamped and record.fields and record.fields.get(STAMP)
        }

    def send(
        self,
        server: Server,
        calls: Sequence[Call],
        model: str,
        method: str,
        ids: Sequence[int],
        *parameters: Any,
        context: Mapping[str, Any] | None = None,
    ) -> list[Answer]:
        """Call one method for a whole batch: Odoo commits all of it or nothing. Through the guard where there is one.

        A refusal names the operations whose documents Odoo names.
        """
        try:
            expected = self.stamps(calls)
            if expected:
                server.guarded(model, method, ids, *parameters, expected=expected, context=context)
            else:
                server.call(model, method, ids, *parameters, context=context, is_write=True)
        except RefusedError as error:
            error.details["offenders"] = offenders(error, calls)
            raise
        return [Answer(call.operation_id) for call in calls]


class MethodAction(OdooAction):
    """One method called for a whole batch of documents."""

    is_atomic_batch = True
    method: ClassVar[str]
    context: ClassVar[Mapping[str, Any]] = {}

    def perform(self, server: Server, calls: Sequence[Call]) -> list[Answer]:
        ids = [i for call in calls for i in self.ids(call)]
        context = {**self.context, **tracking(calls)}
        return self.send(server, calls, self.called_model(), self.method, ids, context=context)

    def called_model(self) -> str:
        """Return the model whose method is called: mostly the document's own."""
        return self.model

    def ids(self, call: Call) -> Sequence[int]:
        """Return the records whose method is called for one document."""
        return (int(call.step.ref.key),)


def tracking(calls: Sequence[Call]) -> dict[str, Any]:
    """Return the context that keeps Odoo from writing messages, where the closing says `tracking: off`."""
    is_off = all(call.step.arguments.get("tracking") in ("off", False) for call in calls)
    return {"tracking_disable": True} if is_off and calls else {}


def quietness(step: Step) -> dict[str, Value]:
    """Return the argument `tracking` of a step, for the steps of its way back."""
    return {name: value for name, value in step.arguments.items() if name == "tracking"}


# --- reading images ---------------------------------------------------------------------------------------


def name_of(step: Step, image: Image) -> str:
    """Return the name by which Odoo's messages and screens call the document."""
    return str(root_of(step, image).get("name") or f"({step.ref.key})")


_RECORD: Final = re.compile(r"\(Record: ([\w.]+)\(([\d, ]+?),?\)")
_CONFLICT: Final = re.compile(r"STORNO_CONFLICT ([\w.,]+)")


def offenders(error: RefusedError, calls: Sequence[Call]) -> tuple[str, ...]:
    """Return the operations whose document Odoo's message names; none where it names nobody for certain."""
    if len(calls) == 1:
        return (calls[0].operation_id,)
    said = str(error.details.get("said", ""))
    by_record = {record.ref: call for call in calls for record in call.before.records}
    found: list[str] = []
    for model, keys in _RECORD.findall(said):
        for key in re.findall(r"\d+", keys):
            call = by_record.get(Ref(model, key))
            found += [call.operation_id] if call is not None else []
    for text in _CONFLICT.findall(said):
        for part in text.split(","):
            model, _, key = part.rpartition(".")
            call = by_record.get(Ref(model, key))
            found += [call.operation_id] if call is not None else []
    for call in calls:
        name = str(root_of(call.step, call.before).get("name") or "")
        if len(name) > 2 and re.search(rf"(?<![\w/]){re.escape(name)}(?![\w/])", said):
            found.append(call.operation_id)
    return tuple(dict.fromkeys(found))


def has_moved(record: Record, before: Image) -> bool:
    """Whether a record was written since the before image, as far as its stamps tell."""
    if record.fields is None:
        return False
    was = fields_of(before.get(record.ref))
    return any(was.get(name) != record.fields.get(name) for name in STAMPS & record.fields.keys())
