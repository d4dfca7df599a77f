"""One practice Odoo in memory: its database, its people, what was ordered to fail, what was asked."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import sandbox.odoo.business  # noqa: F401 - registers what the models do
from sandbox.odoo import environment
from sandbox.odoo.company import Company, found
from sandbox.odoo.database import Database
from sandbox.odoo.environment import SUPERUSER, Env
from sandbox.odoo.errors import (
    AccessDenied,
    MissingError,
    OperationalError,
    SerializationFailure,
    UserError,
)
from sandbox.odoo.faults import Fault, FaultKind, FaultPlan
from sandbox.odoo.importing import LoadFailed
from sandbox.odoo.ledger import Ledger, LedgerLine
from sandbox.odoo.schema import Model, load_schema
from sandbox.odoo.schema_facts import MIRRORED

# Faults that spoil the answer instead of the call.
_SPOILING = frozenset(
    {FaultKind.LOST, FaultKind.CUT, FaultKind.HTML, FaultKind.GARBAGE, FaultKind.STATUS}
)


@dataclass(frozen=True, slots=True)
class Request:
    """One call that a transport understood."""

    model: str
    method: str
    ids: tuple[int, ...]
    uid: int


class SpoiledError(Exception):
    """The answer does not come back as it should; the transport does what the fault says."""

    def __init__(self, fault: Fault, answer: Any = True) -> None:
        super().__init__(str(fault.kind))
        self.fault = fault
        self.answer = answer
        self.body = b""  # the whole answer as it would have travelled, for what cuts it


class Odoo:
    """A server with one database. `seed` moves all ids, numbers and the administrator's uid about."""

    def __init__(
        self,
        version: int = 18,
        *,
        database: str = "practice",
        seed: int | None = None,
        ledger: Path | None = None,
    ) -> None:
        self.version = version
        self.db = Database(database, load_schema(version))
        if seed is not None:
            self.db.shuffle(seed)
        self.ledger = Ledger(ledger)
        self.faults = FaultPlan()
        self.company: Company
        with environment.transaction(self.db, SUPERUSER) as env:
            self.company = found(env)

    @contextmanager
    def transaction(
        self, login: str = "admin", context: Mapping[str, Any] | None = None
    ) -> Iterator[Env]:
        """Run a block as one committed call of a user, without the wire: to arrange and to look."""
        with environment.transaction(self.db, self.company.users[login], context) as env:
            yield env

    def add_key(self, login: str, key: str) -> None:
        """Give a user an API key."""
        self.db.api_keys[key] = self.company.users[login]

    # --- who is asking -------------------------------------------------------------------------------------

    def require_database(self, name: str) -> None:
        """Raise what PostgreSQL says about a database that does not exist."""
        if name != self.db.name:
            raise OperationalError(
                'connection to server at "127.0.0.1", port 5432 failed: FATAL:  database '
                f'"{name}" does not exist\n'
            )

    def login(self, name: str, login: str, password: str) -> int | bool:
        """Return the uid, or False."""
        self.require_database(name)
        for uid, row in self.db.stores["res.users"].rows.items():
            if row.get("login") == login and self._is_right(uid, password):
                return uid
        return False

    def authenticate(self, name: str, uid: int, password: str) -> None:
        """Raise unless the password (or key) is the user's."""
        self.require_database(name)
        if not password:
            raise AccessDenied
        if uid not in self.db.stores["res.users"].rows:
            raise MissingError.of("res.users", [uid], uid)
        if not self._is_right(uid, password):
            raise AccessDenied

    def _is_right(self, uid: int, password: str) -> bool:
        if password in self.db.api_keys:
            return self.db.api_keys[password] == uid
        return bool(password) and self.db.passwords.get(uid) == password

    # --- one call ------------------------------------------------------------------------------------------

    def serve(self, request: Request, line: LedgerLine, run: Callable[[Env], Any]) -> Any:
        """Run one call as one transaction, with the faults that were ordered for it."""
        line.model, line.method = request.model, request.method
        line.ids, line.uid = request.ids, request.uid
        faults = self.faults.met(request.model, request.method, list(request.ids))
        line.faults = tuple(str(FaultKind(fault.kind)) for fault in faults)
        for fault in faults:
            self._before(fault, request, line)
        try:
            with environment.transaction(self.db, request.uid) as env:
                answer = run(env)
        except LoadFailed as failed:
            line.outcome = "rolled back"
            answer = failed.answer
        except Exception as error:
            line.outcome, line.said = "refused", str(error)
            raise
        for fault in faults:
            self._after(fault, request, line, answer)
        return answer

    def _before(self, fault: Fault, request: Request, line: LedgerLine) -> None:
        kind = FaultKind(fault.kind)
        if kind is FaultKind.EDIT and not fault.is_after:
            self._edit(fault, request)
        elif kind is FaultKind.SLOW and not fault.is_applied:
            time.sleep(fault.seconds)
        elif kind is FaultKind.SERIALIZATION:
            line.outcome = "refused"
            raise SerializationFailure
        elif kind is FaultKind.REFUSED:
            line.outcome, line.said = "refused", fault.said
            raise UserError(fault.said)
        elif kind in (FaultKind.WORKER_LIMIT, FaultKind.LOGIN) or (
            kind in _SPOILING and not fault.is_applied
        ):
            if kind is FaultKind.WORKER_LIMIT:
                time.sleep(fault.seconds)
            line.outcome = "rolled back"
            raise SpoiledError(fault)

    def _after(self, fault: Fault, request: Request, line: LedgerLine, answer: Any) -> None:
        kind = FaultKind(fault.kind)
        if kind is FaultKind.EDIT and fault.is_after:
            self._edit(fault, request)
        elif kind is FaultKind.SLOW and fault.is_applied:
            time.sleep(fault.seconds)
        elif kind in _SPOILING:
            raise SpoiledError(fault, answer)

    def _edit(self, fault: Fault, request: Request) -> None:
        record = fault.target or fault.record or request.ids[0]
        with self.transaction(fault.user) as env:
            env[fault.target_model or request.model].write([record], dict(fault.values))

    # --- the oracle ----------------------------------------------------------------------------------------

    def dump(self) -> dict[str, dict[int, dict[str, Any]]]:
        """Return every row of every model with every column: the oracle of tests."""
        with self.db.lock:
            return {
                name: {
                    each: {key: row.get(key, empty) for key, empty in _columns(store.model)}
                    for each, row in sorted(store.rows.items())
                }
                for name, store in self.db.stores.items()
                if store.rows
            }


@cache
def _columns(model: Model) -> tuple[tuple[str, Any], ...]:
    return tuple(
        (name, field.empty)
        for name, field in model.fields.items()
        if field.is_column and name != "id" and (model.name, name) not in MIRRORED
    )
