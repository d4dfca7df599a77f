"""Rollbacks of rollbacks where only a counter-document takes something back, and what a preview asks of an Odoo."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.contract import Step
from recovery.model import ChangeSet
from recovery.reversing.preview import Status, preview
from recovery.reversing.selection import Selection
from recovery.reversing.touching import created_by
from recovery.running.side_by_side import capture
from recovery.states import ChangeSetState
from tests.contract.odoo_subject import OdooSubject
from tests.integration.odoo.desk import Desk

pytestmark = [pytest.mark.timeout(600)]

MANY = 1000


def invoice(odoo: OdooSubject, key: int) -> dict[str, Any]:
    """Return what an invoice owes, and the states of its credit notes."""
    (row,) = odoo.office.read("account.move", [key], "amount_residual", "payment_state")
    notes = odoo.office.call("account.move", "search", [["reversed_entry_id", "=", key]])
    return row | {"notes": [n["state"] for n in odoo.office.read("account.move", notes, "state")]}


def numbers(desk: Desk, change_set: ChangeSet) -> list[str | None]:
    """Return the numbers of the counter-documents that a change set made, as the journal keeps them."""
    ids = [operation.id for operation in desk.operations(change_set)]
    with desk.journal.reading() as connection:
        found = created_by(connection, ids)
    return [each.number for made in found.values() for each in made]


def test_a_credit_note_goes_and_comes(odoo: OdooSubject, desk: Desk) -> None:
    """Credited, taken back, taken back again, and once more from the first: one credit note, cancelled and posted."""
    (key,) = odoo.office.invoices("out_invoice", "posted", 1)
    owed = invoice(odoo, key)["amount_residual"]
    first = desk.do("customer_invoice.credit", [key])
    credited = invoice(odoo, key)
    second = desk.run(desk.plan_back(first))
    back = invoice(odoo, key)
    third = desk.run(desk.plan_back(second))
    again = invoice(odoo, key)

    assert [ChangeSetState.APPLIED] * 3 == [each.state for each in (first, second, third)]
    assert (["posted"], ["cancel"], ["posted"]) == (
        credited["notes"],
        back["notes"],
        again["notes"],
    )
    assert (0, owed, 0) == tuple(each["amount_residual"] for each in (credited, back, again))
    assert len(numbers(desk, first)) >= 1
    found = preview(desk.journal, lambda _: desk.system, Selection(change_set_id=first.id))
    assert [Status.CLEAN] == [item.status for item in found.items]
    assert {third.id} == {item.last.change_set_id for item in found.items}

    fourth = desk.run(desk.plan_back(first))

    assert ChangeSetState.APPLIED is fourth.state
    assert (["cancel"], owed) == (
        invoice(odoo, key)["notes"],
        invoice(odoo, key)["amount_residual"],
    )
    states = [desk.journal.change_set(each.id).state for each in (first, second, third, fourth)]
    assert [ChangeSetState.ROLLED_BACK, ChangeSetState.APPLIED] * 2 == states


def test_a_preview_asks_no_more_than_one_reading(odoo: OdooSubject, desk: Desk) -> None:
    """A thousand quotations: as many requests as reading their footprints once takes."""
    keys: list[int] = []
    while len(keys) < MANY:
        keys += odoo.office.purchases("draft", 250)
    done = desk.do("purchase_order.cancel", keys)
    operations = desk.operations(done)
    system = desk.system

    def requests() -> int:
        return len(odoo.proxy.exchanges)

    after = desk.journal.images({op.after_hash for op in operations})
    began = requests()
    steps: list[Step] = [op.step for op in operations]
    capture(system, steps, [after[str(op.after_hash)] for op in operations])
    one_reading, began = requests() - began, requests()
    found = preview(desk.journal, lambda _: system, Selection(change_set_id=done.id))
    asked = requests() - began

    assert {Status.CLEAN} == {item.status for item in found.items}
    assert len(keys) == len(found.items)
    assert one_reading >= asked > 0


def test_whoever_changed_it_is_named(odoo: OdooSubject, desk: Desk) -> None:
    """What stands beside a conflict is a person, not the number of a record."""
    (key,) = odoo.office.purchases("draft", 1)
    done = desk.do("purchase_order.cancel", [key])
    for button in ("button_draft", "button_confirm"):
        odoo.office.call("purchase.order", button, [key])
    (item,) = preview(desk.journal, lambda _: desk.system, Selection(change_set_id=done.id)).items
    uid = odoo.office.colleague.uid
    (user,) = odoo.office.call("res.users", "read", [uid], ["name"])

    assert {f"{user['name']} (res.users {uid})"} == {each.changed_by for each in item.conflicts}
