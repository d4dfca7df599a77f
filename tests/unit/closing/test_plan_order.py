"""A plan stands in the order in which it can be carried out: link by link, children before their parents."""

from __future__ import annotations

import pytest

from connectors.contract import Executor
from connectors.fake.sample import add_project, add_purchase_order
from tests.unit.closing.factories import (
    CloseWhatIsFree,
    closing,
    draw,
    empty_erp,
    outcome,
    route,
    tree_system,
)
from tests.unit.closing.plans import CLOSE

LINKS = [
    "purchase_order.cancel_remainder",
    "purchase_order.settle_lines",
    "purchase_order.close_header",
]


def test_a_chain_runs_link_by_link_in_batches() -> None:
    """First links of a batch, then its second, then its third; each waits for the one before."""
    erp = empty_erp()
    for number in range(5):
        add_purchase_order(erp, f"PO{number}", state="processing")

    operations = list(draw(erp, closing(route(CLOSE)), batch=2).operations)

    sizes = [2] * 6 + [1] * 3
    expected = [link for size in (2, 2, 1) for link in LINKS for _ in range(size)]
    assert expected == [operation.step.action for operation in operations]
    assert sum(sizes) == len(operations)
    for index, operation in enumerate(operations):
        is_first = operation.step.action == LINKS[0]
        assert is_first == (operation.after is None) == (operation.approved is not None)
        if operation.after is not None:
            before = operations[operation.after]
            assert operation.after < index
            assert operation.step.ref == before.step.ref
            assert LINKS.index(operation.step.action) == LINKS.index(before.step.action) + 1


def test_a_person_closes_a_document_as_a_whole() -> None:
    """A worklist has one line a document, not one for each call of a chain."""
    erp = empty_erp()
    add_purchase_order(erp, "PO1", state="processing")

    (operation,) = draw(erp, closing(route(CLOSE, executor="by_person"))).operations

    assert (operation.step.action, operation.executor) == (CLOSE, Executor.BY_PERSON)


def test_children_come_before_their_parents() -> None:
    """A parent whose open child is in the plan follows it; without the child it is an exception."""
    erp = empty_erp()
    top = add_project(erp, "P-1")
    middle = add_project(erp, "P-1.1", parent=top)
    add_project(erp, "P-1.1.1", parent=middle)
    settings_ = closing(route("project.close"), kind="project")

    drawn = draw(erp, settings_, system=tree_system(erp))
    alone = draw(erp, settings_, system=tree_system(erp), numbers=["P-1", "P-1.1.1"])

    operations = list(drawn.operations)
    assert [operation.number for operation in operations] == ["P-1.1.1", "P-1.1", "P-1"]
    assert [operation.after for operation in operations] == [None, 0, 1]
    assert {"P-1": {"open_child"}, "P-1.1.1": set()} == outcome(alone)


@pytest.mark.parametrize("batch", [1, 2, 100])
def test_who_waits_for_another_comes_after_it_whatever_its_action_says(batch: int) -> None:
    """A document that others of its plan make closable is planned after them, on condition that they did."""
    erp = empty_erp()
    top = add_project(erp, "P-1")
    middle = add_project(erp, "P-1.1", parent=top)
    add_project(erp, "P-1.1.1", parent=middle)
    add_project(erp, "P-2")
    settings_ = closing(route("project.close"), kind="project")
    system = tree_system(erp, CloseWhatIsFree, batch=batch)

    drawn = draw(erp, settings_, system=system)
    alone = draw(erp, settings_, system=system, numbers=["P-1", "P-1.1.1"])

    operations = list(drawn.operations)
    place = {operation.number: i for i, operation in enumerate(operations)}
    assert {"P-1", "P-1.1", "P-1.1.1", "P-2"} == set(place)
    after = {operation.number: operation.after for operation in operations}
    assert {
        "P-1": place["P-1.1"], "P-1.1": place["P-1.1.1"], "P-1.1.1": None, "P-2": None,
    } == after  # fmt: skip
    conditions = {operation.number: operation.details.get("conditions") for operation in operations}
    assert {
        "P-1": ["open_child"],
        "P-1.1": ["open_child"],
        "P-1.1.1": None,
        "P-2": None,
    } == conditions
    assert {"P-1": {"open_child"}, "P-1.1.1": set()} == outcome(alone)
