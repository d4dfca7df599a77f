"""Before and after images: encode, decode, compare. An image is canonical JSON of typed records."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from connectors.contract import Action, Image, Record, Ref
from core import encoding
from core.normal_form import EXACT, NormalForm
from recovery.model import FieldDifference

MISSING: Final = "<missing>"
"""Stands for the value of a field of a record that does not exist, in differences."""

_ABSENT: Final[Any] = object()

Ignored = Mapping[str, Collection[str]]
"""Per model the fields that a comparison leaves out."""

WHOLE_RECORD: Final = "*"
"""The name of the difference "this record exists only on one side"; in a trace it excuses such a difference."""


def encode_image(image: Image) -> bytes:
    """Return the canonical text of an image. Equal images give equal bytes."""
    records = []
    for record in image.records:
        entry: dict[str, Any] = {"m": record.ref.model, "k": record.ref.key}
        if record.fields is not None:
            entry["f"], types = encoding.pack(record.fields)
            if types:
                entry["t"] = types
        if record.raw:
            entry["r"] = dict(record.raw)
        records.append(entry)
    return encoding.encode_json(records)


def decode_image(encoded: bytes) -> Image:
    """Read back what `encode_image` wrote, types and all."""
    return Image(
        tuple(
            Record(
                Ref(entry["m"], entry["k"]),
                encoding.unpack(entry["f"], entry.get("t", {})) if "f" in entry else None,
                entry.get("r", {}),
            )
            for entry in encoding.loads(encoded)
        )
    )


def differences(
    before: Image,
    after: Image,
    *,
    ignore: Ignored | None = None,
    common_only: bool = False,
    form: NormalForm = EXACT,
) -> list[FieldDifference]:
    """Return every field in which two images differ, in the order of their refs.

    With a `form`, spellings of one value are no difference: for the question whether somebody changed it.

    A record on one side only is one difference named `*`, unless `ignore` has `*` for its model. A field that
    one image lacks (another footprint) is not compared; with `common_only` neither is such a record.
    """
    ignore = ignore or {}
    found: list[FieldDifference] = []
    if before is after:  # what is equal is often held once
        return found
    old = {record.ref: record for record in before.records}
    new = {record.ref: record for record in after.records}
    for ref in old if old.keys() == new.keys() else sorted({*old, *new}):
        left, right = old.get(ref), new.get(ref)
        if left is right:
            continue
        if common_only and (left is None or right is None):
            continue
        left_fields = left.fields if left is not None else None
        right_fields = right.fields if right is not None else None
        ignored = ignore.get(ref.model, ())
        if left_fields is None or right_fields is None:
            if left_fields is not right_fields and WHOLE_RECORD not in ignored:
                found.append(
                    FieldDifference(
                        ref,
                        WHOLE_RECORD,
                        MISSING if left_fields is None else "exists",
                        MISSING if right_fields is None else "exists",
                    )
                )
            continue
        for name, value in left_fields.items():
            other = right_fields.get(name, _ABSENT)
            if value is other or other is _ABSENT:
                continue
            # 1 == True and Decimal(1) == 1 in Python; an image that changed so did change.
            if (
                (type(value) is not type(other) or value != other)
                and name not in ignored
                and (form is EXACT or not form.is_same(value, other))
            ):
                found.append(FieldDifference(ref, name, value, other))
    return found


def only(found: Iterable[FieldDifference], fields: Ignored) -> list[FieldDifference]:
    """Keep the differences in `fields` (per model)."""
    return [d for d in found if d.field in fields.get(d.ref.model, ())]


def without(found: Iterable[FieldDifference], fields: Ignored) -> list[FieldDifference]:
    """Drop the differences in `fields` (per model)."""
    return [d for d in found if d.field not in fields.get(d.ref.model, ())]


def footprint_key(action: Action) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return a comparable form of an action's footprint: equal keys mean that one image serves both."""
    return tuple(
        sorted((model, tuple(sorted(fields))) for model, fields in action.footprint.items())
    )
