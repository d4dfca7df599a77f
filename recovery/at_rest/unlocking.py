"""Open the vault of a journal: its seed, made once, and the keys that it was sealed with, each the right one."""

from __future__ import annotations

import secrets
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, func, insert, select, update

from core import clock
from core.errors import JournalBroken, JournalKeyWrong
from recovery import schema
from recovery.at_rest.vault import Vault, hold_images
from recovery.auditing import audit
from recovery.auditing.audit import PendingMove
from recovery.sql.schema_storage import journal_key

if TYPE_CHECKING:
    from recovery.at_rest.sealing import Keys
    from recovery.sql.database import Database

SEED: Final = "image_key"
SEED_BYTES: Final = 32
KEY_SUBJECT: Final = "key"
_SEALED: Final = "sealed"


def open_vault(database: Database, keys: Keys) -> Vault:
    """Return the vault of a journal, which gets its seed when it is new.

    A key of the settings that the journal does not know yet is written into it when it is the active one. Raises
    `JournalKeyWrong`.
    """
    with database.reading() as connection:
        stored, numbers = _stored_seed(connection), _key_numbers(connection, keys)
    if stored is None or (keys.active is not None and keys.active not in numbers):
        with database.writing() as connection:
            hold_images(connection)
            added = _add_key(connection, keys)
            stored = _stored_seed(connection) or _make_seed(connection, keys)
            numbers = _key_numbers(connection, keys)
            if added is not None:
                audit.append_line(connection, [added])
    sealed_with, seed = _opened_seed(stored, keys)
    return Vault(database.name, seed, keys, numbers, sealed_with)


def seal_seed(connection: Connection, vault: Vault) -> None:
    """Seal the seed with the active key: with it, who has the file could try out values until a hash fits."""
    connection.execute(
        update(schema.journal_setting)
        .where(schema.journal_setting.c.name == SEED)
        .values(value=_written(vault.seed, vault.keys))
    )


def is_seed_sealed(connection: Connection, keys: Keys) -> bool:
    """Whether the seed is sealed with the active key; true where there is no key."""
    sealed_with, _ = _parts(_stored_seed(connection) or "")
    return sealed_with == keys.active


def _stored_seed(connection: Connection) -> str | None:
    table = schema.journal_setting
    return connection.execute(select(table.c.value).where(table.c.name == SEED)).scalar()


def _make_seed(connection: Connection, keys: Keys) -> str:
    seed = secrets.token_bytes(SEED_BYTES)
    written = _written(seed, keys)
    connection.execute(insert(schema.journal_setting).values(name=SEED, value=written))
    audit.start_chain(connection, seed)
    return written


def _written(seed: bytes, keys: Keys) -> str:
    if keys.active is None:
        return seed.hex()
    sealed = b64encode(keys.seal(seed, SEED.encode(), b"")).decode()
    return f"{_SEALED}:{keys.active}:{sealed}"


def _parts(stored: str) -> tuple[str | None, str]:
    if not stored.startswith(f"{_SEALED}:"):
        return None, stored
    _, name, sealed = stored.split(":", 2)
    return name, sealed


def _opened_seed(stored: str, keys: Keys) -> tuple[str | None, bytes | None]:
    """Return the name of the key that seals it, and the seed where it can be read."""
    name, written = _parts(stored)
    if name is None:
        return None, bytes.fromhex(written)
    if name not in keys.names:
        return name, None
    try:
        return name, keys.open(name, b64decode(written), SEED.encode(), b"")
    except Exception as error:
        raise JournalBroken(journal="journal_setting", problem="its seed was altered") from error


def _key_numbers(connection: Connection, keys: Keys) -> dict[str, int]:
    """Return the number of each key that the journal knows. Raises `JournalKeyWrong`."""
    numbers = {}
    for row in connection.execute(select(journal_key)):
        numbers[row.name] = row.id
        if row.name in keys.names and keys.proof(row.name) != bytes(row.proof):
            raise JournalKeyWrong(name=row.name)
    return numbers


def _add_key(connection: Connection, keys: Keys) -> PendingMove | None:
    """Write the active key's name into the journal where it is new; return what the audit line tells of it."""
    if keys.active is None or keys.active in _key_numbers(connection, keys):
        return None
    newest = connection.execute(select(func.max(journal_key.c.id))).scalar() or 0
    connection.execute(
        insert(journal_key).values(
            id=newest + 1,
            name=keys.active,
            proof=keys.proof(keys.active),
            added_at=clock.now(),
        )
    )
    return PendingMove(None, KEY_SUBJECT, "added", subject_id=keys.active)
