"""Who changed documents lately, as far as their ERP tells: asked after a freeze, because others go on writing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

import structlog

from connectors.contract import Criteria, Kind, System
from core import clock
from core.errors import StornoError
from core.events import Event
from core.text import Text
from recovery.model import Operation
from recovery.running.judgement import Systems

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class RecentChange:
    """The last change of one document: who and when, each None where the ERP does not tell."""

    system: str
    kind: str
    number: str
    changed_by: str | None
    changed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Unseen:
    """A system that could not be asked, and why."""

    system: str
    problem: Text


def recent_changes(
    systems: Systems, operations: Sequence[Operation], *, seconds: float
) -> tuple[list[RecentChange], list[Unseen]]:
    """Ask each system who changed the documents of these operations last; the newest changes first.

    Nothing is left out for its time: the ERP's clock may be another than ours. Begins no further question after
    `seconds`, repeats none, and what a system does not answer is told, not raised.
    """
    end = clock.monotonic() + seconds
    found, unseen = list[RecentChange](), list[Unseen]()
    ordered = sorted(operations, key=lambda op: (op.system, op.kind.value, op.step.action))
    for name, of_system in groupby(ordered, key=lambda op: op.system):
        try:
            system = systems(name)
            found += _of_system(system, list(of_system), end)
        except StornoError as error:
            log.info(Event.SYSTEM_UNSEEN, system=name, code=error.code, error=str(error))
            unseen.append(Unseen(name, error.text))
    long_ago = datetime.min.replace(tzinfo=UTC)
    return sorted(found, key=lambda each: each.changed_at or long_ago, reverse=True), unseen


def _of_system(
    system: System, operations: Sequence[Operation], end: float
) -> Iterator[RecentChange]:
    for kind, members in groupby(operations, key=lambda op: op.kind):
        documents = list({op.step.ref: op for op in members}.values())
        rows = _rows(system, kind, documents) if clock.monotonic() < end else {}
        for operation in documents:
            row = rows.get((operation.step.ref.model, operation.step.ref.key), {})
            by, at = row.get("changed_by"), row.get("changed_at")
            if by is None and clock.monotonic() < end:
                by = _captured(system, operation)
            if by is not None or at is not None:
                yield RecentChange(system.name, kind.value, operation.called, by, at)


def _rows(
    system: System, kind: Kind, operations: Sequence[Operation]
) -> dict[tuple[str, str], dict[str, Any]]:
    keys = tuple(f"{op.step.ref.model},{op.step.ref.key}" for op in operations)
    found = {}
    for batch in system.documents(kind, Criteria(keys=keys)):
        columns = batch.select(["model", "key", "changed_by", "changed_at"])
        for row in columns.to_pylist():
            found[str(row["model"]), str(row["key"])] = row
    return found


def _captured(system: System, operation: Operation) -> str | None:
    action = system.actions().get(operation.step.action)
    if action is None:
        return None
    (image,) = system.capture([operation.step], [None])
    return action.changed_by(image, operation.step.ref)
