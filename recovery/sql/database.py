"""The journal's database: connections that are durable, transactions that are short, errors that say what to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from traceback import walk_tb
from typing import TYPE_CHECKING, Any, Final

import structlog
from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import (
    ArgumentError,
    DataError,
    DBAPIError,
    IntegrityError,
    NoSuchModuleError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
)

from core.crashpoint import crashpoint
from core.errors import (
    BadInput,
    JournalBroken,
    JournalBusy,
    JournalFull,
    JournalNewer,
    JournalUnreachable,
    PackageMissing,
    StornoError,
)
from core.events import Event
from core.text import N_
from recovery import schema
from recovery.sql.columns import metadata

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import DBAPIConnection

log = structlog.get_logger(__name__)

BUSY_TIMEOUT_MILLISECONDS: Final = 60_000
"""Storing a plan of 100,000 operations takes about 15 s, and nobody else can write meanwhile."""

_IS_BUSY: Final = ("database is locked", "database table is locked")
CACHE_KIBIBYTES: Final = 32_768
PAGES_BETWEEN_CHECKPOINTS: Final = 2_000
"""Images stand in the order of their hashes, so a batch touches pages all over their table: the longer the write-ahead
log grows before it is written back, the oftener a page is written back once for several batches."""

LARGEST_IDLE_LOG_BYTES: Final = PAGES_BETWEEN_CHECKPOINTS * 4096
"""A plan of 100,000 operations makes the write-ahead log larger; when it was written back, so much of it stays."""

IDLE_SECONDS: Final = 20
"""So long PostgreSQL waits for a process that stopped in the middle of a transaction, then it rolls it back. Shorter
than a lease, so that whoever takes over from a frozen process finds nothing locked by it."""

MOST_CONNECTIONS: Final = 40
"""Beside the five that stay open: several runs at once, each with several calls that ask their fence."""

_CANNOT_WRITE: Final = (
    "disk is full",
    "disk I/O error",
    "readonly database",
    "read-only transaction",
    "unable to open database file",
    "No space left",
    "could not extend file",
)


_AWAY: Final = ("08", "57P", "53300", "22021")
"""PostgreSQL's states: connection errors, shutting down or starting up, no room for another connection; and bytes that
are no text at all, which we never send: the line spoilt them."""


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
            if database.dialect != "sqlite":
                # A migration may take its time; everything after it is short.
                engine.dispose()
                event.listen(engine, "connect", _set_up_postgresql)
        except BaseException:
            engine.dispose()
            raise
        return database

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    @property
    def path(self) -> Path | None:
        """The file of a journal in SQLite; None for one in memory or in PostgreSQL."""
        file = self._engine.url.database
        is_file = self.dialect == "sqlite" and file not in (None, "", ":memory:")
        return Path(str(file)) if is_file else None

    @contextmanager
    def driver(self) -> Iterator[Any]:
        """The driver's own connection, outside any transaction: for what SQLAlchemy has no words for."""
        with self._translated(), self._engine.connect() as connection:
            yield connection.connection.driver_connection

    def vacuum(self, tables: Sequence[str]) -> None:
        """Let the database put its own house in order. Others wait meanwhile (SQLite)."""
        with self._translated(), self._engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT")
            if self.dialect == "sqlite":
                driver: Any = connection.connection.driver_connection
                driver.execute("VACUUM")
                driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                return
            for table in tables:
                connection.exec_driver_sql(f'VACUUM (ANALYZE) "{table}"')

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One write transaction: committed durably when the block ends, rolled back when it raises."""
        with self._translated(), self._engine.connect() as connection:
            connection.execution_options(storno_write=True)
            with connection.begin():
                yield connection
                crashpoint("journal.before_commit")
            crashpoint("journal.after_commit")

    @contextmanager
    def session(self) -> Iterator[Connection]:
        """A connection of PostgreSQL that nobody shares, for a lock that lasts as long as the connection."""
        with self._translated():
            connection = self._engine.connect()
            try:
                # Not of the pool: with many runs at once the pool is for what is short.
                connection.detach()
                yield connection
            finally:
                connection.close()

    def driver_arguments(self) -> dict[str, Any]:
        """Return what psycopg connects with, password included: never shown, never logged."""
        return dict(self._engine.dialect.create_connect_args(self._engine.url)[1])

    @property
    def file(self) -> str | None:
        """The path of an SQLite journal; None on PostgreSQL and in memory."""
        database = self._engine.url.database
        return None if self.dialect != "sqlite" or database in (None, ":memory:") else database

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
        except ValueError as error:
            if self.dialect == "sqlite" or not _is_of_driver(error):
                raise
            raise JournalUnreachable(journal=self.name, problem=str(error)) from error

    def _error(self, error: DBAPIError) -> StornoError:
        said = str(error.orig)
        if any(sign in said for sign in _IS_BUSY):
            return JournalBusy(journal=self.name)
        if any(sign in said for sign in _CANNOT_WRITE):
            return JournalFull(journal=self.name, problem=said)
        if self.dialect != "sqlite" and _is_away(error):
            return JournalUnreachable(journal=self.name, problem=said.strip() or N_("no answer"))
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
            if "alembic_version" in tables and tables & metadata.tables.keys():
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


def _is_of_driver(error: Exception) -> bool:
    """Whether the driver itself could make no sense of an answer: the line spoilt it, and it told so in its own way."""
    frames = walk_tb(error.__traceback__)
    return any(str(frame.f_globals.get("__name__")).startswith("psycopg") for frame, _ in frames)


def _is_away(error: DBAPIError) -> bool:
    """Whether the server is not there, is going, or what came from it cannot be its answer."""
    state = getattr(error.orig, "sqlstate", None)
    if state is not None:
        return state.startswith(_AWAY) if isinstance(state, str) else False
    # Without a state it is the driver that speaks, not the server: of a connection that broke or makes no sense.
    is_ours = isinstance(error, (ProgrammingError, DataError, IntegrityError, NotSupportedError))
    return error.connection_invalidated or not is_ours


def _engine_options(backend: str) -> dict[str, Any]:
    if backend == "sqlite":
        return {"connect_args": {"timeout": BUSY_TIMEOUT_MILLISECONDS / 1000}}
    return {"pool_pre_ping": True, "max_overflow": MOST_CONNECTIONS}


def _set_up_postgresql(connection: DBAPIConnection, record: Any) -> None:
    del record
    cursor = connection.cursor()
    # A process that is frozen in the middle of a commit holds the head of the audit chain: nobody could write.
    cursor.execute(f"SET idle_in_transaction_session_timeout = '{IDLE_SECONDS}s'")
    # What was committed must outlive the server, whatever its settings say of other databases' needs; a stricter one
    # (a standby that waits too) stays.
    cursor.execute(
        "SELECT set_config('synchronous_commit', 'on', false)"
        " WHERE current_setting('synchronous_commit') IN ('off', 'local')"
    )
    cursor.close()
    connection.commit()


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
    cursor.execute(f"PRAGMA journal_size_limit={LARGEST_IDLE_LOG_BYTES}")
    cursor.execute(f"PRAGMA wal_autocheckpoint={PAGES_BETWEEN_CHECKPOINTS}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # A write transaction takes the lock at once: upgrading a read lock later can fail without waiting.
    is_write = connection.get_execution_options().get("storno_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if is_write else "BEGIN")
