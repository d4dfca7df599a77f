"""Hypothesis looks for the shortest story that breaks a promise: operations, faults, deaths, edits, rollbacks of rollbacks.

The model is the witness of `tests.chaos.witness`: it knows from the ERP itself what every operation changed, who wrote
what when, and what each field is when nothing of ours stands.
"""

from __future__ import annotations

from contextlib import ExitStack, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from connectors.contract import Executor, Ref
from connectors.fake.errors import ERPError
from connectors.fake.faults import Fault, FaultKind, Moment, On
from connectors.fake.schema import LINE, ORDER
from recovery.journal import Journal
from recovery.states import ChangeSetState
from tests.chaos.death import Death
from tests.chaos.shelf import Shelf
from tests.chaos.world import (
    APPROVE,
    CANCEL,
    CLOSE,
    SETTLES_AFTER_SECONDS,
    UPDATE,
    World,
    WorldSettings,
)

STEPS: Final = 12
EXAMPLES: Final = 12
_opened = ExitStack()
_shelves: list[Shelf] = []

_losing = st.sampled_from(
    [FaultKind.LOST, FaultKind.SLOW, FaultKind.GARBAGE, FaultKind.SERVER_ERROR]
)
_nth = st.integers(1, 3)


def shelf() -> Shelf:
    """Return where the machine's journals lie, made when it is first asked for."""
    if not _shelves:
        folder = Path(_opened.enter_context(TemporaryDirectory(ignore_cleanup_errors=True)))
        template = folder / "template.db"
        Journal.open(f"sqlite:///{template}").close()
        (folder / "journal").mkdir()
        _shelves.append(Shelf.in_folder(folder / "journal", template))
        _opened.callback(_shelves[0].close)
    return _shelves[0]


class Machine(RuleBasedStateMachine):
    """One world; each rule is one thing that somebody does, or that happens."""

    world: World

    @initialize(
        is_atomic_batch=st.booleans(), has_compare_and_set=st.booleans(), size=st.integers(1, 3)
    )
    def begin(self, is_atomic_batch: bool, has_compare_and_set: bool, size: int) -> None:
        """Open an ERP of one sort or another with a few orders in it."""
        self.world = World(shelf(), WorldSettings(is_atomic_batch, has_compare_and_set, size))
        self.world.add_documents(quotations=3, orders=2, invoices=0, sales=0)
        self.unique = 0

    # --- what Storno is asked for -----------------------------------------------------------------

    @rule(action=st.sampled_from([CANCEL, CLOSE, UPDATE, APPROVE]), count=st.integers(1, 3))
    def carry_out(self, action: str, count: int) -> None:
        """Close some documents."""
        refs: list[Ref] = self.world.documents(action)[:count]
        if not refs:
            return
        arguments = {"note": self.new()} if action == UPDATE else None
        executor = Executor.BY_PERSON if action == APPROVE else Executor.INTERFACE
        self.world.carry_out(action, refs, arguments, executor=executor)  # type: ignore[arg-type]

    @precondition(lambda self: self.world.finished())
    @rule(data=st.data(), is_partial=st.booleans())
    def roll_back(self, data: Any, is_partial: bool) -> None:
        """Take a change set back, a rollback too, whole or in part."""
        number = data.draw(st.integers(0, len(self.world.finished()) - 1))
        change_set = self.world.finished()[number]
        names = sorted({op.called for op in self.world.observer.operations(change_set.id)})
        self.world.roll_back(change_set.id, tuple(names[:1]) if is_partial else ())

    @rule()
    def resume(self) -> None:
        """Another process goes on with whatever waits."""
        for change_set in self.world.change_sets(
            ChangeSetState.APPROVED, ChangeSetState.RUNNING, ChangeSetState.PAUSED
        ):
            self.world.resume(change_set.id)

    @precondition(lambda self: self.world.change_sets(ChangeSetState.PAUSED))
    @rule()
    def stop(self) -> None:
        """Somebody gives a change set up."""
        self.world.stop(self.world.change_sets(ChangeSetState.PAUSED)[0].id)

    @rule(send_again=st.booleans())
    def people(self, send_again: bool) -> None:
        """People do what is theirs."""
        self.world.work_the_list()
        self.world.settle_people(send_again=send_again)

    # --- what happens -----------------------------------------------------------------------------

    @rule(
        key=st.sampled_from(["1", "2", "4"]), name=st.sampled_from(["note", "closed_by", "state"])
    )
    def edit(self, key: str, name: str) -> None:
        """Somebody else writes into an order."""
        with suppress(ERPError):
            self.world.erp.edit(ORDER, key, {name: self.new()})

    @rule(key=st.sampled_from(["4", "6"]))
    def edit_line(self, key: str) -> None:
        """Somebody else writes into a line."""
        with suppress(ERPError):
            self.world.erp.edit(LINE, key, {"description": self.new()})

    @rule(
        kind=_losing, nth=_nth, is_applied=st.booleans(), on=st.sampled_from([On.APPLY, On.CAPTURE])
    )
    def lose(self, kind: FaultKind, nth: int, is_applied: bool, on: On) -> None:
        """An answer will be lost."""
        self.world.order(Fault(kind, on=on, nth=nth, is_applied=is_applied))

    @rule(nth=_nth, share=st.floats(0.0, 0.9))
    def delay(self, nth: int, share: float) -> None:
        """The ERP will do something later."""
        seconds = SETTLES_AFTER_SECONDS * share
        self.world.order(Fault(FaultKind.LATE, nth=nth, after_seconds=seconds))

    @rule(
        nth=_nth, moment=st.sampled_from(list(Moment)), on=st.sampled_from([On.APPLY, On.CAPTURE])
    )
    def meddle(self, nth: int, moment: Moment, on: On) -> None:
        """Somebody will write between two of our requests."""
        changes = {"note": self.new()}
        self.world.order(
            Fault(FaultKind.EDIT, on=on, nth=nth, record="1", changes=changes, moment=moment)
        )

    @rule(key=st.sampled_from(["1", "2", "5"]), is_named=st.booleans())
    def refuse(self, key: str, is_named: bool) -> None:
        """The ERP will say no to one document."""
        self.world.order(Fault(FaultKind.BAD_DOCUMENT, key=key, is_named=is_named))

    @rule(death=st.sampled_from(list(Death)), passes=st.integers(1, 40))
    def arm(self, death: Death, passes: int) -> None:
        """A process will die, or its journal's disk will be full."""
        self.world.arm(death, passes)

    @rule(seconds=st.sampled_from([-86_400.0, -5.0, 5.0, 86_400.0]), passes=st.integers(0, 40))
    def jump(self, seconds: float, passes: int) -> None:
        """Somebody will set our clock."""
        if passes:
            self.world.arm(Death.KILLED, passes, jump_seconds=seconds)
        else:
            self.world.time.jump(seconds)

    # --- what must hold ---------------------------------------------------------------------------

    @invariant()
    def nothing_is_broken(self) -> None:
        """The journal verifies, every way back is on disk, nothing is done twice, a conflict is one."""
        assert [] == self.world.problems()

    def teardown(self) -> None:
        """At last everything comes to rest, and what is taken back is what it was."""
        if not hasattr(self, "world"):
            return
        try:
            self.world.calm()
            assert [] == self.world.problems(is_calm=True)
            for change_set in self.world.finished():
                if change_set.reverses_id is None:
                    self.world.roll_back(change_set.id)
            self.world.calm()
            assert [] == self.world.problems(is_calm=True)
        finally:
            self.world.close()

    def new(self) -> str:
        """Return a word that nobody wrote before."""
        self.unique += 1
        return f"某人 {self.unique}"


# The suite's profile decides how many examples there are in a thorough run; here a few keep watch.
_count = max(EXAMPLES, settings().max_examples // 10 if settings().max_examples > 1000 else 0)
Machine.TestCase.settings = settings(
    deadline=None,
    max_examples=_count,
    stateful_step_count=STEPS,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestMachine = pytest.mark.chaos(pytest.mark.timeout(300)(Machine.TestCase))
