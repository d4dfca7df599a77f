"""A served practice Odoo for one test, somebody who calls it, and somebody at a desk in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox.odoo.database import Snapshot
from sandbox.odoo.instance import Odoo
from sandbox.odoo.server import OdooServer
from tests.sandbox.odoo.caller import Caller
from tests.sandbox.odoo.desk import Desk
from tests.sandbox.odoo.recordings import VERSIONS


@pytest.fixture
def odoo() -> Odoo:
    """A fresh practice Odoo 18."""
    return Odoo(18)


@pytest.fixture
def server(odoo: Odoo) -> Iterator[OdooServer]:
    """The same, served."""
    with OdooServer(odoo) as running:
        yield running


@pytest.fixture
def admin(server: OdooServer) -> Caller:
    """The administrator."""
    return Caller(server.port, server.odoo.db.name, 2, "admin")


_MADE: dict[int, tuple[Odoo, Snapshot]] = {}


@pytest.fixture(params=VERSIONS)
def desk(request: pytest.FixtureRequest) -> Iterator[Desk]:
    """A desk in the practice Odoo of each version, as it was founded."""
    version = request.param
    if version not in _MADE:
        odoo = Odoo(version, seed=version)
        _MADE[version] = (odoo, odoo.db.snapshot())
    odoo, founded = _MADE[version]
    yield Desk(odoo)
    odoo.db.restore(founded)
