"""What a Gateway says, turned into exactly one of Storno's errors: by status and by SAP's code, never by text.

Errors that business logic raised carry the message as `class/number` (`06/022`), those of the Gateway itself a code of
its own. A status below 500 says that nothing happened; from 500 on only SAP's own words that the update failed do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from connectors import answers
from connectors.answers import cut
from connectors.sap.errors import IS_ANSWERED, UPDATE_FAILED, Message, Vocabulary
from connectors.sap.errors import from_answer as from_page
from core import encoding
from core.errors import (
    AccessDenied,
    BadAnswer,
    BadInput,
    Busy,
    LoginFailed,
    OutcomeUnknown,
    RecordMissing,
    Rejected,
    StaleRecord,
    StornoError,
)
from core.text import N_

if TYPE_CHECKING:
    from connectors.http import HttpAnswer

TOKEN: Final = "x-csrf-token"  # noqa: S105 - the name of a header
MESSAGES: Final = "sap-message"

_ERRORS: Final = frozenset({"error", "abort"})
_NUMBERED: Final = {"4": "error", "3": "warning", "2": "info", "1": "success"}


def wants_token(answer: HttpAnswer) -> bool:
    """Whether the Gateway refused a request for its token alone, before it looked at anything else."""
    return answer.status == 403 and answer.headers.get(TOKEN, "").lower() == "required"


def is_json(answer: HttpAnswer) -> bool:
    """Whether an answer says that it is JSON: pages of proxies and of SAP's web server do not."""
    return "json" in answer.headers.get("content-type", "")


def json_in(answer: HttpAnswer, system: str) -> Any:
    """Return the JSON of an answer, numbers exact. Raises `BadAnswer`."""
    if not is_json(answer):
        raise BadAnswer(system=system, problem=N_("the answer is no OData"))
    try:
        return encoding.loads_exact(answer.body)
    except (ValueError, RecursionError, ArithmeticError) as error:
        raise BadAnswer(system=system, problem=N_("the answer is no OData")) from error


def from_answer(
    system: str, user: str, vocabulary: Vocabulary, answer: HttpAnswer, *, is_write: bool
) -> StornoError:
    """Return the error for an answer that is not the one that was expected."""
    found = list(messages_in(answer))
    refused = vocabulary.error(system, found)
    said = refused.details["said"] if refused is not None else f"HTTP {answer.status}"
    details: dict[str, Any] = {"system": system, "said": said}
    if refused is not None:
        details["message"] = refused.details["message"]
    match answer.status:
        case 401:
            return LoginFailed(system=system, user=user, said=N_("wrong user or password"))
        case 403 if wants_token(answer):
            # Asked for once more with a new token: then it is no question of its age.
            return AccessDenied(system=system, said=N_("SAP does not take its own CSRF token back"))
        case 403 if refused is not None:
            return AccessDenied(**details)
        case 412:
            return StaleRecord(
                system=system, said=N_("somebody changed it after it was read (HTTP 412)")
            )
        case 428:
            return StaleRecord(
                system=system,
                said=N_(
                    "the service wants a version of the record (ETag) and told none (HTTP 428)"
                ),
            )
        case 423:
            return Rejected(
                N_("{system}: somebody else is working on it just now: {said}"), **details
            )
        case 404 if is_write and refused is not None:
            return RecordMissing(**details)
        case status if 400 <= status < 500 and refused is not None and is_write:
            return refused
        case status if 400 <= status < 500 and refused is not None:
            return BadInput(N_("{source}: SAP refused to read: {said}"), source=system, said=said)
        case status if status >= 500 and refused is not None:
            return _from_500(system, said, refused, status, is_write=is_write)
        case 400 | 405 | 501:
            return answers.from_status(system, user, "SAP", answer, is_write=is_write) or BadAnswer(
                system=system, problem=said
            )
        case _:
            return from_page(system, user, answer, is_write=is_write)


def _from_500(
    system: str, said: str, refused: StornoError, status: int, *, is_write: bool
) -> StornoError:
    if is_write and refused.details.get("message") == UPDATE_FAILED:
        return refused
    if is_write:
        return OutcomeUnknown(system=system, problem=said, **{IS_ANSWERED: True})
    if status in (502, 503, 504):
        return Busy(system=system, problem=said)
    return BadAnswer(system=system, problem=said)


def messages_in(answer: HttpAnswer) -> Iterator[Message]:
    """Yield the messages of an error's body, in the form of both versions; none where it has none."""
    if not is_json(answer):
        return
    try:
        body = encoding.loads_exact(answer.body)
    except (ValueError, RecursionError, ArithmeticError):
        return
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return
    yield _message(error, "error")
    inner = error.get("innererror")
    rows = error.get("details") or (inner.get("errordetails") if isinstance(inner, dict) else None)
    for row in rows if isinstance(rows, list) else ():
        if isinstance(row, dict):
            severity = row.get("severity")
            if severity is None:
                numeric = str(
                    row.get("@Common.numericSeverity", row.get("@SAP__common.numericSeverity", ""))
                )
                severity = _NUMBERED.get(numeric, "info")
            yield _message(row, str(severity))


def warned_of(answer: HttpAnswer) -> list[Message]:
    """Return the messages that came with a success (`sap-message`)."""
    written = answer.headers.get(MESSAGES, "")
    if not written:
        return []
    try:
        head = encoding.loads_exact(written)
    except (ValueError, RecursionError, ArithmeticError):
        return []
    rows = head if isinstance(head, list) else [head]
    found = []
    for row in rows:
        if isinstance(row, dict):
            found.append(_message(row, _severity(row)))
            more = row.get("details")
            found += [
                _message(each, _severity(each))
                for each in (more if isinstance(more, list) else ())
                if isinstance(each, dict)
            ]
    return found


def require_no_error(system: str, answer: HttpAnswer) -> None:
    """Raise `OutcomeUnknown` where a success came with an error message: only reading tells which of both holds."""
    errors = [message for message in warned_of(answer) if message.is_error]
    if errors:
        said = cut("; ".join(f"{each.said} ({each.code})" for each in errors))
        raise OutcomeUnknown(system=system, problem=said, **{IS_ANSWERED: True})


def _severity(row: Mapping[str, Any]) -> str:
    return str(row.get("severity") or _NUMBERED.get(str(row.get("numericSeverity", "")), "info"))


def _message(row: Mapping[str, Any], severity: str) -> Message:
    said = row.get("message")
    if isinstance(said, dict):
        said = said.get("value")
    ident, _, number = str(row.get("code") or "").rpartition("/")
    is_numbered = bool(ident) and number.isascii() and number.isdigit()
    return Message(
        "E" if severity in _ERRORS else severity[:1].upper(),
        ident if is_numbered else str(row.get("code") or "-"),
        number.zfill(3) if is_numbered else "",
        str(said or "").strip(),
    )
