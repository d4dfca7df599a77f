"""The fake ERP is opened as its options say, and pages are joined."""

from __future__ import annotations

from connectors.contract import (
    Criteria,
    Kind,
)
from connectors.fake.connector import open_system
from connectors.fake.engine import FakeERP
from connectors.fake.errors import ERPError, as_storno_error
from connectors.fake.ledger import CountingLedger
from core.errors import (
    ContractBroken,
)
from tests.factories import fake_erp, fake_system


def test_code_that_nobody_knows_breaks_the_contract() -> None:
    """A new code of the ERP is a bug of the connector, never a guess."""
    error = as_storno_error(ERPError("new", "?"), system="s", user="u", is_write=True)
    assert isinstance(error, ContractBroken)


def test_open_system_in_memory() -> None:
    """Options decide how many orders there are and how the ERP behaves."""
    options = {"kind": "fake", "document_count": 40, "is_atomic_batch": False}
    system = open_system("test", options)
    batches = system.documents(Kind.PURCHASE_ORDER, Criteria())
    assert sum(batch.num_rows for batch in batches) == 40
    assert not system.actions()["purchase_order.cancel"].is_atomic_batch
    assert system.check().transport == "memory"
    few = open_system("test", {"kind": "fake", "document_count": 5})
    assert sum(b.num_rows for b in few.documents(Kind.PURCHASE_ORDER, Criteria())) == 5
    assert few.find(Kind.PROJECT, ["P-1"]) == {"P-1": ()}


def test_pages_are_joined() -> None:
    """More documents than one page come once each, memory flat."""
    erp = fake_erp()
    erp.populate(purchase_orders=2_500)
    system = fake_system(erp)
    batches = list(system.documents(Kind.PURCHASE_ORDER, Criteria()))
    keys = [key for batch in batches for key in batch.column("key").to_pylist()]
    assert [str(n) for n in range(1, 2_501)] == keys
    assert max(batch.num_rows for batch in batches) == 1000


def test_counting_ledger_keeps_no_lines() -> None:
    """For measuring memory, requests are counted and not kept."""
    ledger = CountingLedger()
    erp = FakeERP(ledger=ledger)
    fake_system(erp).check()
    assert (ledger.count, ledger.lines()) == (1, [])
