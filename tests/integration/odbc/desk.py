"""A person at the command line, a practice ERP beside it, and the ERP's own people at work there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import pytest
import structlog
import yaml

from config import logging
from config.secrets import forget_secrets
from connectors.odbc.connector import OdbcSystem
from core import encoding
from sandbox import mariadb, postgres
from sandbox.legacy.build import Practice, build
from sandbox.legacy.data import PEOPLE, Order
from sandbox.legacy.databases import Server
from sandbox.legacy.dump import Tables
from sandbox.legacy.office_books import Side
from sandbox.legacy.office_digiwin import DigiwinBooks
from sandbox.legacy.office_k3 import K3Books
from sandbox.legacy.office_tiptop import TiptopBooks
from sandbox.legacy.office_u8 import U8Books
from service.cli.main import main

RECIPES: Final = {"u8": "u8", "k3": "k3_wise", "digiwin": "workflow", "tiptop": "tiptop"}
PASSWORD: Final = "STORNO_TEST_PASSWORD"
_SIDES: Final[Mapping[str, Mapping[str, Side]]] = {
    "u8": U8Books.sides,
    "k3": K3Books.sides,
    "digiwin": DigiwinBooks.sides,
    "tiptop": TiptopBooks.sides,
}
_FORWARD: Final = frozenset({"ufts", "FLAG"})
"""What only goes forward, as the recipes say."""


@dataclass(frozen=True)
class Answer:
    """What one command left."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as the one JSON document that it must be."""
        return encoding.loads(self.out)


@dataclass(frozen=True)
class CommandLine:
    """Storno's command line in a folder with a storno.yaml."""

    folder: Path
    capture: pytest.CaptureFixture[str]

    def __call__(self, *words: str) -> Answer:
        """Type `storno WORDS`."""
        self.capture.readouterr()
        code = main(list(words))
        captured = self.capture.readouterr()
        return Answer(code, captured.out, captured.err)

    def done(self, *words: str, code: int = 0) -> Answer:
        """Type a command that must end so."""
        answer = self(*words)

        assert code == answer.code, f"{words}: {answer.code}\n{answer.err}\n{answer.out[-2000:]}"
        return answer

    def ready(self, closing: str = "remainders") -> list[str]:
        """Return the numbers of what is ready to close, by a plan that is never run."""
        plan = self("close", "plan", closing, "--json").json
        return [row["number"] for row in plan["documents"] if row["is_ready"]]

    def close(self, numbers: Iterable[str], closing: str = "remainders") -> str:
        """Plan, approve and run; return the change set's id."""
        file = self.folder / "numbers.txt"
        file.write_text("\n".join(numbers), encoding="utf-8")
        plan = self.done("close", "plan", closing, "--from", str(file), "--json").json[
            "change_set"
        ]["id"]
        self.done("close", "approve", plan)
        self.done("close", "run", plan, "--yes")
        return str(plan)


@dataclass(frozen=True)
class Desk(CommandLine):
    """One practice ERP, and Storno's command line set up for it."""

    practice: Practice

    def orders(self, side: Literal["purchase", "sale"] = "purchase") -> dict[str, Order]:
        """Return the orders of one side by their numbers."""
        found = self.practice.story.side(side)
        return {self.practice.number(order).rstrip(): order for order in found}

    def rows(self, content: Tables, orders: Iterable[Order]) -> dict[tuple[str, str], Any]:
        """Return from a dump the rows of these orders, headers and lines, without what only goes forward."""
        found: dict[tuple[str, str], Any] = {}
        wanted: dict[str, set[tuple[str, ...]]] = {}
        keys: dict[str, tuple[str, ...]] = {}
        for order in orders:
            side = _SIDES[self.practice.erp.NAME][order.side]
            owner = tuple(str(part).strip() for part in self.practice.key(order))
            for table, names in ((side.head, side.head_key), (side.body, side.body_key)):
                wanted.setdefault(table, set()).add(owner)
                keys[table] = names
        for table, chosen in wanted.items():
            for key, row in content[table].items():
                # SQLite's dump has text in quotes, and CHAR columns have blanks behind it.
                parts = (str(row[name]).strip().strip("'").strip() for name in keys[table])
                if tuple(parts) in chosen:
                    kept = {name: value for name, value in row.items() if name not in _FORWARD}
                    found[table, key] = kept
        return found


SETTINGS: Final[dict[str, Any]] = {
    "closings": {
        "remainders": {
            "system": "erp",
            "kind": "purchase_order",
            "scope": "not is_closed",
            "routes": [{"name": "close", "when": "true", "action": "purchase_order.close"}],
        },
        "deliveries": {
            "system": "erp",
            "kind": "sales_order",
            "scope": "not is_closed",
            "routes": [{"name": "close", "when": "true", "action": "sales_order.close"}],
        },
    },
    "actor": "Mei Lin",
    "time_zone": "Asia/Shanghai",
    "language": "en",
}


def command_line(
    folder: Path,
    system: Mapping[str, Any],
    patch: pytest.MonkeyPatch,
    capture: pytest.CaptureFixture[str],
    *,
    is_trusted: bool = True,
) -> CommandLine:
    """Make a folder with a storno.yaml that names one system, and go there.

    It is trusted as the copies are on which writing is proved; `test_proving` goes the whole way.
    """
    if is_trusted:
        patch.setattr(OdbcSystem, "trust", lambda system, _: system.trust_as_copy())
    for variable in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG", "NO_COLOR"):
        patch.delenv(variable, raising=False)
    folder.mkdir()
    settings = {**SETTINGS, "systems": {"erp": dict(system)}}
    text = yaml.safe_dump(settings, allow_unicode=True, sort_keys=False)
    (folder / "storno.yaml").write_text(text, encoding="utf-8")
    patch.chdir(folder)
    return CommandLine(folder, capture)


def forget_everything() -> None:
    """Take back what a command leaves in the process."""
    logging.reset()
    structlog.reset_defaults()
    forget_secrets()


class Desks:
    """Sets desks up on one backend; everything is taken down at the end."""

    def __init__(
        self,
        request: pytest.FixtureRequest,
        backend: str,
        folder: Path,
        patch: pytest.MonkeyPatch,
        capture: pytest.CaptureFixture[str],
    ) -> None:
        self._request, self._backend, self._folder = request, backend, folder
        self._patch, self._capture = patch, capture
        self._made = ExitStack()

    def close(self) -> None:
        self._made.close()
        forget_everything()

    def practice(self, erp: str, size: int, database: str | None = None) -> Practice:
        """Return a practice ERP on the backend."""
        if self._backend == "sqlite":
            made = build(erp, self._folder / f"{database or erp}.sqlite", size=size)
        else:
            made = build(erp, self._server(), size=size, database=database)
        self._made.callback(made.drop)
        return made

    def _server(self) -> Server:
        if self._backend == "postgresql":
            cluster: postgres.Cluster = self._request.getfixturevalue("postgres_cluster")
            return Server.parse(cluster.dsn)
        running: mariadb.Server = self._request.getfixturevalue("mariadb_server")
        return Server(
            backend="mariadb",
            host="127.0.0.1",
            port=running.port,
            user=mariadb.USER,
            password=mariadb.PASSWORD,
        )

    def set_up(self, erp: str, size: int, *, is_trusted: bool = True, **options: Any) -> Desk:
        """Make a practice ERP and a folder with the settings of a storno.yaml for it."""
        practice = self.practice(erp, size)
        person = PEOPLE[1][1] if erp == "u8" else PEOPLE[1][0]
        system = {
            "kind": "odbc",
            **self.address(practice),
            "recipe": RECIPES[erp],
            "closer": person,
            "time_zone": "Asia/Shanghai",
            **options,
        }
        folder = self._folder / "desk"
        command_line(folder, system, self._patch, self._capture, is_trusted=is_trusted)
        return Desk(folder, self._capture, practice)

    def address(self, practice: Practice) -> dict[str, Any]:
        """Return what leads there, as it stands in storno.yaml."""
        place = practice.place
        if isinstance(place, Path):
            return {"driver": "SQLite3", "database": str(place)}
        names = {"postgresql": "PostgreSQL Unicode", "mariadb": "MariaDB Unicode"}
        found: dict[str, Any] = {
            "driver": names[place.backend],
            "server": place.host,
            "port": place.port,
            "database": practice.database,
            "user": place.user,
        }
        if place.password:
            self._patch.setenv(PASSWORD, place.password)
            found["password"] = f"${{{PASSWORD}}}"
        return found


@contextmanager
def desks(
    request: pytest.FixtureRequest,
    backend: str,
    folder: Path,
    patch: pytest.MonkeyPatch,
    capture: pytest.CaptureFixture[str],
) -> Iterator[Desks]:
    """Set desks up, and take them down."""
    made = Desks(request, backend, folder, patch, capture)
    try:
        yield made
    finally:
        made.close()
