"""The first look at an ERP logs in and reads: a trouble that passes there stops neither run nor rollback."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from connectors.contract import Action
from connectors.fake.connector import FakeSystem
from core.errors import Busy
from recovery.states import ChangeSetState
from tests.integration.recovery.scene import CANCEL, Scene, Time


class Waking(FakeSystem):
    """A system whose database is away the first times that somebody logs in."""

    troubles: int = 0

    def actions(self) -> Mapping[str, Action]:
        if self.troubles:
            self.troubles -= 1
            raise Busy(system=self.name, problem="server closed the connection unexpectedly")
        return super().actions()


def fall_asleep(scene: Scene, troubles: int) -> None:
    """Let the next log-ins fail."""
    waking = Waking.__new__(Waking)
    waking.__dict__.update(scene.system.__dict__, troubles=troubles)
    scene.system = waking


def test_a_lost_connection_at_log_in_is_tried_again(scene: Scene, time: Time) -> None:
    """Run, preview and the run of the rollback go on by themselves once the database is back."""
    approved = scene.approve(scene.plan(CANCEL, scene.orders(2)))
    fall_asleep(scene, 2)
    done = scene.run(approved)
    assert ChangeSetState.APPLIED is done.state
    fall_asleep(scene, 2)
    planned = scene.plan_rollback(scene.selection(done))
    fall_asleep(scene, 2)
    assert ChangeSetState.APPLIED is scene.run(scene.approve(planned)).state
    assert 6 == len(time.sleeps)


def test_what_does_not_pass_pauses_as_ever(scene: Scene, time: Time) -> None:
    """After the deadline the run is paused with the reason, and can be resumed."""
    approved = scene.approve(scene.plan(CANCEL, scene.orders()))
    fall_asleep(scene, 999)
    with pytest.raises(Busy):
        scene.run(approved)
    assert ChangeSetState.PAUSED is scene.journal.change_set(approved.id).state
    assert time.sleeps
    fall_asleep(scene, 0)
    assert ChangeSetState.APPLIED is scene.run(scene.journal.change_set(approved.id)).state
