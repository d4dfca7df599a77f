"""Which change sets cannot be taken back any more, because retention took their images away."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, or_, select

from core.errors import ImagesPruned
from core.text import N_, Text
from recovery import schema
from recovery.sql.schema_rollback import reversal
from recovery.sql.schema_storage import pruned_change_set

if TYPE_CHECKING:
    from recovery.journal import Journal

IMAGES_SUBJECT: Final = "images"
PRUNED: Final = "pruned"

_set, _operation = schema.change_set, schema.operation


@dataclass(frozen=True, slots=True)
class Pruned:
    """When the images of a change set were taken away, and by whom."""

    change_set_id: str
    pruned_at: datetime
    pruned_by: str

    def error(self) -> ImagesPruned:
        """Return what says so to whoever wants to take it back."""
        return ImagesPruned(
            name=self.change_set_id[:13],
            pruned_at=self.pruned_at.date().isoformat(),
            person=self.pruned_by,
        )


def find_pruned(journal: Journal, change_set_ids: Collection[str]) -> dict[str, Pruned]:
    """Return those of the change sets whose images were pruned."""
    table, wanted = pruned_change_set, list(change_set_ids)
    found: dict[str, Pruned] = {}
    with journal.reading() as connection:
        for start in range(0, len(wanted), 500):  # a database takes so many values at once
            chunk = wanted[start : start + 500]
            rows = connection.execute(select(table).where(table.c.change_set_id.in_(chunk)))
            for row in rows:
                found[row.change_set_id] = Pruned(row.change_set_id, row.pruned_at, row.pruned_by)
    return found


def require_images(journal: Journal, change_set_ids: Iterable[str]) -> None:
    """Raise `ImagesPruned` for the first of the change sets that cannot be taken back any more."""
    found = find_pruned(journal, sorted(set(change_set_ids)))
    if found:
        raise found[min(found)].error()


def require_unpruned(connection: Connection, change_set_id: str) -> None:
    """Raise `ImagesPruned` when a rollback that is being stored takes something pruned back; for its transaction."""
    pruned, reversing = pruned_change_set, _operation.alias("reversing")
    row = connection.execute(
        select(pruned)
        .where(
            or_(
                pruned.c.change_set_id.in_(
                    select(_set.c.reverses_id).where(_set.c.id == change_set_id)
                ),
                pruned.c.change_set_id.in_(
                    select(reversal.c.reverses_id).where(reversal.c.change_set_id == change_set_id)
                ),
                pruned.c.change_set_id.in_(
                    select(_operation.c.change_set_id)
                    .join(reversing, reversing.c.reverses_operation_id == _operation.c.id)
                    .where(reversing.c.change_set_id == change_set_id)
                ),
            )
        )
        .limit(1)
    ).first()
    if row is not None:
        raise Pruned(row.change_set_id, row.pruned_at, row.pruned_by).error()


def verify_pruned(connection: Connection) -> list[Text]:
    """Find change sets that are said to be pruned by a row alone: the audit chain does not know of it."""
    said = (
        select(schema.move.c.change_set_id)
        .where(schema.move.c.subject == IMAGES_SUBJECT, schema.move.c.to_state == PRUNED)
        .scalar_subquery()
    )
    table = pruned_change_set
    unknown = connection.execute(
        select(table.c.change_set_id).where(table.c.change_set_id.not_in(said))
    ).scalars()
    return [
        Text(
            N_("the images of change set {change_set} are gone, but nobody pruned them"),
            {"change_set": each},
        )
        for each in unknown
    ]
