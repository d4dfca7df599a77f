"""What is the same in every ERP's answers: words longer than anybody reads, and the statuses of HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

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
            wait = answer.headers.get("retry-after", "")
            return RateLimited(
                system=system,
                problem=N_("too many requests or wrong passwords"),
                retry_after=float(wait) if wait.isdigit() else None,
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
    problem = f"HTTP {answer.status}"
    if is_write:
        return OutcomeUnknown(system=system, problem=problem)
    if answer.status in (502, 503, 504):
        return Busy(system=system, problem=problem)
    return BadAnswer(system=system, problem=problem)
