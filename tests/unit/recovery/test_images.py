"""Images come back exactly as they were, and what differs between two of them is found exactly."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.contract import Image, Record, Ref
from core.encoding import Value
from core.errors import ContractBroken
from recovery.at_rest.sealing import Keys
from recovery.at_rest.vault import Vault
from recovery.images import (
    decode_image,
    differences,
    encode_image,
    only,
    without,
)
from recovery.model import FieldDifference
from tests.unit.recovery.strategies import FIELDS, IMAGES, VALUES

ORDER = Ref("purchase.order", "7")
LINE = Ref("purchase.line", "1")


def image(**fields: Value) -> Image:
    """Return the image of one order."""
    return Image((Record(ORDER, fields),))


def vault(seed: bytes = b"key") -> Vault:
    """Return the vault of a journal with this seed."""
    return Vault("journal", seed, Keys(), {})


def typed(found: Image) -> list[Any]:
    """Return an image with the type of each value, which `==` does not see."""
    return [
        (
            record.ref,
            None
            if record.fields is None
            else {
                name: (type(value), f"{value:f}" if isinstance(value, Decimal) else value)
                for name, value in record.fields.items()
            },
            dict(record.raw),
        )
        for record in found.records
    ]


@given(IMAGES)
def test_an_image_comes_back_as_it_was(found: Image) -> None:
    """Every value with its type, its scale and its raw text; a missing record stays missing."""
    assert typed(found) == typed(decode_image(encode_image(found)))


@given(FIELDS)
def test_equal_images_give_equal_bytes(fields: dict[str, Value]) -> None:
    """The order in which a connector names fields changes nothing."""
    turned = dict(reversed(fields.items()))

    assert encode_image(image(**fields)) == encode_image(image(**turned))


@given(VALUES, VALUES)
def test_what_differs_has_another_hash(one: Value, other: Value) -> None:
    """Two values that are a difference are never stored as one image."""
    codec = vault()
    left, right = image(field=one), image(field=other)

    if differences(left, right):
        assert codec.hash(encode_image(left)) != codec.hash(encode_image(right))


def test_missing_is_not_empty() -> None:
    """A record that does not exist and one without fields are two things."""
    assert encode_image(Image((Record(ORDER, None),))) != encode_image(Image((Record(ORDER, {}),)))


def test_a_float_is_refused() -> None:
    """A binary float would come back as another number."""
    with pytest.raises(ContractBroken):
        encode_image(image(amount=0.1))  # type: ignore[arg-type]


def test_hash_is_keyed() -> None:
    """Who does not have the journal's key cannot find out content by hashing guesses."""
    encoded = encode_image(image(salary=Decimal("5000.00")))

    assert vault(b"ours").hash(encoded) != vault(b"theirs").hash(encoded)
    assert 32 == len(vault(b"ours").hash(encoded))


@given(IMAGES)
def test_an_image_does_not_differ_from_itself(found: Image) -> None:
    """Whatever it holds."""
    assert [] == differences(found, decode_image(encode_image(found)))


@given(IMAGES, IMAGES)
def test_differences_look_the_same_from_both_sides(one: Image, other: Image) -> None:
    """Swapping the images swaps before and after, and nothing else."""
    there = [(d.ref, d.field) for d in differences(one, other)]
    back = [(d.ref, d.field) for d in differences(other, one)]

    assert sorted(there) == sorted(back)


@pytest.mark.parametrize(
    "before, after",
    [
        (1, True),
        (0, False),
        (1, Decimal(1)),
        (True, Decimal(1)),
        ("1", 1),
        ("", None),
        (None, False),
        (("a", 1), ("a", "1")),
        (b"a", "a"),
        (datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC).date()),
        (Decimal("1.10"), Decimal("1.11")),
    ],
)
def test_values_that_differ(before: Value, after: Value) -> None:
    """Python takes some of these for equal; an ERP does not."""
    expected = [FieldDifference(ORDER, "field", before, after)]

    assert expected == differences(image(field=before), image(field=after))


@pytest.mark.parametrize(
    "before, after",
    [
        (Decimal("1.1"), Decimal("1.10")),
        (Decimal("-0.0"), Decimal(0)),
        (Decimal("1E+2"), Decimal(100)),
    ],
)
def test_values_that_are_equal(before: Value, after: Value) -> None:
    """A number of another scale is the same number: databases pad as they like."""
    assert [] == differences(image(field=before), image(field=after))


def test_a_record_on_one_side_only_is_one_difference() -> None:
    """A created and a deleted record show as `*`, not field by field."""
    alone, two = image(state="open"), Image((Record(LINE, {"q": 1}), *image(state="open").records))

    assert [FieldDifference(LINE, "*", "<missing>", "exists")] == differences(alone, two)
    assert [FieldDifference(LINE, "*", "exists", "<missing>")] == differences(two, alone)


def test_a_record_that_is_known_to_be_missing_equals_one_not_asked_for() -> None:
    """Whether a footprint's query or its memory says that nothing is there changes nothing."""
    gone = Image((Record(LINE, None), *image(state="open").records))

    assert [] == differences(image(state="open"), gone)
    assert [] == differences(gone, image(state="open"))


def test_what_is_ignored() -> None:
    """A trace excuses its fields, and whole records only when it says `*`."""
    before = image(state="open", version=1)
    after = Image((Record(LINE, {"q": 1}), Record(ORDER, {"state": "closed", "version": 2})))
    trace = {ORDER.model: frozenset({"version"})}

    assert ["*", "state"] == [d.field for d in differences(before, after, ignore=trace)]
    assert ["state"] == [
        d.field for d in differences(before, after, ignore={**trace, LINE.model: {"*"}})
    ]


def test_fields_that_one_side_lacks_are_not_compared() -> None:
    """Another action has another footprint; that says nothing about the document."""
    assert [] == differences(image(state="open", note="a"), image(state="open"))
    assert [] == differences(image(state="open"), image(state="open", note="a"))


def test_common_records_only() -> None:
    """With `common_only`, records that only one footprint holds are left out."""
    two = Image((Record(LINE, {"q": 1}), *image(state="closed").records))
    found = differences(image(state="open"), two, common_only=True)

    assert ["state"] == [d.field for d in found]


@given(IMAGES, IMAGES, st.sets(st.sampled_from(["a", "b", "*"])))
def test_only_and_without_share_out(one: Image, other: Image, names: set[str]) -> None:
    """Each difference is in one of the two, in the same order."""
    found = differences(one, other)
    fields = {ref.model: names for ref in (*one.refs(), *other.refs())}
    kept, left = only(found, fields), without(found, fields)

    assert found == sorted([*kept, *left], key=found.index)
    assert all(difference.field in names for difference in kept)
