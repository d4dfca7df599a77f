from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final

import pytest

from sandbox import mariadb, postgres
from sandbox.legacy.build import ERPS, Practice, build
from sandbox.legacy.databases import Server


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    with postgres.start_cluster() as running:
        yield Server.parse(running.dsn)


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[Server]:
    with mariadb.start_server() as running:
        yield Server(
            backend="mariadb",
            host="127.0.0.1",
            port=running.port,
            user=mariadb.USER,
            password=mariadb.PASSWORD,
        )


_MARKS: Final[dict[str, Collection[pytest.MarkDecorator]]] = {
    "sqlite": (),
    "postgresql": (pytest.mark.postgres,),
    "mariadb": (pytest.mark.odbc,),
}


def _cases(*backends: str, erps: tuple[str, ...] = tuple(ERPS)) -> list[object]:
    return [
        pytest.param((erp, backend), id=f"{erp}-{backend}", marks=_MARKS[backend])
        for backend in backends
        for erp in erps
    ]


_NAMES = {"postgresql": "postgres", "mariadb": "mariadb"}
ALL = _cases("sqlite", "postgresql", "mariadb")
FEW = _cases("sqlite") + _cases("postgresql", "mariadb", erps=("k3",))


def _made(request: pytest.FixtureRequest, tmp_path: Path) -> Practice:
    erp, backend = request.param
    if backend == "sqlite":
        return build(erp, tmp_path / f"{erp}.sqlite")
    return build(erp, request.getfixturevalue(f"{_NAMES[backend]}_server"))


@pytest.fixture(params=ALL)
def practice(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Practice]:
    """Each ERP's smallest database on each backend, fresh."""
    made = _made(request, tmp_path)
    yield made
    made.drop()


@pytest.fixture(params=FEW)
def books(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Practice]:
    """Each ERP on SQLite and one on each server, fresh: for what no backend changes."""
    made = _made(request, tmp_path)
    yield made
    made.drop()


@pytest.fixture(scope="module", params=ALL)
def still(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Practice]:
    """Each ERP's smallest database on each backend, for tests that change nothing."""
    made = _made(request, tmp_path_factory.mktemp("still"))
    yield made
    made.drop()
