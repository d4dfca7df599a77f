"""What comes between the last look at an order and COMMIT, in a table that the close does not write."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import pytest

from connectors.odbc import connector, writing
from recovery.states import OperationState
from sandbox.legacy.data import Order
from sandbox.legacy.office import Office, open_office
from tests.integration.odbc.ground import Ground

COUNT: Final = 5


@contextmanager
def meanwhile(ground: Ground, work: Callable[[Office], Any]) -> Iterator[None]:
    """Let the ERP's own people do something after the order was read for the last time, once.

    That is when everything is written and locked; where a lock is one on the whole file, right before it.
    """
    module, name = (connector, "write") if ground.backend == "sqlite" else (writing, "read_back")
    real = getattr(module, name)
    done: list[bool] = []

    def then(*arguments: Any, **names: Any) -> Any:
        if not done:
            done.append(True)
            with open_office(ground.practice) as office:
                work(office)
        return real(*arguments, **names)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, name, then)
        yield
    assert done


def order_of(ground: Ground, number: str) -> Order:
    return next(
        each
        for each in ground.practice.story.side("purchase")
        if ground.practice.number(each) == number
    )


def test_a_receipt_that_waits(ground: Ground) -> None:
    """Goods come in and are not confirmed yet: the line does not move, and its order is not closed all the same."""
    numbers = ground.numbers(COUNT)
    before = ground.dump()
    approved = ground.approved(numbers)
    order = order_of(ground, numbers[2])
    with meanwhile(ground, lambda office: office.receive(order, confirmed=False)):
        ended = ground.run(approved)

    states = ground.states(ended)
    assert OperationState.CONFIRMED is not states.pop(numbers[2])
    assert {OperationState.CONFIRMED} == set(states.values())
    assert "PURTH" in ground.reasons(ended)[numbers[2]]
    assert ground.writes(before) == {number: {1} for number in states}


def test_an_invoice_before_a_rollback(ground: Ground) -> None:
    """A receipt is invoiced after a rollback has judged what came later: that order is judged again, and stays closed."""
    numbers = ground.numbers(COUNT)
    order = order_of(ground, numbers[2])
    with open_office(ground.practice) as office:
        office.receive(order, {order.lines[0].no: order.lines[0].quantity / 2})
    closed = ground.run(ground.approved(numbers))
    before = ground.dump()
    with meanwhile(ground, lambda office: office.invoice(order)):
        ended = ground.roll_back(closed)

    states = ground.states(ended)
    assert OperationState.CONFIRMED is not states.pop(numbers[2])
    assert {OperationState.CONFIRMED} == set(states.values())
    assert ground.writes(before) == {number: {1} for number in states}
