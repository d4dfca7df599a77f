"""One journal that several worker processes share, one ERP with a disk, and documents to close."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psycopg

from config.systems import FakeOptions
from connectors.contract import Executor, Ref
from connectors.fake.connector import FakeSystem
from connectors.fake.ledger import LedgerLine, applied_counts, read_ledger
from connectors.fake.sample import add_purchase_order
from recovery.approval import approve
from recovery.journal import Journal
from recovery.model import Actor, ChangeSet, Draft, PlannedOperation, Purpose
from recovery.plan import Chain, arrange
from recovery.states import ChangeSetState
from recovery.workers.queue import enqueue_now
from tests.factories import ROOT, ServedERP
from tests.integration.workers.worker_program import open_system

LONGEST_WAIT_SECONDS: Final = 60.0
CANCEL: Final = "purchase_order.cancel"
MEI: Final = Actor("mei")

SETTINGS: Final = """
systems:
  erp:
    kind: fake
    url: {erp}
    timeout_seconds: {{read: 20, write: 20}}
{politeness}
journal:
  {journal}
approval: {{policy: none, limit: 1000}}
run: {{lease_seconds: {lease}, retry_deadline_seconds: {retry}}}
actor: mei
allow_plain_secrets: true
time_zone: UTC
log: {{level: info, format: json}}
"""


@dataclass
class WorkerProcess:
    """A worker in a process of its own, until it ends or somebody ends it."""

    process: subprocess.Popen[bytes]
    log: Path
    point: Path

    def wait_for_point(self) -> None:
        """Return when it stands at its crash point."""
        wait_until(
            lambda: self.point.exists() or self.process.poll() is not None,
            f"it passed no crash point: {self.said()}",
        )
        assert self.point.exists(), self.said()

    def said(self) -> str:
        """Return everything that it wrote."""
        return self.log.read_text(encoding="utf-8")

    def kill(self) -> None:
        """End it as a power cut does."""
        self.process.kill()
        self.process.wait()

    def end(self) -> int:
        """Wait for its own end."""
        return self.process.wait(LONGEST_WAIT_SECONDS)


def wait_until(is_true: Callable[[], Any], otherwise: str) -> None:
    """Return when it is true; fail when that takes too long."""
    deadline = time.monotonic() + LONGEST_WAIT_SECONDS
    while not is_true():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.02)


@dataclass
class Office:
    """Everything that workers share."""

    journal_url: str
    erp: ServedERP
    folder: Path
    lease_seconds: float = 3.0
    retry_seconds: float = 20.0
    politeness: str = ""
    workers: list[WorkerProcess] = field(default_factory=list)

    @property
    def settings(self) -> Path:
        """Write storno.yaml and return it."""
        path = self.folder / "storno.yaml"
        sqlite = "sqlite:///"
        journal = (
            f"path: {self.journal_url.removeprefix(sqlite)}"
            if self.journal_url.startswith(sqlite)
            else f"url: {self.journal_url}"
        )
        path.write_text(
            SETTINGS.format(
                erp=self.erp.url,
                journal=journal,
                lease=self.lease_seconds,
                retry=self.retry_seconds,
                politeness=self.politeness,
            ),
            encoding="utf-8",
        )
        return path

    @contextmanager
    def journal(self) -> Iterator[Journal]:
        """Open the journal."""
        with closing(Journal.open(self.journal_url)) as journal:
            yield journal

    @contextmanager
    def system(self) -> Iterator[FakeSystem]:
        """Open the ERP."""
        options = FakeOptions.model_validate({"kind": "fake", "url": self.erp.url})
        system = open_system("erp", "fake", options)
        assert isinstance(system, FakeSystem)
        with closing(system):
            yield system

    def approved(self, count: int, name: str = "PO") -> ChangeSet:
        """Make documents and a change set that may cancel them."""
        keys = [
            add_purchase_order(
                self.erp.erp,
                f"{name}-{self.folder.name}-{n}",
                state="quotation",
                lines=(("2.000", "0.000", "19.50"),),
            )
            for n in range(count)
        ]
        with self.journal() as journal, self.system() as system:
            action = system.actions()[CANCEL]
            steps = [action.steps(Ref(action.model, key), {})[0] for key in keys]
            images = system.capture(steps, [None] * len(steps))
            chains = [
                Chain(
                    (
                        PlannedOperation(
                            system="erp",
                            kind=action.kind,
                            number=step.ref.key,
                            step=step,
                            executor=Executor.INTERFACE,
                            reversibility=action.reversibility,
                            approved=image,
                        ),
                    )
                )
                for step, image in zip(steps, images, strict=True)
            ]
            planned = journal.plan(Draft(Purpose.CLOSING, "Month end", MEI), list(arrange(chains)))
            return approve(journal, planned.id, MEI)

    def queued(self, count: int, name: str = "PO") -> ChangeSet:
        """Make a change set that waits for a worker."""
        change_set = self.approved(count, name)
        with self.journal() as journal:
            enqueue_now(journal, change_set.id, MEI)
        return change_set

    def storno(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        """Run one command to its end."""
        return subprocess.run(self._command(*arguments), cwd=ROOT, capture_output=True, check=False)

    def _command(self, *arguments: str) -> list[str]:
        program = (sys.executable, "-m", "tests.integration.workers.worker_program")
        return [*program, *arguments, "--config", str(self.settings)]

    def worker(self, *options: str, point: str | None = None, **environment: str) -> WorkerProcess:
        """Start a worker, with one crash point armed if need be."""
        number = len(self.workers)
        log, reached = self.folder / f"worker-{number}.log", self.folder / f"point-{number}"
        armed = {"STORNO_CRASHPOINT": point or "", "STORNO_CRASHPOINT_FILE": str(reached)}
        with log.open("wb") as stream:
            process = subprocess.Popen(
                self._command("worker", *options),
                cwd=ROOT,
                env={**os.environ, **armed, **environment},
                stdout=stream,
                stderr=subprocess.STDOUT,
            )
        worker = WorkerProcess(process, log, reached)
        self.workers.append(worker)
        return worker

    def end_connections(self) -> None:
        """End every session of the journal's database, as a server does that is started anew."""
        dsn = self.journal_url.replace("+psycopg", "")
        with closing(psycopg.connect(dsn, autocommit=True)) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )

    def close(self) -> None:
        """End every worker."""
        for worker in self.workers:
            if worker.process.poll() is None:
                worker.kill()

    # --- what is known ----------------------------------------------------------------------------

    def state(self, change_set: ChangeSet) -> ChangeSetState:
        """Return the state of a change set as the journal has it now."""
        with self.journal() as journal:
            return journal.change_set(change_set.id).state

    def wait_for(self, change_set: ChangeSet, *states: ChangeSetState) -> None:
        """Return when a change set is in one of the states."""
        with self.journal() as journal:
            wait_until(
                lambda: journal.change_set(change_set.id).state in states,
                "\n".join(worker.said()[-3000:] for worker in self.workers),
            )

    def lines(self) -> list[LedgerLine]:
        """Return what the ERP received."""
        return list(read_ledger(self.erp.ledger))

    def assert_once(self, *change_sets: ChangeSet) -> None:
        """Every operation of the change sets took effect exactly once, and the journal is whole."""
        counts = applied_counts(self.lines())
        with self.journal() as journal:
            wanted = {op.id for each in change_sets for op in journal.operations(each.id)}
            assert dict.fromkeys(wanted, 1) == {k: n for k, n in counts.items() if k in wanted}
            report = journal.verify()
            assert report.is_intact, [str(problem) for problem in report.problems]
