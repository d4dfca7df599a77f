"""`python -m tests.benchmarks.startup`: the processor time of `storno --help`, which everybody pays at every command."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import Final

from tests.benchmarks.report import Requirement, print_verdicts
from tests.factories import ROOT

ROUNDS: Final = 7
MOST_SECONDS: Final = 0.4


def cpu_seconds() -> float:
    """Return the processor time of one `storno --help`."""
    storno = Path(sys.executable).with_name("storno")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([storno, "--help"], cwd=ROOT, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure(rounds: int = ROUNDS) -> list[Requirement]:
    """Measure some rounds after one that fills the caches."""
    cpu_seconds()
    seconds = median(cpu_seconds() for _ in range(rounds))
    return [
        Requirement(
            f"CPU seconds of `storno --help`, median of {rounds}",
            f"< {MOST_SECONDS}",
            f"{seconds:.2f}",
            seconds < MOST_SECONDS,
        )
    ]


if __name__ == "__main__":
    sys.exit(print_verdicts(measure()))
