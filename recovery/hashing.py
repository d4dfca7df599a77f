"""The hash of a plan: what an approver signs, computed the same way when it is made and when it is checked."""

from __future__ import annotations

import hashlib
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


def hash_exception(hasher: hashlib.blake2b, row: Any) -> None:
    """Add one exception's row to the hash of its plan."""
    hasher.update(encoding.encode_json([row["number"], row["model"], row["key"], row["code"]]))
