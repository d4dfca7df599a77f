"""What is done to a line between Storno and a system while a write is on its way, and how the write is carried on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pytest

from core.errors import StornoError
from recovery.model import ChangeSet
from recovery.states import ChangeSetState
from tests.tcp_proxy import How, Mischief, Way

TRIES: Final = 4
SPOILT: Final = (
    *(
        (how, Way.TO_SERVER, place)
        for how in (How.CUT, How.RESET, How.HALF_CLOSE, How.GARBAGE)
        for place in (0, 120)
    ),
    *(
        (how, Way.TO_CLIENT, place)
        for how in (How.CUT, How.RESET, How.HALF_CLOSE, How.GARBAGE)
        for place in (0, 20)
    ),
    (How.DUPLICATE, Way.TO_CLIENT, 0),
)
"""What happens, which way, and after how many bytes."""

spoilt = pytest.mark.parametrize(
    "how, way, place", SPOILT, ids=[f"{how}-{way}-{place}" for how, way, place in SPOILT]
)


def mischief(how: How, way: Way, place: int, when: bytes) -> Mischief:
    """Return the order for the first request that holds these bytes."""
    return Mischief(how, way, after_bytes=place, when=when)


def carried_out(go_on: Callable[[], ChangeSet], change_set: Callable[[], ChangeSet]) -> ChangeSet:
    """Let it run, and go on like a person who types `changes resume`, until nothing is left to do."""
    for _ in range(TRIES):
        try:
            go_on()
        except StornoError:
            if change_set().state not in {ChangeSetState.RUNNING, ChangeSetState.PAUSED}:
                raise
        if change_set().state not in {ChangeSetState.RUNNING, ChangeSetState.PAUSED}:
            break
    return change_set()
