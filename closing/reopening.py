"""Opening closed documents again, whoever closed them. What Storno closed is better rolled back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Final

from closing.drawing import Drawing, DrawnPlan, repetitions
from closing.model import (
    Candidate,
    Closing,
    ReportProgress,
    Route,
    choose_kind,
    in_the_name_of,
    say_nothing,
)
from closing.prepare import OTHER_MODEL, Prepared
from closing.rules import Limits, RuleBook
from closing.scope import GivenNumbers, find_candidates, find_refs
from connectors.contract import (
    Action,
    ActionSupport,
    Executor,
    Kind,
    Problem,
    Ref,
    Step,
    System,
    SystemCheck,
)
from core import retry
from core.errors import BadInput
from core.text import N_, Text
from recovery.model import Draft, Purpose
from recovery.running.side_by_side import capture
from recovery.states import ChangeSetState, OperationState

if TYPE_CHECKING:
    from closing.expression import Expression
    from recovery.journal import Journal
    from recovery.model import Actor, ChangeSet

CLOSED: Final = "is_closed"
MOST_ROLLBACKS: Final = 1_000
UNDECIDED: Final = frozenset(OperationState) - {
    OperationState.CONFIRMED,
    OperationState.REFUSED,
    OperationState.DROPPED,
}


def plan_reopening(
    journal: Journal,
    system: System,
    kind: Kind | str,
    *,
    actor: Actor,
    reason: str,
    today: date,
    numbers: Sequence[str] | None = None,
    refs: Sequence[Ref] | None = None,
    where: str | None = None,
    lines: Sequence[str] = (),
    expires_at: datetime | None = None,
    zone: str = "UTC",
    progress: ReportProgress = say_nothing,
    acting_as: str | None = None,
    limits: Limits | None = None,
) -> ChangeSet:
    """Store the plan of a reopening and return it, planned. Errors as `draw_reopening`, and the journal's."""
    drawn = draw_reopening(
        system,
        kind,
        actor=actor,
        reason=reason,
        today=today,
        numbers=numbers,
        refs=refs,
        where=where,
        lines=lines,
        expires_at=expires_at,
        zone=zone,
        progress=progress,
        acting_as=acting_as,
        limits=limits,
        journal=journal,
    )
    return journal.plan(drawn.draft, drawn.operations, drawn.exceptions)


def draw_reopening(
    system: System,
    kind: Kind | str,
    *,
    actor: Actor,
    reason: str,
    today: date,
    numbers: Sequence[str] | None = None,
    refs: Sequence[Ref] | None = None,
    where: str | None = None,
    lines: Sequence[str] = (),
    expires_at: datetime | None = None,
    zone: str = "UTC",
    progress: ReportProgress = say_nothing,
    acting_as: str | None = None,
    limits: Limits | None = None,
    journal: Journal | None = None,
) -> DrawnPlan:
    """Return a plan that opens closed documents again, by the actions that the system's closing actions name.

    The documents are named by number, by ref, or by a condition; all closed documents of a kind are never
    meant by saying nothing. `lines` are those of the one document that is named, by position or key: the others stay
    closed. A document that Storno closed says so, with its change set. Raises `BadInput`.
    """
    if numbers is None and refs is None and where is None:
        raise BadInput(
            N_("{source}: name the documents: by number, --from FILE, or --where."),
            source="close reopen",
        )
    named = [each for each in numbers if each.strip()] if numbers is not None else list(refs or ())
    if lines and (where is not None or len(named) != 1):
        raise BadInput(
            N_("{source}: name the one document whose lines they are."), source="--lines"
        )
    check = retry.transient(system.check)
    found_kind = choose_kind("KIND", kind, check.kinds)
    routes = in_the_name_of(_routes(system, found_kind, check), actor.name)
    given = None if numbers is None else GivenNumbers.of(numbers)
    with RuleBook(today=today, zone=zone, limits=limits) as book:
        # An order with one closed line is open as a whole: its lines say whether they are closed.
        scope = None if lines else _scope(book, where)
        closing = Closing(
            name="reopen", title="reopen", kind=found_kind, where=scope, routes=routes
        )
        candidates: Iterable[Candidate] = (
            find_refs(system, closing, book, refs)
            if refs is not None
            else find_candidates(system, closing, book, given)
        )
        if lines:
            routes, candidates = _of_lines(system, routes, candidates, lines)
        redaction = None if journal is None else journal.redaction
        drawing = _Reopening(system, found_kind, routes, check, progress, redaction)
        drawing.journal = journal
        drawing.take_all(candidates)
    draft = Draft(
        purpose=Purpose.REOPENING,
        title=found_kind.value,
        actor=actor,
        reason=reason,
        expires_at=expires_at,
        details={
            **drawing.details(shown_date=today.isoformat(), acting_as=acting_as),
            **repetitions(given.repeated if given else ()),
            "timezone": zone,
            "scope": where,
        },
    )
    return DrawnPlan(draft, drawing.store, drawing.exceptions)


class _Reopening(Drawing):
    """Tries every action that may open a document, and takes the first that nothing speaks against."""

    journal: Journal | None = None
    _rollbacks: dict[str, str] | None = None

    def prepare(self, route: Route, batch: Sequence[Candidate]) -> list[Prepared]:
        """Return each candidate with the first action that fits it, or with what speaks against each."""
        prepared = super().prepare(route, batch)
        for other in self._routes:
            open_ones = [i for i, item in enumerate(prepared) if item.is_blocked]
            if other is route or not open_ones:
                continue
            tried = super().prepare(other, [replace(batch[i], route=other) for i in open_ones])
            for i, item in zip(open_ones, tried, strict=True):
                both = (*prepared[i].problems, *item.problems) if item.is_blocked else item.problems
                once = {(problem.code, str(problem.text)): problem for problem in both}
                # That an action is for other documents says nothing where another one is for this document.
                told = [problem for problem in once.values() if problem.code != OTHER_MODEL]
                prepared[i] = replace(item, problems=tuple(told or once.values()))
        return self._with_change_sets(prepared)

    def _with_change_sets(self, prepared: Sequence[Prepared]) -> list[Prepared]:
        """Say of a document that Storno closed which change set did: a rollback gives more back."""
        names = {
            item.candidate.number or item.candidate.ref.key
            for item in prepared
            if item.candidate.ref is not None
        }
        if self.journal is None or not names:
            return list(prepared)
        closed_by: dict[Ref | None, str] = {}
        going_back: dict[Ref | None, str] = {}
        under_way = self._under_way(self.journal)
        found = self.journal.operations_of_numbers(names, system=self._system.name)
        standing = set(self.journal.standing([operation.id for operation in found]))
        for operation in found:
            if operation.reverses_operation_id is None and operation.id in standing:
                closed_by.setdefault(operation.ref, operation.change_set_id)
                if operation.id in under_way:
                    going_back.setdefault(operation.ref, under_way[operation.id])
        return [
            replace(item, problems=(*item.problems, _going_back(going_back[item.candidate.ref])))
            if item.candidate.ref in going_back
            else replace(item, details={**item.details, "closed_by": closed_by[item.candidate.ref]})
            if item.candidate.ref in closed_by
            else item
            for item in prepared
        ]

    def _under_way(self, journal: Journal) -> dict[str, str]:
        """Return the operations that a rollback under way has yet to take back, each with that rollback."""
        if self._rollbacks is None:
            self._rollbacks = {
                str(operation.reverses_operation_id): change_set.short_id
                for change_set in journal.change_sets(
                    purpose=Purpose.ROLLBACK,
                    system=self._system.name,
                    states={ChangeSetState.RUNNING, ChangeSetState.PAUSED},
                    limit=MOST_ROLLBACKS,
                )
                for operation in journal.operations(change_set.id, states=UNDECIDED)
                if operation.reverses_operation_id is not None
            }
        return self._rollbacks


def _going_back(rollback: str) -> Problem:
    return Problem(
        "being_taken_back",
        Text(
            N_("change set {name} is about to take it back: storno changes resume {name}"),
            {"name": rollback},
        ),
    )


def _of_lines(
    system: System,
    routes: Sequence[Route],
    candidates: Iterable[Candidate],
    names: Sequence[str],
) -> tuple[tuple[Route, ...], list[Candidate]]:
    """Return routes and the one candidate for some of its lines alone. Raises `BadInput`."""
    (candidate,) = candidates
    if candidate.ref is None or candidate.route is None:
        return tuple(routes), [candidate]
    narrowed: dict[str, Route] = {}
    for route in routes:
        if route.action.model != candidate.ref.model:
            continue
        step = Step(route.action.name, candidate.ref, route.arguments)
        (image,) = capture(system, [step], [None])
        keys = tuple(ref.key for ref in route.action.lines(image, names))
        if keys:
            narrowed[route.name] = replace(route, arguments={**route.arguments, "lines": keys})
    if not narrowed:
        raise BadInput(
            N_("{source}: {action} opens a document as a whole or not at all."),
            source="--lines",
            action=", ".join(route.action.name for route in routes),
        )
    found = narrowed.get(candidate.route.name) or next(iter(narrowed.values()))
    return tuple(narrowed.values()), [replace(candidate, route=found)]


def _scope(book: RuleBook, where: str | None) -> Expression:
    closed = book.read(CLOSED, source="--where")
    if where is None:
        return closed
    asked = book.read(where, source="--where")
    return replace(asked, sql=f"{CLOSED} AND ({asked.sql}\n)", is_closed=True)


def _routes(system: System, kind: Kind, check: SystemCheck) -> tuple[Route, ...]:
    """Return one route for each action that a closing action of this kind names as its way back."""
    actions = system.actions()
    support = {found.action: found for found in check.actions}
    names = dict.fromkeys(
        action.reopen_action
        for action in actions.values()
        if action.kind is kind and action.reopen_action is not None
    )
    routes = []
    for name in names:
        action = actions[name]
        executor = _executor(action, support)
        if executor is not None:
            routes.append(Route(name, None, action, executor))
    if not routes:
        raise BadInput(
            N_(
                "{source}: {system} cannot open a closed {kind} again. What Storno closed can be rolled back: "
                "storno rollback --documents NUMBERS"
            ),
            source="close reopen",
            system=system.name,
            kind=kind.value,
        )
    return tuple(routes)


def _executor(action: Action, support: Mapping[str, ActionSupport]) -> Executor | None:
    found = support.get(action.name)
    is_available = found is None or found.is_available
    if Executor.INTERFACE in action.executors and is_available:
        return Executor.INTERFACE
    return Executor.BY_PERSON if Executor.BY_PERSON in action.executors else None
