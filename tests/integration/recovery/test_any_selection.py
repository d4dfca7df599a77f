"""Whatever is chosen to be taken back, in whatever order: each field holds what the newest standing operation wrote."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.errors import NotAllowed, NotFound
from recovery.journal import Journal
from recovery.model import ChangeSet, Operation, Purpose
from recovery.reversing.preview import Status, preview
from recovery.reversing.selection import Selection
from recovery.rollback import store_rollback
from recovery.states import SETTLED, OperationState
from tests.integration.recovery.scene import MEI, UPDATE, Scene, make_scene

FIELDS: Final = ("note", "owner", "reference", "partner")


@dataclass(frozen=True)
class Write:
    """Write some fields of some orders, by one change set."""

    orders: tuple[int, ...]
    fields: tuple[str, ...]


@dataclass(frozen=True)
class Take:
    """Take some operations of a change set back, be it a rollback itself."""

    change_set: int
    positions: tuple[int, ...]
    with_dependents: bool


SOME = st.lists(st.integers(0, 2), min_size=1, max_size=3, unique=True).map(tuple)
MOVES = st.one_of(
    st.builds(
        Write,
        SOME,
        st.lists(st.sampled_from(FIELDS), min_size=1, max_size=2, unique=True).map(tuple),
    ),
    st.builds(Take, st.integers(0, 9), SOME, st.booleans()),
)


class Story:
    """Three orders, and everything that was written into them."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.keys = scene.orders(3)
        self.original = {key: dict(scene.order(key)) for key in self.keys}
        self.sets: list[ChangeSet] = []
        self.written = 0

    def make(self, move: Write | Take) -> None:
        """Make one move."""
        if isinstance(move, Write):
            self.written += 1
            given = {name: f"{name} {self.written}" for name in move.fields}
            keys = [self.keys[n] for n in move.orders]
            self.sets.append(self.scene.do(UPDATE, keys, arguments=given))
        elif self.sets:
            self._take(move)

    def _take(self, move: Take) -> None:
        change_set = self.sets[move.change_set % len(self.sets)]
        count = change_set.operation_count
        selection = Selection(
            change_set_id=change_set.id,
            positions=tuple({n % count + 1: None for n in move.positions}),
            with_dependents=move.with_dependents,
        )
        try:
            found = preview(self.scene.journal, self.scene.systems, selection)
            planned = store_rollback(self.scene.journal, found, actor=MEI, reason="r")
        except (NotFound, NotAllowed):
            return
        wanted = {item.last.ref for item in found.with_status(Status.CLEAN)}
        done = self.scene.run(self.scene.approve(planned))
        self.sets.append(done)
        confirmed = [
            op for op in self.scene.operations(done) if op.state is OperationState.CONFIRMED
        ]
        # What a preview promises is kept. Of one document several operations may be taken back, one after the other.
        assert wanted == {op.ref for op in confirmed}
        assert set(self.scene.moved(done)) <= SETTLED

    def standing(self) -> list[Operation]:
        """Return the writes that stand, the oldest first; rollbacks left out."""
        operations = [
            op
            for change_set in self.sets
            if self.scene.again(change_set).purpose is not Purpose.ROLLBACK
            for op in self.scene.operations(change_set)
        ]
        stand = set(self.scene.journal.standing([op.id for op in operations]))
        return [op for op in operations if op.id in stand]

    def expected(self) -> dict[str, dict[str, Any]]:
        """Return what each order must hold."""
        found = {key: {name: row[name] for name in FIELDS} for key, row in self.original.items()}
        for operation in self.standing():
            found[operation.ref.key] |= dict(operation.step.arguments)
        return found

    def now(self) -> dict[str, dict[str, Any]]:
        """Return what each order holds."""
        return {key: {name: self.scene.order(key)[name] for name in FIELDS} for key in self.keys}

    def half_states(self) -> list[Operation]:
        """Return writes that stand on a younger-than-original value that nobody wrote any more."""
        standing = self.standing()
        bases = {
            (op.ref.key, name, value)
            for op in standing
            for name, value in op.step.arguments.items()
        }
        bases |= {(key, name, row[name]) for key, row in self.original.items() for name in FIELDS}
        return [
            op
            for op in standing
            for name in op.step.arguments
            if (op.ref.key, name, self._before(op)[name]) not in bases
        ]

    def _before(self, operation: Operation) -> dict[str, Any]:
        (image,) = self.scene.journal.images([operation.before_hash]).values()
        record = image.get(operation.ref)
        assert record is not None
        assert record.fields is not None
        return dict(record.fields)


@contextmanager
def opened(template: Path) -> Iterator[Scene]:
    """Open a new journal beside a new ERP."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "journal.db"
        shutil.copyfile(template, path)
        with closing(Journal.open(f"sqlite:///{path}")) as journal:
            yield make_scene(journal)


@pytest.mark.timeout(300)
@settings(max_examples=25)
@given(moves=st.lists(MOVES, min_size=2, max_size=9))
@example(  # three operations on one document, taken back together
    moves=[
        Write((0,), ("note",)),
        Take(0, (0,), with_dependents=False),
        Write((0,), ("note",)),
        Write((0,), ("note",)),
        Take(1, (0,), with_dependents=True),
        Take(0, (1,), with_dependents=True),
    ]
)
def test_each_field_is_as_the_newest_standing_operation_left_it(
    sqlite_template: Path, moves: list[Write | Take]
) -> None:
    """After every move; and nothing stands on what was taken back."""
    with opened(sqlite_template) as scene:
        story = Story(scene)
        for move in moves:
            story.make(move)

            assert story.expected() == story.now()
            assert [] == story.half_states()
        assert scene.journal.verify().is_intact
