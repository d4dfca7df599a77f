"""Take the images of pruned change sets away, as far as no other change set refers to them.

Which ones go is found by reading, which stops nobody. They go a few hundred at a time; before each time, what was
stored since the reading is looked at, so an image that somebody came to need meanwhile stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, delete, func, select, update

from core import clock
from recovery import schema
from recovery.at_rest.concealing import references
from recovery.at_rest.vault import hold_images
from recovery.sql.columns import IMAGE_KEY_BYTES
from recovery.sql.schema_storage import pruned_change_set
from recovery.states import ChangeSetState

if TYPE_CHECKING:
    from recovery.journal import Journal

WAVE: Final = 100_000
"""So many images are looked for at once: about 10 MB of memory."""

BATCH: Final = 200
SHORTEST_PAUSE_SECONDS: Final = 0.005
_HASH_BYTES: Final = 32

_operation, _image, _move = schema.operation, schema.image, schema.move
_REFERENCES: Final = (
    _operation.c.approved_hash,
    _operation.c.before_hash,
    _operation.c.after_hash,
    _operation.c.arguments,
    _operation.c.details,
    _operation.c.result,
)


def sweep(journal: Journal) -> Iterator[tuple[int, int]]:
    """Yield (images, bytes) gone so far, after every few hundred."""
    images = size = 0
    while True:
        wave = _next_wave(journal)
        if wave is None:
            return
        keys, places = wave
        seen_to = _leave_what_is_needed(journal, keys)
        waiting = sorted(keys)
        for start in range(0, len(waiting), BATCH):
            began = clock.monotonic()
            chunk = [each for each in waiting[start : start + BATCH] if each in keys]
            seen_to, gone, freed = _remove(journal, chunk, keys, seen_to)
            images, size = images + gone, size + freed
            yield images, size
            # Who waits for the journal is not served in turn (SQLite): leave as much time as was taken.
            clock.sleep(max(clock.monotonic() - began, SHORTEST_PAUSE_SECONDS))
        _remember(journal, places)
        yield images, size


def _next_wave(journal: Journal) -> tuple[set[bytes], dict[str, int | None]] | None:
    """Return image keys of pruned change sets, and how far each of those is looked at with them."""
    table = pruned_change_set
    keys, places = set[bytes](), dict[str, int | None]()
    with journal.reading() as connection:
        pruned = connection.execute(
            select(table.c.change_set_id, table.c.swept_to)
            .where(table.c.swept_to.is_not(None))
            .order_by(table.c.change_set_id)
        ).all()
        for change_set_id, swept_to in pruned:
            rows = connection.execute(
                select(_operation.c.position, *_REFERENCES)
                .where(
                    _operation.c.change_set_id == change_set_id, _operation.c.position > swept_to
                )
                .order_by(_operation.c.position)
                .execution_options(yield_per=1000)
            )
            position, is_whole = swept_to, True
            for row in rows:
                keys.update(_keys_of(row))
                position = row.position
                if len(keys) >= WAVE:
                    is_whole = False
                    break
            rows.close()
            if is_whole:
                keys |= _moved(connection, _move.c.change_set_id == change_set_id)
            places[change_set_id] = None if is_whole else position
            if len(keys) >= WAVE:
                break
    return (keys, places) if places else None


def _leave_what_is_needed(journal: Journal, keys: set[bytes]) -> int:
    """Take out of `keys` what any other change set refers to; return the audit line up to which that was looked at."""
    with journal.reading() as connection:
        seen_to = _head(connection)
        if not keys:
            return seen_to
        rows = connection.execute(
            select(*_REFERENCES)
            .where(_operation.c.change_set_id.not_in(select(pruned_change_set.c.change_set_id)))
            .execution_options(yield_per=5000)
        )
        for row in rows:
            keys.difference_update(_keys_of(row))
    return seen_to


def _remove(
    journal: Journal, chunk: list[bytes], keys: set[bytes], seen_to: int
) -> tuple[int, int, int]:
    """Remove these images but those that came to be needed; return (audit line looked at, images, bytes)."""
    with journal.database.writing() as connection:
        hold_images(connection)
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA secure_delete=ON")  # freed pages hold no old values
        head = _head(connection)
        if head > seen_to:
            keys -= _stored_since(connection, seen_to)
        gone = [each for each in chunk if each in keys]
        found = connection.execute(
            select(func.count(), func.sum(func.length(_image.c.content))).where(
                _image.c.hash.in_(gone)
            )
        ).one()
        connection.execute(delete(_image).where(_image.c.hash.in_(gone)))
    return head, int(found[0]), int(found[1] or 0)


def _stored_since(connection: Connection, seen_to: int) -> set[bytes]:
    """Return the keys of every image that a change set came to refer to after this audit line."""
    keys = _moved(connection, _move.c.audit_number > seen_to)
    planned = select(_move.c.change_set_id).where(
        _move.c.audit_number > seen_to, _move.c.to_state == ChangeSetState.PLANNED.value
    )
    rows = connection.execute(
        select(*_REFERENCES)
        .where(_operation.c.change_set_id.in_(planned))
        .execution_options(yield_per=1000)
    )
    for row in rows:
        keys.update(_keys_of(row))
    return keys


def _moved(connection: Connection, condition: Any) -> set[bytes]:
    """Return the keys of the images that moves name: also of those to which no operation refers any more."""
    stored = connection.execute(
        select(_move.c.hashes).where(condition, _move.c.hashes.is_not(None))
    ).scalars()
    return {
        bytes(hashes[start : start + IMAGE_KEY_BYTES])
        for hashes in stored
        for start in range(0, len(hashes), _HASH_BYTES)
    }


def _remember(journal: Journal, places: dict[str, int | None]) -> None:
    with journal.database.writing() as connection:
        for change_set_id, position in places.items():
            connection.execute(
                update(pruned_change_set)
                .where(pruned_change_set.c.change_set_id == change_set_id)
                .values(swept_to=position)
            )


def _head(connection: Connection) -> int:
    return connection.execute(select(schema.audit_head.c.number)).scalar() or 0


def _keys_of(row: Any) -> Iterable[bytes]:
    """Yield the keys of the images that an operation refers to, those of its hidden values too."""
    for hashed in (row.approved_hash, row.before_hash, row.after_hash):
        if hashed is not None:
            yield bytes(hashed[:IMAGE_KEY_BYTES])
    for found in references(row.arguments, row.details, row.result):
        yield bytes.fromhex(found)[:IMAGE_KEY_BYTES]
