"""What rows say beside states, images and words, against what the audit chain tells: times, notes, records, documents.

The chain tells it of change sets whose plan carries `facts`; those of before revision 0003 do not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Final

from sqlalchemy import Connection, select

from core import encoding
from core.text import N_, Text
from recovery import schema
from recovery.auditing.audit import Row
from recovery.hashing import (
    EXCEPTION_COLUMNS,
    STAMPS,
    RowsHash,
    created_hash,
    reversals_hash,
    text_hash,
)
from recovery.sql.positions import parse_positions
from recovery.sql.schema_rollback import created_document, reversal
from recovery.states import SETTLED, OperationState

Times = tuple[datetime | None, datetime | None]
"""When an operation was sent, and when it was settled."""

NEVER: Final[Times] = (None, None)
_SETTLED: Final = frozenset(state.value for state in SETTLED)
_operation = schema.operation


@dataclass(slots=True)
class Told:
    """What the moves of one change set tell of it."""

    plan: Mapping[str, str] = field(default_factory=dict)
    stamps: dict[str, datetime] = field(default_factory=dict)
    note: str | None = None
    times: dict[int, Times] = field(default_factory=dict)
    created: dict[int, str] = field(default_factory=dict)

    def times_of(self, position: int) -> Times:
        """Return when an operation was sent and settled."""
        return self.times.get(position, NEVER)


def replay_facts(moves: Sequence[Row]) -> Told | None:
    """Return what the moves tell, each with the `written_at` of its line; None for a plan that tells nothing."""
    told, knows = Told(), False
    for move in moves:
        detail = encoding.loads(move["detail"] or "{}")
        if move["subject"] == "change_set":
            if "facts" in detail:
                knows, told.plan = True, detail["facts"]
            told.stamps |= dict.fromkeys(detail.get("at") or (), move["written_at"])
            told.note = detail.get("note", told.note)
        elif move["subject"] == "operation":
            _replay_times(told.times, move)
            for position, hashed in (detail.get("created") or {}).items():
                told.created[int(position)] = hashed
    return told if knows else None


def _replay_times(times: dict[int, Times], move: Row) -> None:
    """Sending writes one time and settling the other; what is settled is never sent again."""
    state, at = move["to_state"], move["written_at"]
    if state != OperationState.SENT and state not in _SETTLED:
        return
    for position in parse_positions(move["positions"] or ""):
        sent, _ = times.get(position, NEVER)
        times[position] = (at, None) if state == OperationState.SENT else (sent, at)


def stamp_problems(change_set: Row, note: str | None, told: Told) -> Iterator[str]:
    """Yield the columns of a change set that are not what its history says; `note` as its row keeps it."""
    for name in STAMPS:
        if change_set[name] != told.stamps.get(name):
            yield name
    if text_hash(note) != told.note:
        yield "note"


def exceptions_hash(rows: Sequence[Row]) -> str | None:
    """Return the hash of the documents that could not be closed, in the order of the plan."""
    return RowsHash([row[name] for name in EXCEPTION_COLUMNS] for row in rows).value


def verify_facts(connection: Connection, change_set: Row, told: Told) -> list[Text]:
    """Return what of the rows about one change set is not what its history says."""
    change_set_id = change_set["id"]
    problems = [
        Text(
            N_("{field} of change set {change_set} is not what its history says"),
            {"field": name, "change_set": change_set_id},
        )
        for name in stamp_problems(change_set, change_set["note"], told)
    ]
    found = {
        "exceptions": _exceptions(connection, change_set_id),
        "records": _records(connection, change_set_id),
        "reverses": _reverses(connection, change_set_id),
    }
    problems += [
        Text(template, {"change_set": change_set_id})
        for name, template in _PLANNED.items()
        if found[name] != told.plan.get(name)
    ]
    created = _created(connection, change_set_id)
    return problems + [
        Text(
            N_("the documents that operation {position} of {change_set} created were edited"),
            {"position": position, "change_set": change_set_id},
        )
        for position in sorted(created.keys() | told.created.keys())
        if created.get(position) != told.created.get(position)
    ]


_PLANNED: Final = {
    "exceptions": N_("the exceptions of change set {change_set} were edited"),
    "records": N_("the records that change set {change_set} touches were edited"),
    "reverses": N_("what change set {change_set} takes back was edited"),
}


def _exceptions(connection: Connection, change_set_id: str) -> str | None:
    table = schema.plan_exception
    rows = connection.execute(
        select(table).where(table.c.change_set_id == change_set_id).order_by(table.c.position)
    )
    return exceptions_hash(rows.mappings().all())


def _records(connection: Connection, change_set_id: str) -> str | None:
    table, hashed = schema.operation_record, RowsHash()
    rows = connection.execute(
        select(_operation.c.position, table.c.model, table.c.key)
        .join(_operation, _operation.c.id == table.c.operation_id)
        .where(_operation.c.change_set_id == change_set_id)
        .order_by(_operation.c.position),
        execution_options={"yield_per": 1000},  # of this statement alone
    )
    # Sorted here: a database sorts texts by the rules of some language.
    for position, records in groupby(rows, key=lambda row: row.position):
        for model, key in sorted((row.model, row.key) for row in records):
            hashed.add((position, model, key))
    return hashed.value


def _reverses(connection: Connection, change_set_id: str) -> str | None:
    query = select(reversal.c.reverses_id).where(reversal.c.change_set_id == change_set_id)
    return reversals_hash(connection.execute(query).scalars())


def _created(connection: Connection, change_set_id: str) -> dict[int, str]:
    table = created_document
    rows = connection.execute(
        select(_operation.c.position, table.c.model, table.c.key, table.c.system, table.c.number)
        .join(_operation, _operation.c.id == table.c.operation_id)
        .where(_operation.c.change_set_id == change_set_id)
        .order_by(_operation.c.position)
    )
    return {
        position: created_hash((row.model, row.key, row.system, row.number) for row in found)
        for position, found in groupby(rows, key=lambda row: row.position)
    }
