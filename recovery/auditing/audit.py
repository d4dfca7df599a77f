"""The audit chain: one line a journal commit, carrying the hash of all its moves and of the line before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from heapq import merge
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, func, insert, select, update

from core import clock, encoding
from core.errors import JournalBroken
from core.text import N_, Text
from recovery import schema
from recovery.sql.positions import parse_positions

HEAD_ID: Final = 1
PROOF_SUBJECT: Final = "proof"
PROVED: Final = "proved"
FREEZE_SUBJECT: Final = "freeze"
RUN_SUBJECT: Final = "run"
TAKEN_OVER: Final = "taken_over"

Row = Mapping[str, Any] | RowMapping
_STREAMED: Final = {"yield_per": 1000}


@dataclass(frozen=True, slots=True)
class PendingMove:
    """One move of this commit, not yet written. Without a change set it is about the journal: `subject_id` says what."""

    change_set_id: str | None
    subject: (
        str  # "change_set", "operation", "run" and others; without a change set "freeze" and others
    )
    to_state: str
    positions: str | None = None
    hashes: bytes | None = None
    actor: str | None = None
    detail: Mapping[str, Any] | None = None
    subject_id: str = ""

    def as_row(self, audit_number: int, position: int) -> dict[str, Any]:
        """Return the row of table `move`, or of `journal_move` where there is no change set."""
        detail = None if not self.detail else encoding.dumps(self.detail).decode()
        if self.change_set_id is None:
            return {
                "audit_number": audit_number,
                "position": position,
                "subject": self.subject,
                "subject_id": self.subject_id,
                "to_state": self.to_state,
                "actor": self.actor,
                "detail": detail,
            }
        return {
            "audit_number": audit_number,
            "position": position,
            "change_set_id": self.change_set_id,
            "subject": self.subject,
            "to_state": self.to_state,
            "positions": self.positions,
            "hashes": self.hashes,
            "actor": self.actor,
            "detail": detail,
        }


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What `storno audit verify` found. `problems` is empty when the chain is intact."""

    line_count: int
    move_count: int
    image_count: int
    problems: tuple[Text, ...] = field(default=())

    @property
    def is_intact(self) -> bool:
        """Whether nothing was edited, removed, inserted or reordered."""
        return not self.problems


def hashed_move(row: Row) -> list[Any]:
    """Return what of a move is hashed: eight values of a change set's, six of the journal's own."""
    if "change_set_id" not in row:
        return [row[name] for name in _HASHED_OF_JOURNAL]
    return [
        row["position"],
        row["change_set_id"],
        row["subject"],
        row["to_state"],
        row["positions"],
        None if row["hashes"] is None else bytes(row["hashes"]).hex(),
        row["actor"],
        row["detail"],
    ]


_HASHED_OF_JOURNAL: Final = ("position", "subject", "subject_id", "to_state", "actor", "detail")


def moves_hash(hashed: Sequence[Sequence[Any]]) -> bytes:
    """Return the hash of all moves of one line, each as `hashed_move` gives it, by their positions."""
    listed = sorted(hashed, key=lambda each: each[0])
    return bytes.fromhex(encoding.digest(encoding.encode_json(listed)))


def genesis(seed: bytes) -> bytes:
    """Return the hash that stands before the first line; `seed` makes every journal's chain its own."""
    return bytes.fromhex(encoding.digest(b"genesis", seed))


def line_hash(previous: bytes, number: int, written_at: datetime, moves_hash: bytes) -> bytes:
    """Return the hash of a line, which holds the hash of the line before it."""
    stamp = encoding.moment_text(written_at).encode()
    return bytes.fromhex(encoding.digest(previous, str(number).encode(), stamp, moves_hash))


def start_chain(connection: Connection, seed: bytes) -> None:
    """Write the head of an empty chain; `seed` makes every journal's chain its own."""
    connection.execute(insert(schema.audit_head).values(id=HEAD_ID, number=0, hash=genesis(seed)))


def append_line(
    connection: Connection, moves: Sequence[PendingMove], moment: datetime | None = None
) -> int:
    """Write the moves of this commit and their line; the head is locked until the commit ends."""
    head_table, now = schema.audit_head, moment or clock.now()
    # On PostgreSQL the row lock makes the chain single file; on SQLite the transaction is IMMEDIATE already.
    head = connection.execute(
        select(head_table.c.number, head_table.c.hash)
        .where(head_table.c.id == HEAD_ID)
        .with_for_update()
    ).one()
    number = head.number + 1
    rows = [move.as_row(number, position) for position, move in enumerate(moves, start=1)]
    hash_of_moves = moves_hash([hashed_move(row) for row in rows])
    hash_of_line = line_hash(bytes(head.hash), number, now, hash_of_moves)
    connection.execute(
        insert(schema.audit_line),
        [{"number": number, "written_at": now, "moves_hash": hash_of_moves, "hash": hash_of_line}],
    )
    for table, of_change_set in ((schema.move, True), (schema.journal_move, False)):
        mine = [row for row in rows if ("change_set_id" in row) is of_change_set]
        if mine:
            connection.execute(insert(table), mine)
    done = connection.execute(
        update(head_table)
        .where(head_table.c.id == HEAD_ID, head_table.c.number == head.number)
        .values(number=number, hash=hash_of_line)
    )
    if done.rowcount != 1:
        raise JournalBroken(journal="audit chain", problem="its head moved during a commit")
    return int(number)


def last_number(connection: Connection) -> int:
    """Return the number of the newest line, 0 where there is none; the head is not trusted for it."""
    query = select(func.max(schema.audit_line.c.number))
    return int(connection.execute(query).scalar() or 0)


def verify_chain(connection: Connection, seed: bytes) -> tuple[int, int, list[Text]]:
    """Return (lines, moves, problems) of the chain itself: numbers, hashes, head."""
    problems: list[Text] = []
    previous = genesis(seed)
    expected, move_count = 1, 0
    moves = _moves_by_line(connection)
    pending = next(moves, None)
    lines = connection.execute(
        select(schema.audit_line).order_by(schema.audit_line.c.number), execution_options=_STREAMED
    )
    for line in lines:
        if line.number != expected:
            problems.append(
                Text(
                    N_("audit lines {first} to {last} are missing"),
                    {"first": expected, "last": line.number - 1},
                )
            )
        rows: list[Row] = []
        while pending is not None and pending[0] <= line.number:
            if pending[0] == line.number:
                rows = pending[1]
            else:
                problems.append(
                    Text(N_("moves without an audit line: {number}"), {"number": pending[0]})
                )
            pending = next(moves, None)
        move_count += len(rows)
        if moves_hash([hashed_move(row) for row in rows]) != bytes(line.moves_hash):
            problems.append(
                Text(N_("the moves of audit line {number} were edited"), {"number": line.number})
            )
        if line_hash(previous, line.number, line.written_at, bytes(line.moves_hash)) != bytes(
            line.hash
        ):
            problems.append(
                Text(
                    N_("audit line {number} was edited, or the line before it was"),
                    {"number": line.number},
                )
            )
        previous, expected = bytes(line.hash), line.number + 1
    if pending is not None:
        problems.append(Text(N_("moves without an audit line: {number}"), {"number": pending[0]}))
    head = connection.execute(select(schema.audit_head)).one_or_none()
    if head is None or head.number != expected - 1 or bytes(head.hash) != previous:
        problems.append(
            Text(
                N_(
                    "the chain ends at line {last}, but its head says {head}: lines were cut off or added"
                ),
                {"last": expected - 1, "head": None if head is None else head.number},
            )
        )
    return expected - 1, move_count, problems


def _moves_by_line(
    connection: Connection, numbers: Sequence[int] | None = None
) -> Iterator[tuple[int, list[Row]]]:
    """Yield the moves of each line, those of change sets and the journal's own together."""
    both = []
    for table in (schema.move, schema.journal_move):
        query = select(table).order_by(table.c.audit_number, table.c.position)
        if numbers is not None:
            query = query.where(table.c.audit_number.in_(numbers))
        # For this statement alone: on the connection it would hold for every later one, writes too.
        both.append(connection.execute(query, execution_options=_STREAMED).mappings())
    merged = merge(*both, key=itemgetter("audit_number"))
    for number, rows in groupby(merged, key=itemgetter("audit_number")):
        yield number, list(rows)


def moves_of_lines(
    connection: Connection, numbers: Sequence[int]
) -> Iterator[tuple[int, list[Row]]]:
    """Yield the moves of some lines, whole: also those that are about other change sets."""
    for start in range(0, len(numbers), 500):
        chunk = numbers[start : start + 500]
        yield from _moves_by_line(connection, chunk)


def replay(
    moves: Sequence[Row],
) -> tuple[str | None, dict[int, str], dict[int, bytes], dict[int, bytes]]:
    """Return (state, state by position, before hashes, after hashes) of one change set from its moves."""
    state: str | None = None
    states: dict[int, str] = {}
    before: dict[int, bytes] = {}
    after: dict[int, bytes] = {}
    for row in moves:
        if row["subject"] == "change_set":
            state = row["to_state"]
            continue
        if row["subject"] != "operation":
            continue  # a proof, a hold, what retention took: they move nothing
        positions = list(parse_positions(row["positions"] or ""))
        hashes = bytes(row["hashes"] or b"")
        target = before if row["to_state"] == "captured" else after
        for index, position in enumerate(positions):
            states[position] = row["to_state"]
            if hashes:
                target[position] = hashes[32 * index : 32 * index + 32]
    return state, states, before, after
