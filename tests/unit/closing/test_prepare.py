"""Order and evidence: what waits for what, and that operations come back as they were kept."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from closing.model import Candidate, Route
from closing.prepare import (
    OTHER_MODEL,
    PACK_AT,
    OperationStore,
    Prepared,
    Preparer,
    excuse,
    in_levels,
)
from connectors.contract import Executor, Image, Kind, Problem, Record, Ref, Reversibility, Step
from connectors.fake.connector import system_in_memory
from connectors.fake.sample import add_period
from core.text import Text
from recovery.model import PlannedOperation
from tests.unit.closing.factories import empty_erp


def ref(number: int) -> Ref:
    """Return the ref of a project."""
    return Ref("project", str(number))


def project(number: int, *, parent: int | None = None, below: tuple[int, ...] = ()) -> Prepared:
    """Return a project that comes before its parent and waits for those below it."""
    return Prepared(
        Candidate(ref(number), str(number), None),
        tuple(Problem("open_child", Text("open"), by=ref(child)) for child in below),
        precedes=() if parent is None else (ref(parent),),
    )


def operation(number: int) -> PlannedOperation:
    """Return an operation with an image."""
    image = Image((Record(ref(number), {"state": "open"}, {"state": "open "}),))
    return PlannedOperation(
        "erp",
        Kind.PROJECT,
        str(number),
        Step("project.close", ref(number), {"why": "x"}),
        Executor.INTERFACE,
        Reversibility.EXACT,
        image,
        details={"text": Text("{n}", {"n": number})},
    )


@pytest.mark.parametrize("count", [0, 1, PACK_AT - 1, PACK_AT, PACK_AT + 1, 2 * PACK_AT + 3])
def test_the_store_gives_back_what_it_took(count: int) -> None:
    """Packed or not, every operation comes back equal, in order, as often as it is asked for."""
    store = OperationStore()
    operations = [operation(number) for number in range(count)]

    assert list(range(count)) == [store.add(each) for each in operations]
    assert operations == list(store) == list(store)


@given(st.lists(st.integers(min_value=0, max_value=30), max_size=30))
def test_no_document_comes_before_one_that_it_waits_for(parents: list[int]) -> None:
    """For any forest, children stand in an earlier level than their parents."""
    items = [
        project(number, parent=parent if parent > number else None)
        for number, parent in enumerate(parents)
    ]

    levels = in_levels(items)

    place = {item.candidate.ref: i for i, level in enumerate(levels) for item in level}
    assert len(items) == sum(len(level) for level in levels) == len(place)
    for item in items:
        for later in item.precedes:
            assert place.get(later, len(levels)) > place[item.candidate.ref]


def test_a_circle_ends() -> None:
    """Documents that wait for each other are planned all the same; the ERP will say what it thinks."""
    levels = in_levels([project(1, parent=2), project(2, parent=1)])

    assert [len(level) for level in levels] == [2]


def test_who_waits_for_one_that_cannot_go_cannot_go_either() -> None:
    """A child that is out takes its parents out, all the way up; others stay."""
    out = Prepared(Candidate(ref(1), "1", None), (Problem("x", Text("x")),))
    items = [
        project(3, below=(2,)),
        project(2, below=(1,), parent=3),
        out,
        project(5, below=(4,)),
        project(4, parent=5),
    ]

    ready, stuck = excuse(items)

    assert [item.candidate.number for item in ready] == ["5", "4"]
    assert [item.candidate.number for item in stuck] == ["3", "2", "1"]


def test_an_action_is_never_sent_the_key_of_another_model() -> None:
    """A document of another model with the same key is an exception; those beside it are judged as ever."""
    erp = empty_erp()
    key = add_period(erp, "2026-01", state="open")
    system = system_in_memory(erp)
    action = system.actions()["accounting_period.close"]
    route = Route("only", None, action, Executor.INTERFACE, {})
    candidates = [
        Candidate(Ref(model, key), "2026-01", route) for model in ("fiscal_year", action.model)
    ]

    other, own = Preparer(system).prepare(route, candidates)

    assert [OTHER_MODEL] == [problem.code for problem in other.problems]
    assert (other.links, own.problems) == ((), ())
    assert own.approved is not None
