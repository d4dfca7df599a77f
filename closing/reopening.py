"""Opening closed documents again, whoever closed them. What Storno closed is better rolled back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
from connectors.contract import Action, ActionSupport, Executor, Kind, Ref, System, SystemCheck
from core import retry
from core.errors import BadInput
from core.text import N_
from recovery.model import Draft, Purpose

if TYPE_CHECKING:
    from closing.expression import Expression
    from recovery.journal import Journal
    from recovery.model import Actor, ChangeSet

CLOSED: Final = "is_closed"


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
    expires_at: datetime | None = None,
    zone: str = "UTC",
    progress: ReportProgress = say_nothing,
    acting_as: str | None = None,
    limits: Limits | None = None,
    journal: Journal | None = None,
) -> DrawnPlan:
    """Return a plan that opens closed documents again, by the actions that the system's closing actions name.

    The documents are named by number, by ref, or by a condition; all closed documents of a kind are never
    meant by saying nothing. A document that Storno closed says so, with its change set. Raises `BadInput`.
    """
    if numbers is None and refs is None and where is None:
        raise BadInput(
            N_("{source}: name the documents: by number, --from FILE, or --where."),
            source="close reopen",
        )
    check = retry.transient(system.check)
    found_kind = choose_kind("KIND", kind, check.kinds)
    routes = in_the_name_of(_routes(system, found_kind, check), actor.name)
    given = None if numbers is None else GivenNumbers.of(numbers)
    with RuleBook(today=today, zone=zone, limits=limits) as book:
        closing = Closing(
            name="reopen", title="reopen", kind=found_kind, where=_scope(book, where), routes=routes
        )
        drawing = _Reopening(system, found_kind, routes, check, progress)
        drawing.journal = journal
        if refs is not None:
            drawing.take_all(find_refs(system, closing, book, refs))
        else:
            drawing.take_all(find_candidates(system, closing, book, given))
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
        closed_by: dict[Ref, str] = {}
        found = self.journal.operations_of_numbers(names, system=self._system.name)
        standing = set(self.journal.standing([operation.id for operation in found]))
        for operation in found:
            if operation.reverses_operation_id is None and operation.id in standing:
                closed_by.setdefault(operation.ref, operation.change_set_id)
        return [
            replace(item, details={**item.details, "closed_by": closed_by[item.candidate.ref]})
            if item.candidate.ref in closed_by
            else item
            for item in prepared
        ]


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
