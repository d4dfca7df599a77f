"""Connections: which server, opened how, checked that it is the one that was meant, kept and given up."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from config.secrets import register_secret
from connectors.odbc import connection_string as strings
from connectors.odbc.dialect_names import dialect_by_driver, dialect_of
from connectors.odbc.dialects import Dialect
from connectors.odbc.drivers import driver_module
from connectors.odbc.errors import Moment, from_driver, no_answer, with_names
from connectors.odbc.patience import GRACE, AtOnce, Patience, Silence
from connectors.odbc.session import Session
from connectors.odbc.shapes import Memory
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
        patiently = self.patience()
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

    def patience(self) -> Patience:
        """Return what waits for the calls of one connection, as long as this database may take and a little longer."""
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
