"""A worker frozen exactly between its look at the fence and what it sends, for longer than its lease, and woken again.

Where the ERP compares before it sets, its late request is refused. Where it does not, nobody can keep it from being
done twice: that window is told in docs/decisions/0015.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from core.encoding import Value
from recovery.journal import Journal
from recovery.states import ChangeSetState
from tests.chaos.crew import Crew, Nature, frozen
from tests.chaos.crowded import CrowdedWorld
from tests.chaos.shelf import Shelf
from tests.chaos.world import CANCEL, UPDATE, WorldSettings

# The limit only ends a test that hangs, on a machine however busy.
pytestmark = [pytest.mark.chaos, pytest.mark.timeout(300)]

PASSES = (1, 2)
EASY_GOING = WorldSettings(has_compare_and_set=False, batch_size=3)


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    """Where journals lie."""
    template = tmp_path / "template.db"
    Journal.open(f"sqlite:///{template}").close()
    folder = tmp_path / "journal"
    folder.mkdir()
    with closing(Shelf.in_folder(folder, template)) as made:
        yield made


def requests(world: CrowdedWorld, action: str, nature: Nature, *, wakes_in: str) -> list[int]:
    """Let a worker freeze and wake; return how many requests did each operation, in order.

    `wakes_in`: it is waited for until the woken worker has sent something, or has ended its run without.
    """
    world.add_documents(quotations=5, orders=0, invoices=0, sales=0)
    arguments: dict[str, Value] | None = {"note": "year's end"} if action == UPDATE else None
    change_set = world.plan(action, world.documents(action), arguments)
    crew = Crew(world.task, size=0)
    try:
        frozen(crew, world.takeovers, world.is_done, nature)
        if wakes_in == "sending":
            assert world.takeovers.wait_until(
                lambda: len(_arrived(world)) > len(set(_arrived(world)))
            )
        else:
            # It goes on with what waits next: so it is done with what it was frozen in.
            world.plan(UPDATE, world.documents(UPDATE)[:1], {"owner": "mei"})
            crew.kill(crew.members[-1])
            assert world.takeovers.wait_until(world.is_done)
    finally:
        crew.send_home()
    made: dict[str, set[str]] = {op.id: set() for op in world.observer.operations(change_set.id)}
    for line in world.erp.ledger.lines():
        for operation in line.applied:
            made.get(operation, set()).add(line.request_id)
    assert ChangeSetState.APPLIED is world.observer.change_set(change_set.id).state
    return sorted(len(each) for each in made.values())


def _arrived(world: CrowdedWorld) -> list[str]:
    return [operation for line in world.erp.ledger.lines() for operation in line.operations]


@pytest.mark.parametrize("at_pass", PASSES)
def test_woken_worker_is_refused(shelf: Shelf, at_pass: int) -> None:
    """The ERP compares before it sets: what the woken worker sends is refused, and each document is closed once."""
    settings = WorldSettings(has_compare_and_set=True, batch_size=3)
    with closing(CrowdedWorld(shelf, settings)) as world:
        assert [1] * 5 == requests(world, CANCEL, Nature(at_pass), wakes_in="sending")
        assert [] == world.problems(is_calm=True)
        assert world.takeovers.seconds


def test_window_where_nothing_is_compared(shelf: Shelf) -> None:
    """The ERP does whatever it is told: the woken worker's batch, and only that one, is done a second time."""
    with closing(CrowdedWorld(shelf, EASY_GOING)) as world:
        assert [1, 1, 2, 2, 2] == requests(world, UPDATE, Nature(1), wakes_in="sending")
        # It is told for what it is: the chaos runs would find it.
        assert any("was done by 2 requests" in each for each in world.problems())


def test_fence_keeps_who_was_taken_over_from_sending(shelf: Shelf) -> None:
    """Frozen before it looked at its fence, a worker sends nothing when it wakes up, whatever the ERP compares."""
    nature = Nature(1, freezes_at="apply.after_intent")
    with closing(CrowdedWorld(shelf, EASY_GOING)) as world:
        assert [1] * 5 == requests(world, UPDATE, nature, wakes_in="ending")


def test_without_its_fence_it_would_send(shelf: Shelf) -> None:
    """The test above can fail: a worker that does not look at its fence does its batch a second time."""
    nature = Nature(1, freezes_at="apply.after_intent", is_fenceless=True)
    with closing(CrowdedWorld(shelf, EASY_GOING)) as world:
        assert [1, 1, 2, 2, 2] == requests(world, UPDATE, nature, wakes_in="sending")
