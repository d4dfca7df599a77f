"""The fake ERP in memory gives every fault that can be ordered."""

from __future__ import annotations

import pytest

from connectors.contract import Call
from connectors.fake.faults import Fault
from connectors.fake.request import ApplyCall
from connectors.fake.sample import add_purchase_order
from connectors.fake.schema import ORDER
from core import clock
from core.errors import OutcomeUnknown
from tests.contract.fake_subject import MemorySubject
from tests.contract.fault_suite import CANCELLED, OPEN, Batch, FaultSuite
from tests.factories import fake_erp


@pytest.fixture
def batch() -> Batch:
    return Batch(MemorySubject(fake_erp()))


@pytest.fixture
def uneven() -> Batch:
    return Batch(MemorySubject(fake_erp(is_atomic_batch=False)))


class TestFaultsInMemory(FaultSuite):
    def test_applied_after_a_while(self, batch: Batch) -> None:
        """What an asynchronous ERP does later is done when its time has come, and not before."""
        start = clock.now()
        batch.order("late", after_seconds=30)
        with clock.fixed(start), pytest.raises(OutcomeUnknown):
            batch.apply()
        with clock.fixed(start):
            batch.capture()
        assert batch.states() == OPEN
        later = start + (start - start.replace(year=start.year - 1))
        with clock.fixed(later):
            batch.capture()
        assert batch.states() == CANCELLED

    def test_late_write_that_has_become_impossible(self, batch: Batch) -> None:
        """What was postponed and is refused by then is never done, and the ledger shows it."""
        batch.order("late", after_requests=1)
        with pytest.raises(OutcomeUnknown):
            batch.apply()
        batch.erp.edit("purchase.order", batch.keys[0], {"note": "x"})
        batch.capture()
        assert batch.states() == OPEN
        late = [line for line in batch.lines() if line.do == "late"]
        assert [line.applied for line in late] == [()]

    def test_fault_travels_whole(self) -> None:
        """An order that goes over the admin endpoint is the same order there."""
        fault = Fault("edit", key="7", changes={"note": None, "attachment": b"\x00"}, nth=3)
        assert fault == Fault.from_json(fault.to_json())

    def test_request_id_is_known_again(self, batch: Batch) -> None:
        """A request whose id the ERP has seen is answered as it was, and is not carried out again."""
        erp = fake_erp()
        key = add_purchase_order(erp, "1")
        call = ApplyCall("operation", ORDER, key, {"note": "x"})
        assert erp.apply("request", "record.update", [call]) == [None]
        assert erp.apply("request", "record.update", [call]) == [None]
        assert erp.dump()[ORDER][key]["version"] == 3  # made, its line added, one update
        assert [line.answered for line in erp.ledger.lines()] == ["ok", "duplicate"]

    def test_one_call_twice_in_two_requests_is_done_twice(self, batch: Batch) -> None:
        """The ERP knows requests, not operations: whoever sends an operation again, has it done again."""
        step, image = batch.steps[0], batch.before[0]
        batch.system.apply([Call("operation", step, image)])
        batch.erp.edit("purchase.order", batch.keys[0], {"state": "quotation"})
        (again,) = batch.system.capture([step], [None])
        batch.system.apply([Call("operation", step, again)])
        assert [line.applied for line in batch.lines() if line.do == "apply"] == [
            ("operation",),
            ("operation",),
        ]
