"""An id is short in the database and the same for everybody above it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Dialect
from sqlalchemy.dialects import postgresql, sqlite

from core.ids import new_id
from recovery.sql.columns import ImageKey, StornoId, id_bytes, id_range, id_text, is_id

SQLITE: Dialect = sqlite.dialect()
POSTGRESQL: Dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
IDS = st.uuids().map(str)


@given(IDS)
def test_an_id_comes_back(identity: str) -> None:
    """All 36 characters, from 16 bytes."""
    stored = StornoId().process_bind_param(identity, SQLITE)

    assert 16 == len(stored)
    assert identity == StornoId().process_result_value(stored, SQLITE)
    assert identity == StornoId().process_bind_param(identity, POSTGRESQL)
    assert identity == StornoId().process_result_value(identity, POSTGRESQL)


@given(IDS, IDS)
def test_both_forms_sort_alike(one: str, other: str) -> None:
    """The newest change set is the last one, however it is stored."""
    assert (one < other) == (id_bytes(one) < id_bytes(other))


def test_nothing_is_nothing() -> None:
    """A change set that takes nothing back refers to none."""
    for dialect in (SQLITE, POSTGRESQL):
        assert StornoId().process_bind_param(None, dialect) is None
        assert StornoId().process_result_value(None, dialect) is None
        assert ImageKey().process_bind_param(None, dialect) is None
        assert ImageKey().process_result_value(None, dialect) is None


def test_what_is_no_id_is_not_stored() -> None:
    """It would find nothing, or something else."""
    for written in ("last", "0199a2b3", "x" * 36):
        with pytest.raises(ValueError, match=r"id|hex"):
            StornoId().process_bind_param(written, SQLITE)


def test_images_are_found_by_the_beginning_of_their_hash() -> None:
    """Whoever looks for one has the whole hash at hand."""
    key = ImageKey().process_bind_param(bytes(range(32)), SQLITE)

    assert bytes(range(12)) == key
    assert key == ImageKey().process_result_value(memoryview(bytes(range(12))), POSTGRESQL)  # type: ignore[arg-type]


@given(IDS, st.integers(1, 36))
def test_a_beginning_finds_the_id(identity: str, length: int) -> None:
    """Whatever its length, dashes and all."""
    found = id_range(identity[:length])

    assert found is not None
    assert found[0] <= identity <= found[1]
    assert found[1].startswith(identity[:length].rstrip("-"))


@pytest.mark.parametrize("written", ["xyz", "0199-a2b3", "0199a2b34c", "-", "0" * 37])
def test_what_no_id_begins_with_finds_none(written: str) -> None:
    """A dash in the wrong place, too: nobody sees ids like that."""
    assert id_range(written) is None


def test_an_id_is_known_as_a_whole() -> None:
    """A beginning is none."""
    identity = new_id()

    assert is_id(identity)
    assert not is_id(identity[:-1])
    assert not is_id("unknown")
    assert identity == id_text(id_bytes(identity))
