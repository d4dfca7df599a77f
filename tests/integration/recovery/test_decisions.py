"""What reading could not settle, a named person settles, with a reason."""

from __future__ import annotations

import pytest

from connectors.fake.schema import ORDER
from core.errors import IllegalMove, NotAllowed, NotFound
from recovery.doubt import decide
from recovery.model import Actor, ChangeSet, Operation
from recovery.states import ChangeSetState, OperationState
from tests.integration.recovery.scene import CANCEL, Scene

BO = Actor("bo")
CONFIRMED, NEEDS_PERSON = OperationState.CONFIRMED, OperationState.NEEDS_PERSON


def doubted(scene: Scene) -> tuple[list[str], ChangeSet]:
    """Return two orders, the second of which a person must look at: done, but by whom?"""
    keys = scene.orders(2)
    approved = scene.approve(scene.plan(CANCEL, keys))
    scene.fail("lost", is_applied=False)
    scene.fail("edit", key=keys[1], changes={"state": "cancelled"})
    paused = scene.run(approved)
    assert [CONFIRMED, NEEDS_PERSON] == scene.moved(paused)
    return keys, paused


def say(scene: Scene, change_set: ChangeSet, to: OperationState, position: int = 2) -> Operation:
    """Let Bo decide."""
    return decide(
        scene.journal,
        scene.systems,
        change_set.id,
        position,
        to=to,
        actor=BO,
        reason="I asked the buyer",
    )


def test_a_person_says_that_it_was_us(both: Scene) -> None:
    """It is confirmed, with the name and the reason; then the change set ends, and goes back like any other."""
    keys, paused = doubted(both)
    decided = say(both, paused, CONFIRMED)
    last = list(both.journal.history(paused.id))[-1]
    done = both.run(paused)

    assert CONFIRMED is decided.state
    assert "decided by bo: I asked the buyer" == str(decided.reason)
    assert [ORDER] == [each["model"] for each in decided.result["changed"]]
    assert ("bo", "2", "confirmed") == (last.actor, last.positions, last.to_state)
    assert ChangeSetState.APPLIED is done.state
    assert both.journal.verify().is_intact

    both.roll_back(done)

    assert ["quotation"] * 2 == both.states(keys)


def test_a_person_says_that_it_was_not_us(scene: Scene) -> None:
    """It is refused: a rollback leaves it alone."""
    keys, paused = doubted(scene)
    say(scene, paused, OperationState.REFUSED)
    done = scene.run(paused)

    assert ChangeSetState.PARTLY_APPLIED is done.state
    assert scene.journal.verify().is_intact

    scene.roll_back(done)

    assert ["quotation", "cancelled"] == scene.states(keys)


def test_a_person_says_that_it_did_not_happen(scene: Scene) -> None:
    """It is read again, and sent again where it is still what was approved."""
    keys, paused = doubted(scene)
    scene.erp.edit(ORDER, keys[1], {"state": "quotation"})
    say(scene, paused, OperationState.CAPTURED)
    done = scene.run(paused)

    assert ChangeSetState.APPLIED is done.state
    assert ["cancelled"] * 2 == scene.states(keys)
    assert {1} == set(scene.applied().values())
    assert scene.journal.verify().is_intact


def test_what_the_erp_does_not_show_as_done_is_not_confirmed(scene: Scene) -> None:
    """A person's word is read back like everything else."""
    keys, paused = doubted(scene)
    scene.erp.edit(ORDER, keys[1], {"state": "draft"})
    with pytest.raises(NotAllowed, match="does not show it as done"):
        say(scene, paused, CONFIRMED)

    assert [CONFIRMED, NEEDS_PERSON] == scene.moved(paused)


def test_what_the_erp_shows_by_then_is_what_is_taken_back(scene: Scene) -> None:
    """Somebody changed it further before the person decided: that is no conflict later."""
    keys, paused = doubted(scene)
    scene.erp.edit(ORDER, keys[1], {"closed_by": "bo"})
    say(scene, paused, CONFIRMED)
    scene.roll_back(scene.run(paused))

    assert ("quotation", None) == tuple(scene.order(keys[1])[n] for n in ("state", "closed_by"))


@pytest.mark.parametrize(
    "position, to, error",
    [
        (1, CONFIRMED, IllegalMove),
        (2, OperationState.DROPPED, IllegalMove),
        (2, OperationState.SENT, IllegalMove),
        (9, CONFIRMED, NotFound),
    ],
)
def test_only_what_waits_is_decided_and_only_so(
    scene: Scene, position: int, to: OperationState, error: type[Exception]
) -> None:
    """Nothing else moves."""
    _, paused = doubted(scene)
    with pytest.raises(error):
        say(scene, paused, to, position)

    assert [CONFIRMED, NEEDS_PERSON] == scene.moved(paused)


def test_nothing_is_decided_twice(scene: Scene) -> None:
    """Who comes second is told what it is by now."""
    _, paused = doubted(scene)
    say(scene, paused, CONFIRMED)

    with pytest.raises(IllegalMove, match="confirmed"):
        say(scene, paused, OperationState.REFUSED)
