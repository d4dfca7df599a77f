"""Actions on everything but purchase orders: any record, invoices, periods, projects, sales orders."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, cast

from connectors.contract import (
    Effect,
    Image,
    Kind,
    LaterBusiness,
    Problem,
    Ref,
    Reversibility,
    Step,
)
from connectors.fake.actions import (
    CLOSED,
    NOT_CLOSED,
    FakeAction,
    RestoreAction,
    changed,
    difference,
    stamps_of,
)
from connectors.fake.request import Query
from connectors.fake.schema import (
    DERIVED,
    FIELDS,
    INVOICE,
    LINE,
    ORDER,
    PERIOD,
    PERIOD_JOURNAL,
    PROJECT,
    SALE,
    SALE_LINE,
    SCHEMA,
    STAMPS,
    TASK,
)
from connectors.judging import root_of, state_problem
from core.encoding import Value
from core.text import N_, Text


class UpdateRecord(FakeAction):
    """Writes the given fields of any record, and nothing else."""

    name = "record.update"
    writes_back = True
    kind = Kind.PURCHASE_ORDER
    title = N_("Change fields")
    model = ORDER
    footprint = FIELDS
    queries: ClassVar = {
        LINE: (Query(ORDER, "order", is_parent=True),),
        SALE_LINE: (Query(SALE, "order", is_parent=True),),
    }
    ours: ClassVar = {model: fields - STAMPS for model, fields in FIELDS.items()}
    derived = DERIVED
    trace = stamps_of(SCHEMA)

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        root = root_of(step, after)
        return bool(root) and all(root[name] == value for name, value in step.arguments.items())

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        """Only what was written, and only where it differs, goes back."""
        was, is_now = root_of(step, before), root_of(step, after)
        arguments = {name: was[name] for name in step.arguments if was[name] != is_now[name]}
        return (Step(self.name, step.ref, arguments),) if arguments else ()


class ReverseInvoice(FakeAction):
    """A posted invoice is reversed: the ERP makes a counter-document that names it and our operation."""

    name = "supplier_invoice.reverse"
    kind = Kind.SUPPLIER_INVOICE
    title = N_("Reverse the invoice")
    model = INVOICE
    reversibility = Reversibility.COMPENSATING
    reversibility_note = N_(
        "a posted invoice stays; another counter-document takes the first one back"
    )
    footprint: ClassVar = {INVOICE: FIELDS[INVOICE]}
    queries: ClassVar = {INVOICE: (Query(INVOICE, "reversed_entry"),)}
    ours: ClassVar = {INVOICE: frozenset({"*", "state"})}
    trace: ClassVar = {INVOICE: STAMPS | {"*", "state"}}
    trace_note = N_("the counter-documents and their numbers")
    creates: ClassVar = {INVOICE: N_("counter-document")}

    def problems(self, step: Step, image: Image) -> tuple[Problem, ...]:
        return state_problem(step, image, "posted")

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        return root_of(step, after).get("state") == "reversed" and bool(_made(step, before, after))

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        return tuple(Step(self.name, ref) for ref in _made(step, before, after))

    def later_business(self, step: Step, after: Image, now: Image) -> tuple[LaterBusiness, ...]:
        return changed(step, after, now, {"is_paid": Effect.BLOCKS})


def _made(step: Step, before: Image, after: Image) -> list[Ref]:
    there = {record.ref for record in before.records if record.exists}
    return [
        record.ref
        for record in after.records
        if record.fields is not None
        and record.ref not in there
        and record.fields["reversed_entry"] == step.ref.key
    ]


class _PeriodAction(FakeAction):
    kind = Kind.ACCOUNTING_PERIOD
    model = PERIOD
    footprint: ClassVar = {PERIOD: FIELDS[PERIOD], PERIOD_JOURNAL: FIELDS[PERIOD_JOURNAL]}
    queries: ClassVar = {PERIOD: (Query(PERIOD_JOURNAL, "period"),)}
    trace = stamps_of([PERIOD, PERIOD_JOURNAL])


class ClosePeriod(_PeriodAction):
    """A period is closed, and its journals with it."""

    name = "accounting_period.close"
    title = N_("Close the period and its journals")
    reopen_action = "accounting_period.reopen"
    ours: ClassVar = {PERIOD: CLOSED, PERIOD_JOURNAL: frozenset({"state"})}

    def problems(self, step: Step, image: Image) -> tuple[Problem, ...]:
        return state_problem(step, image, "open")

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        return root_of(step, after).get("state") == "closed" and not _journals(after, "open")

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        """Reopening a period leaves its journals closed, so those that were open follow as a second call."""
        back = Step(ReopenPeriod.name, step.ref)
        journals = tuple(
            key for key in _journals(before, "open") if key in _journals(after, "closed")
        )
        if not journals:
            return (back,)
        return (back, Step(ReopenJournals.name, step.ref, {"journals": journals}))


class ReopenPeriod(_PeriodAction):
    """A period is opened again; its journals stay as they are."""

    name = "accounting_period.reopen"
    title = N_("Reopen the period")
    ours: ClassVar = {PERIOD: CLOSED}
    # Only closing it anew takes a reopening back, and that has its own hour and name.
    trace: ClassVar = {
        **stamps_of([PERIOD, PERIOD_JOURNAL]),
        PERIOD: STAMPS | {"closed_by", "closed_at"},
    }
    trace_note = N_("who closed the period last, and when")

    def problems(self, step: Step, image: Image) -> tuple[Problem, ...]:
        return state_problem(step, image, "closed")

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        return root_of(step, after).get("state") == "open"

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        return (Step(ClosePeriod.name, step.ref),)


class CloseJournals(_PeriodAction):
    """The open journals of a period are closed."""

    name = "accounting_period.close_journals"
    title = N_("Close the journals of the period")
    ours: ClassVar = {PERIOD_JOURNAL: frozenset({"state"})}

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        return not _journals(after, "open")

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        journals = tuple(
            key for key in _journals(before, "open") if key in _journals(after, "closed")
        )
        return (Step(ReopenJournals.name, step.ref, {"journals": journals}),)


class ReopenJournals(_PeriodAction):
    """The named journals of an open period are opened again."""

    name = "accounting_period.reopen_journals"
    title = N_("Reopen journals of the period")
    ours: ClassVar = {PERIOD_JOURNAL: frozenset({"state"})}

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        wanted = cast("tuple[str, ...]", step.arguments["journals"])
        return set(wanted) <= set(_journals(after, "open"))

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        return (Step(CloseJournals.name, step.ref),)


def _journals(image: Image, state: str) -> list[str]:
    records = image.of_model(PERIOD_JOURNAL)
    return [r.ref.key for r in records if r.fields and r.fields["state"] == state]


class CloseTask(FakeAction):
    """A task of a project is closed."""

    name = "project_task.close"
    writes_back = True
    kind = Kind.PROJECT
    title = N_("Close the task")
    reopen_action = "project_task.reopen"
    model = TASK
    footprint: ClassVar = {TASK: FIELDS[TASK]}
    ours: ClassVar = {TASK: CLOSED}
    trace = stamps_of([TASK])

    def problems(self, step: Step, image: Image) -> tuple[Problem, ...]:
        return state_problem(step, image, "open")

    def precedes(self, step: Step, image: Image) -> tuple[Ref, ...]:
        project = root_of(step, image).get("project")
        return () if project is None else (Ref(PROJECT, str(project)),)

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        return root_of(step, after).get("state") == "closed"

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        return (Step(ReopenTask.name, step.ref, difference(step, self.ours, before, after)),)


class ReopenTask(RestoreAction):
    """A task is opened again; its project must be open by then."""

    name = "project_task.reopen"
    kind = Kind.PROJECT
    title = N_("Reopen the task")
    model = TASK
    default: ClassVar = {"state": "open", **NOT_CLOSED}
    footprint: ClassVar = {TASK: FIELDS[TASK]}
    ours: ClassVar = {TASK: CLOSED}
    trace = stamps_of([TASK])


class _ProjectAction(FakeAction):
    kind = Kind.PROJECT
    model = PROJECT
    footprint: ClassVar = {PROJECT: FIELDS[PROJECT], TASK: FIELDS[TASK]}
    queries: ClassVar = {PROJECT: (Query(TASK, "project"), Query(PROJECT, "parent"))}
    ours: ClassVar = {PROJECT: CLOSED | {"progress"}}
    trace = stamps_of([PROJECT])


class CloseProject(_ProjectAction):
    """A project is closed, after everything below it: tasks that are named are closed first."""

    name = "project.close"
    writes_back = True
    title = N_("Close the project")
    reopen_action = "project.reopen"

    def steps(self, ref: Ref, arguments: Mapping[str, Value]) -> tuple[Step, ...]:
        tasks = cast("tuple[str, ...]", arguments.get("tasks", ()))
        return (*(Step(CloseTask.name, Ref(TASK, task)) for task in tasks), Step(self.name, ref))

    def problems(self, step: Step, image: Image) -> tuple[Problem, ...]:
        found = state_problem(step, image, "open")
        for record in image.records:
            if record.ref != step.ref and record.fields and record.fields["state"] == "open":
                name = {"name": record.fields["name"]}
                found += (Problem("open_child", Text(N_("{name} is still open"), name)),)
        return found

    def precedes(self, step: Step, image: Image) -> tuple[Ref, ...]:
        parent = root_of(step, image).get("parent")
        return () if parent is None else (Ref(PROJECT, str(parent)),)

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        return root_of(step, after).get("state") == "closed"

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        return (Step(ReopenProject.name, step.ref, difference(step, self.ours, before, after)),)


class ReopenProject(_ProjectAction, RestoreAction):
    """A project is opened again; the project above it must be open by then."""

    name = "project.reopen"
    title = N_("Reopen the project")
    default: ClassVar = {"state": "open", **NOT_CLOSED}


class CloseSale(FakeAction):
    """A sales order is closed."""

    name = "sales_order.close"
    writes_back = True
    kind = Kind.SALES_ORDER
    title = N_("Close the sales order")
    reopen_action = "sales_order.restore"
    model = SALE
    footprint: ClassVar = {SALE: FIELDS[SALE]}
    ours: ClassVar = {SALE: CLOSED}
    trace = stamps_of([SALE])

    def problems(self, step: Step, image: Image) -> tuple[Problem, ...]:
        return state_problem(step, image, "quotation", "processing")

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        return root_of(step, after).get("state") == "closed"

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        return (Step(RestoreSale.name, step.ref, difference(step, self.ours, before, after)),)


class RestoreSale(RestoreAction):
    """The header of a sales order gets back the values that it had."""

    name = "sales_order.restore"
    kind = Kind.SALES_ORDER
    title = N_("Put the sales order's header back")
    default: ClassVar = {"state": "processing", **NOT_CLOSED}
    model = SALE
    footprint: ClassVar = {SALE: FIELDS[SALE]}
    ours: ClassVar = {SALE: CLOSED}
    trace = stamps_of([SALE])


OTHER_ACTIONS = (
    UpdateRecord,
    ReverseInvoice,
    ClosePeriod,
    ReopenPeriod,
    CloseJournals,
    ReopenJournals,
    CloseTask,
    ReopenTask,
    CloseProject,
    ReopenProject,
    CloseSale,
    RestoreSale,
)
