"""What differs on the stricter series 8.2 and on PostgreSQL."""

from __future__ import annotations

import threading

import pytest

from connectors.contract import Call, Reversibility, Step
from core.errors import RefusedError
from tests.integration.tryton.company import Company, residue

pytestmark = [pytest.mark.tryton, pytest.mark.timeout(600)]


def test_strict_series_says_what_has_no_way_back(strict_company: Company) -> None:
    """Where the server enforces read-only fields, ways back that write them are withdrawn beforehand."""
    support = {found.action: found for found in strict_company.system.check().actions}
    assert not support["customer_invoice.draft"].is_available
    for name in ("customer_invoice.validate", "supplier_invoice.cancel"):
        assert Reversibility.NONE is support[name].reversibility, name
    assert Reversibility.COMPENSATING is support["purchase_order.close"].reversibility
    assert Reversibility.EXACT is support["purchase_order.cancel"].reversibility


def test_strict_series_round_trip(strict_company: Company) -> None:
    """Transitions there and back work on 8.2 as on 8.0."""
    for name, model, role in (
        ("purchase_order.cancel", "purchase.purchase", "stale_quotation"),
        ("project.close", "project.work", "task_finished_open"),
        ("accounting_period.close", "account.period", "period_closable"),
    ):
        taken = strict_company.take_all(name, strict_company.refs(model, role=role)[0])
        back = strict_company.take_back(taken)
        assert residue(strict_company.system, taken, back) == [], name


@pytest.mark.postgres
def test_compare_and_set_on_postgres(postgres_company: Company) -> None:
    """On PostgreSQL one of two simultaneous writers wins, every time, and the connector knows that it does."""
    assert postgres_company.action("purchase_order.cancel").has_compare_and_set
    quotations = postgres_company.refs("purchase.purchase", role="stale_quotation")[:4]
    for ref in quotations:
        step = Step("purchase_order.cancel", ref)
        (before,) = postgres_company.system.capture([step], [None])
        call = Call("operation", step, before)
        assert sorted(cancel_twice_at_once(postgres_company, call)) == ["done", "refused"]


@pytest.mark.postgres
def test_post_tells_the_truth_on_postgres(postgres_company: Company) -> None:
    """An invoice that was posted is done, and no answer says otherwise."""
    ref = postgres_company.refs("account.invoice", role="in_validated")[0]
    assert postgres_company.take(Step("supplier_invoice.post", ref)).is_done


def cancel_twice_at_once(company: Company, call: Call) -> list[str]:
    gate = threading.Barrier(2)
    outcomes: list[str] = []

    def cancel() -> None:
        system = company.open()
        system.actions()
        gate.wait(30)
        try:
            system.apply([call])
            outcomes.append("done")
        except RefusedError:
            outcomes.append("refused")
        system.close()

    threads = [threading.Thread(target=cancel) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return outcomes
