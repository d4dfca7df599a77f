"""A run tells how far it is, can be interrupted, and ends."""

from __future__ import annotations

import pytest

from recovery.apply import Progress, RunOptions, run
from recovery.states import ChangeSetState
from tests.integration.recovery.scene import CANCEL, MEI, Scene, make_scene


def test_progress_is_told(scene: Scene) -> None:
    """From nothing to everything, never backwards, each state counted, also after a second try."""
    keys = scene.orders(9)
    scene.fail("bad_document", key=keys[3], times=9)
    approved = scene.approve(scene.plan(CANCEL, keys))
    scene.erp.edit("purchase.order", keys[4], {"note": "x"})
    scene.fail("busy", nth=3)
    told = list[Progress]()
    run(
        scene.journal,
        scene.systems,
        approved.id,
        actor=MEI,
        progress=told.append,
        options=RunOptions(batch_size=5),
    )

    assert Progress(done=0, total=9, confirmed=0, refused=0, dropped=0, in_doubt=0) == told[0]
    assert Progress(done=9, total=9, confirmed=7, refused=1, dropped=1, in_doubt=0) == told[-1]
    assert sorted(each.done for each in told) == [each.done for each in told]


def test_a_person_may_interrupt(scene: Scene) -> None:
    """Ctrl-C between two requests pauses the change set; it goes on later."""
    keys = scene.orders(4)
    approved = scene.approve(scene.plan(CANCEL, keys))
    capture, count = scene.system.capture, [0]

    def interrupted(*given: object) -> object:
        count[0] += 1
        if count[0] == 3:
            raise KeyboardInterrupt
        return capture(*given)  # type: ignore[arg-type]

    scene.system.capture = interrupted  # type: ignore[assignment, method-assign]
    with pytest.raises(KeyboardInterrupt):
        scene.run(approved, batch_size=2)

    assert ChangeSetState.PAUSED is scene.again(approved).state
    assert "stopped from the keyboard" == str(scene.again(approved).note)
    assert ChangeSetState.APPLIED is scene.run(approved).state
    assert {1} == set(scene.applied().values())


def test_two_systems_in_one_change_set(scene: Scene) -> None:
    """Batches hold operations of one system alone."""
    other = make_scene(scene.journal)
    other.system.name = "other"
    here, there = scene.orders(2), other.orders(2)
    both_chains = [*scene.chains(CANCEL, here), *other.chains(CANCEL, there)]
    approved = scene.approve(scene.store(both_chains))
    systems = {"fake": scene.system, "other": other.system}
    done = run(scene.journal, systems.__getitem__, approved.id, actor=MEI)

    assert ChangeSetState.APPLIED is done.state
    assert ([2], [2]) == (scene.sizes(), other.sizes())


def test_a_plan_with_nothing_ready_is_done_at_once(scene: Scene) -> None:
    """It waits for nobody and sends nothing."""
    assert ChangeSetState.APPLIED is scene.run(scene.approve(scene.store([]))).state
    assert [] == scene.sizes()
