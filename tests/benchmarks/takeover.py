"""`python -m tests.benchmarks.takeover`: how long a change set waits for another worker, killed or frozen.

Two workers on one journal in PostgreSQL. The first is stopped at a crash point in the middle of a batch, killed or frozen
there; what is measured is when the second one has the claim. A frozen one keeps its lock, so its lease must end first.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

import psycopg

from recovery.journal import Journal
from recovery.states import ChangeSetState
from recovery.workers import holders
from recovery.workers.holders import ClaimView
from sandbox.postgres import Cluster, start_cluster
from tests.benchmarks.report import Requirement, print_environment, print_verdicts
from tests.factories import served_erp
from tests.integration.workers.office import Office

MOST_SECONDS: Final = 6.0
LEASE_SECONDS: Final = 3.0


def measure(office: Office, *, is_killed: bool) -> float:
    """Return the seconds from the death, or from the end of the lease of a frozen one, to the next claim."""
    change_set = office.queued(8)
    first = office.worker("--name", "first", point="apply.after_fence#2")
    first.wait_for_point()
    second = office.worker("--name", "second")
    time.sleep(4)  # it is up, and has looked for work
    with office.journal() as journal:
        begun = time.monotonic()
        if is_killed:
            first.kill()
        else:
            first.process.send_signal(signal.SIGSTOP)
            begun += claim(journal).left_seconds
        while claim(journal).worker != "second":
            time.sleep(0.02)
        taken = time.monotonic()
    office.wait_for(change_set, ChangeSetState.APPLIED)
    office.assert_once(change_set)
    for worker in (first, second):
        worker.kill()
    return taken - begun


def claim(journal: Journal) -> ClaimView:
    """Return the one claim there is."""
    while not (found := holders.views(journal.database)):
        time.sleep(0.02)
    return found[0]


def new_journal(cluster: Cluster, number: int) -> str:
    """Make a database with an empty journal; return its address."""
    with closing(psycopg.connect(cluster.dsn, autocommit=True)) as connection:
        connection.execute(f"CREATE DATABASE takeover_{number}".encode())
    dsn = cluster.dsn_of(f"takeover_{number}")
    url = dsn.replace("postgresql://", "postgresql+psycopg://", 1)
    Journal.open(url).close()
    return url


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and tell; 1 when the promise is missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.takeover")
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args(arguments).rounds
    found: dict[bool, list[float]] = {True: [], False: []}
    with tempfile.TemporaryDirectory() as name, start_cluster() as cluster:
        folder = Path(name)
        print_environment(folder)
        with served_erp(folder) as erp:
            for turn in range(2 * rounds):
                own = folder / f"office-{turn}"
                own.mkdir()
                url = new_journal(cluster, turn)
                is_killed = turn % 2 == 0
                with closing(Office(url, erp, own, lease_seconds=LEASE_SECONDS)) as office:
                    found[is_killed].append(measure(office, is_killed=is_killed))
    return print_verdicts(
        [
            Requirement(
                f"{what}, {rounds} rounds: seconds until another worker has it, at most",
                f"<= {MOST_SECONDS:.0f}",
                f"{max(found[is_killed]):.1f} (least {min(found[is_killed]):.1f})",
                max(found[is_killed]) <= MOST_SECONDS,
            )
            for is_killed, what in ((True, "killed"), (False, "frozen, after its lease"))
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
