"""One change set over an ERP with an interface and a legacy database over ODBC: taken back in one rollback."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from connectors.contract import System
from connectors.fake.connector import system_in_memory
from connectors.fake.engine import FakeERP
from core.errors import Unreachable
from core.retry import RetryPolicy
from recovery.apply import RunOptions, run
from recovery.approval import approve
from recovery.model import ChangeSet, Operation, PlannedOperation
from recovery.plan import Chain, arrange
from recovery.reversing.selection import Selection
from recovery.rollback import plan_rollback
from recovery.states import ChangeSetState, OperationState
from tests.integration.odbc.ground import MEI, Ground, without_flag
from tests.integration.recovery.scene import CANCEL, Scene

COUNT = 3


class Both:
    """A legacy database and an ERP beside it, with one journal."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        erp = FakeERP()
        system = system_in_memory(erp, name="new", settles_after=timedelta(0))
        self.new = Scene(ground.journal, erp, system)
        self.is_down: set[str] = set()

    def systems(self, name: str) -> System:
        """Return a system by its name, unless it is down."""
        if name in self.is_down:
            raise Unreachable(system=name, problem="connection refused")
        return self.new.system if name == "new" else self.ground.system

    def do(self) -> tuple[ChangeSet, list[str], list[str]]:
        """Close orders of the legacy database and, each after its twin, cancel orders of the new ERP."""
        numbers, keys = self.ground.numbers(COUNT), self.new.orders(COUNT)
        planned = self.ground.plan(numbers)
        old = [Chain((self._again(op),)) for op in self.ground.journal.operations(planned.id)]
        twins = [replace(chain, follows=n) for n, chain in enumerate(self.new.chains(CANCEL, keys))]
        change_set = self.ground.journal.plan(self.new.draft(), list(arrange([*old, *twins])))
        return self.run(change_set), numbers, keys

    def _again(self, operation: Operation) -> PlannedOperation:
        (image,) = self.ground.journal.images([operation.approved_hash]).values()
        return PlannedOperation(
            system=operation.system,
            kind=operation.kind,
            number=operation.number,
            step=operation.step,
            executor=operation.executor,
            reversibility=operation.reversibility,
            approved=image,
        )

    def run(self, change_set: ChangeSet) -> ChangeSet:
        """Approve where that was not done, and run."""
        journal = self.ground.journal
        if change_set.state is ChangeSetState.PLANNED:
            approve(journal, change_set.id, MEI)
        options = RunOptions(retry=RetryPolicy(deadline_seconds=0))
        return run(journal, self.systems, change_set.id, actor=MEI, options=options)

    def back(self, change_set: ChangeSet) -> ChangeSet:
        """Plan its rollback."""
        return plan_rollback(
            self.ground.journal,
            self.systems,
            Selection(change_set_id=change_set.id),
            actor=MEI,
            reason="wrong list",
        )

    def states(self, change_set: ChangeSet) -> list[tuple[str, OperationState]]:
        """Return where each operation is, with its system."""
        found = self.ground.journal.operations(change_set.id)
        return [(op.system, op.state) for op in found]


@pytest.fixture
def both(ground: Ground) -> Both:
    """A legacy database in a file of SQLite, and an ERP."""
    return Both(ground)


on_sqlite = pytest.mark.parametrize("ground", ["sqlite"], indirect=True)


@on_sqlite
def test_there_and_back(both: Both) -> None:
    """What was done last goes back first, system by system; both are as they were."""
    before = both.ground.dump()
    done, numbers, keys = both.do()

    assert done.state is ChangeSetState.APPLIED
    assert set(both.ground.writes(before)) == set(numbers)
    assert ["cancelled"] * COUNT == both.new.states(keys)

    back = both.run(both.back(done))

    assert [("new", OperationState.CONFIRMED)] * COUNT + [
        ("erp", OperationState.CONFIRMED)
    ] * COUNT == both.states(back)
    assert without_flag(before) == without_flag(both.ground.dump())
    assert ["quotation"] * COUNT == both.new.states(keys)
    assert both.ground.again(done).state is ChangeSetState.ROLLED_BACK
    assert both.ground.journal.verify().is_intact


@on_sqlite
def test_the_database_goes_down_in_the_middle(both: Both) -> None:
    """The ERP is back, the database is not: the rollback waits and says so, and goes on when it is there."""
    before = both.ground.dump()
    done, numbers, keys = both.do()
    planned = both.back(done)
    both.is_down.add("erp")
    with pytest.raises(Unreachable):
        both.run(planned)

    assert both.ground.again(planned).state is ChangeSetState.PAUSED
    assert ["quotation"] * COUNT == both.new.states(keys)
    assert set(both.ground.writes(before)) == set(numbers)

    both.is_down.clear()
    both.run(both.ground.again(planned))

    assert without_flag(before) == without_flag(both.ground.dump())
    assert both.ground.again(done).state is ChangeSetState.ROLLED_BACK


@on_sqlite
def test_nothing_is_begun_below_what_is_down(both: Both) -> None:
    """The ERP was told after the database: while it cannot be reached, nothing of the database is taken back."""
    done, *_ = both.do()
    between = both.ground.dump()
    planned = both.back(done)
    both.is_down.add("new")
    with pytest.raises(Unreachable):
        both.run(planned)

    assert between == both.ground.dump()
    assert {OperationState.LOCKED} == {state for _, state in both.states(planned)}
