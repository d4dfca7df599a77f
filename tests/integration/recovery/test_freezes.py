"""A freeze stops every write in its scope before the next call, whichever process runs it, and nothing is lost."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connectors.contract import Executor
from core import clock
from core.errors import Frozen
from core.ids import new_id
from recovery import freezes
from recovery.apply import stop
from recovery.freezes import Scope, thaw
from recovery.sql.columns import id_bytes
from recovery.states import ChangeSetState, OperationState
from recovery.stopping import frozen
from tests.integration.recovery.freezing import ANNA, LI, WHY, approved, before_call, ice
from tests.integration.recovery.scene import CANCEL, CLOSE, MEI, Scene

CAPTURED, CONFIRMED, LOCKED = (
    OperationState.CAPTURED,
    OperationState.CONFIRMED,
    OperationState.LOCKED,
)


def test_what_is_frozen_is_not_begun(both: Scene) -> None:
    """The plan stays approved, nothing was read or locked, and the error names who, what and how to go on."""
    change_set = approved(both)
    found = ice(both, "all")
    with pytest.raises(Frozen) as caught:
        both.run(change_set)

    assert f"li froze all: {WHY}." in str(caught.value)
    assert f"storno thaw {found.short_id}" in str(caught.value)
    assert ChangeSetState.APPROVED is both.again(change_set).state
    assert [] == both.sizes()
    assert [] == both.sql("SELECT * FROM record_lock")


def test_a_run_stops_before_its_next_call(both: Scene) -> None:
    """What was sent is confirmed; what was not goes back to captured, and the change set says why it waits."""
    change_set = approved(both, 4)
    before_call(both, 2, lambda: ice(both, "all"), within=True)
    with pytest.raises(Frozen):
        both.run(change_set, batch_size=2)
    paused = both.again(change_set)

    assert ChangeSetState.PAUSED is paused.state
    assert [CONFIRMED] * 2 + [CAPTURED] * 2 == both.moved(paused)
    assert f"li froze all: {WHY}" in str(paused.note)
    assert [2] == both.sizes()
    assert [change_set.id] == freezes.paused_by(both.journal, freezes.list_freezes(both.journal)[0])
    assert both.journal.verify().is_intact


def test_the_last_moment_is_the_fence(both: Scene) -> None:
    """A freeze that comes while a call is being prepared still stops it."""
    change_set = approved(both, 2)
    keys = [operation.step.ref.key for operation in both.operations(change_set)]
    before_call(both, 1, lambda: ice(both, "system:fake"), within=True)
    with pytest.raises(Frozen):
        both.run(change_set)

    assert ["quotation"] * 2 == both.states(keys)
    assert [CAPTURED] * 2 == both.moved(change_set)


def test_after_a_thaw_it_goes_on(both: Scene) -> None:
    """Each operation took effect once."""
    change_set = approved(both)
    before_call(both, 2, lambda: ice(both, "all"), within=True)
    with pytest.raises(Frozen):
        both.run(change_set, batch_size=2)
    with pytest.raises(Frozen):
        both.run(change_set)
    (found,) = freezes.list_freezes(both.journal)
    thaw(both.journal, found.short_id, actor=ANNA, reason="counted")
    done = both.run(change_set)

    assert ChangeSetState.APPLIED is done.state
    assert {1} == set(both.applied().values())
    assert [] == freezes.list_freezes(both.journal)


@pytest.mark.parametrize(
    "words, stops",
    [
        (["all"], True),
        (["system:fake"], True),
        (["system:other"], False),
        (["kind:purchase_order"], True),
        (["kind:sales_order"], False),
        (["document:PO0001"], True),
        (["document:PO0009"], False),
        (["user:mei"], True),
        (["user:anna"], True),
        (["user:wang"], False),
        (["system:fake", "kind:purchase_order", "document:PO0001", "user:mei"], True),
        (["system:fake", "kind:sales_order"], False),
        (["system:other", "document:PO0001"], False),
    ],
    ids=str,
)
def test_all_of_a_scope_must_fit(scene: Scene, words: list[str], stops: bool) -> None:
    """System, kind, document and user (who made, approved or runs it), alone and together."""
    change_set = approved(scene, 2)
    ice(scene, *words)
    if stops:
        with pytest.raises(Frozen):
            scene.run(change_set)
    else:
        assert ChangeSetState.APPLIED is scene.run(change_set).state


def test_one_change_set_alone_is_frozen(both: Scene) -> None:
    """Another one goes on."""
    first, second = approved(both, 2), approved(both, 2)
    ice(both, f"change-set:{first.id}")
    with pytest.raises(Frozen):
        both.run(first)

    assert ChangeSetState.APPLIED is both.run(second).state


def test_a_document_that_is_settled_stops_nothing(both: Scene) -> None:
    """Only what may still be written counts."""
    change_set = approved(both, 4)
    before_call(both, 2, lambda: ice(both, "document:PO0001"), within=True)

    assert ChangeSetState.APPLIED is both.run(change_set, batch_size=2).state


def test_whatever_touches_a_frozen_document_is_stopped(both: Scene) -> None:
    """A closing has the order's lines and moves in its footprint: freezing by number holds for those records too."""
    (key,) = both.orders(1, state="processing")
    closing = both.approve(both.plan(CLOSE, [key]))
    (record,) = both.sql("SELECT model, key FROM operation_record ORDER BY model, key LIMIT 1")
    is_sqlite = both.journal._database.dialect == "sqlite"
    # Somebody works on that record under a number of its own.
    both.sql(
        "INSERT INTO operation (id, change_set_id, position, system, kind, number, action, model, key,"
        " executor, reversibility, state)"
        " SELECT :id, change_set_id, 99, system, kind, 'MOVE7', action, :model, :key, executor,"
        " reversibility, 'dropped' FROM operation WHERE position = 1",
        id=id_bytes(new_id()) if is_sqlite else new_id(),
        model=record[0],
        key=record[1],
    )
    ice(both, "document:MOVE7")
    with pytest.raises(Frozen):
        both.run(closing)


def test_rollbacks_are_frozen_unless_they_are_spared(both: Scene) -> None:
    """Nothing moves; or nothing but what support takes back."""
    keys = both.orders(2)
    done = both.do(CANCEL, keys)
    found = ice(both, "all")
    with pytest.raises(Frozen):
        both.roll_back(done)
    thaw(both.journal, found.id, actor=LI, reason="support takes it back")
    ice(both, "all", spares_rollback=True)
    back = both.roll_back(done)

    assert ChangeSetState.APPLIED is back.state
    assert ["quotation"] * 2 == both.states(keys)


def test_taking_a_rollback_back_is_not_spared(both: Scene) -> None:
    """It would do again what the freeze wants nobody to do."""
    keys = both.orders(2)
    back = both.roll_back(both.do(CANCEL, keys))
    ice(both, "all", spares_rollback=True)
    with pytest.raises(Frozen):
        both.roll_back(back)

    assert ["quotation"] * 2 == both.states(keys)


def test_a_worklist_is_not_handed_out(both: Scene) -> None:
    """People are not told to write what Storno may not write."""
    plan = both.plan("purchase_order.approve_by_hand", both.orders(), executor=Executor.BY_PERSON)
    change_set = both.approve(plan)
    ice(both, "kind:purchase_order")
    with pytest.raises(Frozen):
        both.run(change_set)

    assert [OperationState.PLANNED] == both.moved(change_set)


def test_what_is_in_flight_is_settled_during_a_freeze(both: Scene) -> None:
    """Reading is no write: an operation whose answer was lost does not wait for the thaw."""
    change_set = approved(both, 4)
    both.fail("unreachable", on="capture", nth=2, times=10**6)
    with pytest.raises(Exception, match="cannot be reached"):
        both.run(change_set, batch_size=2)
    both.erp.faults.clear()
    ice(both, "all")
    count, operations = frozen.in_flight(both.journal, Scope(), limit=1)

    assert (2, 1) == (count, len(operations))

    with pytest.raises(Frozen):
        both.run(change_set)

    assert [CONFIRMED] * 2 + [LOCKED] * 2 == both.moved(change_set)
    assert (0, []) == frozen.in_flight(both.journal, Scope(), limit=1)


def test_what_is_frozen_may_be_given_up(both: Scene) -> None:
    """Dropping what was not sent writes nothing."""
    change_set = approved(both, 4)
    before_call(both, 2, lambda: ice(both, "all"), within=True)
    with pytest.raises(Frozen):
        both.run(change_set, batch_size=2)
    ended = stop(both.journal, both.systems, change_set.id, actor=MEI, reason="not any more")

    assert ChangeSetState.PARTLY_APPLIED is ended.state


def test_calls_at_the_same_time_are_each_stopped(both: Scene) -> None:
    """Of calls under way beside each other, those before the freeze are read back, the others never sent."""
    scene = both
    keys = scene.orders(4)
    change_set = scene.approve(scene.plan(CANCEL, keys))
    scene.system.parallel_calls = 2
    ice(scene, "document:PO0004")
    thaw(scene.journal, freezes.list_freezes(scene.journal)[0].id, actor=LI, reason="x")
    before_call(scene, 1, lambda: ice(scene, "document:PO0004"))
    with pytest.raises(Frozen):
        scene.run(change_set, batch_size=2)

    assert "quotation" == scene.states(keys)[3]
    assert OperationState.SENT not in scene.moved(change_set)
    assert OperationState.IN_DOUBT not in scene.moved(change_set)


def test_what_was_touched_lately_is_found(both: Scene) -> None:
    """With who would be asked about it: the operations of the scope, newest first."""
    both.do(CANCEL, both.orders(2))
    hour_ago = clock.now() - timedelta(hours=1)

    assert ["PO0002", "PO0001"] == sorted(
        (op.called for op in frozen.touched(both.journal, Scope(), hour_ago, limit=5)), reverse=True
    )
    assert [] == frozen.touched(both.journal, Scope(kind="sales_order"), hour_ago, limit=5)
    assert [] == frozen.touched(both.journal, Scope(), clock.now(), limit=5)
