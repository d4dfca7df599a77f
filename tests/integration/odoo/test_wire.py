"""Proxies, gateways and broken lines between Storno and Odoo: everything ends settled, nothing is done twice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest

from connectors.contract import System
from core.errors import BadInput, TransientError
from recovery.journal import Journal
from recovery.states import ChangeSetState
from tests.contract.odoo_subject import OdooSubject
from tests.integration.odoo.desk import Desk
from tests.proxy import Spoiled

pytestmark = [pytest.mark.timeout(120)]

CLOSE: Final = "purchase_order.close"
_HTML: Final = {"Content-Type": "text/html; charset=utf-8"}
_PAGE: Final = b"<html><body><h1>Please log in first</h1></body></html>"
_LOGIN: Final = {"Location": "/web/login", **_HTML}

SPOILED: Final = {
    "cut after sending": Spoiled(is_passed=True),
    "killed, or over its time limit: rolled back": Spoiled(is_passed=False),
    "answer cut in half": Spoiled(is_passed=True, status=200, is_half=True),
    "a page with status 200, done": Spoiled(True, 200, _HTML, _PAGE),
    "a page with status 200, not done": Spoiled(False, 200, _HTML, _PAGE),
    "bad gateway, not done": Spoiled(False, 502, _HTML, _PAGE),
    "bad gateway, done": Spoiled(True, 502, _HTML, _PAGE),
    "gateway timeout, done": Spoiled(True, 504, _HTML, _PAGE),
    "to the log-in page, not done": Spoiled(False, 303, _LOGIN, b""),
}


@pytest.mark.parametrize("transport", ["json", "xml"])
@pytest.mark.parametrize("how", SPOILED.values(), ids=SPOILED.keys())
def test_lost_answer_to_a_write(
    odoo: OdooSubject, tmp_path: Path, how: Spoiled, transport: str
) -> None:
    """Read, found done or not: confirmed, or sent again and then confirmed. Odoo does each once."""
    with closing(odoo.open(transport=transport)) as system, _desk(system, tmp_path) as desk:
        keys = [int(odoo.make(CLOSE).ref.key) for _ in range(2)]
        planned = desk.plan(CLOSE, keys)
        before = _messages(odoo, keys)
        done_before, came_before = odoo.write_count(), odoo.proxy.arrived(is_write=True)
        odoo.proxy.spoil(how, is_write=True)
        try:
            done = desk.run(planned)
        except BadInput:
            # Who is sent elsewhere has the wrong address. When that is put right, the run goes on.
            done = desk.go_on(planned)
        assert done.state is ChangeSetState.APPLIED, done.note
        lost = odoo.proxy.arrived(is_write=True) - came_before - (odoo.write_count() - done_before)
        assert lost == (0 if how.is_passed else 1)
        # Each order got the one message that locking leaves.
        assert _messages(odoo, keys) == [count + 1 for count in before]
        assert desk.journal.verify().is_intact


@pytest.mark.parametrize("transport", ["json", "xml"])
@pytest.mark.parametrize("how", SPOILED.values(), ids=SPOILED.keys())
def test_lost_answer_to_a_read(odoo: OdooSubject, how: Spoiled, transport: str) -> None:
    """It is told as what may be asked again, or as a wrong address; asking again works."""
    with closing(odoo.open(transport=transport)) as system:
        step = odoo.make(CLOSE)
        (before,) = system.capture([step], [None])
        odoo.proxy.spoil(how, is_write=False)
        expected = BadInput if how.status == 303 else TransientError
        with pytest.raises(expected):
            system.capture([step], [None])
        assert [before] == system.capture([step], [None])


def _messages(odoo: OdooSubject, keys: list[int]) -> list[int]:
    rows = odoo.office.read("purchase.order", keys, "message_ids")
    return [len(row["message_ids"]) for row in rows]


@contextmanager
def _desk(system: System, folder: Path) -> Iterator[Desk]:
    # Nobody works on the request any more when the line is cut on loopback, so nobody needs to wait.
    system.actions()[CLOSE].settles_after = timedelta(milliseconds=100)  # type: ignore[misc]
    journal = Journal.open(f"sqlite:///{folder / 'journal.db'}")
    yield Desk(journal, system)
    journal.close()
