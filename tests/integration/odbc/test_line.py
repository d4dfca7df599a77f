"""The line to a database breaks while rows are written: each order ends settled, and is written once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Final

import pytest

from core import clock
from recovery.states import ChangeSetState, OperationState
from tests.integration.odbc.ground import Ground
from tests.spoilt_line import SPOILT, carried_out, mischief
from tests.tcp_proxy import How, TCPProxy, Way

ALTERED_LENGTH: Final = {
    "postgresql": {(How.GARBAGE, Way.TO_CLIENT, 20)},
    "mariadb": {(How.GARBAGE, Way.TO_CLIENT, place) for place in (0, 20)},
}
"""Bytes of an answer that tell its length: altered, its driver waits for more for ever. TCP lets none of that through."""

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.parametrize("ground", ["postgresql", "mariadb"], indirect=True),
]


@pytest.fixture
def line(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> Iterator[TCPProxy]:
    """A line to the database, over which Storno works from now on; nobody waits for long."""
    sleep = clock.sleep
    monkeypatch.setattr(clock, "sleep", lambda seconds: sleep(min(seconds, 0.1)))
    with closing(TCPProxy(int(ground.address["port"]), seed=5)) as proxy:
        ground.begin_anew(port=proxy.port)
        yield proxy


@pytest.mark.parametrize("when", ["update", "commit"])
def test_each_order_is_written_once(ground: Ground, line: TCPProxy, when: str) -> None:
    """Counted by the tables themselves, whatever happens on the line; nothing else was written."""
    before = ground.dump()
    cases = [each for each in SPOILT if each not in ALTERED_LENGTH[ground.backend]]
    numbers = ground.numbers(len(cases))
    for number, (how, way, place) in zip(numbers, cases, strict=True):
        approved = ground.approved([number])
        # A COMMIT and what is answered to it are a dozen bytes.
        bytes_before = min(place, 5) if when == "commit" else place
        said_so = (when.encode(), when.upper().encode())
        line.order(*(mischief(how, way, bytes_before, each) for each in said_so))
        done = carried_out(
            lambda approved=approved: ground.run(approved, seconds=2.0),  # type: ignore[misc]
            lambda approved=approved: ground.again(approved),  # type: ignore[misc]
        )
        met = {each.how for each in line.met()}
        line.clear()
        said = how, way, place, ground.reasons(approved)

        assert {how} == met, said
        assert ChangeSetState.APPLIED is done.state, said
        assert {OperationState.CONFIRMED} == set(ground.states(approved).values()), said
    assert {number: {1} for number in numbers} == ground.writes(before)
    assert not ground.others_moved(before, set(numbers))
