"""The fake ERP keeps its own rules, its stamps and its many unchanged documents."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.contract import (
    Call,
    Criteria,
    Effect,
    Image,
    Kind,
    Ref,
    Reversibility,
    Step,
)
from connectors.fake.engine import FakeERP
from connectors.fake.errors import ERPError
from connectors.fake.ledger import CountingLedger
from connectors.fake.purchase_chain import CloseOrder
from connectors.fake.sample import (
    COMPANY_ORDERS,
    add_company,
    add_invoice,
    add_period,
    add_project,
    add_purchase_order,
)
from connectors.fake.schema import LINE, MOVE, ORDER, PERIOD, PERIOD_JOURNAL, PROJECT, STAMPS, TASK
from core.encoding import dumps
from core.errors import (
    RecordMissing,
    Rejected,
    StateRefused,
)
from tests.contract.fake_subject import MemorySubject
from tests.factories import Done, action_of, fake_erp, fake_system, image_of

EXACT = (
    "purchase_order.cancel",
    "purchase_order.close",
    "record.update",
    "project_task.close",
    "project.close",
    "sales_order.close",
)
LINES = (("12.000", "5.000", "19.50"), ("3.500", "3.500", "8.0000"))


def run(system_erp: FakeERP, step: Step) -> list[Done]:
    """Carry a step out link by link."""
    system = fake_system(system_erp)
    done = []
    for link in action_of(system, step).steps(step.ref, step.arguments):
        before = image_of(system, link)
        (answer,) = system.apply([Call("operation", link, before)])
        assert answer.refused is None
        done.append(Done(link, before, image_of(system, link, before)))
    return done


def take_back(erp: FakeERP, done: list[Done]) -> None:
    """Carry the inverses out, the last call first."""
    system = fake_system(erp)
    for each in reversed(done):
        for step in action_of(system, each.step).inverse(each.step, each.before, each.after):
            run(erp, step)


@settings(max_examples=30)
@given(st.lists(st.sampled_from(EXACT), max_size=8), st.integers(0, 3))
def test_rollback_of_apply_gives_everything_back(actions: list[str], edits: int) -> None:
    """Whatever exact actions ran in whatever order: their inverses give the whole content back, and a field
    that somebody else changed in between stays changed.
    """
    erp = fake_erp()
    subject = MemorySubject(erp)
    steps = [subject.make(action) for action in actions]
    done = [run(erp, step) for step in steps]
    for step in steps[:edits]:
        subject.edit(step)
    expected = fake_erp()
    twin = MemorySubject(expected)
    for step in [twin.make(action) for action in actions][:edits]:
        twin.edit(step)
    for each in reversed(done):
        take_back(erp, each)
    assert expected.dump(with_trace=False) == erp.dump(with_trace=False)


def test_populated_orders_cost_nothing_until_changed() -> None:
    """A million orders are there at once, the same at every look, with lines that add up."""
    erp = FakeERP(ledger=CountingLedger())
    erp.populate(purchase_orders=1_000_000)
    system = fake_system(erp)
    step = Step("purchase_order.cancel", Ref(ORDER, "999999"))
    image = image_of(system, step)
    assert image == image_of(system, step)
    assert 550 <= len(dumps(image.records[0].fields)) <= 700
    (found,) = system.find(Kind.PURCHASE_ORDER, ["PO0999999"]).values()
    assert (step.ref,) == found
    (batch,) = system.lines(Kind.PURCHASE_ORDER, Criteria(keys=("999999",)))
    order = image.records[0].fields
    assert order is not None
    assert order["amount"] == sum(batch.column("amount").to_pylist())
    assert not image_of(system, replace(step, ref=Ref(ORDER, "1000001"))).records[0].exists
    assert not image_of(system, replace(step, ref=Ref(ORDER, "x"))).records[0].exists


def test_populated_orders_change_like_others() -> None:
    """A populated order is cancelled, edited, deleted and restored like one that was inserted."""
    erp = fake_erp()
    erp.populate(purchase_orders=20)
    before = erp.dump(with_trace=False)
    done = [run(erp, Step("purchase_order.cancel", Ref(ORDER, str(n)))) for n in range(1, 11)]
    erp.edit(ORDER, "11", {"note": "x"})
    erp.edit(LINE, "12-1", {"quantity": Decimal(1)})
    erp.delete(ORDER, "13")
    now = erp.dump()
    assert [now[ORDER][str(n)]["state"] for n in range(1, 11)] == ["cancelled"] * 10
    assert now[ORDER]["11"]["note"] == "x"
    assert now[ORDER]["12"]["amount"] < before[ORDER]["12"]["amount"]
    assert "13" not in now[ORDER]
    erp.edit(ORDER, "11", {"note": ""})
    erp.edit(LINE, "12-1", {"quantity": before[LINE]["12-1"]["quantity"]})
    for each in done:
        take_back(erp, each)
    after = erp.dump(with_trace=False)
    del before[ORDER]["13"]
    assert before == after


def test_populating_comes_first() -> None:
    """Populated keys would hide documents that are there already."""
    erp = fake_erp()
    add_purchase_order(erp, "1")
    with pytest.raises(ValueError, match="first"):
        erp.populate(purchase_orders=1)


def test_many_rows_share_what_changed() -> None:
    """Orders that got the same change in one request share it in memory."""
    erp = fake_erp()
    erp.populate(purchase_orders=100)
    system = fake_system(erp)
    steps = [Step("purchase_order.cancel", Ref(ORDER, str(n))) for n in range(1, 101)]
    before = system.capture(steps, [None] * 100)
    system.apply([Call(s.ref.key, s, b) for s, b in zip(steps, before, strict=True)])
    overlays = {id(erp.tables[ORDER].overlay(str(n))) for n in range(1, 101)}
    assert len(overlays) == 1


def test_two_fresh_companies_are_equal() -> None:
    """The same orders give the same ERP, stamps and all: every run repeats exactly."""
    dumps_ = []
    for _ in range(2):
        erp = fake_erp()
        add_company(erp)
        dumps_.append(erp.dump())
    assert dumps_[0] == dumps_[1]
    assert len(dumps_[0][ORDER]) == COMPANY_ORDERS


def test_stamps_move_with_every_change() -> None:
    """Version, writer and date tell each change, and dumps can leave them out."""
    erp = fake_erp()
    key = add_purchase_order(erp, "1")
    first = erp.dump()[ORDER][key]
    erp.edit(ORDER, key, {"note": "x"}, user="eve")
    second = erp.dump()[ORDER][key]
    assert second["version"] == first["version"] + 1
    assert second["write_user"] == "eve"
    assert second["write_date"] > first["write_date"]
    assert not STAMPS & erp.dump(with_trace=False)[ORDER][key].keys()


def test_derived_fields_follow_the_lines() -> None:
    """Nobody writes an amount: it follows quantity, price and receipts."""
    erp = fake_erp()
    key = add_purchase_order(erp, "1", state="processing", lines=LINES)
    assert erp.dump()[ORDER][key]["remaining_amount"] == Decimal("136.50")
    move = next(k for k, m in erp.dump()[MOVE].items() if m["state"] == "draft")
    erp.receive(move)
    assert erp.dump()[ORDER][key]["remaining_amount"] == 0
    with pytest.raises(ERPError, match="amount"):
        erp.edit(ORDER, key, {"amount": Decimal(1)})


def test_links_of_a_close_keep_their_order() -> None:
    """A link whose predecessor is missing is refused, and so is taking back out of order."""
    erp = fake_erp()
    key = add_purchase_order(erp, "1", state="processing", lines=LINES)
    for link in ("purchase_order.close_header", "purchase_order.settle_lines"):
        with pytest.raises(StateRefused):
            run(erp, Step(link, Ref(ORDER, key)))
    done = run(erp, Step("purchase_order.close", Ref(ORDER, key)))
    assert [each.step.action for each in done] == [
        "purchase_order.cancel_remainder",
        "purchase_order.settle_lines",
        "purchase_order.close_header",
    ]
    for out_of_order in (done[:1], done[1:2]):
        with pytest.raises(StateRefused):
            take_back(erp, out_of_order)
    take_back(erp, done)


def test_close_as_one_has_the_inverses_of_its_links() -> None:
    """The chain's own inverse is that of its links, the last one first."""
    erp = fake_erp()
    key = add_purchase_order(erp, "1", state="processing", lines=LINES)
    before = erp.dump(with_trace=False)
    done = run(erp, Step("purchase_order.close", Ref(ORDER, key)))
    system = fake_system(erp)
    close = Step(CloseOrder.name, Ref(ORDER, key))
    action = action_of(system, close)
    assert action.is_done(close, done[0].before, done[-1].after)
    for step in action.inverse(close, done[0].before, done[-1].after):
        run(erp, step)
    assert before == erp.dump(with_trace=False)


def test_projects_close_children_first() -> None:
    """A parent is refused while a child is open, the problem names the child, and `precedes` names the parent."""
    erp = fake_erp()
    parent = add_project(erp, "P")
    child = add_project(erp, "P.1", parent=parent, tasks=("open",))
    (task,) = erp.dump()[TASK]
    system = fake_system(erp)
    steps = [
        Step("project_task.close", Ref(TASK, task)),
        Step("project.close", Ref(PROJECT, child)),
        Step("project.close", Ref(PROJECT, parent)),
    ]
    images = [image_of(system, step) for step in steps]
    precedes = [
        action_of(system, step).precedes(step, image)
        for step, image in zip(steps, images, strict=True)
    ]
    assert [(Ref(PROJECT, child),), (Ref(PROJECT, parent),), ()] == precedes
    problems = action_of(system, steps[2]).problems(steps[2], images[2])
    assert [problem.code for problem in problems] == ["open_child"]
    with pytest.raises(StateRefused):
        run(erp, steps[2])
    done = [run(erp, step) for step in steps]
    with pytest.raises(StateRefused):
        take_back(erp, done[0])
    for each in reversed(done):
        take_back(erp, each)


def test_later_business_on_a_closed_order() -> None:
    """A note is harmless, goods that came change the result, a posted invoice blocks."""
    erp = fake_erp()
    key = add_purchase_order(erp, "1", state="processing", lines=LINES)
    (first, *_) = run(erp, Step("purchase_order.close", Ref(ORDER, key)))
    line = next(iter(erp.dump()[LINE]))
    erp.edit(ORDER, key, {"note": "x"})
    erp.edit(LINE, line, {"received_quantity": Decimal(6)})
    add_invoice(erp, "I", period=add_period(erp, "P"), order=key)
    system = fake_system(erp)
    now = image_of(system, first.step, first.after)
    found = action_of(system, first.step).later_business(first.step, first.after, now)
    assert {Effect.HARMLESS, Effect.CHANGES_RESULT, Effect.BLOCKS} == {f.effect for f in found}
    assert all(str(f.text) for f in found)


def test_later_business_on_a_deleted_document() -> None:
    """A document that is gone blocks."""
    erp = fake_erp()
    key = add_purchase_order(erp, "1")
    (done,) = run(erp, Step("purchase_order.cancel", Ref(ORDER, key)))
    erp.delete(ORDER, key)
    system = fake_system(erp)
    now = image_of(system, done.step, done.after)
    (found,) = action_of(system, done.step).later_business(done.step, done.after, now)
    assert found.effect is Effect.BLOCKS
    (problem,) = action_of(system, done.step).problems(done.step, now)
    assert problem.code == "missing"


def test_remainder_tells_what_a_close_gives_up() -> None:
    """Quantities where all lines have one unit, else the amount alone."""
    erp = fake_erp()
    key = add_purchase_order(erp, "1", state="processing", lines=LINES)
    system = fake_system(erp)
    step = Step("purchase_order.close", Ref(ORDER, key))
    remainder = action_of(system, step).remainder(image_of(system, step))
    assert remainder is not None
    assert (remainder.ordered, remainder.received, remainder.quantity) == (
        Decimal("15.500"),
        Decimal("8.500"),
        Decimal("7.000"),
    )
    assert (remainder.amount, remainder.currency) == (Decimal("136.50"), "EUR")
    erp.edit(LINE, next(iter(erp.dump()[LINE])), {"unit": "kg"})
    remainder = action_of(system, step).remainder(image_of(system, step))
    assert remainder is not None
    assert remainder.quantity is None
    assert action_of(system, step).remainder(Image(())) is None


def test_reopening_needs_no_images() -> None:
    """A document that somebody else closed is opened with the values of one that nobody closed."""
    erp = fake_erp()
    key = add_purchase_order(erp, "1", state="cancelled", closed_by="eve")
    run(erp, Step("purchase_order.restore", Ref(ORDER, key)))
    order = erp.dump()[ORDER][key]
    assert (order["state"], order["closed_by"]) == ("quotation", None)


def test_give_up_cannot_be_taken_back() -> None:
    """What is deleted is gone, and the action says so beforehand."""
    erp = fake_erp()
    key = add_purchase_order(erp, "1", state="processing", lines=LINES)
    (done,) = run(erp, Step("purchase_order.give_up", Ref(ORDER, key)))
    action = action_of(fake_system(erp), done.step)
    assert action.reversibility is Reversibility.NONE
    assert action.inverse(done.step, done.before, done.after) == ()
    assert len(done.after.of_model(MOVE)) < len(done.before.of_model(MOVE))


def test_what_the_erp_refuses_is_told() -> None:
    """Unknown fields, wrong models and missing records are refusals with the ERP's words."""
    erp = fake_erp()
    key = add_purchase_order(erp, "1")
    with pytest.raises(Rejected, match="colour"):
        _apply_blindly(erp, Step("record.update", Ref(ORDER, key), {"colour": "red"}))
    with pytest.raises(RecordMissing):
        _apply_blindly(erp, Step("purchase_order.cancel", Ref(LINE, "1")))
    with pytest.raises(RecordMissing):
        _apply_blindly(erp, Step("record.update", Ref(ORDER, "99"), {"note": "x"}))
    with pytest.raises(ERPError, match="state"):
        erp.do_by_hand("purchase_order.withdraw_by_hand", key)


def _apply_blindly(erp: FakeERP, step: Step) -> None:
    fake_system(erp).apply([Call("operation", step, Image(()))])


def test_latency_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every request takes as long as ordered."""
    waited: list[float] = []
    monkeypatch.setattr("core.clock.time.sleep", waited.append)
    erp = FakeERP(replace(fake_erp().settings, latency_seconds=0.25))
    key = add_purchase_order(erp, "1")
    run(erp, Step("purchase_order.cancel", Ref(ORDER, key)))
    assert waited
    assert set(waited) == {timedelta(milliseconds=250).total_seconds()}


def test_period_and_journals_are_taken_back_link_by_link() -> None:
    """Only the journals that were open are opened again, and closing them has its own inverse."""
    erp = fake_erp()
    key = add_period(erp, "P", journals=("open", "closed"))
    before = erp.dump(with_trace=False)
    done = run(erp, Step("accounting_period.close_journals", Ref(PERIOD, key)))
    assert {"closed"} == {row["state"] for row in erp.dump()[PERIOD_JOURNAL].values()}
    take_back(erp, done)
    assert before == erp.dump(with_trace=False)
