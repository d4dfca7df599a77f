"""Killed while it recovers from being killed: recovering is itself recoverable."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from connectors.fake.faults import Fault, FaultKind
from tests.chaos.case import CANCEL, CLOSE, Case
from tests.chaos.checks import assert_phase_done, assert_safe
from tests.chaos.story import APPLY, ROLLBACK
from tests.factories import ServedERP

# The limit only ends a test that hangs, on a machine however busy.
pytestmark = [pytest.mark.chaos, pytest.mark.timeout(240)]

PHASES: Final = (APPLY, ROLLBACK)


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("second", ["settle.before_commit", "settle.after_commit"])
@pytest.mark.parametrize("first", ["apply.after_intent#2", "apply.after_call#2"])
def test_killed_while_settling(
    erp: ServedERP, tmp_path: Path, first: str, second: str, phase: str
) -> None:
    """Killed in a batch (not sent, or done), and again while the recovery settles it: as if nothing had happened."""
    case = Case.make(erp, tmp_path, CANCEL, count=9, batch_size=4)
    closed = case.prepare(phase)

    case.kill_at(phase, first)
    case.kill_at(phase, second)
    assert_safe(case)
    case.go_on(phase)

    assert_phase_done(case, phase, closed)


def test_killed_at_every_step_of_the_way(erp: ServedERP, tmp_path: Path) -> None:
    """Killed again and again, each process a step further than the last: the chains still close once."""
    case = Case.make(erp, tmp_path, CLOSE, count=3, batch_size=2)

    for point in (
        "approve.after_commit",
        "start.after_commit",
        "apply.after_intent",
        "settle.before_commit",
        "settle.after_commit",
        "apply.after_call",
        "settle.after_commit",
        "apply.after_outcome",
        "apply.after_read_back#2",
        "finish.before_commit",
    ):
        case.kill_at(APPLY, point)
        assert_safe(case)
    case.go_on(APPLY)

    assert_phase_done(case, APPLY, None)


@pytest.mark.parametrize("is_late", [False, True], ids=["done_at_once", "done_after_the_kill"])
def test_killed_while_the_erp_works(erp: ServedERP, tmp_path: Path, is_late: bool) -> None:
    """Killed while it waits for an answer: what the ERP does meanwhile, or later, is not done a second time."""
    case = Case.make(
        erp, tmp_path, CANCEL, count=9, batch_size=4, settles_after_seconds=2.0 if is_late else 0.05
    )
    late = Fault(FaultKind.LATE, nth=2, after_seconds=0.3)
    erp.erp.faults.add(late if is_late else Fault(FaultKind.SLOW, nth=2))
    worker = case.start(APPLY)

    worker.wait_until(
        lambda: any(line.faults for line in case.lines()), "it ended before the ERP was asked"
    )
    worker.kill()
    assert_safe(case)
    case.go_on(APPLY)

    assert_phase_done(case, APPLY, None)
