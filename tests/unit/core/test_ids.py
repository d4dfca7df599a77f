"""Ids that Storno makes."""

from __future__ import annotations

from uuid import UUID

from core.ids import new_id


def test_ids_sort_by_time() -> None:
    """A later id sorts after an earlier one, even within the same millisecond."""
    ids = [new_id() for _ in range(2_000)]

    assert sorted(set(ids)) == ids


def test_id_is_uuid7_in_canonical_text() -> None:
    """An id is 36 characters that every database and tool knows."""
    made = new_id()

    assert len(made) == 36
    assert UUID(made).version == 7
    assert made == str(UUID(made))
