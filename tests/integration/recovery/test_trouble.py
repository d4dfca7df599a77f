"""A journal that cannot be written stops everything: no call leaves without its way back on disk."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import event

from connectors.contract import Answer, Call, Fence, no_fence
from core.errors import JournalBroken, JournalFull
from recovery.journal import Journal
from recovery.states import ChangeSetState, OperationState
from tests.factories import ROOT
from tests.integration.recovery.scene import CANCEL, CLOSE, Scene, Time, make_scene


@contextmanager
def pragma(scene: Scene, statement: str, restore: str) -> Iterator[None]:
    """Set something on every connection of the journal, and take it back at the end."""
    engine = scene.journal._database._engine

    def set_up(connection: object, *_: object) -> None:
        connection.execute(f"PRAGMA {statement}")  # type: ignore[attr-defined]

    event.listen(engine, "checkout", set_up)
    try:
        yield
    finally:
        event.remove(engine, "checkout", set_up)
        with engine.connect() as connection:
            connection.exec_driver_sql(f"PRAGMA {restore}")


def require_way_back(scene: Scene) -> None:
    """Every operation that the ERP received has its before image in the journal, whole."""
    sent = scene.sent()
    operations = scene.journal.operations_by_id(sent)
    images = scene.journal.images([each.before_hash for each in operations.values()])

    assert set(sent) == set(operations)
    assert all(each.before_hash in images for each in operations.values())
    assert scene.journal.verify().is_intact


@pytest.mark.parametrize("room", range(0, 16, 2))
def test_a_full_disk_loses_nothing(scene: Scene, time: Time, room: int) -> None:
    """The disk fills up after so many pages: wherever that is, what was sent can be taken back.

    A person is told at once: waiting makes no room.
    """
    keys = [*scene.orders(6), *scene.orders(6)]
    # Notes that differ and do not compress, so that each batch of images needs pages of its own.
    for key in keys:
        scene.erp.edit("purchase.order", key, {"attachment": os.urandom(3000)})
    before = scene.erp.dump(with_trace=False)
    approved = scene.approve(scene.plan(CANCEL, keys))
    for key in keys:
        scene.erp.edit("purchase.order", key, {"priority": 9})
        scene.erp.edit("purchase.order", key, {"priority": 1})
    pages = scene.sql("PRAGMA page_count")[0][0]
    with pragma(scene, f"max_page_count={pages + room}", "max_page_count=1000000"):
        with pytest.raises(JournalFull, match="storno changes resume"):
            scene.run(approved, batch_size=3)
        require_way_back(scene)
    assert [] == time.sleeps
    # There is room again.
    assert ChangeSetState.APPLIED is scene.run(approved).state
    assert {1} == set(scene.applied().values())
    assert 12 == len(scene.applied())
    assert ChangeSetState.APPLIED is scene.roll_back(approved).state
    assert before == scene.erp.dump(with_trace=False)


def test_a_disk_that_is_full_at_once_sends_nothing(scene: Scene, time: Time) -> None:
    """Nothing can be stored, so no call is made, and a person is told without waiting."""
    keys = scene.orders(3)
    approved = scene.approve(scene.plan(CANCEL, keys))
    before = scene.erp.dump()
    with pragma(scene, "query_only=ON", "query_only=OFF"), pytest.raises(JournalFull) as caught:
        scene.run(approved)

    assert "readonly" in str(caught.value)
    assert [] == scene.sizes()
    assert [] == time.sleeps
    assert before == scene.erp.dump()
    assert ChangeSetState.APPROVED is scene.again(approved).state


def test_a_disk_that_fills_up_between_call_and_outcome(scene: Scene) -> None:
    """The ERP did it, the outcome could not be stored: it is settled by reading, not sent again."""
    keys = scene.orders(3)
    approved = scene.approve(scene.plan(CANCEL, keys))
    apply, full = scene.system.apply, pragma(scene, "query_only=ON", "query_only=OFF")

    def apply_and_fill(calls: Sequence[Call], fence: Fence = no_fence) -> list[Answer]:
        answers = apply(calls, fence)
        full.__enter__()
        return answers

    scene.system.apply = apply_and_fill  # type: ignore[method-assign]
    with pytest.raises(JournalFull):
        scene.run(approved)
    full.__exit__(None, None, None)

    assert {OperationState.SENT} == set(scene.moved(approved))
    assert ["cancelled"] * 3 == scene.states(keys)
    assert ChangeSetState.APPLIED is scene.run(approved).state
    assert [3] == scene.sizes()


def test_a_plan_that_does_not_fit_is_not_there(scene: Scene) -> None:
    """A plan is stored whole or not at all."""
    chains = scene.chains(CANCEL, scene.orders(200))
    pages = scene.sql("PRAGMA page_count")[0][0]
    with (
        pragma(scene, f"max_page_count={pages + 2}", "max_page_count=1000000"),
        pytest.raises(JournalFull, match="disk is full"),
    ):
        scene.store(chains)

    assert [] == scene.journal.change_sets()
    assert scene.journal.verify().is_intact


FULL = """
import sys
from core.errors import JournalFull
from recovery.journal import Journal
from recovery.states import OperationState
from tests.integration.recovery.scene import CANCEL, Scene, make_scene
import os

url, limit = sys.argv[1:]
journal = Journal.open(url)
scene = make_scene(journal)
keys = scene.orders(200)
for key in keys:
    scene.erp.edit("purchase.order", key, {"attachment": os.urandom(2000)})
approved = scene.approve(scene.plan(CANCEL, keys))
for key in keys:
    scene.erp.edit("purchase.order", key, {"priority": 9})
    scene.erp.edit("purchase.order", key, {"priority": 1})
if limit:
    import resource, signal
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), resource.RLIM_INFINITY))
try:
    scene.run(approved, batch_size=10)
except JournalFull as error:
    sent = scene.sent()
    stored = {
        operation.id
        for operation in journal.operations(approved.id)
        if operation.before_hash is not None
    }
    images = journal.images([o.before_hash for o in journal.operations(approved.id)])
    print("full", len(sent), set(sent) <= stored, len(sent) < len(keys), str(error))
else:
    print("fits")
"""


def run_out(url: str, limit: str = "") -> str:
    """Run a change set in another process until its journal has no room; return what it found."""
    done = subprocess.run(
        [sys.executable, "-c", FULL, url, limit],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert 0 == done.returncode, done.stderr
    return done.stdout.splitlines()[-1]


@pytest.mark.chaos
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of files")
def test_a_limit_on_file_sizes(tmp_path: Path) -> None:
    """The operating system refuses to let the journal grow: what was sent has its way back on disk."""
    said = run_out(f"sqlite:///{tmp_path / 'journal.db'}", limit=str(1_200_000))

    assert said.startswith("full ")
    assert " True True " in said
    assert "cannot be written" in said


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path | None]:
    """Mount a disk of one and a half megabyte; None where we may not."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    mounted = (
        mount is not None
        and not subprocess.run(
            [mount, "-t", "tmpfs", "-o", "size=1500k", "tmpfs", str(folder)],
            capture_output=True,
            check=False,
        ).returncode
    )
    yield folder if mounted else None
    if mounted:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.chaos
@pytest.mark.skipif(sys.platform == "win32", reason="there is no mount")
def test_a_disk_that_is_really_full(small_disk: Path | None, tmp_path: Path) -> None:
    """A file system without room, where we may mount one; a limit on file sizes where we may not."""
    if small_disk is None:
        said = run_out(f"sqlite:///{tmp_path / 'journal.db'}", limit=str(1_500_000))
    else:
        said = run_out(f"sqlite:///{small_disk / 'journal.db'}")

    assert said.startswith("full ")
    assert " True True " in said


def test_a_journal_that_is_damaged_stops_the_run(scene: Scene) -> None:
    """A table is gone: that is damage and no lack of room, and the run stops before its first call."""
    approved = scene.approve(scene.plan(CANCEL, scene.orders(2)))
    scene.sql("ALTER TABLE record_lock RENAME TO lost")
    with pytest.raises(JournalBroken, match="record_lock"):
        scene.run(approved)

    assert [] == scene.sizes()


def test_a_broken_link_between_two_commits(scene: Scene, sqlite_url: str) -> None:
    """A chain whose journal fills up between two links goes on at the link that was not sent."""
    keys = scene.orders(2, state="processing")
    approved = scene.approve(scene.plan(CLOSE, keys))
    before = scene.erp.dump(with_trace=False)
    pages = scene.sql("PRAGMA page_count")[0][0]
    with pragma(scene, f"max_page_count={pages + 1}", "max_page_count=1000000"):
        with pytest.raises(JournalFull):
            scene.run(approved)
        require_way_back(scene)
    scene.journal.close()
    with closing(Journal.open(sqlite_url)) as journal:
        again = make_scene(journal)
        again.erp, again.system = scene.erp, scene.system

        assert ChangeSetState.APPLIED is again.run(approved).state
        assert {1} == set(again.applied().values())
        assert ChangeSetState.APPLIED is again.roll_back(approved).state
    assert before != scene.erp.dump(with_trace=True)
    assert before == scene.erp.dump(with_trace=False)


@pytest.mark.parametrize(
    "damage, problem",
    [
        ("DELETE FROM image", "an image is missing"),
        ("UPDATE image SET content = substr(content, 1, length(content) - 1)", "an image "),
        ("UPDATE image SET content = (SELECT max(content) FROM image)", "an image "),
    ],
)
def test_nothing_is_sent_without_its_way_back(scene: Scene, damage: str, problem: str) -> None:
    """The image that was approved is the way back: where the disk lost it since, nothing is sent."""
    keys = scene.orders(2)
    approved = scene.approve(scene.plan(CANCEL, keys))
    scene.sql("DROP TRIGGER guard_image_update")  # whoever does this by hand finds the way
    scene.sql(damage)
    with pytest.raises(JournalBroken, match=problem):
        scene.run(approved)

    assert [] == scene.sizes()
    assert ["quotation"] * 2 == scene.states(keys)
