"""The journal's tables for what stops every worker, and for what people are told at once."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, ForeignKey, Integer, String, Table, Text

from recovery.sql.columns import StornoId, UTCDateTime, metadata, partial_index

# What is NULL is not looked at: a freeze of nothing but NULLs stops everything.
freeze: Final = Table(
    "freeze",
    metadata,
    Column("id", StornoId, primary_key=True),
    Column("system", String(60)),
    Column("kind", String(30)),
    Column("number", Text),
    Column("person", Text),
    Column("change_set_id", StornoId, ForeignKey("change_set.id")),
    Column("spares_rollback", Integer, nullable=False),
    Column("reason", Text, nullable=False),
    Column("frozen_by", Text, nullable=False),
    Column("frozen_how", String(20), nullable=False),
    Column("frozen_at", UTCDateTime, nullable=False),
    Column("thawed_by", Text),
    Column("thawed_how", String(20)),
    Column("thawed_reason", Text),
    Column("thawed_at", UTCDateTime),
)
partial_index("ix_freeze_active", freeze.c.frozen_at, where=freeze.c.thawed_at.is_(None))

# The outbox: written in the transaction of what it tells, delivered afterwards by whoever comes by.
alarm: Final = Table(
    "alarm",
    metadata,
    Column("id", StornoId, primary_key=True),
    Column("kind", String(20), nullable=False),
    Column("raised_at", UTCDateTime, nullable=False),
    Column("change_set_id", StornoId, ForeignKey("change_set.id")),
    Column("system", String(60)),
    Column("how_many", Integer, nullable=False),
    Column("freeze_id", StornoId, ForeignKey("freeze.id")),
    Column("actor", Text),
    Column("addressed_at", UTCDateTime),
)
partial_index("ix_alarm_unaddressed", alarm.c.raised_at, where=alarm.c.addressed_at.is_(None))

alarm_delivery: Final = Table(
    "alarm_delivery",
    metadata,
    Column("alarm_id", StornoId, ForeignKey("alarm.id"), primary_key=True),
    Column("person", String(64), primary_key=True),
    Column("try_count", Integer, nullable=False),
    Column("due_at", UTCDateTime),
    Column("delivered_at", UTCDateTime),
    Column("problem", Text),
)
partial_index(
    "ix_alarm_delivery_due", alarm_delivery.c.due_at, where=alarm_delivery.c.due_at.is_not(None)
)
