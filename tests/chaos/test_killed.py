"""Killed at every crash point of a closing and of its rollback: nothing lost, nothing twice, all settled."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from connectors.fake.faults import Fault, FaultKind
from core.crashpoint import CRASH_POINTS
from tests.chaos.case import CANCEL, CLOSE, Case
from tests.chaos.checks import assert_phase_done, assert_safe
from tests.chaos.story import APPLY, ROLLBACK
from tests.factories import ROOT, ServedERP

# The limit only ends a test that hangs, on a machine however busy.
pytestmark = [pytest.mark.chaos, pytest.mark.timeout(240)]

PRODUCT: Final = ("recovery", "closing", "connectors", "service")
PHASES: Final = (APPLY, ROLLBACK)
IN_A_BATCH: Final = tuple(name for name in CRASH_POINTS if name.startswith("apply."))
LINKS: Final = (1, 2, 3)


def _pass_of(point: str) -> str:
    # The second of three batches: one is done, one has not begun.
    return f"{point}#2" if point in IN_A_BATCH else point


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("point", CRASH_POINTS)
def test_killed_at_crash_point(erp: ServedERP, tmp_path: Path, point: str, phase: str) -> None:
    """Killed at a crash point and started again: as if nothing had happened; each point is really passed."""
    case = Case.make(erp, tmp_path, CANCEL, count=9, batch_size=4)
    closed = case.prepare(phase)
    if point.startswith("settle."):
        # A run settles only what is in doubt.
        erp.erp.faults.add(Fault(FaultKind.LOST, nth=2))

    case.kill_at(phase, _pass_of(point))
    assert_safe(case)
    case.go_on(phase)

    assert_phase_done(case, phase, closed)


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("point", IN_A_BATCH)
def test_chain_killed_between_links(
    erp: ServedERP, tmp_path: Path, point: str, link: int, phase: str
) -> None:
    """A chain of three links, killed in or after each of them, goes on where it was, link by link."""
    case = Case.make(erp, tmp_path, CLOSE, count=3, batch_size=4)
    closed = case.prepare(phase)
    begun = len(case.lines())

    case.kill_at(phase, f"{point}#{link}")
    calls = [line for line in case.lines()[begun:] if line.do == "apply"]
    is_called = point not in ("apply.after_capture", "apply.after_intent", "apply.after_fence")
    assert link - 1 + is_called == len(calls)
    assert_safe(case)
    case.go_on(phase)

    assert_phase_done(case, phase, closed)


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("nth", [1, 2, 4])
@pytest.mark.parametrize("point", IN_A_BATCH)
def test_killed_while_calls_are_side_by_side(
    erp: ServedERP, tmp_path: Path, point: str, nth: int, phase: str
) -> None:
    """Killed while three calls of two documents are under way: each of them is settled by itself."""
    case = Case.make(erp, tmp_path, CANCEL, count=12, batch_size=2).with_task(parallel_calls=3)
    closed = case.prepare(phase)

    # Two rounds of three calls: what happens once a round is passed twice.
    is_each_call = point in ("apply.after_fence", "apply.after_call", "apply.after_outcome")
    case.kill_at(phase, f"{point}#{nth if is_each_call else min(nth, 2)}")
    assert_safe(case)
    case.go_on(phase)

    assert_phase_done(case, phase, closed)


def test_every_crash_point_of_the_code_is_tested() -> None:
    """A point that is renamed, added or taken out cannot go unnoticed: the list is what the code passes."""
    found = {
        name
        for folder in PRODUCT
        for path in (ROOT / folder).rglob("*.py")
        for name in re.findall(r"\bcrashpoint\(\s*[\"']([^\"']+)", path.read_text(encoding="utf-8"))
    }

    assert set(CRASH_POINTS) == found
