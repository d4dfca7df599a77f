"""The order of a rollback is one in which nothing comes before what it waits for; circles are named."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from recovery.ordering import circles, in_order


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[str], dict[int, set[int]]]:
    """Draw systems and what waits for what, circles and all."""
    homes = draw(st.lists(st.sampled_from("abc"), max_size=12))
    if not homes:
        return homes, {}
    numbers = st.integers(0, len(homes) - 1)
    return homes, draw(st.dictionaries(numbers, st.sets(numbers, max_size=4)))


def reaches(waits: dict[int, set[int]], start: int) -> set[int]:
    """Return whatever `start` waits for, directly or not, by the plainest of ways."""
    found: set[int] = set()
    left = [start]
    while left:
        for other in waits.get(left.pop(), ()):
            if other not in found:
                found.add(other)
                left.append(other)
    return found


@given(graphs())
def test_nothing_comes_before_what_it_waits_for(
    drawn: tuple[list[str], dict[int, set[int]]],
) -> None:
    """Every number once, after everything that it waits for, unless they wait for one another."""
    homes, waits = drawn
    order = in_order(homes, waits)
    place = {number: i for i, number in enumerate(order)}

    assert list(range(len(homes))) == sorted(order)
    for number, before in waits.items():
        for other in before:
            if number not in reaches(waits, other):
                assert place[other] < place[number]


@given(graphs())
def test_circles_are_those_that_wait_for_one_another(
    drawn: tuple[list[str], dict[int, set[int]]],
) -> None:
    """Each member reaches each other and itself; nobody else does."""
    homes, waits = drawn
    found = circles(len(homes), waits)
    members = {number for circle in found for number in circle}

    assert {n for n in range(len(homes)) if n in reaches(waits, n)} == members
    for circle in found:
        for number in circle:
            assert set(circle) == {n for n in reaches(waits, number) if number in reaches(waits, n)}


def test_systems_come_one_after_the_other() -> None:
    """The newest operation says which system begins; it is left only when nothing of it can go on."""
    homes = ["b", "a", "b", "a", "b"]

    assert [0, 2, 4, 1, 3] == in_order(homes, {})
    assert [0, 1, 3, 2, 4] == in_order(homes, {2: {3}, 4: {2}})


def test_a_long_row_is_no_deep_call() -> None:
    """A thousand operations, each on top of the one before: no limit of the language is met."""
    waits = {n: {n - 1} for n in range(1, 5000)}

    assert list(range(5000)) == in_order(["a"] * 5000, waits)
    assert [tuple(range(5000))] == circles(5000, {**waits, 0: {4999}})
