"""Gives the suite its kinds and actions, those of the subject that the test class names, and practice ERPs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sandbox.postgres import start_cluster
from sandbox.tryton import practice
from sandbox.tryton.colleague import Colleague
from tests.contract import odoo_subject, odoo_wire
from tests.contract.tryton_series import PostgresSubject, StrictSubject
from tests.contract.tryton_subject import TrytonSubject, rpc_naming
from tests.live_odoo import STORNO, WHY_SKIPPED, live_odoo
from tests.proxy import Proxy

# What the suite asserts is told as in a test of its own.
pytest.register_assert_rewrite(
    "tests.contract.journeys", "tests.contract.suite", "tests.contract.suite_reading"
)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    subject = getattr(metafunc.cls, "SUBJECT", None)
    if subject is None:
        return
    if "kind" in metafunc.fixturenames:
        metafunc.parametrize("kind", subject.KINDS, ids=str)
    if "action" in metafunc.fixturenames:
        metafunc.parametrize("action", subject.ACTIONS)


@contextmanager
def practice_erp(
    kind: type[TrytonSubject], ready: practice.Ready, folder: Path
) -> Iterator[TrytonSubject]:
    """Serve a copy of the practice company, with a proxy before it and a colleague who works there."""
    with (
        practice.start(ready, folder) as erp,
        Proxy(erp.url, rpc_naming) as proxy,
        Colleague(erp.url, erp.database) as colleague,
    ):
        yield kind(erp, proxy, colleague)


@pytest.fixture(scope="session")
def tryton_on_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrytonSubject]:
    """Tryton 8.0 on SQLite; the practice company is made on first use and kept in the cache."""
    folder = tmp_path_factory.mktemp("tryton")
    with practice_erp(TrytonSubject, practice.prepare(), folder) as subject:
        yield subject


@pytest.fixture(scope="session")
def tryton_on_postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrytonSubject]:
    """Tryton 8.0 on a PostgreSQL server of our own."""
    with start_cluster() as cluster:
        ready = practice.prepare(backend="postgresql", size="test", dsn=cluster.dsn)
        folder = tmp_path_factory.mktemp("tryton-postgres")
        with practice_erp(PostgresSubject, ready, folder) as subject:
            yield subject


@pytest.fixture(scope="session")
def strict_tryton(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrytonSubject]:
    """Tryton 8.2 on SQLite, which refuses to write what its screens show as read-only."""
    folder = tmp_path_factory.mktemp("tryton-strict")
    with practice_erp(StrictSubject, practice.prepare(series="8.2"), folder) as subject:
        yield subject


@pytest.fixture(scope="session")
def real_odoo() -> Iterator[odoo_subject.OdooSubject]:
    """The real Odoo that the environment names; without one the tests that need it are skipped."""
    live = live_odoo()
    if live is None:
        pytest.skip(WHY_SKIPPED)
    office = live.office(at_once=odoo_subject.OdooSubject.AT_ONCE)
    server = odoo_subject.Server(live.url, live.database, STORNO, STORNO)
    with Proxy(live.url, odoo_wire.rpc_naming) as proxy:
        yield odoo_subject.OdooSubject(server, proxy, office, live.witness(office))
