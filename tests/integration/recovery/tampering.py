"""Whatever somebody could do to a journal behind Storno's back, and what is found of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg

from recovery.journal import Journal

FIRST = "(SELECT id FROM change_set ORDER BY id LIMIT 1)"
SECOND = "(SELECT id FROM change_set ORDER BY id LIMIT 1 OFFSET 1)"
OTHER_HASH = "(SELECT hash FROM image ORDER BY hash LIMIT 1)"


@contextmanager
def behind(url: str) -> Iterator[Any]:
    """Open the database as somebody who can do everything: no guards, no foreign keys."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
            names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
            for (name,) in names.fetchall():
                connection.execute(f"DROP TRIGGER {name}")
            yield connection
            connection.commit()
    else:
        address = url.replace("postgresql+psycopg://", "postgresql://")
        with closing(psycopg.connect(address)) as connection:
            connection.execute("SET session_replication_role = replica")
            yield connection
            connection.commit()


def problems(url: str) -> list[str]:
    """Return what is found."""
    with closing(Journal.open(url)) as journal:
        return [str(problem) for problem in journal.verify().problems]


def tamper(url: str, *statements: str) -> list[str]:
    """Run statements behind Storno's back and return what is found."""
    with behind(url) as connection:
        for statement in statements:
            connection.execute(statement)
    return problems(url)
