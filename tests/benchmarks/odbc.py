"""`python -m tests.benchmarks.odbc`: what Storno adds to closing 10,000 order lines over ODBC, and to reading a million rows.

Closing, on practice databases of U8 in PostgreSQL and MariaDB, three things in turns, from one process, on the same orders:

* Storno: captured, intents stored, rows locked and compared, updated, read back, confirmed in a durable journal.
* The bare script (`odbc_script.py`): pyodbc, lists of keys, one transaction a batch. It reads the same columns as often,
  locks, updates and keeps the rows, but compares nothing and writes no journal.
* The journal alone: the same operations with the same images, in an ERP that answers at once (`odbc_replay.py`).

The promise is about what is left of Storno's time without the journal's, against the script's.

Reading goes on in processes of its own, in pairs with arrow-odbc alone, or with pyodbc alone where arrow-odbc
would end the process (dates in MariaDB such as 2024-00-00).
"""

from __future__ import annotations

import argparse
import gc
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

from connectors.contract import Ref, Step, System
from connectors.odbc.connection import Database
from connectors.odbc.recipe_actions import RecipeAction
from core.encoding import dumps, loads
from recovery.approval import approve
from recovery.journal import Journal
from recovery.states import ChangeSetState
from tests.benchmarks.odbc_bulk import Read
from tests.benchmarks.odbc_replay import Recorder, Replay
from tests.benchmarks.odbc_script import Script, Tables
from tests.benchmarks.odbc_servers import CLOSER, Company, Place, company, fill, places
from tests.benchmarks.report import (
    Requirement,
    only_warnings,
    print_columns,
    print_environment,
    print_verdicts,
)
from tests.factories import ROOT
from tests.integration.odoo.desk import ANNA, Desk

T = TypeVar("T")

CLOSE: Final = "purchase_order.close"
ORDERS: Final = 5_000  # of every kind and in every state: half of them can be closed
LINES: Final = 10_000
ROUNDS: Final = 31
CLOSED_AT: Final = datetime(2026, 11, 20, 9, tzinfo=ZoneInfo("Asia/Shanghai"))
MOST_OF_SCRIPT: Final = 1.3

ROWS: Final = 1_000_000
FEWER_ROWS: Final = 100_000
PAIR_ROWS: Final = 300_000
PAIRS: Final = 9
LEAST_OF_BARE: Final = 0.9
MEBIBYTE: Final = 2**20
MOST_ADDED: Final = {"postgresql": 150, "sqlite": 150, "mariadb": 250}
BARE: Final = (
    ("postgresql", "", "arrow"),
    ("sqlite", "", "arrow"),
    ("mariadb", "", "pyodbc"),
    ("mariadb", "/undated", "arrow"),
)


@dataclass(frozen=True, slots=True)
class Turn:
    """Seconds of the three."""

    storno: float
    script: float
    journal: float

    @property
    def ratio(self) -> float:
        """What Storno takes without its journal, against the script."""
        return (self.storno - self.journal) / self.script


# --- closing --------------------------------------------------------------------------------------


class Bench:
    """Orders of one company that can be closed, three ways."""

    def __init__(self, company: Company, folder: Path, lines: int) -> None:
        self._company = company
        self._folder = folder
        self._journals = 0
        company.keep()
        self._recorded = Recorder(company.open())
        self._action = _action(self._recorded)
        self.keys, self.lines = self._closable(lines)
        self._company.open_again()
        # A first run, untimed: it warms everybody's caches, and its images are the journal's own measure.
        self._run(self._recorded)
        self._company.open_again()
        # What is kept here is nobody's to walk through: the script would pay for it most.
        gc.collect()
        gc.freeze()

    def _closable(self, wanted: int) -> tuple[list[int], int]:
        """Return the first orders that the ERP lets anybody close, with so many lines together."""
        keys, lines = list[int](), 0
        assert self._action.rules.lines is not None
        table = self._action.rules.lines.table
        refs = [Ref(self._action.model, key) for key in self._company.order_keys()]
        for start in range(0, len(refs), self._action.batch_size):
            steps = [Step(CLOSE, ref) for ref in refs[start : start + self._action.batch_size]]
            images = self._recorded.system.capture(steps, [None] * len(steps))
            for step, image in zip(steps, images, strict=True):
                if lines < wanted and not self._action.problems(step, image):
                    keys.append(int(step.ref.key))
                    lines += len(image.of_model(table))
        return keys, lines

    def with_storno(self) -> float:
        """Plan and approve, then run: only the run is timed."""
        system = self._company.open()
        took = self._run(system)
        system.close()
        self._see_closed()
        self._company.open_again()
        return took

    def with_journal(self) -> float:
        """The same run, where the ERP takes no time."""
        return self._run(Replay(self._recorded, self._action))

    def with_script(self) -> float:
        """The same orders without Storno."""
        tables = Tables(*self._action.parts)

        # Storno's run opens the connection that writes, so the script's is timed too.
        def close_orders() -> int:
            script = Script(Database("bare", self._company.options), tables, CLOSER)
            count = script.close_orders(self.keys, CLOSED_AT)
            script.give_up()
            return count

        count, took = _timed(close_orders)
        assert count == self.lines, (count, self.lines)
        self._see_closed()
        self._company.open_again()
        return took

    def turn(self, number: int) -> Turn:
        """Measure the three side by side in time, each time in another order."""
        ways: list[tuple[str, Callable[[], float]]] = [
            ("storno", self.with_storno),
            ("script", self.with_script),
            ("journal", self.with_journal),
        ]
        shift = number % len(ways)
        took = {name: way() for name, way in (*ways[shift:], *ways[:shift])}
        return Turn(**took)

    def close(self) -> None:
        """Give everything up."""
        self._recorded.close()

    def _run(self, system: System) -> float:
        self._journals += 1
        path = self._folder / f"{self._company.practice.backend}-{self._journals}.db"
        journal = Journal.open(f"sqlite:///{path}")
        desk = Desk(journal, system)
        planned = desk.plan(CLOSE, self.keys)
        approve(journal, planned.id, ANNA)
        done, took = _timed(lambda: desk.go_on(planned))
        assert done.state is ChangeSetState.APPLIED, done
        assert done.operation_count == len(self.keys), done
        journal.close()
        path.unlink()
        return took

    def _see_closed(self) -> None:
        """See that every line is closed, before anybody believes a figure."""
        left = self._company.count_open(self.keys)
        assert left == 0, left


def measure_closing(place: Place, folder: Path, rounds: int) -> Requirement:
    """Measure in turns, print the figures, return the promise."""
    bench = Bench(company(place, ORDERS), folder, LINES)
    print(
        f"\n{bench.lines:,} lines of {len(bench.keys):,} orders closed, {place.backend}, seconds:"
    )
    turns = [bench.turn(number) for number in range(rounds)]
    bench.close()
    gc.unfreeze()
    print_columns(
        ("turn", "storno", "script", "journal", "without journal / script"),
        [
            (f"{n}", f"{t.storno:.2f}", f"{t.script:.2f}", f"{t.journal:.2f}", f"{t.ratio:.2f}")
            for n, t in enumerate(turns, 1)
        ],
    )
    ratios = [turn.ratio for turn in turns]
    return Requirement(
        f"closing {bench.lines:,} lines in {place.backend}, against a bare script",
        f"<= {MOST_OF_SCRIPT} x",
        f"{median(ratios):.2f} x ({min(ratios):.2f} to {max(ratios):.2f})",
        median(ratios) <= MOST_OF_SCRIPT,
    )


def _action(system: System) -> RecipeAction:
    found = system.actions()[CLOSE]
    assert isinstance(found, RecipeAction)
    return found


# --- reading --------------------------------------------------------------------------------------


def measure_reading(found: dict[str, Place], rows: int, pairs: int) -> list[Requirement]:
    """Fill the tables, measure memory and pairs, print the figures, return the promises."""
    parts = {name: dumps(place.parts(fill(place, rows))).decode() for name, place in found.items()}
    print(f"\n{rows:,} rows read, memory beyond import and connection, MiB:")
    requirements, table = [], []
    fewer = rows * FEWER_ROWS // ROWS
    for name, part in parts.items():
        large, small = _read(part, rows), _read(part, fewer)
        added, growth = large.added_bytes, large.peak_bytes - small.peak_bytes
        table.append((name, f"{added / MEBIBYTE:.0f}", f"{growth / MEBIBYTE:+.0f}"))
        requirements.append(
            Requirement(
                f"memory for {rows:,} rows from {name}",
                f"< {MOST_ADDED[name]} MiB",
                f"{added / MEBIBYTE:.0f} MiB",
                added < MOST_ADDED[name] * MEBIBYTE,
            )
        )
    print_columns(("database", "added", f"against {fewer:,} rows"), table)
    limit = rows * PAIR_ROWS // ROWS
    print(f"\nthousand rows a second, {limit:,} rows, medians of {pairs} pairs:")
    for name, kind, bare in BARE:
        requirements.append(_in_pairs(name, kind, bare, parts[name], limit, pairs))
    return requirements


def _in_pairs(name: str, kind: str, bare: str, part: str, limit: int, pairs: int) -> Requirement:
    ways = f"storno{kind},{bare}{kind}"
    rates = loads(_apart(part, ways, limit, pairs))
    ratios = [own / other for own, other in rates]
    own, other = (median(rate[place] for rate in rates) for place in (0, 1))
    print(f"{name + kind:<18}storno {own / 1000:5.0f}   {bare} {other / 1000:5.0f}")
    words = " without dates" if kind else ""
    return Requirement(
        f"rows a second from {name}{words}, against {'arrow-odbc' if bare == 'arrow' else bare} alone",
        f">= {LEAST_OF_BARE} x",
        f"{median(ratios):.2f} x ({min(ratios):.2f} to {max(ratios):.2f})",
        median(ratios) >= LEAST_OF_BARE,
    )


def _read(part: str, limit: int) -> Read:
    found = Read(**loads(_apart(part, "storno", limit)))
    assert found.rows == limit, found
    return found


def _apart(part: str, way: str, limit: int, *pairs: int) -> bytes:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "tests.benchmarks.odbc_bulk", part, way, str(limit)),
            *map(str, pairs),
        ],
        cwd=ROOT,
        check=False,
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr.decode()[-3000:]
    return done.stdout


# --- all --------------------------------------------------------------------------------------------


def measure(folder: Path, rounds: int = ROUNDS, pairs: int = PAIRS) -> list[Requirement]:
    """Measure closing and reading, print the figures, return the promises."""
    with places(folder) as found:
        closing = [
            measure_closing(found[name], folder, rounds) for name in ("postgresql", "mariadb")
        ]
        return [*closing, *measure_reading(found, ROWS, pairs)]


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    started = time.perf_counter()
    done = work()
    return done, time.perf_counter() - started


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and tell; 1 when a promise is missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.odbc")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--pairs", type=int, default=PAIRS)
    parser.add_argument(
        "--folder", type=Path, help="where journals are written: the disk to measure"
    )
    chosen = parser.parse_args(arguments)
    only_warnings()
    with tempfile.TemporaryDirectory(dir=chosen.folder) as folder:
        print_environment(Path(folder))
        return print_verdicts(measure(Path(folder), chosen.rounds, chosen.pairs))


if __name__ == "__main__":
    sys.exit(main())
