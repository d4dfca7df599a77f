"""A legacy ERP over ODBC passes the contract suite: written by Storno, and closed by a person."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from connectors.contract import System
from core.errors import Busy, NotAllowed
from tests.contract.journeys import apply
from tests.contract.odbc_subject import ByPersonSubject, OdbcSubject, practice_u8
from tests.contract.subject import Subject
from tests.contract.suite import ContractSuite
from tests.factories import image_of

pytestmark = [pytest.mark.contract, pytest.mark.odbc, pytest.mark.timeout(120)]


class TestLegacyOverOdbc(ContractSuite):
    """U8's tables on SQLite; Storno writes."""

    SUBJECT = OdbcSubject

    @pytest.fixture(scope="class")
    @classmethod
    def subject(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OdbcSubject]:
        made = OdbcSubject(practice_u8(tmp_path_factory.mktemp("legacy")))
        yield made
        made.close()

    def test_read_that_times_out(self, subject: Subject) -> None:
        """A file has no answers to lose; while somebody holds it whole, a read is busy and may be repeated."""
        assert isinstance(subject, OdbcSubject)
        step = subject.make(subject.BATCH_ACTION)
        system = subject.open(seconds=0.2)
        before = image_of(system, step)
        with closing(sqlite3.connect(subject.path)) as other:
            other.execute("begin exclusive")
            with pytest.raises(Busy):
                system.capture([step], [None])
            other.rollback()
        assert before == image_of(system, step)
        system.close()

    def test_write_that_times_out(self, subject: Subject) -> None:
        """While somebody else writes, a write is busy, and certainly nothing happened."""
        assert isinstance(subject, OdbcSubject)
        step = subject.make(subject.BATCH_ACTION)
        system = subject.open(seconds=0.2)
        before = image_of(system, step)
        with closing(sqlite3.connect(subject.path)) as other:
            other.execute("begin immediate")
            with pytest.raises(Busy):
                apply(system, [(step, before)])
            other.rollback()
        assert before == image_of(system, step)
        system.close()


class TestClosedByAPerson:
    """Where nothing is proved, Storno writes nothing; what a person does is recognised and can be taken back."""

    @pytest.fixture(scope="class")
    @classmethod
    def subject(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ByPersonSubject]:
        made = ByPersonSubject(practice_u8(tmp_path_factory.mktemp("legacy")))
        yield made
        made.close()

    @pytest.fixture
    def system(self, subject: ByPersonSubject) -> Iterator[System]:
        opened = subject.open()
        yield opened
        opened.close()

    @pytest.mark.parametrize("action", ByPersonSubject.ACTIONS)
    def test_a_write_is_refused(
        self, subject: ByPersonSubject, system: System, action: str
    ) -> None:
        """Nothing is written without a proof, and the message says so."""
        step = subject.make(action)
        before = image_of(system, step)
        with pytest.raises(NotAllowed, match="not proved"):
            apply(system, [(step, before)])
        assert before == image_of(system, step)

    @pytest.mark.parametrize("kind", ByPersonSubject.KINDS, ids=str)
    def test_a_person_closes_and_opens_again(
        self, subject: ByPersonSubject, system: System, kind: str
    ) -> None:
        """What a person did on the screen is done, both ways, and the worklist names the ERP's own buttons."""
        step = subject.make(f"{kind}.close")
        close = system.actions()[step.action]
        before = image_of(system, step)
        assert str(close.instruction(step, before).press) == "关闭"
        assert not close.is_done(step, before, before)
        subject.do_by_hand(step)
        after = image_of(system, step, before)
        assert close.is_done(step, before, after)
        (back,) = close.inverse(step, before, after)
        restore = system.actions()[back.action]
        assert str(restore.instruction(back, after).press) == "打开"
        assert not restore.is_done(back, after, after)
        subject.do_by_hand(back)
        assert restore.is_done(back, after, image_of(system, back, after))
