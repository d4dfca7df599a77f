"""Targets of resolutions in the images from which a way back is made, and in the plan that carries it out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from connectors.contract import Action, Image, Problem, Record, Ref
from core import encoding
from core.text import N_, Text
from recovery.conflicts.resolutions import Decided, Way, decided_of, with_difference
from recovery.images import MISSING, differences, only
from recovery.model import FieldDifference

if TYPE_CHECKING:
    from connectors.contract import Step
    from core.encoding import Value
    from core.normal_form import NormalForm
    from recovery.model import Actor, Conflict, Operation
    from recovery.reversing.selection import Chosen

Spot = tuple[Ref, str]
"""A field of a record."""

RESOLUTIONS: Final = "resolutions"
"""In the details of an operation: what was resolved, on whose word and why."""

BESIDE: Final = "beside"
"""In the details of an operation: what somebody changed in fields that it may write, and that were never ours."""

RESTS_ON: Final = "rests_on"
"""In the details of an operation: what must still stand in resolved fields when it is sent."""


@dataclass(frozen=True, slots=True)
class Aimed:
    """The images of one link from which its way back is made: where it starts, and where it leads."""

    target: Image
    after: Image


def aim(
    actions: Mapping[str, Action],
    chain: Chosen,
    decided: Sequence[Decided],
    beside: Sequence[FieldDifference] = (),
) -> tuple[dict[str, Aimed], dict[str, tuple[Decided, ...]]]:
    """Put what was decided about fields into the images of the links that changed them.

    What somebody changed `beside` goes into all of them, so that no way back writes over it.

    From the newest link to the oldest, as they are taken back: what one of them leaves, the next one finds.
    """
    wanted = {(each.ref, each.field): each for each in decided if each.way is not Way.RECOMPUTE}
    there: dict[Spot, Value] = {spot: each.now for spot, each in wanted.items()}
    aimed: dict[str, Aimed] = {}
    found: dict[str, tuple[Decided, ...]] = {}
    for operation in reversed(chain.operations):
        action = actions[operation.step.action]
        before, after = chain.before[operation.id], chain.still_ours[operation.id]
        rows: list[Decided] = []
        for each in only(differences(before, after, ignore=action.trace), action.ours):
            spot = (each.ref, each.field)
            if spot in wanted:
                rows.append(_of_link(wanted[spot], each.before, each.after, there[spot]))
                there[spot] = rows[-1].target
        if rows or beside:
            now = chain.seen[operation.id]
            theirs = {(each.ref, each.field): each.after for each in beside}
            target = theirs | {(r.ref, r.field): r.target for r in rows}
            start = theirs | {(r.ref, r.field): r.now for r in rows}
            aimed[operation.id] = Aimed(
                with_values(before, target, now), with_values(after, start, now)
            )
        if operation is chain.operations[-1]:
            rows += [each for each in decided if each.way is Way.RECOMPUTE]
        if rows:
            found[operation.id] = tuple(rows)
    return aimed, found


def _of_link(row: Decided, before: Value, ours: Value, now: Value) -> Decided:
    """Return what was decided, for one of the links that changed the field."""
    match row.way:
        case Way.KEEP_THEIRS:
            target = now
        case Way.ADD_DIFFERENCE:
            target = with_difference(before, ours, now)
        case _:
            target = before
    return replace(row, before=before, ours=ours, now=now, target=target)


def with_values(image: Image, values: Mapping[Spot, Value], now: Image | None = None) -> Image:
    """Return an image with other values in some fields; a field of a record that is gone takes the record with it.

    Where a value is the very one that stands in `now`, its raw text comes along: it is the same value to the last
    byte. Any other value has no raw text.
    """
    wanted: dict[Ref, dict[str, Value]] = {}
    for (ref, name), value in values.items():
        wanted.setdefault(ref, {})[name] = value
    records = []
    for record in image.records:
        new = wanted.get(record.ref)
        if new is None or record.fields is None:
            records.append(record)
        elif MISSING in new.values():
            records.append(Record(record.ref, None))
        else:
            changed = {name: value for name, value in new.items() if name in record.fields}
            there = None if now is None else now.get(record.ref)
            records.append(
                replace(
                    record,
                    fields={**record.fields, **changed},
                    raw=_raw(record, changed, there),
                )
            )
    return Image(tuple(records))


def _raw(record: Record, changed: Mapping[str, Value], there: Record | None) -> Mapping[str, str]:
    raw = dict(record.raw)
    fields = record.fields or {}
    seen = {} if there is None or there.fields is None else there.fields
    for name, value in changed.items():
        if name in fields and _is_very(fields[name], value):
            continue
        raw.pop(name, None)
        if there is not None and name in there.raw and _is_very(seen.get(name), value):
            raw[name] = there.raw[name]
    return raw


def _is_very(one: object, other: object) -> bool:
    return type(one) is type(other) and one == other


# --- in the plan --------------------------------------------------------------------------------


def conflict_row(conflict: Conflict) -> dict[str, Any]:
    """Return a conflict as plans and programs keep it: its three values, who and when, and what was said about it."""
    resolution = conflict.resolution
    return {
        "model": conflict.ref.model,
        "key": conflict.ref.key,
        "field": conflict.field,
        "before": conflict.before,
        "ours": conflict.ours,
        "now": conflict.now,
        "changed_by": conflict.changed_by,
        "changed_at": conflict.changed_at,
        "ways": conflict.ways,
        "resolution": None
        if resolution is None
        else {
            "way": resolution.way,
            "origin": resolution.origin,
            "target": resolution.target,
            "has_target": resolution.has_target,
            "problem": resolution.problem,
        },
    }


def resolution_details(decided: Iterable[Decided], *, author: Actor, reason: str) -> dict[str, Any]:
    """Return what the plan keeps of resolutions: hashed and approved with the operation that carries them out."""
    rows = [
        {**each.as_row(), "author": author.name, "author_how": author.how, "reason": reason}
        for each in decided
    ]
    return {RESOLUTIONS: rows} if rows else {}


def beside_details(beside: Iterable[FieldDifference]) -> dict[str, Any]:
    """Return what the plan keeps of edits beside ours."""
    rows = []
    for each in beside:
        values, types = encoding.pack({"before": each.before, "after": each.after})
        place = {"model": each.ref.model, "key": each.ref.key, "field": each.field}
        rows.append({**place, **values, "types": types})
    return {BESIDE: rows} if rows else {}


def rests_on(
    actions: Mapping[str, Action],
    steps: Sequence[Step],
    decided: Iterable[Decided],
    beside: Iterable[FieldDifference] = (),
) -> list[dict[str, Any]]:
    """Return, per step of one way back, what must stand there still: told to the first step that looks at it."""
    found: list[list[dict[str, Any]]] = [[] for _ in steps]
    standing = {(each.ref, each.field): each.after for each in beside} | {
        (each.ref, each.field): each.now for each in decided if each.way is not Way.RECOMPUTE
    }
    for (ref, name), value in standing.items():
        for place, step in enumerate(steps):
            if name in actions[step.action].footprint.get(ref.model, ()):
                values, types = encoding.pack({"now": value})
                row = {"model": ref.model, "key": ref.key, "field": name}
                found[place].append({**row, **values, "types": types})
                break
    return [{RESTS_ON: rows} if rows else {} for rows in found]


def moved_since_resolved(operation: Operation, image: Image, form: NormalForm) -> Problem | None:
    """Return which resolved field holds another value now than the one that was resolved: nothing is guessed then."""
    for row in operation.details.get(RESTS_ON) or ():
        record = image.get(Ref(row["model"], row["key"]))
        wanted = encoding.unpack({"now": row["now"]}, row["types"])["now"]
        is_there = record is not None and record.fields is not None
        now = record.fields.get(row["field"]) if record and record.fields is not None else MISSING
        if (wanted == MISSING) is not is_there and (not is_there or form.is_same(now, wanted)):
            continue
        values = {"field": row["field"], "wanted": str(wanted), "now": str(now)}
        return Problem(
            "resolution.moved",
            Text(
                N_("{field} was changed again after its conflict was resolved: {wanted} -> {now}"),
                values,
            ),
        )
    return None


def target_beside(operation: Operation, target: Image) -> tuple[Image, list[FieldDifference]]:
    """Return the image that a way back leads to with what somebody had changed beside ours, and that."""
    found = []
    for row in operation.details.get(BESIDE) or ():
        values = encoding.unpack({n: row[n] for n in ("before", "after")}, row["types"])
        ref = Ref(row["model"], row["key"])
        found.append(FieldDifference(ref, row["field"], values["before"], values["after"]))
    return with_values(target, {(each.ref, each.field): each.after for each in found}), found


def resolved_target(operation: Operation, target: Image) -> tuple[Image, list[dict[str, Any]]]:
    """Return the image that the end of a way back leads to, and what was resolved otherwise than before."""
    rows = operation.details.get(RESOLUTIONS) or ()
    decided = decided_of(rows)
    held = [each for each in decided if each.way is not Way.RECOMPUTE]
    if not held:
        return target, []
    told = [
        {
            "model": each.ref.model,
            "key": each.ref.key,
            "field": each.field,
            "before": each.before,
            "after": each.target,
            "way": each.way.value,
        }
        for each in held
        if type(each.target) is not type(each.before) or each.target != each.before
    ]
    return with_values(target, {(each.ref, each.field): each.target for each in held}), told
