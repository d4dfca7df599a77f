"""Alarms: written with what they tell, addressed once, kept for one deliverer at a time, tried again, given up."""

from __future__ import annotations

from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from threading import Barrier, Thread

import pytest

from config.notify import EVERYTHING
from core import clock
from recovery.doubt import decide
from recovery.journal import Journal
from recovery.model import Actor
from recovery.states import OperationState
from recovery.stopping import alarms
from recovery.stopping.alarms import LEASE, MOST_TRIES, TOO_OLD, AlarmKind, Delivery, raise_alarm
from service.notify import Courier, Person
from service.text import Language
from tests.integration.recovery.scene import CANCEL, MEI, Scene

ALL = frozenset(AlarmKind)
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
THREADS = 4
MANY = 600  # for two people; SQLite takes at most 1000 conditions
_TRIED = "SELECT sum(try_count) FROM alarm_delivery"


@pytest.fixture
def noon(monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    """Set the clock; what is put first into the list is the time from then on."""
    now = [NOON]
    monkeypatch.setattr(clock, "now", lambda: now[0])
    return now


def told(scene: Scene) -> list[tuple[str, str, int]]:
    """Return kind, system and number of every alarm, in order."""
    rows = scene.sql("SELECT kind, system, how_many FROM alarm ORDER BY id")
    return [tuple(row) for row in rows]


def raised(journal: Journal, kind: AlarmKind = AlarmKind.FROZEN) -> None:
    """Raise one alarm."""
    with journal.writing() as writer:
        raise_alarm(writer.connection, kind, actor=MEI)


def addressed(journal: Journal, *people: str) -> int:
    """Address what is new to people who want everything."""
    with journal.aside() as connection:
        return alarms.address(connection, dict.fromkeys(people, ALL))


def claimed(journal: Journal, *people: str, again: bool = False) -> Delivery | None:
    """Claim one delivery."""
    with journal.aside() as connection:
        return alarms.claim(connection, people or ("mei",), again=again)


def fail(journal: Journal, delivery: Delivery) -> None:
    """Store that it failed."""
    with journal.aside() as connection:
        alarms.failed(connection, delivery, "no")


def test_an_answer_that_was_lost_raises_one_alarm(both: Scene) -> None:
    """In the commit that stores the doubt; what reading settles later takes nothing back."""
    keys = both.orders(3)
    both.fail("lost")
    both.do(CANCEL, keys)

    assert [("in_doubt", "fake", 3)] == told(both)


def test_what_a_person_must_look_at_raises_one_alarm(both: Scene) -> None:
    """With the number of operations that wait; settling them raises nothing."""
    keys = both.orders(2)
    both.fail("lost", is_applied=False)
    both.fail("edit", key=keys[0], changes={"note": "x"})
    paused = both.do(CANCEL, keys)
    alarmed = told(both)
    decide(
        both.journal, both.systems, paused.id, 1, to=OperationState.REFUSED, actor=MEI, reason="x"
    )

    assert [("in_doubt", "fake", 2), ("needs_person", "fake", 1)] == alarmed
    assert alarmed == told(both)


def test_a_doubt_that_ends_in_its_own_commit_raises_none(both: Scene) -> None:
    """A process that died is settled when somebody goes on: nobody needs to know of a doubt of no length."""
    both.fail("unreachable", on="capture", nth=2, times=10**6)
    change_set = both.approve(both.plan(CANCEL, both.orders(2)))
    with pytest.raises(Exception, match="cannot be reached"):
        both.run(change_set)
    both.erp.faults.clear()
    both.run(change_set)

    assert [] == told(both)


def test_what_is_rolled_back_raises_nothing(both: Scene) -> None:
    """An alarm lives in the transaction of what it tells."""
    with suppress(ZeroDivisionError), both.journal.writing() as writer:
        raise_alarm(writer.connection, AlarmKind.RUN_STOPPED, system="fake")
        raise ZeroDivisionError

    assert [] == told(both)


def test_an_alarm_is_addressed_once(both: Scene) -> None:
    """To those who want its kind at that moment; while nobody is named, it waits."""
    raised(both.journal)

    assert 0 == addressed(both.journal)
    with both.journal.aside() as connection:
        made = alarms.address(
            connection,
            {
                "mei": ALL,
                "li": frozenset({AlarmKind.FROZEN}),
                "wang": frozenset({AlarmKind.THAWED}),
            },
        )
    assert 2 == made
    assert 0 == addressed(both.journal, "mei", "anna")


def test_what_is_old_is_not_told_to_new_people(both: Scene, noon: list[datetime]) -> None:
    """A week later it is history."""
    raised(both.journal)
    noon[0] += TOO_OLD + timedelta(seconds=1)
    raised(both.journal, AlarmKind.THAWED)

    assert 1 == addressed(both.journal, "mei")
    found = claimed(both.journal)
    assert found is not None
    assert AlarmKind.THAWED is found.alarm.kind


def test_a_delivery_is_kept_for_one_process(both: Scene, noon: list[datetime]) -> None:
    """For a minute; then its process is dead, and another one tries."""
    raised(both.journal)
    addressed(both.journal, "mei")
    first = claimed(both.journal)

    assert first is not None
    assert claimed(both.journal) is None

    noon[0] += LEASE
    second = claimed(both.journal)

    assert second is not None
    assert 1 == second.try_count


def test_what_fails_is_tried_again_and_given_up(both: Scene, noon: list[datetime]) -> None:
    """Later each time, for about a day; a person can try at once."""
    raised(both.journal)
    addressed(both.journal, "mei")
    waits = list[float]()
    tried = 0
    while (found := claimed(both.journal)) is not None:
        tried += 1
        fail(both.journal, found)
        with both.journal.reading() as connection:
            (stored,) = alarms.deliveries(connection, limit=5)
        if stored.due_at is None:
            break
        waits.append((stored.due_at - noon[0]).total_seconds())
        noon[0] = stored.due_at

    assert [30, 120, 600, 1800, 3600, 3600] == waits[:6]
    assert MOST_TRIES == tried
    assert timedelta(hours=23) < timedelta(seconds=sum(waits)) < timedelta(hours=25)
    assert claimed(both.journal) is None
    assert claimed(both.journal, again=True) is not None


def test_what_was_delivered_is_never_claimed_again(both: Scene) -> None:
    """Not even by a person who tries everything again."""
    raised(both.journal)
    addressed(both.journal, "mei", "li")
    found = claimed(both.journal, "mei")
    assert found is not None
    with both.journal.aside() as connection:
        alarms.delivered(connection, found)

    assert claimed(both.journal, "mei", again=True) is None
    assert claimed(both.journal, "li", again=True) is not None


def test_processes_never_claim_the_same_delivery(both: Scene, journal_url: str) -> None:
    """Each of many deliveries goes to one of those who ask at once."""
    for _ in range(10):
        raised(both.journal)
    taken = list[tuple[str, str]]()
    barrier = Barrier(THREADS)

    def work() -> None:
        with closing(Journal.open(journal_url)) as journal:
            barrier.wait()
            addressed(journal, "mei", "li")
            # More than there are would be twice; the limit lets such a test end.
            while len(taken) < 50 and (found := claimed(journal, "mei", "li")) is not None:
                taken.append((found.alarm.id, found.person))

    threads = [Thread(target=work) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert 20 == len(taken) == len(set(taken))


@pytest.mark.parametrize("problem", [None, "nobody answers"])
def test_a_long_round_comes_to_its_end(both: Scene, problem: str | None) -> None:
    """However many wait, as after a night without a mail server: each is tried once."""
    with both.journal.aside() as connection:
        for _ in range(MANY):
            raise_alarm(connection, AlarmKind.IN_DOUBT, system="fake")
    people = {name: Person(name, ("x://y",), ALL, Language()) for name in ("mei", "li")}
    courier = Courier(both.journal, people, post=lambda *_: problem)
    done = courier.deliver(again=True)

    assert (2 * MANY, 2 * MANY) == (done.sent + done.failed, both.sql(_TRIED)[0][0])
    assert (problem is None) == (done.failed == 0)


def test_alarms_are_no_history(both: Scene) -> None:
    """Delivering moves nothing in the audit chain, and the journal stays whole."""
    raised(both.journal)
    addressed(both.journal, "mei")
    claimed(both.journal)
    report = both.journal.verify()

    assert report.is_intact
    assert 0 == report.line_count


def test_the_settings_know_every_kind() -> None:
    """What people can be told of has the same words in storno.yaml."""
    assert {kind.value for kind in AlarmKind} == set(EVERYTHING)


def test_an_actor_stands_in_an_alarm(both: Scene) -> None:
    """By name alone."""
    with both.journal.writing() as writer:
        raise_alarm(writer.connection, AlarmKind.FROZEN, actor=Actor("anna"))

    assert [("anna",)] == [tuple(row) for row in both.sql("SELECT actor FROM alarm")]
