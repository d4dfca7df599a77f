"""Real servers over their real ODBC drivers: a throw-away PostgreSQL, a throw-away MariaDB, files of SQLite."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from config.systems import OdbcLimits, OdbcOptions
from connectors.odbc.connection import Database
from sandbox import mariadb, postgres
from tests.integration.odbc.ground import Ground, grounds, place_of

GROUP = "odbc"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests of a file on one worker: few servers are started, and no worker has all of them."""
    for item in items:
        if "integration/odbc" in item.path.as_posix():
            item.add_marker(pytest.mark.xdist_group(f"{GROUP} {item.path.stem}"))
            item.add_marker(pytest.mark.odbc)


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[mariadb.Server]:
    with mariadb.start_server() as server:
        yield server


Options = Callable[..., OdbcOptions]

LIMITS = OdbcLimits(connect=5.0, lock=1.0, statement=20.0)


@pytest.fixture
def mariadb_options(mariadb_server: mariadb.Server) -> Options:
    mariadb_server.run("drop database if exists storno; create database storno")

    def options(**changes: Any) -> OdbcOptions:
        return OdbcOptions(
            **{
                "driver": "MariaDB Unicode",
                "server": "127.0.0.1",
                "port": mariadb_server.port,
                "database": "storno",
                "user": mariadb.USER,
                "password": mariadb.PASSWORD,
                "timeout_seconds": LIMITS,
                **changes,
            }
        )

    return options


@pytest.fixture
def postgresql_options(postgres_cluster: postgres.Cluster) -> Options:
    def options(**changes: Any) -> OdbcOptions:
        return OdbcOptions(
            **{
                "driver": "PostgreSQL Unicode",
                "server": "127.0.0.1",
                "port": postgres_cluster.port,
                "database": "postgres",
                "user": postgres.USER,
                "timeout_seconds": LIMITS,
                **changes,
            }
        )

    with_schema = Database("setting up", options())
    with with_schema.writing() as session:
        session.change("drop schema if exists public cascade")
        session.change("create schema public")
        session.commit()
    with_schema.close()
    return options


@pytest.fixture
def sqlite_options(tmp_path: Path) -> Options:
    path = tmp_path / "legacy.db"
    path.touch()

    def options(**changes: Any) -> OdbcOptions:
        return OdbcOptions(
            **{
                "driver": "SQLite3",
                "database": str(path),
                "timeout_seconds": LIMITS,
                **changes,
            }
        )

    return options


@pytest.fixture(params=["postgresql", "mariadb", "sqlite"])
def options(request: pytest.FixtureRequest) -> Options:
    """The options of one real database, empty; arguments change single ones."""
    found: Options = request.getfixturevalue(f"{request.param}_options")
    return found


@pytest.fixture
def opened(options: Options) -> Iterator[Callable[..., Database]]:
    """Open databases with changed options; all are closed afterwards."""
    made: list[Database] = []

    def opening(**changes: Any) -> Database:
        made.append(Database("erp", options(**changes)))
        return made[-1]

    yield opening
    for database in made:
        database.close()


@pytest.fixture
def database(opened: Callable[..., Database]) -> Database:
    return opened()


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def ground(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ground]:
    """A practice ERP with a journal, for faults in the middle of a run; on each database in turn."""
    with grounds(tmp_path, lambda: place_of(request, request.param, tmp_path)) as made:
        yield made
