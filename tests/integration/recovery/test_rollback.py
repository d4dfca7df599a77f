"""A rollback is a change set: planned, run, and itself taken back; it gives back what was ours and no more."""

from __future__ import annotations

import pytest

from connectors.contract import Executor, Reversibility
from connectors.fake.schema import ORDER
from core.errors import BadInput, IllegalMove, LoginFailed, NotFound
from recovery.apply import stop
from recovery.model import Purpose
from recovery.reversing.preview import Status, preview
from recovery.reversing.selection import Selection
from recovery.states import ChangeSetState, OperationState
from tests.integration.recovery.scene import CANCEL, CLOSE, MEI, Scene

CONFIRMED, DROPPED = OperationState.CONFIRMED, OperationState.DROPPED
PERIOD_CLOSE = "accounting_period.close"


@pytest.mark.parametrize("action, state", [(CANCEL, "quotation"), (CLOSE, "processing")])
def test_an_exact_rollback_gives_everything_back(both: Scene, action: str, state: str) -> None:
    """The ERP is as it was but for the stamps of the trace, and both change sets say so."""
    keys = both.orders(3, state=state)
    before = both.erp.dump(with_trace=False)
    done = both.do(action, keys)
    back = both.roll_back(done)

    assert before == both.erp.dump(with_trace=False)
    assert (ChangeSetState.APPLIED, Purpose.ROLLBACK, done.id) == (
        back.state,
        back.purpose,
        back.reverses_id,
    )
    assert ChangeSetState.ROLLED_BACK is both.again(done).state
    assert [{"is_exact": True}] * len(both.operations(done)) == [
        each.result for each in both.operations(back)
    ]
    assert {each.id for each in both.operations(done)} == {
        each.reverses_operation_id for each in both.operations(back)
    }
    assert both.journal.verify().is_intact


def test_a_preview_changes_nothing(scene: Scene) -> None:
    """Neither in the ERP nor in the journal."""
    done = scene.do(CANCEL, scene.orders(3))
    before, lines = scene.erp.dump(), scene.journal.verify().line_count
    found = scene.preview(done)

    assert [Status.CLEAN] * 3 == [item.status for item in found.items]
    assert {Reversibility.EXACT} == {item.reversibility for item in found.items}
    assert done.id == found.reverses_id
    assert (before, lines, [3]) == (
        scene.erp.dump(),
        scene.journal.verify().line_count,
        scene.sizes(),
    )


def test_the_newest_is_taken_back_first(scene: Scene) -> None:
    """Documents and links go backwards."""
    keys = scene.orders(2, state="processing")
    done = scene.do(CLOSE, keys)
    items = scene.preview(done).items

    assert keys[::-1] == [item.last.ref.key for item in items]
    assert ["reopen_header", "reopen_lines", "restore_remainder"] == [
        step.action.removeprefix("purchase_order.") for step, _ in items[0].steps
    ]


# --- which operations ---------------------------------------------------------------------------


def test_some_documents_of_a_change_set(both: Scene) -> None:
    """`--only` takes back those; the rest stands, and may be taken back later."""
    keys = both.orders(3)
    done = both.do(CANCEL, keys)
    both.roll_back(done, "PO0002")

    assert ["cancelled", "quotation", "cancelled"] == both.states(keys)
    assert ChangeSetState.PARTLY_ROLLED_BACK is both.again(done).state

    both.roll_back(done)

    assert ["quotation"] * 3 == both.states(keys)
    assert ChangeSetState.ROLLED_BACK is both.again(done).state


def test_documents_that_are_not_in_the_change_set_are_named(scene: Scene) -> None:
    """All of them."""
    done = scene.do(CANCEL, scene.orders(2))

    with pytest.raises(NotFound, match="PO0008, PO0009"):
        scene.preview(done, "PO0001", "PO0009", "PO0008")


def test_documents_by_their_numbers(both: Scene) -> None:
    """Of each, what was done last and still stands, in whatever change sets."""
    keys = both.orders(3)
    first = both.do(CANCEL, keys[:2])
    second = both.do(CANCEL, keys[2:])
    both.update(keys[0], note="later")
    back = both.run(
        both.approve(both.plan_rollback(Selection(numbers=("PO0001", "PO0002", "PO0003"))))
    )

    # Of the first document it is the note that was changed last.
    assert ["cancelled", "quotation", "quotation"] == both.states(keys)
    assert "" == both.order(keys[0])["note"]
    assert back.reverses_id is None
    assert ChangeSetState.PARTLY_ROLLED_BACK is both.again(first).state
    assert ChangeSetState.ROLLED_BACK is both.again(second).state

    again = both.run(both.approve(both.plan_rollback(Selection(numbers=("PO0001",)))))

    assert "quotation" == both.order(keys[0])["state"]
    assert first.id == again.reverses_id


def test_documents_of_one_system_and_kind(scene: Scene) -> None:
    """The same number elsewhere is another document."""
    done = scene.do(CANCEL, scene.orders())
    (operation,) = scene.operations(done)
    for wrong in (
        Selection(numbers=("PO0001",), system="other"),
        Selection(numbers=("PO0001",), kind=type(operation.kind)("sales_order")),
    ):
        with pytest.raises(NotFound):
            scene.plan_rollback(wrong)

    right = Selection(numbers=("PO0001",), system="fake", kind=operation.kind)
    assert 1 == scene.plan_rollback(right).operation_count


@pytest.mark.parametrize("numbers", [(), ("PO0001",), ("PO0001", "PO0099")])
def test_what_storno_did_not_do_is_not_taken_back(scene: Scene, numbers: tuple[str, ...]) -> None:
    """Documents that nothing of ours stands on are named."""
    scene.orders()
    with pytest.raises(NotFound):
        scene.plan_rollback(Selection(numbers=numbers))


def test_what_was_taken_back_is_not_taken_back_again(scene: Scene) -> None:
    """By change set or by number: nothing stands any more."""
    done = scene.do(CANCEL, scene.orders(2))
    scene.roll_back(done)
    for nothing in (scene.selection(done), Selection(numbers=("PO0001",))):
        with pytest.raises(NotFound):
            scene.plan_rollback(nothing)


def test_what_did_not_run_cannot_be_taken_back(scene: Scene) -> None:
    """A plan, approved or not."""
    planned = scene.plan(CANCEL, scene.orders())
    with pytest.raises(IllegalMove, match="nothing finished"):
        scene.preview(planned)
    scene.approve(planned)
    with pytest.raises(IllegalMove, match="nothing finished"):
        scene.preview(planned)


def test_what_still_waits_holds_its_records(scene: Scene) -> None:
    """The rollback of a paused change set waits until that one is finished."""
    approved = scene.approve(scene.plan(CANCEL, scene.orders(4)))
    scene.fail("refused", code="login_failed", nth=2)
    with pytest.raises(Exception, match="log-in failed"):
        scene.run(approved, batch_size=2)
    with pytest.raises(IllegalMove, match="paused"):
        scene.plan_rollback(scene.selection(approved))

    scene.run(approved)
    scene.roll_back(approved)

    assert ChangeSetState.ROLLED_BACK is scene.again(approved).state


def test_what_still_waits_keeps_its_state(scene: Scene) -> None:
    """Whatever was taken back of it meanwhile (its locks were lost): it is paused until it goes on."""
    approved = scene.approve(scene.plan(CANCEL, scene.orders(4)))
    scene.fail("refused", code="login_failed", nth=2)
    with pytest.raises(LoginFailed):
        scene.run(approved, batch_size=2)
    scene.sql("DELETE FROM record_lock")
    back = scene.run(scene.approve(scene.plan_rollback(Selection(numbers=("PO0001",)))))

    assert ChangeSetState.APPLIED is back.state
    assert ChangeSetState.PAUSED is scene.again(approved).state


def test_what_waits_can_be_ended(both: Scene) -> None:
    """What was not sent is left out for good, the records are free again, and what was done goes back."""
    keys = both.orders(4)
    approved = both.approve(both.plan(CANCEL, keys))
    both.fail("refused", code="login_failed", nth=2)
    with pytest.raises(LoginFailed):
        both.run(approved, batch_size=2)

    ended = stop(both.journal, both.systems, approved.id, actor=MEI, reason="no longer wanted")

    assert ChangeSetState.PARTLY_APPLIED is ended.state
    assert [OperationState.CONFIRMED] * 2 + [OperationState.DROPPED] * 2 == both.moved(ended)
    assert "no longer wanted" in str(both.operations(ended)[3].reason)
    assert both.journal.verify().is_intact

    both.roll_back(ended)
    both.do(CANCEL, keys)

    assert ["cancelled"] * 4 == both.states(keys)


def test_a_worklist_that_nobody_began_can_be_ended(scene: Scene) -> None:
    """What is untouched in the ERP is refused; what a person has begun is finished first."""
    keys = scene.orders(2)
    approved = scene.approve(
        scene.plan("purchase_order.approve_by_hand", keys, executor=Executor.BY_PERSON)
    )
    paused = scene.run(approved)

    assert ChangeSetState.PAUSED is paused.state

    ended = stop(scene.journal, scene.systems, paused.id, actor=MEI, reason="not needed")

    assert ChangeSetState.FAILED is ended.state
    assert [OperationState.REFUSED] * 2 == scene.moved(ended)


def test_two_documents_of_one_number_are_told_apart(scene: Scene) -> None:
    """A number that two documents have is no answer to the question which one to take back."""
    first, second = scene.orders(2)
    scene.erp.edit(ORDER, first, {"number": "1"})
    scene.erp.edit(ORDER, second, {"number": "1"})
    scene.do(CANCEL, [first, second])
    with pytest.raises(BadInput, match="several documents"):
        preview(scene.journal, scene.systems, Selection(numbers=("1",)))


# --- a rollback of a rollback -------------------------------------------------------------------


def test_a_rollback_is_taken_back_like_anything_else(both: Scene) -> None:
    """To any depth: each change set says whether it stands."""
    keys = both.orders(2)
    done = both.do(CANCEL, keys)
    cancelled = both.erp.dump(with_trace=False)
    second = both.roll_back(done)
    third = both.roll_back(second)

    assert cancelled == both.erp.dump(with_trace=False)
    assert [ChangeSetState.APPLIED, ChangeSetState.ROLLED_BACK, ChangeSetState.APPLIED] == [
        both.again(each).state for each in (done, second, third)
    ]

    fourth = both.roll_back(third)

    assert ["quotation"] * 2 == both.states(keys)
    assert [
        ChangeSetState.ROLLED_BACK,
        ChangeSetState.APPLIED,
        ChangeSetState.ROLLED_BACK,
        ChangeSetState.APPLIED,
    ] == [both.again(each).state for each in (done, second, third, fourth)]
    assert both.journal.verify().is_intact


def test_part_of_a_rollback_is_taken_back(scene: Scene) -> None:
    """Partly is partly, upwards and downwards."""
    keys = scene.orders(3)
    scene.fail("bad_document", key=keys[2], times=9)
    done = scene.do(CANCEL, keys)
    scene.erp.faults.clear()
    second = scene.roll_back(done)
    states = [scene.again(done).state]
    scene.roll_back(second, "PO0001")
    states.append(scene.again(done).state)
    scene.roll_back(second, "PO0002")
    states.append(scene.again(done).state)

    assert [
        ChangeSetState.ROLLED_BACK,
        ChangeSetState.PARTLY_ROLLED_BACK,
        ChangeSetState.PARTLY_APPLIED,
    ] == states
    assert ChangeSetState.ROLLED_BACK is scene.again(second).state
