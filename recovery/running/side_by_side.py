"""Calls to one system at the same time, each in a thread of its own. The journal is never touched from there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from itertools import pairwise
from typing import Final, TypeVar

from connectors.contract import Image, Step, System
from core import retry
from core.retry import RetryPolicy

T = TypeVar("T")

MOST_A_CALL: Final = 500
"""Steps that are captured at once: a thousand orders with their lines and transfers are a large answer."""

FEWEST_A_CALL: Final = 50
"""Below this a call costs more than what it reads."""


def side_by_side(calls: Sequence[Callable[[], T]], at_most: int) -> list[T]:
    """Make these calls, up to `at_most` at a time, and return their results in order.

    It comes back when every call has ended, whatever became of the others; then the first error is raised.
    Nothing of a caller's goes on behind its back, an interrupt from the keyboard included.
    """
    if at_most <= 1 or len(calls) <= 1:
        return [call() for call in calls]
    with ThreadPoolExecutor(min(at_most, len(calls)), thread_name_prefix="storno-call") as pool:
        # Each thread logs with the change set's name, which stands in the context.
        futures = [pool.submit(copy_context().run, call) for call in calls]
    return [future.result() for future in futures]


def cut(count: int, *, size: int, at_most: int) -> list[slice]:
    """Cut `count` things into even parts of about `size`, no more than `at_most` of them."""
    parts = max(1, min(at_most, -(-count // max(size, 1))))
    bounds = [count * part // parts for part in range(parts + 1)]
    return [slice(low, high) for low, high in pairwise(bounds)]


def capture(
    system: System,
    steps: Sequence[Step],
    known: Sequence[Image | None],
    policy: RetryPolicy | None = None,
) -> list[Image]:
    """Capture steps of one action in even parts, as many at a time as the system may be asked.

    Each part is asked again after a transient error, within the policy. Raises what `System.capture` raises.
    """
    share = max(FEWEST_A_CALL, -(-len(steps) // system.parallel_calls))
    places = cut(len(steps), size=min(MOST_A_CALL, share), at_most=len(steps))
    calls = [
        partial(retry.transient, partial(system.capture, steps[place], known[place]), policy)
        for place in places
    ]
    return [image for images in side_by_side(calls, system.parallel_calls) for image in images]
