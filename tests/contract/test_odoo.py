"""Odoo passes the contract suite: a real server where one is named, and the stand-in in four versions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from itertools import count
from typing import ClassVar
from xmlrpc.client import Fault

import pytest

from connectors.contract import Call, Step, System
from core.errors import Frozen, StaleRecord
from core.ids import new_id
from tests.contract.journeys import apply, forget_journeys, refusals
from tests.contract.odoo_subject import OdooSubject
from tests.contract.odoo_versions import DifferencesSubject, GuardedSubject, PracticeSubject
from tests.contract.practice_odoo import practice_odoo
from tests.contract.racing import at_once
from tests.contract.subject import Subject
from tests.contract.suite import ContractSuite
from tests.factories import action_of, image_of

pytestmark = [pytest.mark.contract, pytest.mark.timeout(300)]

ROUNDS = 4


class OneSession(ContractSuite):
    """The suite with one session for all its tests: Odoo makes each log-in slow on purpose."""

    @pytest.fixture(scope="class")
    @classmethod
    def system(cls, subject: OdooSubject) -> Iterator[System]:
        opened = subject.open()
        yield opened
        opened.close()

    def test_deleted_record_shows_as_missing(
        self, subject: Subject, system: System, action: str
    ) -> None:
        """As everywhere; and what has happened cannot be deleted."""
        if action not in OdooSubject.LASTING:
            super().test_deleted_record_shows_as_missing(subject, system, action)
            return
        step = subject.make(action)
        with pytest.raises(Fault):
            subject.delete(step.ref)

    def test_a_freeze_between_two_requests_of_a_batch(
        self, subject: OdooSubject, system: System
    ) -> None:
        """Orders that get other values need a request each: the first one stands, the second one was not sent."""
        refs = [subject.make("purchase_order.close").ref for _ in range(2)]

        def wishing(*priorities: str) -> list[Step]:
            return [
                Step("purchase_order.restore_priority", ref, {"priority": priority})
                for ref, priority in zip(refs, priorities, strict=True)
            ]

        apply(system, [(step, image_of(system, step)) for step in wishing("0", "1")])
        steps = wishing("1", "0")
        before = system.capture(steps, [None] * 2)
        calls = [Call(new_id(), s, b) for s, b in zip(steps, before, strict=True)]
        asked = count(1)

        def falls() -> None:
            if next(asked) == 2:
                raise Frozen(freeze="01a2", scope="system:erp", person="mei", said="stock count")

        answers = system.apply(calls, falls)
        after = system.capture(steps, list(before))

        assert [None, Frozen] == [each.unsent and type(each.unsent) for each in answers]
        assert action_of(system, steps[0]).is_done(steps[0], before[0], after[0])
        assert before[1] == after[1]


@pytest.mark.odoo_live
@pytest.mark.xdist_group("odoo-live")
class TestRealOdoo(OneSession):
    """The server that the environment names, of whatever version: everything."""

    SUBJECT = OdooSubject

    @pytest.fixture(scope="class")
    @classmethod
    def subject(cls, real_odoo: OdooSubject) -> OdooSubject:
        return real_odoo


@pytest.mark.xdist_group("odoo-18")
class TestOdoo18(OneSession):
    """The stand-in as version 18: everything."""

    SUBJECT = PracticeSubject

    @pytest.fixture(scope="class")
    @classmethod
    def subject(cls) -> Iterator[OdooSubject]:
        with practice_odoo(PracticeSubject, 18) as found:
            yield found


class OneOfTheOthers(OneSession):
    """The stand-in as another version: what it does otherwise."""

    SUBJECT = DifferencesSubject
    VERSION: ClassVar[int]

    @pytest.fixture(scope="class")
    @classmethod
    def subject(cls) -> Iterator[OdooSubject]:
        with practice_odoo(DifferencesSubject, cls.VERSION) as found:
            yield found


@pytest.mark.xdist_group("odoo-16")
class TestOdoo16(OneOfTheOthers):
    """Version 16."""

    VERSION = 16


@pytest.mark.xdist_group("odoo-17")
class TestOdoo17(OneOfTheOthers):
    """Version 17."""

    VERSION = 17


@pytest.mark.xdist_group("odoo-19")
class TestOdoo19(OneOfTheOthers):
    """Version 19."""

    VERSION = 19


class Guarded(OneSession):
    """With Storno's server action installed: Odoo compares and sets in one call."""

    def test_every_action_is_guarded(self, system: System) -> None:
        """What is promised in a check is what the actions do."""
        told = {found.has_compare_and_set for found in system.check().actions if found.is_available}
        assert True in told

    def test_one_of_two_writers_wins(self, subject: OdooSubject, system: System) -> None:
        """Of two who change one order at one instant exactly one does, every time; the other one is told."""
        with ExitStack() as stack:
            others = [stack.enter_context(closing(subject.open())) for _ in range(2)]
            for other in others:
                other.actions()
            for _ in range(ROUNDS):
                ref = subject.make("purchase_order.close").ref
                steps = [Step(f"purchase_order.{verb}", ref) for verb in ("close", "cancel")]
                images = [image_of(system, step) for step in steps]
                said = at_once(others, steps, images)
                (lost,) = (each for each in said if each is not None)
                assert isinstance(lost, StaleRecord)
                winner = said.index(None)
                after = image_of(system, steps[winner], images[winner])
                assert action_of(system, steps[winner]).is_done(
                    steps[winner], images[winner], after
                )

    def test_the_offenders_of_a_batch_are_named(self, subject: OdooSubject, system: System) -> None:
        """Who was changed meanwhile is told, and nobody of the batch was touched."""
        steps = [subject.make(subject.BATCH_ACTION) for _ in range(3)]
        before = system.capture(steps, [None] * 3)
        subject.edit(steps[1])
        edited = system.capture(steps, [None] * 3)
        refused = refusals(system, list(zip(steps, before, strict=True)))
        assert {1: StaleRecord} == {place: type(error) for place, error in refused.items()}
        assert edited == system.capture(steps, [None] * 3)


@contextmanager
def guarded(subject: OdooSubject) -> Iterator[OdooSubject]:
    """Install the guard and take it out again."""
    for remove in (False, True):
        with closing(subject.open()) as system:
            steps = system.preparation(remove=remove)
            apply(system, [(step, image_of(system, step)) for step in steps])
        forget_journeys(subject)
        if not remove:
            yield subject


@pytest.mark.xdist_group("odoo-guarded")
class TestGuardedOdoo(Guarded):
    """The stand-in as version 18."""

    SUBJECT = GuardedSubject

    @pytest.fixture(scope="class")
    @classmethod
    def subject(cls) -> Iterator[OdooSubject]:
        with practice_odoo(GuardedSubject, 18) as found, guarded(found):
            yield found


@pytest.mark.odoo_live
@pytest.mark.xdist_group("odoo-live")
class TestGuardedRealOdoo(Guarded):
    """The server that the environment names."""

    SUBJECT = GuardedSubject

    @pytest.fixture(scope="class")
    @classmethod
    def subject(cls, real_odoo: OdooSubject) -> Iterator[OdooSubject]:
        with guarded(real_odoo):
            yield real_odoo
