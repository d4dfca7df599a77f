"""What somebody else did after us is seen field by field, and is never overwritten."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from decimal import Decimal

import pytest

from connectors.contract import Effect, Ref
from connectors.fake.sample import add_invoice, add_period
from connectors.fake.schema import LINE, ORDER
from core.encoding import moment_text
from core.errors import AccessDenied, NotAllowed
from recovery.images import MISSING
from recovery.reversing.preview import OnConflict, RollbackItem, Status
from recovery.states import ChangeSetState, OperationState
from tests.integration.recovery.scene import CANCEL, CLOSE, UPDATE, Scene

CONFIRMED, DROPPED = OperationState.CONFIRMED, OperationState.DROPPED
OPEN = {"state": "quotation", "closed_by": None, "closed_at": None, "closed_how": None}


def shown(item: RollbackItem) -> dict[str, tuple[object, object, object]]:
    """Return the conflicts of a document: field -> before, ours, now."""
    return {c.field: (c.before, c.ours, c.now) for c in item.conflicts}


def test_a_conflict_is_shown_field_by_field(both: Scene) -> None:
    """Before, ours and now; fields that are still ours are none."""
    keys = both.orders(2)
    done = both.do(CANCEL, keys)
    both.erp.edit(ORDER, keys[0], {"state": "archived", "closed_how": "by_itself"})
    clean, conflict = both.preview(done).items

    assert (Status.CLEAN, ()) == (clean.status, clean.conflicts)
    assert Status.CONFLICT is conflict.status
    assert {
        "state": ("quotation", "cancelled", "archived"),
        "closed_how": (None, "by_hand", "by_itself"),
    } == shown(conflict)
    assert {Ref(ORDER, keys[0])} == {each.ref for each in conflict.conflicts}
    assert "somebody changed it after the operation: closed_how, state" == str(conflict.reason)


@pytest.mark.parametrize("on_conflict", [OnConflict.STOP, OnConflict.SKIP, OnConflict.RECOMPUTE])
def test_a_document_in_conflict_is_left_and_the_others_go_on(
    scene: Scene, on_conflict: OnConflict
) -> None:
    """Whoever reads the journal in a year sees why, with the three values."""
    keys = scene.orders(3)
    done = scene.do(CANCEL, keys)
    scene.erp.edit(ORDER, keys[1], {"state": "archived"})
    back = scene.run(scene.approve(scene.plan_rollback(scene.selection(done), on_conflict)))
    left = next(each for each in scene.operations(back) if each.number == "PO0002")

    assert ["quotation", "archived", "quotation"] == scene.states(keys)
    assert ChangeSetState.PARTLY_APPLIED is back.state
    assert ChangeSetState.PARTLY_ROLLED_BACK is scene.again(done).state
    assert DROPPED is left.state
    assert [
        {
            "model": ORDER,
            "key": keys[1],
            "field": "state",
            "before": "quotation",
            "ours": "cancelled",
            "now": "archived",
            "changed_by": "somebody",
            "changed_at": moment_text(scene.order(keys[1])["write_date"]),
            "ways": ["ask", "keep_theirs"],
            "resolution": None,
        }
    ] == left.details["conflicts"]


def test_a_conflict_that_was_resolved_by_hand_is_taken_back_later(scene: Scene) -> None:
    """Somebody puts our value back: then it is ours again."""
    (key,) = scene.orders()
    done = scene.do(CANCEL, [key])
    scene.erp.edit(ORDER, key, {"state": "archived"})
    with pytest.raises(NotAllowed):
        scene.plan_rollback(scene.selection(done))
    scene.erp.edit(ORDER, key, {"state": "cancelled"})

    assert ChangeSetState.APPLIED is scene.roll_back(done).state
    assert "quotation" == scene.order(key)["state"]


def test_what_somebody_put_back_is_already_back(scene: Scene) -> None:
    """There is nothing to do on it, and nothing to complain about; the others go on."""
    keys = scene.orders(2)
    done = scene.do(CANCEL, keys)
    scene.erp.edit(ORDER, keys[0], OPEN)
    found = scene.preview(done)
    back = scene.roll_back(done)

    assert [Status.CLEAN, Status.ALREADY_BACK] == [item.status for item in found.items]
    assert "it is as it was before" == str(found.items[1].reason)
    assert (1, ChangeSetState.APPLIED) == (back.operation_count, back.state)
    assert ["quotation"] * 2 == scene.states(keys)


def test_what_is_back_by_half_is_a_conflict(scene: Scene) -> None:
    """The state is back, who closed it is not."""
    (key,) = scene.orders()
    done = scene.do(CANCEL, [key])
    scene.erp.edit(ORDER, key, {"state": "quotation"})
    (item,) = scene.preview(done).items

    assert Status.CONFLICT is item.status
    assert {"state": ("quotation", "cancelled", "quotation")} == shown(item)


def test_when_everything_is_back_nothing_is_planned(scene: Scene) -> None:
    """It says so instead."""
    (key,) = scene.orders()
    done = scene.do(CANCEL, [key])
    scene.erp.edit(ORDER, key, OPEN)

    with pytest.raises(NotAllowed, match="see the preview"):
        scene.plan_rollback(scene.selection(done))


def test_a_deleted_document_is_a_conflict(scene: Scene) -> None:
    """Nothing is there that could be put back."""
    keys = scene.orders(2)
    done = scene.do(CANCEL, keys)
    scene.erp.delete(ORDER, keys[0])
    clean, gone = scene.preview(done).items

    assert (Status.CLEAN, Status.CONFLICT) == (clean.status, gone.status)
    assert {MISSING} == {now for _, _, now in shown(gone).values()}

    scene.roll_back(done)

    assert "quotation" == scene.order(keys[1])["state"]


def test_edits_of_other_fields_survive(both: Scene) -> None:
    """They were never ours: shown before, left alone, and told afterwards as kept."""
    (key,) = both.orders()
    done = both.do(CANCEL, [key])
    both.erp.edit(ORDER, key, {"note": "hello", "priority": 9})
    (item,) = both.preview(done).items
    (operation,) = both.operations(both.roll_back(done))

    assert Status.CLEAN is item.status
    assert {("note", "", "hello"), ("priority", 1, 9)} == {
        (d.field, d.before, d.after) for d in item.kept
    }
    assert ("quotation", "hello", 9) == tuple(
        both.order(key)[name] for name in ("state", "note", "priority")
    )
    assert {("note", "hello"), ("priority", 9)} == {
        (each["field"], each["after"]) for each in operation.result["kept"]
    }
    assert operation.result["is_exact"] is True


def test_edits_of_fields_that_another_link_set_are_not_kept(scene: Scene) -> None:
    """A chain's own fields are conflicts, whichever link set them."""
    (key,) = scene.orders(state="processing")
    done = scene.do(CLOSE, [key])
    line = scene.erp.tables[LINE].children("order", key)[0]
    scene.erp.edit(LINE, line, {"cancelled_quantity": Decimal(1), "description": "x"})
    (item,) = scene.preview(done).items

    assert Status.CONFLICT is item.status
    assert {"cancelled_quantity", "remaining_amount"} == set(shown(item))
    assert {"description"} == {difference.field for difference in item.kept}


def test_fields_that_two_links_set(scene: Scene) -> None:
    """What was before is what the first one found; what is ours is what the last one left."""
    (key,) = scene.orders()
    chains = [
        *scene.chains(UPDATE, [key], arguments={"note": "first"}),
        *scene.chains(UPDATE, [key], arguments={"note": "second"}),
    ]
    done = scene.run(scene.approve(scene.store(chains)))
    scene.erp.edit(ORDER, key, {"note": "first"})
    (between,) = scene.preview(done).items
    scene.erp.edit(ORDER, key, {"note": ""})
    (back,) = scene.preview(done).items
    scene.erp.edit(ORDER, key, {"note": "second"})
    scene.roll_back(done)

    assert (Status.CONFLICT, {"note": ("", "second", "first")}) == (between.status, shown(between))
    assert Status.ALREADY_BACK is back.status
    assert "" == scene.order(key)["note"]


def test_derived_fields_are_recomputed_if_asked_so(scene: Scene) -> None:
    """A quantity was changed since: the amount is the ERP's to compute, not ours to restore."""
    (key,) = scene.orders(state="processing")
    done = scene.do(CLOSE, [key])
    line = scene.erp.tables[LINE].children("order", key)[0]
    scene.erp.edit(LINE, line, {"quantity": Decimal("13.000")})
    (stopped,) = scene.preview(done).items
    (recomputed,) = scene.preview(done, on_conflict=OnConflict.RECOMPUTE).items

    assert Status.CONFLICT is stopped.status
    assert {"remaining_amount"} == set(shown(stopped)) == set(shown(recomputed))
    assert Status.CLEAN is recomputed.status
    assert [Effect.CHANGES_RESULT] == [each.effect for each in recomputed.later]

    selection = scene.selection(done)
    back = scene.run(scene.approve(scene.plan_rollback(selection, OnConflict.RECOMPUTE)))
    results = [each.result for each in scene.operations(back)]

    assert ChangeSetState.ROLLED_BACK is scene.again(done).state
    # 8 of 13 at 19.50 and 3.5 of 3.5 at 8.00 are still to come.
    assert Decimal("184.00") == scene.order(key)["remaining_amount"]
    assert [True, True, False] == [result["is_exact"] for result in results]
    assert {"amount", "remaining_amount"} == {each["field"] for each in results[2]["recomputed"]}
    assert "residue" not in results[2]


def test_later_business_blocks(scene: Scene) -> None:
    """An invoice was posted since: opening the order would do harm, and the reason names it."""
    keys = scene.orders(2, state="processing")
    done = scene.do(CLOSE, keys)
    period = add_period(scene.erp, "2026-01")
    add_invoice(scene.erp, "INV7", period=period, order=keys[0])
    clean, blocked = scene.preview(done).items

    assert (Status.CLEAN, Status.BLOCKED) == (clean.status, blocked.status)
    assert "invoice INV7 was posted" == str(blocked.reason)

    back = scene.roll_back(done)

    assert ["closed", "processing"] == scene.states(keys)
    assert ["blocked"] == [
        each.details["status"] for each in scene.operations(back) if each.state is DROPPED
    ]


def test_later_business_may_be_harmless(scene: Scene) -> None:
    """It is reported, and the rollback goes on."""
    (key,) = scene.orders()
    done = scene.do(CANCEL, [key])
    scene.erp.edit(ORDER, key, {"note": "thank you"})
    (item,) = scene.preview(done).items

    assert (Status.CLEAN, [Effect.HARMLESS]) == (item.status, [each.effect for each in item.later])


def test_a_type_that_changed_is_a_conflict(scene: Scene) -> None:
    """1 and True are equal in Python, and two things in an ERP."""
    (key,) = scene.orders()
    done = scene.do(UPDATE, [key], arguments={"priority": 2})
    scene.erp.edit(ORDER, key, {"priority": Decimal(2)})

    assert [Status.CONFLICT] == [item.status for item in scene.preview(done).items]


def test_who_changed_it_has_a_name(both: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name that people know stands beside the ERP's own; where the ERP does not tell it, nothing is lost."""
    keys = both.orders(1)
    done = both.do(CANCEL, keys)
    both.erp.edit(ORDER, keys[0], {"state": "archived"})

    def told(users: Collection[str]) -> Mapping[str, str]:
        return dict.fromkeys(users, "Ada Lovelace")

    def refused(users: Collection[str]) -> Mapping[str, str]:
        raise AccessDenied(system="erp", user="storno", said=", ".join(users))

    monkeypatch.setattr(both.system, "people", told)
    (named,) = both.preview(done).items
    monkeypatch.setattr(both.system, "people", refused)
    (unnamed,) = both.preview(done).items

    assert ["Ada Lovelace (somebody)"] == [each.changed_by for each in named.conflicts]
    assert ["somebody"] == [each.changed_by for each in unnamed.conflicts]
    assert Status.CONFLICT is unnamed.status
