"""Old images go; nothing goes that anybody may still need, and whoever asks for what is gone is told so."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from sqlalchemy import select

from core import clock
from core.errors import IllegalMove, ImagesPruned, JournalBroken, NotAllowed, NotFound
from recovery.at_rest import retention, sweeping
from recovery.at_rest.pruned import find_pruned
from recovery.at_rest.retention import hold, holds, prunable, prune, release
from recovery.at_rest.sealing import Keys
from recovery.journal import Journal
from recovery.model import ChangeSet
from recovery.reversing.selection import Selection
from recovery.sql.health import check, figures
from recovery.sql.schema_storage import image
from recovery.states import ChangeSetState
from tests.integration.recovery.scene import CANCEL, MEI, UPDATE, Scene, make_scene
from tests.integration.recovery.sealed import HIDDEN, NEW, SECRET
from tests.integration.recovery.tampering import tamper


def later(days: int = 1) -> datetime:
    """Return a moment after everything that happened so far."""
    return clock.now() + timedelta(days=days)


def image_count(scene: Scene) -> int:
    """Return how many images there are."""
    return figures(scene.journal).counts["image"]


def sweep_all(scene: Scene) -> retention.Progress:
    """Prune everything that may be pruned."""
    return prune(scene.journal, later(), actor=MEI)


# --- what goes --------------------------------------------------------------------------------------------


def test_images_of_what_is_old_go(both: Scene) -> None:
    """All of them; what was done stays, and the chain tells who took them and when."""
    done = both.do(CANCEL, both.orders(3))
    before = both.operations(done)
    gone = sweep_all(both)

    assert (1, 6) == (gone.change_set_count, gone.image_count)
    assert gone.byte_count > 0
    assert 0 == image_count(both)
    assert before == both.operations(done)
    assert () == check(both.journal).problems
    move = list(both.journal.history(done.id))[-1]
    assert ("images", "pruned", "mei") == (move.subject, move.to_state, move.actor)
    assert {done.id} == set(find_pruned(both.journal, [done.id]))


def test_what_is_young_stays(both: Scene) -> None:
    """It is counted by when it ended, not by when it began."""
    both.do(CANCEL, both.orders(3))
    gone = prune(both.journal, clock.now() - timedelta(days=1), actor=MEI)

    assert (0, 0) == (gone.change_set_count, gone.image_count)
    assert 6 == image_count(both)


def test_a_dry_run_changes_nothing(both: Scene) -> None:
    """It names what would go."""
    done = both.do(CANCEL, both.orders(3))
    lines = both.journal.verify().line_count
    found = prunable(both.journal, later())

    assert ((done.id,), 3) == (found.change_set_ids, found.operation_count)
    assert 6 == image_count(both)
    assert lines == both.journal.verify().line_count


def test_what_is_open_stays(both: Scene) -> None:
    """A plan that waits, one that was approved, and one that waits for a person."""
    planned = both.plan(CANCEL, both.orders())
    approved = both.approve(both.plan(CANCEL, both.orders()))
    found = prunable(both.journal, later())

    assert ((), 2) == (found.change_set_ids, found.open_count)
    sweep_all(both)
    assert 2 == image_count(both)
    assert ChangeSetState.APPLIED is both.run(both.approve(planned)).state
    assert ChangeSetState.APPLIED is both.run(approved).state


def test_a_plan_whose_time_is_over_goes(both: Scene) -> None:
    """Nobody can run it any more; it is told as expired, by the chain too."""
    old = both.plan(CANCEL, both.orders(), expires_at=clock.now() - timedelta(days=2))
    sweep_all(both)

    assert 0 == image_count(both)
    assert ChangeSetState.EXPIRED is both.again(old).state
    assert () == check(both.journal).problems


def test_an_image_that_something_younger_needs_stays(both: Scene) -> None:
    """What one change set left is what the next one found: it is one image."""
    (key,) = both.orders()
    old = both.update(key, note="a")
    middle = clock.now()
    young = both.update(key, note="b")
    prune(both.journal, middle, actor=MEI)

    assert {old.id} == set(find_pruned(both.journal, [old.id, young.id]))
    assert 2 == image_count(both)
    assert ChangeSetState.APPLIED is both.roll_back(young).state
    assert "a" == both.order(key)["note"]


def test_what_a_younger_change_set_took_back_stays(both: Scene) -> None:
    """So the way back of the way back is whole."""
    done = both.do(CANCEL, both.orders(2))
    middle = clock.now()
    back = both.roll_back(done)
    found = prunable(both.journal, middle)

    assert ((), 1) == (found.change_set_ids, found.needed_count)
    prune(both.journal, middle, actor=MEI)
    assert ChangeSetState.APPLIED is both.roll_back(back).state
    assert {done.id, back.id} <= set(prunable(both.journal, later()).change_set_ids)


def test_pruning_twice_takes_nothing_more(both: Scene) -> None:
    """And says so."""
    both.do(CANCEL, both.orders(3))
    sweep_all(both)
    again = sweep_all(both)

    assert (0, 0) == (again.change_set_count, again.image_count)


def test_free_space_is_used_again(scene: Scene) -> None:
    """A journal that is pruned does not grow for ever."""
    sizes = []
    for _ in range(4):
        scene.do(CANCEL, scene.orders(300))
        sweep_all(scene)
        sizes.append(scene.sql("PRAGMA page_count")[0][0])
    growth = [after - before for before, after in pairwise(sizes)]

    assert max(growth) < sizes[0]
    images = "SELECT sum(pgsize) FROM dbstat WHERE name = 'image'"
    assert scene.sql(images)[0][0] < 100_000


# --- cut short, and others beside it ------------------------------------------------------------------------


def test_pruning_goes_on_where_it_was(both: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was marked cannot be taken back; its images go the next time."""
    done = both.do(CANCEL, both.orders(10))
    monkeypatch.setattr(sweeping, "BATCH", 3)

    def stop(_: retention.Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prune(both.journal, later(), actor=MEI, progress=stop)
    assert 17 == image_count(both)
    assert () == check(both.journal).problems
    with pytest.raises(ImagesPruned):
        both.roll_back(done)
    assert 17 == sweep_all(both).image_count


def test_large_change_sets_are_swept_in_waves(both: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not more images at once than memory is meant for, and none is forgotten."""
    both.do(CANCEL, both.orders(10))
    both.do(CANCEL, both.orders(10))
    monkeypatch.setattr(sweeping, "WAVE", 7)

    assert 40 == sweep_all(both).image_count
    assert 0 == image_count(both)


def test_an_image_that_came_to_be_needed_meanwhile_stays(
    both: Scene, journal_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else plans and runs on the very documents, between the looking and the taking away."""
    keys = both.orders(4)
    old = both.do(UPDATE, keys, arguments={"note": "x"})
    monkeypatch.setattr(sweeping, "BATCH", 1)
    monkeypatch.setattr(retention, "_is_needed", lambda *_: False)
    look = sweeping._leave_what_is_needed
    with closing(Journal.open(journal_url)) as other_journal:
        other = make_scene(other_journal)
        other.erp, other.system = both.erp, both.system
        made = list[ChangeSet]()

        def interrupted(journal: Journal, wanted: set[bytes]) -> int:
            seen_to = look(journal, wanted)
            made.append(other.plan(UPDATE, keys[:2], arguments={"note": "y"}))
            made.append(other.do(UPDATE, keys[2:], arguments={"note": "z"}))
            return seen_to

        monkeypatch.setattr(sweeping, "_leave_what_is_needed", interrupted)
        sweep_all(both)
        waiting, done = made

        assert ChangeSetState.APPLIED is other.run(other.approve(waiting)).state
        assert ChangeSetState.APPLIED is other.roll_back(done).state
    assert {old.id} == set(find_pruned(both.journal, [old.id, waiting.id, done.id]))
    assert () == check(both.journal).problems


def test_what_is_being_taken_back_meanwhile_is_not_pruned(
    both: Scene, journal_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rollback was stored between the looking and the marking."""
    done = both.do(CANCEL, both.orders(2))
    look = retention.prunable
    with closing(Journal.open(journal_url)) as other_journal:
        other = make_scene(other_journal)
        other.erp, other.system = both.erp, both.system
        made = list[ChangeSet]()

        def interrupted(journal: Journal, before: datetime) -> retention.Prunable:
            found = look(journal, before)
            made.append(other.plan_rollback(other.selection(done)))
            return found

        monkeypatch.setattr(retention, "prunable", interrupted)
        gone = sweep_all(both)

        assert 0 == gone.change_set_count
        assert ChangeSetState.APPLIED is other.run(other.approve(made[0])).state


def test_what_was_pruned_meanwhile_is_not_taken_back(both: Scene) -> None:
    """The preview was before, the plan is after: nothing is stored, so nothing can be half done."""
    from recovery.rollback import store_rollback

    done = both.do(CANCEL, both.orders(2))
    found = both.preview(done)
    sweep_all(both)

    with pytest.raises(ImagesPruned):
        store_rollback(both.journal, found, actor=MEI, reason="late")
    assert [done.id] == [each.id for each in both.journal.change_sets()]


# --- what is gone is told -----------------------------------------------------------------------------------


def test_what_was_pruned_cannot_be_taken_back(both: Scene) -> None:
    """By its id, or by its documents: it says since when, and by whom."""
    keys = both.orders(2)
    done = both.do(CANCEL, keys)
    sweep_all(both)

    with pytest.raises(ImagesPruned, match=f"{done.short_id}.*cannot be taken back.*by mei"):
        both.roll_back(done)
    with pytest.raises(ImagesPruned):
        both.plan_rollback(Selection(numbers=(both.order(keys[0])["number"],)))
    assert ["cancelled", "cancelled"] == both.states(keys)


def test_images_that_nobody_pruned_are_missed(told_url: str) -> None:
    """A row that says so is not enough: the chain must say so too."""
    table = "(SELECT id FROM change_set ORDER BY id LIMIT 1)"
    found = tamper(
        told_url,
        "DELETE FROM image",
        "INSERT INTO pruned_change_set (change_set_id, pruned_at, pruned_by)"  # noqa: S608 - a test's own words
        f" SELECT {table}, created_at, actor FROM change_set LIMIT 1",
    )

    assert any("nobody pruned them" in each for each in found)


def test_hidden_values_of_pruned_change_sets_are_gone(journal_url: str) -> None:
    """What a person did can still be listed, with the mask where the value was."""
    with closing(Journal.open(journal_url, keys=Keys([NEW]), redaction=HIDDEN)) as journal:
        scene = make_scene(journal)
        (key,) = scene.orders(note="was")
        done = scene.update(key, note=SECRET)
        sweep_all(scene)

        (operation,) = scene.operations(done)
        assert {"note": "***"} == dict(operation.step.arguments)
        assert 0 == image_count(scene)


# --- holds --------------------------------------------------------------------------------------------------


def test_what_is_held_stays(both: Scene) -> None:
    """Until it is released; both with name and reason, also in the chain."""
    done = both.do(CANCEL, both.orders(2))
    held = hold(both.journal, done.id, actor=MEI, reason="tax audit")

    assert [held] == holds(both.journal)
    assert 1 == prunable(both.journal, later()).held_count
    sweep_all(both)
    assert 4 == image_count(both)
    release(both.journal, done.id, actor=MEI, reason="over")
    assert [] == holds(both.journal)
    sweep_all(both)
    assert 0 == image_count(both)
    told = [(m.to_state, m.detail) for m in both.journal.history(done.id) if m.subject == "hold"]
    assert [("held", {"reason": "tax audit"}), ("released", {"reason": "over"})] == told
    assert () == check(both.journal).problems


def test_a_hold_that_comes_meanwhile_counts(both: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the looking and the marking."""
    done = both.do(CANCEL, both.orders(2))
    look = retention.prunable

    def interrupted(journal: Journal, before: datetime) -> retention.Prunable:
        found = look(journal, before)
        hold(journal, done.id, actor=MEI, reason="tax audit")
        return found

    monkeypatch.setattr(retention, "prunable", interrupted)

    assert 0 == sweep_all(both).change_set_count
    assert 4 == image_count(both)


def test_holds_that_make_no_sense_are_refused(both: Scene) -> None:
    """Twice, released without being held, or when nothing is left to hold."""
    done = both.do(CANCEL, both.orders())
    with pytest.raises(NotFound, match="is not held"):
        release(both.journal, done.id, actor=MEI, reason="x")
    hold(both.journal, done.id, actor=MEI, reason="x")
    with pytest.raises(NotAllowed, match="held already"):
        hold(both.journal, done.id, actor=MEI, reason="y")
    release(both.journal, done.id, actor=MEI, reason="x")
    sweep_all(both)
    with pytest.raises(ImagesPruned):
        hold(both.journal, done.id, actor=MEI, reason="z")


def test_images_are_deleted_by_nobody_else(both: Scene) -> None:
    """An image that is gone without having been pruned stops whoever needs it."""
    done = both.do(CANCEL, both.orders())
    both.sql("DELETE FROM image")
    with both.journal.reading() as connection:
        assert [] == connection.execute(select(image)).all()

    with pytest.raises((JournalBroken, IllegalMove)):
        both.roll_back(done)
