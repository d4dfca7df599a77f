"""The hash of a plan: what an approver signs, computed the same way when it is made and when it is checked."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
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


def text_hash(stored: str | None) -> str | None:
    """Return a short hash of a text as its row keeps it; None where there is none."""
    return None if stored is None else encoding.digest(stored.encode())[:WORDS_DIGITS]


class RowsHash:
    """A short hash of many rows, taken as they come; None as long as none came."""

    def __init__(self, rows: Iterable[Sequence[Any]] = ()) -> None:
        self._hasher: hashlib.blake2b | None = None
        for row in rows:
            self.add(row)

    def add(self, row: Sequence[Any]) -> None:
        """Add one row."""
        if self._hasher is None:
            self._hasher = hashlib.blake2b(digest_size=WORDS_DIGITS // 2)
        self._hasher.update(encoding.encode_json(list(row)))

    @property
    def value(self) -> str | None:
        """The hash of what came so far."""
        return None if self._hasher is None else self._hasher.hexdigest()


def created_hash(rows: Iterable[tuple[str, str, str, str | None]]) -> str:
    """Return a hash of the documents (model, key, system, number) that one operation created."""
    return str(RowsHash(sorted(rows, key=itemgetter(0, 1))).value)


def reversals_hash(change_set_ids: Iterable[str]) -> str | None:
    """Return a hash of the change sets that a plan takes operations back from; None where there are none."""
    return RowsHash([each] for each in sorted(change_set_ids)).value


STAMPS: Final = ("approved_at", "started_at", "finished_at")
"""Times of a change set, each written by one of its moves."""

EXCEPTION_COLUMNS: Final = ("system", "kind", "number", "model", "key", "code", "text")
"""What is told of a document that cannot be closed, `text` as its row keeps it."""


def hash_exception(hasher: hashlib.blake2b, row: Any) -> None:
    """Add one exception's row to the hash of its plan."""
    hasher.update(encoding.encode_json([row["number"], row["model"], row["key"], row["code"]]))
