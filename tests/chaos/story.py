"""A closing and its rollback, told so that any process can go on with them wherever another one died."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any, Final

from connectors.contract import Executor, Ref
from connectors.fake.client import HTTPTransport
from connectors.fake.connector import FakeSystem
from connectors.http import HttpClient
from core.retry import RetryPolicy
from recovery.apply import RunOptions, run
from recovery.approval import approve
from recovery.journal import Journal
from recovery.model import Actor, ChangeSet, Draft, PlannedOperation, Purpose
from recovery.plan import Chain, arrange
from recovery.reversing.selection import Selection
from recovery.rollback import plan_rollback
from recovery.states import ChangeSetState

SYSTEM: Final = "erp"
MEI: Final = Actor("mei")
APPLY: Final = "apply"
ROLLBACK: Final = "rollback"

_WAITING: Final = (ChangeSetState.PLANNED, ChangeSetState.AWAITING_APPROVAL)
_RUNNABLE: Final = (ChangeSetState.APPROVED, ChangeSetState.RUNNING, ChangeSetState.PAUSED)


@dataclass(frozen=True, slots=True)
class Task:
    """What shall be done, to which documents of which ERP, in which journal."""

    journal_url: str
    erp_url: str
    action: str
    keys: tuple[str, ...]
    batch_size: int
    settles_after_seconds: float = 0.05
    retry_seconds: float = 20.0
    timeout_seconds: float = 20.0
    parallel_calls: int = 1

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` reads."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Task:
        """Read back what `to_json` wrote."""
        return cls(**{**stored, "keys": tuple(stored["keys"])})

    def open_system(self) -> FakeSystem:
        """Open the ERP as a system of its own."""
        http = HttpClient(
            SYSTEM,
            self.erp_url,
            read_timeout_seconds=self.timeout_seconds,
            write_timeout_seconds=self.timeout_seconds,
        )
        transport = HTTPTransport(http, system=SYSTEM, user="storno", password="storno")
        return FakeSystem(
            SYSTEM,
            transport,
            batch_size=self.batch_size,
            parallel_calls=self.parallel_calls,
            settles_after=timedelta(seconds=self.settles_after_seconds),
        )

    @property
    def options(self) -> RunOptions:
        """How patient a run is."""
        return RunOptions(retry=RetryPolicy(self.retry_seconds, first_wait_seconds=0.02))


def closing_of(journal: Journal) -> ChangeSet | None:
    """Return the closing, when its plan was ever stored."""
    found = journal.change_sets(purpose=Purpose.CLOSING)
    assert len(found) <= 1, "a closing was planned twice"
    return found[0] if found else None


def rollback_of(journal: Journal, reversed_id: str) -> ChangeSet | None:
    """Return what takes a change set back, when its plan was ever stored."""
    found = journal.change_sets(reverses_id=reversed_id)
    assert len(found) <= 1, "a rollback was planned twice"
    return found[0] if found else None


def close(journal: Journal, system: FakeSystem, task: Task) -> ChangeSet:
    """Do what is still missing of the closing: plan, approve, run."""
    found = closing_of(journal) or _plan_closing(journal, system, task)
    return _finish(journal, system, found, task)


def take_back(
    journal: Journal, system: FakeSystem, task: Task, change_set: ChangeSet | None = None
) -> ChangeSet:
    """Do what is still missing of the rollback of a change set, of the closing if none is named."""
    wanted = change_set or closing_of(journal)
    assert wanted is not None
    found = rollback_of(journal, wanted.id) or plan_rollback(
        journal,
        lambda _: system,
        Selection(change_set_id=wanted.id),
        actor=MEI,
        reason="closed by mistake",
        policy=task.options.retry,
    )
    return _finish(journal, system, found, task)


def _plan_closing(journal: Journal, system: FakeSystem, task: Task) -> ChangeSet:
    action = system.actions()[task.action]
    links = [action.steps(Ref(action.model, key), {}) for key in task.keys]
    images = system.capture([steps[0] for steps in links], [None] * len(links))
    chains = [
        Chain(
            tuple(
                PlannedOperation(
                    system=SYSTEM,
                    kind=action.kind,
                    number=key,
                    step=step,
                    executor=Executor.INTERFACE,
                    reversibility=action.reversibility,
                    approved=image if place == 0 else None,
                )
                for place, step in enumerate(steps)
            )
        )
        for key, steps, image in zip(task.keys, links, images, strict=True)
    ]
    return journal.plan(Draft(Purpose.CLOSING, "Month end", MEI), list(arrange(chains)))


def _finish(journal: Journal, system: FakeSystem, found: ChangeSet, task: Task) -> ChangeSet:
    if found.state in _WAITING:
        found = approve(journal, found.id, MEI)
    if found.state in _RUNNABLE:
        found = run(journal, lambda _: system, found.id, actor=MEI, options=task.options)
    return found


PHASES: Final = {APPLY: close, ROLLBACK: take_back}


def tell(task: Task, phases: Sequence[str]) -> ChangeSet:
    """Do what is still missing of these phases, on a journal and a system of one's own."""
    journal, system = Journal.open(task.journal_url), task.open_system()
    try:
        for phase in phases:
            told = PHASES[phase](journal, system, task)
        return told
    finally:
        system.close()
        journal.close()
