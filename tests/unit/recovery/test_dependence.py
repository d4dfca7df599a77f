"""What rests on what, from footings alone: the newest writer of a field, the maker of a record, the plan's own order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from connectors.contract import Ref
from recovery.reversing.dependence import Footing, Sign, needed_positions, ties
from recovery.reversing.rewinding import Place

ORDER: Place = ("erp", Ref("order", "1"))
OTHER: Place = ("erp", Ref("order", "2"))
LINE: Place = ("erp", Ref("line", "1"))


def footing(
    number: int, changed: Mapping[Place, frozenset[str]] | None = None, **given_: Any
) -> Footing:
    """Return the footing of one operation of a change set of its own."""
    changed = changed or {}
    given_.setdefault("documents", tuple(changed)[:1])
    given_.setdefault("points", ((f"{number:03}", 1),))
    none: frozenset[Any] = frozenset()
    return Footing(
        number=number,
        looked_at=tuple(changed),
        changed=changed,
        created=given_.pop("created", none),
        waited_for=given_.pop("waited_for", none),
        later_documents=given_.pop("later_documents", none),
        back_before=given_.pop("back_before", none),
        **given_,
    )


def found(*footings: Footing) -> list[tuple[int, int, Sign]]:
    """Return the ties among them."""

    def nobody(name: str) -> Any:
        raise AssertionError(name)

    return [(tie.newer, tie.older, tie.sign) for tie in ties(footings, {}, nobody)]


def written(number: int, *names: str, place: Place = ORDER, **given_: Any) -> Footing:
    """Return the footing of an operation that changed these fields of one record."""
    return footing(number, {place: frozenset(names)}, **given_)


def test_the_newest_writer_stands_for_those_before() -> None:
    """Each rests on the one right before it; other fields and other records are nobody's business."""
    assert [(1, 0, Sign.SAME_FIELDS), (2, 1, Sign.SAME_FIELDS)] == found(
        written(0, "note"), written(1, "note"), written(2, "note")
    )
    assert [] == found(written(0, "note"), written(1, "state"), written(2, "note", place=OTHER))


def test_two_fields_of_two_writers() -> None:
    """Both are named, each once."""
    assert [(2, 0, Sign.SAME_FIELDS), (2, 1, Sign.SAME_FIELDS)] == found(
        written(0, "note", "due"), written(1, "state"), written(2, "due", "note", "state")
    )


def test_whoever_makes_or_deletes_a_record_touches_every_field() -> None:
    """Before and after it."""
    assert [(1, 0, Sign.SAME_FIELDS), (2, 1, Sign.SAME_FIELDS)] == found(
        written(0, "note"), written(1, "*"), written(2, "state")
    )


def test_what_works_on_a_created_record() -> None:
    """A document that another operation made, or a record of it."""
    maker = written(0, "state", created=frozenset({LINE}))

    assert [(1, 0, Sign.CREATED)] == found(maker, footing(1, documents=(LINE,)))
    assert [(1, 0, Sign.CREATED)] == found(maker, written(1, "x", place=LINE, documents=(OTHER,)))


def test_the_plan_s_own_order() -> None:
    """A link after another one, a document that the plan takes later; not a document of another change set."""
    first = footing(0, documents=(LINE,), points=(("a", 1),), later_documents=frozenset({ORDER}))

    assert [(1, 0, Sign.PLANNED)] == found(
        first, footing(1, documents=(ORDER,), points=(("a", 2),))
    )
    assert [] == found(first, footing(1, documents=(ORDER,), points=(("b", 2),)))
    assert [(1, 0, Sign.PLANNED)] == found(
        first,
        footing(1, documents=(OTHER,), points=(("a", 2),), waited_for=frozenset({("a", 1)})),
    )


def test_a_way_back_with_an_order_of_its_own() -> None:
    """Whichever is younger."""
    assert [(0, 1, Sign.WAY_BACK)] == found(
        footing(0, documents=(LINE,), back_before=frozenset({ORDER})),
        footing(1, documents=(ORDER,)),
    )


def test_what_took_a_younger_one_back_is_nothing() -> None:
    """Neither to what it took back to, nor to what came afterwards: that rests on what was there before the pair."""
    undo = written(2, "note", undoes=frozenset({("001", 1)}), is_asked=False)

    assert [] == found(written(0, "note"), undo)
    assert [(3, 0, Sign.SAME_FIELDS)] == found(written(0, "note"), undo, written(3, "note"))


def test_what_is_asked_for_counts_although_it_took_something_back() -> None:
    """A rollback that shall be taken back itself: what came after it rests on it."""
    undo = written(2, "note", undoes=frozenset({("001", 1)}))

    assert [(3, 2, Sign.SAME_FIELDS)] == found(written(0, "note"), undo, written(3, "note"))


def test_what_took_an_older_one_back_is_a_change_like_any_other() -> None:
    """It wrote over what is there."""
    undo = written(2, "note", undoes=frozenset({("000", 1)}), is_asked=False)

    assert [(2, 1, Sign.SAME_FIELDS)] == found(written(1, "note"), undo)


@given(st.lists(st.sets(st.sampled_from("abcd"), min_size=1), max_size=9))
def test_younger_rests_on_older_and_every_writer_is_reached(names: list[set[str]]) -> None:
    """No tie points upwards, and from the newest writer of a field every older one is reached."""
    footings = [written(n, *each) for n, each in enumerate(names)]
    below: dict[int, set[int]] = {}
    for newer, older, _ in found(*footings):
        assert newer > older
        below.setdefault(newer, set()).add(older)
    for newer, mine in enumerate(names):
        reached, left = set[int](), [newer]
        while left:
            for older in below.get(left.pop(), ()):
                if older not in reached:
                    reached.add(older)
                    left.append(older)
        assert {n for n in range(newer) if names[n] & mine} <= reached


def test_needed_positions() -> None:
    """As the plan keeps them: text, because a thousand of them are one range."""
    assert (1, 2, 3, 7) == needed_positions({"needs": "1-3,7"})
    assert () == needed_positions({})
