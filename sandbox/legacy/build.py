"""Make a practice database and say what is in it.

>>> practice = build("u8", Path("u8.sqlite"), size="demo")
>>> practice.number(practice.story.odd("over"))
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from sandbox.legacy import digiwin, k3, tiptop, u8
from sandbox.legacy.data import Order, Story, tell
from sandbox.legacy.databases import (
    LegacyError,
    PostgresSession,
    Server,
    Session,
    connect,
)
from sandbox.legacy.schema import Backend, Table, quote, row_version, statements, triggers


class Erp(Protocol):
    """What each ERP's module offers: its tables, the story told in them, and its names for an order."""

    @property
    def NAME(self) -> str: ...  # noqa: N802 - modules are Erps, and these are their constants
    @property
    def DATABASE(self) -> str: ...  # noqa: N802 - as above
    @property
    def TABLES(self) -> Sequence[Table]: ...  # noqa: N802 - as above
    def rows(self, story: Story) -> Iterator[tuple[str, dict[str, Any]]]: ...
    def number(self, order: Order) -> str: ...
    def key(self, order: Order) -> tuple[object, ...]: ...


ERPS: Final[dict[str, Erp]] = {"u8": u8, "k3": k3, "digiwin": digiwin, "tiptop": tiptop}


@dataclass(frozen=True, kw_only=True)
class Practice:
    """A practice database that was just made, and the story that it tells."""

    erp: Erp
    place: Path | Server
    database: str
    story: Story

    @property
    def backend(self) -> Backend:
        return "sqlite" if isinstance(self.place, Path) else self.place.backend

    def number(self, order: Order) -> str:
        """The number by which people know the order."""
        return self.erp.number(order)

    def key(self, order: Order) -> tuple[object, ...]:
        """The order's key as the database holds it."""
        return self.erp.key(order)

    def connect(self) -> Session:
        """A way in beside ODBC; the caller closes it."""
        return connect(self.place, self.database)

    def drop(self) -> None:
        """Delete the database; twice does no harm."""
        if isinstance(self.place, Path):
            self.place.unlink(missing_ok=True)
        else:
            _remake(self.place, self.database, again=False)


def build(
    erp: str,
    place: Path | Server | str,
    *,
    size: str | int = "test",
    database: str | None = None,
) -> Practice:
    """Make the database anew; what stood there is gone.

    ``place`` is a file (SQLite), a ``Server`` or its address. ``size`` is "test" (60 orders), "demo" (5,000) or a number.
    """
    if erp not in ERPS:
        raise LegacyError(f"there is no practice ERP {erp!r}; there are {', '.join(ERPS)}")
    if isinstance(place, str):
        place = Server.parse(place)
    chosen = ERPS[erp]
    practice = Practice(
        erp=chosen, place=place, database=database or chosen.DATABASE, story=tell(size)
    )
    if isinstance(place, Path):
        for tail in ("", "-journal", "-wal", "-shm"):
            place.with_name(place.name + tail).unlink(missing_ok=True)
    else:
        _remake(place, practice.database, again=True)
    session = practice.connect()
    try:
        for statement in statements(chosen.TABLES, practice.backend):
            session.run(statement)
        _load(session, practice)
        for statement in triggers(chosen.TABLES, practice.backend):
            session.run(statement)
        session.commit()
    finally:
        session.close()
    return practice


def _remake(server: Server, database: str, *, again: bool) -> None:
    session = connect(server)
    try:
        if isinstance(session, PostgresSession):
            plain = session.autocommit
            plain.execute(f"drop database if exists {quote(database)} with (force)")
            if again:
                plain.execute(f"create database {quote(database)} template template0")
        else:
            session.run(f"drop database if exists {quote(database)}")
            if again:
                # The collation that takes a and A for equal, as those of the real ERPs do.
                session.run(
                    f"create database {quote(database)} character set utf8mb4 collate utf8mb4_unicode_ci"
                )
    finally:
        session.close()


def _load(session: Session, practice: Practice) -> None:
    tables = {table.name: table for table in practice.erp.TABLES}
    columns = {name: [c.name for c in table.columns] for name, table in tables.items()}
    found: dict[str, list[list[Any]]] = defaultdict(list)
    count = 0
    for name, values in practice.erp.rows(practice.story):
        row = list(map(values.get, columns[name]))
        if unknown := values.keys() - set(columns[name]):
            raise LegacyError(f"{name} has no {', '.join(sorted(unknown))}")
        version = tables[name].rowversion
        if version is not None:
            count += 1
            row[columns[name].index(version)] = row_version(count, practice.backend)
        found[name].append(row)
    for name, rows in found.items():
        session.load(tables[name], rows)
