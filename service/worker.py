"""A worker: carries out what is queued, several change sets at once, and takes over what others left behind.

The journal alone says what there is to do: rows of the queue, and change sets that run while nobody holds them. Where
the journal is in PostgreSQL, Procrastinate hands the work out among workers (`service.jobs`); in SQLite the worker looks
by itself. The claims of `recovery.workers.claims` are the same in both.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Final

import structlog

from core import clock
from core.errors import (
    FenceLost,
    HeldOff,
    IllegalMove,
    JournalBusy,
    JournalFull,
    JournalKeyMissing,
    RecordLocked,
    StornoError,
    TransientError,
)
from core.events import Event
from recovery.apply import run
from recovery.states import ChangeSetState
from recovery.workers import claims, holders, queue
from recovery.workers.queue import RUNNABLE, Entry

if TYPE_CHECKING:
    from recovery.journal import Journal
    from recovery.model import ChangeSet
    from service.app import Services

log = structlog.get_logger(__name__)

LOOK_SECONDS: Final = 2.0
"""So often a worker looks for what nobody carries out: what a killed one left is found within this time."""

AGAIN_AFTER: Final = timedelta(seconds=60)
"""When a change set is tried again that could not be carried out for a reason that passes by itself."""

SOON: Final = timedelta(seconds=5)
"""The same where it is the journal that was away: its server is started anew, or makes room."""

MOST_WAITING: Final = 200
_RUNNING: Final = ChangeSetState.RUNNING
_OF_JOURNAL: Final = (JournalFull, JournalBusy)


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """How a worker works. Without `systems` it serves all; with them only change sets that need nothing else."""

    concurrency: int = 1
    systems: frozenset[str] = frozenset()
    is_once: bool = False  # end when nothing is to be done
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """A change set that somebody should carry out now."""

    change_set_id: str
    systems: frozenset[str]
    priority: int


@dataclass(slots=True)
class Stop:
    """Whether the worker was asked to end: runs look between two batches."""

    _flag: threading.Event = field(default_factory=threading.Event)

    def __call__(self) -> bool:
        return self._flag.is_set()

    def ask(self) -> None:
        """Ask it to end."""
        self._flag.set()

    def wait(self, seconds: float) -> bool:
        """Wait so long, or until it is asked; return whether it was."""
        return self._flag.wait(seconds)


class Worker:
    """Carries change sets out, each in a thread with a journal and with systems of its own.

    A system is used by one thread at a time, so what a thread has opened is lent to one run after the other.
    """

    def __init__(
        self, services: Services, build: Callable[[], Services], options: WorkerOptions
    ) -> None:
        self.services = services
        self.options = options
        self.stop = Stop()
        self.name = options.name or claims.worker_name()
        self._build = build
        self._idle: SimpleQueue[Services] = SimpleQueue()
        self.done_count = 0  # change sets that were carried on

    @property
    def journal(self) -> Journal:
        """The journal to look into; each run has one of its own."""
        return self.services.journal

    def run(self) -> None:
        """Work until asked to stop (SIGTERM, SIGINT), or, once, until nothing is to be done."""
        log.info(Event.WORKER_STARTED, worker=self.name, concurrency=self.options.concurrency)
        try:
            with self.services.notifying():
                if self.services.journal.is_shared:
                    from service import jobs

                    jobs.work(self)
                else:
                    with _stopped_by_signals(self.stop):
                        self._work_alone()
        finally:
            self._close()
            log.info(Event.WORKER_STOPPED, worker=self.name)

    # --- what is to be done -----------------------------------------------------------------------

    def wanted(self) -> list[Wanted]:
        """Return what should be carried out now: first what was cut short, then what waits, oldest first."""
        journal = self.journal
        abandoned = holders.abandoned(journal.database)
        with journal.reading() as connection:
            waiting = {entry.change_set_id: entry for entry in queue.entries(connection)}
            due = queue.due(connection, limit=MOST_WAITING)
            cut_short = [
                Wanted(each, queue.systems_of(connection, each), queue.TOP)
                for each in abandoned
                if _is_due(waiting.get(each))
            ]
        new = [Wanted(entry.change_set_id, entry.systems, queue.ORDINARY) for entry in due]
        return [each for each in (*cut_short, *new) if self.serves(each.systems)]

    def serves(self, systems: Collection[str]) -> bool:
        """Whether this worker has what a change set needs."""
        return set(systems) <= (self.options.systems or set(self.services.settings.systems))

    # --- one change set ---------------------------------------------------------------------------

    def go_on(self, change_set_id: str) -> None:
        """Carry one change set out, as far as it goes. What becomes of it stands in the journal; nothing is raised."""
        with structlog.contextvars.bound_contextvars(change_set=change_set_id, worker=self.name):
            try:
                with self._lent() as services:
                    self._go_on(services, change_set_id)
            except _OF_JOURNAL as error:
                log.warning(Event.QUEUE_UNREADABLE, code=error.code, problem=str(error))
                self._leave_for_later(change_set_id, SOON)
            except Exception as error:
                # The one place beside the outermost handler: a bug in one run must not end the others.
                log.exception(Event.WORKER_FAILED, code=getattr(error, "code", None))
                self._leave_for_later(change_set_id, AGAIN_AFTER)

    def _go_on(self, services: Services, change_set_id: str) -> None:
        journal = services.journal
        change_set = journal.change_set(change_set_id)
        with journal.reading() as connection:
            entry = queue.entry_of(connection, change_set_id)
        if self._is_wanted(change_set, entry):
            self._carry_out(services, change_set, entry)
        elif entry is not None and change_set.state not in RUNNABLE:
            _dequeue(journal, change_set_id)

    def _leave_for_later(self, change_set_id: str, wait: timedelta) -> None:
        """Not at once again: what ended one run ends the next one, too. What nobody wants is not wanted by that."""
        journal = self.journal
        try:
            with journal.reading() as connection:
                entry = queue.entry_of(connection, change_set_id)
            if entry is None and journal.change_set(change_set_id).state is not _RUNNING:
                return
            actor = self.services.actor if entry is None else entry.queued_by
            self._again(journal, change_set_id, actor, clock.now() + wait)
        except StornoError as error:
            log.warning(Event.QUEUE_UNREADABLE, code=error.code, problem=str(error))
            self.stop.wait(LOOK_SECONDS)

    def _is_wanted(self, change_set: ChangeSet, entry: Entry | None) -> bool:
        if change_set.state not in RUNNABLE or self.stop():
            return False
        if entry is None:
            # Nobody asked for it, but its run was cut short: what is in the air is settled soon.
            return change_set.state is ChangeSetState.RUNNING
        return _is_due(entry)

    def _carry_out(self, services: Services, change_set: ChangeSet, entry: Entry | None) -> None:
        journal, change_set_id = services.journal, change_set.id
        actor = services.actor if entry is None else entry.queued_by
        options = replace(services.run_options, worker=self.name, should_stop=self.stop)
        self.done_count += 1
        try:
            ended = run(journal, services.system, change_set_id, actor=actor, options=options)
        except HeldOff:
            return  # it was queued for the moment when it may go on
        except (RecordLocked, TransientError, JournalKeyMissing) as error:
            # Another change set works on its records, or the system is away, or the journal: all of it passes. A key
            # that this process does not have, another one has, or this one when it is started anew.
            if isinstance(error, JournalKeyMissing):
                log.warning(Event.CHANGE_SET_PAUSED, code=error.code, problem=str(error))
            wait = SOON if isinstance(error, _OF_JOURNAL) else AGAIN_AFTER
            self._again(journal, change_set_id, actor, clock.now() + wait)
            return
        except FenceLost:
            return  # whoever has it now goes on
        except IllegalMove:
            if journal.change_set(change_set_id).state is not ChangeSetState.RUNNING:
                _dequeue(journal, change_set_id)
            return
        except StornoError as error:
            log.warning(Event.CHANGE_SET_PAUSED, code=error.code, problem=str(error))
            _dequeue(journal, change_set_id)
            return
        if ended.state is ChangeSetState.RUNNING:
            self._again(journal, change_set_id, actor, None)
        else:
            _dequeue(journal, change_set_id)

    def _again(self, journal: Journal, change_set_id: str, actor: Any, not_before: Any) -> None:
        with journal.writing() as writer:
            queue.enqueue(writer, change_set_id, actor, not_before=not_before, priority=queue.TOP)

    @contextmanager
    def _lent(self) -> Iterator[Services]:
        try:
            services = self._idle.get_nowait()
        except Empty:
            services = self._build()
        try:
            yield services
        except BaseException:
            # Who knows what is left open there.
            services.close()
            raise
        self._idle.put(services)

    def _close(self) -> None:
        while True:
            try:
                self._idle.get_nowait().close()
            except Empty:
                return

    # --- a journal that is nobody else's ----------------------------------------------------------

    def _work_alone(self) -> None:
        running: dict[Future[None], str] = {}
        with ThreadPoolExecutor(self.options.concurrency, thread_name_prefix="storno-run") as pool:
            while not self.stop():
                busy = set(running.values())
                free = self.options.concurrency - len(running)
                for each in [w for w in self.wanted() if w.change_set_id not in busy][:free]:
                    running[pool.submit(self.go_on, each.change_set_id)] = each.change_set_id
                if not running:
                    if self.options.is_once:
                        return
                    self.stop.wait(LOOK_SECONDS)
                    continue
                done, _ = wait(running, timeout=LOOK_SECONDS, return_when=FIRST_COMPLETED)
                for future in done:
                    running.pop(future)
                    future.result()


def _dequeue(journal: Journal, change_set_id: str) -> None:
    with journal.writing() as writer:
        queue.dequeue(writer.connection, change_set_id)


def _is_due(entry: Entry | None) -> bool:
    return entry is None or entry.not_before is None or entry.not_before <= clock.now()


@contextmanager
def _stopped_by_signals(stop: Stop) -> Iterator[None]:
    """Inside, the first SIGTERM or SIGINT asks for an end in good order; the second ends the process."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before: dict[signal.Signals, Any] = {}

    def ask(number: int, frame: object) -> None:
        del number, frame
        stop.ask()
        for each, handler in before.items():
            signal.signal(each, handler)

    for each in (signal.SIGTERM, signal.SIGINT):
        before[each] = signal.signal(each, ask)
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
