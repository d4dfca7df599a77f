"""Several processes write one audit chain: one locked head, no line twice, none lost."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from contextlib import closing

from recovery.journal import Journal
from tests.factories import ROOT

PROCESSES, COMMITS = 4, 25


def test_processes_write_one_chain_at_once(journal_url: str) -> None:
    """Lines follow each other without a gap, whoever wrote them, and each holds the hash of the one before."""
    writers = [
        subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tests.integration.recovery.chain_writer",
                journal_url,
                f"writer{number}",
                str(COMMITS),
            ],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(PROCESSES)
    ]
    for writer in writers:
        assert writer.stdout is not None
        while writer.stdout.readline() != "ready\n":
            assert writer.poll() is None
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
    codes = [writer.wait() for writer in writers]
    with closing(Journal.open(journal_url)) as journal:
        report = journal.verify()
        with journal.reading() as connection:
            names = [
                row.actor
                for row in connection.exec_driver_sql(
                    "SELECT actor FROM move ORDER BY audit_number"
                )
            ]
    for writer in writers:
        writer.communicate()

    assert [0] * PROCESSES == codes
    assert report.is_intact
    assert PROCESSES * COMMITS == report.line_count
    assert {f"writer{number}": COMMITS for number in range(PROCESSES)} == Counter(names)
