"""A change set that waits can be ended for good, and nothing that may still happen is forgotten."""

from __future__ import annotations

import pytest

from connectors.contract import Call, Executor
from connectors.fake.schema import ORDER
from core.errors import HeldOff, IllegalMove, LoginFailed, NotAllowed, TransientError
from core.retry import RetryPolicy
from recovery import doubt
from recovery.apply import RunOptions, stop
from recovery.doubt import decide
from recovery.model import ChangeSet
from recovery.states import ChangeSetState, OperationState
from recovery.workers import holders, queue, system_state
from recovery.workers.politeness import Manners, Politeness
from tests.integration.recovery.scene import CANCEL, CLOSE, MEI, Scene

APPROVE = "purchase_order.approve_by_hand"
CONFIRMED, DROPPED, LOCKED, REFUSED = (
    OperationState.CONFIRMED,
    OperationState.DROPPED,
    OperationState.LOCKED,
    OperationState.REFUSED,
)


def end(scene: Scene, change_set: ChangeSet) -> ChangeSet:
    """Stop it."""
    return stop(scene.journal, scene.systems, change_set.id, actor=MEI, reason="no longer wanted")


def test_a_chain_is_ended_between_its_links(both: Scene) -> None:
    """What was done of it can be taken back, and its records are free."""
    keys = both.orders(2, state="processing")
    before = both.erp.dump(with_trace=False)
    approved = both.approve(both.plan(CLOSE, keys))
    both.fail("refused", code="login_failed", nth=2)
    with pytest.raises(LoginFailed):
        both.run(approved)
    ended = end(both, approved)
    reason = both.operations(ended)[5].reason

    assert ChangeSetState.PARTLY_APPLIED is ended.state
    assert [CONFIRMED] * 2 + [DROPPED] * 4 == both.moved(ended)
    assert "stopped by mei: no longer wanted" == str(reason)
    assert [] == both.sql("SELECT * FROM record_lock")
    assert both.journal.verify().is_intact

    both.roll_back(ended)

    assert before == both.erp.dump(with_trace=False)


def test_what_is_in_flight_is_settled_first(both: Scene) -> None:
    """It was done, so it is confirmed and not dropped."""
    keys = both.orders(4)
    approved = both.approve(both.plan(CANCEL, keys))
    both.fail("unreachable", on="capture", nth=2, times=10**6)
    with pytest.raises(TransientError):
        both.run(approved, batch_size=2)
    both.erp.faults.clear()
    ended = end(both, approved)

    assert [CONFIRMED] * 2 + [DROPPED] * 2 == both.moved(ended)
    assert [2] == both.sizes()


def test_while_the_system_is_away_nothing_is_ended(scene: Scene) -> None:
    """What is in flight cannot be read, so the change set goes on waiting."""
    approved = scene.approve(scene.plan(CANCEL, scene.orders(2)))
    scene.fail("unreachable", on="capture", nth=2, times=10**6)
    for attempt in (scene.run, lambda change_set: end(scene, change_set)):
        with pytest.raises(TransientError):
            attempt(approved)

        assert ChangeSetState.PAUSED is scene.again(approved).state
        assert {OperationState.SENT} == set(scene.moved(approved))


def test_what_a_person_began_is_finished_first(scene: Scene) -> None:
    """Half of it is in the ERP: nobody may forget it."""
    keys = scene.orders(2)
    paused = scene.do(APPROVE, keys, executor=Executor.BY_PERSON)
    scene.erp.edit(ORDER, keys[0], {"approved_by": "anna"}, user="anna")
    with pytest.raises(NotAllowed, match="began"):
        end(scene, paused)

    assert ChangeSetState.PAUSED is scene.again(paused).state

    scene.erp.edit(ORDER, keys[0], {"approved_by": None}, user="anna")
    ended = end(scene, paused)

    assert [REFUSED] * 2 == scene.moved(ended)


def test_what_somebody_else_wrote_is_no_begin(scene: Scene) -> None:
    """A note of a colleague on a document of the worklist keeps nobody from ending it."""
    keys = scene.orders(2)
    paused = scene.do(APPROVE, keys, executor=Executor.BY_PERSON)
    scene.erp.edit(ORDER, keys[0], {"note": "call them"}, user="anna")

    assert ChangeSetState.FAILED is end(scene, paused).state
    assert [REFUSED] * 2 == scene.moved(paused)


def test_what_cannot_be_finished_any_more_is_settled(scene: Scene) -> None:
    """Somebody else took the document elsewhere: a person says so, and the change set can end."""
    keys = scene.orders(2)
    paused = scene.do(APPROVE, keys, executor=Executor.BY_PERSON)
    scene.erp.edit(ORDER, keys[0], {"state": "on_hold"}, user="anna")
    with pytest.raises(NotAllowed, match="storno changes settle"):
        end(scene, paused)
    with pytest.raises(IllegalMove):
        decide(
            scene.journal,
            scene.systems,
            paused.id,
            1,
            to=OperationState.CAPTURED,
            actor=MEI,
            reason="again",
        )
    with pytest.raises(NotAllowed, match="does not show it as done"):
        decide(scene.journal, scene.systems, paused.id, 1, to=CONFIRMED, actor=MEI, reason="done")
    decide(scene.journal, scene.systems, paused.id, 1, to=REFUSED, actor=MEI, reason="on hold")

    assert ChangeSetState.FAILED is end(scene, paused).state
    assert [REFUSED] * 2 == scene.moved(paused)
    assert scene.journal.verify().is_intact


def test_what_a_person_did_is_confirmed(scene: Scene) -> None:
    """The rest of the worklist is given up."""
    keys = scene.orders(2)
    paused = scene.do(APPROVE, keys, executor=Executor.BY_PERSON)
    scene.erp.do_by_hand(APPROVE, keys[0])
    ended = end(scene, paused)

    assert ChangeSetState.PARTLY_APPLIED is ended.state
    assert [CONFIRMED, REFUSED] == scene.moved(ended)


def test_what_a_person_must_look_at_is_settled_first(scene: Scene) -> None:
    """Then it ends."""
    keys = scene.orders(2)
    approved = scene.approve(scene.plan(CANCEL, keys))
    scene.fail("lost", is_applied=False)
    scene.fail("edit", key=keys[0], changes={"note": "x"})
    scene.run(approved, batch_size=1)
    with pytest.raises(NotAllowed, match="storno changes settle"):
        end(scene, approved)

    decide(
        scene.journal, scene.systems, approved.id, 1, to=REFUSED, actor=MEI, reason="it was not us"
    )

    assert ChangeSetState.PARTLY_APPLIED is end(scene, approved).state


def test_only_what_waits_is_ended(scene: Scene) -> None:
    """A plan is rejected, and what is finished is finished."""
    planned = scene.plan(CANCEL, scene.orders())
    done = scene.do(CANCEL, scene.orders())
    for change_set in (planned, done):
        with pytest.raises(IllegalMove):
            end(scene, change_set)


class Died(BaseException):
    """The process ends here."""


def cut_short(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> tuple[list[str], ChangeSet]:
    """Return orders and their change set, whose run died after the answer to its first of three writes was lost."""
    keys = scene.orders(3)
    approved = scene.approve(scene.plan(CANCEL, keys))
    scene.fail("lost", on="apply", is_applied=False)

    def die(*_: object, **__: object) -> None:
        raise Died

    with monkeypatch.context() as patch:
        patch.setattr(doubt, "settle_group", die)
        with pytest.raises(Died):
            scene.run(approved, batch_size=1)
    assert [OperationState.IN_DOUBT, LOCKED, LOCKED] == scene.moved(approved)
    return keys, approved


@pytest.mark.parametrize("met", ["held off", "keyboard", "died"])
def test_once_it_is_stopped_nothing_more_is_sent(
    both: Scene, monkeypatch: pytest.MonkeyPatch, met: str
) -> None:
    """Whatever keeps it from ending at once: no worker goes on with it, and whoever does finds nothing to send."""
    keys, change_set = cut_short(both, monkeypatch)
    manners = Politeness({both.system.name: Manners(breaker_after=5)}, longest_wait_seconds=0.0)
    options = RunOptions(politeness=manners, retry=RetryPolicy(deadline_seconds=0.0), batch_size=1)
    errors: dict[str, type[BaseException]] = {"keyboard": KeyboardInterrupt, "died": Died}

    def interrupted(*_: object, **__: object) -> None:
        raise errors[met]

    def halt() -> ChangeSet:
        return stop(
            both.journal, both.systems, change_set.id, actor=MEI, reason="wrong", options=options
        )

    with monkeypatch.context() as patch:
        if met in errors:
            patch.setattr(doubt, "settle_group", interrupted)
        else:
            with both.journal.writing() as writer:
                system_state.hold_off(writer.connection, both.system.name, 60, system_state.ASKED)
        with pytest.raises(errors.get(met, HeldOff)):
            halt()
    with both.journal.reading() as connection:
        assert [] == list(queue.entries(connection))
    assert [] == holders.abandoned(both.journal.database)
    assert ChangeSetState.PAUSED is both.again(change_set).state

    both.sql("UPDATE system_state SET held_until = NULL")
    ended = halt()

    assert ChangeSetState.FAILED is ended.state
    assert {DROPPED, REFUSED} >= set(both.moved(ended))
    assert ["quotation"] * 3 == both.states(keys)
    assert both.journal.verify().is_intact


def test_what_was_sent_once_is_looked_at_before_it_is_given_up(scene: Scene) -> None:
    """The ERP had said that it was busy, and did it all the same: it is confirmed, and can be taken back."""
    (key,) = scene.orders(1)
    approved = scene.approve(scene.plan(CANCEL, [key]))
    scene.fail("busy", on="apply", times=10**6)
    with pytest.raises(TransientError):
        scene.run(approved)
    scene.erp.faults.clear()
    (operation,) = scene.operations(approved)
    (before,) = scene.journal.images([operation.before_hash]).values()
    scene.system.apply([Call(operation.id, operation.step, before)])
    ended = end(scene, approved)

    assert [CONFIRMED] == scene.moved(ended)

    scene.roll_back(ended)

    assert ["quotation"] == scene.states([key])
