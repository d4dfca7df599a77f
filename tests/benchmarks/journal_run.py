"""`python -m tests.benchmarks.journal_run SIZE BATCH FOLDER`: one measurement in a process of its own.

Plans, approves and runs the cancelling of SIZE quotations against an ERP in the same process, and writes what it
took as one line of JSON. With `--erp-only` the ERP gets the same calls without any journal.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from connectors.contract import Call, Executor, Ref, Step
from connectors.fake.connector import FakeSystem, system_in_memory
from connectors.fake.engine import FakeERP
from connectors.fake.ledger import CountingLedger
from core.encoding import dumps
from core.ids import new_id
from recovery.apply import run
from recovery.approval import approve
from recovery.journal import Journal
from recovery.model import Actor, Draft, PlannedOperation, Purpose
from recovery.states import ChangeSetState, OperationState
from tests.benchmarks.report import only_warnings

ACTION: Final = "purchase_order.cancel"
MEI: Final = Actor("mei")
LARGEST_VERIFIED: Final = 10_000
FULL: Final = 2


@dataclass(frozen=True, slots=True)
class Measurement:
    """What one size took; seconds are of the wall clock unless they say otherwise."""

    size: int
    batch_size: int
    plan_seconds: float = 0.0
    approve_seconds: float = 0.0
    run_seconds: float = 0.0
    run_cpu_seconds: float = 0.0
    erp_seconds: float = (
        0.0  # of the run: what the ERP itself took, which is no cost of the journal
    )
    start_bytes: int = 0
    peak_bytes: int = 0
    journal_bytes: int = 0


def peak_memory_bytes() -> int:
    """Return the most memory that this process ever held."""
    status = Path("/proc/self/status")
    if status.exists():  # getrusage would tell of our parent where that was larger
        for line in status.read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


class TimedERP(FakeERP):
    """The fake ERP, which also counts how long its own answers take."""

    seconds = 0.0

    def capture(self, *given: Any) -> Any:
        return self._timed(super().capture, *given)

    def apply(self, *given: Any) -> Any:
        return self._timed(super().apply, *given)

    def _timed(self, answer: Callable[..., Any], *given: Any) -> Any:
        started = time.perf_counter()
        try:
            return answer(*given)
        finally:
            self.seconds += time.perf_counter() - started


def _erp(size: int) -> TimedERP:
    erp = TimedERP(ledger=CountingLedger())
    erp.populate(purchase_orders=size)
    return erp


def _system(erp: FakeERP, batch_size: int) -> FakeSystem:
    return system_in_memory(erp, batch_size=batch_size, settles_after=timedelta(0))


def _steps(system: FakeSystem, size: int, batch_size: int) -> Iterator[list[Step]]:
    model = system.actions()[ACTION].model
    for start in range(0, size, batch_size):
        keys = range(start + 1, min(size, start + batch_size) + 1)
        yield [Step(ACTION, Ref(model, str(key))) for key in keys]


def _planned(system: FakeSystem, size: int, batch_size: int) -> Iterator[PlannedOperation]:
    action = system.actions()[ACTION]
    for steps in _steps(system, size, batch_size):
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


def measure(size: int, batch_size: int, folder: Path) -> Measurement:
    """Plan, approve and run; raise `AssertionError` when not everything is confirmed, stored and durable."""
    path = folder / "journal.db"
    erp, journal = _erp(size), Journal.open(f"sqlite:///{path}")
    system = _system(erp, batch_size)
    _assert_durable(journal)
    start_bytes = peak_memory_bytes()
    started = time.perf_counter()
    draft = Draft(Purpose.CLOSING, "Old quotations", MEI)
    change_set = journal.plan(draft, _planned(system, size, batch_size))
    planned = time.perf_counter()
    approve(journal, change_set.id, MEI)
    erp.seconds = 0.0
    approved, approved_cpu = time.perf_counter(), time.process_time()
    change_set = run(journal, lambda _: system, change_set.id, actor=MEI)
    ended, ended_cpu = time.perf_counter(), time.process_time()
    peak_bytes = peak_memory_bytes()
    assert change_set.state is ChangeSetState.APPLIED
    assert journal.counts(change_set.id) == {OperationState.CONFIRMED: size}
    if size <= LARGEST_VERIFIED:
        _assert_stored(journal, change_set.id)
    journal.close()
    return Measurement(
        size,
        batch_size,
        planned - started,
        approved - planned,
        ended - approved,
        ended_cpu - approved_cpu,
        erp.seconds,
        start_bytes,
        peak_bytes,
        path.stat().st_size,
    )


def _assert_durable(journal: Journal) -> None:
    with journal._database.writing() as connection:
        mode = connection.exec_driver_sql("PRAGMA journal_mode").scalar()
        synchronous = connection.exec_driver_sql("PRAGMA synchronous").scalar()
    assert (mode, synchronous) == ("wal", FULL)


def _assert_stored(journal: Journal, change_set_id: str) -> None:
    report = journal.verify()
    assert report.is_intact
    for operation in journal.operations(change_set_id):
        assert operation.before_hash != operation.after_hash
        assert operation.before_hash is not None
        assert operation.after_hash is not None


def measure_erp(size: int, batch_size: int) -> Measurement:
    """Hand the ERP the same calls without any journal: its own memory is not ours."""
    system = _system(_erp(size), batch_size)
    start_bytes = peak_memory_bytes()
    for steps in _steps(system, size, batch_size):
        images = system.capture(steps, [None] * len(steps))
        system.apply([Call(new_id(), s, i) for s, i in zip(steps, images, strict=True)])
        system.capture(steps, images)
    return Measurement(size, batch_size, start_bytes=start_bytes, peak_bytes=peak_memory_bytes())


def main(size: str, batch_size: str, folder: str, *options: str) -> int:
    """Measure once and write the result."""
    only_warnings()
    if "--erp-only" in options:
        found = measure_erp(int(size), int(batch_size))
    else:
        found = measure(int(size), int(batch_size), Path(folder))
    print(dumps(asdict(found)).decode())
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
