"""What every benchmark says alike: where it ran, medians, and a table of requirements with verdicts."""

from __future__ import annotations

import logging
import os
import platform
import sqlite3
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Final

import structlog

LIBRARIES: Final = ("sqlalchemy", "msgspec", "backports.zstd", "pyarrow")
SYNCS: Final = 30


@dataclass(frozen=True, slots=True)
class Requirement:
    """One promise: what it says, what was measured, whether it is kept."""

    name: str
    wanted: str
    measured: str
    is_met: bool

    @property
    def verdict(self) -> str:
        """Return one word."""
        return "kept" if self.is_met else "MISSED"


def only_warnings() -> None:
    """Keep the log out of the figures: events of a run that went well are not written."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))


def print_environment(folder: Path) -> None:
    """Print what the figures depend on: machine, versions, and what a durable write costs there."""
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    print(f"machine    {_processor()}, {os.cpu_count()} cores, {platform.system()}")
    print(f"python     {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {libraries}")
    print(f"disk       {sync_milliseconds(folder):.2f} ms for 4 KiB and fsync (median of {SYNCS})")
    print(f"load       {os.getloadavg()[0]:.2f} (figures are true only on a machine that rests)")


def _processor() -> str:
    about = Path("/proc/cpuinfo")
    if about.exists():
        for line in about.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def sync_milliseconds(folder: Path) -> float:
    """Return the median time that a small durable write takes in `folder`."""
    took = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(SYNCS):
            started = time.perf_counter()
            file.write(b"x" * 4096)
            file.flush()
            os.fsync(file.fileno())
            took.append(time.perf_counter() - started)
    return median(took) * 1000


def print_columns(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table, the first column to the left and the others to the right."""
    table = [list(titles), *map(list, rows)]
    widths = [max(len(row[place]) for row in table) for place in range(len(titles))]
    for row in table:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        print("  ".join(cells).rstrip())


def print_verdicts(requirements: Sequence[Requirement]) -> int:
    """Print requirements with what was measured; return the exit code: 0 when all are kept."""
    print()
    print_columns(
        ("requirement", "wanted", "measured", "verdict"),
        [(each.name, each.wanted, each.measured, each.verdict) for each in requirements],
    )
    return 0 if all(each.is_met for each in requirements) else 1
