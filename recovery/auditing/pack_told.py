"""Whether what an evidence pack tells (words, times, notes, exceptions) is what the audit lines in it say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from core import encoding
from core.text import N_, Text
from recovery.auditing.audit import Row
from recovery.auditing.facts import Told, exceptions_hash, replay_facts, stamp_problems
from recovery.auditing.verification import replay_words
from recovery.hashing import EXCEPTION_COLUMNS, STAMPS, words_hash


def check_told(content: Mapping[str, Any], moves: Sequence[Row]) -> list[Text]:
    """Return what is told otherwise than the moves say; what is masked only the signature vouches for."""
    problems = list[Text]()
    words, told = replay_words(moves), replay_facts(moves)
    for operation in content["operations"]:
        position = operation["position"]
        if words is not None and not _is_as_told(
            operation, words.get(position), is_masked=content["is_masked"]
        ):
            problems.append(
                Text(
                    N_("what it tells of operation {position} is not what its history says"),
                    {"position": position},
                )
            )
        if told is not None and _times(operation) != told.times_of(position):
            problems.append(
                Text(
                    N_("operation {position} has other times in it than in its history"),
                    {"position": position},
                )
            )
    if told is not None:
        problems += _check_change_set(content, told)
    return problems


def _is_as_told(operation: Mapping[str, Any], hashed: str | None, *, is_masked: bool) -> bool:
    row = operation.get("told")
    if row is None:
        return is_masked  # where nothing is hidden, everything is told as it is stored
    reason, error_code, result = row
    shown = operation["reason"], operation["error_code"], operation["result"]
    stored = (
        None if reason is None else encoding.loads(reason),
        error_code,
        {} if result is None else encoding.loads(result),
    )
    found = None if row == [None, None, None] else words_hash(reason, error_code, result)
    return shown == stored and found == hashed


def _times(operation: Mapping[str, Any]) -> tuple[datetime | None, datetime | None]:
    return _moment(operation["sent_at"]), _moment(operation["settled_at"])


def _moment(written: str | None) -> datetime | None:
    return None if written is None else encoding.parse_moment(written)


def _check_change_set(content: Mapping[str, Any], told: Told) -> Iterator[Text]:
    change_set = content["change_set"]
    note = change_set["note"]
    stamps = {name: _moment(change_set[name]) for name in STAMPS}
    stored = None if note is None else encoding.dumps(note).decode()
    for name in stamp_problems(stamps, stored, told):
        yield Text(N_("{field} in it is not what its history says"), {"field": name})
    rows = [
        {name: each[name] for name in EXCEPTION_COLUMNS}
        | {"text": encoding.dumps(each["text"]).decode()}
        for each in content["exceptions"]
    ]
    if exceptions_hash(rows) != told.plan.get("exceptions"):
        yield Text(N_("the exceptions in it are not those of the plan"))
