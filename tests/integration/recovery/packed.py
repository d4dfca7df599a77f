"""Which dictionary packs how many images of a journal."""

from __future__ import annotations

from sqlalchemy import func, select

from recovery.sql import schema_storage as tables
from tests.integration.recovery.scene import Scene


def used(scene: Scene) -> dict[int | None, int]:
    """Return how many images each dictionary packs."""
    with scene.journal.reading() as connection:
        rows = connection.execute(
            select(tables.image.c.dictionary_id, func.count()).group_by(
                tables.image.c.dictionary_id
            )
        )
        return {row[0]: row[1] for row in rows}
