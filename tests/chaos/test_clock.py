"""Somebody sets this machine's clock, at the worst moment: nothing is done twice, and nobody waits for a day."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from connectors.fake.faults import Fault, FaultKind
from recovery.journal import Journal
from recovery.states import ChangeSetState
from tests.chaos.death import Death
from tests.chaos.moving_time import MovingTime
from tests.chaos.shelf import Shelf
from tests.chaos.world import CANCEL, SETTLES_AFTER_SECONDS, UPDATE, World, WorldSettings

pytestmark = pytest.mark.chaos

DAY_SECONDS = 86_400.0
EASY_GOING = WorldSettings(has_compare_and_set=False)
"""An ERP that would do everything twice if it were asked twice."""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A world with five quotations."""
    template = tmp_path / "template.db"
    Journal.open(f"sqlite:///{template}").close()
    folder = tmp_path / "journal"
    folder.mkdir()
    with (
        closing(Shelf.in_folder(folder, template)) as shelf,
        closing(World(shelf, EASY_GOING)) as made,
    ):
        made.add_documents(quotations=5, orders=0, invoices=0, sales=0)
        yield made


@pytest.mark.parametrize("nth", [1, 2, 3])
@pytest.mark.parametrize("seconds", [-DAY_SECONDS, -1.0, 1.0, 40.0, DAY_SECONDS])
def test_clock_is_set_while_an_answer_is_lost(world: World, seconds: float, nth: int) -> None:
    """The ERP does it a moment before its time is over; our clock is set at a crash point before that was awaited."""
    late = Fault(FaultKind.LATE, after_seconds=SETTLES_AFTER_SECONDS * 0.9)
    passed: list[str] = []

    def watch(name: str) -> None:
        if world.erp.faults.pending():
            return
        passed.append(name)
        if len(passed) == 1 + nth:  # the first is the call itself
            world.time.jump(seconds)

    world.order(late)
    world.watch = watch
    world.carry_out(UPDATE, world.documents(UPDATE), {"note": "year's end"})

    assert ["apply.after_call", "apply.after_read_back"] == passed[:2]
    world.calm()
    assert [] == world.problems(is_calm=True)
    assert {ChangeSetState.APPLIED} == {each.state for each in world.change_sets()}


def test_clock_set_back_makes_nobody_wait(world: World) -> None:
    """Killed with a batch on its way, and the clock set back by a day: the next process waits as long as ever."""
    world.arm(Death.KILLED, passes=_passes_until(world, "apply.after_call"))
    world.carry_out(CANCEL, world.documents(CANCEL))
    world.time.jump(-DAY_SECONDS)
    world.time.longest_sleep = 0.0
    (change_set,) = world.change_sets()
    world.resume(change_set.id)

    assert world.time.longest_sleep <= SETTLES_AFTER_SECONDS
    assert [] == world.problems(is_calm=True)
    assert ChangeSetState.APPLIED is world.change_sets()[0].state


@pytest.mark.parametrize("seconds", [40.0, DAY_SECONDS])
def test_clock_set_forward_lets_nobody_read_too_early(world: World, seconds: float) -> None:
    """Killed with a batch on its way that the ERP carries out late, and the clock set forward while nobody lives."""
    world.order(Fault(FaultKind.LATE, after_seconds=SETTLES_AFTER_SECONDS * 0.9))
    world.arm(Death.KILLED, passes=_passes_until(world, "apply.after_call"))
    world.carry_out(UPDATE, world.documents(UPDATE), {"note": "year's end"})
    world.time.jump(seconds)
    (change_set,) = world.change_sets()
    world.resume(change_set.id)
    world.calm()

    assert [] == world.problems(is_calm=True)
    assert ChangeSetState.APPLIED is world.change_sets()[0].state


def _passes_until(world: World, wanted: str) -> int:
    """Return how many crash points a process passes until this one, found out in a world of its own kind."""
    passed: list[str] = []
    with closing(World(world.shelf, EASY_GOING)) as other:
        other.add_documents(quotations=5, orders=0, invoices=0, sales=0)
        other.watch = passed.append
        other.carry_out(CANCEL, other.documents(CANCEL))
    world.shelf.begin()
    return passed.index(wanted) + 1


def test_moving_time_is_what_the_product_sees() -> None:
    """Inside, waiting costs nothing and a jump is seen by the clock, not by who measures durations."""
    from core import clock

    time = MovingTime()
    with time.in_force():
        began, measured = clock.now(), clock.monotonic()
        clock.sleep(60.0)
        time.jump(-3600.0)
        shown, passed = clock.now() - began, clock.monotonic() - measured

    assert -3541 < shown.total_seconds() < -3539
    assert 60 <= passed < 61
