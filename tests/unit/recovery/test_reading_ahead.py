"""What is read ahead is taken by whom it was read for, and never goes on behind anybody's back."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest
import structlog

from connectors.contract import Image
from core.errors import TransientError
from recovery.model import Operation
from recovery.running.reading_ahead import ReadingAhead

IMAGES = [Image(()), Image(())]


def named(*names: str) -> list[Operation]:
    return [cast("Operation", SimpleNamespace(id=name)) for name in names]


class Slow:
    """A reading that lasts until it is let go."""

    def __init__(self, found: Callable[[], list[Image]] = lambda: IMAGES) -> None:
        self.begun, self.may_end = threading.Event(), threading.Event()
        self.has_ended = False
        self._found = found

    def __call__(self) -> list[Image]:
        self.begun.set()
        assert self.may_end.wait(10)
        self.has_ended = True
        return self._found()

    def let_go_soon(self) -> None:
        assert self.begun.wait(10)
        threading.Timer(0.05, self.may_end.set).start()


def fails() -> list[Image]:
    raise TransientError(system="erp", problem="busy")


def test_taken_by_whom_it_was_read_for() -> None:
    """Once: whoever asks again reads again."""
    with ReadingAhead() as ahead:
        ahead.start(named("a", "b"), lambda: IMAGES)

        assert IMAGES is ahead.take(named("a", "b"))
        assert ahead.take(named("a", "b")) is None


@pytest.mark.parametrize("names", [("a",), ("b", "a"), ("a", "b", "c"), ()])
def test_nothing_for_others(names: tuple[str, ...]) -> None:
    """Another batch came than was expected: its images are read when its turn has come, and nobody else is reading then."""
    slow = Slow()
    with ReadingAhead() as ahead:
        ahead.start(named("a", "b"), slow)
        slow.let_go_soon()

        assert ahead.take(named(*names)) is None
        assert slow.has_ended
        assert ahead.take(named("a", "b")) is None


def test_what_it_met_is_met_when_it_is_taken() -> None:
    """An error is raised where the images are wanted, and once."""
    with ReadingAhead() as ahead:
        ahead.start(named("a"), fails)
        with pytest.raises(TransientError):
            ahead.take(named("a"))

        assert ahead.take(named("a")) is None


@pytest.mark.parametrize("found", [lambda: IMAGES, fails])
def test_forgetting_waits_for_its_end(found: Callable[[], list[Image]]) -> None:
    """Whoever calls the system next is alone with it; an error that nobody wanted to know is no error."""
    slow = Slow(found)
    with ReadingAhead() as ahead:
        ahead.start(named("a"), slow)
        slow.let_go_soon()
        ahead.forget()

        assert slow.has_ended
        assert ahead.take(named("a")) is None


def test_one_at_a_time() -> None:
    """A new reading begins when the one before has ended."""
    first, order = Slow(), list[bool]()

    def second() -> list[Image]:
        order.append(first.has_ended)
        return IMAGES

    with ReadingAhead() as ahead:
        ahead.start(named("a"), first)
        first.let_go_soon()
        ahead.start(named("b"), second)
        ahead.take(named("b"))

    assert [True] == order


def test_leaving_waits_too() -> None:
    """When a run ends, whyever, nothing of it goes on."""
    slow = Slow()

    def interrupted() -> None:
        with ReadingAhead() as ahead:
            ahead.start(named("a"), slow)
            slow.let_go_soon()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()

    assert slow.has_ended


def test_lines_of_the_log_name_the_change_set() -> None:
    """What is bound to the caller's log is bound in the thread too."""
    seen: list[dict[str, Any]] = []

    def look() -> list[Image]:
        seen.append(structlog.contextvars.get_contextvars())
        return IMAGES

    with structlog.contextvars.bound_contextvars(change_set="01J"), ReadingAhead() as ahead:
        ahead.start(named("a"), look)
        ahead.take(named("a"))

    assert [{"change_set": "01J"}] == seen
