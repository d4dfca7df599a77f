"""A conflict is resolved field by field: by a person or a policy, on the evidence that was shown, and recorded."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.contract import Ref
from connectors.fake.schema import LINE, ORDER
from recovery.conflicts.forcing import permit
from recovery.conflicts.resolutions import Origin, Rule, Rules, Way, parse_rule
from recovery.conflicts.resolving import OnConflict
from recovery.model import Actor
from recovery.reversing.rollback_item import Status
from recovery.states import ChangeSetState, OperationState
from tests.integration.recovery.resolving import THEIRS, look, take_back, targets
from tests.integration.recovery.scene import CANCEL, UPDATE, Scene


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
