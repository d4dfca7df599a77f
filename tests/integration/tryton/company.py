"""Talks to the practice company: opens systems, finds documents by role, takes a step and takes it back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from config.systems import TrytonOptions
from connectors.contract import Action, Call, Image, Ref, Step
from connectors.tryton.connector import TrytonSystem, open_system
from core.encoding import Value
from sandbox.tryton.practice import Running

Difference = tuple[str, str, Value, Value]


class Company:
    """One served practice company and one system that looks at it."""

    def __init__(self, running: Running) -> None:
        self.running = running
        self.system = self.open()

    def open(self, **options: Any) -> TrytonSystem:
        given: dict[str, Any] = {
            "url": self.running.url,
            "database": self.running.database,
            "user": self.running.user,
            "password": SecretStr(self.running.password),
        }
        return open_system("practice", TrytonOptions.model_construct(**(given | options)))

    def refs(self, model: str, *, role: str | None = None, state: str | None = None) -> list[Ref]:
        return [
            Ref(model, str(one["id"]))
            for one in self.running.documents(model=model, role=role)
            if state is None or one["state"] == state
        ]

    def action(self, name: str) -> Action:
        return self.system.actions()[name]

    def take(self, step: Step) -> Taken:
        """Capture, call, capture again: what the executor does with one operation."""
        (before,) = self.system.capture([step], [None])
        self.system.apply([Call("operation", step, before)])
        (after,) = self.system.capture([step], [before])
        return Taken(self.action(step.action), step, before, after)

    def take_all(self, name: str, ref: Ref, **arguments: Value) -> list[Taken]:
        return [self.take(step) for step in self.action(name).steps(ref, arguments)]

    def take_back(self, taken: list[Taken]) -> list[Taken]:
        return [
            self.take(step)
            for one in reversed(taken)
            for step in one.action.inverse(one.step, one.before, one.after)
        ]

    def codes(self, name: str, ref: Ref) -> set[str]:
        step = Step(name, ref)
        (image,) = self.system.capture([step], [None])
        return {problem.code for problem in self.action(name).problems(step, image)}


@dataclass(frozen=True)
class Taken:
    """One step that was taken, with what was read before and after it."""

    action: Action
    step: Step
    before: Image
    after: Image

    @property
    def is_done(self) -> bool:
        return self.action.is_done(self.step, self.before, self.after)

    def foreign(self) -> list[Difference]:
        """What changed beyond what the action declares as its own."""
        return [
            d for d in differences(self.before, self.after) if not _is_in(d, [self.action.ours])
        ]


def differences(before: Image, after: Image) -> list[Difference]:
    """Every field in which two images differ; a record that only one has differs in `*`."""
    left = {record.ref: record.fields for record in before.records}
    right = {record.ref: record.fields for record in after.records}
    found: list[Difference] = []
    for ref in sorted(left.keys() | right.keys()):
        was, now = left.get(ref), right.get(ref)
        if was is None or now is None:
            if was != now:
                found.append((str(ref), "*", was is not None, now is not None))
            continue
        found += [
            (str(ref), name, was[name], now[name]) for name in sorted(was) if was[name] != now[name]
        ]
    return found


def residue(system: TrytonSystem, taken: list[Taken], back: list[Taken]) -> list[Difference]:
    """What is not as it was after the way back, beyond every declared trace."""
    first, last = taken[0], taken[-1]
    (now,) = system.capture([first.step], [last.after])
    traces = [one.action.trace for one in (*taken, *back)]
    return [d for d in differences(first.before, now) if not _is_in(d, traces)]


def _is_in(difference: Difference, declared: list[Any]) -> bool:
    model, name = difference[0].partition(",")[0], difference[1]
    return any(name in one.get(model, ()) for one in declared)
