"""The journal's disk is full at any moment: said so, nothing sent without its way back, and it goes on when there is room."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import Engine, event

from core.errors import JournalFull
from recovery.states import ChangeSetState
from service.problems import Exit
from tests.chaos.case import CANCEL, Case
from tests.chaos.checks import (
    assert_closed,
    assert_phase_done,
    assert_safe,
    assert_taken_back,
)
from tests.chaos.story import APPLY, ROLLBACK, closing_of, rollback_of
from tests.factories import ServedERP

# The limit only ends a test that hangs, on a machine however busy.
pytestmark = [pytest.mark.chaos, pytest.mark.timeout(240)]

CHECKS: Final = {APPLY: assert_closed, ROLLBACK: assert_taken_back}
MOST_PAGES: Final = 200
FILE_BYTES: Final = (40_000, 80_000, 120_000, 160_000)
"""Where the write-ahead file may end: before the plan is stored, at its start, in the middle of the run."""


@contextmanager
def room_for(case: Case, pages: int) -> Iterator[None]:
    """Let the journal grow by so many pages and no more; SQLite says then what it says on a full disk."""
    path = case.folder / "journal.db"
    with sqlite3.connect(path) as connection:
        (held,) = connection.execute("PRAGMA page_count").fetchone()
    connection.close()

    def limit(connection: Any, _record: Any) -> None:
        connection.execute(f"PRAGMA max_page_count={held + pages}")

    event.listen(Engine, "connect", limit)
    try:
        yield
    finally:
        event.remove(Engine, "connect", limit)


def _reached(case: Case, phase: str) -> ChangeSetState | None:
    """Return how far the change set of a phase came; None when its plan was not stored."""
    with case.journal() as journal:
        found = closing_of(journal)
        if phase == ROLLBACK and found is not None:
            found = rollback_of(journal, found.id)
        return None if found is None else found.state


@pytest.mark.parametrize("phase", CHECKS)
def test_disk_full_at_any_page(erp: ServedERP, tmp_path: Path, phase: str) -> None:
    """The disk is full after one page, two pages, three ...: each time a clear error, and then as if it had not been."""
    reached = set()
    for pages in count():
        assert pages < MOST_PAGES
        folder = tmp_path / f"{phase}-{pages}"
        folder.mkdir()
        case = Case.make(erp, folder, CANCEL, count=20, batch_size=5, retry_seconds=0.01)
        case.prepare(phase)
        with room_for(case, pages):
            try:
                case.go_on(phase)
            except JournalFull:
                reached.add(_reached(case, phase))
            else:
                break
        assert_safe(case)

        case.go_on(phase)
        CHECKS[phase](case)

    # It was full before the plan was stored, and in the middle of the run.
    assert {None, ChangeSetState.PAUSED} <= reached


@pytest.mark.parametrize("file_bytes", FILE_BYTES)
def test_file_cannot_grow(erp: ServedERP, tmp_path: Path, file_bytes: int) -> None:
    """A process that may not write on says that the journal is full, with the exit code for it; another goes on."""
    case = Case.make(erp, tmp_path, CANCEL, count=25, batch_size=5, retry_seconds=0.01)
    worker = case.start(APPLY, file_bytes=file_bytes)

    code, end = worker.end()

    assert (Exit.NOT_REACHED, {"error": JournalFull.code}) == (code, end)
    assert_safe(case)
    case.go_on(APPLY)
    assert_phase_done(case, APPLY, None)
