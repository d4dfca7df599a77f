"""One change set over several systems: one after the other, what depends waits, a system that is down stops itself alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from connectors.contract import System
from connectors.fake.connector import system_in_memory
from connectors.fake.engine import FakeERP
from core.errors import LoginFailed, TransientError, Unreachable
from core.retry import RetryPolicy
from recovery.apply import RunOptions, run
from recovery.approval import approve
from recovery.journal import Journal
from recovery.model import ChangeSet, Operation
from recovery.plan import arrange
from recovery.reversing.preview import Status, preview
from recovery.reversing.selection import Selection
from recovery.rollback import plan_rollback
from recovery.states import ChangeSetState, OperationState
from tests.integration.recovery.scene import CANCEL, MEI, Scene

CONFIRMED, CAPTURED, LOCKED = (
    OperationState.CONFIRMED,
    OperationState.CAPTURED,
    OperationState.LOCKED,
)


@dataclass
class Pair:
    """Two ERPs and one journal."""

    journal: Journal
    one: Scene
    two: Scene

    def systems(self, name: str) -> System:
        """Return a system by its name."""
        return {"one": self.one.system, "two": self.two.system}[name]

    def do(self, *, tied: bool = False) -> tuple[ChangeSet, list[str], list[str]]:
        """Cancel two orders in each, the second system last; tied, its orders wait for those of the first one."""
        here, there = self.one.orders(2), self.two.orders(2)
        chains = [*self.one.chains(CANCEL, here), *self.two.chains(CANCEL, there)]
        if tied:
            chains[2:] = [replace(each, follows=n) for n, each in enumerate(chains[2:])]
        planned = self.journal.plan(self.one.draft(), list(arrange(chains)))
        return self.run(planned), here, there

    def run(self, change_set: ChangeSet) -> ChangeSet:
        """Approve where that was not done, and run."""
        if change_set.state is ChangeSetState.PLANNED:
            approve(self.journal, change_set.id, MEI)
        options = RunOptions(retry=RetryPolicy(deadline_seconds=0))
        return run(self.journal, self.systems, change_set.id, actor=MEI, options=options)

    def back(self, change_set: ChangeSet) -> ChangeSet:
        """Plan the rollback."""
        return plan_rollback(
            self.journal,
            self.systems,
            Selection(change_set_id=change_set.id),
            actor=MEI,
            reason="wrong list",
        )

    def operations(self, change_set: ChangeSet) -> list[Operation]:
        """Return what is in it."""
        return list(self.journal.operations(change_set.id))

    def states(self, change_set: ChangeSet) -> list[tuple[str, OperationState]]:
        """Return where each operation is, with its system."""
        return [(op.system, op.state) for op in self.operations(change_set)]

    def again(self, change_set: ChangeSet) -> ChangeSet:
        """Return it as it is now."""
        return self.journal.change_set(change_set.id)


def scene_of(journal: Journal, name: str) -> Scene:
    """Return one ERP under this name."""
    erp = FakeERP()
    return Scene(journal, erp, system_in_memory(erp, name=name, settles_after=timedelta(0)))


@pytest.fixture
def pair(journal_url: str) -> Iterator[Pair]:
    """Open a journal on each database in turn, with two ERPs."""
    with closing(Journal.open(journal_url)) as journal:
        yield Pair(journal, scene_of(journal, "one"), scene_of(journal, "two"))


def orders(scene: Scene, keys: Sequence[str]) -> set[str]:
    """Return the states of orders."""
    return set(scene.states(keys))


def test_systems_go_back_one_after_the_other(pair: Pair) -> None:
    """The one where something was done last comes first; records of the same key in another system are others."""
    done, here, there = pair.do()
    back = pair.run(pair.back(done))

    assert [("two", CONFIRMED)] * 2 + [("one", CONFIRMED)] * 2 == pair.states(back)
    assert {"quotation"} == orders(pair.one, here) | orders(pair.two, there)
    assert ChangeSetState.ROLLED_BACK is pair.again(done).state
    assert pair.journal.verify().is_intact


def test_a_system_that_is_down_stops_itself_alone(pair: Pair) -> None:
    """The other one goes back; the rollback waits, and goes on when the system is there again."""
    done, here, there = pair.do()
    planned = pair.back(done)
    pair.two.fail("unreachable", times=99)
    with pytest.raises(Unreachable):
        pair.run(planned)
    paused = pair.again(planned)

    assert ChangeSetState.PAUSED is paused.state
    assert "two cannot be reached" in str(paused.note)
    assert [("two", CAPTURED)] * 2 + [("one", CONFIRMED)] * 2 == pair.states(planned)
    assert ({"quotation"}, {"cancelled"}) == (orders(pair.one, here), orders(pair.two, there))
    assert ChangeSetState.APPLIED is pair.again(done).state

    pair.two.erp.faults.clear()
    back = pair.run(paused)

    assert ChangeSetState.APPLIED is back.state
    assert {"quotation"} == orders(pair.two, there)
    assert {1} == set(pair.one.applied().values()) | set(pair.two.applied().values())
    assert ChangeSetState.ROLLED_BACK is pair.again(done).state


def test_what_depends_on_the_system_that_is_down_waits(pair: Pair) -> None:
    """The second system was told after the first one, document by document: backwards it comes first or nothing does."""
    done, here, there = pair.do(tied=True)
    planned = pair.back(done)
    pair.two.fail("unreachable", times=99)
    with pytest.raises(Unreachable):
        pair.run(planned)

    assert [("two", CAPTURED)] * 2 + [("one", LOCKED)] * 2 == pair.states(planned)
    assert {"cancelled"} == orders(pair.one, here) | orders(pair.two, there)

    pair.two.erp.faults.clear()
    pair.run(pair.again(planned))

    assert {"quotation"} == orders(pair.one, here) | orders(pair.two, there)


def test_a_document_that_depends_on_a_refused_one_of_another_system_stays(pair: Pair) -> None:
    """One document of the second system is refused: the one of the first that it rests on is left out, its twin goes."""
    done, here, there = pair.do(tied=True)
    planned = pair.back(done)
    pair.two.fail("bad_document", key=there[0], times=9)
    back = pair.run(planned)

    assert ["cancelled", "quotation"] == pair.one.states(here)
    assert ["cancelled", "quotation"] == pair.two.states(there)
    assert ChangeSetState.PARTLY_APPLIED is back.state
    assert ChangeSetState.PARTLY_ROLLED_BACK is pair.again(done).state


def test_a_lost_answer_in_one_system_lets_the_other_go_on(pair: Pair) -> None:
    """It went down while it worked: what became of that is read when it is back, and nothing is done twice."""
    done, here, there = pair.do()
    planned = pair.back(done)
    pair.two.fail("lost")
    pair.two.fail("unreachable", on="capture", nth=2, times=99)
    with pytest.raises(TransientError):
        pair.run(planned)

    assert {"quotation"} == orders(pair.one, here)
    assert ChangeSetState.PAUSED is pair.again(planned).state

    # Still down: nothing is lost by trying.
    with pytest.raises(TransientError):
        pair.run(pair.again(planned))
    pair.two.erp.faults.clear()
    back = pair.run(pair.again(planned))

    assert ChangeSetState.APPLIED is back.state
    assert {"quotation"} == orders(pair.two, there)
    assert {1} == set(pair.two.applied().values())


def test_a_log_in_that_fails_stops_that_system_alone(pair: Pair) -> None:
    """Every other document there would meet it too; those of the other system do not."""
    done, here, there = pair.do()
    planned = pair.back(done)
    pair.two.fail("refused", code="login_failed", times=99)
    with pytest.raises(LoginFailed):
        pair.run(planned)

    assert ({"quotation"}, {"cancelled"}) == (orders(pair.one, here), orders(pair.two, there))
    assert ChangeSetState.PAUSED is pair.again(planned).state


def test_what_rests_on_it_is_looked_for_in_its_own_system(pair: Pair) -> None:
    """An order of the same key in another ERP is in nobody's way."""
    done, *_ = pair.do()
    given: dict[str, Any] = {"arguments": {"state": "draft"}}
    later = pair.two.store(pair.two.chains("purchase_order.restore", ["1"], **given))
    pair.run(later)
    found = preview(pair.journal, pair.systems, Selection(change_set_id=done.id))

    assert {("two", "1"): Status.BLOCKED} == {
        (item.last.system, item.last.ref.key): item.status
        for item in found.items
        if item.status is not Status.CLEAN
    }


def test_a_system_alone_can_be_taken_back(pair: Pair) -> None:
    """Of the change set, what was done there; the rest stands."""
    done, here, there = pair.do()
    planned = plan_rollback(
        pair.journal,
        pair.systems,
        Selection(change_set_id=done.id, system="one"),
        actor=MEI,
        reason="r",
    )
    pair.run(planned)

    assert ({"quotation"}, {"cancelled"}) == (orders(pair.one, here), orders(pair.two, there))
    assert ChangeSetState.PARTLY_ROLLED_BACK is pair.again(done).state
