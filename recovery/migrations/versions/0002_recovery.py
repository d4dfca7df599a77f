"""Ids as 16 bytes, images with dictionaries and keys, retention, freezes, alarms, several workers, rollbacks.

SQLite cannot change the type of a column: there every old table is put aside, made anew and filled from the old one.
Nothing that people or the audit chain see of a row changes.
"""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa
from alembic import op

from recovery.sql.columns import IMAGE_KEY_BYTES, ImageKey, StornoId, UTCDateTime, id_bytes

revision = "0002"
down_revision = "0001"

CHANGE_SET_STATES: Final = (
    "state IN ('draft', 'planned', 'awaiting_approval', 'approved', 'rejected', 'expired', 'running', "
    "'paused', 'applied', 'partly_applied', 'failed', 'rolled_back', 'partly_rolled_back')"
)
OPERATION_STATES: Final = (
    "state IN ('planned', 'locked', 'captured', 'sent', 'confirmed', 'refused', 'in_doubt', "
    "'needs_person', 'dropped')"
)

IDS: Final = {
    "change_set": ("id", "reverses_id"),
    "operation": ("id", "change_set_id", "reverses_operation_id"),
    "operation_record": ("operation_id",),
    "plan_exception": ("change_set_id",),
    "record_lock": ("change_set_id",),
    "move": ("change_set_id",),
}
"""Columns that held 36 characters, by table; tables that others refer to first."""

REFERENCES: Final = (
    ("change_set", "reverses_id", "change_set"),
    ("operation", "change_set_id", "change_set"),
    ("operation_record", "operation_id", "operation"),
    ("plan_exception", "change_set_id", "change_set"),
    ("record_lock", "change_set_id", "change_set"),
    ("move", "change_set_id", "change_set"),
)
OLD_INDEXES: Final = (
    ("ix_change_set_reverses_id", "change_set"),
    ("ix_operation_number", "operation"),
    ("ix_operation_reverses_operation_id", "operation"),
    ("ix_operation_record_model_key", "operation_record"),
    ("ix_record_lock_change_set_id", "record_lock"),
    ("ix_move_change_set_id", "move"),
)


def upgrade() -> None:
    """Bring the old tables to their new form, then make the new ones."""
    _make_keys()
    if op.get_bind().dialect.name == "sqlite":
        _rebuild()
    else:
        _alter()
    _make_retention()
    _make_freezes()
    _make_workers()
    _make_rollbacks()


# --- what stands already ------------------------------------------------------------------------------


def _alter() -> None:
    """Change the types in place (PostgreSQL)."""
    for table, column, _ in REFERENCES:
        op.drop_constraint(f"fk_{table}_{column}", table, type_="foreignkey")
    for table, columns in IDS.items():
        changed = ", ".join(
            f'ALTER COLUMN "{each}" TYPE uuid USING "{each}"::uuid' for each in columns
        )
        op.execute(f'ALTER TABLE "{table}" {changed}')
    for table, column, other in REFERENCES:
        op.create_foreign_key(f"fk_{table}_{column}", table, other, [column], ["id"])
    op.execute(
        f"ALTER TABLE image ALTER COLUMN hash TYPE bytea USING substring(hash from 1 for {IMAGE_KEY_BYTES})"
    )
    for column, other in (("dictionary_id", "image_dictionary"), ("key_id", "journal_key")):
        op.add_column("image", sa.Column(column, sa.Integer))
        op.create_foreign_key(f"fk_image_{column}", "image", other, [column], ["id"])


def _rebuild() -> None:
    """Put the old tables aside, make new ones, fill them, drop the old ones (SQLite)."""
    connection = op.get_bind()
    driver: Any = connection.connection.driver_connection
    driver.create_function("id_bytes", 1, _stored_id, deterministic=True)
    for name, table in OLD_INDEXES:
        op.drop_index(name, table)
    tables = (*IDS, "image")
    for table in tables:
        op.rename_table(table, f"old_{table}")
    _make_old_anew()
    for table in tables:
        columns = [
            row[1] for row in connection.exec_driver_sql(f'PRAGMA table_info("old_{table}")')
        ]
        taken = ", ".join(_taken(table, each) for each in columns)
        listed = ", ".join(f'"{each}"' for each in columns)
        op.execute(f'INSERT INTO "{table}" ({listed}) SELECT {taken} FROM "old_{table}"')  # noqa: S608 - our own names
    for table in reversed(tables):
        op.drop_table(f"old_{table}")


def _stored_id(written: str | None) -> bytes | None:
    return None if written is None else id_bytes(written)


def _taken(table: str, column: str) -> str:
    if column in IDS.get(table, ()):
        return f'id_bytes("{column}")'
    if table == "image" and column == "hash":
        return f"substr(hash, 1, {IMAGE_KEY_BYTES})"
    return f'"{column}"'


def _make_old_anew() -> None:
    op.create_table(
        "change_set",
        sa.Column("id", StornoId, nullable=False),
        sa.Column("purpose", sa.String(20), nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("actor_how", sa.String(20), nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("closing", sa.Text),
        sa.Column("reverses_id", StornoId),
        sa.Column("plan_hash", sa.LargeBinary(32)),
        sa.Column("policy", sa.String(20)),
        sa.Column("approved_by", sa.Text),
        sa.Column("approved_how", sa.String(20)),
        sa.Column("approved_at", UTCDateTime),
        sa.Column("created_at", UTCDateTime, nullable=False),
        sa.Column("expires_at", UTCDateTime),
        sa.Column("started_at", UTCDateTime),
        sa.Column("finished_at", UTCDateTime),
        sa.Column("operation_count", sa.Integer, nullable=False),
        sa.Column("note", sa.Text),
        sa.Column("details", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_change_set"),
        sa.ForeignKeyConstraint(
            ["reverses_id"], ["change_set.id"], name="fk_change_set_reverses_id"
        ),
        sa.CheckConstraint(CHANGE_SET_STATES, name="ck_change_set_state"),
    )
    op.create_index("ix_change_set_reverses_id", "change_set", ["reverses_id"])
    op.create_table(
        "operation",
        sa.Column("id", StornoId, nullable=False),
        sa.Column("change_set_id", StornoId, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("after_position", sa.Integer),
        sa.Column("system", sa.String(60), nullable=False),
        sa.Column("kind", sa.String(30), nullable=False),
        sa.Column("number", sa.Text),
        sa.Column("action", sa.String(80), nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("arguments", sa.Text),
        sa.Column("executor", sa.String(20), nullable=False),
        sa.Column("reversibility", sa.String(20), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("approved_hash", sa.LargeBinary(32)),
        sa.Column("before_hash", sa.LargeBinary(32)),
        sa.Column("after_hash", sa.LargeBinary(32)),
        sa.Column("reverses_operation_id", StornoId),
        sa.Column("reason", sa.Text),
        sa.Column("error_code", sa.String(10)),
        sa.Column("result", sa.Text),
        sa.Column("details", sa.Text),
        sa.Column("sent_at", UTCDateTime),
        sa.Column("settled_at", UTCDateTime),
        sa.PrimaryKeyConstraint("id", name="pk_operation"),
        sa.ForeignKeyConstraint(
            ["change_set_id"], ["change_set.id"], name="fk_operation_change_set_id"
        ),
        sa.UniqueConstraint(
            "change_set_id", "position", name="uq_operation_change_set_id_position"
        ),
        sa.CheckConstraint(OPERATION_STATES, name="ck_operation_state"),
    )
    op.create_index("ix_operation_number", "operation", ["number"])
    op.create_index(
        "ix_operation_reverses_operation_id",
        "operation",
        ["reverses_operation_id"],
        sqlite_where=sa.text("reverses_operation_id IS NOT NULL"),
    )
    op.create_table(
        "operation_record",
        sa.Column("operation_id", StornoId, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("operation_id", "model", "key", name="pk_operation_record"),
        sa.ForeignKeyConstraint(
            ["operation_id"], ["operation.id"], name="fk_operation_record_operation_id"
        ),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_operation_record_model_key", "operation_record", ["model", "key"])
    op.create_table(
        "plan_exception",
        sa.Column("change_set_id", StornoId, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("system", sa.String(60), nullable=False),
        sa.Column("kind", sa.String(30), nullable=False),
        sa.Column("number", sa.Text),
        sa.Column("model", sa.Text),
        sa.Column("key", sa.Text),
        sa.Column("code", sa.String(60), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("change_set_id", "position", name="pk_plan_exception"),
        sa.ForeignKeyConstraint(
            ["change_set_id"], ["change_set.id"], name="fk_plan_exception_change_set_id"
        ),
    )
    op.create_table(
        "image",
        sa.Column("hash", ImageKey, nullable=False),
        sa.Column("dictionary_id", sa.Integer),
        sa.Column("key_id", sa.Integer),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("hash", name="pk_image"),
        sa.ForeignKeyConstraint(
            ["dictionary_id"], ["image_dictionary.id"], name="fk_image_dictionary_id"
        ),
        sa.ForeignKeyConstraint(["key_id"], ["journal_key.id"], name="fk_image_key_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "record_lock",
        sa.Column("system", sa.String(60), nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("change_set_id", StornoId, nullable=False),
        sa.PrimaryKeyConstraint("system", "model", "key", name="pk_record_lock"),
        sa.ForeignKeyConstraint(
            ["change_set_id"], ["change_set.id"], name="fk_record_lock_change_set_id"
        ),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_record_lock_change_set_id", "record_lock", ["change_set_id"])
    op.create_table(
        "move",
        sa.Column("audit_number", sa.Integer, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("change_set_id", StornoId, nullable=False),
        sa.Column("subject", sa.String(12), nullable=False),
        sa.Column("to_state", sa.String(20), nullable=False),
        sa.Column("positions", sa.Text),
        sa.Column("hashes", sa.LargeBinary),
        sa.Column("actor", sa.Text),
        sa.Column("detail", sa.Text),
        sa.PrimaryKeyConstraint("audit_number", "position", name="pk_move"),
        sa.ForeignKeyConstraint(
            ["audit_number"], ["audit_line.number"], name="fk_move_audit_number"
        ),
        sa.ForeignKeyConstraint(["change_set_id"], ["change_set.id"], name="fk_move_change_set_id"),
    )
    op.create_index("ix_move_change_set_id", "move", ["change_set_id"])


# --- images at rest -----------------------------------------------------------------------------------


def _make_keys() -> None:
    op.create_table(
        "journal_key",
        sa.Column("id", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("proof", sa.LargeBinary(32), nullable=False),
        sa.Column("added_at", UTCDateTime, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_journal_key"),
        sa.UniqueConstraint("name", name="uq_journal_key_name"),
    )
    op.create_table(
        "image_dictionary",
        sa.Column("id", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("system", sa.String(60), nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("hash", sa.LargeBinary(32), nullable=False),
        sa.Column("key_id", sa.Integer),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.Column("trained_at", UTCDateTime, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_image_dictionary"),
        sa.ForeignKeyConstraint(["key_id"], ["journal_key.id"], name="fk_image_dictionary_key_id"),
    )
    op.create_table(
        "image_sample",
        sa.Column("system", sa.String(60), nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("hash", ImageKey, nullable=False),
        sa.PrimaryKeyConstraint("system", "model", "hash", name="pk_image_sample"),
    )


def _make_retention() -> None:
    op.create_table(
        "legal_hold",
        sa.Column("change_set_id", StornoId, nullable=False),
        sa.Column("held_at", UTCDateTime, nullable=False),
        sa.Column("held_by", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("change_set_id", name="pk_legal_hold"),
        sa.ForeignKeyConstraint(
            ["change_set_id"], ["change_set.id"], name="fk_legal_hold_change_set_id"
        ),
    )
    op.create_table(
        "pruned_change_set",
        sa.Column("change_set_id", StornoId, nullable=False),
        sa.Column("pruned_at", UTCDateTime, nullable=False),
        sa.Column("pruned_by", sa.Text, nullable=False),
        sa.Column("swept_to", sa.Integer),
        sa.PrimaryKeyConstraint("change_set_id", name="pk_pruned_change_set"),
        sa.ForeignKeyConstraint(
            ["change_set_id"], ["change_set.id"], name="fk_pruned_change_set_change_set_id"
        ),
    )


# --- freezes and alarms (also the journal's own moves) --------------------------------------------------


def _make_freezes() -> None:
    op.create_table(
        "journal_move",
        sa.Column("audit_number", sa.Integer, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("subject", sa.String(20), nullable=False),
        sa.Column("subject_id", sa.Text, nullable=False),
        sa.Column("to_state", sa.String(20), nullable=False),
        sa.Column("actor", sa.Text),
        sa.Column("detail", sa.Text),
        sa.PrimaryKeyConstraint("audit_number", "position", name="pk_journal_move"),
        sa.ForeignKeyConstraint(
            ["audit_number"], ["audit_line.number"], name="fk_journal_move_audit_number"
        ),
    )
    op.create_index("ix_journal_move_subject_subject_id", "journal_move", ["subject", "subject_id"])
    op.create_table(
        "freeze",
        sa.Column("id", StornoId, nullable=False),
        sa.Column("system", sa.String(60)),
        sa.Column("kind", sa.String(30)),
        sa.Column("number", sa.Text),
        sa.Column("person", sa.Text),
        sa.Column("change_set_id", StornoId),
        sa.Column("spares_rollback", sa.Integer, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("frozen_by", sa.Text, nullable=False),
        sa.Column("frozen_how", sa.String(20), nullable=False),
        sa.Column("frozen_at", UTCDateTime, nullable=False),
        sa.Column("thawed_by", sa.Text),
        sa.Column("thawed_how", sa.String(20)),
        sa.Column("thawed_reason", sa.Text),
        sa.Column("thawed_at", UTCDateTime),
        sa.PrimaryKeyConstraint("id", name="pk_freeze"),
        sa.ForeignKeyConstraint(
            ["change_set_id"], ["change_set.id"], name="fk_freeze_change_set_id"
        ),
    )
    active = sa.text("thawed_at IS NULL")
    op.create_index(
        "ix_freeze_active",
        "freeze",
        ["frozen_at"],
        sqlite_where=active,
        postgresql_where=active,
    )
    op.create_table(
        "alarm",
        sa.Column("id", StornoId, nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("raised_at", UTCDateTime, nullable=False),
        sa.Column("change_set_id", StornoId),
        sa.Column("system", sa.String(60)),
        sa.Column("how_many", sa.Integer, nullable=False),
        sa.Column("freeze_id", StornoId),
        sa.Column("actor", sa.Text),
        sa.Column("addressed_at", UTCDateTime),
        sa.PrimaryKeyConstraint("id", name="pk_alarm"),
        sa.ForeignKeyConstraint(
            ["change_set_id"], ["change_set.id"], name="fk_alarm_change_set_id"
        ),
        sa.ForeignKeyConstraint(["freeze_id"], ["freeze.id"], name="fk_alarm_freeze_id"),
    )
    waiting = sa.text("addressed_at IS NULL")
    op.create_index(
        "ix_alarm_unaddressed",
        "alarm",
        ["raised_at"],
        sqlite_where=waiting,
        postgresql_where=waiting,
    )
    op.create_table(
        "alarm_delivery",
        sa.Column("alarm_id", StornoId, nullable=False),
        sa.Column("person", sa.String(64), nullable=False),
        sa.Column("try_count", sa.Integer, nullable=False),
        sa.Column("due_at", UTCDateTime),
        sa.Column("delivered_at", UTCDateTime),
        sa.Column("problem", sa.Text),
        sa.PrimaryKeyConstraint("alarm_id", "person", name="pk_alarm_delivery"),
        sa.ForeignKeyConstraint(["alarm_id"], ["alarm.id"], name="fk_alarm_delivery_alarm_id"),
    )
    due = sa.text("due_at IS NOT NULL")
    op.create_index(
        "ix_alarm_delivery_due",
        "alarm_delivery",
        ["due_at"],
        sqlite_where=due,
        postgresql_where=due,
    )


# --- several workers ------------------------------------------------------------------------------------


def _make_workers() -> None:
    op.create_table(
        "claim",
        sa.Column("change_set_id", StornoId, nullable=False),
        sa.Column("worker", sa.Text),
        sa.Column("fence", sa.Integer, nullable=False),
        sa.Column("claimed_at", UTCDateTime),
        sa.Column("lease_until", sa.Float),
        sa.PrimaryKeyConstraint("change_set_id", name="pk_claim"),
        sa.ForeignKeyConstraint(
            ["change_set_id"], ["change_set.id"], name="fk_claim_change_set_id"
        ),
    )
    op.create_table(
        "queue_entry",
        sa.Column("change_set_id", StornoId, nullable=False),
        sa.Column("systems", sa.Text, nullable=False),
        sa.Column("queued_by", sa.Text, nullable=False),
        sa.Column("queued_how", sa.String(20), nullable=False),
        sa.Column("queued_at", UTCDateTime, nullable=False),
        sa.Column("not_before", UTCDateTime),
        sa.PrimaryKeyConstraint("change_set_id", name="pk_queue_entry"),
        sa.ForeignKeyConstraint(
            ["change_set_id"], ["change_set.id"], name="fk_queue_entry_change_set_id"
        ),
    )
    op.create_table(
        "call_place",
        sa.Column("system", sa.String(64), nullable=False),
        sa.Column("change_set_id", StornoId, nullable=False),
        sa.Column("fence", sa.Integer, nullable=False),
        sa.Column("call_count", sa.Integer, nullable=False),
        sa.Column("place", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("system", "change_set_id", name="pk_call_place"),
        sa.ForeignKeyConstraint(
            ["change_set_id"], ["change_set.id"], name="fk_call_place_change_set_id"
        ),
    )
    op.create_index("ix_call_place_change_set_id", "call_place", ["change_set_id"])
    op.create_table(
        "system_state",
        sa.Column("system", sa.String(64), nullable=False),
        sa.Column("next_call_at", sa.Float),
        sa.Column("held_until", sa.Float),
        sa.Column("held_because", sa.String(10)),
        sa.Column("failure_count", sa.Integer, nullable=False),
        sa.Column("probing_until", sa.Float),
        sa.Column("changed_at", UTCDateTime),
        sa.PrimaryKeyConstraint("system", name="pk_system_state"),
    )


# --- rollbacks --------------------------------------------------------------------------------------------


def _make_rollbacks() -> None:
    op.create_table(
        "reversal",
        sa.Column("change_set_id", StornoId, nullable=False),
        sa.Column("reverses_id", StornoId, nullable=False),
        sa.PrimaryKeyConstraint("change_set_id", "reverses_id", name="pk_reversal"),
        sa.ForeignKeyConstraint(
            ["change_set_id"], ["change_set.id"], name="fk_reversal_change_set_id"
        ),
        sa.ForeignKeyConstraint(["reverses_id"], ["change_set.id"], name="fk_reversal_reverses_id"),
    )
    op.create_index("ix_reversal_reverses_id", "reversal", ["reverses_id"])
    op.create_table(
        "created_document",
        sa.Column("operation_id", StornoId, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("system", sa.String(60), nullable=False),
        sa.Column("number", sa.Text),
        sa.PrimaryKeyConstraint("operation_id", "model", "key", name="pk_created_document"),
        sa.ForeignKeyConstraint(
            ["operation_id"], ["operation.id"], name="fk_created_document_operation_id"
        ),
    )
    op.create_index("ix_created_document_number", "created_document", ["number"])
    op.create_index("ix_operation_key", "operation", ["key"])
