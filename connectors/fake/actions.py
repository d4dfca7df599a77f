"""Every action of the fake ERP, and what its declarations have in common."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from connectors.contract import (
    Action,
    Effect,
    Image,
    LaterBusiness,
    Record,
    Ref,
    Step,
)
from connectors.fake.request import Query
from connectors.fake.schema import DERIVED, STAMPS
from connectors.judging import DELETED, root_of
from core.encoding import Value
from core.text import N_, Text

CLOSED: frozenset[str] = frozenset({"state", "closed_by", "closed_at", "closed_how"})
"""What a close writes into a header."""

NOT_CLOSED: Mapping[str, Value] = {"closed_by": None, "closed_at": None, "closed_how": None}
"""What a header holds that nobody closed."""


@dataclass(frozen=True, slots=True)
class Target:
    """What an action must know of the ERP that it runs on."""

    user: str = "storno"
    is_atomic_batch: bool = True
    has_compare_and_set: bool = True
    batch_size: int = 100
    is_parallel: bool = False
    settles_after: timedelta = timedelta(seconds=60)


class FakeAction(Action):
    """An action with a footprint of declared queries."""

    queries: ClassVar[Mapping[str, tuple[Query, ...]]] = {}  # model of the document -> its queries
    writes_back: ClassVar[bool] = False  # its way back writes values, each field by itself
    trace_note: ClassVar[str] = N_("write date, last writer and version of each changed record")

    def __init__(self, target: Target) -> None:
        self.is_atomic_batch = target.is_atomic_batch  # type: ignore[misc]
        self.has_compare_and_set = target.has_compare_and_set
        self.batch_size = target.batch_size  # type: ignore[misc]
        self.is_parallel = target.is_parallel  # type: ignore[misc]
        self.settles_after = target.settles_after  # type: ignore[misc]
        self._user = target.user
        if self.writes_back:
            self.restores = {  # type: ignore[misc]
                model: names - DERIVED.get(model, frozenset()) - STAMPS
                for model, names in self.ours.items()
            }

    def changed_by(self, image: Image, ref: Ref) -> str | None:
        found = _stamp(image, ref, "write_user")
        return found if isinstance(found, str) else None

    def changed_at(self, image: Image, ref: Ref) -> datetime | None:
        found = _stamp(image, ref, "write_date")
        return found if isinstance(found, datetime) else None

    def is_ours(self, before: Image, after: Image) -> bool | None:
        """Whether every record that moved was last written by our user."""
        moved = [
            record.fields
            for record in after.records
            if record.fields is not None
            and record.fields["version"] != fields_of(before, record).get("version")
        ]
        if not moved:
            return None
        return all(fields["write_user"] == self._user for fields in moved)


def _stamp(image: Image, ref: Ref, name: str) -> Value:
    record = image.get(ref)
    return None if record is None or record.fields is None else record.fields.get(name)


def fields_of(image: Image, record: Record) -> Mapping[str, Value]:
    """Return what `image` says of the same record; empty when it is not there."""
    found = image.get(record.ref)
    return {} if found is None or found.fields is None else found.fields


def difference(
    step: Step, ours: Mapping[str, frozenset[str]], wanted: Image, now: Image
) -> dict[str, Value]:
    """Return arguments that write back, of what is ours, the fields in which `now` differs from `wanted`.

    A field of the document itself stands under its name, one of another record under `model,key:name`.
    """
    arguments: dict[str, Value] = {}
    for record in now.records:
        was = fields_of(wanted, record)
        if record.fields is None or not was:
            continue
        prefix = "" if record.ref == step.ref else f"{record.ref}:"
        model = record.ref.model
        for name in sorted(ours.get(model, frozenset()) - DERIVED.get(model, frozenset())):
            if record.fields[name] != was[name]:
                arguments[prefix + name] = was[name]
    return arguments


def holds(step: Step, image: Image) -> bool:
    """Whether `image` shows every value that the arguments of a restoring step name."""
    for name, wanted in step.arguments.items():
        record, _, field = name.rpartition(":")
        fields = next(
            (r.fields for r in image.records if str(r.ref) == (record or str(step.ref))), None
        )
        if fields is None or fields[field] != wanted:
            return False
    return True


def stamps_of(models: Iterable[str]) -> dict[str, frozenset[str]]:
    """Return the trace that every change leaves in these models."""
    return dict.fromkeys(models, STAMPS)


class RestoreAction(FakeAction):
    """Writes back what another action changed. Its inverse is itself, with the values it overwrote.

    Planned without arguments, it writes `default`: that opens a document which somebody else closed.
    """

    default: ClassVar[Mapping[str, Value]] = {}
    writes_back = True

    def steps(self, ref: Ref, arguments: Mapping[str, Value]) -> tuple[Step, ...]:
        return (Step(self.name, ref, arguments or self.default),)

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        return holds(step, after)

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        return (Step(self.name, step.ref, difference(step, self.ours, before, after)),)


def changed(
    step: Step, after: Image, now: Image, effects: Mapping[str, Effect]
) -> tuple[LaterBusiness, ...]:
    """Sort fields of the document that somebody changed since, as `effects` says (field -> effect)."""
    was, is_now = root_of(step, after), root_of(step, now)
    if not is_now:
        return (DELETED,)
    return tuple(
        LaterBusiness(effect, Text(N_("{field} was changed"), {"field": name}))
        for name, effect in effects.items()
        if was.get(name) != is_now.get(name)
    )
