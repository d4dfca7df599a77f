"""A small share of `make chaos`: random faults, deaths, foreign edits and rollbacks, and nothing lost or done twice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Final

import pytest

from recovery.journal import Journal
from tests.chaos import __main__ as command
from tests.chaos.chance import Tally
from tests.chaos.kinds import Kind, Stage, kind_of
from tests.chaos.sabotage import SABOTAGES

# The limit only ends a test that hangs, on a machine however busy.
pytestmark = [pytest.mark.chaos, pytest.mark.timeout(300)]

SEED: Final = 5
IN_MEMORY: Final = 48
ON_A_LINE: Final = 6
MOST_RUNS: Final = 60
"""In so many runs every sabotage must be found; most are in the first."""


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Where the runs take place."""
    template = tmp_path_factory.mktemp("chaos") / "template.db"
    Journal.open(f"sqlite:///{template}").close()
    with closing(Stage(template)) as made:
        yield made


def numbers_of(kind: Kind, count: int) -> list[int]:
    """Return the first runs of a kind."""
    found = (number for number in range(count * 200) if kind_of(number) is kind)
    return [next(found) for _ in range(count)]


def play(stage: Stage, kind: Kind, count: int) -> list[Tally]:
    """Play runs of a kind; each that broke a promise says how to repeat it."""
    tallies = [stage.play(SEED, number) for number in numbers_of(kind, count)]
    assert {} == {
        f"make chaos SEED={SEED} ONLY={tally.number}": tally.problems
        for tally in tallies
        if tally.problems
    }
    return tallies


def test_runs_in_memory(stage: Stage) -> None:
    """Whatever happens to the ERP's answers, the process, the disk and the clock."""
    met = {name for tally in play(stage, Kind.MEMORY, IN_MEMORY) for name in tally.met}

    assert {"killed", "clock_jump", "erp_lost", "erp_late"} <= met


def test_runs_on_a_spoilt_line(stage: Stage) -> None:
    """Whatever happens to the bytes between Storno and the ERP."""
    met = {name for tally in play(stage, Kind.LINE, ON_A_LINE) for name in tally.met}

    assert any(name.startswith("line_") for name in met)


@pytest.mark.postgres
def test_run_on_a_spoilt_line_to_the_journal(stage: Stage) -> None:
    """Whatever happens to the bytes between Storno and its journal's server."""
    assert play(stage, Kind.POSTGRES, 2)


def test_run_with_real_processes(stage: Stage) -> None:
    """Workers that are killed and frozen: what one began, another one ends, once."""
    (tally,) = play(stage, Kind.PROCESSES, 1)

    assert tally.operation_count


def test_same_seed_is_the_same_run(stage: Stage) -> None:
    """A run can be repeated, step by step and accident by accident."""
    first, second = stage.play(SEED, 3), stage.play(SEED, 3)

    assert first.met == second.met
    assert [step.split()[:1] for step in first.story] == [step.split()[:1] for step in second.story]


@pytest.mark.parametrize("sabotage", SABOTAGES)
def test_every_sabotage_is_found(stage: Stage, sabotage: str) -> None:
    """Storno broken on purpose breaks a promise in one of the runs: the checks are worth something."""
    for number in numbers_of(Kind.MEMORY, MOST_RUNS):
        with SABOTAGES[sabotage]():
            tally = stage.play(SEED, number)
        if tally.problems:
            # A sabotage that does not fit the product any more is found for nothing.
            assert not [
                each for each in tally.problems if "TypeError" in each or "AttributeErr" in each
            ]
            return
    pytest.fail(f"{sabotage} was not found")


def test_command_tells_what_to_repeat(capsys: pytest.CaptureFixture[str]) -> None:
    """A run that broke a promise ends the command with 1 and says how it is repeated, with seed and number of runs."""
    broken = Tally(7, problems=["op was done by 2 requests"], story=["carry_out"])

    assert 1 == command.tell(11, [Tally(6), broken], 1.0, is_one=False)
    said = capsys.readouterr().out
    assert "2 runs in 1 s, seed 11" in said
    assert "make chaos SEED=11 ONLY=7" in said
    assert "operations twice: 1" in said
    assert 0 == command.tell(11, [Tally(6)], 1.0, is_one=False)
