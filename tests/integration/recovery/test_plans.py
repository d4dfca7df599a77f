"""A plan is stored whole, signed by its hash, and runs only while that holds and its evidence is fresh."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from connectors.contract import Kind, Ref, Reversibility
from core import clock
from core.errors import IllegalMove, JournalBroken, NotAllowed, PlanExpired
from core.text import Text
from recovery.approval import ApprovalPolicy, approve_by_policy, reject
from recovery.model import Actor, ChangeSet, PlanException
from recovery.states import ChangeSetState, OperationState
from tests.integration.recovery.scene import CANCEL, CLOSE, MEI, UPDATE, Scene

NOW = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
NONE = ApprovalPolicy("none", limit=3)


def test_a_plan_comes_back_as_it_was_drawn(both: Scene) -> None:
    """Operations with arguments, evidence and details; exceptions; who, why and until when."""
    (key,) = both.orders()
    (chain,) = both.chains(UPDATE, [key], arguments={"note": "結案", "priority": 7})
    (given,) = chain.operations
    drawn = replace(given, details={"remainder": Decimal("10.500")})
    exception = PlanException(
        "fake", Kind.PURCHASE_ORDER, "PO9", Ref("purchase.order", "9"), "state.closed", Text("no")
    )
    nowhere = PlanException("fake", Kind.PURCHASE_ORDER, "PO0", None, "unknown", Text("what?"))
    planned = both.store(
        [replace(chain, operations=(drawn,))],
        exceptions=[exception, nowhere],
        reason="month end",
        closing="stale",
        expires_at=NOW,
        details={"acting_as": "storno"},
    )
    (operation,) = both.operations(planned)

    assert ChangeSetState.PLANNED is planned.state
    assert ("Old quotations", MEI, "month end", "stale") == (
        planned.title,
        planned.actor,
        planned.reason,
        planned.closing,
    )
    assert (NOW, {"acting_as": "storno"}, 1) == (
        planned.expires_at,
        planned.details,
        planned.operation_count,
    )
    assert drawn.step == operation.step
    assert (drawn.number, drawn.kind, drawn.executor) == (
        operation.number,
        operation.kind,
        operation.executor,
    )
    assert {"remainder": "10.500"} == operation.details
    assert (
        drawn.approved
        == both.journal.images([operation.approved_hash])[operation.approved_hash or ""]
    )
    assert [exception, nowhere] == list(both.journal.exceptions(planned.id))
    assert planned.plan_hash == both.journal.plan_hash(planned.id)


def test_a_plan_may_leave_documents_out(both: Scene) -> None:
    """What is planned as dropped is stored with its reason, is never sent, and the others run."""
    keys = both.orders(3)
    chains = both.chains(CANCEL, keys)
    (left_out,) = chains[1].operations
    chains[1] = replace(chains[1], operations=(replace(left_out, dropped=Text("in conflict")),))
    done = both.run(both.approve(both.store(chains)))
    operations = both.operations(done)

    assert ChangeSetState.PARTLY_APPLIED is done.state
    assert OperationState.DROPPED is operations[1].state
    assert Text("in conflict") == operations[1].reason
    assert ["cancelled", "quotation", "cancelled"] == both.states(keys)
    assert both.journal.verify().is_intact


def test_a_failing_plan_leaves_nothing(both: Scene) -> None:
    """A plan whose operations cannot all be drawn is not stored in part."""
    chains = both.chains(CANCEL, both.orders(2))

    def draw() -> object:
        yield chains[0].operations[0]
        raise RuntimeError("the ERP went away")

    with pytest.raises(RuntimeError):
        both.journal.plan(both.draft(), draw())  # type: ignore[arg-type]

    assert [] == both.journal.change_sets()
    assert [(0,)] == [tuple(row) for row in both.sql("SELECT count(*) FROM image")]


EDITS = (
    "UPDATE operation SET key = '2' WHERE position = 1",
    'UPDATE operation SET arguments = \'{"v":{"priority":9}}\' WHERE position = 1',
    "UPDATE operation SET action = 'purchase_order.give_up' WHERE position = 1",
    "UPDATE operation SET executor = 'by_person' WHERE position = 1",
    "UPDATE operation SET reversibility = 'exact' WHERE position = 1",
    "UPDATE operation SET approved_hash = NULL WHERE position = 1",
    "UPDATE operation SET after_position = 1 WHERE position = 2",
    "UPDATE operation SET details = '{}' WHERE position = 1",
    "UPDATE plan_exception SET code = 'fine'",
)


def _planned(scene: Scene) -> ChangeSet:
    chains = scene.chains("purchase_order.send_reminder", scene.orders(3))
    exception = PlanException("fake", Kind.PURCHASE_ORDER, "PO9", None, "unknown", Text("what?"))
    return scene.store(chains, exceptions=[exception])


@pytest.mark.parametrize("edit", EDITS)
def test_an_edited_plan_is_not_approved(scene: Scene, edit: str) -> None:
    """What an approver signs is what was planned."""
    planned = _planned(scene)
    scene.sql(edit)

    with pytest.raises(JournalBroken):
        scene.approve(planned)

    assert ChangeSetState.PLANNED is scene.again(planned).state


@pytest.mark.parametrize("edit", EDITS)
def test_an_approved_plan_that_was_edited_does_not_run(scene: Scene, edit: str) -> None:
    """What runs is what was signed; nothing is sent, and no record stays locked."""
    planned = scene.approve(_planned(scene))
    scene.sql(edit)

    with pytest.raises(JournalBroken):
        scene.run(planned)

    assert [] == scene.sizes()
    assert ChangeSetState.APPROVED is scene.again(planned).state
    assert [] == scene.sql("SELECT * FROM record_lock")


def test_a_paused_plan_that_was_edited_does_not_go_on(scene: Scene) -> None:
    """The second half of a run stands on the same signature as the first."""
    keys = scene.orders(3)
    paused = scene.approve(scene.plan(CANCEL, keys))
    scene.fail("refused", code="access_denied")
    with pytest.raises(Exception, match="refused"):
        scene.run(paused)
    sent = scene.sizes()
    scene.sql("UPDATE operation SET key = :other WHERE position = 1", other=scene.orders()[0])

    with pytest.raises(JournalBroken):
        scene.run(paused)

    assert sent == scene.sizes()


@pytest.mark.parametrize("is_approved", [False, True])
def test_an_expired_plan_is_refused(both: Scene, is_approved: bool) -> None:
    """The ERP may have moved on: the plan expires for good, and nothing is sent."""
    keys = both.orders(2)
    planned = both.plan(CANCEL, keys, expires_at=NOW)
    if is_approved:
        with clock.fixed(NOW):
            both.approve(planned)
    with clock.fixed(NOW + timedelta(microseconds=1)), pytest.raises(PlanExpired) as caught:
        both.run(planned) if is_approved else both.approve(planned)

    assert planned.short_id in str(caught.value)
    assert ChangeSetState.EXPIRED is both.again(planned).state
    assert [] == both.sizes()
    with pytest.raises(IllegalMove):
        both.approve(planned)


def test_a_plan_holds_until_its_last_moment(scene: Scene) -> None:
    """At the very moment that it names, a plan is still good."""
    keys = scene.orders(1)
    planned = scene.plan(CANCEL, keys, expires_at=NOW)
    with clock.fixed(NOW):
        done = scene.run(scene.approve(planned))

    assert ChangeSetState.APPLIED is done.state


def test_a_rejected_plan_never_runs(both: Scene) -> None:
    """Who rejected it and why stays in the journal."""
    planned = both.plan(CANCEL, both.orders())
    rejected = reject(both.journal, planned.id, Actor("anna"), "wrong month")

    assert ChangeSetState.REJECTED is rejected.state
    assert "rejected: wrong month" == str(rejected.note)
    *_, last = both.journal.history(planned.id)
    assert ("anna", "wrong month") == (last.actor, last.detail["reason"])
    assert {"reason", "note"} == set(last.detail)
    for impossible in (both.approve, both.run):
        with pytest.raises(IllegalMove):
            impossible(planned)
    assert [] == both.sizes()


def test_an_approved_plan_may_still_be_rejected(scene: Scene) -> None:
    """As long as it does not run, an approver may think again."""
    approved = scene.approve(scene.plan(CANCEL, scene.orders()))

    assert ChangeSetState.REJECTED is reject(scene.journal, approved.id, MEI, "no").state


def test_an_unapproved_plan_does_not_run(scene: Scene) -> None:
    """Without approval nothing is sent."""
    planned = scene.plan(CANCEL, scene.orders())

    with pytest.raises(IllegalMove):
        scene.run(planned)

    assert [] == scene.sizes()


def test_an_approval_says_who_and_how(both: Scene) -> None:
    """Name, moment and policy stand in the change set, plan hash and claim in the history."""
    planned = both.plan(CANCEL, both.orders())
    with clock.fixed(NOW):
        approved = both.approve(planned)

    assert (Actor("anna", "claimed"), NOW, "person") == (
        approved.approved_by,
        approved.approved_at,
        approved.policy,
    )
    assert {
        "plan_hash": planned.plan_hash,
        "policy": "person",
        "how": "claimed",
        "at": ["approved_at"],
    } == [move.detail for move in both.journal.history(planned.id)][-1]


def test_policy_none_lets_exact_operations_run(scene: Scene) -> None:
    """Up to the limit, and recorded as such."""
    planned = scene.plan(CANCEL, scene.orders(3))
    approved = approve_by_policy(scene.journal, planned.id, NONE, MEI)

    assert (ChangeSetState.APPROVED, "none", MEI) == (
        approved.state,
        approved.policy,
        approved.approved_by,
    )


@pytest.mark.parametrize(
    "action, count, policy, words",
    [
        (CANCEL, 4, NONE, "at most 3"),
        ("purchase_order.give_up", 1, NONE, "cannot be taken back exactly"),
        (CANCEL, 1, ApprovalPolicy(), "waits for approval"),
    ],
)
def test_policy_none_has_limits(
    scene: Scene, action: str, count: int, policy: ApprovalPolicy, words: str
) -> None:
    """Too many, not exact, or no such policy: an approver is asked for, by the command to type."""
    state = "quotation" if action == CANCEL else "processing"
    planned = scene.plan(action, scene.orders(count, state=state))
    with pytest.raises(NotAllowed, match=words) as caught:
        approve_by_policy(scene.journal, planned.id, policy, MEI)

    assert f"storno close approve {planned.short_id}" in str(caught.value)
    assert ChangeSetState.PLANNED is scene.again(planned).state


def test_policy_none_looks_at_what_would_be_sent(scene: Scene) -> None:
    """An operation that was left out of the plan needs no approval, however irreversible."""
    chains = scene.chains(CANCEL, scene.orders(2))
    (second,) = chains[1].operations
    left_out = replace(second, dropped=Text("no"), reversibility=Reversibility.NONE)
    planned = scene.store([chains[0], replace(chains[1], operations=(left_out,))])

    assert ChangeSetState.APPROVED is approve_by_policy(scene.journal, planned.id, NONE, MEI).state


def test_links_of_a_chain_name_each_other(scene: Scene) -> None:
    """A stored chain has its order and its one piece of evidence, on the first link."""
    planned = scene.plan(CLOSE, scene.orders(2, state="processing"))
    operations = scene.operations(planned)

    assert [None, None, 1, 2, 3, 4] == [operation.after_position for operation in operations]
    assert [True, True, False, False, False, False] == [
        operation.approved_hash is not None for operation in operations
    ]
