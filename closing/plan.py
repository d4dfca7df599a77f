"""Plans: which documents will be closed (or reopened), how, on what evidence; and why the others will not.

A plan reads the ERP and changes nothing in it. It is complete in memory before the journal takes it in one
commit: no journal transaction is open while an ERP works.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import TYPE_CHECKING

from closing.backup import backup_problem
from closing.drawing import Drawing, DrawnPlan, repetitions
from closing.model import ReportProgress, in_the_name_of, read_closing, say_nothing
from closing.numbers import read_numbers
from closing.reopening import draw_reopening, plan_reopening
from closing.rules import Limits, RuleBook
from closing.scope import GivenNumbers, find_candidates
from core import retry
from recovery.model import Draft, Purpose

if TYPE_CHECKING:
    from config.closings import ClosingSettings
    from connectors.contract import System
    from recovery.at_rest.redaction import Redaction
    from recovery.journal import Journal
    from recovery.model import Actor, ChangeSet

__all__ = ["draw_closing", "draw_reopening", "plan_closing", "plan_reopening", "read_numbers"]


def plan_closing(
    journal: Journal,
    system: System,
    closing_name: str,
    closing: ClosingSettings,
    *,
    actor: Actor,
    today: date,
    numbers: Sequence[str] | None = None,
    expires_at: datetime | None = None,
    zone: str = "UTC",
    progress: ReportProgress = say_nothing,
    acting_as: str | None = None,
    limits: Limits | None = None,
) -> ChangeSet:
    """Store the plan of a closing and return it, planned. Errors as `draw_closing`, and those of the journal."""
    drawn = draw_closing(
        system,
        closing_name,
        closing,
        actor=actor,
        today=today,
        numbers=numbers,
        expires_at=expires_at,
        zone=zone,
        progress=progress,
        acting_as=acting_as,
        limits=limits,
        redaction=journal.redaction,
    )
    return journal.plan(drawn.draft, drawn.operations, drawn.exceptions)


def draw_closing(
    system: System,
    closing_name: str,
    closing: ClosingSettings,
    *,
    actor: Actor,
    today: date,
    numbers: Sequence[str] | None = None,
    expires_at: datetime | None = None,
    zone: str = "UTC",
    progress: ReportProgress = say_nothing,
    acting_as: str | None = None,
    limits: Limits | None = None,
    redaction: Redaction | None = None,
) -> DrawnPlan:
    """Return the plan of a closing: every document in scope as operations or as exceptions.

    With `numbers`, only those documents are looked at, and each number that names none, several, or one out
    of scope is an exception. Raises `BadInput` naming the rule or setting that is wrong, and the errors of
    reading the ERP; then nothing was stored.
    """
    check = retry.transient(system.check)
    given = None if numbers is None else GivenNumbers.of(numbers)
    with RuleBook(today=today, zone=zone, limits=limits) as book:
        found = read_closing(
            closing_name, closing, actions=system.actions(), check=check, book=book
        )
        found = replace(found, routes=in_the_name_of(found.routes, actor.name))
        drawing = Drawing(system, found.kind, found.routes, check, progress, redaction)
        candidates = find_candidates(system, found, book, given)
        missing = backup_problem(check, closing.require_backup_hours)
        if missing is not None:
            candidates = (replace(each, problems=(missing, *each.problems)) for each in candidates)
        drawing.take_all(candidates)
    draft = Draft(
        purpose=Purpose.CLOSING,
        title=found.title,
        actor=actor,
        closing=closing_name,
        expires_at=expires_at,
        details={
            **drawing.details(shown_date=today.isoformat(), acting_as=acting_as),
            **repetitions(given.repeated if given else ()),
            "timezone": zone,
            "scope": closing.scope,
        },
    )
    return DrawnPlan(draft, drawing.store, drawing.exceptions)
