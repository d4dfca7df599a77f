"""What goes wrong right after the COMMIT has been answered: the batch is done, whatever becomes of the connection."""

from __future__ import annotations

from typing import Final

import pytest

from connectors.odbc.connection import Database
from connectors.odbc.session import Session
from connectors.odbc.writing import write
from core.errors import StornoError
from tests.integration.odbc.orders import COUNT, closing, is_closed, stored
from tests.integration.odbc.test_faults import kill, on_a_server, orders, other

__all__: Final = ["orders", "other"]  # fixtures


@on_a_server
def test_a_backend_killed_right_after_the_commit(
    orders: Database, other: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server said yes to the COMMIT: the batch counts as done, and nobody is told that nothing happened."""
    before = stored(orders)
    commit = Session.commit

    def commit_and_die(self: Session) -> None:
        commit(self)
        kill(other, self)

    with monkeypatch.context() as patched:
        patched.setattr(Session, "commit", commit_and_die)
        write(orders, closing(before))

    now = stored(orders)
    assert is_closed(now) == {"y"}
    assert {key: row.fields["flag"] for key, row in now.items()} == {
        str(number): number + 1 for number in range(COUNT)
    }


@on_a_server
def test_a_read_is_good_though_its_connection_ends(orders: Database, other: Database) -> None:
    """What was read before the connection broke was read; the next one finds a new connection."""
    with orders.reading() as session:
        ((found,),) = session.rows("select closed from orders where id = 1")
        kill(other, session)

    assert found == "N"
    assert is_closed(stored(orders)) == {"N"}


@on_a_server
def test_an_error_of_ones_own_stays_what_it_is(orders: Database) -> None:
    """Only the tidying up is silent: what the block itself raises is raised."""
    with pytest.raises(StornoError), orders.writing() as session:
        session.change("update nothing_of_that_name set closed = 'y'")
