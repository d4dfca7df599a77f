"""What becomes of fields in conflict.

A resolution gives the value that a field will have, its target, and targets are put into the images from which the
way back is made: so the inverse of every connector carries a resolution out without knowing of one. Without
resolutions nothing is put anywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from connectors.contract import Action, Effect, Image, LaterBusiness, Ref
from core.text import N_, Text
from recovery.conflicts.fields import Actions, Found, Spot
from recovery.conflicts.forcing import REFUSAL
from recovery.conflicts.resolutions import (
    NO_RULES,
    Decided,
    Origin,
    Resolution,
    Rule,
    Rules,
    Way,
    is_number,
    with_difference,
)
from recovery.conflicts.targets import Aimed, aim
from recovery.images import MISSING, WHOLE_RECORD, differences, only
from recovery.model import Conflict, FieldDifference

if TYPE_CHECKING:
    from core.encoding import Value
    from recovery.conflicts.forcing import Permission
    from recovery.reversing.selection import Chosen


class OnConflict(StrEnum):
    """What to do with a document that somebody else changed, where nothing is said about the field."""

    STOP = "stop"  # leave it and say that a person is needed; the others go on
    SKIP = "skip"  # leave it on purpose
    RECOMPUTE = "recompute"  # go on where every conflicting field is derived by the ERP
    FORCE = "force"  # put back whatever is there now: refused until accounts exist


@dataclass(frozen=True, slots=True)
class Answers:
    """Everything that was said about conflicts: for fields, for the rest, and a permission to force."""

    rules: Rules = NO_RULES
    on_conflict: OnConflict = OnConflict.STOP
    permission: Permission | None = None


@dataclass(frozen=True, slots=True)
class Resolved:
    """What becomes of the conflicts of one document.

    `open` says why it stays in conflict. `is_kept`: every field stays as somebody made it, so there is nothing to
    take back. `aimed` has, by operation, the images to make the way back from where a resolution changed them;
    `decided` what was resolved there. `beside` is what somebody changed in fields that the way back may write.
    """

    conflicts: tuple[Conflict, ...] = ()
    open: Text | None = None
    is_kept: bool = False
    aimed: Mapping[str, Aimed] = field(default_factory=dict)
    decided: Mapping[str, tuple[Decided, ...]] = field(default_factory=dict)
    beside: tuple[FieldDifference, ...] = ()
    permission: Permission | None = (
        None  # to write over what somebody else did, where that is decided
    )

    @property
    def otherwise_count(self) -> int:
        """How many fields of the document will not hold what they held before, because somebody decided so."""
        return len(
            {
                (each.ref, each.field)
                for rows in self.decided.values()
                for each in rows
                if each.way in (Way.KEEP_THEIRS, Way.ADD_DIFFERENCE)
            }
        )


UNTOUCHED: Final = Resolved()
"""Of a document without conflicts: its way back is made from the images as they are."""


def resolve(
    actions: Actions,
    chain: Chosen,
    found: Found,
    later: Sequence[LaterBusiness],
    answers: Answers,
) -> Resolved:
    """Give each conflict its resolution, and put the targets into images where all of them can be carried out."""
    if not found.conflicts and not found.beside:
        return UNTOUCHED
    sight = _Sight(actions, chain)
    is_explained = _is_explained(actions, chain, later)
    asked = [
        replace(each, resolution=_resolution(each, sight, answers, is_explained=is_explained))
        for each in found.conflicts
    ]
    conflicts = tuple(replace(each, ways=possible_ways(sight, each)) for each in asked)
    if conflicts and _is_kept(sight, conflicts):
        rows = tuple(_decided(each) for each in conflicts)
        return Resolved(conflicts, is_kept=True, decided={chain.operations[-1].id: rows})
    conflicts = tuple(_possible(sight, each) for each in conflicts)
    reason = _why_open(conflicts)
    if reason is not None:
        return Resolved(conflicts, open=reason)
    aimed, decided = aim(
        actions,
        chain,
        [
            _decided(each)
            for each in conflicts
            if each.resolution is not None and each.resolution.origin is not Origin.LATER_BUSINESS
        ],
        found.beside,
    )
    forces = any(each.way is Way.PUT_BACK for rows in decided.values() for each in rows)
    return Resolved(
        conflicts,
        aimed=aimed,
        decided=decided,
        beside=found.beside,
        permission=answers.permission if forces else None,
    )


class _Sight:
    """What the links of one document changed: which fields derive, and which can be written one by one."""

    def __init__(self, actions: Actions, chain: Chosen) -> None:
        self.document = chain.operations[-1]
        self._derived = _fields(action.derived for action in _of(actions, chain))
        self.changed: dict[Spot, Value] = {}  # what was before
        self._written: dict[Spot, bool] = {}
        self._now: dict[Spot, Value] = {}
        for operation in chain.operations:
            action = actions[operation.step.action]
            before, after = chain.before[operation.id], chain.still_ours[operation.id]
            now = chain.seen[operation.id]
            for each in only(differences(before, after, ignore=action.trace), action.ours):
                spot = each.ref, each.field
                self.changed.setdefault(spot, each.before)
                self._now[spot] = _value(now, *spot)
                is_written = each.field in action.restores.get(each.ref.model, ())
                self._written[spot] = self._written.get(spot, True) and is_written

    def is_derived(self, spot: Spot) -> bool:
        """Whether the ERP works the field out by itself."""
        return spot[1] in self._derived.get(spot[0].model, ())

    def is_written(self, spot: Spot) -> bool:
        """Whether each link that changed the field puts it back as a value of its own."""
        return self._written.get(spot, False)

    def left(self) -> set[Spot]:
        """Return what does not hold now what was before, and is not derived."""
        return {
            spot
            for spot, before in self.changed.items()
            if not self.is_derived(spot)
            and (type(self._now[spot]) is not type(before) or self._now[spot] != before)
        }


def _value(image: Image, ref: Ref, name: str) -> Value:
    record = image.get(ref)
    if record is None or record.fields is None:
        return MISSING
    return record.fields.get(name, "exists" if name == WHOLE_RECORD else None)


def _of(actions: Actions, chain: Chosen) -> list[Action]:
    return [actions[operation.step.action] for operation in chain.operations]


def _fields(declared: Iterable[Mapping[str, frozenset[str]]]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for each in declared:
        for model, names in each.items():
            found.setdefault(model, set()).update(names)
    return found


def _is_explained(actions: Actions, chain: Chosen, later: Sequence[LaterBusiness]) -> bool:
    """Whether later business moved what derives from it, and the way back itself works that out anew."""
    return any(each.effect is Effect.CHANGES_RESULT for each in later) and all(
        action.recomputes for action in _of(actions, chain)
    )


def _resolution(
    conflict: Conflict, sight: _Sight, answers: Answers, *, is_explained: bool
) -> Resolution | None:
    """Return what was said about a field: for it by command, for all by command, by policy, by the action itself."""
    document = sight.document
    is_derived = sight.is_derived((conflict.ref, conflict.field))

    def rule(origin: Origin) -> Rule | None:
        return answers.rules.find(
            document.kind.value, document.called, conflict.ref, conflict.field, origin
        )

    by_command = rule(Origin.COMMAND)
    if by_command is not None:
        return _aimed(conflict, by_command.way, Origin.COMMAND, answers)
    if answers.on_conflict is OnConflict.RECOMPUTE and is_derived:
        return Resolution(Way.RECOMPUTE, Origin.ON_CONFLICT)
    if answers.on_conflict is OnConflict.FORCE:
        return _aimed(conflict, Way.PUT_BACK, Origin.ON_CONFLICT, answers)
    by_policy = rule(Origin.POLICY)
    if by_policy is not None:
        return _aimed(conflict, by_policy.way, Origin.POLICY, answers)
    if is_explained and is_derived:
        return Resolution(Way.RECOMPUTE, Origin.LATER_BUSINESS)
    return None


def _aimed(conflict: Conflict, way: Way, origin: Origin, answers: Answers) -> Resolution:
    """Work the target out."""
    match way:
        case Way.KEEP_THEIRS:
            return Resolution(way, origin, conflict.now)
        case Way.PUT_BACK:
            problem = Text(REFUSAL) if answers.permission is None else None
            return Resolution(way, origin, conflict.before, problem)
        case Way.ADD_DIFFERENCE:
            try:
                target = with_difference(conflict.before, conflict.ours, conflict.now)
            except ValueError:
                return Resolution(way, origin, None, Text(_NO_NUMBER))
            return Resolution(way, origin, target)
        case _:
            return Resolution(way, origin)


SHOWN_FIELDS: Final = 3
"""Fields that the reason of a conflict names; the conflict itself holds all."""

_NO_NUMBER: Final = N_("a difference can be added to numbers alone, and one of the three is none")
_DERIVED: Final = N_(
    "the ERP works this field out by itself: it can be recomputed, or the document left"
)
_NOT_DERIVED: Final = N_("this is no field that the ERP works out by itself")
_ONE_CALL: Final = N_(
    "the way back is a call of the ERP and does not write this field: the document goes back whole or stays"
)
_BACK_ALREADY: Final = N_(
    "it holds already what it held before: nobody can tell whether the difference was taken back"
)
_GONE: Final = N_("the record does not exist any more: what is gone can only be kept so")


def _possible(sight: _Sight, conflict: Conflict) -> Conflict:
    """Say of a resolution why it cannot be carried out, where it cannot."""
    resolution = conflict.resolution
    if resolution is None or resolution.problem is not None or resolution.way is Way.ASK:
        return conflict
    spot = (conflict.ref, conflict.field)
    problem: str | None = None
    if resolution.way is Way.RECOMPUTE:
        problem = None if sight.is_derived(spot) else _NOT_DERIVED
    elif sight.is_derived(spot):
        problem = _DERIVED
    elif resolution.way is Way.ADD_DIFFERENCE and conflict.now == conflict.before:
        problem = _BACK_ALREADY
    elif conflict.now == MISSING and resolution.way is not Way.KEEP_THEIRS:
        problem = _GONE
    elif not sight.is_written(spot):
        problem = _ONE_CALL
    if problem is None:
        return conflict
    return replace(conflict, resolution=replace(resolution, problem=Text(problem)))


def possible_ways(sight: _Sight, conflict: Conflict) -> tuple[Way, ...]:
    """Return the ways by which this conflict can be resolved, asking first."""
    if sight.is_derived((conflict.ref, conflict.field)):
        return (Way.ASK, Way.RECOMPUTE)
    if not sight.is_written((conflict.ref, conflict.field)):
        return (Way.ASK,)
    values = (conflict.before, conflict.ours, conflict.now)
    # A whole number alone is more often a code or another record's key than a quantity: it is done, not offered.
    is_amount = any(isinstance(value, Decimal) for value in values)
    is_amount = is_amount and conflict.now != conflict.before
    adding = (Way.ADD_DIFFERENCE,) if is_amount and all(map(is_number, values)) else ()
    return (Way.ASK, Way.KEEP_THEIRS, *adding)


def _why_open(conflicts: Sequence[Conflict]) -> Text | None:
    """Say why the document stays in conflict; None where every field is resolved."""
    unanswered = [
        each for each in conflicts if each.resolution is None or each.resolution.way is Way.ASK
    ]
    for each in conflicts:
        if each.resolution is not None and each.resolution.problem is not None:
            return Text(
                N_("{field} cannot be resolved by {way}: {problem}"),
                {
                    "field": each.field,
                    "way": each.resolution.way.value,
                    "problem": each.resolution.problem,
                },
            )
    if not unanswered:
        return None
    names = list(dict.fromkeys(each.field for each in unanswered))
    more = ["..."] if len(names) > SHOWN_FIELDS else []
    fields = ", ".join([*names[:SHOWN_FIELDS], *more])
    return Text(N_("somebody changed it after the operation: {fields}"), {"fields": fields})


def _is_kept(sight: _Sight, conflicts: Sequence[Conflict]) -> bool:
    """Whether every field of ours is as somebody made it and shall stay so: then nothing is left to take back."""
    is_asked = all(
        each.resolution is not None and each.resolution.way is Way.KEEP_THEIRS for each in conflicts
    )
    return is_asked and sight.left() <= {(each.ref, each.field) for each in conflicts}


def _decided(conflict: Conflict) -> Decided:
    resolution = conflict.resolution
    assert resolution is not None  # noqa: S101 - whoever asks has looked
    return Decided(
        ref=conflict.ref,
        field=conflict.field,
        before=conflict.before,
        ours=conflict.ours,
        now=conflict.now,
        target=resolution.target,
        way=resolution.way,
        origin=resolution.origin,
    )
