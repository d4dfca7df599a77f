"""The fake ERP passes the contract suite: in memory and served, with and without what an ERP may lack."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contract.fake_subject import FakeSubject, MemorySubject, ServedSubject
from tests.contract.suite import ContractSuite
from tests.factories import fake_erp, served_erp

pytestmark = pytest.mark.contract


class TestFakeInMemory(ContractSuite):
    SUBJECT = FakeSubject

    @pytest.fixture
    def subject(self) -> MemorySubject:
        return MemorySubject(fake_erp())


class TestFakeInMemoryWithLess(ContractSuite):
    """No atomic batch, no compare-and-set, partial sight."""

    SUBJECT = FakeSubject

    @pytest.fixture
    def subject(self) -> MemorySubject:
        erp = fake_erp(is_atomic_batch=False, has_compare_and_set=False, sees_everything=False)
        return MemorySubject(erp)


class TestFakeServed(ContractSuite):
    SUBJECT = FakeSubject

    @pytest.fixture(scope="class")
    @classmethod
    def subject(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedSubject]:
        with served_erp(tmp_path_factory.mktemp("erp")) as served:
            yield ServedSubject(served)


class TestFakeServedWithLess(ContractSuite):
    """No atomic batch, no compare-and-set, partial sight."""

    SUBJECT = FakeSubject

    @pytest.fixture(scope="class")
    @classmethod
    def subject(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedSubject]:
        less = ("--batches-one-by-one", "--no-compare-and-set", "--partial-sight")
        with served_erp(tmp_path_factory.mktemp("erp"), *less) as served:
            yield ServedSubject(served)
