"""Nothing in the journal moves but along the tables, and of two that move the same thing one wins."""

# ruff: noqa: S608 - tables are named by the test

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from threading import Barrier, Thread
from typing import Any

import pytest
from sqlalchemy import select

from connectors.contract import Image, Step
from core.errors import IllegalMove, NotFound, RecordLocked
from core.ids import new_id
from recovery import locks, schema
from recovery.images import encode_image
from recovery.journal import Journal
from recovery.model import ChangeSet, Operation
from recovery.running.outcome import Outcome
from recovery.states import (
    CHANGE_SET_MOVES,
    OPERATION_MOVES,
    ChangeSetState,
    OperationState,
)
from recovery.writing import JournalWriter
from tests.integration.recovery.scene import CANCEL, CLOSE, UPDATE, Scene, make_scene


def test_change_sets_move_along_the_table_alone(both: Scene) -> None:
    """Every pair of states: what the table allows happens, everything else is refused and changes nothing."""
    planned = both.plan(CANCEL, both.orders())
    happened = set()
    for state in ChangeSetState:
        for to in ChangeSetState:
            both.sql("UPDATE change_set SET state = :state", state=state.value)
            with suppress(IllegalMove), both.journal.writing() as writer:
                writer.move_change_set(planned.id, to)
            now = both.again(planned).state
            assert now in (state, to)
            if now is not state:
                happened.add((state, now))

    assert {
        (state, to) for state, targets in CHANGE_SET_MOVES.items() for to in targets
    } == happened


def test_a_refused_move_says_what_it_is(scene: Scene) -> None:
    """The state that it is in, and the one that was asked for."""
    planned = scene.plan(CANCEL, scene.orders())
    with (
        pytest.raises(IllegalMove, match="cannot become running: it is planned"),
        scene.journal.writing() as writer,
    ):
        writer.move_change_set(planned.id, ChangeSetState.RUNNING)


def send(scene: Scene, writer: JournalWriter, operations: Sequence[Operation]) -> None:
    """Store before images and intents of operations, as a run does."""
    images = scene.system.capture([each.step for each in operations], [None] * len(operations))
    encoded = [encode_image(image) for image in images]
    writer.send(operations, encoded, [scene.journal.image_hash(each) for each in encoded])


def _move(writer: JournalWriter, scene: Scene, planned: ChangeSet, to: OperationState) -> bool:
    (operation,) = scene.operations(planned)
    match to:
        case OperationState.PLANNED:
            return False  # nothing can ask for it
        case OperationState.LOCKED:
            return writer.lock_operations(planned.id) == 1
        case OperationState.SENT:
            send(scene, writer, [operation])
        case _:
            writer.settle([Outcome(operation, to)])
    return True


def test_operations_move_along_the_table_alone(both: Scene) -> None:
    """Every pair of states: what the table allows happens, everything else is refused and changes nothing."""
    planned = both.plan(CANCEL, both.orders())
    happened = set()
    for state in OperationState:
        for to in OperationState:
            both.sql("UPDATE operation SET state = :state", state=state.value)
            try:
                with both.journal.writing() as writer:
                    has_moved = _move(writer, both, planned, to)
            except IllegalMove:
                has_moved = False
            assert [to if has_moved else state] == both.moved(planned)
            if has_moved:
                happened.add((state, to))

    # `send` stores the before image and the intent in one step, so it may begin at `locked`.
    allowed = {(state, to) for state, targets in OPERATION_MOVES.items() for to in targets}
    assert allowed | {(OperationState.LOCKED, OperationState.SENT)} == happened


def test_a_state_outside_the_list_is_impossible(both: Scene) -> None:
    """The database itself knows the states."""
    both.plan(CANCEL, both.orders())
    for table in ("change_set", "operation"):
        with pytest.raises(Exception, match=r"damaged.*state"):
            both.sql(f"UPDATE {table} SET state = 'finished'")


def test_an_unknown_change_set_does_not_move(both: Scene) -> None:
    """Neither does it appear."""
    with pytest.raises(NotFound), both.journal.writing() as writer:
        writer.move_change_set(new_id(), ChangeSetState.PLANNED)

    assert [] == both.journal.change_sets()


def test_of_two_journals_one_approves(both: Scene, journal_url: str) -> None:
    """Two processes approve at the same moment: exactly one did, and the history has it once."""
    planned = both.plan(CANCEL, both.orders())
    barrier, results = Barrier(2), list[Any]()

    def approve(journal: Journal) -> None:
        change_set = journal.change_set(planned.id)
        barrier.wait()
        try:
            with journal.writing() as writer:
                writer.move_change_set(change_set.id, ChangeSetState.AWAITING_APPROVAL)
        except IllegalMove as error:
            results.append(error)
        else:
            results.append("won")

    with closing(Journal.open(journal_url)) as other:
        threads = [Thread(target=approve, args=(each,)) for each in (both.journal, other)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert 1 == results.count("won")
    assert ["planned", "awaiting_approval"] == [
        move.to_state for move in both.journal.history(planned.id)
    ]
    assert both.journal.verify().is_intact


def test_who_comes_second_stores_nothing_of_its_commit(both: Scene, journal_url: str) -> None:
    """One operation of a batch was moved by another process: the whole commit is given up, images too."""
    keys = both.orders(2)
    planned = both.approve(both.plan(CANCEL, keys))
    with both.journal.writing() as writer:
        writer.lock_operations(planned.id)
    operations = both.operations(planned)
    both.erp.edit("purchase.order", keys[0], {"note": "another image"})
    with closing(Journal.open(journal_url)) as other, other.writing() as writer:
        send(both, writer, operations[1:])
    with pytest.raises(IllegalMove), both.journal.writing() as writer:
        send(both, writer, operations)

    assert [OperationState.LOCKED, OperationState.SENT] == both.moved(planned)
    assert [(2,)] == [tuple(row) for row in both.sql("SELECT count(*) FROM image")]
    assert both.journal.verify().is_intact


def _overtake(scene: Scene, act: Callable[[], None]) -> None:
    """Let `act` happen once, after the scene's run has captured and before it stores its intents."""
    capture = scene.system.capture

    def overtaken(steps: Sequence[Step], known: Sequence[Image | None]) -> list[Image]:
        images = capture(steps, known)
        scene.system.capture = capture  # type: ignore[method-assign]
        act()
        return images

    scene.system.capture = overtaken  # type: ignore[method-assign]


def test_of_two_runs_that_meet_one_does_everything(both: Scene, journal_url: str) -> None:
    """While one process runs a change set, a second one is told to wait; nothing is sent twice."""
    planned = both.approve(both.plan(CANCEL, both.orders(4)))
    refused: list[IllegalMove] = []
    with closing(Journal.open(journal_url)) as journal:
        other = Scene(journal, both.erp, both.system)

        def meet() -> None:
            with pytest.raises(IllegalMove, match="another process") as error:
                other.run(planned)
            refused.append(error.value)

        _overtake(both, meet)
        both.run(planned)

    assert 1 == len(refused)
    assert ChangeSetState.APPLIED is both.again(planned).state
    assert {1} == set(both.sent().values())
    assert {1} == set(both.applied().values())


def test_a_run_that_was_overtaken_does_not_pause_the_other(both: Scene, journal_url: str) -> None:
    """The change set belongs to who moves it: it is still running."""
    planned = both.approve(both.plan(CANCEL, both.orders(2)))
    with closing(Journal.open(journal_url)) as journal:
        other = Scene(journal, both.erp, both.system)

        def overtake() -> None:
            with journal.writing() as writer:
                send(other, writer, other.operations(planned))

        _overtake(both, overtake)
        with pytest.raises(IllegalMove):
            both.run(planned)

    assert ChangeSetState.RUNNING is both.again(planned).state
    assert [] == both.sizes()


def test_a_locked_record_is_refused(both: Scene) -> None:
    """The second change set on a record is told which one holds it; nothing of it is locked or sent."""
    shared, alone = both.orders(2)
    first = both.approve(both.plan(CANCEL, [shared]))
    both.fail("refused", code="login_failed")
    with pytest.raises(Exception, match="log-in failed"):
        both.run(first)
    second = both.approve(both.plan(UPDATE, [alone, shared], arguments={"note": "x"}))
    sent = both.sizes()

    with pytest.raises(RecordLocked) as caught:
        both.run(second)

    assert ("purchase.order", shared, first.short_id) == (
        caught.value.details["model"],
        caught.value.details["key"],
        caught.value.details["change_set"],
    )
    assert ChangeSetState.APPROVED is both.again(second).state
    assert {OperationState.PLANNED} == set(both.moved(second))
    assert sent == both.sizes()
    with both.journal.reading() as connection:
        holders = connection.execute(select(schema.record_lock.c.change_set_id).distinct())
        assert [first.id] == holders.scalars().all()

    both.run(first)
    # What the first one did is a move since the second was approved, so only its own document is left.
    assert ChangeSetState.PARTLY_APPLIED is both.run(second).state
    assert [] == both.sql("SELECT * FROM record_lock")


def test_records_below_a_document_are_locked(both: Scene) -> None:
    """A change set on an order's line waits for one that closes the order."""
    (order,) = both.orders(state="processing")
    closing_it = both.approve(both.plan(CLOSE, [order]))
    line = both.erp.tables["purchase.line"].children("order", order)[0]
    both.fail("refused", code="login_failed")
    with pytest.raises(Exception, match="log-in failed"):
        both.run(closing_it)
    editing = both.approve(
        both.plan(UPDATE, [line], arguments={"description": "x"}, model="purchase.line")
    )

    with pytest.raises(RecordLocked, match=r"purchase\.(line|order)"):
        both.run(editing)


def test_another_system_has_its_own_records(scene: Scene) -> None:
    """The same model and key in another ERP is another record."""
    (key,) = scene.orders()
    planned = scene.approve(scene.plan(CANCEL, [key]))
    with scene.journal.writing() as writer:
        locks.lock_records(writer.connection, planned.id)
    other = make_scene(scene.journal)
    other.system.name = "other"
    other.orders()

    assert ChangeSetState.APPLIED is other.do(CANCEL, [key]).state


def test_of_two_journals_one_locks(both: Scene, journal_url: str) -> None:
    """Two change sets want the same records at the same moment: one gets all of them, the other none."""
    keys = both.orders(20)
    wanted = [both.approve(both.plan(CANCEL, order)) for order in (keys, keys[::-1])]
    barrier, results = Barrier(2), list[Any]()

    def lock(journal: Journal, change_set: ChangeSet) -> None:
        barrier.wait()
        try:
            with journal.writing() as writer:
                locks.lock_records(writer.connection, change_set.id)
        except RecordLocked as error:
            results.append(error)
        else:
            results.append("won")

    with closing(Journal.open(journal_url)) as other:
        threads = [
            Thread(target=lock, args=pair)
            for pair in zip((both.journal, other), wanted, strict=True)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert 1 == results.count("won")
    assert [(20, 1)] == [
        tuple(row)
        for row in both.sql("SELECT count(*), count(DISTINCT change_set_id) FROM record_lock")
    ]
