"""One practice ERP, a system over ODBC and a journal, for faults that are provoked in the middle of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Final

import pytest

from closing.plan import plan_closing
from config.closings import ClosingSettings
from config.systems import OdbcOptions
from connectors.odbc.connection import Database
from connectors.odbc.connector import OdbcSystem, open_system
from connectors.odbc.session import Session
from core.retry import RetryPolicy
from recovery.apply import RunOptions, run
from recovery.approval import approve
from recovery.journal import Journal
from recovery.model import Actor, ChangeSet
from recovery.reversing.selection import Selection
from recovery.rollback import plan_rollback
from recovery.states import OperationState
from sandbox import mariadb, postgres
from sandbox.legacy.build import Practice, build
from sandbox.legacy.data import PEOPLE
from sandbox.legacy.databases import Server
from sandbox.legacy.dump import Tables, dump

MEI: Final = Actor("mei")
SIZE: Final = 200
LIMITS: Final = {"connect": 5.0, "lock": 1.0, "statement": 20.0}
CLOSING: Final = ClosingSettings.model_validate(
    {
        "system": "erp",
        "kind": "purchase_order",
        "routes": [{"name": "close", "when": "true", "action": "purchase_order.close"}],
    }
)
BESIDE: Final = frozenset({"filler", "booked"})
HEAD, LINES, FLAG, CLOSED = "PURTC", "PURTD", "FLAG", "TD016"


@dataclass
class Ground:
    """Digiwin's tables: each write adds one to `FLAG`, so nothing is done twice without being seen."""

    practice: Practice
    address: Mapping[str, Any]
    journal: Journal
    system: OdbcSystem
    opened: list[OdbcSystem] = field(default_factory=list)

    @property
    def backend(self) -> str:
        return self.practice.backend

    def open(self, **changes: Any) -> OdbcSystem:
        """Log in anew, as another process does; it is trusted as a copy is."""
        options = {
            **self.address,
            "recipe": "workflow",
            "closer": PEOPLE[1][0],
            "time_zone": "Asia/Shanghai",
            "timeout_seconds": LIMITS,
            **changes,
        }
        self.opened.append(open_system("erp", OdbcOptions.model_validate(options)))
        self.opened[-1].trust_as_copy()
        return self.opened[-1]

    def begin_anew(self, **changes: Any) -> None:
        """Let another process go on."""
        self.system.close()
        self.system = self.open(**changes)

    @contextmanager
    def somebody_else(self) -> Iterator[Session]:
        """Hand out a writing connection of their own to somebody else."""
        database = Database("erp", OdbcOptions.model_validate({**self.address}))
        session = database.open(read_only=False)
        try:
            yield session
        finally:
            session.drop()
            database.close()

    def sql(self, *statements: str) -> None:
        """Let somebody change the database past Storno."""
        with closing(self.practice.connect()) as session:
            for statement in statements:
                session.run(statement)
            session.commit()

    # --- change sets --------------------------------------------------------------------------------

    def numbers(self, count: int) -> list[str]:
        """Return orders that can be closed and of which nothing is odd."""
        plain = {
            self.practice.number(each)
            for each in self.practice.story.side("purchase")
            if each.odd is None and each.state == "confirmed"
        }
        planned = self.plan(sorted(plain))
        ready = [str(op.number) for op in self.journal.operations(planned.id)]
        assert len(ready) >= count
        return ready[:count]

    def plan(self, numbers: list[str]) -> ChangeSet:
        return plan_closing(
            self.journal,
            self.system,
            "stale",
            CLOSING,
            actor=MEI,
            today=date(2026, 11, 22),
            numbers=numbers,
        )

    def approved(self, numbers: list[str]) -> ChangeSet:
        """Plan and approve."""
        planned = self.plan(numbers)
        assert planned.operation_count == len(numbers)
        return approve(self.journal, planned.id, MEI)

    def run(self, change_set: ChangeSet, *, seconds: float = 15.0) -> ChangeSet:
        """Run or go on; a busy system is asked again for so long."""
        return run(
            self.journal,
            lambda _: self.system,
            change_set.id,
            actor=MEI,
            options=RunOptions(
                retry=RetryPolicy(deadline_seconds=seconds, first_wait_seconds=0.05)
            ),
        )

    def roll_back(self, change_set: ChangeSet) -> ChangeSet:
        planned = plan_rollback(
            self.journal,
            lambda _: self.system,
            Selection(change_set_id=change_set.id),
            actor=MEI,
            reason="a fault was provoked",
        )
        return self.run(approve(self.journal, planned.id, MEI))

    def again(self, change_set: ChangeSet) -> ChangeSet:
        return self.journal.change_set(change_set.id)

    def states(self, change_set: ChangeSet) -> dict[str, OperationState]:
        """Return the state of each order."""
        return {str(op.number): op.state for op in self.journal.operations(change_set.id)}

    def reasons(self, change_set: ChangeSet) -> dict[str, str]:
        return {str(op.number): str(op.reason) for op in self.journal.operations(change_set.id)}

    # --- what the database shows --------------------------------------------------------------------

    def dump(self) -> Tables:
        """Return everything in the database but what a test itself put beside the ERP's tables."""
        return {name: rows for name, rows in dump(self.practice).items() if name not in BESIDE}

    def writes(self, before: Tables) -> dict[str, set[int]]:
        """Return per order how often its lines were written since, as their counters tell."""
        now = self.dump()
        found: dict[str, set[int]] = {}
        for key, row in now[LINES].items():
            old = before[LINES][key]
            moved = int(row[FLAG]) - int(old[FLAG])
            if moved:
                found.setdefault(self._number(row), set()).add(moved)
        return found

    def others_moved(self, before: Tables, closed: set[str]) -> bool:
        """Whether anything changed in the whole database but the lines of these orders."""
        return bool(self._without(before, closed) != self._without(self.dump(), closed))

    def _without(self, content: Tables, closed: set[str]) -> Any:
        lines = {k: row for k, row in content[LINES].items() if self._number(row) not in closed}
        return {**content, LINES: lines}

    def _number(self, row: Mapping[str, Any]) -> str:
        return "-".join(str(row[name]).strip("' ") for name in ("TD001", "TD002"))

    def settled(self, change_set: ChangeSet, before: Tables) -> None:
        """Nothing twice, nothing lost, nothing else: and it can all be taken back."""
        confirmed = {n for n, s in self.states(change_set).items() if s is OperationState.CONFIRMED}
        assert self.writes(before) == {number: {1} for number in confirmed}
        assert not self.others_moved(before, confirmed)
        assert self.journal.verify().is_intact
        if confirmed:
            self.roll_back(change_set)
            assert self.writes(before) == {number: {2} for number in confirmed}
            assert without_flag(before) == without_flag(self.dump())


def without_flag(content: Tables) -> Any:
    return {
        table: {
            key: {name: value for name, value in row.items() if name != FLAG}
            for key, row in rows.items()
        }
        for table, rows in content.items()
    }


DRIVERS: Final = {"postgresql": "PostgreSQL Unicode", "mariadb": "MariaDB Unicode"}

Prepare = Callable[..., Ground]


@contextmanager
def grounds(folder: Path, place: Callable[[], Server | Path]) -> Iterator[Ground]:
    """Make one on a server, or in a file."""
    where = place()
    practice = build("digiwin", where, size=SIZE)
    address: dict[str, Any] = {"driver": "SQLite3", "database": str(where)}
    if isinstance(where, Server):
        address = {
            "driver": DRIVERS[where.backend],
            "server": where.host,
            "port": where.port,
            "database": practice.database,
            "user": where.user,
            **({"password": where.password} if where.password else {}),
        }
    with closing(Journal.open(f"sqlite:///{folder / 'journal.db'}")) as journal:
        made = Ground(practice, address, journal, system=None)  # type: ignore[arg-type]
        made.system = made.open()
        try:
            yield made
        finally:
            for system in made.opened:
                system.close()
            practice.drop()


def place_of(request: pytest.FixtureRequest, backend: str, folder: Path) -> Server | Path:
    """Return where the practice ERP of a test stands."""
    if backend == "sqlite":
        return folder / "digiwin.sqlite"
    if backend == "postgresql":
        cluster: postgres.Cluster = request.getfixturevalue("postgres_cluster")
        return Server.parse(cluster.dsn)
    running: mariadb.Server = request.getfixturevalue("mariadb_server")
    return server_of(running)


def server_of(running: mariadb.Server) -> Server:
    return Server(
        backend="mariadb",
        host="127.0.0.1",
        port=running.port,
        user=mariadb.USER,
        password=mariadb.PASSWORD,
    )
