"""What a person does in the ERP has the same journal: handed out, read back, taken back."""

from __future__ import annotations

from connectors.contract import Executor
from connectors.fake.schema import ORDER
from recovery.model import ChangeSet
from recovery.reversing.preview import Status
from recovery.states import ChangeSetState, OperationState
from recovery.worklist import worklist
from tests.integration.recovery.scene import CANCEL, CLOSE, Scene

APPROVE = "purchase_order.approve_by_hand"
CONFIRMED, SENT = OperationState.CONFIRMED, OperationState.SENT


def hand_out(scene: Scene, keys: list[str]) -> ChangeSet:
    """Plan, approve and start what only a person can do."""
    return scene.do(APPROVE, keys, executor=Executor.BY_PERSON)


def seen(scene: Scene, change_set: ChangeSet) -> list[str]:
    """Return what the worklist says that the ERP shows now."""
    return [str(i.seen) for i in worklist(scene.journal, scene.systems, change_set.id)]


def test_a_worklist_is_handed_out(scene: Scene) -> None:
    """Before images are stored, nothing is called, and the change set waits for the person."""
    keys = scene.orders(3)
    paused = hand_out(scene, keys)
    items = list(worklist(scene.journal, scene.systems, paused.id))

    assert ChangeSetState.PAUSED is paused.state
    assert "3 on the worklist" in str(paused.note)
    assert [SENT] * 3 == scene.moved(paused)
    assert all(each.before_hash is not None for each in scene.operations(paused))
    assert [] == scene.sizes()
    assert ["PO0001", "PO0002", "PO0003"] == [item.number for item in items]
    assert ("Purchase > Orders > PO0001", "Approve") == (
        str(items[0].instruction.screen),
        str(items[0].instruction.press),
    )


def test_what_the_person_did_is_read_back(scene: Scene) -> None:
    """What is done is confirmed at the next look, the rest stays handed out, until all is done."""
    keys = scene.orders(3)
    paused = hand_out(scene, keys)
    scene.erp.do_by_hand(APPROVE, keys[1])
    waiting = scene.run(paused)

    assert ChangeSetState.PAUSED is waiting.state
    assert [SENT, CONFIRMED, SENT] == scene.moved(paused)
    assert [SENT, CONFIRMED, SENT] == [
        item.state for item in worklist(scene.journal, scene.systems, paused.id)
    ]

    scene.erp.do_by_hand(APPROVE, keys[0])
    scene.erp.do_by_hand(APPROVE, keys[2], user="bo")
    done = scene.run(paused)

    assert ChangeSetState.APPLIED is done.state
    assert [] == scene.sizes()
    assert scene.journal.verify().is_intact


def test_what_is_half_done_is_not_done(scene: Scene) -> None:
    """A person began, and there is more to do: it stays on the list, and the list says so."""
    keys = scene.orders(3)
    paused = hand_out(scene, keys)
    scene.erp.edit(ORDER, keys[0], {"approved_by": "anna"}, user="anna")
    scene.erp.do_by_hand(APPROVE, keys[1])

    assert [
        "begun but not finished: 1 fields changed",
        "done in the ERP; resume to confirm it",
        "not begun",
    ] == seen(scene, paused)
    assert ChangeSetState.PAUSED is scene.run(paused).state
    assert [SENT, CONFIRMED, SENT] == scene.moved(paused)
    assert "confirmed" == seen(scene, paused)[1]


def test_what_reading_cannot_tell_stays_on_the_list(scene: Scene) -> None:
    """A reminder leaves nothing behind in the order: nobody can read back whether it was sent."""
    paused = scene.do("purchase_order.send_reminder", scene.orders(), executor=Executor.BY_PERSON)

    assert ChangeSetState.PAUSED is scene.run(paused).state
    assert [SENT] == scene.moved(paused)


def test_what_is_done_before_it_is_handed_out_is_not_handed_out(scene: Scene) -> None:
    """It moved since it was approved."""
    keys = scene.orders(2)
    approved = scene.approve(scene.plan(APPROVE, keys, executor=Executor.BY_PERSON))
    scene.erp.do_by_hand(APPROVE, keys[0])
    scene.run(approved)

    assert [OperationState.DROPPED, SENT] == scene.moved(approved)


def test_a_worklist_is_taken_back_by_a_worklist(both: Scene) -> None:
    """What only a person can do only a person can take back, and it is read back as well."""
    keys = both.orders(2)
    before = both.erp.dump(with_trace=False)
    paused = hand_out(both, keys)
    for key in keys:
        both.erp.do_by_hand(APPROVE, key)
    done = both.run(paused)
    back = both.roll_back(done)
    pressed = [str(i.instruction.press) for i in worklist(both.journal, both.systems, back.id)]

    assert ChangeSetState.PAUSED is back.state
    assert {Executor.BY_PERSON} == {each.executor for each in both.operations(back)}
    assert ["Withdraw"] * 2 == pressed
    assert ChangeSetState.APPLIED is both.again(done).state

    for key in keys:
        both.erp.do_by_hand("purchase_order.withdraw_by_hand", key)

    assert ChangeSetState.APPLIED is both.run(back).state
    assert ChangeSetState.ROLLED_BACK is both.again(done).state
    assert before == both.erp.dump(with_trace=False)


def test_a_chain_may_be_a_persons(scene: Scene) -> None:
    """Link by link: the next step is handed out when the one before was read back."""
    (key,) = scene.orders(state="processing")
    chains = scene.chains(CLOSE, [key], executor=Executor.BY_PERSON)
    paused = scene.run(scene.approve(scene.store(chains)))

    assert [SENT, OperationState.LOCKED, OperationState.LOCKED] == scene.moved(paused)
    assert ["not begun"] * 3 == seen(scene, paused)

    for move in scene.erp.tables["stock.move"].children("order", key):
        if (scene.erp.tables["stock.move"].get(move) or {})["state"] == "draft":
            scene.erp.edit("stock.move", move, {"state": "cancelled"}, user="anna")
    for line in scene.erp.tables["purchase.line"].children("order", key):
        row = scene.erp.tables["purchase.line"].get(line) or {}
        left = row["quantity"] - row["received_quantity"]
        scene.erp.edit("purchase.line", line, {"cancelled_quantity": left}, user="anna")
    again = scene.run(paused)

    assert ChangeSetState.PAUSED is again.state
    assert [CONFIRMED, SENT, OperationState.LOCKED] == scene.moved(paused)


def test_people_and_interface_share_a_change_set(scene: Scene) -> None:
    """What the interface can do is done at once; the change set waits for the person alone."""
    by_interface, by_person = scene.orders(2)
    chains = [
        *scene.chains(CANCEL, [by_interface]),
        *scene.chains(CANCEL, [by_person], executor=Executor.BY_PERSON),
    ]
    paused = scene.run(scene.approve(scene.store(chains)))

    assert [CONFIRMED, SENT] == scene.moved(paused)
    assert 1 == len(list(worklist(scene.journal, scene.systems, paused.id)))

    scene.erp.edit(
        ORDER,
        by_person,
        {"state": "cancelled", "closed_by": "anna", "closed_how": "by_hand"},
        user="anna",
    )
    done = scene.run(paused)

    assert ChangeSetState.APPLIED is done.state
    assert [Status.CLEAN] * 2 == [item.status for item in scene.preview(done).items]
