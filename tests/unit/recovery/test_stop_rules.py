"""A run stops by itself when too much of it ends otherwise than planned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import pytest

from core.errors import StopRuleMet
from core.text import Text
from recovery.model import Operation
from recovery.running.outcome import Outcome
from recovery.running.run_options import RunOptions
from recovery.running.stop_rules import Ended, StopRules
from recovery.states import ALREADY, OperationState
from recovery.workers.politeness import Manners, Politeness

CONFIRMED, REFUSED, DROPPED = (
    OperationState.CONFIRMED,
    OperationState.REFUSED,
    OperationState.DROPPED,
)
PERSON, CAPTURED = OperationState.NEEDS_PERSON, OperationState.CAPTURED


def outcomes(*states: OperationState, code: str | None = None) -> list[Outcome]:
    """Return outcomes, each refused for a reason of its own."""
    given: dict[str, Any] = {each.name: None for each in fields(Operation)}
    operation = Operation(**given)
    return [
        Outcome(operation, state, reason=Text(f"reason {chr(97 + n)}"), error_code=code)
        for n, state in enumerate(states)
    ]


def rules(so_far: dict[str, Ended] | None = None, **manners: Any) -> StopRules:
    """Return the rules for a system called erp."""
    politeness = Politeness({"erp": Manners(**manners)})
    return StopRules(RunOptions(politeness=politeness, stop_after_equal_refusals=99), so_far)


def is_stopped(found: StopRules, batch: Sequence[Outcome], system: str = "erp") -> bool:
    """Return whether this batch stops the run."""
    try:
        found.watch(system, batch)
    except StopRuleMet:
        return True
    return False


def test_after_so_many() -> None:
    """Refused, left out, for a person: each counts; the third stops it, and says how many of how many."""
    found = rules(stop_after_unexpected=3)

    assert not is_stopped(found, outcomes(CONFIRMED, REFUSED, PERSON))
    with pytest.raises(StopRuleMet) as caught:
        found.watch("erp", outcomes(CONFIRMED, DROPPED))

    assert (3, 5) == (caught.value.details["count"], caught.value.details["total"])


def test_what_is_as_planned() -> None:
    """What the ERP had already, and what may be sent again, is no surprise."""
    found = rules(stop_after_unexpected=1)

    assert not is_stopped(found, outcomes(DROPPED, DROPPED, code=ALREADY))
    assert not is_stopped(found, outcomes(CAPTURED, CAPTURED, CONFIRMED))


def test_share() -> None:
    """A share is judged of twenty operations and more, and only when something strange comes."""
    found = rules(stop_at_percent=10)

    assert not is_stopped(found, outcomes(REFUSED, REFUSED, *[CONFIRMED] * 17))
    assert not is_stopped(found, outcomes(CONFIRMED))
    assert not is_stopped(found, outcomes(*[CONFIRMED] * 20))
    assert not is_stopped(found, outcomes(REFUSED))
    assert is_stopped(found, outcomes(REFUSED, REFUSED))


def test_each_system_by_itself() -> None:
    """A system without a rule stops nothing, and what happens there counts nowhere else."""
    found = rules(stop_after_unexpected=2)

    assert not is_stopped(found, outcomes(*[REFUSED] * 5), system="other")
    assert not is_stopped(found, outcomes(REFUSED))


def test_who_takes_over_goes_on_counting() -> None:
    """What the process before had counted is not forgotten with it."""
    found = rules({"erp": Ended(unexpected=2, total=8)}, stop_after_unexpected=3)

    assert is_stopped(found, outcomes(REFUSED))
