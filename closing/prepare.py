"""From candidates to operations: capture the evidence, ask the action, expand chains, keep the order."""

from __future__ import annotations

import pickle
import zlib
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from closing.masking import shown_of_plan
from closing.model import Candidate, Route, worst
from connectors.contract import (
    Action,
    Executor,
    Image,
    Kind,
    Problem,
    Ref,
    Reversibility,
    Step,
    System,
)
from core.errors import STOPS_THE_RUN, ContractBroken, RefusedError
from core.text import N_, Text
from recovery.at_rest.redaction import Redaction
from recovery.model import PlannedOperation
from recovery.plan import Chain, arrange
from recovery.running.evidence import CONDITIONS
from recovery.running.side_by_side import capture

MISSING: Final = "missing"
OTHER_MODEL: Final = "other_model"
PACK_AT: Final = 500  # operations that are kept as objects before they are packed


@dataclass(frozen=True, slots=True)
class Prepared:
    """A candidate with its evidence, or with the reasons that the evidence showed.

    It may have both: where other documents of the plan are the only reasons, the whole plan decides.
    """

    candidate: Candidate
    problems: tuple[Problem, ...] = ()
    links: tuple[Step, ...] = ()
    approved: Image | None = None
    reversibility: Reversibility = Reversibility.EXACT
    precedes: tuple[Ref, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_blocked(self) -> bool:
        """Whether something speaks against it that no other document of the plan can put right."""
        return any(problem.by is None for problem in self.problems)

    @property
    def route(self) -> Route:
        """The route of the candidate; only candidates with one are prepared."""
        if self.candidate.route is None:
            raise ContractBroken(problem="a document without a route was prepared")
        return self.candidate.route


class OperationStore:
    """Planned operations of one plan, packed in memory: the journal takes them when the ERP is done with.

    No journal transaction may be open while an ERP works, so a plan is complete before it is stored.
    """

    def __init__(self) -> None:
        self._packed: list[bytes] = []
        self._loose: list[PlannedOperation] = []
        self.count = 0

    def add(self, operation: PlannedOperation) -> int:
        """Keep one; return its index in the plan."""
        self._loose.append(operation)
        self.count += 1
        if len(self._loose) >= PACK_AT:
            self._packed.append(zlib.compress(pickle.dumps(self._loose), level=1))
            self._loose = []
        return self.count - 1

    def __iter__(self) -> Iterator[PlannedOperation]:
        for packed in self._packed:
            yield from pickle.loads(zlib.decompress(packed))  # noqa: S301 - our own, see above
        yield from self._loose


class Preparer:
    """Captures candidates batch by batch and judges them by their images. Reads only."""

    def __init__(
        self,
        system: System,
        reversibilities: Mapping[str, Reversibility] | None = None,
        redaction: Redaction | None = None,
    ) -> None:
        self._system = system
        self._redaction = redaction
        self._actions = system.actions()
        self._reversibilities = reversibilities or {}

    def prepare(self, route: Route, candidates: Sequence[Candidate]) -> list[Prepared]:
        """Return each candidate of one route with its evidence or its problems, in order."""
        action = route.action
        steps = [
            Step(action.name, candidate.ref, route.arguments)
            for candidate in candidates
            if candidate.ref is not None
        ]
        # A kind may have documents of several models (projects and their tasks), whose keys are counted apart: an
        # action that is sent the key of another model would reach a document that nobody named.
        fitting = [step for step in steps if step.ref.model == action.model]
        images = self._capture(fitting)
        links = [self._links(route, step) for step in fitting]
        first = self._first_images(fitting, links, images)
        found = iter(zip(images, links, first, strict=True))
        return [
            self._shown(step.ref, *self._judged(route, candidate, step, *next(found)))
            if step.ref.model == action.model
            else Prepared(candidate, (_other_model(step, action),))
            for candidate, step in zip(candidates, steps, strict=True)
        ]

    def _links(self, route: Route, step: Step) -> tuple[Step, ...]:
        # A person closes the document on its screen as a whole; the calls of a chain are no screens.
        if route.executor is Executor.BY_PERSON:
            return (step,)
        links = route.action.steps(step.ref, step.arguments)
        unknown = [link.action for link in links if link.action not in self._actions]
        if not links or unknown:
            raise ContractBroken(problem=f"{step.action} names links that do not exist: {unknown}")
        return links

    def _first_images(
        self,
        steps: Sequence[Step],
        links: Sequence[tuple[Step, ...]],
        images: Sequence[Image | Problem],
    ) -> list[Image | Problem]:
        """Return what each first link would find: the evidence that the executor compares with."""
        first = list(images)
        by_action: dict[str, list[int]] = {}
        for index, step in enumerate(steps):
            if links[index][0] != step and isinstance(images[index], Image):
                by_action.setdefault(links[index][0].action, []).append(index)
        for indexes in by_action.values():
            captured = self._capture([links[index][0] for index in indexes])
            for index, found in zip(indexes, captured, strict=True):
                first[index] = found
        return first

    def _judged(
        self,
        route: Route,
        candidate: Candidate,
        step: Step,
        image: Image | Problem,
        links: tuple[Step, ...],
        first: Image | Problem,
    ) -> tuple[Prepared, tuple[Image, ...]]:
        judged = self._judge(route, candidate, step, image, links, first)
        return judged, tuple(each for each in (image, first) if isinstance(each, Image))

    def _shown(self, ref: Ref, item: Prepared, images: tuple[Image, ...]) -> Prepared:
        if not self._redaction:
            return item
        details, problems = shown_of_plan(
            self._redaction, self._system.name, ref, item.details, item.problems, images
        )
        return replace(item, details=details, problems=problems)

    def _judge(
        self,
        route: Route,
        candidate: Candidate,
        step: Step,
        image: Image | Problem,
        links: tuple[Step, ...],
        first: Image | Problem,
    ) -> Prepared:
        if isinstance(image, Problem) or isinstance(first, Problem):
            problem = image if isinstance(image, Problem) else first
            return Prepared(candidate, (problem,) if isinstance(problem, Problem) else ())
        action = route.action
        found = image.get(step.ref)
        problems = list(action.problems(step, image))
        is_told = any(problem.code == MISSING for problem in problems)
        if not is_told and (found is None or not found.exists):
            problems.append(
                Problem(MISSING, Text(N_("it does not exist any more, or our user may not see it")))
            )
        if links[0] != step:
            problems += self._actions[links[0].action].problems(links[0], first)
            if _differ(image, first):
                problems.append(
                    Problem(
                        "moving", Text(N_("somebody is changing it at this moment; plan again"))
                    )
                )
        problems = _each_once(problems)
        if any(problem.by is None for problem in problems):
            return Prepared(candidate, tuple(problems))
        return Prepared(
            candidate,
            tuple(problems),
            links,
            _without_surroundings(first, self._actions[links[0].action]),
            self._reversibility(action, links),
            action.precedes(step, image),
            _details(route, candidate, action, image),
        )

    def _reversibility(self, action: Action, links: Sequence[Step]) -> Reversibility:
        names = [action.name, *(link.action for link in links)]
        declared = [self._actions[name].reversibility for name in names]
        on_target = [self._reversibilities[name] for name in names if name in self._reversibilities]
        return worst((*declared, *on_target))

    def _capture(self, steps: Sequence[Step]) -> list[Image | Problem]:
        """Capture steps of one action; a document whose reading the ERP refuses becomes a problem alone."""
        if not steps:
            return []
        try:
            images = capture(self._system, steps, [None] * len(steps))
        except STOPS_THE_RUN:
            raise
        except RefusedError as error:
            if len(steps) == 1:
                return [Problem("unreadable", error.text)]
            middle = len(steps) // 2
            return [*self._capture(steps[:middle]), *self._capture(steps[middle:])]
        if len(images) != len(steps):
            raise ContractBroken(
                problem=f"capture returned {len(images)} images for {len(steps)} steps"
            )
        return list(images)


def plan_operations(
    store: OperationStore,
    system: str,
    kind: Kind,
    prepared: Sequence[Prepared],
    last_of: dict[Ref, int] | None = None,
) -> None:
    """Add the operations of these documents link by link: every first link, then every second, ...

    `last_of` remembers the last operation of each document, where others of the plan have to wait for it.
    """
    if not prepared:
        return
    # Neighbours of one shape make one batch; the sort is stable, so the order of documents stays.
    items = sorted(prepared, key=lambda item: [link.action for link in item.links])
    waits = {
        item.candidate.ref: max(
            (last_of[ref] for ref in item.precedes if ref in last_of), default=None
        )
        for item in items
        if last_of is not None
    }
    start = store.count
    for operation in arrange([_chain(system, kind, item) for item in items], block=len(items)):
        ref = operation.step.ref
        after = waits.get(ref) if operation.after is None else operation.after + start
        position = store.add(replace(operation, after=after))
        if last_of is not None:
            last_of[ref] = position


def _chain(system: str, kind: Kind, item: Prepared) -> Chain:
    count = len(item.links)
    links = []
    for number, step in enumerate(item.links, start=1):
        place: dict[str, Any] = {"link": number, "links": count} if count > 1 else {}
        if number == 1 and item.problems:
            place[CONDITIONS] = sorted({problem.code for problem in item.problems})
        links.append(
            PlannedOperation(
                system=system,
                kind=kind,
                number=item.candidate.number,
                step=step,
                executor=item.route.executor,
                reversibility=item.reversibility,
                approved=item.approved if number == 1 else None,
                details={**(item.details if number == 1 else {"route": item.route.name}), **place},
            )
        )
    return Chain(tuple(links))


def excuse(
    prepared: Iterable[Prepared], planned: Container[Ref] = ()
) -> tuple[list[Prepared], list[Prepared]]:
    """Split into those that can go on and those that cannot.

    A document that only waits for others goes on when all of them do or are planned already; they then come
    before it, and right before its own write its reasons are looked at again (`conditions`).
    """
    items = list(prepared)
    ready = {item.candidate.ref for item in items if not item.is_blocked}
    while True:
        stuck = {
            item.candidate.ref
            for item in items
            if item.candidate.ref in ready
            and any(p.by not in ready and p.by not in planned for p in item.problems)
        }
        if not stuck:
            break
        ready -= stuck
    return (
        [item for item in items if item.candidate.ref in ready],
        [item for item in items if item.candidate.ref not in ready],
    )


def in_levels(prepared: Iterable[Prepared]) -> list[list[Prepared]]:
    """Sort documents so that each level only waits for levels before it (children, then parents).

    In what comes back, `precedes` holds the documents that come before instead. A circle, which no ERP
    should have, is planned in the order in which it was found.
    """
    items = {item.candidate.ref: item for item in prepared}
    before: dict[Ref | None, set[Ref]] = {ref: set() for ref in items}
    for ref, item in items.items():
        before[ref] |= {problem.by for problem in item.problems if problem.by is not None}
        for later in item.precedes:
            if later in before and ref is not None and later != ref:
                before[later].add(ref)
    levels: list[list[Prepared]] = []
    left = dict(before)
    while left:
        free = [ref for ref, waits in left.items() if not any(ref in left for ref in waits)]
        free = free or list(left)
        levels.append([replace(items[ref], precedes=tuple(sorted(before[ref]))) for ref in free])
        for ref in free:
            del left[ref]
    return levels


def has_order(action: Action) -> bool:
    """Whether documents of this action may have to wait for one another."""
    return type(action).precedes is not Action.precedes


def _details(route: Route, candidate: Candidate, action: Action, image: Image) -> dict[str, Any]:
    details: dict[str, Any] = {"route": route.name, "action": action.name, "facts": candidate.facts}
    remainder = action.remainder(image)
    if remainder is not None:
        details["remainder"] = {
            name: getattr(remainder, name)
            for name in ("ordered", "received", "invoiced", "quantity", "amount", "currency")
        }
    return details


def _other_model(step: Step, action: Action) -> Problem:
    """Say that the route's action is for documents of another model than this one."""
    names = {"action": action.name, "expected": action.model, "model": step.ref.model}
    return Problem(OTHER_MODEL, Text(N_("{action} is for {expected}, this is {model}"), names))


def _without_surroundings(image: Image, action: Action) -> Image:
    """Return what the decision rests on: stock and the like belong to many documents at once."""
    if not action.surroundings:
        return image
    return Image(tuple(r for r in image.records if r.ref.model not in action.surroundings))


def _each_once(problems: Iterable[Problem]) -> list[Problem]:
    return list({(problem.code, str(problem.text)): problem for problem in problems}.values())


def _differ(one: Image, other: Image) -> bool:
    """Whether two images disagree about a field that both hold."""
    theirs = {record.ref: record for record in other.records}
    for record in one.records:
        same = theirs.get(record.ref)
        if same is None:
            continue
        if record.fields is None or same.fields is None:
            if record.fields is not same.fields:
                return True
        elif any(
            record.fields[name] != same.fields[name]
            for name in record.fields.keys() & same.fields.keys()
        ):
            return True
    return False
