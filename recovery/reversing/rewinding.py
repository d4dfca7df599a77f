"""What an older operation will find when the newer ones of the same rollback were taken back.

Two lines of one order share the order's amount: the change of the second line is no foreign edit for the first
one, because a rollback goes backwards and takes it back before.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from connectors.contract import Action, Image, Record, Ref
from recovery.images import WHOLE_RECORD, differences, only

Place = tuple[str, Ref]
"""A record of a system."""


def shared_places(footprints: Iterable[Iterable[Place]]) -> frozenset[Place]:
    """Return the records that are in more than one of the footprints."""
    owners: dict[Place, int] = {}
    shared: set[Place] = set()
    for number, footprint in enumerate(footprints):
        for place in footprint:
            if owners.setdefault(place, number) != number:
                shared.add(place)
    return frozenset(shared)


class Rewound:
    """The shared records as they will be, while chains are looked at from the newest to the oldest."""

    def __init__(self, shared: frozenset[Place]) -> None:
        self._shared = shared
        self._fields: dict[Place, dict[str, Any]] = {}
        self._whole: dict[Place, Record] = {}

    def seen(self, system: str, now: Image) -> Image:
        """Return an image of now with what was taken back so far put into it."""
        if not self._shared:
            return now
        return Image(tuple(self._record((system, record.ref), record) for record in now.records))

    def _record(self, place: Place, record: Record) -> Record:
        record = self._whole.get(place, record)
        changed = self._fields.get(place)
        if record.fields is None or not changed:
            return record
        put_back = {name: value for name, value in changed.items() if name in record.fields}
        return replace(record, fields={**record.fields, **put_back})

    def take_back(self, system: str, action: Action, before: Image, after: Image) -> None:
        """Remember what taking this operation back will put into shared records."""
        if not self._shared:
            return
        for difference in only(differences(before, after, ignore=action.trace), action.ours):
            place = (system, difference.ref)
            if place not in self._shared:
                continue
            if difference.field == WHOLE_RECORD:
                self._whole[place] = before.get(difference.ref) or Record(difference.ref, None)
            else:
                self._fields.setdefault(place, {})[difference.field] = difference.before
