"""A journal and a fake ERP, with the few moves that every test of recovery makes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import text

from connectors.contract import Executor, Ref
from connectors.fake.connector import FakeSystem, system_in_memory
from connectors.fake.engine import FakeERP
from connectors.fake.faults import Fault, FaultKind, On
from connectors.fake.ledger import applied_counts
from connectors.fake.request import ERPSettings
from connectors.fake.sample import add_purchase_order
from connectors.fake.schema import ORDER
from core import retry
from core.encoding import Value
from recovery.apply import RunOptions, run
from recovery.approval import approve, reject
from recovery.journal import Journal
from recovery.model import (
    Actor,
    ChangeSet,
    Draft,
    Operation,
    PlanException,
    PlannedOperation,
    Purpose,
)
from recovery.plan import Chain, arrange
from recovery.reversing.preview import OnConflict, RollbackPreview, preview
from recovery.reversing.selection import Selection
from recovery.rollback import plan_rollback
from recovery.running.judgement import Systems
from recovery.states import OperationState

MEI: Final = Actor("mei")
CANCEL: Final = "purchase_order.cancel"
CLOSE: Final = "purchase_order.close"
UPDATE: Final = "record.update"
OPEN_LINES: Final = (("12.000", "5.000", "19.50"), ("3.500", "0.000", "8.00"))


@dataclass
class Time:
    """A clock that moves only when somebody sleeps."""

    seconds: float = 0.0
    sleeps: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        """Let that much time pass at once."""
        self.sleeps.append(seconds)
        self.seconds += max(seconds, 0.0)


@dataclass
class Scene:
    """One journal, one ERP."""

    journal: Journal
    erp: FakeERP
    system: FakeSystem

    # --- documents ------------------------------------------------------------------------------

    def orders(self, count: int = 1, *, state: str = "quotation", **given: Any) -> list[str]:
        """Make purchase orders and return their keys; those in processing expect goods."""
        lines = OPEN_LINES if state == "processing" else (("2.000", "0.000", "19.50"),)
        made = len(self.erp.tables[ORDER]._rows)
        return [
            add_purchase_order(
                self.erp, f"PO{made + n:04}", state=state, **{"lines": lines, **given}
            )
            for n in range(1, count + 1)
        ]

    def order(self, key: str) -> dict[str, Any]:
        """Return the fields of an order as they are now."""
        row = self.erp.tables[ORDER].get(key)
        assert row is not None
        return row

    def states(self, keys: Sequence[str]) -> list[str]:
        """Return the states of orders as they are now."""
        return [self.order(key)["state"] for key in keys]

    # --- change sets ----------------------------------------------------------------------------

    @property
    def systems(self) -> Systems:
        """Return what finds a system by its name."""
        return lambda _: self.system

    def draft(self, **given: Any) -> Draft:
        """Return the draft of a closing."""
        return replace(Draft(Purpose.CLOSING, "Old quotations", MEI), **given)

    def chains(
        self,
        action_name: str,
        keys: Sequence[str],
        *,
        arguments: Mapping[str, Value] | None = None,
        executor: Executor = Executor.INTERFACE,
        model: str | None = None,
    ) -> list[Chain]:
        """Return what the action would do to each document, on the evidence of now."""
        action = self.system.actions()[action_name]
        refs = [Ref(model or action.model, key) for key in keys]
        steps = [action.steps(ref, arguments or {}) for ref in refs]
        firsts = retry.transient(
            lambda: self.system.capture([each[0] for each in steps], [None] * len(steps))
        )
        found = []
        for ref, links, image in zip(refs, steps, firsts, strict=True):
            row = self.erp.tables[ref.model].get(ref.key) or {}
            number = row.get("number")
            found.append(
                Chain(
                    tuple(
                        PlannedOperation(
                            system=self.system.name,
                            kind=action.kind,
                            number=number,
                            step=step,
                            executor=executor,
                            reversibility=action.reversibility,
                            approved=image if place == 0 else None,
                        )
                        for place, step in enumerate(links)
                    )
                )
            )
        return found

    def store(
        self,
        chains: Sequence[Chain],
        *,
        exceptions: Sequence[PlanException] = (),
        **draft: Any,
    ) -> ChangeSet:
        """Store chains as a plan."""
        return self.journal.plan(self.draft(**draft), list(arrange(chains)), exceptions)

    def plan(self, action_name: str, keys: Sequence[str], **given: Any) -> ChangeSet:
        """Plan one action on documents."""
        drafted = {
            name: given.pop(name) for name in ("expires_at", "actor", "closing") if name in given
        }
        return self.store(self.chains(action_name, keys, **given), **drafted)

    def approve(self, change_set: ChangeSet) -> ChangeSet:
        """Let it run."""
        return approve(self.journal, change_set.id, Actor("anna"))

    def run(self, change_set: ChangeSet, **options: Any) -> ChangeSet:
        """Run or go on."""
        return run(
            self.journal,
            self.systems,
            change_set.id,
            actor=MEI,
            options=RunOptions(**options),
        )

    def do(self, action_name: str, keys: Sequence[str], **given: Any) -> ChangeSet:
        """Plan, approve and run."""
        return self.run(self.approve(self.plan(action_name, keys, **given)))

    def update(self, key: str, **fields: Value) -> ChangeSet:
        """Change fields of one order through a change set."""
        return self.do(UPDATE, [key], arguments=fields)

    def selection(self, change_set: ChangeSet, *only: str) -> Selection:
        """Select a change set, or some of its documents."""
        return Selection(change_set_id=change_set.id, only=only)

    def preview(self, change_set: ChangeSet, *only: str, **given: Any) -> RollbackPreview:
        """Look what rolling back would meet."""
        return preview(self.journal, self.systems, self.selection(change_set, *only), **given)

    def plan_rollback(
        self, selection: Selection, on_conflict: OnConflict = OnConflict.STOP
    ) -> ChangeSet:
        """Plan a rollback."""
        return plan_rollback(
            self.journal,
            self.systems,
            selection,
            actor=MEI,
            reason="wrong list",
            on_conflict=on_conflict,
        )

    def roll_back(self, change_set: ChangeSet, *only: str) -> ChangeSet:
        """Plan, approve and run the rollback of a change set."""
        return self.run(self.approve(self.plan_rollback(self.selection(change_set, *only))))

    def operations(self, change_set: ChangeSet) -> list[Operation]:
        """Return its operations."""
        return list(self.journal.operations(change_set.id))

    def moved(self, change_set: ChangeSet) -> list[OperationState]:
        """Return the states of its operations, in order."""
        return [operation.state for operation in self.operations(change_set)]

    def again(self, change_set: ChangeSet) -> ChangeSet:
        """Return it as the journal has it now."""
        return self.journal.change_set(change_set.id)

    # --- what the ERP received --------------------------------------------------------------------

    def fail(self, kind: FaultKind | str, **given: Any) -> None:
        """Order a failure."""
        self.erp.faults.add(Fault(kind, **given))

    def sizes(self) -> list[int]:
        """Return how many operations each write request held, in order."""
        return [len(line.operations) for line in self.erp.ledger.lines() if line.do == On.APPLY]

    def sent(self) -> Counter[str]:
        """Return how often each operation was sent."""
        return Counter(
            operation
            for line in self.erp.ledger.lines()
            if line.do == On.APPLY
            for operation in line.operations
        )

    def applied(self) -> dict[str, int]:
        """Return how often each operation took effect."""
        return applied_counts(self.erp.ledger.lines())

    # --- the journal's database, past the journal -------------------------------------------------

    def sql(self, statement: str, **values: Any) -> list[Any]:
        """Run one statement in the journal's database and return its rows, if any."""
        with self.journal._database.writing() as connection:
            result = (
                connection.execute(text(statement), values)
                if values
                else connection.exec_driver_sql(statement)
            )
            return list(result) if result.returns_rows else []


def make_scene(
    journal: Journal,
    *,
    is_atomic_batch: bool = True,
    has_compare_and_set: bool = True,
    batch_size: int = 100,
    parallel_calls: int = 1,
    settles_after: timedelta = timedelta(0),
) -> Scene:
    """Return a scene with an empty ERP."""
    erp = FakeERP(
        ERPSettings(is_atomic_batch=is_atomic_batch, has_compare_and_set=has_compare_and_set)
    )
    system = system_in_memory(
        erp, batch_size=batch_size, parallel_calls=parallel_calls, settles_after=settles_after
    )
    return Scene(journal, erp, system)


def tell(scene: Scene) -> None:
    """Tell a story with everything in it: a refusal, a chain, two rollbacks, a rejected plan, a pause."""
    keys, processing = scene.orders(4), scene.orders(2, state="processing")
    scene.fail(FaultKind.BAD_DOCUMENT, key=keys[1], times=5)
    first = scene.do(CANCEL, keys)
    second = scene.do(CLOSE, processing)
    scene.roll_back(second)
    scene.roll_back(first, scene.order(keys[0])["number"])
    reject(scene.journal, scene.plan(CANCEL, scene.orders()).id, MEI, "no")
    by_hand = scene.orders()
    scene.do("purchase_order.approve_by_hand", by_hand, executor=Executor.BY_PERSON)
