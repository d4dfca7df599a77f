"""Documents that an operation created, read from the images that the journal keeps: no ERP is asked."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from connectors.contract import Image, Record, Ref

NUMBERS: Final = ("number", "name")
"""Fields in which ERPs keep what people call a document."""

_NO_NUMBER: Final = (None, "", "/")
"""What ERPs keep there until a document gets its number."""


@dataclass(frozen=True, slots=True)
class Created:
    """One document that an operation created, or to which it gave its number."""

    ref: Ref
    number: str | None


def created_documents(
    models: Collection[str], document: Ref, before: Image | None, after: Image | None
) -> list[Created]:
    """Return the documents of these models that are there, or have a number, only since the operation.

    A chain may create a draft with one call and number it with the next: both tell it. The operation's own
    document is never created by it.
    """
    if not models or before is None or after is None:
        return []
    found = []
    for record in after.records:
        if record.ref.model not in models or record.ref == document or not record.exists:
            continue
        was = before.get(record.ref)
        number = _number(record)
        is_new = was is None or not was.exists
        if is_new or (number is not None and was is not None and _number(was) is None):
            found.append(Created(record.ref, number))
    return found


def _number(record: Record) -> str | None:
    fields = record.fields or {}
    number = next((str(fields[n]) for n in NUMBERS if fields.get(n) not in _NO_NUMBER), None)
    if number is None and fields and not fields.keys() & set(NUMBERS):
        # In some ERPs the key itself is what people call a document; a bare id is not.
        return None if record.ref.key.isdecimal() else record.ref.key
    return number
