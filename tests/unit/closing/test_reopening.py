"""Reopening takes documents that anybody closed, by the action that the closing action names."""

from __future__ import annotations

from pathlib import Path

import pytest

from closing.plan import draw_reopening, plan_reopening
from connectors.contract import Ref
from connectors.fake.connector import system_in_memory
from connectors.fake.sample import add_invoice, add_period
from core.errors import BadInput
from recovery.journal import Journal
from recovery.model import Draft, PlannedOperation, Purpose
from recovery.states import ChangeSetState, OperationState
from tests.unit.closing.factories import MEI, TODAY, empty_erp, outcome

PERIOD = "accounting_period"


def test_a_closed_document_is_opened_by_the_declared_action() -> None:
    """The closing action of the kind says which action leads back."""
    erp = empty_erp()
    key = add_period(erp, "2026-01", state="closed")

    drawn = draw_reopening(
        system_in_memory(erp), PERIOD, actor=MEI, reason="late", today=TODAY, numbers=["2026-01"]
    )
    (operation,) = drawn.operations

    assert operation.step.action == "accounting_period.reopen"
    assert key == operation.step.ref.key
    assert (drawn.draft.purpose, drawn.draft.reason) == (Purpose.REOPENING, "late")


def test_documents_are_chosen_among_the_closed_ones() -> None:
    """A condition never reaches an open document; one that is named and open says so."""
    erp = empty_erp()
    add_period(erp, "2025-12", state="closed")
    add_period(erp, "2026-01", state="open")
    system = system_in_memory(erp)

    by_condition = draw_reopening(
        system, PERIOD, actor=MEI, reason="r", today=TODAY, where="number < '9' or 1 = 1"
    )
    by_number = draw_reopening(
        system, PERIOD, actor=MEI, reason="r", today=TODAY, numbers=["2026-01", "2027-01"]
    )

    assert {"2025-12": set()} == outcome(by_condition)
    assert {"2026-01": {"not_closed"}, "2027-01": {"not_found"}} == outcome(by_number)


def test_documents_may_be_named_by_ref() -> None:
    """A ref names one document exactly; one that is gone is an exception."""
    erp = empty_erp()
    key = add_period(erp, "2025-12", state="closed")
    system = system_in_memory(erp)
    model = system.actions()["accounting_period.reopen"].model

    drawn = draw_reopening(
        system,
        PERIOD,
        actor=MEI,
        reason="r",
        today=TODAY,
        refs=[Ref(model, key), Ref(model, "999")],
    )

    assert {"2025-12": set(), "999": {"not_found"}} == outcome(drawn)


def test_nothing_named_is_not_everything() -> None:
    """Without numbers and without a condition nothing is opened."""
    with pytest.raises(BadInput, match="name the documents"):
        draw_reopening(system_in_memory(empty_erp()), PERIOD, actor=MEI, reason="r", today=TODAY)


def test_a_kind_without_a_way_back_says_so() -> None:
    """Where no action opens documents again, the message leads to the rollback."""
    erp = empty_erp()
    add_invoice(erp, "I1", period=add_period(erp, "2026-01"))

    with pytest.raises(BadInput, match="storno rollback"):
        draw_reopening(
            system_in_memory(erp),
            "supplier_invoice",
            actor=MEI,
            reason="r",
            today=TODAY,
            numbers=["I1"],
        )


def test_a_document_that_storno_closed_names_its_change_set(tmp_path: Path) -> None:
    """The plan shows that a rollback of that change set would give more back."""
    erp = empty_erp()
    key = add_period(erp, "2026-01", state="closed")
    system = system_in_memory(erp)
    journal = Journal.open(f"sqlite:///{tmp_path / 'journal.db'}")
    try:
        model = system.actions()["accounting_period.close"].model
        closed = _confirmed_close(journal, system.name, Ref(model, key))
        stored = plan_reopening(
            journal, system, PERIOD, actor=MEI, reason="r", today=TODAY, numbers=["2026-01"]
        )
        (operation,) = journal.operations(stored.id)
    finally:
        journal.close()

    assert ChangeSetState.PLANNED is stored.state
    assert closed == operation.details.get("closed_by")


@pytest.mark.parametrize(
    "state, codes",
    [
        (ChangeSetState.PAUSED, {"being_taken_back"}),
        (ChangeSetState.RUNNING, {"being_taken_back"}),
        (ChangeSetState.PLANNED, set()),
        (ChangeSetState.PARTLY_APPLIED, set()),
    ],
)
def test_a_document_whose_rollback_is_under_way(
    tmp_path: Path, state: ChangeSetState, codes: set[str]
) -> None:
    """Who paused a rollback goes on with it: nothing is opened under its hands, and the reason names it."""
    erp = empty_erp()
    key = add_period(erp, "2026-01", state="closed")
    system = system_in_memory(erp)
    journal = Journal.open(f"sqlite:///{tmp_path / 'journal.db'}")
    try:
        ref = Ref(system.actions()["accounting_period.close"].model, key)
        closed = _confirmed_close(journal, system.name, ref)
        rollback = _rollback(journal, system.name, ref, closed, state)
        drawn = draw_reopening(
            system,
            PERIOD,
            actor=MEI,
            reason="r",
            today=TODAY,
            numbers=["2026-01"],
            journal=journal,
        )
    finally:
        journal.close()

    assert {"2026-01": codes} == outcome(drawn)
    assert [rollback[:13]] * len(codes) == [each.text.values["name"] for each in drawn.exceptions]


def test_lines_of_what() -> None:
    """Lines belong to one document that is named, and to an ERP that knows single ones."""
    erp = empty_erp()
    add_period(erp, "2026-01", state="closed")

    def draw(numbers: list[str] | None, where: str | None = None) -> object:
        return draw_reopening(
            system_in_memory(erp),
            PERIOD,
            actor=MEI,
            reason="r",
            today=TODAY,
            numbers=numbers,
            where=where,
            lines=["1"],
        )

    with pytest.raises(BadInput, match="name the one document"):
        draw(["2026-01", "2026-02"])
    with pytest.raises(BadInput, match="name the one document"):
        draw(None, "true")
    with pytest.raises(BadInput, match="name the one document"):
        draw([" "])
    with pytest.raises(BadInput, match="as a whole or not at all"):
        draw(["2026-01"])


def _rollback(journal: Journal, system: str, ref: Ref, closed: str, state: ChangeSetState) -> str:
    """Store a rollback of the change set, and say how far it came."""
    from sqlalchemy import update

    from connectors.contract import Executor, Kind, Reversibility, Step
    from recovery import schema

    (operation,) = journal.operations(closed)
    planned = PlannedOperation(
        system,
        Kind.ACCOUNTING_PERIOD,
        "2026-01",
        Step("accounting_period.reopen", ref),
        Executor.INTERFACE,
        Reversibility.EXACT,
        None,
        reverses_operation_id=operation.id,
    )
    stored = journal.plan(Draft(Purpose.ROLLBACK, "back", MEI, reverses_id=closed), [planned])
    with journal.writing() as writer:
        writer.connection.execute(
            update(schema.change_set)
            .where(schema.change_set.c.id == stored.id)
            .values(state=state.value)
        )
    return stored.id


def _confirmed_close(journal: Journal, system: str, ref: Ref) -> str:
    """Store a change set whose only operation closed the period, and say that it was confirmed."""
    from sqlalchemy import update

    from connectors.contract import Executor, Kind, Reversibility, Step
    from recovery import schema

    planned = PlannedOperation(
        system,
        Kind.ACCOUNTING_PERIOD,
        "2026-01",
        Step("accounting_period.close", ref),
        Executor.INTERFACE,
        Reversibility.EXACT,
        None,
    )
    stored = journal.plan(Draft(Purpose.CLOSING, "close", MEI), [planned])
    with journal.writing() as writer:
        writer.connection.execute(
            update(schema.operation).values(state=OperationState.CONFIRMED.value)
        )
    return stored.id
