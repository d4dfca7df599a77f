"""What a journal of years takes on the disk, and whether others can write while it is kept."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from core.encoding import loads
from tests.benchmarks.journal_size_postgres import PostgresSizes
from tests.benchmarks.journal_size_run import Sizes
from tests.benchmarks.report import Requirement, print_columns
from tests.factories import ROOT

SIZE: Final = 100_000
MEGABYTE: Final = 1_000_000
MOST_IMAGE_BYTES: Final = 30 * MEGABYTE
MOST_BYTES: Final = 100 * MEGABYTE
LONGEST_WAIT_SECONDS: Final = 0.5


def print_on_postgres(size: int) -> None:
    """Print what the same operations take in PostgreSQL, where there is one to start: told, not promised."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.journal_size_postgres", str(size)],
        cwd=ROOT,
        check=False,
        capture_output=True,
    )
    if done.returncode:
        print(f"\non PostgreSQL: not measured ({done.stderr.decode().strip()[-200:]})")
        return
    found = PostgresSizes(**loads(done.stdout))
    print()
    print_columns(
        ("on PostgreSQL (no promise)", "images MB", "whole journal MB", "largest tables, MB"),
        [
            (
                f"{found.size:,} operations",
                f"{found.image_bytes / MEGABYTE:,.1f}",
                f"{found.journal_bytes / MEGABYTE:,.1f}",
                ", ".join(f"{n} {b / MEGABYTE:.1f}" for n, b in found.tables.items()),
            )
        ],
    )


def measure(folder: Path, size: int = SIZE) -> list[Requirement]:
    """Measure in a process of its own, print the figures, return the promises."""
    with tempfile.TemporaryDirectory(dir=folder) as own:
        done = subprocess.run(
            [sys.executable, "-m", "tests.benchmarks.journal_size_run", str(size), own],
            cwd=ROOT,
            check=True,
            capture_output=True,
        )
    found = Sizes(**loads(done.stdout))
    print()
    print_columns(
        ("operations", "image, plain B", "images B/op", "journal B/op", "open MB", "closed MB"),
        [
            (
                f"{found.size:,}",
                f"{found.image_plain_bytes:,.0f}",
                f"{found.image_bytes / found.size:,.0f}",
                f"{found.closed_bytes / found.size:,.0f}",
                f"{found.open_bytes / MEGABYTE:,.1f}",
                f"{found.closed_bytes / MEGABYTE:,.1f}",
            )
        ],
    )
    print()
    print_columns(
        ("while others write", "seconds", "their commits", "longest of them, ms"),
        [
            (
                f"prune {found.pruned_images:,} images",
                f"{found.prune_seconds:.1f}",
                f"{found.prune_commits}",
                f"{found.prune_wait_seconds * 1000:.0f}",
            ),
            (
                f"back up {found.backup_bytes / MEGABYTE:.0f} MB and verify it",
                f"{found.backup_seconds:.1f}",
                f"{found.backup_commits}",
                f"{found.backup_wait_seconds * 1000:.0f}",
            ),
        ],
    )
    print_on_postgres(size)
    wait = f"<= {LONGEST_WAIT_SECONDS * 1000:.0f} ms"
    return [
        Requirement(
            f"sealed images of {found.size:,} operations, two of 600 bytes each",
            f"< {MOST_IMAGE_BYTES // MEGABYTE} MB",
            f"{found.image_bytes / MEGABYTE:.1f} MB",
            found.image_bytes < MOST_IMAGE_BYTES,
        ),
        Requirement(
            "their whole journal on the disk, its write-ahead log too",
            f"< {MOST_BYTES // MEGABYTE} MB",
            f"{max(found.open_bytes, found.closed_bytes) / MEGABYTE:.1f} MB",
            max(found.open_bytes, found.closed_bytes) < MOST_BYTES,
        ),
        Requirement(
            "longest wait of another writer while half of it is pruned",
            wait,
            f"{found.prune_wait_seconds * 1000:.0f} ms",
            found.prune_wait_seconds <= LONGEST_WAIT_SECONDS,
        ),
        Requirement(
            "longest wait of another writer while it is backed up and verified",
            wait,
            f"{found.backup_wait_seconds * 1000:.0f} ms",
            found.backup_wait_seconds <= LONGEST_WAIT_SECONDS,
        ),
    ]
