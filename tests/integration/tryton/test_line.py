"""The line to a Tryton breaks while it is written to: each document ends settled, and is done once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import pytest

from connectors.contract import Executor, Ref, System
from core import clock
from core.retry import RetryPolicy
from recovery.apply import RunOptions, run
from recovery.approval import approve
from recovery.journal import Journal
from recovery.model import Actor, Draft, PlannedOperation, Purpose
from recovery.plan import Chain, arrange
from recovery.states import ChangeSetState, OperationState
from sandbox.tryton.colleague import Colleague
from tests.integration.tryton.company import Company
from tests.spoilt_line import carried_out, mischief, spoilt
from tests.tcp_proxy import How, TCPProxy, Way

pytestmark = [pytest.mark.tryton, pytest.mark.timeout(300)]

MEI: Final = Actor("mei")
CANCEL: Final = "purchase_order.cancel"
RETRY: Final = RetryPolicy(deadline_seconds=4.0, first_wait_seconds=0.01)


@pytest.fixture
def line(company: Company) -> Iterator[TCPProxy]:
    """A line to the practice company."""
    port = urlsplit(company.running.url).port
    assert port is not None
    with closing(TCPProxy(port, seed=3)) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def colleague(company: Company) -> Iterator[Colleague]:
    """Somebody who looks past Storno and its line."""
    with Colleague(company.running.url, company.running.database) as found:
        yield found


@pytest.fixture
def system(company: Company, line: TCPProxy, monkeypatch: pytest.MonkeyPatch) -> Iterator[System]:
    """The company at the end of that line; it is never still at work, so nobody waits for it."""
    with closing(company.open(url=f"http://127.0.0.1:{line.port}")) as opened:
        opened.actions()
        monkeypatch.setattr(clock, "sleep", lambda _: None)
        yield opened


@spoilt
def test_an_order_is_cancelled_once(
    company: Company,
    colleague: Colleague,
    line: TCPProxy,
    system: System,
    tmp_path: Path,
    how: How,
    way: Way,
    place: int,
) -> None:
    """One press of the button in the ERP's own log of presses, and a cancelled order."""
    ref = next(
        ref
        for ref in company.refs("purchase.purchase")
        if _state(colleague, ref) in {"draft", "quotation"}
    )
    action = system.actions()[CANCEL]
    (step,) = action.steps(ref, {})
    (image,) = system.capture([step], [None])
    planned = PlannedOperation(
        system=system.name,
        kind=action.kind,
        number=None,
        step=step,
        executor=Executor.INTERFACE,
        reversibility=action.reversibility,
        approved=image,
    )
    with closing(Journal.open(f"sqlite:///{tmp_path / 'journal.db'}")) as journal:
        chains = arrange([Chain((planned,))])
        change_set = journal.plan(Draft(Purpose.CLOSING, "Old orders", MEI), list(chains))
        approve(journal, change_set.id, MEI)
        line.order(mischief(how, way, place, b"purchase.purchase.cancel"))
        done = carried_out(
            lambda: run(
                journal,
                lambda _: system,
                change_set.id,
                actor=MEI,
                options=RunOptions(retry=RETRY),
            ),
            lambda: journal.change_set(change_set.id),
        )
        (operation,) = journal.operations(change_set.id)

    assert [how] == [each.how for each in line.met()]
    assert ChangeSetState.APPLIED is done.state
    assert OperationState.CONFIRMED is operation.state
    assert "cancelled" == _state(colleague, ref)
    # What the network itself sends twice arrives twice; Tryton has nothing left to do then.
    assert _presses(colleague, ref) in ({1, 2} if how is How.DUPLICATE else {1})


def _state(colleague: Colleague, ref: Ref) -> str:
    (row,) = colleague.call(f"model.{ref.model}.read", [int(ref.key)], ["state"])
    return str(row["state"])


def _presses(colleague: Colleague, ref: Ref) -> int:
    """Return how often the order was cancelled, as the ERP's own log says."""
    where = [["resource", "=", str(ref)], ["event", "=", "button"], ["target", "=", "cancel"]]
    return len(colleague.call("model.ir.model.log.search", where, 0, None, None))
