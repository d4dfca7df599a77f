"""Writing into a real legacy ERP is proved on a copy of its database before anything is closed there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest
import yaml

from sandbox import postgres
from sandbox.sql_ledger import practice
from tests.integration.odbc.desk import SETTINGS, CommandLine, forget_everything

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(600)]

COPY: Final = "ledger_copy"
PROVED: Final = {
    f"{kind}.{verb}" for kind in ("purchase_order", "sales_order") for verb in ("close", "reopen")
}


def _sql(cluster: postgres.Cluster, *statements: str) -> None:
    with psycopg.connect(cluster.dsn, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


def _everything(cluster: postgres.Cluster, database: str) -> dict[str, list[Any]]:
    """Return every row of every table."""
    with psycopg.connect(cluster.dsn_of(database)) as connection:
        names = connection.execute(
            "select tablename from pg_tables where schemaname = 'public' order by 1"
        ).fetchall()
        return {
            name: connection.execute(f'select t::text from "{name}" t order by 1').fetchall()
            for (name,) in names
        }


@pytest.fixture
def ledger(
    postgres_cluster: postgres.Cluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[practice.Running]:
    with practice.start(postgres_cluster, tmp_path_factory.mktemp("ledger") / "it") as running:
        _sql(
            postgres_cluster,
            "select pg_terminate_backend(pid) from pg_stat_activity"
            f" where datname = '{practice.DATASET}'",
            f"drop database if exists {COPY}",
            f"create database {COPY} template {practice.DATASET}",
        )
        yield running
        _sql(postgres_cluster, f"drop database if exists {COPY} with (force)")


@pytest.fixture
def storno(
    ledger: practice.Running,
    postgres_cluster: postgres.Cluster,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[CommandLine]:
    del ledger
    common = {
        "kind": "odbc",
        "driver": "PostgreSQL Unicode",
        "server": "127.0.0.1",
        "port": postgres_cluster.port,
        "user": postgres.USER,
        "recipe": "sql_ledger",
    }
    systems = {
        "erp": {**common, "database": practice.DATASET},
        "erp_copy": {**common, "database": COPY},
    }
    written = yaml.safe_dump({**SETTINGS, "systems": systems}, sort_keys=False)
    (tmp_path / "storno.yaml").write_text(written, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    yield CommandLine(tmp_path, capsys)
    forget_everything()


def test_proved_on_a_copy_and_then_trusted(
    ledger: practice.Running, storno: CommandLine, postgres_cluster: postgres.Cluster
) -> None:
    """Without a proof a person closes; the proof leaves both databases as they were; then the pages show the close."""
    before = _everything(postgres_cluster, practice.DATASET)
    copied = _everything(postgres_cluster, COPY)
    planned = storno("close", "plan", "remainders", "--json").json

    assert {"by_person"} == {row["executor"] for row in planned["documents"] if row["is_ready"]}

    told = storno.done("systems", "prove", "erp", "--on", "erp_copy", "--yes", "--json").json
    shown = storno("systems", "check", "erp").out

    assert PROVED == {trial["action"] for trial in told["actions"]}
    assert [None] * len(PROVED) == [trial["problem"] for trial in told["actions"]]
    assert [[]] * len(PROVED) == [trial["beside"] for trial in told["actions"]]
    assert before == _everything(postgres_cluster, practice.DATASET)
    assert copied == _everything(postgres_cluster, COPY)
    assert "it holds" in shown

    number = storno.ready()[0]
    closed = storno.close([number])
    listed = ledger.listed("purchase_order", closed=True)
    storno.done("rollback", closed, "--reason", "only tried", "--yes")

    assert len(listed) == len(ledger.listed("purchase_order", closed=True)) + 1
    assert before == _everything(postgres_cluster, practice.DATASET)
