"""What an operation created is read from its images alone."""

from __future__ import annotations

from connectors.contract import Image, Record, Ref
from core.encoding import Value
from recovery.reversing.created import Created, created_documents

DOCUMENT = Ref("move", "1")
NOTE = Ref("move", "2")
MODELS = frozenset({"move"})


def image(**notes: Value) -> Image:
    """Return an invoice, a line, and a credit note with this number or none."""
    rows = [Record(DOCUMENT, {"name": "INV/1"}), Record(Ref("line", "9"), {"name": "bolts"})]
    if "note" in notes:
        rows.append(Record(NOTE, {"name": notes["note"]}))
    return Image(tuple(rows))


def test_a_new_record_of_such_a_model_is_told() -> None:
    """Lines and the document itself are not; a missing record that came back is."""
    assert [Created(NOTE, "RINV/1")] == created_documents(
        MODELS, DOCUMENT, image(), image(note="RINV/1")
    )
    assert [Created(DOCUMENT, "INV/1")] == created_documents(MODELS, NOTE, Image(()), image())
    gone = Image((Record(NOTE, None),))
    assert [Created(NOTE, None)] == created_documents(MODELS, DOCUMENT, gone, image(note="/"))


def test_a_number_that_came_later_is_told_with_the_link_that_gave_it() -> None:
    """The draft of the first link is told without a number, the second link tells the number."""
    draft, numbered = image(note=None), image(note="RINV/1")
    assert [Created(NOTE, None)] == created_documents(MODELS, DOCUMENT, image(), draft)
    assert [Created(NOTE, "RINV/1")] == created_documents(MODELS, DOCUMENT, draft, numbered)
    assert [] == created_documents(MODELS, DOCUMENT, numbered, image(note="RINV/2"))


def test_without_both_images_nothing_is_told() -> None:
    """An operation that was not read afterwards created nothing that anybody knows of."""
    assert [] == created_documents(MODELS, DOCUMENT, None, image(note="RINV/1"))
    assert [] == created_documents(MODELS, DOCUMENT, image(), None)


def test_a_key_that_people_know_is_the_number() -> None:
    """SAP has no field for it: its key is company, number and year. An id of a database is no number."""
    old, new = Ref("BKPF", "1000/0100000001/2026"), Ref("BKPF", "1000/1900000001/2026")
    before = Image((Record(old, {"STBLG": ""}),))
    after = Image((Record(old, {"STBLG": "1900000001"}), Record(new, {"STBLG": "0100000001"})))
    assert [Created(new, new.key)] == created_documents({"BKPF"}, old, before, after)
    plain = Image((Record(NOTE, {"state": "draft"}),))
    assert [Created(NOTE, None)] == created_documents(MODELS, DOCUMENT, Image(()), plain)
