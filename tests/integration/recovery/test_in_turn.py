"""Operations on one record are done in the order of the plan, whatever is lost: a rollback goes that way backwards."""

from __future__ import annotations

from decimal import Decimal

import pytest

from connectors.fake.sample import add_purchase_order
from connectors.fake.schema import LINE
from recovery.model import ChangeSet
from recovery.sql.positions import parse_positions
from recovery.states import ChangeSetState
from tests.integration.recovery.scene import OPEN_LINES, Scene

UPDATE_LINE = {"arguments": {"quantity": Decimal("20.5")}, "model": LINE}


@pytest.fixture
def lines(scene: Scene) -> list[str]:
    """Lines of two orders, which share the totals of their order, one order after the other."""
    for number in range(2):
        add_purchase_order(scene.erp, f"PP{number}", state="processing", lines=OPEN_LINES)
    return list(scene.erp.tables[LINE].all_keys())[-2 * len(OPEN_LINES) :]


def first_done(scene: Scene, change_set: ChangeSet) -> list[int]:
    """Return the positions in the order in which they were confirmed."""
    return [
        position
        for move in scene.journal.history(change_set.id)
        if move.subject == "operation" and move.to_state == "confirmed"
        for position in parse_positions(move.positions or "")
    ]


@pytest.mark.parametrize("size", [1, 3, 100])
def test_nothing_overtakes_what_was_lost(scene: Scene, lines: list[str], size: int) -> None:
    """The first one did not happen and has its next turn later; the next line of its order waits, another order does not."""
    before = scene.erp.dump(with_trace=False)
    one, other = lines[: len(OPEN_LINES)], lines[len(OPEN_LINES) :]
    scene.fail("lost", is_applied=False)
    done = scene.run(
        scene.approve(scene.plan("record.update", [*one, *other], **UPDATE_LINE)), batch_size=size
    )
    after = first_done(scene, done)

    assert ChangeSetState.APPLIED is done.state
    for positions in (range(1, len(one) + 1), range(len(one) + 1, len(lines) + 1)):
        assert sorted(positions, key=after.index) == list(positions)
    assert 1 != after[0] or size > len(one), "another order waited for nothing"
    assert ChangeSetState.APPLIED is scene.roll_back(done).state
    assert before == scene.erp.dump(with_trace=False)
    assert {1} == set(scene.applied().values())
