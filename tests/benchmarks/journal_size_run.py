"""`python -m tests.benchmarks.journal_size_run SIZE FOLDER`: a journal of years, and others writing while it is kept.

Writes SIZE operations in change sets of 1,000, each with two images of about 600 bytes whose values differ as those of
a real ERP do, sealed with a key. Then prunes half of it and writes a backup, while another process goes on with small
durable commits of its own and tells how long each of them took. Writes one line of JSON.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Final, Self

from connectors.contract import Executor, Image, Kind, Record, Ref, Reversibility, Step
from core import clock
from core.encoding import Value, dumps, loads
from recovery import locks
from recovery.approval import approve
from recovery.at_rest.retention import prune
from recovery.at_rest.sealing import Keys
from recovery.images import encode_image
from recovery.journal import Journal
from recovery.model import Actor, ChangeSet, Draft, PlannedOperation, Purpose
from recovery.running.outcome import Outcome
from recovery.sql.backup import back_up
from recovery.sql.health import figures
from recovery.states import ChangeSetState, OperationState
from tests.benchmarks.report import only_warnings
from tests.factories import ROOT

MEI: Final = Actor("mei")
KEYS: Final = Keys([("benchmark", bytes(range(32)))])
SET_SIZE: Final = 1_000
BATCH: Final = 500
ORDER: Final = "purchase.order"
LONGEST_SECONDS: Final = 300.0

_WORDS: Final = [
    f"{first}{last}"
    for first in "abcdefghijklmnopqrstuvwxyz"
    for last in ("lber", "ntor", "rista", "mesh", "ouk", "endi", "aplo", "urem", "ivas", "ompe")
]


@dataclass(frozen=True, slots=True)
class Sizes:
    """What a journal of this size takes on the disk, and how long a writer waited at most."""

    size: int
    image_plain_bytes: float = 0.0  # of one image, before it is packed
    image_bytes: int = 0  # the table of images, which is its own index
    open_bytes: int = 0  # every file of the journal, while it is being written
    closed_bytes: int = 0
    pruned_images: int = 0
    prune_seconds: float = 0.0
    prune_wait_seconds: float = 0.0
    prune_commits: int = 0
    backup_bytes: int = 0
    backup_seconds: float = 0.0
    backup_wait_seconds: float = 0.0
    backup_commits: int = 0


def order(random: Random, number: int, *, is_closed: bool) -> Image:
    """Return the image of one order: what an ERP keeps, values that repeat and values that do not."""
    day = date(2025, 1, 1) + timedelta(days=random.randrange(700))
    made = datetime(day.year, day.month, day.day, tzinfo=UTC)
    made += timedelta(seconds=random.randrange(8 * 3600, 18 * 3600))
    closed = datetime(2027, 1, 1, 8, tzinfo=UTC) + timedelta(seconds=number // 50)
    amount = Decimal(random.randrange(10**7)).scaleb(-2)
    partner = random.randrange(800)
    name = Random(partner)
    fields: dict[str, Value] = {
        "amount": amount,
        "approved_by": random.choice(_WORDS[:20]),
        "closed_at": closed if is_closed else None,
        "closed_by": "storno" if is_closed else None,
        "company": "Storno Trading",
        "created_at": made,
        "currency": random.choice(("EUR", "USD", "CNY")),
        "due": day + timedelta(days=random.choice((14, 30, 60))),
        "note": " ".join(random.choices(_WORDS, k=4)) if random.random() < 0.2 else "",
        "number": f"PO{number:07}",
        "owner": random.choice(_WORDS[:40]),
        "partner": f"{name.choice(_WORDS).title()} {name.choice(_WORDS).title()} GmbH",
        "partner_key": str(partner),
        "priority": 2,
        "reference": f"{random.randrange(10**6):06}" if random.random() < 0.5 else None,
        "remaining_amount": Decimal("0.00") if is_closed else amount,
        "state": "cancelled" if is_closed else "quotation",
        "write_date": closed if is_closed else made,
        "write_user": "storno" if is_closed else random.choice(_WORDS[:40]),
    }
    return Image((Record(Ref(ORDER, str(number)), fields),))


def planned(first: int, count: int) -> Iterator[PlannedOperation]:
    """Yield operations on the orders from `first` on."""
    for number in range(first, first + count):
        yield PlannedOperation(
            system="erp",
            kind=Kind.PURCHASE_ORDER,
            number=f"PO{number:07}",
            step=Step("purchase_order.cancel", Ref(ORDER, str(number))),
            executor=Executor.INTERFACE,
            reversibility=Reversibility.EXACT,
            approved=order(Random(number), number, is_closed=False),
        )


def carry_out(journal: Journal, change_set: ChangeSet) -> None:
    """Do what a run does with the journal, as if an ERP had answered."""
    with journal.writing() as writer:
        locks.lock_records(writer.connection, change_set.id)
        writer.lock_operations(change_set.id)
        writer.move_change_set(change_set.id, ChangeSetState.RUNNING, started_at=writer.moment)
    while batch := journal.next_operations(
        change_set.id, states={OperationState.LOCKED}, limit=BATCH
    ):
        numbers = [int(each.ref.key) for each in batch]
        before = [encode_image(order(Random(n), n, is_closed=False)) for n in numbers]
        after = [encode_image(order(Random(n), n, is_closed=True)) for n in numbers]
        with journal.writing() as writer:
            writer.send(batch, before, [journal.image_hash(each) for each in before])
        with journal.writing() as writer:
            writer.settle(
                [
                    Outcome(operation, OperationState.CONFIRMED, after=image)
                    for operation, image in zip(batch, after, strict=True)
                ]
            )
    with journal.writing() as writer:
        locks.release_records(writer.connection, change_set.id)
        writer.move_change_set(change_set.id, ChangeSetState.APPLIED, finished_at=writer.moment)


def fill(journal: Journal, size: int) -> datetime:
    """Write the operations; return the moment when half of them was done."""
    middle = clock.now()
    for first in range(1, size + 1, SET_SIZE):
        draft = Draft(Purpose.CLOSING, "Old quotations", MEI)
        done = journal.plan(draft, planned(first, min(SET_SIZE, size - first + 1)))
        carry_out(journal, approve(journal, done.id, MEI))
        if first <= max(size // 2, 1):
            middle = clock.now()
    return middle


def measure(size: int, folder: Path) -> Sizes:
    """Fill a journal, prune and back up while others write; raise `AssertionError` when it is not whole then."""
    path = folder / "journal.db"
    url = f"sqlite:///{path}"
    with closing(Journal.open(url, keys=KEYS)) as journal:
        middle = fill(journal, size)
        with journal.reading() as connection:
            image_bytes = connection.exec_driver_sql(
                "SELECT sum(pgsize) FROM dbstat WHERE name = 'image'"
            ).scalar_one()
        open_bytes = figures(journal).size_bytes
    closed_bytes = path.stat().st_size
    plain = [len(encode_image(order(Random(n), n, is_closed=bool(n % 2)))) for n in range(1, 1_001)]
    with closing(Journal.open(url, keys=KEYS)) as journal:
        with Others(folder, "prune") as others:
            started = time.perf_counter()
            pruned = prune(journal, middle, actor=MEI)
            prune_seconds = time.perf_counter() - started
        target = folder / "backup.db"
        with Others(folder, "backup") as also:
            started = time.perf_counter()
            health = back_up(journal, target)
            backup_seconds = time.perf_counter() - started
    assert not health.problems
    assert pruned.image_count > 0
    return Sizes(
        size=size,
        image_plain_bytes=sum(plain) / len(plain),
        image_bytes=image_bytes,
        open_bytes=open_bytes,
        closed_bytes=closed_bytes,
        pruned_images=pruned.image_count,
        prune_seconds=prune_seconds,
        prune_wait_seconds=max(others.waits),
        prune_commits=len(others.waits),
        backup_bytes=target.stat().st_size,
        backup_seconds=backup_seconds,
        backup_wait_seconds=max(also.waits),
        backup_commits=len(also.waits),
    )


class Others:
    """Another process that stores one small plan after the other while the block runs."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._ended = folder / f"{name}.ended"
        self._began = folder / f"{name}.began"
        self.waits: list[float] = []

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "tests.benchmarks.journal_size_run", "--write"),
                *(str(self._folder), str(self._began), str(self._ended)),
            ],
            cwd=ROOT,
            stdout=subprocess.PIPE,
        )
        while not self._began.exists() and self._process.poll() is None:
            time.sleep(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.touch()
        said, _errors = self._process.communicate()
        self.waits = loads(said)


def write(folder: Path, began: Path, ended: Path) -> list[float]:
    """Store small plans until the file `ended` is there; return how long each took."""
    waits = list[float]()
    with closing(Journal.open(f"sqlite:///{folder / 'journal.db'}", keys=KEYS)) as journal:
        number, until = 10**6, time.perf_counter() + LONGEST_SECONDS
        while not waits or (not ended.exists() and time.perf_counter() < until):
            started = time.perf_counter()
            journal.plan(Draft(Purpose.CLOSING, "One", MEI), planned(number, 1))
            waits.append(time.perf_counter() - started)
            began.touch()
            number += 1
            time.sleep(0.005)
    return waits


def main(*given: str) -> int:
    """Measure once, or be the other process, and write the result."""
    only_warnings()
    if given[0] == "--write":
        print(dumps(write(*(Path(each) for each in given[1:]))).decode())
    else:
        print(dumps(asdict(measure(int(given[0]), Path(given[1])))).decode())
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
