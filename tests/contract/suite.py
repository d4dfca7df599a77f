"""The one suite that every connector passes: what `connectors.contract` promises, tried on an ERP.

To put a connector under it, write `test_<kind>.py` with a `Subject` and

    class TestAcme(ContractSuite):
        SUBJECT = AcmeSubject

        @pytest.fixture(scope="class")
        @classmethod
        def subject(cls, ...) -> Iterator[AcmeSubject]: ...

For real Tryton (`test_tryton.py`, markers `contract` and `tryton`): `sandbox.tryton.practice` starts the server;
`make` and `make_document` work over RPC as another user than Storno's, `edit` and `delete` too; put a small
loopback proxy between connector and server for `write_count` (count requests) and `hold_answers` (pass the request
on, keep the answer); `dump` reads the database with `sandbox.tryton.oracle`.
"""

from __future__ import annotations

from itertools import count

import pytest

from connectors.contract import Answer, Call, Executor, System
from connectors.judging import fields_of
from core.errors import FenceLost, Frozen, OutcomeUnknown, RefusedError, StaleRecord, Timeout
from core.ids import new_id
from recovery.conflicts.targets import with_values
from tests.contract.journeys import apply, carry_out, carry_out_one, journey, refusals
from tests.contract.subject import Subject
from tests.contract.suite_reading import ReadingSuite, first_call
from tests.factories import QUICK_SECONDS, action_of, differences, image_of, pairs


class ContractSuite(ReadingSuite):
    """Subclassed once a connector."""

    # --- doing ----------------------------------------------------------------------------------------------

    def test_done_when_holds_only_afterwards(
        self, subject: Subject, system: System, action: str
    ) -> None:
        """An action that was carried out is done, and was not before."""
        for done in journey(subject, system, action).done:
            declared = action_of(system, done.step)
            assert declared.is_done(done.step, done.before, done.after)
            if not declared.creates_untraceably:
                assert not declared.is_done(done.step, done.before, done.before)

    def test_ours_covers_exactly_what_changes(
        self, subject: Subject, system: System, action: str
    ) -> None:
        """Every field that differs afterwards is declared as ours or as trace; else it would pass as foreign."""
        for done in journey(subject, system, action).done:
            declared = action_of(system, done.step)
            assert differences(done.before, done.after) <= pairs(
                [*declared.ours.items(), *declared.trace.items()]
            )

    def test_is_ours_tells_the_writer(self, subject: Subject, system: System, action: str) -> None:
        """What we wrote is never told as somebody else's, and what somebody else wrote never as ours."""
        (*_, done) = carry_out(subject, system, subject.make(action))
        declared = action_of(system, done.step)
        assert declared.is_ours(done.before, done.after) is not False
        subject.edit(done.step)
        edited = image_of(system, done.step, done.after)
        assert declared.is_ours(done.after, edited) is not True

    def test_nothing_else_changes_in_the_erp(
        self, subject: Subject, system: System, action: str
    ) -> None:
        """What an action with a way back changes anywhere in the ERP is declared: as ours, or as trace."""
        assert set() == journey(subject, system, action).undeclared

    def test_inverse_gives_back(self, subject: Subject, system: System, action: str) -> None:
        """After the inverse of an exact action the whole ERP is as before, but for the declared trace;
        an action without a way back offers none.
        """
        travelled = journey(subject, system, action)
        assert travelled.has_way_back is bool(travelled.back)
        assert set() == travelled.left

    def test_inverse_of_the_inverse_does_it_again(
        self, subject: Subject, system: System, action: str
    ) -> None:
        """A rollback can itself be rolled back: an exact action stands again, but for the declared trace."""
        assert set() == journey(subject, system, action).left_again

    def test_one_field_is_kept_and_the_others_are_put_back(
        self, subject: Subject, system: System, action: str
    ) -> None:
        """Where the way back writes values, somebody else's stays when it shall, untouched, and ours go."""
        (*_, done) = carry_out(subject, system, subject.make_wide(action))
        declared = action_of(system, done.step)
        spot = subject.take_over(done.step)
        if spot is None:
            changed = differences(done.before, done.after) & pairs([*declared.restores.items()])
            assert changed <= subject.TWO_VALUES
            return
        ref, name = spot
        now = image_of(system, done.step, done.after)
        theirs = {spot: fields_of(now.get(ref))[name]}
        target = with_values(done.before, theirs, now)
        steps = declared.inverse_to(
            done.step, done.before, with_values(done.after, theirs, now), target
        )
        for step in steps:
            there = image_of(system, step)
            if not action_of(system, step).is_done(step, there, there):
                carry_out_one(subject, system, step)
        left = image_of(system, done.step, now)

        assert name in declared.restores[ref.model]
        assert theirs[spot] not in (
            fields_of(done.before.get(ref))[name],
            fields_of(done.after.get(ref))[name],
        )
        assert fields_of(left.get(ref))[name] == theirs[spot]
        written = pairs(list(declared.restores.items())) - {(ref.model, name)}
        assert not differences(target, left) & written

    def test_by_hand_actions_are_refused_to_us(
        self, subject: Subject, system: System, action: str
    ) -> None:
        """What only a person can do tells the person what to press, and the interface does not do it."""
        step = first_call(system, subject.make(action))
        declared = action_of(system, step)
        before = image_of(system, step)
        instruction = declared.instruction(step, before)
        assert str(instruction.screen)
        assert str(instruction.press)
        if Executor.INTERFACE in declared.executors:
            return
        with pytest.raises(RefusedError):
            raise refusals(system, [(step, before)])[0]
        assert before == image_of(system, step, before)

    # --- saying no ------------------------------------------------------------------------------------------

    def test_refused_batch(self, subject: Subject, system: System) -> None:
        """Where a batch is atomic one refused member undoes all; where not, the others are done."""
        good = [subject.make(subject.BATCH_ACTION) for _ in range(2)]
        bad = subject.make_impossible(subject.BATCH_ACTION)
        steps = [good[0], bad, good[1]]
        before = system.capture(steps, [None] * 3)
        refused = refusals(system, list(zip(steps, before, strict=True)))
        after = system.capture(steps, [*before])
        declared = system.actions()[subject.BATCH_ACTION]
        if declared.is_atomic_batch:
            assert before == after
            assert set(refused) <= {1}
        else:
            assert {1} == set(refused)
            assert before[1] == after[1]
            for index in (0, 2):
                assert declared.is_done(steps[index], before[index], after[index])

    def test_problems_foresee_a_refusal(self, subject: Subject, system: System) -> None:
        """What the ERP would refuse by its state is told from the image alone, and what is possible is not."""
        declared = system.actions()[subject.BATCH_ACTION]
        bad = subject.make_impossible(subject.BATCH_ACTION)
        good = subject.make(subject.BATCH_ACTION)
        assert declared.problems(bad, image_of(system, bad))
        assert not declared.problems(good, image_of(system, good))

    def test_stale_image_is_refused(self, subject: Subject, system: System) -> None:
        """With compare-and-set nothing is written over what somebody changed since the before image."""
        step = subject.make(subject.BATCH_ACTION)
        before = image_of(system, step)
        subject.edit(step)
        edited = image_of(system, step)
        assert before != edited
        declared = action_of(system, step)
        refused = refusals(system, [(step, before)])
        after = image_of(system, step)
        # An ERP that promises nothing may notice all the same, when nobody is as quick as we are.
        if declared.has_compare_and_set or refused:
            assert isinstance(refused[0], StaleRecord)
            assert edited == after
        else:
            assert declared.is_done(step, before, after)

    def test_missing_document_is_refused(self, subject: Subject, system: System) -> None:
        """A document that is gone is a refusal, never a silence."""
        step = subject.make(subject.BATCH_ACTION)
        before = image_of(system, step)
        subject.delete(step.ref)
        assert set(refusals(system, [(step, before)])) == {0}

    # --- silence --------------------------------------------------------------------------------------------

    def test_read_that_times_out(self, subject: Subject) -> None:
        """A read without an answer may be repeated: `Timeout`."""
        step = subject.make(subject.BATCH_ACTION)
        system = subject.open(seconds=QUICK_SECONDS)
        before = image_of(system, step)
        with subject.hold_answers(is_write=False), pytest.raises(Timeout):
            system.capture([step], [None])
        assert before == image_of(system, step)
        system.close()

    def test_write_that_times_out(self, subject: Subject) -> None:
        """A write without an answer is `OutcomeUnknown`, was sent once, and only reading tells."""
        step = subject.make(subject.BATCH_ACTION)
        system = subject.open(seconds=QUICK_SECONDS)
        before = image_of(system, step)
        sent = subject.write_count()
        with subject.hold_answers(is_write=True), pytest.raises(OutcomeUnknown):
            apply(system, [(step, before)])
        assert subject.write_count() == sent + 1
        after = image_of(system, step, before)
        assert action_of(system, step).is_done(step, before, after)
        system.close()

    def test_one_batch_is_one_answer_a_call(self, subject: Subject, system: System) -> None:
        """Answers come in the order of the calls, and no call is sent a second time by anybody."""
        steps = [subject.make(subject.BATCH_ACTION) for _ in range(3)]
        before = system.capture(steps, [None] * 3)
        sent = subject.write_count()
        calls = [Call(new_id(), s, b) for s, b in zip(steps, before, strict=True)]
        answers = system.apply(calls)
        assert [Answer(call.operation_id) for call in calls] == answers
        assert subject.write_count() <= sent + 3
        assert subject.write_count() > sent

    def test_nothing_is_written_behind_a_fence_that_is_down(
        self, subject: Subject, system: System
    ) -> None:
        """It is asked before a write becomes permanent; its own error comes out, and nothing has happened."""
        step = subject.make(subject.BATCH_ACTION)
        before, content = image_of(system, step), subject.dump()

        def down() -> None:
            raise FenceLost(name="01a2", problem="taken over")

        with pytest.raises(FenceLost):
            system.apply([Call(new_id(), step, before)], down)
        assert content == subject.dump()
        assert before == image_of(system, step)

    def test_a_fence_that_falls_between_two_documents(
        self, subject: Subject, system: System
    ) -> None:
        """A freeze in the middle of a batch: what is said to be done is done, all else is as it was and said to be so."""
        steps = [subject.make(subject.BATCH_ACTION) for _ in range(3)]
        before, content = system.capture(steps, [None] * 3), subject.dump()
        calls = [Call(new_id(), s, b) for s, b in zip(steps, before, strict=True)]
        asked = count(1)

        def falls() -> None:
            if next(asked) == 2:
                raise Frozen(freeze="01a2", scope="system:erp", person="mei", said="stock count")

        try:
            answers = system.apply(calls, falls)
        except Frozen:
            assert content == subject.dump()
            return
        after = system.capture(steps, list(before))
        action = action_of(system, steps[0])
        assert [call.operation_id for call in calls] == [each.operation_id for each in answers]
        for step, was, now, answer in zip(steps, before, after, answers, strict=True):
            assert answer.refused is None
            assert (answer.unsent is None) is action.is_done(step, was, now)
            assert (answer.unsent is not None) is (was == now)
