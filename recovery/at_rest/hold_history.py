"""What the audit chain says of holds: a hold whose row is gone still holds."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection, select

from core import encoding
from core.text import N_, Text
from recovery.schema import move
from recovery.sql.schema_storage import legal_hold

HOLD_SUBJECT: Final = "hold"
HELD: Final = "held"
RELEASED: Final = "released"


def open_holds(connection: Connection, change_set_id: str | None = None) -> dict[str, Any]:
    """Return who holds what (actor, detail), by change set, as the chain tells it; of one of them where it is named."""
    query = (
        select(move.c.change_set_id, move.c.to_state, move.c.actor, move.c.detail)
        .where(move.c.subject == HOLD_SUBJECT)
        .order_by(move.c.audit_number, move.c.position)
    )
    if change_set_id is not None:
        query = query.where(move.c.change_set_id == change_set_id)
    found: dict[str, Any] = {}
    for row in connection.execute(query):
        if row.to_state == HELD:
            found[row.change_set_id] = row.actor, row.detail
        else:
            found.pop(row.change_set_id, None)
    return found


def held(connection: Connection, change_set_id: str | None = None) -> set[str]:
    """Return the change sets that are held, by a row or by the chain."""
    query = select(legal_hold.c.change_set_id)
    if change_set_id is not None:
        query = query.where(legal_hold.c.change_set_id == change_set_id)
    return {*connection.execute(query).scalars(), *open_holds(connection, change_set_id)}


def verify_holds(connection: Connection) -> list[Text]:
    """Return the holds whose rows are not what the audit chain says of them."""
    told = open_holds(connection)
    rows = connection.execute(select(legal_hold).order_by(legal_hold.c.change_set_id)).all()
    problems = [
        Text(
            N_("change set {change_set} is held otherwise than its history says"),
            {"change_set": row.change_set_id},
        )
        for row in rows
        if told.get(row.change_set_id) != (row.held_by, hold_detail(row.reason))
    ]
    gone = told.keys() - {row.change_set_id for row in rows}
    return problems + [
        Text(
            N_("the hold on change set {change_set} is gone, but nobody released it"),
            {"change_set": each},
        )
        for each in sorted(gone)
    ]


def hold_detail(reason: str) -> str:
    """Return what the move of a hold tells, as its row keeps it."""
    return encoding.dumps({"reason": reason}).decode()
