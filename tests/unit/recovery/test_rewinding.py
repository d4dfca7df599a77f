"""A rollback goes backwards: an older operation is judged by what the newer ones will leave it."""

from __future__ import annotations

from typing import ClassVar

from connectors.contract import Action, Image, Kind, Record, Ref, Step
from core.encoding import Value
from recovery.reversing.rewinding import Rewound, shared_places

ORDER, LINE = Ref("order", "1"), Ref("line", "1")


class Change(Action):
    """Sets states and makes or deletes lines."""

    name = "order.change"
    kind = Kind.PURCHASE_ORDER
    title = "Change"
    model = "order"
    footprint: ClassVar = {"order": frozenset({"state", "note"}), "line": frozenset({"state"})}
    ours: ClassVar = {"order": frozenset({"state"}), "line": frozenset({"state", "*"})}

    def is_done(self, step: Step, before: Image, after: Image) -> bool:
        return True

    def inverse(self, step: Step, before: Image, after: Image) -> tuple[Step, ...]:
        return ()


def order(**fields: Value) -> Record:
    """Return the order."""
    return Record(ORDER, fields)


def line(state: str | None) -> Record:
    """Return the line, or that it is missing."""
    return Record(LINE, None if state is None else {"state": state})


def rewound(before: Image, after: Image) -> Rewound:
    """Return what is remembered after one operation was taken back."""
    found = Rewound(frozenset({("erp", ORDER), ("erp", LINE)}))
    found.take_back("erp", Change(), before, after)
    return found


def test_records_in_several_footprints_are_shared() -> None:
    """The same record of another system is another record."""
    footprints = [
        [("erp", ORDER), ("erp", LINE), ("erp", LINE)],
        [("erp", ORDER)],
        [("other", LINE)],
    ]

    assert {("erp", ORDER)} == shared_places(footprints)


def test_our_fields_are_as_they_were() -> None:
    """What is not ours stays as it is now, and so does another system."""
    found = rewound(
        Image((order(state="open", note="a"),)), Image((order(state="closed", note="b"),))
    )
    now = Image((order(state="closed", note="c"),))

    assert Image((order(state="open", note="c"),)) == found.seen("erp", now)
    assert now == found.seen("other", now)


def test_fields_that_an_image_lacks_are_not_added() -> None:
    """Another footprint asks for less."""
    found = rewound(Image((order(state="open"),)), Image((order(state="closed"),)))
    now = Image((order(note="c"),))

    assert now == found.seen("erp", now)


def test_the_oldest_value_counts() -> None:
    """Two operations are taken back one after the other."""
    found = rewound(Image((order(state="b"),)), Image((order(state="c"),)))
    found.take_back("erp", Change(), Image((order(state="a"),)), Image((order(state="b"),)))

    assert Image((order(state="a"),)) == found.seen("erp", Image((order(state="c"),)))


def test_what_was_made_will_be_gone() -> None:
    """And what was deleted will be there."""
    made = rewound(Image(()), Image((line("open"),)))
    deleted = rewound(Image((line("open"),)), Image((line(None),)))

    assert Image((line(None),)) == made.seen("erp", Image((line("open"),)))
    assert Image((line("open"),)) == deleted.seen("erp", Image((line(None),)))


def test_without_shared_records_nothing_is_remembered() -> None:
    """A rollback of a hundred thousand documents of their own costs nothing more."""
    found = Rewound(frozenset())
    found.take_back("erp", Change(), Image((order(state="a"),)), Image((order(state="b"),)))
    now = Image((order(state="b"),))

    assert now is found.seen("erp", now)


def test_records_that_are_not_shared_are_not_remembered() -> None:
    """Only what another operation looks at."""
    found = Rewound(frozenset({("erp", LINE)}))
    found.take_back("erp", Change(), Image((order(state="a"),)), Image((order(state="b"),)))
    now = Image((order(state="b"),))

    assert now == found.seen("erp", now)
