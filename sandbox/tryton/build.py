"""Make the practice ERP once and keep it: environment, empty database, practice company, each under its own key."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import sqlite3
import subprocess
import uuid
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urlsplit, urlunsplit

from sandbox import postgres
from sandbox.tryton import venv as environment
from sandbox.tryton.lock import build_lock
from sandbox.tryton.venv import PracticeError

Backend = Literal["sqlite", "postgresql"]
Size = Literal["demo", "test", "bench"]
Series = Literal["8.0", "8.2"]
Progress = Callable[[str, int, int], None]

DATABASE: Final = "practice"
SQLITE_URI: Final = "sqlite://"
SERVICE_USER: Final = "storno"
# Loopback only, practice data only: these are no secrets.
PASSWORDS: Final = {
    "admin": "practice-admin-1",
    "storno": "practice-storno-1",
    "colleague": "practice-colleague-1",
    "throwaway": "practice-throwaway-1",
}
MODULES: Final = (
    "purchase",
    "sale",
    "stock",
    "account_invoice",
    "account_invoice_stock",
    "project",
    "production",
    "timesheet",
)
KEEP_DAYS: Final = 21  # a practice company that is older than this has lost its fresh documents
_ERROR_LINES: Final = 40
# Tryton walks through sets here and there: a fixed hash seed gives the same rows each time.
_SAME_EACH_TIME: Final = {"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
_PG_DUMP: Final = "practice.pgdump"
_NEVER_SECONDS: Final = 10**9


@dataclass(frozen=True, kw_only=True)
class Ready:
    """A practice company at rest, to be copied and started as often as one likes."""

    folder: Path
    python: Path
    series: str
    backend: Backend
    size: Size
    today: dt.date
    dsn: str | None = None  # PostgreSQL: the server; the company is its database ``template``
    template: str | None = None

    @property
    def database_file(self) -> Path:
        return self.folder / f"{DATABASE}.sqlite"

    @property
    def manifest_file(self) -> Path:
        return self.folder / "practice.json"


def prepare(
    cache: Path | None = None,
    *,
    series: Series = "8.0",
    backend: Backend = "sqlite",
    size: Size = "demo",
    today: dt.date | None = None,
    dsn: str | None = None,
    on_progress: Progress | None = None,
) -> Ready:
    """Give the practice company, and make first what is not there yet (about half a minute, once).

    Two processes may call this at once: one makes, the other waits. A process that is killed leaves nothing that counts.
    """
    say = on_progress or _say_nothing
    root = (cache or environment.default_cache()) / "practice"
    if backend == "postgresql" and dsn is None:
        message = "the practice ERP on PostgreSQL needs the address of a server (dsn)"
        raise PracticeError(message)
    python = _prepare_environment(root, series, say)
    if backend == "postgresql":
        return prepare_postgresql(
            root, python, series=series, size=size, today=today, dsn=str(dsn), say=say
        )
    key = _company_key(series, size, today)
    folder = root / f"company-{series}-{size}-{key}"
    with build_lock(root / f"{folder.name}.lock"):
        if not _is_fresh(folder, today):
            empty = _prepare_empty(root, python, series, say)
            _build(folder, lambda made: _seed_sqlite(made, empty, python, size, today, say))
    return Ready(
        folder=folder,
        python=python,
        series=series,
        backend="sqlite",
        size=size,
        today=_today_of(folder),
    )


def prepare_postgresql(
    root: Path,
    python: Path,
    *,
    series: Series,
    size: Size,
    today: dt.date | None,
    dsn: str,
    say: Progress,
) -> Ready:
    """The same as a template database in this PostgreSQL server, made once and kept in the cache as a dump.

    A server that does not have it yet (the tests' servers are thrown away) gets it from the dump within seconds.
    """
    key = _company_key(series, size, today)
    template = f"storno_practice_{key}"
    folder = root / f"company-{series}-{size}-pg-{key}"
    with build_lock(root / f"{folder.name}.lock"):
        if not _is_fresh(folder, today):
            administer(python, dsn, "drop", template)
            _build(
                folder, lambda made: _seed_postgresql(made, python, template, dsn, size, today, say)
            )
        elif template not in json.loads(administer(python, dsn, "list")):
            say("template", 0, 1)
            _restore(folder, python, template, dsn)
            say("template", 1, 1)
    return Ready(
        folder=folder,
        python=python,
        series=series,
        backend="postgresql",
        size=size,
        today=_today_of(folder),
        dsn=dsn,
        template=template,
    )


def administer(python: Path, dsn: str, action: str, *names: str) -> str:
    """Create, drop or list databases of a PostgreSQL server, through the practice venv's driver."""
    command = [str(python), "-I", str(environment.SCRIPTS / "databases.py"), dsn, action, *names]
    return environment.run(command, f"PostgreSQL: {action} {' '.join(names)}")


def list_databases(ready: Ready) -> list[str]:
    """The databases of the PostgreSQL server on which this practice company lies."""
    names: list[str] = json.loads(administer(ready.python, str(ready.dsn), "list"))
    return names


def _say_nothing(_what: str, _done: int, _total: int) -> None:
    return


def _script_digest(*names: str) -> str:
    return environment.digest(
        *(data for name in names for data in (name, (environment.SCRIPTS / name).read_bytes()))
    )


def _empty_key(series: str) -> str:
    return environment.digest(
        environment.venv_key(series), _script_digest("init.py"), " ".join(MODULES)
    )


def _company_key(series: str, size: str, today: dt.date | None) -> str:
    scripts = _script_digest(
        "seed.py", "company.py", "orders.py", "others.py", "manifest.py", "work.py"
    )
    return environment.digest(
        _empty_key(series),
        scripts,
        size,
        json.dumps(PASSWORDS),
        today.isoformat() if today else "rolling",
    )


def _is_fresh(folder: Path, today: dt.date | None) -> bool:
    if not (folder / "practice.json").is_file():
        return False
    made = _today_of(folder)
    if today is not None:
        return made == today
    return 0 <= (_current_day() - made).days <= KEEP_DAYS


def _current_day() -> dt.date:
    """Today as the documents see it: Tryton asks the machine's own calendar too."""
    return dt.datetime.now().astimezone().date()


def _today_of(folder: Path) -> dt.date:
    listing: dict[str, Any] = json.loads((folder / "practice.json").read_text(encoding="utf-8"))
    return dt.date.fromisoformat(listing["today"])


def _prepare_environment(root: Path, series: Series, say: Progress) -> Path:
    folder = root / f"venv-{series}-{environment.venv_key(series)}"
    ready = folder / "ready"
    if not ready.is_file():
        with build_lock(root / f"{folder.name}.lock"):
            if not ready.is_file():
                say("environment", 0, 1)
                # A venv cannot be moved, so this one is built in place and counts when its mark is there.
                shutil.rmtree(folder, ignore_errors=True)
                environment.create(folder, series)
                ready.write_text("", encoding="utf-8")
                say("environment", 1, 1)
    return environment.python_in(folder)


def _prepare_empty(root: Path, python: Path, series: Series, say: Progress) -> Path:
    folder = root / f"empty-{series}-{_empty_key(series)}"
    with build_lock(root / f"{folder.name}.lock"):
        if not (folder / f"{DATABASE}.sqlite").is_file():
            say("modules", 0, 1)
            _build(folder, lambda made: _initialise(made, python, SQLITE_URI))
            say("modules", 1, 1)
    return folder


def _build(folder: Path, make: Callable[[Path], None]) -> None:
    """Make a folder somewhere else and rename it to its place when it is whole."""
    made = folder.with_name(f"{folder.name}.{uuid.uuid4().hex[:8]}.making")
    for left in folder.parent.glob(f"{folder.name}.*.making"):
        shutil.rmtree(left, ignore_errors=True)  # of a process that was killed; we hold the lock
    made.mkdir(parents=True)
    try:
        make(made)
        shutil.rmtree(folder, ignore_errors=True)
        made.rename(folder)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def write_config(folder: Path, uri: str) -> Path:
    """Tryton's own settings file; the database files lie in the same folder."""
    config = folder / "trytond.conf"
    # PostgreSQL tells servers at once when a cache is stale (0). On SQLite Tryton asks for that at the start of
    # a transaction on the same connection and leaves it in autocommit, so a refused call would not be rolled
    # back: a practice ERP is one process and never has to ask.
    seconds = _NEVER_SECONDS if uri.startswith("sqlite") else 0
    text = (
        f"[database]\nuri = {uri}\npath = {folder}\n[session]\ntimeout = 3600\n"
        f"[cache]\nclean_timeout = {seconds}\n"
    )
    config.write_text(text, encoding="utf-8")
    return config


def _initialise(made: Path, python: Path, uri: str, database: str = DATABASE) -> None:
    if uri.startswith("sqlite"):
        (made / f"{database}.sqlite").touch()
    password = made / "password"
    password.write_text(PASSWORDS["admin"], encoding="utf-8")
    command = [
        str(python),
        str(environment.SCRIPTS / "init.py"),
        str(write_config(made, uri)),
        database,
        *MODULES,
    ]
    environment.run(
        command,
        "Tryton could not make its database",
        env={"TRYTONPASSFILE": str(password), **_SAME_EACH_TIME},
    )
    password.unlink()
    if uri.startswith("sqlite"):
        checkpoint(made / f"{database}.sqlite")


def _seed_sqlite(
    made: Path, empty: Path, python: Path, size: Size, today: dt.date | None, say: Progress
) -> None:
    shutil.copyfile(empty / f"{DATABASE}.sqlite", made / f"{DATABASE}.sqlite")
    _seed(made, python, SQLITE_URI, DATABASE, size, today, say)
    checkpoint(made / f"{DATABASE}.sqlite")


def _seed_postgresql(
    made: Path,
    python: Path,
    template: str,
    dsn: str,
    size: Size,
    today: dt.date | None,
    say: Progress,
) -> None:
    making = f"{template}_making"
    administer(python, dsn, "drop", making)
    administer(python, dsn, "create", making)
    say("modules", 0, 1)
    _initialise(made, python, dsn, making)
    say("modules", 1, 1)
    _seed(made, python, dsn, making, size, today, say)
    dump = [
        postgres.program("pg_dump"),
        "-Fc",
        "-Z1",
        "-f",
        str(made / _PG_DUMP),
        "-d",
        address(dsn, making),
    ]
    environment.run(dump, "the practice company could not be kept")
    administer(python, dsn, "rename", making, template)


def _restore(folder: Path, python: Path, template: str, dsn: str) -> None:
    making = f"{template}_making"
    administer(python, dsn, "drop", making)
    administer(python, dsn, "create", making)
    command = [
        postgres.program("pg_restore"),
        "--no-owner",
        "--exit-on-error",
        "-j2",
        "-d",
        address(dsn, making),
    ]
    environment.run(
        [*command, str(folder / _PG_DUMP)], "the practice company could not be restored"
    )
    administer(python, dsn, "rename", making, template)


def address(dsn: str, database: str) -> str:
    """The same server's address with another database."""
    parts = urlsplit(dsn)
    return urlunsplit((parts.scheme, parts.netloc, f"/{database}", parts.query, ""))


def _seed(
    made: Path,
    python: Path,
    uri: str,
    database: str,
    size: Size,
    today: dt.date | None,
    say: Progress,
) -> None:
    order = made / "order.json"
    wanted = {"today": (today or _current_day()).isoformat(), "size": size, "passwords": PASSWORDS}
    order.write_text(json.dumps(wanted), encoding="utf-8")
    # Not isolated (-I): the seed is several scripts that import each other from their own folder.
    command = [
        str(python),
        str(environment.SCRIPTS / "seed.py"),
        str(write_config(made, uri)),
        database,
        str(order),
    ]
    errors: list[str] = []
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment.clean_environment(_SAME_EACH_TIME),
        encoding="utf-8",
        errors="replace",
    ) as process:
        for line in process.stdout or ():
            if line.startswith('["'):
                say(*json.loads(line))
            else:
                errors = [*errors, line][-_ERROR_LINES:]
    if process.returncode:
        message = f"the practice company could not be made (exit {process.returncode}):\n{''.join(errors)}"
        raise PracticeError(message)
    order.unlink()


def checkpoint(database: Path) -> None:
    """Leave one file: everything that lies in SQLite's write-ahead log goes into it."""
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for suffix in ("-wal", "-shm"):
        Path(f"{database}{suffix}").unlink(missing_ok=True)
