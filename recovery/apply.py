"""Run a change set: plan -> before image -> intent -> call -> read back -> after image, batch by batch.

`run` starts, resumes and finishes; asking twice is harmless, because every move is guarded in the journal, and because a
claim lets one process at a time carry a change set out. The parts: `stages` begins, pauses and ends a run, `run_loop` is
its loop, `batch` one batch of it, `doubt` settles what was cut short, `stop_rules` and `polite` hold it back.
"""

from __future__ import annotations

from collections.abc import Callable

import structlog

from core.collector import seldom_collected
from core.errors import HeldOff, IllegalMove, StornoError
from core.events import Event
from core.text import N_, Text
from recovery import doubt
from recovery.journal import Journal
from recovery.model import Actor, ChangeSet
from recovery.running import stages
from recovery.running.judgement import Systems, patient
from recovery.running.outcome import Outcome
from recovery.running.run_loop import RunLoop
from recovery.running.run_options import LARGEST_BATCH, Progress, RunOptions
from recovery.running.standstill import Standstill
from recovery.running.stop_rules import StopRules
from recovery.running.tally import Tally
from recovery.states import IN_FLIGHT, ChangeSetState
from recovery.stopping.frozen import require_thawed
from recovery.workers.polite import Gate

__all__ = ["LARGEST_BATCH", "Progress", "RunOptions", "run", "stop"]

log = structlog.get_logger(__name__)


def run(
    journal: Journal,
    systems: Systems,
    change_set_id: str,
    *,
    actor: Actor,
    progress: Callable[[Progress], None] | None = None,
    options: RunOptions | None = None,
) -> ChangeSet:
    """Carry out an approved change set, or go on with one that was paused or whose process died.

    Returns it applied, partly applied, failed, or paused (a person is needed); still running where
    `options.should_stop` said so, for another worker. Raises `PlanExpired`, `RecordLocked`, `IllegalMove` before
    anything is sent; a `TransientError` (`HeldOff`: it goes on by itself where a worker is running) or a refusal that
    every document would meet pauses the change set and is raised. `FenceLost` says that another process took it over.
    """
    options = options or RunOptions()
    found = journal.change_set(change_set_id)
    with (
        journal.running(
            found.id, worker=options.worker, lease_seconds=options.lease_seconds
        ) as held,
        seldom_collected(),
    ):
        return _Run(held, systems, found.id, actor, progress, options).run()


def stop(
    journal: Journal,
    systems: Systems,
    change_set_id: str,
    *,
    actor: Actor,
    reason: str,
    options: RunOptions | None = None,
) -> ChangeSet:
    """End a paused change set for good: what was not sent is dropped, what nobody did by hand is refused.

    That nothing more is sent is stored first; then what is in flight is settled. Where that cannot be done now, the
    change set stays paused with nothing left to send, and `stop` is asked again. Raises `IllegalMove` when it is not paused or running, `NotAllowed`
    while a person has to look at an operation (`changes settle`).
    """
    options = options or RunOptions()
    found = journal.change_set(change_set_id)
    with journal.running(
        found.id, worker=options.worker, lease_seconds=options.lease_seconds
    ) as held:
        return _Run(held, systems, found.id, actor, None, options).stop(reason)


class _Run:
    def __init__(
        self,
        journal: Journal,
        systems: Systems,
        change_set_id: str,
        actor: Actor,
        progress: Callable[[Progress], None] | None,
        options: RunOptions,
    ) -> None:
        self._journal = journal
        self._gate = Gate(journal, options.politeness, options.should_stop)
        self._systems = patient(self._gate.systems(systems), options.retry)
        self._change_set = journal.change_set(change_set_id)
        self._actor = actor
        self._options = options
        self._tally = Tally(journal, self._change_set, progress)

    def run(self) -> ChangeSet:
        """Start or go on, settle what is in flight, run what is open, finish."""
        change_set = self._change_set
        with structlog.contextvars.bound_contextvars(change_set=change_set.id):
            stages.start(self._journal, change_set, self._actor)
            try:
                if not self._carry_out():
                    log.info(Event.CHANGE_SET_HANDED_ON)
                    return self._journal.change_set(change_set.id)
            except IllegalMove:
                # Another process moves these operations: the change set is that one's, not ours to pause.
                raise
            except StornoError as error:
                if isinstance(error, HeldOff) and self._is_to_stop():
                    log.info(Event.CHANGE_SET_HANDED_ON)
                    return self._journal.change_set(change_set.id)
                self._pause(error.text, error)
                raise
            except KeyboardInterrupt:
                self._pause(Text(N_("stopped from the keyboard")), None)
                raise
            return stages.finish(self._journal, change_set, self._actor)

    def stop(self, reason: str) -> ChangeSet:
        """Settle what is in flight, give up the rest, finish."""
        change_set = self._change_set
        if change_set.state not in {ChangeSetState.PAUSED, ChangeSetState.RUNNING}:
            raise IllegalMove(
                what="change set",
                name=change_set.short_id,
                to="stopped",
                state=change_set.state.value,
            )
        self._journal.require_intact_plan(change_set)
        said = Text(
            N_("stopped by {person}: {reason}"), {"person": self._actor.name, "reason": reason}
        )
        # The wish first, in one commit: whatever happens from here on, nothing more of it is sent by anybody.
        stages.give_up_unsent(self._journal, change_set, self._actor, said)
        doubt.settle(self._journal, self._systems, change_set.id, self._options.retry)
        stages.give_up(
            self._journal, self._systems, change_set, self._actor, said, self._options.retry
        )
        return stages.end(self._journal, change_set, self._actor)

    def _carry_out(self) -> bool:
        """Settle, then run what is open; return False when it was asked to stop before the end."""
        journal, change_set = self._journal, self._change_set
        rules = StopRules(self._options, stages.ended_so_far(journal, change_set))
        in_flight = {op.system for op in journal.operations(change_set.id, states=IN_FLIGHT)}
        standstill = Standstill(journal, change_set.id)
        settled = list[tuple[str, list[Outcome]]]()
        for name in sorted(in_flight):
            with standstill.watching(name):
                self._gate.admit(name)
                outcomes = doubt.settle(
                    journal, self._systems, change_set.id, self._options.retry, system=name
                )
                settled.append((name, outcomes))
        self._tally.count_anew()
        for name, outcomes in settled:  # now that nothing is left in the air
            with standstill.watching(name):
                rules.watch(name, outcomes)
        # After settling: what is in flight is read, and told, during a freeze as well.
        require_thawed(journal, change_set.id, runner=self._actor.name)
        if change_set.state is ChangeSetState.RUNNING:
            stages.take_over(journal, change_set, self._actor)
        loop = RunLoop(
            journal,
            self._systems,
            change_set.id,
            self._options,
            self._tally,
            rules,
            self._gate,
            standstill,
        )
        is_done = loop.run()
        self._gate.leave()
        return is_done

    def _is_to_stop(self) -> bool:
        return self._options.should_stop is not None and self._options.should_stop()

    def _pause(self, note: Text, error: StornoError | None) -> None:
        self._gate.leave()
        stages.pause(self._journal, self._change_set, self._actor, note, error)
