"""The throw-away PostgreSQL server, and the practice ERP on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox import postgres
from sandbox.tryton import practice


@pytest.fixture(scope="module")
def cluster() -> Iterator[postgres.Cluster]:
    with postgres.start_cluster() as running:
        yield running


@pytest.mark.postgres
def test_a_cluster_leaves_nothing_behind() -> None:
    """Its folder is gone when it has stopped."""
    with postgres.start_cluster() as cluster:
        assert cluster.dsn_of("x") == f"postgresql://storno@127.0.0.1:{cluster.port}/x"
        assert (cluster.folder / "data").is_dir()

    assert not cluster.folder.exists()


@pytest.mark.postgres
@pytest.mark.tryton
@pytest.mark.timeout(900)
def test_the_practice_company_on_postgresql(cluster: postgres.Cluster, tmp_path: Path) -> None:
    """A copy of the template serves the same documents, and is dropped at the end."""
    ready = practice.prepare(backend="postgresql", size="test", dsn=cluster.dsn)
    with practice.start(ready, tmp_path) as erp:
        rows = practice.load(erp.dump(tmp_path / "dump.json"))["purchase_purchase"]
        listed = erp.documents(model="purchase.purchase")
        database = erp.database

    assert {int(key): row["state"] for key, row in rows.items()} == {
        one["id"]: one["state"] for one in listed
    }
    assert database not in practice.list_databases(ready)
