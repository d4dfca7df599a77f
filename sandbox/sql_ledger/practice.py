"""The practice SQL-Ledger: made through its own pages once, kept as a dump, and restored in about a second.

>>> with start_cluster() as cluster, start(cluster, Path("ledger")) as ledger:
...     print(ledger.url, ledger.dsn, ledger.listed(closed=True))
"""

from __future__ import annotations

import random
import re
import subprocess
from pathlib import Path
from typing import Final

import psycopg

from sandbox import postgres
from sandbox.legacy.dump import compare
from sandbox.sql_ledger.browser import Browser
from sandbox.sql_ledger.front import Front
from sandbox.sql_ledger.instance import (
    DATASET,
    LOGIN,
    PASSWORD,
    ROOT_PASSWORD,
    PageLine,
    PageOrder,
    Running,
    lay_out,
)
from sandbox.sql_ledger.package import SQLLedgerError, fetch, is_available
from sandbox.tryton.lock import build_lock
from sandbox.tryton.venv import default_cache, digest

__all__ = [
    "DATASET",
    "LOGIN",
    "ORDERS",
    "PASSWORD",
    "PageLine",
    "PageOrder",
    "Running",
    "SQLLedgerError",
    "compare",
    "is_available",
    "start",
]

ORDERS: Final = 40  # of which every fourth is a sales order
HERE: Final = Path(__file__).resolve().parent
COMMAND_TIMEOUT_SECONDS: Final = 120.0

# SQL-Ledger garbles a partner's name that is not Latin in its own lists, so these are.
_PARTNERS: Final = ("Schrauben & Co", "O'Neill Bearings", "Acme Metals", "Nordwind GmbH")
_PARTS: Final = ("六角螺丝 M3", "Bearing 6204", "垫圈", "Alu-Profil 20x20", "Gasket", "電容 10uF")
_NOTES: Final = ("", "急", "it's urgent", "", "請盡快 𠮷")


def start(cluster: postgres.Cluster, folder: Path, *, cache: Path | None = None) -> Running:
    """Lay out a SQL-Ledger in this new folder, its dataset on this cluster, and serve its pages."""
    place = cache or default_cache()
    package = fetch(place)
    lay_out(folder.resolve(), package)
    front = Front(folder.resolve(), package)
    running = Running(
        folder=folder.resolve(),
        cluster=cluster,
        front=front,
        browser=Browser(front.port),
    )
    try:
        kept = place / "sql-ledger" / f"practice-{_version()}.sql"
        with build_lock(place / "sql-ledger" / "practice.lock"):
            if kept.is_file():
                _restore(running, kept)
            else:
                _make(running)
                _keep(running, kept)
        running.login()
    except BaseException:
        running.stop()
        raise
    return running


def _version() -> str:
    """A change of how the data is made makes it anew."""
    return digest(*(path.read_bytes() for path in sorted(HERE.glob("*.py"))))


def _members(running: Running) -> Path:
    return running.folder / "users" / "members"


def _restore(running: Running, kept: Path) -> None:
    with psycopg.connect(running.cluster.dsn, autocommit=True) as session:
        session.execute(f'drop database if exists "{DATASET}" with (force)')
        session.execute(f'create database "{DATASET}" template template0')
    _program("psql", "-q", "-v", "ON_ERROR_STOP=1", "-f", str(kept), "-d", running.dsn)
    members = kept.with_suffix(".members").read_text()
    members = re.sub(r"port=\d+", f"port={running.cluster.port}", members)
    _members(running).write_text(members)


def _keep(running: Running, kept: Path) -> None:
    for old in kept.parent.glob("practice-*"):
        old.unlink(missing_ok=True)
    fresh = kept.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    _program("pg_dump", "--no-owner", "-f", str(fresh), "-d", running.dsn)
    kept.with_suffix(".members").write_text(_members(running).read_text())
    fresh.rename(kept)


def _program(name: str, *arguments: str) -> None:
    done = subprocess.run(
        [postgres.program(name), *arguments],
        capture_output=True,
        stdin=subprocess.DEVNULL,
        timeout=COMMAND_TIMEOUT_SECONDS,
        check=False,
    )
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace")[-2000:]
        raise SQLLedgerError(f"{name} failed:\n{said}")


def _make(running: Running) -> None:
    """A dataset by the administrator's pages, masters by SQL, orders by the order page."""
    passwords = {"new_password": ROOT_PASSWORD, "confirm_password": ROOT_PASSWORD}
    running.browser.post("admin.pl", {"action": "do_change_password", **passwords})
    running.browser.post(
        "admin.pl",
        {
            "action": "dbcreate",
            "password": ROOT_PASSWORD,
            "dbdriver": "Pg",
            "dbhost": "127.0.0.1",
            "dbport": str(running.cluster.port),
            "dbuser": postgres.USER,
            "dbdefault": "postgres",
            "db": DATASET,
            "company": "Practice",
            "name": "Admin",
            "adminpassword": PASSWORD,
            "mastertemplates": "Default",
            "encoding": "UTF8",
            "chart": "Default",
        },
    )
    members = _members(running).read_text()
    members = members.replace("dateformat=mm-dd-yy", "dateformat=yy-mm-dd")
    members = members.replace("'POSTGRES, US'", "'ISO'")
    _members(running).write_text(members)
    running.login()  # the first one brings the dataset to the program's version
    running.login()
    with psycopg.connect(running.dsn) as session:
        forms = _masters(session)
    for kind, form in forms:
        running.add(kind, form)
    with psycopg.connect(running.dsn) as session:
        count = session.execute("select count(*) from oe").fetchone()
    if count != (ORDERS,):
        raise SQLLedgerError(f"SQL-Ledger saved {count} orders instead of {ORDERS}")


def _masters(session: psycopg.Connection[tuple[object, ...]]) -> list[tuple[str, dict[str, str]]]:
    """Partners and parts by SQL; then the forms that a person would fill."""
    accounts = {
        str(number): str(one)
        for number, one in session.execute("select accno, id from chart").fetchall()
    }

    def new(table: str, values: dict[str, object]) -> str:
        names, marks = ", ".join(values), ", ".join(["%s"] * len(values))
        sql = f"insert into {table} ({names}) values ({marks}) returning id"  # noqa: S608 - names of ours
        found = session.execute(sql, list(values.values())).fetchone()
        return str(found[0]) if found else ""

    clerk = new("employee", {"login": "admin", "name": "Admin", "sales": True})
    partners = {
        table: [
            (
                name,
                new(
                    table,
                    {
                        "name": name,
                        f"{table}number": f"{table[0].upper()}{at:03d}",
                        "curr": "USD",
                        "arap_accno_id": accounts["2100" if table == "vendor" else "1200"],
                        "payment_accno_id": accounts["1060"],
                    },
                ),
            )
            for at, name in enumerate(_PARTNERS, start=1)
        ]
        for table in ("vendor", "customer")
    }
    parts = [
        (
            f"P-{at}",
            name,
            new(
                "parts",
                {
                    "partnumber": f"P-{at}",
                    "description": name,
                    "unit": "PCS",
                    "lastcost": at + 0.5,
                    "sellprice": at * 2,
                    "inventory_accno_id": accounts["1520"],
                    "income_accno_id": accounts["4020"],
                    "expense_accno_id": accounts["5020"],
                },
            ),
        )
        for at, name in enumerate(_PARTS, start=1)
    ]
    session.commit()
    chance = random.Random("storno sql-ledger")
    return [
        _form(chance, index, partners, parts, clerk, accounts) for index in range(1, ORDERS + 1)
    ]


def _form(
    chance: random.Random,
    index: int,
    partners: dict[str, list[tuple[str, str]]],
    parts: list[tuple[str, str, str]],
    clerk: str,
    accounts: dict[str, str],
) -> tuple[str, dict[str, str]]:
    kind, table = ("sales_order", "customer") if index % 4 == 0 else ("purchase_order", "vendor")
    name, partner = partners[table][index % len(_PARTNERS)]
    lines = 1 + index % 3
    form = {
        "formname": kind,
        table: f"{name}--{partner}",
        f"old{table}": f"{name}--{partner}",
        f"select{table}": "x",  # the page offers a list, so the name carries its id
        f"{table}_id": partner,
        "currency": "USD",
        "defaultcurrency": "USD",
        "employee": f"Admin--{clerk}",
        "ordnumber": f"{'SO' if kind == 'sales_order' else 'PO'}-{index:04d}",
        "transdate": f"2026-{9 + index % 3:02d}-{1 + index % 28:02d}",
        "reqdate": f"2026-12-{1 + index % 28:02d}" if index % 2 else "",
        "notes": _NOTES[index % len(_NOTES)],
        "description": f"order {index}",
        "closed": "1" if index % 10 == 7 else "0",
        "rowcount": str(lines + 1),
        "paidaccounts": "1",
    }
    for row in range(1, lines + 1):
        number, text, one = parts[(index + row) % len(parts)]
        quantity = chance.choice((1, 5, 10, 12.5, 100))
        shipped = quantity if index % 8 == 3 else quantity / 2 if index % 8 == 5 else 0
        form |= {
            f"partnumber_{row}": number,
            f"sku_{row}": number,
            f"id_{row}": one,
            f"description_{row}": text,
            f"qty_{row}": f"{quantity:g}",
            f"ship_{row}": f"{shipped:g}",
            f"unit_{row}": "PCS",
            f"sellprice_{row}": f"{chance.randrange(1, 9999) / 100:.2f}",
            f"cost_{row}": "0",
            f"inventory_accno_id_{row}": accounts["1520"],
            f"income_accno_id_{row}": accounts["4020"],
            f"expense_accno_id_{row}": accounts["5020"],
        }
    return kind, form
