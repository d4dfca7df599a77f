"""A worker frozen between its look at the fence and its COMMIT, for longer than its lease, while another takes over.

Its transaction is open all the while, so either its locks keep the other one out until it is gone, or what it commits
late is what the other one finds. Nothing is written twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from config.systems import OdbcOptions
from connectors.odbc.connector import OdbcSystem, open_system
from recovery.journal import Journal
from recovery.model import ChangeSet
from recovery.states import SETTLED, ChangeSetState, OperationState
from sandbox.legacy.data import PEOPLE
from tests.chaos.crew import Crew, CrewTask, Nature, Takeovers, is_frozen, thaw
from tests.integration.odbc.ground import Ground

pytestmark = [pytest.mark.timeout(300), pytest.mark.chaos]

ORDERS = 4
LEASE_SECONDS = 1.5
LIMITS = {"connect": 5.0, "lock": 0.5, "statement": 20.0}


def open_legacy(options: dict[str, Any], name: str) -> OdbcSystem:
    """Log in as another process does."""
    system = open_system(name, OdbcOptions.model_validate(options))
    system.trust_as_copy()
    for action in system.actions().values():
        # A minute by itself: long enough for a server far away, too long for a test.
        action.settles_after = timedelta(seconds=0.5)  # type: ignore[misc]
    return system


@pytest.fixture
def crew(ground: Ground) -> Iterator[Crew]:
    """Nobody yet; whoever is hired works on the ground's journal and database."""
    options = {
        **ground.address,
        "recipe": "workflow",
        "closer": PEOPLE[1][0],
        "time_zone": "Asia/Shanghai",
        "timeout_seconds": LIMITS,
    }
    # The name of a journal without a password is its address.
    task = CrewTask(ground.journal.name, partial(open_legacy, options), LEASE_SECONDS)
    made = Crew(task, size=0)
    yield made
    made.send_home()


def is_at_rest(journal: Journal, change_set: ChangeSet) -> bool:
    """Whether the change set ended, or waits for a person alone."""
    now = journal.change_set(change_set.id)
    return now.state in {ChangeSetState.APPLIED, ChangeSetState.PARTLY_APPLIED} or all(
        operation.state in SETTLED | {OperationState.NEEDS_PERSON}
        for operation in journal.operations(change_set.id)
    )


def test_woken_worker_writes_nothing_twice(ground: Ground, crew: Crew) -> None:
    """Whoever commits, each order is written once; what nobody can tell is shown to a person."""
    before = ground.dump()
    change_set = ground.approved(ground.numbers(ORDERS))
    ground.system.close()
    takeovers = Takeovers(ground.journal)
    sleeper = crew.hire(Nature(freezes_at_pass=1))
    assert takeovers.wait_until(lambda: is_frozen(sleeper))
    crew.hire()
    # The other one has looked at least once: it holds the change set, whether or not it gets at the rows.
    assert takeovers.wait_until(lambda: takeovers.seconds)
    thaw(sleeper)
    with closing(Journal.open(crew.task.journal_url)) as journal:
        assert takeovers.wait_until(lambda: is_at_rest(journal, change_set))
        states = set(ground.states(change_set).values())
    ground.system = ground.open()

    written = ground.writes(before)
    assert {1} == {count for counts in written.values() for count in counts}
    assert ORDERS == len(written)
    assert states <= {OperationState.CONFIRMED, OperationState.NEEDS_PERSON}
    assert ground.journal.verify().is_intact
