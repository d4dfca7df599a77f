"""Seal everything anew with the active key, and pack what older journals packed without a dictionary.

Goes through the images a few hundred at a time; others go on reading and writing meanwhile, and what they store is
sealed with the active key already. Cut short, it goes on where it was when it is called again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import structlog
from sqlalchemy import ColumnElement, Connection, Row, delete, func, insert, or_, select

from core import clock
from core.errors import NotAllowed
from core.events import Event
from core.text import N_
from recovery import schema
from recovery.at_rest.sweeping import SHORTEST_PAUSE_SECONDS
from recovery.at_rest.unlocking import KEY_SUBJECT, is_seed_sealed, seal_seed
from recovery.at_rest.vault import DICTIONARY, IMAGE, NewImage, hold_images
from recovery.auditing.audit import PendingMove
from recovery.sql import schema_storage as tables
from recovery.sql.columns import IMAGE_KEY_BYTES

if TYPE_CHECKING:
    from recovery.at_rest.packing import Dictionary
    from recovery.journal import Journal
    from recovery.model import Actor

log = structlog.get_logger(__name__)

BATCH: Final = 500
ROTATED: Final = "rotated"
_image, _dictionary, _operation = tables.image, tables.image_dictionary, schema.operation


def rotate(journal: Journal, *, actor: Actor, progress: Callable[[int], None] | None = None) -> int:
    """Seal images, dictionaries and the seed with the active key; return how many images were sealed anew.

    Afterwards the older keys open nothing any more and may be taken out of the settings. Raises `NotAllowed` where no
    key is configured, `JournalKeyMissing` where an older key is needed and gone, `JournalBroken` for an image that
    was altered (it stays as it is).
    """
    vault = journal.vault
    active = vault.active_number
    if active is None:
        raise NotAllowed(
            reason=N_("no key is configured: storno journal new-key, then journal.keys")
        )
    with journal.reading() as connection:
        vault.require_keys(connection)
    with journal.writing() as writer:
        hold_images(writer.connection)
        renumbered = _reseal_dictionaries(writer.connection, journal, active)
        if not is_seed_sealed(writer.connection, vault.keys):
            seal_seed(writer.connection, vault)
        writer.record(
            PendingMove(
                None, KEY_SUBJECT, ROTATED, actor=actor.name, subject_id=str(vault.keys.active)
            )
        )
    is_old = or_(_image.c.key_id.is_(None), _image.c.key_id != active)
    count = 0
    for rows in _chunks(journal, is_old):
        count += _reseal(journal, rows, renumbered, active)
        if progress is not None:
            progress(count)
    _drop_unused(journal, renumbered)
    log.info(Event.JOURNAL_ROTATED, images=count, key=vault.keys.active)
    return count


def unrotated(journal: Journal) -> int:
    """Return how many images are not sealed with the active key; 0 where there is no key."""
    active = journal.vault.active_number
    if active is None:
        return 0
    query = select(func.count()).where(or_(_image.c.key_id.is_(None), _image.c.key_id != active))
    with journal.reading() as connection:
        return connection.execute(query).scalar_one()


def _reseal_dictionaries(connection: Connection, journal: Journal, active: int) -> dict[int, int]:
    """Store each dictionary once more, sealed with the active key; return the new numbers of the old ones."""
    vault = journal.vault
    rows = connection.execute(select(_dictionary).order_by(_dictionary.c.id)).all()
    done = {
        (row.system, row.model, bytes(row.hash)): row.id for row in rows if row.key_id == active
    }
    number = max((row.id for row in rows), default=0)
    renumbered: dict[int, int] = {}
    for row in rows:
        if row.key_id == active:
            continue
        place = (row.system, row.model, bytes(row.hash))
        if place not in done:
            number += 1
            content = vault.dictionary(connection, row.id).content
            connection.execute(
                insert(_dictionary).values(
                    id=number,
                    system=row.system,
                    model=row.model,
                    hash=place[2],
                    key_id=active,
                    content=vault.keys.seal(content, DICTIONARY, place[2]),
                    trained_at=row.trained_at,
                )
            )
            done[place] = number
        renumbered[row.id] = done[place]
    return renumbered


def _chunks(journal: Journal, condition: ColumnElement[bool]) -> Iterator[Sequence[Row[Any]]]:
    last = b""
    while True:
        query = (
            select(_image)
            .where(_image.c.hash > last, condition)
            .order_by(_image.c.hash)
            .limit(BATCH)
        )
        with journal.reading() as connection:
            rows = connection.execute(query).all()
        if not rows:
            return
        yield rows
        last = rows[-1].hash


def _reseal(
    journal: Journal, rows: Sequence[Row[Any]], renumbered: Mapping[int, int], active: int
) -> int:
    vault, began = journal.vault, clock.monotonic()
    known: dict[int, Dictionary] = {}
    with journal.database.writing() as connection:
        hold_images(connection)
        sealed = []
        for row in _still_there(connection, rows):
            vault.require_whole(
                connection, row, known
            )  # what was altered is not made to look right
            sealed.append(
                {
                    "hash": row.hash,
                    "dictionary_id": renumbered.get(row.dictionary_id, row.dictionary_id),
                    "key_id": active,
                    "content": vault.keys.seal(vault.opened(connection, row), IMAGE, row.hash),
                }
            )
        _replace(connection, sealed)
    clock.sleep(max(clock.monotonic() - began, SHORTEST_PAUSE_SECONDS))
    return len(sealed)


def _still_there(connection: Connection, rows: Sequence[Row[Any]]) -> Sequence[Row[Any]]:
    """Return the rows as they are now: retention may have taken some since they were read."""
    hashes = [row.hash for row in rows]
    return connection.execute(select(_image).where(_image.c.hash.in_(hashes))).all()


def _replace(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    if not rows:
        return
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA secure_delete=ON")  # freed pages hold no old values
    connection.execute(delete(_image).where(_image.c.hash.in_([row["hash"] for row in rows])))
    connection.execute(insert(_image), list(rows))


def _drop_unused(journal: Journal, renumbered: Mapping[int, int]) -> None:
    """Drop the old dictionaries; one that an image still needs stays (the database refuses)."""
    with journal.database.writing() as connection:
        hold_images(connection)
        for number in renumbered:
            is_used = select(_image.c.hash).where(_image.c.dictionary_id == number).limit(1)
            if connection.execute(is_used).first() is None:
                connection.execute(delete(_dictionary).where(_dictionary.c.id == number))


# --- images of older journals ---------------------------------------------------------------------------


def repack(journal: Journal, progress: Callable[[int], None] | None = None) -> int:
    """Pack images that have no dictionary with those of their sort; return how many became smaller."""
    count, change_set, position = 0, "", 0
    while True:
        later = (_operation.c.change_set_id == change_set) & (_operation.c.position > position)
        query = (
            select(
                _operation.c.change_set_id,
                _operation.c.position,
                _operation.c.system,
                _operation.c.model,
                _operation.c.approved_hash,
                _operation.c.before_hash,
                _operation.c.after_hash,
            )
            .order_by(_operation.c.change_set_id, _operation.c.position)
            .limit(BATCH)
        )
        if change_set:
            query = query.where(or_(later, _operation.c.change_set_id > change_set))
        with journal.reading() as connection:
            rows = connection.execute(query).all()
        if not rows:
            return count
        change_set, position = rows[-1].change_set_id, rows[-1].position
        count += _repack(journal, rows)
        if progress is not None:
            progress(count)


def _repack(journal: Journal, rows: Sequence[Any]) -> int:
    vault, began = journal.vault, clock.monotonic()
    wanted = {
        bytes(hashed): (row.system, row.model)
        for row in rows
        for hashed in (row.approved_hash, row.before_hash, row.after_hash)
        if hashed is not None
    }
    with journal.database.writing() as connection:
        hold_images(connection)
        whole = {hashed[:IMAGE_KEY_BYTES]: hashed for hashed in wanted}
        plain = connection.execute(
            select(_image.c.hash).where(
                _image.c.hash.in_(list(whole)), _image.c.dictionary_id.is_(None)
            )
        ).scalars()
        found = vault.read(connection, [whole[key] for key in plain])
        if not found:
            return 0
        connection.execute(
            delete(_image).where(_image.c.hash.in_([key[:IMAGE_KEY_BYTES] for key in found]))
        )
        vault.store(
            connection,
            {hashed: NewImage(*wanted[hashed], encoded) for hashed, encoded in found.items()},
        )
    clock.sleep(max(clock.monotonic() - began, SHORTEST_PAUSE_SECONDS))
    return len(found)
