"""The served fake ERP gives every fault over the network as it does in memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.contract import Call
from connectors.fake.ledger import read_ledger
from core import clock
from core.errors import StornoError, Unreachable
from tests.contract.fake_subject import ServedSubject
from tests.contract.fault_suite import Batch, FaultSuite
from tests.factories import ServedERP, served_erp

pytestmark = pytest.mark.contract


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedERP]:
    with served_erp(tmp_path_factory.mktemp("erp")) as erp:
        yield erp


@pytest.fixture(scope="module")
def served_unevenly(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedERP]:
    with served_erp(tmp_path_factory.mktemp("erp"), "--batches-one-by-one") as erp:
        yield erp


@pytest.fixture
def batch(served: ServedERP) -> Iterator[Batch]:
    made = Batch(ServedSubject(served))
    yield made
    made.close()


@pytest.fixture
def uneven(served_unevenly: ServedERP) -> Iterator[Batch]:
    made = Batch(ServedSubject(served_unevenly))
    yield made
    made.close()


class TestFaultsServed(FaultSuite):
    def test_server_that_is_down(self, served: ServedERP, batch: Batch) -> None:
        """A port that nobody listens on: nothing was sent, and when it is up again it works."""
        served.erp.pause(0.4)
        clock.sleep(0.1)
        with pytest.raises(Unreachable):
            batch.apply()
        with pytest.raises(Unreachable):
            batch.capture()
        clock.sleep(0.6)
        assert [answer.refused for answer in batch.apply()] == [None] * 3

    def test_ledger_file_outlives_the_server(self, tmp_path: Path) -> None:
        """What the ledger's file says after the server was killed is what the server had done."""
        with served_erp(tmp_path) as erp:
            subject = ServedSubject(erp)
            system = subject.open()
            steps = [subject.make("purchase_order.cancel") for _ in range(5)]
            before = system.capture(steps, [None] * 5)
            for step, image in zip(steps, before, strict=True):
                system.apply([Call(f"operation {step.ref.key}", step, image)])
            told = erp.erp.ledger.lines()
            system.close()
            erp.process.kill()
            erp.process.wait()
        assert told == list(read_ledger(erp.ledger))
        assert [f"operation {step.ref.key}" for step in steps] == [
            operation for line in told for operation in line.applied
        ]

    def test_wrong_password_is_told(self, served: ServedERP) -> None:
        """A user who is not known is a failed log-in, and the password is in no message."""
        from connectors.fake.connector import open_system

        system = open_system("x", {"kind": "fake", "url": served.url, "password": "geheim-9"})
        with pytest.raises(StornoError) as raised:
            system.check()
        assert raised.value.code == "STO-0310"
        assert "geheim-9" not in str(raised.value)
        system.close()
