"""What only a counter-document takes back: it is known by its number, and a rollback of the rollback finds it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar

import pytest

from connectors.contract import Image, Reversibility, Step
from connectors.fake.actions import Target
from connectors.fake.others import ReverseInvoice
from connectors.fake.sample import add_invoice, add_period
from connectors.fake.schema import INVOICE
from core.errors import NotAllowed, NotFound
from core.text import N_
from recovery.model import ChangeSet
from recovery.reversing.created import Created
from recovery.reversing.preview import Status, preview
from recovery.reversing.selection import Selection
from recovery.reversing.touching import created_by
from recovery.states import ChangeSetState
from tests.integration.recovery.scene import Scene

REVERSE = "supplier_invoice.reverse"


def invoice_of(scene: Scene, number: str = "INV1") -> str:
    """Make a posted invoice of 117 and return its key."""
    return add_invoice(scene.erp, number, period=add_period(scene.erp, f"2026-{number}"))


def books(scene: Scene) -> list[tuple[str, str | None, Decimal]]:
    """Return every invoice: its number, what it reverses, its amount."""
    return [
        (row["number"], row["reversed_entry"], row["amount"])
        for row in scene.erp.dump()[INVOICE].values()
    ]


def created(scene: Scene, change_set: ChangeSet) -> list[str | None]:
    """Return the numbers of what a change set created, as the journal keeps them beside the images."""
    ids = [operation.id for operation in scene.operations(change_set)]
    with scene.journal.reading() as connection:
        found = created_by(connection, ids)
    return [each.number for operation_id in ids for each in found.get(operation_id, ())]


def test_the_number_is_kept_beside_the_images(both: Scene) -> None:
    """It outlives them; and the change set is found by it."""
    done = both.do(REVERSE, [invoice_of(both)])

    assert both.journal.verify().is_intact

    both.sql("DELETE FROM image")

    assert ["RINV00002"] == created(both, done)
    assert [done.id] == [each.id for each in both.journal.change_sets(number="RINV00002")]
    with both.journal.reading() as connection:
        (found,) = created_by(connection, [both.operations(done)[0].id]).values()
    assert [(INVOICE, "2")] == [tuple(each.ref) for each in found]
    assert isinstance(found[0], Created)


def test_a_number_that_was_edited_is_found(both: Scene) -> None:
    """The chain tells which documents an operation created."""
    both.do(REVERSE, [invoice_of(both)])
    both.sql("UPDATE created_document SET number = 'RINV00009'")
    (problem,) = both.journal.verify().problems

    assert "documents that operation 1 of" in str(problem)


def test_a_counter_document_names_the_operation_that_made_it(both: Scene) -> None:
    """Nobody has to know which invoice it was made for."""
    both.do(REVERSE, [invoice_of(both)])
    found = preview(both.journal, both.systems, Selection(numbers=("RINV00002",)))

    assert [("INV1", Status.CLEAN)] == [(i.last.called, i.status) for i in found.items]
    with pytest.raises(NotFound, match="RINV00009"):
        preview(both.journal, both.systems, Selection(numbers=("RINV00002", "RINV00009")))


def test_to_any_depth_each_step_takes_the_last_counter_document_back(both: Scene) -> None:
    """Reversal, reversal of the reversal and so on: the books are right after each, and every change set says so."""
    first = both.do(REVERSE, [invoice_of(both)])
    sets, totals = [first], [sum(amount for *_, amount in books(both))]
    for _ in range(4):
        sets.append(both.roll_back(sets[-1]))
        totals.append(sum(amount for *_, amount in books(both)))

    assert [0, 117, 0, 117, 0] == totals
    assert [None, "1", "2", "3", "4", "5"] == [reverses for _, reverses, _ in books(both)]
    assert ["RINV00002", "RINV00003", "RINV00004", "RINV00005", "RINV00006"] == [
        number for each in sets for number in created(both, each)
    ]
    assert [ChangeSetState.APPLIED, ChangeSetState.ROLLED_BACK] * 2 + [ChangeSetState.APPLIED] == [
        both.again(each).state for each in sets
    ]


def test_what_stands_again_is_taken_back_by_its_newest_counter_document(both: Scene) -> None:
    """The first change set is rolled back a second time: not its own counter-document, which is gone, but what stands."""
    first = both.do(REVERSE, [invoice_of(both)])
    second = both.roll_back(first)
    third = both.roll_back(second)
    again = both.roll_back(first)

    assert [None, "1", "2", "3", "4"] == [reverses for _, reverses, _ in books(both)]
    assert 117 == sum(amount for *_, amount in books(both))
    assert [
        ChangeSetState.ROLLED_BACK,
        ChangeSetState.APPLIED,
        ChangeSetState.ROLLED_BACK,
        ChangeSetState.APPLIED,
    ] == [both.again(each).state for each in (first, second, third, again)]
    assert first.id == again.reverses_id
    assert both.journal.verify().is_intact


def test_later_business_on_the_counter_document_is_seen(scene: Scene) -> None:
    """Somebody paid out what it gives back: taking it back now would do harm."""
    done = scene.do(REVERSE, [invoice_of(scene)])
    back = scene.roll_back(done)
    scene.erp.edit(INVOICE, "2", {"is_paid": True})
    (item,) = scene.preview(back).items

    assert Status.BLOCKED is item.status
    assert "is_paid was changed" == str(item.reason)


def test_a_counter_document_that_was_reversed_by_others_cannot_be_taken_back(scene: Scene) -> None:
    """By another change set of ours or by a person: the preview says so, nothing is tried; what came later can go."""
    done = scene.do(REVERSE, [invoice_of(scene)])
    later = scene.do(REVERSE, ["2"])
    selection = Selection(change_set_id=done.id, with_dependents=True)
    (item,) = preview(scene.journal, scene.systems, selection).items

    assert Status.BLOCKED is item.status
    assert "its counter-document cannot be taken back any more: its state is reversed" == str(
        item.reason
    )
    assert [Status.CLEAN] == [each.status for each in scene.preview(later).items]


def test_part_of_a_rollback_of_several_documents(scene: Scene) -> None:
    """One invoice stays reversed, the other's reversal is reversed and comes back."""
    invoices = [invoice_of(scene, "INV1"), invoice_of(scene, "INV2")]
    done = scene.do(REVERSE, invoices)
    back = scene.roll_back(done)
    scene.roll_back(back, "INV2")

    assert ChangeSetState.PARTLY_ROLLED_BACK is scene.again(done).state
    assert ChangeSetState.PARTLY_ROLLED_BACK is scene.again(back).state
    assert 117 == sum(amount for *_, amount in books(scene))


class _OneWay(ReverseInvoice):
    """An ERP that reverses an invoice and offers nothing to take the reversal back."""

    reversibility: ClassVar[Reversibility] = Reversibility.MANUAL
    reversibility_note: ClassVar[str] = N_("the accountant posts the invoice anew")
    executors: ClassVar[Any] = ReverseInvoice.executors[:1]

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        return ()


def test_where_the_erp_offers_nothing_it_is_said_who_must(scene: Scene) -> None:
    """The number of the counter-document is known all the same."""
    actions = dict(scene.system.actions())
    actions[REVERSE] = _OneWay(Target())
    scene.system._actions = actions  # type: ignore[assignment]
    done = scene.do(REVERSE, [invoice_of(scene)])
    (item,) = scene.preview(done).items

    assert Status.NOT_REVERSIBLE is item.status
    assert "the accountant posts the invoice anew" == str(item.reason)
    assert ["RINV00002"] == created(scene, done)
    with pytest.raises(NotAllowed):
        scene.roll_back(done)
