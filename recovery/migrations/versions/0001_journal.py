"""The first journal: change sets, operations, images, locks and the audit chain."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from recovery.sql.columns import UTCDateTime

revision = "0001"
down_revision = None

CHANGE_SET_STATES = (
    "state IN ('draft', 'planned', 'awaiting_approval', 'approved', 'rejected', 'expired', 'running', "
    "'paused', 'applied', 'partly_applied', 'failed', 'rolled_back', 'partly_rolled_back')"
)
OPERATION_STATES = (
    "state IN ('planned', 'locked', 'captured', 'sent', 'confirmed', 'refused', 'in_doubt', "
    "'needs_person', 'dropped')"
)


def upgrade() -> None:
    """Make every table."""
    op.create_table(
        "journal_setting",
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_journal_setting"),
    )
    op.create_table(
        "change_set",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("purpose", sa.String(20), nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("actor_how", sa.String(20), nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("closing", sa.Text),
        sa.Column("reverses_id", sa.String(36)),
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
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("change_set_id", sa.String(36), nullable=False),
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
        sa.Column("reverses_operation_id", sa.String(36)),
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
        postgresql_where=sa.text("reverses_operation_id IS NOT NULL"),
    )
    op.create_table(
        "operation_record",
        sa.Column("operation_id", sa.String(36), nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("operation_id", "model", "key", name="pk_operation_record"),
        sa.ForeignKeyConstraint(
            ["operation_id"], ["operation.id"], name="fk_operation_record_operation_id"
        ),
    )
    op.create_index("ix_operation_record_model_key", "operation_record", ["model", "key"])
    op.create_table(
        "plan_exception",
        sa.Column("change_set_id", sa.String(36), nullable=False),
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
        sa.Column("hash", sa.LargeBinary(32), nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("hash", name="pk_image"),
    )
    op.create_table(
        "record_lock",
        sa.Column("system", sa.String(60), nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("change_set_id", sa.String(36), nullable=False),
        sa.PrimaryKeyConstraint("system", "model", "key", name="pk_record_lock"),
        sa.ForeignKeyConstraint(
            ["change_set_id"], ["change_set.id"], name="fk_record_lock_change_set_id"
        ),
    )
    op.create_index("ix_record_lock_change_set_id", "record_lock", ["change_set_id"])
    op.create_table(
        "audit_line",
        sa.Column("number", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("written_at", UTCDateTime, nullable=False),
        sa.Column("moves_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("hash", sa.LargeBinary(32), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_audit_line"),
    )
    op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("hash", sa.LargeBinary(32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_head"),
    )
    op.create_table(
        "move",
        sa.Column("audit_number", sa.Integer, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("change_set_id", sa.String(36), nullable=False),
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
