"""How a run behaves, and how far it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from core.retry import RetryPolicy
from recovery.workers.claims import LEASE_SECONDS
from recovery.workers.politeness import Politeness

LARGEST_BATCH: Final = 1000


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is; `done` counts settled operations."""

    done: int
    total: int
    confirmed: int
    refused: int
    dropped: int
    in_doubt: int


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How a run behaves. `batch_size` is an upper limit; an action's own holds too."""

    batch_size: int = LARGEST_BATCH
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    stop_after_equal_refusals: int = 10
    stop_after_lost_answers: int = (
        3  # batches in a row whose answer was lost and that did not happen
    )
    politeness: Politeness = field(default_factory=Politeness)
    lease_seconds: float = LEASE_SECONDS
    worker: str | None = None  # what the process is called in a claim
    should_stop: Callable[[], bool] | None = None
    """Asked between batches: when it says so, the run leaves the change set running, for another worker."""
