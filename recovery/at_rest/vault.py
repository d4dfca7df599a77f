"""Where images are kept: found by a keyed hash, packed with a dictionary, sealed with a key.

An image is stored once, however many operations refer to it. What is read is hashed and compared. The hash is keyed
with a secret of the journal: nobody can guess a salary by hashing candidates.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Row, delete, func, insert, select, text
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from core import clock
from core.errors import JournalBroken, JournalKeyMissing, StornoError
from core.text import N_
from recovery.at_rest.packing import FEWEST_SAMPLES, Dictionary, Plain, train
from recovery.at_rest.sealing import Keys
from recovery.sql import schema_storage as tables
from recovery.sql.columns import IMAGE_KEY_BYTES

READ_CHUNK: Final = 500
TRIED: Final = 4
"""So many of the newest dictionaries of a sort are tried on each image; the best one is taken."""

MOST_DICTIONARIES: Final = 12
WORTH_IT: Final = 0.75
CONTENT: Final = 1.3
_LOOKED_AT: Final = 100

IMAGE: Final = b"image"
DICTIONARY: Final = b"dictionary"

_NEWEST_KEY: Final = (
    select(tables.journal_key.c.name).order_by(tables.journal_key.c.id.desc()).limit(1)
)
_NEWER: Final = N_(
    "The journal is sealed with the key {name!r} by now, and this process would use another one, or none."
    " Put {name!r} first under journal.keys, and start this process anew."
)

# Numbers of PostgreSQL's advisory locks; any that nobody else uses would do.
_IMAGES_LOCK: Final = 7_305_809_155
_DICTIONARIES_LOCK: Final = 7_305_809_156


class NewImage(NamedTuple):
    """An image to be stored, with the sort of document whose dictionaries may fit it."""

    system: str
    model: str
    encoded: bytes


def share_images(connection: Connection) -> None:
    """Keep retention from removing images until this transaction ends: it may refer to one that is there already."""
    if connection.dialect.name != "sqlite":
        connection.execute(text(f"SELECT pg_advisory_xact_lock_shared({_IMAGES_LOCK})"))


def hold_images(connection: Connection) -> None:
    """Keep everybody else from storing images until this transaction ends."""
    if connection.dialect.name != "sqlite":
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_IMAGES_LOCK})"))


class Vault:
    """The images of one journal. `seed` is the key of the hashes, None where it is sealed and no key opens it."""

    def __init__(
        self,
        journal: str,
        seed: bytes | None,
        keys: Keys,
        key_numbers: Mapping[str, int],
        sealed_with: str | None = None,
    ) -> None:
        self._journal = journal
        self._seed = seed
        self._sealed_with = sealed_with
        self.keys = keys
        self._numbers = dict(key_numbers)
        self._names = {number: name for name, number in key_numbers.items()}
        self._plain = Plain()
        self._dictionaries: dict[tuple[int, bytes], Dictionary] = {}
        self._content: dict[tuple[str, str], float] = {}
        self._keyed = hashlib.blake2b(digest_size=32, key=seed) if seed else None

    @property
    def journal(self) -> str:
        """The name of the journal, for messages."""
        return self._journal

    @property
    def seed(self) -> bytes:
        """The key of the hashes. Raises `JournalKeyMissing` where it is sealed and no key opens it."""
        if self._seed is None:
            raise JournalKeyMissing(name=self._sealed_with)
        return self._seed

    @property
    def active_number(self) -> int | None:
        """The number of the key that seals new images; None where the journal is not sealed.

        Raises `JournalKeyMissing` where it was sealed and no key is configured: nothing is stored open by accident.
        """
        if self.keys.active is None:
            if self._numbers:
                raise JournalKeyMissing(
                    name=max(self._numbers, key=lambda name: self._numbers[name])
                )
            return None
        return self._numbers[self.keys.active]

    def current_number(self, connection: Connection) -> int | None:
        """Return `active_number`, as long as no process has begun to seal with a newer key since.

        Looked at in the transaction that stores: once a rotation has said that the older keys open nothing any more,
        nobody seals with them, or stores anything open, however long ago its process was started.
        """
        newest = connection.execute(_NEWEST_KEY).one_or_none()
        if newest is None or newest.name == self.keys.active:
            return self.active_number
        raise JournalKeyMissing(_NEWER, name=newest.name)

    def hash(self, encoded: bytes) -> bytes:
        """Return the keyed content hash, 32 bytes."""
        if self._keyed is None:
            raise JournalKeyMissing(name=self._sealed_with)
        hasher = self._keyed.copy()
        hasher.update(encoded)
        return hasher.digest()

    # --- writing --------------------------------------------------------------------------------

    def put(self, connection: Connection, images: Mapping[bytes, NewImage]) -> None:
        """Store images under their hashes; those that are there already stay as they are."""
        if images:
            share_images(connection)
            self.store(connection, images)

    def store(self, connection: Connection, images: Mapping[bytes, NewImage]) -> None:
        """As `put`, for who holds the images already."""
        number = self.current_number(connection)
        groups: dict[tuple[str, str], dict[bytes, bytes]] = {}
        for hashed, (system, model, encoded) in images.items():
            groups.setdefault((system, model), {})[hashed] = encoded
        rows = list[dict[str, Any]]()
        for group, members in groups.items():
            fitting = self._fitting(connection, group, members)
            for hashed, encoded in members.items():
                dictionary, packed = self._packed(fitting, encoded)
                if number is not None:
                    packed = self.keys.seal(packed, IMAGE, hashed[:IMAGE_KEY_BYTES])
                rows.append(
                    {
                        "hash": hashed,
                        "dictionary_id": dictionary,
                        "key_id": number,
                        "content": packed,
                    }
                )
        _insert_new(connection, tables.image, rows)

    def _packed(self, fitting: Sequence[Dictionary], encoded: bytes) -> tuple[int | None, bytes]:
        if not fitting:
            return None, self._plain.pack(encoded)
        number, best = fitting[0].number, fitting[0].pack(encoded)
        for other in fitting[1:]:
            packed = other.pack(encoded)
            if len(packed) < len(best):
                number, best = other.number, packed
        return number, best

    # --- dictionaries ---------------------------------------------------------------------------

    def _fitting(
        self, connection: Connection, group: tuple[str, str], members: Mapping[bytes, bytes]
    ) -> list[Dictionary]:
        """Return the dictionaries to try, with a new one where that pays."""
        known = self._newest(connection, group)
        if len(members) < FEWEST_SAMPLES:
            return known or self._from_samples(connection, group, members)
        samples = list(members.values())
        share = self._share(known, samples)
        if share <= self._content.get(group, 0.0):
            return known
        # Trained on the odd ones, judged by the even ones: what it knows by heart is no merit.
        trained = train(samples[1::2])
        if trained is not None:
            candidate = Dictionary(0, trained)
            with_it = self._share([*known, candidate], samples[::2])
            if with_it < WORTH_IT * share:
                added = self._add_dictionary(connection, group, trained)
                if added is not None:
                    known, share = [added, *known][:TRIED], with_it
        self._content[group] = CONTENT * share
        return known

    def _share(self, dictionaries: Sequence[Dictionary], samples: Sequence[bytes]) -> float:
        """Return what is left of some of the samples when they are packed, as a share of their size."""
        looked_at = samples[:: max(len(samples) // _LOOKED_AT, 1)][:_LOOKED_AT]
        packed = sum(len(self._packed(dictionaries, each)[1]) for each in looked_at)
        return packed / sum(map(len, looked_at))

    def _from_samples(
        self, connection: Connection, group: tuple[str, str], members: Mapping[bytes, bytes]
    ) -> list[Dictionary]:
        """Remember these images for the first dictionary of their sort, and make it when they are enough."""
        table, (system, model) = tables.image_sample, group
        _insert_new(
            connection,
            table,
            [{"system": system, "model": model, "hash": hashed} for hashed in members],
        )
        of_group = (table.c.system == system, table.c.model == model)
        kept = connection.execute(select(table.c.hash).where(*of_group)).scalars().all()
        if len(kept) < FEWEST_SAMPLES:
            return []
        stored = self.read_keys(connection, kept)
        trained = train([*stored.values(), *members.values()])
        connection.execute(delete(table).where(*of_group))
        added = None if trained is None else self._add_dictionary(connection, group, trained)
        return [] if added is None else [added]

    def _newest(self, connection: Connection, group: tuple[str, str]) -> list[Dictionary]:
        table = tables.image_dictionary
        rows = connection.execute(
            select(table.c.id, table.c.hash)
            .where(table.c.system == group[0], table.c.model == group[1])
            .order_by(table.c.id.desc())
            .limit(TRIED)
        )
        return [self.dictionary(connection, row.id, bytes(row.hash)) for row in rows]

    def _add_dictionary(
        self, connection: Connection, group: tuple[str, str], content: bytes
    ) -> Dictionary | None:
        """Store a dictionary in the transaction of the images that need it; None where there are enough."""
        table, hashed = tables.image_dictionary, self.hash(content)
        if connection.dialect.name != "sqlite":
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_DICTIONARIES_LOCK})"))
        of_group = (table.c.system == group[0], table.c.model == group[1])
        if (
            connection.execute(select(func.count()).where(*of_group)).scalar_one()
            >= MOST_DICTIONARIES
        ):
            return None
        number = (connection.execute(select(func.max(table.c.id))).scalar() or 0) + 1
        key = self.active_number
        connection.execute(
            insert(table).values(
                id=number,
                system=group[0],
                model=group[1],
                hash=hashed,
                key_id=key,
                content=content if key is None else self.keys.seal(content, DICTIONARY, hashed),
                trained_at=clock.now(),
            )
        )
        added = Dictionary(number, content)
        self._dictionaries[number, hashed] = added
        return added

    def dictionary(
        self, connection: Connection, number: int, hashed: bytes | None = None
    ) -> Dictionary:
        """Return a dictionary by its number. Raises `JournalBroken` when it is gone or was altered."""
        table = tables.image_dictionary
        if hashed is not None and (number, hashed) in self._dictionaries:
            return self._dictionaries[number, hashed]
        row = connection.execute(select(table).where(table.c.id == number)).one_or_none()
        if row is None:
            raise JournalBroken(journal=self._journal, problem="a dictionary of images is missing")
        hashed = bytes(row.hash)
        if (number, hashed) not in self._dictionaries:
            content = self._opened(connection, row, DICTIONARY, hashed)
            if self.hash(content) != hashed:
                raise JournalBroken(journal=self._journal, problem="a dictionary was altered")
            self._dictionaries[number, hashed] = Dictionary(number, content)
        return self._dictionaries[number, hashed]

    # --- reading --------------------------------------------------------------------------------

    def require_keys(self, connection: Connection) -> None:
        """Raise `JournalKeyMissing` unless every image and dictionary can be opened."""
        used: set[int | None] = set()
        for column in (tables.image.c.key_id, tables.image_dictionary.c.key_id):
            used |= set(connection.execute(select(column).distinct()).scalars())
        # A number that no key has is damage, not a key to be looked for: reading and the database's own check tell it.
        named = {self._names[number] for number in used if number in self._names}
        for name in sorted(named):
            if name not in self.keys.names:
                raise JournalKeyMissing(name=name)

    def read(self, connection: Connection, hashes: Collection[bytes]) -> dict[bytes, bytes]:
        """Return encoded images by their whole hash. Raises `JournalBroken` when one is missing or was altered."""
        found = self.read_keys(connection, [hashed[:IMAGE_KEY_BYTES] for hashed in hashes])
        images: dict[bytes, bytes] = {}
        for hashed in hashes:
            encoded = found.get(hashed[:IMAGE_KEY_BYTES])
            if encoded is None:
                raise JournalBroken(journal=self._journal, problem="an image is missing")
            if self.hash(encoded) != hashed:
                raise JournalBroken(journal=self._journal, problem="an image was altered")
            images[hashed] = encoded
        return images

    def read_keys(self, connection: Connection, keys: Iterable[bytes]) -> dict[bytes, bytes]:
        """Return the encoded images that are there, by the part of the hash under which they are kept."""
        wanted, found = iter(sorted(set(keys))), dict[bytes, bytes]()
        known: dict[int, Dictionary] = {}
        while chunk := list(islice(wanted, READ_CHUNK)):
            rows = connection.execute(
                select(tables.image).where(tables.image.c.hash.in_(chunk))
            ).all()
            for row in rows:
                found[row.hash] = self.unpack(connection, row, known)
        return found

    def unpack(self, connection: Connection, row: Row[Any], known: dict[int, Dictionary]) -> bytes:
        """Return the encoded image of a row; `known` keeps the dictionaries of one transaction.

        Raises `JournalBroken` when it was altered, `JournalKeyMissing` when no key opens it.
        """
        packed = self.opened(connection, row)
        dictionary: Dictionary | Plain = self._plain
        if row.dictionary_id is not None:
            if row.dictionary_id not in known:
                known[row.dictionary_id] = self.dictionary(connection, row.dictionary_id)
            dictionary = known[row.dictionary_id]
        try:
            return dictionary.unpack(packed)
        except Exception as error:
            raise JournalBroken(
                journal=self._journal, problem="an image cannot be unpacked"
            ) from error

    def opened(self, connection: Connection, row: Row[Any]) -> bytes:
        """Return what is packed in a row, not sealed any more."""
        return self._opened(connection, row, IMAGE, row.hash)

    def require_whole(
        self, connection: Connection, row: Row[Any], known: dict[int, Dictionary]
    ) -> None:
        """Raise `JournalBroken` unless the image of a row is what was stored, `JournalKeyMissing` as `is_whole`."""
        if not self.is_whole(connection, row, known):
            raise JournalBroken(journal=self._journal, problem="an image was altered")

    def is_whole(self, connection: Connection, row: Row[Any], known: dict[int, Dictionary]) -> bool:
        """Whether the image of a row is what was stored. Raises `JournalKeyMissing` when no key opens it."""
        try:
            return self.hash(self.unpack(connection, row, known))[:IMAGE_KEY_BYTES] == bytes(
                row.hash
            )
        except JournalKeyMissing:
            raise
        except StornoError:
            return False

    def _opened(self, connection: Connection, row: Row[Any], what: bytes, hashed: bytes) -> bytes:
        if row.key_id is None:
            return bytes(row.content)
        name = self._names.get(row.key_id)
        if name is None:
            key = tables.journal_key
            added = connection.execute(select(key.c.name).where(key.c.id == row.key_id)).scalar()
            if added is not None:
                raise JournalKeyMissing(_NEWER, name=added)
            raise JournalBroken(journal=self._journal, problem="a key of the journal is missing")
        try:
            return self.keys.open(name, bytes(row.content), what, hashed)
        except StornoError:
            raise
        except Exception as error:
            raise JournalBroken(
                journal=self._journal, problem=f"{what.decode()}: what was sealed was altered"
            ) from error


def _insert_new(connection: Connection, table: Any, rows: Sequence[Mapping[str, Any]]) -> None:
    make = sqlite_insert if connection.dialect.name == "sqlite" else postgresql_insert
    if rows:
        connection.execute(make(table).on_conflict_do_nothing(), list(rows))
