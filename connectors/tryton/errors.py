"""What Tryton says, turned into exactly one error of Storno each.

Tryton rolls the whole call back whenever it answers with one of its own exceptions, so those are refusals.
It gives no code beyond the name of the exception: missing rights, missing records and closed periods all come
as `UserError`. They are told apart by their English text, which is why writes are sent with the language `en`.
An exception of another class (a bug in a module, a lost database) may also come from the step after the
commit, where the answer is written; for a write nothing is certain then.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from connectors import answers
from connectors.answers import cut
from connectors.http import HttpAnswer
from core.errors import (
    AccessDenied,
    Busy,
    LoginFailed,
    NotFound,
    OutcomeUnknown,
    PeriodLocked,
    RateLimited,
    RecordMissing,
    RefusedError,
    Rejected,
    StaleRecord,
    StateRefused,
    StornoError,
)
from core.text import N_

XMLRPC_CODES: Final[Mapping[int, str]] = {
    1: "UserError",
    2: "UserWarning",
    3: "LoginException",
    4: "ConcurrencyException",
    5: "RateLimitException",
}

# English texts of ir/message.xml and of the account modules; see the module's docstring.
_BY_TEXT: Final[tuple[tuple[re.Pattern[str], type[RefusedError]], ...]] = (
    (re.compile(r'^You can not call "'), StateRefused),
    (re.compile(r"that don't exist\."), RecordMissing),
    (
        re.compile(r"^You are not allowed to (access|read|write|create|delete|execute|modify)"),
        AccessDenied,
    ),
    (re.compile(r'^Calling button ".*" is not allowed\.'), AccessDenied),
    (
        re.compile(
            r"closed (journal-)?period|period .* is closed|closed fiscal year", re.IGNORECASE
        ),
        PeriodLocked,
    ),
    (re.compile(r"^You cannot (modify|reset|delete|cancel)"), StateRefused),
)


class Fault(Exception):
    """One exception that Tryton reported, whichever protocol carried it."""

    def __init__(self, kind: str, said: str, *, warning: str | None = None) -> None:
        self.kind = kind
        self.said = cut(said)
        self.warning = warning
        super().__init__(kind)


def from_fault(system: str, user: str, fault: Fault, *, is_write: bool) -> StornoError:
    """Return the error for an exception that Tryton reported."""
    match fault.kind:
        case "UserError":
            for pattern, error in _BY_TEXT:
                if pattern.search(fault.said):
                    return error(system=system, said=fault.said)
            return Rejected(system=system, said=fault.said)
        case "UserWarning":
            # A person at the screen would be asked whether to go on. Storno never answers in their place.
            return Rejected(
                N_("{system} asks before it goes on, and only a person may answer: {said}"),
                system=system,
                said=fault.said,
                warning=fault.warning,
            )
        case "ConcurrencyException":
            return StaleRecord(system=system, said=fault.said)
        case "LoginException":
            return LoginFailed(system=system, user=user, said=fault.said)
        case "RateLimitException":
            return RateLimited(system=system, problem=fault.said)
        case _:
            return _from_unknown(system, fault, is_write=is_write)


def _from_unknown(system: str, fault: Fault, *, is_write: bool) -> StornoError:
    if "database is locked" in fault.said:
        # SQLite gives up before or at its commit: nothing was kept.
        return Busy(system=system, problem=fault.said)
    if is_write:
        return OutcomeUnknown(system=system, problem=fault.said)
    return Rejected(system=system, said=fault.said)


def from_status(
    system: str, user: str, database: str, answer: HttpAnswer, *, is_write: bool
) -> StornoError | None:
    """Return the error for an HTTP status, None for 200."""
    if answer.status == 404:
        return NotFound(what="database", name=database)
    return answers.from_status(system, user, "Tryton", answer, is_write=is_write)
