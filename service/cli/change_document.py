"""A change set for programs: what was done to each document, field by field, with images and history."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from service.cli.change_view import field_changes, retention_of, with_images
from service.cli.created_view import created_by, taken_back, works_on
from service.cli.running import change_set_document, operation_document

if TYPE_CHECKING:
    from connectors.contract import Image
    from recovery.model import ChangeSet, Operation
    from service.cli.session import Session


def change_document(
    session: Session, change_set: ChangeSet, operations: Iterator[Operation]
) -> dict[str, Any]:
    """Return a change set with images and history, for `--json`."""
    actions = change_set.details.get("actions") or {}

    def listed() -> Iterator[dict[str, Any]]:
        for operation, before, after in with_images(session, operations):
            titles = (actions.get(operation.step.action) or {}).get("creates") or {}
            yield {
                **operation_document(operation),
                "created": [
                    {
                        "model": each.ref.model,
                        "key": each.ref.key,
                        "number": each.number,
                        "what": titles[each.ref.model],
                    }
                    for each in created_by(session, (operation, before, after), titles)
                ],
                "works_on": works_on(session, operation) if titles else None,
                "before": _image(before),
                "after": _image(after),
                "changes": [
                    {
                        "model": change.ref.model,
                        "key": change.ref.key,
                        "field": change.field,
                        "before": change.before,
                        "after": change.after,
                        "is_foreign": is_foreign,
                    }
                    for change, is_foreign in field_changes(operation, before, after)
                ],
            }

    def moves() -> Iterator[dict[str, Any]]:
        for move in session.journal.history(change_set.id):
            yield {name: getattr(move, name) for name in move.__slots__}

    pruned, held = retention_of(session, change_set)
    return {
        "change_set": change_set_document(change_set),
        "pruned": None if pruned is None else {"at": pruned.pruned_at, "by": pruned.pruned_by},
        "held": None
        if held is None
        else {"at": held.held_at, "by": held.held_by, "reason": held.reason},
        "takes_back": taken_back(session, change_set),
        "counts": session.journal.counts(change_set.id),
        "operations": listed(),
        "history": moves(),
    }


def _image(image: Image | None) -> list[dict[str, Any]] | None:
    if image is None:
        return None
    return [
        {
            "model": record.ref.model,
            "key": record.ref.key,
            "fields": None if record.fields is None else dict(record.fields),
            "raw": dict(record.raw),
        }
        for record in image.records
    ]
