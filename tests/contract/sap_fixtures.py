"""A practice SAP for the tests of one file: opened once, and nothing may be left in it after any of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from connectors.sap.connector import SapSystem
from tests.contract.sap_subject import SapSubject


def subject_fixture(**kinds: type[SapSubject]) -> Any:
    """Return the fixture `subject` of a file: one practice SAP for each of these kinds, named by their words."""

    @pytest.fixture(scope="module", params=list(kinds.values()), ids=list(kinds))
    def subject(
        request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
    ) -> Iterator[SapSubject]:
        made = request.param(tmp_path_factory.mktemp("sap"))
        yield made
        made.close()

    return subject


@pytest.fixture
def system(subject: SapSubject) -> Iterator[SapSystem]:
    """Yield the system over the subject; no session, no lock and no problem stays behind."""
    opened = subject.open()
    yield opened
    opened.close()
    subject.sap.faults.clear()
    assert [] == subject.sap.problems
    assert 0 == subject.sap.sessions.count()
    assert [] == subject.sap.locks.listed()
