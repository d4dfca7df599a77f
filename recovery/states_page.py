"""Writes docs/states.md from the tables of recovery.states: `python -m recovery.states_page`.

The meaning of a state is the comment behind it. A test compares the file with what this module would write.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Final, TypeVar

from recovery.states import (
    CHANGE_SET_MOVES,
    IN_FLIGHT,
    OPERATION_MOVES,
    SETTLED,
    ChangeSetState,
    OperationState,
)

TARGET: Final = Path(__file__).parents[1] / "docs" / "states.md"

State = TypeVar("State", bound=StrEnum)

_MEMBER: Final = re.compile(r'^    [A-Z_]+ = "(\w+)"  # (.+)$', re.MULTILINE)

_HEAD: Final = """\
# States and moves

<!-- Written by `python -m recovery.states_page` from recovery/states.py; do not edit. -->

Nothing in the journal changes its state but along these tables.
A move is one guarded statement: it names the states that may be left, and when the row is in none of them, the whole commit is given up.
The move itself is a row of the audit chain, in the same commit.
"""


def page() -> str:
    """Return the whole page."""
    settled = ", ".join(f"`{state}`" for state in OperationState if state in SETTLED)
    in_flight = " or ".join(f"`{state}`" for state in OperationState if state in IN_FLIGHT)
    return "\n".join(
        (
            _HEAD,
            *_table("Change set", ChangeSetState, CHANGE_SET_MOVES),
            "",
            *_table("Operation", OperationState, OPERATION_MOVES),
            "",
            f"An operation that is {in_flight} may have reached the ERP: a run reads it before it does anything else.",
            f"One that is settled ({settled}) never moves again.",
            "",
        )
    )


def _table(
    title: str, states: type[State], moves: Mapping[State, frozenset[State]]
) -> Iterator[str]:
    meanings = meanings_of(states)
    yield f"## {title}"
    yield ""
    yield "| state | meaning | may become |"
    yield "| --- | --- | --- |"
    for state in states:
        targets = ", ".join(f"`{to}`" for to in states if to in moves[state])
        yield f"| `{state}` | {meanings[state]} | {targets or '(final)'} |"


def meanings_of(states: type[State]) -> dict[State, str]:
    """Return the comment behind each state."""
    return {states(value): said for value, said in _MEMBER.findall(inspect.getsource(states))}


def main() -> None:
    """Write the page."""
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(page(), encoding="utf-8", newline="\n")
    sys.stdout.write(f"{TARGET}\n")


if __name__ == "__main__":  # pragma: no cover - tests call main()
    main()
