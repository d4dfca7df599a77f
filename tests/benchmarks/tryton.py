"""`python -m tests.benchmarks.tryton`: what Storno adds to closing 1,000 stale quotations in a real ERP.

Three ways to close them, each on a fresh copy of the practice Tryton, in pairs from one process:

* Storno: captured, intents stored, cancelled in batches, read back, confirmed in a durable journal.
* A bare script: sends the very requests that Storno sent, in the same order, and reads the answers. No journal,
  no comparison, no typed values.
* The obvious loop: read one, close one, read one, over the same fields; on a sample, counted for each document.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

from connectors.contract import Executor, Kind, Ref
from connectors.registry import open_system
from recovery.apply import run
from recovery.approval import approve
from recovery.journal import Journal
from recovery.model import Actor, Draft, PlannedOperation, Purpose
from recovery.plan import Chain, arrange
from recovery.states import ChangeSetState
from sandbox.tryton import practice
from tests.benchmarks.report import (
    Requirement,
    only_warnings,
    print_environment,
    print_verdicts,
)
from tests.benchmarks.tryton_script import Request, Script

MODEL: Final = "purchase.purchase"
CANCEL: Final = "purchase_order.cancel"
CLOSE: Final = "purchase_order.close"
QUOTATIONS: Final = "bench_quotation"
CLOSABLE: Final = ("remainder_old_paid", "remainder_old_posted")
MEI: Final = Actor("mei")
PAIRS: Final = 5
SAMPLE: Final = 60
MOST_OF_SCRIPT: Final = 1.25
LEAST_OF_LOOP: Final = 4.0


@dataclass(frozen=True, slots=True)
class Took:
    """What something took by the wall clock, and of the processors: ours and the server's together.

    The second figure hardly depends on what else the machine does.
    """

    seconds: float
    cpu_seconds: float


class Stopwatch:
    """Measures a block of work that a practice ERP does for us."""

    def __init__(self, erp: practice.Running) -> None:
        self._pid = erp.pid
        self._started = self._now()

    def _now(self) -> tuple[float, float]:
        return time.perf_counter(), time.process_time() + cpu_seconds_of(self._pid)

    def stop(self) -> Took:
        """Return what it took since it was made."""
        now = self._now()
        return Took(now[0] - self._started[0], now[1] - self._started[1])


def cpu_seconds_of(pid: int) -> float:
    """Return the processor time of another process; 0 where the platform does not tell."""
    about = Path(f"/proc/{pid}/stat")
    if not about.exists():
        return 0.0
    fields = about.read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Told:
    """What Storno sent: while it planned, and while it ran; and how long it ran."""

    planning: list[Request]
    running: list[Request]
    took: Took


@dataclass(slots=True)
class Bench:
    """The practice company, and a folder for copies of it."""

    ready: practice.Ready
    folder: Path
    _made: int = 0

    def start(self) -> practice.Running:
        """Serve a fresh copy."""
        self._made += 1
        return practice.start(self.ready, self.folder / f"copy-{self._made}")

    def keys(self, *roles: str) -> list[str]:
        """Return the keys of the purchase orders of these roles."""
        with self.start() as erp:
            found = [one for role in roles for one in erp.documents(model=MODEL, role=role)]
        return [str(one["id"]) for one in found]

    # --- three ways -----------------------------------------------------------------------------

    def close_with_storno(self, action_name: str, keys: Sequence[str]) -> Told:
        """Plan and approve, then run: only the run is timed."""
        with self.start() as erp:
            journal = Journal.open(f"sqlite:///{erp.folder / 'journal.db'}")
            options = {"kind": "tryton", "url": erp.url, "database": erp.database}
            options |= {"user": erp.user, "password": erp.password}
            system = open_system("practice", "tryton", _options(options))
            sent = _record(system)
            action = system.actions()[action_name]
            chains = []
            size = action.batch_size
            links = [action.steps(Ref(MODEL, key), {}) for key in keys]
            for start in range(0, len(links), size):
                part = links[start : start + size]
                images = system.capture([steps[0] for steps in part], [None] * len(part))
                chains += [
                    Chain(
                        tuple(
                            PlannedOperation(
                                system="practice",
                                kind=Kind.PURCHASE_ORDER,
                                number=steps[0].ref.key,
                                step=step,
                                executor=Executor.INTERFACE,
                                reversibility=action.reversibility,
                                approved=image if place == 0 else None,
                            )
                            for place, step in enumerate(steps)
                        )
                    )
                    for steps, image in zip(part, images, strict=True)
                ]
            draft = Draft(Purpose.CLOSING, "Old quotations", MEI)
            change_set = journal.plan(draft, list(arrange(chains)))
            approve(journal, change_set.id, MEI)
            planning = list(sent)
            sent.clear()
            watch = Stopwatch(erp)
            change_set = run(journal, lambda _: system, change_set.id, actor=MEI)
            took = watch.stop()
            assert change_set.state is ChangeSetState.APPLIED, change_set.state
            running = list(sent)
            system.close()
            journal.close()
        return Told(planning, running, took)

    def close_with_script(self, told: Told) -> Took:
        """Send the same requests without Storno; return what those of the run took."""
        with self.start() as erp, Script(erp.url, erp.database, erp.user, erp.password) as script:
            for request in told.planning:
                script.send(request)
            watch = Stopwatch(erp)
            for request in told.running:
                script.send(request)
            return watch.stop()

    def close_with_loop(self, told: Told, keys: Sequence[str]) -> float:
        """Read one, close one, read one; return the seconds for one document."""
        reading = next(each for each in told.running if each.method == f"model.{MODEL}.read")
        closing = next(each for each in told.running if each.is_write)
        with self.start() as erp, Script(erp.url, erp.database, erp.user, erp.password) as script:
            for request in told.planning:
                script.send(request)
            watch = Stopwatch(erp)
            for key in keys:
                for request in (reading, closing, reading):
                    script.send(request.for_one(int(key)))
            return watch.stop().seconds / len(keys)


def _options(options: dict[str, Any]) -> Any:
    from config.systems import TrytonOptions

    return TrytonOptions.model_validate(options)


def _record(system: Any) -> list[Request]:
    """Return a list that fills with the requests that a system sends."""
    sent: list[Request] = []
    session = system._session
    send = session._send

    def record(
        method: str, parameters: Sequence[Any], *, is_write: bool, path: str | None = None
    ) -> Any:
        if not method.startswith("common."):
            sent.append(Request(method, session.dialect.encode(method, parameters), is_write))
        return send(method, parameters, is_write=is_write, path=path)

    session._send = record
    return sent


def measure(bench: Bench, pairs: int) -> list[Requirement]:
    """Measure in pairs, print the figures, return the promises."""
    keys = bench.keys(QUOTATIONS)
    told = bench.close_with_storno(CANCEL, keys)
    of_script: list[float] = []
    of_script_cpu: list[float] = []
    of_loop: list[float] = []
    print(f"\n{len(keys):,} quotations, {len(told.running)} requests in a run:")
    print("pair      storno s    script s  loop s (scaled)    storno CPU s  script CPU s")
    for pair in range(1, pairs + 1):
        own, script = _pair(bench, told, keys, is_script_first=pair % 2 == 0)
        loop = bench.close_with_loop(told, keys[:SAMPLE]) * len(keys)
        of_script.append(own.seconds / script.seconds)
        of_script_cpu.append(own.cpu_seconds / script.cpu_seconds)
        of_loop.append(loop / own.seconds)
        print(
            f"{pair:<6}{own.seconds:12.2f}{script.seconds:12.2f}{loop:17.2f}"
            f"{own.cpu_seconds:16.2f}{script.cpu_seconds:14.2f}"
        )
    print(f"of the processors' time, ERP and client together: {median(of_script_cpu):.2f} x")
    _print_wizard(bench)
    return [
        Requirement(
            f"closing {len(keys):,} quotations, against a bare script",
            f"<= {MOST_OF_SCRIPT} x",
            f"{median(of_script):.2f} x ({min(of_script):.2f} to {max(of_script):.2f})",
            median(of_script) <= MOST_OF_SCRIPT,
        ),
        Requirement(
            f"closing {len(keys):,} quotations, faster than a loop",
            f">= {LEAST_OF_LOOP:.0f} x",
            f"{median(of_loop):.1f} x ({min(of_loop):.1f} to {max(of_loop):.1f})",
            median(of_loop) >= LEAST_OF_LOOP,
        ),
    ]


def _pair(
    bench: Bench, told: Told, keys: Sequence[str], *, is_script_first: bool
) -> tuple[Took, Took]:
    """Close with both, in the order that this pair has: nobody always comes first."""
    script = bench.close_with_script(told) if is_script_first else None
    own = bench.close_with_storno(CANCEL, keys)
    assert [each.body for each in told.running] == [each.body for each in own.running]
    return own.took, script or bench.close_with_script(told)


def _print_wizard(bench: Bench) -> None:
    """Print what closing by the wizard costs, apart: a chain of several calls for each order."""
    keys = bench.keys(*CLOSABLE)
    told = bench.close_with_storno(CLOSE, keys)
    same = Told(told.planning, [each.without_stamps() for each in told.running], told.took)
    script = bench.close_with_script(same)
    print(
        f"wizard route, {len(keys)} orders in processing: {len(told.running)} requests,"
        f" storno {told.took.seconds:.2f} s, script {script.seconds:.2f} s,"
        f" {told.took.seconds / script.seconds:.2f} x"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and tell; 1 when a promise is missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.tryton")
    parser.add_argument("--pairs", type=int, default=PAIRS)
    parser.add_argument("--cache", type=Path, help="where the practice company is kept")
    chosen = parser.parse_args(arguments)
    only_warnings()
    with tempfile.TemporaryDirectory() as folder:
        print_environment(Path(folder))
        return print_verdicts(measure(prepare(Path(folder), chosen.cache), chosen.pairs))


def prepare(folder: Path, cache: Path | None = None) -> Bench:
    """Make the practice company with a thousand stale quotations, or take the one that was kept."""
    return Bench(practice.prepare(cache, size="bench", on_progress=_show), folder)


def _show(what: str, done: int, total: int) -> None:
    print(f"{what}: {done} of {total}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
