"""A journal on SQLite or PostgreSQL, a fake ERP in memory, and a clock that never makes a test wait."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from core import clock
from core.ids import new_id
from recovery.journal import Journal
from sandbox.postgres import Cluster
from tests.integration.recovery.postgres_journal import WorkDatabase, address
from tests.integration.recovery.scene import Scene, Time, make_scene, tell

BOTH = (
    "sqlite",
    pytest.param("postgresql", marks=[pytest.mark.postgres, pytest.mark.xdist_group("postgres")]),
)


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
def work_database(postgres_cluster: Cluster) -> WorkDatabase:
    """Make the one database that holds a journal in PostgreSQL."""
    return WorkDatabase(postgres_cluster)


@pytest.fixture(scope="session")
def sqlite_story(sqlite_template: Path) -> Path:
    """Return a journal file in which a whole story was told."""
    path = sqlite_template.with_name("story.db")
    shutil.copyfile(sqlite_template, path)
    with closing(Journal.open(f"sqlite:///{path}")) as journal:
        tell_story(journal)
    return path


def tell_story(journal: Journal) -> None:
    """Fill a journal with everything that can be in one."""
    tell(make_scene(journal))


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """Return the address of an empty journal in a file."""
    path = tmp_path / "journal.db"
    shutil.copyfile(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture(params=BOTH)
def journal_url(request: pytest.FixtureRequest) -> str:
    """Return the address of an empty journal, on each database in turn."""
    if request.param == "sqlite":
        return str(request.getfixturevalue("sqlite_url"))
    database: WorkDatabase = request.getfixturevalue("work_database")
    return database.begin()


@pytest.fixture(params=BOTH)
def told_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the address of a journal with a story in it, on each database in turn."""
    if request.param == "sqlite":
        path = tmp_path / "told.db"
        shutil.copyfile(request.getfixturevalue("sqlite_story"), path)
        return f"sqlite:///{path}"
    database: WorkDatabase = request.getfixturevalue("work_database")
    return database.begin(tell_story)


@pytest.fixture(params=BOTH)
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Return the address of a database without any table, on each database in turn."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
        return
    cluster: Cluster = request.getfixturevalue("postgres_cluster")
    name = f"empty_{new_id().replace('-', '')}"
    with closing(psycopg.connect(cluster.dsn, autocommit=True)) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
        yield address(cluster, name)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


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
