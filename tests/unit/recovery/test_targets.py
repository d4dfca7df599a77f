"""Targets in images and in plans: the very value, on the very evidence."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from connectors.contract import Action, Image, Record, Ref, Step
from core.encoding import Value
from core.normal_form import EXACT, NormalForm
from recovery.conflicts.resolutions import Decided, Origin, Way
from recovery.conflicts.targets import (
    aim,
    beside_details,
    moved_since_resolved,
    resolution_details,
    resolved_target,
    rests_on,
    target_beside,
    with_values,
)
from recovery.images import MISSING
from recovery.model import Actor, FieldDifference, Operation
from recovery.running.evidence import unmet_condition

if TYPE_CHECKING:
    from recovery.reversing.selection import Chosen

ROOT, LINE = Ref("order", "1"), Ref("line", "7")
MOMENT = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)


def image(raw: dict[str, str] | None = None, **fields: Value) -> Image:
    """Return an order with one line."""
    return Image(
        (Record(LINE, {"amount": Decimal(3)}, raw or {}), Record(ROOT, {"note": "a", **fields}))
    )


def decided(field: str, now: Value, way: Way = Way.KEEP_THEIRS, **given: Any) -> Decided:
    """Return a decision about a field of the order."""
    values = {"before": None, "ours": "x", "target": now, **given}
    return Decided(ROOT, field, now=now, way=way, origin=Origin.COMMAND, **values)


def operation(details: dict[str, Any]) -> Operation:
    """Return an operation with these details."""
    return cast("Operation", SimpleNamespace(details=details))


def test_values_take_their_raw_text_along_where_it_is_theirs() -> None:
    """The very value that stands there keeps its text to the last byte; any other value has none of its own."""
    spot = (LINE, "amount")
    before = image({"amount": "3.00"})
    now = Image((Record(LINE, {"amount": Decimal(5)}, {"amount": "5.0"}), before.records[1]))

    assert {"amount": "5.0"} == with_values(before, {spot: Decimal(5)}, now).records[0].raw
    assert {} == with_values(before, {spot: Decimal(8)}, now).records[0].raw
    assert {"amount": "3.00"} == with_values(before, {spot: Decimal(3)}, now).records[0].raw
    assert before == with_values(before, {}, now)


def test_what_is_gone_stays_gone() -> None:
    """A field of a deleted record takes the record with it; a field that an image lacks is not put into it."""
    gone = with_values(image(), {(LINE, "amount"): MISSING})

    assert gone.records[0].fields is None
    assert image() == with_values(image(), {(ROOT, "colour"): "red", (Ref("line", "9"), "x"): 1})


@pytest.mark.parametrize(
    "there, wanted, form, is_moved",
    [
        ("b", "b", EXACT, False),
        ("c", "b", EXACT, True),
        ("b  ", "b", EXACT, True),
        ("b  ", "b", NormalForm(pads_text=True), False),
        (
            MOMENT,
            MOMENT.replace(microsecond=0),
            NormalForm(moment_step=timedelta(seconds=1)),
            False,
        ),
        (None, "b", EXACT, True),
        (None, None, EXACT, False),
    ],
)
def test_a_resolution_rests_on_what_was_shown(
    there: Value, wanted: Value, form: NormalForm, is_moved: bool
) -> None:
    """Another value than the resolved one stops the step; another spelling of it does not."""
    actions = {"a": cast("Action", SimpleNamespace(footprint={"order": frozenset({"note"})}))}
    (details,) = rests_on(actions, [Step("a", ROOT)], [decided("note", wanted)])
    found = moved_since_resolved(operation(details), image(note=there), form)

    assert is_moved is (found is not None)
    if found is not None:
        assert "note" in str(found.text)


def test_a_record_that_came_back_or_went_is_a_move() -> None:
    """What was resolved as gone must still be gone, and what was there must still be there."""
    actions = {"a": cast("Action", SimpleNamespace(footprint={"order": frozenset({"note"})}))}
    (gone,) = rests_on(actions, [Step("a", ROOT)], [decided("note", MISSING)])
    (there,) = rests_on(actions, [Step("a", ROOT)], [decided("note", "a")])
    without = Image((Record(ROOT, None),))

    assert moved_since_resolved(operation(gone), without, EXACT) is None
    assert moved_since_resolved(operation(gone), image(), EXACT) is not None
    assert moved_since_resolved(operation(there), without, EXACT) is not None
    assert moved_since_resolved(operation({}), without, EXACT) is None


def test_the_first_step_that_looks_is_told() -> None:
    """Each resolved field once, with those that somebody changed beside; derived ones are nobody's evidence."""
    actions = {
        "blind": cast("Action", SimpleNamespace(footprint={"line": frozenset({"amount"})})),
        "sees": cast("Action", SimpleNamespace(footprint={"order": frozenset({"note", "due"})})),
    }
    steps = [Step("blind", ROOT), Step("sees", ROOT), Step("sees", ROOT)]
    found = rests_on(
        actions,
        steps,
        [decided("note", "b"), decided("due", None, Way.RECOMPUTE)],
        [FieldDifference(LINE, "amount", Decimal(3), Decimal(4))],
    )

    assert [["amount"], ["note"], []] == [
        [row["field"] for row in each.get("rests_on", ())] for each in found
    ]


def test_the_end_is_judged_by_the_target() -> None:
    """What was kept or added is in it; a field that was put back is as before, and so is nothing to tell."""
    rows = [
        decided("note", "theirs"),
        decided("due", "x", Way.PUT_BACK, before="old", target="old"),
        decided("state", "open", Way.RECOMPUTE, target=None),
    ]
    details = resolution_details(rows, author=Actor("mei"), reason="because")
    before = image(note=None, due="old", state="draft")
    target, told = resolved_target(operation(details), before)

    assert {"note": "theirs", "due": "old", "state": "draft"} == dict(
        target.records[1].fields or {}
    )
    assert [("note", None, "theirs", "keep_theirs")] == [
        tuple(row[name] for name in ("field", "before", "after", "way")) for row in told
    ]
    assert {"mei"} == {row["author"] for row in details["resolutions"]}
    assert (before, []) == resolved_target(operation({}), before)


def test_edits_beside_are_in_the_target_too() -> None:
    """They are somebody's, they stay, and they are told."""
    edit = FieldDifference(ROOT, "due", None, MOMENT)
    target, found = target_beside(operation(beside_details([edit])), image(due=None))

    assert [edit] == found
    assert MOMENT == (target.records[1].fields or {})["due"]
    assert {} == beside_details([])


def test_a_moved_resolution_stops_the_step() -> None:
    """Whoever is about to send asks the evidence, and the evidence asks this."""
    action = SimpleNamespace(footprint={"order": frozenset({"note"})}, normal_form=EXACT)
    actions = {"a": cast("Action", action)}
    (details,) = rests_on(actions, [Step("a", ROOT)], [decided("note", "theirs")])
    found = unmet_condition(actions["a"], operation(details), image(note="theirs, again"))

    assert found is not None
    assert "resolution.moved" == found.code
    assert unmet_condition(actions["a"], operation(details), image(note="theirs")) is None


def test_edits_beside_are_in_every_image_of_the_way_back() -> None:
    """A way back that writes several fields together finds theirs on both sides: before is no reason to write it."""
    action = SimpleNamespace(trace={}, ours={"order": frozenset({"note", "due"})})
    chain = SimpleNamespace(
        operations=[SimpleNamespace(id="1", step=Step("a", ROOT))],
        before={"1": image(note="a", due=None)},
        still_ours={"1": image(note="b", due=None)},
        seen={"1": image(note="b", due=MOMENT)},
    )
    beside = [FieldDifference(ROOT, "due", None, MOMENT)]
    aimed, found = aim({"a": cast("Action", action)}, cast("Chosen", chain), [], beside)

    assert {} == found
    assert image(note="a", due=MOMENT) == aimed["1"].target
    assert image(note="b", due=MOMENT) == aimed["1"].after
    assert ({}, {}) == aim({"a": cast("Action", action)}, cast("Chosen", chain), [])
