"""Whoever lost the change set writes nothing any more: asked as late as possible, by every connector."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from connectors.contract import Answer, Call, Fence, no_fence
from core.errors import FenceLost, IllegalMove
from recovery import schema
from recovery.journal import Journal
from recovery.states import ChangeSetState, OperationState
from tests.integration.recovery.scene import CANCEL, Scene

Lose = Callable[[Scene, str], None]


def pause_it(scene: Scene, change_set_id: str) -> None:
    """Somebody else moved the change set."""
    with scene.journal.writing() as writer:
        writer.move_change_set(change_set_id, ChangeSetState.PAUSED)


def give_back_its_locks(scene: Scene, change_set_id: str) -> None:
    """Somebody else gave its locks back."""
    lock = schema.record_lock
    with scene.journal.writing() as writer:
        writer.connection.execute(lock.delete().where(lock.c.change_set_id == change_set_id))


def lose_the_process_lock(scene: Scene, change_set_id: str) -> None:
    """The lock that no second process can have at the same time is gone: file deleted, server ended it."""
    database = scene.journal._database
    if database.dialect == "sqlite":
        (file,) = Path(str(database._engine.url.database)).parent.glob(f"*-{change_set_id}.lock")
        file.unlink()
        return
    with database._engine.connect() as connection:
        connection.execute(
            text("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'")
        )


def losing(scene: Scene, lose: Lose) -> None:
    """Let it happen when the batch is on its way."""
    apply = scene.system.apply

    def lose_and_apply(calls: Sequence[Call], fence: Fence = no_fence) -> list[Answer]:
        fence()  # It is held until now.
        (change_set,) = {
            each.change_set_id
            for each in scene.journal.operations_by_id([c.operation_id for c in calls]).values()
        }
        lose(scene, change_set)
        return apply(calls, fence)

    scene.system.apply = lose_and_apply  # type: ignore[method-assign]


@pytest.mark.parametrize("lose", [pause_it, lose_the_process_lock])
def test_who_lost_it_writes_nothing(both: Scene, journal_url: str, lose: Lose) -> None:
    """Nothing is written; what was on its way stays sent, for whoever holds it now to settle."""
    keys = both.orders(3)
    before = both.erp.dump()
    approved = both.approve(both.plan(CANCEL, keys))
    apply = both.system.apply
    losing(both, lose)

    with pytest.raises(FenceLost) as caught:
        both.run(approved)

    assert isinstance(caught.value, IllegalMove)
    assert before == both.erp.dump()
    assert {OperationState.SENT} == set(both.moved(approved))

    both.system.apply = apply  # type: ignore[method-assign]
    both.journal.close()
    with closing(Journal.open(journal_url)) as journal:
        again = Scene(journal, both.erp, both.system)

        assert ChangeSetState.APPLIED is again.run(approved).state
        assert {1} == set(again.applied().values())
        assert journal.verify().is_intact


def test_who_gave_its_locks_back_writes_nothing(both: Scene) -> None:
    """Another change set may have taken the records by now."""
    keys = both.orders(3)
    before = both.erp.dump()
    approved = both.approve(both.plan(CANCEL, keys))
    losing(both, give_back_its_locks)

    with pytest.raises(FenceLost, match="locks were given back"):
        both.run(approved)

    assert before == both.erp.dump()


def test_who_runs_nothing_holds_nothing(scene: Scene) -> None:
    """The fence of a change set that this process does not run is down."""
    planned = scene.plan(CANCEL, scene.orders())

    with pytest.raises(FenceLost):
        scene.journal.fence(planned.id)()
