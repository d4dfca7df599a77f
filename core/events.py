"""The closed list of event names, the same in log, journal, audit chain and notifications.

The grammar is `subject.verb_past`.
"""

from __future__ import annotations

from enum import StrEnum


class Event(StrEnum):
    """What happened, in English and stable; people's text is made from it where it is shown."""

    CHANGE_SET_PLANNED = "change_set.planned"
    CHANGE_SET_APPROVED = "change_set.approved"
    CHANGE_SET_REJECTED = "change_set.rejected"
    CHANGE_SET_EXPIRED = "change_set.expired"
    CHANGE_SET_STARTED = "change_set.started"
    CHANGE_SET_PAUSED = "change_set.paused"
    CHANGE_SET_RESUMED = "change_set.resumed"
    CHANGE_SET_FINISHED = "change_set.finished"
    CHANGE_SET_ROLLED_BACK = "change_set.rolled_back"
    CHANGE_SET_QUEUED = "change_set.queued"
    CHANGE_SET_TAKEN_OVER = "change_set.taken_over"
    CHANGE_SET_HANDED_ON = "change_set.handed_on"

    CLAIM_LOST = "claim.lost"
    LEASE_UNRENEWED = "lease.unrenewed"
    QUEUE_MIGRATED = "queue.migrated"
    QUEUE_UNREADABLE = "queue.unreadable"
    WORKER_STARTED = "worker.started"
    WORKER_STOPPED = "worker.stopped"
    WORKER_FAILED = "worker.failed"
    SYSTEM_HELD_OFF = "system.held_off"
    SYSTEM_STATE_UNTOLD = "system.state_untold"
    SYSTEM_UNSEEN = "system.unseen"
    SYSTEM_STOPPED = "system.stopped"

    BATCH_SENT = "batch.sent"
    BATCH_CONFIRMED = "batch.confirmed"
    BATCH_HALVED = "batch.halved"

    OPERATION_DROPPED = "operation.dropped"
    OPERATION_REFUSED = "operation.refused"
    OPERATION_DOUBTED = "operation.doubted"
    OPERATION_SETTLED = "operation.settled"
    OPERATION_HANDED_OUT = "operation.handed_out"

    CALL_RETRIED = "call.retried"
    SESSION_RENEWED = "session.renewed"
    SYSTEM_CHECKED = "system.checked"
    SYSTEM_PROVED = "system.proved"

    LIST_DECODED = "list.decoded"
    CACHE_MISSED = "cache.missed"

    JOURNAL_OPENED = "journal.opened"
    JOURNAL_MIGRATED = "journal.migrated"
    JOURNAL_PRUNED = "journal.pruned"
    JOURNAL_ROTATED = "journal.rotated"
    JOURNAL_COMPACTED = "journal.compacted"
    JOURNAL_BACKED_UP = "journal.backed_up"
    JOURNAL_DOUBTED = "journal.doubted"
    CHANGE_SET_HELD = "change_set.held"
    CHANGE_SET_RELEASED = "change_set.released"
    AUDIT_VERIFIED = "audit.verified"
    CHECKPOINT_SIGNED = "checkpoint.signed"
    EVIDENCE_EXPORTED = "evidence.exported"

    SCOPE_FROZEN = "scope.frozen"
    SCOPE_THAWED = "scope.thawed"
    ALARM_RAISED = "alarm.raised"
    ALARM_DELIVERED = "alarm.delivered"
    ALARM_FAILED = "alarm.failed"

    COMMAND_FAILED = "command.failed"
