"""A request that the ERP carries out later than it promised is found, and is ours."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from core.errors import IllegalMove, JournalFull, NotFound
from recovery.states import ChangeSetState, OperationState
from tests.integration.recovery.scene import CANCEL, Scene

CONFIRMED, NEEDS_PERSON = OperationState.CONFIRMED, OperationState.NEEDS_PERSON


def test_what_arrived_after_it_was_read_is_confirmed(both: Scene) -> None:
    """Reading said that it did not happen; when it is read before it is sent again, it has happened."""
    keys = both.orders(3)
    before = both.erp.dump(with_trace=False)
    approved = both.approve(both.plan(CANCEL, keys))
    both.fail("late", after_requests=2)
    done = both.run(approved)

    assert ChangeSetState.APPLIED is done.state
    assert [3] == both.sizes()
    assert {1} == set(both.applied().values())
    assert both.journal.verify().is_intact

    both.roll_back(done)

    assert before == both.erp.dump(with_trace=False)


def test_what_arrives_between_reading_and_sending_again(scene: Scene) -> None:
    """The compare-and-set refuses the second one; a person is asked whose the first one was."""
    approved = scene.approve(scene.plan(CANCEL, scene.orders()))
    scene.fail("late", after_requests=3)
    scene.run(approved)

    assert [NEEDS_PERSON] == scene.moved(approved)
    assert [1, 1] == scene.sizes()
    assert {1} == set(scene.applied().values())


def test_what_somebody_else_did_meanwhile_is_not_taken_for_ours(scene: Scene) -> None:
    """It was sent and did not happen; then another user changed the document: it is dropped."""
    (key,) = scene.orders()
    approved = scene.approve(scene.plan(CANCEL, [key]))
    scene.fail("lost", is_applied=False)
    scene.fail("edit", on="capture", key=key, nth=2, changes={"state": "cancelled"}, moment="after")
    scene.run(approved)

    assert [OperationState.DROPPED] == scene.moved(approved)


# --- one process a change set -------------------------------------------------------------------


def lock_of(tmp_path: Path, name: str) -> Path:
    """Return the file that keeps other processes away from a change set that nobody held before."""
    return tmp_path / f"journal.db-1-{name}.lock"


def test_a_second_process_waits_its_turn(scene: Scene, tmp_path: Path) -> None:
    """While somebody holds the change set, nobody else runs it; afterwards nothing is left behind."""
    approved = scene.approve(scene.plan(CANCEL, scene.orders()))
    file = lock_of(tmp_path, approved.id)
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(IllegalMove, match="another process"):
            scene.run(approved)

    assert [] == scene.sizes()
    assert ChangeSetState.APPLIED is scene.run(approved).state
    assert not file.exists()


def test_a_file_that_a_dead_process_left_stops_nobody(scene: Scene, tmp_path: Path) -> None:
    """The lock went with the process; the file alone means nothing."""
    approved = scene.approve(scene.plan(CANCEL, scene.orders()))
    lock_of(tmp_path, approved.id).touch()

    assert ChangeSetState.APPLIED is scene.run(approved).state


def test_a_lock_that_cannot_be_made_is_no_other_process(scene: Scene, tmp_path: Path) -> None:
    """The folder is not ours to write, or something else lies there: a person is told so, nothing is sent."""
    approved = scene.approve(scene.plan(CANCEL, scene.orders()))
    file = lock_of(tmp_path, approved.id)
    file.mkdir()
    with pytest.raises(JournalFull, match="unable to open"):
        scene.run(approved)
    file.rmdir()
    file.write_bytes(b"what is this?" * 1000)
    with pytest.raises(JournalFull, match="not a database"):
        scene.run(approved)

    assert [] == scene.sizes()
    assert ChangeSetState.APPROVED is scene.again(approved).state


# --- a connector that changed ---------------------------------------------------------------------


def test_an_action_that_the_connector_lost_is_named(scene: Scene) -> None:
    """The plan was made with an older connector: the change set waits, and goes on with the right one."""
    approved = scene.approve(scene.plan(CANCEL, scene.orders()))
    actions = scene.system._actions
    scene.system._actions = {}
    with pytest.raises(NotFound, match=CANCEL):
        scene.run(approved)

    assert ChangeSetState.PAUSED is scene.again(approved).state

    scene.system._actions = actions

    assert ChangeSetState.APPLIED is scene.run(approved).state
