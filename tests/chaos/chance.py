"""One random run: documents, operations, accidents, foreign edits and rollbacks, all from one seed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from traceback import format_exception
from typing import Any, Final

from connectors.contract import Executor
from connectors.fake.errors import ERPError
from connectors.fake.faults import Fault, FaultKind, Moment, On
from connectors.fake.schema import INVOICE, LINE, MOVE, ORDER, SALE
from recovery.states import ChangeSetState
from tests.chaos.death import Death
from tests.chaos.shelf import Shelf
from tests.chaos.world import (
    APPROVE,
    CANCEL,
    CLOSE,
    CLOSE_SALE,
    REMIND,
    REVERSE,
    SETTLES_AFTER_SECONDS,
    UPDATE,
    World,
    WorldSettings,
)

ACTIONS: Final = (
    CANCEL,
    CANCEL,
    CLOSE,
    CLOSE,
    UPDATE,
    UPDATE,
    CLOSE_SALE,
    REVERSE,
    APPROVE,
    REMIND,
)
FAULTS_ON_WRITES: Final = (
    FaultKind.UNREACHABLE,
    FaultKind.BUSY,
    FaultKind.RATE_LIMITED,
    FaultKind.SLOW,
    FaultKind.LOST,
    FaultKind.GARBAGE,
    FaultKind.SERVER_ERROR,
    FaultKind.REFUSED,
    FaultKind.BAD_DOCUMENT,
    *(FaultKind.NO_EFFECT,) * 2,
    *(FaultKind.LATE,) * 4,
    FaultKind.LOST,
    FaultKind.HALF,
    FaultKind.TWICE,
    FaultKind.EDIT,
)
FAULTS_ON_READS: Final = (
    FaultKind.UNREACHABLE,
    FaultKind.BUSY,
    FaultKind.SLOW,
    FaultKind.LOST,
    FaultKind.GARBAGE,
    FaultKind.SERVER_ERROR,
    FaultKind.EDIT,
)
REFUSALS: Final = ("rejected", "state", "period_locked", "stale", "access_denied")
JUMPS: Final = (-86400.0, -3600.0, -40.0, -2.0, 2.0, 40.0, 3600.0, 86400.0)
MOST_PASSES: Final = 40
"""How many crash points a process may pass before the death that waits for it."""


@dataclass
class Tally:
    """What happened in one run, and what of it must not have happened."""

    number: int
    met: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    operation_count: int = 0
    change_set_count: int = 0
    story: list[str] = field(default_factory=list)
    takeover_seconds: list[float] = field(default_factory=list)  # after a lease had ended


class Run:
    """One run. The same seed and number give the same run."""

    def __init__(self, world: World, chance: Random) -> None:
        self.world = world
        self._chance = chance
        self._unique = 0
        self.story: list[str] = []

    def play(self, *, most_steps: int = 8) -> None:
        """Do so many random things, checking after each; then let everything come to rest and check again."""
        world, chance = self.world, self._chance
        world.add_documents(
            quotations=chance.randint(2, 5),
            orders=chance.randint(1, 4),
            invoices=chance.randint(0, 2),
            sales=chance.randint(0, 3),
        )
        steps: list[tuple[Callable[[], None], int]] = [
            (self.carry_out, 6),
            (self.roll_back, 5),
            (self.resume, 4),
            (self.edit, 3),
            (self.break_the_erp, 7),
            (self.arm, 5),
            (self.jump, 1),
            (self.stop, 1),
            (self.people, 1),
        ]
        weighted = [step for step, weight in steps for _ in range(weight)]
        # No run without an accident.
        self._do(chance.choice([self.arm, self.break_the_erp]))
        if chance.random() < 0.5:
            self._do(self.break_the_erp)
        self._do(self.carry_out)
        for _ in range(chance.randint(3, most_steps)):
            self._do(chance.choice(weighted))
            if world.problems():
                return
        self._tell("calm")
        world.calm()
        if world.problems(is_calm=True):
            return
        self._roll_everything_back()

    def _do(self, step: Callable[[], None]) -> None:
        self._tell(step.__name__)
        step()

    def _tell(self, what: str) -> None:
        self.story.append(what)

    # --- steps ----------------------------------------------------------------------------------

    def carry_out(self) -> None:
        """Close something."""
        chance, action = self._chance, self._chance.choice(ACTIONS)
        there = self.world.documents(action)
        if not there:
            return
        refs = chance.sample(there, chance.randint(1, min(len(there), 5)))
        arguments: dict[str, Any] = {}
        if action == UPDATE:
            arguments = {"note": self._new(), "priority": chance.randint(2, 9)}
        by_hand = action == APPROVE
        self._tell(f"{action} {[ref.key for ref in refs]}")
        self.world.carry_out(
            action,
            refs,
            arguments,
            executor=Executor.BY_PERSON if by_hand else Executor.INTERFACE,
        )

    def roll_back(self) -> None:
        """Take a change set back, or some of its documents; it may be a rollback itself."""
        finished = self.world.finished()
        if not finished:
            return
        change_set = self._chance.choice(finished)
        names = sorted({op.called for op in self.world.observer.operations(change_set.id)})
        only: tuple[str, ...] = ()
        if self._chance.random() < 0.3:
            only = tuple(self._chance.sample(names, self._chance.randint(1, len(names))))
        self._tell(f"roll back {change_set.short_id} {only}")
        self.world.roll_back(change_set.id, only)

    def resume(self) -> None:
        """Another process goes on."""
        waiting = self.world.change_sets(
            ChangeSetState.APPROVED, ChangeSetState.RUNNING, ChangeSetState.PAUSED
        )
        for change_set in waiting[:2]:
            self.world.resume(change_set.id)

    def stop(self) -> None:
        """Somebody has had enough of a change set that waits."""
        waiting = self.world.change_sets(ChangeSetState.PAUSED)
        if waiting:
            self.world.stop(self._chance.choice(waiting).id)

    def people(self) -> None:
        """People do what is theirs."""
        self.world.work_the_list()
        self.world.settle_people(send_again=self._chance.random() < 0.7)

    def edit(self) -> None:
        """Somebody else works in the ERP."""
        model, key, changes = self._foreign()
        self._tell(f"edit {model} {key} {changes}")
        try:
            if changes is None:
                self.world.erp.receive(key)
            else:
                self.world.erp.edit(model, key, changes)
        except ERPError:
            return

    def jump(self) -> None:
        """Somebody sets our clock."""
        seconds = self._chance.choice(JUMPS)
        self._tell(f"clock {seconds:+}")
        self.world.met["clock_jump"] += 1
        self.world.time.jump(seconds)

    def arm(self) -> None:
        """A process will die, or the clock will jump, at some crash point."""
        chance = self._chance
        passes = chance.randint(1, MOST_PASSES)
        if chance.random() < 0.15:
            seconds = chance.choice(JUMPS)
            self._tell(f"clock {seconds:+} after {passes}")
            self.world.arm(Death.KILLED, passes, jump_seconds=seconds)
            return
        death = chance.choice([Death.KILLED, Death.KILLED, Death.KILLED, *Death])
        if death in (Death.DISK_FULL, Death.COMMIT_LOST):
            passes = chance.randint(1, 12)
        self._tell(f"{death} after {passes}")
        self.world.arm(death, passes)

    def break_the_erp(self) -> None:
        """Something will go wrong with a request."""
        chance = self._chance
        on = On.APPLY if chance.random() < 0.75 else chance.choice([On.CAPTURE, On.LOGIN])
        kind = chance.choice(FAULTS_ON_WRITES if on is On.APPLY else FAULTS_ON_READS)
        nth, times = chance.choice([1, 1, 2, 2, 3, 4]), chance.choice([1, 1, 1, 2, 3])
        given: dict[str, Any] = {"on": on, "nth": nth, "times": times}
        settings = self.world.settings
        match kind:
            case FaultKind.HALF if settings.is_atomic_batch:
                kind = FaultKind.LOST
            case FaultKind.TWICE if not settings.has_compare_and_set:
                given["is_deduplicated"] = True
            case FaultKind.LATE:
                given["after_seconds"] = chance.uniform(0.0, SETTLES_AFTER_SECONDS * 0.9)
            case FaultKind.RATE_LIMITED:
                given["retry_after"] = 3.0
            case FaultKind.REFUSED:
                given["code"] = chance.choice(REFUSALS)
            case FaultKind.BAD_DOCUMENT:
                given["key"] = str(chance.randint(1, 6))
                given["is_named"] = chance.random() < 0.5
            case FaultKind.NO_EFFECT:
                given["key"] = chance.choice([None, None, str(chance.randint(1, 6))])
                given["nth"] = chance.randint(1, 2)
            case FaultKind.EDIT:
                model, key, changes = self._foreign()
                if changes is None or on is On.LOGIN:
                    return
                moment = chance.choice([Moment.BEFORE, Moment.AFTER])
                given |= {"model": model, "record": key, "changes": changes, "moment": moment}
            case FaultKind.SLOW | FaultKind.LOST | FaultKind.GARBAGE | FaultKind.SERVER_ERROR:
                given["is_applied"] = chance.random() < 0.5
            case _:
                pass  # nothing more is to be said of it
        self._tell(f"{kind} {given}")
        self.world.order(Fault(kind, **given))

    def _foreign(self) -> tuple[str, str, dict[str, Any] | None]:
        """Return a record and what somebody else writes into it; None: goods arrive."""
        chance, tables = self._chance, self.world.erp.tables
        model = chance.choice([ORDER, ORDER, ORDER, LINE, MOVE, SALE, INVOICE])
        keys = list(tables[model]._rows)
        if not keys:
            model, keys = ORDER, list(tables[ORDER]._rows)
        key = chance.choice(keys)
        if model == MOVE:
            return model, key, None
        if model == LINE:
            changes: dict[str, Any] = chance.choice(
                [{"description": self._new()}, {"quantity": Decimal(chance.randint(100, 999))}]
            )
        elif model == INVOICE:
            changes = {"partner": self._new()}
        else:
            changes = chance.choice(
                [
                    {"note": self._new()},
                    {"owner": self._new()},
                    {"closed_by": self._new()},
                    {"state": self._new()},
                ]
            )
        return model, key, changes

    def _new(self) -> str:
        self._unique += 1
        return f"某人 {self._unique}"

    def _roll_everything_back(self) -> None:
        """Take back whatever stands, the newest first; then every document is what it was before us."""
        for change_set in self.world.finished():
            if change_set.reverses_id is None and change_set.state is not ChangeSetState.FAILED:
                self._tell(f"roll back {change_set.short_id} at last")
                self.world.roll_back(change_set.id)
                self.world.calm()
        self.world.problems(is_calm=True)


def random_settings(chance: Random) -> WorldSettings:
    """Return an ERP of one sort or another."""
    return WorldSettings(
        is_atomic_batch=chance.random() < 0.6,
        has_compare_and_set=chance.random() < 0.6,
        batch_size=chance.randint(1, 4),
        parallel_calls=chance.choice([1, 1, 1, 2]),
    )


def play(shelf: Shelf, seed: int, number: int) -> Tally:
    """Play run `number` of a seed."""
    chance = Random(f"{seed}/{number}")
    with closing(World(shelf, random_settings(chance))) as world:
        return told(Run(world, chance), number)


def told(run: Run, number: int) -> Tally:
    """Play a run and tell what became of it."""
    world, tally = run.world, Tally(number)
    try:
        run.play()
        tally.problems = world.problems(is_calm=True)
    except Exception as error:  # noqa: BLE001 - whatever a run ends with is what it found
        tally.problems = [*world.witness.broken, "".join(format_exception(error)[-6:])]
    tally.met = world.met
    tally.operation_count = len(world.operations())
    tally.change_set_count = len(world.change_sets())
    tally.story = run.story
    return tally
