"""A resolution that does not fit, or that nobody may decide alone, is told and resolves nothing."""

from __future__ import annotations

from decimal import Decimal

import pytest

from connectors.contract import Executor
from connectors.fake.schema import LINE, ORDER
from core.errors import BadInput, NotAllowed
from recovery.conflicts.resolutions import Origin, Rule, Rules, Way
from recovery.conflicts.resolving import OnConflict
from recovery.reversing.rollback_item import Status
from recovery.rollback import plan_rollback
from tests.integration.recovery.resolving import THEIRS, look, said
from tests.integration.recovery.scene import CANCEL, CLOSE, MEI, Scene


def test_a_policy_for_another_kind_is_none(scene: Scene) -> None:
    """The same field of a sales order is another field."""
    (key,) = scene.orders()
    done = scene.do(CANCEL, [key])
    scene.erp.edit(ORDER, key, THEIRS)
    policy = Rule(Way.KEEP_THEIRS, "closed_how", Origin.POLICY, kind="sales_order")

    assert [Status.CONFLICT] == [
        item.status for item in scene.preview(done, rules=Rules((policy,))).items
    ]


@pytest.mark.parametrize(
    "rule, problem",
    [
        ("closed_how=add_difference", "no quantity and no amount"),
        ("colour=keep_theirs", "is called colour"),
        ("purchase.line.state=keep_theirs", None),
        ("PO0009:closed_how=keep_theirs", "no document of this number"),
        ("*=add_difference", "never to every field"),
    ],
)
def test_what_does_not_fit_is_said(scene: Scene, rule: str, problem: str | None) -> None:
    """A slip of the pen is no answer: it is told, with the place, before anything is changed."""
    (key,) = scene.orders()
    done = scene.do(CANCEL, [key])
    scene.erp.edit(ORDER, key, THEIRS)
    if problem is None:
        assert [Status.CONFLICT] == [item.status for item in look(scene, done, rule).items]
        return
    with pytest.raises(BadInput, match=problem):
        look(scene, done, rule)


@pytest.mark.parametrize(
    "rule, problem",
    [
        ("closed_how=recompute", "no field that the ERP works out"),
        ("closed_how=put_back", "second person"),
    ],
)
def test_what_cannot_be_done_stays_a_conflict(scene: Scene, rule: str, problem: str) -> None:
    """And says why."""
    (key,) = scene.orders()
    done = scene.do(CANCEL, [key])
    scene.erp.edit(ORDER, key, THEIRS)
    (item,) = look(scene, done, rule).items

    assert Status.CONFLICT is item.status
    assert problem in str(item.reason)


def test_a_derived_field_is_not_kept(scene: Scene) -> None:
    """The ERP works it out from what is put back: whoever wants it kept wants something else."""
    (key,) = scene.orders(state="processing")
    done = scene.do(CLOSE, [key])
    line = scene.erp.tables[LINE].children("order", key)[0]
    scene.erp.edit(LINE, line, {"quantity": Decimal("13.000")})
    (kept,) = look(scene, done, "remaining_amount=keep_theirs").items
    (recomputed,) = look(scene, done, "remaining_amount=recompute").items

    assert (Status.CONFLICT, Status.CLEAN) == (kept.status, recomputed.status)
    assert "recomputed, or the document left" in str(kept.reason)


def test_a_way_back_that_is_one_call_keeps_no_field(scene: Scene) -> None:
    """Withdrawing an approval is a button: it leaves no field out."""
    (key,) = scene.orders()
    done = scene.do("purchase_order.approve_by_hand", [key], executor=Executor.BY_PERSON)
    scene.erp.do_by_hand("purchase_order.approve_by_hand", key)
    done = scene.run(done)
    scene.erp.edit(ORDER, key, {"approved_by": "somebody else"})
    (item,) = look(scene, done, "approved_by=keep_theirs").items

    assert Status.CONFLICT is item.status
    assert "a call of the ERP" in str(item.reason)
    assert [("ask",)] == [tuple(c.ways) for c in item.conflicts]


def test_nobody_forces_alone(both: Scene) -> None:
    """By field or by document, forcing is refused while names are only claimed, and nothing is planned."""
    (key,) = both.orders()
    done = both.do(CANCEL, [key])
    both.erp.edit(ORDER, key, THEIRS)
    selection = both.selection(done)
    for given_rules, way in (
        (said("closed_how=put_back"), OnConflict.STOP),
        (said(), OnConflict.FORCE),
    ):
        with pytest.raises(NotAllowed, match="second person"):
            plan_rollback(
                both.journal,
                both.systems,
                selection,
                actor=MEI,
                reason="x",
                rules=given_rules,
                on_conflict=way,
            )

    assert "cancelled" == both.order(key)["state"]
