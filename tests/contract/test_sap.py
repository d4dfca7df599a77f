"""SAP passes the contract suite: wrapped, and in sessions that are kept."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contract.sap_subject import SapSubject, StatefulSapSubject
from tests.contract.suite import ContractSuite

pytestmark = [pytest.mark.contract, pytest.mark.timeout(120)]


class TestSapWrapped(ContractSuite):
    """The customer's function changes and commits in one call."""

    SUBJECT = SapSubject

    @pytest.fixture(scope="class")
    @classmethod
    def subject(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SapSubject]:
        made = cls.SUBJECT(tmp_path_factory.mktemp("sap"))
        yield made
        made.close()
        assert [] == made.sap.problems
        # What was opened was closed, whatever went wrong in between: no lock stays in SAP.
        assert 0 == made.sap.sessions.count()


class TestSapStateful(TestSapWrapped):
    """A session is kept up to COMMIT, and ends in every case."""

    SUBJECT = StatefulSapSubject
