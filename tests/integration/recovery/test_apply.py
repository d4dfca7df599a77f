"""A run stores the way back before each call, and calls nothing done before it was read back."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from decimal import Decimal

import pytest

from connectors.contract import Answer, Call, Fence, no_fence
from core.errors import AccessDenied, IllegalMove, LoginFailed, RefusedError
from recovery.journal import Journal
from recovery.states import ALREADY, ChangeSetState, OperationState
from tests.integration.recovery.scene import CANCEL, CLOSE, UPDATE, Scene, make_scene

CONFIRMED, REFUSED, DROPPED = (
    OperationState.CONFIRMED,
    OperationState.REFUSED,
    OperationState.DROPPED,
)


def test_the_way_back_is_stored_before_the_call(both: Scene, journal_url: str) -> None:
    """When a call leaves, another process already finds its intent and its before image in the journal."""
    keys = both.orders(3)
    approved = both.approve(both.plan(CANCEL, keys))
    apply, looked = both.system.apply, list[object]()

    def look_and_apply(calls: Sequence[Call], fence: Fence = no_fence) -> list[Answer]:
        with closing(Journal.open(journal_url)) as other:
            operations = other.operations_by_id([call.operation_id for call in calls])
            images = other.images([each.before_hash for each in operations.values()])
            for call in calls:
                operation = operations[call.operation_id]
                looked.append(operation.state)
                assert call.before == images[operation.before_hash or ""]
            # No transaction of the run is open while the ERP works: this would wait for it.
            make_scene(other).plan(CANCEL, [])
        return apply(calls, fence)

    both.system.apply = look_and_apply  # type: ignore[method-assign]
    both.run(approved, batch_size=2)

    assert [OperationState.SENT] * 3 == looked
    assert ["cancelled"] * 3 == both.states(keys)


def test_a_batch_is_two_commits(both: Scene) -> None:
    """Images and intents, then outcomes: five batches are ten lines of the chain, and one more each end."""
    approved = both.approve(both.plan(CANCEL, both.orders(10)))
    before = both.journal.verify().line_count
    both.run(approved, batch_size=2)

    assert 1 + 5 * 2 + 1 == both.journal.verify().line_count - before


def test_everything_is_read_back(both: Scene) -> None:
    """Each operation has an image from before and one from after; nothing of the change set stays locked."""
    keys = both.orders(3)
    done = both.do(CANCEL, keys)
    operations = both.operations(done)
    images = both.journal.images([each.after_hash for each in operations])

    assert ChangeSetState.APPLIED is done.state
    assert [CONFIRMED] * 3 == both.moved(done)
    assert [both.order(key) for key in keys] == [
        images[str(each.after_hash)].records[0].fields for each in operations
    ]
    assert [] == both.sql("SELECT * FROM record_lock")


def test_a_finished_change_set_does_not_run_again(scene: Scene) -> None:
    """Asking twice is harmless."""
    done = scene.do(CANCEL, scene.orders(2))
    with pytest.raises(IllegalMove):
        scene.run(done)

    assert [2] == scene.sizes()


def test_chains_go_link_by_link(scene: Scene) -> None:
    """First links of all documents in one batch, then second ones; a done chain closes its document."""
    keys = scene.orders(3, state="processing")
    done = scene.do(CLOSE, keys)

    assert ChangeSetState.APPLIED is done.state
    assert [3, 3, 3] == scene.sizes()
    assert ["closed"] * 3 == scene.states(keys)


# --- refusals -----------------------------------------------------------------------------------


def test_a_refused_member_that_the_erp_names(both: Scene) -> None:
    """The others are sent again without it, once; it has the ERP's own words."""
    keys = both.orders(8)
    both.fail("bad_document", key=keys[5], times=9, said="Period 2025-12 is closed.")
    done = both.do(CANCEL, keys)
    refused = both.operations(done)[5]

    assert ChangeSetState.PARTLY_APPLIED is done.state
    assert [CONFIRMED] * 5 + [REFUSED] + [CONFIRMED] * 2 == both.moved(done)
    assert [8, 7, 1] == both.sizes()
    assert ("STO-0301", "fake refused: Period 2025-12 is closed.") == (
        refused.error_code,
        str(refused.reason),
    )
    assert "quotation" == both.order(keys[5])["state"]
    assert both.journal.verify().is_intact


def test_a_refused_member_that_nobody_names(scene: Scene) -> None:
    """An atomic batch is halved until the offender stands alone: nothing is applied twice."""
    keys = scene.orders(8)
    scene.fail("bad_document", key=keys[5], times=9, is_named=False)
    done = scene.do(CANCEL, keys)

    assert [CONFIRMED] * 5 + [REFUSED] + [CONFIRMED] * 2 == scene.moved(done)
    assert [8, 4, 4, 2, 1, 1, 2] == scene.sizes()
    assert {1} == set(scene.applied().values())


def test_a_refused_member_that_our_own_check_names(scene: Scene) -> None:
    """What the action knows to be a problem is set apart first, without halving."""
    keys = [*scene.orders(5), *scene.orders(1, state="processing"), *scene.orders(2)]
    scene.fail("bad_document", key=keys[5], times=9, is_named=False)
    done = scene.do(CANCEL, keys)

    assert [CONFIRMED] * 5 + [REFUSED] + [CONFIRMED] * 2 == scene.moved(done)
    assert [8, 7, 1] == scene.sizes()


@pytest.mark.parametrize("is_named", [True, False])
def test_several_refused_members(scene: Scene, is_named: bool) -> None:
    """Each offender is found, and nobody else is refused for it."""
    keys = scene.orders(9)
    for key in (keys[0], keys[4], keys[8]):
        scene.fail("bad_document", key=key, times=99, is_named=is_named)
    done = scene.do(CANCEL, keys)

    assert [REFUSED, *[CONFIRMED] * 3] * 2 + [REFUSED] == scene.moved(done)
    assert {1} == set(scene.applied().values())


def test_every_member_is_refused(scene: Scene) -> None:
    """A change set of which nothing could be done has failed, and there is nothing to take back."""
    keys = scene.orders(4)
    for key in keys:
        scene.fail("bad_document", key=key, times=99, is_named=False)
    done = scene.do(CANCEL, keys)

    assert ChangeSetState.FAILED is done.state
    assert [REFUSED] * 4 == scene.moved(done)
    assert {} == scene.applied()


def test_a_batch_that_is_not_atomic(scene: Scene) -> None:
    """Each member has its own answer; nothing is sent a second time."""
    scene = make_scene(scene.journal, is_atomic_batch=False)
    keys = scene.orders(8)
    scene.fail("bad_document", key=keys[5], times=9)
    done = scene.do(CANCEL, keys)

    assert [CONFIRMED] * 5 + [REFUSED] + [CONFIRMED] * 2 == scene.moved(done)
    assert [8] == scene.sizes()


def test_success_that_changed_nothing_is_a_refusal(scene: Scene) -> None:
    """The ERP said yes, the document says no: it is not called done."""
    keys = scene.orders(3)
    scene.fail("no_effect", key=keys[1])
    done = scene.do(CANCEL, keys)

    assert [CONFIRMED, REFUSED, CONFIRMED] == scene.moved(done)
    assert "STO-0305" == scene.operations(done)[1].error_code
    assert [3] == scene.sizes()


@pytest.mark.parametrize(
    "code, error", [("login_failed", LoginFailed), ("access_denied", AccessDenied)]
)
def test_what_every_document_would_meet_stops_the_run(
    both: Scene, code: str, error: type[RefusedError]
) -> None:
    """Log-in and rights: nothing is refused for it, the change set waits, and goes on when it is mended."""
    keys = both.orders(6)
    approved = both.approve(both.plan(CANCEL, keys))
    both.fail("refused", nth=2, code=code, said="No.")
    with pytest.raises(error):
        both.run(approved, batch_size=2)
    paused = both.again(approved)

    assert ChangeSetState.PAUSED is paused.state
    assert "No." in str(paused.note)
    assert [CONFIRMED] * 2 + [OperationState.CAPTURED] * 2 + [OperationState.LOCKED] * 2 == (
        both.moved(approved)
    )

    done = both.run(approved, batch_size=2)

    assert ChangeSetState.APPLIED is done.state
    assert done.note is None
    assert {1} == set(both.applied().values())


def test_a_right_that_is_lost_while_a_batch_is_halved(scene: Scene) -> None:
    """What was done by then is stored; the rest waits."""
    keys = scene.orders(4)
    approved = scene.approve(scene.plan(CANCEL, keys))
    scene.fail("bad_document", key=keys[3], times=9, is_named=False)
    scene.fail("refused", nth=3, code="access_denied")
    with pytest.raises(AccessDenied):
        scene.run(approved)

    assert [CONFIRMED] * 2 + [OperationState.CAPTURED] * 2 == scene.moved(approved)

    scene.run(approved)

    assert [CONFIRMED] * 3 + [REFUSED] == scene.moved(approved)
    assert {1} == set(scene.applied().values())


def test_a_right_that_one_member_lacks(scene: Scene) -> None:
    """Where each member has its own answer, what was answered is stored before the run stops."""
    scene = make_scene(scene.journal, is_atomic_batch=False)
    keys = scene.orders(4)
    approved = scene.approve(scene.plan(CANCEL, keys))
    scene.fail("bad_document", key=keys[1], code="access_denied")
    with pytest.raises(AccessDenied):
        scene.run(approved, batch_size=2)

    assert [CONFIRMED, REFUSED, OperationState.LOCKED, OperationState.LOCKED] == (
        scene.moved(approved)
    )
    assert ChangeSetState.PARTLY_APPLIED is scene.run(approved).state


def test_equal_refusals_in_a_row_stop_the_run(scene: Scene) -> None:
    """The third document that is refused alike is the last one that is tried."""
    keys = scene.orders(6)
    approved = scene.approve(scene.plan(CANCEL, keys))
    scene.fail("refused", times=3, said="Maintenance.")
    with pytest.raises(RefusedError, match=r"3 documents in a row.*Maintenance"):
        scene.run(approved, batch_size=1, stop_after_equal_refusals=3)

    assert ChangeSetState.PAUSED is scene.again(approved).state
    assert [REFUSED] * 3 + [OperationState.LOCKED] * 3 == scene.moved(approved)

    assert ChangeSetState.PARTLY_APPLIED is scene.run(approved).state
    assert [REFUSED] * 3 + [CONFIRMED] * 3 == scene.moved(approved)


def test_refusals_that_name_their_document_are_equal(scene: Scene) -> None:
    """Numbers and quoted names do not make two refusals different; other words do."""
    keys = scene.orders(5)
    for key, said in zip(keys, ("Order {} is shut.", "Gate {} is shut.") * 3, strict=False):
        scene.fail("refused", key=key, said=said.format(key))
    approved = scene.approve(scene.plan(CANCEL, keys))

    assert (
        ChangeSetState.FAILED
        is scene.run(approved, batch_size=1, stop_after_equal_refusals=2).state
    )

    more = scene.orders(3)
    for key in more:
        scene.fail("refused", key=key, said=f"Order '{key}a' of {key} is shut.")
    with pytest.raises(RefusedError, match="2 documents in a row"):
        scene.run(
            scene.approve(scene.plan(CANCEL, more)), batch_size=1, stop_after_equal_refusals=2
        )


def test_refusals_that_differ_do_not_stop_the_run(scene: Scene) -> None:
    """Neither do equal ones with a success between them."""
    keys = scene.orders(6)
    for key, code in zip(
        keys, ("rejected", "state", "rejected", None, "rejected", "rejected"), strict=True
    ):
        if code is not None:
            scene.fail("refused", key=key, code=code)
    done = scene.run(
        scene.approve(scene.plan(CANCEL, keys)), batch_size=1, stop_after_equal_refusals=3
    )

    assert ChangeSetState.PARTLY_APPLIED is done.state
    assert [REFUSED] * 3 + [CONFIRMED] + [REFUSED] * 2 == scene.moved(done)


def test_a_refused_link_drops_the_links_behind_it(both: Scene) -> None:
    """The chain of that document ends there; the others go on to their end."""
    keys = both.orders(3, state="processing")
    both.fail("bad_document", action="purchase_order.settle_lines", key=keys[1], times=9)
    done = both.do(CLOSE, keys)

    assert ChangeSetState.PARTLY_APPLIED is done.state
    assert (
        [CONFIRMED] * 3 + [CONFIRMED, REFUSED, CONFIRMED] + [CONFIRMED, DROPPED, CONFIRMED]
    ) == both.moved(done)
    assert "had to come before" in str(both.operations(done)[7].reason)
    assert ["closed", "processing", "closed"] == both.states(keys)


def test_a_document_waits_for_another_one(scene: Scene) -> None:
    """A chain that follows another is dropped with it, and runs after it."""
    first, second, third, fourth = scene.orders(4)
    chains = scene.chains(CANCEL, [first, second, third, fourth])
    chains[1] = replace(chains[1], follows=0)
    chains[3] = replace(chains[3], follows=2)
    scene.fail("bad_document", key=first, times=9)
    done = scene.run(scene.approve(scene.store(chains)))

    assert [REFUSED, DROPPED, CONFIRMED, CONFIRMED] == scene.moved(done)
    assert ["quotation", "quotation", "cancelled", "cancelled"] == scene.states(
        [first, second, third, fourth]
    )


# --- what is there already, and what is shared --------------------------------------------------


def test_what_the_erp_already_has_is_not_sent(scene: Scene) -> None:
    """A first link with nothing to do is dropped as such, and the next link may go on."""
    keys = scene.orders(2, state="processing", lines=(("5.000", "5.000", "3.00"),))
    done = scene.do(CLOSE, keys)
    operations = scene.operations(done)

    assert [DROPPED] * 2 + [CONFIRMED] * 4 == scene.moved(done)
    assert [ALREADY] * 2 == [each.error_code for each in operations[:2]]
    assert [2, 2] == scene.sizes()
    assert ["closed"] * 2 == scene.states(keys)


def test_documents_that_share_a_record_go_one_after_the_other(both: Scene) -> None:
    """Two lines of one order in one batch: the second waits, and what the first did is no move."""
    orders = both.orders(2, state="processing")
    lines = [
        line for key in orders for line in both.erp.tables["purchase.line"].children("order", key)
    ]
    done = both.do(UPDATE, lines, arguments={"quantity": Decimal("20.000")}, model="purchase.line")

    assert ChangeSetState.APPLIED is done.state
    assert [2, 2] == both.sizes()
    assert {Decimal("20.000")} == {
        (both.erp.tables["purchase.line"].get(line) or {})["quantity"] for line in lines
    }
