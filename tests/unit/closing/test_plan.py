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
from connectors.fake.sample import add_project, add_purchase_order
from connectors.fake.schema import ORDER
from core.errors import BadInput, LoginFailed
from recovery.journal import Journal
from recovery.states import ChangeSetState
from tests.unit.closing.factories import (
    MEI,
    TODAY,
    CloseWhatIsFree,
    check,
    closing,
    draw,
    empty_erp,
    outcome,
    route,
    tree_system,
)

CANCEL = "purchase_order.cancel"
CLOSE = "purchase_order.close"
LINKS = [
    "purchase_order.cancel_remainder",
    "purchase_order.settle_lines",
    "purchase_order.close_header",
]
BOTH_ROUTES = (
    route(CANCEL, name="stale", when="state = 'quotation'"),
    route(CLOSE, name="rest", when="state = 'processing'"),
)


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


def test_the_first_route_that_fits_is_taken() -> None:
    """A document that two routes fit takes the one that stands first."""
    erp = empty_erp()
    add_purchase_order(erp, "PO1")

    first, second = route(CANCEL, name="first"), route(CANCEL, name="second")
    (operation,) = draw(erp, closing(first, second)).operations

    assert operation.details["route"] == "first"


def test_every_reason_is_told_not_only_the_first() -> None:
    """Two checks that fail and a missing route are three exceptions of one document."""
    erp = empty_erp()
    add_purchase_order(erp, "PO1")
    checks = (check("odd", "number = 'x'"), check("far", "reference is not null and 1 = 2"))

    drawn = draw(erp, closing(route(CANCEL, when="1 = 2"), checks=checks))

    assert {"PO1": {"no_route", "odd", "far"}} == outcome(drawn)


def test_a_check_that_cannot_be_decided_does_not_hold() -> None:
    """A missing value never lets a document through, and the text says that it is missing."""
    erp = empty_erp()
    add_purchase_order(erp, "PO1")

    drawn = draw(erp, closing(route(CANCEL), checks=(check("ref", "reference = 'x'", "no ref"),)))

    assert {"PO1": {"ref"}} == outcome(drawn)
    assert str(drawn.exceptions[0].text) == "no ref (cannot be decided: a value is missing)"


def test_checks_of_a_route_are_for_its_documents_alone() -> None:
    """A check of one route says nothing about a document that takes another."""
    erp = empty_erp()
    add_purchase_order(erp, "PO1")
    add_purchase_order(erp, "PO2", state="processing")
    stale = route(
        CANCEL, name="stale", when="state = 'quotation'", checks=(check("never", "1 = 2"),)
    )

    assert {"PO1": {"never"}, "PO2": set()} == outcome(draw(erp, closing(stale, BOTH_ROUTES[1])))


def test_rules_are_not_asked_about_documents_that_they_are_not_for() -> None:
    """A check that would fail on the values of a document out of scope, or of another route, is not asked."""
    erp = empty_erp()
    add_purchase_order(erp, "7")
    add_purchase_order(erp, "X1", state="processing")
    add_purchase_order(erp, "X2", state="approved")
    digits = check("digits", "cast(number as integer) > 0")
    stale = route(CANCEL, name="stale", when="state = 'quotation'", checks=(digits,))
    settings_ = closing(stale, BOTH_ROUTES[1], scope="state <> 'approved'")
    in_scope = closing(BOTH_ROUTES[0], scope="state = 'quotation'", checks=(digits,))

    assert outcome(draw(erp, settings_, numbers=["7", "X1", "X2"])) == {
        "7": set(),
        "X1": set(),
        "X2": {"out_of_scope"},
    }
    assert outcome(draw(erp, in_scope, numbers=["7", "X1"])) == {
        "7": set(),
        "X1": {"out_of_scope"},
    }


def test_words_of_the_operator_are_shown_as_they_are() -> None:
    """Braces in a reason of storno.yaml are text, no places to fill."""
    erp = empty_erp()
    add_purchase_order(erp, "PO1")

    drawn = draw(erp, closing(route(CANCEL), checks=(check("x", "1 = 2", "see {wiki} 100%"),)))

    assert str(drawn.exceptions[0].text) == "see {wiki} 100%"


def test_the_action_has_the_last_word() -> None:
    """What a rule let through and the image shows as impossible is an exception with the action's reason."""
    erp = empty_erp()
    add_purchase_order(erp, "PO1", state="processing")

    assert {"PO1": {"state.processing"}} == outcome(draw(erp, closing(route(CANCEL))))


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


@pytest.mark.parametrize(
    "scope, when, source",
    [
        ("native.x_custom = '1'", "true", "scope"),
        ("true", "native.x_custom = '1'", "routes[1].when"),
    ],
)
def test_an_unknown_field_names_its_rule_and_the_model(scope: str, when: str, source: str) -> None:
    """Who typed it finds the place; a field of another model is no field of this one."""
    erp = empty_erp()
    add_purchase_order(erp, "PO1")
    settings_ = closing(route(CANCEL, when=when), scope=scope)

    with pytest.raises(BadInput) as raised:
        draw(erp, settings_)

    assert str(raised.value) == f"closings.stale.{source}: {ORDER} has no field 'x_custom'."


def test_an_empty_list_of_numbers_is_not_every_document() -> None:
    """A list that names nothing plans nothing."""
    erp = empty_erp()
    add_purchase_order(erp, "PO1")

    assert outcome(draw(erp, closing(route(CANCEL)), numbers=[])) == {}


def test_a_chain_runs_link_by_link_in_batches() -> None:
    """First links of a batch, then its second, then its third; each waits for the one before."""
    erp = empty_erp()
    for number in range(5):
        add_purchase_order(erp, f"PO{number}", state="processing")

    operations = list(draw(erp, closing(route(CLOSE)), batch=2).operations)

    sizes = [2] * 6 + [1] * 3
    expected = [link for size in (2, 2, 1) for link in LINKS for _ in range(size)]
    assert expected == [operation.step.action for operation in operations]
    assert sum(sizes) == len(operations)
    for index, operation in enumerate(operations):
        is_first = operation.step.action == LINKS[0]
        assert is_first == (operation.after is None) == (operation.approved is not None)
        if operation.after is not None:
            before = operations[operation.after]
            assert operation.after < index
            assert operation.step.ref == before.step.ref
            assert LINKS.index(operation.step.action) == LINKS.index(before.step.action) + 1


def test_a_person_closes_a_document_as_a_whole() -> None:
    """A worklist has one line a document, not one for each call of a chain."""
    erp = empty_erp()
    add_purchase_order(erp, "PO1", state="processing")

    (operation,) = draw(erp, closing(route(CLOSE, executor="by_person"))).operations

    assert (operation.step.action, operation.executor) == (CLOSE, Executor.BY_PERSON)


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


def test_children_come_before_their_parents() -> None:
    """A parent whose open child is in the plan follows it; without the child it is an exception."""
    erp = empty_erp()
    top = add_project(erp, "P-1")
    middle = add_project(erp, "P-1.1", parent=top)
    add_project(erp, "P-1.1.1", parent=middle)
    settings_ = closing(route("project.close"), kind="project")

    drawn = draw(erp, settings_, system=tree_system(erp))
    alone = draw(erp, settings_, system=tree_system(erp), numbers=["P-1", "P-1.1.1"])

    operations = list(drawn.operations)
    assert [operation.number for operation in operations] == ["P-1.1.1", "P-1.1", "P-1"]
    assert [operation.after for operation in operations] == [None, 0, 1]
    assert {"P-1": {"open_child"}, "P-1.1.1": set()} == outcome(alone)


@pytest.mark.parametrize("batch", [1, 2, 100])
def test_who_waits_for_another_comes_after_it_whatever_its_action_says(batch: int) -> None:
    """A document that others of its plan make closable is planned after them, on condition that they did."""
    erp = empty_erp()
    top = add_project(erp, "P-1")
    middle = add_project(erp, "P-1.1", parent=top)
    add_project(erp, "P-1.1.1", parent=middle)
    add_project(erp, "P-2")
    settings_ = closing(route("project.close"), kind="project")
    system = tree_system(erp, CloseWhatIsFree, batch=batch)

    drawn = draw(erp, settings_, system=system)
    alone = draw(erp, settings_, system=system, numbers=["P-1", "P-1.1.1"])

    operations = list(drawn.operations)
    place = {operation.number: i for i, operation in enumerate(operations)}
    assert {"P-1", "P-1.1", "P-1.1.1", "P-2"} == set(place)
    after = {operation.number: operation.after for operation in operations}
    assert {
        "P-1": place["P-1.1"], "P-1.1": place["P-1.1.1"], "P-1.1.1": None, "P-2": None,
    } == after  # fmt: skip
    conditions = {operation.number: operation.details.get("conditions") for operation in operations}
    assert {
        "P-1": ["open_child"],
        "P-1.1": ["open_child"],
        "P-1.1.1": None,
        "P-2": None,
    } == conditions
    assert {"P-1": {"open_child"}, "P-1.1.1": set()} == outcome(alone)


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


@pytest.mark.parametrize(
    "settings_, setting",
    [
        (closing(route(CANCEL), kind="nonsense"), "closings.stale.kind"),
        (closing(route("purchase_order.nonsense")), "closings.stale.routes[1].action"),
        (closing(route(CANCEL), route("sales_order.close")), "closings.stale.routes[2].action"),
        (
            closing(route("purchase_order.approve_by_hand", executor="interface")),
            "closings.stale.routes[1].action",
        ),
        (closing(route(CANCEL, when="nonsense")), "closings.stale.routes[1].when"),
        (closing(route(CANCEL), scope="nonsense"), "closings.stale.scope"),
        (
            closing(route(CANCEL), checks=(check("x", "nonsense"),)),
            "closings.stale.checks[1].holds",
        ),
        (
            closing(route(CANCEL, checks=(check("y", "true"), check("x", "nonsense")))),
            "closings.stale.routes[1].checks[2].holds",
        ),
    ],
)
def test_a_mistake_in_a_closing_names_its_setting(settings_: object, setting: str) -> None:
    """What is wrong is found before anything is read, by the key under which it stands."""
    with pytest.raises(BadInput) as refused:
        draw(empty_erp(), settings_)  # type: ignore[arg-type]

    assert str(refused.value).startswith(setting)


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
