"""Procrastinate: hands change sets out among the workers on one PostgreSQL. Imported when such a worker starts.

A job says which change set, and nothing else. It is made in the transaction of whoever wants it (`recovery.workers.queue`). What
a worker did not finish needs no retrier of jobs: each worker looks for change sets that nobody carries out and makes a
job of top priority, so the next free place of any worker takes it before everything new.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import structlog

from core.errors import PackageMissing, StornoError, UsageError
from core.events import Event
from core.text import N_
from recovery.workers import queue, queue_tables
from service.worker import LOOK_SECONDS

if TYPE_CHECKING:
    from procrastinate import App

    from recovery.journal import Journal
    from service.worker import Worker

log = structlog.get_logger(__name__)

MOST_NAMED_SYSTEMS: Final = 6
"""A worker that serves only some systems listens to the queue of each set of them."""

HEARTBEAT_SECONDS: Final = 5.0
STALLED_SECONDS: Final = 20.0
POLL_SECONDS: Final = 5.0
"""Where a notification was lost. Jobs that are due later are found by it too."""

MOST_CONNECTIONS: Final = 5


def install(journal: Journal) -> str:
    """Make or update the tables of Procrastinate; return their schema. Errors as `queue_tables.install`."""
    schema_manager = _import().schema.SchemaManager
    folder = Path(schema_manager.get_migrations_path())
    migrations = [
        (each.name, each.read_text(encoding="utf-8")) for each in sorted(folder.glob("*.sql"))
    ]
    return queue_tables.install(journal, schema_manager.get_schema(), migrations)


def work(worker: Worker) -> None:
    """Work until asked to stop, or once until nothing is to be done."""
    schema = install(worker.journal)
    # On Windows psycopg cannot use the event loop that is the default there.
    factory = asyncio.SelectorEventLoop if sys.platform == "win32" else None
    lost = _lost_connections()
    with asyncio.Runner(loop_factory=factory) as runner:
        while True:
            try:
                runner.run(_Shift(worker, schema).run())
            except lost as error:
                log.warning(Event.QUEUE_UNREADABLE, problem=str(error) or type(error).__name__)
            if worker.stop() or worker.options.is_once:
                return
            # The database was started anew, or the network was cut: a worker outlives that.
            worker.stop.wait(LOOK_SECONDS)


class _Shift:
    """One worker from its start to its end, on Procrastinate."""

    def __init__(self, worker: Worker, schema: str) -> None:
        self._worker = worker
        self._schema = schema
        queues = _queues(worker.options.systems)
        self._queues: dict[str, Any] = {} if queues is None else {"queues": queues}

    async def run(self) -> None:
        """Look, listen and work."""
        worker = self._worker
        places = ThreadPoolExecutor(worker.options.concurrency, thread_name_prefix="storno-run")
        app = self._app(places)
        async with app.open_async():
            await asyncio.to_thread(self._look)
            looking = asyncio.create_task(self._keep_looking(app))
            working = asyncio.create_task(
                app.run_worker_async(
                    **self._queues,
                    name=worker.name,
                    wait=not worker.options.is_once,
                    concurrency=worker.options.concurrency,
                    fetch_job_polling_interval=POLL_SECONDS,
                    update_heartbeat_interval=HEARTBEAT_SECONDS,
                    stalled_worker_timeout=STALLED_SECONDS,
                    delete_jobs="always",
                    install_signal_handlers=False,
                )
            )
            with _Signals(asyncio.get_running_loop(), worker, working):
                try:
                    # Cancelled, it takes no new job and waits for those that are under way.
                    with suppress(asyncio.CancelledError):
                        await working
                finally:
                    looking.cancel()
                    with suppress(asyncio.CancelledError):
                        await looking
                    places.shutdown()

    def _app(self, places: ThreadPoolExecutor) -> App:
        procrastinate = _import()
        connector = procrastinate.PsycopgConnector(
            min_size=1,
            max_size=MOST_CONNECTIONS,
            kwargs=_connection(self._worker.journal, self._schema),
        )
        app: App = procrastinate.App(connector=connector)

        async def go_on(*, change_set: str) -> None:
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(places, self._worker.go_on, change_set)

        app.task(name=queue_tables.TASK, pass_context=False)(go_on)
        return app

    async def _keep_looking(self, app: App) -> None:
        while not self._worker.stop():
            await asyncio.sleep(LOOK_SECONDS)
            await asyncio.to_thread(self._look)
            await self._clear(app)

    def _look(self) -> None:
        """Make a job of everything that should be carried out and has none."""
        worker = self._worker
        try:
            wanted = worker.wanted()
            if not wanted:
                return
            waiting = queue_tables.waiting(worker.journal, self._schema)
            missing = [w for w in wanted if waiting.get(w.change_set_id, -1) < w.priority]
            if not missing:
                return
            with worker.journal.writing() as writer:
                for each in missing:
                    queue.defer(
                        writer.connection,
                        each.change_set_id,
                        each.systems,
                        priority=each.priority,
                    )
        except StornoError as error:
            # The database may be starting anew: the next look comes soon.
            log.warning(Event.QUEUE_UNREADABLE, code=error.code, problem=str(error))

    async def _clear(self, app: App) -> None:
        """Take away the jobs of workers that are no more; their change sets have new ones."""
        procrastinate = _import()
        with suppress(procrastinate.exceptions.ConnectorException):
            stalled = await app.job_manager.get_stalled_jobs(
                task_name=queue_tables.TASK, seconds_since_heartbeat=STALLED_SECONDS
            )
            for job in stalled:
                # Another worker may have been faster.
                with suppress(procrastinate.exceptions.ConnectorException):
                    await app.job_manager.finish_job(
                        job, status=procrastinate.jobs.Status.FAILED, delete_job=True
                    )


class _Signals:
    """The first SIGTERM or SIGINT asks for an end in good order, the second ends the process."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, worker: Worker, working: asyncio.Task[None]
    ) -> None:
        self._loop = loop
        self._worker = worker
        self._working = working
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> None:
        for each in (signal.SIGTERM, signal.SIGINT):
            # Not of the main thread: whoever started the thread stops the worker.
            with suppress(ValueError):
                self._before[each] = signal.signal(each, self._ask)

    def __exit__(self, *error: object) -> None:
        self._put_back()

    def _ask(self, number: int, frame: object) -> None:
        del number, frame
        self._put_back()
        self._worker.stop.ask()
        self._loop.call_soon_threadsafe(self._working.cancel)

    def _put_back(self) -> None:
        for each, handler in self._before.items():
            signal.signal(each, handler)


def _queues(systems: Iterable[str]) -> list[str] | None:
    """Return the queues that a worker for these systems listens to; None for all."""
    named = sorted(systems)
    if not named:
        return None
    if len(named) > MOST_NAMED_SYSTEMS:
        raise UsageError(
            N_("Name at most {count} systems, or none, for a worker that serves all."),
            count=MOST_NAMED_SYSTEMS,
        )
    return [
        queue.queue_name(some)
        for size in range(1, len(named) + 1)
        for some in combinations(named, size)
    ]


def _connection(journal: Journal, schema: str) -> dict[str, Any]:
    given = journal.database.driver_arguments()
    options = f"{given.pop('options', '')} -c search_path={schema}"
    return {**given, "options": options.strip()}


def _lost_connections() -> tuple[type[Exception], ...]:
    import psycopg

    return (_import().exceptions.ProcrastinateException, psycopg.Error, OSError)


def _import() -> Any:
    try:
        import procrastinate
        import procrastinate.exceptions
        import procrastinate.jobs
        import procrastinate.schema
    except ModuleNotFoundError as error:
        raise PackageMissing(
            package=error.name or "procrastinate", command="pip install 'storno[postgres]'"
        ) from error
    return procrastinate
