"""`python -m tests.benchmarks.preview_run TOTAL ONE FOLDER`: what showing and previewing one change set of many takes.

Fills a journal with change sets of ONE documents each until it has TOTAL operations, and then shows one and previews its
rollback, the oldest, the middle and the newest one; what the ERP in memory takes for its answers is left out. Writes what
it took as one line of JSON.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
import time
import tracemalloc
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from connectors.contract import Executor, Ref, Step
from connectors.fake.connector import FakeSystem, system_in_memory
from core.encoding import dumps
from recovery.apply import run
from recovery.approval import approve
from recovery.journal import Journal
from recovery.model import Draft, PlannedOperation, Purpose
from recovery.reversing.preview import Status, preview
from recovery.reversing.selection import Selection
from recovery.states import ChangeSetState
from service.cli.main import main as storno
from tests.benchmarks.journal_run import ACTION, MEI, TimedERP
from tests.benchmarks.journal_run import _erp as erp_of
from tests.benchmarks.report import only_warnings

BATCH_SIZE: Final = 500
LARGE: Final = 10_000
"""Documents in one more change set, of which the memory of a preview is measured."""


@dataclass(frozen=True, slots=True)
class PreviewMeasurement:
    """The slowest of three change sets in each; bytes are what Python held at most beside what it had."""

    total: int
    one: int
    preview_seconds: float
    show_seconds: float
    show_text_seconds: float
    large: int
    large_bytes: int
    journal_bytes: int


def _planned(system: FakeSystem, first: int, count: int) -> Iterator[PlannedOperation]:
    action = system.actions()[ACTION]
    for start in range(first, first + count, BATCH_SIZE):
        keys = range(start, min(first + count, start + BATCH_SIZE))
        steps = [Step(ACTION, Ref(action.model, str(key))) for key in keys]
        images = system.capture(steps, [None] * len(steps))
        for step, image in zip(steps, images, strict=True):
            order = image.records[0].fields
            assert order is not None
            yield PlannedOperation(
                system=system.name,
                kind=action.kind,
                number=str(order["number"]),
                step=step,
                executor=Executor.INTERFACE,
                reversibility=action.reversibility,
                approved=image,
            )


def _close(journal: Journal, system: FakeSystem, first: int, count: int) -> str:
    draft = Draft(Purpose.CLOSING, "Old quotations", MEI)
    planned = journal.plan(draft, _planned(system, first, count))
    approve(journal, planned.id, MEI)
    done = run(journal, lambda _: system, planned.id, actor=MEI)
    assert done.state is ChangeSetState.APPLIED
    return done.id


def _preview_seconds(journal: Journal, system: FakeSystem, erp: TimedERP, wanted: str) -> float:
    erp.seconds, began = 0.0, time.perf_counter()
    found = preview(journal, lambda _: system, Selection(change_set_id=wanted))
    took = time.perf_counter() - began - erp.seconds
    assert len(found.items) == len(found.with_status(Status.CLEAN))
    return took


def _show_seconds(wanted: str, *words: str) -> float:
    began = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):
        assert storno(["changes", "show", wanted, *words]) == 0
    return time.perf_counter() - began


def measure(total: int, one: int, folder: Path, *, large: int = LARGE) -> PreviewMeasurement:
    """Fill, show, preview; the slowest of each."""
    erp = erp_of(total + large)
    path = folder / "journal.db"
    journal = Journal.open(f"sqlite:///{path}")
    system = system_in_memory(erp, batch_size=BATCH_SIZE, settles_after=timedelta(0))
    sets = [_close(journal, system, first, one) for first in range(1, total + 1, one)]
    chosen = [sets[0], sets[len(sets) // 2], sets[-1]]
    previews = [_preview_seconds(journal, system, erp, each) for each in chosen]
    (folder / "storno.yaml").write_text(
        f"systems:\n  fake:\n    kind: fake\njournal:\n  url: sqlite:///{path}\n", encoding="utf-8"
    )
    home = Path.cwd()
    os.chdir(folder)
    try:
        _show_seconds("last", "--json")  # what a first command imports is no cost of the journal
        shown = [_show_seconds(each, "--json") for each in chosen]
        texts = [_show_seconds(each) for each in chosen]
    finally:
        os.chdir(home)
    many = _close(journal, system, total + 1, large)
    tracemalloc.start()
    found = preview(journal, lambda _: system, Selection(change_set_id=many))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(found.items) == large
    journal.close()
    return PreviewMeasurement(
        total=total,
        one=one,
        preview_seconds=max(previews),
        show_seconds=max(shown),
        show_text_seconds=max(texts),
        large=large,
        large_bytes=peak,
        journal_bytes=path.stat().st_size,
    )


def main(total: str, one: str, folder: str) -> int:
    """Measure once and write the result."""
    only_warnings()
    print(dumps(asdict(measure(int(total), int(one), Path(folder)))).decode())
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
