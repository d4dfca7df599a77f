"""What is the same in every ERP's answers: words longer than anybody reads, and the statuses of HTTP."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final

from core import clock
from core.errors import (
    AccessDenied,
    BadAnswer,
    BadInput,
    Busy,
    ContractBroken,
    LoginFailed,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    StornoError,
)
from core.text import N_

if TYPE_CHECKING:
    from connectors.http import HttpAnswer

LONGEST_SAID: Final = 500
"""ERPs add definitions, lists of rights and whole programs to an error; nobody reads them to the end."""


def cut(said: str) -> str:
    """Return the ERP's words without a tail that nobody can read."""
    said = said.strip()
    return said if len(said) <= LONGEST_SAID else said[: LONGEST_SAID - 1] + "…"


def from_status(
    system: str, user: str, product: str, answer: HttpAnswer, *, is_write: bool
) -> StornoError | None:
    """Return the error for an HTTP status that came without the ERP's own words, None for 200.

    Below 500 the ERP (or what stands before it) refused before it called anything. From 500 on nobody knows.
    What 404 means is the connector's to say.
    """
    match answer.status:
        case 200:
            return None
        case 401:
            return LoginFailed(system=system, user=user, said=N_("wrong user or password"))
        case 403:
            return AccessDenied(system=system, said=N_("this call is not allowed over RPC"))
        case 413:
            # A smaller batch may pass.
            return Rejected(system=system, said=N_("the request is too large"))
        case 429:
            return RateLimited(
                system=system,
                problem=N_("too many requests or wrong passwords"),
                retry_after=asked_wait(answer),
            )
        case status if 300 <= status < 400:
            return BadInput(
                N_("{source}: the server sends us to another address: {address}"),
                source=system,
                address=answer.headers.get("location", "-"),
            )
        case status if 400 <= status < 500 and status != 408:
            return ContractBroken(
                problem=f"{product} does not understand our request: HTTP {status}"
            )
    problem, wait = f"HTTP {answer.status}", asked_wait(answer)
    if is_write:
        # It is read what became of it, and that, too, as late as the server asked for.
        return OutcomeUnknown(system=system, problem=problem, retry_after=wait)
    if answer.status in (502, 503, 504):
        return Busy(system=system, problem=problem, retry_after=wait)
    return BadAnswer(system=system, problem=problem)


def asked_wait(answer: HttpAnswer) -> float | None:
    """Return how many seconds the server asks us to wait (Retry-After: seconds, or a date), None where it does not."""
    written = answer.headers.get("retry-after", "").strip()
    if written.isdigit():
        return float(written)
    try:
        until = parsedate_to_datetime(written)
    except ValueError:
        return None
    if until.tzinfo is None:
        return None
    return max(0.0, (until - clock.now()).total_seconds())
