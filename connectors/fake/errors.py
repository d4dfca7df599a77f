"""What the ERP says when it says no, and what each of its codes means to Storno."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from core.errors import (
    AccessDenied,
    BadAnswer,
    Busy,
    ContractBroken,
    LoginFailed,
    NotFound,
    OutcomeUnknown,
    PeriodLocked,
    RateLimited,
    RecordMissing,
    Rejected,
    StaleRecord,
    StateRefused,
    StornoError,
    Timeout,
    Unreachable,
)
from core.text import N_

TRANSIENT: Final[Mapping[str, Callable[..., StornoError]]] = {
    "unreachable": Unreachable,
    "busy": Busy,
    "rate_limited": RateLimited,
}
"""The ERP (or what stands before it) promises that nothing was done."""

REFUSALS: Final[Mapping[str, Callable[..., StornoError]]] = {
    "rejected": Rejected,
    "state": StateRefused,
    "period_locked": PeriodLocked,
    "stale": StaleRecord,
    "missing": RecordMissing,
    "access_denied": AccessDenied,
    "login_failed": LoginFailed,
}


class ERPError(Exception):
    """The ERP's own answer that is no yes. `offenders` are operation ids, `code` one of this module."""

    def __init__(
        self,
        code: str,
        said: str,
        *,
        offenders: tuple[str, ...] = (),
        retry_after: float | None = None,
    ) -> None:
        super().__init__(said)
        self.code = code
        self.said = said
        self.offenders = offenders
        self.retry_after = retry_after

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` reads."""
        return {
            "code": self.code,
            "said": self.said,
            "offenders": list(self.offenders),
            "retry_after": self.retry_after,
        }

    @classmethod
    def from_json(cls, answer: Mapping[str, Any]) -> ERPError:
        """Read back what `to_json` wrote."""
        return cls(
            answer["code"],
            answer["said"],
            offenders=tuple(answer["offenders"]),
            retry_after=answer["retry_after"],
        )


class AnswerLostError(Exception):
    """No trustworthy answer came back; `how` is `slow`, `lost` or `garbage`."""

    def __init__(self, how: str, seconds: float = 0.0) -> None:
        super().__init__(how)
        self.how = how
        self.seconds = seconds


def as_storno_error(error: ERPError, *, system: str, user: str, is_write: bool) -> StornoError:
    """Turn an answer of the ERP into the one error that says what to do next."""
    if error.code in TRANSIENT:
        return TRANSIENT[error.code](
            system=system, problem=error.said, retry_after=error.retry_after
        )
    if error.code == "login_failed":
        return LoginFailed(system=system, user=user, said=error.said)
    if error.code in REFUSALS:
        return REFUSALS[error.code](system=system, said=error.said, offenders=error.offenders)
    if error.code == "not_found":
        what, _, name = error.said.partition(" ")
        return NotFound(what=what, name=name)
    if error.code == "server_error":
        # An error that says nothing about the commit: only reading can tell.
        if is_write:
            return OutcomeUnknown(system=system, problem=error.said)
        return BadAnswer(system=system, problem=error.said)
    return ContractBroken(problem=f"the ERP answered the unknown code {error.code!r}")


def as_lost(error: AnswerLostError, *, system: str, seconds: float, is_write: bool) -> StornoError:
    """Say what a lost answer means: a write may have happened, a read may be repeated."""
    if is_write:
        return OutcomeUnknown(system=system, problem=_HOW[error.how])
    if error.how == "slow":
        return Timeout(system=system, seconds=seconds)
    return BadAnswer(system=system, problem=_HOW[error.how])


_HOW: Final[Mapping[str, str]] = {
    "slow": N_("it took too long"),
    "lost": N_("the connection broke"),
    "garbage": N_("the answer was cut"),
}
