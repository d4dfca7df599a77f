"""The connection breaks after sending and before the answer, in every way: settled by reading, never resent blindly."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from connectors.fake.faults import Fault, FaultKind, On
from tests.chaos.case import CANCEL, CLOSE, Case
from tests.chaos.checks import assert_phase_done
from tests.chaos.story import APPLY, ROLLBACK
from tests.factories import ServedERP

# The limit only ends a test that hangs, on a machine however busy.
pytestmark = [pytest.mark.chaos, pytest.mark.timeout(240)]

PHASES: Final = (APPLY, ROLLBACK)
CUTS: Final = {
    "cut-done": Fault(FaultKind.LOST, nth=2),
    "cut-not-done": Fault(FaultKind.LOST, nth=2, is_applied=False),
    "cut-answer-done": Fault(FaultKind.GARBAGE, nth=2),
    "cut-answer-not-done": Fault(FaultKind.GARBAGE, nth=2, is_applied=False),
    "error-after-commit": Fault(FaultKind.SERVER_ERROR, nth=2),
    "error-not-done": Fault(FaultKind.SERVER_ERROR, nth=2, is_applied=False),
    "too-slow-done": Fault(FaultKind.SLOW, nth=2),
    "too-slow-not-done": Fault(FaultKind.SLOW, nth=2, is_applied=False),
    "done-later": Fault(FaultKind.LATE, nth=2, after_seconds=0.1, seconds=0.02),
    "arrives-twice": Fault(FaultKind.TWICE, nth=2),
    "busy": Fault(FaultKind.BUSY, nth=2, times=2),
    "reading-cut": Fault(FaultKind.LOST, on=On.CAPTURE, nth=3, times=2),
}
"""Each meets the second write (or a reading beside it) of a run."""

SETTLES_AFTER_SECONDS: Final = {"done-later": 1.5, "too-slow-done": 0.5, "too-slow-not-done": 0.5}
"""How long the ERP may still be at work on what it was sent: long enough for a machine that is busy."""

MANY_CUTS: Final = (
    Fault(FaultKind.LOST, nth=1),
    Fault(FaultKind.GARBAGE, nth=3, is_applied=False),
    Fault(FaultKind.SERVER_ERROR, nth=4),
    Fault(FaultKind.BUSY, nth=5),
    Fault(FaultKind.LOST, on=On.CAPTURE, nth=4, times=2),
    Fault(FaultKind.GARBAGE, on=On.CAPTURE, nth=8),
)


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("cut", CUTS)
def test_answer_lost(erp: ServedERP, tmp_path: Path, cut: str, phase: str) -> None:
    """Whatever became of the answer, each document is closed once."""
    seconds = SETTLES_AFTER_SECONDS.get(cut, 0.02)
    case = Case.make(erp, tmp_path, CANCEL, 9, 4, settles_after_seconds=seconds)
    closed = case.prepare(phase)
    if cut.startswith("too-slow"):
        case = case.with_task(timeout_seconds=1.0)
    erp.erp.faults.add(CUTS[cut])

    case.go_on(phase)
    assert erp.erp.faults.pending() == []
    erp.erp.faults.clear()

    assert_phase_done(case, phase, closed)


@pytest.mark.parametrize("phase", PHASES)
def test_half_of_a_batch_done(uneven_erp: ServedERP, tmp_path: Path, phase: str) -> None:
    """Where the ERP carries out each document by itself, the half that was not done is sent again, and only that."""
    case = Case.make(uneven_erp, tmp_path, CANCEL, 9, 4)
    closed = case.prepare(phase)
    uneven_erp.erp.faults.add(Fault(FaultKind.HALF, nth=2))
    begun = len(case.lines())

    case.go_on(phase)

    sent = [len(line.operations) for line in case.lines()[begun:] if line.do == "apply"]
    assert sorted([4, 4, 1, 2]) == sorted(sent)
    assert_phase_done(case, phase, closed)


@pytest.mark.parametrize("action", [CANCEL, CLOSE])
def test_bad_line(erp: ServedERP, tmp_path: Path, action: str) -> None:
    """On a line that breaks at every other request, documents and chains are still closed once."""
    case = Case.make(erp, tmp_path, action, 6, 2)
    erp.erp.faults.add(*MANY_CUTS)

    case.go_on(APPLY)

    assert_phase_done(case, APPLY, None)
