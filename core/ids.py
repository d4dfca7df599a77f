"""Ids that Storno makes: UUIDv7 as text, so that they sort by time.

Keys of an ERP stay as the ERP gives them.
"""

from __future__ import annotations

from typing import Final

from uuid_utils import UUID, uuid7

_MOMENT_BIT: Final = 80
"""In front of this bit stand the milliseconds of a UUIDv7."""


def new_id() -> str:
    """Return a new id: 36 characters, later ones sort after earlier ones."""
    return str(uuid7())


def new_id_after(newest: str | None) -> str:
    """Return a new id that sorts after `newest`, also where the clock went back since that one was made."""
    made = uuid7()
    if newest is None or str(made) > newest:
        return str(made)
    moment = (UUID(newest).int >> _MOMENT_BIT) + 1
    return str(UUID(int=(moment << _MOMENT_BIT) | (made.int & ((1 << _MOMENT_BIT) - 1))))
