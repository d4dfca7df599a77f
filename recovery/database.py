"""The journal's database: connections that are durable, transactions that are short, errors that say what to do."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

import structlog
from sqlalchemy import Connection, Engine, create_engine, event, func, inspect, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    IntegrityError,
    NoSuchModuleError,
    OperationalError,
    SQLAlchemyError,
)

from core.errors import (
    BadInput,
    IllegalMove,
    JournalBroken,
    JournalBusy,
    JournalFull,
    JournalNewer,
    PackageMissing,
    StornoError,
)
from core.events import Event
from core.text import N_
from recovery import schema

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import DBAPIConnection

log = structlog.get_logger(__name__)

BUSY_TIMEOUT_MILLISECONDS: Final = 60_000
"""Storing a plan of 100,000 operations takes about 15 s, and nobody else can write meanwhile."""

_IS_BUSY: Final = ("database is locked", "database table is locked")
CACHE_KIBIBYTES: Final = 32_768

_CANNOT_WRITE: Final = (
    "disk is full",
    "disk I/O error",
    "readonly database",
    "read-only transaction",
    "unable to open database file",
    "No space left",
    "could not extend file",
)


IsHeld = Callable[[], bool]

_HOLDS: Final = text(
    "SELECT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"
    " AND granted AND objsubid = 1 AND (classid::bigint << 32 | objid::bigint) = :key)"
)
"""Whether this very session has the advisory lock of that number."""


class Database:
    """One journal database. `writing()` is one durable transaction; `reading()` sees one moment."""

    def __init__(self, engine: Engine, name: str) -> None:
        self._engine = engine
        self.name = name
        self.dialect = engine.dialect.name

    @classmethod
    def open(cls, url: str) -> Database:
        """Connect and bring the tables to the newest revision.

        Raises `JournalNewer` (written by a newer Storno; nothing is touched), `JournalFull` (cannot be
        written), `JournalBroken` (not a journal), `BadInput` (not a database address), `PackageMissing`.
        """
        try:
            parsed = make_url(url)
            if parsed.get_backend_name() == "sqlite" and parsed.database not in (None, ":memory:"):
                file = Path(parsed.database)
                file.parent.mkdir(parents=True, exist_ok=True)
                # Its images hold what the ERP holds: nobody else on this machine may read them. SQLite gives
                # the files beside it the same rights; Windows takes them from the folder.
                file.touch(mode=0o600, exist_ok=True)
            engine = create_engine(
                parsed, hide_parameters=True, **_engine_options(parsed.get_backend_name())
            )
        except (ArgumentError, NoSuchModuleError) as error:
            raise BadInput(source="journal.url", problem=N_("not a database address")) from error
        except ModuleNotFoundError as error:
            raise PackageMissing(
                package=error.name or "psycopg", command="pip install 'storno[postgres]'"
            ) from error
        except OSError as error:
            raise JournalFull(journal=url, problem=str(error)) from error
        if {"password", "sslpassword"} & parsed.query.keys():
            engine.dispose()
            raise BadInput(
                source="journal.url",
                problem=N_("a password belongs before the @, not behind the ?"),
            )
        name = parsed.render_as_string(hide_password=True)
        database = cls(engine, name)
        try:
            # Before anything is set up: a file that is not ours, or newer than we are, stays as it is.
            current = database._look()
            if database.dialect == "sqlite":
                engine.dispose()
                event.listen(engine, "connect", _set_up_sqlite)
                event.listen(engine, "begin", _begin_sqlite)
            database._migrate(current)
        except BaseException:
            engine.dispose()
            raise
        return database

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One write transaction: committed durably when the block ends, rolled back when it raises."""
        with self._translated(), self._engine.connect() as connection:
            connection.execution_options(storno_write=True)
            with connection.begin():
                yield connection

    @contextmanager
    def held(self, name: str) -> Iterator[IsHeld]:
        """Hold a name against every other process; the database gives it back when this process dies.

        Yields what tells whether it is still held: a server that was started anew has forgotten it. Raises
        `IllegalMove` when another process holds it.
        """
        if self.dialect == "sqlite":
            with _held_by_file(self._engine.url.database, name) as is_held:
                yield is_held
            return
        # An advisory lock belongs to its connection, so this one stays open, outside any transaction.
        key = int(name.replace("-", "")[:15], 16)
        with self._translated(), self._engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT")
            if not connection.execute(select(func.pg_try_advisory_lock(key))).scalar():
                raise _taken(name)
            alone = Lock()

            def is_held() -> bool:
                with (
                    alone
                ):  # several threads may call one system, and a connection is for one at a time
                    try:
                        return bool(connection.execute(_HOLDS, {"key": key}).scalar())
                    except SQLAlchemyError:
                        return False

            try:
                yield is_held
            finally:
                with suppress(SQLAlchemyError):  # A session that ended has given it back.
                    connection.execute(select(func.pg_advisory_unlock(key)))

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One read transaction: every statement in the block sees the same moment."""
        with self._translated(), self._engine.connect() as connection:
            if self.dialect != "sqlite":  # SQLite has no other way to read
                connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                yield connection

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except StornoError:
            raise
        except DBAPIError as error:
            raise self._error(error) from error

    def _error(self, error: DBAPIError) -> StornoError:
        said = str(error.orig)
        if any(sign in said for sign in _IS_BUSY):
            return JournalBusy(journal=self.name)
        if any(sign in said for sign in _CANNOT_WRITE):
            return JournalFull(journal=self.name, problem=said)
        if isinstance(error, IntegrityError) or said.startswith("no such "):
            return JournalBroken(journal=self.name, problem=said)
        if isinstance(error, OperationalError):
            return JournalFull(journal=self.name, problem=said)
        return JournalBroken(journal=self.name, problem=said)

    def _look(self) -> str | None:
        """Return the revision of the journal that is there, None when nothing is there. Changes nothing."""
        with self._translated(), self._engine.connect() as connection:
            tables = set(inspect(connection).get_table_names())
            if not tables:
                return None
            current: str | None = None
            if "alembic_version" in tables and tables & schema.metadata.tables.keys():
                current = connection.execute(
                    text("SELECT version_num FROM alembic_version")
                ).scalar()
        if current is None:
            raise JournalBroken(
                journal=self.name, problem="this database has tables, but it is not a journal"
            )
        return current

    def _migrate(self, current: str | None) -> None:
        if current == schema.HEAD:
            return
        # Alembic takes a third of a second to import; a journal that is up to date never pays for it.
        from recovery.migrations.upgrade import known_revisions, upgrade

        if current is not None and current not in known_revisions():
            raise JournalNewer(journal=self.name, revision=current)
        with self.writing() as connection:
            upgrade(connection)
        log.info(Event.JOURNAL_MIGRATED, journal=self.name, revision=schema.HEAD)


def _engine_options(backend: str) -> dict[str, Any]:
    if backend == "sqlite":
        return {"connect_args": {"timeout": BUSY_TIMEOUT_MILLISECONDS / 1000}}
    return {"pool_pre_ping": True}


def _set_up_sqlite(connection: DBAPIConnection, record: Any) -> None:
    del record
    # The driver's own transaction handling begins late and never IMMEDIATE; ours is in `_begin_sqlite`.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MILLISECONDS}")
    cursor.execute(f"PRAGMA cache_size=-{CACHE_KIBIBYTES}")
    cursor.execute("PRAGMA temp_store=MEMORY")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # A write transaction takes the lock at once: upgrading a read lock later can fail without waiting.
    is_write = connection.get_execution_options().get("storno_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if is_write else "BEGIN")


@contextmanager
def _held_by_file(database: str | None, name: str) -> Iterator[IsHeld]:
    """Hold a lock file beside the journal: SQLite's own lock, portable, and gone with the process."""
    if database in (None, ":memory:"):
        yield lambda: True
        return
    file = Path(f"{database}-{name}.lock")
    try:
        connection = sqlite3.connect(file, timeout=0, isolation_level=None)
    except sqlite3.Error as error:
        raise JournalFull(journal=str(file), problem=str(error)) from error
    try:
        connection.execute("BEGIN EXCLUSIVE")
    except sqlite3.Error as error:
        connection.close()
        if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
            raise _taken(name) from error
        raise JournalFull(journal=str(file), problem=str(error)) from error
    try:
        # Whoever takes the file away lets another process make a new one and hold that.
        yield lambda: not _may_be_taken(file)
    finally:
        # While it is still held, so that nobody takes a file that is about to go. Windows refuses that and
        # keeps an empty file.
        with suppress(OSError):
            file.unlink()
        connection.close()


def _may_be_taken(file: Path) -> bool:
    """Whether anybody could hold this lock file now: it is gone, or nobody holds it."""
    try:
        with closing(sqlite3.connect(f"{file.as_uri()}?mode=rw", uri=True, timeout=0)) as other:
            other.execute("BEGIN EXCLUSIVE")
    except sqlite3.Error as error:
        return error.sqlite_errorcode != sqlite3.SQLITE_BUSY
    return True


def _taken(name: str) -> IllegalMove:
    return IllegalMove(
        N_("Change set {name} is being run by another process. Wait for it, or end that process."),
        what="change set",
        name=name[:13],
        to="running",
        state="running",
    )
