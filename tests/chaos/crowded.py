"""A run with real processes: workers on one journal, killed and frozen at random while they carry out what waits."""

from __future__ import annotations

import time
from contextlib import ExitStack
from functools import partial
from random import Random
from threading import Thread
from typing import Final

from connectors.contract import Ref
from connectors.fake.schema import ORDER
from connectors.fake.server import FakeServer
from core.encoding import Value
from recovery.approval import approve
from recovery.model import ChangeSet, Draft, Purpose
from recovery.plan import arrange
from recovery.reversing.preview import preview
from recovery.reversing.selection import Selection
from recovery.rollback import store_rollback
from recovery.states import ChangeSetState, OperationState
from tests.chaos.chance import Tally
from tests.chaos.crew import (
    RUNNABLE,
    Crew,
    CrewTask,
    Nature,
    Takeovers,
    freeze,
    frozen,
    open_fake,
    thaw,
)
from tests.chaos.judge import judge_preview
from tests.chaos.planning import chains_of
from tests.chaos.shelf import Shelf
from tests.chaos.world import CANCEL, CLOSE, ERP, MEI, World, WorldSettings

CHANGE_SETS: Final = 3
MOST_ACCIDENTS: Final = 8


class CrowdedWorld(World):
    """An ERP that is served, and workers in processes of their own. Time is what the wall says."""

    def __init__(self, shelf: Shelf, settings: WorldSettings) -> None:
        super().__init__(shelf, settings)
        # A frozen worker sends what another one has done long ago: the ERP must refuse it, which the ledger tells.
        self.has_zombies = True
        self.witness.under_way = frozenset(OperationState)
        self._server = FakeServer(self.erp)
        thread = Thread(target=self._server.serve, daemon=True)
        thread.start()
        self._opened.callback(thread.join)
        self._opened.callback(self._server.stop)
        opener = partial(open_fake, self._server.url, batch_size=settings.batch_size)
        self.task = CrewTask(shelf.url, opener)
        self.takeovers = Takeovers(self.observer)

    def plan(
        self, action: str, refs: list[Ref], arguments: dict[str, Value] | None = None
    ) -> ChangeSet:
        """Store a plan and approve it."""
        system = self.task.open_system(ERP)
        try:
            chains = chains_of(system, action, refs, arguments or {})
        finally:
            system.close()
        draft = Draft(Purpose.CLOSING, action, MEI)
        planned = self.observer.plan(draft, list(arrange(chains)))
        return approve(self.observer, planned.id, MEI)

    def plan_rollback(self, change_set: ChangeSet) -> None:
        """Store the rollback of a change set and approve it."""
        system = self.task.open_system(ERP)
        try:
            found = preview(self.observer, lambda _: system, Selection(change_set_id=change_set.id))
        finally:
            system.close()
        judge_preview(self.erp, found)
        stored = store_rollback(self.observer, found, actor=MEI, reason="by mistake")
        approve(self.observer, stored.id, MEI)

    def is_done(self) -> bool:
        """Whether nothing waits any more."""
        return not self.change_sets(*RUNNABLE)


def play(shelf: Shelf, seed: int, number: int, *, seconds: float = 0.0) -> Tally:
    """Play run `number` of a seed; with `seconds` the accidents go on for at least so long."""
    chance, tally = Random(f"{seed}/{number}"), Tally(number)
    settings = WorldSettings(
        is_atomic_batch=chance.random() < 0.5,
        has_compare_and_set=True,
        batch_size=chance.randint(1, 3),
    )
    with ExitStack() as stack:
        world = CrowdedWorld(shelf, settings)
        stack.callback(world.close)
        crew = Crew(world.task)
        stack.callback(crew.send_home)
        deadline = time.monotonic() + seconds
        while True:
            _play_once(world, crew, chance, tally)
            if time.monotonic() >= deadline or world.problems():
                break
        tally.problems = world.problems(is_calm=True)
        tally.takeover_seconds = world.takeovers.seconds
        tally.met = world.met
        tally.operation_count = len(world.operations())
        tally.change_set_count = len(world.change_sets())
    return tally


def play_frozen(shelf: Shelf, seed: int, number: int) -> Tally:
    """Play run `number` of a seed: a worker frozen exactly between its look at the fence and what it sends.

    The ERP compares before it sets: whatever the woken worker sends, nothing is done a second time.
    """
    chance, tally = Random(f"{seed}/{number}"), Tally(number)
    settings = WorldSettings(chance.random() < 0.5, has_compare_and_set=True, batch_size=2)
    with ExitStack() as stack:
        world = CrowdedWorld(shelf, settings)
        stack.callback(world.close)
        world.add_documents(quotations=5, orders=0, invoices=0, sales=0)
        world.plan(CANCEL, world.documents(CANCEL))
        crew = Crew(world.task, size=0)
        stack.callback(crew.send_home)
        frozen(crew, world.takeovers, world.is_done, Nature(chance.randint(1, 3)))

        def is_woken() -> bool:
            arrived = [op for line in world.erp.ledger.lines() for op in line.operations]
            return len(arrived) > len(set(arrived))

        if not world.takeovers.wait_until(is_woken):
            world.witness.breaks("the woken worker sent nothing, so nothing was tried")
        tally.problems = world.problems(is_calm=True)
        tally.takeover_seconds = world.takeovers.seconds
        tally.met["frozen_between_fence_and_send"] += 1
        tally.operation_count = len(world.operations())
        tally.change_set_count = 1
    return tally


def _play_once(world: CrowdedWorld, crew: Crew, chance: Random, tally: Tally) -> None:
    """Close some documents and take that back, with accidents all the while."""
    if not world.erp.tables[ORDER]._rows:
        world.add_documents(quotations=8, orders=4, invoices=0, sales=0)
    quotations, orders = world.documents(CANCEL), world.documents(CLOSE)
    made = [
        world.plan(CANCEL, quotations[: len(quotations) // 2]),
        world.plan(CANCEL, quotations[len(quotations) // 2 :]),
        world.plan(CLOSE, orders),
    ]
    _have_accidents(world, crew, chance, tally)
    for change_set in made:
        if world.observer.change_set(change_set.id).state is not ChangeSetState.FAILED:
            world.plan_rollback(change_set)
    _have_accidents(world, crew, chance, tally)


def _have_accidents(world: CrowdedWorld, crew: Crew, chance: Random, tally: Tally) -> None:
    lease = world.task.lease_seconds
    for _ in range(chance.randint(2, MOST_ACCIDENTS)):
        _look_for(world, chance.uniform(0.0, 0.4))
        if world.is_done():
            break
        member = chance.choice(crew.members)
        if chance.random() < 0.7:
            tally.story.append(f"killed {member.name}")
            world.met["worker_killed"] += 1
            crew.kill(member)
            crew.hire()
        else:
            tally.story.append(f"froze {member.name}")
            world.met["worker_frozen"] += 1
            freeze(member)
            _look_for(world, lease * chance.uniform(0.2, 1.8))
            thaw(member)
    if not world.takeovers.wait_until(world.is_done):
        world.witness.breaks("it never comes to an end")


def _look_for(world: CrowdedWorld, seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        world.takeovers.look()
        time.sleep(0.01)
