"""Where an ERP commits each document of a batch for itself, what ends the batch midway touches nothing that was done."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from connectors.contract import Answer, Call, Fence, no_fence
from core.errors import AccessDenied, Frozen, StornoError, Unreachable
from recovery import freezes
from recovery.apply import stop
from recovery.freezes import Scope
from recovery.states import ChangeSetState, OperationState
from tests.integration.recovery.scene import CANCEL, MEI, Scene

CAPTURED, CONFIRMED, DROPPED = (
    OperationState.CAPTURED,
    OperationState.CONFIRMED,
    OperationState.DROPPED,
)
FREEZE = "freeze"


def one_by_one(scene: Scene, second: StornoError | str) -> None:
    """Let the system commit documents one by one, and meet something right before the second of the first batch."""
    apply, met = scene.system.apply, list[int]()

    def applied(calls: Sequence[Call], fence: Fence = no_fence) -> list[Answer]:
        answers: list[Answer] = []
        for call in calls:
            try:
                if len(answers) == 1 and not met:
                    met.append(1)
                    if isinstance(second, StornoError):
                        raise second
                    freezes.freeze(scene.journal, Scope(), actor=MEI, reason="they count")
                fence()
            except (AccessDenied, Frozen, Unreachable) as error:
                rest = calls[len(answers) :]
                return [*answers, *(Answer(each.operation_id, unsent=error) for each in rest)]
            answers += apply([call])
        return answers

    scene.system.apply = applied  # type: ignore[method-assign]


STOPS: dict[str, StornoError | str] = {
    "frozen": FREEZE,
    "unreachable": Unreachable(system="erp", problem="no route"),
    "rights": AccessDenied(system="erp", user="storno", said="no"),
}


@pytest.mark.parametrize("met", ["frozen", "rights"])
def test_what_was_done_is_confirmed_and_the_rest_is_open(both: Scene, met: str) -> None:
    """Between two documents somebody freezes, or takes our rights: one is done and can be taken back, two are open."""
    keys = both.orders(3)
    approved = both.approve(both.plan(CANCEL, keys))
    one_by_one(both, STOPS[met])
    with pytest.raises((Frozen, AccessDenied)):
        both.run(approved)

    assert [CONFIRMED, CAPTURED, CAPTURED] == both.moved(approved)
    assert ["cancelled", "quotation", "quotation"] == both.states(keys)

    ended = stop(both.journal, both.systems, approved.id, actor=MEI, reason="enough")

    assert ChangeSetState.PARTLY_APPLIED is ended.state
    assert [CONFIRMED, DROPPED, DROPPED] == both.moved(approved)
    for found in freezes.list_freezes(both.journal):
        freezes.thaw(both.journal, found.id, actor=MEI, reason="counted")

    both.roll_back(ended)

    assert ["quotation"] * 3 == both.states(keys)
    assert both.journal.verify().is_intact


def test_what_was_not_reached_is_sent_again(both: Scene) -> None:
    """A system that goes away between two documents and comes back: each is done once."""
    keys = both.orders(3)
    approved = both.approve(both.plan(CANCEL, keys))
    one_by_one(both, STOPS["unreachable"])
    done = both.run(approved)

    assert ChangeSetState.APPLIED is done.state
    assert ["cancelled"] * 3 == both.states(keys)
    assert {1} == set(both.applied().values())
