"""How far a run is: what was settled, told to whoever watches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import structlog

from core.events import Event
from recovery.journal import Journal
from recovery.model import ChangeSet
from recovery.running.outcome import Outcome
from recovery.running.run_options import Progress
from recovery.states import SETTLED, OperationState

log = structlog.get_logger(__name__)

LOGGED: Final = {
    OperationState.DROPPED: Event.OPERATION_DROPPED,
    OperationState.REFUSED: Event.OPERATION_REFUSED,
}


class Tally:
    """Counts the operations of one change set by state, and reports."""

    def __init__(
        self,
        journal: Journal,
        change_set: ChangeSet,
        report: Callable[[Progress], None] | None,
    ) -> None:
        self._journal = journal
        self._change_set = change_set
        self._report = report
        self._counts: dict[OperationState, int] = {}

    def note(self, outcomes: Sequence[Outcome]) -> None:
        """Add what was settled, and log what did not hold."""
        for outcome in outcomes:
            if outcome.to in LOGGED:
                log.info(
                    LOGGED[outcome.to],
                    operation=outcome.operation.id,
                    code=outcome.error_code,
                    reason=str(outcome.reason),
                )
            self._counts[outcome.to] = self._counts.get(outcome.to, 0) + 1
        self._tell()

    def count_anew(self) -> None:
        """Take the figures from the journal."""
        self._counts = dict(self._journal.counts(self._change_set.id))
        self._tell()

    def _tell(self) -> None:
        if self._report is None:
            return
        count = self._counts.get
        self._report(
            Progress(
                done=sum(count(state, 0) for state in SETTLED),
                total=self._change_set.operation_count,
                confirmed=count(OperationState.CONFIRMED, 0),
                refused=count(OperationState.REFUSED, 0),
                dropped=count(OperationState.DROPPED, 0),
                in_doubt=count(OperationState.IN_DOUBT, 0) + count(OperationState.NEEDS_PERSON, 0),
            )
        )
