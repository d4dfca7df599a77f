"""A preview asks an ERP no more than reading the footprints once takes, however many documents and change sets it shows."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace

import pytest

from connectors.contract import Step
from connectors.fake.faults import On
from core.clock import now
from recovery.journal import Journal
from recovery.reversing.preview import Status, preview
from recovery.reversing.selection import Selection
from recovery.running.side_by_side import MOST_A_CALL, capture
from recovery.states import OperationState
from tests.integration.recovery.scene import CANCEL, CLOSE, UPDATE, Scene, make_scene

MANY = 1000


def captures(scene: Scene) -> int:
    """Return how often the ERP was asked for footprints so far."""
    return sum(1 for line in scene.erp.ledger.lines() if line.do == On.CAPTURE)


def one_reading(scene: Scene, steps: Sequence[Step]) -> int:
    """Return how many calls read the footprints of these steps once."""
    began = captures(scene)
    capture(scene.system, steps, [None] * len(steps))
    return captures(scene) - began


@pytest.mark.timeout(120)
@pytest.mark.parametrize("parallel_calls", [1, 4])
def test_a_thousand_documents(sqlite_url: str, parallel_calls: int) -> None:
    """Two calls, or four at a time; looking twice asks twice; nothing else is asked but the log-in."""
    with closing(Journal.open(sqlite_url)) as journal:
        scene = make_scene(journal, parallel_calls=parallel_calls, batch_size=500)
        scene.erp.populate(purchase_orders=MANY)
        keys = [str(n) for n in range(1, MANY + 1)]
        done = scene.do(CANCEL, keys)
        steps = [operation.step for operation in scene.operations(done)]
        expected = one_reading(scene, steps)
        before = len(scene.erp.ledger.lines())
        found = scene.preview(done)

        assert {Status.CLEAN: MANY} == {
            s: len(found.with_status(s)) for s in Status if found.with_status(s)
        }
        assert expected == len(scene.erp.ledger.lines()) - before
        assert expected == max(-(-MANY // MOST_A_CALL), parallel_calls)


def test_what_comes_along_is_read_with_it(scene: Scene) -> None:
    """A younger change of the same documents by the same action costs no call of its own."""
    keys = scene.orders(5)
    older = scene.do(UPDATE, keys, arguments={"note": "a"})
    scene.do(UPDATE, keys, arguments={"note": "b"})
    scene.do(UPDATE, keys, arguments={"note": "c"})
    began = captures(scene)
    found = preview(
        scene.journal,
        scene.systems,
        replace(scene.selection(older), with_dependents=True),
    )

    assert 15 == len(found.with_status(Status.CLEAN))
    assert 1 == captures(scene) - began


def test_a_time_over_several_change_sets_is_one_reading(scene: Scene) -> None:
    """Ten change sets of one action: one call."""
    for key in scene.orders(10):
        scene.do(CANCEL, [key])
    began = captures(scene)
    found = preview(scene.journal, scene.systems, Selection(until=now()))

    assert 10 == len(found.with_status(Status.CLEAN))
    assert 1 == captures(scene) - began


def test_a_chain_is_one_reading(scene: Scene) -> None:
    """Three links look at the same records of an order, and so does its way back."""
    done = scene.do(CLOSE, scene.orders(4, state="processing"))
    began = captures(scene)
    found = scene.preview(done)

    assert 4 == len(found.with_status(Status.CLEAN))
    assert 1 == captures(scene) - began


def test_the_plan_reads_nothing_again(scene: Scene) -> None:
    """What was shown is what is stored, with the images that the journal has."""
    done = scene.do(CANCEL, scene.orders(3))
    began = captures(scene)
    back = scene.plan_rollback(scene.selection(done))

    assert 1 == captures(scene) - began
    assert [op.after_hash for op in reversed(scene.operations(done))] == [
        op.approved_hash for op in scene.operations(back)
    ]
    assert [OperationState.PLANNED] * 3 == scene.moved(back)
