"""Stateful sessions: a cookie, bound to one service's path and one user, until it is closed or times out."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sandbox.sap.work import Work

if TYPE_CHECKING:
    from sandbox.sap.instance import SAP, User

COOKIE: Final = "sap-contextid"


@dataclass(slots=True)
class Session:
    """One session on the application server: its unit of work goes on from call to call."""

    context: str
    path: str
    work: Work
    used: float


class Sessions:
    """The sessions that live."""

    def __init__(self, sap: SAP, *, seconds: float) -> None:
        self._sap = sap
        self._seconds = seconds
        self._count = 0
        self._open: dict[str, Session] = {}

    def open(self, path: str, user: User, language: str) -> Session:
        """Begin one."""
        self._count += 1
        mark = f"{self._count:012d}"
        context = f"SID%3aANON%3apractice_STO_00%3a{mark}-ATT"
        session = Session(context, path, self._sap.work(user, language), time.monotonic())
        self._open[context] = session
        return session

    def find(self, context: str, path: str, user: User) -> Session | None:
        """Return the session of a cookie, or None: gone, of another path or of somebody else."""
        self._sweep()
        session = self._open.get(context)
        if session is None or session.path != path or session.work.user != user:
            return None
        session.used = time.monotonic()
        return session

    def close(self, context: str) -> bool:
        """End one: what it had not committed is lost, its locks are free."""
        session = self._open.pop(context, None)
        if session is not None:
            session.work.roll_back()
        return session is not None

    def expire(self) -> None:
        """End all of them, as the time limit does."""
        for context in list(self._open):
            self.close(context)

    def count(self) -> int:
        """Return how many live."""
        self._sweep()
        return len(self._open)

    def _sweep(self) -> None:
        latest = time.monotonic() - self._seconds
        for context, session in list(self._open.items()):
            if session.used < latest:
                self.close(context)
