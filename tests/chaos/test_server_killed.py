"""The ERP itself is killed in the middle of a batch and comes back from its disk."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import pytest

from connectors.fake.client import RemoteERP
from connectors.fake.faults import Fault, FaultKind
from core.encoding import loads
from core.errors import TransientError
from recovery.states import ChangeSetState
from tests.chaos.case import CANCEL, LONGEST_WAIT_SECONDS, Case
from tests.chaos.checks import assert_phase_done, assert_safe
from tests.chaos.story import APPLY, ROLLBACK, closing_of
from tests.factories import ROOT, ServedERP

# The limit only ends a test that hangs, on a machine however busy.
pytestmark = [pytest.mark.chaos, pytest.mark.timeout(240)]

PHASES: Final = (APPLY, ROLLBACK)


class DurableServer:
    """An ERP with a disk: killed, it starts again with what it had done, at the same address."""

    def __init__(self, folder: Path, *options: str) -> None:
        self._folder = folder
        self._options = options
        self.erp = self._start(0)

    def _start(self, port: int) -> ServedERP:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "tests.chaos.durable_erp"),
                *(str(self._folder), str(port), *self._options),
            ],
            cwd=ROOT,
            stdout=subprocess.PIPE,
        )
        assert process.stdout is not None
        with process.stdout as said:
            url = loads(said.readline())["url"]
        return ServedERP(url, RemoteERP(url), self._folder / "ledger.jsonl", process)

    def kill(self) -> None:
        """Kill it in the middle of whatever it does."""
        self.erp.process.kill()
        self.erp.process.wait()
        self.erp.erp.close()

    def start_again(self) -> ServedERP:
        """Start it again from its folder."""
        self.erp = self._start(int(self.erp.url.rpartition(":")[2]))
        return self.erp


@pytest.fixture
def server(tmp_path: Path) -> Iterator[DurableServer]:
    """Start an ERP with a disk."""
    made = DurableServer(tmp_path / "erp")
    yield made
    made.kill()


def _wait_until_it_hangs(case: Case) -> None:
    deadline = time.monotonic() + LONGEST_WAIT_SECONDS
    while not any(line.faults for line in case.lines()):
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("is_done", [True, False], ids=["done", "not-done"])
def test_erp_killed_in_a_batch(
    server: DurableServer, tmp_path: Path, is_done: bool, phase: str
) -> None:
    """Killed with a batch in its hands, done or not, and soon back: the same run goes on and closes each once."""
    case = Case.make(server.erp, tmp_path, CANCEL, 9, 4)
    closed = case.prepare(phase)
    server.erp.erp.faults.add(Fault(FaultKind.SLOW, nth=2, is_applied=is_done))

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(case.go_on, phase)
        _wait_until_it_hangs(case)
        server.kill()
        time.sleep(0.1)  # long enough to be found away
        again = server.start_again()
        running.result(LONGEST_WAIT_SECONDS)

    assert_phase_done(case.at(again), phase, closed)


@pytest.mark.parametrize("is_done", [True, False], ids=["done", "not-done"])
def test_erp_stays_away(server: DurableServer, tmp_path: Path, is_done: bool) -> None:
    """Killed and away for longer than a run waits: the run pauses as unreachable, and goes on another day."""
    case = Case.make(server.erp, tmp_path, CANCEL, 9, 4, retry_seconds=0.3)
    server.erp.erp.faults.add(Fault(FaultKind.SLOW, nth=2, is_applied=is_done))

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(case.go_on, APPLY)
        _wait_until_it_hangs(case)
        server.kill()
        assert isinstance(running.exception(LONGEST_WAIT_SECONDS), TransientError)
    assert_safe(case)
    with case.journal() as journal:
        closing = closing_of(journal)
        assert closing is not None
        assert closing.state is ChangeSetState.PAUSED
    case = case.at(server.start_again())
    case.go_on(APPLY)

    assert_phase_done(case, APPLY, None)


def test_both_killed(server: DurableServer, tmp_path: Path) -> None:
    """A power cut takes Storno and the ERP together: both come back, and each document is closed once."""
    case = Case.make(server.erp, tmp_path, CANCEL, 9, 4)
    server.erp.erp.faults.add(Fault(FaultKind.SLOW, nth=2))
    worker = case.start(APPLY)
    _wait_until_it_hangs(case)
    worker.kill()
    server.kill()
    case = case.at(server.start_again())
    case.go_on(APPLY)

    assert_phase_done(case, APPLY, None)
