"""Nothing is taken back under what rests on it: that comes along, or the document is refused and told why."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from connectors.contract import Image, Ref, Step
from connectors.fake.actions import Target
from connectors.fake.others import ReopenTask
from connectors.fake.sample import add_invoice, add_period, add_project
from connectors.fake.schema import INVOICE, LINE, ORDER, PROJECT, TASK
from connectors.judging import root_of
from core import clock
from core.errors import BadInput, NotAllowed, NotFound
from recovery.model import ChangeSet
from recovery.reversing.dependence import Sign
from recovery.reversing.preview import RollbackPreview, Status, preview
from recovery.reversing.selection import Selection
from recovery.states import ChangeSetState, OperationState
from tests.integration.recovery.scene import CANCEL, CLOSE, UPDATE, Scene

REVERSE = "supplier_invoice.reverse"


def look(scene: Scene, change_set: ChangeSet, **given: Any) -> RollbackPreview:
    """Preview the rollback of a change set."""
    selection = replace(scene.selection(change_set), **given)
    return preview(scene.journal, scene.systems, selection)


def back(scene: Scene, change_set: ChangeSet, **given: Any) -> ChangeSet:
    """Take a change set back."""
    selection = replace(scene.selection(change_set), **given)
    return scene.run(scene.approve(scene.plan_rollback(selection)))


def notes(scene: Scene, key: str, *written: str) -> list[ChangeSet]:
    """Write one note after the other, each with a change set of its own."""
    return [scene.update(key, note=each) for each in written]


# --- what rests on what ---------------------------------------------------------------------------


def test_a_younger_change_of_the_same_field_is_named(scene: Scene) -> None:
    """The document is refused, with the document, change set and number of what must come along."""
    (key,) = scene.orders()
    older, newer = notes(scene, key, "a", "b")
    found = look(scene, older)
    (item,) = found.items
    (other,) = found.offered

    assert Status.BLOCKED is item.status
    assert f"PO0001 ({newer.short_id} 1) rests on it" in str(item.reason)
    assert "--with-dependents" in str(item.reason)
    assert newer.id == other.last.change_set_id
    assert [(Sign.SAME_FIELDS, older.id)] == [
        (rest.sign, rest.operation.change_set_id) for rest in other.upon
    ]
    assert "it changed note of purchase.order,1 later" == str(other.upon[0].why)
    with pytest.raises(NotAllowed):
        scene.plan_rollback(scene.selection(older))
    assert "b" == scene.order(key)["note"]


def test_what_rests_on_it_comes_along(both: Scene) -> None:
    """One rollback takes operations of several change sets back, the youngest first; each of them says so."""
    (key,) = both.orders()
    older, middle, newer = notes(both, key, "a", "b", "c")
    done = back(both, older, with_dependents=True)

    assert "" == both.order(key)["note"]
    assert ChangeSetState.APPLIED is done.state
    assert [ChangeSetState.ROLLED_BACK] * 3 == [
        both.again(each).state for each in (older, middle, newer)
    ]
    assert [newer.id, middle.id, older.id] == [
        both.journal.operations_by_id([str(op.reverses_operation_id)]).popitem()[1].change_set_id
        for op in both.operations(done)
    ]
    assert older.id == done.reverses_id
    for each in (older, middle, newer):
        assert [done.id] == [s.id for s in both.journal.change_sets(reverses_id=each.id)]
    assert "same_fields" == both.operations(done)[0].details["because"][0]["sign"]
    assert both.journal.verify().is_intact


def test_a_rollback_over_several_change_sets_is_taken_back(both: Scene) -> None:
    """And again: everything stands as before, whatever the depth."""
    (key,) = both.orders()
    sets = notes(both, key, "a", "b")
    first = back(both, sets[0], with_dependents=True)
    second = both.roll_back(first)

    assert "b" == both.order(key)["note"]
    assert [ChangeSetState.APPLIED] * 2 == [both.again(each).state for each in sets]

    third = both.roll_back(second)

    assert "" == both.order(key)["note"]
    assert [ChangeSetState.ROLLED_BACK] * 2 == [both.again(each).state for each in sets]
    assert ChangeSetState.APPLIED is third.state


def test_other_fields_of_the_same_record_are_nobody_s_business(scene: Scene) -> None:
    """A note does not have to wait for a closing that came after it."""
    (key,) = scene.orders(state="processing")
    older = scene.update(key, note="a")
    scene.do(CLOSE, [key])
    found = look(scene, older)

    assert ([Status.CLEAN], ()) == ([item.status for item in found.items], found.offered)

    scene.roll_back(older)

    assert ("", "closed") == (scene.order(key)["note"], scene.order(key)["state"])


def test_what_needed_it_comes_along(scene: Scene) -> None:
    """The project could be closed because its task was: the task is opened after its project, in any change set."""
    project = add_project(scene.erp, "P1", tasks=("open",))
    (task,) = scene.erp.tables[TASK].all_keys()
    older = scene.do("project_task.close", [task])
    newer = scene.do("project.close", [project])
    found = look(scene, older)

    assert [Status.BLOCKED] == [item.status for item in found.items]
    assert [Sign.NEEDED] == [rest.sign for rest in found.offered[0].upon]
    assert "it needs that one: without it" in str(found.offered[0].upon[0].why)

    done = back(scene, older, with_dependents=True)

    assert ["project.reopen", "project_task.reopen"] == [
        op.step.action for op in scene.operations(done)
    ]
    assert ["open", "open"] == [
        (scene.erp.tables[model].get(key) or {})["state"]
        for model, key in ((PROJECT, project), (TASK, task))
    ]
    assert ChangeSetState.ROLLED_BACK is scene.again(newer).state


def test_what_works_on_a_created_document_comes_along(scene: Scene) -> None:
    """The counter-document got a reference since: that goes back before the counter-document does."""
    invoice = add_invoice(scene.erp, "INV1", period=add_period(scene.erp, "2026-01"))
    older = scene.do(REVERSE, [invoice])
    scene.do(UPDATE, ["2"], arguments={"due": None}, model=INVOICE)
    found = look(scene, older)

    assert [Status.BLOCKED] == [item.status for item in found.items]
    assert [Sign.CREATED] == [rest.sign for rest in found.offered[0].upon]

    done = back(scene, older, with_dependents=True)

    assert [(UPDATE, "2"), (REVERSE, "2")] == [
        (op.step.action, op.ref.key) for op in scene.operations(done)
    ]
    assert [None, invoice, "2"] == [
        row["reversed_entry"] for row in scene.erp.dump()[INVOICE].values()
    ]


def test_lines_of_one_order_follow_one_another(both: Scene) -> None:
    """Two change sets, one line each, one amount between them: only the younger one may go alone."""
    (key,) = both.orders(state="processing")
    before = both.erp.dump(with_trace=False)
    first, second = both.erp.tables[LINE].children("order", key)
    given: dict[str, Any] = {"arguments": {"quantity": Decimal(20)}, "model": LINE}
    older, newer = both.do(UPDATE, [first], **given), both.do(UPDATE, [second], **given)

    assert [Status.BLOCKED] == [item.status for item in look(both, older).items]
    assert [Status.CLEAN] == [item.status for item in look(both, newer).items]

    back(both, older, with_dependents=True)

    assert before == both.erp.dump(with_trace=False)


def test_a_chain_comes_along_whole(scene: Scene) -> None:
    """An order that was closed in three links is opened in three, although only the last one is in the way."""
    (key,) = scene.orders(state="processing")
    before = scene.erp.dump(with_trace=False)
    older = scene.update(key, state="processing", owner="bo")
    scene.erp.edit(ORDER, key, {"state": "processing"})
    closed = scene.do(CLOSE, [key])
    again = scene.update(key, owner="li")
    found = look(scene, older)

    assert {again.id} == {item.last.change_set_id for item in found.offered}

    back(scene, older, with_dependents=True)

    assert before[ORDER][key]["owner"] == scene.order(key)["owner"]
    assert ChangeSetState.APPLIED is scene.again(closed).state


def test_what_was_taken_back_already_is_in_nobody_s_way(scene: Scene) -> None:
    """Neither the younger change nor its rollback."""
    (key,) = scene.orders()
    older, newer = notes(scene, key, "a", "b")
    scene.roll_back(newer)
    found = look(scene, older)

    assert ([Status.CLEAN], ()) == ([item.status for item in found.items], found.offered)


def test_what_is_back_by_itself_is_in_nobody_s_way(scene: Scene) -> None:
    """Somebody put the younger change back by hand."""
    (key,) = scene.orders()
    older, _ = notes(scene, key, "a", "b")
    scene.erp.edit(ORDER, key, {"note": "a"})

    assert [Status.CLEAN] == [item.status for item in look(scene, older).items]


# --- no half state ----------------------------------------------------------------------------------


def test_what_cannot_come_along_keeps_what_is_below_it(scene: Scene) -> None:
    """Somebody changed the younger one since: it stays, and so does the older one; others go on."""
    project = add_project(scene.erp, "P1", tasks=("open",))
    add_project(scene.erp, "P2", tasks=("open",))
    first, second = scene.erp.tables[TASK].all_keys()
    older = scene.do("project_task.close", [first, second])
    scene.do("project.close", [project])
    scene.erp.edit(PROJECT, project, {"progress": Decimal("0.5")})
    found = look(scene, older, with_dependents=True)

    assert {first: Status.BLOCKED, second: Status.CLEAN} == {
        item.last.ref.key: item.status for item in found.items
    }
    blocked = next(item for item in found.items if item.status is Status.BLOCKED)
    assert "rests on it and stays: somebody changed it" in str(blocked.reason)

    back(scene, older, with_dependents=True)

    assert ["closed", "open"] == [
        (scene.erp.tables[TASK].get(key) or {})["state"] for key in (first, second)
    ]


def test_what_came_along_for_nothing_stays(scene: Scene) -> None:
    """The document that was asked for is in conflict: what rests on it is not taken back for it."""
    (key,) = scene.orders()
    older = scene.update(key, note="a", priority=7)
    newer = scene.update(key, note="b")
    scene.erp.edit(ORDER, key, {"priority": 8})
    found = look(scene, older, with_dependents=True)

    assert [Status.CONFLICT] == [item.status for item in found.items]
    assert [newer.id] == [item.last.change_set_id for item in found.offered]


def test_when_the_first_step_fails_the_second_is_not_begun(both: Scene) -> None:
    """The younger one is refused by the ERP: the older one below it is left out, not done."""
    (key,) = both.orders()
    sets = notes(both, key, "a", "b")
    planned = both.approve(
        both.plan_rollback(replace(both.selection(sets[0]), with_dependents=True))
    )
    both.fail("bad_document", key=f"{ORDER},{key}", times=9)
    both.fail("bad_document", key=key, times=9)
    done = both.run(planned)

    assert [OperationState.REFUSED, OperationState.DROPPED] == both.moved(done)
    assert "what had to come before it did not hold" == str(both.operations(done)[1].reason)
    assert [ChangeSetState.APPLIED] * 2 == [both.again(each).state for each in sets]


class _TaskFirst(ReopenTask):
    """An ERP that wants a task open before its project is."""

    def precedes(self, step: Step, image: Image) -> tuple[Ref, ...]:
        project = root_of(step, image).get("project")
        return (Ref(PROJECT, str(project)),)


def test_a_circle_is_named_and_stays(scene: Scene) -> None:
    """The project rests on its task, and the way back of the task wants to come first: a person must."""
    actions = dict(scene.system.actions())
    actions[_TaskFirst.name] = _TaskFirst(Target(settles_after=timedelta(0)))
    scene.system._actions = actions  # type: ignore[assignment]
    project = add_project(scene.erp, "P1", tasks=("open",))
    older = scene.do("project_task.close", list(scene.erp.tables[TASK].all_keys()))
    scene.do("project.close", [project])
    found = look(scene, older, with_dependents=True)

    assert [Status.BLOCKED] == [item.status for item in found.items]
    assert "none can go back first" in str(found.items[0].reason)
    assert [{"project.close", "project_task.close"}] == [
        {op.step.action for op in circle} for circle in found.circles
    ]


# --- operations and spans ----------------------------------------------------------------------------


def test_single_operations_of_a_chain(scene: Scene) -> None:
    """The last link alone goes back, and it is said that the others stay; an earlier one takes the later ones along."""
    (key,) = scene.orders(state="processing")
    done = scene.do(CLOSE, [key])
    (item,) = look(scene, done, positions=(3,)).items

    assert Status.CLEAN is item.status
    assert [1, 2] == [op.position for op in item.stay]

    (first,) = look(scene, done, positions=(1,)).items

    assert Status.BLOCKED is first.status

    back(scene, done, positions=(3,))

    assert "processing" == scene.order(key)["state"]
    assert ChangeSetState.PARTLY_ROLLED_BACK is scene.again(done).state

    back(scene, done, positions=(1,), with_dependents=True)

    assert ChangeSetState.ROLLED_BACK is scene.again(done).state


def test_an_operation_that_is_not_there(scene: Scene) -> None:
    """A number that the change set does not have is no operation."""
    done = scene.do(CANCEL, scene.orders())
    with pytest.raises(NotFound, match="no confirmed operation 2"):
        look(scene, done, positions=(1, 2))


def test_what_was_done_in_a_time(both: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over several change sets; by whom; of which kind; rollbacks of that time are left out, and that is said."""
    keys = both.orders(3)
    now = clock.now()
    for hours, key in zip((3, 2, 1), keys, strict=True):
        moment = now - timedelta(hours=hours)
        monkeypatch.setattr(clock, "now", lambda moment=moment: moment)
        both.do(CANCEL, [key])
    monkeypatch.setattr(clock, "now", lambda: now)
    since = now - timedelta(hours=2, minutes=30)

    def seen(**given: Any) -> list[str]:
        found = preview(both.journal, both.systems, Selection(**given))
        return sorted(item.last.called for item in found.items)

    assert ["PO0002", "PO0003"] == seen(since=since)
    assert ["PO0002"] == seen(since=since, until=now - timedelta(hours=1, minutes=30))
    assert ["PO0001"] == seen(until=since)
    assert ["PO0002", "PO0003"] == seen(since=since, by="anna")
    with pytest.raises(NotFound):
        seen(since=since, by="bo")
    with pytest.raises(NotFound):
        seen(since=now + timedelta(hours=1))

    planned = both.plan_rollback(Selection(since=since))
    both.run(both.approve(planned))

    assert ["cancelled", "quotation", "quotation"] == both.states(keys)
    with pytest.raises(NotFound):
        seen(since=since)

    both.do(CANCEL, keys[1:2])
    found = preview(both.journal, both.systems, Selection(since=since))

    assert ["PO0002"] == [item.last.called for item in found.items]
    assert "1 rollbacks of that time are left out" in str(found.notes[0])


def test_lines_need_one_document(scene: Scene) -> None:
    """A span of time names many."""
    scene.do(CANCEL, scene.orders(2))
    with pytest.raises(BadInput, match="name the one document"):
        preview(
            scene.journal,
            scene.systems,
            Selection(since=clock.now() - timedelta(hours=1), lines=("1",)),
        )
