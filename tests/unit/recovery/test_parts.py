"""Some lines of a document taken back: what is left of the operation."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from connectors.contract import Action, Image, Record, Ref
from recovery.model import Operation
from recovery.reversing.parts import narrowed, without_parts

HEAD, ONE, TWO = Ref("order", "1"), Ref("line", "1|1"), Ref("line", "1|2")


def image(head: str, one: str, two: str, **raw: str) -> Image:
    return Image(
        (
            Record(ONE, {"closed": one, "note": "n"}, raw if one == "" else {}),
            Record(TWO, {"closed": two, "note": "n"}),
            Record(HEAD, {"status": head}),
        )
    )


def part(before: Image, after: Image) -> tuple[Operation, dict[str, Image]]:
    operation = SimpleNamespace(before_hash="before", after_hash="after")
    return cast("Operation", operation), {"before": before, "after": after}


ACTION: Any = SimpleNamespace(
    trace={}, ours={"order": frozenset({"status"}), "line": frozenset({"closed"})}
)


def test_narrowed_to_lines() -> None:
    """The other lines are left out, the document and whatever else stays; without lines nothing is."""
    whole = image("3", "y", "y")

    assert [ONE, HEAD] == list(narrowed(whole, frozenset({ONE})).refs())
    assert whole is narrowed(whole, frozenset())


def test_what_a_part_put_back_is_not_ours_any_more() -> None:
    """Its line and the header that followed are as the part left them; raw text goes with its value."""
    after = image("3", "y", "y")
    operation, images = part(after, image("2", "", "y", closed="  "))
    found = without_parts(after, [operation], images, cast("Action", ACTION))

    assert image("2", "", "y", closed="  ") == found


def test_what_others_changed_stays_out() -> None:
    """A field that the action does not write is no part of what a part put back."""
    after = image("3", "y", "y")
    moved = Image(
        tuple(
            Record(r.ref, {**(r.fields or {}), "note": "other"}) if r.ref == TWO else r
            for r in after.records
        )
    )
    operation, images = part(after, moved)

    assert after == without_parts(after, [operation], images, cast("Action", ACTION))
