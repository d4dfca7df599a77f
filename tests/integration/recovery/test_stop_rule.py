"""A run that goes wrong stops by itself, whoever carries it on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, suppress

import pytest

from connectors.contract import Answer, Call, Fence, no_fence
from connectors.fake.faults import FaultKind
from core.errors import OutcomeUnknown, StopRuleMet
from recovery.journal import Journal
from recovery.states import ChangeSetState, OperationState
from recovery.stopping.alarms import AlarmKind
from tests.integration.recovery.politely import alarms, polite
from tests.integration.recovery.scene import CANCEL, Scene


@pytest.fixture
def other(both: Scene, journal_url: str) -> Iterator[Scene]:
    """Open the journal a second time, as another worker does."""
    with closing(Journal.open(journal_url)) as journal:
        yield Scene(journal, both.erp, both.system)


def test_stop_rule(both: Scene) -> None:
    """Two refusals stop the run before the next batch; people are told; who resumes begins to count anew."""
    keys = both.orders(6)
    for key in keys[:3]:
        both.fail(FaultKind.BAD_DOCUMENT, key=key, said=f"no {key}", times=9)
    change_set = both.approve(both.plan(CANCEL, keys))
    options = {**polite(both, stop_after_unexpected=2), "batch_size": 2}
    with pytest.raises(StopRuleMet):
        both.run(change_set, **options)

    assert ChangeSetState.PAUSED is both.again(change_set).state
    assert {"locked"} == {state.value for state in both.moved(change_set)[2:]}
    assert [AlarmKind.RUN_STOPPED.value] == alarms(both)

    ended = both.run(change_set, **options)

    assert ChangeSetState.PARTLY_APPLIED is ended.state


class _KilledError(BaseException):
    """Stands for the end of the process: nothing of ours catches it."""


@pytest.mark.parametrize("is_sent", [True, False])
def test_stop_rule_of_who_takes_over(
    both: Scene, other: Scene, monkeypatch: pytest.MonkeyPatch, is_sent: bool
) -> None:
    """What waits for a person counts, also what is found only when the call that was cut short is settled."""
    keys = both.orders(9)
    both.fail("lost", is_applied=False, times=99)
    for key in keys:
        both.fail("edit", key=key, changes={"note": "urgent"}, moment="before")
    change_set, apply, calls = both.approve(both.plan(CANCEL, keys)), both.system.apply, [0]
    options = {**polite(both, stop_after_unexpected=3), "batch_size": 1}

    def die_at_third(called: Sequence[Call], fence: Fence = no_fence) -> list[Answer]:
        calls[0] += 1
        if calls[0] < 3:
            return apply(called, fence)
        monkeypatch.setattr(both.system, "apply", apply)
        if is_sent:
            with suppress(OutcomeUnknown):
                apply(called, fence)
        raise _KilledError

    monkeypatch.setattr(both.system, "apply", die_at_third)
    with pytest.raises(_KilledError):
        both.run(change_set, **options)
    with pytest.raises(StopRuleMet):
        other.run(change_set, **options)

    waiting = [state for state in both.moved(change_set) if state is OperationState.NEEDS_PERSON]
    assert 3 == len(waiting) == len(both.sent())
    assert AlarmKind.RUN_STOPPED.value in alarms(both)
