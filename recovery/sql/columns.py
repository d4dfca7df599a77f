"""The types of the journal's columns, and what all of its tables share: moments are UTC, ids are 16 bytes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import (
    CheckConstraint,
    Column,
    ColumnElement,
    DateTime,
    Dialect,
    Index,
    LargeBinary,
    MetaData,
    TypeDecorator,
)
from sqlalchemy.dialects.postgresql import UUID
from sqlalchemy.types import TypeEngine

metadata: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

IMAGE_KEY_BYTES: Final = 12
"""So much of the keyed hash finds an image: two of a thousand million share it with a chance of one in 10^11, and
what is read is compared with the whole hash. It stands twice for each image, in its row and in the index."""

_ID_DIGITS: Final = 32


def partial_index(name: str | None, column: Column[Any], *, where: ColumnElement[bool]) -> Index:
    """Index the few rows of a column's table for which a condition holds."""
    return Index(name, column, sqlite_where=where, postgresql_where=where)


class UTCDateTime(TypeDecorator[datetime]):
    """A moment in UTC. SQLite gives naive values back whatever the column says, so this type adds the zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive moments."""
        del dialect
        if value is None:
            return None
        if value.tzinfo is None:
            msg = "a naive datetime cannot be stored"
            raise ValueError(msg)
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return an aware moment."""
        del dialect
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class StornoId(TypeDecorator[str]):
    """An id of ours: 36 characters for everybody above the database, 16 bytes (PostgreSQL: `uuid`) within it.

    An id stands in a row, in every row that refers to it, and in their indexes. Both forms sort alike.
    """

    impl = LargeBinary(16)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return how this database keeps it."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(UUID(as_uuid=False))
        return dialect.type_descriptor(LargeBinary(16))

    def process_bind_param(self, value: str | None, dialect: Dialect) -> Any:
        """Return what is stored. Raises `ValueError` for what is no id."""
        if value is None:
            return None
        stored = id_bytes(value)
        return stored if dialect.name != "postgresql" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:
        """Return the id as everybody knows it."""
        if value is None:
            return None
        return str(value) if dialect.name == "postgresql" else id_text(value)


class ImageKey(TypeDecorator[bytes]):
    """The first bytes of the keyed hash of an image, where images are looked up by it."""

    impl = LargeBinary(IMAGE_KEY_BYTES)
    cache_ok = True

    def process_bind_param(self, value: bytes | None, dialect: Dialect) -> bytes | None:
        """Return what is stored."""
        del dialect
        return None if value is None else bytes(value[:IMAGE_KEY_BYTES])

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> bytes | None:
        """Return what is stored, as bytes whatever the driver says."""
        del dialect
        return None if value is None else bytes(value)


def id_bytes(written: str) -> bytes:
    """Return an id as 16 bytes. Raises `ValueError`."""
    digits = written.replace("-", "")
    if len(digits) != _ID_DIGITS:
        msg = f"not an id: {written!r}"
        raise ValueError(msg)
    return bytes.fromhex(digits)


def id_text(stored: bytes) -> str:
    """Return 16 bytes as an id."""
    digits = stored.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def is_id(written: str) -> bool:
    """Whether this is an id as a whole."""
    ids = id_range(written)
    return ids is not None and ids[0] == ids[1]


def id_range(prefix: str) -> tuple[str, str] | None:
    """Return the first and the last id that begin with `prefix`; None when no id does."""
    digits = prefix.replace("-", "")
    first, last = (digits.ljust(_ID_DIGITS, filler) for filler in "0f")
    try:
        ids = id_text(bytes.fromhex(first)), id_text(bytes.fromhex(last))
    except ValueError:
        return None
    return ids if len(first) == _ID_DIGITS and ids[0].startswith(prefix) else None


def one_of(column: str, states: Iterable[StrEnum]) -> CheckConstraint:
    """Return a CHECK that lists the states."""
    listed = ", ".join(f"'{state.value}'" for state in states)
    return CheckConstraint(f"{column} IN ({listed})", name=column)
