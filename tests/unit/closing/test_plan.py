"""Every document in scope ends as operations or as exceptions, and the plan says what an approver must know."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from closing.model import PlanProgress
from closing.plan import plan_closing
from connectors.contract import Executor, Ref, Reversibility
from connectors.fake.connector import system_in_memory
from connectors.fake.faults import Fault, FaultKind, On
from connectors.fake.sample import add_purchase_order
from connectors.fake.schema import ORDER
from core.errors import LoginFailed
from recovery.journal import Journal
from recovery.states import ChangeSetState
from tests.unit.closing.factories import MEI, TODAY, check, closing, draw, empty_erp, outcome, route
from tests.unit.closing.plans import BOTH_ROUTES, CANCEL, CLOSE


def test_a_ready_document_becomes_one_operation_with_its_evidence() -> None:
    """The operation rests on the image that was read, and says what is given up."""
    erp = empty_erp()
    key = add_purchase_order(erp, "PO1", lines=[("12", "0", "19.50")])

    drawn = draw(erp, closing(route(CANCEL)))
    (operation,) = drawn.operations

    assert Ref("purchase.order", key) == operation.step.ref
    assert operation.approved is not None
    assert (operation.approved.records[0].fields or {})["state"] == "quotation"
    assert Decimal(234) == operation.details["remainder"]["amount"]
    assert drawn.exceptions == []


def test_numbers_that_name_nothing_are_told_one_by_one() -> None:
    """Not found, ambiguous, closed already and out of scope are exceptions; a repetition counts once."""
    erp = empty_erp()
    for number in ("PO1", "DUP", "DUP", "OTHER"):
        add_purchase_order(erp, number)
    add_purchase_order(erp, "DONE", state="cancelled")
    given_numbers = ["PO1", " PO1 ", "DUP", "NONE", "OTHER", "DONE", "", "PO1"]

    settings_ = closing(route(CANCEL), scope="not is_closed and number <> 'OTHER'")
    drawn = draw(erp, settings_, numbers=given_numbers)

    assert {
        "PO1": set(),
        "DUP": {"ambiguous"},
        "NONE": {"not_found"},
        "OTHER": {"out_of_scope"},
        "DONE": {"already_closed"},
    } == outcome(drawn)
    assert drawn.draft.details["repeated"] == {"count": 1, "numbers": ["PO1"]}


def test_a_document_without_a_number_is_named_by_its_key() -> None:
    """An ERP that has not given a number yet shows the key, and the key is understood."""
    erp = empty_erp()
    key = add_purchase_order(erp, None)  # type: ignore[arg-type]

    assert {key: set()} == outcome(draw(erp, closing(route(CANCEL)), numbers=[key]))


def test_a_document_is_named_by_its_model_and_key() -> None:
    """Where several documents have one number, the plan names them so, and takes that name for one of them."""
    erp = empty_erp()
    first, second = (add_purchase_order(erp, "PO1") for _ in range(2))
    settings_ = closing(route(CANCEL))

    ambiguous = draw(erp, settings_, numbers=["PO1"])
    named = draw(erp, settings_, numbers=[f"{ORDER},{second}", "invoice,99", f"invoice,{first}"])

    (exception,) = ambiguous.exceptions
    assert f"{ORDER},{second}" in str(exception.text)
    assert [Ref(ORDER, second)] == [operation.step.ref for operation in named.operations]
    assert ["not_found"] * 2 == [exception.code for exception in named.exceptions]


def test_an_empty_list_of_numbers_is_not_every_document() -> None:
    """A list that names nothing plans nothing."""
    erp = empty_erp()
    add_purchase_order(erp, "PO1")

    assert outcome(draw(erp, closing(route(CANCEL)), numbers=[])) == {}


def test_the_worst_of_action_and_links_is_what_is_signed() -> None:
    """Reversibility is counted by document and never better than the action declares."""
    erp = empty_erp()
    add_purchase_order(erp, "PO1", state="processing")
    add_purchase_order(erp, "PO2")

    give_up = route("purchase_order.give_up", when="state = 'processing'", name="up")
    drawn = draw(erp, closing(give_up, BOTH_ROUTES[0]))

    assert drawn.draft.details["reversibility"] == {"none": 1, "exact": 1}
    assert {Reversibility.NONE, Reversibility.EXACT} == {
        operation.reversibility for operation in drawn.operations
    }


def test_the_plan_says_as_whom_and_on_what_sight() -> None:
    """An approver reads whose name and date the ERP will show, and what our user does not see."""
    erp = empty_erp(sees_everything=False, has_compare_and_set=False)
    add_purchase_order(erp, "PO1")

    details = draw(erp, closing(route(CANCEL)), acting_as="mei in the ERP").draft.details

    assert details["acting_as"] == "mei in the ERP"
    assert TODAY.isoformat() == details["shown_date"]
    assert details["sees_everything"] is False
    assert len(details["limits"]) == 1
    assert "cannot compare" in details["actions"][CANCEL]["window"]["text"]


def test_remainders_are_added_per_currency() -> None:
    """Two currencies are never one sum."""
    erp = empty_erp()
    for number, currency, amount in (("A", "EUR", "0.1"), ("B", "EUR", "0.2"), ("C", "CNY", "7")):
        add_purchase_order(erp, number, currency=currency, lines=[("1", "0", amount)])

    details = draw(erp, closing(route(CANCEL))).draft.details

    assert {"EUR": Decimal("0.3"), "CNY": Decimal(7)} == details["remainder"]


def test_a_document_that_vanishes_while_planning_is_an_exception() -> None:
    """Deleted between listing and reading: it is named, and the others go on."""
    erp = empty_erp()
    key = add_purchase_order(erp, "PO1")
    add_purchase_order(erp, "PO2")
    erp.faults.add(Fault(FaultKind.DELETE, on=On.CAPTURE, model="purchase.order", key=key))

    drawn = draw(erp, closing(route(CANCEL)))

    assert {"PO1": {"missing"}, "PO2": set()} == outcome(drawn)
    assert len(drawn.exceptions) == 1


def test_a_short_failure_while_reading_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy ERP does not spoil a plan."""
    monkeypatch.setattr("core.clock.sleep", lambda _: None)
    erp = empty_erp()
    add_purchase_order(erp, "PO1")
    erp.faults.add(Fault(FaultKind.BUSY, on=On.CAPTURE))

    assert {"PO1": set()} == outcome(draw(erp, closing(route(CANCEL))))


def test_progress_ends_with_the_whole() -> None:
    """The last report has every document, ready or not."""
    erp = empty_erp()
    for number in range(3):
        add_purchase_order(erp, f"PO{number}")
    told: list[PlanProgress] = []

    draw(
        erp,
        closing(route(CANCEL), checks=(check("one", "number <> 'PO1'"),)),
        progress=told.append,
    )

    assert PlanProgress(looked_at=3, ready=2, excepted=1) == told[-1]


def test_who_carries_it_out_where_nobody_says() -> None:
    """Storno where it may write, else a person; a plan says so of each document."""
    erp = empty_erp()
    add_purchase_order(erp, "PO1")
    for action, executor in (
        (CANCEL, Executor.INTERFACE),
        ("purchase_order.approve_by_hand", Executor.BY_PERSON),
    ):
        drawn = draw(erp, closing(route(action)))

        assert [executor] == [operation.executor for operation in drawn.operations]


def test_a_wrong_password_stops_the_plan() -> None:
    """What every document would meet is no exception of one document."""
    erp = empty_erp()

    with pytest.raises(LoginFailed):
        draw(erp, closing(route(CANCEL)), system=system_in_memory(erp, password="wrong"))


def test_the_journal_gets_the_plan_whole(tmp_path: Path) -> None:
    """The stored change set is planned, and has every operation, exception and figure."""
    erp = empty_erp()
    add_purchase_order(erp, "PO1", state="processing")
    add_purchase_order(erp, "PO2", state="cancelled")
    journal = Journal.open(f"sqlite:///{tmp_path / 'journal.db'}")

    try:
        stored = plan_closing(
            journal,
            system_in_memory(erp),
            "rest",
            closing(route(CLOSE), scope="true"),
            actor=MEI,
            today=TODAY,
        )
        operations = list(journal.operations(stored.id))
        exceptions = list(journal.exceptions(stored.id))
    finally:
        journal.close()

    assert (
        stored.state,
        stored.closing,
        stored.operation_count,
    ) == (ChangeSetState.PLANNED, "rest", 3)
    assert [operation.after_position for operation in operations] == [None, 1, 2]
    assert [exception.code for exception in exceptions] == ["state.cancelled"]


STATES = st.sampled_from(["quotation", "processing", "cancelled", "approved", "closed"])


@settings(max_examples=25)
@given(
    states=st.lists(STATES, max_size=12),
    batch=st.integers(min_value=1, max_value=5),
    limit=st.integers(min_value=0, max_value=12),
    by_number=st.booleans(),
)
def test_no_document_is_lost_and_none_is_both(
    states: list[str], batch: int, limit: int, by_number: bool
) -> None:
    """In scope means operations, or exceptions that stand together; never both, never neither."""
    erp = empty_erp()
    for number, state in enumerate(states):
        add_purchase_order(erp, f"PO{number:02}", state=state)
    checks = (check("late", f"number < 'PO{limit:02}'"),)
    numbers = [f"PO{number:02}" for number in range(len(states) + 1)] if by_number else None

    drawn = draw(
        erp, closing(*BOTH_ROUTES, scope="true", checks=checks), batch=batch, numbers=numbers
    )

    planned = Counter(operation.number for operation in drawn.operations)
    excepted = [exception.number for exception in drawn.exceptions]
    expected = {f"PO{number:02}" for number in range(len(states) + (1 if by_number else 0))}
    assert expected == planned.keys() | set(excepted)
    assert set() == planned.keys() & set(excepted)
    neighbours = [number for i, number in enumerate(excepted) if excepted[i - 1 : i] != [number]]
    assert len(set(excepted)) == len(neighbours)
    counts = drawn.draft.details["counts"]
    assert (len(expected), len(planned), len(set(excepted))) == (
        counts["looked_at"],
        counts["ready"],
        counts["exceptions"],
    )
    for name, count in planned.items():
        assert (3 if states[int(str(name)[2:])] == "processing" else 1) == count
