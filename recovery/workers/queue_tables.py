"""The tables of the queue's engine in PostgreSQL: made, brought up to date, and kept apart from the journal's own.

They stand in a schema of their own (`storno_queue`), so that what an engine does there can never touch a table of the
journal, and a backup may leave them out: everything in them can be made again from the journal. The SQL is the engine's;
`service.jobs` hands it over.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import structlog
from sqlalchemy import Connection, text
from sqlalchemy.exc import ProgrammingError

from core.errors import JournalNewer, NotAllowed
from core.events import Event
from core.text import N_, Text
from recovery.workers.queue import schema_of

if TYPE_CHECKING:
    from recovery.journal import Journal

log = structlog.get_logger(__name__)

TASK: Final = "storno.go_on"
_LOCK: Final = 7_305_804_385_173_521
"""Whoever makes the tables holds this advisory lock: several workers may start at the same moment."""

_DEFER: Final = """
CREATE OR REPLACE FUNCTION {schema}.storno_defer(
    _queue text, _change_set text, _priority integer, _at timestamptz
) RETURNS void LANGUAGE plpgsql SET search_path = {schema}, pg_catalog AS $$
BEGIN
    -- A job that waits for later, or behind others, makes room for one that does not.
    DELETE FROM procrastinate_jobs
    WHERE queueing_lock = _change_set AND status = 'todo'
        AND (priority < _priority OR scheduled_at IS DISTINCT FROM _at);
    PERFORM procrastinate_defer_jobs_v1(ARRAY[ROW(
        _queue, '{task}', _priority, NULL, _change_set,
        jsonb_build_object('change_set', _change_set), _at
    )::procrastinate_job_to_defer_v1]);
EXCEPTION WHEN unique_violation THEN
    NULL; -- one waits already
END $$
"""


def install(journal: Journal, schema_sql: str, migrations: Sequence[tuple[str, str]]) -> str:
    """Make the engine's tables, or bring them up to date, in one commit; return the name of their schema.

    `migrations` are (name, SQL) in their order; all of them are part of `schema_sql`. Raises `NotAllowed` saying what
    the owner of the database must type where this user may not, `JournalNewer` where a newer Storno made them.
    """
    with journal.writing() as writer:
        connection = writer.connection
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        schema = schema_of(connection)
        quoted = f'"{schema}"'
        if not _has_schema(connection, schema):
            _make_schema(connection, quoted)
        path = connection.execute(text("SHOW search_path")).scalar()
        connection.execute(
            text("SELECT set_config('search_path', :path, true)"), {"path": f"{quoted}, pg_catalog"}
        )
        _bring_up(connection, journal.name, schema_sql, migrations)
        connection.execute(text("SELECT set_config('search_path', :path, true)"), {"path": path})
        _run(connection, _DEFER.format(schema=quoted, task=TASK))
    return schema


def waiting(journal: Journal, schema: str) -> dict[str, int]:
    """Return the change sets for which a job waits, with its priority."""
    with journal.reading() as connection:
        rows = connection.execute(
            text(
                f'SELECT queueing_lock, priority FROM "{schema}".procrastinate_jobs'  # noqa: S608 - our own name
                " WHERE status = 'todo' AND queueing_lock IS NOT NULL"
            )
        )
        return {str(row.queueing_lock): row.priority for row in rows}


def _has_schema(connection: Connection, schema: str) -> bool:
    query = text("SELECT 1 FROM pg_namespace WHERE nspname = :schema")
    return connection.execute(query, {"schema": schema}).first() is not None


def _make_schema(connection: Connection, quoted: str) -> None:
    try:
        with connection.begin_nested():
            connection.execute(text(f"CREATE SCHEMA {quoted}"))
    except ProgrammingError as error:
        user = connection.execute(text("SELECT current_user")).scalar()
        raise NotAllowed(
            reason=Text(
                N_(
                    "the user of the journal may not make a schema for the queue. Let the owner of the database"
                    " type: {command}"
                ),
                {"command": f'CREATE SCHEMA {quoted} AUTHORIZATION "{user}"'},
            )
        ) from error


def _bring_up(
    connection: Connection, journal: str, schema_sql: str, migrations: Sequence[tuple[str, str]]
) -> None:
    names = [name for name, _ in migrations]
    _run(
        connection,
        "CREATE TABLE IF NOT EXISTS storno_applied (name text PRIMARY KEY,"
        " applied_at timestamptz NOT NULL DEFAULT clock_timestamp())",
    )
    applied = set(connection.execute(text("SELECT name FROM storno_applied")).scalars())
    unknown = applied - set(names)
    if unknown:
        raise JournalNewer(journal=journal, revision=max(unknown))
    if not applied:
        _run(connection, schema_sql)
        missing = names
    else:
        missing = [name for name in names if name not in applied]
        for name, sql in migrations:
            if name in missing:
                _run(connection, sql)
    for name in missing:
        connection.execute(text("INSERT INTO storno_applied (name) VALUES (:name)"), {"name": name})
    if missing:
        log.info(Event.QUEUE_MIGRATED, journal=journal, revision=missing[-1])


def _run(connection: Connection, sql: str) -> None:
    """Run several statements as they are: no place in them is filled in."""
    driver: Any = connection.connection.dbapi_connection
    driver.execute(sql)
