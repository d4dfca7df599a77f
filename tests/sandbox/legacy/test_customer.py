"""A customer's triggers do what they say, on every backend."""

from __future__ import annotations

import pytest

from sandbox.legacy.build import Practice
from sandbox.legacy.customer import add_trigger
from sandbox.legacy.dump import dump
from sandbox.legacy.office import open_office


def test_a_trigger_that_logs(practice: Practice) -> None:
    """Every closed line leaves a row."""
    add_trigger(practice, "logs")
    order = practice.story.odd("plain")
    with open_office(practice) as office:
        office.close(order)

    assert len(order.lines) == len(_log(practice))


def _log(practice: Practice) -> list[tuple[object, ...]]:
    session = practice.connect()
    try:
        return session.rows('select * from "zz_log"')
    finally:
        session.close()


def test_a_trigger_that_undoes(books: Practice) -> None:
    """The close is said to be done, and nothing is closed."""
    add_trigger(books, "undoes")
    order = books.story.odd("plain")
    with open_office(books) as office:
        office.close(order)

        assert not any(held.closed for held in office.lines(order).values())


def test_a_trigger_that_refuses(books: Practice) -> None:
    """The close fails, and nothing of it stays."""
    add_trigger(books, "refuses")
    before = dump(books)
    with (
        open_office(books) as office,
        pytest.raises(Exception, match="does not want this"),
    ):
        office.close(books.story.odd("plain"))

    assert before == dump(books)
