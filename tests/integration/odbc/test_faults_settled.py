"""Faults of real servers in the middle of a run: each ends settled, nothing twice, nothing lost, and the journal knows."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Final

import pytest

from connectors.contract import Fence
from connectors.odbc.session import Session
from core import clock
from core.errors import (
    Busy,
    FenceLost,
    StornoError,
    TransientError,
    Unreachable,
)
from recovery.journal import Journal
from recovery.states import ChangeSetState, OperationState
from tests.integration.odbc.ground import HEAD, LINES, Ground

pytestmark = pytest.mark.timeout(180)

COUNT: Final = 8
APPLIED, PAUSED = ChangeSetState.APPLIED, ChangeSetState.PAUSED
CONFIRMED, REFUSED = OperationState.CONFIRMED, OperationState.REFUSED

on_a_server = pytest.mark.parametrize("ground", ["postgresql", "mariadb"], indirect=True)


def kill(ground: Ground, victim: Session) -> None:
    """End the server's side of a session, as an administrator does."""
    if ground.backend == "postgresql":
        ((number,),) = victim.rows("select pg_backend_pid()")
        end(ground, number)
    else:
        ((number,),) = victim.rows("select connection_id()")
        end(ground, number)


def end(ground: Ground, number: int) -> None:
    with ground.somebody_else() as session:
        if ground.backend == "postgresql":
            session.rows(f"select pg_terminate_backend({number})")
            session.rollback()
            while session.rows(f"select 1 from pg_stat_activity where pid = {number}"):
                session.rollback()
        else:
            session.change(f"kill {number}")


def at_the_fence(
    monkeypatch: pytest.MonkeyPatch, fault: Callable[[], None], times: int = 1
) -> None:
    """Let a fault happen at the last moment before the COMMIT."""
    fence = Journal.fence
    left = [times]

    def faulty(journal: Journal, change_set_id: str) -> Fence:
        held = fence(journal, change_set_id)

        def ask() -> None:
            if left[0]:
                left[0] -= 1
                fault()
            held()

        return ask

    monkeypatch.setattr(Journal, "fence", faulty)


def writer(ground: Ground) -> Session:
    session = ground.system._database._writer
    assert session is not None
    return session


# --- a backend that is killed ---------------------------------------------------------------------


@on_a_server
def test_killed_before_the_commit(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    """Certain that nothing happened: the same batch passes on a new connection, in the same run."""
    before, numbers = ground.dump(), ground.numbers(COUNT)
    change, killed = Session.change, list[int]()

    def dying(self: Session, *given: Any, **more: Any) -> int:
        if not killed:
            killed.append(1)
            kill(ground, self)
        return change(self, *given, **more)

    monkeypatch.setattr(Session, "change", dying)
    done = ground.run(ground.approved(numbers))

    assert killed
    assert done.state is APPLIED
    ground.settled(done, before)


@on_a_server
def test_killed_at_the_last_moment(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    """The COMMIT meets a dead connection: the rows tell that nothing happened, and it is done again."""
    before, numbers = ground.dump(), ground.numbers(COUNT)
    at_the_fence(monkeypatch, lambda: kill(ground, writer(ground)))
    done = ground.run(ground.approved(numbers))

    assert done.state is APPLIED
    ground.settled(done, before)


@on_a_server
def test_killed_right_after_the_commit(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    """The COMMIT was answered: the run ends as it would have, nothing is tried again, no number is lost."""
    before, numbers = ground.dump(), ground.numbers(COUNT)
    commit, killed = Session.commit, list[int]()

    def dying(self: Session) -> None:
        is_ours = self.has_written and self.database is ground.system._database
        commit(self)
        if is_ours and not killed:
            killed.append(1)
            kill(ground, self)

    monkeypatch.setattr(Session, "commit", dying)
    done = ground.run(ground.approved(numbers))

    assert killed
    assert done.state is APPLIED
    assert set(ground.states(done).values()) == {CONFIRMED}
    ground.settled(done, before)


@pytest.mark.parametrize("ground", ["postgresql"], indirect=True)
def test_killed_during_the_commit(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server is at work on the COMMIT when it dies: read under a lock, it did not happen, and is done again."""
    ground.sql(
        "create function dawdle() returns trigger language plpgsql as"
        " 'begin perform pg_sleep(0.7); return null; end'",
        f'create constraint trigger dawdle after update on "{LINES}" deferrable initially deferred'
        " for each row execute function dawdle()",
    )
    before, numbers = ground.dump(), ground.numbers(2)
    threads = list[threading.Thread]()

    def soon() -> None:
        ((number,),) = writer(ground).rows("select pg_backend_pid()")
        threads.append(threading.Timer(0.4, end, (ground, number)))
        threads[-1].start()

    at_the_fence(monkeypatch, soon)
    done = ground.run(ground.approved(numbers))
    for thread in threads:
        thread.join()

    assert threads
    assert done.state is APPLIED
    ground.sql(f'drop trigger dawdle on "{LINES}"')
    ground.settled(done, before)


@pytest.mark.parametrize("ground", ["mariadb"], indirect=True)
def test_killed_while_the_commit_waits(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    """A COMMIT that waits for a backup's lock is killed there: the rows tell, and nothing is done twice."""
    before, numbers = ground.dump(), ground.numbers(2)
    with ground.somebody_else() as backup:

        def hold_commits() -> None:
            ((number,),) = writer(ground).rows("select connection_id()")
            backup.rows("select 1")
            backup.change("flush tables with read lock")
            threads.append(threading.Timer(0.4, free, (number,)))
            threads[-1].start()

        def free(number: int) -> None:
            end(ground, number)
            backup.change("unlock tables")

        threads = list[threading.Thread]()
        at_the_fence(monkeypatch, hold_commits)
        done = ground.run(ground.approved(numbers))
        for thread in threads:
            thread.join()

    assert threads
    assert done.state is APPLIED
    ground.settled(done, before)


@on_a_server
def test_killed_after_the_commit(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was done and the answer never came: the rows tell, and it is not done again."""
    before, numbers = ground.dump(), ground.numbers(COUNT)
    commit, lost = Session.commit, list[int]()

    def lose_the_answer(self: Session) -> None:
        commit(self)
        if not lost:
            lost.append(1)
            kill(ground, self)
            commit(self)  # What the driver says of a dead connection.

    monkeypatch.setattr(Session, "commit", lose_the_answer)
    done = ground.run(ground.approved(numbers))

    assert lost
    assert done.state is APPLIED
    ground.settled(done, before)


@on_a_server
def test_killed_before_it_is_read_back(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reading connection that dies is opened anew; what was done is confirmed."""
    before, numbers = ground.dump(), ground.numbers(COUNT)

    def kill_the_reader() -> None:
        session = ground.system._database._session
        assert session is not None
        kill(ground, session)

    at_the_fence(monkeypatch, kill_the_reader)
    done = ground.run(ground.approved(numbers))

    assert done.state is APPLIED
    ground.settled(done, before)


@on_a_server
def test_a_server_that_is_gone_for_a_while(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither an answer nor the rows: in doubt, paused with what to do; the next run reads and goes on."""
    before, numbers = ground.dump(), ground.numbers(COUNT)
    approved = ground.approved(numbers)
    monkeypatch.setattr(clock, "sleep", lambda _: None)
    with monkeypatch.context() as patched:

        def refuse(*_: Any, **__: Any) -> Session:
            raise Unreachable(system="erp", problem="no route to host")

        commit = Session.commit

        def commit_and_go(self: Session) -> None:
            commit(self)
            kill(ground, self)
            for session in (ground.system._database._session, self):
                if session is not None:
                    session.drop()
            patched.setattr(type(ground.system._database), "open", refuse)
            commit(self)

        patched.setattr(Session, "commit", commit_and_go)
        with pytest.raises(TransientError):
            ground.run(approved, seconds=0.2)
        paused = ground.again(approved)

        assert paused.state is PAUSED
        assert "no route to host" in str(paused.note)
        assert set(ground.states(approved).values()) == {OperationState.IN_DOUBT}

    done = ground.run(approved)

    assert done.state is APPLIED
    ground.settled(done, before)


# --- locks ----------------------------------------------------------------------------------------


def hold(ground: Ground, session: Session, number: str) -> None:
    """Hold an order's header, as a colleague does who has it open in a program that locks."""
    first, second = number.split("-")
    if ground.backend == "sqlite":
        session.begin()
        return
    quote = session.dialect.quote
    session.change(
        f"update {quote(HEAD)} set {quote('TC004')} = {quote('TC004')}"
        f" where {quote('TC001')} = ? and {quote('TC002')} = ?",
        (first.ljust(4), second.ljust(11)),
    )


def test_a_lock_that_is_not_given_back(ground: Ground) -> None:
    """The run waits as long as the server lets it, then pauses; when the colleague is done it goes on."""
    before, numbers = ground.dump(), ground.numbers(COUNT)
    approved = ground.approved(numbers)
    with ground.somebody_else() as colleague:
        hold(ground, colleague, numbers[3])
        with pytest.raises(Busy):
            ground.run(approved, seconds=0.5)
        colleague.rollback()

    assert ground.again(approved).state is PAUSED
    assert ground.writes(before) == {}
    done = ground.run(approved)
    assert done.state is APPLIED
    ground.settled(done, before)


def test_a_lock_that_is_given_back(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy row is waited for, and the run never knows."""
    before, numbers = ground.dump(), ground.numbers(COUNT)
    approved = ground.approved(numbers)
    sleep = clock.sleep
    with ground.somebody_else() as colleague:
        hold(ground, colleague, numbers[3])

        def wait(seconds: float) -> None:
            colleague.rollback()
            sleep(min(seconds, 0.1))

        monkeypatch.setattr(clock, "sleep", wait)
        done = ground.run(approved)

    assert done.state is APPLIED
    ground.settled(done, before)


@on_a_server
def test_a_deadlock(ground: Ground) -> None:
    """Whoever is the victim: our batch is done once, and the colleague's work stands or was told to be gone."""
    before, numbers = ground.dump(), ground.numbers(COUNT)
    approved = ground.approved(numbers)
    told = list[StornoError | None]()
    with ground.somebody_else() as colleague:
        hold(ground, colleague, numbers[5])

        def cross() -> None:
            clock.sleep(0.4)  # Until our run holds the first orders and waits for this one.
            try:
                hold(ground, colleague, numbers[0])
                colleague.commit()
                told.append(None)
            except StornoError as error:
                told.append(error)

        crossing = threading.Thread(target=cross)
        crossing.start()
        done = ground.run(approved)
        crossing.join()

    assert len(told) == 1
    assert done.state is APPLIED
    ground.settled(done, before)


# --- the fence ------------------------------------------------------------------------------------


def test_who_lost_the_change_set_commits_nothing(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lock is gone when the rows are written and not committed: nothing stays, and another run does it once."""
    before, numbers = ground.dump(), ground.numbers(COUNT)
    approved = ground.approved(numbers)

    def lose() -> None:
        with ground.journal.writing() as journal_writer:
            journal_writer.move_change_set(approved.id, PAUSED)

    with monkeypatch.context() as patched:
        at_the_fence(patched, lose)
        with pytest.raises(FenceLost):
            ground.run(approved)

    assert before == ground.dump()
    assert set(ground.states(approved).values()) == {OperationState.SENT}
    monkeypatch.setattr(clock, "sleep", lambda _: None)
    done = ground.run(approved)
    assert done.state is APPLIED
    ground.settled(done, before)
