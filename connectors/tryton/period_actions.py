"""Actions on accounting periods and fiscal years.

Closing cascades: a year closes its periods, a period its journals' periods. Reopening does not: what was
closed along is opened again by links of a chain, and only that. Locking is final and is not offered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar, Final

from connectors.contract import Call, Effect, Image, Kind, LaterBusiness, Problem, Ref, Step
from connectors.judging import ids_in, root_of, rows
from connectors.tryton.actions import STAMPS, Query, Shape, StateAction, TrytonAction
from core.encoding import Value
from core.text import N_, Text

PERIOD: Final = "account.period"
JOURNAL_PERIOD: Final = "account.journal.period"
YEAR: Final = "account.fiscalyear"
ENTRY: Final = "account.move"

_PERIOD: Final = STAMPS | frozenset(
    {"name", "state", "type", "company", "fiscalyear", "start_date", "end_date"}
)
_STATE: Final = STAMPS | {"state"}
_JOURNALS: Final = Query(JOURNAL_PERIOD, "period", PERIOD, STAMPS | {"state", "journal", "period"})


_DRAFTS: Final = Query(
    ENTRY, "period", PERIOD, frozenset({"number", "state", "date", "journal", "period"}), "draft"
)


class _PeriodAction(StateAction):
    """A period and its journals' periods, which Tryton keeps as records of their own."""

    kind = Kind.ACCOUNTING_PERIOD
    model = PERIOD
    shape = Shape(PERIOD, _PERIOD)
    queries = (_JOURNALS, _DRAFTS)
    stamped = (PERIOD,)
    ours = MappingProxyType({PERIOD: _STATE, JOURNAL_PERIOD: _STATE})
    derived = MappingProxyType({PERIOD: STAMPS, JOURNAL_PERIOD: STAMPS})
    trace = MappingProxyType({PERIOD: STAMPS, JOURNAL_PERIOD: STAMPS})

    def later_business(self, step: Step, after: Image, now: Image) -> tuple[LaterBusiness, ...]:
        root = root_of(step, now)
        if root.get("state") == "locked":
            return (LaterBusiness(Effect.BLOCKS, Text(N_("it was locked, which is final"))),)
        return super().later_business(step, after, now)


class ClosePeriod(_PeriodAction):
    """Closes a period; Tryton closes its journals' periods with it."""

    name = "accounting_period.close"
    title = N_("Close the period")
    button = "close"
    source_states = ("open",)
    goal_state = "closed"
    reopen_action = "accounting_period.reopen"

    def problems(self, step: Step, image: Image) -> tuple[Problem, ...]:
        return (*super().problems(step, image), *draft_problems(image))

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        return super().is_done(step, before, after) and not in_state(after, JOURNAL_PERIOD, "open")

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        journals = closed_between(before, after, JOURNAL_PERIOD)
        return (
            Step("accounting_period.reopen_period", step.ref),
            Step("accounting_period.reopen_journals", step.ref, {"journals": journals}),
        )


class ReopenPeriod(_PeriodAction):
    """Opens a period again, with all journals' periods when nobody says which: a chain."""

    name = "accounting_period.reopen"
    title = N_("Reopen the period with its journals")
    button = "reopen"
    source_states = ("closed",)
    goal_state = "open"

    def steps(self, ref: Ref, arguments: Mapping[str, Value]) -> tuple[Step, ...]:
        return (
            Step("accounting_period.reopen_period", ref),
            Step("accounting_period.reopen_journals", ref, arguments),
        )

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        return (Step("accounting_period.close", step.ref),)


class ReopenPeriodAlone(_PeriodAction):
    """Opens the period itself; its journals stay closed, so nothing can be posted yet."""

    is_link = True
    name = "accounting_period.reopen_period"
    title = N_("Reopen the period")
    button = "reopen"
    source_states = ("closed",)
    goal_state = "open"

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        return (Step("accounting_period.close", step.ref),)


class _Cascade(StateAction):
    """Presses a button on records below the document: the given ones, else every one in `source_state`."""

    is_link = True
    below: ClassVar[str]  # the model below
    argument: ClassVar[str]
    source_state: ClassVar[str]
    goal_below: ClassVar[str]
    back: ClassVar[str]  # the action that takes it back

    def button_model(self) -> str:
        return self.below

    def button_ids(self, call: Call) -> Sequence[int]:
        return self.chosen(call.step, call.before)

    def chosen(self, step: Step, image: Image) -> tuple[int, ...]:
        """Return the records to press the button on, sorted."""
        found = in_state(image, self.below, self.source_state)
        if self.argument not in step.arguments:
            return found
        given = ids_in(step.arguments[self.argument])
        return tuple(i for i in found if i in given)

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        found = rows(after, self.below)
        return all(
            i in found and found[i]["state"] == self.goal_below for i in self.chosen(step, before)
        )

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        return (Step(self.back, step.ref, {self.argument: self.chosen(step, before)}),)


class ReopenJournals(_Cascade, _PeriodAction):
    """Opens the journals' periods of an open period again."""

    name = "accounting_period.reopen_journals"
    title = N_("Reopen the journals of the period")
    button = "reopen"
    source_states = ("open",)
    goal_state = "open"
    stamped = (JOURNAL_PERIOD,)
    below = JOURNAL_PERIOD
    argument = "journals"
    source_state = "closed"
    goal_below = "open"
    back = "accounting_period.close_journals"


class CloseJournals(_Cascade, _PeriodAction):
    """Closes journals' periods of an open period."""

    name = "accounting_period.close_journals"
    title = N_("Close journals of the period")
    button = "close"
    source_states = ("open",)
    goal_state = "open"
    stamped = (JOURNAL_PERIOD,)
    below = JOURNAL_PERIOD
    argument = "journals"
    source_state = "open"
    goal_below = "closed"
    back = "accounting_period.reopen_journals"


class _YearAction(StateAction):
    """A fiscal year with its periods and their journals."""

    kind = Kind.ACCOUNTING_PERIOD
    model = YEAR
    shape = Shape(
        YEAR,
        STAMPS | {"name", "state", "company", "start_date", "end_date"},
        {"periods": Shape(PERIOD, _PERIOD)},
    )
    queries = (_JOURNALS, _DRAFTS)
    stamped: ClassVar[tuple[str, ...]] = (YEAR,)
    ours = MappingProxyType({YEAR: _STATE, PERIOD: _STATE, JOURNAL_PERIOD: _STATE})
    derived = MappingProxyType({YEAR: STAMPS, PERIOD: STAMPS, JOURNAL_PERIOD: STAMPS})
    # A closed year has its accounts' balances in rows of their own: made by closing, deleted by reopening.
    trace = MappingProxyType({**derived, "account.account.deferral": frozenset({"*"})})


class CloseYear(_YearAction):
    """Closes a year; Tryton closes every period of it and their journals."""

    name = "accounting_period.close_year"
    title = N_("Close the fiscal year")
    button = "close"
    source_states = ("open",)
    goal_state = "closed"
    stamped = (YEAR, PERIOD)
    reopen_action = "accounting_period.reopen_year"

    def problems(self, step: Step, image: Image) -> tuple[Problem, ...]:
        return (*super().problems(step, image), *draft_problems(image))

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        return super().is_done(step, before, after) and not in_state(after, PERIOD, "open")

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        return year_reopening(
            step.ref,
            closed_between(before, after, PERIOD),
            closed_between(before, after, JOURNAL_PERIOD),
        )


class ReopenYear(_YearAction):
    """Opens a year again with its periods and their journals: a chain."""

    name = "accounting_period.reopen_year"
    title = N_("Reopen the fiscal year with its periods")
    button = "reopen"
    source_states = ("closed",)
    goal_state = "open"

    def steps(self, ref: Ref, arguments: Mapping[str, Value]) -> tuple[Step, ...]:
        return year_reopening(ref, None, None)

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        return (Step("accounting_period.close_year", step.ref),)


class ReopenYearAlone(ReopenYear):
    """Opens the year itself; its periods stay closed."""

    is_link = True
    name = "accounting_period.reopen_year_alone"
    title = N_("Reopen the fiscal year")

    def steps(self, ref: Ref, arguments: Mapping[str, Value]) -> tuple[Step, ...]:
        return (Step(self.name, ref, arguments),)


class ReopenPeriodsOfYear(_Cascade, _YearAction):
    """Opens periods of an open year again."""

    name = "accounting_period.reopen_periods_of_year"
    title = N_("Reopen the periods of the year")
    button = "reopen"
    source_states = ("open",)
    goal_state = "open"
    stamped = (PERIOD,)
    below = PERIOD
    argument = "periods"
    source_state = "closed"
    goal_below = "open"
    back = "accounting_period.close_periods_of_year"


class ClosePeriodsOfYear(_Cascade, _YearAction):
    """Closes periods of a year that stays open."""

    name = "accounting_period.close_periods_of_year"
    title = N_("Close periods of the year")
    button = "close"
    source_states = ("open",)
    goal_state = "open"
    stamped = (PERIOD,)
    below = PERIOD
    argument = "periods"
    source_state = "open"
    goal_below = "closed"
    back = "accounting_period.reopen_periods_of_year"


class ReopenJournalsOfYear(_Cascade, _YearAction):
    """Opens the journals' periods of a year again."""

    name = "accounting_period.reopen_journals_of_year"
    title = N_("Reopen the journals of the year")
    button = "reopen"
    source_states = ("open",)
    goal_state = "open"
    stamped = (JOURNAL_PERIOD,)
    below = JOURNAL_PERIOD
    argument = "journals"
    source_state = "closed"
    goal_below = "open"
    back = "accounting_period.close_journals_of_year"


class CloseJournalsOfYear(_Cascade, _YearAction):
    """Closes journals' periods of a year that stays open."""

    name = "accounting_period.close_journals_of_year"
    title = N_("Close journals of the year")
    button = "close"
    source_states = ("open",)
    goal_state = "open"
    stamped = (JOURNAL_PERIOD,)
    below = JOURNAL_PERIOD
    argument = "journals"
    source_state = "open"
    goal_below = "closed"
    back = "accounting_period.reopen_journals_of_year"


def draft_problems(image: Image) -> tuple[Problem, ...]:
    """Say how many entries of the period are not posted: Tryton refuses to close over them."""
    count = len(in_state(image, ENTRY, "draft"))
    if not count:
        return ()
    text = Text(N_("{count} entries in it are not posted"), {"count": count})
    return (Problem("entries.draft", text),)


def in_state(image: Image, model: str, state: str) -> tuple[int, ...]:
    """Return the records of a model that are in a state, sorted."""
    return tuple(sorted(i for i, row in rows(image, model).items() if row["state"] == state))


def closed_between(before: Image, after: Image, model: str) -> tuple[int, ...]:
    """Return the records that were open before and are closed after, sorted."""
    was = rows(before, model)
    return tuple(
        i for i in in_state(after, model, "closed") if i in was and was[i]["state"] == "open"
    )


def year_reopening(
    ref: Ref, periods: tuple[int, ...] | None, journals: tuple[int, ...] | None
) -> tuple[Step, ...]:
    """Return the chain that opens a year again; None stands for everything that is closed then."""
    return (
        Step("accounting_period.reopen_year_alone", ref),
        Step(
            "accounting_period.reopen_periods_of_year",
            ref,
            {} if periods is None else {"periods": periods},
        ),
        Step(
            "accounting_period.reopen_journals_of_year",
            ref,
            {} if journals is None else {"journals": journals},
        ),
    )


def period_actions() -> tuple[type[TrytonAction], ...]:
    """Return every action of periods and years."""
    return (
        ClosePeriod,
        ReopenPeriod,
        ReopenPeriodAlone,
        ReopenJournals,
        CloseJournals,
        CloseYear,
        ReopenYear,
        ReopenYearAlone,
        ReopenPeriodsOfYear,
        ClosePeriodsOfYear,
        ReopenJournalsOfYear,
        CloseJournalsOfYear,
    )
