"""Several calls to one system at a time keep every promise that one call keeps."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import closing

import pytest

from connectors.contract import Answer, Call, Fence, Image, Step, no_fence
from connectors.fake.faults import FaultKind
from core.errors import LoginFailed, RefusedError, TransientError
from recovery.journal import Journal
from recovery.states import ChangeSetState, OperationState
from tests.integration.recovery.scene import CANCEL, CLOSE, UPDATE, Scene, make_scene

CONFIRMED, REFUSED, DROPPED, SENT = (
    OperationState.CONFIRMED,
    OperationState.REFUSED,
    OperationState.DROPPED,
    OperationState.SENT,
)


@pytest.fixture
def wide(journal_url: str) -> Iterator[Scene]:
    """Open the journal on each database in turn, with an ERP that takes three calls of two at a time."""
    with closing(Journal.open(journal_url)) as journal:
        yield make_scene(journal, batch_size=2, parallel_calls=3)


def test_calls_are_under_way_at_the_same_time(wide: Scene) -> None:
    """Three calls of two orders: none ends before all three have begun."""
    keys = wide.orders(6)
    gate, apply = threading.Barrier(3), wide.system.apply

    def meet(calls: Sequence[Call], fence: Fence = no_fence) -> list[Answer]:
        gate.wait(20)
        return apply(calls, fence)

    wide.system.apply = meet  # type: ignore[method-assign]
    done = wide.do(CANCEL, keys)

    assert ChangeSetState.APPLIED is done.state
    assert [2, 2, 2] == wide.sizes()
    assert ["cancelled"] * 6 == wide.states(keys)


def test_the_way_back_of_all_is_stored_before_the_first_call(wide: Scene, journal_url: str) -> None:
    """Whichever call begins first, another process finds the intents and before images of all of them."""
    approved = wide.approve(wide.plan(CANCEL, wide.orders(6)))
    apply, looked = wide.system.apply, list[set[OperationState]]()

    def look_and_apply(calls: Sequence[Call], fence: Fence = no_fence) -> list[Answer]:
        with closing(Journal.open(journal_url)) as other:
            operations = list(other.operations(approved.id))
            images = other.images([each.before_hash for each in operations])
            assert {each.before_hash for each in operations} == images.keys()
            looked.append({each.state for each in operations})
        return apply(calls, fence)

    wide.system.apply = look_and_apply  # type: ignore[method-assign]
    wide.run(approved)

    assert [{SENT}] * 3 == looked


def test_seven_documents_go_in_even_parts(wide: Scene) -> None:
    """Six fit into three calls; the seventh goes in the next round."""
    wide.do(CANCEL, wide.orders(7))

    assert [1, 2, 2, 2] == sorted(wide.sizes())


def test_a_rollback_is_as_exact_and_as_wide(wide: Scene) -> None:
    """What several calls did, several calls take back."""
    keys = wide.orders(9)
    before = wide.erp.dump(with_trace=False)
    done = wide.do(CANCEL, keys)
    back = wide.roll_back(done)

    assert [ChangeSetState.APPLIED] * 2 == [done.state, back.state]
    assert before == wide.erp.dump(with_trace=False)
    assert {1} == set(wide.applied().values())
    assert wide.journal.verify().is_intact


def test_two_calls_never_share_a_record(wide: Scene) -> None:
    """Operations on one order are never under way at the same time: the later one is captured after the first."""
    key = wide.orders()[0]
    others = wide.orders(3)
    wide.system.actions()[UPDATE].is_parallel = True  # type: ignore[misc]
    chains = [
        *wide.chains(UPDATE, [key], arguments={"priority": 5}),
        *wide.chains(UPDATE, others, arguments={"priority": 5}),
        *wide.chains(UPDATE, [key], arguments={"attachment": "b"}),
    ]
    done = wide.run(wide.approve(wide.store(chains)))
    first, *_, last = wide.operations(done)
    images = wide.journal.images([first.after_hash, last.before_hash])

    assert [CONFIRMED] * 5 == wide.moved(done)
    assert images[str(first.after_hash)] == images[str(last.before_hash)]


def test_a_lost_answer_leaves_the_other_calls_alone(wide: Scene) -> None:
    """One of three answers is lost: it is settled by reading, nothing is sent twice."""
    keys = wide.orders(6)
    wide.fail(FaultKind.LOST, nth=2)
    done = wide.do(CANCEL, keys)

    assert ChangeSetState.APPLIED is done.state
    assert {1} == set(wide.sent().values()) == set(wide.applied().values())


def test_a_busy_system_is_asked_again_for_what_it_did_not_do(wide: Scene) -> None:
    """One of three calls did not happen: the others are confirmed once, it is sent again."""
    keys = wide.orders(6)
    apply, lock, calls_made = wide.system.apply, threading.Lock(), list[list[str]]()

    def busy_once(calls: Sequence[Call], fence: Fence = no_fence) -> list[Answer]:
        with lock:
            calls_made.append([call.operation_id for call in calls])
            if len(calls_made) == 2:
                raise TransientError(system="fake", problem="busy")
        return apply(calls, fence)

    wide.system.apply = busy_once  # type: ignore[method-assign]
    done = wide.do(CANCEL, keys)

    assert ChangeSetState.APPLIED is done.state
    assert 4 == len(calls_made)
    assert calls_made[1] == calls_made[3]
    assert {1} == set(wide.applied().values())


def test_a_refused_document_is_set_apart_from_its_call_alone(wide: Scene) -> None:
    """The calls beside it are not sent again."""
    keys = wide.orders(6)
    wide.fail(FaultKind.BAD_DOCUMENT, key=keys[2], times=9)
    done = wide.do(CANCEL, keys)
    expected = [CONFIRMED] * 6
    expected[2] = REFUSED

    assert ChangeSetState.PARTLY_APPLIED is done.state
    assert expected == wide.moved(done)
    alone = {each.id for each in wide.operations(done)[2:4]}
    assert {1} == {count for each, count in wide.sent().items() if each not in alone}


def test_a_wrong_password_stops_the_run_and_loses_nothing(wide: Scene) -> None:
    """One call is told that we may not log in: what the others did is stored, the rest is not sent."""
    keys = wide.orders(12)
    approved = wide.approve(wide.plan(CANCEL, keys))
    apply, lock, count = wide.system.apply, threading.Lock(), 0

    def locked_out(calls: Sequence[Call], fence: Fence = no_fence) -> list[Answer]:
        nonlocal count
        with lock:
            count += 1
            if count > 2:
                raise LoginFailed(system="fake", user="storno", said="expired")
        return apply(calls, fence)

    wide.system.apply = locked_out  # type: ignore[method-assign]
    with pytest.raises(LoginFailed):
        wide.run(approved)
    assert ChangeSetState.PAUSED is wide.again(approved).state
    assert 4 == wide.moved(approved).count(CONFIRMED)
    assert 3 == count

    wide.system.apply = apply  # type: ignore[method-assign]
    assert ChangeSetState.APPLIED is wide.run(approved).state
    assert {1} == set(wide.applied().values())


def test_a_system_that_stays_busy_is_given_up(wide: Scene) -> None:
    """One of three calls never happens: it is tried with patience, then the change set pauses and says so."""
    approved = wide.approve(wide.plan(CANCEL, wide.orders(6)))
    apply, tries = wide.system.apply, list[str]()
    stuck = wide.operations(approved)[2].id

    def busy(calls: Sequence[Call], fence: Fence = no_fence) -> list[Answer]:
        if any(call.operation_id == stuck for call in calls):
            tries.append(stuck)
            assert len(tries) < 50, "it is asked for ever"
            raise TransientError(system="fake", problem="busy")
        return apply(calls, fence)

    wide.system.apply = busy  # type: ignore[method-assign]
    with pytest.raises(TransientError):
        wide.run(approved)
    assert ChangeSetState.PAUSED is wide.again(approved).state
    assert 4 == wide.moved(approved).count(CONFIRMED)


def test_a_wrong_password_in_one_half_keeps_the_other_half_back(wide: Scene) -> None:
    """A call refused whole is halved; when the first half may not log in, the second is not sent."""
    keys = wide.orders(2)
    approved = wide.approve(wide.plan(CANCEL, keys))
    sizes = list[int]()

    def refuse(calls: Sequence[Call], fence: Fence = no_fence) -> list[Answer]:
        del fence
        sizes.append(len(calls))
        if len(calls) > 1:
            raise RefusedError(system="fake", said="one of them is locked")
        raise LoginFailed(system="fake", user="storno", said="expired")

    wide.system.apply = refuse  # type: ignore[method-assign]
    with pytest.raises(LoginFailed):
        wide.run(approved)
    assert [2, 1] == sizes


def test_what_cannot_be_read_back_is_settled_later(wide: Scene) -> None:
    """One call worked and reading it back did not: the others are confirmed, it waits for the next run."""
    keys = wide.orders(6)
    approved = wide.approve(wide.plan(CANCEL, keys))
    capture, applied = wide.system.capture, list[str]()
    apply = wide.system.apply

    def note(calls: Sequence[Call], fence: Fence = no_fence) -> list[Answer]:
        answers = apply(calls, fence)
        applied.extend(call.step.ref.key for call in calls)
        return answers

    def blind(steps: Sequence[Step], known: Sequence[Image | None]) -> list[Image]:
        if any(step.ref.key == keys[3] for step in steps) and keys[3] in applied:
            raise TransientError(system="fake", problem="no answer")
        return capture(steps, known)

    wide.system.apply = note  # type: ignore[method-assign]
    wide.system.capture = blind  # type: ignore[method-assign]
    with pytest.raises(TransientError):
        wide.run(approved)
    assert [CONFIRMED, CONFIRMED, SENT, SENT, CONFIRMED, CONFIRMED] == wide.moved(approved)

    wide.system.capture = capture  # type: ignore[method-assign]
    assert ChangeSetState.APPLIED is wide.run(approved).state
    assert {1} == set(wide.sent().values())


def test_an_action_that_shares_more_than_records_goes_one_call_at_a_time(wide: Scene) -> None:
    """Where an action does not say that it may, its calls never meet."""
    keys = wide.orders(6)
    wide.system.actions()[CANCEL].is_parallel = False  # type: ignore[misc]
    apply, gate, met = wide.system.apply, threading.Barrier(2), list[bool]()

    def alone(calls: Sequence[Call], fence: Fence = no_fence) -> list[Answer]:
        try:
            gate.wait(0.2)  # Nobody comes: each call waits for a second one in vain.
        except threading.BrokenBarrierError:
            met.append(False)
            gate.reset()
        else:
            met.append(True)
        return apply(calls, fence)

    wide.system.apply = alone  # type: ignore[method-assign]
    assert ChangeSetState.APPLIED is wide.do(CANCEL, keys).state
    assert [False] * 3 == met


def test_chains_go_link_by_link(wide: Scene) -> None:
    """A second link never begins before the first of the same document held."""
    keys = wide.orders(6, state="processing")
    before = wide.erp.dump(with_trace=False)
    done = wide.do(CLOSE, keys)

    assert ChangeSetState.APPLIED is done.state
    assert ChangeSetState.APPLIED is wide.roll_back(done).state
    assert before == wide.erp.dump(with_trace=False)
    assert DROPPED not in wide.moved(done)
