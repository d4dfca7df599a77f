"""What a driver or a database says, turned into exactly one error of Storno each.

SQLSTATE and native code decide, the text never does, but for one driver that has no code for a wrong password. What
counts beside the code is the moment. Before COMMIT is sent, the connection is given up after any error and the
server takes everything back: certain that nothing happened. An error of the COMMIT itself tells nothing.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Any, Final, NamedTuple

from connectors.answers import cut
from connectors.odbc.drivers import installed_drivers
from core.errors import (
    AccessDenied,
    BadAnswer,
    Busy,
    LoginFailed,
    NotFound,
    OutcomeUnknown,
    RefusedError,
    Rejected,
    StornoError,
    Timeout,
    Unreachable,
)
from core.text import N_, Text

_NATIVE: Final = re.compile(r"\((-?\d+)\)\s*(?:\(SQL\w+\))?\s*$")
_ORIGIN: Final = re.compile(r"^(?:\[[^\]]*\]\s*)+")
_TAIL: Final = re.compile(r"\s*\(-?\d+\)\s*\(SQL\w+\)\s*$|;\s*Error while executing the query")
_OF_ARROW: Final = re.compile(
    r"ODBC emitted an error calling '\w+':\s*State: ([0-9A-Z]{5}), Native error: (-?\d+), Message: (.*)",
    re.DOTALL,
)
_WRONG_PASSWORD: Final = re.compile(r"authentication failed|认证失败|認證失敗|驗證失敗")
"""In the languages of servers in China: PostgreSQL speaks that of its own settings before anybody has logged in."""


class Moment(StrEnum):
    """When an error came."""

    CONNECT = "connect"
    READ = "read"
    WRITE = "write"  # within a transaction, before its COMMIT was sent
    COMMIT = "commit"


class Said(NamedTuple):
    """The codes and the words of one driver error."""

    state: str
    native: int | None
    words: str


def said(error: BaseException) -> Said:
    """Return what a driver error holds, whichever order its arguments have; of Python's own errors, their words."""
    if isinstance(error, ValueError | ArithmeticError | MemoryError | TypeError):
        return Said("", None, str(error))
    of_arrow = _OF_ARROW.match(str(error))
    if of_arrow is not None:
        return Said(of_arrow[1], int(of_arrow[2]), _TAIL.sub("", of_arrow[3]))
    texts = [argument for argument in error.args if isinstance(argument, str)]
    states = [text for text in texts if re.fullmatch(r"[0-9A-Z]{5}", text)]
    words = next((text for text in texts if text not in states), str(error))
    found = _NATIVE.search(words)
    return Said(states[0] if states else "", int(found[1]) if found else None, _TAIL.sub("", words))


_DEAD_STATES: Final = frozenset({"57P01", "57P02", "57P03", "HYT01"})
_DEAD_NATIVES: Final = {
    "mariadb": frozenset({2002, 2003, 2006, 2013, 2055, 1053, 1927, 4031, 5014}),
    "sqlserver": frozenset({10053, 10054, 10060, 233}),
    "oracle": frozenset({28, 3113, 3114, 3135, 12170, 12541, 12543}),
    "db2": frozenset({-1224, -30081}),
}
_BUSY_STATES: Final = frozenset(
    {"40001", "40P01", "55P03", "53200", "53300", "57033", "57014", "HYT00", "HY018"}
)
_BUSY_NATIVES: Final = {
    "mariadb": frozenset({1205, 1213, 1040, 1203, 1969, 1317, 3024}),
    "sqlserver": frozenset({1205, 1222}),
    "sqlite": frozenset({5, 6, 9}),
    "oracle": frozenset({54, 60, 1013, 30006}),
    "db2": frozenset({-911, -913}),
}
_FULL_STATES: Final = frozenset({"53100"})
_FULL_NATIVES: Final = {
    "mariadb": frozenset({1021, 1114}),
    "sqlserver": frozenset({1105, 9002}),
    "sqlite": frozenset({13}),
    "oracle": frozenset({1653, 1654}),
    "db2": frozenset({-289, -964}),
}
_TIMEOUT_STATES: Final = frozenset({"57014", "HYT00", "HY018"})
_LOGIN_STATES: Final = frozenset({"28000", "28P01"})
_LOGIN_NATIVES: Final = {
    "mariadb": frozenset({1045, 1698}),
    "sqlserver": frozenset({18456}),
    "oracle": frozenset({1017, 28000, 28001}),
    "db2": frozenset({-30082}),
}
_RIGHT_STATES: Final = frozenset({"42501", "25006"})
_RIGHT_NATIVES: Final = {
    "mariadb": frozenset({1044, 1142, 1143, 1227, 1290, 1792}),
    "sqlserver": frozenset({229, 230, 262, 300, 3906}),
    "sqlite": frozenset({8}),
    "oracle": frozenset({1031, 1456}),
    "db2": frozenset({-551}),
}
_MISSING_STATES: Final = frozenset({"42P01", "42703", "42S02", "42S22", "3D000", "42704"})
_MISSING_NATIVES: Final = {
    "mariadb": frozenset({1049, 1054, 1146}),
    "sqlserver": frozenset({207, 208, 4060}),
    "oracle": frozenset({904, 942}),
    "db2": frozenset({-204, -206}),
}
_ROLLED_BACK: Final = re.compile(r"^(?:23|40(?!003)|25P02)")
"""A COMMIT that ends so was taken back by the server."""


def from_driver(
    system: str,
    user: str,
    dialect: str,
    error: BaseException,
    moment: Moment,
    *,
    seconds: float = 0,
) -> StornoError:
    """Return the error for what the driver raised."""
    state, native, words = said(error)
    shown = cut(_ORIGIN.sub("", words).strip() or type(error).__name__)
    if moment is Moment.CONNECT:
        return _no_connection(system, user, dialect, Said(state, native, words), shown)
    if moment is Moment.COMMIT and not _ROLLED_BACK.match(state):
        return OutcomeUnknown(system=system, problem=shown)
    if state.startswith("08") or state in _DEAD_STATES or native in _of(_DEAD_NATIVES, dialect):
        return Unreachable(system=system, problem=shown)
    if state in _FULL_STATES or native in _of(_FULL_NATIVES, dialect):
        return Busy(
            N_(
                "{system} has no room left on its disk ({problem}); nothing was changed there. Make room, then:"
                " storno changes resume"
            ),
            system=system,
            problem=shown,
        )
    if state in _TIMEOUT_STATES and seconds and moment is Moment.READ:
        return Timeout(system=system, seconds=f"{seconds:g}", said=shown)
    if state in _BUSY_STATES or native in _of(_BUSY_NATIVES, dialect):
        return Busy(system=system, problem=shown)
    if state in _LOGIN_STATES:
        return LoginFailed(system=system, user=user, said=shown)
    if state in _RIGHT_STATES or native in _of(_RIGHT_NATIVES, dialect):
        return AccessDenied(system=system, said=shown)
    if moment is not Moment.READ:
        return Rejected(system=system, said=shown)
    if state in _MISSING_STATES or native in _of(_MISSING_NATIVES, dialect):
        return NotFound(
            N_("The database does not know it: {said}"), what="table", name="", said=shown
        )
    return BadAnswer(system=system, problem=shown)


def _no_connection(system: str, user: str, dialect: str, found: Said, shown: str) -> StornoError:
    state, native, words = found
    if state in _LOGIN_STATES or native in _of(_LOGIN_NATIVES, dialect):
        return LoginFailed(system=system, user=user, said=shown)
    if _WRONG_PASSWORD.search(words):
        # psqlodbc says 08001 for a wrong password as for a closed port.
        return LoginFailed(system=system, user=user, said=shown)
    if "Can't open lib" in words or state in {"IM002", "IM003", "IM004"}:
        return driver_missing(shown)
    if state in _MISSING_STATES or native in _of(_MISSING_NATIVES, dialect):
        return NotFound(
            N_("The database does not know it: {said}"), what="database", name="", said=shown
        )
    if dialect == "sqlite" and native == 14:
        return NotFound(
            N_("The database does not know it: {said}"), what="database", name="", said=shown
        )
    if state in _RIGHT_STATES or native in _of(_RIGHT_NATIVES, dialect):
        return AccessDenied(system=system, said=shown)
    if state in _BUSY_STATES - {"HYT00"} or native in _of(_BUSY_NATIVES, dialect):
        return Busy(system=system, problem=shown)
    return Unreachable(system=system, problem=shown)


def driver_missing(said: str, name: str = "", known: str = "") -> NotFound:
    """Return the error for a driver that is not on this machine, or that lacks a library of its own there."""
    return NotFound(
        N_(
            "The ODBC driver is not on this machine: {said}. Known here: {known}. Install it"
            " (docs/howto/legacy-first-evening.md names the packages), or give the path of its library."
        ),
        what="driver",
        name=name or said,
        said=said if name in said else f"{name}: {said}",
        known=known or "-",
    )


def no_answer(system: str, seconds: float, moment: Moment) -> StornoError:
    """Return the error for a server that said nothing: before a COMMIT was sent, nothing of what was is ever committed."""
    problem = Text(N_("no answer within {seconds} s"), {"seconds": f"{seconds:g}"})
    kind = OutcomeUnknown if moment is Moment.COMMIT else Unreachable
    return kind(system=system, problem=problem)


def with_names(error: StornoError, system: str, driver: str, database: str) -> StornoError:
    """Say which driver, or which database, is not there; other errors are returned as they are."""
    what = error.details.get("what") if isinstance(error, NotFound) else None
    if what == "driver":
        return driver_missing(str(error.details["said"]), driver, ", ".join(installed_drivers()))
    if what == "database":
        details = {**error.details, "name": database, "system": system}
        return NotFound(N_("{system}: there is no database {name}: {said}"), **details)
    return error


def with_offenders(error: StornoError, operations: tuple[str, ...]) -> StornoError:
    """Name the operations that a refusal is about; other errors are returned as they are."""
    if not isinstance(error, RefusedError) or not operations:
        return error
    details: dict[str, Any] = {**error.details, "offenders": operations}
    return type(error)(error.text.template, **details)


def _of(table: dict[str, frozenset[int]], dialect: str) -> frozenset[int]:
    return table.get(dialect, frozenset())
