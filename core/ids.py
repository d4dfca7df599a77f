"""Ids that Storno makes: UUIDv7 as text, so that they sort by time.

Keys of an ERP stay as the ERP gives them.
"""

from __future__ import annotations

from uuid_utils import uuid7


def new_id() -> str:
    """Return a new id: 36 characters, later ones sort after earlier ones."""
    return str(uuid7())
