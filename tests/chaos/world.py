"""A journal, an ERP with a witness, a clock that jumps, and processes that die wherever they are told to.

Everything happens in this process, so that thousands of accidents cost seconds: a process of Storno's is a journal and
a system opened anew, and its death is an error that nothing catches.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, TypeVar

from sqlalchemy.exc import OperationalError

from connectors.contract import Executor, Ref, System
from connectors.fake.connector import FakeSystem
from connectors.fake.faults import Fault
from connectors.fake.request import ERPSettings
from connectors.fake.sample import add_invoice, add_period, add_purchase_order, add_sales_order
from connectors.fake.schema import INVOICE, ORDER, SALE
from connectors.fake.transport import MemoryTransport, Transport
from core import crashpoint
from core.encoding import Value
from core.errors import Bug, StornoError
from core.retry import RetryPolicy
from recovery import doubt
from recovery.apply import RunOptions, run, stop
from recovery.approval import approve
from recovery.journal import Journal
from recovery.model import Actor, ChangeSet, Draft, Operation, Purpose
from recovery.plan import arrange
from recovery.reversing.asked import FINISHED
from recovery.reversing.preview import preview
from recovery.reversing.selection import Selection
from recovery.rollback import store_rollback
from recovery.states import ChangeSetState, OperationState
from tests.chaos.death import Armed, Death, KilledError
from tests.chaos.judge import judge_preview, problems_of
from tests.chaos.moving_time import MovingTime
from tests.chaos.planning import chains_of
from tests.chaos.shelf import Shelf
from tests.chaos.witness import WatchedERP

T = TypeVar("T")

ERP: Final = "erp"
MEI: Final = Actor("mei")
SETTLES_AFTER_SECONDS: Final = 30.0
OPEN_LINES: Final = (("12.000", "5.000", "19.50"), ("3.500", "0.000", "8.0000"))
MOST_ROUNDS: Final = 12
PATIENT_ROUNDS: Final = 5

CANCEL: Final = "purchase_order.cancel"
CLOSE: Final = "purchase_order.close"
UPDATE: Final = "record.update"
APPROVE: Final = "purchase_order.approve_by_hand"
REMIND: Final = "purchase_order.send_reminder"
REVERSE: Final = "supplier_invoice.reverse"
CLOSE_SALE: Final = "sales_order.close"

_WAITING: Final = (ChangeSetState.PLANNED, ChangeSetState.AWAITING_APPROVAL)
_RUNNABLE: Final = (ChangeSetState.APPROVED, ChangeSetState.RUNNING, ChangeSetState.PAUSED)


@dataclass(frozen=True, slots=True)
class WorldSettings:
    """What differs between worlds."""

    is_atomic_batch: bool = True
    has_compare_and_set: bool = True
    batch_size: int = 3
    parallel_calls: int = 1


class World:
    """One journal, one ERP, and all that may happen to them."""

    def __init__(self, shelf: Shelf, settings: WorldSettings | None = None) -> None:
        self.settings = settings or WorldSettings()
        shelf.begin()
        self.shelf = shelf
        self.time = MovingTime()
        self.observer = shelf.observer()
        self.erp = WatchedERP(
            ERPSettings(
                is_atomic_batch=self.settings.is_atomic_batch,
                has_compare_and_set=self.settings.has_compare_and_set,
            ),
            self.time,
            self.observer,
        )
        self.witness = self.erp.witness
        self.excused: set[str] = set()  # operations that a person decided about
        self.armed: list[Armed] = []
        self.met: Counter[str] = Counter()  # accidents that happened
        self.has_zombies = False  # frozen workers wake up and send what others have done
        self.watch: Callable[[str], None] = self._pass  # is told of every crash point
        self._opened = ExitStack()

    def close(self) -> None:
        """Free everything."""
        self._opened.close()

    # --- documents ------------------------------------------------------------------------------

    def add_documents(self, *, quotations: int, orders: int, invoices: int, sales: int) -> None:
        """Fill the ERP; what it holds then is what the way back leads to."""
        for n in range(quotations):
            add_purchase_order(self.erp, f"Q{n}", lines=(("2.000", "0.000", "19.50"),))
        for n in range(orders):
            add_purchase_order(self.erp, f"P{n}", state="processing", lines=OPEN_LINES)
        period = add_period(self.erp, "2026-03")
        for n in range(invoices):
            add_invoice(self.erp, f"I{n}", period=period)
        for n in range(sales):
            add_sales_order(self.erp, f"S{n}")
        self.erp.begin()

    def documents(self, action: str) -> list[Ref]:
        """Return the documents that an action is for, by what the ERP shows now."""
        model, states = {
            CANCEL: (ORDER, {"quotation", "draft"}),
            APPROVE: (ORDER, {"quotation"}),
            REMIND: (ORDER, {"quotation", "processing"}),
            CLOSE: (ORDER, {"processing"}),
            UPDATE: (ORDER, {"quotation", "processing", "cancelled", "closed"}),
            REVERSE: (INVOICE, {"posted"}),
            CLOSE_SALE: (SALE, {"quotation", "processing"}),
        }[action]
        rows = self.erp.tables[model]._rows
        return [Ref(model, key) for key, row in rows.items() if row["state"] in states]

    # --- processes ------------------------------------------------------------------------------

    def open_journal(self) -> Journal:
        """Open the journal as a process does."""
        return self.shelf.process()

    def open_transport(self) -> Transport:
        """Return a way to the ERP."""
        return MemoryTransport(
            self.erp,
            system=ERP,
            user="storno",
            password="storno",
            read_timeout_seconds=10.0,
            write_timeout_seconds=10.0,
        )

    def open_system(self) -> FakeSystem:
        """Open the ERP as a process does."""
        return FakeSystem(
            ERP,
            self.open_transport(),
            batch_size=self.settings.batch_size,
            parallel_calls=self.settings.parallel_calls,
            settles_after=timedelta(seconds=SETTLES_AFTER_SECONDS),
        )

    def attempt(self, do: Callable[[Journal, FakeSystem], T]) -> T | None:
        """Let one process do it; None when it died or ended with an error that Storno tells."""
        try:
            with (
                self.time.in_force(),
                crashpoint.watched(self.watch),
                closing(self.open_system()) as system,
            ):
                return do(self.open_journal(), system)
        except KilledError:
            self.met["killed"] += 1
        except KeyboardInterrupt:
            self.met["keyboard"] += 1
        except Bug as error:
            self.witness.breaks(f"a promise of Storno's own is broken: {error}")
        except StornoError as error:
            self.met[error.code] += 1
        return None

    def _pass(self, name: str) -> None:
        for armed in list(self.armed):
            if not armed.meet(name):
                continue
            self.armed.remove(armed)
            if armed.jump_seconds:
                self.met["clock_jump"] += 1
                self.time.jump(armed.jump_seconds)
                continue
            self.met[str(armed.death)] += 1
            match armed.death:
                case Death.KILLED:
                    raise KilledError(name)
                case Death.KEYBOARD:
                    raise KeyboardInterrupt
                case Death.DISK_FULL | Death.COMMIT_LOST:
                    full = sqlite3.OperationalError("database or disk is full")
                    raise OperationalError("COMMIT", {}, full)

    @property
    def options(self) -> RunOptions:
        """How patient a run is."""
        return RunOptions(
            retry=RetryPolicy(20.0, first_wait_seconds=0.2),
            stop_after_equal_refusals=4,
        )

    # --- what Storno is asked for ---------------------------------------------------------------

    def carry_out(
        self,
        action: str,
        refs: Sequence[Ref],
        arguments: dict[str, Value] | None = None,
        *,
        executor: Executor = Executor.INTERFACE,
    ) -> None:
        """Plan an action on documents, approve it and run it, as far as nothing comes between."""

        def do(journal: Journal, system: FakeSystem) -> None:
            chains = chains_of(system, action, refs, arguments or {}, executor)
            draft = Draft(Purpose.CLOSING, action, MEI)
            self._go_on(journal, system, journal.plan(draft, list(arrange(chains))))

        self.attempt(do)

    def roll_back(self, change_set_id: str, only: tuple[str, ...] = ()) -> None:
        """Look what taking it back would meet, plan that, approve it and run it."""

        def do(journal: Journal, system: FakeSystem) -> None:
            selection = Selection(change_set_id=change_set_id, only=only)
            moment = self.witness.moment
            found = preview(journal, lambda _: system, selection, policy=self.options.retry)
            if moment == self.witness.moment:  # nobody changed anything while it was being read
                judge_preview(self.erp, found)
            stored = store_rollback(journal, found, actor=MEI, reason="by mistake")
            self._go_on(journal, system, stored)

        self.attempt(do)

    def resume(self, change_set_id: str) -> None:
        """Go on with a change set."""
        self.attempt(
            lambda journal, system: self._go_on(journal, system, journal.change_set(change_set_id))
        )

    def stop(self, change_set_id: str) -> None:
        """End a change set that waits."""
        self.attempt(
            lambda journal, system: stop(
                journal,
                lambda _: system,
                change_set_id,
                actor=MEI,
                reason="enough",
                options=self.options,
            )
        )

    def _go_on(self, journal: Journal, system: System, found: ChangeSet) -> None:
        if found.state in _WAITING:
            found = approve(journal, found.id, MEI)
        if found.state in _RUNNABLE:
            run(journal, lambda _: system, found.id, actor=MEI, options=self.options)

    # --- what people do -------------------------------------------------------------------------

    def work_the_list(self) -> None:
        """A person carries out in the ERP what was handed out."""
        for operation in self.operations(OperationState.SENT):
            if operation.executor is not Executor.BY_PERSON:
                continue
            self.excused.add(operation.id)
            row = self.erp.tables[ORDER].get(operation.ref.key)
            wanted = "quotation" if operation.step.action == APPROVE else "approved"
            if row is not None and row["state"] == wanted:
                self.erp.do_by_hand(operation.step.action, operation.ref.key)

    def settle_people(self, *, send_again: bool) -> None:
        """A person looks at what reading could not settle, and says what really happened."""
        for operation in self.operations(OperationState.NEEDS_PERSON):
            self.excused.add(operation.id)
            if operation.id in self.witness.deeds:
                self._decide(operation, OperationState.CONFIRMED)
                if self.again(operation).state is OperationState.NEEDS_PERSON:
                    # Somebody else undid it since: it cannot be confirmed, and it is not to be sent.
                    self._decide(operation, OperationState.REFUSED)
            else:
                self._decide(
                    operation, OperationState.CAPTURED if send_again else OperationState.REFUSED
                )

    def _decide(self, operation: Operation, to: OperationState) -> None:
        self.attempt(
            lambda journal, system: doubt.decide(
                journal,
                lambda _: system,
                operation.change_set_id,
                operation.position,
                to=to,
                actor=MEI,
                reason="seen",
            )
        )

    # --- what is known --------------------------------------------------------------------------

    def change_sets(self, *states: ChangeSetState) -> list[ChangeSet]:
        """Return the change sets in these states (none: all), newest first."""
        return self.observer.change_sets(states=set(states) or None, limit=1000)

    def finished(self) -> list[ChangeSet]:
        """Return the change sets of which something may be taken back."""
        return self.change_sets(*FINISHED)

    def operations(self, *states: OperationState) -> list[Operation]:
        """Return every operation in these states (none: all)."""
        return [
            operation
            for change_set in self.change_sets()
            for operation in self.observer.operations(change_set.id, states=set(states) or None)
        ]

    def again(self, operation: Operation) -> Operation:
        """Return an operation as the journal has it now."""
        return self.observer.operations_by_id([operation.id])[operation.id]

    # --- the end --------------------------------------------------------------------------------

    def calm(self) -> None:
        """No more accidents; whatever waits comes to its end."""
        self.met.update(f"erp_{fault.kind}" for fault, count in self.erp.faults.fired() if count)
        self.erp.faults.clear()
        self.armed.clear()
        for round_number in range(MOST_ROUNDS):
            self.time.sleep(SETTLES_AFTER_SECONDS)
            self.erp.settle_late()
            waiting = self.change_sets(
                ChangeSetState.APPROVED, ChangeSetState.RUNNING, ChangeSetState.PAUSED
            )
            if not waiting:
                return
            for change_set in waiting:
                self.resume(change_set.id)
            self.work_the_list()
            self.settle_people(send_again=True)
            if round_number > PATIENT_ROUNDS:
                # What somebody made impossible is given up, as `changes stop` does.
                for change_set in self.change_sets(ChangeSetState.PAUSED):
                    self.stop(change_set.id)
                for operation in self.operations(OperationState.SENT):
                    if operation.executor is Executor.BY_PERSON:
                        self._decide(operation, OperationState.REFUSED)
        self.witness.breaks("it never comes to an end")

    def problems(self, *, is_calm: bool = False) -> list[str]:
        """Return every broken promise so far."""
        return problems_of(self, is_calm=is_calm)

    def order(self, *faults: Fault) -> None:
        """Order failures of the ERP."""
        self.erp.faults.add(*faults)

    def arm(self, death: Death, passes: int, *, jump_seconds: float = 0.0) -> None:
        """Let a process die at the so manieth crash point from now, or the clock jump there."""
        self.armed.append(Armed(death, passes, jump_seconds))
