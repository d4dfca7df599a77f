"""The journal's PostgreSQL is killed and started anew in the middle of a run: nothing it had committed is lost."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Final

import psycopg
import pytest

from core.errors import JournalUnreachable
from recovery.journal import Journal
from recovery.states import ChangeSetState
from sandbox.postgres import Cluster, start_cluster
from service.problems import Exit, exit_code
from tests.chaos.shelf import Shelf
from tests.chaos.world import CANCEL, CLOSE, World, WorldSettings
from tests.integration.recovery.postgres_journal import WorkDatabase

pytestmark = [
    pytest.mark.chaos,
    pytest.mark.postgres,
    pytest.mark.timeout(300),
    pytest.mark.xdist_group("postgres"),
]

POINTS: Final = (
    "plan.before_commit",
    "start.after_commit",
    "apply.after_intent",
    "apply.after_fence",
    "apply.after_call",
    "apply.after_outcome",
    "finish.before_commit",
)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A server of our own, whose settings are those of a careless one."""
    with start_cluster() as running:
        yield running


@pytest.fixture(scope="module")
def journals(cluster: Cluster) -> WorkDatabase:
    """The database that holds one journal after the other."""
    return WorkDatabase(cluster)


@pytest.fixture
def world(journals: WorkDatabase) -> Iterator[World]:
    """A world whose journal is in PostgreSQL."""
    shelf = Shelf(journals.url, journals.begin)
    with closing(shelf), closing(World(shelf, WorldSettings(batch_size=2))) as made:
        made.add_documents(quotations=5, orders=1, invoices=0, sales=0)
        yield made


@pytest.mark.parametrize("point", POINTS)
def test_server_restarted_at(world: World, cluster: Cluster, point: str) -> None:
    """At once, as `pg_ctl restart -m immediate` does: the run ends with words or goes on; then all is done once."""
    left = [point]

    def restart(name: str) -> None:
        if left == [name]:
            left.clear()
            cluster.crash()
            cluster.start()

    world.watch = restart
    world.carry_out(CANCEL, world.documents(CANCEL))
    assert [] == left
    assert [] == world.problems()
    told = set(world.met)

    world.calm()
    world.carry_out(CLOSE, world.documents(CLOSE))
    for change_set in world.finished():
        world.roll_back(change_set.id)
    world.calm()
    assert [] == world.problems(is_calm=True)
    # Nothing but what says that the journal is away, or that somebody else may go on.
    assert told <= {JournalUnreachable.code, "STO-0111"}


def test_server_stays_away(world: World, cluster: Cluster) -> None:
    """Killed and gone: the error names the journal without its password and says what to do when it is back."""
    world.carry_out(CANCEL, world.documents(CANCEL))
    cluster.crash()
    try:
        with pytest.raises(JournalUnreachable) as caught:
            Journal.open(world.shelf.url.replace("storno@", "storno:geheim@"))
    finally:
        cluster.start()

    assert Exit.NOT_REACHED is exit_code(caught.value)
    assert "storno changes resume" in str(caught.value)
    assert "geheim" not in str(caught.value)
    world.roll_back(world.finished()[0].id)
    assert ChangeSetState.ROLLED_BACK is world.change_sets()[-1].state


def test_commits_outlive_a_careless_server(journals: WorkDatabase, cluster: Cluster) -> None:
    """A server that answers before its log is written: the journal's own sessions wait for it; stricter ones stay so."""
    journals.begin()
    with closing(psycopg.connect(cluster.dsn)) as connection:
        assert ("off",) == connection.execute("SHOW synchronous_commit").fetchone()
    with closing(Journal.open(journals.url)) as journal, journal.reading() as reader:
        assert "on" == reader.exec_driver_sql("SHOW synchronous_commit").scalar()
    strict = f"{journals.url}?options=-csynchronous_commit%3Dremote_apply"
    with closing(Journal.open(strict)) as journal, journal.reading() as reader:
        assert "remote_apply" == reader.exec_driver_sql("SHOW synchronous_commit").scalar()
