"""Who is frozen runs nothing, takes nothing over and resumes nothing; the others go on."""

from __future__ import annotations

import pytest

from core.errors import Frozen
from recovery import freezes
from recovery.apply import RunOptions, run
from recovery.freezes import thaw
from recovery.model import Actor
from recovery.states import ChangeSetState, OperationState
from tests.integration.recovery.freezing import LI, approved, before_call, ice
from tests.integration.recovery.scene import Scene

CONFIRMED = OperationState.CONFIRMED


def test_what_runs_it_now_is_asked_as_well(both: Scene) -> None:
    """Whoever goes on with somebody else's change set is stopped by a freeze of their own."""
    change_set = approved(both, 2)
    ice(both, "user:mei")
    thaw(both.journal, freezes.list_freezes(both.journal)[0].id, actor=LI, reason="x")
    ice(both, "user:wang")
    with pytest.raises(Frozen):
        run(both.journal, both.systems, change_set.id, actor=Actor("wang"))

    assert ChangeSetState.APPLIED is both.run(change_set).state


@pytest.mark.parametrize("within", [False, True], ids=["before a batch", "at the fence"])
def test_whoever_goes_on_with_a_run_is_stopped_in_it(both: Scene, within: bool) -> None:
    """Another person's process goes on with what was handed on: a freeze of that person stops its next call."""
    change_set = approved(both, 4)
    hands_on = iter([False, True])
    both.run(change_set, batch_size=1, should_stop=lambda: next(hands_on))
    before_call(both, 2, lambda: ice(both, "user:lin"), within=within)
    with pytest.raises(Frozen):
        run(
            both.journal,
            both.systems,
            change_set.id,
            actor=Actor("lin"),
            options=RunOptions(batch_size=1),
        )
    last = both.journal.history(change_set.id)

    assert ChangeSetState.PAUSED is both.again(change_set).state
    assert [CONFIRMED, CONFIRMED] == both.moved(change_set)[:2]
    assert CONFIRMED not in both.moved(change_set)[2:]
    assert [("mei", "running"), ("lin", "taken_over")] == [
        (move.actor, move.to_state)
        for move in last
        if (move.subject, move.to_state) in {("change_set", "running"), ("run", "taken_over")}
    ]
    assert both.journal.verify().is_intact


def test_who_is_frozen_takes_nothing_over(both: Scene) -> None:
    """Whoever tries while frozen leaves no trace that would stop the others from going on."""
    change_set = approved(both, 2)
    hands_on = iter([False, True])
    both.run(change_set, batch_size=1, should_stop=lambda: next(hands_on))
    ice(both, "user:lin")
    with pytest.raises(Frozen):
        run(both.journal, both.systems, change_set.id, actor=Actor("lin"))

    assert ChangeSetState.APPLIED is both.run(change_set).state


def test_who_is_frozen_resumes_nothing(both: Scene) -> None:
    """Nor what is paused: it stays as it is, and the others go on with it."""
    change_set = approved(both, 2)
    before_call(both, 2, lambda: ice(both, "all"))
    with pytest.raises(Frozen):
        both.run(change_set, batch_size=1)
    thaw(both.journal, freezes.list_freezes(both.journal)[0].id, actor=LI, reason="x")
    ice(both, "user:lin")
    with pytest.raises(Frozen):
        run(both.journal, both.systems, change_set.id, actor=Actor("lin"))

    assert ["mei"] == [
        move.actor for move in both.journal.history(change_set.id) if move.to_state == "running"
    ]
    assert ChangeSetState.APPLIED is both.run(change_set).state
