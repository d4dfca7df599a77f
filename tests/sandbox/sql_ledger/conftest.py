from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox import postgres
from sandbox.sql_ledger import practice


@pytest.fixture(scope="session")
def cluster() -> Iterator[postgres.Cluster]:
    with postgres.start_cluster() as running:
        yield running


@pytest.fixture
def ledger(
    cluster: postgres.Cluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[practice.Running]:
    """SQL-Ledger with its 40 orders, fresh."""
    with practice.start(cluster, tmp_path_factory.mktemp("ledger") / "instance") as running:
        yield running
