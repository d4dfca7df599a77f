"""The line to an Odoo breaks while it is written to: each document ends settled, and is done once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import pytest

from core import clock
from core.retry import RetryPolicy
from recovery.approval import approve
from recovery.journal import Journal
from recovery.states import ChangeSetState, OperationState
from tests.contract.odoo_subject import OdooSubject
from tests.integration.odoo.desk import ANNA, Desk
from tests.spoilt_line import carried_out, mischief, spoilt
from tests.tcp_proxy import How, Mischief, TCPProxy, Way

pytestmark = pytest.mark.timeout(120)

RETRY: Final = RetryPolicy(deadline_seconds=2.0, first_wait_seconds=0.01)


@pytest.fixture
def line(stand_in: OdooSubject) -> Iterator[TCPProxy]:
    """A line to the stand-in, before the proxy that counts requests."""
    port = urlsplit(stand_in.proxy.url).port
    assert port is not None
    with closing(TCPProxy(port, seed=3)) as proxy:
        yield proxy


@pytest.fixture
def desk(
    stand_in: OdooSubject, line: TCPProxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Desk]:
    """A desk at the end of that line; the stand-in is never still at work, so nobody waits for it."""
    monkeypatch.setattr(clock, "sleep", lambda _: None)
    url = f"http://127.0.0.1:{line.port}"
    with (
        closing(stand_in.open(url=url, timeout_seconds={"read": 2.0, "write": 0.7})) as system,
        closing(Journal.open(f"sqlite:///{tmp_path / 'journal.db'}")) as journal,
    ):
        yield Desk(journal, system)


@spoilt
def test_orders_are_cancelled_once(
    stand_in: OdooSubject, line: TCPProxy, desk: Desk, how: How, way: Way, place: int
) -> None:
    """One method for two documents; what it tells in their history is told once."""
    keys = stand_in.office.purchases("purchase", 2)
    change_set = desk.plan("purchase_order.cancel", keys)
    approve(desk.journal, change_set.id, ANNA)
    before = messages(stand_in, keys)
    line.order(mischief(how, way, place, b"button_cancel"))
    done = carried_out(
        lambda: desk.go_on(change_set, retry=RETRY),
        lambda: desk.journal.change_set(change_set.id),
    )

    assert [how] == [each.how for each in line.met()]
    assert ChangeSetState.APPLIED is done.state
    assert {OperationState.CONFIRMED} == {op.state for op in desk.operations(change_set)}
    assert {"cancel"} == {
        row["state"] for row in stand_in.office.read("purchase.order", keys, "state")
    }
    assert len(keys) == messages(stand_in, keys) - before


@spoilt
def test_an_invoice_is_credited_once(
    stand_in: OdooSubject, line: TCPProxy, desk: Desk, how: How, way: Way, place: int
) -> None:
    """What creates a document creates one; what the network itself sends twice is told to a person."""
    (key,) = stand_in.office.invoices("out_invoice", "posted", 1)
    change_set = desk.plan("customer_invoice.credit", [key])
    approve(desk.journal, change_set.id, ANNA)
    line.order(mischief(how, way, place, b"refund_moves"))
    done = carried_out(
        lambda: desk.go_on(change_set, retry=RETRY),
        lambda: desk.journal.change_set(change_set.id),
    )
    notes = stand_in.office.call("account.move", "search", [["reversed_entry_id", "=", key]])

    assert [how] == [each.how for each in line.met()]
    if how is How.DUPLICATE:
        # Made twice by the ERP itself: nobody calls that done, or says that nothing happened.
        assert 2 == len(notes)
        assert OperationState.NEEDS_PERSON is desk.operations(change_set)[0].state
    else:
        assert 1 == len(notes)
        assert ChangeSetState.APPLIED is done.state


def test_what_was_made_twice_is_not_made_again(
    stand_in: OdooSubject, line: TCPProxy, desk: Desk
) -> None:
    """The request arrives twice and both answers are lost: reading finds two credit notes, and a person decides."""
    (key,) = stand_in.office.invoices("out_invoice", "posted", 1)
    change_set = desk.plan("customer_invoice.credit", [key])
    approve(desk.journal, change_set.id, ANNA)
    wanted = b"refund_moves"
    line.order(Mischief(How.DUPLICATE, when=wanted), Mischief(How.CUT, after_bytes=20, when=wanted))
    carried_out(
        lambda: desk.go_on(change_set, retry=RETRY),
        lambda: desk.journal.change_set(change_set.id),
    )
    notes = stand_in.office.call("account.move", "search", [["reversed_entry_id", "=", key]])

    assert 2 == len(line.met())
    assert 2 == len(notes)
    assert OperationState.NEEDS_PERSON is desk.operations(change_set)[0].state


def messages(subject: OdooSubject, keys: list[int]) -> int:
    """Return how many entries of their history tell of a change of state."""
    domain = [["model", "=", "purchase.order"], ["res_id", "in", keys]]
    return int(subject.office.call("mail.message", "search_count", domain))
