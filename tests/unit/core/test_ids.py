"""Ids that Storno makes."""

from __future__ import annotations

from uuid import UUID

from core.ids import new_id, new_id_after


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


def test_an_id_sorts_after_the_newest_one_whatever_the_clock_says() -> None:
    """Its first 13 characters too: they are what people type."""
    ahead = ["0fffffff-ffff-7fff-bfff-ffffffffffff"]
    for _ in range(100):
        ahead.append(new_id_after(ahead[-1]))
    short = [each[:13] for each in ahead]

    assert sorted(set(ahead)) == ahead
    assert sorted(set(short)) == short
    assert {7} == {UUID(each).version for each in ahead}
    assert all(each == str(UUID(each)) for each in ahead)


def test_while_the_clock_goes_forward_an_id_tells_the_moment() -> None:
    """As every other one."""
    older = new_id()

    assert older < new_id_after(older) < new_id()
    assert new_id_after(None) > older
