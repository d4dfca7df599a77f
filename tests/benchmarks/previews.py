"""`python -m tests.benchmarks.previews`: showing a change set and previewing its rollback in a journal of years.

Timed is everything but the ERP's own answers: the journal is read, what rests on what is looked for in all of it, the
footprints that came from the ERP are compared field by field, and every document is judged.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from core.encoding import loads
from tests.benchmarks.preview_run import PreviewMeasurement
from tests.benchmarks.report import (
    Requirement,
    print_columns,
    print_environment,
    print_verdicts,
)
from tests.factories import ROOT

TOTAL: Final = 100_000
ONE: Final = 1_000
MOST_SECONDS: Final = 0.5
MEBIBYTE: Final = 2**20
MOST_BYTES: Final = 60 * MEBIBYTE
"""For ten thousand documents. It was 84 MiB while every image was held."""


def measure(folder: Path, total: int = TOTAL, one: int = ONE) -> list[Requirement]:
    """Measure in a process of its own, print the figures, return the promises."""
    with tempfile.TemporaryDirectory(dir=folder) as own:
        done = subprocess.run(
            [sys.executable, "-m", "tests.benchmarks.preview_run", str(total), str(one), own],
            cwd=ROOT,
            check=True,
            capture_output=True,
        )
    found = PreviewMeasurement(**loads(done.stdout))
    print()
    print_columns(
        ("operations", "in one", "preview s", "show --json s", "show s", "of 10,000 MiB"),
        [
            (
                f"{found.total:,}",
                f"{found.one:,}",
                f"{found.preview_seconds:.3f}",
                f"{found.show_seconds:.3f}",
                f"{found.show_text_seconds:.3f}",
                f"{found.large_bytes / MEBIBYTE:.0f}",
            )
        ],
    )
    return [*_quick(found), _small(found)]


def _quick(found: PreviewMeasurement) -> list[Requirement]:
    where = f"{found.one:,} documents, journal of {found.total:,} operations"
    return [
        Requirement(
            f"{name}, {where}", f"<= {MOST_SECONDS} s", f"{seconds:.2f} s", seconds <= MOST_SECONDS
        )
        for name, seconds in (
            ("preview of a rollback", found.preview_seconds),
            ("changes show --json", found.show_seconds),
            ("changes show", found.show_text_seconds),
        )
    ]


def _small(found: PreviewMeasurement) -> Requirement:
    return Requirement(
        f"memory of a preview, {found.large:,} documents",
        f"<= {MOST_BYTES // MEBIBYTE} MiB",
        f"{found.large_bytes / MEBIBYTE:.0f} MiB",
        found.large_bytes <= MOST_BYTES,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and tell; 1 when a promise is missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.previews")
    parser.add_argument("--total", type=int, default=TOTAL, help="operations in the journal")
    parser.add_argument(
        "--folder", type=Path, help="where journals are written: the disk to measure"
    )
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(dir=chosen.folder) as folder:
        print_environment(Path(folder))
        return print_verdicts(measure(Path(folder), chosen.total))


if __name__ == "__main__":
    sys.exit(main())
