"""One practice SAP: its people, services, sessions, documents and switches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import RLock, Timer
from typing import Final

from sandbox.sap.business import HANDLERS
from sandbox.sap.call import Call, Handler
from sandbox.sap.company import found
from sandbox.sap.database import Content, Database, Update
from sandbox.sap.dictionary import dictionary
from sandbox.sap.faults import FaultPlan
from sandbox.sap.ledger import Ledger
from sandbox.sap.locks import Locks
from sandbox.sap.services import Service, default_services
from sandbox.sap.sessions import Sessions
from sandbox.sap.work import Work

CLIENT: Final = "100"
SYSTEM_ID: Final = "STO"
ALL_RIGHTS: Final = frozenset({"PO", "SO", "PP", "PS", "MM", "IV", "FI", "TABLES"})


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who may log on; without a right, a call is answered and refused."""

    name: str
    password: str
    language: str = "EN"
    rights: frozenset[str] = ALL_RIGHTS
    may_call: bool = True  # else services answer 403


@dataclass(slots=True)
class Switches:
    """How this SAP is set up where real ones differ."""

    # SAP gives back only those optional tables that the request has.
    echoes_all_tables: bool = False
    # Field values that do not fit are refused by the runtime; else cut, as the older one does.
    checks_lengths: bool = False
    # Newer gateways answer 428 where a version is missing, older ones 412; False: none is asked for.
    odata_needs_if_match: bool = True
    missing_version_status: int = 428
    # How many entities come at most in one answer; the rest is behind a link.
    odata_page: int = 100


class SAP:
    """The practice SAP. The same seed and the same calls give the same documents, numbers and answers."""

    def __init__(
        self,
        *,
        seed: int = 0,
        ledger: Path | None = None,
        stateful: frozenset[str] | bool = frozenset(),
        latency: float = 0.0,
        update_delay: float = 0.0,
        session_seconds: float = 900.0,
        more_orders: int = 0,
    ) -> None:
        self.dictionary = dictionary()
        self.db = Database()
        self.locks = Locks()
        self.faults = FaultPlan()
        self.ledger = Ledger(ledger)
        self.switches = Switches()
        self.sessions = Sessions(self, seconds=session_seconds)
        self.users = {
            "STORNO": User("STORNO", "storno"),
            "LI": User("LI", "li", language="ZH"),
            "READER": User("READER", "reader", rights=frozenset({"TABLES"})),
            "NOBODY": User("NOBODY", "nobody", rights=frozenset(), may_call=False),
        }
        self.services: dict[str, Service] = default_services(stateful)
        self.handlers: dict[str, Handler] = HANDLERS
        self.latency = latency
        # Seconds; `math.inf`: updates are held until `settle`.
        self.update_delay = update_delay
        self.timers: list[Timer] = []
        self.waiting: list[Callable[[], None]] = []
        self.mutex = RLock()
        self.tokens: dict[str, tuple[str, str]] = {}  # by session: its user and token
        self.problems: list[str] = []
        self._numbers: dict[str, int] = {}
        self._works = 0
        self.company = found(self, seed, more_orders)

    def work(self, user: User, language: str) -> Work:
        """Begin a unit of work of its own."""
        with self.mutex:
            self._works += 1
            return Work(self, f"WP{self._works:06d}", user, language)

    def next_number(self, range_: str, first: int) -> int:
        """Draw a number; it stays drawn when the work is rolled back, as buffered number ranges do."""
        self._numbers[range_] = self._numbers.get(range_, first - 1) + 1
        return self._numbers[range_]

    def run(self, call: Call) -> None:
        """Run a function module in its unit of work."""
        call.work.functions.append(call.function.name)
        self.handlers[call.function.name](call)

    # -------------------------------------------------------------------------------- update task

    def update_task(
        self, updates: list[Update], work: Work, owner: str, functions: list[str], *, fails: bool
    ) -> bool:
        """Do the updates of one unit of work or none of them; return whether they were done."""
        try:
            if fails:
                self._log_failure(work, functions)
                return False
            self.db.apply(updates, work.user.name)
            return True
        finally:
            self.locks.release(owner)

    def update_later(
        self, updates: list[Update], work: Work, owner: str, functions: list[str], *, fails: bool
    ) -> None:
        """Do them in the update work process, when nobody waits any more."""
        with self.mutex:
            self.update_task(updates, work, owner, functions, fails=fails)

    def _log_failure(self, work: Work, functions: list[str]) -> None:
        number = self.next_number("VBHDR", 1)
        self.db.put(
            "VBHDR",
            {
                "VBKEY": f"{number:032d}",
                "VBUSR": work.user.name,
                "VBDATE": self.db.stamp,
                "VBSTATE": "003",
                "VBFUNC": functions[0][:30] if functions else "",
            },
        )

    def settle(self) -> None:
        """Wait until every update that was left to the update task is done; run those that are held."""
        for later in self.waiting:
            later()
        self.waiting.clear()
        for timer in self.timers:
            timer.join()
        self.timers.clear()

    # ------------------------------------------------------------------------------- for the tests

    def edit(self, table: str, *key: str, user: str = "MUELLER", **values: object) -> None:
        """Somebody at a screen changes one row and saves."""
        with self.mutex:
            self.db.apply([Update(table, key, dict(values))], user)

    def dump(self) -> dict[str, list[dict[str, object]]]:
        """Return every row of every table: the oracle."""
        with self.mutex:
            return self.db.dump()

    def snapshot(self) -> Snapshot:
        """Return all documents and numbers as they are."""
        with self.mutex:
            return Snapshot(*self.db.snapshot(), dict(self._numbers))

    def restore(self, then: Snapshot) -> None:
        """Put all documents and numbers back; sessions, locks, faults and ledger are emptied."""
        with self.mutex:
            self.db.restore((then.content, then.now, then.change_number))
            self._numbers = dict(then.numbers)
            self.sessions.expire()
            self.locks = Locks()
            self.faults.clear()
            self.ledger.clear()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What `SAP.restore` needs."""

    content: Content
    now: datetime
    change_number: int
    numbers: dict[str, int]
