"""Databases for the ODBC benchmarks: practice ERPs to close in, and a table of a million rows to read."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from config.systems import OdbcOptions
from connectors.odbc.connector import OdbcSystem, open_system
from sandbox import mariadb, postgres
from sandbox.legacy.build import Practice, build
from sandbox.legacy.data import PEOPLE
from sandbox.legacy.databases import PostgresSession, Server, Session, connect

ERP: Final = "u8"
CLOSER: Final = PEOPLE[1][1]
BULK: Final = "storno_bulk"
"""Name of the table, and of its database on a server."""

DRIVERS: Final = {
    "postgresql": "PostgreSQL Unicode",
    "mariadb": "MariaDB Unicode",
    "sqlite": "SQLite3",
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where databases of one sort are: a server, or a folder for files."""

    backend: str
    server: Server | None
    folder: Path

    def parts(self, database: str) -> dict[str, Any]:
        """Return what `storno.yaml` would say about a database there."""
        found: dict[str, Any] = {"driver": DRIVERS[self.backend], "database": database}
        if self.server is not None:
            found |= {"server": self.server.host, "port": self.server.port}
            found["user"] = self.server.user
            if self.server.password:
                found["password"] = self.server.password
        return found


@contextmanager
def places(folder: Path) -> Iterator[dict[str, Place]]:
    """Start both servers, and end them."""
    with ExitStack() as stack:
        cluster = stack.enter_context(postgres.start_cluster())
        running = stack.enter_context(mariadb.start_server())
        maria = Server(
            backend="mariadb",
            host="127.0.0.1",
            port=running.port,
            user=mariadb.USER,
            password=mariadb.PASSWORD,
        )
        yield {
            "postgresql": Place("postgresql", Server.parse(cluster.dsn), folder),
            "mariadb": Place("mariadb", maria, folder),
            "sqlite": Place("sqlite", None, folder),
        }


# --- orders to close ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Company:
    """A practice U8 on a server, whose orders can be opened again behind everybody's back."""

    practice: Practice
    options: OdbcOptions

    def open(self) -> OdbcSystem:
        """Return it as Storno sees it; it is a copy, so nothing has to be proved."""
        system = open_system("practice", self.options)
        system.trust_as_copy()
        return system

    def order_keys(self) -> list[str]:
        """Return the keys of all purchase orders."""
        session = self.practice.connect()
        found = session.rows('select "POID" from "PO_Pomain" order by "POID"')
        session.close()
        return [str(row[0]) for row in found]

    def count_open(self, keys: Sequence[int]) -> int:
        """Return how many lines of these orders are open."""
        session = self.practice.connect()
        listed = ", ".join(map(str, keys))
        found = session.rows(
            f'select count(*) from "PO_Podetails" where "POID" in ({listed})'
            " and coalesce(\"cbCloser\", '') = ''"
        )
        session.close()
        return int(found[0][0])

    def keep(self) -> None:
        """Remember how the orders stand."""
        session = self.practice.connect()
        for table, copy in _COPIES.items():
            session.run(f'create table {copy} as select * from "{table}"')
        session.commit()
        session.close()

    def open_again(self) -> None:
        """Put everything back as it stood, and clean up as a server does at night."""
        session = self.practice.connect()
        for statement in _OPEN_AGAIN[self.practice.backend]:
            session.run(statement)
        session.commit()
        if isinstance(session, PostgresSession):
            session.autocommit.execute("vacuum analyze")
        session.close()


def company(place: Place, size: int) -> Company:
    """Make a practice U8 with so many orders."""
    assert place.server is not None
    practice = build(ERP, place.server, size=size)
    parts = place.parts(practice.database)
    more = {"recipe": ERP, "closer": CLOSER, "time_zone": "Asia/Shanghai"}
    return Company(practice, OdbcOptions.model_validate(parts | more))


_COPIES: Final = {"PO_Pomain": "kept_orders", "PO_Podetails": "kept_lines"}
_ORDER: Final = ("cCloser", "cState")
_LINE: Final = ("cbCloser", "cbCloseDate", "cbCloseTime")


def _postgresql(table: str, copy: str, key: str, names: tuple[str, ...]) -> str:
    listed = ", ".join(f'"{name}" = k."{name}"' for name in names)
    closer = names[0]
    return (
        f'update "{table}" t set {listed} from {copy} k'
        f' where k."{key}" = t."{key}" and t."{closer}" is distinct from k."{closer}"'
    )


def _mariadb(table: str, copy: str, key: str, names: tuple[str, ...]) -> str:
    listed = ", ".join(f't."{name}" = k."{name}"' for name in names)
    closer = names[0]
    return (
        f'update "{table}" t join {copy} k on k."{key}" = t."{key}" set {listed}'
        f' where not (t."{closer}" <=> k."{closer}")'
    )


_OPEN_AGAIN: Final = {
    "postgresql": (
        _postgresql("PO_Pomain", "kept_orders", "POID", _ORDER),
        _postgresql("PO_Podetails", "kept_lines", "ID", _LINE),
    ),
    "mariadb": (
        _mariadb("PO_Pomain", "kept_orders", "POID", _ORDER),
        _mariadb("PO_Podetails", "kept_lines", "ID", _LINE),
    ),
}


# --- rows to read -----------------------------------------------------------------------------------

COLUMNS: Final = (
    "id", "partner", "no", "name", "memo", "unit", "closed", "quantity", "received", "price",
    "day", "at",
)  # fmt: skip
DATES: Final = frozenset({"day", "at"})


def fill(place: Place, rows: int) -> str:
    """Make the table with so many rows; return the name of its database."""
    if place.server is None:
        path = place.folder / f"{BULK}.sqlite"
        path.unlink(missing_ok=True)
        with sqlite3.connect(path) as connection:
            connection.execute(_TABLE.format(number="decimal(18,4)", moment="timestamp"))
            connection.execute(_SQLITE, (rows,))
        connection.close()
        return str(path)
    session = connect(place.server)
    _run_alone(session, f"drop database if exists {BULK}", f"create database {BULK}")
    session.close()
    session = connect(place.server, BULK)
    moment = "datetime" if place.backend == "mariadb" else "timestamp"
    session.run(_TABLE.format(number="decimal(18,4)", moment=moment))
    if isinstance(session, PostgresSession):
        session.run(_POSTGRESQL, (rows,))
    else:
        session.run(_MARIADB.format(rows=rows))
    session.commit()
    session.close()
    return BULK


def _run_alone(session: Session, *statements: str) -> None:
    for statement in statements:
        if isinstance(session, PostgresSession):
            session.autocommit.execute(statement)
        else:
            session.run(statement)


_TABLE: Final = (
    f"create table {BULK} (id integer not null primary key, partner integer, no varchar(20), name varchar(40),"
    " memo varchar(60), unit varchar(8), closed varchar(1), quantity {number}, received {number},"
    " price {number}, day date, at {moment})"
)
_POSTGRESQL: Final = f"""
insert into {BULK} select g, mod(g::bigint * 7919, 5000), 'PO' || lpad(g::text, 10, '0'),
  '螺丝 M' || mod(g, 40), 'note ' || mod(g, 977), (array['PCS', 'KG', 'M'])[mod(g, 3) + 1],
  case when mod(g, 9) = 0 then 'y' else '' end, mod(g, 1000) / 4.0, mod(g, 770) / 8.0,
  mod(g, 99999) / 100.0, date '2026-01-01' + mod(g, 300), timestamp '2026-01-01' + g * interval '1 second'
from generate_series(1, ?::int) g"""
_MARIADB: Final = f"""
insert into {BULK} select seq, mod(seq * 7919, 5000), concat('PO', lpad(seq, 10, '0')),
  concat('螺丝 M', mod(seq, 40)), concat('note ', mod(seq, 977)), elt(mod(seq, 3) + 1, 'PCS', 'KG', 'M'),
  if(mod(seq, 9) = 0, 'y', ''), mod(seq, 1000) / 4, mod(seq, 770) / 8, mod(seq, 99999) / 100,
  date_add('2026-01-01', interval mod(seq, 300) day), date_add('2026-01-01', interval seq second)
from seq_1_to_{{rows}}"""
_SQLITE: Final = f"""
insert into {BULK} with recursive counted(g) as (select 1 union all select g + 1 from counted where g < ?)
select g, g * 7919 % 5000, 'PO' || printf('%010d', g), '螺丝 M' || g % 40, 'note ' || g % 977,
  substr('PCSKG M  ', g % 3 * 3 + 1, 3), case when g % 9 = 0 then 'y' else '' end,
  g % 1000 / 4.0, g % 770 / 8.0, g % 99999 / 100.0, date('2026-01-01', g % 300 || ' days'),
  datetime('2026-01-01', g || ' seconds')
from counted"""
