"""Busy systems, lost answers and dead processes: nothing is lost, nothing is applied twice."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from connectors.contract import Answer, Call, Fence, no_fence
from connectors.fake.sample import add_invoice, add_period
from core import clock
from core.errors import AnswersLost, TransientError
from core.retry import RetryPolicy
from recovery.journal import Journal
from recovery.states import ChangeSetState, OperationState
from tests.integration.recovery.scene import CANCEL, CLOSE, UPDATE, Scene, Time, make_scene

NOW = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
CONFIRMED, NEEDS_PERSON = OperationState.CONFIRMED, OperationState.NEEDS_PERSON
LOST = ("lost", "slow", "garbage", "server_error")


# --- certainly nothing happened -----------------------------------------------------------------


@pytest.mark.parametrize("kind", ["busy", "rate_limited", "unreachable"])
def test_a_busy_system_is_tried_again(scene: Scene, time: Time, kind: str) -> None:
    """As long as it is certain that nothing happened; each operation takes effect once."""
    scene.fail(kind, times=3)
    done = scene.do(CANCEL, scene.orders(3))

    assert ChangeSetState.APPLIED is done.state
    assert [3] * 4 == scene.sizes()
    assert {1} == set(scene.applied().values())
    assert 3 == len(time.sleeps)
    assert scene.journal.verify().is_intact


def test_a_system_that_names_its_time_is_given_it(scene: Scene, time: Time) -> None:
    """Retry-After is obeyed."""
    scene.fail("rate_limited", retry_after=17.0)
    scene.do(CANCEL, scene.orders())

    assert [17.0] == time.sleeps


@pytest.mark.parametrize("on", ["capture", "apply"])
def test_a_system_that_stays_away_pauses_the_change_set(scene: Scene, on: str) -> None:
    """Nothing is refused for it; when the system is back, the change set goes on."""
    keys = scene.orders(4)
    approved = scene.approve(scene.plan(CANCEL, keys))
    scene.fail("unreachable", on=on, nth=2 if on == "apply" else 3, times=10**6)
    with pytest.raises(TransientError):
        scene.run(approved, batch_size=2)

    assert ChangeSetState.PAUSED is scene.again(approved).state
    assert "cannot be reached" in str(scene.again(approved).note)
    assert ["cancelled", "cancelled", "quotation", "quotation"] == scene.states(keys)

    scene.erp.faults.clear()

    assert ChangeSetState.APPLIED is scene.run(approved).state
    assert {1} == set(scene.applied().values())


def test_a_document_that_moves_while_the_system_is_busy(scene: Scene) -> None:
    """Before it is tried again, everything is read again."""
    keys = scene.orders(2)
    approved = scene.approve(scene.plan(CANCEL, keys))
    scene.fail("busy")
    scene.fail("edit", key=keys[1], changes={"note": "wait for me"})
    done = scene.run(approved)

    assert [CONFIRMED, OperationState.DROPPED] == scene.moved(done)


# --- the answer was lost ------------------------------------------------------------------------


@pytest.mark.parametrize("kind", LOST)
def test_a_lost_answer_to_what_was_done(scene: Scene, kind: str) -> None:
    """Read, found, confirmed: it is sent once."""
    scene.fail(kind)
    done = scene.do(CANCEL, scene.orders(3))

    assert ChangeSetState.APPLIED is done.state
    assert [3] == scene.sizes()
    assert "in_doubt" in [move.to_state for move in scene.journal.history(done.id)]
    assert scene.journal.verify().is_intact


@pytest.mark.parametrize("kind", LOST)
def test_a_lost_answer_to_what_was_not_done(scene: Scene, kind: str) -> None:
    """Read, not found, sent again: once more, and only then."""
    scene.fail(kind, is_applied=False)
    done = scene.do(CANCEL, scene.orders(3))

    assert ChangeSetState.APPLIED is done.state
    assert [3, 3] == scene.sizes()
    assert {1} == set(scene.applied().values())


def test_a_batch_that_was_done_by_half(scene: Scene) -> None:
    """What happened is confirmed, what did not is sent again: each once."""
    scene = make_scene(scene.journal, is_atomic_batch=False)
    scene.fail("half")
    done = scene.do(CANCEL, scene.orders(6))

    assert ChangeSetState.APPLIED is done.state
    assert [6, 3] == scene.sizes()
    assert {1} == set(scene.applied().values())


def test_a_request_that_arrives_twice(scene: Scene) -> None:
    """A proxy repeats our request, and the answer to the second one (refused) comes back: a person looks.

    The document is done, but the ERP's own words are against it.
    """
    scene.fail("twice", is_second_answered=True)
    done = scene.do(CANCEL, scene.orders())

    assert {1} == set(scene.applied().values())
    assert [NEEDS_PERSON] == scene.moved(done)


def test_a_system_that_never_answers_is_given_up(scene: Scene) -> None:
    """Three batches in a row without an answer and without effect: the change set waits for a person, who is told.

    No worker tries again by itself: each try is one more write of which nobody knows.
    """
    approved = scene.approve(scene.plan(CANCEL, scene.orders(2)))
    scene.fail("lost", is_applied=False, times=10**6)
    with pytest.raises(AnswersLost, match="lost the answer 3 times in a row"):
        scene.run(approved)

    assert [2, 2, 2] == scene.sizes()
    assert ChangeSetState.PAUSED is scene.again(approved).state
    assert ("run_stopped", "fake", 3) in [
        tuple(row) for row in scene.sql("SELECT kind, system, how_many FROM alarm")
    ]

    scene.erp.faults.clear()

    assert ChangeSetState.APPLIED is scene.run(approved).state


def test_an_answer_now_and_then_is_enough(scene: Scene) -> None:
    """Only losses in a row count."""
    for nth in (1, 2, 4, 5, 7, 8):
        scene.fail("lost", is_applied=False, nth=nth)
    done = scene.run(scene.approve(scene.plan(CANCEL, scene.orders(3))), batch_size=1)

    assert ChangeSetState.APPLIED is done.state
    assert {1} == set(scene.applied().values())


def test_settling_waits_until_the_system_has_done_with_it(scene: Scene, time: Time) -> None:
    """The ERP carries the request out half a minute after the answer was lost: it is not sent again."""
    scene = make_scene(scene.journal, settles_after=timedelta(seconds=60))
    scene.fail("late", after_seconds=30)
    with clock.fixed(lambda: NOW + timedelta(seconds=time.seconds)):
        done = scene.do(CANCEL, scene.orders(2))

    assert ChangeSetState.APPLIED is done.state
    assert [60.0] == time.sleeps
    assert [2] == scene.sizes()
    assert {1} == set(scene.applied().values())


def test_a_document_of_which_somebody_else_changed_something(scene: Scene) -> None:
    """Neither as before nor done: a person looks, and is shown what changed."""
    keys = scene.orders(2)
    approved = scene.approve(scene.plan(CANCEL, keys))
    scene.fail("lost", is_applied=False)
    scene.fail("edit", key=keys[1], changes={"note": "urgent"}, moment="before")
    paused = scene.run(approved)
    operation = scene.operations(approved)[1]

    assert ChangeSetState.PAUSED is paused.state
    assert "1 to look at" in str(paused.note)
    assert [CONFIRMED, NEEDS_PERSON] == scene.moved(approved)
    assert "neither as before nor done" in str(operation.reason)
    assert [("note", "", "urgent")] == [
        (each["field"], each["before"], each["after"]) for each in operation.result["changed"]
    ]
    assert operation.before_hash != operation.after_hash

    scene.run(approved)

    assert [2, 1] == scene.sizes()
    assert [CONFIRMED, NEEDS_PERSON] == scene.moved(approved)
    assert scene.journal.verify().is_intact


def test_a_document_that_somebody_else_did(scene: Scene) -> None:
    """It is done, but the ERP says that it was not us: a person looks."""
    (key,) = scene.orders()
    approved = scene.approve(scene.plan(CANCEL, [key]))
    scene.fail("lost", is_applied=False)
    scene.fail("edit", key=key, changes={"state": "cancelled"})
    scene.run(approved)

    assert [NEEDS_PERSON] == scene.moved(approved)
    assert "perhaps by somebody else" in str(scene.operations(approved)[0].reason)


def test_a_counter_document_is_found(both: Scene) -> None:
    """Everything that reversing leaves is trace; a lost answer is settled by what was created all the same."""
    invoice = add_invoice(both.erp, "INV1", period=add_period(both.erp, "2026-01"))
    both.fail("lost")
    done = both.do("supplier_invoice.reverse", [invoice])

    assert ChangeSetState.APPLIED is done.state
    assert [1] == both.sizes()


def test_what_cannot_be_found_again_is_never_sent_again(scene: Scene) -> None:
    """A message that may have been sent: a person looks, however often the change set is resumed."""
    keys = scene.orders(2)
    scene.fail("lost", is_applied=False)
    paused = scene.do("purchase_order.send_reminder", keys)
    scene.run(paused)

    assert ChangeSetState.PAUSED is scene.again(paused).state
    assert [NEEDS_PERSON] * 2 == scene.moved(paused)
    assert "cannot be found by reading" in str(scene.operations(paused)[0].reason)
    assert [2] == scene.sizes()


def test_what_cannot_be_found_again_is_confirmed_by_its_answer(scene: Scene) -> None:
    """Where the ERP said yes, it is done."""
    done = scene.do("purchase_order.send_reminder", scene.orders(2))

    assert ChangeSetState.APPLIED is done.state
    assert 2 == len(scene.erp.dump()["message"])


# --- reading back -------------------------------------------------------------------------------


def test_reading_back_may_take_several_tries(scene: Scene) -> None:
    """A read that fails is repeated; the write is not."""
    approved = scene.approve(scene.plan(CANCEL, scene.orders(3)))
    scene.fail("slow", on="capture", nth=2, times=3)
    done = scene.run(approved)

    assert ChangeSetState.APPLIED is done.state
    assert [3] == scene.sizes()


def test_what_could_not_be_read_back_is_settled_before_the_run_goes_on(scene: Scene) -> None:
    """The reading gave up, the run tries again: what was sent is read then, and not left behind."""
    approved = scene.approve(scene.plan(CANCEL, scene.orders(4)))
    # Four reads fail, and a fifth would come after the deadline whatever the jitter (2.1 s waited and 2.4 s
    # to wait at least); the run's own next try comes in time (3.0 s and 0.6 s at most).
    scene.fail("slow", on="capture", nth=2, times=4)
    policy = RetryPolicy(deadline_seconds=4.0, first_wait_seconds=0.3, longest_wait_seconds=30.0)
    done = scene.run(approved, batch_size=2, retry=policy)

    assert ChangeSetState.APPLIED is done.state
    assert [2, 2] == scene.sizes()


def test_a_system_that_dies_after_the_call(both: Scene) -> None:
    """What was sent stays in flight in the journal; resuming reads it and sends nothing of it."""
    keys = both.orders(4)
    approved = both.approve(both.plan(CANCEL, keys))
    both.fail("unreachable", on="capture", nth=2, times=10**6)
    with pytest.raises(TransientError):
        both.run(approved, batch_size=2)

    assert [OperationState.SENT] * 2 + [OperationState.LOCKED] * 2 == both.moved(approved)

    both.erp.faults.clear()

    assert ChangeSetState.APPLIED is both.run(approved, batch_size=2).state
    assert [2, 2] == both.sizes()


def test_refused_and_changed_all_the_same(scene: Scene) -> None:
    """The ERP says no, but a field of ours is another one: a person looks."""
    scene = make_scene(scene.journal, is_atomic_batch=False)
    (key,) = scene.orders()
    approved = scene.approve(scene.plan(CANCEL, [key]))
    scene.fail("bad_document", key=key)
    scene.fail("edit", key=key, changes={"closed_by": "x"}, moment="after")
    scene.run(approved)

    assert [NEEDS_PERSON] == scene.moved(approved)
    assert "but fields of the operation changed" in str(scene.operations(approved)[0].reason)


def test_said_yes_and_did_something_else(scene: Scene) -> None:
    """What was wanted does not hold, but a field of ours moved: a person looks."""
    (key,) = scene.orders()
    approved = scene.approve(scene.plan(CANCEL, [key]))
    scene.fail("no_effect", key=key)
    scene.fail("edit", key=key, changes={"closed_by": "x"}, moment="after")
    scene.run(approved)

    assert [NEEDS_PERSON] == scene.moved(approved)
    assert "does not hold afterwards" in str(scene.operations(approved)[0].reason)


# --- the process died ---------------------------------------------------------------------------


class _KilledError(BaseException):
    """Stands for the end of the process: nothing of ours catches it."""


@pytest.mark.parametrize("is_done", [True, False])
@pytest.mark.parametrize("action", [CANCEL, CLOSE])
def test_a_process_that_dies_around_the_call(
    both: Scene, journal_url: str, action: str, is_done: bool
) -> None:
    """A new process finds the intents, reads, and goes on: each operation takes effect once."""
    keys = both.orders(3, state="quotation" if action == CANCEL else "processing")
    before = both.erp.dump(with_trace=False)
    approved = both.approve(both.plan(action, keys))
    apply = both.system.apply

    def die(calls: Sequence[Call], fence: Fence = no_fence) -> list[Answer]:
        if is_done:
            apply(calls, fence)
        raise _KilledError

    both.system.apply = die  # type: ignore[method-assign]
    with pytest.raises(_KilledError):
        both.run(approved)
    both.system.apply = apply  # type: ignore[method-assign]
    both.journal.close()
    with closing(Journal.open(journal_url)) as journal:
        again = Scene(journal, both.erp, both.system)

        assert ChangeSetState.RUNNING is again.again(approved).state
        assert ChangeSetState.APPLIED is again.run(approved).state
        assert {1} == set(again.applied().values())
        again.roll_back(approved)
        assert again.journal.verify().is_intact
    assert before == both.erp.dump(with_trace=False)


def test_several_actions_in_flight_are_settled_each_by_its_own(scene: Scene) -> None:
    """A crash may leave operations of several actions behind: each is judged by its own done-when."""
    first, second = scene.orders(2)
    chains = [
        *scene.chains(CANCEL, [first]),
        *scene.chains(UPDATE, [second], arguments={"note": "x"}),
    ]
    approved = scene.approve(scene.store(chains))
    scene.fail("unreachable", on="capture", times=10**6)
    with pytest.raises(TransientError):
        scene.run(approved)
    scene.erp.faults.clear()
    scene.sql("UPDATE operation SET state = 'sent', before_hash = approved_hash")
    scene.erp.edit("purchase.order", second, {"note": "x"}, user="storno")
    done = scene.run(approved)

    assert ChangeSetState.APPLIED is done.state
    assert [1] == scene.sizes()
