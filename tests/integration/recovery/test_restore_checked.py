"""A restore is checked before and after, takes the newest rows, and leaves no journal half filled."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select

from core.errors import AccessDenied, JournalBroken, JournalFull, NotAllowed
from recovery import schema
from recovery.at_rest.sealing import Keys
from recovery.freezes import Scope, freeze
from recovery.journal import Journal
from recovery.model import Actor
from recovery.sql import restore as restoring
from recovery.sql.backup import back_up, copy_rows, url_of
from recovery.sql.restore import restore
from recovery.sql.schema_workers import call_place, system_state
from tests.integration.recovery.scene import CANCEL, MEI, Scene, make_scene
from tests.integration.recovery.sealed import NEW
from tests.integration.recovery.tampering import behind
from tests.integration.recovery.test_backup import story


def restored(source: Path, target: Path) -> None:
    """Restore into a new journal in a file."""
    restore(source, url_of(target), keys=Keys(), actor=MEI)


def test_a_backup_that_was_edited_is_not_restored(scene: Scene, tmp_path: Path) -> None:
    """It is named as broken, and the journal stays empty."""
    scene.do(CANCEL, scene.orders())
    back_up(scene.journal, tmp_path / "backup.db")
    with behind(url_of(tmp_path / "backup.db")) as connection:
        connection.execute("UPDATE operation SET key = '999'")

    with pytest.raises(JournalBroken, match=r"backup\.db"):
        restored(tmp_path / "backup.db", tmp_path / "new.db")
    with closing(Journal.open(url_of(tmp_path / "new.db"))) as journal:
        assert [] == journal.change_sets()


def test_what_was_lost_on_the_way_is_found(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What stands in the new journal is read once more, whatever the backup was."""

    def losing(old: Any, new: Any, progress: Any) -> None:
        copy_rows(old, new, progress)
        new.execute(delete(schema.image))

    scene.do(CANCEL, scene.orders())
    back_up(scene.journal, tmp_path / "backup.db")
    monkeypatch.setattr(restoring, "copy_rows", losing)

    with pytest.raises(JournalBroken, match="is missing"):
        restored(tmp_path / "backup.db", tmp_path / "new.db")


def test_a_restore_that_does_not_end_leaves_nothing(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody ever sees rows of a backup that could still be carried out."""
    scene.approve(scene.plan(CANCEL, scene.orders()))
    back_up(scene.journal, tmp_path / "backup.db")
    monkeypatch.setattr(restoring, "stop_everything", lambda *_: 1 // 0)

    with pytest.raises(ZeroDivisionError):
        restored(tmp_path / "backup.db", tmp_path / "new.db")
    with closing(Journal.open(url_of(tmp_path / "new.db"))) as journal:
        assert [] == journal.change_sets()


def test_a_sealed_backup_is_restored_with_its_key(sqlite_url: str, tmp_path: Path) -> None:
    """And stays sealed."""
    with closing(Journal.open(sqlite_url, keys=Keys([NEW]))) as journal:
        scene = make_scene(journal)
        scene.do(CANCEL, scene.orders(1, owner="salary of the boss"))
        before = story(journal)
        back_up(journal, tmp_path / "backup.db")
    url = url_of(tmp_path / "new.db")
    restore(tmp_path / "backup.db", url, keys=Keys([NEW]), actor=MEI)

    with closing(Journal.open(url, keys=Keys([NEW]))) as journal:
        assert before == story(journal)
    assert b"salary of the boss" not in (tmp_path / "new.db").read_bytes()


def test_a_restore_says_what_it_stopped(scene: Scene, tmp_path: Path) -> None:
    """Who restored, and up to which moment the backup knows what was done."""
    waiting = scene.plan(CANCEL, scene.orders())
    begun = scene.approve(scene.plan(CANCEL, scene.orders(2)))
    scene.fail("refused", nth=1, code="access_denied")
    with pytest.raises(AccessDenied):
        scene.run(begun)
    back_up(scene.journal, tmp_path / "backup.db")
    ((ended_at,),) = scene.sql("SELECT max(written_at) FROM audit_line")
    url = url_of(tmp_path / "new.db")
    restore(tmp_path / "backup.db", url, keys=Keys(), actor=Actor("li"))

    with closing(Journal.open(url)) as journal:
        said = {str(each.reason) for each in journal.operations(begun.id)}
        said.add(str(journal.change_set(waiting.id).note))
        ends = [list(journal.history(each.id))[-1] for each in (waiting, begun)]
    assert [("expired", "li"), ("dropped", "li")] == [(each.to_state, each.actor) for each in ends]
    (told,) = said
    assert f"from a backup that ends at {ended_at.replace(' ', 'T')}" in told


def test_rows_that_stand_in_the_log_beside_a_file_are_taken(scene: Scene, tmp_path: Path) -> None:
    """The file of a journal that is open can be restored too, as it is at this moment."""
    scene.do(CANCEL, scene.orders())
    path = scene.journal.database.path
    assert path is not None
    assert Path(f"{path}-wal").stat().st_size > 0
    restored(path, tmp_path / "new.db")

    with closing(Journal.open(url_of(tmp_path / "new.db"))) as journal:
        assert story(scene.journal) == story(journal)


def test_a_file_with_a_log_beside_it_is_only_read(scene: Scene, tmp_path: Path) -> None:
    """Whoever copied both as they were, of a journal that nobody closed, finds both as they were."""
    scene.do(CANCEL, scene.orders())
    path, folder = scene.journal.database.path, tmp_path / "medium"
    assert path is not None
    folder.mkdir()
    copies = [Path(shutil.copy(f"{path}{ending}", folder)) for ending in ("", "-wal")]
    before = [(each.read_bytes(), each.stat().st_mtime_ns) for each in copies]
    restored(folder / path.name, tmp_path / "new.db")

    assert before == [(each.read_bytes(), each.stat().st_mtime_ns) for each in copies]
    with closing(Journal.open(url_of(tmp_path / "new.db"))) as journal:
        assert story(scene.journal) == story(journal)


def test_nothing_appears_beside_the_file_of_a_journal(scene: Scene, tmp_path: Path) -> None:
    """Of one that was closed, and whose file still asks for a log as soon as anybody opens it."""
    scene.do(CANCEL, scene.orders())
    path, folder = scene.journal.database.path, tmp_path / "medium"
    assert path is not None
    before = story(scene.journal)
    scene.journal.close()
    folder.mkdir()
    copied = Path(shutil.copy(path, folder))
    changed_at = copied.stat().st_mtime_ns
    restored(copied, tmp_path / "new.db")

    assert [copied] == list(folder.iterdir())
    assert (path.read_bytes(), changed_at) == (copied.read_bytes(), copied.stat().st_mtime_ns)
    with closing(Journal.open(url_of(tmp_path / "new.db"))) as journal:
        assert before == story(journal)


def test_a_copy_that_finds_no_room_is_said_to_find_none(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is made beside the new journal, where there must be room for it."""
    asked = []

    def full(**where: Any) -> None:
        asked.append(where["dir"])
        raise OSError("no space left")

    back_up(scene.journal, tmp_path / "backup.db")
    monkeypatch.setattr(restoring, "TemporaryDirectory", full)
    (tmp_path / "elsewhere").mkdir()

    with pytest.raises(JournalFull, match="no space left"):
        restored(tmp_path / "backup.db", tmp_path / "elsewhere" / "new.db")
    assert [tmp_path / "elsewhere"] == asked


def test_a_journal_whose_chain_tells_of_something_is_not_empty(
    scene: Scene, tmp_path: Path
) -> None:
    """Also when the row itself was taken out by hand."""
    back_up(scene.journal, tmp_path / "backup.db")
    url = url_of(tmp_path / "new.db")
    with closing(Journal.open(url)) as journal:
        freeze(journal, Scope(), actor=MEI, reason="stop")
    with behind(url) as connection:
        connection.execute("DELETE FROM alarm")
        connection.execute("DELETE FROM freeze")

    with pytest.raises(NotAllowed, match="empty"):
        restored(tmp_path / "backup.db", tmp_path / "new.db")


def test_a_plan_that_nobody_submitted_expires_too(scene: Scene, tmp_path: Path) -> None:
    """And it says why: whoever plans anew looks at the documents as they are now."""
    plan = scene.plan(CANCEL, scene.orders())
    back_up(scene.journal, tmp_path / "backup.db")
    restored(tmp_path / "backup.db", tmp_path / "new.db")

    with closing(Journal.open(url_of(tmp_path / "new.db"))) as journal:
        found = journal.change_set(plan.id)
        assert "expired" == found.state.value
        assert "restored from a backup" in str(found.note)


def test_how_a_system_was_does_not_count_after_a_restore(scene: Scene, tmp_path: Path) -> None:
    """Neither who may call it next nor that it is held; nor is a journal full that knows only that."""
    scene.sql(
        "INSERT INTO system_state (system, held_until, failure_count) VALUES ('fake', 9e9, 3)"
    )
    scene.plan(CANCEL, scene.orders())
    scene.sql("INSERT INTO call_place SELECT 'fake', id, 1, 1, 1 FROM change_set")
    back_up(scene.journal, tmp_path / "backup.db")
    url = url_of(tmp_path / "new.db")
    Journal.open(url).close()
    with behind(url) as connection:
        connection.execute("INSERT INTO system_state (system, failure_count) VALUES ('other', 1)")
    restored(tmp_path / "backup.db", tmp_path / "new.db")

    with closing(Journal.open(url)) as journal, journal.reading() as opened:
        for table in (system_state, call_place):
            assert [] == opened.execute(select(table)).all()
