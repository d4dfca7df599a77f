"""A plan being drawn up: operations, exceptions and what an approver signs, before any of it is stored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Context, Decimal
from typing import Any, Final

from closing.backup import backup_details
from closing.model import Candidate, PlanProgress, ReportProgress, Route
from closing.prepare import (
    OperationStore,
    Prepared,
    Preparer,
    excuse,
    has_order,
    in_levels,
    plan_operations,
)
from connectors.contract import Action, Executor, Kind, Problem, Ref, System, SystemCheck
from core.text import N_, Text
from recovery.at_rest.redaction import Redaction
from recovery.describe import describe_action
from recovery.model import Draft, PlanException

EXACT_SUMS: Final = Context(prec=60)
"""Sums of amounts never round; 28 digits, Python's own limit, are fewer than an ERP's 38."""

SHOWN_REPETITIONS: Final = 50


@dataclass(frozen=True, slots=True)
class DrawnPlan:
    """A finished plan that is in no journal yet: to store, or to show and forget (`--preview`)."""

    draft: Draft
    operations: OperationStore
    exceptions: Sequence[PlanException]


@dataclass(slots=True)
class Tally:
    """What an approver signs, counted by document."""

    looked_at: int = 0
    ready: int = 0
    excepted: int = 0
    by_route: Counter[str] = field(default_factory=Counter)
    by_reversibility: Counter[str] = field(default_factory=Counter)
    by_code: Counter[str] = field(default_factory=Counter)
    remainder: dict[str, Decimal] = field(default_factory=dict)
    actions: dict[str, None] = field(default_factory=dict)  # in the order of their first use


class Drawing:
    """Takes candidates in, lets them be captured in batches, and keeps what becomes of each.

    Every candidate ends either as operations or as exceptions (one for each reason), never as both.
    """

    def __init__(
        self,
        system: System,
        kind: Kind,
        routes: Sequence[Route],
        check: SystemCheck,
        progress: ReportProgress,
        redaction: Redaction | None = None,
    ) -> None:
        self._system = system
        self._kind = kind
        self._routes = routes
        self._check = check
        self._progress = progress
        self._preparer = Preparer(
            system, {found.action: found.reversibility for found in check.actions}, redaction
        )
        self._waiting: dict[str, list[Candidate]] = {}
        self._ordered: list[Prepared] = []  # documents that may have to wait for others of the plan
        self._last_of: dict[Ref, int] = {}
        self._seen: set[Ref] = set()
        self.store = OperationStore()
        self.exceptions: list[PlanException] = []
        self.tally = Tally()

    def take_all(self, candidates: Iterable[Candidate]) -> None:
        """Take every candidate, then finish what still waits."""
        for candidate in candidates:
            self._take(candidate)
        for route in self._routes:
            self._flush(route)
        ready, stuck = excuse(self._ordered, self._last_of)
        for item in stuck:
            self._except(item.candidate, item.problems)
        for item in ready:
            self._count(item)
        for level in in_levels(ready):
            self._emit_level(level)
        self._tell()

    def _take(self, candidate: Candidate) -> None:
        # An ERP that is being worked in may list a document on two pages.
        if candidate.ref is not None:
            if candidate.ref in self._seen:
                return
            self._seen.add(candidate.ref)
        self.tally.looked_at += 1
        route = candidate.route
        if route is None or candidate.problems:
            self._except(candidate, candidate.problems)
            return
        batch = self._waiting.setdefault(route.name, [])
        batch.append(candidate)
        if len(batch) >= max(1, route.action.batch_size):
            self._flush(route)

    def _flush(self, route: Route) -> None:
        batch = self._waiting.pop(route.name, [])
        if not batch:
            return
        ready: list[Prepared] = []
        for item in self.prepare(route, batch):
            if not item.is_blocked and (item.problems or has_order(item.route.action)):
                self._ordered.append(item)
            elif item.problems:
                self._except(item.candidate, item.problems)
            else:
                self._count(item)
                ready.append(item)
        plan_operations(self.store, self._system.name, self._kind, ready, self._last_of)
        self._tell()

    def prepare(self, route: Route, batch: Sequence[Candidate]) -> list[Prepared]:
        """Return the evidence of each; a kind of plan that may choose among actions does so here."""
        return self._preparer.prepare(route, batch)

    def _emit_level(self, level: Sequence[Prepared]) -> None:
        size = max(1, min(route.action.batch_size for route in self._routes))
        for start in range(0, len(level), size):
            plan_operations(
                self.store,
                self._system.name,
                self._kind,
                level[start : start + size],
                self._last_of,
            )

    def _count(self, item: Prepared) -> None:
        tally = self.tally
        tally.ready += 1
        tally.by_route[item.route.name] += 1
        tally.by_reversibility[item.reversibility.value] += 1
        for link in item.links:
            tally.actions[link.action] = None
        remainder = item.details.get("remainder") or {}
        amount = remainder.get("amount")
        if isinstance(amount, Decimal):
            facts = item.details.get("facts") or {}
            currency = remainder.get("currency") or facts.get("currency") or ""
            tally.remainder[currency] = EXACT_SUMS.add(
                tally.remainder.get(currency, Decimal(0)), amount
            )

    def _except(self, candidate: Candidate, problems: Sequence[Problem]) -> None:
        self.tally.excepted += 1
        for problem in problems:
            self.exceptions.append(
                PlanException(
                    system=self._system.name,
                    kind=self._kind,
                    number=candidate.number,
                    ref=candidate.ref,
                    code=problem.code,
                    text=problem.text,
                )
            )
        self.tally.by_code.update({problem.code for problem in problems})

    def _tell(self) -> None:
        tally = self.tally
        self._progress(PlanProgress(tally.looked_at, tally.ready, tally.excepted))

    # --- what is signed -------------------------------------------------------------------------

    def details(self, *, shown_date: str, acting_as: str | None) -> dict[str, Any]:
        """Return what the plan says of itself: as whom, what is seen, what comes back, what is given up."""
        check, tally = self._check, self.tally
        return {
            "system": self._system.name,
            "product": f"{check.product} {check.version}".strip(),
            "target": check.target,
            "transport": check.transport,
            "acting_as": acting_as or self._shown_name() or check.acting_as,
            "shown_date": shown_date,
            "kind": self._kind.value,
            "sees_everything": check.sees_everything,
            "limits": [limit.as_dict() for limit in check.limits],
            **backup_details(check),
            "counts": {
                "looked_at": tally.looked_at,
                "ready": tally.ready,
                "exceptions": tally.excepted,
                "operations": self.store.count,
            },
            "reversibility": dict(tally.by_reversibility),
            "exceptions": dict(tally.by_code),
            "remainder": dict(tally.remainder),
            "routes": [self._route(route) for route in self._routes],
            "actions": self._used_actions(),
        }

    def _shown_name(self) -> str | None:
        names = (
            route.action.shown_name(route.arguments)
            for route in self._routes
            if self.tally.by_route[route.name]
        )
        return next((name for name in names if name is not None), None)

    def _route(self, route: Route) -> dict[str, Any]:
        return {
            "name": route.name,
            "action": route.action.name,
            "title": Text(route.action.title).as_dict(),
            "executor": route.executor.value,
            # They decide what happens (up to which date, with which losses), so they are signed too.
            "arguments": dict(route.arguments),
            "ready": self.tally.by_route[route.name],
        }

    def _used_actions(self) -> dict[str, Any]:
        """Say of each action in the plan what comes back, what stays behind, and which window remains."""
        actions = self._system.actions()
        support = {found.action: found for found in self._check.actions}
        by_person = {
            route.action.name for route in self._routes if route.executor is Executor.BY_PERSON
        }
        used: dict[str, Any] = {}
        for route in self._routes:
            if self.tally.by_route[route.name]:
                self.tally.actions.setdefault(route.action.name)
        for name in self.tally.actions:
            action, found = actions[name], support.get(name)
            has_guard = found.has_compare_and_set if found else action.has_compare_and_set
            used[name] = {
                **describe_action(action),
                "reversibility": (found.reversibility if found else action.reversibility).value,
                "note": _optional(action.reversibility_note),
                "remark": _optional(action.remark),
                "trace": _optional(action.trace_note),
                "has_compare_and_set": has_guard,
                "window": _window(action, has_guard, name in by_person).as_dict(),
                "creates_untraceably": action.creates_untraceably,
            }
        return used


def repetitions(repeated: Sequence[str]) -> Mapping[str, Any]:
    """Say which numbers were given more than once; each was taken once."""
    if not repeated:
        return {}
    return {"repeated": {"count": len(repeated), "numbers": list(repeated[:SHOWN_REPETITIONS])}}


def _optional(note: str) -> dict[str, Any] | None:
    return Text(note).as_dict() if note else None


def _window(action: Action, has_compare_and_set: bool, is_by_person: bool) -> Text:
    """Say what happens when somebody changes the document between our reading and the write."""
    if is_by_person:
        return Text(N_("a person works on the screen and sees the document as it is"))
    if action.window:
        return Text(action.window)
    if has_compare_and_set:
        return Text(
            N_("the ERP refuses the write when somebody changed the document since it was read")
        )
    return Text(
        N_(
            "the ERP cannot compare: a change by somebody else between our last reading and the write, "
            "usually less than a second, would be noticed only afterwards"
        )
    )
