"""One PostgreSQL database for all tests of the journal, put back to where it was before each of them.

A database of its own for each test costs a checkpoint to make and another one to drop.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

import psycopg
from psycopg.sql import SQL, Identifier

from recovery.journal import Journal
from recovery.sql.tables import all_tables
from sandbox.postgres import Cluster

Content = dict[str, bytes]

DATABASE = "journal_work"
TABLES = ("alembic_version", *(table.name for table in all_tables()))


def address(cluster: Cluster, database: str = DATABASE) -> str:
    """Return the address of a database as SQLAlchemy wants it."""
    return cluster.dsn_of(database).replace("postgresql://", "postgresql+psycopg://", 1)


class WorkDatabase:
    """The database, with the contents that tests begin with."""

    def __init__(self, cluster: Cluster) -> None:
        self.url = address(cluster)
        self._dsn = cluster.dsn_of(DATABASE)
        with closing(psycopg.connect(cluster.dsn, autocommit=True)) as connection:
            connection.execute(SQL("CREATE DATABASE {}").format(Identifier(DATABASE)))
        Journal.open(self.url).close()
        self._empty = self._save()
        self._stories: dict[Callable[[Journal], None], Content] = {}

    def begin(self, tell: Callable[[Journal], None] | None = None) -> str:
        """Put back an empty journal, or one in which `tell` told its story; return the address."""
        if tell is None:
            self._put_back(self._empty)
        elif tell in self._stories:
            self._put_back(self._stories[tell])
        else:
            self._put_back(self._empty)
            with closing(Journal.open(self.url)) as journal:
                tell(journal)
            self._stories[tell] = self._save()
        return self.url

    def _save(self) -> Content:
        saved: Content = {}
        with closing(psycopg.connect(self._dsn)) as connection:
            for table in TABLES:
                query = SQL("COPY {} TO STDOUT (FORMAT BINARY)").format(Identifier(table))
                with connection.cursor().copy(query) as copy:
                    saved[table] = b"".join(bytes(part) for part in copy)
        return saved

    def _put_back(self, content: Content) -> None:
        with closing(psycopg.connect(self._dsn)) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            connection.execute("SET session_replication_role = replica")  # no guards
            names = SQL(", ").join(map(Identifier, content))
            connection.execute(SQL("TRUNCATE {}").format(names))
            for table, data in content.items():
                query = SQL("COPY {} FROM STDIN (FORMAT BINARY)").format(Identifier(table))
                with connection.cursor().copy(query) as copy:
                    copy.write(data)
            connection.commit()
