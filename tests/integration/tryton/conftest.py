"""The practice Tryton for these tests: made once and cached, served from a fresh copy a test module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox.postgres import Cluster
from sandbox.tryton import practice
from tests.integration.tryton.company import Company


@pytest.fixture(scope="session")
def ready() -> practice.Ready:
    return practice.prepare()


@pytest.fixture(scope="module")
def company(ready: practice.Ready, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    """A Tryton 8.0 on SQLite with the practice company."""
    with practice.start(ready, tmp_path_factory.mktemp("tryton")) as running:
        yield from _opened(running)


@pytest.fixture(scope="module")
def strict_company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    """A Tryton 8.2, which enforces read-only fields."""
    ready = practice.prepare(series="8.2")
    with practice.start(ready, tmp_path_factory.mktemp("tryton")) as running:
        yield from _opened(running)


@pytest.fixture(scope="module")
def postgres_company(
    postgres_cluster: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Company]:
    """A Tryton 8.0 on PostgreSQL."""
    ready = practice.prepare(backend="postgresql", size="test", dsn=postgres_cluster.dsn)
    with practice.start(ready, tmp_path_factory.mktemp("tryton")) as running:
        yield from _opened(running)


def _opened(running: practice.Running) -> Iterator[Company]:
    company = Company(running)
    yield company
    company.system.close()
