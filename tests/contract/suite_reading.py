"""The part of the contract suite that changes nothing: check, both faces, images."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar

import pyarrow as pa
import pytest

from connectors.columns import documents_schema, lines_schema
from connectors.contract import (
    Criteria,
    Kind,
    Ref,
    Reversibility,
    Step,
    System,
)
from core.encoding import pack, unpack
from core.errors import (
    NotFound,
)
from tests.contract.subject import Subject
from tests.factories import action_of, image_of, pairs

MANY = 1000


class ReadingSuite:
    """The part of the contract suite that changes nothing."""

    SUBJECT: ClassVar[type[Subject]]

    @pytest.fixture
    def system(self, subject: Subject) -> Iterator[System]:
        opened = subject.open()
        yield opened
        opened.close()

    # --- who and what ---------------------------------------------------------------------------------

    def test_check_is_consistent(self, system: System) -> None:
        """Whoever does not see everything says what is missing, and every action is told as it behaves."""
        check = system.check()
        assert check.sees_everything is not bool(check.limits)
        assert check.acting_as
        actions = system.actions()
        assert {support.action for support in check.actions} == set(actions)
        for support in check.actions:
            action = actions[support.action]
            assert support.is_atomic_batch == action.is_atomic_batch
            assert support.has_compare_and_set == action.has_compare_and_set

    def test_actions_are_declared_whole(self, system: System) -> None:
        """What an action sets, derives and leaves lies in its footprint, and every field of it exists."""
        actions = system.actions()
        models = {model for action in actions.values() for model in action.footprint}
        known = {model: system.schema(model).keys() for model in models}
        for name, action in actions.items():
            assert name == action.name
            footprint = pairs([*action.footprint.items()])
            stars = {(model, "*") for model in action.footprint}
            # What the ERP keeps about itself (logs, counters) may be trace without lying in the footprint, and
            # what it works out anew on records that many documents share may be derived: none can be captured.
            for declared in (action.ours, action.trace):
                inside = [item for item in declared.items() if item[0] in action.footprint]
                assert pairs(inside) <= footprint | stars
            outside = [item for item in action.ours.items() if item[0] not in action.footprint]
            elsewhere = [*action.derived.items(), *action.trace.items()]
            assert pairs(outside) <= pairs(elsewhere)
            assert pairs([*action.derived.items()]) <= pairs([*action.ours.items()])
            for model, fields in action.footprint.items():
                assert fields <= known[model]
            if action.reversibility is not Reversibility.EXACT:
                assert action.reversibility_note
            if action.reopen_action is not None:
                assert action.reopen_action in actions

    def test_unknown_names_are_not_found(self, system: System) -> None:
        """A model, field, kind or action that the system does not have is `NotFound`, whatever was asked."""
        with pytest.raises(NotFound):
            system.schema("no.such.model")
        with pytest.raises(NotFound):
            system.read([Ref("no.such.model", "1")], ["name"])
        with pytest.raises(NotFound):
            system.capture([Step("no.such.action", Ref("no.such.model", "1"))], [None])
        missing = next(kind for kind in Kind if kind not in system.check().kinds)
        with pytest.raises(NotFound):
            list(system.documents(missing, Criteria()))
        with pytest.raises(NotFound):
            system.find(missing, ["1"])

    def test_users_nobody_knows_have_no_name(self, system: System) -> None:
        """A name that is not there is left out: no preview is lost for it."""
        strangers = ["", "nobody", "res.user 999999", "res.users 999999", "res.user 0x1F"]
        assert {} == system.people([])
        assert {} == system.people(strangers)

    def test_closed_system_can_be_opened_again(self, subject: Subject) -> None:
        """Closing ends the connection, not the ERP: another one sees the same documents."""
        ref, number = subject.make_document(subject.KINDS[0], is_closed=False)
        subject.open().close()
        again = subject.open()
        assert again.find(subject.KINDS[0], [number])[number] == (ref,)
        again.close()

    # --- the bulk face ----------------------------------------------------------------------------------

    def test_documents_have_the_canonical_columns(
        self, subject: Subject, system: System, kind: Kind
    ) -> None:
        """Every batch has exactly the canonical schema, and each document says what it is."""
        ref, number = subject.make_document(kind, is_closed=False)
        batches = list(system.documents(kind, Criteria()))
        assert all(batch.schema.equals(documents_schema()) for batch in batches)
        # A kind may lie in several models of which each counts its keys for itself.
        rows = {(row["model"], row["key"]): row for row in _rows(batches)}
        assert rows[ref.model, ref.key]["number"] == number
        assert rows[ref.model, ref.key]["state"]
        assert {str(row["kind"]) for row in rows.values()} == {str(kind)}
        assert {row["is_closed"] for row in rows.values()} <= {True, False}

    def test_lines_have_the_canonical_columns(
        self, subject: Subject, system: System, kind: Kind
    ) -> None:
        """Every batch has exactly the canonical schema, and each line belongs to a document that was asked for."""
        ref, number = subject.make_document(kind, is_closed=False)
        batches = list(system.lines(kind, Criteria(keys=(ref.key,))))
        assert all(batch.schema.equals(lines_schema()) for batch in batches)
        assert {(row["document_key"], row["number"]) for row in _rows(batches)} <= {
            (ref.key, number)
        }

    def test_criteria_are_honoured(self, subject: Subject, system: System, kind: Kind) -> None:
        """Numbers, keys and is_closed leave out everything else."""
        still_open, open_number = subject.make_document(kind, is_closed=False)
        closed, closed_number = subject.make_document(kind, is_closed=True)

        def keys(criteria: Criteria) -> set[str]:
            rows = _rows(system.documents(kind, criteria))
            # A kind may lie in several models of which each counts its keys for itself.
            return {str(row["key"]) for row in rows if row["model"] == still_open.model}

        both = (still_open.key, closed.key)
        assert {still_open.key} == keys(Criteria(numbers=(open_number,)))
        assert {closed.key} == keys(Criteria(keys=(closed.key,)))
        assert {still_open.key} == keys(Criteria(keys=both, is_closed=False))
        assert {closed.key} == keys(Criteria(numbers=(open_number, closed_number), is_closed=True))
        assert closed.key not in keys(Criteria(is_closed=False))
        assert set() == keys(Criteria(numbers=("no such number",)))

    def test_native_columns_follow_as_text(
        self, subject: Subject, system: System, kind: Kind
    ) -> None:
        """A native column that was asked for stands behind the canonical ones, as text."""
        ref, _ = subject.make_document(kind, is_closed=False)
        native = sorted(
            name
            for name, info in system.schema(ref.model).items()
            if info.type == "str" and info.is_stored
        )[:2]
        criteria = Criteria(keys=(ref.key,), native=tuple(native))
        batches = list(system.documents(kind, criteria))
        assert all(batch.schema.equals(documents_schema(tuple(native))) for batch in batches)
        (row,) = [row for row in _rows(batches) if row["model"] == ref.model]
        (record,) = system.read([ref], native)
        assert record.fields is not None
        expected = {f"native.{name}": record.fields[name] for name in native}
        assert expected.items() <= row.items()

    def test_find_answers_for_every_number(
        self, subject: Subject, system: System, kind: Kind
    ) -> None:
        """A number that exists gives its document, one that does not gives nothing, and none is left out."""
        ref, number = subject.make_document(kind, is_closed=False)
        assert system.find(kind, [number, "無"]) == {number: (ref,), "無": ()}

    # --- reading records ----------------------------------------------------------------------------------

    def test_read_keeps_order_and_shows_missing(self, subject: Subject, system: System) -> None:
        """Records come in the order of the refs, twice if asked twice; a missing one has no fields."""
        first, name = subject.make_document(subject.KINDS[0], is_closed=False)
        second, _ = subject.make_document(subject.KINDS[0], is_closed=False)
        missing = Ref(first.model, "999999999")
        refs = [second, missing, first, second]
        records = system.read(refs, [subject.NUMBER])
        assert refs == [record.ref for record in records]
        assert [record.exists for record in records] == [True, False, True, True]
        assert records[2].fields == {subject.NUMBER: name}
        assert system.read([], [subject.NUMBER]) == []

    def test_read_gives_typed_values(self, subject: Subject, system: System) -> None:
        """Unicode, '' and None, decimals with their scale, dates and moments come as they are in the ERP."""
        ref, expected = subject.make_typed()
        (record,) = system.read([ref], sorted(expected))
        assert record.fields is not None
        assert dict(expected) == dict(record.fields)
        assert {n: type(v) for n, v in expected.items()} == {
            n: type(v) for n, v in record.fields.items()
        }
        assert {n: str(v) for n, v in expected.items()} == {
            n: str(v) for n, v in record.fields.items()
        }
        assert dict(expected) == unpack(*pack(record.fields))

    def test_a_thousand_refs(self, subject: Subject, system: System) -> None:
        """No limit of a system shows: a thousand refs and numbers are answered like one."""
        ref, number = subject.make_document(subject.KINDS[0], is_closed=False)
        refs = [Ref(ref.model, str(900_000_000 + i)) for i in range(MANY)] + [ref]
        records = system.read(refs, [subject.NUMBER])
        assert refs == [record.ref for record in records]
        assert [ref] == [record.ref for record in records if record.exists]
        numbers = [f"no-{i}" for i in range(MANY)] + [number]
        found = system.find(subject.KINDS[0], numbers)
        assert {number: (ref,)} == {n: refs for n, refs in found.items() if refs}
        assert set(numbers) == set(found)

    # --- images --------------------------------------------------------------------------------------------

    def test_capture_holds_the_declared_footprint(
        self, subject: Subject, system: System, action: str
    ) -> None:
        """An image holds the document, sorted by ref, and of each record exactly the declared fields."""
        step = first_call(system, subject.make(action))
        image = image_of(system, step)
        footprint = action_of(system, step).footprint
        assert step.ref in image.refs()
        assert list(image.refs()) == sorted(image.refs())
        for record in image.records:
            assert record.fields is not None
            assert footprint[record.ref.model] == record.fields.keys()
            pack(record.fields)

    def test_capture_twice_is_equal(self, subject: Subject, system: System, action: str) -> None:
        """Nothing but a change changes an image."""
        step = first_call(system, subject.make(action))
        before = image_of(system, step)
        assert before == image_of(system, step, before)

    def test_capture_of_many_keeps_order(self, subject: Subject, system: System) -> None:
        """One image a step, in the order of the steps."""
        steps = [subject.make(subject.BATCH_ACTION) for _ in range(3)]
        images = system.capture(steps, [None, None, None])
        assert [image_of(system, step) for step in steps] == images

    def test_another_thread_captures_the_same(
        self, subject: Subject, system: System, action: str
    ) -> None:
        """A run reads its next batch in a thread of its own, and asks for its actions meanwhile."""
        step = first_call(system, subject.make(action))
        before = image_of(system, step)
        with ThreadPoolExecutor(1) as pool:
            reading = pool.submit(image_of, system, step)
            asked = [system.actions()[step.action] for _ in range(20)]
        assert before == reading.result() == image_of(system, step)
        assert {id(asked[0])} == set(map(id, asked))

    def test_deleted_record_shows_as_missing(
        self, subject: Subject, system: System, action: str
    ) -> None:
        """What an earlier image held and somebody deleted stays in the image, without fields."""
        step = first_call(system, subject.make(action))
        child = subject.child_of(step)
        if child is None:
            child = step.ref
        before = image_of(system, step)
        subject.delete(child)
        after = image_of(system, step, before)
        assert set(before.refs()) <= set(after.refs())
        gone = after.get(child)
        assert gone is not None
        assert gone.fields is None


def _rows(batches: Iterator[pa.RecordBatch] | list[pa.RecordBatch]) -> list[dict[str, object]]:
    return [row for batch in batches for row in batch.to_pylist()]


def first_call(system: System, step: Step) -> Step:
    """Return the first call of an action: itself, or the first link of its chain."""
    return action_of(system, step).steps(step.ref, step.arguments)[0]
