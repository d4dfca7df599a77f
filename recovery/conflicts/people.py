"""Whoever changed a document, by the name that people know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import structlog

from core.errors import StornoError
from core.events import Event

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from recovery.reversing.rollback_item import RollbackItem
    from recovery.running.judgement import Systems

log = structlog.get_logger(__name__)


def with_names(systems: Systems, items: Sequence[RollbackItem]) -> tuple[RollbackItem, ...]:
    """Put the names of users beside what the ERP's records hold of them: one read a system, where anybody did anything.

    A preview is not lost for a name: where the ERP does not tell it, its own word for the user stays.
    """
    users: dict[str, set[str]] = {}
    for item in items:
        for conflict in item.conflicts:
            if conflict.changed_by is not None:
                users.setdefault(item.last.system, set()).add(conflict.changed_by)
    if not users:
        return tuple(items)
    names = {system: names_of(systems, system, each) for system, each in users.items()}
    return tuple(_named(item, names.get(item.last.system, {})) for item in items)


def names_of(systems: Systems, system: str, users: Collection[str]) -> Mapping[str, str]:
    """Return users as people read them, `Ada Lovelace (res.user 3)`; nothing where the ERP does not answer."""
    try:
        found = systems(system).people(users)
    except StornoError as error:
        log.info(Event.SYSTEM_UNSEEN, system=system, code=error.code, error=str(error))
        return {}
    return {user: f"{name} ({user})" for user, name in found.items()}


def _named(item: RollbackItem, names: Mapping[str, str]) -> RollbackItem:
    if not item.conflicts or not names:
        return item
    conflicts = tuple(
        replace(each, changed_by=names.get(each.changed_by or "", each.changed_by))
        for each in item.conflicts
    )
    return replace(item, conflicts=conflicts)
