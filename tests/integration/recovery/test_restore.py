"""A backup fills a new journal: as it was, only read, and nothing that was on its way is done twice."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import select

from connectors.contract import Answer, Call, Fence, no_fence
from core.errors import (
    Busy,
    IllegalMove,
    JournalBroken,
    NotAllowed,
    UsageError,
)
from core.retry import RetryPolicy
from recovery.at_rest.sealing import Keys
from recovery.freezes import Scope, freeze
from recovery.journal import Journal
from recovery.sql import stopped_by_restore
from recovery.sql.backup import back_up
from recovery.sql.health import check
from recovery.sql.restore import restore
from recovery.sql.schema_workers import claim
from recovery.states import ChangeSetState
from recovery.workers import queue
from recovery.workers.holders import abandoned
from recovery.workers.queue import enqueue_now
from tests.integration.recovery.scene import CANCEL, MEI, Scene, make_scene
from tests.integration.recovery.sealed import NEW
from tests.integration.recovery.test_backup import story

REMIND = "purchase_order.send_reminder"


def test_a_backup_is_restored(both: Scene, tmp_path: Path) -> None:
    """Into a new journal, from where work goes on: what was done can be taken back."""
    done = both.do(CANCEL, both.orders(3))
    target = tmp_path / "backup.db"
    back_up(both.journal, target)
    url = f"sqlite:///{tmp_path / 'restored.db'}"
    restore(target, url, keys=Keys(), actor=MEI)

    with closing(Journal.open(url)) as journal:
        scene = make_scene(journal)
        scene.erp, scene.system = both.erp, both.system
        assert story(both.journal) == story(journal)
        assert ChangeSetState.APPLIED is scene.roll_back(done).state
        assert () == check(journal).problems


def test_a_backup_is_restored_into_an_empty_server(
    scene: Scene, empty_url: str, tmp_path: Path
) -> None:
    """A journal may move from a file to PostgreSQL that way, and back."""
    scene.do(CANCEL, scene.orders(3))
    back_up(scene.journal, tmp_path / "backup.db")
    told = list[tuple[str, int]]()
    restore(
        tmp_path / "backup.db",
        empty_url,
        keys=Keys(),
        actor=MEI,
        progress=lambda *each: told.append(each),
    )

    assert {("change_set", 1), ("operation", 3)} < set(told)
    with closing(Journal.open(empty_url)) as journal:
        assert story(scene.journal) == story(journal)
        assert () == check(journal).problems


def test_a_journal_with_something_in_it_is_not_overwritten(
    both: Scene, journal_url: str, tmp_path: Path
) -> None:
    """Whatever stands in the backup."""
    both.do(CANCEL, both.orders())
    back_up(both.journal, tmp_path / "backup.db")

    with pytest.raises(NotAllowed, match="empty"):
        restore(tmp_path / "backup.db", journal_url, keys=Keys(), actor=MEI)
    with pytest.raises(UsageError, match="no file"):
        restore(tmp_path / "nothing.db", journal_url, keys=Keys(), actor=MEI)
    assert both.journal.verify().is_intact


@pytest.mark.parametrize("keys", [(), (NEW,)], ids=["open", "sealed"])
def test_a_journal_that_was_only_looked_at_is_empty(
    scene: Scene, empty_url: str, tmp_path: Path, keys: tuple[tuple[str, bytes], ...]
) -> None:
    """Opening it wrote a seed, the head of a chain, perhaps a key: the backup's own take their place."""
    scene.do(CANCEL, scene.orders(3))
    back_up(scene.journal, tmp_path / "backup.db")
    Journal.open(empty_url, keys=Keys(keys)).close()
    restore(tmp_path / "backup.db", empty_url, keys=Keys(keys), actor=MEI)

    with closing(Journal.open(empty_url, keys=Keys(keys))) as journal:
        assert story(scene.journal) == story(journal)
        assert () == check(journal).problems
        assert scene.journal.image_hash(b"x") == journal.image_hash(b"x")


def test_a_journal_with_a_freeze_is_not_empty(scene: Scene, tmp_path: Path) -> None:
    """Nothing that somebody decided is lost with a restore."""
    back_up(scene.journal, tmp_path / "backup.db")
    url = f"sqlite:///{tmp_path / 'new.db'}"
    with closing(Journal.open(url)) as journal:
        freeze(journal, Scope(), actor=MEI, reason="stop")

    with pytest.raises(NotAllowed, match="empty"):
        restore(tmp_path / "backup.db", url, keys=Keys(), actor=MEI)


def test_a_backup_is_only_read(scene: Scene, tmp_path: Path) -> None:
    """From a medium that cannot be written, with a key that it does not know; it stays as it was, alone in its folder."""
    scene.do(CANCEL, scene.orders(3))
    folder = tmp_path / "medium"
    target = folder / "backup.db"
    back_up(scene.journal, target)
    before = target.read_bytes()
    target.chmod(0o400)
    folder.chmod(0o500)
    try:
        restore(target, f"sqlite:///{tmp_path / 'new.db'}", keys=Keys([NEW]), actor=MEI)
    finally:
        folder.chmod(0o700)

    assert before == target.read_bytes()
    assert ["backup.db"] == [each.name for each in folder.iterdir()]
    assert [] == [each.name for each in tmp_path.iterdir() if each.name.startswith("storno-")]
    with closing(Journal.open(f"sqlite:///{tmp_path / 'new.db'}", keys=Keys([NEW]))) as journal:
        assert () == check(journal).problems


class _KilledError(BaseException):
    """Stands for the end of the process: nothing of ours catches it."""


@pytest.mark.parametrize("begun", ["planned", "awaiting", "approved", "running", "paused"])
def test_nothing_is_done_twice_after_a_restore(
    both: Scene, empty_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, begun: str
) -> None:
    """What was on its way when the backup was made was done since: nobody, worker or person, does it once more.

    Its action leaves nothing in the document by which that could be told. However few are left out at once.
    """
    monkeypatch.setattr(stopped_by_restore, "AT_ONCE", 1)
    change_set = both.plan(REMIND, both.orders(4))
    if begun == "awaiting":
        with both.journal.writing() as writer:
            writer.move_change_set(change_set.id, ChangeSetState.AWAITING_APPROVAL, actor=MEI)
    elif begun != "planned":
        both.approve(change_set)
        enqueue_now(both.journal, change_set.id, MEI)
    apply, calls = both.system.apply, [0]

    def stop_at_second(called: Sequence[Call], fence: Fence = no_fence) -> list[Answer]:
        calls[0] += 1
        if calls[0] < 2:
            return apply(called, fence)
        raise Busy(system="fake") if begun == "paused" else _KilledError

    if begun in {"running", "paused"}:
        monkeypatch.setattr(both.system, "apply", stop_at_second)
        with pytest.raises((_KilledError, Busy)):
            both.run(change_set, batch_size=1, retry=RetryPolicy(deadline_seconds=0))
        monkeypatch.setattr(both.system, "apply", apply)
    back_up(both.journal, tmp_path / "backup.db")
    if begun in {"planned", "awaiting"}:
        both.approve(change_set)
    both.run(change_set)
    restore(tmp_path / "backup.db", empty_url, keys=Keys(), actor=MEI)

    with closing(Journal.open(empty_url)) as journal:
        later = Scene(journal, both.erp, both.system)
        with journal.reading() as connection:
            assert [] == queue.entries(connection)
        assert [] == abandoned(journal.database)
        if begun in {"running", "paused"}:
            assert ChangeSetState.PAUSED is later.again(change_set).state
            said = "restored from a backup" if begun == "running" else "fake"  # which was busy
            assert said in str(later.again(change_set).note)
            later.run(later.again(change_set))
        else:
            assert ChangeSetState.EXPIRED is later.again(change_set).state
            assert "restored from a backup" in str(later.again(change_set).note)
            with pytest.raises(IllegalMove):
                later.run(later.again(change_set))
        assert () == check(journal).problems

    assert {1} == set(both.applied().values())
    # The process died before its second message left: whether it did, nothing tells, so a person looks.
    assert (3 if begun == "running" else 4) == len(both.erp.dump()["message"])


def test_a_process_of_before_is_taken_over_by_a_restore(
    both: Scene, empty_url: str, tmp_path: Path
) -> None:
    """Whatever it still holds: fences go up."""
    change_set = both.approve(both.plan(CANCEL, both.orders()))
    with both.journal.running(change_set.id) as held:
        back_up(both.journal, tmp_path / "backup.db")
    restore(tmp_path / "backup.db", empty_url, keys=Keys(), actor=MEI)

    assert held.claim is not None
    with closing(Journal.open(empty_url)) as journal, journal.reading() as connection:
        (found,) = connection.execute(select(claim.c.fence, claim.c.worker, claim.c.lease_until))

    assert (held.claim.fence + 1, None, None) == tuple(found)


def test_what_is_no_backup_is_refused(tmp_path: Path) -> None:
    """And the journal stays empty."""
    (tmp_path / "letter.txt").write_text("Dear Sir, " * 200)
    url = f"sqlite:///{tmp_path / 'new.db'}"
    with pytest.raises(JournalBroken):
        restore(tmp_path / "letter.txt", url, keys=Keys(), actor=MEI)

    with closing(Journal.open(url)) as journal:
        assert [] == journal.change_sets()
