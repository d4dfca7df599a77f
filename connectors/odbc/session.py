"""One session with a database: statements in one transaction, each error told as what it means.

Any error of a driver ends the connection. What a transaction is worth after an error differs with every driver:
some keep the first half, some store the second half alone, one answers yes to a COMMIT of nothing. So nothing is
ever done on a connection after an error but to give it up.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

from connectors.odbc.dialects import Statement
from connectors.odbc.drivers import driver_module
from connectors.odbc.errors import Moment
from connectors.odbc.patience import Patience, Silence
from connectors.odbc.zones import Zone
from core.errors import (
    NotAllowed,
    StornoError,
)
from core.text import N_

if TYPE_CHECKING:
    from connectors.odbc.connection import Database

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

    def make_ready(self) -> None:
        """Say whatever has to be said before COMMIT: what fails here, nothing was committed."""
        if self.has_written:
            with self._guarded(Moment.WRITE):
                self._zone.commit()

    def commit(self) -> None:
        """Make the writes permanent. Raises `OutcomeUnknown` when the answer is lost."""
        self.make_ready()
        with self._guarded(Moment.COMMIT):
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
