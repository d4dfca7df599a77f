"""Images at rest: sealed or hidden, and never without what is needed to read them."""

# ruff: noqa: S608 - tables are named by the test

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from connectors.contract import Answer, Call, Fence, no_fence
from connectors.fake.schema import ORDER
from core.errors import JournalBroken, JournalKeyMissing, JournalKeyWrong, NotAllowed
from recovery.at_rest.packing import FEWEST_SAMPLES
from recovery.at_rest.redaction import MASK, Redaction
from recovery.at_rest.rotation import rotate, unrotated
from recovery.at_rest.sealing import Keys
from recovery.journal import Journal
from recovery.sql.health import check, figures
from recovery.states import ChangeSetState
from tests.integration.recovery.packed import used
from tests.integration.recovery.scene import CANCEL, MEI, UPDATE, Scene, make_scene
from tests.integration.recovery.sealed import HIDDEN, NEW, OLD, OPEN, SECRET
from tests.integration.recovery.tampering import behind

Opened = Callable[..., Scene]


@pytest.fixture
def opened(journal_url: str) -> Iterator[Opened]:
    """Open the journal with these keys, on each database in turn; it is closed in the end."""
    with ExitStack() as stack:

        def open_it(*keys: tuple[str, bytes], redaction: Redaction = OPEN) -> Scene:
            journal = Journal.open(journal_url, keys=Keys(keys), redaction=redaction)
            stack.callback(journal.close)
            return make_scene(journal)

        yield open_it


def contents(scene: Scene) -> bytes:
    """Return everything that the tables hold, as one text."""
    return b"\n".join(
        bytes(value) if isinstance(value, (bytes, memoryview)) else str(value).encode()
        for table in ("operation", "change_set", "image", "image_dictionary", "move")
        for row in scene.sql(f"SELECT * FROM {table}")
        for value in row
    )


# --- sealed -------------------------------------------------------------------------------------------------


def test_nothing_of_an_image_can_be_read_without_the_key(opened: Opened) -> None:
    """Nor of a dictionary, which is made of images."""
    scene = opened(NEW)
    keys = scene.orders(FEWEST_SAMPLES, owner=SECRET)
    done = scene.do(CANCEL, keys)

    assert SECRET.encode() not in contents(scene)
    assert {1, 2} == set(used(scene))
    assert ChangeSetState.APPLIED is scene.roll_back(done).state
    assert () == check(scene.journal).problems


def test_without_the_key_everything_else_can_be_read(opened: Opened) -> None:
    """Who did what and when; what needs an image names the key."""
    scene = opened(NEW)
    done = scene.do(CANCEL, scene.orders())
    other = opened()

    assert done.id == other.journal.change_set("last").id
    (operation,) = other.operations(done)
    for forbidden in (
        lambda: other.journal.images([operation.before_hash]),
        lambda: other.plan(CANCEL, other.orders()),
        other.journal.verify,
        lambda: check(other.journal),
    ):
        with pytest.raises(JournalKeyMissing, match="'2026'"):
            forbidden()


def test_nothing_is_stored_open_by_accident(opened: Opened) -> None:
    """A journal that was begun without a key and sealed later; then somebody forgets the key."""
    open_one = opened()
    open_one.do(CANCEL, open_one.orders())
    scene = opened(NEW)
    scene.do(CANCEL, scene.orders())
    forgetful = opened()

    with pytest.raises(JournalKeyMissing):
        forgetful.plan(CANCEL, forgetful.orders())


def test_another_key_of_the_same_name_is_refused(opened: Opened, journal_url: str) -> None:
    """Before anything is sealed with it that nobody could open later."""
    opened(NEW)

    with pytest.raises(JournalKeyWrong, match=r"'2026'.*new name"):
        Journal.open(journal_url, keys=Keys([("2026", b"x" * 32)]))


def test_the_chain_tells_of_every_key(opened: Opened) -> None:
    """When it was first used, by its name."""
    scene = opened(NEW)

    assert [("key", "2026", "added")] == [
        tuple(row) for row in scene.sql("SELECT subject, subject_id, to_state FROM journal_move")
    ]
    assert scene.journal.verify().is_intact


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param(
            "content = (SELECT content FROM image ORDER BY hash DESC LIMIT 1)", id="swapped"
        ),
        pytest.param("content = hash", id="overwritten"),
        pytest.param("key_id = NULL", id="said to be open"),
    ],
)
def test_a_sealed_image_that_was_altered_is_found(
    opened: Opened, journal_url: str, statement: str
) -> None:
    """Also when it was replaced by another sealed image."""
    scene = opened(NEW)
    scene.do(CANCEL, scene.orders(3))
    with behind(journal_url) as connection:
        first = "(SELECT hash FROM image ORDER BY hash LIMIT 1)"
        connection.execute(f"UPDATE image SET {statement} WHERE hash = {first}")

    assert any("was altered" in str(problem) for problem in scene.journal.verify().problems)


# --- keys change ----------------------------------------------------------------------------------------------


def test_rotation_leaves_nothing_to_the_old_key(opened: Opened) -> None:
    """Images, dictionaries, the seed: the old key may be taken out, and everything can be read and taken back."""
    first = opened(OLD)
    done = first.do(CANCEL, first.orders(FEWEST_SAMPLES))
    hashed = first.journal.image_hash(b"x")
    both_keys = opened(NEW, OLD)
    count = unrotated(both_keys.journal)

    assert 2 * FEWEST_SAMPLES == count
    assert count == rotate(both_keys.journal, actor=MEI)
    assert 0 == unrotated(both_keys.journal)
    later = opened(NEW)
    later.erp, later.system = first.erp, first.system
    assert hashed == later.journal.image_hash(b"x")
    assert () == check(later.journal).problems
    assert 2 == figures(later.journal).counts["image_dictionary"]
    assert ChangeSetState.APPLIED is later.roll_back(done).state


def test_rotation_seals_what_was_open(opened: Opened) -> None:
    """A journal that was begun without a key."""
    scene = opened()
    scene.do(CANCEL, scene.orders(FEWEST_SAMPLES, owner=SECRET))
    seed = scene.sql("SELECT value FROM journal_setting WHERE name = 'image_key'")[0][0]
    sealed = opened(NEW)
    rotate(sealed.journal, actor=MEI)

    assert SECRET.encode() not in contents(sealed)
    assert seed not in str(sealed.sql("SELECT value FROM journal_setting"))
    assert () == check(sealed.journal).problems


def test_rotation_goes_on_where_it_was(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut short after some images, it does the others the next time; nothing is lost between."""
    first = opened(OLD)
    first.do(CANCEL, first.orders(10))
    scene = opened(NEW, OLD)
    monkeypatch.setattr("recovery.at_rest.rotation.BATCH", 3)

    def stop(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rotate(scene.journal, actor=MEI, progress=stop)
    assert () == check(scene.journal).problems
    assert 17 == rotate(scene.journal, actor=MEI)
    assert () == check(opened(NEW).journal).problems


def test_rotation_needs_the_old_key(opened: Opened) -> None:
    """It names it, and nothing is changed."""
    first = opened(OLD)
    first.do(CANCEL, first.orders())
    scene = opened(NEW)

    with pytest.raises(JournalKeyMissing, match="'2025'"):
        rotate(scene.journal, actor=MEI)
    assert () == check(opened(OLD).journal).problems


def test_without_a_key_there_is_nothing_to_rotate(opened: Opened) -> None:
    """It says how to get one."""
    scene = opened()

    assert 0 == unrotated(scene.journal)
    with pytest.raises(NotAllowed, match="new-key"):
        rotate(scene.journal, actor=MEI)


@pytest.mark.parametrize("first", [(), (OLD,)], ids=["open", "sealed"])
def test_no_process_undoes_a_rotation(opened: Opened, first: tuple[tuple[str, bytes], ...]) -> None:
    """One that was started before it stores nothing open, and nothing under a key that is about to be thrown away.

    It sends nothing either: the way back could not be stored. Started anew, it goes on.
    """
    running = opened(*first)
    waiting = running.approve(running.plan(CANCEL, running.orders(3)))
    rotating = opened(NEW, *first)
    rotate(rotating.journal, actor=MEI)

    with pytest.raises(JournalKeyMissing, match=r"'2026'.*start this process anew"):
        running.run(waiting)
    with pytest.raises(JournalKeyMissing, match=r"'2026'"):
        running.plan(CANCEL, running.orders())
    assert [] == running.sizes()
    assert 0 == unrotated(rotating.journal)

    anew = opened(NEW)
    anew.erp, anew.system = running.erp, running.system
    assert ChangeSetState.APPLIED is anew.run(waiting).state
    assert ChangeSetState.APPLIED is anew.roll_back(waiting).state
    assert () == check(anew.journal).problems


def test_what_was_sent_before_a_rotation_is_settled_after_it(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key turns in the middle of a call: what was done is read back by whoever has the key, and not sent again."""
    running = opened(OLD)
    waiting = running.approve(running.plan(CANCEL, running.orders(3)))
    apply = running.system.apply

    def turn(calls: Sequence[Call], fence: Fence = no_fence) -> list[Answer]:
        answers = apply(calls, fence)
        rotate(opened(NEW, OLD).journal, actor=MEI)
        return answers

    monkeypatch.setattr(running.system, "apply", turn)
    with pytest.raises(JournalKeyMissing):
        running.run(waiting)
    monkeypatch.setattr(running.system, "apply", apply)
    anew = opened(NEW)
    anew.erp, anew.system = running.erp, running.system

    assert ChangeSetState.APPLIED is anew.run(waiting).state
    assert {1} == set(running.applied().values())
    assert [3] == running.sizes()
    assert () == check(anew.journal).problems


# --- hidden ---------------------------------------------------------------------------------------------------


def test_a_hidden_field_is_changed_and_taken_back_exactly(opened: Opened) -> None:
    """Its values stand in no plain row, of the change nor of its rollback; the ERP gets the very values."""
    scene = opened(NEW, redaction=HIDDEN)
    (key,) = scene.orders(note="was " + SECRET)
    done = scene.update(key, note="is " + SECRET)

    assert "is " + SECRET == scene.order(key)["note"]
    (operation,) = scene.operations(done)
    assert {"note": "is " + SECRET} == dict(operation.step.arguments)
    scene.roll_back(done)
    assert "was " + SECRET == scene.order(key)["note"]
    assert SECRET.encode() not in contents(scene)
    assert () == check(scene.journal).problems


def test_what_somebody_else_wrote_into_a_hidden_field_is_hidden(opened: Opened) -> None:
    """The conflict is found and told, its values are not."""
    scene = opened(NEW, redaction=HIDDEN)
    (key, other) = scene.orders(2, note="was " + SECRET)
    done = scene.do(UPDATE, [key, other], arguments={"note": "is " + SECRET})
    scene.erp.edit(ORDER, key, {"note": "mine " + SECRET})
    back = scene.run(scene.approve(scene.plan_rollback(scene.selection(done))))

    assert "mine " + SECRET == scene.order(key)["note"]
    assert "was " + SECRET == scene.order(other)["note"]
    assert SECRET.encode() not in contents(scene)
    conflict = next(op for op in scene.operations(back) if op.details.get("conflicts"))
    assert "mine " + SECRET == conflict.details["conflicts"][0]["now"]


def test_what_moved_since_approval_is_told_without_values(opened: Opened) -> None:
    """In the reason, which stands in the journal and on the screen."""
    scene = opened(NEW, redaction=HIDDEN)
    (key,) = scene.orders(note="was " + SECRET)
    waiting = scene.approve(scene.plan(CANCEL, [key]))
    scene.erp.edit(ORDER, key, {"note": "is " + SECRET})
    scene.run(waiting)

    (operation,) = scene.operations(waiting)
    assert operation.reason is not None
    assert f"note: {MASK} -> {MASK}" in str(operation.reason)
    assert SECRET.encode() not in contents(scene)


def test_a_hidden_argument_that_is_gone_is_never_sent(opened: Opened) -> None:
    """Nobody pruned it: the journal is broken, and the ERP gets nothing, no mask either."""
    scene = opened(NEW, redaction=HIDDEN)
    (key,) = scene.orders(note="was")
    waiting = scene.approve(scene.plan(UPDATE, [key], arguments={"note": SECRET}))
    scene.sql("DELETE FROM image")

    with pytest.raises(JournalBroken):
        scene.run(waiting)
    assert "was" == scene.order(key)["note"]
    assert [] == scene.sizes()


def test_the_file_of_a_sealed_journal_holds_no_value(tmp_path: Path) -> None:
    """Not in free space either, once it was rotated and compacted."""
    from recovery.sql.health import compact

    path = tmp_path / "journal.db"
    journal = Journal.open(f"sqlite:///{path}")
    scene = make_scene(journal)
    scene.do(CANCEL, scene.orders(30, owner=SECRET))
    journal.close()
    journal = Journal.open(f"sqlite:///{path}", keys=Keys([NEW]))
    rotate(journal, actor=MEI)
    compact(journal)
    journal.close()

    assert SECRET.encode() not in path.read_bytes()
