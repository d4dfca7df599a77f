"""Rollbacks through a journal on a real Tryton: to any depth, across systems, and what a preview asks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.contract import Executor, Ref, Step, System
from connectors.fake.connector import system_in_memory
from connectors.fake.engine import FakeERP
from connectors.tryton.transport import Session
from core.errors import Unreachable
from core.retry import RetryPolicy
from recovery.apply import RunOptions, run
from recovery.approval import approve
from recovery.journal import Journal
from recovery.model import Actor, ChangeSet, Draft, PlannedOperation, Purpose
from recovery.plan import Chain, arrange
from recovery.reversing.preview import Status, preview
from recovery.reversing.selection import Selection
from recovery.rollback import plan_rollback
from recovery.running.side_by_side import capture
from recovery.states import ChangeSetState
from tests.integration.recovery.scene import CANCEL, Scene
from tests.integration.tryton.company import Company

pytestmark = [pytest.mark.tryton, pytest.mark.timeout(300)]

MEI = Actor("mei")


class Desk:
    """A journal, the practice company, and a small ERP beside it."""

    def __init__(self, journal: Journal, company: Company) -> None:
        self.journal = journal
        self.company = company
        erp = FakeERP()
        self.beside = Scene(
            journal, erp, system_in_memory(erp, name="beside", settles_after=timedelta(0))
        )
        self.is_down: set[str] = set()

    def systems(self, name: str) -> System:
        """Return a system by its name, unless it is down."""
        if name in self.is_down:
            raise Unreachable(system=name, problem="connection refused")
        return self.beside.system if name == "beside" else self.company.system

    def chains(self, action_name: str, refs: Sequence[Ref]) -> list[Chain]:
        """Return what the action would do to each document, on the evidence of now."""
        system = self.company.system
        action = system.actions()[action_name]
        links = [action.steps(ref, {}) for ref in refs]
        images = capture(system, [each[0] for each in links], [None] * len(links))
        return [
            Chain(
                tuple(
                    PlannedOperation(
                        system=system.name,
                        kind=action.kind,
                        number=None,
                        step=step,
                        executor=Executor.INTERFACE,
                        reversibility=action.reversibility,
                        approved=image if place == 0 else None,
                    )
                    for place, step in enumerate(steps)
                )
            )
            for steps, image in zip(links, images, strict=True)
        ]

    def do(self, chains: Sequence[Chain]) -> ChangeSet:
        """Plan, approve and run."""
        draft = Draft(Purpose.CLOSING, "Old orders", MEI)
        return self.run(self.journal.plan(draft, list(arrange(chains))))

    def run(self, change_set: ChangeSet) -> ChangeSet:
        """Approve where that was not done, and run."""
        if change_set.state is ChangeSetState.PLANNED:
            approve(self.journal, change_set.id, MEI)
        options = RunOptions(retry=RetryPolicy(deadline_seconds=0))
        return run(self.journal, self.systems, change_set.id, actor=MEI, options=options)

    def plan_back(self, change_set: ChangeSet, **given: Any) -> ChangeSet:
        """Plan its rollback."""
        selection = Selection(change_set_id=change_set.id, **given)
        return plan_rollback(self.journal, self.systems, selection, actor=MEI, reason="r")

    def back(self, change_set: ChangeSet) -> ChangeSet:
        """Take it back."""
        return self.run(self.plan_back(change_set))

    def states(self, refs: Sequence[Ref]) -> list[Any]:
        """Return the states of documents."""
        return [(r.fields or {})["state"] for r in self.company.system.read(refs, ["state"])]


@pytest.fixture
def desk(company: Company, tmp_path: Path) -> Iterator[Desk]:
    """A desk with an empty journal on a file."""
    with closing(Journal.open(f"sqlite:///{tmp_path / 'journal.db'}")) as journal:
        yield Desk(journal, company)


def test_to_any_depth_where_new_records_take_the_place_of_old_ones(desk: Desk) -> None:
    """A close cancels moves and its rollback makes new ones: every further step works on those that are there."""
    refs = desk.company.refs("purchase.purchase", role="remainder_old_nothing_received")[:2]
    before = desk.states(refs)
    first = desk.do(desk.chains("purchase_order.close", refs))
    closed = desk.states(refs)
    second = desk.back(first)
    third = desk.back(second)

    assert [ChangeSetState.APPLIED] * 3 == [each.state for each in (first, second, third)]
    assert (before, closed) != (closed, before)
    assert closed == desk.states(refs)

    fourth = desk.back(first)

    assert ChangeSetState.APPLIED is fourth.state
    assert before == desk.states(refs)
    assert [ChangeSetState.ROLLED_BACK, ChangeSetState.APPLIED] * 2 == [
        desk.journal.change_set(each.id).state for each in (first, second, third, fourth)
    ]
    assert desk.journal.verify().is_intact


def test_a_preview_asks_no_more_than_one_reading(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many requests as reading the footprints once takes."""
    refs = desk.company.refs("purchase.purchase", role="stale_quotation")
    done = desk.do(desk.chains("purchase_order.cancel", refs))
    asked = list[str]()
    call = Session.call

    def counting(self: Session, *given: Any, **named: Any) -> Any:
        asked.append(str(given[:1]))
        return call(self, *given, **named)

    monkeypatch.setattr(Session, "call", counting)
    operations = list(desk.journal.operations(done.id))
    after = desk.journal.images({op.after_hash for op in operations})
    steps: list[Step] = [op.step for op in operations]
    capture(desk.company.system, steps, [after[str(op.after_hash)] for op in operations])
    one_reading = len(asked)
    asked.clear()
    found = preview(desk.journal, desk.systems, Selection(change_set_id=done.id))

    assert {Status.CLEAN} == {item.status for item in found.items}
    assert one_reading >= len(asked) > 0
    desk.back(done)


def test_across_systems(desk: Desk) -> None:
    """Tryton goes down in the middle: what is beside it is back, Tryton's part waits and goes on."""
    refs = desk.company.refs("purchase.purchase", role="stale_quotation")[:2]
    keys = desk.beside.orders(2)
    before = desk.states(refs)
    done = desk.do([*desk.chains("purchase_order.cancel", refs), *desk.beside.chains(CANCEL, keys)])
    planned = desk.plan_back(done)
    desk.is_down.add(desk.company.system.name)
    with pytest.raises(Unreachable):
        desk.run(planned)

    assert ["quotation"] * 2 == desk.beside.states(keys)
    assert ["cancelled"] * 2 == desk.states(refs)
    assert ChangeSetState.PAUSED is desk.journal.change_set(planned.id).state

    desk.is_down.clear()
    desk.run(desk.journal.change_set(planned.id))

    assert before == desk.states(refs)
    assert ChangeSetState.ROLLED_BACK is desk.journal.change_set(done.id).state
