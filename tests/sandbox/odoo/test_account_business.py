"""Invoices and lock dates of the practice Odoo behave as those of the real versions were measured to."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.odoo.engine import RedirectWarning, UserError
from tests.sandbox.odoo.desk import Desk
from tests.sandbox.odoo.office import INVOICE

COMPANY = "res.company"
REGISTER = "account.payment.register"


def _pay(desk: Desk, invoice: int, **vals: float) -> None:
    context: dict[str, Any] = {"active_model": INVOICE, "active_ids": [invoice]}
    wizard = desk.call(REGISTER, "create", vals, **context)
    desk.call(REGISTER, "action_create_payments", [wizard], **context)


def _reverse(desk: Desk, invoice: int, method: str = "refund") -> int:
    context: dict[str, Any] = {"active_model": INVOICE, "active_ids": [invoice]}
    vals = {"reason": "Storno", "date": "2026-11-22"}
    if desk.version == 16:
        vals["refund_method"] = method
    wizard = desk.call("account.move.reversal", "create", vals, **context)
    name = "reverse_moves" if desk.version == 16 else f"{method}_moves"
    return int(desk.call("account.move.reversal", name, [wizard], **context)["res_id"])


def test_the_number_comes_with_posting_and_stays(desk: Desk) -> None:
    """Through draft and cancel an invoice keeps its number; the next one takes the next."""
    first, second = desk.arrange(lambda office: office.invoices(2))

    assert False is desk.call(INVOICE, "action_post", [first])
    number = desk.get(INVOICE, first, "name")
    assert desk.call(INVOICE, "button_draft", [first]) is None
    assert desk.call(INVOICE, "button_cancel", [first]) is None
    desk.call(INVOICE, "action_post", [second])

    assert ("cancel", number) == (
        desk.get(INVOICE, first, "state"),
        desk.get(INVOICE, first, "name"),
    )
    assert int(number[-5:]) + 1 == int(desk.get(INVOICE, second, "name")[-5:])


def test_a_draft_is_reset_to_draft_only_in_16(desk: Desk) -> None:
    """Later that is refused."""
    (invoice,) = desk.arrange(lambda office: office.invoices())

    if desk.version == 16:
        assert desk.call(INVOICE, "button_draft", [invoice]) is None
    else:
        with pytest.raises(UserError, match="can be reset to draft"):
            desk.call(INVOICE, "button_draft", [invoice])


def test_a_paid_invoice_loses_its_matching_up_to_18(desk: Desk) -> None:
    """Reset and posted again it is open; 19 keeps it paid."""
    (invoice,) = desk.arrange(lambda office: office.invoices(state="posted"))
    _pay(desk, invoice, amount=40.0)
    assert ("partial", 60.0) == (
        desk.get(INVOICE, invoice, "payment_state"),
        desk.get(INVOICE, invoice, "amount_residual"),
    )
    _pay(desk, invoice)
    assert "paid" == desk.get(INVOICE, invoice, "payment_state")

    desk.call(INVOICE, "button_draft", [invoice])
    assert "not_paid" == desk.get(INVOICE, invoice, "payment_state")
    desk.call(INVOICE, "action_post", [invoice])

    expected = ("paid", 0.0) if desk.version >= 19 else ("not_paid", 100.0)
    assert expected == (
        desk.get(INVOICE, invoice, "payment_state"),
        desk.get(INVOICE, invoice, "amount_residual"),
    )


def test_a_posted_credit_note_reverses_but_not_in_16(desk: Desk) -> None:
    """From 17 on posting matches both; 16 only with the methods cancel and modify."""
    (invoice,) = desk.arrange(lambda office: office.invoices(state="posted"))

    note = _reverse(desk, invoice)
    assert "draft" == desk.get(INVOICE, note, "state")
    desk.call(INVOICE, "action_post", [note])

    expected = "not_paid" if desk.version == 16 else "reversed"
    assert expected == desk.get(INVOICE, invoice, "payment_state")
    assert desk.get(INVOICE, note, "name").startswith("RINV/")


def test_unposting_the_credit_note_opens_the_invoice_again(desk: Desk) -> None:
    """17 and 18 at the reset, 19 only when the note is cancelled."""
    if desk.version == 16:
        pytest.skip("16 does not match by posting")
    (invoice,) = desk.arrange(lambda office: office.invoices(state="posted"))
    note = _reverse(desk, invoice)
    desk.call(INVOICE, "action_post", [note])

    desk.call(INVOICE, "button_draft", [note])
    expected = "reversed" if desk.version >= 19 else "not_paid"
    assert expected == desk.get(INVOICE, invoice, "payment_state")
    desk.call(INVOICE, "button_cancel", [note])

    assert "not_paid" == desk.get(INVOICE, invoice, "payment_state")


def test_modify_reverses_at_once_and_opens_a_new_draft(desk: Desk) -> None:
    """The invoice is reversed, what comes back is a draft of the same kind."""
    (invoice,) = desk.arrange(lambda office: office.invoices(state="posted"))

    new = _reverse(desk, invoice, "modify")

    assert ("draft", "out_invoice") == (
        desk.get(INVOICE, new, "state"),
        desk.get(INVOICE, new, "move_type"),
    )
    assert "reversed" == desk.get(INVOICE, invoice, "payment_state")


def test_identical_values_are_refused_on_posted_from_18_on(desk: Desk) -> None:
    """The partner that stands there already may not be written."""
    (invoice,) = desk.arrange(lambda office: office.invoices(state="posted"))
    vals = {"partner_id": desk.get(INVOICE, invoice, "partner_id")}

    if desk.version >= 18:
        with pytest.raises(UserError, match="readonly fields on a posted move: partner_id"):
            desk.call(INVOICE, "write", [invoice], vals)
    else:
        assert True is desk.call(INVOICE, "write", [invoice], vals)


def test_totals_of_a_posted_invoice_go_stale_from_18_on(desk: Desk) -> None:
    """A price is written on a posted line: the header follows at once, or at the next change of state."""
    (invoice,) = desk.arrange(lambda office: office.invoices(state="posted"))
    (line,) = desk.get(INVOICE, invoice, "invoice_line_ids")

    assert True is desk.call("account.move.line", "write", [line], {"price_unit": 120.0})

    expected = 100.0 if desk.version >= 18 else 120.0
    assert expected == desk.get(INVOICE, invoice, "amount_total")
    desk.call(INVOICE, "button_draft", [invoice])
    assert 120.0 == desk.get(INVOICE, invoice, "amount_total")


def test_posting_into_a_locked_period_moves_the_date_silently(desk: Desk) -> None:
    """The accounting date goes to the end of the first open year, and the number with it."""
    (invoice,) = desk.arrange(lambda office: office.invoices(day="2024-05-05"))
    company = desk.company.company
    desk.arrange(
        lambda office: office.env[COMPANY].update([company], {"fiscalyear_lock_date": "2024-12-31"})
    )

    assert False is desk.call(INVOICE, "action_post", [invoice])

    assert "2025-12-31" == desk.get(INVOICE, invoice, "date")
    assert desk.get(INVOICE, invoice, "name").startswith("INV/2025/")


def test_a_locked_period_refuses_the_reset(desk: Desk) -> None:
    """In the words of the version."""
    (invoice,) = desk.arrange(lambda office: office.invoices(state="posted", day="2024-05-05"))
    desk.call(COMPANY, "write", [desk.company.company], {"fiscalyear_lock_date": "2024-12-31"})

    with pytest.raises(UserError, match=r"12/31/2024"):
        desk.call(INVOICE, "button_draft", [invoice])


def test_drafts_stand_in_the_way_of_a_lock(desk: Desk) -> None:
    """16 and 17: of the fiscal year's lock; later only of the hard one."""
    (invoice,) = desk.arrange(lambda office: office.invoices(day="2024-05-05"))
    company = desk.company.company

    if desk.version <= 17:
        with pytest.raises(RedirectWarning) as refused:
            desk.call(COMPANY, "write", [company], {"fiscalyear_lock_date": "2024-12-31"})
        assert [("id", "in", [invoice])] == refused.value.action["domain"]
    else:
        assert True is desk.call(
            COMPANY, "write", [company], {"fiscalyear_lock_date": "2024-12-31"}
        )
        with pytest.raises(RedirectWarning):
            desk.call(COMPANY, "write", [company], {"hard_lock_date": "2024-12-31"})


def test_the_hard_lock_never_comes_back(desk: Desk) -> None:
    """It may only go forward."""
    if desk.version <= 17:
        pytest.skip("there is none before 18")
    company = desk.company.company
    desk.call(COMPANY, "write", [company], {"hard_lock_date": "2024-12-31"})

    for earlier in ("2023-12-31", False):
        with pytest.raises(UserError, match="Hard Lock Date"):
            desk.call(COMPANY, "write", [company], {"hard_lock_date": earlier})
    assert True is desk.call(COMPANY, "write", [company], {"hard_lock_date": "2025-12-31"})


def test_a_hashed_invoice_stays_posted(desk: Desk) -> None:
    """A journal in restricted mode seals what is posted."""
    journal = desk.company.journals["sale"]
    desk.call("account.journal", "write", [journal], {"restrict_mode_hash_table": True})
    (invoice,) = desk.arrange(lambda office: office.invoices(state="posted"))

    assert desk.get(INVOICE, invoice, "inalterable_hash")
    with pytest.raises(UserError, match=r"locked journal entry|strict mode"):
        desk.call(INVOICE, "button_draft", [invoice])


def test_a_posted_invoice_is_not_deleted(desk: Desk) -> None:
    """Neither it nor its lines."""
    (invoice,) = desk.arrange(lambda office: office.invoices(state="posted"))
    (line,) = desk.get(INVOICE, invoice, "invoice_line_ids")

    for model, record in ((INVOICE, invoice), ("account.move.line", line)):
        with pytest.raises(UserError, match="posted"):
            desk.call(model, "unlink", [record])
