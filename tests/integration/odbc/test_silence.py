"""A network that falls silent holds nobody up for ever: each wait ends, with an error that says what is certain."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
import pytest

from config.systems import OdbcLimits
from connectors.odbc import connection, drivers, patience, reading
from connectors.odbc.connection import Database
from connectors.odbc.images import Images
from connectors.odbc.reading import batches
from connectors.odbc.session import Session
from connectors.odbc.statements import Statement
from connectors.odbc.writing import write
from core.errors import OutcomeUnknown, TransientError, Unreachable
from tests.integration.odbc.orders import closing, is_closed, stored
from tests.integration.odbc.silence import Way, way_to
from tests.integration.odbc.test_faults import on_a_server, orders

__all__ = ["orders"]  # a fixture

ONE_NUMBER = pa.schema([("number", pa.int64())])
LIMITS = OdbcLimits(connect=2.0, lock=1.0, statement=1.0)


@pytest.fixture
def way(options: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Way]:
    for module in (patience, connection):
        monkeypatch.setattr(module, "GRACE", 0.5)
    with way_to(options().port) as made:
        yield made


@pytest.fixture
def far(opened: Callable[..., Database], way: Way) -> Database:
    """The same database, over the way that may fall silent."""
    return opened(port=way.port, timeout_seconds=LIMITS)


@on_a_server
def test_a_question_that_is_never_answered(way: Way, far: Database) -> None:
    """It ends, and so does whoever tries to connect anew; when the network is back, so is everything."""
    with far.reading() as session:
        session.rows("select 1")
    way.is_silent = True

    with pytest.raises(Unreachable), far.reading() as session:
        session.rows("select 1")
    with pytest.raises(Unreachable), far.reading() as session:
        session.rows("select 1")

    way.is_silent = False
    with far.reading() as session:
        assert session.rows("select 1")[0][0] == 1


@on_a_server
def test_silence_before_the_commit(orders: Database, way: Way, far: Database) -> None:
    """No COMMIT was sent: certain that nothing happened."""
    before = stored(orders)
    write(far, closing(before))

    def fall_silent(session: Session, _: Images) -> None:
        way.is_silent = True
        session.rows("select 1")

    now = stored(orders)
    with pytest.raises(TransientError):
        write(far, closing(now), check=fall_silent)

    assert is_closed(stored(orders)) == {"y"}


@on_a_server
def test_silence_at_the_commit(orders: Database, way: Way, far: Database) -> None:
    """Nobody knows whether it arrived, and nobody can be asked: in doubt, never called done."""
    before = stored(orders)

    def fall_silent() -> None:
        way.is_silent = True

    with pytest.raises(OutcomeUnknown):
        write(far, closing(before), before_commit=fall_silent)


@on_a_server
def test_a_list_that_never_begins(way: Way, far: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bulk reading has a connection of its own, and the same patience."""

    def fall_silent(*values: Any, **named: Any) -> Any:
        way.is_silent = True
        return drivers.arrow_reader(*values, **named)

    monkeypatch.setattr(reading, "arrow_reader", fall_silent)
    with pytest.raises(Unreachable):
        list(batches(far, Statement("select 1 as number", ()), ONE_NUMBER))


@pytest.mark.parametrize("options", ["postgresql"], indirect=True)
def test_a_list_that_never_ends(way: Way, far: Database) -> None:
    """Where rows come while they are read, silence may begin among them."""
    many = Statement("select generate_series(1, 5000000) as number", ())
    found = batches(far, many, ONE_NUMBER, size=1000)
    assert next(found).num_rows
    way.is_silent = True

    with pytest.raises(Unreachable):
        list(found)
