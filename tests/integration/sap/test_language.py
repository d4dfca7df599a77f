"""A user in another language: SAP's texts are theirs, what Storno makes of them is the same."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.judging import root_of
from connectors.sap.connector import SapSystem, open_system
from core.errors import StateRefused
from tests.contract.sap_subject import SapSubject
from tests.factories import action_of, answer_to, image_of


@pytest.fixture(scope="module")
def subject(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SapSubject]:
    made = SapSubject(tmp_path_factory.mktemp("sap"))
    yield made
    made.close()


@pytest.fixture
def system(subject: SapSubject) -> Iterator[SapSystem]:
    opened = open_system("erp", subject.options(language="ZH"))
    opened.trust_as_copy()
    yield opened
    opened.close()


def test_a_status_is_read_in_the_language_that_storno_knows(
    subject: SapSubject, system: SapSystem
) -> None:
    """A status is a word in SAP: read in Chinese, a released order would look like one that is not."""
    step = subject.make("production_order.complete")
    before = image_of(system, step)
    assert "REL" in str(root_of(step, before)["SYSTEM_STATUS"])
    assert () == action_of(system, step).problems(step, before)

    answer = answer_to(system, step, before)
    assert answer.refused is None
    assert action_of(system, step).is_done(step, before, image_of(system, step, before))


def test_a_refusal_is_told_in_the_users_language_and_judged_by_its_number(
    subject: SapSubject, system: SapSystem
) -> None:
    """The words are SAP's, in Chinese; what follows from them is not."""
    step = subject.make("purchase_order.close")
    before = image_of(system, step)
    subject.sap.edit("EKPO", step.ref.key, "00010", LOEKZ="L")
    answer = answer_to(system, step, before)

    assert isinstance(answer.refused, StateRefused)
    assert "已删除" in str(answer.refused)
