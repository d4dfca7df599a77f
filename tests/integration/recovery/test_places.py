"""Places at an ERP go round: who asks first is served first, and nobody keeps one that is gone."""

from __future__ import annotations

from contextlib import ExitStack

import pytest
from sqlalchemy import insert

from core import clock
from core.errors import HeldOff
from recovery.sql.schema_workers import call_place, claim
from recovery.sql.ticks import read_tick
from recovery.states import ChangeSetState
from recovery.workers import system_state
from recovery.workers.claims import Claim
from tests.integration.recovery.politely import approved, polite
from tests.integration.recovery.scene import Scene


def claims_of(scene: Scene, stack: ExitStack, count: int) -> list[Claim]:
    """Hold so many change sets."""
    found = []
    for _ in range(count):
        held = stack.enter_context(scene.journal.running(approved(scene, 1).id))
        assert held.claim is not None
        found.append(held.claim)
    return found


def ask(scene: Scene, claim: Claim, calls: int, limit: int, *, anew: bool = False) -> int:
    """Ask for places at the ERP."""
    with scene.journal.writing() as writer:
        return system_state.ask_place(
            writer.connection, "erp", claim, calls=calls, limit=limit, anew=anew
        )


def test_who_asks_first_is_served_first(both: Scene) -> None:
    """The calls that are left over go to the next; who is behind waits, and comes when others had their turn."""
    with ExitStack() as stack:
        first, second, third = claims_of(both, stack, 3)

        assert 2 == ask(both, first, 2, 3)
        assert 1 == ask(both, second, 2, 3)
        assert 0 == ask(both, third, 2, 3)
        assert 0 == ask(both, third, 2, 3)
        assert 0 == ask(both, first, 2, 3, anew=True)
        assert 2 == ask(both, second, 2, 3)
        assert 1 == ask(both, third, 2, 3)


def test_alone_nobody_has_to_wait(both: Scene) -> None:
    """A run whose turn is over and that nobody waits behind goes on."""
    with ExitStack() as stack:
        (first,) = claims_of(both, stack, 1)

        assert 2 == ask(both, first, 2, 2)
        assert 2 == ask(both, first, 2, 2, anew=True)


def test_a_place_goes_with_its_holder(both: Scene) -> None:
    """Who gave its change set back, or lost it, has no place any more."""
    with ExitStack() as stack:
        (second,) = claims_of(both, stack, 1)
        with ExitStack() as ended:
            (first,) = claims_of(both, ended, 1)
            assert 1 == ask(both, first, 1, 1)
            assert 0 == ask(both, second, 1, 1)

        assert 1 == ask(both, second, 1, 1)


def test_a_place_dies_with_its_process(both: Scene) -> None:
    """Whatever its lease says: after a power cut it may seem to last for weeks, by a clock that began anew."""
    left = approved(both, 1)
    with both.journal.writing() as writer:
        connection = writer.connection
        until = read_tick(connection) + 30 * 86_400
        connection.execute(
            insert(claim).values(
                change_set_id=left.id,
                worker="w",
                fence=1,
                claimed_at=clock.now(),
                lease_until=until,
            )
        )
        connection.execute(
            insert(call_place).values(
                system="erp", change_set_id=left.id, fence=1, call_count=1, place=1
            )
        )
    with ExitStack() as stack:
        first, second = claims_of(both, stack, 2)

        assert 1 == ask(both, first, 1, 1)
        assert 0 == ask(both, second, 1, 1)


def test_a_run_waits_for_its_turn(both: Scene) -> None:
    """While others make all the calls that the ERP may get, a run waits, and pauses when that takes too long."""
    change_set = approved(both)
    options = polite(both, concurrency=1)
    with ExitStack() as stack:
        (holder,) = claims_of(both, stack, 1)
        with both.journal.writing() as writer:
            system_state.ask_place(
                writer.connection, both.system.name, holder, calls=1, limit=1, anew=False
            )
        with pytest.raises(HeldOff, match="other change sets"):
            both.run(change_set, **options)

    assert [] == both.sizes()
    assert ChangeSetState.APPLIED is both.run(change_set, **options).state
