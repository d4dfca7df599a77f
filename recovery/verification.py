"""`storno audit verify`: the chain, the states that follow from it, the plans, every image."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, select

from core.text import N_, Text
from recovery import audit, schema
from recovery.database import Database
from recovery.images import ImageCodec

_operation = schema.operation


def verify_journal(
    database: Database, codec: ImageCodec, seed: bytes, plan_hash: Callable[[str], str]
) -> audit.AuditReport:
    """Read the whole journal once and report everything that does not fit together."""
    with database.reading() as connection:
        line_count, move_count, problems = audit.verify_chain(connection, seed)
        change_sets = connection.execute(
            select(schema.change_set.c.id, schema.change_set.c.state, schema.change_set.c.plan_hash)
        ).all()
        for row in change_sets:
            problems += _verify_change_set(connection, row.id, row.state)
        image_count, image_problems = _verify_images(connection, codec)
        problems += image_problems
    for row in change_sets:
        if row.plan_hash is not None and plan_hash(row.id) != bytes(row.plan_hash).hex():
            problems.append(
                Text(N_("the plan of change set {change_set} was edited"), {"change_set": row.id})
            )
    return audit.AuditReport(line_count, move_count, image_count, tuple(problems))


def _verify_change_set(connection: Connection, change_set_id: str, state: str) -> list[Text]:
    moves = (
        connection.execute(
            select(schema.move)
            .where(schema.move.c.change_set_id == change_set_id)
            .order_by(schema.move.c.audit_number, schema.move.c.position)
        )
        .mappings()
        .all()
    )
    found_state, states, before, after = audit.replay(moves)
    problems = []
    if found_state != state:
        problems.append(
            Text(
                N_("change set {change_set} is {state}, but its history ends in {history}"),
                {"change_set": change_set_id, "state": state, "history": found_state},
            )
        )
    rows = connection.execution_options(yield_per=1000).execute(
        select(
            _operation.c.position,
            _operation.c.state,
            _operation.c.before_hash,
            _operation.c.after_hash,
        ).where(_operation.c.change_set_id == change_set_id)
    )
    for row in rows:
        if row.state != states.get(row.position, "planned"):
            problems.append(_operation_problem(change_set_id, row, states))
        elif _differs(row.before_hash, before.get(row.position)) or _differs(
            row.after_hash, after.get(row.position)
        ):
            problems.append(
                Text(
                    N_(
                        "operation {position} of {change_set} refers to other images than its history"
                    ),
                    {"change_set": change_set_id, "position": row.position},
                )
            )
    return problems


def _operation_problem(change_set_id: str, row: Any, states: dict[int, str]) -> Text:
    return Text(
        N_("operation {position} of {change_set} is {state}, but its history ends in {history}"),
        {
            "change_set": change_set_id,
            "position": row.position,
            "state": row.state,
            "history": states.get(row.position, "planned"),
        },
    )


def _differs(stored: bytes | None, replayed: bytes | None) -> bool:
    return (None if stored is None else bytes(stored)) != replayed


def _verify_images(connection: Connection, codec: ImageCodec) -> tuple[int, list[Text]]:
    problems, count = [], 0
    for row in connection.execution_options(yield_per=500).execute(select(schema.image)):
        count += 1
        try:
            is_whole = codec.hash(codec.decompress(bytes(row.content))) == bytes(row.hash)
        except Exception:  # noqa: BLE001 - whatever the library says, the image is damaged
            is_whole = False
        if not is_whole:
            problems.append(
                Text(N_("image {hash} was altered"), {"hash": bytes(row.hash).hex()[:16]})
            )
    missing = connection.execute(
        select(_operation.c.change_set_id, _operation.c.position)
        .where(
            _operation.c.before_hash.is_not(None),
            ~_operation.c.before_hash.in_(select(schema.image.c.hash)),
        )
        .limit(20)
    )
    problems += [
        Text(
            N_("the before image of operation {position} of {change_set} is missing"),
            {"change_set": row.change_set_id, "position": row.position},
        )
        for row in missing
    ]
    return count, problems
