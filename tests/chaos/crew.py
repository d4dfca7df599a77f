"""Workers in processes of their own, that are killed and frozen while they carry out what waits.

A frozen worker stops exactly between its look at the fence and what it sends, or wherever a signal meets it.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Final

from connectors.contract import System, no_fence
from connectors.fake.client import HTTPTransport
from connectors.fake.connector import FakeSystem
from connectors.http import HttpClient
from core import crashpoint
from core.errors import StornoError
from core.retry import RetryPolicy
from recovery.apply import RunOptions, run
from recovery.journal import Journal
from recovery.model import Actor
from recovery.states import ChangeSetState
from recovery.workers import holders

FROZEN_AT: Final = "apply.after_fence"
LONGEST_SECONDS: Final = 60.0
RUNNABLE: Final = {ChangeSetState.APPROVED, ChangeSetState.RUNNING, ChangeSetState.PAUSED}
_LOOK_SECONDS: Final = 0.02


def open_fake(
    url: str, name: str, *, batch_size: int = 3, settles_after_seconds: float = 0.4
) -> FakeSystem:
    """Open a served fake ERP."""
    http = HttpClient(name, url, read_timeout_seconds=20.0, write_timeout_seconds=20.0)
    return FakeSystem(
        name,
        HTTPTransport(http, system=name, user="storno", password="storno"),
        batch_size=batch_size,
        settles_after=timedelta(seconds=settles_after_seconds),
    )


@dataclass(frozen=True, slots=True)
class CrewTask:
    """Where the workers find the journal and, by its name, each system; the openers travel to other processes."""

    journal_url: str
    open_system: Callable[[str], System]
    lease_seconds: float = 1.0


@dataclass(frozen=True, slots=True)
class Nature:
    """What is odd about a worker: where it freezes, and whether it looks at its fence at all."""

    freezes_at_pass: int = 0  # never
    freezes_at: str = FROZEN_AT
    is_fenceless: bool = False


def work(task: CrewTask, name: str, nature: Nature) -> None:
    """Carry out whatever waits, until somebody ends this process."""
    passes = 0

    def freeze(point: str) -> None:
        nonlocal passes
        passes += point == nature.freezes_at
        if point == nature.freezes_at and passes == nature.freezes_at_pass:
            os.kill(os.getpid(), signal.SIGSTOP)

    if nature.is_fenceless:
        Journal.fence = lambda *_, **__: no_fence  # type: ignore[method-assign]

    from tests.chaos.kinds import quieten

    quieten()
    systems: dict[str, System] = {}

    def find(wanted: str) -> System:
        if wanted not in systems:
            systems[wanted] = task.open_system(wanted)
        return systems[wanted]

    options = RunOptions(
        retry=RetryPolicy(5.0, first_wait_seconds=0.02),
        worker=name,
        lease_seconds=task.lease_seconds,
    )
    with crashpoint.watched(freeze):
        while True:
            with suppress(StornoError), journal_of(task) as journal:
                for change_set in reversed(journal.change_sets(states=RUNNABLE, limit=1000)):
                    with suppress(StornoError):
                        run(journal, find, change_set.id, actor=Actor(name), options=options)
            time.sleep(_LOOK_SECONDS)


@contextmanager
def journal_of(task: CrewTask) -> Iterator[Journal]:
    """Open the journal."""
    journal = Journal.open(task.journal_url)
    try:
        yield journal
    finally:
        journal.close()


STEADY: Final = Nature()


class Crew:
    """Some workers; whoever is killed is replaced."""

    def __init__(self, task: CrewTask, size: int = 2) -> None:
        # Forked from a process that has imported everything already: a worker is there at once.
        self._context = get_context("forkserver")
        self._context.set_forkserver_preload(["tests.chaos.crew", "tests.chaos.kinds"])
        self.task = task
        self._hired = 0
        self.members: list[BaseProcess] = []
        for _ in range(size):
            self.hire()

    def hire(self, nature: Nature = STEADY) -> BaseProcess:
        """Start one more worker."""
        self._hired += 1
        name = f"worker {self._hired}"
        member = self._context.Process(
            target=work, args=(self.task, name, nature), name=name, daemon=True
        )
        member.start()
        self.members.append(member)
        return member

    def kill(self, member: BaseProcess) -> None:
        """Kill it as a power cut does."""
        member.kill()
        member.join()
        self.members.remove(member)

    def send_home(self) -> None:
        """End them all."""
        for member in list(self.members):
            self.kill(member)


def freeze(member: BaseProcess) -> None:
    """Stop a worker wherever it is."""
    assert member.pid is not None
    os.kill(member.pid, signal.SIGSTOP)


def thaw(member: BaseProcess) -> None:
    """Let a frozen worker go on."""
    assert member.pid is not None
    os.kill(member.pid, signal.SIGCONT)


def is_frozen(member: BaseProcess) -> bool:
    """Whether a worker stands still (Linux)."""
    status = Path(f"/proc/{member.pid}/stat").read_text(encoding="utf-8")
    return status.rpartition(")")[2].split()[0] == "T"


class Takeovers:
    """How long after the end of a lease somebody else had what a frozen worker held."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._seen: dict[str, tuple[int, float]] = {}  # change set -> fence, end of its lease
        self.seconds: list[float] = []

    def look(self) -> None:
        """Look who holds what; call it often."""
        now = time.monotonic()
        for view in holders.views(self._journal.database):
            before = self._seen.get(view.change_set_id)
            if before is not None and before[0] < view.fence and before[1] < now:
                self.seconds.append(now - before[1])
            self._seen[view.change_set_id] = view.fence, now + view.left_seconds

    def wait_until(self, is_true: object) -> bool:
        """Look until something is true; return whether it was in time."""
        assert callable(is_true)
        deadline = time.monotonic() + LONGEST_SECONDS
        while not is_true():
            if time.monotonic() > deadline:
                return False
            self.look()
            time.sleep(_LOOK_SECONDS)
        return True


def frozen(
    crew: Crew, takeovers: Takeovers, is_done: Callable[[], bool], nature: Nature
) -> BaseProcess:
    """Let a worker freeze for longer than its lease, and another one do the work; return the frozen one, thawed.

    Raises `AssertionError` when it did not freeze, or when nobody took over.
    """
    sleeper = crew.hire(nature)
    assert takeovers.wait_until(lambda: is_frozen(sleeper)), "it did not freeze"
    crew.hire()
    assert takeovers.wait_until(is_done), "nobody took over"
    thaw(sleeper)
    return sleeper
