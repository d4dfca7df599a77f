"""How each system is at the moment, in the journal, so that all workers see the same: pace, breaker, places.

Every function is one look or change in the caller's transaction; none is made while a system is being called.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import ColumnElement, Connection, Row, and_, delete, insert, or_, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from core import clock
from recovery.sql.schema_workers import call_place as _place
from recovery.sql.schema_workers import system_state as _state
from recovery.sql.ticks import read_tick, tick
from recovery.workers.holders import is_alive, is_dead
from recovery.workers.politeness import LONGEST_HOLD_SECONDS

if TYPE_CHECKING:
    from recovery.workers.claims import Claim

BREAKER: Final = "breaker"
ASKED: Final = "asked"
PROBE_SECONDS: Final = 60.0
"""So long the one process that tries a system again has for its read; then another one may try."""


@dataclass(frozen=True, slots=True)
class SystemState:
    """How a system is: left alone for so many more seconds (0: not), why, and how many calls failed in a row."""

    held_seconds: float = 0.0
    held_because: str | None = None
    failure_count: int = 0

    @property
    def is_broken(self) -> bool:
        """Whether its breaker is open, or waits for the one read that closes it."""
        return self.held_because == BREAKER


def read_state(connection: Connection, system: str) -> SystemState:
    """Return how a system is now."""
    row = connection.execute(
        select(
            (_state.c.held_until - tick(connection.dialect.name)).label("left"),
            _state.c.held_because,
            _state.c.failure_count,
        ).where(_state.c.system == system)
    ).first()
    if row is None:
        return SystemState()
    # A clock that began anew (the machine did) says nothing.
    left = row.left if row.left is not None and 0 < row.left <= LONGEST_HOLD_SECONDS else 0.0
    because = row.held_because if left > 0 or row.held_because == BREAKER else None
    return SystemState(left, because, row.failure_count)


def reserve_calls(connection: Connection, system: str, *, rate: float, count: int) -> float:
    """Set `count` calls aside for this process, 1/rate apart; return in how many seconds the first may begin."""
    found = _locked(connection, system)
    now = read_tick(connection)
    begin = now if found is None else found
    if not now <= begin <= now + LONGEST_HOLD_SECONDS:
        begin = now
    connection.execute(
        update(_state).where(_state.c.system == system).values(next_call_at=begin + count / rate)
    )
    return begin - now


def count_failure(connection: Connection, system: str) -> int:
    """Count one more call that failed; return how many did in a row, of all workers."""
    _make(connection, system)
    connection.execute(
        update(_state)
        .where(_state.c.system == system)
        .values(failure_count=_state.c.failure_count + 1)
    )
    query = select(_state.c.failure_count).where(_state.c.system == system)
    return int(connection.execute(query).scalar_one())


def hold_off(connection: Connection, system: str, seconds: float, because: str) -> bool:
    """Leave a system alone for so long; return whether it was not left alone for that reason before."""
    _make(connection, system)
    before = read_state(connection, system)
    if before.is_broken and because != BREAKER:
        because = BREAKER  # the one read that closes it is still to come
    until = tick(connection.dialect.name) + min(seconds, LONGEST_HOLD_SECONDS)
    connection.execute(
        update(_state)
        .where(_state.c.system == system)
        .values(held_until=until, held_because=because, probing_until=None, changed_at=clock.now())
    )
    return before.held_because != because


def begin_probe(connection: Connection, system: str) -> bool:
    """Return whether this process is the one that tries a system again whose time alone is over."""
    now = tick(connection.dialect.name)
    done = connection.execute(
        update(_state)
        .where(
            _state.c.system == system,
            _state.c.held_because == BREAKER,
            # A number of seconds beyond any hold is of a clock that began anew.
            (_state.c.held_until <= now) | (_state.c.held_until > now + LONGEST_HOLD_SECONDS),
            _state.c.probing_until.is_(None)
            | (_state.c.probing_until <= now)
            | (_state.c.probing_until > now + LONGEST_HOLD_SECONDS),
        )
        .values(probing_until=now + PROBE_SECONDS)
    )
    return done.rowcount == 1


def all_well(connection: Connection, system: str, *, is_probe: bool) -> bool:
    """Store that a system answers, nothing failed, nothing holds anybody off; return whether that is so.

    A hold that is in force began after the call did, or the call would not have been made: its answer is older news.
    A breaker is closed by the one read that tries the system, unless something failed since that read began.
    """
    now = tick(connection.dialect.name)
    if is_probe:
        may_end = and_(_state.c.held_because == BREAKER, _state.c.probing_until.is_not(None))
    else:
        may_end = and_(
            _state.c.held_because.is_distinct_from(BREAKER),
            or_(
                _state.c.held_until.is_(None),
                _state.c.held_until <= now,
                _state.c.held_until > now + LONGEST_HOLD_SECONDS,
            ),
        )
    done = connection.execute(
        update(_state)
        .where(_state.c.system == system, may_end)
        .values(
            failure_count=0,
            held_until=None,
            held_because=None,
            probing_until=None,
            changed_at=clock.now(),
        )
    )
    return done.rowcount == 1


def ask_place(
    connection: Connection, system: str, claim: Claim, *, calls: int, limit: int, anew: bool
) -> int:
    """Return how many calls at the same time this run may make now, 0 when it has to wait for its turn.

    Who asks first is served first. `anew` puts a run that has had its turn behind those that wait. Only who would
    have to wait looks whether the processes before it still live.
    """
    _locked(connection, system)
    dialect = connection.dialect.name
    connection.execute(
        delete(_place).where(
            _place.c.system == system,
            ~is_alive(_place.c.change_set_id, _place.c.fence, dialect),
        )
    )
    order = _order(connection, system)
    mine = next((each for each in order if each.change_set_id == claim.change_set_id), None)
    is_behind = mine is not None and anew and sum(each.call_count for each in order) > limit
    values = {"call_count": calls, "fence": claim.fence}
    if mine is None or is_behind:
        values["place"] = 1 + (order[-1].place if order else 0)
    if mine is None:
        row = {"system": system, "change_set_id": claim.change_set_id, **values}
        connection.execute(insert(_place).values(row))
    else:
        connection.execute(update(_place).where(_is_of(system, claim.change_set_id)).values(values))
    granted = _granted(connection, system, claim, calls, limit)
    if not granted and _clear_dead(connection, system, claim):
        granted = _granted(connection, system, claim, calls, limit)
    return granted


def _granted(connection: Connection, system: str, claim: Claim, calls: int, limit: int) -> int:
    before = takewhile(
        lambda each: each.change_set_id != claim.change_set_id, _order(connection, system)
    )
    return max(0, min(calls, limit - sum(int(each.call_count) for each in before)))


def _order(connection: Connection, system: str) -> Sequence[Row[Any]]:
    return connection.execute(
        select(_place).where(_place.c.system == system).order_by(_place.c.place)
    ).all()


def _clear_dead(connection: Connection, system: str, claim: Claim) -> bool:
    """Take the places of processes that are gone; return whether there was one."""
    gone = [
        each.change_set_id
        for each in _order(connection, system)
        if each.change_set_id != claim.change_set_id
        and is_dead(claim.database, connection, each.change_set_id, each.fence)
    ]
    for change_set_id in gone:
        connection.execute(delete(_place).where(_is_of(system, change_set_id)))
    return bool(gone)


def _is_of(system: str, change_set_id: str) -> ColumnElement[bool]:
    return and_(_place.c.system == system, _place.c.change_set_id == change_set_id)


def leave_place(connection: Connection, claim: Claim) -> None:
    """Give back what a run has at every system."""
    connection.execute(delete(_place).where(_place.c.change_set_id == claim.change_set_id))


def _make(connection: Connection, system: str) -> None:
    make = sqlite_insert if connection.dialect.name == "sqlite" else postgresql_insert
    connection.execute(make(_state).values(system=system, failure_count=0).on_conflict_do_nothing())


def _locked(connection: Connection, system: str) -> float | None:
    """Lock the row of a system until the commit; return when its next call may begin."""
    _make(connection, system)
    query = select(_state.c.next_call_at).where(_state.c.system == system).with_for_update()
    found: float | None = connection.execute(query).scalar_one()
    return found
