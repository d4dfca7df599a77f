"""One of several processes that write to one journal at once: plans, one commit each."""

from __future__ import annotations

import sys

from recovery.journal import Journal
from recovery.model import Actor, Draft, Purpose


def main(url: str, name: str, count: int) -> None:
    """Say when ready, wait for a line, write."""
    journal = Journal.open(url)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    for number in range(count):
        with journal.writing() as writer:
            writer.add_plan(Draft(Purpose.CLOSING, f"{name} {number}", Actor(name)), (), ())
    journal.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
