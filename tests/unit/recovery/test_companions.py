"""Nothing goes back under what stays, for any graph of what rests on what."""

from __future__ import annotations

from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from connectors.contract import Kind, Ref, Reversibility, Step
from core.text import Text
from recovery.model import Operation
from recovery.ordering import circles
from recovery.reversing.companions import keep_whole
from recovery.reversing.dependence import Sign, Tie
from recovery.reversing.rollback_item import RollbackItem, Status

WHY = Text("it changed note later")
ODD = (Status.CONFLICT, Status.NOT_REVERSIBLE, Status.KEPT)


class Op:
    """As much of an operation as a reason names."""

    def __init__(self, number: int) -> None:
        self.id = str(number)
        self.change_set_id = f"0199a2b3-4c5d-{number}"
        self.position = number
        self.system, self.kind, self.number = "erp", Kind.PURCHASE_ORDER, f"PO{number}"
        self.step = Step("x", Ref("order", str(number)))
        self.called = f"PO{number}"


def item(number: int, status: Status, *, is_asked: bool) -> RollbackItem:
    return RollbackItem(
        operations=(cast("Operation", Op(number)),),
        status=status,
        reversibility=Reversibility.EXACT,
        trace_note="",
        reason=None if status is Status.CLEAN else Text("because"),
        is_asked=is_asked,
    )


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[RollbackItem], list[Tie]]:
    """Draw items in the order in which they go back, and what rests on what: younger ones come first."""
    count = draw(st.integers(1, 9))
    status = st.sampled_from([Status.CLEAN] * 5 + [Status.ALREADY_BACK, *ODD])
    items = [item(n, draw(status), is_asked=draw(st.booleans())) for n in range(count)]
    numbers = st.integers(0, count - 1)
    pairs = draw(st.sets(st.tuples(numbers, numbers).filter(lambda p: p[0] < p[1]), max_size=16))
    return items, [Tie(newer, older, Sign.SAME_FIELDS, WHY) for newer, older in sorted(pairs)]


@given(graphs(), st.booleans())
def test_no_half_state(drawn: tuple[list[RollbackItem], list[Tie]], with_dependents: bool) -> None:
    """What goes back has under it only what goes back before it or is back; what was asked for is told in any case."""
    items, ties = drawn
    found = keep_whole(items, ties, [], with_dependents=with_dependents)
    clean = {each.last.id for each in found.items if each.status is Status.CLEAN}
    place = {each.last.id: n for n, each in enumerate(found.items)}
    fine = clean | {each.last.id for each in items if each.status is Status.ALREADY_BACK}

    assert {i.last.id for i in items if i.is_asked} <= place.keys()
    for tie in ties:
        newer, older = str(tie.newer), str(tie.older)
        if older in clean:
            assert newer in fine
            if newer in clean:
                assert place[newer] < place[older]


@given(graphs())
def test_nothing_comes_along_for_nothing(drawn: tuple[list[RollbackItem], list[Tie]]) -> None:
    """Whatever comes along is under something that was asked for and goes back, directly or not."""
    items, ties = drawn
    found = keep_whole(items, ties, [], with_dependents=True)
    clean = {each.last.id for each in found.items if each.status is Status.CLEAN}
    needed = {i.last.id for i in found.items if i.is_asked and i.status is Status.CLEAN}
    left = list(needed)
    while left:
        older = left.pop()
        for tie in ties:
            if str(tie.older) == older and str(tie.newer) in clean - needed:
                needed.add(str(tie.newer))
                left.append(str(tie.newer))

    assert clean == needed


@given(graphs())
def test_as_much_as_possible_goes_back(drawn: tuple[list[RollbackItem], list[Tie]]) -> None:
    """With dependents, only what stands under something that cannot go back is left."""
    items, ties = drawn
    stuck = {n for n, each in enumerate(items) if each.status in ODD}
    while True:
        more = {t.older for t in ties if t.newer in stuck and items[t.older].status is Status.CLEAN}
        if more <= stuck:
            break
        stuck |= more
    found = keep_whole(items, ties, [], with_dependents=True)

    assert {
        each.last.id
        for n, each in enumerate(items)
        if each.is_asked and each.status is Status.CLEAN and n not in stuck
    } == {i.last.id for i in found.items if i.is_asked and i.status is Status.CLEAN}


def test_a_circle_is_named() -> None:
    """None of its members goes back first, so none goes back; what is below them stays as well."""
    items = [item(n, Status.CLEAN, is_asked=True) for n in range(4)]
    pairs = [(0, 1), (1, 0), (1, 2)]
    ties = [Tie(newer, older, Sign.WAY_BACK, WHY) for newer, older in pairs]
    waits: dict[int, set[int]] = {}
    for newer, older in pairs:
        waits.setdefault(older, set()).add(newer)
    found = keep_whole(items, ties, circles(4, waits), with_dependents=True)
    statuses = [each.status for each in found.items]

    assert [Status.BLOCKED] * 3 + [Status.CLEAN] == statuses
    assert "PO0 - PO1 - PO0" in str(found.items[0].reason)
    assert "PO1 (0199a2b3-4c5d 1) rests on it and stays" in str(found.items[2].reason)
