"""The hash of a plan: what an approver signs, computed the same way when it is made and when it is checked."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from core import encoding

HASHED_COLUMNS: Final = (
    "position",
    "after_position",
    "system",
    "kind",
    "number",
    "action",
    "model",
    "key",
    "arguments",
    "executor",
    "reversibility",
    "reverses_operation_id",
    "details",
)
"""What an approver signs, beside the approved images."""


def hash_operation(hasher: hashlib.blake2b, row: Any) -> None:
    """Add one operation's row to the hash of its plan."""
    approved = row["approved_hash"]
    hasher.update(
        encoding.encode_json(
            [
                *(row[name] for name in HASHED_COLUMNS),
                None if approved is None else bytes(approved).hex(),
            ]
        )
    )


def head_hash(head: Mapping[str, Any]) -> str:
    """Return the hash of what a change set was made with: why, by whom, until when; see `HEAD_COLUMNS`."""
    return encoding.digest(encoding.dumps([head[name] for name in HEAD_COLUMNS]))


HEAD_COLUMNS: Final = (
    "purpose",
    "title",
    "actor",
    "actor_how",
    "reason",
    "closing",
    "reverses_id",
    "created_at",
    "expires_at",
    "details",
)
"""Columns of a change set that never change once it is planned."""


def words_hash(reason: str | None, error_code: str | None, result: str | None) -> str:
    """Return a short hash of what is told of one operation, as its row keeps it."""
    return encoding.digest(encoding.dumps([reason, error_code, result]))[:WORDS_DIGITS]


WORDS_DIGITS: Final = 32


def hash_exception(hasher: hashlib.blake2b, row: Any) -> None:
    """Add one exception's row to the hash of its plan."""
    hasher.update(encoding.encode_json([row["number"], row["model"], row["key"], row["code"]]))
