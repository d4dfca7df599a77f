"""`python -m tests.benchmarks.journal`: durable operations a second, and memory, without any ERP cost.

What is timed as `run` is everything between approval and end: every document captured, its before image and the
intent stored, sent to an ERP in memory, read back, its after image, history and audit line stored, two durable
commits a batch, each measurement in a process of its own. `journal/s` leaves out what the ERP in memory took for its
answers (and nothing else): that is the figure of the promise.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Final

from core.encoding import loads
from recovery.sql.database import CACHE_KIBIBYTES
from tests.benchmarks import journal_size
from tests.benchmarks.journal_run import Measurement
from tests.benchmarks.report import (
    Requirement,
    print_columns,
    print_environment,
    print_verdicts,
)
from tests.factories import ROOT

ROUNDS: Final = {1_000: 7, 10_000: 5, 100_000: 3}
BATCH_SIZE: Final = 500
OTHER_BATCH_SIZE: Final = 100
OTHER_SIZE: Final = 10_000

LEAST_RATE: Final = 5_000
MOST_GROWTH_BYTES: Final = CACHE_KIBIBYTES * 1024 + 24 * 2**20
"""SQLite's page cache, which a small journal does not fill, and 240 bytes an operation for its lock. To keep
only the operations themselves in memory would take several times as much."""

MEBIBYTE: Final = 2**20
TITLES: Final = (
    *("operations", "batch", "rounds", "plan/s", "approve/s", "run/s", "journal/s"),
    *("run/CPU s", "peak MiB", "journal B/op"),
)


def measure_apart(size: int, batch_size: int, folder: Path, *options: str) -> Measurement:
    """Measure in a fresh process, with a journal of its own in `folder`."""
    with tempfile.TemporaryDirectory(dir=folder) as own:
        done = subprocess.run(
            [
                *(sys.executable, "-m", "tests.benchmarks.journal_run"),
                *(str(size), str(batch_size), own, *options),
            ],
            cwd=ROOT,
            check=True,
            capture_output=True,
        )
    return Measurement(**loads(done.stdout))


def measure(
    folder: Path, rounds: dict[int, int], *, with_other_batch: bool = True
) -> list[Requirement]:
    """Measure every size, print the figures, return the promises."""
    wanted = [(size, BATCH_SIZE) for size in rounds]
    if with_other_batch and OTHER_SIZE in rounds:
        wanted.append((OTHER_SIZE, OTHER_BATCH_SIZE))
    found: dict[tuple[int, int], list[Measurement]] = {each: [] for each in wanted}
    for turn in range(max(rounds.values())):
        for size, batch_size in wanted:
            if turn < rounds[size]:
                found[size, batch_size].append(measure_apart(size, batch_size, folder))
    _print(found)
    return [
        *(_rate_kept(found[size, BATCH_SIZE]) for size in rounds),
        _memory_flat(found[min(rounds), BATCH_SIZE], found[max(rounds), BATCH_SIZE], folder),
    ]


def _of(found: Sequence[Measurement], figure: Callable[[Measurement], float]) -> float:
    return median(figure(each) for each in found)


def _print(found: dict[tuple[int, int], list[Measurement]]) -> None:
    print()
    print_columns(
        TITLES,
        [
            (
                f"{size:,}",
                f"{batch_size}",
                f"{len(each)}",
                f"{_of(each, lambda m: m.size / m.plan_seconds):,.0f}",
                f"{_of(each, lambda m: m.size / m.approve_seconds):,.0f}",
                f"{_of(each, lambda m: m.size / m.run_seconds):,.0f}",
                f"{_of(each, _rate):,.0f}",
                f"{_of(each, lambda m: m.size / m.run_cpu_seconds):,.0f}",
                f"{_of(each, lambda m: m.peak_bytes) / MEBIBYTE:,.0f}",
                f"{_of(each, lambda m: m.journal_bytes / m.size):,.0f}",
            )
            for (size, batch_size), each in found.items()
        ],
    )


def _rate(found: Measurement) -> float:
    return found.size / (found.run_seconds - found.erp_seconds)


def _rate_kept(found: Sequence[Measurement]) -> Requirement:
    rate = _of(found, _rate)
    return Requirement(
        f"durable operations a second, {found[0].size:,} operations",
        f">= {LEAST_RATE:,}",
        f"{rate:,.0f}",
        rate >= LEAST_RATE,
    )


def _memory_flat(
    small: Sequence[Measurement], large: Sequence[Measurement], folder: Path
) -> Requirement:
    erp = measure_apart(large[0].size, BATCH_SIZE, folder, "--erp-only")
    of_erp = erp.peak_bytes - erp.start_bytes
    growth = _of(large, lambda m: m.peak_bytes) - _of(small, lambda m: m.peak_bytes) - of_erp
    return Requirement(
        f"memory from {small[0].size:,} to {large[0].size:,} operations, without the ERP's own",
        f"<= +{MOST_GROWTH_BYTES // MEBIBYTE} MiB",
        f"+{growth / MEBIBYTE:.0f} MiB (ERP +{of_erp / MEBIBYTE:.0f} MiB)",
        growth <= MOST_GROWTH_BYTES,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and tell; 1 when a promise is missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.journal")
    parser.add_argument("--sizes", type=int, nargs="+", default=list(ROUNDS))
    parser.add_argument("--rounds", type=int, help="of each size, instead of the usual numbers")
    parser.add_argument(
        "--folder", type=Path, help="where journals are written: the disk to measure"
    )
    chosen = parser.parse_args(arguments)
    rounds = {size: chosen.rounds or ROUNDS.get(size, 3) for size in chosen.sizes}
    with tempfile.TemporaryDirectory(dir=chosen.folder) as folder:
        print_environment(Path(folder))
        found = measure(Path(folder), rounds)
        if max(rounds) == journal_size.SIZE:
            found += journal_size.measure(Path(folder))
        return print_verdicts(found)


if __name__ == "__main__":
    sys.exit(main())
