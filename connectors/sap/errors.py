"""What SAP says, turned into exactly one of Storno's errors: by type, class and number, never by text.

BAPIs answer with HTTP 200 whatever happened, and tell in their RETURN. Its messages come in four shapes: BAPIRET2,
BAPIRETURN1 and the rows of DETAIL_RETURN have class (ID) and number apart, BAPIRETURN has both in CODE.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from connectors import answers
from connectors.answers import cut
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
    StateRefused,
    StornoError,
)
from core.text import N_

if TYPE_CHECKING:
    from connectors.http import HttpAnswer
    from connectors.sap.envelopes import Reply, Row, SoapFault

IS_ANSWERED: Final = "is_answered"
"""Detail of an `OutcomeUnknown` to which SAP gave an answer: it works on nothing any more."""

RETURNS: Final = ("RETURN", "DETAIL_RETURN")
"""Parameters in which messages come. DETAIL_RETURN tells of each order where RETURN speaks for all."""

RESULTS: Final = "E_RESULT"
"""What the project system tells of each object beside RETURN: one may be done and another not."""

_CLASS_SIZE: Final = 2  # of the class in CODE; its number is the rest


@dataclass(frozen=True, slots=True)
class Message:
    """One message of SAP. `type` is S, I, W, E or A; `document` is the order that a detail is about."""

    type: str
    id: str
    number: str
    said: str
    document: str = ""

    @property
    def code(self) -> str:
        """Class and number, as SAP's consultants write them: `06 022`."""
        return f"{self.id} {self.number}"

    @property
    def is_error(self) -> bool:
        """Whether nothing may be committed after it."""
        return self.type in ("E", "A")


def messages_of(reply: Reply) -> list[Message]:
    """Return every message of an answer, in whichever of the four shapes it came."""
    found = [message_of(row) for name in RETURNS for row in reply.rows(name) if row.get("TYPE")]
    return [*found, *(_result_of(row) for row in reply.rows(RESULTS) if row.get("MESSAGE_TYPE"))]


def _result_of(row: Row) -> Message:
    names = {"TYPE": "MESSAGE_TYPE", "ID": "MESSAGE_ID", "NUMBER": "MESSAGE_NUMBER"}
    plain = {name: row.get(long, "") for name, long in {**names, "MESSAGE": "MESSAGE_TEXT"}.items()}
    return message_of({**plain, "ORDER_NUMBER": row.get("OBJECT", "")})


def message_of(row: Row) -> Message:
    """Return the message in one row. A row without a type is no message."""
    code = row.get("CODE", "").strip()
    if "CODE" in row and "ID" not in row:
        ident, number = code[:_CLASS_SIZE].strip(), code[_CLASS_SIZE:].strip()
    else:
        ident, number = row.get("ID", "").strip(), row.get("NUMBER", "").strip()
    return Message(
        row.get("TYPE", "").strip().upper(),
        ident,
        number.zfill(3) if number else "",
        row.get("MESSAGE", "").strip(),
        row.get("ORDER_NUMBER", "").strip(),
    )


LOCKED: Final = frozenset(
    {
        "06 001", "ME 006", "MMPUR_INTEGRATION_PO 002", "V1 042", "V4 219", "CO 469", "CO 470", "CO 471",
        "CNIF_STATUS 004",
    }
)  # fmt: skip
"""Somebody else works on it. Some are from memory of SAP's message tables: a site adds and proves its own."""

MISSING: Final = frozenset({"06 019", "V1 302"})
"""There is no such document."""

PERIOD_CLOSED: Final = frozenset({"F5 201", "M7 053"})
"""The posting period is not open."""

NOT_IN_THIS_STATE: Final = frozenset({"06 020"})
"""The document's state does not allow it."""

UPDATE_FAILED: Final = "S& 101"
"""COMMIT with WAIT: the update was terminated, and nothing of it stands."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Which messages mean what, a site's own added to those that are known."""

    locked: frozenset[str] = LOCKED
    missing: frozenset[str] = MISSING
    period: frozenset[str] = PERIOD_CLOSED
    state: frozenset[str] = NOT_IN_THIS_STATE
    rights: frozenset[str] = (
        frozenset()
    )  # the user lacks a right: no number of SAP's is known for certain

    def error(self, system: str, messages: Iterable[Message]) -> RefusedError | None:
        """Return the refusal that messages amount to; None where SAP has nothing against it."""
        errors = [message for message in messages if message.is_error]
        if not errors:
            return None
        # SAP often adds a general message in front (`no instance could be changed`): what is known counts first.
        first = next((m for m in errors if self._class(m) is not Rejected), errors[0])
        said = cut("; ".join(dict.fromkeys(_shown(message) for message in [first, *errors])))
        details = {"system": system, "said": said, "message": first.code, "type": first.type}
        found = self._class(first)
        if found is Rejected and first.code in self.locked:
            return Rejected(
                N_("{system}: somebody else is working on it just now: {said}"), **details
            )
        if first.code == UPDATE_FAILED:
            return Rejected(
                N_("{system}: the update was terminated, and nothing of it stands (SM13): {said}"),
                **details,
            )
        return found(**details)

    def is_lock(self, message: Message) -> bool:
        """Whether a message says that somebody else works on the document."""
        return message.code in self.locked

    def _class(self, message: Message) -> type[RefusedError]:
        for codes, error in (
            (self.missing, RecordMissing),
            (self.period, PeriodLocked),
            (self.state, StateRefused),
            (self.rights, AccessDenied),
        ):
            if message.code in codes:
                return error
        return Rejected


def _shown(message: Message) -> str:
    text = message.said or message.code
    return f"{text} ({message.type} {message.code})"


# --- below the BAPI: faults and pages ----------------------------------------------------------------


def from_fault(
    system: str, function: str, fault: SoapFault, *, is_write: bool, commits: bool
) -> StornoError:
    """Return the error for a SOAP fault. An ABAP exception ended the function before anything was kept.

    Every other fault may come before, in or after the function: of a call that `commits` nobody knows. Where nothing
    is committed before a later COMMIT, nothing stands, and trying the same again would end alike.
    """
    if fault.name is not None:
        said = cut(f"{fault.said or fault.name} ({function}: {fault.name})")
        return Rejected(system=system, said=said, message=fault.name)
    said = cut(f"{function}: {fault.said or fault.code}")
    if fault.code.startswith(("Client", "Sender")):
        return ContractBroken(problem=f"SAP does not understand our request: {said}")
    if is_write and commits:
        return OutcomeUnknown(system=system, problem=said, **{IS_ANSWERED: True})
    if is_write:
        return Rejected(system=system, said=said, message="fault")
    return BadAnswer(system=system, problem=said)


def from_answer(system: str, user: str, answer: HttpAnswer, *, is_write: bool) -> StornoError:
    """Return the error for an answer that is no SOAP: the pages (HTML) of SAP's web server and of proxies."""
    match answer.status:
        case 401:
            return LoginFailed(system=system, user=user, said=N_("wrong user or password"))
        case 403:
            return AccessDenied(
                system=system, said=N_("the user may not call this service, or it is not active")
            )
        case 404:
            return NotFound(
                N_("SAP has no service at this address, or it is not active (SICF, SOAMANAGER)."),
                what="service",
                name=system,
            )
        case 200 if is_write:
            problem = N_("the answer is no SOAP")
            return OutcomeUnknown(system=system, problem=problem, **{IS_ANSWERED: True})
        case 200:
            return BadAnswer(system=system, problem=N_("the answer is no SOAP"))
        case 500 if is_write:
            problem = N_("SAP showed an error page")
            return OutcomeUnknown(system=system, problem=problem, **{IS_ANSWERED: True})
    found = answers.from_status(system, user, "SAP", answer, is_write=is_write)
    return found or BadAnswer(system=system, problem=f"HTTP {answer.status}")


def expired(system: str) -> Busy:
    """Return what a lost session amounts to: SAP rolled it back by itself, so it may be tried again."""
    return Busy(
        system=system, problem=N_("the session in SAP ended before the change was committed")
    )
