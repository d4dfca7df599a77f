"""One running SQL-Ledger: its folder, its dataset on PostgreSQL, its web pages, and what a person does on them."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from sandbox.legacy.databases import PostgresSession, Server
from sandbox.legacy.dump import Tables, dump_session
from sandbox.postgres import Cluster
from sandbox.sql_ledger.browser import Browser, Form
from sandbox.sql_ledger.front import Front
from sandbox.sql_ledger.package import Package, SQLLedgerError

DATASET: Final = "practice"
LOGIN: Final = f"admin@{DATASET}"
PASSWORD: Final = "admin"  # noqa: S105 - of a practice system on loopback
ROOT_PASSWORD: Final = "root"  # noqa: S105 - as above
_SHARED: Final = ("SL", "bin", "doc", "locale", "sql", "images", "VERSION", "menu.ini")
_OWN: Final = ("users", "spool", "templates", "css")
_SETTINGS: Final = {
    "userspath": '"users"',
    "memberfile": '"users/members"',
    "sendmail": '"| cat > users/mail"',  # nothing leaves the machine
    "latex": "0",
}
_VC: Final = {"purchase_order": "vendor", "sales_order": "customer"}


@dataclass(frozen=True, kw_only=True)
class PageLine:
    part: str
    description: str
    quantity: Decimal
    shipped: Decimal
    price: Decimal


@dataclass(frozen=True, kw_only=True)
class PageOrder:
    """An order as its own web page shows it."""

    id: int
    number: str
    closed: bool
    partner: str
    date: str
    notes: str
    lines: tuple[PageLine, ...]


@dataclass(kw_only=True)
class Running:
    """Ends with ``stop`` or the ``with`` block; the database is the cluster's and goes with it."""

    folder: Path
    cluster: Cluster
    front: Front
    browser: Browser

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.front.port}/login.pl"

    @property
    def dsn(self) -> str:
        """The dataset on PostgreSQL, for programs beside the web pages."""
        return self.cluster.dsn_of(DATASET)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        self.front.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def login(self) -> None:
        fields = {"action": "login", "login": LOGIN, "password": PASSWORD}
        self.browser.post("login.pl", fields)
        if not self.browser.cookies.get(f"SL-{LOGIN}"):
            raise SQLLedgerError("SQL-Ledger gave no session")

    def order(self, order_id: int, kind: str = "purchase_order") -> PageOrder:
        """Open the order on its page and read it."""
        fields = self._edit(order_id, kind)
        vc = _VC[kind]
        return PageOrder(
            id=int(fields["id"]),
            number=fields["ordnumber"],
            closed=fields.get("closed") == "1",
            partner=fields[vc].rpartition("--")[0],
            date=fields["transdate"],
            notes=fields["notes"],
            lines=tuple(
                PageLine(
                    part=fields[f"partnumber_{row}"],
                    description=fields[f"description_{row}"],
                    quantity=_number(fields[f"qty_{row}"]),
                    shipped=_number(fields[f"ship_{row}"]),
                    price=_number(fields[f"sellprice_{row}"]),
                )
                for row in range(1, int(fields["rowcount"]) + 1)
                if fields.get(f"id_{row}")
            ),
        )

    def listed(self, kind: str = "purchase_order", *, closed: bool) -> set[int]:
        """The orders that its own report lists as closed, or as open."""
        columns = ("id", "ordnumber", "transdate", "name", "amount", "closed")
        page = self.browser.post(
            "oe.pl",
            {
                "action": "transactions",
                "nextsub": "transactions",
                "login": LOGIN,
                "type": kind,
                "vc": _VC[kind],
                "closed" if closed else "open": "1",
                "sort": "transdate",
                "outputformat": "html",
                **{f"l_{column}": "Y" for column in columns},
            },
        )
        cells = Form(page).cells
        dates = [at for at, cell in enumerate(cells) if len(cell) == 10 and cell[4:5] == "-"]
        return {int(cells[at + 1]) for at in dates}

    def save(self, order_id: int, changes: Mapping[str, str], kind: str = "purchase_order") -> None:
        """A person changes fields on the page and saves; SQL-Ledger then writes all lines anew, with new ids."""
        fields = self._edit(order_id, kind)
        fields.update(changes)
        self._saved({**fields, "repost": "1"})

    def close(self, order_id: int, kind: str = "purchase_order") -> None:
        self.save(order_id, {"closed": "1"}, kind)

    def reopen(self, order_id: int, kind: str = "purchase_order") -> None:
        self.save(order_id, {"closed": "0"}, kind)

    def receive(
        self, order_id: int, shipped: Mapping[int, str], kind: str = "purchase_order"
    ) -> None:
        """Set what came (sales: went) in these rows of the page."""
        self.save(order_id, {f"ship_{row}": text for row, text in shipped.items()}, kind)

    def close_books(self, until: str | None) -> None:
        """Close the books up to this day (YYYY-MM-DD), or open them, on the page for that."""
        fields = {"login": LOGIN, "action": "doclose", "closedto": until or ""}
        self.browser.post("am.pl", fields)

    def dump(self) -> Tables:
        """The whole dataset as it lies there, for an oracle."""
        session = PostgresSession(Server.parse(self.dsn), DATASET)
        try:
            return dump_session(session)
        finally:
            session.close()

    def add(self, kind: str, fields: Mapping[str, str]) -> None:
        """A new order from a filled form."""
        self._saved({**fields, "type": kind, "vc": _VC[kind], "id": ""})

    def _edit(self, order_id: int, kind: str) -> dict[str, str]:
        wanted = {"action": "edit", "type": kind, "vc": _VC[kind], "id": str(order_id)}
        fields = Form(self.browser.get("oe.pl", {"login": LOGIN, **wanted})).fields
        # The page of an order that there is not is an empty form, with the id all the same.
        if fields.get("id") != str(order_id) or not fields.get("ordnumber"):
            raise SQLLedgerError(f"SQL-Ledger shows no {kind} {order_id}")
        return fields

    def _saved(self, fields: dict[str, Any]) -> None:
        page = self.browser.post("oe.pl", {**fields, "login": LOGIN, "action": "save"})
        if Form(page).fields.get("title", "").startswith("Confirm"):
            raise SQLLedgerError("SQL-Ledger asked before it saved")


def _number(text: str) -> Decimal:
    return Decimal(text.replace(",", "") or "0")


def lay_out(folder: Path, package: Package) -> None:
    """The instance's own folder: programs that know where they lie, everything else linked or fresh."""
    folder.mkdir(parents=True, exist_ok=True)
    for one in package.share.iterdir():
        if one.suffix == ".pl":
            text = one.read_bytes().replace(b"/usr/share/sql-ledger", str(folder).encode())
            (folder / one.name).write_bytes(text)
        elif one.name in _SHARED:
            (folder / one.name).symlink_to(one)
    for name in _OWN:
        (folder / name).mkdir()
    settings = (package.root / "etc" / "sql-ledger" / "sql-ledger.conf").read_text()
    for name, value in _SETTINGS.items():
        settings = re.sub(rf"(?m)^\${name} = .*$", f"${name} = {value};", settings)
    (folder / "sql-ledger.conf").write_text(settings)
