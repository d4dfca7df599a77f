"""Waiting that ends: for a call that never comes back, and not for one whose answer lies there."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from connectors.odbc import patience
from connectors.odbc.patience import AtOnce, Patience, Silence


def test_what_a_call_returns_and_raises() -> None:
    """As if it had been called here."""
    patiently = Patience(5)

    assert patiently(divmod, 7, 2) == (3, 1)
    with pytest.raises(ZeroDivisionError):
        patiently(divmod, 7, 0)
    assert AtOnce()(divmod, 7, 2) == (3, 1)


def test_a_call_that_does_not_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asked goes on; the last call is made when it does come back, and nobody waits for that."""
    monkeypatch.setattr(patience, "LAST_LOOK", 0)
    patiently, back, closed = Patience(0), threading.Event(), threading.Event()

    with pytest.raises(Silence):
        patiently(back.wait, 10)
    patiently.end(closed.set, is_waiting=False)

    assert not closed.is_set()
    back.set()
    assert closed.wait(10)


def test_an_answer_that_lies_there_is_taken() -> None:
    """A process that was stopped for longer than the limit takes the answer that came meanwhile."""
    assert Patience(0)(divmod, 7, 2) == (3, 1)


def test_the_last_call_is_waited_for() -> None:
    """A connection that was given up is gone when `end` returns."""
    done: list[int] = []
    Patience(5).end(lambda: done.append(1), is_waiting=True)

    assert [1] == done


def test_the_next_item_is_on_its_way_while_one_is_worked_with() -> None:
    """In order, and one ahead; what goes wrong comes where it belongs."""
    asked = threading.Event()

    def items() -> Iterator[int]:
        yield 1
        asked.set()
        yield 2
        raise ZeroDivisionError

    found = Patience(5).each(items())

    assert 1 == next(found)
    assert asked.wait(10)
    assert 2 == next(found)
    with pytest.raises(ZeroDivisionError):
        next(found)
    assert [1, 2] == list(AtOnce().each(iter([1, 2])))
