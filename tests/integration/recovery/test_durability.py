"""What the journal has committed is on the disk, whoever pulls the plug."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import pytest
from sqlalchemy import event

from tests.factories import ROOT
from tests.integration.recovery.scene import CANCEL, Scene

PRAGMAS = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
THREADS = 5


def test_every_connection_is_durable(scene: Scene) -> None:
    """WAL, synchronous=FULL and foreign keys: on the first connection, and on those that threads open later."""
    engine, seen = scene.journal._database._engine, list[dict[str, Any]]()

    def look(connection: Any, *_: object) -> None:
        seen.append({name: connection.execute(f"PRAGMA {name}").fetchone()[0] for name in PRAGMAS})

    event.listen(engine, "connect", look)
    barrier = Barrier(THREADS)

    def read() -> None:
        with scene.journal._database.reading():
            barrier.wait()

    threads = [Thread(target=read) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {name: scene.sql(f"PRAGMA {name}")[0][0] for name in PRAGMAS} == PRAGMAS
    assert THREADS - 1 <= len(seen)  # the pool had one already
    assert [PRAGMAS] * len(seen) == seen


def test_a_write_takes_its_lock_at_once(scene: Scene) -> None:
    """A transaction that read first and locked later could fail without waiting for another one."""
    statements: list[str] = []
    event.listen(
        scene.journal._database._engine,
        "before_cursor_execute",
        lambda _connection, _cursor, statement, *_: statements.append(statement),
    )
    scene.plan(CANCEL, scene.orders())

    begins = [statement for statement in statements if statement.startswith("BEGIN")]
    assert "BEGIN IMMEDIATE" == begins[0]
    assert {"BEGIN"} == set(begins[1:])


COMMITS = """
import sys
from sqlalchemy import event
from recovery.sql import database

url, count, synchronous = sys.argv[1:]
if synchronous:
    set_up = database._set_up_sqlite

    def weaker(connection, record):
        set_up(connection, record)
        connection.execute(f"PRAGMA synchronous={synchronous}")

    database._set_up_sqlite = weaker

from recovery.journal import Journal
from recovery.model import Actor, Draft, Purpose

journal = Journal.open(url)
for number in range(int(count)):
    with journal.writing() as writer:
        writer.add_plan(Draft(Purpose.CLOSING, str(number), Actor("mei")), (), ())
"""


@pytest.fixture
def journal_file(sqlite_url: str, tmp_path: Path) -> Path:
    """Return an empty journal to copy."""
    del sqlite_url
    return tmp_path / "journal.db"


def synced(journal: Path, *, commits: int, synchronous: str = "") -> int:
    """Return how often a process with so many commits asked the system to sync a file."""
    path, trace = journal.with_name(f"{commits}.db"), journal.with_name("trace")
    shutil.copyfile(journal, path)
    strace = shutil.which("strace")
    assert strace is not None, "please install strace: make system"
    subprocess.run(
        [
            strace,
            "-f",
            "-qq",
            "-e",
            "trace=fsync,fdatasync",
            "-e",
            "signal=none",
            "-o",
            str(trace),
            sys.executable,
            "-c",
            COMMITS,
            f"sqlite:///{path}",
            str(commits),
            synchronous,
        ],
        cwd=ROOT,
        check=True,
    )
    return sum("sync(" in line for line in trace.read_text().splitlines())


@pytest.mark.skipif(sys.platform != "linux", reason="system calls are counted with strace")
def test_every_commit_reaches_the_disk(journal_file: Path) -> None:
    """Eight more commits of the journal are at least eight more syncs of its file."""
    assert 8 <= synced(journal_file, commits=9) - synced(journal_file, commits=1)


@pytest.mark.skipif(sys.platform != "linux", reason="system calls are counted with strace")
@pytest.mark.parametrize("synchronous", ["NORMAL", "OFF"])
def test_counting_tells_what_is_not_durable(journal_file: Path, synchronous: str) -> None:
    """The test above would see a journal that leaves its commits to the system's good will."""
    many = synced(journal_file, commits=9, synchronous=synchronous)

    assert 0 == many - synced(journal_file, commits=1, synchronous=synchronous)
