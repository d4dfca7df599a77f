"""Every Odoo on which these tests run: the stand-in always, a real one where the environment names it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from recovery.journal import Journal
from tests.contract.odoo_subject import OdooSubject, Server
from tests.contract.odoo_versions import PracticeSubject
from tests.contract.odoo_wire import rpc_naming
from tests.contract.practice_odoo import practice_odoo
from tests.integration.odoo.desk import Desk
from tests.live_odoo import STORNO, WHY_SKIPPED, live_odoo
from tests.proxy import Proxy


@pytest.fixture(scope="session")
def stand_in() -> Iterator[OdooSubject]:
    """The stand-in as version 18."""
    with practice_odoo(PracticeSubject, 18) as subject:
        yield subject


@pytest.fixture(scope="session")
def real_odoo() -> Iterator[OdooSubject]:
    """The real server with a proxy before it; without one the tests that need it are skipped."""
    live = live_odoo()
    if live is None:
        pytest.skip(WHY_SKIPPED)
    office = live.office(at_once=2)
    server = Server(live.url, live.database, STORNO, STORNO)
    with Proxy(live.url, rpc_naming) as proxy:
        yield OdooSubject(server, proxy, office, live.witness(office))


@pytest.fixture(
    scope="module", params=["stand_in", pytest.param("real_odoo", marks=pytest.mark.odoo_live)]
)
def odoo(request: pytest.FixtureRequest) -> OdooSubject:
    """Every Odoo, with a proxy before it."""
    found: OdooSubject = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def desk(odoo: OdooSubject, tmp_path: Path) -> Iterator[Desk]:
    """A desk with a connection of its own and an empty journal on a file."""
    with closing(odoo.open()) as system:
        journal = Journal.open(f"sqlite:///{tmp_path / 'journal.db'}")
        yield Desk(journal, system)
        journal.close()
