"""`python -m tests.benchmarks.odoo`: what Storno adds to closing 2,000 purchase orders in a real Odoo, and taking it back.

The server is the one that the environment names (`tests/live_odoo.py`); its database may be filled. Three ways, on the same
orders, in slices of 500, in pairs from one process: after each closing comes its way back, so everybody finds them alike.

* Storno: captured, intents stored, locked in batches, read back, confirmed in a durable journal; only the run is timed.
  Once with one call at a time, as the script works, and once with as many as Storno makes unless it is told otherwise.
* Bare batched calls: read, lock, read of the same fields of the same models in batches of the same size. No journal.
* The obvious loop: read one, lock one, read one, over the same fields; on a sample, counted for each document.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Final, TypeVar

from connectors.odoo.actions import OdooAction
from connectors.odoo.connector import open_system
from recovery.journal import Journal
from recovery.states import ChangeSetState
from tests.benchmarks.odoo_script import Reading, Script
from tests.benchmarks.report import (
    Requirement,
    only_warnings,
    print_environment,
    print_verdicts,
)
from tests.contract.odoo_office import Office
from tests.integration.odoo.desk import Desk
from tests.live_odoo import STORNO, WHY_SKIPPED, LiveOdoo, live_odoo

T = TypeVar("T")

MODEL: Final = "purchase.order"
CLOSE: Final = "purchase_order.close"
REOPEN: Final = "purchase_order.reopen"
ORDERS: Final = 2000
ROUNDS: Final = 2
SAMPLE: Final = 30  # of a slice
SLICE: Final = 500
AT_ONCE: Final = 50
MOST_OF_SCRIPT: Final = 1.2
LEAST_OF_LOOP: Final = 8.0
WAYS: Final[Mapping[str, Mapping[str, int]]] = {
    "one call at a time": {"parallel_calls": 1},
    "as it comes": {},
}


@dataclass(frozen=True, slots=True)
class There:
    """Seconds of a closing and of its way back."""

    closing: float
    back: float


@dataclass(slots=True)
class Ratios:
    """What each pair gave."""

    of_script: list[float] = field(default_factory=list)
    of_loop: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Bench:
    """A server, the orders on it, and a folder for journals."""

    live: LiveOdoo
    office: Office
    keys: Sequence[int]
    folder: Path
    star: str = "0"

    # --- three ways -----------------------------------------------------------------------------

    def with_storno(self, name: str, **options: int) -> There:
        """Plan and approve, then run, there and back: only the runs are timed."""
        journal = Journal.open(f"sqlite:///{self.folder / name}.db")
        system = open_system("practice", self.live.options(**options))
        desk = Desk(journal, system)
        planned = desk.plan(CLOSE, self.keys)
        done, closing = _timed(lambda: desk.run(planned))
        assert done.state is ChangeSetState.APPLIED, done
        assert done.operation_count == len(self.keys)
        self._see("closed")
        planned_back = desk.plan_back(done)
        back, backward = _timed(lambda: desk.run(planned_back))
        assert back.state is ChangeSetState.APPLIED, back
        self._see("open")
        system.close()
        journal.close()
        return There(closing, backward)

    def with_script(self, plan: Plan) -> There:
        """The same calls without Storno."""
        script = self._script()
        _, closing = _timed(lambda: plan.close(script, self.keys))
        self._see("closed")
        _, back = _timed(lambda: plan.reopen(script, self.keys))
        self._see("open")
        return There(closing, back)

    def with_loop(self, plan: Plan) -> There:
        """One order after the other, on a sample; return the seconds that all would take."""
        script, sample = self._script(), self.keys[:SAMPLE]
        one_by_one = replace(plan, batch_size=1)
        _, closing = _timed(lambda: one_by_one.close(script, sample))
        _, back = _timed(lambda: one_by_one.reopen(script, sample))
        self._see("open")
        scale = len(self.keys) / len(sample)
        return There(closing * scale, back * scale)

    def plan(self) -> Plan:
        """Return what the script has to do, from what the actions declare."""
        system = open_system("practice", self.live.options())
        actions = system.actions()
        close, reopen = actions[CLOSE], actions[REOPEN]
        assert isinstance(close, OdooAction)
        assert isinstance(reopen, OdooAction)
        system.close()
        readings = Reading.of(close), Reading.of(reopen)
        return Plan(*readings, close.batch_size, self.office.version, self.star)

    def _script(self) -> Script:
        return Script(self.live.url, self.live.database, STORNO, STORNO)

    def _see(self, wanted: str) -> None:
        """See that every order is as it should be, before anybody believes a figure."""
        rows = self.office.read(MODEL, self.keys, *self._told())
        for row in rows:
            is_closed = row["locked"] if self.office.version >= 19 else row["state"] == "done"
            assert is_closed is (wanted == "closed"), row
            assert is_closed or (row["state"], row["priority"]) == ("purchase", self.star), row

    def _told(self) -> tuple[str, ...]:
        return ("state", "priority", *(["locked"] if self.office.version >= 19 else []))


@dataclass(frozen=True, slots=True)
class Plan:
    """Read, change, read, in batches."""

    closing: Reading
    reopening: Reading
    batch_size: int
    version: int
    star: str

    def close(self, script: Script, keys: Sequence[int]) -> None:
        """Close orders."""
        method = "button_lock" if self.version >= 19 else "button_done"
        for part in _batches(keys, self.batch_size):
            script.read(self.closing, part)
            script.call(MODEL, method, part)
            script.read(self.closing, part)

    def reopen(self, script: Script, keys: Sequence[int]) -> None:
        """Open them again, and give them their star back where closing took it."""
        for part in _batches(keys, self.batch_size):
            script.read(self.reopening, part)
            script.call(MODEL, "button_unlock", part)
            if self.star == "1" and self.version < 19:
                script.call(MODEL, "write", part, {"priority": "1"})
            script.read(self.reopening, part)


def measure(bench: Bench, rounds: int) -> list[Requirement]:
    """Measure in pairs, print the figures, return the promises."""
    bench.office.call(MODEL, "write", list(bench.keys), {"priority": "0"})
    bench.with_loop(bench.plan())  # warms the server's caches for everybody
    figures = _in_pairs(bench, rounds)
    starred = replace(bench, keys=bench.keys[: len(bench.keys) // 4], star="1")
    starred.office.call(MODEL, "write", list(starred.keys), {"priority": "1"})
    print(
        "\nEach with a star, which locking takes and unlocking does not give back: one more call."
    )
    with_star = _in_pairs(starred, rounds)
    starred.office.call(MODEL, "write", list(starred.keys), {"priority": "0"})
    for way, (_, back) in with_star.items():
        print(f"taking them back, {way}, against bare calls: {median(back.of_script):.2f} x")
    return [
        requirement
        for way, (closing, back) in figures.items()
        for requirement in (
            *_requirements(f"closing {len(bench.keys):,} purchase orders, {way}", closing),
            *_requirements(f"taking it back, {way}", back),
        )
    ]


def _in_pairs(bench: Bench, rounds: int) -> dict[str, tuple[Ratios, Ratios]]:
    """Run every way in turns on every slice; return the ratios of closing and of taking back, by way."""
    plan = bench.plan()
    figures = {way: (Ratios(), Ratios()) for way in WAYS}
    print(f"\n{len(bench.keys):,} purchase orders, Odoo {bench.office.version}, seconds:")
    heads = "one call  default   script  loop (scaled)"
    print(f"slice    closing: {heads}     back: {heads}")
    slices = list(_batches(bench.keys, SLICE)) * rounds
    for number, keys in enumerate(slices, 1):
        # Side by side in time: what else the machine does meets all alike.
        one = replace(bench, keys=keys)
        script = one.with_script(plan) if number % 2 == 0 else None
        own = {
            way: one.with_storno(f"slice-{bench.star}-{number}-{len(options)}", **options)
            for way, options in WAYS.items()
        }
        script = script or one.with_script(plan)
        loop = one.with_loop(plan)
        for way, (closing, back) in figures.items():
            closing.of_script.append(own[way].closing / script.closing)
            closing.of_loop.append(loop.closing / own[way].closing)
            back.of_script.append(own[way].back / script.back)
            back.of_loop.append(loop.back / own[way].back)
        there = [*(each.closing for each in own.values()), script.closing]
        and_back = [*(each.back for each in own.values()), script.back]
        print(
            f"{number:<17}"
            + "".join(f"{seconds:9.2f}" for seconds in there)
            + f"{loop.closing:15.2f}      "
            + "".join(f"{seconds:9.2f}" for seconds in and_back)
            + f"{loop.back:15.2f}"
        )
    return figures


def _requirements(what: str, ratios: Ratios) -> Iterator[Requirement]:
    of_script, of_loop = ratios.of_script, ratios.of_loop
    yield Requirement(
        f"{what}, against bare batched calls",
        f"<= {MOST_OF_SCRIPT} x",
        f"{median(of_script):.2f} x ({min(of_script):.2f} to {max(of_script):.2f})",
        median(of_script) <= MOST_OF_SCRIPT,
    )
    yield Requirement(
        f"{what}, faster than a loop",
        f">= {LEAST_OF_LOOP:.0f} x",
        f"{median(of_loop):.1f} x ({min(of_loop):.1f} to {max(of_loop):.1f})",
        median(of_loop) >= LEAST_OF_LOOP,
    )


def prepare(live: LiveOdoo, folder: Path, how_many: int) -> Bench:
    """Make confirmed purchase orders with a negotiated price, or take those of an earlier run."""
    office = live.office(at_once=AT_ONCE)
    domain = [["partner_ref", "=like", "bench %"], ["state", "=", "purchase"]]
    keys = office.call(MODEL, "search", domain, limit=how_many, order="id")
    while len(keys) < how_many:
        _show(len(keys), how_many)
        made = office.purchases("purchase")
        office.call(MODEL, "write", made, {"partner_ref": f"bench {office.word()}"})
        keys += made
    return Bench(live, office, keys[:how_many], folder)


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    started = time.perf_counter()
    done = work()
    return done, time.perf_counter() - started


def _batches(keys: Sequence[int], size: int) -> Iterator[list[int]]:
    waiting = iter(keys)
    while part := list(islice(waiting, size)):
        yield part


def _show(done: int, total: int) -> None:
    print(f"purchase orders: {done} of {total}", file=sys.stderr)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and tell; 1 when a promise is missed, 2 when there is no server."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.odoo")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--orders", type=int, default=ORDERS)
    chosen = parser.parse_args(arguments)
    live = live_odoo()
    if live is None:
        print(WHY_SKIPPED, file=sys.stderr)
        return 2
    only_warnings()
    with tempfile.TemporaryDirectory() as folder:
        print_environment(Path(folder))
        return print_verdicts(measure(prepare(live, Path(folder), chosen.orders), chosen.rounds))


if __name__ == "__main__":
    sys.exit(main())
