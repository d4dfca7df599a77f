"""A journal on SQLite or PostgreSQL, a fake ERP in memory, and a clock that never makes a test wait."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from core import clock
from core.ids import new_id
from recovery.journal import Journal
from sandbox.postgres import Cluster
from tests.integration.recovery.scene import Scene, Time, make_scene, tell

BOTH = (
    "sqlite",
    pytest.param("postgresql", marks=[pytest.mark.postgres, pytest.mark.xdist_group("postgres")]),
)
MakeURL = Callable[[], str]


@pytest.fixture(autouse=True)
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    """Replace waiting: who sleeps finds that so much time has passed."""
    time = Time()
    monkeypatch.setattr(clock, "sleep", time.sleep)
    monkeypatch.setattr(clock, "monotonic", lambda: time.seconds)
    return time


# A new journal costs a third of a second (Alembic); a copy of one costs next to nothing.
@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an empty journal file to copy."""
    path = tmp_path_factory.mktemp("journal") / "template.db"
    Journal.open(f"sqlite:///{path}").close()
    return path


@pytest.fixture(scope="session")
def postgres_template(postgres_cluster: Cluster) -> str:
    """Return the name of a database with an empty journal to copy."""
    name = "journal_template"
    with closing(psycopg.connect(postgres_cluster.dsn, autocommit=True)) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    Journal.open(_address(postgres_cluster, name)).close()
    return name


def _address(cluster: Cluster, database: str) -> str:
    return cluster.dsn_of(database).replace("postgresql://", "postgresql+psycopg://", 1)


def _postgres_database(cluster: Cluster, template: str) -> Iterator[str]:
    name = f"journal_{new_id().replace('-', '')}"
    with closing(psycopg.connect(cluster.dsn, autocommit=True)) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())
        yield _address(cluster, name)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture(scope="session")
def sqlite_story(sqlite_template: Path) -> Path:
    """Return a journal file in which a whole story was told."""
    path = sqlite_template.with_name("story.db")
    shutil.copyfile(sqlite_template, path)
    with closing(Journal.open(f"sqlite:///{path}")) as journal:
        tell(make_scene(journal))
    return path


@pytest.fixture(scope="session")
def postgres_story(postgres_cluster: Cluster, postgres_template: str) -> str:
    """Return the name of a database in which a whole story was told."""
    name = "journal_story"
    with closing(psycopg.connect(postgres_cluster.dsn, autocommit=True)) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {postgres_template}".encode())
    with closing(Journal.open(_address(postgres_cluster, name))) as journal:
        tell(make_scene(journal))
    return name


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """Return the address of an empty journal in a file."""
    path = tmp_path / "journal.db"
    shutil.copyfile(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture
def postgres_journal_url(postgres_cluster: Cluster, postgres_template: str) -> Iterator[str]:
    """Return the address of an empty journal in PostgreSQL."""
    yield from _postgres_database(postgres_cluster, postgres_template)


@pytest.fixture(params=BOTH)
def journal_url(request: pytest.FixtureRequest) -> str:
    """Return the address of an empty journal, on each database in turn."""
    name = "sqlite_url" if request.param == "sqlite" else "postgres_journal_url"
    return str(request.getfixturevalue(name))


@pytest.fixture(params=BOTH)
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Return the address of a database without any table, on each database in turn."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
    else:
        yield from _postgres_database(request.getfixturevalue("postgres_cluster"), "template0")


@pytest.fixture(params=BOTH)
def told_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Return the address of a journal with a story in it, on each database in turn."""
    if request.param == "sqlite":
        path = tmp_path / "told.db"
        shutil.copyfile(request.getfixturevalue("sqlite_story"), path)
        yield f"sqlite:///{path}"
    else:
        yield from _postgres_database(
            request.getfixturevalue("postgres_cluster"), request.getfixturevalue("postgres_story")
        )


@pytest.fixture
def both(journal_url: str) -> Iterator[Scene]:
    """Open the journal on each database in turn, with an empty ERP."""
    with closing(Journal.open(journal_url)) as journal:
        yield make_scene(journal)


@pytest.fixture
def scene(sqlite_url: str) -> Iterator[Scene]:
    """Open the journal in a file, with an empty ERP."""
    with closing(Journal.open(sqlite_url)) as journal:
        yield make_scene(journal)
