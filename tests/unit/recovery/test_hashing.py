"""Hashes of rows do not depend on the order in which a database returns them, and on everything else."""

from __future__ import annotations

from itertools import permutations

from recovery.hashing import created_hash, reversals_hash

CREATED = (
    ("account.move", "7", "fake", "RINV2"),
    ("account.move", "8", "fake", None),
    ("stock.move", "7", "fake", None),
)


def test_documents_that_were_created_come_in_any_order() -> None:
    """One hash for one set of documents, another one as soon as any of them is missing."""
    assert 1 == len({created_hash(each) for each in permutations(CREATED)})
    assert created_hash(CREATED) != created_hash(CREATED[:2])


def test_change_sets_that_are_taken_back_come_in_any_order() -> None:
    """One hash for one set of them; none where nothing is taken back."""
    assert 1 == len({reversals_hash(each) for each in permutations("abc")})
    assert reversals_hash("abc") != reversals_hash("ab")
    assert reversals_hash(()) is None
