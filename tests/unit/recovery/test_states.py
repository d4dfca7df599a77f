"""The tables of moves hold together, and the page about them is never stale."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest

from recovery import states_page
from recovery.states import (
    CHANGE_SET_MOVES,
    IN_FLIGHT,
    OPERATION_MOVES,
    SETTLED,
    ChangeSetState,
    OperationState,
    is_path,
    sources,
)

TABLES = [
    pytest.param(CHANGE_SET_MOVES, ChangeSetState.DRAFT, id="change set"),
    pytest.param(OPERATION_MOVES, OperationState.PLANNED, id="operation"),
]
Moves = Mapping[Any, frozenset[Any]]


@pytest.mark.parametrize("moves, first", TABLES)
def test_table_names_every_state(moves: Moves, first: StrEnum) -> None:
    """No state is without its moves, be they none."""
    assert set(type(first)) == set(moves)


@pytest.mark.parametrize("moves, first", TABLES)
def test_every_state_is_reachable(moves: Moves, first: StrEnum) -> None:
    """No state stands in the tables for nothing."""
    reached = {first}
    while more := {to for state in reached for to in moves[state]} - reached:
        reached |= more

    assert set(type(first)) == reached


@pytest.mark.parametrize("moves", [CHANGE_SET_MOVES, OPERATION_MOVES])
def test_nothing_moves_to_where_it_is(moves: Moves) -> None:
    """A move that changes nothing would hide that somebody else was faster."""
    assert [] == [state for state, targets in moves.items() if state in targets]


def test_settled_operations_are_final() -> None:
    """Settled is exactly what cannot be left."""
    assert frozenset(state for state, to in OPERATION_MOVES.items() if not to) == SETTLED


def test_what_is_in_flight_was_sent_and_is_open() -> None:
    """Only what was sent is in doubt, or what seemed not to have happened and arrived late; none is settled."""
    may_be_doubted = frozenset({OperationState.SENT, OperationState.CAPTURED})
    assert may_be_doubted == sources(OPERATION_MOVES, OperationState.IN_DOUBT)
    assert not IN_FLIGHT & SETTLED


def test_nothing_is_sent_before_it_is_captured() -> None:
    """The way back is stored before the call: only `captured` leads to `sent`."""
    assert frozenset({OperationState.CAPTURED}) == sources(OPERATION_MOVES, OperationState.SENT)


def test_a_person_decides_only_what_reading_could_not() -> None:
    """`needs_person` comes out of doubt alone."""
    assert frozenset({OperationState.IN_DOUBT}) == sources(
        OPERATION_MOVES, OperationState.NEEDS_PERSON
    )


def test_nothing_runs_that_was_not_approved() -> None:
    """`running` is reached from `approved`, and from a pause of something that was."""
    assert frozenset({ChangeSetState.APPROVED, ChangeSetState.PAUSED}) == sources(
        CHANGE_SET_MOVES, ChangeSetState.RUNNING
    )


def test_path() -> None:
    """A path is legal when each of its moves is."""
    planned, locked = OperationState.PLANNED, OperationState.LOCKED
    captured, sent = OperationState.CAPTURED, OperationState.SENT

    assert is_path(OPERATION_MOVES, (planned, locked, captured, sent, captured, sent))
    assert not is_path(OPERATION_MOVES, (planned, captured))
    assert not is_path(OPERATION_MOVES, (sent, locked))


def test_page_is_up_to_date() -> None:
    """docs/states.md says what the tables say; else: python -m recovery.states_page."""
    assert states_page.TARGET.read_text(encoding="utf-8") == states_page.page()


@pytest.mark.parametrize("states", [ChangeSetState, OperationState])
def test_every_state_is_explained(states: type[StrEnum]) -> None:
    """Behind every state stands what it means."""
    assert set(states) == set(states_page.meanings_of(states))


def test_page_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command writes the page and says where."""
    target = tmp_path / "docs" / "states.md"
    monkeypatch.setattr(states_page, "TARGET", target)
    states_page.main()

    assert target.read_text(encoding="utf-8").startswith("# States and moves\n")
    assert f"{target}\n" == capsys.readouterr().out
