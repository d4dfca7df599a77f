"""What integration tests share: one throw-away PostgreSQL a test process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox.postgres import Cluster, start_cluster


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[Cluster]:
    """Start a PostgreSQL server of our own on loopback; it ends with the tests."""
    with start_cluster() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def postgres_url(postgres_cluster: Cluster) -> str:
    """Return the address of its database `postgres`, as SQLAlchemy wants it."""
    return postgres_cluster.dsn.replace("postgresql://", "postgresql+psycopg://", 1)
