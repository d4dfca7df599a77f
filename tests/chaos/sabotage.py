"""Storno broken on purpose, one promise at a time: each must be found, or the checks are worth nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any, Final
from unittest.mock import patch

from connectors.contract import Answer, Call, Fence, no_fence
from connectors.fake.connector import FakeSystem
from connectors.fake.purchase import CancelOrder
from core import clock
from core.errors import OutcomeUnknown
from recovery import doubt, locks
from recovery.at_rest.vault import Vault
from recovery.conflicts import fields as conflicts
from recovery.images import encode_image
from recovery.reversing import preview
from recovery.running import capturing
from recovery.running.judgement import Judge
from recovery.running.outcome import Outcome
from recovery.states import OperationState
from recovery.writing import JournalWriter

Sabotage = Callable[[], AbstractContextManager[Any]]


def no_intent() -> AbstractContextManager[Any]:
    """The way back and the intent are not stored before the call."""
    return patch.object(JournalWriter, "send", lambda *_: clock.now())


@contextmanager
def lost_before_image() -> Iterator[None]:
    """Plans and intents are stored, the images that they rest on are not."""
    send, add_plan = JournalWriter.send, JournalWriter.add_plan

    def without_images(write: Callable[..., Any]) -> Callable[..., Any]:
        def written(self: JournalWriter, *given: Any) -> Any:
            with patch.object(Vault, "put", lambda *_: None):
                return write(self, *given)

        return written

    with (
        patch.object(JournalWriter, "send", without_images(send)),
        patch.object(JournalWriter, "add_plan", without_images(add_plan)),
    ):
        yield


def old_before_image() -> AbstractContextManager[Any]:
    """Nobody compares what is there now with what was approved."""
    return patch.object(capturing, "moved_fields", lambda *given: [[] for _ in given[2]])


def sent_again() -> AbstractContextManager[Any]:
    """A write whose answer was lost is sent again without a look."""
    apply = FakeSystem.apply

    def twice(self: FakeSystem, calls: Sequence[Call], fence: Fence = no_fence) -> list[Answer]:
        try:
            return apply(self, calls, fence)
        except OutcomeUnknown:
            return apply(self, calls, fence)

    return patch.object(FakeSystem, "apply", twice)


def never_happened() -> AbstractContextManager[Any]:
    """Whatever lost its answer is taken for not done."""

    def settle(_self: Judge, operation: Any, *_images: Any) -> Outcome:
        return Outcome(operation, OperationState.CAPTURED)

    return patch.object(Judge, "settle", settle)


def impatient() -> AbstractContextManager[Any]:
    """Nobody waits until the ERP can no longer be at work."""
    return patch.object(doubt, "_wait", lambda *_: None)


def no_after_image() -> AbstractContextManager[Any]:
    """What the ERP shows afterwards is not stored."""
    confirmed: Callable[..., Outcome] = Judge.confirmed

    def forgetful(self: Judge, *given: Any) -> Outcome:
        outcome: Outcome = confirmed(self, *given)
        return replace(outcome, after=None)

    return patch.object(Judge, "confirmed", forgetful)


def believes_every_yes() -> AbstractContextManager[Any]:
    """A yes of the ERP counts as done, whatever reading back shows."""

    def judge(self: Judge, operation: Any, before: Any, after: Any, refused: Any) -> Outcome:
        if refused is not None:
            return self._refused(operation, refused, ())
        return self.confirmed(operation, before, after, encode_image(after), ())

    return patch.object(Judge, "judge", judge)


def no_audit_line() -> AbstractContextManager[Any]:
    """Moves are made without their line in the chain."""
    return patch.object(JournalWriter, "finish", lambda _: None)


def keeps_locks() -> AbstractContextManager[Any]:
    """Records stay locked when their change set has ended."""
    return patch.object(locks, "release_records", lambda *_: None)


def wrong_way_back() -> AbstractContextManager[Any]:
    """A rollback writes something else than what was there."""
    inverse = CancelOrder.inverse

    def other(self: CancelOrder, *given: Any) -> Any:
        (step,) = inverse(self, *given)
        return (replace(step, arguments={**step.arguments, "closed_how": "by mistake"}),)

    return patch.object(CancelOrder, "inverse", other)


def no_conflicts() -> AbstractContextManager[Any]:
    """A rollback does not look whether somebody changed the document since."""
    find = conflicts.find_conflicts

    def nothing(*given: Any) -> Any:
        return replace(find(*given), conflicts=(), is_back=False)

    return patch.object(preview, "find_conflicts", nothing)


def false_conflicts() -> AbstractContextManager[Any]:
    """Every field of ours is told as changed by somebody."""
    find = conflicts.find_conflicts

    def everything(actions: Any, chain: Any) -> Any:
        for operation in chain.operations:
            chain.seen[operation.id] = chain.before[operation.id]
        return replace(find(actions, chain), is_back=False)

    return patch.object(preview, "find_conflicts", everything)


SABOTAGES: Final[dict[str, Sabotage]] = {
    each.__name__: each
    for each in (
        no_intent,
        lost_before_image,
        old_before_image,
        sent_again,
        never_happened,
        impatient,
        no_after_image,
        believes_every_yes,
        no_audit_line,
        keeps_locks,
        wrong_way_back,
        no_conflicts,
        false_conflicts,
    )
}
