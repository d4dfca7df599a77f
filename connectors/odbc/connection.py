"""Connections: what is set on the server, transactions, and one error for whatever a driver raises.

Any error of a driver ends the connection. What a transaction is worth after an error differs with every driver:
some keep the first half, some store the second half alone, one answers yes to a COMMIT of nothing. So nothing is
ever done on a connection after an error but to give it up.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import structlog

from config.secrets import register_secret
from connectors.odbc import connection_string as strings
from connectors.odbc.dialect_names import dialect_by_driver, dialect_of
from connectors.odbc.dialects import Dialect, Statement
from connectors.odbc.drivers import driver_module
from connectors.odbc.errors import Moment, from_driver, no_answer, with_names
from connectors.odbc.patience import GRACE, AtOnce, Patience, Silence
from connectors.odbc.shapes import Memory
from connectors.odbc.zones import Zone
from core.errors import (
    BadInput,
    NotAllowed,
    NotFound,
    StornoError,
)
from core.text import N_

if TYPE_CHECKING:
    from config.systems import OdbcOptions
    from connectors.odbc.values import Table

log = structlog.get_logger(__name__)

FETCH_ROWS: Final = 10_000
LARGEST_WRITE: Final = 10**9
"""MariaDB's driver says that a text has at most 255 bytes; pyodbc would then cut longer ones at an odd place."""

_TYPE_ERRORS: Final = (ValueError, OverflowError, MemoryError, TypeError)
"""What pyodbc raises beside its own errors, for values that Python has no type for."""


class Session:
    """One connection. Every value is bound; any error gives the connection up and is one of `core.errors`."""

    def __init__(
        self, database: Database, connection: Any, patiently: Patience, *, read_only: bool
    ) -> None:
        self.database = database
        self.dialect = database.dialect
        self.read_only = read_only
        self.is_open = True
        self.has_written = False
        self._connection = connection
        self._cursor = connection.cursor()
        self._patiently = patiently
        self._is_silent = False
        self._has_begun = False
        self._zone = Zone(database.dialect.zones, self._say)

    def rows(
        self, statement: Statement | str, parameters: Sequence[Any] = ()
    ) -> list[tuple[Any, ...]]:
        """Run a question and return all rows."""
        with self._guarded(Moment.WRITE if self.has_written else Moment.READ):
            self._zone.read()
            found: list[tuple[Any, ...]] = self._patiently(self._fetched, statement, parameters)
            return found

    def pages(
        self, statement: Statement | str, parameters: Sequence[Any] = (), *, size: int = FETCH_ROWS
    ) -> Iterator[list[tuple[Any, ...]]]:
        """Run a question and yield its rows page by page."""
        with self._guarded(Moment.READ):
            self._zone.read()
            cursor = self._patiently(self._execute, statement, parameters)
        while True:
            with self._guarded(Moment.READ):
                page = self._patiently(cursor.fetchmany, size)
            if not page:
                return
            yield page

    def columns(
        self, statement: Statement | str, parameters: Sequence[Any] = ()
    ) -> list[tuple[Any, ...]]:
        """Run a question and return how its columns are described, names without the driver's blanks."""
        with self._guarded(Moment.READ):
            described = self._patiently(self._execute, statement, parameters).description or ()
            return [(column[0].rstrip("\0"), *column[1:]) for column in described]

    def change(
        self, statement: Statement | str, parameters: Sequence[Any] = (), *, has_zone: bool = False
    ) -> int:
        """Run a write within the transaction and return how many rows it met. `has_zone` as in `Zone.write`."""
        if self.read_only:
            raise NotAllowed(reason=N_("this session is for reading only"))
        self.begin()
        self.has_written = True
        with self._guarded(Moment.WRITE):
            self._zone.write(has_zone=has_zone)
            return int(self._patiently(self._execute, statement, parameters).rowcount)

    def driver(self) -> str:
        """Return the driver's library and its version."""
        pyodbc = driver_module()
        with self._guarded(Moment.READ):
            told = (pyodbc.SQL_DRIVER_NAME, pyodbc.SQL_DRIVER_VER)
            return " ".join(str(self._connection.getinfo(each)) for each in told)

    def begin(self) -> None:
        """Open the transaction of a write where the driver's own would be too weak."""
        if self._has_begun:
            return
        self._has_begun = True
        if self.dialect.begin is not None:
            with self._guarded(Moment.WRITE):
                self._patiently(self._cursor.execute, self.dialect.begin)

    def commit(self) -> None:
        """Make the writes permanent. Raises `OutcomeUnknown` when the answer is lost."""
        with self._guarded(Moment.COMMIT):
            if self.has_written:
                self._zone.commit()
            if self.dialect.begin is not None and self._has_begun:
                self._patiently(self._cursor.execute, "COMMIT")
            else:
                self._patiently(self._connection.commit)
        self._end()

    def rollback(self) -> None:
        """Take back what was not committed, and free the locks."""
        with self._guarded(Moment.READ):
            if self.dialect.begin is not None:
                if self._has_begun:
                    self._patiently(self._cursor.execute, "ROLLBACK")
            else:
                self._patiently(self._connection.rollback)
        self._end()

    def _say(self, statement: str) -> None:
        self._patiently(self._cursor.execute, statement)

    def _end(self) -> None:
        self._has_begun = self.has_written = False
        self._zone.end()

    def tidy(self) -> None:
        """End the transaction when a block's work is done; a connection that breaks here is given up. Never raises.

        What was committed or read before stands, whatever becomes of the connection: an error here would tell of
        something else.
        """
        if self.is_open:
            with suppress(StornoError):
                self.rollback()

    def drop(self) -> None:
        """Give the connection up; the server takes back what was not committed. Never raises.

        One that fell silent is given up as soon as its driver comes back, which nobody waits for.
        """
        if self.is_open:
            self.is_open = False
            self._patiently.end(self._give_up, is_waiting=not self._is_silent)

    close = drop

    def _give_up(self) -> None:
        pyodbc = driver_module()
        with suppress(pyodbc.Error):
            # An open cursor would keep SQLite's file locked beyond the end of the connection.
            self._cursor.close()
        with suppress(pyodbc.Error):
            if not self._connection.autocommit:
                self._connection.rollback()
            elif self._has_begun:
                self._connection.execute("ROLLBACK").close()
        with suppress(pyodbc.Error):
            self._connection.close()

    def set_up(self) -> None:
        """Set on the server what drivers promise and do not keep."""
        limits = self.database.limits
        with self._guarded(Moment.CONNECT):
            self._connection.maxwrite = LARGEST_WRITE
            self.dialect.after_connect(self._connection)
            if self.dialect.statement_limit_by == "attribute":
                self._connection.timeout = int(limits.statement)
            for setting in self.dialect.session_settings(limits, read_only=self.read_only):
                self._patiently(self._cursor.execute, setting)
            if not self._connection.autocommit:
                self._patiently(self._connection.commit)

    def _fetched(self, statement: Statement | str, parameters: Sequence[Any]) -> Any:
        return self._execute(statement, parameters).fetchall()

    def _execute(self, statement: Statement | str, parameters: Sequence[Any]) -> Any:
        sql, values = statement if isinstance(statement, Statement) else (statement, parameters)
        self.dialect.prepare(self._connection, sql, values)
        with self._timed():
            return self._cursor.execute(sql, *values) if values else self._cursor.execute(sql)

    @contextmanager
    def _timed(self) -> Iterator[None]:
        """Interrupt a statement that takes too long, where no server does."""
        if self.dialect.statement_limit_by != "timer":
            yield
            return
        timer = threading.Timer(self.database.limits.statement, self._cursor.cancel)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    @contextmanager
    def _guarded(self, moment: Moment) -> Iterator[None]:
        try:
            yield
        except (driver_module().Error, *_TYPE_ERRORS, Silence) as error:
            self._is_silent = isinstance(error, Silence)
            self.drop()
            raise self.database.error(error, moment) from error


class Database:
    """One database behind ODBC: its dialect, its tables, and connections to it."""

    def __init__(self, system: str, options: OdbcOptions) -> None:
        self.system = system
        self.options = options
        self.limits = options.timeout_seconds
        self._parts = strings.parts_of(options)
        self._secret = next(
            (value for name, value in self._parts if name.lower() in strings.PASSWORDS), None
        )
        if self._secret:
            register_secret(self._secret)
        self.user = strings.value_of(self._parts, "UID", "User", "Username") or ""
        self.dialect = self._dialect()
        self.memory = Memory()
        self._tables: dict[str, Table | None] = {}
        self._session: Session | None = None
        self._writer: Session | None = None
        self._name: str | None = None

    # --- sessions -------------------------------------------------------------------------------

    def stream(self) -> Session:
        """Make a new read-only connection that hands out a million rows without keeping them all."""
        return self.open(read_only=True, bulk=True)

    def open(
        self, *, read_only: bool, bulk: bool = False, beside: Session | None = None
    ) -> Session:
        """Make a new connection and set it up, `beside` one that is there. The caller drops it."""
        pyodbc = driver_module()
        own_begin = self.dialect.begin is not None
        connect = partial(
            pyodbc.connect,
            self.connection_string(bulk=bulk),
            autocommit=own_begin,
            **({} if own_begin else {"timeout": max(1, int(self.limits.connect))}),
        )
        patiently = self._patience()
        try:
            connection = patiently(connect)
        except (pyodbc.Error, Silence) as error:
            patiently.end(lambda: None, is_waiting=False)
            raise self.error(error, Moment.CONNECT) from error
        session = Session(self, connection, patiently, read_only=read_only)
        session.set_up()
        if not self._is_one_server(session, beside):
            self.memory.forget_rows()
        return session

    def _patience(self) -> Patience:
        limits = self.limits
        if self.dialect.statement_limit_by == "timer":
            return AtOnce()
        return Patience(max(limits.connect, limits.statement, limits.lock) + GRACE)

    def _is_one_server(self, new: Session, there: Session | None) -> bool:
        """Whether behind a new connection is the very server behind one that lives, so that marks of rows are good in both.

        Another server, and one that was restored, counts its transactions anew. The connection of before is asked
        after the new one, for it outlives no crash: the server has not ended between what was read there and now.
        """
        query = self.dialect.server_query
        if there is None or not there.is_open:
            return False
        if query is None:
            return True  # Rows are known by all their values here.
        now = new.rows(query)[0][0]
        new.rollback()
        try:
            before = there.rows(query)[0][0]
            there.rollback()
        except StornoError:
            return False
        self.memory.is_one_server = is_one = bool(now == before)
        return is_one

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Hand out the one read-only session; its transaction ends with the block."""
        if self._session is None or not self._session.is_open:
            self._session = self.open(read_only=True, beside=self._writer)
        session = self._session
        try:
            yield session
        except BaseException:
            session.drop()
            raise
        session.tidy()

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Hand out the one session that may write; what was not committed when the block ends is taken back.

        A connection that breaks after the block's own work says nothing about it, and raises nothing.
        Raises `NotAllowed` where `storno.yaml` says read_only.
        """
        if self.options.read_only:
            raise NotAllowed(reason=N_("the system is set to read_only in storno.yaml"))
        if self._writer is None or not self._writer.is_open:
            self._writer = self.open(read_only=False, beside=self._session)
        session = self._writer
        try:
            yield session
        except BaseException:
            session.drop()
            raise
        session.tidy()

    def close(self) -> None:
        """Give up every connection."""
        for session in (self._session, self._writer):
            if session is not None and session.is_open:
                session.drop()
        self._session = self._writer = None

    # --- what is there --------------------------------------------------------------------------

    def table(self, name: str) -> Table:
        """Return a live table or view. Raises `NotFound`."""
        if name not in self._tables:
            with self.reading() as session:
                self._tables[name] = self.dialect.describe(session.rows, name)
        found = self._tables[name]
        if found is None:
            raise NotFound(what="table", name=name)
        return found

    def forget(self) -> None:
        """Look at every table anew: the schema may have changed."""
        self._tables.clear()
        self.memory.clear()

    @property
    def name(self) -> str:
        """The database's own name: which set of books and which year this is."""
        if self._name is None:
            with self.reading() as session:
                self._name = str(session.rows(self.dialect.current_database)[0][0])
        return self._name

    def is_packing(self, session: Session) -> bool:
        """Whether this server packs columns into one text each."""
        if self.memory.is_packing is None:
            packing, version = self.dialect.packing, self.dialect.version_query
            self.memory.is_packing = packing is not None and packing.fits(
                str(session.rows(version)[0][0])
            )
        return self.memory.is_packing

    def version(self) -> str:
        """Return the version that the server tells."""
        with self.reading() as session:
            return str(session.rows(self.dialect.version_query)[0][0])

    def driver(self) -> str:
        """Return the driver's library and its version, as it tells them itself."""
        with self.reading() as session:
            return session.driver()

    # --- strings and errors ---------------------------------------------------------------------

    def connection_string(self, *, bulk: bool = False) -> str:
        """Return the whole string. It holds the password: never log it."""
        extras = self.dialect.connection_extras(self.limits, bulk=bulk)
        return strings.written(strings.with_extras(self._parts, extras))

    def error(self, error: BaseException, moment: Moment) -> StornoError:
        """Return the one error of ours for what the driver raised, or did not say."""
        if isinstance(error, Silence):
            return no_answer(self.system, error.seconds, moment)
        found = from_driver(
            self.system,
            self.user,
            self.dialect.name,
            error,
            moment,
            seconds=self.limits.statement,
        )
        return with_names(
            found,
            self.system,
            strings.value_of(self._parts, "Driver") or "",
            strings.value_of(self._parts, "Database", "DBQ") or "-",
        )

    def _dialect(self) -> Dialect:
        options = self.options
        driver = strings.value_of(self._parts, "Driver") or ""
        name = options.dialect or dialect_by_driver(driver)
        if name is None:
            raise BadInput(
                source=f"systems.{self.system}.dialect",
                problem=N_("the driver does not tell which SQL it speaks; say dialect"),
            )
        return dialect_of(name, encoding=options.encoding)
