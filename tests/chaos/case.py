"""One journal, one ERP in a process of its own, documents to close, and workers that die."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from connectors.fake.ledger import LedgerLine, read_ledger
from connectors.fake.sample import add_purchase_order
from core.encoding import dumps, loads
from recovery.journal import Journal
from recovery.model import ChangeSet
from tests.chaos.story import APPLY, PHASES, Task
from tests.factories import ROOT, ServedERP

CANCEL: Final = "purchase_order.cancel"
CLOSE: Final = "purchase_order.close"
LONGEST_WAIT_SECONDS: Final = 60.0
OPEN_LINES: Final = (("12.000", "5.000", "19.50"), ("3.500", "0.000", "8.0000"))

Dump = dict[str, dict[str, dict[str, Any]]]


class Worker:
    """A process that does a task, until somebody kills it."""

    def __init__(
        self, task: Task, phases: tuple[str, ...], folder: Path, environment: dict[str, str]
    ) -> None:
        self._point = folder / "point-reached"
        self._point.unlink(missing_ok=True)
        # Files instead of pipes: whoever is killed cannot hold up who reads.
        self._said = folder / "worker.log"
        with self._said.open("wb") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "tests.chaos.worker_program"),
                    *(dumps(task.to_json()).decode(), *phases),
                ],
                cwd=ROOT,
                env={**os.environ, "STORNO_CRASHPOINT_FILE": str(self._point), **environment},
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def wait_for_point(self) -> None:
        """Return when the worker stands at its crash point; fail when it passed none."""
        self.wait_until(self._point.exists, "it ended without passing its crash point")

    def wait_until(self, is_true: Any, otherwise: str) -> None:
        """Return when `is_true()`; fail when the worker ended before."""
        deadline = time.monotonic() + LONGEST_WAIT_SECONDS
        while not is_true():
            assert self.process.poll() is None, f"{otherwise}: {self.said()}"
            assert time.monotonic() < deadline, f"the worker hangs: {self.said()}"
            time.sleep(0.005)

    def kill(self) -> None:
        """End it as a power cut does: no handler runs, nothing is flushed."""
        self.process.kill()
        self.process.wait()

    def end(self) -> tuple[int, dict[str, str]]:
        """Wait for its own end; return the exit code and what it said last."""
        code = self.process.wait(LONGEST_WAIT_SECONDS)
        lines = self.said().splitlines()
        assert lines, "the worker said nothing"
        return code, loads(lines[-1])

    def said(self) -> str:
        """Return everything that it wrote."""
        return self._said.read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Case:
    """One task on documents of its own; `original` is what the ERP held before."""

    erp: ServedERP
    task: Task
    folder: Path
    original: Dump
    first_line: int

    @classmethod
    def make(
        cls, erp: ServedERP, folder: Path, action: str, count: int, batch_size: int, **limits: Any
    ) -> Case:
        """Make documents that `action` fits, and an empty journal."""
        state = "quotation" if action == CANCEL else "processing"
        lines = (("2.000", "0.000", "19.50"),) if action == CANCEL else OPEN_LINES
        keys = tuple(
            add_purchase_order(erp.erp, f"PO-{folder.name}-{n}", state=state, lines=lines)
            for n in range(count)
        )
        url = f"sqlite:///{folder / 'journal.db'}"
        Journal.open(url).close()
        first_line = len(list(read_ledger(erp.ledger)))
        task = Task(url, erp.url, action, keys, batch_size, **limits)
        return cls(erp, task, folder, erp.erp.dump(), first_line)

    def with_task(self, **changes: Any) -> Case:
        """Return the same case with another task."""
        return replace(self, task=replace(self.task, **changes))

    def at(self, erp: ServedERP) -> Case:
        """Return the same case at an ERP that was started again."""
        return replace(self, erp=erp)

    def prepare(self, phase: str) -> Dump | None:
        """Go to where `phase` begins; return the dump of the closed documents when that is a rollback."""
        if phase == APPLY:
            return None
        self.go_on(APPLY)
        return self.erp.erp.dump()

    # --- who works ------------------------------------------------------------------------------

    def start(
        self, *phases: str, point: str | None = None, file_bytes: int | None = None
    ) -> Worker:
        """Start a worker, with one crash point armed or with a limit to the size of its files."""
        environment = {} if point is None else {"STORNO_CRASHPOINT": point}
        if file_bytes is not None:
            environment["CHAOS_FILE_BYTES"] = str(file_bytes)
        return Worker(self.task, phases, self.folder, environment)

    def kill_at(self, phase: str, point: str) -> None:
        """Let a worker go as far as a crash point and kill it there."""
        worker = self.start(phase, point=point)
        try:
            worker.wait_for_point()
        finally:
            worker.kill()

    def go_on(self, phase: str) -> ChangeSet:
        """Do what is still missing of a phase: in this process, which is another one than the killed."""
        with self.journal() as journal:
            system = self.task.open_system()
            try:
                return PHASES[phase](journal, system, self.task)
            finally:
                system.close()

    # --- what is known --------------------------------------------------------------------------

    @contextmanager
    def journal(self) -> Iterator[Journal]:
        """Open the journal as it lies on the disk."""
        journal = Journal.open(self.task.journal_url)
        try:
            yield journal
        finally:
            journal.close()

    def lines(self) -> list[LedgerLine]:
        """Return what the ERP received since this case began, from the file that outlives it."""
        return list(read_ledger(self.erp.ledger))[self.first_line :]

    def states(self) -> dict[str, str]:
        """Return the states of our documents as the ERP has them now."""
        orders = self.erp.erp.dump()["purchase.order"]
        return {key: orders[key]["state"] for key in self.task.keys}
