"""The next batch is captured while the journal stores the outcome of this one, and no promise is weaker for it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

import pytest

from connectors.contract import Answer, Call, Fence, Image, Step, no_fence
from connectors.fake.faults import FaultKind
from connectors.fake.schema import ORDER
from core import crashpoint
from core.errors import Frozen, JournalBusy, TransientError
from recovery import doubt
from recovery.journal import Journal
from recovery.model import ChangeSet
from recovery.running.outcome import Outcome
from recovery.running.reading_ahead import ReadingAhead
from recovery.states import ChangeSetState, OperationState
from recovery.stopping.frozen import require_thawed
from tests.integration.recovery.politely import AT_ONCE, polite
from tests.integration.recovery.scene import CANCEL, CLOSE, UPDATE, Scene, make_scene

AHEAD = "storno-ahead"


@dataclass
class Watch:
    """Who calls the ERP, with what, and that nobody calls beside anybody else."""

    scene: Scene
    told: list[tuple[str, str, tuple[str, ...]]] = field(default_factory=list)
    actions_ahead: set[str] = field(default_factory=set)
    while_reading: Any = None  # ahead
    after_reading: Any = None

    def __post_init__(self) -> None:
        self._alone = threading.Lock()
        self._capture, self._apply = self.scene.system.capture, self.scene.system.apply
        self.scene.system.capture = self.capture  # type: ignore[method-assign]
        self.scene.system.apply = self.apply  # type: ignore[method-assign]

    def capture(self, steps: Sequence[Step], known: Sequence[Image | None]) -> list[Image]:
        keys = tuple(step.ref.key for step in steps)
        assert self._alone.acquire(blocking=False), "two are in the ERP at a time"
        try:
            self.told.append(("capture", self._who(), keys))
            images = self._capture(steps, known)
            if self._who() == AHEAD and self.while_reading is not None:
                self.while_reading(keys)
        finally:
            self._alone.release()
        if self._who() == AHEAD:
            self.actions_ahead.update(step.action for step in steps)
            if self.after_reading is not None:
                self.after_reading(keys)
        return images

    def apply(self, calls: Sequence[Call], fence: Fence = no_fence) -> list[Answer]:
        assert self._alone.acquire(blocking=False), "two are in the ERP at a time"
        try:
            keys = tuple(call.step.ref.key for call in calls)
            self.told.append(("apply", self._who(), keys))
            return self._apply(calls, fence)
        finally:
            self._alone.release()

    def ahead(self) -> list[tuple[str, ...]]:
        """Return what was captured ahead."""
        return [keys for what, who, keys in self.told if (what, who) == ("capture", AHEAD)]

    def counts(self, what: str) -> dict[str, int]:
        """Return how often each document was captured, or sent."""
        found: dict[str, int] = {}
        for key in (key for each, _, keys in self.told if each == what for key in keys):
            found[key] = found.get(key, 0) + 1
        return found

    def _who(self) -> str:
        name = threading.current_thread().name
        return AHEAD if name.startswith(AHEAD) else "run"


@pytest.fixture
def pairs(journal_url: str) -> Iterator[Scene]:
    """Open the journal on each database in turn, with an ERP that takes two orders a call and compares them."""
    with closing(Journal.open(journal_url)) as journal:
        yield make_scene(journal, batch_size=2, has_compare_and_set=True)


def approved(scene: Scene, keys: Sequence[str]) -> ChangeSet:
    return scene.approve(scene.plan(CANCEL, keys))


def test_every_batch_but_the_first(pairs: Scene) -> None:
    """Each is captured once before its call, after the batch before it was read back, and all end as planned."""
    keys = pairs.orders(6)
    planned = approved(pairs, keys)
    watch = Watch(pairs)
    done = pairs.run(planned)
    one, two, three = tuple(keys[:2]), tuple(keys[2:4]), tuple(keys[4:])

    assert ChangeSetState.APPLIED is done.state
    assert [
        ("capture", "run", one),
        ("apply", "run", one),
        ("capture", "run", one),
        ("capture", AHEAD, two),
        ("apply", "run", two),
        ("capture", "run", two),
        ("capture", AHEAD, three),
        ("apply", "run", three),
        ("capture", "run", three),
    ] == watch.told


def test_it_reads_while_the_journal_stores(pairs: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """The outcome of a batch is on disk before the reading of the next one has to have ended."""
    planned = approved(pairs, pairs.orders(4))
    stored = threading.Event()

    def reached(name: str) -> None:
        if name == "apply.after_outcome":
            stored.set()

    monkeypatch.setattr("recovery.running.batch.crashpoint", reached)
    watch = Watch(pairs, after_reading=lambda _: stored.wait(20) or pytest.fail("it waits"))

    assert ChangeSetState.APPLIED is pairs.run(planned).state
    assert 1 == len(watch.ahead())


def test_a_change_after_the_reading_is_met_by_the_call(pairs: Scene) -> None:
    """Somebody else wrote in between: nothing of it is overwritten, and the document ends as it would have."""
    keys = pairs.orders(6)
    planned = approved(pairs, keys)

    def somebody_writes(read: tuple[str, ...]) -> None:
        if keys[3] in read:
            pairs.erp.edit(ORDER, keys[3], {"priority": 7})

    Watch(pairs, after_reading=somebody_writes)
    done = pairs.run(planned)

    assert "quotation" == pairs.order(keys[3])["state"]
    assert 7 == pairs.order(keys[3])["priority"]
    states = pairs.moved(done)
    assert [OperationState.CONFIRMED] * 5 == states[:3] + states[4:]
    assert states[3] in {OperationState.DROPPED, OperationState.REFUSED}
    assert ChangeSetState.PARTLY_APPLIED is done.state


def test_nothing_is_read_ahead_where_no_call_compares(journal_url: str) -> None:
    """There an image is as fresh as it can be."""
    with closing(Journal.open(journal_url)) as journal:
        scene = make_scene(journal, batch_size=2, has_compare_and_set=False)
        planned = approved(scene, scene.orders(6))
        watch = Watch(scene)

        assert ChangeSetState.APPLIED is scene.run(planned).state
        assert [] == watch.ahead()


def test_nothing_is_read_ahead_of_a_system_that_is_to_be_spared(pairs: Scene) -> None:
    """Each of its calls waits for its turn."""
    planned = approved(pairs, pairs.orders(6))
    watch = Watch(pairs)
    done = pairs.run(planned, **polite(pairs, calls_per_second=1000.0))

    assert ChangeSetState.APPLIED is done.state
    assert [] == watch.ahead()


def test_a_link_waits_for_what_the_link_before_it_left(pairs: Scene) -> None:
    """Its evidence is stored with the outcome of the batch before."""
    planned = pairs.approve(pairs.plan(CLOSE, pairs.orders(4, state="processing")))
    watch = Watch(pairs)
    done = pairs.run(planned)
    operations = pairs.operations(done)
    links = {each.step.action for each in operations if each.approved_hash is None}

    assert ChangeSetState.APPLIED is done.state
    assert links
    assert links.isdisjoint(watch.actions_ahead)


def test_a_lost_answer_is_settled_alone(pairs: Scene) -> None:
    """Nothing is read ahead when a call ended otherwise than well; each document is sent once."""
    keys = pairs.orders(6)
    planned = approved(pairs, keys)
    pairs.fail(FaultKind.LOST)
    watch = Watch(pairs)
    done = pairs.run(planned)

    assert ChangeSetState.APPLIED is done.state
    assert {1} == set(pairs.sent().values()) == set(pairs.applied().values())
    assert [tuple(keys[4:])] == watch.ahead()


def test_what_was_sent_before_is_captured_when_its_turn_has_come(pairs: Scene) -> None:
    """It may still arrive: the later it is looked at, the better."""
    keys = pairs.orders(4)
    planned = approved(pairs, keys)
    pairs.fail(FaultKind.LOST, is_applied=False, times=2)
    watch = Watch(pairs)
    done = pairs.run(planned)

    assert ChangeSetState.APPLIED is done.state
    assert {1} == set(pairs.applied().values())
    assert {2} == set(pairs.sent().values())
    assert [] == watch.ahead()


def test_nothing_is_read_ahead_when_nobody_can_read(pairs: Scene) -> None:
    """What was done could not be read back: the run ends, and asks nothing more."""
    planned = approved(pairs, pairs.orders(4))
    watch, capture = Watch(pairs), pairs.system.capture

    def deaf_after_a_call(steps: Sequence[Step], known: Sequence[Image | None]) -> list[Image]:
        if watch.counts("apply"):
            raise TransientError(system="fake", problem="gone")
        return capture(steps, known)

    pairs.system.capture = deaf_after_a_call  # type: ignore[method-assign]
    with (
        pytest.raises(TransientError),
        mock.patch.object(ReadingAhead, "start", side_effect=AssertionError),
    ):
        pairs.run(planned, retry=AT_ONCE)


def test_a_busy_system_is_asked_again(pairs: Scene) -> None:
    """A reading ahead that met a busy system is one try of the batch that it was for."""
    keys = pairs.orders(4)
    planned = approved(pairs, keys)
    watch, is_first = Watch(pairs), [True]

    def busy_once(_: tuple[str, ...]) -> None:
        if is_first.pop():
            raise TransientError(system="fake", problem="busy")

    watch.after_reading = busy_once
    done = pairs.run(planned)

    assert ChangeSetState.APPLIED is done.state
    assert {1} == set(pairs.applied().values())
    # Once ahead, once again; and each after its call.
    assert 3 == watch.counts("capture")[keys[2]]


def test_a_journal_that_fails_leaves_nobody_reading(
    pairs: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process dies while the outcome is stored: the reading has ended by then, and the next run settles."""
    keys = pairs.orders(4)
    planned = approved(pairs, keys)
    reading, let_go = threading.Event(), threading.Event()

    def wait(_: tuple[str, ...]) -> None:
        reading.set()
        let_go.wait(20)

    class Died(BaseException):
        pass

    def reached(name: str) -> None:
        if name == "apply.after_outcome":
            assert reading.wait(20)
            threading.Timer(0.05, let_go.set).start()
            raise Died

    monkeypatch.setattr("recovery.running.batch.crashpoint", reached)
    watch = Watch(pairs, after_reading=wait)
    with pytest.raises(Died):
        pairs.run(planned)
    assert let_go.is_set()
    assert [] == [each for each in threading.enumerate() if each.name.startswith(AHEAD)]
    assert {keys[0]: 1, keys[1]: 1} == watch.counts("apply")

    monkeypatch.setattr("recovery.running.batch.crashpoint", crashpoint.crashpoint)
    assert ChangeSetState.APPLIED is pairs.run(planned).state
    assert {1} == set(pairs.applied().values())


def test_a_journal_that_is_busy_leaves_nobody_reading(
    pairs: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The outcome could not be stored at once: what was sent is read again, and by then nobody else reads."""
    planned = approved(pairs, pairs.orders(4))
    reading, is_first = threading.Event(), [True]

    def dawdle(_: tuple[str, ...]) -> None:
        reading.set()
        threading.Event().wait(0.2)

    def busy_once(journal: Journal, outcomes: Sequence[Outcome]) -> None:
        if is_first and is_first.pop():
            assert reading.wait(20)
            raise JournalBusy(journal="here")
        store(journal, outcomes)

    store = doubt.store
    monkeypatch.setattr("recovery.doubt.store", busy_once)
    Watch(pairs, while_reading=dawdle)

    assert ChangeSetState.APPLIED is pairs.run(planned).state
    assert {1} == set(pairs.applied().values())


def test_a_batch_of_another_action_waits_for_its_turn(pairs: Scene) -> None:
    """What may be asked at once, and whether the call compares, is for each action to say."""
    first, second = pairs.orders(4), pairs.orders(2)
    chains = [
        *pairs.chains(CANCEL, first),
        *pairs.chains(UPDATE, second, arguments={"priority": 5}),
    ]
    planned = pairs.approve(pairs.store(chains))
    watch = Watch(pairs)

    assert ChangeSetState.APPLIED is pairs.run(planned).state
    assert [tuple(first[2:])] == watch.ahead()


def test_a_freeze_meanwhile_holds(pairs: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was read ahead is not sent when somebody froze it since."""
    keys = pairs.orders(4)
    planned = approved(pairs, keys)
    watch = Watch(pairs)

    def frozen(*given: Any, **more: Any) -> None:
        if watch.ahead():
            raise Frozen(what="all", by="li", reason="stop")
        require_thawed(*given, **more)

    monkeypatch.setattr("recovery.running.batch.require_thawed", frozen)
    with pytest.raises(Frozen):
        pairs.run(planned)

    assert ["cancelled"] * 2 + ["quotation"] * 2 == pairs.states(keys)


def test_what_shares_a_record_is_captured_after_the_batch_before_it(pairs: Scene) -> None:
    """Two operations on one order in one plan: the second finds what the first left, however it was captured."""
    keys = pairs.orders(3)
    chains = [
        *pairs.chains(UPDATE, keys[:2], arguments={"priority": 5}),
        *pairs.chains(UPDATE, [keys[0], keys[2]], arguments={"attachment": "b"}),
    ]
    planned = pairs.approve(pairs.store(chains))
    watch = Watch(pairs)
    done = pairs.run(planned)
    first, _, second, _ = pairs.operations(done)
    images = pairs.journal.images([first.after_hash, second.before_hash])

    assert [OperationState.CONFIRMED] * 4 == pairs.moved(done)
    assert [(keys[0], keys[2])] == watch.ahead()
    assert images[str(first.after_hash)] == images[str(second.before_hash)]


def test_a_stop_between_two_batches_leaves_nobody_reading(pairs: Scene) -> None:
    """Whoever stops a run finds that it has ended."""
    keys = pairs.orders(6)
    planned = approved(pairs, keys)
    watch = Watch(pairs)
    done = pairs.run(planned, should_stop=lambda: bool(watch.ahead()))

    assert ChangeSetState.RUNNING is done.state
    assert [] == [each for each in threading.enumerate() if each.name.startswith(AHEAD)]
    assert ["cancelled"] * 2 + ["quotation"] * 4 == pairs.states(keys)
