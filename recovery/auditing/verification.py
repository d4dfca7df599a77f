"""`storno audit verify`: the chain, the states that follow from it, the plans, every image."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy import Connection, LargeBinary, Row, func, select
from sqlalchemy.exc import DBAPIError

from core import encoding
from core.errors import JournalKeyMissing
from core.text import N_, Text
from recovery import schema
from recovery.at_rest.hold_history import verify_holds
from recovery.at_rest.packing import Dictionary
from recovery.at_rest.pruned import verify_pruned
from recovery.at_rest.vault import Vault
from recovery.auditing import audit
from recovery.auditing.facts import replay_facts, verify_facts
from recovery.freezes import verify_freezes
from recovery.hashing import HEAD_COLUMNS, STAMPS, head_hash, words_hash
from recovery.sql.columns import IMAGE_KEY_BYTES
from recovery.sql.database import Database
from recovery.sql.positions import parse_positions
from recovery.sql.schema_storage import pruned_change_set
from recovery.states import ChangeSetState

NAMED_AT_MOST: Final = 20
_operation = schema.operation
_SIGNED: Final = (ChangeSetState.PLANNED, ChangeSetState.APPROVED)
_CHECKED_COLUMNS: Final = (
    "id",
    "state",
    "plan_hash",
    *HEAD_COLUMNS,
    "approved_by",
    "approved_how",
    "policy",
    *STAMPS,
    "note",
    "operation_count",
)


def verify_journal(
    database: Database, vault: Vault, plan_hash: Callable[[str], str]
) -> audit.AuditReport:
    """Read the whole journal once and report everything that does not fit together."""
    problems: list[Text] = []
    line_count = move_count = image_count = 0
    with database.reading() as connection:
        vault.require_keys(connection)  # before anything is read for nothing
        with _reported(problems, "audit_line"):
            line_count, move_count, found = audit.verify_chain(connection, vault.seed)
            problems += found
        columns = (schema.change_set.c[name] for name in _CHECKED_COLUMNS)
        change_sets = connection.execute(select(*columns).order_by(schema.change_set.c.id)).all()
        for row in change_sets:
            with _reported(problems, f"change_set {row.id}"):
                problems += _verify_change_set(connection, row)
        problems += _verify_presence(connection)
        with _reported(problems, "freeze"):
            problems += verify_freezes(connection)
        with _reported(problems, "legal_hold"):
            problems += verify_holds(connection)
        with _reported(problems, "image"):
            problems += verify_pruned(connection)
            image_count, found = _verify_images(connection, vault)
            problems += found
    for row in change_sets:
        if row.plan_hash is None or plan_hash(row.id) != bytes(row.plan_hash).hex():
            problems.append(
                Text(N_("the plan of change set {change_set} was edited"), {"change_set": row.id})
            )
    return audit.AuditReport(line_count, move_count, image_count, tuple(problems))


@contextmanager
def _reported(problems: list[Text], what: str) -> Iterator[None]:
    """Turn what no honest row can cause (a date that is none) into a problem, and go on."""
    try:
        yield
    except (DBAPIError, JournalKeyMissing):
        raise  # the database itself cannot be read, or nobody can without the key
    except Exception as error:  # noqa: BLE001 - whoever edits rows can write anything into them
        said = f"{type(error).__name__}: {error}"
        problems.append(
            Text(N_("{what} cannot be read: {problem}"), {"what": what, "problem": said})
        )


def _verify_presence(connection: Connection) -> list[Text]:
    missing = connection.execute(
        select(schema.move.c.change_set_id)
        .where(~schema.move.c.change_set_id.in_(select(schema.change_set.c.id)))
        .distinct()
        .order_by(schema.move.c.change_set_id)
        .limit(NAMED_AT_MOST)
    ).scalars()
    return [
        Text(N_("change set {change_set} is gone, but its history is there"), {"change_set": each})
        for each in missing
    ]


def verify_change_set(connection: Connection, change_set_id: str) -> list[Text]:
    """Return what of one change set is not what its history says: states, people, words, times, records."""
    columns = (schema.change_set.c[name] for name in _CHECKED_COLUMNS)
    row = connection.execute(select(*columns).where(schema.change_set.c.id == change_set_id)).one()
    problems = list[Text]()
    with _reported(problems, f"change_set {change_set_id}"):
        problems += _verify_change_set(connection, row)
    return problems


def _verify_change_set(connection: Connection, change_set: Row[Any]) -> list[Text]:
    change_set_id, state = change_set.id, change_set.state
    moves = (
        connection.execute(
            select(schema.move, schema.audit_line.c.written_at)
            .join(schema.audit_line, schema.audit_line.c.number == schema.move.c.audit_number)
            .where(schema.move.c.change_set_id == change_set_id)
            .order_by(schema.move.c.audit_number, schema.move.c.position)
        )
        .mappings()
        .all()
    )
    found_state, states, before, after = audit.replay(moves)
    problems = _verify_signatures(change_set, moves)
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
            _operation.c.reason,
            _operation.c.error_code,
            _operation.c.result,
            _operation.c.sent_at,
            _operation.c.settled_at,
        ).where(_operation.c.change_set_id == change_set_id)
    )
    words, told = replay_words(moves), replay_facts(moves)
    if told is not None:
        problems += verify_facts(
            connection, {name: getattr(change_set, name) for name in _CHECKED_COLUMNS}, told
        )
    count = 0
    for row in rows:
        count += 1
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
        elif words is not None and _words_of(row) != words.get(row.position):
            problems.append(
                Text(
                    N_("what is told of operation {position} of {change_set} was edited"),
                    {"change_set": change_set_id, "position": row.position},
                )
            )
        elif told is not None and (row.sent_at, row.settled_at) != told.times_of(row.position):
            problems.append(
                Text(
                    N_("operation {position} of {change_set} has other times than its history"),
                    {"change_set": change_set_id, "position": row.position},
                )
            )
    if count != change_set.operation_count:
        problems.append(
            Text(
                N_("the plan of change set {change_set} was edited"), {"change_set": change_set_id}
            )
        )
    return problems


def _words_of(row: Any) -> str | None:
    """Return the hash of what is told of an operation; None where nothing is."""
    told = row.reason, row.error_code, row.result
    return None if told == (None, None, None) else words_hash(*told)


def replay_words(moves: Sequence[audit.Row]) -> dict[int, str] | None:
    """Return, by position, the hash of what was told of each operation last; None for a plan of before 0002."""
    found: dict[int, str] = {}
    is_told = False
    for move in moves:
        detail = encoding.loads(move["detail"] or "{}")
        is_told = is_told or "head" in detail
        state = move["to_state"]
        # Sending tells nothing and forgets nothing: what was told before stands until the operation is settled.
        is_sending = state in {"locked", "sent"} or (state == "captured" and move["hashes"])
        if move["subject"] != "operation" or is_sending:
            continue
        words = detail.get("words") or {}
        for position in parse_positions(move["positions"] or ""):
            found.pop(position, None)
            if str(position) in words:
                found[position] = words[str(position)]
    return found if is_told else None


def _verify_signatures(change_set: Row[Any], moves: Sequence[audit.Row]) -> list[Text]:
    """Compare who planned and approved which plan with what the chain says."""
    problems = []
    for move in moves:
        if move["subject"] != "change_set" or move["to_state"] not in _SIGNED:
            continue
        detail = encoding.loads(move["detail"] or "{}")
        expected = {"plan_hash": detail.get("plan_hash")}
        found = {"plan_hash": None if change_set.plan_hash is None else change_set.plan_hash.hex()}
        if move["to_state"] == ChangeSetState.PLANNED:
            expected |= {"actor": move["actor"]}
            found |= {"actor": change_set.actor}
            if "head" in detail:
                expected |= {"head": detail["head"]}
                head = {name: getattr(change_set, name) for name in HEAD_COLUMNS}
                found |= {"head": head_hash(head)}
        else:
            expected |= {
                "actor": move["actor"],
                "how": detail.get("how"),
                "policy": detail.get("policy"),
            }
            found |= {
                "actor": change_set.approved_by,
                "how": change_set.approved_how,
                "policy": change_set.policy,
            }
        problems += [
            Text(
                N_("change set {change_set} was {state} otherwise than its row says: {field}"),
                {"change_set": change_set.id, "state": move["to_state"], "field": name},
            )
            for name in expected
            if expected[name] != found[name]
        ]
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


def _verify_images(connection: Connection, vault: Vault) -> tuple[int, list[Text]]:
    problems, count, known = [], 0, dict[int, Dictionary]()
    # Closed also when a key is missing: on PostgreSQL the server would keep the rest for nobody.
    with connection.execution_options(yield_per=500).execute(select(schema.image)) as rows:
        for row in rows:
            count += 1
            if not vault.is_whole(connection, row, known):
                problems.append(
                    Text(N_("image {hash} was altered"), {"hash": bytes(row.hash).hex()[:16]})
                )
    return count, problems + _verify_ways_back(connection)


def _verify_ways_back(connection: Connection) -> list[Text]:
    """Find operations whose before or after image is gone: without both nothing can be taken back."""
    problems = []
    for name, column in (
        (N_("the before image of operation {position} of {change_set} is missing"), "before_hash"),
        (N_("the after image of operation {position} of {change_set} is missing"), "after_hash"),
    ):
        stored = _operation.c[column]
        missing = connection.execute(
            select(_operation.c.change_set_id, _operation.c.position)
            .where(
                stored.is_not(None),
                ~func.substr(stored, 1, IMAGE_KEY_BYTES, type_=LargeBinary).in_(
                    select(schema.image.c.hash)
                ),
                _operation.c.change_set_id.not_in(select(pruned_change_set.c.change_set_id)),
            )
            .order_by(_operation.c.change_set_id, _operation.c.position)
            .limit(NAMED_AT_MOST)
        )
        problems += [
            Text(name, {"change_set": row.change_set_id, "position": row.position})
            for row in missing
        ]
    return problems
