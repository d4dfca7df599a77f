"""Whatever is done through Storno, in whatever order and with whatever failures: taken back, it never was."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from connectors.fake.faults import Fault
from connectors.fake.sample import (
    add_period,
    add_project,
    add_purchase_order,
    add_sales_order,
)
from connectors.fake.schema import LINE, ORDER, PERIOD, PROJECT, SALE, TASK
from connectors.fake.table import Row
from core.encoding import Value
from recovery.journal import Journal
from recovery.model import ChangeSet
from recovery.states import SETTLED, ChangeSetState
from tests.integration.recovery.scene import OPEN_LINES, Scene, make_scene

Content = dict[str, dict[str, Row]]

ACTIONS: Final[dict[str, str]] = {
    "purchase_order.cancel": ORDER,
    "purchase_order.close": ORDER,
    "purchase_order.restore": ORDER,
    "purchase_order.reopen_header": ORDER,
    "sales_order.close": SALE,
    "sales_order.restore": SALE,
    "project_task.close": TASK,
    "project_task.reopen": TASK,
    "project.close": PROJECT,
    "project.reopen": PROJECT,
    "accounting_period.close": PERIOD,
}
OURS: Final[dict[str, Sequence[dict[str, Value]]]] = {
    ORDER: (
        {"note": "ours"},
        {"note": "", "priority": 9},
        {"due": date(2026, 9, 9), "tags": ("a", 1), "attachment": None},
    ),
    LINE: ({"quantity": Decimal("20.5")}, {"quantity": Decimal("12.0000"), "item": "NUT"}),
    SALE: ({"note": "ours", "is_urgent": True},),
}
THEIRS: Final[dict[str, tuple[str, ...]]] = {
    ORDER: ("owner", "reference"),
    LINE: ("description",),
    SALE: ("owner",),
    PROJECT: ("name",),
    TASK: ("name",),
    PERIOD: ("company",),
}
FAULTS: Final = (
    Fault("busy", times=2),
    Fault("unreachable", on="capture", nth=2),
    Fault("lost"),
    Fault("lost", nth=2, is_applied=False),
    Fault("server_error"),
    Fault("garbage", is_applied=False),
    Fault("slow", on="capture", nth=3),
    Fault("bad_document", key="1", times=3, is_named=False),
    Fault("bad_document", key="2", times=3),
    Fault("no_effect", key="2"),
)


@dataclass(frozen=True)
class Do:
    """Carry an action out on some documents."""

    action: str
    places: tuple[int, ...]


@dataclass(frozen=True)
class Update:
    """Write fields of some records."""

    model: str
    places: tuple[int, ...]
    choice: int


@dataclass(frozen=True)
class Back:
    """Take the newest change set back, be it a rollback itself."""


@dataclass(frozen=True)
class Edit:
    """Somebody else changes a field that is not ours."""

    model: str
    place: int
    written: str


@dataclass(frozen=True)
class Fail:
    """Something goes wrong soon."""

    fault: int


PLACES = st.lists(st.integers(0, 3), min_size=1, max_size=3, unique=True).map(tuple)
MOVES = st.one_of(
    st.builds(Do, st.sampled_from(sorted(ACTIONS)), PLACES),
    st.builds(Do, st.sampled_from(["purchase_order.cancel", "purchase_order.close"]), PLACES),
    st.builds(Update, st.sampled_from(sorted(OURS)), PLACES, st.integers(0, 2)),
    st.just(Back()),
    st.builds(Edit, st.sampled_from(sorted(THEIRS)), st.integers(0, 3), st.text("xyz", max_size=3)),
    st.builds(Fail, st.integers(0, len(FAULTS) - 1)),
)


class Story:
    """Makes moves on a company of our own, and takes all of them back."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.told: list[ChangeSet] = []
        self.edits: list[tuple[str, str, str, str]] = []
        erp = scene.erp
        for number in range(2):
            add_purchase_order(erp, f"PQ{number}")
        for number in range(2):
            add_purchase_order(erp, f"PP{number}", state="processing", lines=OPEN_LINES)
        add_sales_order(erp, "SO1")
        add_sales_order(erp, "SO2", state="quotation")
        above = add_project(erp, "P1", tasks=("open", "closed"))
        add_project(erp, "P1.1", parent=above, tasks=("open",))
        add_period(erp, "2026-01", journals=("open", "closed"))
        self.before: Content = erp.dump(with_trace=False)

    def make(self, move: Do | Update | Back | Edit | Fail) -> None:
        """Make one move."""
        match move:
            case Do():
                keys = self._keys(ACTIONS[move.action], move.places)
                self._tell(self.scene.do(move.action, keys))
            case Update():
                fields = OURS[move.model][move.choice % len(OURS[move.model])]
                keys = self._keys(move.model, move.places)
                given: dict[str, Any] = {"arguments": fields, "model": move.model}
                self._tell(self.scene.do("record.update", keys, **given))
            case Back():
                self._back()
            case Edit():
                (key,) = self._keys(move.model, (move.place,))
                for field in THEIRS[move.model]:
                    self.scene.erp.edit(move.model, key, {field: move.written})
                    self.edits.append((move.model, key, field, move.written))
            case Fail():
                self.scene.erp.faults.clear()
                self.scene.erp.faults.add(FAULTS[move.fault])

    def _keys(self, model: str, places: Sequence[int]) -> list[str]:
        keys = list(self.scene.erp.tables[model].all_keys())
        return list(dict.fromkeys(keys[place % len(keys)] for place in places))

    def _tell(self, done: ChangeSet) -> None:
        assert set(self.scene.moved(done)) <= SETTLED, self.scene.operations(done)
        if done.state is not ChangeSetState.FAILED:
            self.told.append(done)

    def _back(self) -> None:
        if not self.told or self._is_of_period(self.told[-1]) or not self._stands(self.told[-1]):
            return
        self._tell(self.scene.roll_back(self.told[-1]))

    def _is_of_period(self, done: ChangeSet) -> bool:
        # A period that was opened again can only be closed anew, with an hour and a name of its own.
        return any(each.ref.model == PERIOD for each in self.scene.operations(done))

    def _stands(self, done: ChangeSet) -> bool:
        ids = [each.id for each in self.scene.operations(done)]
        confirmed = self.scene.journal.operations_by_id(ids).values()
        return bool(
            self.scene.journal.standing([e.id for e in confirmed if e.state.value == "confirmed"])
        )

    def take_everything_back(self) -> None:
        """Roll back what stands, the newest change set first."""
        self.scene.erp.faults.clear()
        while self.told:
            done = self.told.pop()
            if self._stands(done):
                back = self.scene.roll_back(done)
                assert ChangeSetState.APPLIED is back.state, self.scene.operations(back)

    def expected(self) -> Content:
        """Return what was there before, with what somebody else changed."""
        for model, key, field, written in self.edits:
            self.before[model][key][field] = written
        return self.before


@contextmanager
def opened(template: Path) -> Iterator[Scene]:
    """Open a new journal beside a new ERP."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "journal.db"
        shutil.copyfile(template, path)
        with closing(Journal.open(f"sqlite:///{path}")) as journal:
            yield make_scene(journal)


@pytest.mark.timeout(300)
@settings(max_examples=30)
@given(moves=st.lists(MOVES, min_size=1, max_size=8))
@example(moves=[Fail(5), Update(LINE, (0, 2, 3), 0)])  # lines of one order: one is lost
def test_rollback_of_everything_is_as_before(
    sqlite_template: Path, moves: list[Do | Update | Back | Edit | Fail]
) -> None:
    """rollback(apply(x)) == x, for any x; edits of others in between survive; nothing is applied twice."""
    with opened(sqlite_template) as scene:
        story = Story(scene)
        for move in moves:
            story.make(move)
        story.take_everything_back()

        assert story.expected() == scene.erp.dump(with_trace=False)
        assert {1} >= set(scene.applied().values())
        assert scene.journal.verify().is_intact
        assert [] == scene.sql("SELECT * FROM record_lock")
