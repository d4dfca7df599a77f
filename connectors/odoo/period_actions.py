"""Lock dates of a company: what Odoo has for closing an accounting period. A lock is a date, written and read back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from types import MappingProxyType
from typing import Any, Final

from connectors.contract import (
    Answer,
    Call,
    Effect,
    Image,
    Instruction,
    Kind,
    LaterBusiness,
    Problem,
    Reversibility,
    Step,
)
from connectors.judging import MISSING, root_of, rows
from connectors.odoo.actions import STAMPS, OdooAction, Query, Server, name_of, quietness, tracking
from connectors.odoo.writing import write_in_groups
from core.encoding import Value
from core.errors import ContractBroken
from core.text import N_, Text

COMPANY: Final = "res.company"
ENTRY: Final = "account.move"

USUAL: Final = "fiscalyear_lock_date"
HARD: Final = "hard_lock_date"  # since 18: never lowered, never removed
LOCKS: Final = (
    USUAL,
    "tax_lock_date",
    "sale_lock_date",  # since 18
    "purchase_lock_date",  # since 18
    "period_lock_date",  # until 17: for everybody but advisers
)
_DATES: Final = frozenset({*LOCKS, HARD})
_DRAFT: Final = frozenset({"name", "state", "date", "move_type"})
JOURNAL_TYPES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "sale_lock_date": ("out_invoice", "out_refund", "out_receipt"),
        "purchase_lock_date": ("in_invoice", "in_refund", "in_receipt"),
    }
)
"""Entries that a lock is about, where it is not about all."""


class _Lock(OdooAction):
    """Writes one lock date of one company."""

    kind = Kind.ACCOUNTING_PERIOD
    model = COMPANY
    wanted = STAMPS | _DATES | {"name"}
    queries = (Query(ENTRY, "company_id", COMPANY, _DRAFT, domain=(("state", "=", "draft"),)),)
    stamped = (COMPANY,)
    batch_size = 1
    ours = MappingProxyType({COMPANY: STAMPS | _DATES})
    derived = MappingProxyType({COMPANY: STAMPS})
    # Drafts are looked at before closing. That others write and post them all the time is no change of the period.
    trace = MappingProxyType({COMPANY: STAMPS, ENTRY: _DRAFT | STAMPS | {"*"}})
    trace_note = N_("write date and last writer of the company are new")

    def perform(self, server: Server, calls: Sequence[Call]) -> list[Answer]:
        def send(_: str, members: Sequence[Call]) -> None:
            self._write(server, members[0])

        return write_in_groups(server, calls, lambda call: call.operation_id, send)

    def _write(self, server: Server, call: Call) -> None:
        wanted = date_in(call.step)
        lock = self.lock(call.step)
        if lock not in root_of(call.step, call.before):
            raise ContractBroken(problem=f"{COMPANY}.{lock} is not on this server, or was not read")
        values: dict[str, Any] = {lock: False if wanted is None else wanted.isoformat()}
        ids = [int(call.step.ref.key)]
        self.send(server, [call], COMPANY, "write", ids, values, context=tracking([call]))

    def lock(self, step: Step) -> str:
        """Return the lock date that a step is about."""
        return str(step.arguments.get("lock", USUAL))

    def argument_problems(self, step: Step, image: Image) -> tuple[Problem, ...]:
        """Return what is wrong with the step itself."""
        root, lock = root_of(step, image), self.lock(step)
        if not root:
            return (MISSING,)
        if lock not in LOCKS or lock not in root:
            text = Text(N_("this Odoo has no lock date {lock}"), {"lock": lock})
            return (Problem("lock.unknown", text),)
        if "date" not in step.arguments or not is_date(step.arguments["date"]):
            return (Problem("date.missing", Text(N_("no date was given"))),)
        return ()

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        root = root_of(step, after)
        return bool(root) and root.get(self.lock(step)) == date_in(step)

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        lock = self.lock(step)
        former = root_of(step, before).get(lock)
        back = self.back(former, root_of(step, after).get(lock))
        return (Step(back, step.ref, {**quietness(step), "lock": lock, "date": former}),)

    def back(self, former: Value, now: Value) -> str:
        """Return the action that writes a former date."""
        is_later = isinstance(former, date) and (not isinstance(now, date) or former > now)
        return "accounting_period.close" if is_later else "accounting_period.reopen"

    def later_business(self, step: Step, after: Image, now: Image) -> tuple[LaterBusiness, ...]:
        lock = self.lock(step)
        was, found = root_of(step, after).get(lock), root_of(step, now).get(lock)
        if was == found:
            return ()
        values = {"before": str(was), "now": str(found)}
        text = Text(N_("the lock date went from {before} to {now} since"), values)
        return (LaterBusiness(Effect.BLOCKS, text),)

    def instruction(self, step: Step, image: Image) -> Instruction:
        return Instruction(
            screen=Text(N_("Accounting > Lock Dates, {name}"), {"name": name_of(step, image)}),
            press=Text(
                N_("set {lock} to {date}"),
                {"lock": self.lock(step), "date": str(step.arguments.get("date"))},
            ),
            reason=Text(N_("the period is finished")),
        )


class ClosePeriod(_Lock):
    """Nobody books up to a date any more."""

    name = "accounting_period.close"
    title = N_("Set the lock date")
    # No `reopen_action`: only who says the date says what is open again.

    def problems(self, step: Step, image: Image) -> tuple[Problem, ...]:
        found = self.argument_problems(step, image)
        if found:
            return found
        lock, wanted = self.lock(step), date_in(step)
        current = root_of(step, image).get(lock)
        if wanted is None:
            return (Problem("date.missing", Text(N_("no date was given"))),)
        if isinstance(current, date) and current >= wanted:
            text = Text(N_("it is locked up to {date} already"), {"date": current.isoformat()})
            return (Problem("lock.later", text),)
        if step.arguments.get("with_drafts") is True and self.target.version >= 18:
            return ()
        return draft_problems(image, lock, wanted)


class ReopenPeriod(_Lock):
    """The lock date is an earlier one again, or none."""

    name = "accounting_period.reopen"
    title = N_("Set the lock date back")

    def problems(self, step: Step, image: Image) -> tuple[Problem, ...]:
        found = self.argument_problems(step, image)
        if found:
            return found
        wanted, current = date_in(step), root_of(step, image).get(self.lock(step))
        if current is None or (isinstance(current, date) and wanted and wanted >= current):
            return (Problem("lock.open", Text(N_("it is not locked so far"))),)
        return ()


class ClosePeriodForGood(_Lock):
    """Sets the hard lock date, which Odoo never lets anybody lower or remove."""

    name = "accounting_period.close_for_good"
    title = N_("Set the hard lock date")
    since = 18
    reversibility = Reversibility.NONE
    reversibility_note = N_("Odoo lets nobody lower or remove the hard lock date")

    @property
    def is_available(self) -> bool:
        return super().is_available and self.target.has(COMPANY, HARD)

    def lock(self, step: Step) -> str:
        return HARD

    def problems(self, step: Step, image: Image) -> tuple[Problem, ...]:
        root = root_of(step, image)
        if not root:
            return (MISSING,)
        wanted = date_in(step) if is_date(step.arguments.get("date")) else None
        if wanted is None:
            return (Problem("date.missing", Text(N_("no date was given"))),)
        if step.arguments.get("for_good") is not True:
            text = Text(N_("nothing takes it back: say for_good: true"))
            return (Problem("lock.for_good", text),)
        current = root.get(HARD)
        if isinstance(current, date) and current >= wanted:
            text = Text(N_("it is locked up to {date} already"), {"date": current.isoformat()})
            return (Problem("lock.later", text),)
        return draft_problems(image, HARD, wanted)

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        return ()


def date_in(step: Step) -> date | None:
    """Return the date of a step; None for no lock. Raises `ContractBroken` for what is no date."""
    value = step.arguments.get("date")
    if value is None:
        return None
    if isinstance(value, date):
        return date(value.year, value.month, value.day)
    try:
        return date.fromisoformat(str(value))
    except ValueError as error:
        raise ContractBroken(problem=f"{value!r} is no date") from error


def is_date(value: Value) -> bool:
    """Whether a value is a date, or none on purpose."""
    if value is None or isinstance(value, date):
        return True
    try:
        date.fromisoformat(str(value))
    except ValueError:
        return False
    return True


def draft_problems(image: Image, lock: str, until: date) -> tuple[Problem, ...]:
    """Say how many entries of the period are drafts.

    16 and 17 refuse to lock over them, as 18 and 19 do for the hard lock. The other locks of 18 and 19 are accepted:
    such a draft would be booked into the next open period without a word.
    """
    types = JOURNAL_TYPES.get(lock)
    count = len([row for row in rows(image, ENTRY).values() if _is_inside(row, types, until)])
    if not count:
        return ()
    text = Text(
        N_("{count} entries up to {date} are drafts"), {"count": count, "date": until.isoformat()}
    )
    return (Problem("entries.draft", text),)


def _is_inside(row: Mapping[str, Value], types: tuple[str, ...] | None, until: date) -> bool:
    booked = row.get("date")
    return (
        row.get("state") == "draft"
        and isinstance(booked, date)
        and booked <= until
        and (types is None or row.get("move_type") in types)
    )


def period_actions() -> tuple[type[OdooAction], ...]:
    """Return every action of accounting periods."""
    return (ClosePeriod, ReopenPeriod, ClosePeriodForGood)
