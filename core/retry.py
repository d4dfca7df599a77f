"""The only place that knows tenacity: calls that ended in `TransientError` are tried again.

Nothing else is, because only there is it certain that nothing happened.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import structlog
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception,
    wait_exponential_jitter,
)

from core import clock
from core.errors import JournalFull, TransientError
from core.events import Event

log = structlog.get_logger(__name__)

T = TypeVar("T")

FIRST_WAIT_SECONDS = 0.2
LONGEST_WAIT_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How long a transient error is worth waiting for."""

    deadline_seconds: float = 60.0
    first_wait_seconds: float = FIRST_WAIT_SECONDS
    longest_wait_seconds: float = LONGEST_WAIT_SECONDS


def _is_worth_waiting_for(error: BaseException) -> bool:
    # A full disk is no busy system: a person makes room, so the person is told at once.
    return isinstance(error, TransientError) and not isinstance(error, JournalFull)


def transient(call: Callable[[], T], policy: RetryPolicy | None = None) -> T:
    """Run `call`, and again after a `TransientError`: exponential wait with jitter, at least
    Retry-After, within a deadline.

    Raises the last `TransientError` as soon as the next try would come after the deadline (nobody
    waits an hour because a system asked for it), and `JournalFull` and every other error at once.
    """
    policy = policy or RetryPolicy()
    started = clock.monotonic()
    backoff = wait_exponential_jitter(
        multiplier=policy.first_wait_seconds,
        max=policy.longest_wait_seconds,
        jitter=policy.first_wait_seconds,
    )

    def is_too_late(state: RetryCallState) -> bool:
        waited = clock.monotonic() - started
        return waited + state.upcoming_sleep >= policy.deadline_seconds

    def wait(state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = error.retry_after if isinstance(error, TransientError) else None
        return max(backoff(state), asked or 0.0)

    def report(state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        log.warning(
            Event.CALL_RETRIED,
            attempt=state.attempt_number,
            wait_seconds=round(state.upcoming_sleep, 3),
            code=getattr(error, "code", None),
            problem=str(error),
        )

    retrying = Retrying(
        retry=retry_if_exception(_is_worth_waiting_for),
        wait=wait,
        stop=is_too_late,
        sleep=clock.sleep,
        before_sleep=report,
        reraise=True,
    )
    return retrying(call)
