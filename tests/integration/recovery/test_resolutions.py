"""A conflict is resolved field by field: by a person or a policy, on the evidence that was shown, and recorded."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.contract import Executor, Ref
from connectors.fake.schema import LINE, ORDER
from core.errors import BadInput, NotAllowed
from recovery.conflicts.forcing import permit
from recovery.conflicts.resolutions import Origin, Rule, Rules, Way, parse_rule
from recovery.conflicts.resolving import OnConflict
from recovery.model import Actor, ChangeSet
from recovery.reversing import preview_evidence
from recovery.reversing.rollback_item import RollbackItem, RollbackPreview, Status
from recovery.rollback import plan_rollback, store_rollback
from recovery.states import ChangeSetState, OperationState
from tests.integration.recovery.scene import CANCEL, CLOSE, MEI, UPDATE, Scene

THEIRS = {"closed_how": "by_itself"}


def said(*written: str) -> Rules:
    """Return rules as they are typed."""
    return Rules(tuple(parse_rule(each) for each in written))


def look(scene: Scene, done: ChangeSet, *written: str, **given: Any) -> RollbackPreview:
    """Preview with these rules."""
    return scene.preview(done, rules=said(*written), **given)


def take_back(scene: Scene, found: RollbackPreview) -> ChangeSet:
    """Carry out exactly what was shown."""
    planned = store_rollback(scene.journal, found, actor=MEI, reason="wrong list")
    return scene.run(scene.approve(planned))


def targets(item: RollbackItem) -> dict[str, Any]:
    """Return field -> target of every resolved conflict."""
    return {
        c.field: c.resolution.target
        for c in item.conflicts
        if c.resolution is not None and c.resolution.has_target
    }


def test_one_field_is_kept_and_the_others_are_put_back(both: Scene) -> None:
    """Their value stays, ours goes, and nothing claims that everything is as it was."""
    (key,) = both.orders()
    done = both.do(CANCEL, [key])
    both.erp.edit(ORDER, key, THEIRS)
    (item,) = (found := look(both, done, "closed_how=keep_theirs")).items
    back = take_back(both, found)
    (operation,) = both.operations(back)

    assert (Status.CLEAN, {"closed_how": "by_itself"}) == (item.status, targets(item))
    assert ("quotation", None, None, "by_itself") == tuple(
        both.order(key)[name] for name in ("state", "closed_by", "closed_at", "closed_how")
    )
    # The field is not even written with what it holds.
    assert "closed_how" not in operation.step.arguments
    assert ChangeSetState.ROLLED_BACK is both.again(done).state
    assert operation.result["is_exact"] is False
    assert "residue" not in operation.result
    assert [("closed_how", None, "by_itself", "keep_theirs")] == [
        tuple(row[name] for name in ("field", "before", "after", "way"))
        for row in operation.result["resolved"]
    ]


def test_who_resolved_it_and_why_stands_in_the_plan(both: Scene) -> None:
    """Hashed with the operation: what was approved is what was resolved."""
    (key,) = both.orders()
    done = both.do(CANCEL, [key])
    both.erp.edit(ORDER, key, THEIRS)
    (operation,) = both.operations(take_back(both, look(both, done, "closed_how=keep_theirs")))
    (row,) = operation.details["resolutions"]

    assert ("mei", "wrong list", "keep_theirs", "command") == tuple(
        row[name] for name in ("author", "reason", "way", "origin")
    )
    assert (None, "by_hand", "by_itself", "by_itself") == tuple(
        row[name] for name in ("before", "ours", "now", "target")
    )


def test_a_difference_is_added(both: Scene) -> None:
    """We took 5 away, somebody took 2 more: taking ours back leaves their 2."""
    (key,) = both.orders(state="processing")
    line = both.erp.tables[LINE].children("order", key)[0]
    done = both.do(UPDATE, [line], arguments={"quantity": Decimal("7.000")}, model=LINE)
    both.erp.edit(LINE, line, {"quantity": Decimal("5.5")})
    found = look(both, done, "quantity=add_difference", on_conflict=OnConflict.RECOMPUTE)
    (item,) = found.items
    (operation,) = both.operations(take_back(both, found))
    row = both.erp.tables[LINE].get(line)

    assert row is not None
    assert Decimal("10.500") == targets(item)["quantity"] == row["quantity"]
    assert operation.result["is_exact"] is False
    assert "residue" not in operation.result


def test_by_policy(both: Scene) -> None:
    """A policy resolves what nobody said otherwise; a person's word counts more, and the plan knows whose it was."""
    keys = both.orders(2)
    done = both.do(CANCEL, keys)
    for key in keys:
        both.erp.edit(ORDER, key, THEIRS)
    policy = Rule(Way.KEEP_THEIRS, "closed_how", Origin.POLICY, kind="purchase_order")
    asked = both.preview(done, rules=Rules((policy, parse_rule("PO0001:closed_how=ask"))))
    by_number = {item.last.number: item for item in asked.items}

    assert Status.CONFLICT is by_number["PO0001"].status
    assert Status.CLEAN is by_number["PO0002"].status

    back = take_back(both, asked)
    (row,) = next(o for o in both.operations(back) if o.number == "PO0002").details["resolutions"]

    assert "policy" == row["origin"]
    assert ["cancelled", "quotation"] == both.states(keys)


def test_a_policy_for_another_kind_is_none(scene: Scene) -> None:
    """The same field of a sales order is another field."""
    (key,) = scene.orders()
    done = scene.do(CANCEL, [key])
    scene.erp.edit(ORDER, key, THEIRS)
    policy = Rule(Way.KEEP_THEIRS, "closed_how", Origin.POLICY, kind="sales_order")

    assert [Status.CONFLICT] == [
        item.status for item in scene.preview(done, rules=Rules((policy,))).items
    ]


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


def test_keeping_everything_takes_nothing_back(both: Scene) -> None:
    """Every field of ours is theirs now: that is a decision, no rollback, and the operation goes on standing."""
    keys = both.orders(2)
    done = both.do(CANCEL, keys)
    both.erp.edit(
        ORDER,
        keys[0],
        {"state": "archived", "closed_by": "x", "closed_at": None, "closed_how": "by_itself"},
    )
    found = look(both, done, "PO0001:*=keep_theirs")
    back = take_back(both, found)
    left = next(each for each in both.operations(back) if each.number == "PO0001")

    assert {Status.KEPT, Status.CLEAN} == {item.status for item in found.items}
    assert ["archived", "quotation"] == both.states(keys)
    assert OperationState.DROPPED is left.state
    assert ("kept", "mei") == (left.details["status"], left.details["resolutions"][0]["author"])
    assert ChangeSetState.PARTLY_ROLLED_BACK is both.again(done).state


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


def test_two_persons_put_a_field_back(scene: Scene) -> None:
    """With accounts and a second person, what was there before returns over their value, and that is exact."""
    (key,) = scene.orders()
    done = scene.do(CANCEL, [key])
    scene.erp.edit(ORDER, key, THEIRS)
    permission = permit(Actor("mei", "password"), Actor("anna", "password"))
    found = look(scene, done, "closed_how=put_back", permission=permission)
    (operation,) = scene.operations(take_back(scene, found))

    assert scene.order(key)["closed_how"] is None
    assert operation.result["is_exact"] is True
    assert "put_back" == operation.details["resolutions"][0]["way"]
    assert ("mei", "anna") == tuple(operation.details["forced"][n] for n in ("asked_by", "second"))


def test_a_resolved_rollback_is_taken_back(both: Scene) -> None:
    """It is a change set like any other: its own inverse gives back what it found, their value included."""
    (key,) = both.orders()
    done = both.do(CANCEL, [key])
    both.erp.edit(ORDER, key, THEIRS)
    there = {
        name: both.order(key)[name] for name in ("state", "closed_by", "closed_at", "closed_how")
    }
    back = take_back(both, look(both, done, "closed_how=keep_theirs"))
    both.roll_back(back)

    assert there == {name: both.order(key)[name] for name in there}
    assert ChangeSetState.APPLIED is both.again(done).state


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


# --- properties ---------------------------------------------------------------------------------

QUANTITIES = st.integers(0, 10**6).map(lambda n: Decimal(n).scaleb(-3))
WAYS = st.sampled_from([Way.KEEP_THEIRS, Way.ADD_DIFFERENCE, None])
TEXTS = st.sampled_from(["", "a", "b", "c"])


@settings(
    max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(
    before=st.tuples(QUANTITIES, TEXTS),
    ours=st.tuples(QUANTITIES, TEXTS),
    now=st.tuples(QUANTITIES, TEXTS),
    ways=st.tuples(WAYS, st.sampled_from([Way.KEEP_THEIRS, None])),
)
def test_every_target_is_what_the_table_says(
    scene: Scene, before: Any, ours: Any, now: Any, ways: Any
) -> None:
    """For any three values and any resolutions: kept is now, added is now + before - ours, else before or nothing."""
    names = ("quantity", "description")
    (key,) = scene.orders(1)
    line = scene.erp.tables[LINE].children("order", key)[0]
    scene.erp.edit(LINE, line, dict(zip(names, before, strict=True)))
    done = scene.do(UPDATE, [line], arguments=dict(zip(names, ours, strict=True)), model=LINE)
    if done.state is not ChangeSetState.APPLIED or scene.moved(done) != [OperationState.CONFIRMED]:
        return  # it was so already
    scene.erp.edit(LINE, line, dict(zip(names, now, strict=True)))
    rules = Rules(tuple(Rule(w, n) for n, w in zip(names, ways, strict=True) if w is not None))
    (item,) = scene.preview(done, rules=rules, on_conflict=OnConflict.RECOMPUTE).items
    (plain,) = scene.preview(done, on_conflict=OnConflict.RECOMPUTE).items
    wanted = {}
    for name, b, o, n, way in zip(names, before, ours, now, ways, strict=True):
        is_conflict = b != o and n not in (b, o)
        if is_conflict and way is None:
            assert Status.CONFLICT is item.status
        if n == b != o and way is Way.ADD_DIFFERENCE:
            # It is back already: nobody can tell whether the difference is in it.
            assert Way.ADD_DIFFERENCE not in {
                w for c in item.conflicts if c.field == name for w in c.ways
            }
        wanted[name] = (
            n
            if b == o or (is_conflict and way is Way.KEEP_THEIRS)
            else n + (b - o)
            if is_conflict and way is Way.ADD_DIFFERENCE
            else b
        )
    if plain.status is not Status.CONFLICT:
        assert item.status is plain.status
        assert item.steps == plain.steps
    if item.status is not Status.CLEAN:
        return
    (operation,) = scene.operations(
        take_back(scene, scene.preview(done, rules=rules, on_conflict=OnConflict.RECOMPUTE))
    )
    row = scene.erp.tables[LINE].get(line)

    assert row is not None
    assert wanted == {name: row[name] for name in names}
    for name, way in zip(names, ways, strict=True):
        if way is Way.KEEP_THEIRS and name in targets(item):
            assert name not in operation.step.arguments
    assert "residue" not in operation.result
    assert Ref(LINE, line) == operation.ref
