"""Triggers that keep rows as they were written: what happened is never changed, never deleted, never replaced.

They stop a slip, an import, a script with good intentions. Whoever owns the database can drop them: that is what the
audit chain and its checkpoints are for, and `missing_guards` tells of it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final

from sqlalchemy import Connection, Table, UniqueConstraint, text

from recovery import schema
from recovery.sql import schema_storage

APPEND_ONLY: Final = (
    schema.audit_line,
    schema.move,
    schema.journal_move,
    schema.image,
    schema_storage.image_dictionary,
)
"""Tables whose rows are never changed; `image` rows may be deleted by retention, the others never."""

UNDELETABLE: Final = (
    schema.audit_line,
    schema.audit_head,
    schema.move,
    schema.journal_move,
    schema.change_set,
    schema.operation,
    schema.plan_exception,
    schema.freeze,
)
"""Tables whose rows are never deleted."""


def guard_statements(dialect: str, present: Collection[str] | None = None) -> list[str]:
    """Return the DDL of the guards. Every migration runs it again: batch mode drops triggers.

    `present` are the tables that this revision has; without it, all of them.
    """
    statements: list[str] = []
    if dialect == "sqlite":
        for name, table, definition in _of_sqlite():
            if present is None or table in present:
                statements += [f"DROP TRIGGER IF EXISTS {name}", definition]
        return statements
    for name, table, verb, body in _of_postgresql():
        if present is None or table in present:
            statements += [
                f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $${body}$$",
                f'DROP TRIGGER IF EXISTS {name} ON "{table}"',
                (
                    f'CREATE TRIGGER {name} BEFORE {verb} ON "{table}"'
                    f" FOR EACH STATEMENT EXECUTE FUNCTION {name}()"
                ),
            ]
    return statements


def missing_guards(connection: Connection) -> list[str]:
    """Return the guards that are not there, or are there by name only (a repair, an import, or somebody)."""
    if connection.dialect.name == "sqlite":
        found = connection.execute(
            text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
        )
        known = {row.name: row.sql for row in found}
        return sorted(name for name, _, definition in _of_sqlite() if known.get(name) != definition)
    there = {tuple(row) for row in connection.execute(text(_THERE))}
    return sorted(
        name
        for name, table, verb, body in _of_postgresql()
        if (name, table, _TYPES[verb], body) not in there
    )


# --- SQLite -----------------------------------------------------------------------------------------


def _of_sqlite() -> Iterator[tuple[str, str, str]]:
    """Yield the name, the table and the definition of each guard."""
    for table in APPEND_ONLY:
        yield _refusing(table, "update", "BEFORE UPDATE", f"rows of {table.name} are never updated")
    for table in UNDELETABLE:
        yield _refusing(table, "delete", "BEFORE DELETE", f"rows of {table.name} are never deleted")
    # SQLite's REPLACE takes the row away that stands in its way, and no guard of DELETE or UPDATE is asked.
    for table in dict.fromkeys((*APPEND_ONLY, *UNDELETABLE)):
        yield _against_replacing(table)
    for table in UNDELETABLE:
        if table not in APPEND_ONLY:
            columns = sorted({each for key in _keys(table) for each in key})
            yield _refusing(
                table,
                "rekey",
                f"BEFORE UPDATE OF {', '.join((*columns, *_ROWIDS))}",
                f"keys of {table.name} are never changed",
            )


_ROWIDS: Final = ("rowid", "oid", "_rowid_")
"""What SQLite calls the number of a row that a table does not name; in lists of columns it takes them as they come."""


def _refusing(table: Table, name: str, when: str, message: str) -> tuple[str, str, str]:
    guard = f"guard_{table.name}_{name}"
    return (
        guard,
        table.name,
        f"CREATE TRIGGER {guard} {when} ON {table.name} BEGIN SELECT RAISE(ABORT, '{message}'); END",
    )


def _against_replacing(table: Table) -> tuple[str, str, str]:
    """Return a guard that looks the row up by its keys, as the insert itself does."""
    guard = f"guard_{table.name}_insert"
    same = [" AND ".join(f"{each} = NEW.{each}" for each in key) for key in _keys(table)]
    if table.dialect_options["sqlite"]["with_rowid"]:
        same.append("rowid = NEW.rowid")
    # An image that is there already is left alone: two change sets share it, and it is known by what is in it.
    refuse = (
        "RAISE(IGNORE)"
        if table is schema.image
        else f"RAISE(ABORT, 'rows of {table.name} are never replaced')"
    )
    looked_up = f"SELECT 1 FROM {table.name} WHERE {' OR '.join(same)}"  # noqa: S608 - names of our schema
    when = f"BEFORE INSERT ON {table.name} WHEN EXISTS ({looked_up})"
    return guard, table.name, f"CREATE TRIGGER {guard} {when} BEGIN SELECT {refuse}; END"


def _keys(table: Table) -> list[list[str]]:
    """Return the columns of the primary key, and of everything else that is unique."""
    unique = [each for each in table.constraints if isinstance(each, UniqueConstraint)]
    return [[column.name for column in each.columns] for each in (table.primary_key, *unique)]


# --- PostgreSQL ---------------------------------------------------------------------------------------


def _of_postgresql() -> Iterator[tuple[str, str, str, str]]:
    """Yield the name, the table, the verb and the body of each guard."""
    for verb, done, tables in (
        ("UPDATE", "updated", APPEND_ONLY),
        ("DELETE", "deleted", UNDELETABLE),
        ("TRUNCATE", "truncated", UNDELETABLE),  # it deletes without DELETE's triggers
    ):
        for table in tables:
            body = f" BEGIN RAISE EXCEPTION 'rows of {table.name} are never {done}'; END "
            yield f"guard_{table.name}_{verb.lower()}", table.name, verb, body


_THERE: Final = """
SELECT tgname, relname, tgtype, prosrc
FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid JOIN pg_proc ON pg_proc.oid = tgfoid
WHERE relnamespace = current_schema()::regnamespace
  AND tgenabled IN ('O', 'A') AND tgqual IS NULL AND cardinality(tgattr::int2[]) = 0
"""
"""Every trigger that is on, asks for no condition and is for every column."""

_TYPES: Final = {"UPDATE": 2 | 16, "DELETE": 2 | 8, "TRUNCATE": 2 | 32}
"""How PostgreSQL writes `BEFORE ... FOR EACH STATEMENT` (`pg_trigger.tgtype`)."""
