"""From which change sets a rollback takes operations back: stored with its plan, read by whoever shows or continues it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import insert

from recovery.hashing import reversals_hash
from recovery.sql.schema_rollback import created_document, reversal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection

    from recovery.model import Draft
    from recovery.reversing.created import Created


def add_reversals(connection: Connection, change_set_id: str, draft: Draft) -> str | None:
    """Store which change sets a plan takes operations back from; return a hash of them, for the audit chain."""
    sets = {*draft.reverses, *([draft.reverses_id] if draft.reverses_id is not None else [])}
    if sets:
        connection.execute(
            insert(reversal),
            [{"change_set_id": change_set_id, "reverses_id": each} for each in sorted(sets)],
        )
    return reversals_hash(sets)


def add_created(
    connection: Connection, found: Iterable[tuple[str, str, Iterable[Created]]]
) -> None:
    """Store the documents that operations (id, system) created."""
    rows = [
        {
            "operation_id": operation_id,
            "system": system,
            "model": each.ref.model,
            "key": each.ref.key,
            "number": each.number,
        }
        for operation_id, system, created in found
        for each in created
    ]
    if rows:
        connection.execute(insert(created_document), rows)
