"""What takes an operation back, where that is none, several calls, or not exact."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import ClassVar

import pytest

from connectors.contract import Image, Reversibility, Step
from connectors.fake.actions import CLOSED, Target
from connectors.fake.purchase import CancelOrder
from connectors.fake.sample import add_invoice, add_period
from connectors.fake.schema import INVOICE, LINE, ORDER, PERIOD
from core.errors import JournalBroken, NotAllowed
from recovery.reversing.preview import OnConflict, Status
from recovery.states import ChangeSetState, OperationState
from tests.integration.recovery.scene import CANCEL, UPDATE, Scene

CONFIRMED, DROPPED = OperationState.CONFIRMED, OperationState.DROPPED
PERIOD_CLOSE = "accounting_period.close"


def test_what_is_not_reversible_says_why(scene: Scene) -> None:
    """The reason is the action's own; nothing is planned when nothing can be taken back."""
    done = scene.do("purchase_order.give_up", scene.orders(2, state="processing"))
    found = scene.preview(done)

    assert [Status.NOT_REVERSIBLE] * 2 == [item.status for item in found.items]
    assert "the expected receipts are deleted" == str(found.items[0].reason)
    assert Reversibility.NONE is found.items[0].reversibility
    with pytest.raises(NotAllowed, match="see the preview"):
        scene.plan_rollback(scene.selection(done))


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


def test_a_counter_document_is_not_called_exact(scene: Scene) -> None:
    """A reversed invoice is taken back by reversing the reversal: everything stays, and it is told so."""
    period = add_period(scene.erp, "2026-01")
    invoice = add_invoice(scene.erp, "INV1", period=period)
    done = scene.do("supplier_invoice.reverse", [invoice])
    back = scene.roll_back(done)
    (operation,) = scene.operations(back)
    invoices = scene.erp.dump()[INVOICE]

    assert ChangeSetState.ROLLED_BACK is scene.again(done).state
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


def test_what_remains_is_told(scene: Scene) -> None:
    """A field of ours that did not come back is residue, and the rollback is not called exact."""
    period = add_period(scene.erp, "2026-01", journals=("closed",))
    done = scene.do(PERIOD_CLOSE, [period])
    scene.fail(
        "edit",
        action="accounting_period.reopen",
        key=period,
        model=PERIOD,
        changes={"closed_how": "by_ghost"},
        moment="after",
    )
    (operation,) = scene.operations(scene.roll_back(done))

    assert CONFIRMED is operation.state
    assert operation.result["is_exact"] is False
    assert [("closed_how", None, "by_ghost")] == [
        (each["field"], each["before"], each["after"]) for each in operation.result["residue"]
    ]


class _Narrow(CancelOrder):
    """Looks at less than what takes it back."""

    footprint: ClassVar = {ORDER: CLOSED | {"version", "write_user"}}


class _OneWay(CancelOrder):
    """Declared as exact, and yet without a way back for this document."""

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        return ()


def _replace_cancel(scene: Scene, action: type[CancelOrder]) -> None:
    actions = dict(scene.system.actions())
    actions[CANCEL] = action(Target(settles_after=timedelta(0)))
    scene.system._actions = actions  # type: ignore[assignment]


def test_an_inverse_with_a_footprint_of_its_own_has_evidence_of_its_own(scene: Scene) -> None:
    """What takes it back looks at more: a change there between plan and run is seen."""
    keys = scene.orders(2)
    _replace_cancel(scene, _Narrow)
    done = scene.do(CANCEL, keys)
    back = scene.approve(scene.plan_rollback(scene.selection(done)))
    scene.erp.edit(ORDER, keys[0], {"note": "x"})
    scene.run(back)

    assert ["cancelled", "quotation"] == scene.states(keys)


def test_an_operation_without_inverse_is_not_reversible(scene: Scene) -> None:
    """Whatever its action declares in general."""
    _replace_cancel(scene, _OneWay)
    (item,) = scene.preview(scene.do(CANCEL, scene.orders())).items

    assert Status.NOT_REVERSIBLE is item.status
    assert "no operation takes it back; a person must" == str(item.reason)


def test_records_that_operations_share_go_back_one_after_the_other(both: Scene) -> None:
    """Two lines of one order changed its amount one after the other: neither is the other's conflict."""
    (key,) = both.orders(state="processing")
    before = both.erp.dump(with_trace=False)
    lines = both.erp.tables[LINE].children("order", key)
    done = both.do(UPDATE, lines, arguments={"quantity": Decimal(20)}, model=LINE)
    statuses = [item.status for item in both.preview(done).items]
    both.roll_back(done)

    assert [Status.CLEAN] * 2 == statuses
    assert before == both.erp.dump(with_trace=False)
    assert ChangeSetState.ROLLED_BACK is both.again(done).state


def test_a_shared_record_that_somebody_changed_is_a_conflict_of_both(scene: Scene) -> None:
    """The newest one cannot go back, so neither can the older one below it."""
    (key,) = scene.orders(state="processing")
    first, second = scene.erp.tables[LINE].children("order", key)
    done = scene.do(UPDATE, [first, second], arguments={"quantity": Decimal(20)}, model=LINE)
    scene.erp.edit(LINE, second, {"unit_price": Decimal(1)})

    assert [Status.CONFLICT] * 2 == [item.status for item in scene.preview(done).items]


def test_an_image_that_is_gone_stops_the_rollback(scene: Scene) -> None:
    """Nothing is put back from memory."""
    done = scene.do(CANCEL, scene.orders())
    scene.sql("DELETE FROM image")

    with pytest.raises(JournalBroken, match="an image is missing"):
        scene.plan_rollback(scene.selection(done))


def test_forcing_is_refused(scene: Scene) -> None:
    """It needs a second person, and there are no accounts yet."""
    done = scene.do(CANCEL, scene.orders())

    with pytest.raises(NotAllowed, match="second person"):
        scene.plan_rollback(scene.selection(done), OnConflict.FORCE)


def test_a_rollback_stands_on_its_evidence_too(scene: Scene) -> None:
    """Somebody changes a document between its plan and its run: it is dropped, the others go back."""
    keys = scene.orders(2)
    done = scene.do(CANCEL, keys)
    back = scene.approve(scene.plan_rollback(scene.selection(done)))
    scene.erp.edit(ORDER, keys[0], {"closed_by": "bo"})
    scene.run(back)

    assert ["cancelled", "quotation"] == scene.states(keys)
    assert ChangeSetState.PARTLY_ROLLED_BACK is scene.again(done).state


def test_an_older_change_is_not_taken_back_over_a_newer_one(scene: Scene) -> None:
    """The newer one is in the way, as anybody's would be; backwards it goes."""
    (key,) = scene.orders()
    older = scene.do(UPDATE, [key], arguments={"note": "a"})
    newer = scene.do(UPDATE, [key], arguments={"note": "b"})

    assert [Status.BLOCKED] == [item.status for item in scene.preview(older).items]

    scene.roll_back(newer)
    scene.roll_back(older)

    assert "" == scene.order(key)["note"]
