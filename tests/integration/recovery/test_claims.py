"""A change set has one holder: who is dead loses it at once, who is frozen after the lease, and a fence never comes back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from threading import Thread

import pytest
from sqlalchemy import update

from connectors.contract import Answer, Call, Fence, no_fence
from core.errors import FenceLost, IllegalMove
from recovery.journal import Journal
from recovery.model import ChangeSet
from recovery.sql.schema_workers import claim as table
from recovery.states import ChangeSetState, OperationState
from recovery.workers import holders
from recovery.workers.claims import Claim
from tests.integration.recovery.scene import CANCEL, Scene

LONG = 600.0


@pytest.fixture
def approved(both: Scene) -> ChangeSet:
    """Return a change set that may run."""
    return both.approve(both.plan(CANCEL, both.orders(3)))


@pytest.fixture
def other(journal_url: str) -> Iterator[Journal]:
    """Open the journal a second time, as another process does."""
    with closing(Journal.open(journal_url)) as journal:
        yield journal


def end_its_lease(journal: Journal, change_set: ChangeSet) -> None:
    """Let so much time pass that the lease is over."""
    with journal.writing() as writer:
        writer.connection.execute(
            update(table)
            .where(table.c.change_set_id == change_set.id)
            .values(lease_until=table.c.lease_until - 10 * LONG)
        )


@contextmanager
def frozen(journal: Journal, change_set: ChangeSet) -> Iterator[Journal]:
    """Hold a change set as a process does that is frozen: no sign of life, its lock kept."""
    with journal.running(change_set.id, worker="frozen", lease_seconds=LONG) as held:
        end_its_lease(journal, change_set)
        yield held


def claim_of(held: Journal) -> Claim:
    assert held.claim is not None
    return held.claim


def test_one_holder(both: Scene, other: Journal, approved: ChangeSet) -> None:
    """Who holds a change set is named to whoever comes second, and the lease that is left."""
    with (
        both.journal.running(approved.id, worker="first", lease_seconds=LONG),
        pytest.raises(IllegalMove) as caught,
        other.running(approved.id),
    ):
        pass

    assert "first" in str(caught.value)
    assert "600 s" in str(caught.value)


def test_given_back(both: Scene, other: Journal, approved: ChangeSet) -> None:
    """Whoever ends gives the claim back at once, and each holder's number is above all before it."""
    with both.journal.running(approved.id) as held:
        first = claim_of(held).fence
    with other.running(approved.id) as held:
        second = claim_of(held)

    assert first + 1 == second.fence
    assert not second.is_taken_over
    assert [] == holders.views(other.database)


def test_a_dead_one_is_taken_over_at_once(both: Scene, other: Journal, approved: ChangeSet) -> None:
    """Nobody holds the process lock: the lease has long to go, and yet the change set is free."""
    with ExitStack() as stack:
        running = both.journal.running(approved.id, worker="dead", lease_seconds=LONG)
        lose_its_lock(both, claim_of(stack.enter_context(running)))
        (seen,) = holders.views(other.database)
        with other.running(approved.id) as held:
            assert claim_of(held).is_taken_over

    assert seen.is_dead
    assert seen.left_seconds > LONG / 2


def lose_its_lock(scene: Scene, claim: Claim) -> None:
    """End what holds the lock and not its process, which finds out by itself."""
    database = scene.journal.database
    if database.file is not None:
        claim._lock.release()
        return
    with database.writing() as connection:
        connection.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
            " AND pid <> pg_backend_pid()"
        )


def test_a_frozen_one_is_taken_over_after_its_lease(
    both: Scene, other: Journal, approved: ChangeSet
) -> None:
    """It keeps its lock, and loses the change set; what it stores afterwards is not stored, nor sent."""
    with frozen(both.journal, approved) as first, other.running(approved.id) as second:
        fence = first.fence(approved.id)

        assert claim_of(first).fence + 1 == claim_of(second).fence
        with pytest.raises(FenceLost):
            fence()
        with pytest.raises(FenceLost), first.writing() as writer:
            writer.move_change_set(approved.id, ChangeSetState.RUNNING)

    assert ChangeSetState.APPROVED is other.change_set(approved.id).state


def test_the_lock_of_a_frozen_one_says_nothing_about_the_next(
    both: Scene, other: Journal, approved: ChangeSet, journal_url: str
) -> None:
    """It dies at last: that is no proof that whoever took over from it died, too."""
    with ExitStack() as first:
        first.enter_context(frozen(both.journal, approved))
        with other.running(approved.id, lease_seconds=LONG):
            first.close()
            with (
                closing(Journal.open(journal_url)) as third,
                pytest.raises(IllegalMove),
                third.running(approved.id),
            ):
                pass


def test_a_lapsed_lease_that_nobody_took(both: Scene, approved: ChangeSet) -> None:
    """Who was only slow goes on: nobody has settled anything meanwhile, and its lease is as new."""
    with frozen(both.journal, approved) as held:
        with held.writing() as writer:
            writer.move_change_set(approved.id, ChangeSetState.RUNNING)
        (seen,) = holders.views(held.database)

    assert seen.left_seconds > LONG / 2


def test_before_a_call_half_of_the_lease_is_left(both: Scene, approved: ChangeSet) -> None:
    """A fence that holds leaves time for the call: a lease that is nearly over is renewed first."""
    run_with_locks(both, approved)
    with frozen(both.journal, approved) as held:
        held.fence(approved.id)()
        (seen,) = holders.views(held.database)

    assert seen.left_seconds > LONG / 2


def run_with_locks(scene: Scene, change_set: ChangeSet) -> None:
    """Bring a change set to where a fence is asked: running, with its records locked."""
    from recovery import locks

    with scene.journal.writing() as writer:
        locks.lock_records(writer.connection, change_set.id)
        writer.lock_operations(change_set.id)
        writer.move_change_set(change_set.id, ChangeSetState.RUNNING)


def test_many_want_it_at_once(approved: ChangeSet, journal_url: str) -> None:
    """Of many that ask at the same moment exactly one holds it at a time, each with a number of its own."""
    fences: list[int] = []
    refused: list[IllegalMove] = []

    def ask() -> None:
        with closing(Journal.open(journal_url)) as journal:
            for _ in range(5):
                try:
                    with journal.running(approved.id) as held:
                        fences.append(claim_of(held).fence)
                except IllegalMove as error:
                    refused.append(error)

    threads = [Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert 20 == len(fences) + len(refused)
    assert list(range(1, len(fences) + 1)) == sorted(fences)


def test_abandoned(both: Scene, other: Journal, approved: ChangeSet) -> None:
    """What runs and is held by nobody alive is found; what is held, or does not run, is left alone."""
    assert [] == holders.abandoned(other.database)
    run_with_locks(both, approved)

    assert [approved.id] == holders.abandoned(other.database)
    with both.journal.running(approved.id, lease_seconds=LONG):
        assert [] == holders.abandoned(other.database)
        end_its_lease(both.journal, approved)
        assert [approved.id] == holders.abandoned(other.database)


def test_who_takes_over_settles_first(both: Scene, other: Journal, approved: ChangeSet) -> None:
    """Frozen before its call leaves: the next one reads, sends what did not happen, and the call comes to nothing."""
    system = both.system
    apply = system.apply
    calls_made: list[int] = []

    def freeze(calls: Sequence[Call], fence: Fence = no_fence) -> list[Answer]:
        fence()
        calls_made.append(len(calls))
        system.apply = apply  # type: ignore[method-assign]
        end_its_lease(both.journal, approved)
        again = Scene(other, both.erp, system)
        assert ChangeSetState.APPLIED is again.run(approved).state
        return apply(calls, fence)

    system.apply = freeze  # type: ignore[method-assign]
    with pytest.raises(FenceLost):
        both.run(approved)

    assert [3] == calls_made
    assert {1} == set(both.applied().values())
    assert {OperationState.CONFIRMED} == set(both.moved(approved))
    assert other.verify().is_intact
