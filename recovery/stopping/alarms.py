"""Alarms: what named people must be told at once. Written in the transaction of what happened, delivered afterwards.

An alarm says which change set, which system, how many, and nothing else: no field, no words of an ERP, no name of a
document. `service.notify` turns it into a sentence in the reader's language.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

import structlog
from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    bindparam,
    func,
    insert,
    or_,
    select,
    true,
    update,
)

from core import clock
from core.events import Event
from core.ids import new_id
from recovery import schema
from recovery.states import OperationState

if TYPE_CHECKING:
    from recovery.model import Actor, Operation

log = structlog.get_logger(__name__)

_alarm, _delivery = schema.alarm, schema.alarm_delivery

TOO_OLD: Final = timedelta(days=7)
"""What nobody was named for in so many days is not told to whoever is named then."""

WAITS: Final = tuple(timedelta(seconds=seconds) for seconds in (30, 120, 600, 1800, 3600))
"""How long after each failed delivery the next one is tried; the last one again and again."""

MOST_TRIES: Final = 28
"""About a day: after that, only `storno notify send` tries again."""

LEASE: Final = timedelta(seconds=60)
"""So long a process has for one delivery; after that another one may try it."""


class AlarmKind(StrEnum):
    """What people can be told of; the words of `notify` in storno.yaml."""

    FROZEN = "frozen"  # somebody froze a scope
    THAWED = "thawed"  # and lifted it
    IN_DOUBT = "in_doubt"  # sent, and the answer was lost: Storno reads to find out
    NEEDS_PERSON = "needs_person"  # reading could not settle it
    RUN_STOPPED = "run_stopped"  # a stop rule ended a run
    BREAKER_OPENED = (
        "breaker_opened"  # a system failed so often that nothing is sent to it for a while
    )


@dataclass(frozen=True, slots=True)
class Alarm:
    """One alarm as the journal has it."""

    id: str
    kind: AlarmKind
    raised_at: datetime
    change_set_id: str | None
    system: str | None
    count: int
    freeze_id: str | None
    actor: str | None


@dataclass(frozen=True, slots=True)
class Delivery:
    """One alarm for one person. `due_at` is None when it was delivered, or is not tried any more."""

    alarm: Alarm
    person: str
    try_count: int
    due_at: datetime | None
    delivered_at: datetime | None
    problem: str | None


def raise_alarm(
    connection: Connection,
    kind: AlarmKind,
    *,
    change_set_id: str | None = None,
    system: str | None = None,
    count: int = 1,
    freeze_id: str | None = None,
    actor: Actor | None = None,
) -> str:
    """Put an alarm into the outbox, in the caller's open transaction; return its id.

    `count` is how many operations it is about (for a breaker: how many calls failed in a row). Nothing is sent here,
    and nothing can fail that the caller's own commit would survive.
    """
    alarm_id = new_id()
    connection.execute(
        insert(_alarm).values(
            id=alarm_id,
            kind=kind.value,
            raised_at=clock.now(),
            change_set_id=change_set_id,
            system=system,
            how_many=count,
            freeze_id=freeze_id,
            actor=None if actor is None else actor.name,
        )
    )
    log.info(Event.ALARM_RAISED, kind=kind.value, change_set_id=change_set_id, system=system)
    return alarm_id


class Doubtful:
    """Counts the operations that one transaction leaves in doubt, or to a person, for one alarm each."""

    def __init__(self) -> None:
        self._left: dict[str, tuple[AlarmKind, str, str]] = {}

    def note(self, operation: Operation, to: OperationState) -> None:
        """Note a move: what is settled in the transaction that doubted it needs no alarm."""
        kind = _ALARMING.get(to)
        if kind is not None:
            self._left[operation.id] = kind, operation.change_set_id, operation.system
        elif self._left:
            self._left.pop(operation.id, None)

    def raise_alarms(self, connection: Connection) -> None:
        """Raise one alarm for each change set, system and state."""
        for (kind, change_set_id, system), count in Counter(self._left.values()).items():
            raise_alarm(connection, kind, change_set_id=change_set_id, system=system, count=count)


_ALARMING: Final = {
    OperationState.IN_DOUBT: AlarmKind.IN_DOUBT,
    OperationState.NEEDS_PERSON: AlarmKind.NEEDS_PERSON,
}


def address(connection: Connection, people: Mapping[str, frozenset[AlarmKind]]) -> int:
    """Make a delivery of each new alarm for each person who wants its kind; return how many were made.

    Each alarm is addressed once, to those who are named at that moment; while nobody is named, it waits.
    """
    if not people:
        return 0
    now = clock.now()
    made = list[dict[str, Any]]()
    addressed = list[str]()
    query = select(_alarm).where(_alarm.c.addressed_at.is_(None)).order_by(_alarm.c.id)
    for row in connection.execute(query.with_for_update(skip_locked=True)):
        addressed.append(row.id)
        if now - row.raised_at > TOO_OLD:
            continue
        made += [
            {"alarm_id": row.id, "person": person, "try_count": 0, "due_at": now}
            for person, wanted in people.items()
            if row.kind in wanted
        ]
    if made:
        connection.execute(insert(_delivery), made)
    if addressed:
        # One by one: a journal that nobody was named for may hold more of them than one statement takes.
        connection.execute(
            update(_alarm).where(_alarm.c.id == bindparam("b_id")).values(addressed_at=now),
            [{"b_id": each} for each in addressed],
        )
    return len(made)


def has_work(connection: Connection) -> bool:
    """Whether something is new, or due. Two looks at two small indexes; nothing is locked."""
    new = select(_alarm.c.id).where(_alarm.c.addressed_at.is_(None)).limit(1)
    due = select(_delivery.c.alarm_id).where(_delivery.c.due_at <= clock.now()).limit(1)
    return (
        connection.execute(new).first() is not None or connection.execute(due).first() is not None
    )


def claim(
    connection: Connection,
    people: Iterable[str],
    *,
    again: bool = False,
    after: Delivery | None = None,
) -> Delivery | None:
    """Return the next delivery that is due to one of these people, kept from other processes for `LEASE`.

    A process that dies between sending and `delivered` makes a second message, never a lost one. With `again` also
    what is not due yet, or was given up; with `after` only what stands behind that one, so that a round comes to its end.
    """
    now = clock.now()
    waiting = _delivery.c.delivered_at.is_(None)
    due = waiting if again else (_delivery.c.due_at <= now)
    row = connection.execute(
        select(_alarm, _delivery)
        .join(_delivery, _delivery.c.alarm_id == _alarm.c.id)
        .where(due, waiting, _delivery.c.person.in_(list(people)), _is_behind(after))
        .order_by(_alarm.c.id, _delivery.c.person)
        .limit(1)
        .with_for_update(of=_delivery, skip_locked=True)
    ).first()
    if row is None:
        return None
    found = _read(row)
    _store(connection, found, due_at=now + LEASE, try_count=found.try_count + 1)
    return found


def _is_behind(last: Delivery | None) -> ColumnElement[bool]:
    if last is None:
        return true()
    same = _delivery.c.alarm_id == last.alarm.id
    return or_(_delivery.c.alarm_id > last.alarm.id, and_(same, _delivery.c.person > last.person))


def delivered(connection: Connection, delivery: Delivery) -> None:
    """Store that a person has it."""
    _store(connection, delivery, delivered_at=clock.now(), due_at=None, problem=None)


def failed(connection: Connection, delivery: Delivery, problem: str) -> None:
    """Store why a person does not have it, and when it is tried again."""
    tried = delivery.try_count + 1
    wait = WAITS[min(tried, len(WAITS)) - 1]
    due_at = None if tried >= MOST_TRIES else clock.now() + wait
    _store(connection, delivery, due_at=due_at, problem=problem)


def undelivered(connection: Connection) -> int:
    """Return how many deliveries were tried and have not arrived."""
    query = select(func.count()).where(
        _delivery.c.delivered_at.is_(None), _delivery.c.problem.is_not(None)
    )
    return int(connection.execute(query).scalar_one())


def deliveries(connection: Connection, *, limit: int) -> list[Delivery]:
    """Return deliveries, those that wait first, the newest alarms first."""
    query = (
        select(_alarm, _delivery)
        .join(_delivery, _delivery.c.alarm_id == _alarm.c.id)
        .order_by(_delivery.c.delivered_at.is_not(None), _alarm.c.id.desc(), _delivery.c.person)
        .limit(limit)
    )
    return [_read(row) for row in connection.execute(query)]


def unaddressed(connection: Connection) -> list[Alarm]:
    """Return alarms that nobody was named for yet, newest first."""
    query = select(_alarm).where(_alarm.c.addressed_at.is_(None)).order_by(_alarm.c.id.desc())
    return [_read_alarm(row) for row in connection.execute(query)]


def _store(connection: Connection, delivery: Delivery, **values: Any) -> None:
    connection.execute(
        update(_delivery)
        .where(_delivery.c.alarm_id == delivery.alarm.id, _delivery.c.person == delivery.person)
        .values(**values)
    )


def _read_alarm(row: Any) -> Alarm:
    return Alarm(
        row.id,
        AlarmKind(row.kind),
        row.raised_at,
        row.change_set_id,
        row.system,
        row.how_many,
        row.freeze_id,
        row.actor,
    )


def _read(row: Any) -> Delivery:
    return Delivery(
        _read_alarm(row), row.person, row.try_count, row.due_at, row.delivered_at, row.problem
    )
