"""Jobs of Procrastinate: made with the journal's row or not at all, one a change set, and nothing in them but its id."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text

from core.errors import JournalNewer
from recovery.journal import Journal
from recovery.model import ChangeSet
from recovery.workers import queue, queue_tables
from service import jobs
from tests.integration.workers.office import MEI, Office

pytestmark = [pytest.mark.postgres, pytest.mark.xdist_group("postgres")]

LATER = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.fixture
def journal(postgres_journal: str) -> Iterator[Journal]:
    """Open a journal whose queue is ready."""
    with closing(Journal.open(postgres_journal)) as journal:
        jobs.install(journal)
        yield journal


@pytest.fixture
def approved(shared_office: Office) -> ChangeSet:
    """Return a change set that may run."""
    return shared_office.approved(2)


def all_jobs(journal: Journal) -> list[Any]:
    """Return the jobs that wait."""
    with journal.reading() as connection:
        return list(
            connection.execute(
                text(
                    "SELECT queue_name, args, priority, scheduled_at FROM storno_queue.procrastinate_jobs"
                    " WHERE status = 'todo'"
                )
            )
        )


def test_it_says_only_which(journal: Journal, approved: ChangeSet) -> None:
    """No data, no secret: the id of a change set, and the systems by which workers choose."""
    queue.enqueue_now(journal, approved.id, MEI)

    assert [("erp", {"change_set": approved.id}, 0, None)] == all_jobs(journal)


def test_with_the_row_or_not_at_all(journal: Journal, approved: ChangeSet) -> None:
    """Whoever wants it dies before the commit: there is neither the journal's row nor a job."""
    with suppress(ZeroDivisionError), journal.writing() as writer:
        queue.enqueue(writer, approved.id, MEI)
        raise ZeroDivisionError

    assert [] == all_jobs(journal)
    with journal.reading() as connection:
        assert [] == queue.entries(connection)


def test_one_a_change_set(journal: Journal, approved: ChangeSet) -> None:
    """Asked for twice it waits once; what may go on now comes before what waits for later, and stays urgent."""
    queue.enqueue_now(journal, approved.id, MEI, not_before=LATER)
    assert [("erp", {"change_set": approved.id}, 0, LATER)] == all_jobs(journal)

    queue.enqueue_now(journal, approved.id, MEI)
    queue.enqueue_now(journal, approved.id, MEI)
    assert [("erp", {"change_set": approved.id}, 0, None)] == all_jobs(journal)

    with journal.writing() as writer:
        queue.defer(writer.connection, approved.id, {"erp"}, priority=queue.TOP)
    assert [("erp", {"change_set": approved.id}, queue.TOP, None)] == all_jobs(journal)


def test_without_its_tables(postgres_journal: str, approved: ChangeSet) -> None:
    """Where no worker ever ran the row alone is written: the first worker finds it."""
    with closing(Journal.open(postgres_journal)) as journal:
        queue.enqueue_now(journal, approved.id, MEI)
        jobs.install(journal)

        assert [] == all_jobs(journal)
        with journal.reading() as connection:
            assert [approved.id] == [each.change_set_id for each in queue.entries(connection)]


def test_installed_twice(journal: Journal, approved: ChangeSet) -> None:
    """It does no harm, and what waits goes on waiting."""
    queue.enqueue_now(journal, approved.id, MEI)
    jobs.install(journal)

    assert 1 == len(all_jobs(journal))


def test_brought_up_to_date(journal: Journal) -> None:
    """Only what is new of a newer engine is run, in its order, and once."""
    known = [("01.sql", "SELECT 1"), ("02.sql", "CREATE TABLE made_by_two (n int)")]
    with journal.writing() as writer:
        writer.connection.execute(
            text(
                "UPDATE storno_queue.storno_applied SET name = '01.sql'"
                " WHERE name = (SELECT max(name) FROM storno_queue.storno_applied)"
            )
        )
        writer.connection.execute(
            text("DELETE FROM storno_queue.storno_applied WHERE name <> '01.sql'")
        )
    for _ in range(2):
        queue_tables.install(journal, "THIS IS NO SQL", known)
    with journal.reading() as connection:
        applied = connection.execute(
            text("SELECT name FROM storno_queue.storno_applied ORDER BY 1")
        )
        assert ["01.sql", "02.sql"] == list(applied.scalars())
        assert (
            connection.execute(text("SELECT count(*) FROM storno_queue.made_by_two")).scalar() == 0
        )


def test_made_by_a_newer_one(journal: Journal) -> None:
    """It is left as it is."""
    with journal.writing() as writer:
        writer.connection.execute(text("INSERT INTO storno_queue.storno_applied VALUES ('99.sql')"))

    with pytest.raises(JournalNewer):
        jobs.install(journal)


def test_no_table_of_it_is_among_ours(journal: Journal) -> None:
    """The engine's tables stand in a schema of their own."""
    with journal.reading() as connection:
        found = connection.execute(
            text(
                "SELECT DISTINCT table_schema FROM information_schema.tables"
                " WHERE table_name LIKE 'procrastinate%'"
            )
        )
        assert ["storno_queue"] == list(found.scalars())
