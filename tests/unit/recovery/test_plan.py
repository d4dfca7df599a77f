"""Operations stand in an order in which an executor can work in batches."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import groupby

from hypothesis import given
from hypothesis import strategies as st

from connectors.contract import Executor, Image, Kind, Record, Ref, Reversibility, Step
from recovery.model import PlannedOperation
from recovery.plan import Chain, arrange, gather


def link(document: int, number: int, action: str) -> PlannedOperation:
    """Return one link of the chain on one document; its number is its place in the chain."""
    return PlannedOperation(
        system="fake",
        kind=Kind.PURCHASE_ORDER,
        number=f"PO{document}",
        step=Step(action, Ref("purchase.order", str(document)), {"link": number}),
        executor=Executor.INTERFACE,
        reversibility=Reversibility.EXACT,
        approved=Image(()),
    )


def chain(document: int, *actions: str, follows: int | None = None) -> Chain:
    """Return a chain of these actions on one document."""
    links = tuple(link(document, number, action) for number, action in enumerate(actions))
    return Chain(links, follows)


@st.composite
def chains(draw: st.DrawFn) -> list[Chain]:
    """Draw chains of few shapes (so that neighbours share one), some of which follow an earlier one."""
    shapes = st.sampled_from(["a", "ab", "cab"])
    found: list[Chain] = []
    for document in range(draw(st.integers(0, 12))):
        follows = draw(st.none() | st.integers(0, document - 1)) if document else None
        found.append(chain(document, *draw(shapes), follows=follows))
    return found


def places(found: list[PlannedOperation]) -> dict[tuple[str, int], int]:
    """Return where each link of each document stands."""
    return {
        (operation.step.ref.key, int(str(operation.step.arguments["link"]))): place
        for place, operation in enumerate(found)
    }


@given(chains(), st.integers(1, 4))
def test_every_operation_stands_once(given_chains: list[Chain], block: int) -> None:
    """Nothing is lost and nothing twice."""
    found = list(arrange(given_chains, block=block))

    assert len(places(found)) == len(found)
    assert sum(len(each.operations) for each in given_chains) == len(found)


@given(chains(), st.integers(1, 4))
def test_links_wait_for_the_link_before(given_chains: list[Chain], block: int) -> None:
    """`after` names the link before; the first link of a free chain waits for nothing."""
    found = list(arrange(given_chains, block=block))
    where = places(found)
    for number, each in enumerate(given_chains):
        for place in range(1, len(each.operations)):
            assert where[str(number), place - 1] == found[where[str(number), place]].after
        if each.follows is None:
            assert found[where[str(number), 0]].after is None


@given(chains(), st.integers(1, 4))
def test_a_chain_waits_for_the_whole_chain_it_follows(
    given_chains: list[Chain], block: int
) -> None:
    """`after` of its first link is the last link of the other chain, shape and block whatever."""
    found = list(arrange(given_chains, block=block))
    where = places(found)
    for number, each in enumerate(given_chains):
        if each.follows is not None:
            last = len(given_chains[each.follows].operations) - 1
            assert where[str(each.follows), last] == found[where[str(number), 0]].after


@given(chains(), st.integers(1, 4))
def test_nothing_waits_for_what_comes_later(given_chains: list[Chain], block: int) -> None:
    """An executor that goes from the first to the last meets each operation after what it waits for."""
    found = list(arrange(given_chains, block=block))

    assert all(op.after is None or op.after < place for place, op in enumerate(found))


@given(chains(), st.integers(1, 4))
def test_first_links_keep_the_order_of_the_chains(given_chains: list[Chain], block: int) -> None:
    """The planner's order (children before parents) is not ours to change."""
    where = places(list(arrange(given_chains, block=block)))
    firsts = [where[str(number), 0] for number in range(len(given_chains))]

    assert sorted(firsts) == firsts


def test_chains_of_one_shape_go_link_by_link_in_blocks() -> None:
    """So that links share batches, and a crash leaves at most a block of chains half done."""
    found = arrange([chain(n, "a", "b") for n in range(5)], block=2)

    assert ["0a", "1a", "0b", "1b", "2a", "3a", "2b", "3b", "4a", "4b"] == [
        operation.step.ref.key + operation.step.action for operation in found
    ]


def test_another_executor_is_another_shape() -> None:
    """What a person does never shares a batch with what the interface does."""
    by_interface = link(0, 0, "a")
    by_person = replace(by_interface, executor=Executor.BY_PERSON)

    assert Chain((by_interface,)).shape != Chain((by_person,)).shape


# --- gathering --------------------------------------------------------------------------------


def looking_at(document: int, shape: str, shared: set[int]) -> Chain:
    """Return a chain whose first link also looks at these shared records."""
    records = tuple(Record(Ref("stock.item", str(key)), {}) for key in sorted(shared))
    first, *others = chain(document, *shape).operations
    return Chain((replace(first, approved=Image(records)), *others))


@st.composite
def sharing_chains(draw: st.DrawFn) -> list[Chain]:
    """Draw chains on documents of their own that look at some common records."""
    shapes, shared = st.sampled_from(["a", "ab", "cab"]), st.sets(st.integers(0, 3), max_size=2)
    count = draw(st.integers(0, 12))
    return [looking_at(document, draw(shapes), draw(shared)) for document in range(count)]


@given(sharing_chains())
def test_chains_that_share_a_record_keep_their_order(given_chains: list[Chain]) -> None:
    """Every chain is there once, and none has overtaken another one whose records it looks at."""
    found = gather(given_chains)

    assert Counter(map(id, given_chains)) == Counter(map(id, found))
    for place, late in enumerate(found):
        for early in found[:place]:
            if not early.refs.isdisjoint(late.refs):
                assert given_chains.index(early) < given_chains.index(late)


def test_chains_of_one_shape_stand_side_by_side() -> None:
    """Where documents have nothing in common each shape is one run, in the order of its first chain."""
    given_chains = [looking_at(number, "ab" if number % 3 else "c", set()) for number in range(9)]
    runs = [
        (shape, len([*run])) for shape, run in groupby(gather(given_chains), key=lambda c: c.shape)
    ]

    assert [3, 6] == [length for _, length in runs]


def test_chains_that_wait_for_each_other_are_not_torn_apart() -> None:
    """The third looks at what the second looks at, so it does not join the first."""
    first, second = looking_at(1, "a", set()), looking_at(2, "b", {7})
    third, fourth = looking_at(3, "a", {7}), looking_at(4, "a", set())

    assert [first, second, third, fourth] == gather([first, second, third, fourth])
