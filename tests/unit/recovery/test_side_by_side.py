"""Calls side by side end before anybody goes on, and parts are even."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from recovery.running.side_by_side import cut, side_by_side

counts = st.integers(min_value=1, max_value=2000)


@given(counts, counts, st.integers(min_value=1, max_value=16))
def test_parts_are_even_and_whole(count: int, size: int, at_most: int) -> None:
    """Every thing is in one part, in order; no part is empty, and none is larger than another by more than one."""
    parts = cut(count, size=size, at_most=at_most)
    sizes = [len(range(count)[part]) for part in parts]

    assert list(range(count)) == [each for part in parts for each in range(count)[part]]
    assert len(parts) <= at_most
    assert min(sizes) >= 1
    assert max(sizes) - min(sizes) <= 1
    if count <= size * at_most:
        assert max(sizes) <= size


def test_results_come_in_order() -> None:
    """The first call may end last."""
    second_ended = threading.Event()

    def first() -> str:
        assert second_ended.wait(10)
        return "first"

    def second() -> str:
        second_ended.set()
        return "second"

    assert ["first", "second"] == side_by_side([first, second], 2)


def test_an_error_is_raised_when_all_have_ended() -> None:
    """Nothing goes on in the background after the caller was told."""
    failed, ended = threading.Event(), list[str]()

    def fails() -> None:
        failed.set()
        raise ValueError

    def works() -> None:
        assert failed.wait(10)
        ended.append("works")

    with pytest.raises(ValueError, match=r"^$"):
        side_by_side([fails, works], 2)

    assert ["works"] == ended


@pytest.mark.parametrize("at_most", [1, 2, 3])
def test_no_more_than_allowed(at_most: int) -> None:
    """So many calls are under way at a time, and no more."""
    lock, now, most = threading.Lock(), 0, 0
    full, too_many = threading.Event(), threading.Event()

    def call() -> None:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
            if now == at_most:
                full.set()
            elif now > at_most:
                too_many.set()
        assert full.wait(10)
        too_many.wait(0.05)  # Whoever else may come has the time to.
        with lock:
            now -= 1

    side_by_side([call] * (2 * at_most), at_most)

    assert at_most == most


def test_one_call_needs_no_thread() -> None:
    """What is not side by side runs where the caller is: an interrupt reaches it there."""
    calls: list[Callable[[], int]] = [threading.get_ident]

    assert [threading.get_ident()] == side_by_side(calls, 4)
    assert [threading.get_ident()] * 2 == side_by_side(calls * 2, 1)


def test_lines_of_the_log_name_the_change_set() -> None:
    """What is bound to the caller's log is bound in the threads too."""
    with structlog.contextvars.bound_contextvars(change_set="01J"):
        found = side_by_side([structlog.contextvars.get_contextvars] * 2, 2)

    assert [{"change_set": "01J"}] * 2 == found
