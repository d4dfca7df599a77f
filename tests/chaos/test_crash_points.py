"""Between every two durable steps there is a place where a test can kill: nothing is out of the tests' reach."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import Connection, event

from connectors.contract import Executor
from connectors.fake.faults import Fault, FaultKind
from core import crashpoint
from recovery.journal import Journal
from recovery.states import ChangeSetState
from tests.chaos.death import Death
from tests.chaos.shelf import Shelf
from tests.chaos.world import APPROVE, CANCEL, CLOSE, REVERSE, World, WorldSettings
from tests.factories import ROOT

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(240)]

STEP, CALL = "commit", "call"
EVERY: Final = 13
"""`make chaos` dies at any of them; here each thirteenth pass has to do."""
PRODUCT: Final = ("recovery", "closing", "connectors", "service")
MAY_BEGIN: Final = {"database.py", "taking.py", "backup.py"}
"""Where transactions begin: in `Database.writing` with its crash points, a claim's own session, a backup's own file."""


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    """Where journals lie."""
    template = tmp_path / "template.db"
    Journal.open(f"sqlite:///{template}").close()
    folder = tmp_path / "journal"
    folder.mkdir()
    with closing(Shelf.in_folder(folder, template)) as made:
        yield made


@pytest.fixture
def world(shelf: Shelf) -> Iterator[World]:
    """A world with one of everything."""
    with closing(World(shelf, WorldSettings(batch_size=2))) as made:
        made.add_documents(quotations=5, orders=2, invoices=1, sales=0)
        yield made


def tell_everything(world: World) -> None:
    """Close, lose answers, be refused, hand out, decide, stop, take back: every way through the product."""
    world.order(
        Fault(FaultKind.LOST, nth=2),
        Fault(FaultKind.LOST, nth=4, is_applied=False),
        Fault(FaultKind.BUSY, nth=6),
        Fault(FaultKind.BAD_DOCUMENT, key="3", is_named=False),
    )
    world.carry_out(CANCEL, world.documents(CANCEL)[:4])
    world.carry_out(CLOSE, world.documents(CLOSE))
    world.carry_out(REVERSE, world.documents(REVERSE))
    world.carry_out(APPROVE, world.documents(APPROVE), executor=Executor.BY_PERSON)
    world.work_the_list()
    world.calm()
    for change_set in world.finished():
        world.roll_back(change_set.id)
    for change_set in world.change_sets(ChangeSetState.PAUSED):
        world.stop(change_set.id)
    world.calm()


def test_no_two_durable_steps_without_a_point_between(world: World) -> None:
    """Every commit of the journal and every call of the ERP is told from the next one by a crash point."""
    told: list[str] = []

    def note_commit(connection: Connection) -> None:
        if connection.get_execution_options().get("storno_write", False):
            told.append(STEP)

    for database in world.shelf._databases:
        event.listen(database._engine, "commit", note_commit)
    carry_out = world.erp._carry_out

    def note_call(*given: Any) -> Any:
        told.append(CALL)
        return carry_out(*given)

    world.erp._carry_out = note_call  # type: ignore[method-assign, assignment]
    world.watch = told.append
    tell_everything(world)

    steps = {STEP, CALL}
    assert [] == [pair for pair in pairwise(told) if steps.issuperset(pair)]
    assert told.count(CALL) > 10
    assert told.count(STEP) > 30


def test_killed_at_every_pass_of_every_point(shelf: Shelf) -> None:
    """The story is told again and again, killed one pass later each time: never anything lost or done twice."""
    passes = _passes(shelf)
    assert len(passes) > 60
    for number in range(EVERY // 2, len(passes) + 1, EVERY):
        with closing(World(shelf, WorldSettings(batch_size=2))) as world:
            world.add_documents(quotations=3, orders=1, invoices=0, sales=0)
            world.arm(Death.KILLED, number)
            _tell_shortly(world)
            assert [] == world.problems(), passes[number - 1]
            world.calm()
            assert [] == world.problems(is_calm=True), passes[number - 1]


def _passes(shelf: Shelf) -> list[str]:
    passed: list[str] = []
    with closing(World(shelf, WorldSettings(batch_size=2))) as world:
        world.add_documents(quotations=3, orders=1, invoices=0, sales=0)
        world.watch = passed.append
        _tell_shortly(world)
    return passed


def _tell_shortly(world: World) -> None:
    world.order(Fault(FaultKind.LOST, nth=2))
    world.carry_out(CANCEL, world.documents(CANCEL))
    world.carry_out(CLOSE, world.documents(CLOSE))
    for change_set in world.finished():
        world.roll_back(change_set.id)


def test_journal_is_written_in_one_place() -> None:
    """A transaction that anybody else began would have no crash point before and after its commit."""
    found = {
        path.name
        for folder in PRODUCT
        for path in (ROOT / folder).rglob("*.py")
        if "connectors/odbc" not in path.as_posix()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in {"begin", "commit"}
    }

    assert found <= MAY_BEGIN | {"env.py"}


def test_systems_are_written_to_in_one_place() -> None:
    """Only a batch calls `System.apply`, between its two crash points, through the door that paces calls."""
    found = {
        path.relative_to(ROOT).as_posix()
        for folder in ("recovery", "closing", "service")
        for path in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "apply"
        and "system" in ast.unparse(node.func.value)
    }

    assert {"recovery/running/batch.py", "recovery/workers/polite.py"} == found


def test_points_stand_around_the_call() -> None:
    """Before the call is the intent on disk, after it nothing is: both can be met."""
    assert {"apply.after_intent", "apply.after_fence", "apply.after_call"} <= set(
        crashpoint.CRASH_POINTS
    )
