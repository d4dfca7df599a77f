"""Freezes: what no process of Storno may write to, whichever is about to.

A freeze stops Storno and nothing else: people and other programs go on writing to the ERP. It holds from the moment
at which it is committed: a process looks right before each call, after its intents are on disk. So whatever is not
in flight when a freeze was stored is not sent while it lasts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import structlog
from sqlalchemy import Connection, insert, select, update

from core import clock, encoding
from core.errors import BadInput, Frozen, IllegalMove, NotFound
from core.events import Event
from core.ids import new_id
from core.text import N_, Text
from recovery import schema
from recovery.auditing.audit import FREEZE_SUBJECT, PendingMove
from recovery.model import Actor
from recovery.sql.columns import id_range
from recovery.states import ChangeSetState
from recovery.stopping.alarms import AlarmKind, raise_alarm

if TYPE_CHECKING:
    from recovery.journal import Journal

log = structlog.get_logger(__name__)

FROZEN, THAWED = AlarmKind.FROZEN.value, AlarmKind.THAWED.value
SHORTEST_PREFIX: Final = 4
CHUNK: Final = 500

_freeze, _operation, _set = schema.freeze, schema.operation, schema.change_set


@dataclass(frozen=True, slots=True)
class Scope:
    """What a freeze stops. What is None is not looked at; everything that is given must fit (and)."""

    system: str | None = None
    kind: str | None = None
    number: str | None = None  # what people call a document, and whatever else touches its records
    person: str | None = None  # who made, approved or runs the change set
    change_set_id: str | None = None

    @property
    def is_everything(self) -> bool:
        """Whether it stops every write."""
        return not any(self.given())

    def given(self) -> Iterator[str]:
        """Yield what is looked at, as it is typed: `system:erp`."""
        for name, word in SCOPE_WORDS.items():
            value = getattr(self, name)
            if value is not None:
                yield f"{word}:{value[:13] if name == 'change_set_id' else value}"

    def __str__(self) -> str:
        return " ".join(self.given()) or EVERYTHING


SCOPE_WORDS: Final = {
    "system": "system",
    "kind": "kind",
    "number": "document",
    "person": "user",
    "change_set_id": "change-set",
}
"""Names of `Scope` by the words that people type before the colon."""

EVERYTHING: Final = "all"


@dataclass(frozen=True, slots=True)
class Freeze:
    """One freeze as the journal has it."""

    id: str
    scope: Scope
    spares_rollback: bool
    reason: str
    frozen_by: Actor
    frozen_at: datetime
    thawed_by: Actor | None
    thawed_reason: str | None
    thawed_at: datetime | None

    @property
    def short_id(self) -> str:
        """What people type: the first 13 characters."""
        return self.id[:13]

    def error(self) -> Frozen:
        """Return what stops a run that meets this freeze."""
        return Frozen(
            freeze=self.short_id,
            scope=str(self.scope),
            person=self.frozen_by.name,
            said=self.reason,
        )


def parse_scope(written: Sequence[str]) -> Scope:
    """Read what a person typed: `all`, or `system:NAME kind:KIND ...`. Raises `BadInput`."""
    if list(written) == [EVERYTHING]:
        return Scope()
    names = {word: name for name, word in SCOPE_WORDS.items()}
    found: dict[str, str] = {}
    for each in written:
        word, _, value = each.partition(":")
        name = names.get(word)
        if name is None or not value.strip():
            raise BadInput(
                source=each,
                problem=N_(
                    "a scope is `all`, or one or more of system:NAME kind:KIND document:NUMBER"
                    " user:NAME change-set:ID"
                ),
            )
        if name in found:
            raise BadInput(
                source=each,
                problem=N_("one of a sort is enough: all of a scope must fit. Make another freeze"),
            )
        found[name] = value.strip()
    if not found:
        raise BadInput(source="SCOPE", problem=N_("says nothing; to stop everything: all"))
    return Scope(**found)


# --- freeze and thaw ------------------------------------------------------------------------------


def freeze(
    journal: Journal, scope: Scope, *, actor: Actor, reason: str, spares_rollback: bool = False
) -> Freeze:
    """Stop every write in the scope, from this commit on; rollbacks too, unless they are spared."""
    made = Freeze(new_id(), scope, spares_rollback, reason, actor, clock.now(), None, None, None)
    with journal.writing() as writer:
        writer.connection.execute(
            insert(_freeze).values(
                id=made.id,
                frozen_by=actor.name,
                frozen_how=actor.how,
                frozen_at=made.frozen_at,
                **(_told(made) | {"spares_rollback": int(spares_rollback)}),
            )
        )
        writer.record(
            PendingMove(
                None,
                FREEZE_SUBJECT,
                FROZEN,
                actor=actor.name,
                detail=_told(made),
                subject_id=made.id,
            )
        )
        raise_alarm(
            writer.connection,
            AlarmKind.FROZEN,
            system=scope.system,
            change_set_id=scope.change_set_id,
            freeze_id=made.id,
            actor=actor,
        )
    log.info(Event.SCOPE_FROZEN, freeze=made.id, by=actor.name, system=scope.system)
    return made


def thaw(journal: Journal, wanted: str, *, actor: Actor, reason: str) -> Freeze:
    """Lift a freeze, named by its id or the beginning of it. Raises `NotFound`, `BadInput`, `IllegalMove`."""
    with journal.writing() as writer:
        found = _named(writer.connection, wanted)
        done = writer.connection.execute(
            update(_freeze)
            .where(_freeze.c.id == found.id, _freeze.c.thawed_at.is_(None))
            .values(
                thawed_by=actor.name,
                thawed_how=actor.how,
                thawed_reason=reason,
                thawed_at=clock.now(),
            )
        )
        if done.rowcount != 1:
            raise IllegalMove(
                N_("Freeze {name} is lifted already."),
                what="freeze",
                name=found.short_id,
                to=THAWED,
                state=THAWED,
            )
        writer.record(
            PendingMove(
                None,
                FREEZE_SUBJECT,
                THAWED,
                actor=actor.name,
                detail={"reason": reason},
                subject_id=found.id,
            )
        )
        raise_alarm(
            writer.connection,
            AlarmKind.THAWED,
            system=found.scope.system,
            change_set_id=found.scope.change_set_id,
            freeze_id=found.id,
            actor=actor,
        )
    log.info(Event.SCOPE_THAWED, freeze=found.id, by=actor.name)
    return found


def _named(connection: Connection, wanted: str) -> Freeze:
    prefix = wanted.strip().lower()
    ids = id_range(prefix) if len(prefix) >= SHORTEST_PREFIX else None
    if ids is None:
        raise NotFound(what="freeze", name=wanted)
    rows = connection.execute(
        select(_freeze)
        .where(_freeze.c.id.between(*ids))
        .order_by(_freeze.c.thawed_at.is_not(None), _freeze.c.id.desc())
        .limit(2)
    ).all()
    if not rows:
        raise NotFound(what="freeze", name=wanted)
    # An active one is meant before one that was lifted long ago.
    if len(rows) > 1 and (rows[0].thawed_at is None) == (rows[1].thawed_at is None):
        raise BadInput(
            N_("{source}: fits several freezes ({problem} and others); give more of the id."),
            source=wanted,
            problem=", ".join(row.id for row in rows),
        )
    return read_freeze(rows[0])


def list_freezes(journal: Journal, *, with_thawed: bool = False) -> list[Freeze]:
    """Return the freezes in force, newest first; with `with_thawed` those that were lifted too."""
    query = select(_freeze).order_by(_freeze.c.id.desc())
    if not with_thawed:
        query = query.where(_freeze.c.thawed_at.is_(None))
    with journal.reading() as connection:
        return [read_freeze(row) for row in connection.execute(query)]


def paused_by(journal: Journal, found: Freeze) -> list[str]:
    """Return the ids of change sets that wait because of this freeze."""
    query = select(_set.c.id, _set.c.note).where(_set.c.state == ChangeSetState.PAUSED.value)
    with journal.reading() as connection:
        rows = connection.execute(query.order_by(_set.c.id)).all()
    return [row.id for row in rows if f'"freeze":"{found.short_id}"' in (row.note or "")]


def people(journal: Journal) -> list[str]:
    """Return everybody in whose name a change set was made or approved."""
    with journal.reading() as connection:
        made = connection.execute(select(_set.c.actor).distinct()).scalars()
        approved = connection.execute(select(_set.c.approved_by).distinct()).scalars()
        return sorted({*made, *(name for name in approved if name is not None)})


def verify_freezes(connection: Connection) -> list[Text]:
    """Return the freezes whose rows are not what the audit chain says of them."""
    move = schema.journal_move
    told = connection.execute(
        select(move.c.subject_id, move.c.to_state, move.c.actor, move.c.detail)
        .where(move.c.subject == FREEZE_SUBJECT)
        .order_by(move.c.audit_number, move.c.position)
    ).all()
    history = {(row.subject_id, row.to_state): (row.actor, row.detail) for row in told}
    problems, present = list[Text](), set[str]()
    for row in connection.execute(select(_freeze).order_by(_freeze.c.id)):
        present.add(row.id)
        found = read_freeze(row)
        lifted = None
        if found.thawed_by is not None or found.thawed_at is not None:
            by = None if found.thawed_by is None else found.thawed_by.name
            lifted = by, _detail({"reason": found.thawed_reason})
        made = found.frozen_by.name, _detail(_told(found))
        for state, stands, template in (
            (FROZEN, made, N_("freeze {freeze} was made otherwise than its row says")),
            (THAWED, lifted, N_("freeze {freeze} was lifted otherwise than its row says")),
        ):
            if history.get((row.id, state)) != stands:
                problems.append(Text(template, {"freeze": row.id}))
    problems += [
        Text(N_("freeze {freeze} is gone, but its history is there"), {"freeze": each})
        for each in sorted({row.subject_id for row in told} - present)
    ]
    return problems


def _told(found: Freeze) -> dict[str, Any]:
    """Return what the audit chain says of a freeze."""
    shown = {each.name: getattr(found.scope, each.name) for each in fields(found.scope)}
    return shown | {"reason": found.reason, "spares_rollback": found.spares_rollback}


def _detail(told: dict[str, Any]) -> str:
    return encoding.dumps(told).decode()


def read_freeze(row: Any) -> Freeze:
    """Return a row of table `freeze` as a value."""
    return Freeze(
        row.id,
        Scope(row.system, row.kind, row.number, row.person, row.change_set_id),
        bool(row.spares_rollback),
        row.reason,
        Actor(row.frozen_by, row.frozen_how),
        row.frozen_at,
        None if row.thawed_by is None else Actor(row.thawed_by, row.thawed_how),
        row.thawed_reason,
        row.thawed_at,
    )
