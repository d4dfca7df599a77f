"""`python -m tests.benchmarks`: everything that Storno promises in figures, and one table at the end."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.benchmarks import journal, journal_size, odbc, previews, sap, startup, tryton
from tests.benchmarks.report import only_warnings, print_environment, print_verdicts


def main() -> int:
    """Measure all and tell; 1 when a promise is missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks")
    parser.add_argument(
        "--folder", type=Path, help="where journals are written: the disk to measure"
    )
    parser.add_argument("--cache", type=Path, help="where the practice company is kept")
    chosen = parser.parse_args()
    only_warnings()
    with tempfile.TemporaryDirectory(dir=chosen.folder) as folder:
        print_environment(Path(folder))
        found = journal.measure(Path(folder), journal.ROUNDS)
        found += journal_size.measure(Path(folder))
        found += previews.measure(Path(folder))
        found += startup.measure()
        found += odbc.measure(Path(folder))
        found += sap.measure(Path(folder), sap.PAIRS)
        found += tryton.measure(tryton.prepare(Path(folder), chosen.cache), tryton.PAIRS)
    return print_verdicts(found)


if __name__ == "__main__":
    sys.exit(main())
