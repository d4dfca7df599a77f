"""What the journal is asked for it finds, and nothing else."""

# ruff: noqa: S608 - what is altered is written in SQL

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from uuid_utils import UUID

from core import clock, ids
from core.errors import BadInput, JournalBroken, NotFound
from recovery.model import Actor, ChangeSet, Purpose
from recovery.reading import READ_CHUNK
from recovery.states import ChangeSetState, OperationState
from tests.integration.recovery.scene import CANCEL, MEI, UPDATE, Scene, make_scene

NOW = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)


def empty(scene: Scene) -> ChangeSet:
    """Store a plan without operations."""
    return scene.journal.plan(scene.draft(), ())


def test_a_change_set_is_found_by_its_beginning(both: Scene) -> None:
    """By its id, by as much of it as is unique, however typed; `last` is the newest."""
    first, last = empty(both), empty(both)
    # Ids of one moment share their beginning: look where they part.
    shared = next(n for n, (a, b) in enumerate(zip(first.id, last.id, strict=True)) if a != b)

    for wanted in (first.id, first.id.upper(), f" {first.id} ", first.id[: shared + 1]):
        assert first == both.journal.change_set(wanted)
    assert last == both.journal.change_set("last")
    assert last == both.journal.change_set(last.id[: shared + 1])


def test_newest_is_what_was_planned_last_also_after_the_clock_went_back(
    both: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The journal knows the order; a clock that somebody set back does not turn it round."""
    key, *_ = both.orders()
    first = both.update(key, note="first")
    monkeypatch.setattr(ids, "uuid7", lambda: UUID("00000000-0001-7000-8000-000000000001"))
    second = both.update(key, note="second")
    monkeypatch.undo()
    third = both.update(key, note="third")
    back = both.roll_back(both.journal.change_set("last"))

    assert [back.id, third.id, second.id, first.id] == [
        each.id for each in both.journal.change_sets()
    ]
    assert "second" == both.order(key)["note"]
    both.roll_back(second)
    assert "first" == both.order(key)["note"]


def test_a_beginning_that_fits_several_is_refused(both: Scene) -> None:
    """It names two of them and asks for more."""
    ids = [empty(both).id for _ in range(3)]
    with pytest.raises(BadInput, match="give more of the id") as caught:
        both.journal.change_set(ids[0][:4])

    assert 2 == sum(each in str(caught.value) for each in ids)


@pytest.mark.parametrize(
    "wanted", ["", "01a", "nothing", "ffffffff", "01%", "LAST", "0000-' OR 1=1"]
)
def test_what_is_no_change_set_is_not_found(scene: Scene, wanted: str) -> None:
    """Too short, no id at all, or nobody's."""
    empty(scene)
    with pytest.raises(NotFound):
        scene.journal.change_set(wanted)


def test_an_empty_journal_has_no_last(scene: Scene) -> None:
    """Nothing was planned yet."""
    with pytest.raises(NotFound):
        scene.journal.change_set("last")


def test_change_sets_are_listed_newest_first(both: Scene) -> None:
    """As many as asked for."""
    made = [empty(both).id for _ in range(4)]

    assert made[::-1] == [each.id for each in both.journal.change_sets()]
    assert made[:1:-1] == [each.id for each in both.journal.change_sets(limit=2)]


def test_change_sets_are_found_by_what_one_knows(both: Scene) -> None:
    """Time, person (planner or approver), system, document, state, purpose, what it takes back."""
    keys = both.orders(3)
    other = make_scene(both.journal)
    other.system.name = "other"
    other.orders(9)
    with clock.fixed(NOW):
        old = both.plan(CANCEL, keys[:1], actor=Actor("old hand"))
    done = both.do(CANCEL, keys[1:])
    elsewhere = other.plan(CANCEL, [other.orders()[0]])
    back = both.roll_back(done)
    journal = both.journal

    def found(**given: Any) -> list[str]:
        return [each.id for each in journal.change_sets(**given)]

    assert [back.id, elsewhere.id, done.id] == found(since=NOW + timedelta(seconds=1))
    assert [back.id, elsewhere.id, done.id, old.id] == found(since=NOW)
    assert [old.id] == found(by="old hand")
    assert [back.id, done.id] == found(by="anna")
    assert [elsewhere.id] == found(system="other")
    assert [back.id, done.id] == found(number="PO0002")
    assert [old.id] == found(number="PO0001")
    assert [back.id] == found(number="PO0002", purpose=Purpose.ROLLBACK)
    assert [old.id, elsewhere.id] == found(states={ChangeSetState.PLANNED})[::-1]
    assert [back.id] == found(reverses_id=done.id)
    assert [] == found(number="PO0002", system="other")


def test_a_number_never_means_another_documents_key(both: Scene) -> None:
    """A document that has a number is found by that; one without is found by its key."""
    keys = both.orders(2)
    both.erp.edit("purchase.order", keys[0], {"number": keys[1]})
    both.erp.edit("purchase.order", keys[1], {"number": None})
    numbered, bare = both.do(CANCEL, keys[:1]), both.do(CANCEL, keys[1:])

    assert {numbered.id, bare.id} == {
        each.change_set_id for each in both.journal.operations_of_numbers([keys[1]])
    }
    assert [] == both.journal.operations_of_numbers([keys[0]])
    assert [] == both.journal.change_sets(number=keys[0])


def test_operations_of_documents_are_those_that_were_confirmed(both: Scene) -> None:
    """Newest first, of one system if asked so; what was refused is not to be taken back."""
    keys = both.orders(2)
    both.fail("bad_document", key=keys[1], times=9)
    both.do(CANCEL, keys)
    both.update(keys[0], note="a")
    both.update(keys[0], note="b")
    found = both.journal.operations_of_numbers(["PO0001", "PO0002", "PO0009"])

    assert [UPDATE, UPDATE, CANCEL] == [operation.step.action for operation in found]
    assert ["b", "a", None] == [operation.step.arguments.get("note") for operation in found]
    assert found == both.journal.operations_of_numbers(["PO0001"], system="fake")
    assert [] == both.journal.operations_of_numbers(["PO0001"], system="other")


def test_a_list_may_be_longer_than_a_statement_takes(both: Scene) -> None:
    """Forty thousand numbers from a file, of which some are ours."""
    both.do(CANCEL, both.orders(3))
    numbers = [f"PO{n:04}" for n in range(40_000)]

    assert ["PO0003", "PO0002", "PO0001"] == [
        operation.number for operation in both.journal.operations_of_numbers(numbers)
    ]


def test_many_operations_come_in_order(both: Scene) -> None:
    """However many there are, each once, by position, by state."""
    keys = both.orders(2)
    (chain,) = both.chains(CANCEL, keys[:1])
    (operation,) = chain.operations
    count = 2 * READ_CHUNK + 1
    planned = both.journal.plan(
        both.draft(), (replace(operation, number=f"N{n}", approved=None) for n in range(count))
    )
    journal = both.journal

    assert list(range(1, count + 1)) == [each.position for each in journal.operations(planned.id)]
    assert [3, 700] == [
        each.position for each in journal.operations(planned.id, positions=[700, 3])
    ]
    assert [] == list(journal.operations(planned.id, states={OperationState.SENT}))
    assert [11, 12] == [
        each.position for each in journal.next_operations(planned.id, after=10, limit=2)
    ]
    assert {OperationState.PLANNED: count} == journal.counts(planned.id)
    assert count == planned.operation_count


def test_operations_by_id(scene: Scene) -> None:
    """Unknown ones are left out."""
    (operation,) = scene.operations(scene.plan(CANCEL, scene.orders()))

    assert {operation.id: operation} == scene.journal.operations_by_id([operation.id, "unknown"])


def test_equal_images_are_stored_once(both: Scene) -> None:
    """What is approved, captured and read back for three documents is six images, not nine."""
    done = both.do(CANCEL, both.orders(3))
    both.do(CANCEL, both.orders())
    both.roll_back(done)
    operations = both.operations(done)
    stored = both.sql("SELECT count(*) FROM image")[0][0]
    named = both.sql(
        "SELECT before_hash FROM operation UNION SELECT after_hash FROM operation"
        " UNION SELECT approved_hash FROM operation"
    )

    assert all(operation.approved_hash == operation.before_hash for operation in operations)
    assert len([row for row in named if row[0] is not None]) == stored


def test_images_are_loaded_by_their_hash(both: Scene) -> None:
    """Each once, None for nothing; one that is not there is damage."""
    keys = both.orders(3)
    done = both.do(CANCEL, keys)
    operations = both.operations(done)
    hashes = [operation.after_hash for operation in operations]
    images = both.journal.images([*hashes, *hashes, None])

    assert ["cancelled"] * 3 == [
        (images[str(found)].records[0].fields or {})["state"] for found in hashes
    ]
    assert {} == both.journal.images([None])
    with pytest.raises(JournalBroken, match="missing"):
        both.journal.images(["00" * 32])


@pytest.mark.parametrize(
    "content, words",
    [
        ("x'1234'", "cannot be unpacked"),
        ("(SELECT content FROM image ORDER BY hash DESC LIMIT 1)", "was altered"),
    ],
)
def test_an_altered_image_is_never_used(scene: Scene, content: str, words: str) -> None:
    """What would be written back into an ERP is what was read from it, or nothing."""
    scene.do(CANCEL, scene.orders(2))
    scene.sql("DROP TRIGGER guard_image_update")
    first = scene.sql("SELECT hash FROM image ORDER BY hash LIMIT 1")[0][0].hex()
    scene.sql(f"UPDATE image SET content = {content} WHERE hash = x'{first}'")

    with pytest.raises(JournalBroken, match=words):
        scene.journal.images([first])


def test_names_of_people_come_back(both: Scene) -> None:
    """Planner and approver are told apart."""
    done = both.do(CANCEL, both.orders())

    assert (MEI, Actor("anna")) == (done.actor, done.approved_by)
    assert done.started_at is not None
    assert done.finished_at is not None
    assert done.created_at <= done.started_at <= done.finished_at
