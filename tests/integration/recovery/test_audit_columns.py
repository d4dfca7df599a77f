"""No column that an approver signed, or that is told of a change set, can be edited by somebody unnoticed."""

# ruff: noqa: S608 - tampering is written in SQL

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest

from connectors.contract import Kind, Ref
from connectors.fake.sample import add_invoice, add_period
from connectors.fake.schema import ORDER
from core import clock
from core.text import Text
from recovery.at_rest.retention import hold, prune, release
from recovery.model import PlanException
from recovery.sql.backup import url_of
from tests.integration.recovery.scene import CANCEL, CLOSE, MEI, Scene
from tests.integration.recovery.tampering import FIRST, tamper

LONG_AGO: Final = "'2020-01-01 00:00:00.000000'"


def found_after(scene: Scene, statement: str) -> list[str]:
    """Return what is found once the statement was run behind Storno's back."""
    path = scene.journal.database.path
    assert path is not None
    assert scene.journal.verify().is_intact
    return tamper(url_of(Path(path)), statement)


@pytest.mark.parametrize(
    "edited",
    [
        "position = 99",
        "after_position = 1",
        "system = 'other'",
        "kind = 'sales_order'",
        "number = 'PO99999'",
        "action = 'purchase_order.close'",
        "model = 'other'",
        "key = '99'",
        "arguments = '{}'",
        "executor = 'by_person'",
        "reversibility = 'none'",
        "reverses_operation_id = id",
        "details = '{}'",
        "approved_hash = NULL",
    ],
)
def test_nothing_that_was_signed_of_an_operation_can_be_edited(scene: Scene, edited: str) -> None:
    """Which document, what is done to it, how, and what it looked like."""
    done = scene.do(CANCEL, scene.orders(2))
    found = found_after(scene, f"UPDATE operation SET {edited} WHERE position = 2")

    assert f"the plan of change set {done.id} was edited" in found


@pytest.mark.parametrize("edited", ["number = 'PO8'", "model = 'x'", "key = '8'", "code = 'x'"])
def test_nothing_that_was_signed_of_an_exception_can_be_edited(scene: Scene, edited: str) -> None:
    """Nor what is told of it: both are found, each by its own hash."""
    left_out = PlanException(
        "fake", Kind.PURCHASE_ORDER, "PO9", Ref(ORDER, "9"), "open", Text("its goods are to come")
    )
    plan = scene.store(scene.chains(CANCEL, scene.orders(1)), exceptions=[left_out])
    found = found_after(scene, f"UPDATE plan_exception SET {edited}")

    assert f"the plan of change set {plan.id} was edited" in found
    assert f"the exceptions of change set {plan.id} were edited" in found


@pytest.mark.parametrize(
    "edited",
    [
        "purpose = 'proving'",
        "title = 'other'",
        "actor_how = 'checked'",
        "reason = 'other'",
        "closing = 'other'",
        "reverses_id = id",
        f"created_at = {LONG_AGO}",
        f"expires_at = {LONG_AGO}",
        "details = '{\"x\":1}'",
    ],
)
def test_nothing_that_a_change_set_was_made_with_can_be_edited(scene: Scene, edited: str) -> None:
    """Why, for what, by whom, until when."""
    done = scene.do(CANCEL, scene.orders())

    assert [f"change set {done.id} was planned otherwise than its row says: head"] == found_after(
        scene, f"UPDATE change_set SET {edited}"
    )


def test_how_somebody_was_known_who_approved_cannot_be_edited(scene: Scene) -> None:
    """A name that was only claimed is not made a checked one."""
    done = scene.do(CANCEL, scene.orders())

    assert [f"change set {done.id} was approved otherwise than its row says: how"] == found_after(
        scene, "UPDATE change_set SET approved_how = 'checked'"
    )


def test_how_many_operations_there_are_cannot_be_edited(scene: Scene) -> None:
    """Evidence that counts other operations than the plan has would agree with nothing."""
    done = scene.do(CANCEL, scene.orders(2))

    assert [f"the plan of change set {done.id} was edited"] == found_after(
        scene, "UPDATE change_set SET operation_count = 3"
    )


@pytest.mark.parametrize("edited", ["model = model || 'x'", "key = key || '9'"])
def test_no_record_that_is_touched_can_be_edited(scene: Scene, edited: str) -> None:
    """Whoever looks for what touched a record finds it."""
    done = scene.do(CLOSE, scene.orders(state="processing"))

    assert [f"the records that change set {done.id} touches were edited"] == found_after(
        scene, f"UPDATE operation_record SET {edited}"
    )


def test_no_record_goes_over_to_another_operation(scene: Scene) -> None:
    """Of the same change set."""
    done = scene.do(CLOSE, scene.orders(2, state="processing"))
    swapped = (
        "UPDATE operation_record SET operation_id ="
        " (SELECT id FROM operation WHERE id <> operation_record.operation_id)"
    )

    assert [f"the records that change set {done.id} touches were edited"] == found_after(
        scene, swapped
    )


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE created_document SET model = 'other'",
        "UPDATE created_document SET key = '99'",
        "UPDATE created_document SET system = 'other'",
        "UPDATE created_document SET number = 'RINV00009'",
        "DELETE FROM created_document",
    ],
)
def test_no_document_that_was_created_can_be_edited(scene: Scene, statement: str) -> None:
    """Nor taken out: what an operation made is found by its number."""
    invoice = add_invoice(scene.erp, "INV1", period=add_period(scene.erp, "2026-01"))
    done = scene.do("supplier_invoice.reverse", [invoice])

    assert [f"the documents that operation 1 of {done.id} created were edited"] == found_after(
        scene, statement
    )


@pytest.mark.parametrize("edited", ["reason = NULL", "error_code = NULL", "result = '{}'"])
def test_each_word_that_is_told_counts(scene: Scene, edited: str) -> None:
    """Why, under which code, and what the ERP answered."""
    (key,) = scene.orders()
    scene.fail("bad_document", key=key, times=9)
    done = scene.do(CANCEL, [key])

    assert [f"what is told of operation 1 of {done.id} was edited"] == found_after(
        scene, f"UPDATE operation SET {edited}"
    )


def test_a_hold_that_nobody_made_is_found(scene: Scene) -> None:
    """A row alone; but as long as it is there, it holds."""
    done = scene.do(CANCEL, scene.orders())
    made_up = f"INSERT INTO legal_hold SELECT {FIRST}, {LONG_AGO}, 'x', 'x'"

    assert [f"change set {done.id} is held otherwise than its history says"] == found_after(
        scene, made_up
    )
    assert 0 == prune(scene.journal, clock.now() + timedelta(days=1), actor=MEI).change_set_count


def test_a_hold_outlives_what_is_done_later(scene: Scene) -> None:
    """Taking a change set back, or proving with it, releases nothing."""
    done = scene.do(CANCEL, scene.orders())
    hold(scene.journal, done.id, actor=MEI, reason="tax audit")
    scene.roll_back(done)

    assert [f"the hold on change set {done.id} is gone, but nobody released it"] == found_after(
        scene, "DELETE FROM legal_hold"
    )


def test_the_newest_word_on_a_hold_counts(scene: Scene) -> None:
    """Held, released and held again; another change set is not held by it."""
    done, other = (scene.do(CANCEL, scene.orders()) for _ in range(2))
    hold(scene.journal, done.id, actor=MEI, reason="tax audit")
    release(scene.journal, done.id, actor=MEI, reason="over")
    hold(scene.journal, done.id, actor=MEI, reason="another audit")

    assert [] == found_after(scene, "DELETE FROM legal_hold WHERE 0")

    taken = prune(scene.journal, clock.now() + timedelta(days=1), actor=MEI)

    assert 1 == taken.change_set_count
    assert other.id != done.id
