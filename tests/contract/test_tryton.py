"""Real Tryton passes the contract suite: 8.0 on SQLite whole, 8.0 on PostgreSQL and 8.2 in what they do otherwise."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.contract import System
from tests.contract.suite import ContractSuite
from tests.contract.tryton_subject import PostgresSubject, StrictSubject, TrytonSubject

pytestmark = [
    pytest.mark.contract,
    pytest.mark.tryton,
    pytest.mark.timeout(600),
    pytest.mark.xdist_group("tryton"),
]


class TestTryton(ContractSuite):
    """Series 8.0 on SQLite."""

    SUBJECT = TrytonSubject

    @pytest.fixture(scope="class")
    @classmethod
    def subject(cls, tryton_on_sqlite: TrytonSubject) -> TrytonSubject:
        return tryton_on_sqlite

    @pytest.fixture(scope="class")
    @classmethod
    def system(cls, subject: TrytonSubject) -> Iterator[System]:
        """One session for all: Tryton makes each log-in slow on purpose."""
        opened = subject.open()
        yield opened
        opened.close()


class TestStrictTryton(TestTryton):
    """Series 8.2 on SQLite."""

    SUBJECT = StrictSubject

    @pytest.fixture(scope="class")
    @classmethod
    def subject(cls, strict_tryton: TrytonSubject) -> TrytonSubject:
        return strict_tryton


class TestTrytonOnPostgres(TestTryton):
    """Series 8.0 on PostgreSQL."""

    SUBJECT = PostgresSubject

    @pytest.fixture(scope="class")
    @classmethod
    def subject(cls, tryton_on_postgres: TrytonSubject) -> TrytonSubject:
        return tryton_on_postgres
