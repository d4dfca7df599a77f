"""Promises of posting, drafting, cancelling and crediting invoices, for the versions 16 to 19."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any, Final

import pytest

from connectors.contract import Effect, Image, Ref, Reversibility, Step
from core.encoding import Value
from core.errors import Rejected
from recovery.conflicts.targets import with_values
from tests.unit.connectors.odoo.document_scenes import (
    CLASSES,
    MODERN,
    VERSIONS,
    Recorder,
    action,
    but,
    codes,
    foreign,
    image,
    perform,
    residue,
    row,
    sent,
    way_back,
)

INVOICE: Final = Ref("account.move", "5")
LINE: Final = Ref("account.move.line", "51")
DAY: Final = date(2026, 11, 20)
POST: Final = Step("customer_invoice.post", INVOICE)
DRAFT: Final = Step("customer_invoice.draft", INVOICE)
CANCEL: Final = Step("customer_invoice.cancel", INVOICE)
CREDIT: Final = Step("customer_invoice.credit", INVOICE)
MAKE: Final = Step("customer_invoice.make_credit_note", INVOICE)


def fields_of(version: int, **fields: Value) -> dict[str, Value]:
    reversals = "reversal_move_ids" if version >= 18 else "reversal_move_id"
    mark: dict[str, Value] = {"checked": False} if version >= 18 else {"to_check": False}
    return {
        "name": "/", "state": "draft", "move_type": "out_invoice", "date": DAY, "invoice_date": None,
        "invoice_date_due": DAY, "partner_id": 3, "journal_id": 1, "amount_total": Decimal(119),
        "amount_tax": Decimal(19), "amount_untaxed": Decimal(100), "amount_residual": Decimal(119),
        "payment_state": "not_paid", "is_move_sent": False, "inalterable_hash": None, "posted_before": False,
        "payment_reference": None, "auto_post": "no", "reversed_entry_id": None, reversals: (), **mark,
        "tax_lock_date_message": None, "restrict_mode_hash_table": False, "show_reset_to_draft_button": False,
        **fields,
    }  # fmt: skip


def draft(version: int = 18, **fields: Value) -> Image:
    return image(
        row("account.move", 5, **fields_of(version, **fields)),
        row("account.move.line", 51, move_id=5, display_type="product", parent_state="draft",
            move_name="/", name="Desk", matching_number=None),
    )  # fmt: skip


def posted(version: int = 18, **fields: Value) -> Image:
    mark = "checked" if version >= 18 else "to_check"
    found = but(
        draft(version), INVOICE, state="posted", name="INV/2026/00005", posted_before=True, invoice_date=DAY,
        payment_reference="INV/2026/00005", show_reset_to_draft_button=True, **{mark: version >= 18},
    )  # fmt: skip
    found = but(found, LINE, parent_state="posted", move_name="INV/2026/00005")
    return but(found, INVOICE, **fields)


# --- post -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
def test_a_draft_is_posted_in_batches(version: int) -> None:
    """One call posts a whole batch; only the state that is read back says that it worked."""
    assert set() == codes(POST, draft(version), version)
    other = image(row("account.move", 6, **fields_of(version)))
    server = sent(POST, draft(version), other, version=version)
    assert [("account.move", "action_post", [[5, 6]])] == server.calls
    found = action(POST.action, version)
    assert found.is_done(POST, draft(version), posted(version))
    assert not found.is_done(POST, draft(version), draft(version))
    assert [] == foreign(POST.action, draft(version), posted(version), version)


@pytest.mark.parametrize(
    "fields, code",
    [
        ({"state": "posted"}, "state.posted"),
        ({"move_type": "in_invoice"}, "kind.wrong"),
        ({"move_type": "entry"}, "kind.wrong"),
        ({"tax_lock_date_message": "The date is being set prior to ..."}, "date.locked"),
        ({"partner_id": None}, "partner.missing"),
        ({"amount_total": Decimal(-1)}, "amount.negative"),
        ({"restrict_mode_hash_table": True}, "journal.seals"),
    ],
)
def test_what_posting_would_do_silently_is_shown_before(
    fields: dict[str, Value], code: str
) -> None:
    """A date in a locked period is moved by Odoo without a word; a sealed journal has no way back."""
    assert {code} == codes(POST, draft(18, **fields))


def test_a_bill_needs_a_date_and_lines() -> None:
    """A customer invoice gets today's date; a bill is refused, and so is one of nothing but notes."""
    step = Step("supplier_invoice.post", INVOICE)
    bill = draft(move_type="in_invoice")
    assert {"date.missing"} == codes(step, bill)
    noted = but(bill, LINE, display_type="line_note")
    assert {"date.missing", "lines.missing"} == codes(step, noted)


def test_a_sealing_journal_can_be_wanted() -> None:
    """Who says so posts into a journal that seals, and is told that no way leads back."""
    step = Step(POST.action, INVOICE, {"sealed": True})
    assert set() == codes(step, draft(restrict_mode_hash_table=True))
    after = posted(inalterable_hash="$4$70c5", restrict_mode_hash_table=True)
    assert [] == way_back(step, draft(), after)
    assert [] == way_back(step, draft(17), posted(17, restrict_mode_hash_table=True), 17)


@pytest.mark.parametrize("version", VERSIONS)
def test_somebody_elses_date_stays(version: int) -> None:
    """A due date that was agreed anew is in no write, though the dates go together; the others go back."""
    theirs = date(2031, 1, 2)
    spot = (INVOICE, "invoice_date_due")
    target, now = (
        with_values(image, {spot: theirs}) for image in (draft(version), posted(version))
    )
    (_, put) = action(POST.action, version).inverse_to(POST, draft(version), now, target)
    there = but(posted(version), INVOICE, state="draft", invoice_date_due=theirs)
    ((_, _, (_, values)),) = sent(put, there, version=version).calls
    assert values["invoice_date"] is False
    assert "invoice_date_due" not in values


@pytest.mark.parametrize("version", VERSIONS)
def test_posting_is_taken_back_with_its_dates(version: int) -> None:
    """Back to draft, then what posting set beside the state; the number stays, as the plan says."""
    (back, put) = action(POST.action, version).inverse(POST, draft(version), posted(version))
    assert (DRAFT.action, "customer_invoice.put_back") == (back.action, put.action)
    wanted = {"date": DAY, "invoice_date": None, "invoice_date_due": DAY}
    assert wanted == {n: v for n, v in put.arguments.items() if n in wanted}
    now = but(posted(version), INVOICE, state="draft")
    ((_, _, (_, values)),) = sent(put, now, version=version).calls
    mark = {"checked": False} if version >= 18 else {}
    assert {"invoice_date": False, **mark} == values
    left = but(
        draft(version), INVOICE, name="INV/2026/00005", posted_before=True, payment_reference="INV/2026/00005"
    )  # fmt: skip
    assert [] == residue(POST.action, draft(version), left, version)


# --- draft and cancel -------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("step, method", [(DRAFT, "button_draft"), (CANCEL, "button_cancel")])
def test_leaving_the_books_changes_the_state_alone(step: Step, method: str, version: int) -> None:
    """Without this context Odoo 18 works out the taxes anew, and corrected amounts are lost."""
    assert set() == codes(step, posted(version), version)
    server = sent(step, posted(version), version=version)
    assert [("account.move", method, [[5]])] == server.calls
    assert server.contexts[0]["skip_invoice_sync"] is True
    assert server.contexts[0]["skip_is_manually_modified"] is True


@pytest.mark.parametrize("step", [DRAFT, CANCEL])
@pytest.mark.parametrize(
    "fields, code",
    [
        ({"payment_state": "paid"}, "invoice.matched"),
        ({"payment_state": "partial"}, "invoice.matched"),
        ({"inalterable_hash": "$4$70c5", "show_reset_to_draft_button": False}, "invoice.sealed"),
        ({"show_reset_to_draft_button": False}, "invoice.fixed"),
        ({"tax_lock_date_message": "The date is ..."}, "date.locked"),
        ({"move_type": "out_receipt"}, "kind.wrong"),
    ],
)
def test_what_must_stay_in_the_books_stays(step: Step, fields: dict[str, Value], code: str) -> None:
    """Matched, sealed, sent to an authority, in a locked period: problems, before anything is sent."""
    assert {code} == codes(step, posted(18, **fields))


def test_a_matched_line_counts_as_matched() -> None:
    """The state of the payment may lag behind; the matching number does not."""
    assert {"invoice.matched"} == codes(DRAFT, but(posted(), LINE, matching_number="P1"))


def test_from_19_on_the_matching_survives_a_draft() -> None:
    """There drafting a paid invoice is no problem; cancelling it is, because its payments would go too."""
    assert set() == codes(DRAFT, posted(19, payment_state="paid"), 19)
    assert {"invoice.matched"} == codes(CANCEL, posted(19, payment_state="paid"), 19)


def test_up_to_17_a_sealing_journal_is_enough() -> None:
    """There whatever is posted in it is sealed; since 18 the hash itself tells."""
    fields: dict[str, Value] = {"restrict_mode_hash_table": True}
    assert {"invoice.sealed"} == codes(DRAFT, posted(17, **fields), 17)
    assert set() == codes(DRAFT, posted(18, **fields), 18)


def test_a_draft_with_other_amounts_is_not_done() -> None:
    """A server that does not know the context works taxes out anew: that is for a person to see."""
    found = action(DRAFT.action)
    now = but(posted(), INVOICE, state="draft")
    assert found.is_done(DRAFT, posted(), now)
    assert not found.is_done(DRAFT, posted(), but(now, INVOICE, amount_tax=Decimal("18.98")))


@pytest.mark.parametrize(
    "step, before, after, verbs",
    [
        (DRAFT, "posted", "draft", ["post"]),
        (DRAFT, "cancel", "draft", ["cancel"]),
        (CANCEL, "draft", "cancel", ["draft"]),
        (CANCEL, "posted", "cancel", ["draft", "post"]),
    ],
)
def test_the_way_back_depends_on_where_it_was(
    step: Step, before: str, after: str, verbs: list[str]
) -> None:
    """Each way back leads to the state before; the number is the same because it was kept."""
    was, now = posted(state=before), posted(state=after)
    assert [f"customer_invoice.{verb}" for verb in verbs] == way_back(step, was, now)


def test_a_cancelled_schedule_is_put_back() -> None:
    """Cancelling forgets that a draft was to be posted at its date."""
    was = draft(auto_post="at_date")
    steps = action(CANCEL.action).inverse(
        CANCEL, was, but(was, INVOICE, state="cancel", auto_post="no")
    )
    assert {"auto_post": "at_date"} == dict(steps[1].arguments)


@pytest.mark.parametrize(
    "fields",
    [
        {"payment_state": "paid"},
        {"is_move_sent": True},
        {"reversal_move_ids": (9,)},
        {"inalterable_hash": "$4$70c5"},
        {"tax_lock_date_message": "The date is ..."},
    ],
)
def test_later_business_blocks_the_rollback(fields: dict[str, Value]) -> None:
    """Paid, sent, credited, sealed or locked since: only a counter-document is right then."""
    assert () == action(POST.action).later_business(POST, posted(), posted())
    found = action(POST.action).later_business(POST, posted(), posted(18, **fields))
    assert [Effect.BLOCKS] == [each.effect for each in found]


# --- credit -----------------------------------------------------------------------------------------------


def credited(version: int = 18, state: str = "draft", **fields: Value) -> Image:
    note = fields_of(
        version, move_type="out_refund", state=state, reversed_entry_id=5, name="RINV/2026/00001", **fields
    )  # fmt: skip
    is_matched = state == "posted"
    root = posted(version, payment_state="reversed" if is_matched else "not_paid")
    return image(*root.records, row("account.move", 9, **note))


@pytest.mark.parametrize("version", VERSIONS)
def test_a_credit_is_a_chain_where_the_note_is_a_draft(version: int) -> None:
    """16 posts and matches the note in one call; since 17 it is made, then posted."""
    steps = action(CREDIT.action, version).steps(INVOICE, {"reason": "wrong price"})
    names = [MAKE.action, "customer_invoice.post_credit_note"][: 1 if version == 16 else 2]
    assert names == [step.action for step in steps]
    server = sent(steps[0], posted(version), version=version)
    (made, ran) = server.calls
    method = {"refund_method": "cancel"} if version == 16 else {}
    assert {"journal_id": 1, "reason": "wrong price", **method} == made[2][0]
    assert ("reverse_moves" if version == 16 else "refund_moves", [[91]]) == ran[1:]
    assert [False, True] == server.writes


def test_the_note_is_found_by_what_it_reverses() -> None:
    """A new credit note of the same total is done; a note of another total would leave a rest open."""
    found = action(MAKE.action)
    assert found.is_done(MAKE, posted(), credited())
    assert not found.is_done(MAKE, posted(), posted())
    assert not found.is_done(MAKE, credited(), credited())
    assert not found.is_done(MAKE, posted(), credited(amount_total=Decimal("118.98")))
    assert [] == foreign(MAKE.action, posted(), credited())


@pytest.mark.parametrize("version", MODERN)
def test_the_note_is_posted_and_taken_back(version: int) -> None:
    """The way back drafts and cancels the note, on the same invoice, so that both are read back."""
    step = Step("customer_invoice.post_credit_note", INVOICE)
    before, after = credited(version), credited(version, "posted")
    assert [("account.move", "action_post", [[9]])] == sent(step, before, version=version).calls
    assert action(step.action, version).is_done(step, before, after)
    (back,) = action(step.action, version).inverse(step, before, after)
    assert ("customer_invoice.draft_credit_note", INVOICE, 9) == (
        back.action, back.ref, back.arguments["note"],
    )  # fmt: skip
    assert [("account.move", "button_draft", [[9]])] == sent(back, after, version=version).calls
    assert ["customer_invoice.cancel_credit_note"] == way_back(
        MAKE, posted(version), before, version
    )
    assert [] == residue(MAKE.action, posted(version), credited(version, "cancel"), version)


@pytest.mark.parametrize(
    "state, verb", [("posted", "post_credit_note"), ("cancel", "cancel_credit_note")]
)
def test_a_drafted_note_goes_back_to_what_it_was(state: str, verb: str) -> None:
    """Posted or cancelled: a rollback of a rollback meets both."""
    step = Step("customer_invoice.draft_credit_note", INVOICE, {"note": 9})
    expected = [f"customer_invoice.{verb}"]
    assert expected == way_back(step, credited(18, state), credited())


def test_the_note_of_16_is_drafted_and_cancelled() -> None:
    """There the one call made a posted note, so its way back has both links."""
    names = ["customer_invoice.draft_credit_note", "customer_invoice.cancel_credit_note"]
    assert names == way_back(MAKE, posted(16), credited(16, "posted"), 16)


def test_an_invoice_is_credited_once() -> None:
    """A credit note that stands is a problem, one that was cancelled is none; matched invoices are left alone."""
    assert {"credit.exists"} == codes(CREDIT, credited())
    assert set() == codes(CREDIT, credited(18, "cancel"))
    assert {"invoice.matched"} == codes(CREDIT, posted(payment_state="paid"))
    assert {"credit.of_credit"} == codes(CREDIT, posted(move_type="out_refund"))
    assert Reversibility.COMPENSATING is action(CREDIT.action).reversibility


# --- all --------------------------------------------------------------------------------------------------


def test_a_refusal_names_the_invoice_that_odoo_names() -> None:
    """The others of the batch are sent again without it."""
    server = Recorder(refusals=[Rejected(system="erp", said="The entry INV/2026/00006 is posted.")])
    other = image(row("account.move", 6, **fields_of(18, name="INV/2026/00006")))
    with pytest.raises(Rejected) as caught:
        perform(server, POST, draft(), other)
    assert ("op-1",) == caught.value.offenders


@pytest.mark.parametrize("version", VERSIONS)
def test_no_footprint_holds_what_documents_share(version: int) -> None:
    """Two operations of a batch may not hold one record: companies, journals and products are evidence of none."""
    shared = {
        "res.company",
        "account.journal",
        "product.product",
        "res.partner",
        "stock.picking.type",
    }
    for kind in CLASSES:
        found = action(kind.name, version)
        inside: set[Any] = set(found.footprint) - {found.model} - found.surroundings
        assert set() == inside & shared, kind.name
