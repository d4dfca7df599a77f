"""What moved in the ERP since it was approved is not touched, and what others changed is never ours."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from connectors.contract import Ref
from connectors.fake.schema import LINE, MOVE, ORDER
from core.encoding import loads
from core.errors import AccessDenied
from recovery.apply import run
from recovery.model import Operation
from recovery.states import ChangeSetState, OperationState
from tests.integration.recovery.scene import CANCEL, CLOSE, MEI, UPDATE, Scene, make_scene

CONFIRMED, REFUSED, DROPPED = (
    OperationState.CONFIRMED,
    OperationState.REFUSED,
    OperationState.DROPPED,
)


def foreign(operation: Operation) -> list[tuple[str, object, object]]:
    """Return what somebody else changed while the operation ran."""
    return [(each["field"], each["before"], each["after"]) for each in operation.result["foreign"]]


def test_an_edit_between_plan_and_run_drops_the_document(both: Scene) -> None:
    """The reason names the field, its approved value and the present one; the others go on."""
    keys = both.orders(3)
    approved = both.approve(both.plan(CANCEL, keys))
    both.erp.edit(ORDER, keys[1], {"note": "goods are on their way"})
    done = both.run(approved)
    reason = str(both.operations(done)[1].reason)

    assert ChangeSetState.PARTLY_APPLIED is done.state
    assert [CONFIRMED, DROPPED, CONFIRMED] == both.moved(done)
    assert f'{ORDER},{keys[1]} note: "" -> "goods are on their way"' in reason
    assert "1 fields" in reason
    assert "goods are on their way" == both.order(keys[1])["note"]
    assert [2] == both.sizes()


def test_a_long_value_is_cut_and_a_long_list_is_counted(scene: Scene) -> None:
    """A reason is a sentence, however much moved."""
    (key,) = scene.orders()
    approved = scene.approve(scene.plan(CANCEL, [key]))
    scene.erp.edit(
        ORDER, key, {"note": "x" * 500, "owner": "x", "partner": "x", "priority": 9, "tags": ()}
    )
    reason = str(scene.operations(scene.run(approved))[0].reason)

    assert "5 fields" in reason
    assert 2 == reason.count("; ")
    assert len(reason) < 300


def test_a_deleted_document_is_dropped(scene: Scene) -> None:
    """Somebody deleted it between plan and run."""
    keys = scene.orders(2)
    approved = scene.approve(scene.plan(CANCEL, keys))
    scene.erp.delete(ORDER, keys[0])
    done = scene.run(approved)

    assert [DROPPED, CONFIRMED] == scene.moved(done)
    assert f"{ORDER},{keys[0]} *: exists -> <missing>" in str(scene.operations(done)[0].reason)


def test_a_record_that_came_or_went_below_a_document_drops_it(scene: Scene) -> None:
    """A line more, an expected receipt less: that is not what was approved."""
    keys = scene.orders(3, state="processing")
    approved = scene.approve(scene.plan(CLOSE, keys))
    (move,) = (
        key
        for key in scene.erp.tables[MOVE].children("order", keys[0])
        if (scene.erp.tables[MOVE].get(key) or {})["number"].endswith("/2/draft")
    )
    scene.erp.delete(MOVE, move)
    scene.erp.insert(MOVE, {"order": keys[1], "state": "draft", "quantity": Decimal(1)})
    done = scene.run(approved)

    assert [DROPPED, DROPPED, CONFIRMED] == scene.moved(done)[:3]
    assert ["processing", "processing", "closed"] == scene.states(keys)


def test_the_trace_is_no_move(scene: Scene) -> None:
    """Write date, writer and version change with every save, also one that changes nothing."""
    (key,) = scene.orders()
    approved = scene.approve(scene.plan(CANCEL, [key]))
    scene.erp.edit(ORDER, key, {"note": ""})

    assert ChangeSetState.APPLIED is scene.run(approved).state


def test_a_document_that_came_back_is_what_was_approved(scene: Scene) -> None:
    """Changed and changed back: the values count, not the stamps."""
    (key,) = scene.orders()
    approved = scene.approve(scene.plan(CANCEL, [key]))
    scene.erp.edit(ORDER, key, {"state": "draft"})
    scene.erp.edit(ORDER, key, {"state": "quotation"})

    assert ChangeSetState.APPLIED is scene.run(approved).state


def test_an_edit_between_capture_and_call_is_refused(scene: Scene) -> None:
    """Where the ERP has a compare-and-set, it sees what our capture could not."""
    (key,) = scene.orders()
    approved = scene.approve(scene.plan(CANCEL, [key]))
    scene.fail("edit", key=key, changes={"note": "late"})
    done = scene.run(approved)
    operation = scene.operations(done)[0]

    assert ChangeSetState.FAILED is done.state
    assert [REFUSED] == scene.moved(done)
    assert "STO-0304" == operation.error_code
    assert [("note", "", "late")] == foreign(operation)
    assert "quotation" == scene.order(key)["state"]


def test_one_stale_member_is_set_apart(scene: Scene) -> None:
    """The batch goes on without it; it is read again and dropped for what moved."""
    keys = scene.orders(4)
    approved = scene.approve(scene.plan(CANCEL, keys))
    scene.fail("edit", key=keys[2], changes={"note": "late"})
    done = scene.run(approved)

    assert [CONFIRMED, CONFIRMED, DROPPED, CONFIRMED] == scene.moved(done)
    assert 'note: "" -> "late"' in str(scene.operations(done)[2].reason)
    assert [4, 3] == scene.sizes()


def test_an_edit_that_no_compare_and_set_saw_is_stored_as_foreign(both: Scene) -> None:
    """It is done, and the edit of another field beside it is somebody else's: a rollback leaves it."""
    scene = make_scene(both.journal, has_compare_and_set=False)
    (key,) = scene.orders()
    approved = scene.approve(scene.plan(CANCEL, [key]))
    scene.fail("edit", key=key, changes={"note": "late", "priority": 9})
    done = scene.run(approved)

    assert ChangeSetState.APPLIED is done.state
    assert [("note", "", "late"), ("priority", 1, 9)] == sorted(foreign(scene.operations(done)[0]))

    scene.roll_back(done)

    assert ("quotation", "late", 9) == tuple(
        scene.order(key)[name] for name in ("state", "note", "priority")
    )


def test_an_edit_between_call_and_reading_back_is_stored_as_foreign(scene: Scene) -> None:
    """The after image holds it, but it is not ours."""
    keys = scene.orders(2)
    approved = scene.approve(scene.plan(CANCEL, keys))
    scene.fail("edit", key=keys[0], changes={"note": "late"}, moment="after")
    done = scene.run(approved)
    first, second = scene.operations(done)

    assert ChangeSetState.APPLIED is done.state
    assert [("note", "", "late")] == foreign(first)
    assert {} == second.result


def test_what_an_earlier_operation_of_ours_did_is_no_move(both: Scene) -> None:
    """Two changes of one record in one change set were approved on the same image; both are made."""
    (key,) = both.orders()
    chains = [
        *both.chains(UPDATE, [key], arguments={"note": "a"}),
        *both.chains(UPDATE, [key], arguments={"priority": 9}),
    ]
    done = both.run(both.approve(both.store(chains)))

    assert ChangeSetState.APPLIED is done.state
    assert [1, 1] == both.sizes()
    assert ("a", 9) == (both.order(key)["note"], both.order(key)["priority"])


def test_what_somebody_did_after_an_earlier_operation_of_ours_is_a_move(scene: Scene) -> None:
    """What we left behind is ours only as long as it is what we left."""
    (key,) = scene.orders()
    chains = [
        *scene.chains(UPDATE, [key], arguments={"note": "a"}),
        *scene.chains(UPDATE, [key], arguments={"priority": 9}),
    ]
    approved = scene.approve(scene.store(chains))
    scene.fail("edit", on="capture", nth=2, key=key, changes={"note": "b"}, moment="after")
    done = scene.run(approved)

    assert [CONFIRMED, DROPPED] == scene.moved(done)
    assert ("b", 1) == (scene.order(key)["note"], scene.order(key)["priority"])


def test_what_somebody_did_while_an_earlier_operation_of_ours_ran_is_a_move(scene: Scene) -> None:
    """It is in what our operation left behind, but our operation did not do it."""
    (key,) = scene.orders()
    chains = [
        *scene.chains(CANCEL, [key]),
        *scene.chains(UPDATE, [key], arguments={"priority": 9}),
    ]
    approved = scene.approve(scene.store(chains))
    scene.fail("edit", key=key, changes={"owner": "somebody"}, moment="after")
    done = scene.run(approved)

    assert [CONFIRMED, DROPPED] == scene.moved(done)
    assert "owner: " in str(scene.operations(done)[1].reason)
    assert ("cancelled", 1) == (scene.order(key)["state"], scene.order(key)["priority"])


def test_what_another_change_set_did_is_a_move(scene: Scene) -> None:
    """Each change set stands on what was approved for it."""
    (key,) = scene.orders()
    first = scene.approve(scene.plan(UPDATE, [key], arguments={"note": "a"}))
    second = scene.approve(scene.plan(UPDATE, [key], arguments={"priority": 9}))
    scene.run(first)

    assert [DROPPED] == scene.moved(scene.run(second))


def test_a_reason_keeps_its_values(scene: Scene) -> None:
    """The journal holds template and values, so that the reason can be told in another language."""
    (key,) = scene.orders()
    approved = scene.approve(scene.plan(CANCEL, [key]))
    scene.erp.edit(ORDER, key, {"priority": 2})
    scene.run(approved)
    stored = loads(scene.sql("SELECT reason FROM operation")[0][0])

    assert {"count": 1, "fields": f"{Ref(ORDER, key)} priority: 1 -> 2"} == stored["values"]


def test_lines_of_another_order_are_nobodys_business(scene: Scene) -> None:
    """An edit outside the footprint drops nothing."""
    keys = scene.orders(2, state="processing")
    approved = scene.approve(scene.plan(CLOSE, keys[:1]))
    for line in scene.erp.tables[LINE].children("order", keys[1]):
        scene.erp.edit(LINE, line, {"description": "x"})

    assert ChangeSetState.APPLIED is scene.run(approved).state


def test_a_record_that_went_after_an_earlier_operation_of_ours_is_a_move(scene: Scene) -> None:
    """Our first operation left a line behind, and somebody deleted it."""
    (key,) = scene.orders(state="processing")
    line, other = scene.erp.tables[LINE].children("order", key)
    chains = [
        *scene.chains(UPDATE, [line], arguments={"item": "NUT"}, model=LINE),
        *scene.chains(CLOSE, [key]),
    ]
    approved = scene.approve(scene.store(chains))
    scene.fail("delete", on="capture", nth=2, key=line, model=LINE, moment="after")
    scene.run(approved)

    assert [CONFIRMED, DROPPED] == scene.moved(approved)[:2]
    assert f"{LINE},{line} *: exists -> <missing>" in str(scene.operations(approved)[1].reason)
    assert [other] == scene.erp.tables[LINE].children("order", key)


def test_the_same_record_of_another_system_explains_nothing(scene: Scene) -> None:
    """What we did there is no excuse for what somebody did here."""
    elsewhere = make_scene(scene.journal)
    elsewhere.system.name = "other"
    (key,) = scene.orders()
    elsewhere.orders()
    chains = [
        *elsewhere.chains(UPDATE, [key], arguments={"note": "x"}),
        *scene.chains(CANCEL, [key]),
    ]
    approved = scene.approve(scene.store(chains))
    scene.erp.edit(ORDER, key, {"note": "x"})
    systems = {"fake": scene.system, "other": elsewhere.system}
    done = run(scene.journal, systems.__getitem__, approved.id, actor=MEI)

    assert [CONFIRMED, DROPPED] == scene.moved(done)


def test_a_document_that_we_may_not_read_is_set_apart(scene: Scene) -> None:
    """The ERP refuses to show one of them: it is dropped with the ERP's words, the others go on."""
    keys = scene.orders(5)
    approved = scene.approve(scene.plan(CANCEL, keys))
    scene.fail("refused", on="capture", key=keys[3], times=9, code="rejected", said="Not yours.")
    done = scene.run(approved)
    dropped = scene.operations(done)[3]

    assert [CONFIRMED] * 3 + [DROPPED, CONFIRMED] == scene.moved(done)
    assert ("STO-0301", "fake refused: Not yours.") == (dropped.error_code, str(dropped.reason))
    assert [4] == scene.sizes()


def test_a_right_to_read_that_is_lost_stops_the_run(scene: Scene) -> None:
    """No document is dropped for what every other one would meet too."""
    approved = scene.approve(scene.plan(CANCEL, scene.orders(3)))
    scene.fail("refused", on="capture", code="access_denied")
    with pytest.raises(AccessDenied):
        scene.run(approved)

    assert ChangeSetState.PAUSED is scene.again(approved).state
    assert {OperationState.LOCKED} == set(scene.moved(approved))


def test_an_operation_without_evidence_has_a_way_back_all_the_same(scene: Scene) -> None:
    """Nobody approved an image; what is there when it is sent is captured like any other."""
    (key,) = scene.orders()
    (chain,) = scene.chains(CANCEL, [key])
    bare = replace(chain, operations=(replace(chain.operations[0], approved=None),))
    scene.erp.edit(ORDER, key, {"note": "x"})
    before = scene.erp.dump(with_trace=False)
    done = scene.run(scene.approve(scene.store([bare])))

    assert ChangeSetState.APPLIED is done.state

    scene.roll_back(done)

    assert before == scene.erp.dump(with_trace=False)


def test_documents_that_share_a_record_may_be_set_apart_too(scene: Scene) -> None:
    """Halving for what cannot be read does not bring two operations on one record into one batch."""
    orders = scene.orders(2, state="processing")
    lines = [line for key in orders for line in scene.erp.tables[LINE].children("order", key)]
    approved = scene.approve(
        scene.plan(
            UPDATE, [lines[0], lines[2], lines[1], lines[3]], arguments={"item": "NUT"}, model=LINE
        )
    )
    scene.fail("refused", on="capture", key=lines[3], times=9, code="rejected")
    done = scene.run(approved)

    assert [CONFIRMED] * 3 + [DROPPED] == scene.moved(done)
    assert [2, 1] == scene.sizes()
