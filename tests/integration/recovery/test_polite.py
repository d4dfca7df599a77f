"""Systems of other people are treated politely, by all workers together: what one learns, the others know."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import update

from connectors.contract import Answer, Call, Fence, no_fence
from connectors.fake.faults import FaultKind
from core import clock
from core.errors import HeldOff, JournalBusy, OutcomeUnknown, TransientError
from recovery.journal import Journal
from recovery.model import ChangeSet
from recovery.sql.schema_workers import system_state as table
from recovery.states import ChangeSetState
from recovery.stopping.alarms import AlarmKind
from recovery.workers import queue, system_state
from recovery.workers.politeness import QuietHours
from recovery.workers.system_state import ASKED, BREAKER
from tests.integration.recovery.politely import alarms, approved, polite
from tests.integration.recovery.scene import CANCEL, Scene

NIGHT = QuietHours(time(22), time(6), ZoneInfo("Asia/Shanghai"))


def let_pass(scene: Scene, seconds: float) -> None:
    """Let so much time pass for systems that are left alone."""
    with scene.journal.writing() as writer:
        writer.connection.execute(update(table).values(held_until=table.c.held_until - seconds))


@pytest.fixture
def other(both: Scene, journal_url: str) -> Iterator[Scene]:
    """Open the journal a second time, as another worker does."""
    with closing(Journal.open(journal_url)) as journal:
        yield Scene(journal, both.erp, both.system)


# --- quiet hours ----------------------------------------------------------------------------------


def test_quiet_hours(both: Scene) -> None:
    """Nothing is called; the change set waits, says until when, and is queued for that moment."""
    change_set = approved(both)
    before = len(list(both.erp.ledger.lines()))
    evening = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)  # eleven at night
    with clock.fixed(evening), pytest.raises(HeldOff) as caught:
        both.run(change_set, **polite(both, quiet_hours=(NIGHT,)))

    morning = datetime(2026, 11, 22, 22, 0, tzinfo=UTC)
    assert morning == caught.value.details["until"]
    assert ChangeSetState.PAUSED is both.again(change_set).state
    assert "quiet hours" in str(both.again(change_set).note)
    assert before == len(list(both.erp.ledger.lines()))
    with both.journal.reading() as connection, clock.fixed(morning - timedelta(seconds=1)):
        assert [] == queue.due(connection, limit=10)
    with both.journal.reading() as connection, clock.fixed(morning):
        (entry,) = queue.due(connection, limit=10)

    assert change_set.id == entry.change_set_id
    with clock.fixed(morning):
        ended = both.run(change_set, **polite(both, quiet_hours=(NIGHT,)))

    assert ChangeSetState.APPLIED is ended.state
    with both.journal.reading() as connection:
        assert [] == queue.entries(connection)


# --- the breaker ----------------------------------------------------------------------------------


def fail_until_open(scene: Scene, change_set: ChangeSet, after: int) -> None:
    """Let a run fail as often as it takes to open the breaker."""
    scene.fail(FaultKind.BUSY, on="capture", times=after)
    for _ in range(after):
        with pytest.raises(TransientError):
            scene.run(change_set, **polite(scene, breaker_after=after))


def test_what_one_learns_all_know(both: Scene, other: Scene) -> None:
    """After so many failures in a row nobody calls the system any more; people are told once."""
    first, second = approved(both), approved(both)
    fail_until_open(both, first, 3)
    called = len(list(both.erp.ledger.lines()))
    with pytest.raises(HeldOff, match="3 calls in a row failed"):
        other.run(second, **polite(other, breaker_after=3))

    assert called == len(list(both.erp.ledger.lines()))
    assert ChangeSetState.PAUSED is other.again(second).state
    assert [AlarmKind.BREAKER_OPENED.value] == alarms(both)


def test_one_read_closes_it(both: Scene, other: Scene) -> None:
    """When its time is over one read tries the system; it answers, so everything goes on."""
    first, second = approved(both), approved(both)
    fail_until_open(both, first, 2)
    let_pass(both, 120.0)
    ended = other.run(second, **polite(other, breaker_after=2))

    assert ChangeSetState.APPLIED is ended.state
    with both.journal.reading() as connection:
        state = system_state.read_state(connection, both.system.name)
    assert (0.0, None, 0) == (state.held_seconds, state.held_because, state.failure_count)


def test_the_read_that_fails_opens_it_for_longer(both: Scene) -> None:
    """The time alone is doubled, and nobody is told a second time."""
    change_set = approved(both)
    fail_until_open(both, change_set, 2)
    let_pass(both, 120.0)
    both.fail(FaultKind.BUSY, on="capture")
    with pytest.raises(TransientError):
        both.run(change_set, **polite(both, breaker_after=2))
    with both.journal.reading() as connection:
        state = system_state.read_state(connection, both.system.name)

    assert 100 < state.held_seconds <= 120
    assert [AlarmKind.BREAKER_OPENED.value] == alarms(both)


@pytest.mark.parametrize("written", ["all_well", "hold_off"])
def test_what_is_not_written_of_a_call_does_not_undo_it(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, written: str
) -> None:
    """A journal that is busy for a moment after a write makes no undone write of it: it is read back, and sent once."""
    (key,) = scene.orders(1)
    change_set = scene.approve(scene.plan(CANCEL, [key]))
    with scene.journal.writing() as writer:
        system_state.count_failure(writer.connection, scene.system.name)
    if written == "hold_off":
        apply = scene.system.apply

        def no_answer(calls: Sequence[Call], fence: Fence = no_fence) -> list[Answer]:
            apply(calls, fence)
            raise OutcomeUnknown(system=scene.system.name, retry_after=1.0)

        monkeypatch.setattr(scene.system, "apply", no_answer)
    failed: list[str] = []

    def busy_after_the_write(*_: Any, **__: Any) -> bool:
        if scene.applied():
            failed.append(scene.order(key)["state"])
            raise JournalBusy(journal="erp")
        return False

    monkeypatch.setattr(system_state, written, busy_after_the_write)
    done = scene.run(change_set, **polite(scene, breaker_after=9))

    assert ["cancelled"] == failed[:1]
    assert ChangeSetState.APPLIED is done.state
    assert [1] == list(scene.applied().values())


def test_only_one_tries(both: Scene, other: Scene) -> None:
    """Of all workers one reads; the others wait for what it finds."""
    with both.journal.writing() as writer:
        system_state.hold_off(writer.connection, "erp", 60.0, BREAKER)
        assert not system_state.begin_probe(writer.connection, "erp")
    let_pass(both, 120.0)
    with both.journal.writing() as writer:
        assert system_state.begin_probe(writer.connection, "erp")
    with other.journal.writing() as writer:
        assert not system_state.begin_probe(writer.connection, "erp")


@pytest.mark.parametrize("seconds", [0.0, 120.0])
def test_a_write_never_tries(both: Scene, seconds: float) -> None:
    """What opens in the middle of a batch stops its write, also when the time alone is over: a read tries first."""
    change_set = approved(both)
    capture = both.system.capture

    def open_first(steps: Any, known: Any) -> Any:
        images = capture(steps, known)
        with both.journal.writing() as writer:
            system_state.hold_off(writer.connection, both.system.name, 60.0, BREAKER)
        let_pass(both, seconds)
        return images

    both.system.capture = open_first  # type: ignore[method-assign]
    options = polite(both, breaker_after=5)
    with pytest.raises(HeldOff):
        both.run(change_set, **options)
    both.system.capture = capture  # type: ignore[method-assign]

    assert [] == both.sizes()
    let_pass(both, 120.0)
    assert ChangeSetState.APPLIED is both.run(change_set, **options).state


def test_patience_that_it_asked_for(both: Scene, other: Scene) -> None:
    """Retry-After holds for all workers, without any alarm, and nothing has to be tried afterwards."""
    first, second = approved(both), approved(both)
    both.fail(FaultKind.RATE_LIMITED, on="capture", retry_after=600.0)
    with pytest.raises(TransientError):
        both.run(first, **polite(both, breaker_after=9))
    with pytest.raises(HeldOff, match="asked for patience") as caught:
        other.run(second, **polite(other, breaker_after=9))

    assert 590 < (caught.value.details["until"] - clock.now()).total_seconds() <= 601
    assert [] == alarms(both)
    let_pass(both, 601.0)
    assert ChangeSetState.APPLIED is other.run(second, **polite(other, breaker_after=9)).state


def meet(scene: Scene, monkeypatch: pytest.MonkeyPatch, meanwhile: Callable[[], None]) -> None:
    """Run a change set whose first read takes so long that this happens meanwhile; the read ends well."""
    change_set, capture = approved(scene), scene.system.capture

    def slow(steps: Any, known: Any) -> Any:
        monkeypatch.setattr(scene.system, "capture", capture)
        meanwhile()
        return capture(steps, known)

    monkeypatch.setattr(scene.system, "capture", slow)
    with pytest.raises(HeldOff):
        scene.run(change_set, **polite(scene, breaker_after=9))


@pytest.mark.parametrize("because", [ASKED, BREAKER])
def test_an_old_answer_ends_no_patience(
    both: Scene, other: Scene, monkeypatch: pytest.MonkeyPatch, because: str
) -> None:
    """A call that began before the system asked for patience, or failed, and ends well, says nothing of now."""
    name = both.system.name
    with both.journal.writing() as writer:
        system_state.count_failure(writer.connection, name)

    def meanwhile() -> None:
        with both.journal.writing() as writer:
            system_state.count_failure(writer.connection, name)
            system_state.hold_off(writer.connection, name, 300.0, because)

    meet(other, monkeypatch, meanwhile)
    with both.journal.reading() as connection:
        state = system_state.read_state(connection, name)

    assert 290 < state.held_seconds <= 300
    assert (because, 2) == (state.held_because, state.failure_count)
    assert [] == both.sizes()


def test_the_read_that_tries_is_overtaken(
    both: Scene, other: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What failed since it began holds everybody off, though the read itself ends well."""
    name = both.system.name
    with both.journal.writing() as writer:
        system_state.hold_off(writer.connection, name, 60.0, BREAKER)
    let_pass(both, 120.0)

    def meanwhile() -> None:
        with both.journal.writing() as writer:
            system_state.hold_off(writer.connection, name, 300.0, ASKED)

    meet(other, monkeypatch, meanwhile)
    with both.journal.reading() as connection:
        assert 290 < system_state.read_state(connection, name).held_seconds <= 300


# --- pace -----------------------------------------------------------------------------------------


def test_pace_of_all_workers(both: Scene, other: Scene) -> None:
    """Calls that several workers set aside never overlap: together they keep to the rate."""
    waits = []
    for scene in (both, other, both):
        with scene.journal.writing() as writer:
            waits.append(system_state.reserve_calls(writer.connection, "erp", rate=0.1, count=2))

    assert [0, 20, 40] == [round(wait) for wait in waits]


def test_pace_of_one_run(both: Scene) -> None:
    """Each call waits for its time."""
    change_set = approved(both)
    slept: list[float] = []
    sleep = clock.sleep
    clock.sleep = slept.append  # type: ignore[assignment]
    try:
        both.run(change_set, **polite(both, calls_per_second=0.2))
    finally:
        clock.sleep = sleep

    # Captured, sent, read back: five seconds apart, and no time really passed.
    assert [0, 5, 10] == [round(seconds) for seconds in slept[:3]]
