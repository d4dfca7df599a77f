"""A shared journal on PostgreSQL or SQLite, and one ERP in a process of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from core.ids import new_id
from recovery.journal import Journal
from sandbox.postgres import Cluster
from tests.factories import ServedERP, served_erp
from tests.integration.workers.office import Office

BOTH = (
    "sqlite",
    pytest.param("postgresql", marks=[pytest.mark.postgres, pytest.mark.xdist_group("postgres")]),
)


@pytest.fixture(scope="session")
def shared_erp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedERP]:
    """Start an ERP."""
    with served_erp(tmp_path_factory.mktemp("erp")) as erp:
        yield erp


@pytest.fixture
def postgres_journal(postgres_cluster: Cluster) -> Iterator[str]:
    """Return the address of an empty journal in a database of its own."""
    name = f"shared_{new_id().replace('-', '')}"
    with closing(psycopg.connect(postgres_cluster.dsn, autocommit=True)) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
        dsn = postgres_cluster.dsn_of(name)
        url = dsn.replace("postgresql://", "postgresql+psycopg://", 1)
        Journal.open(url).close()
        yield url
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture(params=BOTH)
def journal_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the address of an empty journal, on each database in turn."""
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgres_journal"))
    url = f"sqlite:///{tmp_path / 'journal.db'}"
    Journal.open(url).close()
    return url


@pytest.fixture
def office(journal_url: str, shared_erp: ServedERP, tmp_path: Path) -> Iterator[Office]:
    """Open an office on each database in turn."""
    with closing(Office(journal_url, shared_erp, tmp_path)) as office:
        yield office
    shared_erp.erp.faults.clear()


@pytest.fixture
def shared_office(postgres_journal: str, shared_erp: ServedERP, tmp_path: Path) -> Iterator[Office]:
    """Open an office on PostgreSQL."""
    with closing(Office(postgres_journal, shared_erp, tmp_path)) as office:
        yield office
    shared_erp.erp.faults.clear()
