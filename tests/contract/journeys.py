"""Steps carried out and taken back on any ERP: one call, a batch, and a whole journey there and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from weakref import WeakKeyDictionary

from connectors.contract import Answer, Call, Executor, Image, Reversibility, Step, System
from core.errors import RefusedError
from core.ids import new_id
from tests.contract.subject import Content, Subject
from tests.factories import Done, action_of, image_of, pairs


def apply(system: System, members: list[tuple[Step, Image]]) -> list[Answer]:
    return system.apply([Call(new_id(), step, before) for step, before in members])


def refusals(system: System, members: list[tuple[Step, Image]]) -> dict[int, RefusedError]:
    """Return the refusals by place; of a batch that was refused whole, under the places that it names."""
    calls = [Call(new_id(), step, before) for step, before in members]
    try:
        answers = system.apply(calls)
    except RefusedError as error:
        places = [i for i, call in enumerate(calls) if call.operation_id in error.offenders]
        return dict.fromkeys(places or [0], error) if len(calls) == 1 or places else {}
    return {i: answer.refused for i, answer in enumerate(answers) if answer.refused is not None}


def carry_out_one(subject: Subject, system: System, step: Step) -> Done:
    before = image_of(system, step)
    action = action_of(system, step)
    if Executor.INTERFACE in action.executors:
        (answer,) = apply(system, [(step, before)])
        assert answer.refused is None
    else:
        subject.do_by_hand(step)
    return Done(step, before, image_of(system, step, before))


def carry_out(subject: Subject, system: System, step: Step) -> list[Done]:
    links = action_of(system, step).steps(step.ref, step.arguments)
    return [carry_out_one(subject, system, link) for link in links]


@dataclass(frozen=True, slots=True)
class Journey:
    """One document there, back, and there again: what was called, and what differs in the whole ERP."""

    done: tuple[Done, ...]
    back: tuple[Done, ...]
    has_way_back: bool  # by what the actions say of themselves
    undeclared: set[tuple[str, str]]  # there against before, but for ours and trace
    left: set[tuple[str, str]]  # back against before, but for the trace
    left_again: set[tuple[str, str]]  # exact actions: there again against there, but for the trace


_NO_WAY_BACK: Final = frozenset({Reversibility.MANUAL, Reversibility.NONE})

_journeys: WeakKeyDictionary[Subject, dict[str, Journey]] = WeakKeyDictionary()


def journey(subject: Subject, system: System, action: str) -> Journey:
    """Return the journey of an action, made once for a subject: a dump of a real ERP takes its time."""
    found = _journeys.setdefault(subject, {})
    if action not in found:
        found[action] = travel(subject, system, subject.make(action))
    return found[action]


def forget_journeys(subject: Subject) -> None:
    """Have them made anew: whoever changes what is installed in the ERP changes what its images hold."""
    _journeys.pop(subject, None)


def travel(subject: Subject, system: System, step: Step) -> Journey:
    """Carry a step out, take it back, and where it is exact do it again by taking that back."""
    links = action_of(system, step).steps(step.ref, step.arguments)
    kinds = {action_of(system, link).reversibility for link in links}
    if kinds & _NO_WAY_BACK:
        done = carry_out(subject, system, step)
        back = take_back(subject, system, done)
        return Journey(
            tuple(done),
            tuple(back),
            has_way_back=False,
            undeclared=set(),
            left=set(),
            left_again=set(),
        )

    def trace(*calls: list[Done]) -> set[tuple[str, str]]:
        declared = [action_of(system, each.step).trace for some in calls for each in some]
        return pairs([item for fields in declared for item in fields.items()])

    before = subject.dump()
    done = carry_out(subject, system, step)
    after = subject.dump()
    ours = pairs([item for each in done for item in action_of(system, each.step).ours.items()])
    undeclared = content_differences(before, after) - ours - trace(done)
    back = take_back(subject, system, done)
    left = content_differences(before, subject.dump()) - trace(done, back)
    left_again: set[tuple[str, str]] = set()
    if kinds == {Reversibility.EXACT}:
        again = take_back(subject, system, back)
        left_again = content_differences(after, subject.dump()) - trace(done, back, again)
    return Journey(
        tuple(done),
        tuple(back),
        has_way_back=True,
        undeclared=undeclared,
        left=left,
        left_again=left_again,
    )


def take_back(subject: Subject, system: System, done: Sequence[Done]) -> list[Done]:
    """Take calls back, the last one first, and see that each inverse is done.

    Behind a call that nothing takes back the earlier ones stand too.
    """
    back: list[Done] = []
    for each in reversed(done):
        action = action_of(system, each.step)
        steps = action.inverse(each.step, each.before, each.after)
        if action.reversibility in _NO_WAY_BACK:
            assert steps == ()
            break
        for step in steps:
            now = image_of(system, step)
            if action_of(system, step).is_done(step, now, now):
                continue  # as the executor does: what is there already is not sent
            taken = carry_out_one(subject, system, step)
            assert action_of(system, step).is_done(step, taken.before, taken.after)
            back.append(taken)
    return back


def content_differences(before: Content, after: Content) -> set[tuple[str, str]]:
    """Return (model, field) of what differs in two dumps."""
    found: set[tuple[str, str]] = set()
    for model in before.keys() | after.keys():
        rows = [content.get(model, {}) for content in (before, after)]
        if rows[0] == rows[1]:
            continue
        if rows[0].keys() != rows[1].keys():
            found.add((model, "*"))
        for key in rows[0].keys() & rows[1].keys():
            was, is_now = rows[0][key], rows[1][key]
            found |= {(model, name) for name in was if was[name] != is_now[name]}
    return found
