"""The journal's tables (SQLite and PostgreSQL). JSON is canonical text, hashes are 32 bytes."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from recovery.sql import schema_freezes, schema_storage
from recovery.sql.columns import StornoId, UTCDateTime, metadata, one_of, partial_index
from recovery.states import ChangeSetState, OperationState

HEAD: Final = "0003"
"""The newest revision; a journal with another one is migrated, or refused when we do not know it."""

journal_setting: Final = Table(
    "journal_setting",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("value", Text, nullable=False),
)

change_set: Final = Table(
    "change_set",
    metadata,
    Column("id", StornoId, primary_key=True),
    Column("purpose", String(20), nullable=False),
    Column("title", Text, nullable=False),
    Column("state", String(20), nullable=False),
    Column("actor", Text, nullable=False),
    Column("actor_how", String(20), nullable=False),
    Column("reason", Text),
    Column("closing", Text),
    Column("reverses_id", StornoId, ForeignKey("change_set.id")),
    Column("plan_hash", LargeBinary(32)),
    Column("policy", String(20)),
    Column("approved_by", Text),
    Column("approved_how", String(20)),
    Column("approved_at", UTCDateTime),
    Column("created_at", UTCDateTime, nullable=False),
    Column("expires_at", UTCDateTime),
    Column("started_at", UTCDateTime),
    Column("finished_at", UTCDateTime),
    Column("operation_count", Integer, nullable=False),
    Column("note", Text),
    Column("details", Text),
    one_of("state", ChangeSetState),
)
Index(None, change_set.c.reverses_id)

operation: Final = Table(
    "operation",
    metadata,
    Column("id", StornoId, primary_key=True),
    Column("change_set_id", StornoId, ForeignKey("change_set.id"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("after_position", Integer),
    Column("system", String(60), nullable=False),
    Column("kind", String(30), nullable=False),
    Column("number", Text),
    Column("action", String(80), nullable=False),
    Column("model", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("arguments", Text),
    Column("executor", String(20), nullable=False),
    Column("reversibility", String(20), nullable=False),
    Column("state", String(20), nullable=False),
    Column("approved_hash", LargeBinary(32)),
    Column("before_hash", LargeBinary(32)),
    Column("after_hash", LargeBinary(32)),
    Column("reverses_operation_id", StornoId),
    Column("reason", Text),
    Column("error_code", String(10)),
    Column("result", Text),
    Column("details", Text),
    Column("sent_at", UTCDateTime),
    Column("settled_at", UTCDateTime),
    UniqueConstraint("change_set_id", "position"),
    one_of("state", OperationState),
)
Index(None, operation.c.number)
partial_index(
    None,
    operation.c.reverses_operation_id,
    where=operation.c.reverses_operation_id.is_not(None),
)

# Footprint records other than the document itself: what a lock, a search by document and the check for
# records shared by two operations need. A one-record footprint writes no row here.
operation_record: Final = Table(
    "operation_record",
    metadata,
    Column("operation_id", StornoId, ForeignKey("operation.id"), primary_key=True),
    Column("model", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    sqlite_with_rowid=False,
)
Index(None, operation_record.c.model, operation_record.c.key)

plan_exception: Final = Table(
    "plan_exception",
    metadata,
    Column("change_set_id", StornoId, ForeignKey("change_set.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("system", String(60), nullable=False),
    Column("kind", String(30), nullable=False),
    Column("number", Text),
    Column("model", Text),
    Column("key", Text),
    Column("code", String(60), nullable=False),
    Column("text", Text, nullable=False),
)

image: Final = schema_storage.image
"""How images are kept is in `recovery.sql.schema_storage`."""

record_lock: Final = Table(
    "record_lock",
    metadata,
    Column("system", String(60), primary_key=True),
    Column("model", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("change_set_id", StornoId, ForeignKey("change_set.id"), nullable=False),
    sqlite_with_rowid=False,
)
Index(None, record_lock.c.change_set_id)

audit_line: Final = Table(
    "audit_line",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("written_at", UTCDateTime, nullable=False),
    Column("moves_hash", LargeBinary(32), nullable=False),
    Column("hash", LargeBinary(32), nullable=False),
)

audit_head: Final = Table(
    "audit_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("number", Integer, nullable=False),
    Column("hash", LargeBinary(32), nullable=False),
)

# One row a move of a whole batch: `positions` as ranges ("1-100,105"), `hashes` the images that the move
# stored, 32 bytes each in the order of the positions.
move: Final = Table(
    "move",
    metadata,
    Column("audit_number", Integer, ForeignKey("audit_line.number"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("change_set_id", StornoId, ForeignKey("change_set.id"), nullable=False),
    Column("subject", String(12), nullable=False),
    Column("to_state", String(20), nullable=False),
    Column("positions", Text),
    Column("hashes", LargeBinary),
    Column("actor", Text),
    Column("detail", Text),
)
Index(None, move.c.change_set_id)

# A move that belongs to no change set (a freeze, a thaw, what retention removed): it stands in the audit chain
# beside the rows of `move`, and counts its positions with them.
journal_move: Final = Table(
    "journal_move",
    metadata,
    Column("audit_number", Integer, ForeignKey("audit_line.number"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("subject", String(20), nullable=False),
    Column("subject_id", Text, nullable=False),
    Column("to_state", String(20), nullable=False),
    Column("actor", Text),
    Column("detail", Text),
)
Index(None, journal_move.c.subject, journal_move.c.subject_id)

freeze: Final = schema_freezes.freeze
alarm: Final = schema_freezes.alarm
alarm_delivery: Final = schema_freezes.alarm_delivery
"""What stops every worker, and what people are told at once: `recovery.sql.schema_freezes`."""
