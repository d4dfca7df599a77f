"""A lock that dies with its process: what nobody holds any more was given back by the operating system or the server.

That makes a killed process known at once. It says nothing of a frozen one, which keeps its lock: that is what the
lease of `recovery.workers.claims` is for.
"""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from threading import Lock
from typing import Final, Protocol, Self

from sqlalchemy import Connection, func, select, text
from sqlalchemy.exc import SQLAlchemyError

from core.errors import JournalFull

_HOLDS: Final = text(
    "SELECT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"
    " AND granted AND objsubid = 1 AND (classid::bigint << 32 | objid::bigint) = :key)"
)
"""Whether this very session has the advisory lock of that number."""


class ProcessLock(Protocol):
    """A lock that this process holds."""

    def is_held(self) -> bool:
        """Whether it is still held: a server that was started anew has forgotten it."""

    def release(self) -> None:
        """Give it back."""


class FreeLock:
    """For a journal in memory, which nobody else can see."""

    def is_held(self) -> bool:
        """It always is."""
        return True

    def release(self) -> None:
        """Nothing is to be given back."""


class FileLock:
    """A lock file beside the journal: SQLite's own lock, portable, and gone with the process."""

    def __init__(self, file: Path, connection: sqlite3.Connection) -> None:
        self._file = file
        self._connection = connection

    @classmethod
    def take(cls, database: str, name: str) -> Self | None:
        """Take the lock of that name, or return None when another process has it."""
        file = Path(f"{database}-{name}.lock").absolute()
        while True:
            try:
                # A run may end in another thread than the one that began it.
                connection = sqlite3.connect(
                    file, timeout=0, isolation_level=None, check_same_thread=False
                )
            except sqlite3.Error as error:
                raise JournalFull(journal=str(file), problem=str(error)) from error
            try:
                connection.execute("BEGIN EXCLUSIVE")
            except sqlite3.Error as error:
                connection.close()
                if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
                    return None
                if not file.exists() and file.parent.is_dir():
                    continue  # who had it gave it back, and took the file away, while we opened it
                raise JournalFull(journal=str(file), problem=str(error)) from error
            return cls(file, connection)

    def is_held(self) -> bool:
        """Whether nobody else can have it: whoever takes the file away lets another process make a new one."""
        try:
            with closing(
                sqlite3.connect(f"{self._file.as_uri()}?mode=rw", uri=True, timeout=0)
            ) as other:
                other.execute("BEGIN EXCLUSIVE")
        except sqlite3.Error as error:
            return error.sqlite_errorcode == sqlite3.SQLITE_BUSY
        return False

    def release(self) -> None:
        """Take the file away and let go."""
        # While it is still held, so that nobody takes a file that is about to go. Windows refuses that and keeps an
        # empty file.
        with suppress(OSError):
            self._file.unlink()
        self._connection.close()


class SessionLock:
    """An advisory lock of PostgreSQL: it belongs to a session, and goes with it."""

    def __init__(self, connection: Connection, key: int) -> None:
        self._connection = connection
        self._key = key
        # Several threads may call one system, and a connection is for one at a time.
        self._alone = Lock()

    @staticmethod
    def key_of(name: str) -> int:
        """Return the number under which the server knows a name."""
        return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=7).digest(), "big")

    @classmethod
    def take(cls, connection: Connection, name: str) -> Self | None:
        """Take the lock of that name for the session of this connection, or return None when another has it."""
        key = cls.key_of(name)
        if not connection.execute(select(func.pg_try_advisory_lock(key))).scalar():
            return None
        return cls(connection, key)

    def is_held(self) -> bool:
        """Whether the session still has it."""
        with self._alone:
            try:
                return bool(self._connection.execute(_HOLDS, {"key": self._key}).scalar())
            except SQLAlchemyError:
                return False

    def release(self) -> None:
        """Give it back; the connection stays open."""
        with suppress(SQLAlchemyError), self._alone:  # a session that ended has given it back
            self._connection.execute(select(func.pg_advisory_unlock(self._key)))
