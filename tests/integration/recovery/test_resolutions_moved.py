"""A resolution rests on what was shown: what moved since then, or would be moved before it, is seen."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from connectors.fake.schema import LINE, ORDER
from recovery.conflicts.resolving import OnConflict
from recovery.reversing import preview_evidence
from recovery.reversing.rollback_item import Status
from recovery.states import OperationState
from tests.integration.recovery.resolving import THEIRS, look, take_back, targets
from tests.integration.recovery.scene import CANCEL, CLOSE, UPDATE, Scene


def test_what_moved_again_is_dropped(both: Scene) -> None:
    """A resolution rests on what was shown; what somebody changed after that is nobody's to guess."""
    keys = both.orders(2)
    done = both.do(CANCEL, keys)
    for key in keys:
        both.erp.edit(ORDER, key, THEIRS)
    found = look(both, done, "closed_how=keep_theirs")
    both.erp.edit(ORDER, keys[0], {"closed_how": "by_magic"})
    back = take_back(both, found)

    assert ["cancelled", "quotation"] == both.states(keys)
    assert {"PO0001": OperationState.DROPPED, "PO0002": OperationState.CONFIRMED} == {
        operation.number: operation.state for operation in both.operations(back)
    }


def test_a_later_step_rests_on_what_was_resolved_too(scene: Scene) -> None:
    """Between two steps of one way back somebody changes the field again: the step that it is for is not sent."""
    (key,) = scene.orders(state="processing")
    done = scene.do(CLOSE, [key])
    line = scene.erp.tables[LINE].children("order", key)[0]
    scene.erp.edit(LINE, line, {"cancelled_quantity": Decimal(1)})
    found = look(scene, done, "cancelled_quantity=add_difference", on_conflict=OnConflict.RECOMPUTE)
    (item,) = found.items
    resting = [dict(each) for each in item.rests_on]

    assert Status.CLEAN is item.status
    assert [False, False, True] == [bool(each) for each in resting]
    # 7 were given up; 1 is what stands there, so -6 would be theirs on top of nothing.
    assert Decimal("-6.000") == targets(item)["cancelled_quantity"]


def test_two_links_that_set_one_field(scene: Scene) -> None:
    """What was before is what the first link found; each gives back its own share."""
    (line,) = [scene.erp.tables[LINE].children("order", key)[0] for key in scene.orders()]
    chains = [
        *scene.chains(UPDATE, [line], arguments={"quantity": Decimal("5.000")}, model=LINE),
        *scene.chains(UPDATE, [line], arguments={"quantity": Decimal("9.000")}, model=LINE),
    ]
    done = scene.run(scene.approve(scene.store(chains)))
    scene.erp.edit(LINE, line, {"quantity": Decimal("9.500")})
    found = look(scene, done, "quantity=add_difference", on_conflict=OnConflict.RECOMPUTE)
    take_back(scene, found)
    row = scene.erp.tables[LINE].get(line)

    assert row is not None
    # It was 2; somebody added a half.
    assert Decimal("2.500") == row["quantity"]


def test_an_older_operation_sees_what_the_newer_one_will_leave(scene: Scene) -> None:
    """Two operations on one record in one rollback: the older one finds the resolved value, not the one before."""
    (key,) = scene.orders()
    line = scene.erp.tables[LINE].children("order", key)[0]
    chains = [
        *scene.chains(CANCEL, [key]),
        *scene.chains(UPDATE, [line], arguments={"description": "ours"}, model=LINE),
    ]
    done = scene.run(scene.approve(scene.store(chains)))
    scene.erp.edit(LINE, line, {"description": "theirs"})
    scene.erp.edit(ORDER, key, THEIRS)
    found = look(scene, done, "closed_how=keep_theirs")
    by_action = {item.last.step.action: item.status for item in found.items}

    assert {CANCEL: Status.CLEAN, UPDATE: Status.CONFLICT} == by_action


def test_what_we_left_as_it_was_is_nobodys_to_write_over(both: Scene) -> None:
    """A field that the way back may write and that we had not changed stays as somebody made it, and is told."""
    (key,) = both.orders()
    both.erp.edit(ORDER, key, {"closed_how": "by_hand"})
    done = both.do(CANCEL, [key])
    both.erp.edit(ORDER, key, THEIRS)
    (item,) = both.preview(done).items
    (operation,) = both.operations(both.roll_back(done))

    assert (Status.CLEAN, ()) == (item.status, item.conflicts)
    assert [("closed_how", "by_hand", "by_itself")] == [
        (each.field, each.before, each.after) for each in item.kept
    ]
    assert ("quotation", "by_itself") == tuple(both.order(key)[n] for n in ("state", "closed_how"))
    assert "residue" not in operation.result
    assert [("closed_how", "by_itself")] == [
        (each["field"], each["after"]) for each in operation.result["kept"]
    ]


def test_what_moved_between_two_readings_is_not_taken_for_evidence(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A way back that looks at other records is read anew; a change since the first reading was shown to nobody."""
    (key,) = scene.orders()
    done = scene.do(CANCEL, [key])
    monkeypatch.setattr(preview_evidence, "footprint_key", lambda action: action.name)
    assert [Status.CLEAN] == [item.status for item in scene.preview(done).items]
    capture = scene.system.capture

    def meddle(steps: Any, known: Any) -> Any:
        if steps[0].action != CANCEL:
            scene.erp.edit(ORDER, key, THEIRS)
        return capture(steps, known)

    monkeypatch.setattr(scene.system, "capture", meddle)
    (item,) = scene.preview(done).items

    assert Status.CONFLICT is item.status
    assert "look again" in str(item.reason)
