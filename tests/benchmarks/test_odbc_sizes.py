"""The ODBC benchmarks run at all: tiny sizes, nothing is timed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from config.systems import OdbcOptions
from connectors.odbc.connection import Database
from sandbox import postgres
from sandbox.legacy.databases import Server
from tests.benchmarks.odbc import Bench
from tests.benchmarks.odbc_bulk import in_pairs, read
from tests.benchmarks.odbc_servers import Place, company, fill

pytestmark = [pytest.mark.odbc, pytest.mark.xdist_group("odbc")]


@pytest.fixture
def server() -> Iterator[Server]:
    with postgres.start_cluster() as cluster:
        yield Server.parse(cluster.dsn)


def test_three_ways_to_close(server: Server, tmp_path: Path) -> None:
    """All three close the same lines, and what they leave is open again for the next turn."""
    place = Place("postgresql", server, tmp_path)
    made = company(place, 60)
    bench = Bench(made, tmp_path, 20)

    turns = [bench.turn(number) for number in range(2)]

    assert bench.lines >= 20
    assert min(min(turn.storno, turn.script, turn.journal) for turn in turns) > 0
    assert 0 < made.count_open(bench.keys) <= bench.lines
    bench.close()


@pytest.mark.parametrize("way", ["storno", "arrow", "pyodbc", "storno/undated", "arrow/undated"])
def test_every_way_reads_every_row(way: str, tmp_path: Path) -> None:
    """The same rows, whoever reads them; memory and time are seen."""
    place = Place("sqlite", None, tmp_path)
    database = Database("bulk", OdbcOptions.model_validate(place.parts(fill(place, 300))))

    found = read(database, way, 250)

    database.close()
    assert found.rows == 250
    assert found.rate > 0
    assert found.peak_bytes > 0


def test_pairs(tmp_path: Path) -> None:
    """The pair that warms everything does not count."""
    place = Place("sqlite", None, tmp_path)
    database = Database("bulk", OdbcOptions.model_validate(place.parts(fill(place, 300))))

    assert len(in_pairs(database, ("storno", "arrow"), 300, 2)) == 2
    database.close()
