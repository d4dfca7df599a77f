"""A backup is the whole journal of one moment, verified, or it is no file at all; and a journal that is not whole is noticed."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from threading import Event, Thread

import pytest

from core import clock
from core.errors import (
    JournalBroken,
    JournalFull,
    JournalKeyMissing,
    UsageError,
)
from recovery.at_rest.redaction import Redaction
from recovery.at_rest.retention import hold, prune
from recovery.at_rest.sealing import Keys
from recovery.journal import Journal
from recovery.sql import backup
from recovery.sql.backup import back_up
from recovery.sql.health import check, compact, figures
from recovery.states import ChangeSetState
from tests.integration.recovery.scene import CANCEL, MEI, Scene, make_scene
from tests.integration.recovery.sealed import NEW
from tests.integration.recovery.tampering import behind

OPEN = Redaction()


def opened(path: Path) -> Journal:
    """Open a backup as a journal of its own."""
    return Journal.open(f"sqlite:///{path}")


def story(journal: Journal) -> list[object]:
    """Return everything that people see of a journal."""
    return [
        (each, list(journal.operations(each.id)), list(journal.history(each.id)))
        for each in journal.change_sets()
    ]


@contextmanager
def writing_on(url: str) -> Iterator[list[str]]:
    """Let somebody else plan and cancel orders all the time; yields the ids of what is done."""
    ended, done = Event(), list[str]()

    def work() -> None:
        with closing(Journal.open(url)) as journal:
            scene = make_scene(journal)
            while not ended.is_set():
                done.append(scene.do(CANCEL, scene.orders(3)).id)

    worker = Thread(target=work)
    worker.start()
    try:
        yield done
    finally:
        ended.set()
        worker.join()


def test_a_backup_is_the_journal(both: Scene, tmp_path: Path) -> None:
    """Everything that anybody can see of it, and it can be verified alone; nobody else may read it."""
    done = both.do(CANCEL, both.orders(3))
    both.roll_back(done)
    target = tmp_path / "new" / "backup.db"
    health = back_up(both.journal, target)

    assert () == health.problems
    assert ["backup.db"] == [each.name for each in target.parent.iterdir()]
    if os.name != "nt":
        assert 0o600 == stat.S_IMODE(target.stat().st_mode)
    with closing(opened(target)) as copy:
        assert story(both.journal) == story(copy)
        assert both.journal.verify() == copy.verify()
        assert both.journal.image_hash(b"x") == copy.image_hash(b"x")


def test_others_write_meanwhile(both: Scene, journal_url: str, tmp_path: Path) -> None:
    """Each of several backups is whole and of one moment; whoever writes is not stopped and loses nothing."""
    both.do(CANCEL, both.orders(20))
    with writing_on(journal_url) as done:
        for number in range(3):
            known = len(done)
            while len(done) == known:
                pass  # something is written between two backups
            before = set(done)
            target = tmp_path / f"{number}.db"
            assert () == back_up(both.journal, target).problems
            with closing(opened(target)) as copy:
                assert before <= {each.id for each in copy.change_sets(limit=10_000)}

    assert both.journal.verify().is_intact
    assert {ChangeSetState.APPLIED} == {
        each.state for each in both.journal.change_sets(limit=10_000)
    }


def test_a_backup_replaces_nothing_by_accident(scene: Scene, tmp_path: Path) -> None:
    """Only when it is said."""
    target = tmp_path / "backup.db"
    target.write_text("something else")
    with pytest.raises(UsageError, match="exists already"):
        back_up(scene.journal, target)
    assert "something else" == target.read_text()

    back_up(scene.journal, target, replace=True)
    with closing(opened(target)) as copy:
        assert copy.verify().is_intact


def test_a_journal_that_is_not_whole_gives_no_backup(told_url: str, tmp_path: Path) -> None:
    """The old backup stays, and the journal is named as broken."""
    with behind(told_url) as connection:
        connection.execute("UPDATE operation SET key = '999'")
    target = tmp_path / "backup.db"
    target.write_text("the last good one")
    with (
        closing(Journal.open(told_url)) as journal,
        pytest.raises(JournalBroken, match="was edited"),
    ):
        back_up(journal, target, replace=True)

    assert "the last good one" == target.read_text()
    assert [] == [each.name for each in tmp_path.iterdir() if "part" in each.name]


def test_a_backup_that_cannot_be_written_leaves_nothing(scene: Scene, tmp_path: Path) -> None:
    """A folder that is a file."""
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalFull):
        back_up(scene.journal, tmp_path / "file" / "backup.db")


def test_a_sealed_journal_has_a_sealed_backup(journal_url: str, tmp_path: Path) -> None:
    """Whoever finds the file has nothing without the key."""
    with closing(Journal.open(journal_url, keys=Keys([NEW]))) as journal:
        scene = make_scene(journal)
        done = scene.do(CANCEL, scene.orders(1, owner="salary of the boss"))
        back_up(journal, tmp_path / "backup.db")

    assert b"salary of the boss" not in (tmp_path / "backup.db").read_bytes()
    with closing(opened(tmp_path / "backup.db")) as copy, pytest.raises(JournalKeyMissing):
        copy.images([next(copy.operations(done.id)).before_hash])


def test_a_copy_takes_all_rows(
    both: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However few are taken at once."""
    monkeypatch.setattr(backup, "ROWS_AT_ONCE", 3)
    both.do(CANCEL, both.orders(10))
    told = list[tuple[str, int]]()
    back_up(both.journal, tmp_path / "a.db", progress=lambda *each: told.append(each))

    is_sqlite = both.journal.database.dialect == "sqlite"  # there it is one step
    assert ([] if is_sqlite else [3, 6, 9, 10]) == [
        count for table, count in told if table == "operation"
    ]
    with closing(opened(tmp_path / "a.db")) as copy:
        assert story(both.journal) == story(copy)


def test_a_backup_can_be_read_where_nothing_can_be_written(scene: Scene, tmp_path: Path) -> None:
    """Whoever only reads it, with any program, puts nothing beside it."""
    scene.do(CANCEL, scene.orders())
    target = tmp_path / "new" / "backup.db"
    back_up(scene.journal, target)
    with closing(sqlite3.connect(f"{target.as_uri()}?mode=ro", uri=True)) as connection:
        assert [(1,)] == connection.execute("SELECT count(*) FROM operation").fetchall()

        assert ["backup.db"] == [each.name for each in target.parent.iterdir()]


def test_a_backup_is_on_disk_before_it_has_its_name(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """First what is in it, then its name: no loss of power leaves a name with half of a backup behind it."""
    target, synced = tmp_path / "backup.db", list[tuple[bool, bool]]()

    def sync(descriptor: int) -> None:
        synced.append((stat.S_ISDIR(os.fstat(descriptor).st_mode), target.exists()))

    monkeypatch.setattr(os, "fsync", sync)
    back_up(scene.journal, target)

    of_folder = [] if os.name == "nt" else [(True, True)]
    assert [(False, False), *of_folder] == synced


def test_half_of_an_older_backup_does_no_harm(both: Scene, tmp_path: Path) -> None:
    """Somebody pulled the plug while it was made."""
    target = tmp_path / "new" / "backup.db"
    target.parent.mkdir()
    target.with_name("backup.db.part").write_text("half of it")
    back_up(both.journal, target)

    assert ["backup.db"] == [each.name for each in target.parent.iterdir()]


# --- is it whole? -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement, words",
    [
        ("DELETE FROM audit_line WHERE number = (SELECT max(number) FROM audit_line)", "its head"),
        ("UPDATE audit_head SET number = number + 1", "its head says"),
        (
            "UPDATE audit_head SET hash = (SELECT hash FROM audit_line WHERE number = 1)",
            "its head says",
        ),
        ("DELETE FROM audit_head", "no head"),
        ("DELETE FROM audit_line", "no lines"),
    ],
)
def test_a_journal_whose_end_does_not_fit_is_not_written(
    told_url: str, statement: str, words: str
) -> None:
    """It opens, so that it can be read and verified; nothing is added to it."""
    with behind(told_url) as connection:
        connection.execute(statement)
    with closing(Journal.open(told_url)) as journal:
        with pytest.raises(JournalBroken, match=words), journal.writing():
            pytest.fail("written")
        assert journal.change_sets()
        assert words == "no lines" or not journal.verify().is_intact


def test_a_check_reads_what_the_database_itself_says(scene: Scene) -> None:
    """A row that refers to nothing."""
    scene.do(CANCEL, scene.orders())
    with scene.journal.database.driver() as driver:
        driver.execute("PRAGMA foreign_keys=OFF")
        driver.execute("UPDATE image SET dictionary_id = NULL, key_id = NULL WHERE 0")
        driver.execute(
            "INSERT INTO image_dictionary VALUES (9, 's', 'm', x'00', 9, x'00', '2026-01-01')"
        )
        driver.execute("PRAGMA foreign_keys=ON")

    (problem,) = check(scene.journal).problems
    assert "a row of image_dictionary refers to a row of journal_key that is gone" == str(problem)


def test_a_check_finds_an_index_that_lost_its_rows(scene: Scene) -> None:
    """Every row is there and fits its history, but whoever looks one up may miss it."""
    scene.do(CANCEL, scene.orders())
    ((page,),) = scene.sql("SELECT rootpage FROM sqlite_master WHERE name = 'ix_operation_number'")
    scene.journal.close()
    path = scene.journal.database.path
    assert path is not None
    content = bytearray(path.read_bytes())
    content[4096 * (page - 1) : 4096 * page] = b"\x0a\0\0\0\0\x10\0\0".ljust(4096, b"\0")
    path.write_bytes(content)

    with closing(opened(path)) as journal:
        assert journal.verify().is_intact
        assert {"the file is damaged"} == {
            str(problem).partition(":")[0] for problem in check(journal).problems
        }


def test_figures_count_what_is_there(both: Scene) -> None:
    """Sizes, counts, ages and keys."""
    empty = figures(both.journal)
    done = both.do(CANCEL, both.orders(2))
    found = figures(both.journal)

    assert (None, None) == (empty.oldest, empty.newest)
    assert (done.created_at, done.created_at) == (found.oldest, found.newest)
    assert (1, 2, 4) == tuple(found.counts[name] for name in ("change_set", "operation", "image"))
    assert [(None, 4, True)] == [(k.name, k.image_count, k.is_active) for k in found.keys]
    ((image_bytes,),) = both.sql("SELECT sum(length(content)) FROM image")
    assert image_bytes == found.image_bytes < found.size_bytes


def test_what_is_free_within_a_file_is_told(scene: Scene) -> None:
    """It is used again before the file grows; compacting gives it back."""
    scene.do(CANCEL, scene.orders(200))
    with scene.journal.aside() as connection:
        connection.exec_driver_sql("DELETE FROM operation_record")
        connection.exec_driver_sql("DELETE FROM image")
    free = figures(scene.journal).free_bytes
    ((pages,),), ((size,),) = scene.sql("PRAGMA freelist_count"), scene.sql("PRAGMA page_size")
    compact(scene.journal)

    assert pages * size == free > 0 == figures(scene.journal).free_bytes


def test_figures_count_what_is_held_and_what_is_pruned(both: Scene) -> None:
    """Each change set once, from the oldest to the newest."""
    done = [both.do(CANCEL, both.orders()) for _ in range(3)]
    for each in done[1:]:
        hold(both.journal, each.id, actor=MEI, reason="tax audit")
    prune(both.journal, clock.now() + timedelta(days=1), actor=MEI)
    found = figures(both.journal)

    assert (1, 2) == (found.pruned_count, found.held_count)
    assert (done[0].created_at, done[2].created_at) == (found.oldest, found.newest)


def test_compacting_loses_nothing(both: Scene) -> None:
    """And gives a file back what is free within it."""
    both.do(CANCEL, both.orders(50))
    before = story(both.journal)
    larger, smaller = compact(both.journal)

    assert smaller <= larger or both.journal.database.dialect != "sqlite"
    assert before == story(both.journal)
    assert () == check(both.journal).problems
