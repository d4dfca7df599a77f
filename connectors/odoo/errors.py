"""What Odoo says, turned into exactly one error of Storno each.

JSON names the class of the exception. XML-RPC gives a code: 1 with a traceback, 2 for every refusal in words
(`UserError`, `MissingError`, constraints alike), 3 for a wrong password, 4 for a missing right. What a code
leaves open is told apart by the English text, which is why every call is sent with `lang=en_US`.

Every call is one transaction, so an exception rolls the whole call back and is a refusal. Two sorts are none:

* What breaks while the answer is written comes after the commit.
* What the database says (a lost race, a lock, a full pool) nearly always comes before, but the same words may
  come from a step that Odoo runs after its commit. The connector reads back before it believes them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from connectors import answers
from connectors.http import HttpAnswer
from core.errors import (
    AccessDenied,
    BadAnswer,
    Busy,
    ContractBroken,
    LoginFailed,
    NotFound,
    OutcomeUnknown,
    PeriodLocked,
    RecordMissing,
    RefusedError,
    Rejected,
    StaleRecord,
    StateRefused,
    StornoError,
)
from core.text import N_

IS_ANSWERED: Final = "is_answered"
"""Detail of an `OutcomeUnknown`: Odoo did answer, so it works on nothing any more and reading tells at once."""

XMLRPC_CODES: Final[Mapping[int, str]] = {2: "UserError", 3: "AccessDenied", 4: "AccessError"}

NONE_FAULT: Final = "cannot marshal None unless allow_none is enabled"
"""How XML-RPC says that a method returned nothing: after the commit."""

_AFTER_COMMIT: Final = re.compile(
    r"^cannot marshal |exceeds XML-RPC limits|is not JSON serializable|^Circular reference detected"
)
_BUSY_DATABASE: Final = frozenset(
    {
        "AdminShutdown",
        "CannotConnectNow",
        "DeadlockDetected",
        "InterfaceError",
        "LockNotAvailable",
        "MemoryError",
        "OperationalError",
        "PoolError",
        "QueryCanceled",
        "SerializationFailure",
        "TooManyConnections",
    }
)
_IN_WORDS: Final = frozenset(
    {"RaiseException", "UserError", "ValidationError", "RedirectWarning", "Warning"}
)
"""Classes whose message was written for people; the first is what a trigger in the database says."""

_WHERE_IN_DATABASE: Final = re.compile(
    r"\s*(?:\n|\\n)\s*(?:CONTEXT|STATEMENT|QUERY|LOCATION|LINE \d+): .*", re.DOTALL
)
"""What PostgreSQL adds of its own functions and statements; a custom module may hand it on with its line breaks escaped."""

_LINE_BREAKS: Final = re.compile(r"\s*\n\s*")

_NO_DATABASE: Final = re.compile(r'database "([^"]*)" does not exist')
_OWN_USER: Final = re.compile(r"\(Record: res\.users\((\d+),\), User: \1\)")
_UNKNOWN: Final[tuple[tuple[str, re.Pattern[str]], ...]] = (
    ("model", re.compile(r"^Object ([\w.]+) doesn't exist")),
    ("model", re.compile(r"^the model '([\w.]+)' does not exist")),
    ("field", re.compile(r"^Invalid field '(\w+)' (?:on|in) ")),
    ("field", re.compile(r"^Invalid field [\w.]+\.(\w+) in (?:leaf|condition) ")),
    ("method", re.compile(r"^The method '([\w.]+)' does not exist")),
    ("method", re.compile(r"^Private methods \(such as '?([\w.]+)'?\)")),
)
_BY_TEXT: Final[tuple[tuple[re.Pattern[str], type[RefusedError]], ...]] = (
    (re.compile(r"^STORNO_CONFLICT "), StaleRecord),
    (re.compile(r"^Record does not exist or has been deleted\."), RecordMissing),
    (
        re.compile(r"prior to and inclusive of|\block date\b", re.IGNORECASE),
        PeriodLocked,
    ),
    (
        re.compile(
            r"already posted|must be in draft|can be reset to draft|a posted (?:entry|journal item)"
            r"|not in a state requiring|in the following states?:|is in state"
            r"|locked order|must first (?:unlock|cancel)|must cancel it first"
            r"|already been done|(?:is|are) already done|set to 'Done'"
        ),
        StateRefused,
    ),
)
_ACTION_IN_TUPLE: Final = re.compile(r"""^\((['"])(?P<said>.*?)\1, \{(?P<action>.*)""", re.DOTALL)
_MODEL_IN_ACTION: Final = re.compile(r"'res_model': '([\w.]+)'")
_IDS_IN_ACTION: Final = re.compile(r"\('id', 'in', \[([\d, ]+)\]\)")
_EXCEPTION: Final = re.compile(r"(?P<kind>[A-Za-z_][\w.]*)(?:: (?P<said>.*))?", re.DOTALL)


class Fault(Exception):
    """One exception that Odoo reported, whichever dialect carried it; `kind` is the bare name of its class."""

    def __init__(self, kind: str, said: str) -> None:
        self.kind = kind.rpartition(".")[2]
        self.said = said.strip()
        super().__init__(self.kind)


def fault_of_xmlrpc(code: int, said: str) -> Fault:
    """Read the codes of `/xmlrpc/2`, and with code 0 the texts that the older `/xmlrpc` puts there."""
    if code in XMLRPC_CODES:
        return Fault(XMLRPC_CODES[code], said)
    if code == 0:
        kind, _, rest = said.removeprefix("warning -- ").partition("\n")
        if said.startswith("warning -- ") or kind == "AccessDenied":
            return Fault(kind, rest)
    lines = said.splitlines()
    frames = [place for place, line in enumerate(lines) if line.startswith('  File "')]
    if not frames:
        return Fault("", said)
    last = [line for line in lines[frames[-1] + 1 :] if line.strip()]
    while last and last[0].startswith("    "):
        del last[0]
    found = _EXCEPTION.fullmatch("\n".join(last))
    return Fault(found["kind"], found["said"] or "") if found else Fault("", "\n".join(last))


def cut(said: str) -> str:
    """Return Odoo's words without a tail that nobody can read."""
    found = _ACTION_IN_TUPLE.match(said)
    if found:
        # A warning with a button comes as the text of a Python tuple; the button shows the records at fault.
        model, ids = (p.search(found["action"]) for p in (_MODEL_IN_ACTION, _IDS_IN_ACTION))
        named = f" ({model[1]} {ids[1]})" if model and ids else ""
        said = found["said"] + named
    said = said.partition(" while evaluating\n")[0].strip()
    # A reason is shown in one cell of a table, on one line.
    return answers.cut(_LINE_BREAKS.sub(" ", _WHERE_IN_DATABASE.sub("", said)))


def from_fault(system: str, user: str, fault: Fault, *, is_write: bool) -> StornoError:
    """Return the error for an exception that Odoo reported."""
    said = cut(fault.said)
    no_database = _NO_DATABASE.search(fault.said)
    if fault.kind == "OperationalError" and no_database:
        return NotFound(what="database", name=no_database[1], said=said)
    if fault.kind in _BUSY_DATABASE or "could not serialize access" in fault.said:
        problem = f"{fault.kind}: {said}"
        if not is_write:
            return Busy(system=system, problem=problem)
        return OutcomeUnknown(system=system, problem=problem, **{IS_ANSWERED: True})
    if _AFTER_COMMIT.search(fault.said):
        problem = N_("Odoo could not write its answer")
        if not is_write:
            return BadAnswer(system=system, problem=problem, said=said)
        return OutcomeUnknown(system=system, problem=problem, said=said, **{IS_ANSWERED: True})
    match fault.kind:
        case "AccessDenied" | "Unauthorized":
            return LoginFailed(system=system, user=user, said=said or N_("wrong user or password"))
        case "BadRequest" | "ExpatError":
            return ContractBroken(problem=f"Odoo does not understand our request: {said}")
        case "NotFound" if said.startswith("Did you mean POST"):
            return ContractBroken(problem=f"Odoo does not understand our request: {said}")
    if _OWN_USER.search(fault.said):
        return LoginFailed(system=system, user=user, said=said)
    unknown = _unknown(said)
    if unknown:
        # A write is answered by a refusal: one server may lack what the others of its version have.
        return Rejected(system=system, said=said) if is_write else NotFound(**unknown, said=said)
    if fault.kind in ("AccessError", "Forbidden"):
        return AccessDenied(system=system, said=said)
    if fault.kind == "MissingError":
        return RecordMissing(system=system, said=said)
    if fault.kind in _IN_WORDS:
        return _by_text(fault.said)(system=system, said=said or fault.kind)
    # A bug or a wrong value, rolled back all the same; a bare "'state'" says more with its class.
    return Rejected(system=system, said=": ".join(part for part in (fault.kind, said) if part))


def _unknown(said: str) -> dict[str, Any]:
    for what, pattern in _UNKNOWN:
        found = pattern.search(said)
        if found:
            return {"what": what, "name": found[1]}
    return {}


def _by_text(said: str) -> type[RefusedError]:
    return next((error for pattern, error in _BY_TEXT if pattern.search(said)), Rejected)


def from_status(
    system: str, user: str, database: str | None, answer: HttpAnswer, *, is_write: bool
) -> StornoError | None:
    """Return the error for an HTTP status that came without Odoo's own words, None for 200."""
    if answer.status == 404:
        if b"No database is selected" in answer.body:
            return NotFound(what="database", name=database or "")
        return NotFound(
            N_("There is no Odoo at this address, or this transport is switched off there."),
            what="transport",
            name=system,
        )
    return answers.from_status(system, user, "Odoo", answer, is_write=is_write)
