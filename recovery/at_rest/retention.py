"""Images that are old enough go; what they were taken of, and what was done, stays in the journal for ever.

A change set whose images were pruned cannot be taken back any more. Never pruned: what is still open, what is held,
and what a younger change set took back or rests on. An image goes only when no other change set refers to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import structlog
from sqlalchemy import Connection, delete, insert, select

from core import clock
from core.errors import NotAllowed, NotFound
from core.events import Event
from core.text import N_
from recovery import schema
from recovery.at_rest.hold_history import HELD, HOLD_SUBJECT, RELEASED, held, open_holds
from recovery.at_rest.pruned import IMAGES_SUBJECT, PRUNED, find_pruned
from recovery.at_rest.sweeping import sweep
from recovery.at_rest.vault import hold_images
from recovery.auditing.audit import PendingMove
from recovery.sql.schema_rollback import reversal
from recovery.sql.schema_storage import legal_hold, pruned_change_set
from recovery.states import ChangeSetState

if TYPE_CHECKING:
    from recovery.journal import Journal
    from recovery.model import Actor

log = structlog.get_logger(__name__)

_set, _operation = schema.change_set, schema.operation
ENDED: Final = frozenset(
    {
        ChangeSetState.APPLIED,
        ChangeSetState.PARTLY_APPLIED,
        ChangeSetState.FAILED,
        ChangeSetState.ROLLED_BACK,
        ChangeSetState.PARTLY_ROLLED_BACK,
        ChangeSetState.REJECTED,
        ChangeSetState.EXPIRED,
    }
)
_NEVER_RUN: Final = frozenset(
    {ChangeSetState.PLANNED, ChangeSetState.AWAITING_APPROVAL, ChangeSetState.APPROVED}
)
"""What waits to run; once its time is over it never will."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Why the images of a change set must stay."""

    change_set_id: str
    held_at: datetime
    held_by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Prunable:
    """What pruning would take, and how many old change sets stay for which reason."""

    change_set_ids: tuple[str, ...]
    operation_count: int
    open_count: int = 0
    held_count: int = 0
    needed_count: int = 0


@dataclass(frozen=True, slots=True)
class Progress:
    """How far pruning is."""

    change_set_count: int
    image_count: int
    byte_count: int


# --- holds --------------------------------------------------------------------------------------------


def hold(journal: Journal, change_set_id: str, *, actor: Actor, reason: str) -> Hold:
    """Keep the images of a change set whatever their age. Raises `NotAllowed` where they are gone already."""
    pruned = find_pruned(journal, [change_set_id]).get(change_set_id)
    if pruned is not None:
        raise pruned.error()
    found = Hold(change_set_id, clock.now(), actor.name, reason)
    with journal.writing() as writer:
        hold_images(writer.connection)
        if held(writer.connection, change_set_id):
            raise NotAllowed(reason=N_("it is held already; release it first to change the reason"))
        writer.connection.execute(
            insert(legal_hold).values(
                change_set_id=found.change_set_id,
                held_at=found.held_at,
                held_by=found.held_by,
                reason=found.reason,
            )
        )
        writer.record(
            PendingMove(
                change_set_id, HOLD_SUBJECT, HELD, actor=actor.name, detail={"reason": reason}
            )
        )
    log.info(Event.CHANGE_SET_HELD, change_set_id=change_set_id, by=actor.name)
    return found


def release(journal: Journal, change_set_id: str, *, actor: Actor, reason: str) -> None:
    """Let the images of a change set go with the others of their age. Raises `NotFound` when it is not held."""
    with journal.writing() as writer:
        done = writer.connection.execute(
            delete(legal_hold).where(legal_hold.c.change_set_id == change_set_id)
        )
        # A hold whose row somebody took away holds until it is released.
        if done.rowcount != 1 and not open_holds(writer.connection, change_set_id):
            raise NotFound(
                N_("Change set {name} is not held."), what="change set", name=change_set_id[:13]
            )
        writer.record(
            PendingMove(
                change_set_id, HOLD_SUBJECT, RELEASED, actor=actor.name, detail={"reason": reason}
            )
        )
    log.info(Event.CHANGE_SET_RELEASED, change_set_id=change_set_id, by=actor.name)


def find_hold(journal: Journal, change_set_id: str) -> Hold | None:
    """Return why the images of a change set are held; None when they are not."""
    with journal.reading() as connection:
        row = connection.execute(
            select(legal_hold).where(legal_hold.c.change_set_id == change_set_id)
        ).one_or_none()
    return None if row is None else Hold(row.change_set_id, row.held_at, row.held_by, row.reason)


def holds(journal: Journal) -> list[Hold]:
    """Return every hold, oldest first."""
    with journal.reading() as connection:
        rows = connection.execute(select(legal_hold).order_by(legal_hold.c.held_at)).all()
    return [Hold(row.change_set_id, row.held_at, row.held_by, row.reason) for row in rows]


# --- pruning ----------------------------------------------------------------------------------------------


def prunable(journal: Journal, before: datetime) -> Prunable:
    """Return what `prune` would take. Changes nothing."""
    with journal.reading() as connection:
        return _prunable(connection, before)


def prune(
    journal: Journal,
    before: datetime,
    *,
    actor: Actor,
    progress: Callable[[Progress], None] | None = None,
) -> Progress:
    """Take away the images of every change set that ended before that moment, as far as nobody needs them.

    Works in small transactions with pauses between them: other processes go on writing. Cut short, it goes on where
    it was when it is called again.
    """
    found = prunable(journal, before)
    count = 0
    for change_set_id in found.change_set_ids:
        count += _mark(journal, change_set_id, before, actor)
    images = size = 0
    for images, size in sweep(journal):
        if progress is not None:
            progress(Progress(count, images, size))
    log.info(Event.JOURNAL_PRUNED, change_sets=count, images=images, bytes=size)
    return Progress(count, images, size)


def _mark(journal: Journal, change_set_id: str, before: datetime, actor: Actor) -> bool:
    """Let the chain say that it cannot be taken back any more; False when it is needed since we looked."""
    with journal.writing() as writer:
        # What takes it back right now holds the images too, so one of us sees the other.
        hold_images(writer.connection)
        row = writer.connection.execute(
            select(_set.c.state).where(_set.c.id == change_set_id)
        ).one()
        if held(writer.connection, change_set_id) or _is_needed(
            writer.connection, change_set_id, before
        ):
            return False
        state = ChangeSetState(row.state)
        if state in _NEVER_RUN:
            writer.move_change_set(change_set_id, ChangeSetState.EXPIRED, actor=actor)
        elif state not in ENDED:
            return False
        writer.connection.execute(
            insert(pruned_change_set).values(
                change_set_id=change_set_id,
                pruned_at=clock.now(),
                pruned_by=actor.name,
                swept_to=0,
            )
        )
        writer.record(
            PendingMove(
                change_set_id,
                IMAGES_SUBJECT,
                PRUNED,
                actor=actor.name,
                detail={"older_than": before},
            )
        )
    return True


def _is_needed(connection: Connection, change_set_id: str, before: datetime) -> bool:
    needs = _needs(connection, change_set_id)
    if not needs:
        return False
    going = set(_prunable(connection, before).change_set_ids) | _pruned(connection)
    return not needs <= going


def _prunable(connection: Connection, before: datetime) -> Prunable:
    rows = {
        row.id: row
        for row in connection.execute(
            select(
                _set.c.id,
                _set.c.state,
                _set.c.created_at,
                _set.c.expires_at,
                _set.c.finished_at,
                _set.c.operation_count,
            )
        )
    }
    pruned, kept, needs = _pruned(connection), held(connection), _all_needs(connection)
    old = {each for each, row in rows.items() if each not in pruned and _ended_at(row) < before}
    is_open = {each for each in old if not _is_over(rows[each])}
    going = old - is_open - kept
    needed: set[str] = set()
    # What stays needs what it took back, which needs what that took back.
    frontier = set(rows) - pruned - going
    while frontier:
        frontier = {each for younger in frontier for each in needs.get(younger, ())} & going
        needed |= frontier
        going -= frontier
    return Prunable(
        tuple(sorted(going)),
        sum(rows[each].operation_count for each in going),
        len(is_open),
        len((old - is_open) & kept),
        len(needed),
    )


def _ended_at(row: Any) -> datetime:
    found: datetime = row.finished_at or row.expires_at or row.created_at
    created: datetime = row.created_at
    return max(found, created)


def _is_over(row: Any) -> bool:
    state = ChangeSetState(row.state)
    return state in ENDED or (state in _NEVER_RUN and row.expires_at is not None)


def _pruned(connection: Connection) -> set[str]:
    return set(connection.execute(select(pruned_change_set.c.change_set_id)).scalars())


def _all_needs(connection: Connection) -> dict[str, set[str]]:
    """Return, per change set, those whose operations it took back."""
    needs: dict[str, set[str]] = {}
    for younger, older in _reversing(connection):
        if younger != older:
            needs.setdefault(younger, set()).add(older)
    return needs


def _needs(connection: Connection, change_set_id: str) -> set[str]:
    """Return the change sets that took operations of this one back."""
    return {younger for younger, older in _reversing(connection, change_set_id)} - {change_set_id}


def _reversing(
    connection: Connection, change_set_id: str | None = None
) -> Iterator[tuple[str, str]]:
    """Yield (younger, older): which change set took operations of which one back, wherever the journal says so."""
    reversing = _operation.alias("reversing")
    for query, older in (
        (
            select(_set.c.id, _set.c.reverses_id).where(_set.c.reverses_id.is_not(None)),
            _set.c.reverses_id,
        ),
        (select(reversal.c.change_set_id, reversal.c.reverses_id), reversal.c.reverses_id),
        (
            select(reversing.c.change_set_id, _operation.c.change_set_id)
            .join(_operation, _operation.c.id == reversing.c.reverses_operation_id)
            .where(reversing.c.reverses_operation_id.is_not(None))
            .distinct(),
            _operation.c.change_set_id,
        ),
    ):
        asked = query if change_set_id is None else query.where(older == change_set_id)
        for row in connection.execute(asked):
            yield row[0], row[1]
