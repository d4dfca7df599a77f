"""Some lines of a document taken back, the others left as they are.

The operation goes on standing for the other lines. What its parts put back is no longer its own: taking the
rest back later leaves those lines alone, whatever became of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from connectors.contract import Image, Ref
from recovery.images import WHOLE_RECORD, differences, only
from recovery.reversing import touching
from recovery.reversing.asked import operations_by_id

if TYPE_CHECKING:
    from connectors.contract import Action
    from recovery.journal import Journal
    from recovery.model import Operation

PART_OF: Final = "part_of"
"""In the details of an operation: the id of the one of which it takes some lines back."""


def narrowed(image: Image, lines: frozenset[Ref]) -> Image:
    """Return an image without the other lines; without any lines given, the image itself."""
    models = {ref.model for ref in lines}
    if not models:
        return image
    return Image(tuple(r for r in image.records if r.ref.model not in models or r.ref in lines))


def parts_of(journal: Journal, operations: Iterable[Operation]) -> dict[str, list[Operation]]:
    """Return, per operation, the standing operations that took some of its lines back, oldest first."""
    wanted: dict[str, set[str]] = {}
    for operation in operations:
        wanted.setdefault(operation.change_set_id, set()).add(operation.id)
    with journal.reading() as connection:
        ids = touching.parts_of_change_sets(connection, sorted(wanted))
    found: dict[str, list[Operation]] = {}
    standing = set(journal.standing(ids))
    for part in operations_by_id(journal, [each for each in ids if each in standing]):
        of = str(part.details.get(PART_OF))
        if any(of in each for each in wanted.values()):
            found.setdefault(of, []).append(part)
    return found


def without_parts(
    after: Image, parts: Sequence[Operation], images: Mapping[str, Image], action: Action
) -> Image:
    """Return an after image with what its parts put back since: what is still the operation's own."""
    for part in parts:
        before, now = images[str(part.before_hash)], images[str(part.after_hash)]
        changed: dict[Ref, dict[str, Any]] = {}
        for difference in only(differences(before, now, ignore=action.trace), action.ours):
            if difference.field != WHOLE_RECORD:
                changed.setdefault(difference.ref, {})[difference.field] = difference.after
        after = Image(
            tuple(
                replace(
                    record,
                    fields={**(record.fields or {}), **changed[record.ref]},
                    raw=_raw(record.raw, now, record.ref, changed[record.ref]),
                )
                if record.ref in changed
                else record
                for record in after.records
            )
        )
    return after


def _raw(raw: Mapping[str, str], now: Image, ref: Ref, changed: Iterable[str]) -> dict[str, str]:
    record = now.get(ref)
    new = record.raw if record is not None else {}
    kept = {name: text for name, text in raw.items() if name not in set(changed)}
    return {**kept, **{name: new[name] for name in changed if name in new}}
