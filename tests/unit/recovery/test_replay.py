"""What follows from the moves of a change set."""

from __future__ import annotations

from typing import Any

from recovery.auditing.audit import replay


def move(subject: str, to_state: str, **given: Any) -> dict[str, Any]:
    """Return a move as its row tells it."""
    return {"subject": subject, "to_state": to_state, "positions": None, "hashes": None} | given


def test_only_its_own_moves_move_an_operation() -> None:
    """A proof, a hold or what retention took tell of operations, and leave them where they are."""
    moves = [
        move("change_set", "running"),
        move("operation", "captured", positions="1-2", hashes=b"b" * 64),
        move("operation", "confirmed", positions="2", hashes=b"a" * 32),
        move("images", "pruned", positions="1-2", hashes=b"x" * 64),
    ]

    expected = {1: "captured", 2: "confirmed"}, {1: b"b" * 32, 2: b"b" * 32}, {2: b"a" * 32}
    assert ("running", *expected) == replay(moves)
