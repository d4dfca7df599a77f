"""Every action, its done-when and its way back, on a real Tryton."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from connectors.contract import Call, Kind, Ref, Reversibility, Step
from core.errors import StaleRecord, StateRefused
from tests.integration.tryton.company import Company, residue

pytestmark = [pytest.mark.tryton, pytest.mark.timeout(300)]


@dataclass(frozen=True)
class Case:
    action: str
    model: str
    role: str | None = None
    state: str | None = None
    index: int = 0

    def ref(self, company: Company) -> Ref:
        return company.refs(self.model, role=self.role, state=self.state)[self.index]


ROUND_TRIPS = [
    Case("purchase_order.cancel", "purchase.purchase", "stale_quotation"),
    Case("purchase_order.cancel", "purchase.purchase", "draft"),
    Case("purchase_order.close", "purchase.purchase", "remainder_old_paid"),
    Case("purchase_order.close", "purchase.purchase", "remainder_old_posted"),
    Case("purchase_order.close", "purchase.purchase", "remainder_old_nothing_received"),
    Case("sales_order.cancel", "sale.sale", "stale_quotation"),
    Case("sales_order.close", "sale.sale", "remainder_old_paid"),
    Case("customer_invoice.validate", "account.invoice", "out_draft"),
    Case("customer_invoice.cancel", "account.invoice", "out_draft", index=1),
    Case("supplier_invoice.validate", "account.invoice", "in_draft"),
    Case("supplier_invoice.cancel", "account.invoice", "in_draft", index=1),
    Case("project.close", "project.work", "task_finished_open"),
    Case("project.reopen", "project.work", "task_done"),
    Case("accounting_period.close", "account.period", "period_closable"),
    Case("accounting_period.reopen", "account.period", "period_closed", index=-1),
]


@pytest.mark.parametrize("case", ROUND_TRIPS, ids=lambda case: f"{case.action}-{case.role}")
def test_there_and_back(company: Company, case: Case) -> None:
    """The call works, changes nothing undeclared, is known as ours, and its way back leaves the declared trace alone."""
    ref = case.ref(company)
    assert set() == company.codes(case.action, ref)
    taken = company.take_all(case.action, ref)
    back = company.take_back(taken)
    for one in (*taken, *back):
        assert one.is_done, one.step
        assert one.foreign() == [], one.step
        assert one.action.is_ours(one.before, one.after) is not False, one.step
    assert residue(company.system, taken, back) == []


ONE_WAY = [
    Case("goods_receipt.cancel", "stock.shipment.in", state="received"),
    Case("goods_issue.cancel", "stock.shipment.out", state="waiting"),
    Case("stock_count.confirm", "stock.inventory", state="draft"),
    Case("stock_count.cancel", "stock.inventory", state="draft", index=1),
    Case("production_order.cancel", "production", state="waiting"),
]


@pytest.mark.parametrize("case", ONE_WAY, ids=lambda case: case.action)
def test_one_way(company: Company, case: Case) -> None:
    """What Tryton does not give back is done, says so beforehand, and offers no inverse."""
    (taken,) = company.take_all(case.action, case.ref(company))
    assert (taken.is_done, taken.foreign(), company.take_back([taken])) == (True, [], [])
    assert taken.action.reversibility in (Reversibility.MANUAL, Reversibility.NONE)


NOT_READY = [
    ("remainder_invoiced_on_order", "invoiced.not_received"),
    ("invoice_for_received_goods_open", "received.not_invoiced"),
    ("order_invoice_open", "invoice.not_posted"),
    ("by_person", "received.not_invoiced"),
    ("shipment_exception", "shipment.exception"),
    ("invoice_exception", "invoice.exception"),
    ("done", "state.done"),
]


@pytest.mark.parametrize("role, code", NOT_READY)
def test_orders_that_are_not_ready(company: Company, role: str, code: str) -> None:
    """An order whose goods and invoices do not fit is left to a person; no invoice is ever ignored."""
    ref = company.refs("purchase.purchase", role=role)[0]
    assert code in company.codes("purchase_order.close", ref)


def test_order_whose_receipt_is_not_finished(company: Company) -> None:
    """Its goods are on the way into the warehouse (or another test has just cancelled that): not ready."""
    ref = company.refs("purchase.purchase", role="receipt_not_finished")[0]
    found = company.codes("purchase_order.close", ref)
    assert found & {"received.not_invoiced", "shipment.exception"}


def test_period_with_drafts(company: Company) -> None:
    """A period with entries that are not posted is known beforehand."""
    ref = company.refs("account.period", role="period_with_drafts")[0]
    assert {"entries.draft"} == company.codes("accounting_period.close", ref)


def test_fiscal_year(company: Company) -> None:
    """A year closes with all its periods and journals; the way back opens what was closed along, and only that."""
    ref = company.refs("account.fiscalyear", role="fiscal_year_closable")[0]
    step = Step("accounting_period.close_year", ref)
    (before,) = company.system.capture([step], [None])
    problems = company.action(step.action).problems(step, before)
    assert problems == ()
    taken = company.take_all(step.action, ref)
    back = company.take_back(taken)
    assert all(one.is_done for one in (*taken, *back))
    assert residue(company.system, taken, back) == []


def test_silent_no_op(company: Company) -> None:
    """Tryton answers yes to `draft` on a posted invoice and does nothing: the images tell."""
    ref = company.refs("account.invoice", role="out_posted")[0]
    taken = company.take(Step("customer_invoice.draft", ref))
    assert (taken.is_done, taken.foreign()) == (False, [])


def test_post(company: Company) -> None:
    """An invoice is posted, and nothing of it is taken back by us."""
    ref = company.refs("account.invoice", role="in_validated")[0]
    taken = company.take(Step("supplier_invoice.post", ref))
    assert taken.is_done
    assert company.take_back([taken]) == []


def test_refused_batch_changes_nothing(company: Company) -> None:
    """One document in the wrong state refuses the whole batch, and Tryton names it."""
    good, other = company.refs("purchase.purchase", role="stale_quotation")[5:7]
    bad = company.refs("purchase.purchase", role="done")[0]
    steps = [Step("purchase_order.cancel", ref) for ref in (good, bad, other)]
    before = company.system.capture(steps, [None] * 3)
    calls = [Call(s.ref.key, s, image) for s, image in zip(steps, before, strict=True)]
    with pytest.raises(StateRefused) as raised:
        company.system.apply(calls)
    assert (bad.key,) == raised.value.offenders
    assert before == company.system.capture(steps, before)


def test_changed_document_is_refused(company: Company) -> None:
    """A document that somebody saved since it was read is not touched."""
    ref = company.refs("purchase.purchase", role="stale_quotation")[7]
    step = Step("purchase_order.cancel", ref)
    (before,) = company.system.capture([step], [None])
    with_session = company.open(user="colleague", password=_secret("practice-colleague-1"))
    with_session._session.model(
        ref.model, "write", [int(ref.key)], {"comment": "等一下"}, is_write=True
    )
    with_session.close()
    with pytest.raises(StaleRecord):
        company.system.apply([Call("operation", step, before)])
    (now,) = company.system.capture([step], [before])
    assert company.action(step.action).is_ours(before, now) is False


@pytest.mark.parametrize("transport", ["json", "xml"])
def test_both_dialects_read_the_same(company: Company, transport: str) -> None:
    """XML-RPC gives the very same images as JSON-RPC, but for microseconds, which it cannot carry."""
    step = Step("purchase_order.close", company.refs("purchase.purchase", role="done")[0])
    system = company.open(transport=transport)
    (image,) = system.capture([step], [None])
    system.close()
    (expected,) = company.system.capture([step], [None])
    for record, wanted in zip(image.records, expected.records, strict=True):
        for name, value in (wanted.fields or {}).items():
            if name != "write_date":
                assert repr(value) == repr((record.fields or {})[name])


def test_check(company: Company) -> None:
    """The check names series, database, user, and what cannot be promised here."""
    found = company.system.check()
    assert (
        found.product, found.version, found.target, found.transport, found.acting_as, found.sees_everything
    ) == ("Tryton", "8.0", "SQLite", "JSON-RPC", "Storno service (storno)", True)  # fmt: skip
    assert all(action.is_available and not action.has_compare_and_set for action in found.actions)
    assert {Kind.PURCHASE_ORDER, Kind.CUSTOMER_INVOICE, Kind.PARTNER} <= set(found.kinds)


def test_check_without_rights(company: Company) -> None:
    """A user without rights is told which are missing, action by action."""
    system = company.open(user="throwaway", password=_secret("practice-throwaway-1"))
    found = system.check()
    system.close()
    assert (found.sees_everything, any(a.is_available for a in found.actions)) == (False, False)
    assert found.limits


def _secret(written: str) -> object:
    from pydantic import SecretStr

    return SecretStr(written)
