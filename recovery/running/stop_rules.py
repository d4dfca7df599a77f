"""When a run stops by itself, because to go on would do more of what is going wrong."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from core.errors import AnswersLost, RefusedError, StopRuleMet
from core.text import N_
from recovery.running.outcome import Outcome
from recovery.running.run_options import RunOptions
from recovery.states import ALREADY, SETTLED, OperationState

FEWEST_JUDGED: Final = 20
"""A share of fewer operations than this says nothing: one of three is a third."""

_NAMES: Final = re.compile(r"\"[^\"]*\"|'[^']*'|\d+")
"""What differs between two refusals of one kind: quoted names and numbers."""

_UNEXPECTED: Final = frozenset(
    {OperationState.REFUSED, OperationState.DROPPED, OperationState.NEEDS_PERSON}
)


@dataclass(frozen=True, slots=True)
class Ended:
    """How many operations of a run have ended in one system, and how many of them otherwise than planned."""

    unexpected: int = 0
    total: int = 0


def is_unexpected(outcome: Outcome) -> bool:
    """Whether an operation ended otherwise than the plan said; what the ERP has already is as planned."""
    return outcome.to in _UNEXPECTED and outcome.error_code != ALREADY


class StopRules:
    """Watches the outcomes of one run, batch by batch, and raises what stops it.

    `so_far` is what the run of a process that died had counted, by system: whoever takes over goes on counting.
    """

    def __init__(self, options: RunOptions, so_far: Mapping[str, Ended] | None = None) -> None:
        self._options = options
        self._ended = dict(so_far or {})
        self._last_refusal: tuple[str | None, str] | None = None
        self._equal_refusals = 0
        self._lost_answers = 0

    def watch(self, system: str, outcomes: Sequence[Outcome]) -> None:
        """Raise `RefusedError`, `StopRuleMet` or `AnswersLost` when it is enough: nobody goes on by itself after that."""
        self._stop_on_equal_refusals(outcomes)
        self._stop_on_unexpected(system, outcomes)
        self._stop_on_lost_answers(system, outcomes)

    def _stop_on_equal_refusals(self, outcomes: Sequence[Outcome]) -> None:
        for outcome in outcomes:
            if outcome.to is OperationState.CONFIRMED:
                self._last_refusal, self._equal_refusals = None, 0
            elif outcome.to is OperationState.REFUSED and outcome.reason is not None:
                said = (outcome.error_code, _NAMES.sub("", str(outcome.reason)))
                self._equal_refusals = self._equal_refusals + 1 if said == self._last_refusal else 1
                self._last_refusal = said
        if self._equal_refusals >= self._options.stop_after_equal_refusals:
            raise RefusedError(
                N_("{count} documents in a row were refused alike, so the run stopped: {said}"),
                count=self._equal_refusals,
                said=str(next(o.reason for o in reversed(outcomes) if o.reason is not None)),
                system="",
            )

    def _stop_on_unexpected(self, system: str, outcomes: Sequence[Outcome]) -> None:
        ended = [outcome for outcome in outcomes if outcome.to in SETTLED | _UNEXPECTED]
        strange = [outcome for outcome in ended if is_unexpected(outcome)]
        before = self._ended.get(system, Ended())
        now = Ended(before.unexpected + len(strange), before.total + len(ended))
        self._ended[system] = now
        if not strange:
            return
        manners = self._options.politeness.of(system)
        limit, percent = manners.stop_after_unexpected, manners.stop_at_percent
        is_too_many = limit is not None and now.unexpected >= limit
        is_too_large_a_share = (
            percent is not None
            and now.total >= FEWEST_JUDGED
            and now.unexpected * 100 >= percent * now.total
        )
        if is_too_many or is_too_large_a_share:
            said = next((str(o.reason) for o in reversed(strange) if o.reason is not None), "")
            raise StopRuleMet(system=system, count=now.unexpected, total=now.total, said=said)

    def _stop_on_lost_answers(self, system: str, outcomes: Sequence[Outcome]) -> None:
        """Give up on a system that never answers: each batch may be sent again, but not for ever."""
        ends = {outcome.to for outcome in outcomes}
        if ends & SETTLED:
            self._lost_answers = 0
        elif OperationState.CAPTURED in ends:
            self._lost_answers += 1
        if self._lost_answers >= self._options.stop_after_lost_answers:
            raise AnswersLost(system=system, count=self._lost_answers)
