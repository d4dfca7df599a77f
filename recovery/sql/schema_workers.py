"""The journal's tables for several workers: who holds what, what waits to be carried out, how a system is treated."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, Float, ForeignKey, Index, Integer, String, Table, Text

from recovery.sql.columns import StornoId, UTCDateTime, metadata

# One row a change set that was ever run. `fence` only goes up: each number belongs to one holder. `worker` is NULL
# when nobody holds it. The lease ends by the journal's own clock (`recovery.sql.ticks`), which no worker can set; by the
# same clock `kept_at` says when a run last committed: whatever it sent, it sent before.
claim: Final = Table(
    "claim",
    metadata,
    Column("change_set_id", StornoId, ForeignKey("change_set.id"), primary_key=True),
    Column("worker", Text),
    Column("fence", Integer, nullable=False),
    Column("claimed_at", UTCDateTime),
    Column("lease_until", Float),
    Column("kept_at", Float),
)

# What is wanted to run: the job in the queue says only which. `not_before` is for what waits by itself: quiet hours,
# a breaker, a system that asked for patience.
queue_entry: Final = Table(
    "queue_entry",
    metadata,
    Column("change_set_id", StornoId, ForeignKey("change_set.id"), primary_key=True),
    Column("systems", Text, nullable=False),
    Column("queued_by", Text, nullable=False),
    Column("queued_how", String(20), nullable=False),
    Column("queued_at", UTCDateTime, nullable=False),
    Column("not_before", UTCDateTime),
)

# Who may call a system with a limit of calls at the same time: the first in the order of `place` whose calls fit.
# A row counts only while its claim is alive.
call_place: Final = Table(
    "call_place",
    metadata,
    Column("system", String(64), primary_key=True),
    Column("change_set_id", StornoId, ForeignKey("change_set.id"), primary_key=True),
    Column("fence", Integer, nullable=False),
    Column("call_count", Integer, nullable=False),
    Column("place", Integer, nullable=False),
)
Index(None, call_place.c.change_set_id)

# How a system is at the moment, for all workers; moments are ticks of the journal's clock. `next_call_at` paces calls;
# until `held_until` nothing is sent to it, because of `held_because`: "breaker" (then one read tries it first, whose
# process has until `probing_until`) or "asked" (Retry-After).
system_state: Final = Table(
    "system_state",
    metadata,
    Column("system", String(64), primary_key=True),
    Column("next_call_at", Float),
    Column("held_until", Float),
    Column("held_because", String(10)),
    Column("failure_count", Integer, nullable=False),
    Column("probing_until", Float),
    Column("changed_at", UTCDateTime),
)
