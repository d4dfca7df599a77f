"""What rests on what: an operation may only be taken back after everything that rests on it.

Four signs, each read from the images that the journal keeps, without asking any ERP:

* *same fields*: the newer operation changed, of the same record, a field that the older one had changed;
* *created*: it works on a record that the older one created (an invoice of the order, a counter-document);
* *needed*: with what the older one did taken out of its before image, its own action finds a reason against it;
* *planned*: the plan that both are of let it wait for the older one.

Two operations that only look at the same record, and change different fields of it, have nothing to do with each other.
Nor has an operation anything to do with what took a younger one back: those two are as if they had never been.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from core.text import N_, Text
from recovery.images import WHOLE_RECORD, differences, only
from recovery.plan import NEEDS
from recovery.sql.positions import parse_positions

if TYPE_CHECKING:
    from connectors.contract import Action, Image, Record, Ref
    from recovery.model import Operation
    from recovery.reversing.rewinding import Place
    from recovery.reversing.selection import Chosen
    from recovery.running.judgement import Systems

Point = tuple[str, int]
"""An operation by its change set and position."""


class Sign(StrEnum):
    """Why a newer operation rests on an older one."""

    SAME_FIELDS = "same_fields"
    CREATED = "created"
    NEEDED = "needed"
    PLANNED = "planned"
    WAY_BACK = (
        "way_back"  # not the operations themselves: what takes them back has an order of its own
    )


@dataclass(frozen=True, slots=True)
class Tie:
    """The newer of two chains rests on the older one; both by their number."""

    newer: int
    older: int
    sign: Sign
    why: Text


@dataclass(slots=True)
class Footing:
    """What one chain did and looked at, as far as others may rest on it; numbers go from the oldest to the newest."""

    number: int  # among those that are compared: given anew when others come in
    documents: tuple[Place, ...]
    looked_at: tuple[Place, ...]
    changed: Mapping[
        Place, frozenset[str]
    ]  # ours, without trace; `*` for a record that came or went
    created: frozenset[Place]
    points: tuple[Point, ...]  # sorted
    waited_for: frozenset[Point]  # in the plans that it is of
    later_documents: frozenset[Place]  # that its plan takes after it
    back_before: frozenset[Place]  # documents that its way back must come before
    undoes: frozenset[Point] = (
        frozenset()
    )  # operations that it took back, however many rollbacks later
    is_asked: bool = True

    def is_nothing_to(self, older: Footing) -> bool:
        """Whether it only took back what came after the older one."""
        return bool(self.undoes) and min(self.undoes) > older.points[-1]

    @property
    def change_sets(self) -> set[str]:
        """The change sets of its operations."""
        return {change_set_id for change_set_id, _ in self.points}

    def touched(self) -> set[Place]:
        """Return the records on which whoever rests on it must have worked, or have looked at."""
        return {*self.documents, *self.changed, *self.created}


def footing(chain: Chosen, actions: Mapping[str, Action], undone: Mapping[str, Point]) -> Footing:
    """Return the footing of a chain whose images are loaded. `undone` holds what operations took back, by their ids."""
    system = chain.operations[0].system
    places: dict[Place, Place] = {}

    def _kept(place: Place) -> Place:
        # Ten thousand footings are held at once: what is equal is held once.
        return places.setdefault(place, place)

    changed: dict[Place, set[str]] = {}
    created: set[Place] = set()
    looked_at: set[Place] = set()
    later: set[Place] = set()
    back: set[Place] = set()
    waited_for: set[Point] = set()
    needs = planned_waits(chain.operations)
    points = {(op.change_set_id, op.position) for op in chain.operations}
    for operation in chain.operations:
        action = actions[operation.step.action]
        before, after = chain.before[operation.id], chain.still_ours[operation.id]
        for each in only(differences(before, after, ignore=action.trace), action.ours):
            changed.setdefault(_kept((system, each.ref)), set()).add(each.field)
        created |= {(system, ref) for ref in created_records(action, before, after)}
        looked_at |= {_kept((system, ref)) for image in (before, after) for ref in image.refs()}
        later |= {(system, ref) for ref in action.precedes(operation.step, before)}
        for step in action.inverse(operation.step, before, after):
            back |= {(system, ref) for ref in actions[step.action].precedes(step, after)}
        waited_for |= needs.get(operation.id, frozenset())
    return Footing(
        number=0,
        documents=tuple({_kept((system, op.ref)): None for op in chain.operations}),
        looked_at=tuple(looked_at),
        changed={place: _same_names(frozenset(names)) for place, names in changed.items()},
        created=frozenset(created),
        points=tuple(sorted(points)),
        waited_for=frozenset(waited_for - points),
        later_documents=frozenset(later),
        back_before=frozenset(back),
        undoes=frozenset(undone[op.id] for op in chain.operations if op.id in undone),
        is_asked=chain.is_asked,
    )


@lru_cache(maxsize=1024)
def _same_names(names: frozenset[str]) -> frozenset[str]:
    """Return the one object for these names: most documents of a change set changed the same fields."""
    return names


def planned_waits(operations: Iterable[Operation]) -> dict[str, frozenset[Point]]:
    """Return, per operation, those of its change set that its plan let it wait for."""
    found: dict[str, frozenset[Point]] = {}
    for operation in operations:
        positions = {operation.after_position, *needed_positions(operation.details)}
        points = {(operation.change_set_id, each) for each in positions if each is not None}
        if points:
            found[operation.id] = frozenset(points)
    return found


def needed_positions(details: Mapping[str, Any]) -> tuple[int, ...]:
    """Return the positions that an operation waits for, beside the link before it."""
    return tuple(parse_positions(details[NEEDS])) if NEEDS in details else ()


def created_records(action: Action, before: Image, after: Image) -> set[Ref]:
    """Return the records of models in which the action creates that are there only since the operation."""
    there = {record.ref for record in before.records if record.exists}
    return {
        record.ref
        for record in after.records
        if record.exists
        and record.ref not in there
        and (
            record.ref.model in action.creates
            or WHOLE_RECORD in action.ours.get(record.ref.model, ())
        )
    }


def ties(footings: Sequence[Footing], chains: Mapping[int, Chosen], systems: Systems) -> list[Tie]:
    """Return what rests on what among these, the oldest first; `chains` by number, with images where records are shared.

    Of several older ones that changed the same field, only the newest is named: that one rests on the others.
    """
    found = [*_same_fields_and_created(footings), *_planned(footings)]
    known = {(tie.newer, tie.older) for tie in found}
    found += _needed(footings, chains, systems, known)
    return found


def _same_fields_and_created(footings: Sequence[Footing]) -> Iterable[Tie]:
    writers: dict[Place, dict[str, Footing]] = {}
    creators: dict[Place, Footing] = {}
    for each in footings:
        told = {each.number}
        for place in sorted({*each.documents, *each.changed}):
            older = creators.get(place)
            if older is not None and older.number not in told and not each.is_nothing_to(older):
                told.add(older.number)
                why = Text(N_("it works on {record}, which that one created"), _record(place))
                yield Tie(each.number, older.number, Sign.CREATED, why)
        for place, names in each.changed.items():
            for name, older in _written_before(writers.get(place, {}), names):
                if older.number not in told and not each.is_nothing_to(older):
                    told.add(older.number)
                    yield Tie(
                        each.number, older.number, Sign.SAME_FIELDS, _changed_later(place, name)
                    )
            _write(writers.setdefault(place, {}), each, names)
        creators |= dict.fromkeys(each.created, each)


def _written_before(
    writers: Mapping[str, Footing], names: Iterable[str]
) -> Iterable[tuple[str, Footing]]:
    """Return the newest older chain of each field; whoever makes or deletes a record changes every field of it."""
    wanted = sorted(writers) if WHOLE_RECORD in names else sorted(names)
    found = ((name, writers.get(name, writers.get(WHOLE_RECORD))) for name in wanted)
    return [(name, older) for name, older in found if older is not None]


def _write(writers: dict[str, Footing], newer: Footing, names: Iterable[str]) -> None:
    for name in names:
        older = writers.get(name, writers.get(WHOLE_RECORD))
        # What took a younger one back left what the older one had left: that one is still the last.
        if newer.is_asked or older is None or not newer.is_nothing_to(older):
            if name == WHOLE_RECORD:
                writers.clear()
            writers[name] = newer


def _changed_later(place: Place, name: str) -> Text:
    if name == WHOLE_RECORD:
        return Text(N_("it made or deleted {record} later"), _record(place))
    return Text(N_("it changed {field} of {record} later"), {**_record(place), "field": name})


def _planned(footings: Sequence[Footing]) -> Iterable[Tie]:
    owners = {point: each.number for each in footings for point in each.points}
    of_document: dict[tuple[str, Place], list[int]] = {}
    for each in footings:
        for change_set_id in each.change_sets:
            for place in each.documents:
                of_document.setdefault((change_set_id, place), []).append(each.number)
    of_place: dict[Place, list[int]] = {}
    for each in footings:
        for place in each.documents:
            of_place.setdefault(place, []).append(each.number)
    why = Text(N_("its plan let it wait for that one"))
    first = Text(N_("its way back must come before that of the other one"))
    for each in footings:
        newer = {
            number
            for change_set_id in each.change_sets
            for place in each.later_documents
            for number in of_document.get((change_set_id, place), ())
            if number > each.number
        }
        for number in sorted(newer):
            yield Tie(number, each.number, Sign.PLANNED, why)
        for place in sorted(each.back_before):
            for number in of_place.get(place, ()):
                if number != each.number:
                    yield Tie(each.number, number, Sign.WAY_BACK, first)
        older = {owners[point] for point in each.waited_for if point in owners} - {each.number}
        for number in sorted(older):
            yield Tie(each.number, number, Sign.PLANNED, why)


def _needed(
    footings: Sequence[Footing],
    chains: Mapping[int, Chosen],
    systems: Systems,
    known: set[tuple[int, int]],
) -> Iterable[Tie]:
    """Ask each chain whether it could have been done without the older ones that changed what it looks at.

    Of those that changed one field the newest stands for all: it rests on the others itself.
    """
    changers: dict[Place, dict[str, Footing]] = {}
    for each in footings:
        older = {
            other.number
            for place in each.looked_at
            for other in changers.get(place, {}).values()
            if (each.number, other.number) not in known
            and other.number in chains
            and not each.is_nothing_to(other)
        }
        if older and each.number in chains:
            yield from _needed_by(chains, each.number, sorted(older), systems)
        for place, names in each.changed.items():
            _write(changers.setdefault(place, {}), each, names)


def _needed_by(
    chains: Mapping[int, Chosen], newer: int, older: Sequence[int], systems: Systems
) -> Iterable[Tie]:
    chain = chains[newer]
    actions = systems(chain.operations[0].system).actions()
    told: set[int] = set()
    for operation in chain.operations:
        action, image = actions[operation.step.action], chain.before[operation.id]
        said = {problem.code for problem in action.problems(operation.step, image)}
        # Most often none of them is needed: then one look is enough for all.
        everything = _without(image, [chains[n] for n in older], actions)
        if everything is image or _reason(action, operation, everything, said) is None:
            continue
        for number in older:
            reason = _reason(action, operation, _without(image, [chains[number]], actions), said)
            if reason is not None and number not in told:
                told.add(number)
                text = Text(N_("it needs that one: without it {problem}"), {"problem": reason})
                yield Tie(newer, number, Sign.NEEDED, text)


def _reason(action: Action, operation: Operation, image: Image, said: set[str]) -> Text | None:
    found = action.problems(operation.step, image)
    return next((problem.text for problem in found if problem.code not in said), None)


def _without(image: Image, older: Sequence[Chosen], actions: Mapping[str, Action]) -> Image:
    """Return an image with what these chains did taken out, as far as it still shows it; else the image itself."""
    values: dict[Ref, dict[str, Any]] = {}
    for chain in reversed(older):
        for operation in reversed(chain.operations):
            action = actions[operation.step.action]
            before, after = chain.before[operation.id], chain.still_ours[operation.id]
            for each in only(differences(before, after), action.ours):
                record = image.get(each.ref)
                if record is None or record.fields is None or each.field not in record.fields:
                    continue
                mine = values.setdefault(each.ref, {})
                if mine.get(each.field, record.fields[each.field]) == each.after:
                    mine[each.field] = each.before
    if not any(values.values()):
        return image
    return replace(image, records=tuple(_changed(record, values) for record in image.records))


def _changed(record: Record, values: Mapping[Ref, Mapping[str, Any]]) -> Record:
    mine = values.get(record.ref)
    return replace(record, fields={**(record.fields or {}), **mine}) if mine else record


def _record(place: Place) -> dict[str, str]:
    return {"record": str(place[1])}
