"""A rollback is a change set: planned, run, and itself taken back; it gives back what was ours and no more."""

from __future__ import annotations

import pytest

from connectors.contract import Reversibility
from connectors.fake.sample import add_invoice, add_period
from connectors.fake.schema import INVOICE, ORDER, PERIOD
from core.errors import IllegalMove, JournalBroken, NotAllowed, NotFound, RecordLocked
from recovery.model import Purpose
from recovery.preview import OnConflict, Selection, Status
from recovery.states import ChangeSetState, OperationState
from tests.integration.recovery.scene import CANCEL, CLOSE, UPDATE, Scene

CONFIRMED, DROPPED = OperationState.CONFIRMED, OperationState.DROPPED
PERIOD_CLOSE = "accounting_period.close"


@pytest.mark.parametrize(
    ("action", "state"), [(CANCEL, "quotation"), (CLOSE, "processing")]
)
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


def test_a_preview_changes_nothing(both: Scene) -> None:
    """Neither in the ERP nor in the journal."""
    done = both.do(CANCEL, both.orders(3))
    before, lines = both.erp.dump(), both.journal.verify().line_count
    found = both.preview(done)

    assert [Status.CLEAN] * 3 == [item.status for item in found.items]
    assert {Reversibility.EXACT} == {item.reversibility for item in found.items}
    assert done.id == found.reverses_id
    assert (before, lines, [3]) == (both.erp.dump(), both.journal.verify().line_count, both.sizes())


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


def test_what_was_taken_back_is_not_taken_back_again(both: Scene) -> None:
    """By change set or by number: nothing stands any more."""
    done = both.do(CANCEL, both.orders(2))
    both.roll_back(done)
    for nothing in (both.selection(done), Selection(numbers=("PO0001",))):
        with pytest.raises(NotFound):
            both.plan_rollback(nothing)


def test_what_did_not_run_cannot_be_taken_back(scene: Scene) -> None:
    """A plan, approved or not."""
    planned = scene.plan(CANCEL, scene.orders())
    with pytest.raises(IllegalMove, match="nothing finished"):
        scene.preview(planned)
    scene.approve(planned)
    with pytest.raises(IllegalMove, match="nothing finished"):
        scene.preview(planned)


def test_what_still_waits_holds_its_records(scene: Scene) -> None:
    """A paused change set may be looked at, but its rollback waits until it is finished."""
    approved = scene.approve(scene.plan(CANCEL, scene.orders(4)))
    scene.fail("refused", code="login_failed", nth=2)
    with pytest.raises(Exception, match="log-in failed"):
        scene.run(approved, batch_size=2)
    back = scene.approve(scene.plan_rollback(scene.selection(approved)))
    with pytest.raises(RecordLocked, match=approved.short_id):
        scene.run(back)

    scene.run(approved)

    assert ChangeSetState.APPLIED is scene.run(back).state
    assert ChangeSetState.PARTLY_ROLLED_BACK is scene.again(approved).state


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


# --- what cannot be taken back, or not exactly --------------------------------------------------


def test_what_is_not_reversible_says_why(both: Scene) -> None:
    """The reason is the action's own; nothing is planned when nothing can be taken back."""
    done = both.do("purchase_order.give_up", both.orders(2, state="processing"))
    found = both.preview(done)

    assert [Status.NOT_REVERSIBLE] * 2 == [item.status for item in found.items]
    assert "the expected receipts are deleted" == str(found.items[0].reason)
    assert Reversibility.NONE is found.items[0].reversibility
    with pytest.raises(NotAllowed, match="see the preview"):
        both.plan_rollback(both.selection(done))


def test_the_reversible_part_goes_on(scene: Scene) -> None:
    """What a person must do stands in the plan as left out, with the reason."""
    (cancelled,) = scene.orders()
    (given_up,) = scene.orders(state="processing")
    chains = [
        *scene.chains(CANCEL, [cancelled]),
        *scene.chains("purchase_order.give_up", [given_up]),
    ]
    done = scene.run(scene.approve(scene.store(chains)))
    back = scene.roll_back(done)
    left_out, taken_back = scene.operations(back)

    assert ["quotation", "given_up"] == scene.states([cancelled, given_up])
    assert (DROPPED, "not_reversible") == (left_out.state, left_out.details["status"])
    assert "the expected receipts are deleted" == str(left_out.reason)
    assert CONFIRMED is taken_back.state
    assert {"clean": 1, "not_reversible": 1} == {
        name: count for name, count in back.details["statuses"].items() if count
    }


def test_a_counter_document_is_not_called_exact(both: Scene) -> None:
    """A reversed invoice is taken back by reversing the reversal: everything stays, and it is told so."""
    period = add_period(both.erp, "2026-01")
    invoice = add_invoice(both.erp, "INV1", period=period)
    done = both.do("supplier_invoice.reverse", [invoice])
    back = both.roll_back(done)
    (operation,) = both.operations(back)
    invoices = both.erp.dump()[INVOICE]

    assert ChangeSetState.ROLLED_BACK is both.again(done).state
    assert [None, invoice, "2"] == [row["reversed_entry"] for row in invoices.values()]
    assert 117 == sum(row["amount"] for row in invoices.values())
    assert operation.result["is_exact"] is False
    assert Reversibility.COMPENSATING is operation.reversibility


def test_an_inverse_may_take_several_calls(both: Scene) -> None:
    """A period is reopened, then the journals that were open before: the last call ends it."""
    period = add_period(both.erp, "2026-01", journals=("open", "closed", "open"))
    before = both.erp.dump(with_trace=False)
    done = both.do(PERIOD_CLOSE, [period])
    back = both.roll_back(done)

    assert before == both.erp.dump(with_trace=False)
    assert [None, both.operations(done)[0].id] == [
        each.reverses_operation_id for each in both.operations(back)
    ]
    assert ChangeSetState.ROLLED_BACK is both.again(done).state


def test_an_inverse_that_ends_halfway_leaves_the_operation_standing(scene: Scene) -> None:
    """The period is open again, its journals are not: the closing is not called rolled back."""
    period = add_period(scene.erp, "2026-01")
    done = scene.do(PERIOD_CLOSE, [period])
    scene.fail("bad_document", action="accounting_period.reopen_journals", key=period, times=9)
    back = scene.roll_back(done)

    assert ChangeSetState.PARTLY_APPLIED is back.state
    assert ChangeSetState.APPLIED is scene.again(done).state


def test_what_remains_is_told(both: Scene) -> None:
    """A field of ours that did not come back is residue, and the rollback is not called exact."""
    period = add_period(both.erp, "2026-01", journals=("closed",))
    done = both.do(PERIOD_CLOSE, [period])
    both.fail(
        "edit",
        action="accounting_period.reopen",
        key=period,
        model=PERIOD,
        changes={"closed_how": "by_ghost"},
        moment="after",
    )
    (operation,) = both.operations(both.roll_back(done))

    assert CONFIRMED is operation.state
    assert operation.result["is_exact"] is False
    assert [("closed_how", None, "by_ghost")] == [
        (each["field"], each["before"], each["after"]) for each in operation.result["residue"]
    ]


def test_an_image_that_is_gone_stops_the_rollback(scene: Scene) -> None:
    """Nothing is put back from memory."""
    done = scene.do(CANCEL, scene.orders())
    scene.sql("DELETE FROM image WHERE hash IN (SELECT before_hash FROM operation)")

    with pytest.raises(JournalBroken, match="an image is missing"):
        scene.plan_rollback(scene.selection(done))


def test_forcing_is_refused(scene: Scene) -> None:
    """It needs a second person, and there are no accounts yet."""
    done = scene.do(CANCEL, scene.orders())

    with pytest.raises(NotAllowed, match="second person"):
        scene.plan_rollback(scene.selection(done), OnConflict.FORCE)


def test_a_rollback_stands_on_its_evidence_too(both: Scene) -> None:
    """Somebody changes a document between its plan and its run: it is dropped, the others go back."""
    keys = both.orders(2)
    done = both.do(CANCEL, keys)
    back = both.approve(both.plan_rollback(both.selection(done)))
    both.erp.edit(ORDER, keys[0], {"closed_by": "bo"})
    both.run(back)

    assert ["cancelled", "quotation"] == both.states(keys)
    assert ChangeSetState.PARTLY_ROLLED_BACK is both.again(done).state


def test_an_older_change_is_not_taken_back_over_a_newer_one(scene: Scene) -> None:
    """The newer one is in the way, as anybody's would be; backwards it goes."""
    (key,) = scene.orders()
    older = scene.do(UPDATE, [key], arguments={"note": "a"})
    newer = scene.do(UPDATE, [key], arguments={"note": "b"})

    assert [Status.CONFLICT] == [item.status for item in scene.preview(older).items]

    scene.roll_back(newer)
    scene.roll_back(older)

    assert "" == scene.order(key)["note"]
